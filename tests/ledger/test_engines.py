"""What every ledger promises, on every engine and event loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from minimill.ledger import open_ledger
from minimill.testing.ledger_suite import LedgerSuite, Open
from minimill.testing.ledger_suite._histories import Model, play

from .conftest import fresh


def opener(url: str) -> Open:
    return lambda clock: open_ledger(url, clock=clock)


class TestMemory(LedgerSuite):
    histories = 200

    @pytest.fixture
    def new_books(self) -> Callable[[], Open]:
        return lambda: opener("memory:")


class TestSqlite(LedgerSuite):
    @pytest.fixture
    def new_books(self, folder: Path) -> Callable[[], Open]:
        numbers = itertools.count()
        return lambda: opener(f"sqlite:///{folder}/{next(numbers)}.db")


class TestRedis(LedgerSuite):
    @pytest.fixture
    def new_books(self, redis_url: str) -> Callable[[], Open]:
        return lambda: opener(fresh(redis_url))


class TestPostgres(LedgerSuite):
    @pytest.fixture
    def new_books(self, postgres_url: str) -> Callable[[], Open]:
        return lambda: opener(fresh(postgres_url))


def test_the_model_is_not_always_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison does compare: a history that the model was not told of fails."""
    monkeypatch.setattr(Model, "reserve", lambda self, name, amount: "held")
    with pytest.raises(AssertionError):
        anyio.run(play, [("reserve", "a", 5)], opener("memory:"))
