"""An exchange rate is of a day that has come, somewhere on earth."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

import minimill
from minimill._config import _build, load_settings


def at(monkeypatch: pytest.MonkeyPatch, hour: int) -> None:
    """Stop the clock on 25 November 2026 in UTC."""

    class Stopped(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime(2026, 11, 25, hour, tzinfo=tz)

    monkeypatch.setattr(_build.dt, "datetime", Stopped)


def settings_of(day: int) -> Any:
    rate = {"rate": Decimal("7.1"), "date": dt.date(2026, 11, day), "margin": Decimal(0)}
    return load_settings({"rates": {"USD/CNY": rate}})


@pytest.mark.parametrize(("hour", "day"), [(0, 25), (9, 25), (10, 26), (23, 26)])
def test_a_rate_of_today_somewhere_is_used_at_once(monkeypatch: pytest.MonkeyPatch, hour: int, day: int) -> None:
    """From ten o'clock in UTC on it is tomorrow on the Line Islands, and calls before that day convert by it."""
    at(monkeypatch, hour)
    exchange = settings_of(day).exchange
    converted = exchange.convert(minimill.Money.of("2 USD"), "CNY", on=dt.date(2026, 11, 25))
    assert (str(converted.money), converted.age_days) == ("¥14.20", 0)


@pytest.mark.parametrize(("hour", "day"), [(9, 26), (10, 27), (23, 27)])
def test_a_rate_of_the_future_is_refused_at_load(monkeypatch: pytest.MonkeyPatch, hour: int, day: int) -> None:
    """A slip in the year would else count as fresh for years."""
    at(monkeypatch, hour)
    with pytest.raises(minimill.ConfigError, match="expected a day that has come somewhere on earth"):
        settings_of(day)
