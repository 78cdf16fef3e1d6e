"""Every engine, with a clock that only tests move."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from minimill.ledger import Ledger, open_ledger

from .made import Clock

SHARED_MEMORY = "/dev/shm"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Somewhere a sync costs nothing, where the system has such a place: these tests cut no power."""
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="minimill-") as made:
        yield Path(made)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "ledger.db"


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
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
