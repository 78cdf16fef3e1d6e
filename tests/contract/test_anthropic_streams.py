"""Messages streams: the exact events, the same at every cut.

Cases are written from https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    Finished,
    FinishReason,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import Billed, OverloadedError, ProtocolError, ProviderError, TransportError
from minimill._usage import Usage
from minimill.catalog import load_provider
from minimill.dialects import Target, WireResponse, get_dialect
from minimill.dialects.anthropic import Anthropic

CODEC = get_dialect("anthropic")
MODEL = "claude-opus-5-5"
AIM = Target("anthropic", MODEL, load_provider("anthropic").models[MODEL].quirks, load_provider("anthropic").errors)
STOP = Finished(FinishReason.STOP, "end_turn")
NONE = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def sse(*events: Any) -> bytes:
    parts = (
        event if isinstance(event, str) else f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        for event in events
    )
    return "".join(parts).encode()


def start(**usage: Any) -> dict[str, Any]:
    told = {"input_tokens": 9, "output_tokens": 1, **NONE, **usage}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": told}}


def block(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, kind: str, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **content}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None = "end_turn", usage: Any = None, **rest: Any) -> dict[str, Any]:
    told = {"output_tokens": 5} if usage is None else usage
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None, **rest}, "usage": told}


PING = {"type": "ping"}
LAST = {"type": "message_stop"}
HELLO = (
    block(0, type="text", text=""),
    PING,
    delta(0, "text_delta", text="Hé"),
    delta(0, "text_delta", text="y"),
    stop(0),
)
SAID = [TextDelta("Hé"), TextDelta("y")]


def once(*pieces: bytes) -> tuple[list[Any], Any]:
    decoder = CODEC.stream_decoder(AIM, {})
    events: list[Any] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        return events, error


def told(outcome: Any) -> Any:
    if not isinstance(outcome, Exception):
        return outcome
    return type(outcome), {key: str(value) for key, value in vars(outcome).items()}


def cuts(stream: bytes) -> Iterator[list[bytes]]:
    for cut in range(1, len(stream)):
        yield [stream[:cut], stream[cut:]]
    yield [stream[i : i + 1] for i in range(len(stream))]


def read(stream: bytes) -> tuple[list[Any], Any]:
    """Events and outcome, the same for the stream cut in two at every byte, and byte by byte."""
    events, outcome = once(stream)
    for pieces in cuts(stream):
        again, other = once(*pieces)
        assert again == events, pieces[0][-20:]
        assert told(other) == told(outcome), pieces[0][-20:]
    return events, outcome


CASES = [
    pytest.param(
        sse(start(), *HELLO, end(), LAST),
        [*SAID, STOP, UsageReported(Usage(9, 5, 0, 0, 0))],
        (Text("Héy"),),
        id="text",
    ),
    pytest.param(
        sse(
            start(),
            block(0, type="thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="h"),
            delta(0, "thinking_delta", thinking="m"),
            delta(0, "signature_delta", signature="SIG=="),
            stop(0),
            block(1, type="redacted_thinking", data="EuYB=="),
            stop(1),
            block(2, type="text", text="a"),
            stop(2),
            end(usage={"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 3}}),
            LAST,
        ),
        [
            ReasoningDelta("h"),
            ReasoningDelta("m"),
            TextDelta("a"),
            STOP,
            UsageReported(Usage(9, 5, 0, 0, 0, 3)),
        ],
        (
            Reasoning("hm", "SIG==", "anthropic", MODEL),
            Reasoning("", '{"type":"redacted_thinking","data":"EuYB=="}', "anthropic", MODEL),
            Text("a"),
        ),
        id="thinking-with-its-signature",
    ),
    pytest.param(
        sse(
            start(),
            block(0, type="thinking", thinking="", signature=""),
            delta(0, "signature_delta", signature="SIG=="),
            stop(0),
            end(),
            LAST,
        ),
        [STOP, UsageReported(Usage(9, 5, 0, 0, 0))],
        (Reasoning("", "SIG==", "anthropic", MODEL),),
        id="thinking-that-is-not-shown",
    ),
    pytest.param(
        sse(
            start(),
            block(0, type="text", text=""),
            stop(0),
            block(1, type="tool_use", id="t1", name="f", input={}),
            block(2, type="tool_use", id="t2", name="g", input={}),
            delta(2, "input_json_delta", partial_json=""),
            delta(2, "input_json_delta", partial_json='{"a":'),
            delta(1, "input_json_delta", partial_json='{"b": "ü"}'),
            delta(2, "input_json_delta", partial_json=" 1}"),
            stop(1),
            stop(2),
            block(3, type="tool_use", id="t3", name="h", input={}),
            stop(3),
            end("tool_use"),
            LAST,
        ),
        [
            ToolCallDelta(0, "t1", "f"),
            ToolCallDelta(1, "t2", "g"),
            ToolCallDelta(1, arguments='{"a":'),
            ToolCallDelta(0, arguments='{"b": "ü"}'),
            ToolCallDelta(1, arguments=" 1}"),
            ToolCallDelta(2, "t3", "h"),
            ToolCallDelta(2, arguments="{}"),
            Finished(FinishReason.TOOL_CALLS, "tool_use"),
            UsageReported(Usage(9, 5, 0, 0, 0)),
        ],
        (ToolCall("t1", "f", '{"b": "ü"}'), ToolCall("t2", "g", '{"a": 1}'), ToolCall("t3", "h", "{}")),
        id="parallel-calls-mixed-up-and-one-without-arguments",
    ),
    pytest.param(
        sse(
            start(),
            block(0, type="server_tool_use", id="s1", name="web_search", input={}),
            delta(0, "input_json_delta", partial_json='{"query": "x"}'),
            stop(0),
            block(1, type="web_search_tool_result", tool_use_id="s1", content=[{"type": "x", "encrypted": "E"}]),
            stop(1),
            block(2, type="text", text="", citations=[]),
            delta(2, "citations_delta", citation={"url": "https://e.example"}),
            delta(2, "text_delta", text="a"),
            delta(2, "brand_new_delta", text="b"),
            stop(2),
            {"type": "brand_new"},
            end("pause_turn", {"input_tokens": 90, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}}),
            LAST,
        ),
        [
            TextDelta("a"),
            Finished(FinishReason.LENGTH, "pause_turn"),
            UsageReported(Usage(90, 5, 0, 0, 0, units={"web_search": 1})),
        ],
        (
            Reasoning(
                "", '{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"x"}}', "anthropic"
            ),
            Reasoning(
                "",
                '{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"type":"x","encrypted":"E"}]}',
                "anthropic",
            ),
            Text("a"),
        ),
        id="a-server-tool-and-a-pause",
    ),
    pytest.param(
        sse(start(), end("refusal", stop_details={"type": "refusal", "explanation": "No."}), LAST),
        [RefusalDelta("No."), Finished(FinishReason.CONTENT_FILTER, "refusal"), UsageReported(Usage(9, 5, 0, 0, 0))],
        (),
        id="a-refusal-without-content",
    ),
    pytest.param(
        sse(start(), start(input_tokens=7), *HELLO, end(), LAST, start(), *HELLO),
        [*SAID, STOP, UsageReported(Usage(9, 5, 0, 0, 0))],
        (Text("Héy"),),
        id="begun-twice-and-more-after-the-end",
    ),
    pytest.param(
        sse(start(), *HELLO, end(), end(None, {"output_tokens": 7})),
        [*SAID, STOP, UsageReported(Usage(9, 5, 0, 0, 0)), UsageReported(Usage(9, 7, 0, 0, 0))],
        (Text("Héy"),),
        id="two-bills-and-no-message-stop",
    ),
    pytest.param(
        ("\ufeff: hello\n\n" + sse(start(), *HELLO, end(), LAST).decode()).replace("\n", "\r\n").encode(),
        [*SAID, STOP, UsageReported(Usage(9, 5, 0, 0, 0))],
        (Text("Héy"),),
        id="byte-order-mark-comment-and-crlf",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "events", "parts"), CASES)
def test_events(stream: bytes, events: list[Any], parts: tuple[Any, ...]) -> None:
    """Each stream gives these events, and an answer with these parts."""
    found, answer = read(stream)
    assert found == events
    assert isinstance(answer, Answer)
    assert answer.choices[0].message.parts == parts
    assert (answer.id, answer.model) == ("msg_1", MODEL)
    reported = [event.usage for event in events if isinstance(event, UsageReported)]
    assert answer.usage == reported[-1]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        # the last report counts all so far
        ({"input_tokens": 9}, {"input_tokens": 30, "output_tokens": 5}, Usage(30, 5, 0, 0, 0)),
        # the input only grows
        ({"input_tokens": 30}, {"input_tokens": 0, "output_tokens": 5}, Usage(30, 5, 0, 0, 0)),
        ({"cache_read_input_tokens": 20}, {"output_tokens": 5}, Usage(29, 5, 20, 0, 0)),
        # lifetimes told at the beginning, for all that was written
        (
            {
                "cache_creation_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            },
            {"cache_creation_input_tokens": 7, "output_tokens": 5},
            Usage(16, 5, 0, 7, 4),
        ),
        # more was written later: for how long is not known
        (
            {
                "cache_creation_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            },
            {"cache_creation_input_tokens": 9, "output_tokens": 5},
            Usage(18, 5, 0, 9),
        ),
        # a summary on the way
        (
            {"input_tokens": 900},
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "iterations": [{"type": "compaction", "input_tokens": 900, "output_tokens": 40}],
            },
            Usage(910, 45, 0, 0),
        ),
        ({}, {"input_tokens": 9}, None),
        ({}, {"output_tokens": 0}, None),
    ],
)
def test_usage_of_a_stream(first: Any, last: Any, expected: Usage | None) -> None:
    _, answer = read(sse(start(**first), *HELLO, end(usage=last), LAST))
    assert answer.usage == expected
    assert answer.choices[0].message.text == "Héy"


def test_content_after_the_bill_makes_it_unknown() -> None:
    _, answer = once(sse(start(), *HELLO, end(), block(1, type="text", text="more"), stop(1), LAST))
    assert answer.usage is None


FAILED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_an_error_after_text() -> None:
    """What had come is told, then the error; it was billed, how much is not known."""
    events, error = read(sse(start(), *HELLO[:3], FAILED))
    assert events == [TextDelta("Hé")]
    assert type(error) is OverloadedError
    assert (error.status, error.billed, error.usage, error.request_id) == (200, Billed.YES, None, "msg_1")


def test_an_error_before_anything() -> None:
    events, error = read(sse(FAILED))
    assert (events, type(error), error.billed) == ([], OverloadedError, Billed.UNKNOWN)


@pytest.mark.parametrize("line", ["event: error\ndata: broken\n\n", 'event: error\ndata: {"message": "broken"}\n\n'])
def test_an_error_of_any_shape(line: str) -> None:
    events, error = read(sse(start(), line))
    assert events == []
    assert isinstance(error, ProviderError) and error.status == 200


@pytest.mark.parametrize(
    "stream",
    [b"", sse(start()), sse(start(), *HELLO), sse(start(), *HELLO)[:-1], sse(start(), *HELLO[:3]), b"data: "],
)
def test_a_stream_that_is_cut(stream: bytes) -> None:
    """The tokens that a message begins with are no bill."""
    _, error = read(stream)
    assert isinstance(error, TransportError)
    assert (error.kind, error.billed, error.usage) == ("cut", Billed.UNKNOWN, None)


@pytest.mark.parametrize("stream", [sse(LAST), b"<html>", sse(start(), "data: {broken\n\n")])
def test_what_is_no_stream(stream: bytes) -> None:
    _, error = read(stream)
    assert isinstance(error, ProtocolError)


def test_a_plain_body_in_place_of_a_stream() -> None:
    body = {
        "id": "msg_1", "type": "message", "model": MODEL, "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "S"},
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1}},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 5, **NONE},
    }  # fmt: skip
    whole = json.dumps(body).encode()
    events, answer = read(whole)
    assert events == [
        ReasoningDelta("hm"),
        TextDelta("a"),
        ToolCallDelta(0, "t1", "f", '{"b":1}'),
        Finished(FinishReason.TOOL_CALLS, "tool_use"),
        UsageReported(Usage(9, 5, 0, 0, 0)),
    ]
    assert answer == CODEC.decode(WireResponse(200, {}, whole), AIM)


def test_a_stream_in_place_of_a_plain_body_is_the_same_answer() -> None:
    stream = sse(start(), *HELLO, end(), LAST)
    assert CODEC.decode(WireResponse(200, {}, stream), AIM) == once(stream)[1]


def test_the_raw_answer_of_a_stream_is_the_message_put_together() -> None:
    stream = sse(
        start(), block(0, type="text", text=""), delta(0, "citations_delta", citation={"url": "u"}),
        delta(0, "text_delta", text="a"), stop(0), end(), LAST,
    )  # fmt: skip
    _, answer = once(stream)
    assert answer.raw["content"] == [{"type": "text", "text": "a", "citations": [{"url": "u"}]}]
    assert answer.raw["usage"]["output_tokens"] == 5
    assert answer.raw["stop_reason"] == "end_turn"


def test_a_stream_that_is_too_large() -> None:
    decoder = Anthropic(max_stream_bytes=1000).stream_decoder(AIM, {})
    with pytest.raises(TransportError) as caught:
        for _ in range(100):
            decoder.feed(sse(start(), *HELLO))
    assert caught.value.kind == "too_large"
