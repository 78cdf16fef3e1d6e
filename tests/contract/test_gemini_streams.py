"""Gemini's streams in our words, exact, cut at every byte.

Shapes: https://ai.google.dev/api/generate-content and python-genai types.py 3.4.0.
"""

import json
from typing import Any

import pytest

from minimill._chat import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import (
    Billed,
    OverloadedError,
    ProtocolError,
    RateLimitedError,
    TransportError,
)
from minimill._usage import Usage

from .gemini_wire import STOP, chunk, data, read, said, thought, usage


def test_stream() -> None:
    """Pieces of one kind are one part; counts from the start, the last ones stand."""
    stream = data(
        {"usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}, "responseId": "r1"},
        chunk([{"text": "Let me ", "thought": True}], None, usage(8, 0, thoughtsTokenCount=2)),
        chunk([{"text": "see.", "thought": True}, {"text": "Hel"}], None, usage(8, 1, thoughtsTokenCount=4)),
        chunk([{"text": "lo ☃"}], None, usage(8, 2, thoughtsTokenCount=4)),
        chunk([{"text": "", "thoughtSignature": "RU5E"}], "STOP", usage(8, 3, thoughtsTokenCount=4)),
    )
    events, answer = read(stream)
    assert events == [
        ReasoningDelta("Let me "),
        UsageReported(Usage(8, 2, 0, 0, None, 2)),
        ReasoningDelta("see."),
        TextDelta("Hel"),
        UsageReported(Usage(8, 5, 0, 0, None, 4)),
        TextDelta("lo ☃"),
        UsageReported(Usage(8, 6, 0, 0, None, 4)),
        STOP,
        UsageReported(Usage(8, 7, 0, 0, None, 4)),
    ]
    assert said(answer) == (
        thought("Let me see."),
        Text("Hello ☃"),
        thought("", '{"text":"","thoughtSignature":"RU5E"}'),
    )
    assert (answer.id, answer.model, answer.usage) == ("r1", "gemini-3.8-flash", Usage(8, 7, 0, 0, None, 4))


def test_streamed_calls() -> None:
    """Each comes whole; positions count through the chunks."""
    call = {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "U0k="}
    stream = data(
        chunk([call], None, usage(8, 2)),
        chunk([{"functionCall": {"name": "g", "args": {}}}], "STOP", usage(8, 4)),
    )
    events, answer = read(stream)
    assert [event for event in events if isinstance(event, (ToolCallDelta, Finished))] == [
        ToolCallDelta(0, "c1", "f", '{"a":1}'),
        ToolCallDelta(1, "call_r1_0_1", "g", "{}"),
        Finished(FinishReason.TOOL_CALLS, "STOP"),
    ]
    assert said(answer) == (thought("", "U0k="), ToolCall("c1", "f", '{"a":1}'), ToolCall("call_r1_0_1", "g", "{}"))


def test_arguments_in_pieces() -> None:
    """Asked for by name, they come by their places: https://docs.cloud.google.com streaming function calls."""

    def piece(path: str, more: bool = False, **value: Any) -> dict[str, Any]:
        return {"jsonPath": path, **value} | ({"willContinue": True} if more else {})

    def call(*pieces: Any, **more: Any) -> dict[str, Any]:
        return {"functionCall": ({"partialArgs": list(pieces)} if pieces else {}) | more}

    stream = data(
        chunk([call(name="f", willContinue=True) | {"thoughtSignature": "U0k="}], None, usage(8, 1)),
        chunk([call(piece("$.town", True, stringValue="San "), willContinue=True)], None, usage(8, 2)),
        chunk([call(piece("$.town", stringValue="Jose"), willContinue=True)], None, usage(8, 3)),
        chunk(
            [
                call(
                    piece("$.days[0].n", numberValue=1.5), piece("$.days[1]", boolValue=True),
                    piece("$['a b']", nullValue="NULL_VALUE"), piece("$.days[7]", numberValue=9),
                    piece("town", stringValue="?"), willContinue=True,
                )
            ],
            None, usage(8, 4),
        ),
        chunk([call()], None, usage(8, 5)),
        chunk([call(name="g", willContinue=True), call()], None, usage(8, 6)),
        chunk([call(piece("$.x", stringValue="y", more=True), name="h", willContinue=True)], "STOP", usage(8, 7)),
    )  # fmt: skip
    whole = '{"town":"San Jose","days":[{"n":1.5},true],"a b":null}'
    events, answer = read(stream)
    assert [event for event in events if isinstance(event, ToolCallDelta)] == [
        ToolCallDelta(0, "call_r1_0_0", "f"),
        ToolCallDelta(0, None, None, whole),
        ToolCallDelta(1, "call_r1_0_1", "g"),
        ToolCallDelta(1, None, None, "{}"),
        ToolCallDelta(2, "call_r1_0_2", "h"),
        ToolCallDelta(2, None, None, '{"x":"y"}'),
    ]
    assert said(answer) == (
        thought("", "U0k="),
        ToolCall("call_r1_0_0", "f", whole),
        ToolCall("call_r1_0_1", "g", "{}"),
        ToolCall("call_r1_0_2", "h", '{"x":"y"}'),
    )


ERROR = {
    "error": {
        "code": 503,
        "message": "The model is overloaded. Please try again later.",
        "status": "UNAVAILABLE",
    }
}


@pytest.mark.parametrize(
    "tail",
    [
        json.dumps(ERROR, indent=2).encode(),
        b"[" + json.dumps(ERROR, indent=2).encode() + b"\n]\n",
        json.dumps(ERROR).encode() + b"\n",
        data(ERROR),
    ],
    ids=["lines", "list", "line", "event"],
)
def test_an_error_in_the_middle(tail: bytes) -> None:
    """Bare JSON between the events, in a list, or an event: what came before was billed."""
    events, error = read(data(chunk([{"text": "Hel"}], None, usage(8, 1))) + tail)
    assert events[0] == TextDelta("Hel")
    assert isinstance(error, OverloadedError)
    assert (error.status, error.code, error.billed) == (200, "503", Billed.YES)
    assert error.usage == Usage(8, 1, 0, 0, None, 0)


def test_an_error_in_place_of_a_stream() -> None:
    """A body with status 200 that is nothing but an error: nobody knows whether it was billed."""
    quota = {
        "error": {
            "code": 429,
            "message": "Quota exceeded",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "11.66s"}],
        }
    }
    for stream in (json.dumps(quota).encode(), json.dumps([quota]).encode(), data(quota)):
        events, error = read(stream)
        assert (events, type(error)) == ([], RateLimitedError)
        assert (error.retry_after_s, error.billed) == (11.66, Billed.UNKNOWN)


def test_a_stream_that_was_cut() -> None:
    """No finish reason: an error with the counts so far, and nobody knows what it was billed."""
    for stream in (
        data(chunk([{"text": "Hel"}], None, usage(8, 1))),
        data(chunk([{"text": "Hel"}], None, usage(8, 1))) + b'data: {"candidates": [{"content": {"parts": [{"te',
        b'{"candidates": [{"conte',
        b"",
    ):
        _, error = read(stream)
        assert isinstance(error, TransportError)
        assert (error.kind, error.billed) == ("cut", Billed.UNKNOWN)


def test_content_without_counts_has_no_final_bill() -> None:
    """What was told before the last words counts nobody's last words."""
    stream = data(chunk([{"text": "a"}], None, usage(8, 1)), chunk([{"text": "b"}], "STOP"))
    assert read(stream)[1].usage is None
    stream = data(chunk([{"text": "a"}], "STOP", usage(8, 1)), {"responseId": "r1"})
    assert read(stream)[1].usage == Usage(8, 1, 0, 0, None, 0)


def test_line_ends_comments_and_the_mark_of_gateways() -> None:
    """All of them give the same answer."""
    plain = data(chunk([{"text": "a"}], None, usage(8, 1)), chunk([{"text": "b"}], "STOP", usage(8, 2)))
    expected = read(plain)
    assert read(plain.replace(b"\r\n", b"\n")) == expected
    assert read(b": hello\r\n\r\n" + plain) == expected
    assert read(plain.rstrip(b"\r\n")) == expected
    assert read(plain + b"data: [DONE]\r\n\r\n") == expected
    assert read(b"\xef\xbb\xbf" + plain) == expected


def test_what_is_no_json_is_an_error() -> None:
    """In an event, between events, and a web page."""
    head = data(chunk([{"text": "a"}], None, usage(8, 1)))
    for tail, words in ((b"data: {nope\r\n\r\n", "an event is no JSON"), (b"oh no: bad\r\n\r\n", "a line is no JSON")):
        _, error = read(head + tail)
        assert isinstance(error, ProtocolError)
        assert words in error.message
    _, error = read(b"<html>gateway</html>")
    assert "a web page" in error.message
