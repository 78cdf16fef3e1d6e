"""Which ledger a URL names, and what is said about URLs that name none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minimill import ConfigError, ledger
from minimill.ledger import Ledger, open_ledger
from minimill.ledger.memory import MemoryLedger
from minimill.ledger.sqlite import SqliteLedger


@pytest.mark.parametrize("url", ["memory:", "memory://"])
def test_memory(url: str) -> None:
    """Books in memory; they are a Ledger."""
    made = open_ledger(url)
    assert isinstance(made, MemoryLedger)
    assert isinstance(made, Ledger)
    assert made.url == "memory:"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///books/ledger.db", "{here}/books/ledger.db"),
        ("sqlite:////var/lib/ledger.db", "/var/lib/ledger.db"),
        ("sqlite:////var/my%20app/ledger.db", "/var/my app/ledger.db"),
        ("sqlite:///~/ledger.db", "{home}/ledger.db"),
    ],
)
def test_sqlite(url: str, path: str) -> None:
    """A path after three strokes is relative to the working folder, after four absolute."""
    made = open_ledger(url)
    assert isinstance(made, SqliteLedger)
    assert isinstance(made, Ledger)
    expected = path.format(here=os.getcwd(), home=os.environ["HOME"])
    assert made.path == expected
    assert made.url == f"sqlite:///{expected}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlit:///x.db", r"no ledger is called 'sqlit'; known are memory:, sqlite: \(did you mean sqlite:\?\)"),
        ("redis://localhost", "no ledger is called 'redis'; known are memory:, sqlite:$"),
        ("ledger.db", r"a URL beginning with one of memory:, sqlite:, such as sqlite:///ledger\.db"),
        ("", r"such as sqlite:///ledger\.db"),
        ("sqlite:ledger.db", r"write sqlite:///relative/path\.db or sqlite:////absolute/path\.db"),
        ("sqlite://host/x.db", "write sqlite:///relative"),
        ("sqlite:///", "ending in a file name"),
        ("sqlite:///folder/", "ending in a file name"),
        ("sqlite::memory:", "books in memory are written memory:"),
        ("memory:name", "books in memory have no name"),
    ],
)
def test_no_ledger(url: str, said: str) -> None:
    """The message shows what was written and what is expected."""
    with pytest.raises(ConfigError, match=said) as caught:
        open_ledger(url)
    assert f"ledger = {url!r}" in str(caught.value)


def test_public_names_exist() -> None:
    """Everything in `__all__` is there, and every class of the interface is in it."""
    assert all(hasattr(ledger, name) for name in ledger.__all__)
    assert {"Ledger", "SpendRow", "SpendLine", "Claim", "Balance", "open_ledger"} <= set(ledger.__all__)


def test_importing_it_brings_in_no_engine() -> None:
    """Not before a ledger is opened is sqlite3, an event loop or a time zone imported."""
    program = "import sys; before = set(sys.modules); import minimill.ledger; print(*(set(sys.modules) - before))"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    out = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=bare,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(out.stdout.split()).isdisjoint({"sqlite3", "asyncio", "trio", "anyio", "zoneinfo"})
