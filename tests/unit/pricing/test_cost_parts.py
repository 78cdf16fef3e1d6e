"""Cached, written, spoken, seen: what parts of the input cost, and what they cost where they are not known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minimill._pricing import cost
from minimill._usage import Usage

CACHED = "cached input was not reported: the dearer reading"
WRITES = "cache writes were not reported: the dearer reading"
LIFETIME = "the lifetime of cache writes was not reported: the dearer one"


def by_bucket(charge) -> dict[str, int]:
    return {bucket.name: bucket.count for bucket in charge.buckets}


def test_unreported_cache_hits_count_as_none(doubao, make) -> None:
    """The dearer reading: 0.8 × 1,000."""
    charge = cost(Usage(1_000, 0), [doubao], make.at())
    assert (charge.money.nanos, charge.exact, charge.assumptions) == (800_000, False, (CACHED,))


def test_unreported_cache_hits_do_not_matter_without_a_price_for_them(make) -> None:
    """Nothing was assumed, then; nor for an empty input."""
    assert cost(Usage(1_000, 0), [make.row()], make.at()).exact
    assert cost(
        Usage(0, 10), [make.row(base=make.rates(input="1", cached_input="0", output="1"))], make.at()
    ).exact


def test_unreported_cache_hits_where_they_are_dearer(make) -> None:
    """However odd that is."""
    row = make.row(base=make.rates(input="1", cached_input="2", output="1"))
    charge = cost(Usage(1_000, 0), [row], make.at())
    assert (charge.money.nanos, charge.assumptions, by_bucket(charge)) == (
        2_000_000,
        (CACHED,),
        {"cached_input": 1_000},
    )


def test_cache_hits_without_a_price_are_plain_input(make) -> None:
    """No discount is invented."""
    charge = cost(Usage(1_000, 0, cached_input_tokens=400), [make.row()], make.at())
    assert (charge.money.nanos, charge.exact) == (1_000_000, True)
    assert by_bucket(charge) == {"input": 600, "cached_input": 400}


def test_reads_of_a_cache_that_was_asked_for(qwen, make) -> None:
    """0.8 × 100 + 0.08 × 600 + 1 × 300; without cache marks the read is 0.16."""
    usage = Usage(1_000, 0, cached_input_tokens=600, cache_write_tokens=300)
    assert (
        cost(usage, [qwen], make.at(explicit_cache=True, thinking=False)).money.nanos
        == 80_000 + 48_000 + 300_000
    )
    assert cost(usage, [qwen], make.at(thinking=False)).money.nanos == 80_000 + 96_000 + 300_000


def test_an_asked_for_read_falls_back_to_the_implicit_price(make) -> None:
    """Where the row names no other."""
    row = make.row(base=make.rates(input="1", cached_input="0.2", output="1"))
    usage = Usage(1_000, 0, cached_input_tokens=1_000)
    assert cost(usage, [row], make.at(explicit_cache=True)).money.nanos == 200_000


def test_a_read_price_for_asked_for_caches_only(make) -> None:
    """qwen3.6-plus: no discount without cache marks."""
    row = make.row(base=make.rates(input="2", explicit_cached_input="0.2", output="12"))
    usage = Usage(1_000, 0, cached_input_tokens=1_000)
    assert cost(usage, [row], make.at()).money.nanos == 2_000_000
    assert cost(usage, [row], make.at(explicit_cache=True)).money.nanos == 200_000


@pytest.mark.parametrize(
    ("writes", "explicit", "nanos", "exact"),
    [
        ("implicit", False, 1_250_000, False),
        ("implicit", True, 1_250_000, False),
        ("explicit", True, 1_250_000, False),
        ("explicit", False, 1_000_000, True),
        ("none", True, 1_000_000, True),
    ],
)
def test_unreported_cache_writes(make, writes, explicit, nanos, exact) -> None:
    """Where they can happen, all that was not read from a cache was written."""
    row = make.row(base=make.rates(input="1", cache_write="1.25", output="4"), cache_writes=writes)
    charge = cost(Usage(1_000, 0, cached_input_tokens=0), [row], make.at(explicit_cache=explicit))
    assert (charge.money.nanos, charge.exact) == (nanos, exact)
    assert charge.assumptions == (() if exact else (WRITES,))


def test_unreported_cache_writes_next_to_reported_reads(make) -> None:
    """0.1 × 400 + 1.25 × 600."""
    row = make.row(
        base=make.rates(input="1", cached_input="0.1", cache_write="1.25", output="4"),
        cache_writes="implicit",
    )
    charge = cost(Usage(1_000, 0, cached_input_tokens=400), [row], make.at())
    assert (charge.money.nanos, by_bucket(charge)) == (790_000, {"cache_write": 600, "cached_input": 400})


def test_unreported_writes_at_the_input_price_do_not_matter(make) -> None:
    """A row without a write price charges writes as input."""
    row = make.row(cache_writes="implicit")
    charge = cost(Usage(1_000, 0, cached_input_tokens=0), [row], make.at())
    assert (charge.money.nanos, charge.exact) == (1_000_000, True)
    written = cost(Usage(1_000, 0, cached_input_tokens=0, cache_write_tokens=1_000), [row], make.at())
    assert (written.money.nanos, by_bucket(written)) == (1_000_000, {"cache_write": 1_000})


def test_writes_by_lifetime(openai, make) -> None:
    """2.5 × 300 + 5 × 700."""
    usage = Usage(1_000, 0, cached_input_tokens=0, cache_write_tokens=1_000, cache_write_long_tokens=700)
    charge = cost(usage, [openai], make.at())
    assert (charge.money.nanos, charge.exact) == (4_250_000, True)
    assert by_bucket(charge) == {"cache_write": 300, "cache_write_long": 700}


def test_long_writes_without_a_price_cost_what_short_ones_do(make) -> None:
    """The row names one write price."""
    row = make.row(base=make.rates(input="1", cache_write="1.25", output="4"))
    usage = Usage(1_000, 0, cached_input_tokens=0, cache_write_tokens=1_000, cache_write_long_tokens=1_000)
    assert cost(usage, [row], make.at()).money.nanos == 1_250_000


@pytest.mark.parametrize(
    ("written", "long_cache", "nanos", "doubts"),
    [
        (1_000, False, 2_500_000, ()),  # the longer lifetime was not asked for
        (1_000, True, 5_000_000, (LIFETIME,)),
        (0, True, 2_000_000, ()),
        (None, True, 5_000_000, (WRITES,)),
        (None, False, 2_500_000, (WRITES,)),
    ],
)
def test_an_unreported_lifetime(openai, make, written, long_cache, nanos, doubts) -> None:
    """The dearer one, if the request allowed it."""
    usage = Usage(1_000, 0, cached_input_tokens=0, cache_write_tokens=written)
    charge = cost(usage, [openai], make.at(long_cache=long_cache))
    assert (charge.money.nanos, charge.assumptions) == (nanos, doubts)


def test_a_longer_lifetime_that_alone_costs_more(make) -> None:
    """Short writes at the input price: still, all may have been long ones."""
    row = make.row(base=make.rates(input="1", cache_write_long="2", output="4"), cache_writes="implicit")
    charge = cost(Usage(1_000, 0, cached_input_tokens=0), [row], make.at(long_cache=True))
    assert (charge.money.nanos, charge.assumptions) == (2_000_000, (WRITES,))
    assert cost(Usage(1_000, 0, cached_input_tokens=0), [row], make.at()).exact


def test_long_writes_imply_writes(openai, make) -> None:
    """A vendor that reports only the longer ones."""
    usage = Usage(1_000, 0, cached_input_tokens=0, cache_write_long_tokens=400)
    charge = cost(usage, [openai], make.at())
    assert (charge.money.nanos, by_bucket(charge)) == (3_200_000, {"input": 600, "cache_write_long": 400})


def test_parts_that_do_not_fit_make_a_charge_inexact(doubao, make) -> None:
    """The total wins, and the oddity is told."""
    charge = cost(Usage(100, 0, cached_input_tokens=150), [doubao], make.at())
    assert (charge.money.nanos, charge.exact) == (16_000, False)
    assert charge.assumptions == ("cached_input_tokens 150 outside 0..100",)


AUDIO = {"input": "1", "cached_input": "0.2", "audio_input": "10", "cached_audio_input": "2", "output": "1"}


def test_sound_has_a_price_of_its_own(make) -> None:
    """1 × 700 + 10 × 300."""
    usage = Usage(1_000, 0, cached_input_tokens=0, audio_input_tokens=300)
    charge = cost(usage, [make.row(base=make.rates(**AUDIO))], make.at())
    assert (charge.money.nanos, charge.exact) == (3_700_000, True)
    assert by_bucket(charge) == {"input": 700, "audio_input": 300}


def test_which_tokens_were_cached_takes_the_dearest_way(make) -> None:
    """Text was cached rather than sound: 0.2 × 400 + 1 × 300 + 10 × 300."""
    usage = Usage(1_000, 0, cached_input_tokens=400, audio_input_tokens=300)
    charge = cost(usage, [make.row(base=make.rates(**AUDIO))], make.at())
    assert charge.money.nanos == 80_000 + 300_000 + 3_000_000
    assert by_bucket(charge) == {"input": 300, "cached_input": 400, "audio_input": 300}


def test_more_cached_tokens_than_text(make) -> None:
    """Some sound must have been cached: 0.2 × 700 + 2 × 100 + 10 × 200."""
    usage = Usage(1_000, 0, cached_input_tokens=800, audio_input_tokens=300)
    charge = cost(usage, [make.row(base=make.rates(**AUDIO))], make.at())
    assert charge.money.nanos == 140_000 + 200_000 + 2_000_000
    assert by_bucket(charge) == {"cached_input": 700, "audio_input": 200, "cached_audio_input": 100}


def test_the_dearest_way_is_not_always_plain_sound(make) -> None:
    """Cached sound at 9 and plain text at 2 beat plain sound at 10 and cached text at 0.1."""
    base = make.rates(input="2", cached_input="0.1", audio_input="10", cached_audio_input="9", output="1")
    usage = Usage(100, 0, cached_input_tokens=50, audio_input_tokens=50)
    assert cost(usage, [make.row(base=base)], make.at()).money.nanos == 450_000 + 100_000


def test_cached_sound_without_a_price_has_no_discount(make) -> None:
    """It takes the dearer of the sound and the cached price."""
    base = make.rates(input="1", cached_input="0.2", audio_input="10", output="1")
    usage = Usage(1_000, 0, cached_input_tokens=1_000, audio_input_tokens=1_000)
    charge = cost(usage, [make.row(base=base)], make.at())
    assert (charge.money.nanos, by_bucket(charge)) == (10_000_000, {"audio_input": 1_000})


def test_a_price_for_cached_sound_alone(make) -> None:
    """Plain sound then costs what text costs."""
    base = make.rates(input="1", cached_input="0.2", cached_audio_input="0.5", output="1")
    usage = Usage(1_000, 0, cached_input_tokens=0, audio_input_tokens=400)
    assert cost(usage, [make.row(base=base)], make.at()).money.nanos == 1_000_000
    usage = Usage(1_000, 0, cached_input_tokens=1_000, audio_input_tokens=400)
    assert cost(usage, [make.row(base=base)], make.at()).money.nanos == 120_000 + 200_000


def test_pictures_have_a_price_of_their_own(make) -> None:
    """1 × 500 + 3 × 500; written ones take the dearer price."""
    row = make.row(
        base=make.rates(input="1", cache_write="1.25", image_input="3", output="1"), cache_writes="explicit"
    )
    usage = Usage(1_000, 0, cached_input_tokens=0, image_input_tokens=500)
    assert cost(usage, [row], make.at()).money.nanos == 2_000_000
    usage = Usage(1_000, 0, cached_input_tokens=0, cache_write_tokens=500, image_input_tokens=1_000)
    assert cost(usage, [row], make.at()).money.nanos == 3_000_000


@pytest.mark.parametrize(("long", "nanos"), [(0, 4_000_000), (1_000, 8_000_000)])
def test_writing_can_be_dearer_than_what_is_written(make, long, nanos) -> None:
    """Pictures at 3, written at 4, or at 8 for long."""
    base = make.rates(input="1", cache_write="4", cache_write_long="8", image_input="3", output="1")
    usage = Usage(
        1_000,
        0,
        cached_input_tokens=0,
        cache_write_tokens=1_000,
        cache_write_long_tokens=long,
        image_input_tokens=1_000,
    )
    assert cost(usage, [make.row(base=base)], make.at()).money.nanos == nanos


def test_sound_and_pictures_share_the_input(make) -> None:
    """Together they cannot be more than all of it."""
    base = make.rates(input="1", audio_input="10", image_input="3", output="1")
    fits = Usage(1_000, 0, cached_input_tokens=0, audio_input_tokens=300, image_input_tokens=200)
    assert cost(fits, [make.row(base=base)], make.at()).money.nanos == 500_000 + 3_000_000 + 600_000
    odd = Usage(1_000, 0, cached_input_tokens=0, audio_input_tokens=900, image_input_tokens=200)
    charge = cost(odd, [make.row(base=base)], make.at())
    assert charge.money.nanos == 9_000_000 + 300_000
    assert charge.assumptions == ("audio_input_tokens 900 and image_input_tokens 200 exceed 1000 together",)


@pytest.mark.parametrize(
    ("base", "situation", "nanos", "doubts"),
    [
        (AUDIO, {}, 1_000_000, ()),
        (
            AUDIO,
            {"audio": True},
            10_000_000,
            ("audio tokens of the input were not reported: the dearer reading",),
        ),
        ({"input": "1", "output": "1"}, {"audio": True, "images": True}, 1_000_000, ()),
        (
            {"input": "1", "image_input": "3", "output": "1"},
            {"images": True},
            3_000_000,
            ("image tokens of the input were not reported: the dearer reading",),
        ),
        (
            {"input": "1", "image_input": "0.5", "output": "1"},
            {"images": True},
            1_000_000,
            ("image tokens of the input were not reported: the dearer reading",),
        ),
    ],
)
def test_sound_and_pictures_that_were_not_counted_apart(make, base, situation, nanos, doubts) -> None:
    """The dearer reading, if the request held any and they have a price of their own."""
    charge = cost(
        Usage(1_000, 0, cached_input_tokens=0), [make.row(base=make.rates(**base))], make.at(**situation)
    )
    assert charge.money.nanos == nanos
    assert charge.assumptions == doubts


@pytest.mark.parametrize(
    ("spoken", "asked", "tokens", "nanos", "exact"),
    [
        (None, False, 1_000, 4_000_000, True),
        (None, True, 1_000, 20_000_000, False),
        (None, True, 0, 0, True),
        (400, True, 1_000, 2_400_000 + 8_000_000, True),
        (400, False, 1_000, 2_400_000 + 8_000_000, True),
    ],
)
def test_spoken_output(make, spoken, asked, tokens, nanos, exact) -> None:
    """4 for text, 20 for sound."""
    row = make.row(base=make.rates(input="1", output="4", audio_output="20"))
    charge = cost(Usage(0, tokens, audio_output_tokens=spoken), [row], make.at(audio_output=asked))
    assert (charge.money.nanos, charge.exact) == (nanos, exact)
    doubt = "audio tokens of the output were not reported: the dearer reading"
    assert charge.assumptions == (() if exact else (doubt,))


def marginal(make, **fields):
    """1 up to 1,000 tokens, 2 up to 2,000, 4 beyond; cached a tenth."""
    return make.row(
        make.tier(input_over=1_000, input="2", cached_input="0.2", output="8"),
        make.tier(input_from=2_001, input="4", cached_input="0.4"),
        base=make.rates(input="1", cached_input="0.1", output="4"),
        marginal=True,
        **fields,
    )


@pytest.mark.parametrize(
    ("tokens", "nanos"),
    [
        (0, 0),
        (999, 999_000),
        (1_000, 1_000_000),
        (1_001, 1_002_000),
        (2_000, 3_000_000),
        (2_001, 3_004_000),
        (3_000, 7_000_000),
    ],
)
def test_bands(make, tokens, nanos) -> None:
    """Each token at the price of its own band."""
    assert cost(Usage(tokens, 0, cached_input_tokens=0), [marginal(make)], make.at()).money.nanos == nanos


def test_output_is_priced_by_the_whole_length(make) -> None:
    """Bands are a matter of the input."""
    assert cost(Usage(1_000, 10), [marginal(make)], make.at()).buckets[-1].price == Decimal(4)
    assert cost(Usage(1_001, 10), [marginal(make)], make.at()).buckets[-1].price == Decimal(8)


def test_uncached_tokens_take_the_dearest_bands(make) -> None:
    """Of 3,000 tokens 1,500 were cached: 4 × 1,000 + 2 × 500, then 0.2 × 500 + 0.1 × 1,000."""
    charge = cost(Usage(3_000, 0, cached_input_tokens=1_500), [marginal(make)], make.at())
    assert charge.money.nanos == 4_000_000 + 1_000_000 + 100_000 + 100_000
    assert [(bucket.name, bucket.price, bucket.count) for bucket in charge.buckets] == [
        ("input", Decimal(4), 1_000),
        ("input", Decimal(2), 500),
        ("cached_input", Decimal("0.2"), 500),
        ("cached_input", Decimal("0.1"), 1_000),
    ]
    assert charge.conditions == ("input > 1,000", "input ≥ 2,001")


def test_bands_of_sound(make) -> None:
    """Dear tokens stand in dear bands: 20 × 500 + 2 × 500 + 1 × 1,000."""
    row = make.row(
        make.tier(input_over=1_000, input="2", audio_input="20"),
        base=make.rates(input="1", audio_input="10", output="4"),
        marginal=True,
    )
    usage = Usage(2_000, 0, cached_input_tokens=0, audio_input_tokens=500)
    assert cost(usage, [row], make.at()).money.nanos == 10_000_000 + 1_000_000 + 1_000_000


def test_bands_with_an_unknown_part(make) -> None:
    """Cached input not reported: all plain, told once."""
    charge = cost(Usage(1_500, 0), [marginal(make)], make.at())
    assert (charge.money.nanos, charge.assumptions) == (2_000_000, (CACHED,))
