#!/usr/bin/env python3
"""What an import costs, and what an installation brings, beside what people use instead.

    benchmarks/imports.py [--quick] [--rounds 10] [--json FILE] [--only KIND …]

Each round imports each package in a fresh process, in turn; the first round only warms the disk cache. Distributions
and their size count what the package requires, itself included.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from _bench import HERE, IN_PEERS, clean, parse, peer_python, rounds_of
from _report import Goal, Results, number, print_goals, spread, table

PACKAGES = {"minimill": "minimill", "httpx": "httpx", "aiohttp": "aiohttp", "openai": "openai", "LiteLLM": "litellm"}
CLIENT = "minimill, its Client"
"""`import minimill` loads what is used when it is used; this is the rest of it."""
KINDS = ("minimill", CLIENT, *list(PACKAGES)[1:])
CASE, INSTALLED = "import", "installed"

SCRIPT = """
import json, sys, time
before = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
{statement}
found = {{"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}}
found["modules"] = len(set(sys.modules) - before)
sys.path.insert(0, {here!r})
from _machine import rss_bytes
found["rss_mb"] = rss_bytes() / 1e6
print(json.dumps(found))
"""


def main() -> None:
    options = parse(__doc__, kinds=KINDS, rounds=10, quick_rounds=3).parse_args()
    results = Results("imports", {**vars(options), "json": None})
    targets = dict(available(results, options.only or KINDS))
    for number_ in range(rounds_of(options) + 1):
        for kind, python in targets.items():
            found = printed(python, SCRIPT.format(statement=statement(kind), here=str(HERE)))
            if number_:
                results.add(CASE, kind, found)
    for kind, python in targets.items():
        if kind in PACKAGES:
            results.add(INSTALLED, kind, printed(python, str(HERE / "_installed.py"), PACKAGES[kind]))
    results.write(options.json)
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    print_table(results)
    print_goals(list(goals(results)))
    results.print_foot()


def statement(kind: str) -> str:
    return "from minimill import Client" if kind == CLIENT else f"import {PACKAGES[kind]}"


def available(results: Results, kinds: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Each package with an interpreter that has it; what is not installed is noted."""
    for kind in kinds:
        python = peer_python(kind) if kind in IN_PEERS else Path(sys.executable)
        if python.exists():
            yield kind, python
        else:
            results.note(f"{kind} is not installed, so it has no row: benchmarks/peers.py")


def printed(python: Path, script: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a fresh process prints."""
    code = [script] if Path(script).suffix == ".py" and "\n" not in script else ["-c", script]
    environment = {**clean(), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [str(python), *code, *arguments]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if found.returncode:
        return {"error": found.stderr.strip().splitlines()[-1]}
    answer: dict[str, Any] = json.loads(found.stdout.strip().splitlines()[-1])
    return answer


def print_table(results: Results) -> None:
    measures = [(CASE, name) for name in ("wall_ms", "cpu_ms", "modules", "rss_mb")]
    measures += [(INSTALLED, name) for name in ("distributions", "installed_mb")]
    rows = [
        (kind, *(spread(results.values(case, kind, name), number) for case, name in measures))
        for kind in results.kinds
    ]
    head = ("", "wall ms", "CPU ms", "modules", "RSS MB", "distributions", "MB installed")
    print(table(head, rows))


def goals(results: Results) -> Iterator[Goal]:
    """What is promised, and what was measured."""
    for kind in ("minimill", CLIENT):
        yield Goal(f"import: {kind}", results.median(CASE, kind, "wall_ms"), 250, "ms")
        yield Goal(f"modules: {kind}", results.median(CASE, kind, "modules"), 400, "")
    yield Goal("distributions", results.median(INSTALLED, "minimill", "distributions"), 15, "")
    yield Goal("installed", results.median(INSTALLED, "minimill", "installed_mb"), 25, "MB")


if __name__ == "__main__":
    main()
