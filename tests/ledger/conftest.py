"""Every engine, with a clock that only tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from minimill.ledger import Ledger, open_ledger

from .made import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/books/ledger.db"}[request.param]


@pytest.fixture
async def ledger(url: str, clock: Clock) -> AsyncIterator[Ledger]:
    """A ledger whose books add up when the test is over."""
    made = open_ledger(url, clock=clock)
    yield made
    if not getattr(made, "_closed", False):
        assert await made.audit() == []
    await made.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def again(url: str, clock: Clock) -> Callable[[], Ledger]:
    """Another ledger object of the same URL."""
    return lambda: open_ledger(url, clock=clock)
