"""Figures of several rounds: kept, summed up, printed, written down and read again. Standard library only."""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _machine import machine

DISTURBED = 0.25
"""With a larger share of the core in the hands of others a run counts as disturbed."""


@dataclass
class Results:
    """The figures of one benchmark, by case, kind and measure, a value a round."""

    benchmark: str
    options: dict[str, Any]
    rows: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)
    revision: str = ""
    at: str = ""

    def add(self, case: str, kind: str, found: dict[str, Any]) -> None:
        """Keep what one run found."""
        if "error" in found or not found:
            self.note(f"{kind}, {case}: {found.get('error', 'nothing was finished in time')}")
            return
        row = self.rows.setdefault((case, kind), {})
        for measure, value in found.items():
            if value is not None:
                row.setdefault(measure, []).append(value)

    def note(self, text: str) -> None:
        """A sentence below the tables, once."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def cases(self) -> list[str]:
        return list(dict.fromkeys(case for case, _ in self.rows))

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for _, kind in self.rows))

    def values(self, case: str, kind: str, measure: str) -> list[float]:
        """One value a round; none where it was not measured."""
        return self.rows.get((case, kind), {}).get(measure, [])

    def median(self, case: str, kind: str, measure: str) -> float | None:
        """The median over the rounds; None: it was not measured."""
        found = self.values(case, kind, measure)
        return statistics.median(found) if found else None

    def ratio(self, case: str, kind: str, base: str, measure: str) -> float | None:
        """The median of the rounds' own ratios: both sides of each were measured close together."""
        pairs = zip(self.values(case, kind, measure), self.values(case, base, measure), strict=False)
        found = [own / other for own, other in pairs if other]
        return statistics.median(found) if found else None

    def above(self, case: str, kind: str, base: str, measure: str) -> float | None:
        """The median of the rounds' own differences."""
        pairs = zip(self.values(case, kind, measure), self.values(case, base, measure), strict=False)
        found = [own - other for own, other in pairs]
        return statistics.median(found) if found else None

    def disturbed(self) -> str:
        """In how many runs others had much of the core."""
        shares = [share for row in self.rows.values() for share in row.get("others", [])]
        if not shares:
            return "Who else used the core is not known on this system."
        much = sum(share > DISTURBED for share in shares)
        return (
            f"In {much} of {len(shares)} runs others had more than a quarter of the client's core "
            f"(median {statistics.median(shares):.0%}, worst {max(shares):.0%})."
        )

    def write(self, path: Path | None) -> None:
        """Write the figures as JSON; None: nowhere."""
        if path is None:
            return
        data = {
            "benchmark": self.benchmark,
            "revision": self.revision or revision(),
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "machine": self.machine,
            "options": self.options,
            "versions": self.versions,
            "notes": self.notes,
            "rows": [{"case": case, "kind": kind, "values": row} for (case, kind), row in self.rows.items()],
        }
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def print_foot(self) -> None:
        """What a reader of the tables has to know."""
        print()
        for text in (*self.notes, self.disturbed(), ", ".join(f"{k} {v}" for k, v in self.machine.items())):
            print(text)


def load(path: Path) -> Results:
    """The figures that `write` wrote.

    Raises:
        SystemExit: the file is not there or is none of ours.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = Results(data["benchmark"], data["options"], notes=data["notes"], versions=data["versions"])
        found.machine, found.revision, found.at = data["machine"], data["revision"], data["at"]
        found.rows = {(row["case"], row["kind"]): row["values"] for row in data["rows"]}
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"{path}: not the results of a benchmark ({error})") from None
    return found


def revision() -> str:
    """What git calls the tree."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--tags"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def spread(values: Sequence[float], show: Callable[[float], str]) -> str:
    """The median, and where the others lie."""
    if not values:
        return "–"
    middle = show(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({show(min(values))}–{show(max(values))})"


def number(value: float) -> str:
    """Three figures are all that a measurement is good for."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def maybe(value: float | None, form: str) -> str:
    """A figure in a form such as `{:.2f} ×`; a dash for one that was not measured."""
    return "–" if value is None else form.format(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that reads well as it is."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = [cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in
                          enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join([first, *others])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *(line(row) for row in rows)])


@dataclass(frozen=True)
class Goal:
    """One promise: a figure and the most, or the least, it may be."""

    text: str
    value: float | None
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """None: it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def print_goals(goals: Sequence[Goal]) -> None:
    """The promises beside what was measured."""
    rows = []
    for goal in goals:
        sign = "≥" if goal.at_least else "≤"
        kept = {True: "yes", False: "NO", None: "–"}[goal.met]
        value = "–" if goal.value is None else (f"{goal.value:.2f}" if goal.value < 0 else number(goal.value))
        rows.append((goal.text, f"{value} {goal.unit}".strip(), f"{sign} {number(goal.limit)}", kept))
    print("\n" + table(("goal", "measured", "limit", "met"), rows))
