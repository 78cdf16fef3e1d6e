#!/usr/bin/env python3
"""What a call costs beside the bytes it moves: minimill, its bare transport, and what people use instead.

    benchmarks/overhead.py [--quick] [--rounds 5] [--json FILE] [--only KIND …]

CPU of all threads per call, calls a second and latencies, at one to a thousand calls at once, with a server that
answers at once or after 200 ms; with prompts of 200 KB; and with a thousand connections that lie idle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from _bench import Task, parse, rounds_of, server, take_turns, workers
from _kinds import KINDS
from _report import Goal, Results, maybe, number, print_goals, spread, table

BARE, BASE = "bare transport", "httpx"
MEMORY, SQLITE = "minimill, memory", "minimill, SQLite"
LARGE_CHARS = 200_000


def main() -> None:
    parser = parse(__doc__, kinds=list(KINDS))
    parser.add_argument("--at-once", type=int, nargs="+", help="default: 1 10 100 500 1000, with --quick 1 100 1000")
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 200], help="milliseconds, default: 0 200")
    parser.add_argument("--seconds", type=float, help="of one run, default: 3, with --quick 1")
    parser.add_argument("--patience", type=float, help="seconds after which a run is cut, default: 15, --quick 6")
    parser.add_argument("--idle", type=int, default=1000, help="idle connections, default: 1000; 0: not measured")
    options = parser.parse_args()
    quick = options.quick
    at_once = options.at_once or ([1, 100, 1000] if quick else [1, 10, 100, 500, 1000])
    task = {
        "seconds": options.seconds or (1.0 if quick else 3.0),
        "patience_s": options.patience or (6.0 if quick else 15.0),
    }
    results = Results("overhead", {**vars(options), "json": None})
    with server() as address, workers(options.only or list(KINDS), results) as clients:
        cases = cases_of(at_once, options.delays, options.idle, {**task, "address": address})
        for number_ in range(rounds_of(options)):
            take_turns(results, clients, cases, number_)
            results.write(options.json)  # a run takes long: what is there is kept
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    for delay in results.options["delays"]:
        at_once = [int(case.split()[0].replace(",", "")) for case in results.cases if case.endswith(f", {delay} ms")]
        for measure, words in (("cpu_us", "CPU µs a call"), ("calls_s", "calls/s"), ("p50_ms", "p50 ms")):
            rows = [
                (kind, *(median(results, case_of(at, delay), kind, measure) for at in at_once))
                for kind in results.kinds
            ]
            print(f"\n### {words}, {delay} ms\n\n" + table(("at once", *map(str, at_once)), rows))
    print_tables(results)
    print_goals(list(goals(results)))
    results.print_foot()


def median(results: Results, case: str, kind: str, measure: str) -> str:
    found = results.median(case, kind, measure)
    return "–" if found is None else number(found)


def case_of(at_once: int, delay_ms: int) -> str:
    return f"{at_once:,} at once, {delay_ms} ms"


def cases_of(at_once: list[int], delays: list[int], idle: int, task: Task) -> Mapping[str, tuple[str, Task]]:
    """Each case with its name."""
    cases = {
        case_of(number, delay): ("calls", {**task, "at_once": number, "delay_ms": delay})
        for delay in delays
        for number in at_once
    }
    alone = {**task, "at_once": 1, "delay_ms": 0}
    cases["200 KB prompt"] = ("calls", {**alone, "chars": LARGE_CHARS})
    if idle:
        cases["idle connections"] = ("calls", {**alone, "idle": idle})
    return cases


def print_tables(results: Results) -> None:
    for case in results.cases:
        print(f"\n### {case}\n\n" + table(HEAD, [row(results, case, kind) for kind in results.kinds]))


HEAD = ("", "CPU µs a call", "× httpx", "above transport", "calls/s", "p50 ms", "p99 ms", "calls", "cut", "connections")


def row(results: Results, case: str, kind: str) -> tuple[str, ...]:
    above = results.above(case, kind, BARE, "cpu_us") if kind in (MEMORY, SQLITE) else None
    return (
        kind,
        spread(results.values(case, kind, "cpu_us"), number),
        maybe(results.ratio(case, kind, BASE, "cpu_us"), "{:.2f}"),
        maybe(above, "{:+.0f}"),
        maybe(results.median(case, kind, "calls_s"), "{:,.0f}"),
        *(spread(results.values(case, kind, name), number) for name in ("p50_ms", "p99_ms")),
        *(maybe(results.median(case, kind, name), "{:,.0f}") for name in ("calls", "cut", "connections")),
    )


def goals(results: Results) -> Iterator[Goal]:
    """What is promised, and what was measured."""
    plain = [case for case in results.cases if "at once" in case]
    for kind, most in ((MEMORY, 300.0), (SQLITE, 600.0)):
        for case in plain:
            yield Goal(f"{kind}: above its transport, {case}", results.above(case, kind, BARE, "cpu_us"), most, "µs")
    for kind in (MEMORY, SQLITE):
        for delay in (0, 200):
            cases = [case for case in plain if case.endswith(f" {delay} ms")]
            known = [value for case in cases if (value := results.median(case, kind, "cpu_us")) is not None]
            worst = max(known) / min(known) if known else None
            yield Goal(f"{kind}: dearest ÷ cheapest over concurrency, {delay} ms", worst, 1.5, "×")
    slow = f"{SQLITE}: of raw httpx, "
    yield Goal(slow + case_of(1, 0), results.ratio(case_of(1, 0), SQLITE, BASE, "cpu_us"), 1.0, "×")
    yield Goal(slow + case_of(500, 200), results.ratio(case_of(500, 200), SQLITE, BASE, "cpu_us"), 0.1, "×")
    yield Goal(slow + "200 KB prompt", results.ratio("200 KB prompt", SQLITE, BASE, "cpu_us"), 1.2, "×")
    crowd = case_of(1000, 200)
    yield Goal(f"{SQLITE}: {crowd}", results.median(crowd, SQLITE, "calls_s"), 1000, "calls/s", at_least=True)
    yield Goal(f"{SQLITE}: p50, {crowd}", results.median(crowd, SQLITE, "p50_ms"), 1000, "ms")
    for kind in (MEMORY, SQLITE):
        idle, alone = (results.median(case, kind, "cpu_us") for case in ("idle connections", case_of(1, 0)))
        share = idle / alone if idle and alone else None
        yield Goal(f"{kind}: CPU with idle connections ÷ with one", share, 1.3, "×")


if __name__ == "__main__":
    main()
