#!/usr/bin/env python3
"""Environments of their own for what minimill is compared with: benchmarks/.peers/, which git does not see.

    benchmarks/peers.py [--upgrade] [NAME[==VERSION] …]

NAME is aiohttp, openai or litellm; left out, all three. The newest versions are taken; results name them. What is
already there is kept, unless a version or --upgrade asks for another. To be rid of them all, delete benchmarks/.peers/.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from _bench import PEERS, peer_python

NAMES = ("aiohttp", "openai", "litellm")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", nargs="*", metavar="NAME[==VERSION]", default=list(NAMES))
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    for wanted in options.peers:
        name = wanted.partition("==")[0]
        if name not in NAMES:
            raise SystemExit(f"no peer is called {name!r}; known are {', '.join(NAMES)}")
        python = peer_python(name)
        if "==" in wanted or options.upgrade or not installed(python, name):
            install(python, wanted, upgrade=options.upgrade)
        print(f"{name} {version(python, name)} in {PEERS / name}")


def installed(python: Path, name: str) -> bool:
    return python.exists() and version(python, name) != ""


def version(python: Path, name: str) -> str:
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    found = subprocess.run([python, "-c", code, name], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def install(python: Path, wanted: str, *, upgrade: bool) -> None:
    if not python.exists():
        run([sys.executable, "-m", "venv", "--clear", python.parent.parent])
    options = ["--upgrade"] if upgrade else []
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, wanted])


def run(command: list[str | Path]) -> None:
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"this did not work: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
