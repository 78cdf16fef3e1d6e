#!/usr/bin/env python3
"""Time from `import minimill` to the first answer, against `import httpx, pydantic` and one post.

    benchmarks/first_answer.py [--rounds 10] [--profile]

Each round starts a fresh process of each kind, in turn; both talk to the same simulated vendor on loopback.
Prints medians, their spread and the ratio. `--profile` prints what costs most in one run instead.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from minimill.testing import Simulator

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

[routes.default]
models = ["{vendor}:{model}"]

[budgets.all]
limit = "50 USD"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Simulator([VENDOR], length=8) as sim:
        address = sim.base_url(VENDOR)
        if options.profile:
            profile(Path(folder), address)
        else:
            compare(Path(folder), address, options.rounds)


def compare(folder: Path, address: str, rounds: int) -> None:
    """Interleaved rounds; the first of each kind only warms the disk cache."""
    kinds: dict[str, Callable[[int], str]] = {
        "httpx + pydantic": lambda n: run(BASE, {}, address, MODEL),
        "minimill, memory": lambda n: run(OURS, configured(folder, address, "memory:")),
        "minimill, SQLite": lambda n: run(OURS, configured(folder, address, f"sqlite:///{folder}/{n}.db")),
    }
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(rounds + 1):
        for name, once in kinds.items():
            times[name].append(float(once(number)))
    base = statistics.median(times["httpx + pydantic"][1:])
    for name, found in times.items():
        middle, low, high = statistics.median(found[1:]), min(found[1:]), max(found[1:])
        print(f"{name:18} {middle * 1e3:7.1f} ms  ({low * 1e3:.1f} to {high * 1e3:.1f})  {middle / base:5.2f} ×")


def configured(folder: Path, address: str, ledger: str) -> dict[str, str]:
    """The environment of a process that finds a configuration file."""
    path = folder / "minimill.toml"
    path.write_text(CONFIG.format(ledger=ledger, address=address, vendor=VENDOR, model=MODEL))
    return {"MINIMILL_CONFIG": str(path), "OPENAI_API_KEY": "sim-key"}


def run(script: str, environment: dict[str, str], *arguments: str, options: tuple[str, ...] = ()) -> str:
    """What one fresh process prints."""
    command = [sys.executable, *options, "-c", script, *arguments]
    found = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
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
