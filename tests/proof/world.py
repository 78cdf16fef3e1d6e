"""The world of the proofs: vendors that bill exactly at the ceiling, and processes that can be killed."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minimill.testing import Length, Simulator
from tests.unit.client import acme

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "hello"
CEILING = (5 + 3 + 4) * 2_000 + 50 * 8_000
"""One call: 5 bytes and 7 tokens of overhead at 2 units, 50 tokens at 8 units per million, in nanos."""
RUNS = int(os.environ.get("MINIMILL_PROOF_RUNS", "2"))
"""How often a race is run; MINIMILL_PROOF_RUNS=20 to be thorough."""

PROCESS_RUNS = RUNS if RUNS > 2 else 1
"""The same for races between processes, which take seconds to start."""


def cap(calls: int) -> str:
    """A limit worth so many calls, as configuration text."""
    nanos = calls * CEILING
    return f"{nanos // 10**9}.{nanos % 10**9:09} CNY"


def at_ceiling(sim: Simulator, vendor: str = "openai") -> None:
    """Let a vendor bill every call exactly at its ceiling."""
    sim.configure(vendor, length=Length.fill(), input_tokens=acme.at_ceiling)


def config(sim: Simulator, ledger: str, calls: int, **route: Any) -> dict[str, Any]:
    """One vendor, one route, one cap worth so many calls."""
    return acme.config(
        sim,
        ledger=ledger,
        routes={"default": {"models": ["acme:m"], "max_output_tokens": acme.LIMIT, **route}},
        budgets={"all": {"limit": cap(calls)}},
    )


def packed(value: object) -> str:
    """A value as an argument of a process."""
    return base64.b64encode(pickle.dumps(value)).decode()


def unpacked(text: str) -> Any:
    """What `packed` was given."""
    return pickle.loads(base64.b64decode(text))


def go(*processes: subprocess.Popen[str]) -> None:
    """Wait until all have said `ready`, then let all go on."""
    for process in processes:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


started: list[subprocess.Popen[str]] = []
"""Processes of the running test."""


def start(script: str, *arguments: Any, **environment: str) -> subprocess.Popen[str]:
    """Start Python code in a process of its own, with the root of the tests on its path.

    A variable given as empty text is left out of the process's environment.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    given = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **environment}
    env = {name: value for name, value in given.items() if value}
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        cwd=ROOT,
    )
    started.append(process)
    return process


def ended(process: subprocess.Popen[str], *, code: int | None = 0, timeout: float = 60) -> str:
    """What a process printed; it must end with `code`."""
    out, err = process.communicate(timeout=timeout)
    assert code is None or process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
    return out


def last_line(text: str) -> Any:
    """The JSON of the last line printed."""
    return json.loads(text.strip().splitlines()[-1])


def counted(outcomes: Sequence[str]) -> Mapping[str, int]:
    """How often each outcome came."""
    return {word: outcomes.count(word) for word in sorted(set(outcomes))}
