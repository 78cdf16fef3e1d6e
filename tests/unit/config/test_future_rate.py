"""An exchange rate is of a day that has come."""

import datetime as dt
from decimal import Decimal

import pytest

import minimill
from minimill._config import load_settings


def test_a_rate_of_the_future_is_refused() -> None:
    """A slip in the year would else count as fresh for years; tomorrow is allowed for other time zones."""
    today = dt.datetime.now(dt.UTC).date()
    rate = {"rate": Decimal("7.1"), "date": today + dt.timedelta(days=1)}
    load_settings({"rates": {"USD/CNY": rate}})
    rate["date"] = today + dt.timedelta(days=2)
    with pytest.raises(minimill.ConfigError, match="expected a day that has come"):
        load_settings({"rates": {"USD/CNY": rate}})
