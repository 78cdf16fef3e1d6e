"""The most a request can cost. Expected amounts are worked out by hand: nanos = price × tokens × 1,000."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minimill._errors import UnpricedModelError
from minimill._money import Money
from minimill._pricing import (
    Bounds,
    Certainty,
    Limits,
    RequestSize,
    ceiling,
    input_bound,
    may_be_served,
    output_bound,
)

EXACT = Bounds(per_request_tokens=0, per_message_tokens=0, per_tool_tokens=0, schema_tokens=0)
"""A byte is a token, and nothing is added: the bound is the size."""


def size(tokens: int, **fields: int) -> RequestSize:
    return RequestSize(text_bytes=tokens, messages=1, **fields)


def test_a_plain_request(make) -> None:
    """1 × 100 + 4 × 50."""
    row = make.row()
    most = ceiling(size(100), [row], EXACT, Limits(50), make.at())
    assert most.money == Money(300_000, "CNY")
    assert (most.input_tokens, most.output_tokens, most.row, most.certainty) == (
        100,
        50,
        row,
        Certainty.VENDOR,
    )
    assert [(b.name, b.count, b.price, b.nanos) for b in most.buckets] == [
        ("input", 100, Decimal(1), Decimal(100_000)),
        ("output", 50, Decimal(4), Decimal(200_000)),
    ]
    assert most.assumptions == (
        "text: at most 1 tokens a byte of UTF-8, 100 bytes",
        "overhead: 0 tokens a request, 0 a message",
        "output: the vendor stops at 50 tokens",
    )


def test_the_input_bound_adds_up() -> None:
    """ceil(0.5 × 1,001) + (70 + 30) + 10 + 3 × 5 + 2 × 7 + 11 + 2 × 100 + 200 + 3 × 300."""
    bounds = Bounds(
        per_request_tokens=10,
        per_message_tokens=5,
        per_tool_tokens=7,
        schema_tokens=11,
        tokens_per_byte=Decimal("0.5"),
        image_tokens=100,
        file_tokens=200,
        audio_tokens=300,
    )
    request = RequestSize(
        text_bytes=1_001,
        messages=3,
        tools=2,
        tool_bytes=70,
        schemas=1,
        schema_bytes=30,
        images=2,
        files=1,
        audio=3,
    )
    assert input_bound(request, bounds, Limits(1)) == 501 + 100 + 10 + 15 + 14 + 11 + 200 + 200 + 900
    assert input_bound(request, bounds, Limits(1, max_input_tokens=1_000)) == 1_000
    assert input_bound(request, bounds, Limits(1, max_input_tokens=10_000)) == 1_951


def test_tools_and_schemas_may_take_more_than_a_token_a_byte() -> None:
    """Where the vocabulary does."""
    request = RequestSize(text_bytes=10, messages=0, tool_bytes=7)
    bounds = Bounds(per_request_tokens=0, tokens_per_byte=Decimal("1.5"))
    assert input_bound(request, bounds, Limits(1)) == 15 + 11


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("images", "nothing bounds the tokens of a picture; send none, or set its image_tokens"),
        ("files", "nothing bounds the tokens of a file; send none, or set its file_tokens"),
        ("audio", "nothing bounds the tokens of a sound; send none, or set its audio_tokens"),
    ],
)
def test_parts_without_a_maximum_have_no_bound(make, part, words) -> None:
    """Unless the vendor refuses long inputs."""
    request = size(1, **{part: 1})
    with pytest.raises(UnpricedModelError) as caught:
        ceiling(request, [make.row()], EXACT, Limits(1), make.at())
    assert caught.value.message == words
    most = ceiling(request, [make.row()], EXACT, Limits(1, max_input_tokens=1_000), make.at())
    assert most.money.nanos == 1_004_000
    assert any("the input limit" in words for words in most.assumptions)


@pytest.mark.parametrize(
    ("bounds", "limits", "situation", "tokens"),
    [
        (Bounds(), Limits(100), {}, 100),
        (Bounds(), Limits(100), {"n": 3}, 300),
        (Bounds(output_overshoot_tokens=10), Limits(100), {"n": 3}, 330),
        (Bounds(limit_covers_reasoning=False, max_reasoning_tokens=1_000), Limits(100), {}, 1_100),
        (Bounds(limit_covers_reasoning=False, max_reasoning_tokens=1_000), Limits(100, 50), {"n": 2}, 300),
        (Bounds(limit_covers_reasoning=False), Limits(100, 0), {}, 100),
        (Bounds(limit_covers_reasoning=False), Limits(100), {"thinking": False}, 100),
        (Bounds(limit_covers_reasoning=False, max_reasoning_tokens=9), Limits(100), {"thinking": True}, 109),
    ],
)
def test_the_output_bound(make, bounds, limits, situation, tokens) -> None:
    """Limit, overshoot and thinking beside it, for every answer."""
    assert output_bound(bounds, limits, make.at(**situation)) == tokens


@pytest.mark.parametrize(
    ("bounds", "limits", "words"),
    [
        (Bounds(), Limits(None), "no output limit is sent; give max_output_tokens"),
        (
            Bounds(limit_covers_reasoning=False),
            Limits(100),
            "its output limit does not bound thinking; turn thinking off or give a thinking budget",
        ),
    ],
)
def test_output_without_a_bound(make, bounds, limits, words) -> None:
    """The message says what to do."""
    with pytest.raises(UnpricedModelError) as caught:
        ceiling(size(1), [make.row()], bounds, limits, make.at())
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "nanos"),
    [
        (32_000, 200, 26_000_000),  # 0.8 × 32,000 + 2 × 200
        (32_000, 201, 27_208_000),  # 0.8 × 32,000 + 8 × 201
        (32_001, 200, 41_601_200),  # 1.2 × 32,001 + 16 × 200
        (128_001, 200, 312_002_400),  # 2.4 × 128,001 + 24 × 200
    ],
)
def test_tiers_count_when_the_bounds_reach_them(doubao, make, tokens_in, tokens_out, nanos) -> None:
    """Upper bounds belong to the lower tier."""
    assert ceiling(size(tokens_in), [doubao], EXACT, Limits(tokens_out), make.at()).money.nanos == nanos


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "nanos"),
    [
        (31_999, 199, 65_590_000),  # 2 × 31,999 + 8 × 199
        (31_999, 200, 98_797_000),  # 3 × 31,999 + 14 × 200
        (32_000, 199, 131_184_000),  # 4 × 32,000 + 16 × 199
    ],
)
def test_tiers_from_a_length_on(glm, make, tokens_in, tokens_out, nanos) -> None:
    """Lower bounds belong to the upper tier."""
    assert ceiling(size(tokens_in), [glm], EXACT, Limits(tokens_out), make.at()).money.nanos == nanos


def test_a_lower_tier_that_is_dearer_still_counts(make) -> None:
    """An answer may always be short."""
    row = make.row(make.tier(output_over=200, output="1"))
    assert ceiling(size(0), [row], EXACT, Limits(1_000), make.at()).money.nanos == 4_000_000


@pytest.mark.parametrize(("thinking", "price"), [(None, 8), (True, 8), (False, 2)])
def test_thinking_counts_unless_it_is_off(qwen, make, thinking, price) -> None:
    """0.8 × 1,000 + 8 or 2 × 100."""
    most = ceiling(size(1_000), [qwen], EXACT, Limits(100), make.at(thinking=thinking))
    assert most.money.nanos == 800_000 + price * 100_000


def test_thinking_that_is_known_excludes_the_other_price(make) -> None:
    """A dearer price without thinking is out of reach when thinking is on."""
    row = make.row(make.tier(thinking=True, output="2"))
    assert ceiling(size(0), [row], EXACT, Limits(100), make.at(thinking=True)).money.nanos == 200_000
    assert ceiling(size(0), [row], EXACT, Limits(100), make.at()).money.nanos == 400_000


@pytest.mark.parametrize(
    ("writes", "situation", "nanos"),
    [
        ("none", {"explicit_cache": True, "long_cache": True}, 1_000_000),
        ("explicit", {}, 1_000_000),
        ("explicit", {"explicit_cache": True}, 1_250_000),
        ("implicit", {}, 1_250_000),
        ("implicit", {"long_cache": True}, 2_000_000),
    ],
)
def test_cache_writes_count_where_they_can_happen(make, writes, situation, nanos) -> None:
    """The whole prompt may be written."""
    base = make.rates(input="1", cached_input="0.1", cache_write="1.25", cache_write_long="2", output="0")
    row = make.row(base=base, cache_writes=writes)
    assert ceiling(size(1_000), [row], EXACT, Limits(1), make.at(**situation)).money.nanos == nanos


def test_reads_count_even_where_they_are_dearer(make) -> None:
    """Of the implicit cache always, of the other where it was asked for."""
    base = make.rates(input="1", cached_input="2", explicit_cached_input="3", output="0")
    assert ceiling(size(1_000), [make.row(base=base)], EXACT, Limits(1), make.at()).money.nanos == 2_000_000
    asked = ceiling(size(1_000), [make.row(base=base)], EXACT, Limits(1), make.at(explicit_cache=True))
    assert asked.money.nanos == 3_000_000
    assert asked.buckets[0].name == "cached_input"


@pytest.mark.parametrize(
    ("request_", "situation", "price"),
    [
        (size(1_000), {}, 1),
        (size(999, audio=1), {}, 10),
        (size(999, files=1), {}, 10),
        (size(1_000), {"audio": True}, 10),
        (size(999, images=1), {}, 3),
        (size(1_000), {"images": True}, 3),
    ],
)
def test_sound_and_pictures_count_where_they_can_be(make, request_, situation, price) -> None:
    """The whole input at the dearest of them; a file can hold both."""
    base = make.rates(input="1", audio_input="10", cached_audio_input="2", image_input="3", output="0")
    bounds = Bounds(per_request_tokens=0, per_message_tokens=0, image_tokens=1, file_tokens=1, audio_tokens=1)
    most = ceiling(request_, [make.row(base=base)], bounds, Limits(1), make.at(**situation))
    assert most.money.nanos == price * 1_000_000


def test_a_file_can_hold_pictures(make) -> None:
    """Its pages may be billed as such."""
    row = make.row(base=make.rates(input="1", image_input="3", output="0"))
    bounds = Bounds(per_request_tokens=0, per_message_tokens=0, file_tokens=100)
    assert ceiling(size(0, files=1), [row], bounds, Limits(1), make.at()).money.nanos == 300_000


@pytest.mark.parametrize(("asked", "nanos"), [(False, 400_000), (True, 2_000_000)])
def test_spoken_answers_count_where_they_were_asked_for(make, asked, nanos) -> None:
    """Any share of the answer may be sound."""
    row = make.row(base=make.rates(input="1", output="4", audio_output="20"))
    assert ceiling(size(0), [row], EXACT, Limits(100), make.at(audio_output=asked)).money.nanos == nanos


@pytest.mark.parametrize(
    ("asked", "price"),
    [(None, 2), ("default", 2), ("standard", 2), ("auto", 6), ("flex", 2), ("priority", 6)],
)
def test_service_tiers_count_where_they_can_be_used(make, asked, price) -> None:
    """What was asked for may be refused in favour of the default tier; `auto` may be any."""
    row = make.row(
        make.tier(service_tier="flex", input="1"),
        make.tier(service_tier="priority", input="6"),
        base=make.rates(input="2", output="0"),
    )
    assert (
        ceiling(size(1_000), [row], EXACT, Limits(1), make.at(service_tier=asked)).money.nanos
        == price * 1_000_000
    )


@pytest.mark.parametrize(("asked", "price"), [(None, 3), ("auto", 5), ("flex", 5)])
def test_a_tier_that_names_the_default_service(make, asked, price) -> None:
    """It holds surely where nothing else was asked for."""
    row = make.row(
        make.tier(service_tier="default", input="3"),
        make.tier(service_tier="flex", input="1"),
        base=make.rates(input="5", output="0"),
    )
    assert (
        ceiling(size(1_000), [row], EXACT, Limits(1), make.at(service_tier=asked)).money.nanos
        == price * 1_000_000
    )


@pytest.mark.parametrize(("unasked", "price"), [((), 1_000), (("us",), 3_000), (("other",), 1_000)])
def test_a_tier_that_may_come_unasked_counts(make, unasked, price) -> None:
    """Whatever was asked, the dearer of the usual tier and of those that the vendor may choose by itself."""
    row = make.row(make.tier(service_tier="us", input="3"), make.tier(service_tier="batch", input="9"))
    for asked in (None, "default"):
        situation = make.at(service_tier=asked, unasked_tiers=unasked)
        assert ceiling(size(1_000), [row], EXACT, Limits(1), situation).buckets[0].nanos == price * 1_000


def test_a_service_tier_without_a_price_is_refused(make) -> None:
    """Before anything is sent."""
    with pytest.raises(UnpricedModelError, match="service tier 'ultrafast' has no price; ask for another"):
        ceiling(size(1), [make.row()], EXACT, Limits(1), make.at(service_tier="ultrafast"))


@pytest.mark.parametrize(
    ("start", "end", "price"),
    [
        ("2026-11-23T08:40:00", "2026-11-23T08:59:59", 1),
        ("2026-11-23T08:40:00", "2026-11-23T09:00:00", 2),
        ("2026-11-23T11:59:59", "2026-11-23T12:10:00", 2),
        ("2026-11-23T12:00:00", "2026-11-23T12:10:00", 1),
        ("2026-11-23T12:10:00", "2026-11-23T11:59:00", 2),  # the wrong way round
        ("2026-11-23T12:00:00", "2026-11-24T08:00:00", 2),  # over the afternoon
        ("2026-11-28T09:00:00", "2026-11-29T18:00:00", 1),  # a weekend
        ("2027-01-01T10:00:00", "2027-01-01T10:10:00", 2),  # perhaps a holiday
    ],
)
def test_peak_hours_count_if_the_call_can_touch_them(deepseek, make, peak, start, end, price) -> None:
    """Any instant from start to latest end, both included."""
    situation = make.at(f"{start}+08:00", f"{end}+08:00")
    most = ceiling(size(1_000), [deepseek], EXACT, Limits(100), situation, peak)
    assert most.money.nanos == price * 1_400_000


def test_hours_that_surely_hold_exclude_the_other_price(make, peak) -> None:
    """A cheap clock helps only where the whole call lies in it."""
    row = make.row(make.tier(clock="peak", input="0.5"), base=make.rates(input="1", output="0"))
    inside = make.at("2026-11-23T09:00:00+08:00", "2026-11-23T11:00:00+08:00")
    across = make.at("2026-11-23T09:00:00+08:00", "2026-11-23T12:00:00+08:00")
    assert ceiling(size(1_000), [row], EXACT, Limits(1), inside, peak).money.nanos == 500_000
    assert ceiling(size(1_000), [row], EXACT, Limits(1), across, peak).money.nanos == 1_000_000


def test_a_clock_that_the_provider_lacks_is_refused(deepseek, make) -> None:
    """The words name it."""
    with pytest.raises(UnpricedModelError, match="names the clock 'peak'"):
        ceiling(size(1), [deepseek], EXACT, Limits(1), make.at())


def test_a_price_change_during_the_call(make) -> None:
    """The dearest row in force at any instant, in either order."""
    low = make.row(base=make.rates(input="1", output="0"))
    high = make.row(base=make.rates(input="2", output="0"), since="2026-12-01T00:00:00+08:00")
    low_again = make.row(base=make.rates(input="1", output="0"), since="2027-01-01T00:00:00+08:00")
    rows = [low, high, low_again]
    for start, end, nanos in (
        ("2026-11-30T23:50:00+08:00", "2026-11-30T23:59:59+08:00", 1_000_000),
        ("2026-11-30T23:50:00+08:00", "2026-12-01T00:00:00+08:00", 2_000_000),
        ("2026-12-31T23:59:00+08:00", "2027-01-01T00:09:00+08:00", 2_000_000),
        ("2026-11-30T00:00:00+08:00", "2027-02-01T00:00:00+08:00", 2_000_000),
        ("2027-01-01T00:00:00+08:00", "2027-01-01T00:10:00+08:00", 1_000_000),
    ):
        most = ceiling(size(1_000), rows, EXACT, Limits(1), make.at(start, end))
        assert most.money.nanos == nanos
        assert most.row.rates.input_per_mtok == nanos // 1_000_000


def test_a_gap_that_the_call_can_reach_is_refused(make) -> None:
    """Nobody knows the price after it."""
    row = make.row(until="2026-12-01T00:00:00+08:00")
    with pytest.raises(UnpricedModelError, match="its last price ended"):
        ceiling(
            size(1),
            [row],
            EXACT,
            Limits(1),
            make.at("2026-11-30T23:59:00+08:00", "2026-12-01T00:01:00+08:00"),
        )


def test_rows_in_two_currencies_are_refused(make) -> None:
    """Which is dearer would need a rate."""
    rows = [make.row(), make.row(currency="USD", since="2026-12-01T00:00:00+08:00")]
    with pytest.raises(UnpricedModelError, match="CNY and USD"):
        ceiling(
            size(1), rows, EXACT, Limits(1), make.at("2026-11-30T23:59:00+08:00", "2026-12-01T00:01:00+08:00")
        )


def test_bands_count_at_the_dearest(make) -> None:
    """All of the input at the price of the last band it can reach."""
    row = make.row(
        make.tier(input_over=1_000, input="2"), base=make.rates(input="1", output="0"), marginal=True
    )
    assert ceiling(size(1_000), [row], EXACT, Limits(1), make.at()).money.nanos == 1_000_000
    assert ceiling(size(1_001), [row], EXACT, Limits(1), make.at()).money.nanos == 2_002_000


def test_fees_are_part_of_it(make) -> None:
    """One fee a request, each counted thing at most as often as it may be used; the dearest that can apply."""
    row = make.row(
        make.tier(input_over=10, per_request="0.003", per_unit={"web_search": Decimal("0.02")}),
        base=make.rates(input="0", output="0", per_request="0.002", per_unit={"web_search": Decimal("0.01")}),
    )
    situation = make.at(unit_limits={"web_search": 5, "page": 0})
    assert ceiling(size(10), [row], EXACT, Limits(1), situation).money == Money.of("0.052 CNY")
    most = ceiling(size(11), [row], EXACT, Limits(1), situation)
    assert most.money == Money.of("0.103 CNY")
    assert [bucket.name for bucket in most.buckets] == ["input", "output", "request", "unit:web_search"]


@pytest.mark.parametrize("tiers", [(), ("flex",)])
def test_a_counted_thing_without_a_price_is_refused(make, tiers) -> None:
    """Also where only some condition prices it."""
    row = make.row(*(make.tier(service_tier=name, per_unit={"web_search": Decimal(1)}) for name in tiers))
    situation = make.at(unit_limits={"web_search": 1}, service_tier="auto")
    with pytest.raises(UnpricedModelError, match="web_search has no price; do not use it, or give its price"):
        ceiling(size(1), [row], EXACT, Limits(1), situation)


@pytest.mark.parametrize("missing", ["input", "output"])
def test_a_row_without_a_price_is_refused(make, missing) -> None:
    """Also where only a condition that may not hold has one."""
    base = {"input": "1", "output": "1"}
    del base[missing]
    row = make.row(make.tier(thinking=True, **{missing: "2"}), base=make.rates(**base))
    with pytest.raises(
        UnpricedModelError, match=f"its price row has no {missing} price under every condition"
    ):
        ceiling(size(1), [row], EXACT, Limits(1), make.at())
    most = ceiling(size(1), [row], EXACT, Limits(1), make.at(thinking=True))
    assert most.money.nanos == 3_000


def test_what_the_books_cannot_hold_is_refused(make) -> None:
    """The words say what to do."""
    with pytest.raises(UnpricedModelError, match="beyond what the books can hold; lower its limits"):
        ceiling(size(10**16), [make.row()], EXACT, Limits(1), make.at())


def test_a_free_model_has_a_ceiling_of_zero(make) -> None:
    """With or without bounds, and whatever its row lacks."""
    row = make.row(base=make.rates(), free=True, currency="USD")
    most = ceiling(size(5, images=1), [row], EXACT, Limits(None), make.at())
    assert most.money == Money.zero("USD")
    assert (most.input_tokens, most.output_tokens, most.buckets) == (None, None, ())
    assert most.assumptions == ("free of charge",)
    bounded = ceiling(size(5), [row], EXACT, Limits(7), make.at())
    assert (bounded.input_tokens, bounded.output_tokens) == (5, 7)


def test_a_model_that_stops_being_free_is_not_free(make) -> None:
    """If the call can end after that."""
    rows = [make.row(base=make.rates(), free=True), make.row(since="2026-12-01T00:00:00+08:00")]
    situation = make.at("2026-11-30T23:59:00+08:00", "2026-12-01T00:01:00+08:00")
    assert ceiling(size(1_000), rows, EXACT, Limits(1), situation).money.nanos == 1_004_000


def test_the_least_sure_row_is_told(make) -> None:
    """Whether to go on is for the caller to say."""
    rows = [
        make.row(certainty=Certainty.UNSURE),
        make.row(certainty=Certainty.REPORTED, since="2026-12-01T00:00:00+08:00"),
    ]
    situation = make.at("2026-11-30T23:59:00+08:00", "2026-12-01T00:01:00+08:00")
    assert ceiling(size(1), rows, EXACT, Limits(1), situation).certainty is Certainty.UNSURE
    later = make.at("2026-12-01T00:00:00+08:00")
    assert ceiling(size(1), rows, EXACT, Limits(1), later).certainty is Certainty.REPORTED


def test_the_assumptions_are_told(make) -> None:
    """Those that the bound rests on, and no others."""
    bounds = Bounds(
        image_tokens=1_280,
        output_overshoot_tokens=10,
        limit_covers_reasoning=False,
        max_reasoning_tokens=32_000,
    )
    request = RequestSize(text_bytes=12_345, messages=2, tools=1, tool_bytes=10, images=1)
    limits = Limits(4_096, max_input_tokens=229_376)
    most = ceiling(request, [make.row()], bounds, limits, make.at(n=2))
    assert most.assumptions == (
        "text: at most 1 tokens a byte of UTF-8, 12,345 bytes",
        "overhead: 64 tokens a request, 16 a message",
        "tools and schema: their bytes, and 64 tokens a tool, 64 a schema",
        "each picture: at most 1,280 tokens",
        "input: the vendor refuses more than 229,376 tokens",
        (
            "output: the vendor stops at 4,096 tokens, or up to 10 later, and thinks at most 32,000 beside them, "
            "in each of 2 answers"
        ),
    )


@pytest.mark.parametrize(
    ("limits", "thinking", "words"),
    [
        (Limits(100, 50), None, "output: the vendor stops at 100 tokens, and thinks at most 50 beside them"),
        (Limits(100), False, "output: the vendor stops at 100 tokens, and does not think"),
    ],
)
def test_the_assumptions_about_thinking_are_told(make, limits, thinking, words) -> None:
    """A budget that is sent, or thinking that is off."""
    bounds = Bounds(limit_covers_reasoning=False)
    most = ceiling(size(1), [make.row()], bounds, limits, make.at(thinking=thinking))
    assert most.assumptions[-1] == words


def test_the_answer_so_far_is_input(make) -> None:
    """Counted already, so at one token each: 1 × (100 + 20) + 4 × 50."""
    most = ceiling(RequestSize(100, 1, tokens=20), [make.row()], EXACT, Limits(50), make.at())
    assert (most.money, most.input_tokens) == (Money(320_000, "CNY"), 120)
    assert "the answer so far: 20 tokens" in most.assumptions


@pytest.mark.parametrize(
    ("tier", "asked", "unasked", "served"),
    [
        ("us", None, ("us",), True),
        ("us", "fast", ("us",), True),
        ("fast", "fast", ("us",), False),  # asked for, which is another rule
        ("fast us", "fast", ("us",), True),
        ("us fast", "fast", ("us",), True),
        ("fast us", None, ("us",), False),
        ("fast us", "fast", (), False),
        ("batch us", "fast", ("us",), False),
    ],
)
def test_tiers_that_nobody_asked_for(tier: str, asked: str | None, unasked: tuple[str, ...], served: bool) -> None:
    """By themselves, or together with the one that was asked for."""
    assert may_be_served(tier, asked, unasked) is served


@pytest.mark.parametrize(("asked", "price"), [(None, "1.1"), ("fast", "2.2")])
def test_a_ceiling_covers_what_may_come_on_top(make, asked: str | None, price: str) -> None:
    """The asked tier, the unasked one, and both at once."""
    tiers = [
        make.tier(service_tier=word, input=times, output=times)
        for word, times in (("fast", "2"), ("us", "1.1"), ("fast us", "2.2"))
    ]
    row = make.row(*tiers, base=make.rates(input="1", output="1"))
    most = ceiling(size(100), [row], EXACT, Limits(50), make.at(service_tier=asked, unasked_tiers=("us",)))
    assert [str(bucket.price) for bucket in most.buckets] == [price, price]
