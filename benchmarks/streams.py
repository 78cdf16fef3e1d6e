#!/usr/bin/env python3
"""What a chunk of a stream costs beside its bytes, and how long the first words take.

    benchmarks/streams.py [--quick] [--rounds 5] [--json FILE] [--only KIND …]

The bare transport, httpx and aiohttp hand out bytes; the others make events of them. In a burst the whole stream is
there at once; one by one, each chunk is a write of its own.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _bench import Task, parse, rounds_of, server, take_turns, workers
from _kinds import KINDS
from _report import Goal, Results, maybe, number, print_goals, spread, table

BARE, BASE = "bare transport", "httpx"
OURS = ("minimill, memory", "minimill, SQLite")
BURST, STEPS, FIRST = "burst", "one by one", "first words"
SYNC = "fsync of 4 KiB"


def main() -> None:
    parser = parse(__doc__, kinds=list(KINDS))
    parser.add_argument("--chunks", type=int, default=2000, help="words in a stream, default: 2000")
    parser.add_argument("--seconds", type=float, help="of one run, default: 2, with --quick 0.5")
    parser.add_argument("--first", type=int, help="streams begun in one run, default: 300, with --quick 60")
    options = parser.parse_args()
    results = Results("streams", {**vars(options), "json": None})
    with server() as address, workers(options.only or list(KINDS), results) as clients:
        task: Task = {"address": address, "chunks": options.chunks}
        task["seconds"] = options.seconds or (0.5 if options.quick else 2.0)
        times = options.first or (60 if options.quick else 300)
        cases: dict[str, tuple[str, Task]] = {
            BURST: ("streams", {**task, "flush": False}),
            STEPS: ("streams", {**task, "flush": True}),
            FIRST: ("first", {"address": address, "chunks": 20, "times": times}),
        }
        for number_ in range(rounds_of(options)):
            take_turns(results, clients, cases, number_)
            results.add(FIRST, SYNC, sync(times))
    results.write(options.json)
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    print_tables(results)
    print_goals(list(goals(results)))
    results.print_foot()


def sync(times: int) -> dict[str, float]:
    """What the disk takes for what a reservation has to wait for."""
    took = []
    with tempfile.TemporaryDirectory(prefix="minimill-benchmark-") as folder, open(Path(folder) / "file", "wb") as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return {"p50_ms": statistics.median(took) * 1e3, "p99_ms": sorted(took)[int(len(took) * 0.99)] * 1e3}


def print_tables(results: Results) -> None:
    for case in (BURST, STEPS):
        rows = [
            (
                kind,
                spread(results.values(case, kind, "cpu_us"), number),
                maybe(results.ratio(case, kind, BASE, "cpu_us"), "{:.2f}"),
                maybe(results.above(case, kind, BARE, "cpu_us") if kind in OURS else None, "{:+.1f}"),
                spread(results.values(case, kind, "chunks_s"), number),
            )
            for kind in results.kinds
            if (case, kind) in results.rows
        ]
        head = ("", "CPU µs a chunk", "× httpx", "above transport", "chunks/s")
        print(f"\n### {case}\n\n" + table(head, rows))
    firsts = [
        (kind, *(spread(results.values(FIRST, kind, name), number) for name in ("p50_ms", "p99_ms")))
        for kind in results.kinds
        if (FIRST, kind) in results.rows
    ]
    print(f"\n### {FIRST}\n\n" + table(("", "p50 ms", "p99 ms"), firsts))


def goals(results: Results) -> Iterator[Goal]:
    """What is promised, and what was measured."""
    for case in (BURST, STEPS):
        for kind in OURS:
            yield Goal(f"{kind}: a chunk above raw bytes, {case}", results.above(case, kind, BARE, "cpu_us"), 10, "µs")
    memory, sqlite = (results.above(FIRST, kind, BARE, "p50_ms") for kind in OURS)
    yield Goal(f"{OURS[0]}: first words after the transport's first bytes", memory, 1, "ms")
    synced = results.median(FIRST, SYNC, "p50_ms")
    beyond = None if sqlite is None or synced is None else sqlite - synced
    yield Goal(f"{OURS[1]}: the same beyond one fsync", beyond, 1, "ms")


if __name__ == "__main__":
    main()
