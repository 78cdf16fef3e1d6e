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
from minimill.ledger.postgres import PostgresLedger
from minimill.ledger.redis import RedisLedger
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
        (
            "sqlit:///x.db",
            r"no ledger is called 'sqlit'; known are memory:, sqlite:, redis:, rediss:, postgresql: "
            r"\(did you mean sqlite:\?\)",
        ),
        ("mysql://localhost", "no ledger is called 'mysql'; known are memory:, sqlite:, redis:, rediss:, postgresql:"),
        ("postgres:x", r"did you mean postgresql:\?"),
        (
            "ledger.db",
            r"a URL beginning with one of memory:, sqlite:, redis:, rediss:, postgresql:, such as sqlite:///ledger\.db",
        ),
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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost?ledger=minimill"),
        ("redis://ann:s3cret@host:7000/2?ledger=acme", "redis://host:7000/2?ledger=acme"),
        ("rediss://:s3cret@host/0?ssl_cert_reqs=none", "rediss://host/0?ledger=minimill"),
        ("unix:///run/redis.sock?ledger=acme&db=2", "unix:///run/redis.sock?ledger=acme"),
    ],
)
def test_redis(url: str, shown: str) -> None:
    """A Redis or Valkey server; what is shown of its URL holds no password."""
    made = open_ledger(url)
    assert isinstance(made, RedisLedger)
    assert isinstance(made, Ledger)
    assert made.url == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://host/books", "postgresql://host/books?ledger=minimill"),
        ("postgres://ann:s3cret@host/books?sslmode=require&ledger=acme", "postgres://host/books?ledger=acme"),
        ("postgresql:///books?host=/run&password=s3cret", "postgresql:///books?ledger=minimill"),
    ],
)
def test_postgres(url: str, shown: str) -> None:
    """A PostgreSQL server; what is shown of its URL holds no password."""
    made = open_ledger(url)
    assert isinstance(made, PostgresLedger)
    assert isinstance(made, Ledger)
    assert made.url == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://ann:s3cret@host/0?ledger=My-Books", r"\?ledger= names the ledger .* not 'My-Books'"),
        ("postgresql://ann:s3cret@host/books?nonsense=1", "not a URL that PostgreSQL's clients know"),
        ("redis://ann:s3cret@host:port/0", "redis://host:port/0"),
    ],
)
def test_wrong_urls_of_servers(url: str, said: str) -> None:
    """The message tells what is expected, and no password."""
    with pytest.raises(ConfigError, match=said) as caught:
        open_ledger(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("redis://:s3cret@host", "redis", "redis"), ("postgresql://:s3cret@host/x", "psycopg", "postgres")],
)
def test_an_extra_that_is_missing_is_named(url: str, module: str, extra: str) -> None:
    """Without the driver the error says what to install."""
    program = f"""
import sys
sys.modules[{module!r}] = None
from minimill import ConfigError
from minimill.ledger import open_ledger
try:
    open_ledger({url!r})
except ConfigError as error:
    print(error)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert f"needs {module}, which is not installed; pip install 'minimill[{extra}]'" in out
    assert "s3cret" not in out


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
    assert set(out.stdout.split()).isdisjoint({"sqlite3", "asyncio", "trio", "anyio", "zoneinfo", "redis", "psycopg"})
