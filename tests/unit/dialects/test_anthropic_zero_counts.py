"""Streams of the Messages wire that tell an output of 0 again and again."""

import json
from typing import Any

import pytest

from minimill.catalog import Quirks
from minimill.dialects import Target, get_dialect
from minimill.dialects._anthropic_state import BlockState

TARGET = Target("acme", "m-1", Quirks())
ZERO = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 0}}


def stream(*events: Any) -> Any:
    decoder = get_dialect("anthropic").stream_decoder(TARGET, {})
    begin = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9}}}
    decoder.feed(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in (begin, *events)))
    return decoder


def begun(**content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": content}


def piece(**delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


@pytest.mark.parametrize(
    ("events", "known"),
    [
        ((), True),
        ((begun(type="text", text=""),), True),
        ((begun(type="thinking", thinking="", signature=""),), True),
        ((begun(type="text", text="a"),), False),
        ((begun(type="text", text=""), piece(type="text_delta", text="a")), False),
        ((begun(type="thinking", thinking=""), piece(type="signature_delta", signature="s")), False),
        ((begun(type="thinking", thinking="", signature="s"),), False),
        ((begun(type="tool_use", id="t", name="f", input={}),), False),
        ((begun(type="redacted_thinking", data="d"),), False),
    ],
)
def test_zero_is_believed_of_an_answer_without_content(events: Any, known: bool) -> None:
    usage = stream(*events, ZERO).partial().usage
    assert (usage is not None and (usage.input_tokens, usage.output_tokens) == (9, 0)) is known


def test_the_message_is_not_put_together_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    whole = BlockState.whole
    monkeypatch.setattr(BlockState, "whole", lambda block: built.append(block) or whole(block))
    decoder = stream(begun(type="text", text="a"), *[ZERO] * 50)
    assert built == []
    assert decoder.partial().choices[0].message.text == "a"
