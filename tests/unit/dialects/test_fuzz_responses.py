"""No bytes raise anything but our errors from `openai_responses`, nor take more than their share of time."""

import json
import time
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from minimill._chat import Answer, ChatRequest, user
from minimill._errors import Billed, ProviderError
from minimill.catalog import Quirks
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("openai_responses")
TARGETS = [
    Target("acme", "m-1", Quirks()),
    Target("odd", "m-2", Quirks(finish_reasons={"a": "stop"}, finish_errors={"completed": "server"})),
]
KEYS = st.sampled_from(
    [
        "id", "type", "object", "status", "model", "output", "content", "text", "refusal", "summary", "role", "phase",
        "encrypted_content", "call_id", "name", "namespace", "arguments", "input", "item", "item_id", "output_index",
        "content_index", "summary_index", "delta", "part", "response", "error", "code", "message", "param", "usage",
        "input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details",
        "cached_tokens", "cache_write_tokens", "reasoning_tokens", "incomplete_details", "reason", "service_tier",
        "tool_usage", "web_search", "num_requests", "logprobs", "sequence_number", "choices",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "message", "function_call", "custom_tool_call", "reasoning", "web_search_call", "output_text", "refusal",
        "completed", "incomplete", "failed", "queued", "max_output_tokens", "error", "a", "", "[DONE]",
        "response.created",
        "response.output_item.added", "response.output_item.done", "response.completed", "response.incomplete",
        "response.failed", "response.output_text.delta", "response.output_text.done", "response.refusal.delta",
        "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.custom_tool_call_input.delta", "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.just(10**4000)
    | st.floats(allow_nan=True)
    | WORDS
    | st.text(max_size=4)
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
ITEMS = st.fixed_dictionaries(
    {"type": WORDS},
    optional={
        "id": WORDS,
        "call_id": WORDS,
        "name": WORDS,
        "arguments": VALUES,
        "content": VALUES | st.lists(st.fixed_dictionaries({"type": WORDS, "text": VALUES}), max_size=2),
        "summary": VALUES | st.lists(st.fixed_dictionaries({"text": VALUES}), max_size=2),
    },
)
RESPONSES = st.fixed_dictionaries(
    {"output": st.lists(ITEMS | VALUES, max_size=4) | VALUES},
    optional={"id": VALUES, "status": VALUES, "usage": VALUES, "incomplete_details": VALUES, "error": VALUES},
)
EVENTS = st.fixed_dictionaries(
    {"type": WORDS | VALUES},
    optional={
        "item": ITEMS | VALUES,
        "response": RESPONSES | VALUES,
        "output_index": st.integers(0, 2) | VALUES,
        "item_id": WORDS | VALUES,
        "delta": VALUES,
        "text": VALUES,
        "error": VALUES,
    },
)
BODIES = RESPONSES | st.dictionaries(KEYS, VALUES, max_size=6) | VALUES
JUNK = st.binary(max_size=60)
quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def checked(error: ProviderError, target: Target) -> None:
    assert error.provider == target.provider
    assert error.billed in Billed
    assert len(error.message) < 600


def next_turn(answer: Answer, target: Target) -> None:
    """Whatever was answered can be sent back."""
    for choice in answer.choices:
        request = ChatRequest((user("hi"), choice.message))
        assert CODEC.encode(request, target, stream=False).body.startswith(b"{")


@quick
@given(BODIES.map(as_json) | JUNK, st.sampled_from(TARGETS))
def test_decode(body: bytes, target: Target) -> None:
    """Any body is an answer or an error of ours."""
    try:
        answer = CODEC.decode(WireResponse(200, {}, body), target)
    except ProviderError as error:
        checked(error, target)
    else:
        next_turn(answer, target)


@quick
@given(BODIES.map(as_json) | JUNK, st.integers(300, 599), st.sampled_from(TARGETS))
def test_decode_error(body: bytes, status: int, target: Target) -> None:
    """Any refusal is an error of ours with its status."""
    error = CODEC.decode_error(WireResponse(status, {}, body), target)
    checked(error, target)
    assert error.status == status


LINES = EVENTS.map(lambda event: b"data: " + as_json(event) + b"\n\n")
PIECES = (
    LINES | JUNK | st.sampled_from([b"data: [DONE]\n\n", b"event: error\n", b"data: ", b"\n\n", b"{", b"}"])
)


def drive(stream: bytes, size: int, target: Target) -> tuple[list[Any], Any]:
    decoder = CODEC.stream_decoder(target, {})
    events: list[Any] = []
    try:
        for start in range(0, len(stream), size):
            events += decoder.feed(stream[start : start + size])
        events += decoder.flush()
        answer = decoder.close()
        next_turn(answer, target)
        return events, answer
    except ProviderError as error:
        checked(error, target)
        return events, (type(error), error.message)
    finally:
        assert isinstance(decoder.partial(), Answer)


@quick
@given(st.lists(PIECES, max_size=6).map(b"".join), st.integers(1, 40), st.sampled_from(TARGETS))
@example(b'data: {"type":"response.output_item.done","item":{"type":"message","content":1e999}}\n\n', 1, TARGETS[0])
def test_stream(stream: bytes, size: int, target: Target) -> None:
    """Any stream gives events, and an answer or an error of ours, the same at every chunking."""
    events, outcome = drive(stream, len(stream) or 1, target)
    again, other = drive(stream, size, target)
    assert repr(again) == repr(events)
    assert repr(other) == repr(outcome)


def test_many_items_take_no_more_than_their_share_of_time() -> None:
    """A hundred thousand items, told one by one without places, and once more as a whole."""
    item = {"type": "function_call", "call_id": "c", "arguments": "{}"}
    whole = {"type": "response.completed", "response": {"status": "completed", "output": [item] * 50_000}}
    line = as_json({"type": "response.output_item.done", "item": item})
    stream = (b"data: " + line + b"\n\n") * 50_000 + b"data: " + as_json(whole) + b"\n\n"
    began = time.process_time()
    drive(stream, 1 << 16, TARGETS[0])
    assert time.process_time() - began < 10
