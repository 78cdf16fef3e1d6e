"""What a request will probably cost: worked out by hand, nanos = price × tokens × 1,000."""

from __future__ import annotations

import pytest

from minimill._errors import UnpricedModelError
from minimill._pricing import (
    Bounds,
    Habits,
    Limits,
    RequestSize,
    expected,
    expected_input_tokens,
    expected_output_tokens,
)


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        (RequestSize(0, 0), 8),
        (RequestSize(400, 1, latin_bytes=400), 100 + 12),
        (RequestSize(300, 2, cjk_bytes=300), 75 + 16),
        (RequestSize(305, 1, latin_bytes=4, cjk_bytes=297, other_bytes=4), 77 + 12),  # 76.25
        (RequestSize(400, 1), 100 + 12),  # scripts not told apart
        (RequestSize(400, 1, latin_bytes=400, tools=1, tool_bytes=200, schemas=1, schema_bytes=40), 160 + 12),
        (RequestSize(0, 1, images=2, files=1, audio=1), 2 * 700 + 1_000 + 1_000 + 12),
    ],
)
def test_input_is_estimated_from_bytes(size: RequestSize, tokens: int) -> None:
    """Four bytes a token, rounded up once; parts by a usual size."""
    assert expected_input_tokens(size, Bounds(image_tokens=700, file_tokens=100_000)) == tokens


def test_input_is_estimated_from_what_was_learned() -> None:
    """Each script by its own ratio: 440 × 0.21 + 300 × 0.2 + 10 × 0.5 = 157.4."""
    size = RequestSize(400, 1, latin_bytes=400, cjk_bytes=300, other_bytes=10, tool_bytes=40)
    assert expected_input_tokens(size, Bounds(), Habits(210_000, 200_000, 500_000)) == 158 + 12


@pytest.mark.parametrize(
    ("limits", "thinking", "habits", "tokens"),
    [
        (Limits(4_096), None, Habits(), 500),
        (Limits(4_096), False, Habits(), 500),
        (Limits(4_096), True, Habits(), 1_500),
        (Limits(100), True, Habits(), 100),
        (Limits(100, 300), True, Habits(), 400),
        (Limits(None), True, Habits(), 1_500),
        (Limits(4_096, 300), True, Habits(), 800),
        (Limits(4_096, 300), True, Habits(thinking_tokens=200), 700),
        (Limits(4_096, 0), True, Habits(), 500),
        (Limits(4_096), True, Habits(answer_tokens=80, thinking_tokens=240), 320),
        (Limits(4_096), False, Habits(answer_tokens=80, thinking_tokens=3), 83),
        (Limits(300), None, Habits(answer_tokens=320), 300),
    ],
)
def test_output_is_what_was_learned_or_a_usual_length(make, limits, thinking, habits, tokens) -> None:
    """Never more than the limit."""
    assert expected_output_tokens(limits, make.at(thinking=thinking), habits) == tokens


def test_the_price_is_the_one_of_now(make, peak) -> None:
    """1 × 112 + 4 × 500 × 2; peak hours that begin later do not count."""
    row = make.row(make.tier(clock="peak", input="100"))
    situation = make.at("2026-11-23T08:59:00+08:00", "2026-11-23T09:10:00+08:00", n=2)
    size = RequestSize(400, 1, latin_bytes=400)
    assert expected(size, [row], Bounds(), Limits(4_096), situation, peak).nanos == 112_000 + 4_000_000


def test_a_warm_cache_makes_it_cheaper(make) -> None:
    """1 × 12 + 0.1 × 100 + 4 × 10, and never more cached than there is."""
    row = make.row(base=make.rates(input="1", cached_input="0.1", output="4"), cache_writes="implicit")
    size = RequestSize(400, 1, latin_bytes=400)
    limits = Limits(10)
    warm = expected(size, [row], Bounds(), limits, make.at(), cached_input_tokens=100)
    assert warm.nanos == 12_000 + 10_000 + 40_000
    hot = expected(size, [row], Bounds(), limits, make.at(), cached_input_tokens=10**6)
    assert hot.nanos == 11_200 + 40_000


def test_what_was_learned_is_used(make) -> None:
    """1 × (40 + 12) + 4 × 7."""
    cost = expected(
        RequestSize(400, 1, latin_bytes=400),
        [make.row()],
        Bounds(),
        Limits(4_096),
        make.at(),
        habits=Habits(100_000, answer_tokens=7),
    )
    assert cost.nanos == 52_000 + 28_000


def test_what_has_no_price_has_no_expectation(make) -> None:
    """The message says why."""
    with pytest.raises(UnpricedModelError, match="no price row"):
        expected(RequestSize(0, 0), [], Bounds(), Limits(1), make.at())
