"""How streams end: well, cut short, with an error, or as something that is no stream."""

import json
from typing import Any

import pytest
from tests.unit.dialects.chunks import COUNTS, STOP, Make, Run, Sse, call, calls, chunk

from minimill._chat import (
    Answer,
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
    ProviderError,
    RateLimitedError,
    ServerError,
    Then,
    TransportError,
)
from minimill._usage import Usage
from minimill.dialects import Dialect, WireResponse


@pytest.mark.parametrize(
    "end",
    [
        "data: [DONE]\n\n",
        "data:[DONE]\n\n",
        "data:  [DONE]\n\n",
        "data: [DONE]",
        "data:\t[DONE]",
        "left over: nothing\n\ndata: [DONE]\n\n",
        "",
        "data: [DONE]\n\ndata: {broken\n\n",
        ": bye\n\n",
        'data: {"ch',
    ],
)
def test_ends(run: Run, sse: Sse, target: Make, end: str) -> None:
    """An answer whose every choice ended is complete, whatever follows or does not."""
    events, answer = run(sse(chunk({"content": "a"}, "stop"), end=end), target())
    assert events == [TextDelta("a"), STOP]
    assert isinstance(answer, Answer)


def test_end_mark_sets_done(codec: Dialect, sse: Sse, target: Make) -> None:
    """After the end mark nothing matters, and the caller may stop reading."""
    decoder = codec.stream_decoder(target(), {})
    decoder.feed(sse(chunk({"content": "a"}, "stop"), end=""))
    assert decoder.done is False
    assert decoder.feed(b"data: [DONE]\n\n" + sse(chunk({"content": "b"}))) == []
    assert decoder.done is True
    assert decoder.feed(b"anything") == []
    assert decoder.close().choices[0].message.text == "a"


def test_vendor_without_finish_reasons(run: Run, sse: Sse, target: Make) -> None:
    """With an end mark and no finish reason anywhere the answer is whole, and why it ended is unknown."""
    events, answer = run(sse({"choices": [{"delta": {"content": "a"}}]}), target())
    assert events == [TextDelta("a")]
    assert (answer.choices[0].finish_reason, answer.choices[0].finish_reason_raw) == (
        FinishReason.UNKNOWN,
        None,
    )


@pytest.mark.parametrize(
    ("chunks", "end", "usage"),
    [
        pytest.param([chunk({"content": "a"})], "", None, id="in-the-middle"),
        pytest.param([chunk({"content": "a"}, usage=COUNTS)], "", Usage(9, 2), id="with-running-usage"),
        pytest.param([chunk({"content": "a"})], 'data: {"choices":[{"del', None, id="inside-a-chunk"),
        pytest.param(
            [chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1)],
            "data: [DONE]\n\n",
            None,
            id="one-of-two",
        ),
        pytest.param([], "", None, id="nothing"),
        pytest.param([], ": keep-alive\n\n", None, id="only-comments"),
    ],
)
def test_cut(run: Run, sse: Sse, target: Make, chunks: Any, end: str, usage: Any) -> None:
    """A stream that ends before its answer is an error; nobody knows its bill."""
    _, error = run(sse(*chunks, end=end), target())
    assert isinstance(error, TransportError)
    assert (error.kind, error.billed, error.usage, error.then) == ("cut", Billed.UNKNOWN, usage, Then.RETRY)
    assert error.provider == "acme"


def test_partial(codec: Dialect, sse: Sse, target: Make) -> None:
    """What has arrived can be had at any time."""
    decoder = codec.stream_decoder(target(), {})
    assert decoder.partial() == Answer((), None)
    decoder.feed(sse(chunk({"content": "a"}, usage=COUNTS), calls(call("{", index=0, name="f")), end=""))
    answer = decoder.partial()
    assert answer.choices[0].message.parts == (Text("a"), ToolCall("call_r1_0_0", "f", "{"))
    assert answer.choices[0].finish_reason is FinishReason.UNKNOWN
    assert answer.usage is None  # it was told before the call


@pytest.mark.parametrize(
    "failure",
    [
        'data: {"error":{"message":"boom","code":"server_error"}}\n\ndata: [DONE]\n\n',
        'event: error\ndata: {"error":{"message":"boom","code":"server_error","status_code":500}}\n\n',
        'event: error\ndata: {"message":"boom","code":"server_error"}\n\n',
        'event: error\ndata: "boom"\n\n',
        "event: error\ndata: boom\n\n",
        'data: {"code":"server_error","message":"boom"}\n\n',
        'data: {"type":"error","message":"boom","status_code":500}\n\n',
        'data: {"error":{"message":"boom"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n',
        '{"error":{"message":"boom","code":"server_error"}}\n',
        '{\n  "error": {\n    "message": "boom"\n  }\n}\n',
        '{"error":{"message":"boom"}}\n\ndata: [DONE]\n\n',
        'data: {"statusCode":500,"message":"boom"}\n\ndata: [DONE]\n\n',
        'data: {"status_code":500,"message":"boom"}\n\ndata: [DONE]\n\n',
        'data: {"detail":"boom"}\n\ndata: [DONE]\n\n',
        'data: {"choices":[{"index":0,"delta":{},"error":{"code":500,"message":"boom"}}]}\n\ndata: [DONE]\n\n',
    ],
)
def test_error_in_mid_stream(run: Run, sse: Sse, target: Make, failure: str) -> None:
    """Events before the error are given first; content that came was billed."""
    events, error = run(sse(chunk({"content": "a"}), end=failure), target())
    assert events == [TextDelta("a")]
    assert type(error) is ServerError
    assert (error.billed, error.status, error.request_id) == (Billed.YES, 200, "r-1")
    assert "boom" in error.message


def test_a_bare_error_after_comments(run: Run, target: Make) -> None:
    """A vendor that kept the line open with comments, and then failed in plain JSON."""
    stream = b': keep-alive\n\n: keep-alive\n\n{"error":{"message":"boom","code":"overloaded_error"}}\n\n'
    events, error = run(stream, target())
    assert (events, type(error), error.code) == ([], OverloadedError, "overloaded_error")
    assert (error.billed, error.message) == (
        Billed.UNKNOWN,
        "acme reported an error (overloaded_error): boom",
    )


def test_an_error_that_says_nothing_is_one(run: Run, sse: Sse, target: Make) -> None:
    """An empty table where errors stand."""
    events, error = run(sse(chunk({"content": "a"}), end='data: {"error":{}}\n\n'), target())
    assert events == [TextDelta("a")]
    assert isinstance(error, ProviderError)
    assert error.billed is Billed.YES


def test_error_before_content(run: Run, sse: Sse, target: Make) -> None:
    """Nothing came: nobody knows whether it was billed."""
    events, error = run(sse({"error": {"message": "busy", "code": "overloaded_error"}}), target())
    assert (events, error.billed) == ([], Billed.UNKNOWN)
    with pytest.raises(ProviderError):
        raise error


def test_error_with_usage(run: Run, sse: Sse, target: Make) -> None:
    """Usage beside the error goes with it."""
    _, error = run(sse({"error": {"message": "x"}, "usage": COUNTS}), target())
    assert (error.billed, error.usage) == (Billed.YES, Usage(9, 2))


def test_finish_word_that_is_an_error(run: Run, sse: Sse, target: Make) -> None:
    """The vendor failed in the middle."""
    quirky = target(finish_errors={"network_error": "server"})
    events, error = run(sse(chunk({"content": "a"}), chunk({}, "network_error", usage=COUNTS)), quirky)
    assert events == [TextDelta("a")]
    assert (type(error), error.usage, error.code) == (ServerError, Usage(9, 2), "network_error")
    assert error.request_id == "r-1"


def test_an_error_inside_a_choice_keeps_the_wait_and_the_id(codec: Dialect, sse: Sse, target: Make) -> None:
    """Headers count for it as for every other error, streamed or not."""
    failed = {"index": 0, "error": {"code": 429, "message": "slow"}}
    headers = {"retry-after": "7", "x-request-id": "h-1"}
    with pytest.raises(RateLimitedError) as streamed:
        codec.stream_decoder(target(), headers).feed(sse({"id": "r-1", "choices": [{**failed, "delta": {}}]}))
    with pytest.raises(RateLimitedError) as plain:
        body = json.dumps({"id": "r-1", "choices": [{**failed, "message": {}}]}).encode()
        codec.decode(WireResponse(200, headers, body), target())
    for error in (streamed.value, plain.value):
        assert (error.retry_after_s, error.request_id, error.billed) == (7.0, "h-1", Billed.UNKNOWN)


def test_error_is_raised_again(codec: Dialect, sse: Sse, target: Make) -> None:
    """An error that waited behind events is raised by the next call, and by every later one."""
    decoder = codec.stream_decoder(target(), {})
    assert decoder.feed(sse(chunk({"content": "a"}), {"error": "boom"})) == [TextDelta("a")]
    assert decoder.done is True
    for step in (lambda: decoder.feed(b"x"), decoder.close):
        with pytest.raises(ProviderError, match="boom"):
            step()


@pytest.mark.parametrize(
    "stream",
    [
        b"data: {broken\n\n",
        b"<html>Bad gateway</html>",
        b"data: [DONE]\n\n",
        b'data: {"choices":[]}\n\ndata: [DONE]\n\n',
    ],
)
def test_unreadable(run: Run, target: Make, stream: bytes) -> None:
    """What is no stream of answers is an error whose bill nobody knows."""
    events, error = run(stream, target())
    assert isinstance(error, ProtocolError)
    assert (events, error.billed) == ([], Billed.UNKNOWN)


@pytest.mark.parametrize(
    "value", ["null", "3", '"ping"', "[]", "{}", '{"choices":null}', '{"choices":[null,3]}', ""]
)
def test_chunks_that_say_nothing(run: Run, sse: Sse, target: Make, value: str) -> None:
    """They are passed over."""
    stream = f"data: {value}\n\n".encode() + sse(chunk({"content": "a"}, "stop"))
    assert run(stream, target())[0] == [TextDelta("a"), STOP]


def test_chunks_that_only_a_line_end_parts(run: Run, target: Make) -> None:
    """Some servers leave the blank line out."""
    stream = (
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n'
        b'data: {"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}\n'
        b"data: [DONE]\n"
    )
    assert run(stream, target())[0] == [TextDelta("a"), TextDelta("b"), STOP]


def test_broken_characters(run: Run, target: Make) -> None:
    """A damaged character is replaced; the rest stands."""
    stream = b'data: {"choices":[{"delta":{"content":"\xe4!"},"finish_reason":"stop"}]}\n\n'
    assert run(stream, target())[0] == [TextDelta("\ufffd!"), STOP]


def test_plain_body_where_a_stream_was_asked_for(run: Run, target: Make) -> None:
    """It gives the same events as a stream would."""
    body = (
        b'{"id":"r-1","choices":[{"message":{"content":"a","reasoning":"h","tool_calls":[{"id":"c1","function":'
        b'{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}'
    )
    events, answer = run(body, target())
    assert events == [
        ReasoningDelta("h"),
        TextDelta("a"),
        ToolCallDelta(0, "c1", "f", "{}"),
        Finished(FinishReason.TOOL_CALLS, "stop"),
        UsageReported(Usage(9, 2)),
    ]
    assert answer.usage == Usage(9, 2)


def test_plain_error_where_a_stream_was_asked_for(run: Run, target: Make) -> None:
    """An error body with a good status is an error here too; half a body is a cut."""
    events, error = run(b'{"base_resp":{"status_code":1008,"status_msg":"no balance"}}', target())
    assert (events, error.code) == ([], "1008")
    _, error = run(b'{"choices":[{"mess', target())
    assert error.kind == "cut"


def test_size_caps(target: Make) -> None:
    """One event and the whole stream have caps; a plain body has the second."""
    from minimill.dialects.openai_chat import OpenAIChat

    for data in (b"data: " + b"x" * 200, b'{"choices":' + b" " * 500):
        decoder = OpenAIChat(max_event_bytes=100, max_stream_bytes=300).stream_decoder(target(), {})
        with pytest.raises(TransportError) as caught:
            decoder.feed(data)
        assert (caught.value.kind, caught.value.provider) == ("too_large", "acme")


@pytest.mark.parametrize(
    "end",
    [
        'data: {"error":{"message":"boom","code":"server_error"}}\n\n',
        "data: {broken\n\n",
        "data: [DONE]\n\n",
        "",
    ],
)
def test_usage_before_content_is_no_bill(run: Run, sse: Sse, target: Make, end: str) -> None:
    """Content after it makes a usage unknown, however the stream ends."""
    _, outcome = run(sse(chunk({"content": "a"}, usage=COUNTS), chunk({"content": "b"}), end=end), target())
    assert outcome.usage is None


def test_good_answer_with_usage_before_its_content(run: Run, sse: Sse, target: Make) -> None:
    """The finish does not make an early usage final; a running total with the last content is."""
    early, late = chunk({"content": "a"}, usage=COUNTS), chunk({"content": "b"}, usage=COUNTS)
    stop = chunk({}, "stop")
    assert run(sse(early, chunk({"content": "b"}), stop), target())[1].usage is None
    assert run(sse(early, late, stop), target())[1].usage == Usage(9, 2)


def test_no_output_beside_content(run: Run, sse: Sse, target: Make) -> None:
    """A count of zero beside an answer is unknown, streamed or whole."""
    zero = {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}
    assert run(sse(chunk({"content": "a"}, "stop", usage=zero)), target())[1].usage is None
    body = b'{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":0}}'
    assert run(body, target())[1].usage is None
