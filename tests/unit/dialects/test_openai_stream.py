"""Streams: events in order, the same at every cut, and the answer they add up to."""

from collections.abc import Callable
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    Finished,
    FinishReason,
    Message,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import Billed, ProtocolError, ProviderError, ServerError, Then, TransportError
from minimill._usage import Usage
from minimill.dialects import Dialect, Target

Make = Callable[..., Target]
Run = Callable[..., tuple[list[Any], Any]]
Sse = Callable[..., bytes]
STOP = Finished(FinishReason.STOP, "stop")
CALLS = Finished(FinishReason.TOOL_CALLS, "tool_calls")
COUNTS = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **rest: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "r-1", "model": "m-1", "choices": [choice], **rest}


def call(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {key: fields.pop(key) for key in ("name",) if key in fields}
    if arguments is not None:
        function["arguments"] = arguments
    return {**fields, "function": function}


def calls(*items: Any) -> dict[str, Any]:
    return chunk({"tool_calls": list(items)})


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


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call('{"a"', index=0)),
                calls(call(":1}", index=0)),
            ],
            [
                ToolCallDelta(0, "c1", "f"),
                ToolCallDelta(0, arguments='{"a"'),
                ToolCallDelta(0, arguments=":1}"),
            ],
            id="openai",
        ),
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call("", index=0, id="c1", name="")),
                calls(call('{"a":1}', index=0, id="")),
            ],
            [ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="repeated-id-with-an-empty-name-then-an-empty-id",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f"))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="whole-call",
        ),
        pytest.param(
            [calls(call({"a": 1}, id="c1", name="f"))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="arguments-as-an-object-without-index",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f", type="function", x=None))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="unknown-fields",
        ),
        pytest.param(
            [calls(call("", id="c1", name="f")), calls(call('{"a"')), calls(call(":1}", id="c1"))],
            [
                ToolCallDelta(0, "c1", "f"),
                ToolCallDelta(0, arguments='{"a"'),
                ToolCallDelta(0, arguments=":1}"),
            ],
            id="no-index",
        ),
        pytest.param(
            [
                calls(call(None, index=0, id="c1", name="f")),
                calls(call('{"a":1}', index=0, id="x9", name=None)),
            ],
            [ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="a-new-id-in-every-piece",
        ),
        pytest.param(
            [calls(call('{"a"', index=0, name="f")), calls(call(":1}", index=0, name="f", id="c1"))],
            [ToolCallDelta(0, None, "f", '{"a"'), ToolCallDelta(0, "c1", None, ":1}")],
            id="id-comes-late-and-the-name-twice",
        ),
    ],
)
def test_one_tool_call(run: Run, sse: Sse, target: Make, chunks: Any, events: Any) -> None:
    """However a vendor cuts a call, it is one call."""
    got, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    assert got == [*events, CALLS]
    assert answer.choices[0].message.parts == (ToolCall("c1", "f", '{"a":1}'),)
    assert answer.choices[0].finish_reason is FinishReason.TOOL_CALLS


TWO = (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}"))


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f"), call("{}", index=1, id="c2", name="g"))],
            id="complete-in-one-delta",
        ),
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call("{", index=1, id="c2", name="g")),
                calls(call('{"a":1}', index=0), call("}", index=1)),
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                calls(call('{"a":1}', index=0, id="c1", name="f")),
                calls(call("{}", index=0, id="c2", name="g")),
            ],
            id="both-with-index-0",
        ),
        pytest.param(
            [calls(call('{"a":1}', id="c1", name="f"), call("{}", id="c2", name="g"))],
            id="no-index-in-one-delta",
        ),
        pytest.param(
            [
                calls(call("", id="c1", name="f")),
                calls(call('{"a":1}')),
                calls(call("{", id="c2", name="g")),
                calls(call("}")),
            ],
            id="no-index-one-after-the-other",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=3, id="c1", name="f"), call("{}", index=7, id="c2", name="g"))],
            id="indices-with-gaps",
        ),
        pytest.param(
            [
                calls(call("", index="0", id="c1", name="f")),
                calls(call('{"a":1}', index="0"), call("{}", index="1", id="c2", name="g")),
            ],
            id="indices-as-text",
        ),
    ],
)
def test_two_tool_calls(run: Run, sse: Sse, target: Make, chunks: Any) -> None:
    """Two calls stay two, in the order in which they began."""
    _, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    assert answer.choices[0].message.parts == TWO


def test_calls_without_ids(run: Run, sse: Sse, target: Make) -> None:
    """Ids are made up when the answer ends, from the answer's own id; the same as in a plain answer."""
    chunks = [calls(call("{}", name="f"), call("{}", name="f")), calls(call("{}", name="f"))]
    events, answer = run(sse(*chunks, chunk({}, "stop")), target())
    assert events[3:] == [
        ToolCallDelta(0, "call_r1_0_0"),
        ToolCallDelta(1, "call_r1_0_1"),
        ToolCallDelta(2, "call_r1_0_2"),
        Finished(FinishReason.TOOL_CALLS, "stop"),
    ]
    assert [c.id for c in answer.choices[0].message.tool_calls] == [
        "call_r1_0_0",
        "call_r1_0_1",
        "call_r1_0_2",
    ]


def test_legacy_function_call(run: Run, sse: Sse, target: Make) -> None:
    """The older single call is a tool call."""
    stream = sse(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk({}, "function_call"),
    )
    _, answer = run(stream, target())
    assert answer.choices[0].message.parts == (ToolCall("call_r1_0_0", "f", "{}"),)
    assert answer.choices[0].finish_reason is FinishReason.TOOL_CALLS


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
    assert answer.choices[0].logprobs == {"content": [1, 2]}


@pytest.mark.parametrize(
    "end",
    ["data: [DONE]\n\n", "data:[DONE]\n\n", "data: [DONE]", "", "data: [DONE]\n\ndata: {broken\n\n", ": bye\n\n", "data: {\"ch"],
)  # fmt: skip
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
    assert answer.usage == Usage(9, 2)


@pytest.mark.parametrize(
    "failure",
    [
        'data: {"error":{"message":"boom","code":"server_error"}}\n\ndata: [DONE]\n\n',
        'event: error\ndata: {"error":{"message":"boom","code":"server_error","status_code":500}}\n\n',
        'event: error\ndata: {"message":"boom","code":"server_error"}\n\n',
        'event: error\ndata: "boom"\n\n',
        "event: error\ndata: boom\n\n",
        'data: {"code":"server_error","message":"boom"}\n\n',
        'data: {"error":{"message":"boom"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n',
    ],
)
def test_error_in_mid_stream(run: Run, sse: Sse, target: Make, failure: str) -> None:
    """Events before the error are given first; content that came was billed."""
    events, error = run(sse(chunk({"content": "a"}), end=failure), target())
    assert events == [TextDelta("a")]
    assert type(error) is ServerError
    assert (error.billed, error.status, error.request_id) == (Billed.YES, 200, "r-1")
    assert "boom" in error.message


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
