"""Every engine, with a clock that only tests move."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from minimill.ledger import Ledger, open_ledger

from . import servers
from .made import Clock
from .servers import quick_folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Somewhere a sync costs nothing, where the system has such a place: these tests cut no power."""
    with tempfile.TemporaryDirectory(dir=quick_folder(), prefix="minimill-") as made:
        yield Path(made)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "ledger.db"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


def fresh(url: str) -> str:
    """A ledger on a server that no test has used."""
    return f"{url}{'&' if '?' in url else '?'}ledger=t{os.urandom(8).hex()}"


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    if request.param in ("redis", "postgres"):
        return fresh(request.getfixturevalue(f"{request.param}_url"))
    return {"memory": "memory:", "sqlite": f"sqlite:///{path}"}[request.param]


@pytest.fixture
async def ledger(url: str, clock: Clock) -> AsyncIterator[Ledger]:
    """A ledger whose books add up when the test is over."""
    made = open_ledger(url, clock=clock)
    yield made
    if not getattr(made, "_closed", False):
        assert await made.audit() == []
    await made.aclose()


@pytest.fixture
def again(url: str, clock: Clock) -> Callable[[], Ledger]:
    """Another ledger object of the same URL."""
    return lambda: open_ledger(url, clock=clock)


@pytest.fixture(params=["redis", "postgres"])
def server_url(request: pytest.FixtureRequest) -> str:
    """A ledger of its own on a server."""
    return fresh(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def relay(server_url: str) -> Iterator[servers.Relay]:
    """A server behind a relay that can be told to fail."""
    with servers.Relay(server_url) as made:
        yield made
