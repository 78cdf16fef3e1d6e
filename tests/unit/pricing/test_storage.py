"""What keeping an explicit cache costs: by the hour begun, at the dearest price that can hold in it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from minimill._pricing import PriceUnknown, storage_cost

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def hours(count: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=count)


@pytest.fixture
def ark(make):
    """Doubao: 0.017 CNY per million tokens and hour."""
    return make.row(base=make.rates(input="6", output="30", cache_storage_per_mtok_hour="0.017"))


@pytest.mark.parametrize(
    ("tokens", "end", "nanos", "exact"),
    [
        (1_000_000, hours(1), 17_000_000, True),
        (1_000_000, hours(24), 408_000_000, True),
        (250_000, hours(2), 8_500_000, True),
        (1_000_000, hours(1.001), 34_000_000, False),
        (1_000_000, hours(0.001), 17_000_000, False),
        (1, hours(1), 17, True),
        (0, hours(1), 0, True),
        (1_000_000, NOON, 0, True),
    ],
)
def test_hours(ark, tokens: int, end: dt.datetime, nanos: int, exact: bool) -> None:
    """0.017 × millions × hours begun."""
    charge = storage_cost(tokens, [ark], NOON, end)
    assert (charge.money.nanos, charge.money.currency, charge.exact) == (nanos, "CNY", exact)
    assert [bucket.nanos for bucket in charge.buckets] == ([Decimal(nanos)] if nanos else [])
    assert all((b.name, b.price) == ("cache_storage", Decimal("0.017")) for b in charge.buckets)


def test_a_new_price_counts_from_its_hour(ark, make) -> None:
    """Two hours at each; one in which the price changes at the dearer, and that is said."""
    rates = make.rates(input="6", output="30", cache_storage_per_mtok_hour="0.03")
    later = make.row(since=hours(2), base=rates)
    charge = storage_cost(1_000_000, [ark, later], NOON, hours(4))
    assert (charge.money.nanos, charge.exact, len(charge.buckets)) == (2 * 17_000_000 + 2 * 30_000_000, True, 2)
    shifted = storage_cost(1_000_000, [ark, later], hours(0.5), hours(2.5))
    assert (shifted.money.nanos, shifted.exact) == (17_000_000 + 30_000_000, False)


def test_tiers_that_differ_leave_the_dearer(make) -> None:
    """Nobody says which length of input a stored cache falls under."""
    row = make.row(
        make.tier(input_over=200_000, cache_storage_per_mtok_hour="9"),
        base=make.rates(input="1", output="4", cache_storage_per_mtok_hour="4.5"),
    )
    charge = storage_cost(1_000_000, [row], NOON, hours(1))
    assert (charge.money.nanos, charge.exact) == (9_000_000_000, False)


def test_a_free_model_keeps_it_for_nothing(make) -> None:
    """Its row is free of everything."""
    row = make.row(base=make.rates(), free=True)
    assert storage_cost(1_000_000, [row], NOON, hours(3)).money.nanos == 0


def test_what_is_unknown_is_not_zero(ark, make) -> None:
    """No price for storage, no row at all, rows in two currencies, or more than the books can hold."""
    with pytest.raises(PriceUnknown, match=r"^its price row has no price for keeping a cache$"):
        storage_cost(1, [make.row()], NOON, hours(1))
    with pytest.raises(PriceUnknown, match=r"^it has no price row$"):
        storage_cost(1, [], NOON, hours(1))
    dollars = make.row(since=hours(1), currency="USD", base=ark.rates)
    with pytest.raises(PriceUnknown, match=r"^rows in CNY and USD may both apply"):
        storage_cost(1, [ark, dollars], NOON, hours(2))
    with pytest.raises(PriceUnknown, match="more than the books can hold"):
        storage_cost(10**20, [ark], NOON, hours(1))


@pytest.mark.parametrize(("tokens", "end"), [(-1, hours(1)), (1, hours(-1))])
def test_what_cannot_be(ark, tokens: int, end: dt.datetime) -> None:
    """Refused."""
    with pytest.raises(ValueError, match=r"^a cache of -?1 tokens cannot be kept from "):
        storage_cost(tokens, [ark], NOON, end)
