#!/usr/bin/env python3
"""Two results of one benchmark side by side: what became cheaper, what dearer, and what is within the noise.

    benchmarks/compare.py BEFORE.json AFTER.json [--all]

Of each figure the medians and their ratio. A change is one where the rounds of both do not overlap and the medians
are more than 5 % apart; the others are shown with --all.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from _report import load, number, table

SKIPPED = ("calls", "cut", "others", "connections", "streams")
MORE_IS_BETTER = ("calls_s", "chunks_s", "pairs_s")
LEAST = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--all", action="store_true", help="show what did not change, too")
    options = parser.parse_args()
    before, after = load(options.before), load(options.after)
    if before.benchmark != after.benchmark:
        raise SystemExit(f"{options.before} is of {before.benchmark}, {options.after} of {after.benchmark}")
    rows, same = [], 0
    for key in [key for key in before.rows if key in after.rows]:
        for measure, old in before.rows[key].items():
            new = after.rows[key].get(measure, [])
            if measure in SKIPPED or not new or not statistics.median(old):
                continue
            said = verdict(measure, old, new)
            same += said == "same"
            if options.all or said != "same":
                rows.append(row(key, measure, old, new, said))
    print(f"before: {before.revision}, {before.at}\nafter:  {after.revision}, {after.at}\n")
    print(table(("case", "kind", "measure", "before", "after", "ratio", ""), rows) if rows else "Nothing changed.")
    print(f"\n{same} figures are the same within their spread.")
    for name, value in before.machine.items():
        if name != "load" and after.machine.get(name) != value:
            print(f"Not the same {name}: {value} before, {after.machine.get(name)} after.")
    for name, value in before.options.items():
        if after.options.get(name) != value:
            print(f"Not the same option {name}: {value} before, {after.options.get(name)} after.")


def verdict(measure: str, old: list[float], new: list[float]) -> str:
    """`better`, `worse` or `same`."""
    ratio = statistics.median(new) / statistics.median(old)
    overlap = min(new) <= max(old) and min(old) <= max(new)
    if overlap or abs(ratio - 1) <= LEAST:
        return "same"
    return "better" if (ratio > 1) is (measure in MORE_IS_BETTER) else "worse"


def row(key: tuple[str, str], measure: str, old: list[float], new: list[float], said: str) -> tuple[str, ...]:
    before, after = statistics.median(old), statistics.median(new)
    return (*key, measure, number(before), number(after), f"{after / before:.2f} ×", said)


if __name__ == "__main__":
    main()
