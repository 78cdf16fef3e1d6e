"""Streams: events in order, the same at every cut, and the answer they add up to."""

from typing import Any

import pytest
from tests.unit.dialects.chunks import COUNTS, STOP, Make, Run, Sse, chunk

from minimill._chat import (
    Finished,
    FinishReason,
    Message,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    UsageReported,
)
from minimill._usage import Usage


def test_text(run: Run, sse: Sse, target: Make) -> None:
    """Roles, nulls and empty pieces give no events; usage comes last."""
    stream = sse(
        chunk({"role": "assistant", "content": None}, usage=None),
        chunk({"role": "assistant", "content": ""}, usage=None),
        chunk({"content": "天"}, usage=None),
        chunk({"content": "蓝"}, usage=None),
        chunk({}, "stop", service_tier="fast", usage=None),
        {"id": "r-1", "choices": [], "usage": COUNTS},
    )
    events, answer = run(stream, target())
    assert events == [TextDelta("天"), TextDelta("蓝"), STOP, UsageReported(Usage(9, 2))]
    assert answer.choices[0].message == Message("assistant", (Text("天蓝"),))
    assert (answer.id, answer.model, answer.service_tier, answer.usage) == ("r-1", "m-1", "fast", Usage(9, 2))
    assert answer.raw["usage"] == COUNTS


def test_reasoning_then_text(run: Run, sse: Sse, target: Make) -> None:
    """Thinking under either name, twice in one delta counted once."""
    stream = sse(
        chunk({"reasoning_content": "h", "content": None}),
        chunk({"reasoning": "m", "reasoning_content": ""}),
        chunk({"reasoning": "!", "reasoning_content": "!"}),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "?"}]}]}),
        chunk({"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "n"}]}),
        chunk({"content": "b", "refusal": "o"}, "stop"),
    )
    events, answer = run(stream, target())
    assert events == [
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        ReasoningDelta("!"),
        ReasoningDelta("?"),
        TextDelta("a"),
        RefusalDelta("n"),
        TextDelta("b"),
        RefusalDelta("o"),
        STOP,
    ]
    assert answer.choices[0].message.parts == (Reasoning("hm!?", None, "acme"), Text("ab"))
    assert answer.choices[0].refusal == "no"


def test_reasoning_in_growing_snapshots(run: Run, sse: Sse, target: Make) -> None:
    """Where pieces repeat what came before, only what is new counts; increments pass as they are."""
    quirky = target(reasoning_snapshots=True)
    growing = sse(
        *(chunk({"reasoning_content": text}) for text in ("He", "Hello", "Hello")), chunk({}, "stop")
    )
    events, _ = run(growing, quirky)
    assert events == [ReasoningDelta("He"), ReasoningDelta("llo"), STOP]
    pieces = sse(*(chunk({"reasoning_content": text}) for text in ("He", "llo", "!")), chunk({}, "stop"))
    events, _ = run(pieces, quirky)
    assert events == [ReasoningDelta("He"), ReasoningDelta("llo"), ReasoningDelta("!"), STOP]


def test_sealed_reasoning(run: Run, sse: Sse, target: Make) -> None:
    """Sealed text is joined byte for byte; pieces of sealed items are joined by index and type."""
    sealed = target(opaque_reasoning_field="encrypted_content")
    stream = sse(
        chunk({"reasoning_content": "h"}),
        chunk({"encrypted_content": "SE"}),
        chunk({"encrypted_content": "AL=="}),
        chunk({"content": "a"}, "stop"),
    )
    _, answer = run(stream, sealed)
    assert answer.choices[0].message.parts == (Reasoning("h", "SEAL==", "acme"), Text("a"))
    items = target(opaque_reasoning_field="reasoning_details")
    stream = sse(
        chunk(
            {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "a", "signature": None}]}
        ),
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "b", "signature": "S"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "g"}, 3]}),
        chunk({}, "stop"),
    )
    _, answer = run(stream, items)
    assert answer.choices[0].message.parts[0].opaque == (
        '[{"type":"reasoning.text","index":0,"text":"ab","signature":"S"},'
        '{"type":"reasoning.encrypted","index":1,"data":"g"}]'
    )


def test_several_answers(run: Run, sse: Sse, target: Make) -> None:
    """Deltas of `n` answers mix; each has its own end."""
    stream = sse(
        chunk({"content": "a"}, index=0),
        chunk({"content": "x"}, index=1),
        chunk({}, "length", index=1),
        chunk({"content": "b"}, "stop", index=0),
        {"choices": [], "usage": COUNTS},
    )
    events, answer = run(stream, target())
    assert events == [
        TextDelta("a"),
        TextDelta("x", 1),
        Finished(FinishReason.LENGTH, "length", 1),
        TextDelta("b"),
        STOP,
        UsageReported(Usage(9, 2)),
    ]
    assert [(c.index, c.message.text) for c in answer.choices] == [(0, "ab"), (1, "x")]
    events, answer = run(stream, target(usage_counts_one_choice=True))
    assert (events[-1], answer.usage) == (STOP, None)


def test_several_answers_without_numbers(run: Run, sse: Sse, target: Make) -> None:
    """Then their place in the chunk tells them apart."""

    def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
        return {"id": "r-1", "model": "m-1", "choices": [first, second]}

    stream = sse(
        both({"delta": {"content": "a"}}, {"delta": {"content": "x"}}),
        both({"delta": {"content": "b"}}, {"delta": {"content": "y"}}),
        both({"delta": {}, "finish_reason": "stop"}, {"delta": {}, "finish_reason": "length"}),
    )
    events, answer = run(stream, target())
    assert events == [
        TextDelta("a"),
        TextDelta("x", 1),
        TextDelta("b"),
        TextDelta("y", 1),
        STOP,
        Finished(FinishReason.LENGTH, "length", 1),
    ]
    assert [(c.index, c.message.text) for c in answer.choices] == [(0, "ab"), (1, "xy")]


def test_numbers_of_answers_as_text(run: Run, sse: Sse, target: Make) -> None:
    """Each answer keeps its own pieces, also where its number is a text and others are in the chunk."""
    pieces = [chunk({"content": text}, end) for text, end in (("a", None), ("x", None), ("b", "stop"), ("y", "stop"))]
    for piece, number in zip(pieces, ("0", "1", "0", "1"), strict=True):
        piece["choices"][0]["index"] = number
    _, answer = run(sse(*pieces), target())
    assert [(c.index, c.message.text) for c in answer.choices] == [(0, "ab"), (1, "xy")]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([chunk({"content": "a"}, "stop", usage=COUNTS)], id="in-the-finish-chunk"),
        pytest.param(
            [chunk({"content": "a"}, "stop"), {"choices": [], "usage": COUNTS}], id="in-a-chunk-of-its-own"
        ),
        pytest.param([chunk({"content": "a"}, "stop"), {"usage": COUNTS}], id="without-choices"),
        pytest.param(
            [
                chunk({"content": "a"}),
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTS}]},
            ],
            id="inside-the-choice",
        ),
        pytest.param([chunk({"content": "a"}, "stop", x_groq={"id": "q", "usage": COUNTS})], id="x_groq"),
        pytest.param(
            [
                chunk(
                    {"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
                ),
                chunk({}, "stop", usage=COUNTS),
            ],
            id="running-total",
        ),
        pytest.param(
            [chunk({"content": "a"}, "stop", usage=COUNTS), {"choices": [], "usage": {"total_tokens": 0}}],
            id="followed-by-zeros",
        ),
        pytest.param(
            [chunk({"content": "a"}, "stop", timings={"prompt_n": 9, "predicted_n": 2})],
            id="timings-alone",
        ),
        pytest.param(
            [
                chunk({"content": "a"}, "stop", usage=COUNTS),
                {"choices": [], "timings": {"prompt_n": 1, "predicted_n": 1}},
            ],
            id="timings-do-not-win-over-usage",
        ),
    ],
)
def test_usage_wherever_it_comes(run: Run, sse: Sse, target: Make, chunks: Any) -> None:
    """The last usage stands."""
    events, answer = run(sse(*chunks), target())
    assert answer.usage == Usage(9, 2)
    assert [e for e in events if isinstance(e, UsageReported)][-1] == UsageReported(Usage(9, 2))


def test_usage_at_the_vendors_path(run: Run, sse: Sse, target: Make) -> None:
    """A path from the provider file."""
    _, answer = run(
        sse(chunk({"content": "a"}, "stop", bot={"usage": COUNTS})), target(usage_paths=("bot.usage",))
    )
    assert answer.usage == Usage(9, 2)


def test_no_usage(run: Run, sse: Sse, target: Make) -> None:
    """Usage that never came is unknown; so is one that cannot be read, also after one that could."""
    _, answer = run(sse(chunk({"content": "a"}, "stop")), target())
    assert answer.usage is None
    broken = {"choices": [], "usage": {"prompt_tokens": "many", "total_tokens": 11}}
    _, answer = run(sse(chunk({"content": "a"}, "stop", usage=COUNTS), broken), target())
    assert answer.usage is None


def test_log_probabilities_are_joined(run: Run, sse: Sse, target: Make) -> None:
    """As the vendor sent them, piece after piece."""
    first, second = chunk({"content": "a"}), chunk({"content": "b"}, "stop")
    first["choices"][0]["logprobs"] = {"content": [1], "refusal": None}
    second["choices"][0]["logprobs"] = {"content": [2]}
    _, answer = run(sse(first, second), target())
    assert answer.choices[0].logprobs_raw == {"content": [1, 2]}
