"""Books in Redis or Valkey: shared by every process of every machine that reaches the server.

The rules run in the server (`_redis_rules.lua`). It needs the extra `redis`, and may import `_money`, `_errors` and its
neighbours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from minimill._errors import ConfigError, LedgerError
from minimill.ledger._budgets import PPM
from minimill.ledger._closing import log
from minimill.ledger._queued import CLOSE_WAIT_S
from minimill.ledger._server import Clock, RejectedError, Row, UnreachableError
from minimill.ledger._server_ledger import ServerLedger
from minimill.ledger._url import shown, take_name

T = TypeVar("T")

MOST = 2**53 - 1
"""Lua counts in doubles, which are exact up to this."""
VERSION = 1
"""Of the keys and what is in them."""
ANSWER_S = 20.0
"""How long an answer of the server is waited for."""
CONNECT_S = 10.0
HOPS = 5
"""How often a cluster may send us from one node to another."""
SOME = 1000
"""Keys that are read in one go."""

_PUT_BUDGETS = """
if redis.call("HGET", KEYS[1], "budgets_version") ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call("HSET", KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call("HINCRBY", KEYS[1], "budgets_version", 1)
return 1
"""
_BUDGETS = """return {redis.call("HGET", KEYS[1], "budgets_version"), redis.call("HVALS", KEYS[2])}"""
_SNAPSHOT = """
local accounts, attempts = {}, {}
for i = 1, tonumber(redis.call("HGET", KEYS[1], "accounts") or "0") do
  accounts[i] = redis.call("HGETALL", ARGV[1] .. "account:" .. string.format("%.0f", i))
end
for i, id in ipairs(redis.call("SMEMBERS", ARGV[1] .. "open")) do
  attempts[i] = {id, redis.call("HGETALL", ARGV[1] .. "attempt:" .. id)}
end
return {redis.call("LLEN", ARGV[1] .. "entries"), accounts, attempts}
"""
_OPEN = ("open", "kept", "doubted")
_STORE_SAYS = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "NOPERM", "MASTERDOWN", "CLUSTERDOWN", "BUSY")
"""What the server cannot do just now, whatever was asked."""


class RedisLedger(ServerLedger):
    """A ledger in Redis or Valkey, under keys that begin with `{NAME}:` (`?ledger=NAME`).

    Connections are the driver's affair: whatever its URLs can say about TLS, databases and passwords holds. The
    server must not evict keys, and forgets in a crash what its append-only file has not got yet.

    Args:
        url: `redis://user:password@host:port/database`, `rediss://…` with TLS.
        clock: Seconds since 1970, for windows and expiry; None: the server's clock.
        close_wait_s: How long closing waits for the server.

    Raises:
        ConfigError: the URL cannot be read.
    """

    def __init__(self, url: str, *, clock: Clock | None = None, close_wait_s: float = CLOSE_WAIT_S) -> None:
        super().__init__(_Redis(url), clock, close_wait_s)


class _MovedAwayError(UnreachableError):
    """Another node of the cluster has the ledger now. Nothing was done."""


class _Redis:
    """The ledger's server. See `Server`."""

    most = MOST

    def __init__(self, url: str) -> None:
        self._url, name = take_name(url)
        self.name = f"{shown(url)}?ledger={name}"
        self._start = f"{{{name}}}:"
        self._facts = f"{self._start}ledger"
        here = resources.files(__package__)
        parts = ("_redis_objects.lua", "_redis_rules.lua")
        self._script = "\n".join(here.joinpath(part).read_text("utf-8") for part in parts)
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._client: redis.Redis | None = None
        self._node: tuple[str, int] | None = None
        """The node of a cluster that has the ledger's slot; None: ask the one that the URL names."""
        self._warned = False
        try:
            self._new_client().close()
        except ValueError as error:
            raise ConfigError(f"ledger = {shown(url)!r}: {error}") from None

    def _new_client(self) -> redis.Redis:
        # A command that is sent again by the driver is not seen by us: we ask again ourselves.
        defaults: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": CONNECT_S}
        client = redis.Redis.from_url(
            self._url, **defaults, decode_responses=True, retry=Retry(NoBackoff(), 0), client_name="minimill"
        )
        if self._node is not None:
            host, port = self._node
            client.connection_pool.connection_kwargs |= {"host": host, "port": port}
        return client

    def open(self) -> None:
        """See `Server.open`."""
        if self._client is not None:
            return
        for _ in range(HOPS):
            self._client = self._new_client()
            try:
                self._call(self._prepare)
                return
            except _MovedAwayError:
                self.close()
            except BaseException:
                self.close()
                raise
        raise LedgerError(f"{self.name}: the nodes of the cluster send us from one to the other; nothing was sent")

    def _prepare(self, client: Any) -> None:
        client.hsetnx(self._facts, "budgets_version", 1)
        client.hsetnx(self._facts, "schema", VERSION)
        version = int(client.hget(self._facts, "schema"))
        if version > VERSION:
            raise LedgerError(
                f"{self.name} was written by a newer minimill (schema {version}, this one knows {VERSION}); "
                "update minimill; nothing was sent"
            )
        if not self._warned:
            self._warned = True
            with contextlib.suppress(redis.ResponseError):  # a server may keep this to itself
                for said in doubts({**client.info("memory"), **client.info("persistence")}):
                    log.warning("%s: %s", self.name, said)

    def close(self) -> None:
        """See `Server.close`."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    # -- writing ---------------------------------------------------------------------------------

    def book(self, process: str, now_us: int | None, operations: Sequence[str]) -> tuple[int, list[Any]]:
        """See `Server.book`."""
        # One list, not an argument for each: the driver sends and reads many small ones in many small steps.
        arguments = [self._start, process, "" if now_us is None else str(now_us), f"[{','.join(operations)}]"]

        def ask(client: Any) -> Any:
            try:
                return client.evalsha(self._sha, 1, self._facts, *arguments)
            except redis.exceptions.NoScriptError:
                return client.eval(self._script, 1, self._facts, *arguments)

        at, replies = self._call(ask)
        return int(at), json.loads(replies)

    def budgets(self) -> tuple[int, list[Row]]:
        """See `Server.budgets`."""
        keys = (self._facts, f"{self._start}budgets")
        version, found = self._call(lambda client: client.eval(_BUDGETS, 2, *keys))
        return int(version or 0), _budget_rows(found)

    def put_budgets(self, version: int, rows: Sequence[Row]) -> bool:
        """See `Server.put_budgets`."""
        keys = (self._facts, f"{self._start}budgets")
        fields = [text for row in rows for text in (row[1], _budget_text(row))]
        return bool(self._call(lambda client: client.eval(_PUT_BUDGETS, 2, *keys, str(version), *fields)))

    def mark(self, place: tuple[str, str, str, int], by: str) -> bool:
        """See `Server.mark`."""
        marks, field = f"{self._start}marks", json.dumps(place)

        def ask(client: Any) -> bool:
            client.hsetnx(marks, field, by)
            return bool(client.hget(marks, field) == by)  # what stands there never changes

        return self._call(ask)

    def _call(self, ask: Callable[[Any], T]) -> T:
        if self._client is None:
            raise UnreachableError(f"{self.name}: not connected; nothing was sent")
        try:
            return ask(self._client)
        except redis.RedisError as error:
            raise self._failed(error) from error

    def _failed(self, error: redis.RedisError) -> LedgerError:
        said = f"{self.name}: {error}; nothing was sent"
        if isinstance(error, redis.exceptions.MovedError):
            self._node = (error.host, error.port)
            return _MovedAwayError(said)
        if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
            self._node = None
            return UnreachableError(said)
        if "user_script" in str(error) and not any(word in str(error) for word in _STORE_SAYS):
            return RejectedError(said)
        return LedgerError(said)

    # -- reading ---------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[_Moment]:
        """See `Server.reading`."""
        client = self._new_client()
        try:
            yield _Moment(client, self._start)
        except redis.RedisError as error:
            raise self._failed(error) from error
        finally:
            client.close()


class _Moment:
    """The books. Only an audit sees them at one moment; everything else sees each account at one. See `Moment`."""

    def __init__(self, client: Any, start: str) -> None:
        self._client = client
        self._start = start
        self._entries = 0
        self._opened: list[Row] | None = None
        seconds, micros = client.time()
        self.now_us: int = seconds * 1_000_000 + micros

    def budgets(self) -> list[Row]:
        return _budget_rows(self._client.hvals(f"{self._start}budgets"))

    def accounts(self, budget: str, window_id: str) -> list[Row]:
        place = f"{len(budget.encode())}:{budget}:{window_id}"
        found = self._client.hscan_iter(f"{self._start}window:{place}", count=SOME)
        return self.accounts_of([int(number) for _, number in found])

    def accounts_of(self, numbers: Sequence[int]) -> list[Row]:
        found = self._hashes("account", [str(number) for number in numbers])
        return [_account_row(int(number), fields) for number, fields in found if fields]

    def all_accounts(self) -> list[Row]:
        self._entries, accounts, attempts = self._client.eval(_SNAPSHOT, 1, f"{self._start}ledger", self._start)
        self._opened = [_attempt_row(name, _paired(fields)) for name, fields in attempts]
        return [_account_row(number, _paired(fields)) for number, fields in enumerate(accounts, 1)]

    def open(self) -> list[Row]:
        if self._opened is not None:
            return self._opened
        found = self._hashes("attempt", sorted(self._client.sscan_iter(f"{self._start}open", count=SOME)))
        return [_attempt_row(name, fields) for name, fields in found if fields["state"] in _OPEN]

    def closed_between(self, low_us: int, high_us: int, last: int | None) -> list[Row]:
        most = {} if last is None else {"start": 0, "num": last}
        ids = self._client.zrevrangebyscore(f"{self._start}started", f"({high_us}", low_us, **most)
        return [_attempt_row(name, fields) for name, fields in self._hashes("attempt", ids)]

    def of_call(self, call_id: str) -> list[Row]:
        named = self._client.zrangebylex(f"{self._start}calls", f"[{call_id}\0", f"({call_id}\x01")
        found = self._hashes("attempt", [name.rpartition("\0")[2] for name in named])
        return [_attempt_row(name, fields) for name, fields in found]

    def sums(self) -> dict[int, tuple[int, int, int]]:
        sums: dict[int, tuple[int, int, int]] = {}
        for first in range(0, self._entries, SOME):
            last = min(first + SOME, self._entries) - 1
            for entry in self._client.lrange(f"{self._start}entries", first, last):
                _, _, number, _, *changes, _ = json.loads(entry)
                before = sums.get(int(number), (0, 0, 0))
                held, settled, unpriced = (a + int(b) for a, b in zip(before, changes, strict=True))
                sums[int(number)] = (held, settled, unpriced)
        return sums

    def _hashes(self, kind: str, names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        for first in range(0, len(names), SOME):
            some = names[first : first + SOME]
            with self._client.pipeline(transaction=False) as many:
                for name in some:
                    many.hgetall(f"{self._start}{kind}:{name}")
                yield from zip(some, many.execute(), strict=True)


def doubts(info: dict[str, Any]) -> list[str]:
    """Sentences about settings of a server that make its books less than durable. `info`: what INFO tells."""
    said = []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        said.append(
            f"maxmemory-policy is {policy}: when memory is short the server throws books away, "
            "and caps with them; set it to noeviction"
        )
    if str(info.get("aof_enabled", "1")) == "0":
        said.append(
            "appendonly is off: a crash or restart of the server forgets what was granted since its last snapshot; "
            "set appendonly yes"
        )
    return said


def _budget_text(row: Row) -> str:
    """What the script reads, and the whole row; numbers as text."""
    limit, hard, share = row[7], bool(row[8]), row[9]
    most = None if share >= PPM else str(limit * share // PPM)
    return json.dumps({"limit": str(limit), "hard": hard, "share": most, "row": json.dumps(row)})


def _budget_rows(texts: Iterable[str]) -> list[Row]:
    return [tuple(json.loads(json.loads(text)["row"])) for text in texts]


def _account_row(number: int, fields: dict[str, str]) -> Row:
    owed = {name[1:]: int(nanos) for name, nanos in fields.items() if name.startswith("@")}
    sums = [int(fields[name]) for name in ("settled", "held", "kept", "unpriced")]
    return (number, fields["budget"], fields["key"], fields["window"], *sums, json.dumps(owed))


def _attempt_row(name: str, fields: dict[str, str]) -> Row:
    times = (int(fields["reserved"]), int(fields["expires"]))
    return (name, fields["state"], *times, *map(fields.get, ("meta", "lines_text", "record", "charged")))


def _paired(fields: Sequence[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))

