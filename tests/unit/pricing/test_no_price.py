"""A tier without a price: unknown where it holds, refused where it may, and of no matter elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minimill._errors import UnpricedModelError
from minimill._pricing import Bounds, Limits, PriceRow, PriceUnknown, RequestSize, ceiling, cost, tier_words
from minimill._usage import Usage

EXACT = Bounds(per_request_tokens=0, per_message_tokens=0)


@pytest.fixture
def gpt55(make) -> PriceRow:
    """gpt-5.5: what its priority tier costs above 272,000 is printed nowhere."""
    return make.row(
        make.tier(input_over=272_000, input="10", output="45"),
        make.tier(service_tier="priority", input="12.5", output="75", per_request="0.01"),
        make.tier(service_tier="priority", input_over=272_000, no_price=True),
        base=make.rates(input="5", output="30", per_unit={"web_search": Decimal(1)}),
        currency="USD",
    )


def usage(tokens_in: int, tokens_out: int = 1, **parts: int) -> Usage:
    return Usage(tokens_in, tokens_out, cached_input_tokens=0, cache_write_tokens=0, units=parts)


def test_where_it_holds_the_cost_is_unknown(gpt55, make) -> None:
    """Neither zero nor what the tiers before it say."""
    served = make.at(service_tier="priority")
    assert cost(usage(272_000), [gpt55], served).money.nanos == 272_000 * 12_500 + 75_000 + 10_000_000
    with pytest.raises(PriceUnknown) as unknown:
        cost(usage(272_001), [gpt55], served)
    assert unknown.value.reason == (
        "its price row has no price for input > 272,000 and service tier priority"
    )
    assert cost(usage(272_001), [gpt55], make.at()).money.nanos == 272_001 * 10_000 + 45_000


@pytest.mark.parametrize("most", [271_999, 272_000, 272_001])
def test_what_may_come_under_it_is_refused_before_it_is_sent(gpt55, make, most: int) -> None:
    """Only where the input can be that long, and only on that tier of service."""
    size, limits = RequestSize(most, 0), Limits(10)
    plain = ceiling(size, [gpt55], EXACT, limits, make.at())
    dear, dear_out = (10, 45) if most > 272_000 else (5, 30)
    assert plain.money.nanos == most * dear * 1_000 + 10 * dear_out * 1_000
    if most <= 272_000:
        asked = ceiling(size, [gpt55], EXACT, limits, make.at(service_tier="priority"))
        assert asked.money.nanos == most * 12_500 + 10 * 75_000 + 10_000_000
        return
    for tier in ("priority", "auto"):
        with pytest.raises(UnpricedModelError, match=r"no price for input > 272,000 and service tier priority$"):
            ceiling(size, [gpt55], EXACT, limits, make.at(service_tier=tier))


def test_it_takes_fees_away_too(make) -> None:
    """A later tier that prices the tokens anew brings back neither the fee nor the units of the row."""
    row = make.row(
        make.tier(thinking=True, no_price=True),
        make.tier(thinking=True, service_tier="flex", input="2", output="3"),
        base=make.rates(input="1", output="4", per_request="1", per_unit={"web_search": Decimal(1)}),
    )
    thinks = make.at(thinking=True, service_tier="flex", unit_limits={})
    assert cost(usage(10, 10), [row], thinks).money.nanos == 50_000
    with pytest.raises(PriceUnknown, match=r"^web_search was used and has no price$"):
        cost(usage(10, 10, web_search=1), [row], thinks)
    with pytest.raises(PriceUnknown, match=r"^its price row has no price for thinking$"):
        cost(usage(10, 10), [row], make.at(thinking=True))
    assert cost(usage(10, 10), [row], make.at(thinking=False)).money.nanos == 50_000 + 10**9


def test_one_that_surely_holds_leaves_only_what_comes_after_it(make) -> None:
    """The ceiling of such a row: the prices of the last tier, however dear those before are."""
    row = make.row(
        make.tier(thinking=True, no_price=True),
        make.tier(thinking=True, input="2", output="3"),
        base=make.rates(input="100", output="100", per_request="1"),
    )
    most = ceiling(RequestSize(10, 0), [row], EXACT, Limits(10), make.at(thinking=True))
    assert most.money.nanos == 50_000
    with pytest.raises(UnpricedModelError, match=r"^its price row has no price for thinking$"):
        ceiling(RequestSize(10, 0), [row], EXACT, Limits(10), make.at())


def test_a_search_that_may_have_no_price_is_refused(make) -> None:
    """One that is allowed to run a search, where thinking has no price for it."""
    row = make.row(
        make.tier(thinking=True, no_price=True),
        make.tier(thinking=True, input="2", output="3"),
        base=make.rates(input="1", output="4", per_unit={"web_search": Decimal(1)}),
    )
    size, limits, searches = RequestSize(10, 0), Limits(10), {"web_search": 1}
    off = ceiling(size, [row], EXACT, limits, make.at(thinking=False, unit_limits=searches))
    assert off.money.nanos == 10_000 + 40_000 + 10**9
    thinks = make.at(thinking=True, unit_limits=searches)
    with pytest.raises(UnpricedModelError, match=r"^web_search has no price; do not use it, or give its price$"):
        ceiling(size, [row], EXACT, limits, thinks)


def test_it_says_so_in_words(gpt55) -> None:
    """As tables and bills print it."""
    assert [tier_words(tier) for tier in gpt55.tiers] == [
        "input > 272,000",
        "service tier priority",
        "input > 272,000 and service tier priority: no price",
    ]
