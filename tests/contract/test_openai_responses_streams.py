"""Streams of `openai_responses`: the exact events, at every cut.

https://github.com/openai/openai-python/tree/HEAD/src/openai/types/responses (`response_*_event.py`)
"""

import json
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
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import (
    Billed,
    ContentFilteredError,
    ProtocolError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from minimill._usage import Usage
from minimill.dialects import WireResponse
from tests.contract.openai_responses import (
    CODEC,
    call,
    data,
    end,
    event,
    message,
    plain_target,
    read,
    response,
    target,
    thought,
)
from tests.contract.openai_vendors import pieces

STOP = Finished(FinishReason.STOP, "completed")
CALLS = Finished(FinishReason.TOOL_CALLS, "completed")
USED = UsageReported(Usage(9, 2))
SEARCHED = UsageReported(Usage(9, 2, units={"web_search": 1}))
BEGUN = [
    event("created", response=response(status="in_progress", usage=None)),
    event("in_progress", response=response(status="in_progress", usage=None)),
]


def text(delta: str, place: int = 0, **fields: Any) -> dict[str, Any]:
    return event("output_text.delta", output_index=place, item_id="msg_1", content_index=0, delta=delta, **fields)


def added(place: int, item: Any) -> dict[str, Any]:
    return event("output_item.added", output_index=place, item=item)


def done(place: int, item: Any) -> dict[str, Any]:
    return event("output_item.done", output_index=place, item=item)


def arguments(place: int, delta: str) -> dict[str, Any]:
    return event("function_call_arguments.delta", output_index=place, item_id="fc", delta=delta)


def summary(number: int, delta: str, place: int = 0) -> dict[str, Any]:
    return event(
        "reasoning_summary_text.delta", output_index=place, item_id="rs_1", summary_index=number, delta=delta
    )


SEAL = '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA=="}'
BARE = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
STREAMS = [
    pytest.param(
        data(
            *BEGUN,
            added(0, BARE),
            event("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
            text("hel", obfuscation="xyz"),
            text("lo"),
            event("output_text.done", output_index=0, content_index=0, text="hello"),
            done(0, message("hello")),
            end(message("hello")),
        ),
        [TextDelta("hel"), TextDelta("lo"), STOP, USED],
        (Text("hello"),),
        id="text",
    ),
    pytest.param(
        data(
            *BEGUN,
            added(0, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "early"}),
            event("reasoning_summary_part.added", output_index=0, summary_index=0, part={"text": ""}),
            summary(0, "One"),
            summary(0, "."),
            summary(1, "Two"),
            done(0, thought("One.", "Two", sealed="gZZ")),
            added(1, call("c1", "f", "", status="in_progress")),
            added(2, call("c2", "g", "", status="in_progress")),
            arguments(1, '{"a"'),
            arguments(2, "{"),
            arguments(1, ":1}"),
            arguments(2, "}"),
            done(1, call("c1", "f", '{"a":1}')),
            done(2, call("c2", "g", "{}")),
            end(thought("One.", "Two", sealed="gZZ"), call("c1", "f", '{"a":1}'), call("c2", "g", "{}")),
        ),
        [
            ReasoningDelta("One"),
            ReasoningDelta("."),
            ReasoningDelta("\n\nTwo"),
            ToolCallDelta(0, "c1", "f"),
            ToolCallDelta(1, "c2", "g"),
            ToolCallDelta(0, arguments='{"a"'),
            ToolCallDelta(1, arguments="{"),
            ToolCallDelta(0, arguments=":1}"),
            ToolCallDelta(1, arguments="}"),
            CALLS,
            USED,
        ],
        (
            Reasoning(
                "One.\n\nTwo",
                '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"One."},'
                '{"type":"summary_text","text":"Two"}],"encrypted_content":"gZZ"}',
                "acme",
            ),
            ToolCall("c1", "f", '{"a":1}'),
            ToolCall("c2", "g", "{}"),
        ),
        id="a-thought-and-two-calls-at-once",
    ),
    pytest.param(
        data(text("a"), end(message("abc")), tail="data: [DONE]\n\n"),
        [TextDelta("a"), TextDelta("bc"), STOP, USED],
        (Text("abc"),),
        id="pieces-that-never-came-are-in-the-end-and-a-mark-follows",
    ),
    pytest.param(
        data(arguments(0, "{}"), end(call("c1", "f", "{}"))),
        [ToolCallDelta(0, arguments="{}"), ToolCallDelta(0, "c1", "f"), CALLS, USED],
        (ToolCall("c1", "f", "{}"),),
        id="a-call-that-was-not-announced",
    ),
    pytest.param(
        data(added(0, call("", "f", "")), arguments(0, "{}"), end(output=[])),
        [ToolCallDelta(0, None, "f"), ToolCallDelta(0, arguments="{}"),
         ToolCallDelta(0, "call_resp1_0_0"), CALLS, USED],
        (ToolCall("call_resp1_0_0", "f", "{}"),),
        id="a-call-without-id-and-an-end-without-output",
    ),
    pytest.param(
        data(
            event("refusal.delta", output_index=0, content_index=0, delta="I "),
            event("refusal.delta", output_index=0, content_index=0, delta="won't."),
            event("refusal.done", output_index=0, content_index=0, refusal="I won't."),
            end({"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "I won't."}]}),
        ),
        [RefusalDelta("I "), RefusalDelta("won't."), STOP, USED],
        (),
        id="a-refusal",
    ),
    pytest.param(
        data(
            text("b", 1), text("a", 0), text("c", 1),
            end({**message("a"), "id": "m0"}, {**message("bc"), "id": "m1"}),
        ),
        [TextDelta("b"), TextDelta("a"), TextDelta("c"), STOP, USED],
        (Text("bc"), Text("a")),
        id="two-messages-in-turns-stay-as-they-began",
    ),
    pytest.param(
        data(
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "a"},
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "b"},
            end(message("ab")),
        ),
        [TextDelta("a"), TextDelta("b"), STOP, USED],
        (Text("ab"),),
        id="items-known-by-id-alone",
    ),
    pytest.param(
        data(
            {"type": "response.output_text.delta", "delta": "a"},
            {"type": "response.function_call_arguments.delta", "delta": "{"},
            {"type": "response.output_text.delta", "delta": "b"},
            end(message("ab"), call("c1", "f", "{}")),
        ),
        [TextDelta("a"), ToolCallDelta(0, arguments="{"), TextDelta("b"),
         ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments="}"), CALLS, USED],
        (Text("ab"), ToolCall("c1", "f", "{}")),
        id="items-known-by-their-type-alone",
    ),
    pytest.param(
        data(
            added(0, {"type": "reasoning", "id": "r-a", "summary": []}),
            done(0, {"type": "reasoning", "id": "r-b", "summary": [], "encrypted_content": "g"}),
            added(0, {**BARE, "id": "m-a"}),
            event("output_text.delta", output_index=0, item_id="m-b", content_index=0, delta="a"),
            done(0, {**message("a"), "id": "m-c"}),
            end({"type": "reasoning", "id": "r-b", "summary": [], "encrypted_content": "g"},
                {**message("a"), "id": "m-c"}),
        ),
        [TextDelta("a"), STOP, USED],
        (Reasoning("", '{"type":"reasoning","id":"r-b","summary":[],"encrypted_content":"g"}', "acme"), Text("a")),
        id="changing-ids-and-one-place-for-all",
    ),
    pytest.param(
        data(
            event("reasoning_text.delta", output_index=0, content_index=0, delta="hm"),
            event("reasoning_text.done", output_index=0, content_index=0, text="hmm"),
            done(0, thought("A summary.")),
            text("a", 1),
            end(thought("A summary."), message("a")),
        ),
        [ReasoningDelta("hm"), ReasoningDelta("m"), TextDelta("a"), STOP, USED],
        (
            Reasoning(
                "hmm",
                '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"A summary."}],'
                '"encrypted_content":"gAAA=="}',
                "acme",
            ),
            Text("a"),
        ),
        id="thoughts-in-full-are-not-told-again-as-a-summary",
    ),
    pytest.param(
        data(
            event("web_search_call.searching", output_index=0, item_id="ws"),
            {"type": "keepalive"},
            {"type": "response.brand_new.delta", "delta": "x", "output_index": 0},
            done(0, {"type": "web_search_call", "id": "ws", "status": "completed"}),
            added(1, {"type": "custom_tool_call", "id": "ct", "call_id": "c1", "name": "sql", "input": ""}),
            event("custom_tool_call_input.delta", output_index=1, item_id="ct", delta="SELECT 1"),
            end(
                {"type": "web_search_call", "id": "ws", "status": "completed"},
                {"type": "custom_tool_call", "id": "ct", "call_id": "c1", "name": "sql", "input": "SELECT 1"},
            ),
        ),
        [ToolCallDelta(0, "c1", "sql"), ToolCallDelta(0, arguments="SELECT 1"), CALLS, SEARCHED],
        (
            Reasoning("", '{"type":"web_search_call","id":"ws","status":"completed"}', "acme"),
            Reasoning(
                "",
                '{"type":"custom_tool_call","id":"ct","call_id":"c1","name":"sql","input":"SELECT 1"}',
                "acme",
            ),
            ToolCall("c1", "sql", "SELECT 1"),
        ),
        id="the-vendors-own-items-and-unknown-events",
    ),
    pytest.param(
        data(
            done(0, thought()),
            end(thought(), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        ),
        [Finished(FinishReason.LENGTH, "max_output_tokens"), USED],
        (Reasoning("", SEAL, "acme"),),
        id="all-of-the-limit-was-thought",
    ),
    pytest.param(
        data(text("a"), end(message("a"), usage=None)), [TextDelta("a"), STOP], (Text("a"),), id="no-usage"
    ),
    pytest.param(
        data(text("a"), done(0, message("a")), tail="data: [DONE]\n\n"),
        [TextDelta("a")],
        (Text("a"),),
        id="an-end-mark-in-place-of-the-end",
    ),
    pytest.param(
        json.dumps(response(message("a"), call("c1", "f", "{}"))).encode(),
        [TextDelta("a"), ToolCallDelta(0, "c1", "f", "{}"), CALLS, USED],
        (Text("a"), ToolCall("c1", "f", "{}")),
        id="a-plain-body",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "events", "parts"), STREAMS)
def test_stream(stream: bytes, events: list[Any], parts: tuple[Any, ...]) -> None:
    """The same events and the same message, wherever the bytes are cut."""
    for cut in pieces(stream):
        got, answer = read(plain_target(), cut)
        assert got == events
        assert answer.choices[0].message.parts == parts


def test_a_stream_tells_all_that_a_plain_answer_tells() -> None:
    """Id, model, tier, usage, logprobs and the body of the response."""
    logprob = {"token": "a", "logprob": -0.1, "top_logprobs": []}
    item = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "a", "logprobs": [logprob]}]}
    whole = response(item, service_tier="flex")
    _, answer = read(plain_target(), [data(*BEGUN, text("a", logprobs=[logprob]), event("completed", response=whole))])
    assert answer == CODEC.decode(WireResponse(200, {}, json.dumps(whole).encode()), plain_target())
    assert answer.choices[0].logprobs == (TokenLogprob("a", -0.1),)
    assert answer.choices[0].logprobs_raw == {"content": [logprob]}
    assert (answer.id, answer.service_tier) == ("resp_1", "flex")


def run(stream: bytes) -> tuple[list[Any], ProviderError]:
    """Events and error of a stream that fails, the same at every cut."""
    found: list[tuple[list[Any], ProviderError]] = []
    for cut in pieces(stream):
        decoder = CODEC.stream_decoder(target(), {"x-request-id": "req_1"})
        events: list[Any] = []
        with pytest.raises(ProviderError) as caught:
            for piece in cut:
                events += decoder.feed(piece)
            events += decoder.flush()
            decoder.close()
        found.append((events, caught.value))
        assert events == found[0][0]
        assert vars(caught.value).keys() == vars(found[0][1]).keys()
        assert str(caught.value) == str(found[0][1])
    return found[0]


FLAT = {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None}
NESTED = {"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "m"}}
FAILED = end(status="failed", error={"code": "server_error", "message": "m"}, usage=None)
POLICY = end(status="failed", error={"code": "bio_policy", "message": "m"}, usage=None)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (FLAT, RateLimitedError),
        (NESTED, QuotaExhaustedError),
        (FAILED, ServerError),
        (POLICY, ContentFilteredError),
        ({"type": "response.failed"}, ServerError),
        ({"type": "unheard_of", "error": {"code": "server_error", "message": "m"}}, ServerError),
    ],
)
def test_errors_inside_a_stream(ending: dict[str, Any], kind: type[ProviderError]) -> None:
    """Before anything came nobody knows whether it was billed; after it, it was."""
    events, error = run(data(*BEGUN, ending))
    assert events == []
    assert type(error) is kind
    assert (error.status, error.billed, error.request_id) == (200, Billed.UNKNOWN, "req_1")
    events, error = run(data(*BEGUN, text("a"), ending))
    assert events == [TextDelta("a")]
    assert (type(error), error.billed) == (kind, Billed.YES)


def test_an_error_in_plain_words() -> None:
    """As gateways send it."""
    _, error = run(b"event: error\ndata: upstream is gone\n\n")
    assert "upstream is gone" in error.message
    _, error = run(b'event: error\ndata: "upstream is gone"\n\n')
    assert "upstream is gone" in error.message


def test_usage_of_a_failed_response() -> None:
    """It says what it cost."""
    _, error = run(data(end(status="failed", error={"code": "server_error", "message": "m"})))
    assert (error.usage, error.billed) == (Usage(9, 2), Billed.YES)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        data(*BEGUN),
        data(*BEGUN, text("a")),
        data(*BEGUN, text("a"), done(0, message("a"))),
        data(text("a"), tail="data: [DONE]\n\n"),
        data(end(message("a")))[:-40],
        json.dumps(response(message("a"))).encode()[:-1],
    ],
)
def test_a_stream_that_was_cut(stream: bytes) -> None:
    """The end of the response never came."""
    _, error = run(stream)
    assert isinstance(error, TransportError)
    assert (error.kind, error.billed) == ("cut", Billed.UNKNOWN)


@pytest.mark.parametrize(
    "stream",
    [
        b"data: [DONE]\n\n",
        b"data: {\n\n",
        b"<html>",
        b'{"a": 1}',
        data(end(message("a"), status="cancelled")),
    ],
)
def test_a_stream_that_makes_no_sense(stream: bytes) -> None:
    """It may have been billed."""
    _, error = run(stream)
    assert isinstance(error, ProtocolError)


def test_what_came_of_a_stream_that_was_left() -> None:
    """Text, calls and shown thoughts; no seal that was not final."""
    decoder = CODEC.stream_decoder(plain_target(), {})
    decoder.feed(data(*BEGUN, added(0, thought(sealed="early")), summary(0, "hm"), text("a", 1)))
    decoder.feed(data(added(2, call("c1", "f", "")), arguments(2, '{"a"')))
    answer = decoder.partial()
    assert answer.choices[0].message.parts == (
        Reasoning("hm", None, "acme"),
        Text("a"),
        ToolCall("c1", "f", '{"a"'),
    )
    assert answer.choices[0].finish_reason is FinishReason.UNKNOWN
    assert (answer.usage, answer.id) == (None, "resp_1")
    assert CODEC.stream_decoder(plain_target(), {}).partial() == Answer((), None)


def test_damaged_text_is_read_as_far_as_can_be() -> None:
    """Half of a pair of surrogates, and bytes that are no UTF-8."""
    line = b'data: {"type":"response.output_text.delta","output_index":0,"delta":"a\xff\\ud800"}\n\n'
    events, _ = read(plain_target(), [line, data(end(output=[]))])
    assert events[0] == TextDelta("a\ufffd\ufffd")
