#!/usr/bin/env python3
"""What setting money aside and booking it costs: pairs of reserve and settle, in memory and in SQLite.

    benchmarks/ledger.py [--quick] [--rounds 3] [--json FILE]

At one to a thousand callers at once; with one to 100,000 accounts; with none to a million records in the books. The
floor beside it writes the same rows by hand, with nothing checked: callers wait for one thread, which commits for all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import itertools
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _bench import parse, rounds_of
from _load import quantile
from _machine import Stopwatch, pin
from _report import Goal, Results, number, print_goals, spread, table

from minimill.ledger import AttemptMeta, AttemptRecord, BudgetDefinition, Claim, Ledger, open_ledger
from minimill.ledger._sqlite_file import connect

MEMORY, SQLITE, FLOOR = "memory", "SQLite", "SQLite by hand"
LIMIT = 10**18
AMOUNT = 1_000
_ids = itertools.count()
Write = Callable[[list[str], list[str]], None]
"""Writes the rows of these reservations, and of those settlements, in one transaction."""


def main() -> None:
    parser = parse(__doc__, rounds=3, quick_rounds=3)
    parser.add_argument("--seconds", type=float, help="of one run, default: 2, with --quick 0.5")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 100, 1000], help="default: 1 100 1000")
    parser.add_argument("--accounts", type=int, nargs="+", help="default: 1 1000 100000, with --quick 1 10000")
    parser.add_argument("--records", type=int, nargs="+", help="default: 0 100000 1000000, with --quick 0 100000")
    parser.add_argument(
        "--memory-records", type=int, default=100_000, help="most in the memory of a process, default: 100000"
    )
    options = parser.parse_args()
    results = Results("ledger", {**vars(options), "json": None})
    core = pin(last=False)
    for _ in range(rounds_of(options)):
        one_round(results, options, core)
    results.write(options.json)
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    print_tables(results)
    print_goals(list(goals(results)))
    results.print_foot()


def one_round(results: Results, options: argparse.Namespace, core: int | None) -> None:
    seconds = options.seconds or (0.5 if options.quick else 2.0)
    for at_once in options.at_once:
        for kind in (MEMORY, SQLITE):
            with books(kind) as ledger:
                results.add(callers(at_once), kind, run(ledger, at_once, 1, seconds, core))
        results.add(callers(at_once), FLOOR, floor(at_once, seconds, core))
    for accounts in options.accounts or ([1, 10_000] if options.quick else [1, 1_000, 100_000]):
        for kind in (MEMORY, SQLITE):
            with books(kind, accounts=accounts) as ledger:
                results.add(f"{accounts:,} accounts", kind, run(ledger, 100, accounts, seconds, core))
    for records in options.records or ([0, 100_000] if options.quick else [0, 100_000, 1_000_000]):
        for kind in (MEMORY, SQLITE):
            if kind == SQLITE or records <= options.memory_records:
                with books(kind, records=records) as ledger:
                    results.add(f"{records:,} records", kind, run(ledger, 100, 1, seconds, core))


def callers(at_once: int) -> str:
    return f"{at_once:,} at once"


class books:
    """A ledger with so many accounts and records, gone when the block ends."""

    def __init__(self, kind: str, *, accounts: int = 1, records: int = 0) -> None:
        self._kind, self._accounts, self._records = kind, accounts, records

    def __enter__(self) -> Ledger:
        if self._kind == MEMORY:
            ledger = open_ledger("memory:")
            asyncio.run(filled(ledger, self._accounts, self._records))
            return ledger
        self._folder = tempfile.TemporaryDirectory(prefix="minimill-benchmark-")
        path = Path(self._folder.name) / "books.db"
        asyncio.run(prepared(path))
        clone(path, self._accounts, self._records)
        return open_ledger(f"sqlite:///{path}")

    def __exit__(self, *_: object) -> None:
        if self._kind == SQLITE:
            self._folder.cleanup()


def budget() -> BudgetDefinition:
    return BudgetDefinition("all", LIMIT, "USD", by="user", unconfirmed_share_ppm=1_000_000)


async def filled(ledger: Ledger, accounts: int, records: int) -> None:
    """The books of a process that has served so many callers so often."""
    await ledger.declare([budget()])
    for at in range(max(records, accounts if accounts > 1 else 0)):
        await pair(ledger, f"user-{at % accounts}")


async def prepared(path: Path) -> None:
    """A file with one account and one record."""
    ledger = open_ledger(f"sqlite:///{path}")
    await ledger.declare([budget()])
    await pair(ledger, "user-0")
    await ledger.aclose()


def clone(path: Path, accounts: int, records: int) -> None:
    """Repeat the one account and the one record, much faster than calls would."""
    db = connect(str(path))
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    db.execute("BEGIN")
    if accounts > 1:
        db.execute(
            f"{many} INSERT INTO accounts SELECT i + 1, budget, 'user-' || i, window, settled, held, kept, "
            "unpriced, owed FROM n, accounts WHERE accounts.id = (SELECT min(id) FROM accounts)",
            (accounts - 1,),
        )
    if records > 1:
        db.execute(
            f"{many} INSERT INTO attempts SELECT seq + i, 'clone-' || i, state, reserved_us, expires_us, "
            "started_us, meta, lines, record, charged FROM n, attempts WHERE seq = 1",
            (records - 1,),
        )
        db.execute(
            f"{many} INSERT INTO entries (at_us, attempt, account, kind, held, settled, unpriced, reason) SELECT "
            "at_us, 'clone-' || i, account, kind, held, settled, unpriced, reason FROM n, entries WHERE seq <= 2",
            (records - 1,),
        )
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


async def pair(ledger: Ledger, key: str) -> None:
    """Reserve and settle: what a call does to the books."""
    attempt = f"{next(_ids):032x}-1"
    now = dt.datetime.now(dt.UTC)
    meta = AttemptMeta(attempt[:-2], "openai", "gpt-5.4-mini", "helpdesk", "default", {"user": key})
    await ledger.reserve(attempt, [Claim("all", key, AMOUNT)], meta, expires_at=now + dt.timedelta(minutes=10))
    ledger.settle(attempt, {"all": AMOUNT // 2}, record(attempt, meta, now))


DETAILS = {
    "buckets": [["input", 14, "0.75", 10_500], ["output", 120, "4.5", 540_000]],
    "row": ["2026-03-17T00:00:00+00:00", "https://developers.openai.com/api/docs/pricing", "2026-10-12"],
}


def record(attempt: str, meta: AttemptMeta, now: dt.datetime) -> AttemptRecord:
    return AttemptRecord(
        attempt, meta, now, now, "ok", "exact", "USD", AMOUNT, AMOUNT // 2, 14, 0, 0, 120, 0, 0.1, "stop",
        "req-0123456789", 200, DETAILS,
    )  # fmt: skip


def run(ledger: Ledger, at_once: int, accounts: int, seconds: float, core: int | None) -> dict[str, Any]:
    return asyncio.run(_run(ledger, at_once, accounts, seconds, core))


async def _run(ledger: Ledger, at_once: int, accounts: int, seconds: float, core: int | None) -> dict[str, Any]:
    chance = random.Random(1)

    async def one() -> None:
        await pair(ledger, f"user-{chance.randrange(accounts)}")

    await crowd(one, at_once, 0)
    await ledger.flush()
    watch = Stopwatch(core)
    took = await crowd(one, at_once, seconds)
    await ledger.flush()
    found = figures(watch, took)
    await ledger.aclose()
    return found


async def crowd(one: Callable[[], Awaitable[None]], at_once: int, seconds: float) -> list[float]:
    """How long each took: so many callers, each with one after another for so long, and one at least."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def caller() -> None:
        while True:
            began = time.perf_counter()
            await one()
            now = time.perf_counter()
            took.append(now - began)
            if now >= until:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())
    return took


def figures(watch: Stopwatch, took: list[float]) -> dict[str, Any]:
    wall_s, cpu_s, others = watch.wall_s(), watch.cpu_s(), watch.others()
    return {
        "pairs_s": len(took) / wall_s,
        "cpu_us": cpu_s / len(took) * 1e6,
        "p50_us": quantile(took, 0.5) * 1e6,
        "p99_us": quantile(took, 0.99) * 1e6,
        "others": others,
    }


def floor(at_once: int, seconds: float, core: int | None) -> dict[str, Any]:
    """The same rows in the same file by hand; see `hand_run`."""
    with tempfile.TemporaryDirectory(prefix="minimill-benchmark-") as folder:
        path = Path(folder) / "books.db"
        asyncio.run(prepared(path))
        with ThreadPoolExecutor(1) as thread, hand(path, thread) as write:
            return asyncio.run(hand_run(write, thread, at_once, seconds, core))


async def hand_run(
    write: Write, thread: ThreadPoolExecutor, at_once: int, seconds: float, core: int | None
) -> dict[str, Any]:
    """What code written for this alone would do: callers that wait for one thread, which commits for all of them."""
    queue = HandQueue(write, thread)

    async def one() -> None:
        attempt = f"{next(_ids):032x}-1"
        await queue.reserve(attempt)
        queue.settle(attempt)

    watch = Stopwatch(core)
    took = await crowd(one, at_once, seconds)
    await queue.flush()
    return figures(watch, took)


class HandQueue:
    """Reservations wait for their commit; settlements go along with the next one."""

    def __init__(self, write: Write, thread: ThreadPoolExecutor) -> None:
        self._write, self._thread = write, thread
        self._asked: list[tuple[str, asyncio.Future[None]]] = []
        self._closed: list[str] = []
        self._busy: asyncio.Task[None] | None = None

    async def reserve(self, attempt: str) -> None:
        granted = asyncio.get_running_loop().create_future()
        self._asked.append((attempt, granted))
        if self._busy is None:
            self._busy = asyncio.create_task(self._serve())
        await granted

    def settle(self, attempt: str) -> None:
        self._closed.append(attempt)

    async def flush(self) -> None:
        if self._busy is not None:
            await self._busy
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, [], self._closed)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while self._asked:
            asked, self._asked = self._asked, []
            closed, self._closed = self._closed, []
            await loop.run_in_executor(
                self._thread, self._write, [attempt for attempt, _ in asked], closed
            )
            for _, granted in asked:
                granted.set_result(None)
            await asyncio.sleep(0)  # whoever was let in closes, and asks again
        self._busy = None


@contextlib.contextmanager
def hand(path: Path, thread: ThreadPoolExecutor) -> Iterator[Write]:
    """What writes the rows of reservations, and of settlements, in one transaction, with nothing looked at."""
    db = thread.submit(connect, str(path)).result()
    row = thread.submit(
        lambda: db.execute("SELECT reserved_us, expires_us, meta, lines, record FROM attempts").fetchone()
    ).result()
    try:
        yield lambda asked, closed: by_hand(db, asked, closed, row)
    finally:
        thread.submit(db.close).result()


def by_hand(db: Any, asked: list[str], closed: list[str], row: tuple[Any, ...]) -> None:
    reserved, expires, meta, lines, text = row
    entry = "INSERT INTO entries (at_us, attempt, account, kind, held, settled, unpriced) VALUES (?, ?, 1, ?, ?, ?, 0)"
    db.execute("BEGIN IMMEDIATE")
    db.execute(
        "UPDATE accounts SET settled = settled + ?, held = held + ?",
        (AMOUNT // 2 * len(closed), AMOUNT * (len(asked) - len(closed))),
    )
    db.executemany("DELETE FROM holds WHERE id = ?", [(name,) for name in closed])
    db.executemany(
        "INSERT INTO attempts (id, state, reserved_us, expires_us, meta, lines, record, started_us) "
        "VALUES (?, 'settled', ?, ?, ?, ?, ?, ?)",
        [(name, reserved, expires, meta, lines, text, reserved) for name in closed],
    )
    db.executemany(
        "INSERT INTO holds VALUES (?, 'open', ?, ?, ?, ?, NULL, NULL, 'floor')",
        [(name, reserved, expires, meta, lines) for name in asked],
    )
    db.executemany(
        entry,
        [(reserved, name, "settle", -AMOUNT, AMOUNT // 2) for name in closed]
        + [(reserved, name, "reserve", AMOUNT, 0) for name in asked],
    )
    db.execute("COMMIT")


def print_tables(results: Results) -> None:
    rows = [
        (
            f"{case}: {kind}",
            *(spread(results.values(case, kind, name), number) for name in ("pairs_s", "cpu_us", "p50_us", "p99_us")),
        )
        for case, kind in results.rows
    ]
    print(table(("", "pairs/s", "CPU µs a pair", "p50 µs", "p99 µs"), rows))


def goals(results: Results) -> Iterator[Goal]:
    """What is promised, and what was measured."""
    alone, hundred = callers(1), callers(100)
    yield Goal("memory: a pair", results.median(alone, MEMORY, "p50_us"), 20, "µs")
    yield Goal("SQLite: a pair at 1", results.median(alone, SQLITE, "p50_us"), 1_000, "µs")
    yield Goal("SQLite: pairs at 100", results.median(hundred, SQLITE, "pairs_s"), 10_000, "pairs/s", at_least=True)
    yield Goal("SQLite: p99 at 100", results.median(hundred, SQLITE, "p99_us"), 10_000, "µs")
    for kind in (MEMORY, SQLITE):
        for word in ("accounts", "records"):
            found = [results.median(case, kind, "cpu_us") for case in results.cases if case.endswith(word)]
            known = [value for value in found if value is not None]
            if len(known) > 1:
                yield Goal(f"{kind}: dearest ÷ cheapest over {word}", max(known) / min(known), 1.5, "×")


if __name__ == "__main__":
    main()
