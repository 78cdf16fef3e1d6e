"""Price rows as vendors print them, shortened to what the tests need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from minimill._pricing import Clock, PriceRow, Rates, Situation, Tier

BEIJING = dt.timezone(dt.timedelta(hours=8))


def rates(**prices: str | Mapping[str, Decimal]) -> Rates:
    """Prices by short name: `input="0.8"`; fees by full name."""
    fees = {"per_request", "per_unit", "cache_storage_per_mtok_hour"}
    named: dict[str, Any] = {
        name if name in fees else f"{name}_per_mtok": Decimal(price) if isinstance(price, str) else price
        for name, price in prices.items()
    }
    return Rates(**named)


def tier(
    *,
    input_over: int | None = None,
    input_from: int | None = None,
    output_over: int | None = None,
    output_from: int | None = None,
    thinking: bool | None = None,
    service_tier: str | None = None,
    clock: str | None = None,
    no_price: bool = False,
    **prices: str | Mapping[str, Decimal],
) -> Tier:
    """Conditions and prices in one call."""
    return Tier(
        rates(**prices),
        input_over=input_over,
        input_from=input_from,
        output_over=output_over,
        output_from=output_from,
        thinking=thinking,
        service_tier=service_tier,
        clock=clock,
        no_price=no_price,
    )


def row(
    *tiers: Tier,
    since: dt.datetime | str = "2026-01-01T00:00:00+08:00",
    until: str | None = None,
    currency: str = "CNY",
    base: Rates | None = None,
    **fields: Any,
) -> PriceRow:
    """A row in force from 2026 on, 1 in and 4 out unless said."""
    return PriceRow(
        currency=currency,
        since=since if isinstance(since, dt.datetime) else dt.datetime.fromisoformat(since),
        until=None if until is None else dt.datetime.fromisoformat(until),
        source="https://vendor.example/pricing",
        checked=dt.date(2026, 11, 1),
        rates=base if base is not None else rates(input="1", output="4"),
        tiers=tiers,
        **fields,
    )


def at(start: str = "2026-11-22T10:00:00+08:00", end: str | None = None, **fields: Any) -> Situation:
    """A call that starts and ends then."""
    started = dt.datetime.fromisoformat(start)
    return Situation(started, started if end is None else dt.datetime.fromisoformat(end), **fields)


class Make:
    """The builders above, as one fixture."""

    row = staticmethod(row)
    tier = staticmethod(tier)
    rates = staticmethod(rates)
    at = staticmethod(at)


@pytest.fixture
def make() -> type[Make]:
    """Builders for rows, tiers, rates and situations."""
    return Make


@pytest.fixture
def doubao() -> PriceRow:
    """Seed 1.6: upper bounds belong to the lower tier, short answers are cheap, the cached price is flat."""
    return row(
        tier(output_over=200, output="8"),
        tier(input_over=32_000, input="1.2", output="16"),
        tier(input_over=128_000, input="2.4", output="24"),
        base=rates(input="0.8", cached_input="0.16", output="2"),
        priced_at="request",
    )


@pytest.fixture
def glm() -> PriceRow:
    """GLM-4.7: lower bounds belong to the upper tier."""
    return row(
        tier(output_from=200, input="3", cached_input="0.6", output="14"),
        tier(input_from=32_000, input="4", cached_input="0.8", output="16"),
        base=rates(input="2", cached_input="0.4", output="8"),
    )


@pytest.fixture
def qwen() -> PriceRow:
    """qwen-plus: thinking has an output price of its own in each tier."""
    return row(
        tier(thinking=True, output="8"),
        tier(input_over=128_000, input="2.4", cached_input="0.48", explicit_cached_input="0.24", output="20"),
        tier(input_over=128_000, thinking=True, output="24"),
        base=rates(
            input="0.8", cached_input="0.16", explicit_cached_input="0.08", cache_write="1", output="2"
        ),
        cache_writes="explicit",
    )


@pytest.fixture
def openai() -> PriceRow:
    """gpt-6-sol: everything dearer above 272,000, cache writes at 1.25 times the input price."""
    return row(
        tier(
            input_over=272_000,
            input="4",
            cached_input="0.4",
            cache_write="5",
            cache_write_long="10",
            output="15",
        ),
        tier(
            service_tier="flex",
            input="1",
            cached_input="0.1",
            cache_write="1.25",
            cache_write_long="2.5",
            output="5",
        ),
        currency="USD",
        base=rates(input="2", cached_input="0.2", cache_write="2.5", cache_write_long="5", output="10"),
        cache_writes="implicit",
    )


@pytest.fixture
def deepseek() -> PriceRow:
    """deepseek-flash: double in peak hours."""
    return row(
        tier(clock="peak", input="2", cached_input="0.04", output="8"),
        base=rates(input="1", cached_input="0.02", output="4"),
        priced_at="request",
    )


@pytest.fixture
def peak() -> Mapping[str, Clock]:
    """Monday to Friday, 9 to 12 and 14 to 18 Beijing time; holidays known for 2026."""
    clock = Clock(
        zone="Asia/Shanghai",
        weekdays=frozenset(range(5)),
        spans=((dt.time(9), dt.time(12)), (dt.time(14), dt.time(18))),
        holidays=frozenset({dt.date(2026, 10, 1), dt.date(2026, 10, 2)}),
        holidays_known_until=dt.date(2026, 12, 31),
    )
    return {"peak": clock}
