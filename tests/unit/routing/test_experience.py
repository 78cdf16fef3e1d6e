"""What records teach about models, by route."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill import ChatRequest, Image, Text, user
from minimill._pricing import Habits
from minimill._routing import Experience, asked, measure
from minimill._routing._experience import _MOST_KEYS
from minimill.ledger import AttemptMeta, AttemptRecord

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
USUAL = Habits(250_000, 250_000, 250_000, 500, 0)


def record(
    model: str = "acme:m",
    *,
    route: str | None = "r",
    status: str = "ok",
    asked: Any = None,
    details: dict[str, Any] | None = None,
    **counts: Any,
) -> AttemptRecord:
    """One answered attempt."""
    provider, name = model.split(":")
    told = {"asked": {"messages": 1, "thinking": False, **(asked or {})}} if details is None else details
    counts = {"input_tokens": 20, "output_tokens": 30, "reasoning_tokens": 0, **counts}
    meta = AttemptMeta("c", provider, name, route=route)
    return AttemptRecord("c-1", meta, NOW, NOW, status, "exact", details=told, **counts)


def habits(experience: Experience, model: str = "acme:m", route: str | None = "r", **said: Any) -> Habits:
    """What is known, for a call that says nothing about thinking unless told."""
    return experience.habits(model, route, said.get("reasoning", ""), said.get("thinking", False))


def test_nothing_known() -> None:
    """The usual."""
    assert habits(Experience()) == USUAL


def test_answers_are_learned_by_route_and_model() -> None:
    """(5 × 500 + 30) ÷ 6 = 421.7 is usual on the route; with the model's own 30 again: 356.5 (5 × 422 + 30)."""
    experience = Experience()
    experience.note(record())
    assert habits(experience).answer_tokens == 357
    assert habits(experience, "other:m").answer_tokens == 422
    assert habits(experience, route=None).answer_tokens == 500


def test_a_terse_route_makes_no_model_terse_elsewhere() -> None:
    """What a model says on one route is nothing that it says on another."""
    experience = Experience()
    for _ in range(100):
        experience.note(record("acme:m", route="classify", output_tokens=2))
        experience.note(record("other:m", route="write", output_tokens=2_000))
    assert habits(experience, "acme:m", "write").answer_tokens > 1_500
    assert habits(experience, "other:m", "classify").answer_tokens < 80


def test_thinking_is_learned_by_model_and_by_what_was_asked() -> None:
    """(5 × 2,000 + 600) ÷ 6 = 1,766.7; another effort knows nothing of it."""
    experience = Experience()
    said = {"thinking": True, "reasoning": "high"}
    experience.note(record(output_tokens=700, reasoning_tokens=600, asked=said))
    assert habits(experience, **said).thinking_tokens == 1_767
    assert habits(experience, thinking=True, reasoning="low").thinking_tokens == 500
    assert habits(experience, route="elsewhere", **said).thinking_tokens == 1_767
    assert habits(experience).answer_tokens == 379  # the answer had 100: 433.3, and with that (5 × 434 + 100) ÷ 6


def test_thinking_that_is_not_reported_is_not_counted_twice() -> None:
    """All of the output is the answer's; the route's usual length does not learn from it."""
    experience = Experience()
    for _ in range(64):
        experience.note(record(output_tokens=2_000, reasoning_tokens=None, asked={"thinking": True}))
    known = habits(experience, thinking=True)
    assert known.answer_tokens + (known.thinking_tokens or 0) == pytest.approx(2_000, rel=0.05)
    assert habits(experience, "other:m").answer_tokens == 500


def test_answers_that_were_asked_for_together() -> None:
    """Three answers of 90 tokens together: (5 × 500 + 90) ÷ 8 = 323.75, then (5 × 324 + 90) ÷ 8."""
    experience = Experience()
    experience.note(record(output_tokens=90, asked={"n": 3}))
    assert habits(experience).answer_tokens == 214


def test_text_is_learned_by_model() -> None:
    """(2,000 × 0.25 + 600) ÷ 4,000; on every route."""
    experience = Experience()
    experience.note(record(input_tokens=612, asked={"bytes": [0, 2_000, 0]}))
    assert habits(experience, route=None).cjk_ppm == 275_000
    assert habits(experience, "other:m").cjk_ppm == 250_000


@pytest.mark.parametrize(
    "told",
    [
        record(status="TransportError"),
        record(output_tokens=None),
        record(details={}),
        record(details={"asked": "much"}),
    ],
)
def test_what_teaches_nothing(told: AttemptRecord) -> None:
    """Failures, unknown usage, and records that do not say what was asked."""
    experience = Experience()
    experience.note(told)
    assert habits(experience) == USUAL


@pytest.mark.parametrize(
    "said",
    [
        {"bytes": [1, 2]},
        {"bytes": "many"},
        {"bytes": [None, -4, True], "messages": "two"},
        {"n": -1, "reasoning": 7, "thinking": "no"},
    ],
)
def test_records_of_others_may_say_anything(said: dict[str, Any]) -> None:
    """What makes no sense is left aside."""
    experience = Experience()
    experience.note(record(asked=said))
    assert habits(experience).latin_ppm == 250_000


anything = st.one_of(st.none(), st.booleans(), st.integers(-5, 10**12), st.text(max_size=3), st.lists(st.integers()))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["bytes", "messages", "n", "reasoning", "thinking"]), anything),
            st.tuples(*[st.one_of(st.none(), st.integers(-10, 10**12))] * 3),
        ),
        max_size=20,
    )
)
def test_no_record_stops_a_call_or_makes_a_senseless_habit(told) -> None:
    """Learning comes after the money was booked: whatever vendors report, it raises nothing."""
    experience = Experience()
    for said, (in_, out, thought) in told:
        experience.note(record(asked=said, input_tokens=in_, output_tokens=out, reasoning_tokens=thought))
    known = habits(experience)
    assert all(0 <= ppm <= 1_000_000 for ppm in (known.latin_ppm, known.cjk_ppm, known.other_ppm))
    assert known.answer_tokens >= 0
    assert known.thinking_tokens is None or known.thinking_tokens >= 0


def test_more_thinking_than_output_is_all_of_it() -> None:
    """Vendors do report that; an answer is never less than nothing: (5 × 500 + 0) ÷ 6, and of that again."""
    experience = Experience()
    experience.note(record(output_tokens=500, reasoning_tokens=600))
    assert habits(experience).answer_tokens == 348
    assert habits(experience).thinking_tokens == 84


def test_the_memory_is_bounded() -> None:
    """Of very many models the oldest is forgotten."""
    experience = Experience()
    for number in range(_MOST_KEYS + 1):
        experience.note(record(f"acme:m{number}", route=None))
    assert habits(experience, "acme:m0", None).thinking_tokens == 0
    assert habits(experience, "acme:m1", None).thinking_tokens == 0


def test_what_the_books_say_of_a_request() -> None:
    """Counts alone; with a picture nothing about its text, whose tokens nobody can tell apart."""
    plain = ChatRequest((user("hello 你好"),), reasoning="low", n=2)
    assert asked(plain, measure(plain), True) == {
        "messages": 1,
        "thinking": True,
        "bytes": [6, 6, 0],
        "reasoning": "low",
        "n": 2,
    }
    picture = ChatRequest((user([Text("what?"), Image(url="https://a.example/x.png")]),))
    assert asked(picture, measure(picture), None) == {"messages": 1, "thinking": None}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (True, "on"), (False, "off"), (0, "off"), ("max", "max"), (1, "budget 1"), (1_025, "budget 2048"),
        (2_048, "budget 2048"), (2_049, "budget 4096"),
    ],
)  # fmt: skip
def test_what_is_said_about_thinking_in_a_word(said: Any, word: str) -> None:
    """Budgets of a like size are one word: each number would be learned alone, and all together say nothing."""
    request = ChatRequest((user("x"),), reasoning=said)
    assert asked(request, measure(request), None)["reasoning"] == word


@pytest.mark.parametrize(
    ("reasoning", "thinking", "default", "tokens"),
    [
        ("", False, "high", 0),
        ("", None, None, 0),
        ("off", False, None, 0),
        ("", True, None, 1_000),
        ("on", True, None, 1_000),
        ("on", True, "high", 2_000),
        ("", True, "max", 8_000),
        ("low", True, "high", 500),
        ("minimal", True, None, 125),
        ("xhigh", True, None, 4_000),
        ("budget 1024", True, "high", 512),
        ("budget 32768", True, None, 16_384),
    ],
)
def test_thinking_that_nobody_has_seen_yet(
    reasoning: str, thinking: bool | None, default: str | None, tokens: int
) -> None:
    """By effort, the model's own where none is asked for; of a budget the half."""
    assert Experience().habits("acme:m", None, reasoning, thinking, default).thinking_tokens == tokens


def test_budgets_are_learned_by_their_size() -> None:
    """(5 × 16,384 + 30,000) ÷ 6; a small budget learns nothing of a large one."""
    experience = Experience()
    said = {"thinking": True, "reasoning": "budget 32768"}
    experience.note(record(output_tokens=30_100, reasoning_tokens=30_000, asked=said))
    assert habits(experience, **said).thinking_tokens == 18_654
    assert habits(experience, thinking=True, reasoning="budget 1024").thinking_tokens == 512
