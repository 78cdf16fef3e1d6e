#!/usr/bin/env python3
"""Time from `import minimill` to the first answer, against `import httpx, pydantic` and one post.

    benchmarks/first_answer.py [--quick] [--rounds 10] [--json FILE] [--profile]

Each round starts a fresh process of each kind, in turn; all talk to the same simulated vendor on loopback. The first
round only warms the disk cache. `--profile` prints what costs most in one run instead.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _bench import clean, parse, rounds_of
from _report import Results, maybe, number, spread, table

from minimill.testing import Simulator

CASE, BASE_KIND = "first answer", "httpx + pydantic"
VENDOR, MODEL = "openai", "gpt-5.4-mini"

BASE = """
import sys, time
began = time.perf_counter()
import asyncio, httpx, pydantic

async def main():
    async with httpx.AsyncClient() as client:
        body = {"model": sys.argv[2], "messages": [{"role": "user", "content": "Why is the sky blue?"}],
                "max_completion_tokens": 50}
        head = {"Authorization": "Bearer sim-key"}
        reply = await client.post(sys.argv[1] + "/chat/completions", json=body, headers=head)
        assert reply.json()["choices"]
        print(time.perf_counter() - began)

asyncio.run(main())
"""

OURS = """
import sys, time
began = time.perf_counter()
import asyncio, minimill

async def main():
    async with minimill.Client() as client:
        reply = await client.chat("Why is the sky blue?", max_output_tokens=50)
        assert reply.text
        print(time.perf_counter() - began)

asyncio.run(main())
"""

CONFIG = """
ledger = "{ledger}"

[providers.{vendor}]
base_url = "{address}"
dialect = "openai_chat"

[routes.default]
models = ["{vendor}:{model}"]

[budgets.all]
limit = "50 USD"
"""


def main() -> None:
    parser = parse(__doc__, rounds=10, quick_rounds=4)
    parser.add_argument("--profile", action="store_true", help="print what costs most instead")
    options = parser.parse_args()
    results = Results("first_answer", {**vars(options), "json": None})
    with tempfile.TemporaryDirectory() as folder, Simulator([VENDOR], length=8) as sim:
        address = sim.base_url(VENDOR)
        if options.profile:
            profile(Path(folder), address)
            return
        compare(results, Path(folder), address, rounds_of(options))
    results.write(options.json)
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    rows = [
        (
            kind,
            spread(results.values(CASE, kind, "wall_ms"), number),
            maybe(results.ratio(CASE, kind, BASE_KIND, "wall_ms"), "{:.2f} ×"),
        )
        for kind in results.kinds
    ]
    print(table(("", "ms", "ratio"), rows))
    results.print_foot()


def compare(results: Results, folder: Path, address: str, rounds: int) -> None:
    """Rounds in which the kinds take turns."""
    kinds: dict[str, Callable[[int], str]] = {
        BASE_KIND: lambda n: run(BASE, {}, address, MODEL),
        "minimill, memory": lambda n: run(OURS, configured(folder, address, "memory:")),
        "minimill, SQLite": lambda n: run(OURS, configured(folder, address, f"sqlite:///{folder}/{n}.db")),
    }
    for number_ in range(rounds + 1):
        for kind, once in kinds.items():
            took_s = float(once(number_))
            if number_:
                results.add(CASE, kind, {"wall_ms": took_s * 1e3})


def configured(folder: Path, address: str, ledger: str) -> dict[str, str]:
    """The environment of a process that finds a configuration file."""
    path = folder / "minimill.toml"
    path.write_text(CONFIG.format(ledger=ledger, address=address, vendor=VENDOR, model=MODEL))
    return {"MINIMILL_CONFIG": str(path), "OPENAI_API_KEY": "sim-key"}


def run(script: str, environment: dict[str, str], *arguments: str, options: tuple[str, ...] = ()) -> str:
    """What one fresh process prints."""
    command = [sys.executable, *options, "-c", script, *arguments]
    found = subprocess.run(command, env={**clean(), **environment}, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(found.stderr)
    return found.stderr if options else found.stdout


def profile(folder: Path, address: str) -> None:
    """The dearest imports of one process, and the dearest functions of another."""
    environment = configured(folder, address, f"sqlite:///{folder}/profile.db")
    lines = run(OURS, environment, options=("-X", "importtime")).splitlines()
    rows = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")][1:]
    print("imports: own ms, with what they import")
    for own, total, name in sorted(rows, key=lambda row: -int(row[0]))[:25]:
        print(f"{int(own) / 1e3:8.1f} {int(total) / 1e3:8.1f} {name}")
    print(f"{sum(int(own) for own, _, _ in rows) / 1e3:8.1f} all")
    profiled = f"import cProfile\ncProfile.run({OURS!r}, sort='tottime')"
    print("\n".join(run(profiled, environment).splitlines()[:45]))


if __name__ == "__main__":
    main()
