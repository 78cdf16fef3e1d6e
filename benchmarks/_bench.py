"""One server, one process for each kind of client, and rounds in which they take turns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from _report import Results

HERE = Path(__file__).resolve().parent
PEERS = HERE / ".peers"
IN_PEERS = ("aiohttp", "openai", "LiteLLM")
"""Kinds that live in an environment of their own, which peers.py makes."""
Task = dict[str, Any]


def peer_python(kind: str) -> Path:
    """The interpreter of a peer's environment, whether it is there or not."""
    return PEERS / kind.lower() / "bin" / "python"


def parse(
    doc: str | None, *, kinds: Sequence[str] = (), rounds: int = 5, quick_rounds: int = 3
) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a short run: fewer cases and seconds")
    parser.add_argument("--rounds", type=int, help=f"default: {rounds}, with --quick {quick_rounds}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.set_defaults(most_rounds=rounds, quick_rounds=quick_rounds)
    if kinds:
        parser.add_argument("--only", nargs="+", metavar="KIND", choices=kinds, help=f"some of: {', '.join(kinds)}")
    return parser


def rounds_of(options: argparse.Namespace) -> int:
    """How many rounds were asked for."""
    if options.rounds is not None:
        return int(options.rounds)
    return int(options.quick_rounds if options.quick else options.most_rounds)


def clean() -> dict[str, str]:
    """The environment without proxies and settings that would change what is measured."""
    own = ("MINIMILL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSLKEYLOGFILE", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(own)}


@contextmanager
def server() -> Iterator[str]:
    """A running server; its base URL."""
    with process(sys.executable, "_server.py", stderr=None) as running:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{int(running.stdout.readline())}/v1"


@contextmanager
def process(
    python: str | Path, script: str, *arguments: str, stderr: IO[str] | None, folder: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A script of this folder with pipes; it ends when its standard input does."""
    command = [str(python), str(HERE / script), *arguments]
    running = subprocess.Popen(
        command, env=clean(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder
    )
    try:
        yield running
    finally:
        assert running.stdin is not None and running.stdout is not None
        running.stdin.close()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        running.stdout.close()


class Worker:
    """One kind of client."""

    def __init__(self, kind: str, running: subprocess.Popen[str], log: IO[str]) -> None:
        self.kind = kind
        self._running = running
        self._log = log
        self.versions: dict[str, str] = self._read()["versions"]

    def ask(self, do: str, task: Task) -> dict[str, Any]:
        """What a task found; `error` in it says why it found nothing."""
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps({"do": do, **task}) + "\n")
        self._running.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            if line.startswith("{"):  # some packages greet on standard output
                found: dict[str, Any] = json.loads(line)
                return found
        self._log.seek(0)
        raise SystemExit(f"{self.kind} died:\n{self._log.read()[-4000:]}")


@contextmanager
def workers(kinds: Sequence[str], results: Results) -> Iterator[list[Worker]]:
    """A process for each kind that is installed; what is not is noted."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="minimill-benchmark-"))
        found: list[Worker] = []
        for kind in kinds:
            python = peer_python(kind) if kind in IN_PEERS else Path(sys.executable)
            if not python.exists():
                results.note(f"{kind} is not installed, so it has no row: benchmarks/peers.py")
                continue
            log = stack.enter_context(open(Path(folder) / f"{len(found)}.log", "w+", encoding="utf-8"))
            own = Path(folder) / f"{len(found)}"
            own.mkdir()
            running = stack.enter_context(process(python, "_worker.py", kind, stderr=log, folder=str(own)))
            worker = Worker(kind, running, log)
            results.versions |= {f"{kind}: {name}": text for name, text in worker.versions.items()}
            found.append(worker)
        yield found


def take_turns(
    results: Results, clients: Sequence[Worker], cases: Mapping[str, tuple[str, Task]], number: int
) -> None:
    """One round: every case, and in each case every client, a different one first in each round."""
    for case, (do, task) in cases.items():
        for worker in turned(clients, number):
            print(f"round {number + 1}: {case}: {worker.kind}", file=sys.stderr)
            results.add(case, worker.kind, worker.ask(do, task))


def turned(clients: Sequence[Worker], by: int) -> list[Worker]:
    """The same, beginning with another one."""
    at = by % max(1, len(clients))
    return [*clients[at:], *clients[:at]]
