#!/usr/bin/env python3
"""Whether calls and abandoned streams leave anything behind: memory, objects, sockets, tasks or holds.

    benchmarks/leaks.py [--quick] [--calls 20000] [--streams 2000] [--at-once 50] [--json FILE]

Books in a SQLite file. A stream that is left early keeps its hold, since nobody knows what the vendor bills: these
holds are expected, one for each such stream, and correcting them has to free them all. Ends with status 1 where
something is left behind.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

from _bench import parse, server
from _kinds import LIMIT, messages, minimill_sqlite
from _machine import pin, rss_bytes
from _report import Goal, Results, number, print_goals, table
from _worker import tell

STEPS, WARM = 5, 2
"""Looks at what is there while the calls are made; until the second one the cache of the SQLite file fills."""
MOST_OBJECTS = 0.05
MOST_BYTES = 100


def main() -> None:
    parser = parse(__doc__, rounds=1, quick_rounds=1)
    parser.add_argument("--calls", type=int, help="default: 20000, with --quick 2000")
    parser.add_argument("--streams", type=int, help="default: 2000, with --quick 200")
    parser.add_argument("--at-once", type=int, default=50, help="default: 50")
    options = parser.parse_args()
    calls = options.calls or (2_000 if options.quick else 20_000)
    streams = options.streams or (200 if options.quick else 2_000)
    pin(last=False)
    results = Results("leaks", {**vars(options), "json": None})
    home = os.getcwd()
    with server() as address, tempfile.TemporaryDirectory(prefix="minimill-benchmark-") as folder:
        os.chdir(folder)
        try:
            goals = asyncio.run(checked(results, address, calls, streams, options.at_once))
        finally:
            os.chdir(home)
    results.write(options.json)
    show(results)
    print_goals(goals)
    if not all(goal.met for goal in goals):
        raise SystemExit(1)


def show(results: Results) -> None:
    """Print what was found."""
    names = ("rss_mb", "objects", "sockets", "tasks", "holds")
    rows = [(case, *(number(results.values(case, kind, name)[0]) for name in names)) for case, kind in results.rows]
    print(table(("after", "RSS MB", "objects", "open files", "tasks", "holds"), rows))
    results.print_foot()


async def checked(results: Results, address: str, calls: int, streams: int, at_once: int) -> list[Goal]:
    """What was left behind, and what may be."""
    before = await seen(None)
    async with minimill_sqlite(address, 0) as asker:
        client = asker.client

        async def abandoned() -> None:
            async with client.stream(ASKED, max_output_tokens=LIMIT) as stream:
                async for _ in stream:
                    break

        tell(address, chunks=200)
        await many(abandoned, min(at_once, streams), at_once)
        looks = []
        for step in range(1, STEPS + 1):
            await many(asker.call, calls // STEPS, at_once)
            looks.append(await look(results, f"{calls // STEPS * step:,} calls", client))
        first, last = looks[WARM - 1], looks[-1]
        await many(abandoned, streams // 2, at_once)
        half = await look(results, f"{streams // 2:,} abandoned streams", client)
        await many(abandoned, streams - streams // 2, at_once)
        full = await look(results, f"{streams:,} abandoned streams", client)
        for hold in await client.holds():
            await client.correct(hold.attempt_id, "0 USD", reason="not billed")
        corrected = await look(results, "corrected", client)
    closed = await seen(None)
    results.add("closed", "minimill", closed)
    made, left = max(1, calls // STEPS * (STEPS - WARM)), max(1, streams - streams // 2)
    kept = full["holds"] - first["holds"]
    exact = [
        Goal("holds of abandoned streams, at most", kept, streams, ""),
        Goal("holds of abandoned streams, at least", kept, streams, "", at_least=True),
        Goal("holds after their correction", corrected["holds"], 0, ""),
        Goal("tasks left", closed["tasks"] - before["tasks"], 0, ""),
        Goal("files and sockets left", closed["sockets"] - before["sockets"], 0, ""),
    ]
    if made < 5_000:
        return exact  # what a few calls warm up looks like a leak
    return [
        *exact,
        Goal("objects a call", (last["objects"] - first["objects"]) / made, MOST_OBJECTS, ""),
        Goal("bytes a call", (last["rss_mb"] - first["rss_mb"]) * 1e6 / made, MOST_BYTES, "B"),
        Goal("bytes an abandoned stream", (full["rss_mb"] - half["rss_mb"]) * 1e6 / left, 10_000, "B"),
    ]


ASKED: Any = messages(0)


async def many(call: Callable[[], Awaitable[None]], times: int, at_once: int) -> None:
    left = iter(range(times))

    async def caller() -> None:
        for _ in left:
            await call()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())


async def look(results: Results, case: str, client: Any) -> dict[str, Any]:
    found = await seen(client)
    results.add(case, "minimill", found)
    return found


async def seen(client: Any) -> dict[str, Any]:
    """What there is now."""
    holds = 0
    if client is not None:
        await client._ledger.flush()
        holds = len(await client.holds())
    await asyncio.sleep(0.05)  # sockets are closed in the next turn of the loop
    gc.collect()
    return {
        "rss_mb": rss_bytes() / 1e6,
        "objects": len(gc.get_objects()),
        "sockets": len(os.listdir("/dev/fd")),
        "tasks": len(asyncio.all_tasks()),
        "holds": holds,
    }


if __name__ == "__main__":
    main()
