"""No bytes of the Messages wire raise anything but our errors."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill._chat import Answer, ChatRequest, user
from minimill._errors import Billed, ProviderError
from minimill.catalog import Quirks
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("anthropic")
TARGET = Target("acme", "m-1", Quirks(finish_reasons={"done": "stop"}, service_tier_names={"x": "y"}))
KEYS = st.sampled_from(
    [
        "type", "id", "model", "role", "content", "stop_reason", "stop_details", "explanation", "usage", "message",
        "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
        "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "output_tokens_details", "thinking_tokens",
        "server_tool_use", "web_search_requests", "iterations", "service_tier", "speed", "index", "delta", "text",
        "content_block", "partial_json", "thinking", "signature", "data", "name", "input", "citation", "error",
        "details", "error_code", "request_id", "code", "status",
    ]
)  # fmt: skip
TYPES = st.sampled_from(
    [
        "message", "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta",
        "content_block_stop", "ping", "error", "text", "tool_use", "thinking", "redacted_thinking", "text_delta",
        "server_tool_use", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta", "compaction",
        "compaction_delta", "advisor_message", "overloaded_error",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**4000)
    | st.floats(allow_nan=True)
    | TYPES
    | st.sampled_from(["end_turn", "tool_use", "done", "", "{", "m-1", "\ud800"])
    | st.text(max_size=5)
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
USAGES = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": st.integers(-2, 9) | VALUES,
        "output_tokens": st.integers(-2, 9) | VALUES,
        "cache_creation_input_tokens": st.integers(-2, 9) | VALUES,
        "cache_creation": VALUES,
        "iterations": VALUES,
        "server_tool_use": VALUES,
    },
)
BLOCKS = st.dictionaries(KEYS, VALUES, max_size=4).flatmap(
    lambda block: TYPES.map(lambda kind: {**block, "type": kind})
)
BODIES = (
    st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | VALUES,
            "content": st.lists(BLOCKS | VALUES, max_size=3) | VALUES,
            "usage": USAGES | VALUES,
            "stop_reason": VALUES,
            "stop_details": VALUES,
            "error": VALUES,
            "model": VALUES,
        },
    )
    | VALUES
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | VALUES,
        "index": st.integers(0, 2) | VALUES,
        "content_block": BLOCKS | VALUES,
        "delta": BLOCKS | VALUES,
        "message": BODIES,
        "usage": USAGES | VALUES,
        "error": VALUES,
    },
)
JUNK = st.binary(max_size=60)
quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def checked(error: ProviderError) -> None:
    assert error.provider == "acme"
    assert error.billed in Billed
    assert len(error.message) < 600


@quick
@given(BODIES.map(as_json) | JUNK)
def test_decode(body: bytes) -> None:
    """Any body is an answer or an error of ours, and an answer can be sent back."""
    try:
        answer = CODEC.decode(WireResponse(200, {}, body), TARGET)
    except ProviderError as error:
        checked(error)
        return
    message = answer.choices[0].message
    try:
        CODEC.encode(ChatRequest((user("a"), message), max_output_tokens=5), TARGET, stream=False)
    except ProviderError as error:
        checked(error)


@quick
@given(BODIES.map(as_json) | JUNK, st.integers(300, 599), st.text(max_size=30))
def test_decode_error(body: bytes, status: int, header: str) -> None:
    """Any refusal is an error of ours with its status."""
    headers = {"retry-after": header, "anthropic-ratelimit-tokens-reset": header}
    target = Target("acme", "m-1", Quirks(), rate_reset_headers=("anthropic-ratelimit-tokens-reset",))
    error = CODEC.decode_error(WireResponse(status, headers, body), target)
    checked(error)
    assert error.status == status


LINES = EVENTS.map(lambda event: b"data: " + as_json(event) + b"\n\n")
PIECES = LINES | JUNK | st.sampled_from([b"event: error\n", b"data: ", b"\n\n", b"{", b"}", b": x\n\n"])


def drive(stream: bytes, size: int) -> tuple[list[Any], Any]:
    decoder = CODEC.stream_decoder(TARGET, {})
    events: list[Any] = []
    try:
        for start in range(0, len(stream), size):
            events += decoder.feed(stream[start : start + size])
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        checked(error)
        return events, (type(error), error.message, error.billed, error.usage)
    finally:
        assert isinstance(decoder.partial(), Answer)


@quick
@given(st.lists(PIECES, max_size=8).map(b"".join), st.integers(1, 40))
def test_stream(stream: bytes, size: int) -> None:
    """Any stream gives events, and an answer or an error of ours, the same at every chunking."""
    events, outcome = drive(stream, len(stream) or 1)
    again, other = drive(stream, size)
    assert repr(again) == repr(events)
    assert repr(other) == repr(outcome)
