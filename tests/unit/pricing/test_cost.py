"""What reported usage costs. Expected amounts are worked out by hand: nanos = price × tokens × 1,000."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext

import pytest

from minimill._money import Money
from minimill._pricing import PriceUnknown, cost
from minimill._usage import Usage


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "nanos", "conditions"),
    [
        (32_000, 200, 26_000_000, ()),  # 0.8 × 32,000 + 2 × 200
        (32_000, 201, 27_208_000, ("output > 200",)),  # 0.8 × 32,000 + 8 × 201
        (32_001, 200, 41_601_200, ("input > 32,000",)),  # 1.2 × 32,001 + 16 × 200
        (32_001, 201, 41_617_200, ("output > 200", "input > 32,000")),
        (128_000, 200, 156_800_000, ("input > 32,000",)),  # 1.2 × 128,000 + 16 × 200
        (128_001, 200, 312_002_400, ("input > 32,000", "input > 128,000")),  # 2.4 × 128,001 + 24 × 200
        (0, 0, 0, ()),
        (1, 0, 800, ()),
    ],
)
def test_tiers_that_include_their_upper_bound(doubao, make, tokens_in, tokens_out, nanos, conditions) -> None:
    """Doubao: by input and by output length."""
    usage = Usage(tokens_in, tokens_out, cached_input_tokens=0)
    charge = cost(usage, [doubao], make.at())
    assert charge.money == Money(nanos, "CNY")
    assert charge.conditions == conditions
    assert charge.exact
    assert charge.row is doubao


def test_cached_tokens_count_towards_the_length(doubao, make) -> None:
    """All input picks the tier; the cached price is flat: 0.16 × 32,001 + 16 × 200."""
    charge = cost(Usage(32_001, 200, cached_input_tokens=32_001), [doubao], make.at())
    assert charge.money == Money(8_320_160, "CNY")
    assert [(bucket.name, bucket.count) for bucket in charge.buckets] == [
        ("cached_input", 32_001),
        ("output", 200),
    ]


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "nanos"),
    [
        (31_999, 199, 65_590_000),  # 2 × 31,999 + 8 × 199
        (31_999, 200, 98_797_000),  # 3 × 31,999 + 14 × 200
        (32_000, 199, 131_184_000),  # 4 × 32,000 + 16 × 199
        (32_000, 200, 131_200_000),
    ],
)
def test_tiers_that_include_their_lower_bound(glm, make, tokens_in, tokens_out, nanos) -> None:
    """GLM: 32,000 and 200 belong to the dearer tier."""
    assert cost(Usage(tokens_in, tokens_out, cached_input_tokens=0), [glm], make.at()).money.nanos == nanos


def test_the_words_of_tiers_that_include_their_lower_bound(glm, make) -> None:
    """They read differently."""
    assert cost(Usage(32_000, 200), [glm], make.at()).conditions == ("output ≥ 200", "input ≥ 32,000")


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "reasoning", "thinking", "nanos", "exact"),
    [
        (1_000, 500, 0, None, 1_800_000, True),  # 0.8 × 1,000 + 2 × 500
        (1_000, 500, 1, None, 4_800_000, True),  # 0.8 × 1,000 + 8 × 500
        (1_000, 500, None, None, 4_800_000, False),
        (1_000, 500, None, False, 1_800_000, True),
        (1_000, 500, 0, False, 1_800_000, True),
        (1_000, 500, 0, True, 4_800_000, True),
        (1_000, 500, 9, False, 4_800_000, False),  # was off, and yet it thought
        (1_000, 0, None, None, 800_000, True),  # no output: makes no difference
        (128_001, 100, 50, None, 309_602_400, True),  # 2.4 × 128,001 + 24 × 100
        (128_001, 100, 0, None, 309_202_400, True),  # 2.4 × 128,001 + 20 × 100
        (128_000, 100, 0, None, 102_600_000, True),  # 0.8 × 128,000 + 2 × 100
    ],
)
def test_thinking_has_a_price_of_its_own(
    qwen, make, tokens_in, tokens_out, reasoning, thinking, nanos, exact
) -> None:
    """qwen-plus: the whole output, at the dearer price where it is not known."""
    usage = Usage(tokens_in, tokens_out, cached_input_tokens=0, reasoning_tokens=reasoning)
    charge = cost(usage, [qwen], make.at(thinking=thinking))
    assert (charge.money.nanos, charge.exact) == (nanos, exact)
    doubt = "whether the answer counts as thinking is not known: the dearer reading"
    assert charge.assumptions == (() if exact else (doubt,))


@pytest.mark.parametrize(
    ("tokens_in", "cached", "written", "nanos"),
    [
        (272_000, 100_000, 172_000, 460_000_000),  # 0.2 × 100,000 + 2.5 × 172,000 + 10 × 1,000
        (272_001, 100_000, 172_001, 915_005_000),  # 0.4 × 100,000 + 5 × 172,001 + 15 × 1,000
        (272_000, 0, 0, 554_000_000),  # 2 × 272,000 + 10 × 1,000
        (272_001, 0, 0, 1_103_004_000),  # 4 × 272,001 + 15 × 1,000
    ],
)
def test_a_cliff_with_cache_writes(openai, make, tokens_in, cached, written, nanos) -> None:
    """OpenAI: one token more reprices the whole request."""
    usage = Usage(tokens_in, 1_000, cached_input_tokens=cached, cache_write_tokens=written)
    charge = cost(usage, [openai], make.at())
    assert (charge.money, charge.exact) == (Money(nanos, "USD"), True)


@pytest.mark.parametrize(
    ("service_tier", "nanos"),
    [
        (None, 12_000_000),
        ("default", 12_000_000),
        ("standard", 12_000_000),
        ("auto", 12_000_000),
        ("", 12_000_000),
        ("flex", 6_000_000),
    ],
)
def test_the_service_tier_that_the_answer_names(openai, make, service_tier, nanos) -> None:
    """2 × 1,000 + 10 × 1,000, half of it on flex."""
    usage = Usage(1_000, 1_000, cached_input_tokens=0, cache_write_tokens=0)
    assert cost(usage, [openai], make.at(service_tier=service_tier)).money.nanos == nanos


def test_a_tier_for_the_default_service_tier_holds_for_all_its_names(make) -> None:
    """Whatever the vendor calls it."""
    row = make.row(make.tier(service_tier="standard", input="3"))
    assert cost(Usage(1_000, 0), [row], make.at()).money.nanos == 3_000_000


def test_a_service_tier_without_a_price_is_unknown(openai, make) -> None:
    """It could be six times as dear."""
    with pytest.raises(PriceUnknown, match="service tier 'ultrafast'"):
        cost(Usage(1, 1), [openai], make.at(service_tier="ultrafast"))


@pytest.mark.parametrize(
    ("start", "nanos", "exact"),
    [
        ("2026-11-23T08:59:59", 1_400_000, True),  # 1 × 1,000 + 4 × 100
        ("2026-11-23T09:00:00", 2_800_000, True),
        ("2026-11-23T11:59:59", 2_800_000, True),
        ("2026-11-23T12:00:00", 1_400_000, True),
        ("2026-11-23T13:59:59", 1_400_000, True),
        ("2026-11-23T14:00:00", 2_800_000, True),
        ("2026-11-23T17:59:59", 2_800_000, True),
        ("2026-11-23T18:00:00", 1_400_000, True),
        ("2026-11-22T10:00:00", 1_400_000, True),  # Sunday
        ("2026-10-01T10:00:00", 1_400_000, True),  # holiday
        ("2027-01-01T10:00:00", 2_800_000, False),  # not known to be one
    ],
)
def test_peak_hours(deepseek, make, peak, start, nanos, exact) -> None:
    """DeepSeek: double in peak hours, Beijing time."""
    charge = cost(
        Usage(1_000, 100, cached_input_tokens=0), [deepseek], make.at(f"{start}+08:00"), clocks=peak
    )
    assert (charge.money.nanos, charge.exact) == (nanos, exact)
    assert charge.conditions == (("peak hours",) if nanos == 2_800_000 else ())
    if not exact:
        assert charge.assumptions == ("whether the day is a holiday is not known: the dearer reading",)


@pytest.mark.parametrize(
    ("priced_at", "into_peak", "out_of_peak"),
    [
        ("request", (1_400_000, True), (2_800_000, True)),
        ("completion", (2_800_000, True), (1_400_000, True)),
        (None, (2_800_000, False), (2_800_000, False)),
    ],
)
def test_which_end_of_the_call_decides(make, peak, priced_at, into_peak, out_of_peak) -> None:
    """Where the vendor does not say, the dearer one."""
    row = make.row(make.tier(clock="peak", input="2", output="8"), priced_at=priced_at)
    usage = Usage(1_000, 100)
    into = cost(usage, [row], make.at("2026-11-23T08:59:00+08:00", "2026-11-23T09:01:00+08:00"), clocks=peak)
    out = cost(usage, [row], make.at("2026-11-23T11:59:00+08:00", "2026-11-23T12:01:00+08:00"), clocks=peak)
    assert (into.money.nanos, into.exact) == into_peak
    assert (out.money.nanos, out.exact) == out_of_peak
    if priced_at is None:
        words = "whether start or end of the call decides its price is not known: the"
        assert into.assumptions == (f"{words} end is dearer",)
        assert out.assumptions == (f"{words} start is dearer",)


def test_a_call_inside_peak_hours_leaves_no_doubt(make, peak) -> None:
    """Both ends say the same."""
    row = make.row(make.tier(clock="peak", input="2"))
    situation = make.at("2026-11-23T09:01:00+08:00", "2026-11-23T09:02:00+08:00")
    assert cost(Usage(1_000, 100), [row], situation, clocks=peak).exact


def test_a_clock_that_the_provider_lacks_is_unknown(make) -> None:
    """A condition that cannot be read is not skipped."""
    row = make.row(make.tier(clock="peak", input="2"))
    with pytest.raises(PriceUnknown, match="names the clock 'peak'"):
        cost(Usage(1, 1), [row], make.at())


def test_two_open_questions_at_once(make, peak) -> None:
    """Thinking and a holiday: each makes a difference and each is told, and the dearest pair is taken."""
    row = make.row(
        make.tier(thinking=True, output="8"),
        make.tier(clock="peak", input="2"),
        priced_at="request",
    )
    charge = cost(Usage(1_000, 100), [row], make.at("2027-01-01T10:00:00+08:00"), clocks=peak)
    assert charge.money.nanos == 2_800_000  # 2 × 1,000 + 8 × 100
    assert charge.assumptions == (
        "whether the answer counts as thinking is not known: the dearer reading",
        "whether the day is a holiday is not known: the dearer reading",
    )


@pytest.mark.parametrize(
    ("before", "after", "nanos", "exact"),
    [
        ("request", "request", 1_000_000, True),
        ("completion", "completion", 2_000_000, True),
        (None, None, 2_000_000, False),
        ("request", "completion", 2_000_000, False),  # both claim the call
        ("completion", "request", 2_000_000, False),  # neither does
    ],
)
def test_a_price_change_during_the_call(make, before, after, nanos, exact) -> None:
    """At midnight in Beijing, by whichever instant the rows say."""
    old = make.row(base=make.rates(input="1", output="4"), priced_at=before)
    new = make.row(base=make.rates(input="2", output="4"), priced_at=after, since="2026-12-01T00:00:00+08:00")
    situation = make.at("2026-11-30T15:59:59+00:00", "2026-11-30T16:00:00+00:00")
    charge = cost(Usage(1_000, 0), [old, new], situation)
    assert (charge.money.nanos, charge.exact) == (nanos, exact)
    assert charge.row is (old if nanos == 1_000_000 else new)


def test_both_sides_of_a_price_change(make) -> None:
    """The last second of the old price, the first of the new."""
    old = make.row(base=make.rates(input="1", output="4"))
    new = make.row(base=make.rates(input="2", output="4"), since="2026-12-01T00:00:00+08:00")
    for start, nanos in (("2026-11-30T23:59:59+08:00", 1_000_000), ("2026-12-01T00:00:00+08:00", 2_000_000)):
        assert cost(Usage(1_000, 0), [old, new], make.at(start)).money.nanos == nanos


@pytest.mark.parametrize(
    ("priced_at", "start", "end", "known"),
    [
        ("request", "2026-06-30T23:59:00+08:00", "2026-07-01T00:01:00+08:00", True),
        ("completion", "2026-06-30T23:59:00+08:00", "2026-07-01T00:01:00+08:00", False),
        (None, "2026-06-30T23:59:00+08:00", "2026-07-01T00:01:00+08:00", False),
        ("completion", "2025-12-31T23:59:00+08:00", "2026-01-01T00:01:00+08:00", True),
        ("request", "2025-12-31T23:59:00+08:00", "2026-01-01T00:01:00+08:00", False),
        (None, "2025-12-31T23:59:00+08:00", "2026-01-01T00:01:00+08:00", False),
        ("request", "2027-01-01T00:00:00+08:00", "2027-01-01T00:01:00+08:00", False),
    ],
)
def test_a_call_that_reaches_into_a_gap(make, priced_at, start, end, known) -> None:
    """Only the instant that decides must have a row."""
    row = make.row(until="2026-07-01T00:00:00+08:00", priced_at=priced_at)
    if known:
        assert cost(Usage(1_000, 0), [row], make.at(start, end)).money.nanos == 1_000_000
    else:
        with pytest.raises(PriceUnknown):
            cost(Usage(1_000, 0), [row], make.at(start, end))


def test_rows_that_may_both_apply_take_the_dearest(make) -> None:
    """Equal dates, or a region that is not known."""
    cheap = make.row(base=make.rates(input="1", output="1"), regions=frozenset({"cn"}))
    dear = make.row(base=make.rates(input="2", output="1"), regions=frozenset({"us"}))
    charge = cost(Usage(1_000, 0), [cheap, dear], make.at())
    assert (charge.money.nanos, charge.exact) == (2_000_000, False)
    assert charge.assumptions == ("more than one price row may apply: the dearest",)
    assert cost(Usage(1_000, 0), [cheap, dear], make.at(region="cn")).money.nanos == 1_000_000


def test_rows_in_two_currencies_cannot_be_told_apart(make) -> None:
    """Which is dearer would need a rate."""
    rows = [make.row(regions=frozenset({"cn"})), make.row(currency="USD", regions=frozenset({"us"}))]
    with pytest.raises(PriceUnknown, match="CNY and USD"):
        cost(Usage(1, 1), rows, make.at())


def test_rounding_happens_once_and_up(make) -> None:
    """0.0007 + 0.0002 + 0.0001 nanos are one nano, not three."""
    base = make.rates(input="0.0000007", cached_input="0.0000002", output="0.0000001")
    charge = cost(Usage(2, 1, cached_input_tokens=1), [make.row(base=base)], make.at())
    assert charge.money.nanos == 1
    assert [bucket.nanos for bucket in charge.buckets] == [
        Decimal("0.0007"),
        Decimal("0.0002"),
        Decimal("0.0001"),
    ]


def test_rounding_does_not_touch_whole_nanos(make) -> None:
    """0.5 + 0.5 is one, and a thousandth more is two."""
    base = make.rates(input="0.0005", output="0.0005")
    assert cost(Usage(1, 1), [make.row(base=base)], make.at()).money.nanos == 1
    base = make.rates(input="0.0005", output="0.000501")
    assert cost(Usage(1, 1), [make.row(base=base)], make.at()).money.nanos == 2


def test_prices_beyond_any_vendors_precision_round_up(make) -> None:
    """Eighteen decimals are exact; the nineteenth counts as one more."""
    base = make.rates(input="0.0000000000000000001", output="0")
    charge = cost(Usage(1, 0), [make.row(base=base)], make.at())
    assert charge.buckets[0].nanos == Decimal("1E-15")


def test_the_callers_decimal_context_does_not_matter(doubao, make) -> None:
    """A program that computes with three digits still gets an exact bill."""
    usage = Usage(31_987, 199, cached_input_tokens=12_345)
    with localcontext(prec=3):
        charge = cost(usage, [doubao], make.at())
    # 0.8 × 19,642 + 0.16 × 12,345 + 2 × 199
    assert charge.money.nanos == 15_713_600 + 1_975_200 + 398_000


def test_fees_come_on_top(make) -> None:
    """A fee for the request, and for each counted thing."""
    base = make.rates(
        input="1",
        output="4",
        per_request="0.002",
        per_unit={"web_search": Decimal("0.01"), "page": Decimal("0.02")},
    )
    usage = Usage(1_000, 0, units={"web_search": 3, "page": 0})
    charge = cost(usage, [make.row(base=base)], make.at())
    assert charge.money.nanos == 1_000_000 + 2_000_000 + 30_000_000
    assert [(b.name, b.count, b.price, b.is_fee) for b in charge.buckets] == [
        ("input", 1_000, Decimal(1), False),
        ("request", 1, Decimal("0.002"), True),
        ("unit:web_search", 3, Decimal("0.01"), True),
    ]


def test_a_tier_can_change_fees(make) -> None:
    """A fee of zero leaves no line, and a unit's price is replaced by itself."""
    row = make.row(
        make.tier(input_over=10, per_request="0", per_unit={"web_search": Decimal(2)}),
        base=make.rates(
            input="0", output="0", per_request="1", per_unit={"web_search": Decimal(1), "x": Decimal(5)}
        ),
    )
    usage = Usage(11, 0, units={"web_search": 1, "x": 1})
    assert cost(usage, [row], make.at()).money == Money.of("7 CNY")


def test_a_counted_thing_without_a_price_is_unknown(make) -> None:
    """It is not free."""
    with pytest.raises(PriceUnknown, match="web_search was used and has no price"):
        cost(Usage(1, 1, units={"web_search": 1}), [make.row()], make.at())


def test_a_negative_count_is_unknown(make) -> None:
    """Nothing is taken off the bill."""
    base = make.rates(input="1", output="4", per_unit={"web_search": Decimal(1)})
    with pytest.raises(PriceUnknown, match="count of web_search was reported as -1"):
        cost(Usage(1, 1, units={"web_search": -1}), [make.row(base=base)], make.at())


@pytest.mark.parametrize(
    ("prices", "words"), [({"output": "1"}, "no input price"), ({"input": "1"}, "no output price")]
)
def test_a_row_without_an_input_or_output_price_is_unknown(make, prices, words) -> None:
    """Missing is not free."""
    with pytest.raises(PriceUnknown, match=words):
        cost(Usage(1, 1), [make.row(base=make.rates(**prices))], make.at())


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_what_is_no_price_is_unknown(make, price) -> None:
    """A wrong number never becomes a small one."""
    with pytest.raises(PriceUnknown, match="cached input price"):
        cost(Usage(1, 1), [make.row(base=make.rates(input="1", output="1", cached_input=price))], make.at())


def test_counts_beyond_the_books_are_unknown(make) -> None:
    """A vendor that reports nonsense does not break the bill."""
    with pytest.raises(PriceUnknown, match="more than the books can hold"):
        cost(Usage(10**30, 1), [make.row()], make.at())


def test_a_free_row_costs_nothing(make) -> None:
    """Whatever was used, and needs no prices."""
    row = make.row(make.tier(clock="peak", input="1"), base=make.rates(), free=True)
    usage = Usage(10**6, 10**6, cached_input_tokens=10**7, units={"web_search": 3})
    charge = cost(usage, [row], make.at(service_tier="turbo"))
    assert charge.money == Money.zero("CNY")
    assert (charge.buckets, charge.conditions, charge.exact, charge.assumptions) == ((), (), True, ())
    assert charge.lines() == [
        "free  since 2026-01-01T00:00:00+08:00, https://vendor.example/pricing (checked 2026-11-01)"
    ]


def test_a_charge_shows_its_arithmetic(doubao, make) -> None:
    """Bucket by bucket, then conditions and source."""
    charge = cost(Usage(32_001, 250, cached_input_tokens=1_000), [doubao], make.at())
    assert charge.lines() == [
        "input         31,001 × 1.2/M  = 0.0372012 CNY",
        "cached_input   1,000 × 0.16/M = 0.00016 CNY",
        "output           250 × 16/M   = 0.004 CNY",
        "at output > 200; input > 32,000",
        "price since 2026-01-01T00:00:00+08:00, https://vendor.example/pricing (checked 2026-11-01)",
    ]


def test_a_charge_shows_its_assumptions_and_where_an_override_came_from(make) -> None:
    """Fees stand without “per million”; an end of the row's time is shown."""
    row = make.row(
        base=make.rates(input="1", cached_input="0.1", output="0", per_request="10"),
        until="2027-01-01T00:00:00+08:00",
        origin="minimill.toml",
    )
    assert cost(Usage(1_000, 0), [row], make.at()).lines() == [
        "input    1,000 × 1/M = 0.001 CNY",
        "request      1 × 10  = 10 CNY",
        (
            "price since 2026-01-01T00:00:00+08:00 until 2027-01-01T00:00:00+08:00, "
            "https://vendor.example/pricing (checked 2026-11-01, from minimill.toml)"
        ),
        "assumed cached input was not reported: the dearer reading",
    ]


def test_a_charge_of_nothing_still_names_its_row(make) -> None:
    """Nothing used, nothing to list."""
    assert cost(Usage(0, 0), [make.row()], make.at()).lines() == [
        "price since 2026-01-01T00:00:00+08:00, https://vendor.example/pricing (checked 2026-11-01)"
    ]


def test_a_tier_without_conditions_always_holds(make) -> None:
    """And says nothing."""
    charge = cost(Usage(1_000, 0), [make.row(make.tier(input="3"))], make.at())
    assert (charge.money.nanos, charge.conditions) == (3_000_000, ())


def test_conditions_of_one_tier_stand_together(make, peak) -> None:
    """All of them must hold."""
    both = make.tier(
        input_over=1,
        input_from=2,
        output_over=1,
        output_from=2,
        thinking=False,
        service_tier="flex",
        clock="peak",
        input="3",
    )
    situation = make.at("2026-11-23T10:00:00+08:00", service_tier="flex")
    charge = cost(Usage(2, 2, reasoning_tokens=0), [make.row(both)], situation, clocks=peak)
    assert charge.conditions == (
        "input > 1 and input ≥ 2 and output > 1 and output ≥ 2 and no thinking and service tier flex and peak hours",
    )
    assert cost(Usage(2, 1, reasoning_tokens=0), [make.row(both)], situation, clocks=peak).conditions == ()


def test_prepared_rows_do_not_grow_without_end(make, monkeypatch) -> None:
    """Programs that make rows all day keep only some; a row that was dropped is prepared again."""
    from minimill._pricing import _sheet

    monkeypatch.setattr(_sheet, "_schedules", {})
    monkeypatch.setattr(_sheet, "_MOST_SCHEDULES", 3)
    rows = [make.row(since=dt.datetime(2026, 1, day, tzinfo=dt.UTC)) for day in range(1, 11)]
    for one in [*rows, *rows]:
        assert cost(Usage(1_000, 0), [one], make.at()).money.nanos == 1_000_000
        assert len(_sheet._schedules) <= 3


def test_what_is_prepared_belongs_to_one_row(make, monkeypatch) -> None:
    """An id that is used again for another row is noticed."""
    from minimill._pricing import _sheet

    one, other = make.row(), make.row(base=make.rates(input="9", output="9"))
    monkeypatch.setattr(_sheet, "_schedules", {id(other): _sheet.Schedule(one)})
    assert cost(Usage(1_000, 0), [other], make.at()).money.nanos == 9_000_000
