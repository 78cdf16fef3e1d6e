"""Books in PostgreSQL: durable, and shared by every process of every machine that reaches the server.

The rules run in the server (`_postgres_rules.sql`). It needs the extra `postgres`, and may import `_money`, `_errors`
and its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.rows import tuple_row

from minimill._errors import LedgerError
from minimill._money import MAX_NANOS
from minimill.ledger._closing import log
from minimill.ledger._postgres_wait import PatientConnection
from minimill.ledger._queued import CLOSE_WAIT_S
from minimill.ledger._server import Clock, RejectedError, Row, UnreachableError
from minimill.ledger._server_ledger import ServerLedger
from minimill.ledger._url import shown, take_name

T = TypeVar("T")

_STEPS: tuple[tuple[str, ...], ...] = (("_postgres_objects.sql",), ("_postgres_marks.sql",), ())
"""The files of each step of the schema; its version is how many there were. One without files changed the rules."""
_RULES = ("_postgres_many.sql", "_postgres_rules.sql")
"""Functions that every step puts in place of their older selves."""
VERSION = len(_STEPS)
"""Of the schema."""
ANSWER_S = 20.0
"""How long an answer of the server is waited for; locks inside it are waited for half as long."""
TRIES = 20
"""How often a call is made again that the server gave up in favour of another."""

_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)
_POISON = (
    errors.DataError, errors.IntegrityError, errors.NotSupportedError,
    errors.NoDataFound, errors.TooManyRows, errors.CaseNotFound,
)  # fmt: skip
_ACCOUNTS = "SELECT id, budget, key, window_id, settled, held, kept, unpriced, owed::text FROM {s}.accounts"
_ATTEMPTS = "SELECT id, state, reserved_us, expires_us, meta, lines::text, record, charged FROM {s}.attempts"
_OPEN = "state IN ('open', 'kept', 'doubted')"
_BUDGETS = (
    "SELECT id, name, currency, kind, zone, scope, by_key, limit_nanos, hard, share_ppm, seen FROM {s}.budgets"
)
_PUT_BUDGET = """
INSERT INTO {s}.budgets (id, name, currency, kind, zone, scope, by_key, limit_nanos, hard, share_ppm, seen)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET
  limit_nanos = excluded.limit_nanos, hard = excluded.hard, share_ppm = excluded.share_ppm, seen = excluded.seen
"""
_MARK = """
INSERT INTO {s}.marks AS m (budget, key, window_id, level_ppm, by_whom) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (budget, window_id, key, level_ppm) DO UPDATE SET by_whom = m.by_whom RETURNING by_whom
"""
_SETTINGS = "SELECT current_setting('fsync'), current_setting('default_transaction_isolation')"
_META = """
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'meta'
"""
_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "minimill",
}
"""For what the URL does not say."""


class PostgresLedger(ServerLedger):
    """A ledger in a PostgreSQL database, in a schema of its own (`?ledger=NAME`, else `minimill`).

    Connections are the driver's affair: whatever its URLs can say about TLS, hosts and passwords holds. They keep no
    state between transactions, so that a pooler may stand in between.

    Args:
        url: `postgresql://user:password@host/database`.
        clock: Seconds since 1970, for windows and expiry; None: the server's clock.
        close_wait_s: How long closing waits for the server.

    Raises:
        ConfigError: the URL cannot be read.
    """

    def __init__(self, url: str, *, clock: Clock | None = None, close_wait_s: float = CLOSE_WAIT_S) -> None:
        super().__init__(_Postgres(url), clock, close_wait_s)


class _Postgres:
    """The ledger's server. See `Server`."""

    most = MAX_NANOS

    def __init__(self, url: str) -> None:
        rest, schema = take_name(url)
        self._given = _with_defaults(rest, url)
        self._schema = schema
        self.name = f"{shown(url)}?ledger={schema}"
        self._db: PatientConnection | None = None
        self._warned = False

    def _sql(self, text: str) -> Any:
        return sql.SQL(text.replace("{", "{{").replace("}", "}}").replace("{{s}}", "{s}")).format(
            s=sql.Identifier(self._schema)
        )

    def open(self) -> None:
        """See `Server.open`."""
        if self._db is not None and not self._db.closed:
            return
        self._db = self._connect()
        try:
            self._call(self._prepare)
        except BaseException:
            self.close()
            raise

    def _connect(self) -> PatientConnection:
        try:
            db = PatientConnection.connect(
                **self._given, autocommit=True, prepare_threshold=None, row_factory=tuple_row
            )
        except psycopg.Error as error:
            raise self._failed(error) from error
        db.answer_s = ANSWER_S
        return db

    def close(self) -> None:
        """See `Server.close`."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    # -- the schema ------------------------------------------------------------------------------

    def _prepare(self, db: PatientConnection) -> None:
        if self._version(db) < VERSION:
            with db.transaction():
                # Whoever comes first makes the tables; the others wait here, and find them made.
                db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"minimill {self._schema}"])
                self._migrate(db, self._version(db))
        fsync, isolation = db.execute(_SETTINGS).fetchall()[0]
        if isolation != "read committed":
            raise LedgerError(
                f"{self.name}: default_transaction_isolation is {isolation!r}, and a ledger needs 'read committed': "
                "ALTER ROLE … SET default_transaction_isolation = 'read committed'; nothing was sent"
            )
        if not self._warned and fsync == "off":
            self._warned = True
            log.warning("%s: fsync is off: a crash of the server can forget what was granted", self.name)

    def _version(self, db: PatientConnection) -> int:
        # Not to_regclass: in a transaction it may answer from what the session remembers of before.
        if not db.execute(_META, [self._schema]).fetchall():
            return 0
        rows = db.execute(self._sql("SELECT value FROM {s}.meta WHERE name = 'schema'")).fetchall()
        version = int(rows[0][0]) if rows else 0
        if version > VERSION:
            raise LedgerError(
                f"{self.name} was written by a newer minimill (schema {version}, this one knows {VERSION}); "
                "update minimill; nothing was sent"
            )
        if not rows:
            raise LedgerError(f"{self.name}: the schema {self._schema} belongs to another program; nothing was sent")
        return version

    def _migrate(self, db: PatientConnection, version: int) -> None:
        if version == VERSION:
            return
        db.execute(self._sql("CREATE SCHEMA IF NOT EXISTS {s}"))
        for part in (*(part for step in _STEPS[version:] for part in step), *_RULES):
            db.execute(self._sql(resources.files(__package__).joinpath(part).read_text("utf-8")))
        said = "INSERT INTO {s}.meta VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        db.execute(self._sql(said), [VERSION])

    # -- writing ---------------------------------------------------------------------------------

    def book(self, process: str, now_us: int | None, operations: Sequence[str]) -> tuple[int, list[Any]]:
        """See `Server.book`."""
        ask = self._sql("SELECT {s}.book(%s, %s::bigint, %s::jsonb)")
        values = [process, now_us, f"[{','.join(operations)}]"]
        found = self._call(lambda db: db.execute(ask, values).fetchall()[0][0])
        return int(found["now"]), found["replies"]

    def budgets(self) -> tuple[int, list[Row]]:
        """See `Server.budgets`."""
        ask = self._sql(f"SELECT value, b.* FROM {{s}}.meta m LEFT JOIN ({_BUDGETS}) b ON true WHERE m.name = %s")
        rows = self._call(lambda db: db.execute(ask, ["budgets_version"]).fetchall())
        return rows[0][0], [row[1:] for row in rows if row[1] is not None]

    def put_budgets(self, version: int, rows: Sequence[Row]) -> bool:
        """See `Server.put_budgets`."""

        def put(db: PatientConnection) -> bool:
            with db.transaction():
                step = "UPDATE {s}.meta SET value = value + 1 WHERE name = 'budgets_version' AND value = %s"
                if db.execute(self._sql(step), [version]).rowcount == 0:
                    return False
                for row in rows:
                    db.execute(self._sql(_PUT_BUDGET), [*row[:8], bool(row[8]), *row[9:]])
            return True

        return self._call(put)

    def mark(self, place: tuple[str, str, str, int], by: str) -> bool:
        """See `Server.mark`."""
        values = [*place, by]
        return bool(self._call(lambda db: db.execute(self._sql(_MARK), values).fetchall()[0][0] == by))

    def _call(self, ask: Callable[[PatientConnection], T]) -> T:
        if self._db is None:
            raise UnreachableError(f"{self.name}: not connected; nothing was sent")
        for turn in range(TRIES):
            try:
                return ask(self._db)
            except _AGAIN as error:
                if turn == TRIES - 1:
                    raise self._failed(error) from error
                time.sleep(0.002 * turn)
            except psycopg.Error as error:
                raise self._failed(error) from error
        raise AssertionError("the last try returns or raises")

    def _failed(self, error: psycopg.Error) -> LedgerError:
        why = error.diag.message_primary or str(error).strip() or type(error).__name__
        said = f"{self.name}: {why}; nothing was sent"
        if isinstance(error, _POISON):
            return RejectedError(said)
        if error.sqlstate is None or self._db is None or self._db.closed:
            return UnreachableError(said)
        return LedgerError(said)

    # -- reading ---------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[_Moment]:
        """See `Server.reading`."""
        db = self._connect()
        db.answer_s = None  # large books take long to read
        try:
            db.read_only = True
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with db.transaction():
                yield _Moment(db, self._sql)
        except psycopg.Error as error:
            raise self._failed(error) from error
        finally:
            db.close()


class _Moment:
    """One moment of the books. See `Moment`."""

    def __init__(self, db: PatientConnection, text: Callable[[str], Any]) -> None:
        self._db = db
        self._text = text
        self.now_us: int = self._rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")[0][0]

    def _rows(self, ask: str, *values: object) -> list[Row]:
        return self._db.execute(self._text(ask), values).fetchall()

    def budgets(self) -> list[Row]:
        return self._rows(_BUDGETS)

    def accounts(self, budget: str, window_id: str) -> list[Row]:
        return self._rows(f"{_ACCOUNTS} WHERE budget = %s AND window_id = %s", budget, window_id)

    def accounts_of(self, numbers: Sequence[int]) -> list[Row]:
        return self._rows(f"{_ACCOUNTS} WHERE id = ANY (%s)", list(numbers))

    def all_accounts(self) -> list[Row]:
        return self._rows(_ACCOUNTS)

    def open(self) -> list[Row]:
        return self._rows(f"{_ATTEMPTS} WHERE {_OPEN}")

    def closed_between(self, low_us: int, high_us: int, last: int | None) -> list[Row]:
        ask = f"{_ATTEMPTS} WHERE started_us >= %s AND started_us < %s AND NOT {_OPEN}"
        return self._rows(f'{ask} ORDER BY started_us DESC, id COLLATE "C" DESC LIMIT %s', low_us, high_us, last)

    def of_call(self, call_id: str) -> list[Row]:
        return self._rows(f"{_ATTEMPTS} WHERE call_id = %s", call_id)

    def sums(self) -> dict[int, tuple[int, int, int]]:
        ask = (
            "SELECT account, sum(held)::bigint, sum(settled)::bigint, sum(unpriced)::bigint "
            "FROM {s}.entries GROUP BY account"
        )
        return {account: (held, settled, unpriced) for account, held, settled, unpriced in self._rows(ask)}


def _with_defaults(url: str, given: str) -> dict[str, Any]:
    from psycopg.conninfo import conninfo_to_dict

    from minimill._errors import ConfigError

    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its message may show the password
        raise ConfigError(
            f"ledger = {shown(given)!r}: not a URL that PostgreSQL's clients know, such as "
            "postgresql://user:password@host/database"
        ) from None
    return {**_CONNECTION, **said}
