"""Token counts: parts stay inside their totals, and what cannot be true is told."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._usage import Usage, nested


def test_counts_that_nest_come_back_as_they_are() -> None:
    """The usual case makes no copy."""
    usage = Usage(
        100,
        50,
        cached_input_tokens=60,
        cache_write_tokens=40,
        cache_write_long_tokens=40,
        reasoning_tokens=50,
        audio_input_tokens=100,
        image_input_tokens=0,
        audio_output_tokens=50,
    )
    assert nested(usage) is usage
    assert usage.total_tokens == 150


def test_parts_that_were_not_reported_stay_unknown() -> None:
    """Unknown is not zero."""
    usage = nested(Usage(100, 50))
    assert usage.cached_input_tokens is None
    assert usage.reasoning_tokens is None
    assert usage.oddities == ()


@pytest.mark.parametrize(
    ("usage", "part", "left", "oddity"),
    [
        (
            Usage(10, 5, cached_input_tokens=11),
            "cached_input_tokens",
            10,
            "cached_input_tokens 11 outside 0..10",
        ),
        (
            Usage(10, 5, cached_input_tokens=-1),
            "cached_input_tokens",
            0,
            "cached_input_tokens -1 outside 0..10",
        ),
        (
            Usage(10, 5, cached_input_tokens=8, cache_write_tokens=3),
            "cache_write_tokens",
            2,
            "cache_write_tokens 3 outside 0..2",
        ),
        (
            Usage(10, 5, cache_write_tokens=4, cache_write_long_tokens=5),
            "cache_write_long_tokens",
            4,
            "cache_write_long_tokens 5 outside 0..4",
        ),
        (Usage(10, 5, reasoning_tokens=6), "reasoning_tokens", 5, "reasoning_tokens 6 outside 0..5"),
        (
            Usage(10, 5, audio_input_tokens=11),
            "audio_input_tokens",
            10,
            "audio_input_tokens 11 outside 0..10",
        ),
        (
            Usage(10, 5, image_input_tokens=11),
            "image_input_tokens",
            10,
            "image_input_tokens 11 outside 0..10",
        ),
        (Usage(10, 5, audio_output_tokens=6), "audio_output_tokens", 5, "audio_output_tokens 6 outside 0..5"),
    ],
)
def test_the_total_wins_over_a_part_that_does_not_fit(
    usage: Usage, part: str, left: int, oddity: str
) -> None:
    """The part is cut to what is possible, and what was sent is told."""
    fixed = nested(usage)
    assert getattr(fixed, part) == left
    assert fixed.oddities == (oddity,)


def test_a_negative_total_counts_as_nothing_and_is_told() -> None:
    """Its parts go with it."""
    fixed = nested(Usage(-10, -5, cached_input_tokens=3, oddities=("sent twice",)))
    assert (fixed.input_tokens, fixed.output_tokens, fixed.cached_input_tokens) == (0, 0, 0)
    assert fixed.oddities == (
        "sent twice",
        "input_tokens -10 below 0",
        "output_tokens -5 below 0",
        "cached_input_tokens 3 outside 0..0",
    )


def test_counted_things_do_not_matter_for_nesting() -> None:
    """Units are kept as they are."""
    assert nested(Usage(1, 1, units={"web_search": 2})).units == {"web_search": 2}


def test_usage_can_be_hashed() -> None:
    """Whatever units it holds."""
    assert hash(Usage(1, 2, units={"web_search": 2})) == hash(Usage(1, 2))


COUNT = st.none() | st.integers(-5, 30)


@given(
    st.builds(
        Usage,
        st.integers(-5, 30),
        st.integers(-5, 30),
        cached_input_tokens=COUNT,
        cache_write_tokens=COUNT,
        cache_write_long_tokens=COUNT,
        reasoning_tokens=COUNT,
        audio_input_tokens=COUNT,
        image_input_tokens=COUNT,
        audio_output_tokens=COUNT,
    )
)
def test_after_nesting_every_part_fits(usage: Usage) -> None:
    """Whatever was sent; and nesting again changes nothing."""
    fixed = nested(usage)
    counts = {name: value or 0 for name, value in asdict(fixed).items() if name.endswith("_tokens")}
    assert min(counts.values()) >= 0
    assert counts["cached_input_tokens"] + counts["cache_write_tokens"] <= fixed.input_tokens
    not_read = fixed.input_tokens - counts["cached_input_tokens"]
    written = not_read if fixed.cache_write_tokens is None else fixed.cache_write_tokens
    assert counts["cache_write_long_tokens"] <= written
    assert max(counts["audio_input_tokens"], counts["image_input_tokens"]) <= fixed.input_tokens
    assert max(counts["reasoning_tokens"], counts["audio_output_tokens"]) <= fixed.output_tokens
    assert bool(fixed.oddities) == (fixed is not usage)
    assert nested(fixed) is fixed
