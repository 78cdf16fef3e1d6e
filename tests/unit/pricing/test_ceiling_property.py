"""For any prices, requests and usage within the documented rules: the cost never passes the ceiling."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill._errors import UnpricedModelError
from minimill._pricing import (
    Bounds,
    Clock,
    Limits,
    PriceRow,
    PriceUnknown,
    Rates,
    RequestSize,
    Situation,
    Tier,
    _cost,
    ceiling,
    cost,
    input_bound,
    output_bound,
)
from minimill._usage import Usage

NOON = dt.datetime(2026, 12, 31, 4, tzinfo=dt.UTC)
PRICES = st.decimals(0, 100, places=3) | st.sampled_from(
    [Decimal(0), Decimal("0.0000001"), Decimal("1.0000000001")]
)
NAMES = [name for name in Rates.__slots__ if name != "per_unit"]
UNITS = ("page", "web_search")
LENGTHS = st.none() | st.sampled_from([0, 1, 50, 200, 201, 1_000])


@st.composite
def all_rates(draw: st.DrawFn, needed: bool) -> Rates:
    """Prices of a row (input and output always there) or of a tier (some of them)."""
    named = draw(st.dictionaries(st.sampled_from(NAMES), PRICES, max_size=6 if needed else 3))
    if needed:
        named |= {"input_per_mtok": draw(PRICES), "output_per_mtok": draw(PRICES)}
    return Rates(**named, per_unit=draw(st.dictionaries(st.sampled_from(UNITS), PRICES)))


@st.composite
def tiers(draw: st.DrawFn, priced: bool = False) -> Tier:
    """One tier with a few conditions; now and then one that says that there is no price."""
    no_price = not priced and draw(st.integers(0, 9)) == 0
    return Tier(
        Rates() if no_price else draw(all_rates(needed=False)),
        input_over=draw(LENGTHS),
        input_from=draw(LENGTHS),
        output_over=draw(LENGTHS),
        output_from=draw(LENGTHS),
        thinking=draw(st.sampled_from([None, None, True, False])),
        service_tier=draw(st.sampled_from([None, None, None, "default", "flex", "priority"])),
        clock=draw(st.sampled_from([None, None, "peak", "night"])),
        no_price=no_price,
    )


@st.composite
def price_rows(draw: st.DrawFn, writes: str) -> tuple[PriceRow, ...]:
    """One to three rows, one after another, some for one region only."""
    return tuple(
        PriceRow(
            currency="CNY",
            since=since,
            source="https://vendor.example",
            checked=dt.date(2026, 11, 1),
            rates=draw(all_rates(needed=True)),
            tiers=tuple(draw(st.lists(tiers(), max_size=4))),
            marginal=draw(st.booleans()),
            regions=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"cn"})])),
            priced_at=draw(st.sampled_from(["request", "completion", None])),
            cache_writes=writes,
            free=draw(st.integers(0, 9)) == 0,
        )
        for since in [NOON - dt.timedelta(days=99), *sorted(draw(st.lists(MOMENTS, max_size=2)))]
    )


MOMENTS = st.integers(-60, 600).map(lambda minutes: NOON + dt.timedelta(minutes=minutes))
TIMES = st.integers(0, 23).map(dt.time)


@st.composite
def all_clocks(draw: st.DrawFn) -> dict[str, Clock]:
    """Two clocks; holidays are known until the last day of 2026."""
    return {
        name: Clock(
            "Asia/Shanghai",
            draw(st.frozensets(st.integers(0, 6))),
            tuple(draw(st.lists(st.tuples(TIMES, TIMES), max_size=2))),
            frozenset(draw(st.lists(st.sampled_from([dt.date(2026, 12, 31)])))),
            draw(st.none() | st.just(dt.date(2026, 12, 31))),
        )
        for name in ("peak", "night")
    }


@st.composite
def requests(draw: st.DrawFn) -> tuple[RequestSize, Bounds, Limits, Situation]:
    """A request, what bounds it, and the time it may take."""
    counts = st.integers(0, 2)
    size = RequestSize(
        text_bytes=draw(st.sampled_from([0, 1, 199, 200, 1_000, 5_000])),
        messages=draw(counts),
        tools=draw(counts),
        tool_bytes=draw(st.integers(0, 99)),
        schemas=draw(counts),
        schema_bytes=draw(st.integers(0, 99)),
        images=draw(counts),
        files=draw(counts),
        audio=draw(counts),
    )
    bounds = Bounds(
        per_request_tokens=draw(counts),
        per_message_tokens=draw(counts),
        tokens_per_byte=draw(st.sampled_from([Decimal(1), Decimal("0.3"), Decimal("1.1")])),
        image_tokens=draw(st.sampled_from([100] * 9 + [None])),
        file_tokens=100,
        audio_tokens=100,
        output_overshoot_tokens=draw(counts),
        limit_covers_reasoning=draw(st.booleans()),
        max_reasoning_tokens=draw(st.sampled_from([50] * 9 + [None])),
    )
    limits = Limits(
        draw(st.sampled_from([0, 1, 200, 201, 2_000])),
        draw(st.none() | st.integers(0, 99)),
        draw(st.sampled_from([None, None, 300])),
    )
    start = draw(MOMENTS)
    situation = Situation(
        start,
        start + draw(st.sampled_from([dt.timedelta(0), dt.timedelta(minutes=10), dt.timedelta(hours=9)])),
        region=draw(st.sampled_from([None, "cn", "us"])),
        service_tier=draw(st.sampled_from([None, "default", "auto", "flex", "priority"])),
        thinking=draw(st.sampled_from([None, True, False])),
        explicit_cache=draw(st.booleans()),
        long_cache=draw(st.booleans()),
        images=draw(st.booleans()),
        audio=draw(st.booleans()),
        audio_output=draw(st.booleans()),
        n=draw(st.integers(1, 3)),
        unit_limits=draw(st.dictionaries(st.sampled_from(UNITS), st.integers(0, 3), max_size=1)),
    )
    return size, bounds, limits, situation


def part(draw: st.DrawFn, most: int, possible: bool = True) -> int | None:
    """Some tokens of a total, all of them, none, or not reported."""
    if not possible:
        return draw(st.sampled_from([None, 0]))
    return draw(st.sampled_from([None, 0, most]) | st.integers(0, most))


@st.composite
def answers(
    draw: st.DrawFn, writes: str
) -> tuple[RequestSize, Bounds, Limits, Situation, Situation, Usage | None]:
    """A request and what a vendor can report for it; no usage where the request has no bound."""
    size, bounds, limits, asked = draw(requests())
    most_in, most_out = input_bound(size, bounds, limits), output_bound(bounds, limits, asked)
    if isinstance(most_in, str) or isinstance(most_out, str):
        return size, bounds, limits, asked, asked, None
    tokens_in, tokens_out = part(draw, most_in) or 0, part(draw, most_out) or 0
    cached = part(draw, tokens_in)
    can_write = writes == "implicit" or (writes == "explicit" and asked.explicit_cache)
    written = part(draw, tokens_in - (cached or 0), can_write)
    length = asked.finished - asked.started
    started = asked.started + length * draw(st.sampled_from([0, 0.5, 1]))
    usage = Usage(
        tokens_in,
        tokens_out,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        cache_write_long_tokens=part(draw, written or 0, asked.long_cache),
        reasoning_tokens=part(draw, tokens_out, asked.thinking is not False),
        audio_input_tokens=part(draw, tokens_in, asked.audio or bool(size.audio or size.files)),
        image_input_tokens=part(draw, tokens_in, asked.images or bool(size.images or size.files)),
        audio_output_tokens=part(draw, tokens_out, asked.audio_output),
        units={name: draw(st.integers(0, most)) for name, most in asked.unit_limits.items()},
    )
    told = Situation(
        started,
        draw(st.sampled_from([started, started + (asked.finished - started) / 2, asked.finished])),
        region=asked.region,
        service_tier=draw(st.sampled_from([asked.service_tier, None, "default"])),
        thinking=asked.thinking if asked.thinking is not None else draw(st.sampled_from([None, True, False])),
        explicit_cache=asked.explicit_cache,
        long_cache=asked.long_cache,
        images=asked.images,
        audio=asked.audio,
        audio_output=asked.audio_output,
        n=asked.n,
    )
    return size, bounds, limits, asked, told, usage


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["none", "implicit", "explicit"]).flatmap(lambda w: st.tuples(price_rows(w), answers(w))),
    all_clocks(),
    st.sampled_from(["flex", "priority", None]),
)
def test_no_answer_within_the_rules_costs_more_than_the_ceiling(drawn, clocks, served) -> None:
    """Whatever was not reported, whenever it ended, however it was served."""
    rows, (size, bounds, limits, asked, told, usage) = drawn
    if asked.service_tier == "auto" and all(row.free or served in tier_names(row) for row in rows):
        told = replace(told, service_tier=served)
    try:
        most = ceiling(size, rows, bounds, limits, asked, clocks)
    except UnpricedModelError:
        return
    if usage is None:
        assert most.money.nanos == 0
    else:
        assert cost(usage, rows, told, clocks=clocks).money <= most.money


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["none", "implicit", "explicit"]).flatmap(lambda w: st.tuples(price_rows(w), answers(w))),
    all_clocks(),
)
def test_the_short_way_finds_what_the_long_way_finds(drawn, clocks) -> None:
    """Where nothing about the input is open, its tokens are multiplied straight away."""
    rows, (*_, told, usage) = drawn
    usage = usage or Usage(20, 10, 5, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cost, "CLOSED", None)
        long = charge_or_reason(usage, rows, told, clocks)
    assert charge_or_reason(usage, rows, told, clocks) == long


def charge_or_reason(usage: Usage, rows, told: Situation, clocks) -> object:
    try:
        return cost(usage, rows, told, clocks=clocks)
    except PriceUnknown as unknown:
        return unknown.reason


def tier_names(row: PriceRow) -> set[str | None]:
    return {tier.service_tier for tier in row.tiers}


@given(all_rates(needed=True), st.lists(tiers(priced=True), max_size=3), st.data())
def test_a_second_calculator_agrees(base: Rates, more: list[Tier], data: st.DataObject) -> None:
    """Everything known, nothing special: the same sum in fractions, written the other way round."""
    row = PriceRow(
        "CNY", NOON, "https://vendor.example", NOON.date(), base, tiers=tuple(more), priced_at="request"
    )
    all_in, all_out = data.draw(st.integers(0, 2_000)), data.draw(st.integers(0, 2_000))
    cached = data.draw(st.integers(0, all_in))
    written = data.draw(st.integers(0, all_in - cached))
    thought, peak = data.draw(st.booleans()), data.draw(st.booleans())
    served = data.draw(st.sampled_from([None, *(tier.service_tier for tier in more)]))
    usage = Usage(
        all_in,
        all_out,
        cached,
        written,
        cache_write_long_tokens=0,
        audio_input_tokens=0,
        image_input_tokens=0,
        audio_output_tokens=0,
        reasoning_tokens=min(1, all_out) if thought else 0,
    )
    thought = thought and all_out > 0
    spans = ((dt.time(0), dt.time(0)),) if peak else ()
    clocks = {"peak": Clock("UTC", spans=spans), "night": Clock("UTC", spans=spans)}

    def price(*names: str) -> Fraction:
        for name in names:
            for tier in reversed(more):
                value = getattr(tier.rates, name)
                if value is not None and applies(tier):
                    return Fraction(value)
            if getattr(base, name) is not None:
                return Fraction(getattr(base, name))
        return Fraction(0)

    def applies(tier: Tier) -> bool:
        wrong = [
            tier.input_over is not None and not all_in > tier.input_over,
            tier.input_from is not None and not all_in >= tier.input_from,
            tier.output_over is not None and not all_out > tier.output_over,
            tier.output_from is not None and not all_out >= tier.output_from,
            tier.thinking is not None and tier.thinking is not thought,
            tier.service_tier is not None and tier.service_tier != (served or "default"),
            tier.clock is not None and not peak,
        ]
        return not any(wrong)

    nanos = 1_000 * (
        (all_in - cached - written) * price("input_per_mtok")
        + cached * price("cached_input_per_mtok", "input_per_mtok")
        + written * price("cache_write_per_mtok", "input_per_mtok")
        + all_out * price("output_per_mtok")
    ) + 10**9 * price("per_request")
    charge = cost(usage, [row], Situation(NOON, NOON, service_tier=served), clocks=clocks)
    assert charge.money.nanos == ceil(nanos)
    assert sum(Fraction(bucket.nanos) for bucket in charge.buckets) == nanos
    assert charge.exact


@pytest.mark.parametrize("explicit", [True, False])
def test_the_examples_above_are_not_all_refused(explicit: bool) -> None:
    """One of them, by hand: the ceiling is reached exactly."""
    row = PriceRow(
        "CNY",
        NOON,
        "https://vendor.example",
        NOON.date(),
        Rates(input_per_mtok=Decimal(1), cache_write_per_mtok=Decimal("1.25"), output_per_mtok=Decimal(4)),
        tiers=(Tier(Rates(output_per_mtok=Decimal(8)), output_over=99),),
        cache_writes="explicit",
    )
    situation = Situation(NOON, NOON, explicit_cache=explicit)
    bounds = Bounds(per_request_tokens=0, per_message_tokens=0)
    most = ceiling(RequestSize(1_000, 1), [row], bounds, Limits(100), situation)
    usage = Usage(1_000, 100, cached_input_tokens=0, cache_write_tokens=1_000 if explicit else 0)
    assert cost(usage, [row], situation).money == most.money
