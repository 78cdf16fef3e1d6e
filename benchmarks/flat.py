#!/usr/bin/env python3
"""Whether SQLite, Valkey and PostgreSQL slow down with many accounts or many records.

    benchmarks/flat.py [--engines SQLite Valkey PostgreSQL] [--most 1000000] [--rounds 3] [--seconds 2]

Pairs of reserve and settle by 100 callers at once, in ledgers with 1, 1,000 and 1,000,000 accounts of which each call
takes one at random, and with 1 and 1,000,000 records. They stand side by side in one server and take turns; a figure is
the median of the rounds. The accounts and records are copies of one that a call made, written by the server itself.
Servers are started from wheels; a million records take about 2 GB of memory (`/dev/shm`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import engines
import ledger as pairs
from tests.ledger.servers import Postgres, Valkey, quick_folder

from minimill.ledger import open_ledger

AT_ONCE = 100
CHUNK = 10_000
"""Copies that are made in one go."""
SOME, MOST = 1_000, 1_000_000
ROUNDS = 3
ACCOUNTS, RECORDS = "accounts", "records"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=engines.ENGINES, default=engines.ENGINES)
    parser.add_argument("--most", type=int, default=MOST, help=f"accounts and records, default: {MOST}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement, default: 2")
    options = parser.parse_args()
    for row in measured(options.engines, options.most, options.rounds, options.seconds):
        print(row, flush=True)


def measured(names: Sequence[str], most: int, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """One row for each engine and size: pairs a second, CPU of this process, latencies, by the median of the rounds."""
    sizes = [(ACCOUNTS, 1), (ACCOUNTS, min(SOME, most)), (ACCOUNTS, most), (RECORDS, 1), (RECORDS, most)]
    for engine in names:
        with filled(engine, sizes) as urls:
            found: dict[tuple[str, int], list[dict[str, Any]]] = {size: [] for size in sizes}
            for number in range(rounds):
                for at in range(len(sizes)):
                    what, many = size = sizes[(at + number) % len(sizes)]
                    accounts = many if what == ACCOUNTS else 1
                    found[size].append(pairs.run(open_ledger(urls[size]), AT_ONCE, accounts, seconds, None))
        for (what, many), runs in found.items():
            figures = {name: median(run[name] for run in runs) for name in engines.FIGURES}
            yield {"engine": engine, "what": what, "many": many, **figures}


@contextlib.contextmanager
def filled(engine: str, sizes: Sequence[tuple[str, int]]) -> Iterator[dict[tuple[str, int], str]]:
    """The URL of a ledger for each size."""
    with contextlib.ExitStack() as stack:
        urls = {}
        if engine == "SQLite":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=quick_folder(), prefix="minimill-")))
            for what, many in sizes:
                path = folder / f"{what}{many}.db"
                asyncio.run(pairs.prepared(path))
                with told(f"{engine}: {many:,} {what}"):
                    pairs.clone(path, many if what == ACCOUNTS else 1, many if what == RECORDS else 1)
                urls[what, many] = f"sqlite:///{path}"
        else:
            # Rewriting the append-only file would take half the machine at some time or other.
            server = stack.enter_context(
                Valkey("--auto-aof-rewrite-percentage", "0") if engine == "Valkey" else Postgres()
            )
            copy = copy_valkey if engine == "Valkey" else copy_postgres
            for what, many in sizes:
                name = f"{what}{many}"
                urls[what, many] = url = f"{server.url}{'&' if '?' in server.url else '?'}ledger={name}"
                asyncio.run(engines.prepared(url))
                with told(f"{engine}: {many:,} {what}") as so_far:
                    for first in range(1, many, CHUNK):
                        copy(server.url, name, what, first, min(first + CHUNK, many) - 1)
                        so_far(first / many)
                    if engine == "PostgreSQL":
                        rested(server.url)
        yield urls


@contextlib.contextmanager
def told(what: str) -> Iterator[Callable[[float], None]]:
    """Say how far it is, on standard error."""
    began = time.monotonic()
    shown = sys.stderr.isatty()

    def so_far(share: float) -> None:
        if shown:
            print(f"\r{what}: {share:4.0%}", end="", file=sys.stderr, flush=True)

    yield so_far
    print(f"{chr(13) if shown else ''}{what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


_PG_ACCOUNTS = """
INSERT INTO accounts (budget, key, window_id) SELECT budget, 'user-' || i, window_id
FROM generate_series(%(first)s::int, %(last)s::int) AS g(i), (SELECT * FROM accounts WHERE key = 'user-0') one
"""
_PG_RECORDS = """
INSERT INTO attempts (id, state, provider, call_id, process, reserved_us, expires_us, started_us, meta, lines, record,
  currency) SELECT 'copy-' || lpad(to_hex(i), 29, '0'), state, provider, 'copy-' || lpad(to_hex(i), 27, '0'), process,
  reserved_us + i, expires_us + i, started_us + i, meta, lines, record, currency
FROM generate_series(%(first)s::int, %(last)s::int) AS g(i), (SELECT * FROM attempts WHERE id NOT LIKE 'copy-%%') one
"""
_PG_ENTRIES = """
INSERT INTO entries (at_us, attempt, account, kind, held, settled, unpriced)
SELECT at_us + i, 'copy-' || lpad(to_hex(i), 29, '0'), account, kind, held, settled, unpriced
FROM generate_series(%(first)s::int, %(last)s::int) AS g(i), (SELECT * FROM entries ORDER BY seq LIMIT 2) one
"""


def copy_postgres(url: str, name: str, what: str, first: int, last: int) -> None:
    import psycopg
    from psycopg import sql

    with psycopg.connect(url) as db:
        db.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(name)))
        for text in (_PG_ACCOUNTS,) if what == ACCOUNTS else (_PG_RECORDS, _PG_ENTRIES):
            db.execute(text, {"first": first, "last": last})


_LUA_ACCOUNTS = """
local start, window = ARGV[1], "window:3:all:total"
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local key, number = "user-" .. i, string.format("%.0f", i + 1)
  redis.call("HSET", start .. "account:" .. number, "budget", "all", "key", key, "window", "total", "settled", "0",
    "held", "0", "kept", "0", "unpriced", "0")
  redis.call("HSET", start .. window, key, number)
  redis.call("HSET", start .. "ledger", "accounts", number)
end
"""
_LUA_RECORDS = """
local start = ARGV[1]
local one = redis.call("ZRANGE", start .. "started", 0, 0)[1]
local fields = redis.call("HGETALL", start .. "attempt:" .. one)
local began = redis.call("HGET", start .. "attempt:" .. one, "started")
local before, after = {}, {}
for i, entry in ipairs(redis.call("LRANGE", start .. "entries", 0, 1)) do
  local from, to = string.find(entry, one, 1, true)
  before[i], after[i] = string.sub(entry, 1, from - 1), string.sub(entry, to + 1)
end
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local id = string.format("copy-%029x", i)
  redis.call("HSET", start .. "attempt:" .. id, unpack(fields))
  redis.call("ZADD", start .. "started", string.format("%.0f", tonumber(began) + i), id)
  redis.call("ZADD", start .. "calls", 0, string.sub(id, 1, 32) .. "\\0" .. id)
  redis.call("RPUSH", start .. "entries", before[1] .. id .. after[1], before[2] .. id .. after[2])
end
"""


def copy_valkey(url: str, name: str, what: str, first: int, last: int) -> None:
    import redis

    with contextlib.closing(redis.Redis.from_url(url, socket_timeout=60)) as client:
        client.eval(_LUA_ACCOUNTS if what == ACCOUNTS else _LUA_RECORDS, 0, f"{{{name}}}:", first, last)


def rested(url: str) -> None:
    """What a server does on its own some time after so much was written is done before anything is measured."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
        db.execute("CHECKPOINT")


if __name__ == "__main__":
    main()
