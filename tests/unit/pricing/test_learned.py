"""What settled calls teach: ratios by script, lengths, and that none of it can run away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._pricing import (
    Bounds,
    Habits,
    Length,
    RequestSize,
    TextRatio,
    expected_input_tokens,
    longest_input_tokens,
)

counts = st.integers(0, 5_000)
texts = st.tuples(counts, counts, counts)


def test_nothing_learned_is_the_usual_ratio() -> None:
    """A quarter of a token a byte in every script."""
    assert TextRatio().ppm() == (250_000, 250_000, 250_000)


def test_one_prompt_moves_the_ratio_by_its_weight() -> None:
    """(2,000 × 0.25 + 388) ÷ (2,000 + 2,000); 8 and 4 of the 400 tokens are the template's."""
    ratio = TextRatio()
    ratio.add((2_000, 0, 0), 1, 400)
    assert ratio.ppm() == (222_000, 250_000, 250_000)


def test_a_short_prompt_teaches_nothing() -> None:
    """Its tokens are mostly the template's."""
    ratio = TextRatio()
    ratio.add((100, 99, 0), 1, 150)
    assert ratio.ppm() == (250_000, 250_000, 250_000)


def test_mixed_prompts_teach_each_script_its_own_ratio() -> None:
    """0.2 tokens a Latin byte, 0.3 a Chinese one, from sums of both alone."""
    ratio = TextRatio()
    for turn in range(200):
        latin, cjk = (9_000, 1_000) if turn % 2 else (1_000, 9_000)
        ratio.add((latin, cjk, 0), 2, latin * 2 // 10 + cjk * 3 // 10 + 16)
    latin_ppm, cjk_ppm, other_ppm = ratio.ppm()
    assert latin_ppm == pytest.approx(200_000, rel=0.01)
    assert cjk_ppm == pytest.approx(300_000, rel=0.01)
    assert other_ppm == 250_000


def test_what_is_new_counts_more() -> None:
    """After a change of vocabulary the old ratio is forgotten within some million bytes."""
    ratio = TextRatio()
    for tokens in [40_012] * 50 + [20_012] * 50:
        ratio.add((100_000, 0, 0), 1, tokens)
    assert ratio.ppm()[0] == pytest.approx(200_000, rel=0.05)


def test_a_prompt_with_something_hidden_in_it_is_at_most_a_token_a_byte() -> None:
    """A vendor's own system prompt is not text of the user's."""
    ratio = TextRatio()
    ratio.add((2_000, 0, 0), 1, 50_000)
    assert ratio.ppm()[0] == 625_000


@given(st.lists(st.tuples(texts, st.integers(0, 20), st.integers(0, 10**9)), max_size=30), texts)
def test_no_usage_makes_a_ratio_senseless(calls, text) -> None:
    """Whatever vendors report: between nothing and a token a byte, and never above the bytes' bound."""
    ratio = TextRatio()
    for sizes, messages, tokens in calls:
        ratio.add(sizes, messages, tokens)
    ppm = ratio.ppm()
    assert all(0 <= value <= 1_000_000 and type(value) is int for value in ppm)
    size = RequestSize(sum(text), 1, latin_bytes=text[0], cjk_bytes=text[1], other_bytes=text[2])
    assert expected_input_tokens(size, Bounds(), Habits(*ppm)) <= sum(text) + 12


@given(st.integers(50, 900), st.lists(st.integers(500, 50_000), min_size=60, max_size=120))
def test_a_model_s_ratio_is_found(thousandths, sizes) -> None:
    """Prompts of any lengths in one script, counted at one ratio: it is found within 15 %."""
    ratio = TextRatio()
    for size in sizes:
        ratio.add((0, 0, size), 1, size * thousandths // 1_000 + 12)
    seen = sum(sizes)
    expected = (250 * 2_000 + thousandths * seen) / (2_000 + seen) * 1_000
    assert ratio.ppm()[2] == pytest.approx(expected, rel=0.15)


def test_a_length_is_drawn_towards_the_usual() -> None:
    """(5 × 500 + 20) ÷ (5 + 2), rounded up; many calls outweigh it."""
    length = Length()
    assert length.mean(500) == 500
    length.add(10)
    length.add(10)
    assert length.mean(500) == 360
    for _ in range(200):
        length.add(10)
    assert 10 < length.mean(500) < 80


def test_answers_asked_for_together_count_each() -> None:
    """Three answers of 30 tokens: (5 × 500 + 90) ÷ 8 = 323.75."""
    length = Length()
    length.add(90, 3)
    assert length.mean(500) == 324


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 500)), max_size=60), st.integers(0, 10_000))
def test_a_length_lies_between_what_was_seen_and_the_usual(calls, usual) -> None:
    """A whole number, whatever was seen."""
    length = Length()
    for tokens, count in calls:
        length.add(tokens, count)
    most = max([usual, *(tokens for tokens, _ in calls)])
    assert type(length.mean(usual)) is int
    assert 0 <= length.mean(usual) <= most + 1


@given(
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 9_000), st.integers(0, 9_000), st.integers(0, 99_000))),
    st.lists(st.integers(0, 5_000), min_size=7, max_size=7),
)
def test_nothing_that_is_learned_makes_a_prompt_longer_than_its_bytes(
    seen: list[tuple[int, int, int, int]], sizes: list[int]
) -> None:
    """So that a prompt whose bytes fit a model need not be estimated."""
    ratio = TextRatio()
    for latin, cjk, other, tokens in seen:
        ratio.add((latin, cjk, other), 1, tokens)
    latin, cjk, other, tools, schema, messages, images = sizes
    size = RequestSize(
        text_bytes=latin + cjk + other,
        messages=messages,
        latin_bytes=latin,
        cjk_bytes=cjk,
        other_bytes=other,
        tool_bytes=tools,
        schema_bytes=schema,
        images=images,
    )
    for bounds in (Bounds(), Bounds(image_tokens=300)):
        assert expected_input_tokens(size, bounds, Habits(*ratio.ppm())) <= longest_input_tokens(size)
