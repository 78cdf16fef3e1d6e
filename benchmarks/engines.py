#!/usr/bin/env python3
"""Pairs of reserve and settle in SQLite, Valkey and PostgreSQL, beside the same rows written by hand.

    benchmarks/engines.py [--seconds 2] [--rounds 3] [--engines SQLite Valkey PostgreSQL]

The floor takes turns with the ledger, on the same server: callers that wait for one thread, which writes the rows of
all of them in one transaction, a settlement beside the next reservation, with nothing looked at. Servers are started
from wheels.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import ledger as pairs
from tests.ledger.servers import Postgres, Valkey, quick_folder

from minimill.ledger import open_ledger

ENGINES = ("SQLite", "Valkey", "PostgreSQL")
AT_ONCE = (1, 100, 1_000)
ROUNDS = 3
FIGURES = ("pairs_s", "cpu_us", "p50_us", "p99_us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement, default: 2")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    options = parser.parse_args()
    for row in measured(options.engines, options.seconds, options.rounds):
        print(row, flush=True)


def measured(engines: Sequence[str], seconds: float, rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """One row for each engine and number of callers: pairs a second and latencies of the ledger and of its floor.

    Medians of the rounds; `share` is that of the rounds' own ratios, since the two sides of each were measured close
    together.
    """
    for engine in engines:
        with place(engine) as (url, by_hand):
            for at_once in AT_ONCE:
                found, floors = [], []
                for _ in range(rounds):
                    halves = [floor(by_hand, at_once, seconds / 2)]
                    found.append(pairs.run(open_ledger(url), at_once, 1, seconds, None))
                    halves.append(floor(by_hand, at_once, seconds / 2))
                    floors.append({name: sum(half[name] for half in halves) / 2 for name in ("pairs_s", "p50_us")})
                ratios = [one["pairs_s"] / hand["pairs_s"] for one, hand in zip(found, floors, strict=True)]
                yield {
                    "engine": engine,
                    "at_once": at_once,
                    **{name: median(one[name] for one in found) for name in FIGURES},
                    "floor_s": median(hand["pairs_s"] for hand in floors),
                    "floor_p50_us": median(hand["p50_us"] for hand in floors),
                    "share": median(ratios),
                    "shares": [round(ratio, 3) for ratio in ratios],
                }


ByHand = tuple[pairs.Write, ThreadPoolExecutor]
"""What writes rows by hand, and the thread it does that in."""


@contextlib.contextmanager
def place(engine: str) -> Iterator[tuple[str, ByHand]]:
    """A ledger with one budget and one record, and what writes the rows of some pairs by hand."""
    with contextlib.ExitStack() as stack:
        thread = stack.enter_context(ThreadPoolExecutor(1))
        if engine == "SQLite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=quick_folder(), prefix="minimill-"))
            path = Path(folder) / "books.db"
            asyncio.run(pairs.prepared(path))
            yield f"sqlite:///{path}", (stack.enter_context(pairs.hand(path, thread)), thread)
            return
        server = stack.enter_context(Valkey() if engine == "Valkey" else Postgres())
        url = f"{server.url}{'&' if '?' in server.url else '?'}ledger=pairs"
        asyncio.run(prepared(url))
        by_hand = valkey_by_hand if engine == "Valkey" else postgres_by_hand
        yield url, (stack.enter_context(by_hand(server.url)), thread)


async def prepared(url: str) -> None:
    """One budget, one account, one record."""
    ledger = open_ledger(url)
    await ledger.declare([replace(pairs.budget(), limit_nanos=10**15)])
    await pairs.pair(ledger, "user-0")
    await ledger.aclose()


def floor(by_hand: ByHand, at_once: int, seconds: float) -> dict[str, Any]:
    return asyncio.run(pairs.hand_run(*by_hand, at_once, seconds, None))


@contextlib.contextmanager
def postgres_by_hand(url: str) -> Iterator[pairs.Write]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SELECT set_config('search_path', nspname, false) FROM pg_namespace WHERE nspname LIKE '%pairs%'")
        row = db.execute(
            "SELECT provider, call_id, process, reserved_us, expires_us, started_us, meta, lines::text, record, "
            "currency, charged FROM attempts LIMIT 1"
        ).fetchone()
        assert row is not None
        yield lambda asked, closed: _postgres_pairs(db, asked, closed, row)


def _postgres_pairs(db: Any, asked: list[str], closed: list[str], row: tuple[Any, ...]) -> None:
    provider, _, process, now, expires, _, meta, lines, *told = row
    amount = pairs.AMOUNT
    cursor = db.cursor()
    with db.transaction():
        cursor.execute(
            "UPDATE accounts SET settled = settled + %s, held = held + %s",
            (amount // 2 * len(closed), amount * (len(asked) - len(closed))),
        )
        if closed:
            cursor.executemany(
                "UPDATE attempts SET state = 'settled', started_us = %s, lines = %s, record = %s, currency = %s, "
                "charged = %s WHERE id = %s",
                [(now, lines, *told, name) for name in closed],
            )
        if asked:
            cursor.executemany(
                "INSERT INTO attempts (id, state, provider, call_id, process, reserved_us, expires_us, started_us, "
                "meta, lines) VALUES (%s, 'open', %s, %s, %s, %s, %s, %s, %s, %s)",
                [(name, provider, name[:-2], process, now, expires, now, meta, lines) for name in asked],
            )
        cursor.executemany(
            "INSERT INTO entries (at_us, attempt, account, kind, held, settled, unpriced) "
            "VALUES (%s, %s, 1, %s, %s, %s, 0)",
            [(now, name, "settle", -amount, amount // 2) for name in closed]
            + [(now, name, "hold", amount, 0) for name in asked],
        )


@contextlib.contextmanager
def valkey_by_hand(url: str) -> Iterator[pairs.Write]:
    import redis

    client: Any = redis.Redis.from_url(url)
    with contextlib.closing(client):
        (name,) = client.scan_iter("*:attempt:*", count=1_000)
        start = name[: name.index(b":attempt:") + 1].decode()
        fields = client.hgetall(name)
        entry = client.lindex(f"{start}entries", 0)
        yield lambda asked, closed: _valkey_pairs(client, start, asked, closed, fields, entry)


_TOLD = (b"state", b"started", b"lines_text", b"record", b"currency")
"""What a settlement writes."""


def _valkey_pairs(
    client: Any, start: str, asked: list[str], closed: list[str], fields: dict[bytes, bytes], entry: bytes
) -> None:
    opened = {name: value for name, value in fields.items() if name not in (b"record", b"currency")}
    told = {name: fields[name] for name in _TOLD}
    with client.pipeline(transaction=True) as pipe:
        for name in closed:
            pipe.hset(f"{start}attempt:{name}", mapping=told)
        if closed:
            pipe.zrem(f"{start}floor-inflight", *closed)
            pipe.srem(f"{start}floor-process", *closed)
            pipe.srem(f"{start}floor-open", *closed)
            pipe.zadd(f"{start}floor-started", dict.fromkeys(closed, 1))
        for name in asked:
            pipe.hset(f"{start}attempt:{name}", mapping=opened)
        if asked:
            pipe.zadd(f"{start}floor-inflight", dict.fromkeys(asked, 1))
            pipe.sadd(f"{start}floor-process", *asked)
            pipe.sadd(f"{start}floor-open", *asked)
            pipe.zadd(f"{start}floor-calls", {f"{name[:-2]}\0{name}": 0 for name in asked})
        pipe.rpush(f"{start}floor-entries", *[entry] * (len(asked) + len(closed)))
        pipe.hset(f"{start}floor-account", mapping={"held": 1, "settled": 1})
        pipe.execute()


if __name__ == "__main__":
    main()
