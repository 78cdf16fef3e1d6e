#!/usr/bin/env python3
"""Print the tables of results that a benchmark wrote with --json, without measuring again.

    benchmarks/report.py FILE …
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from _report import load


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    for path in parser.parse_args().results:
        results = load(path)
        print(f"## {results.benchmark}, revision {results.revision}, {results.at}")
        import_module(results.benchmark).show(results)


if __name__ == "__main__":
    main()
