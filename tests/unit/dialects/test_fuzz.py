"""No bytes from a vendor raise anything but our errors."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill._chat import Answer
from minimill._errors import Billed, ProviderError
from minimill.catalog import Quirks
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("openai_chat")
TARGETS = [
    Target("acme", "m-1", Quirks()),
    Target(
        "odd",
        "m-2",
        Quirks(
            usage_paths=("choices.0.usage", "x.y"),
            reasoning_outside_completion=True,
            usage_counts_one_choice=True,
            reasoning_snapshots=True,
            opaque_reasoning_field="reasoning_details",
            moderation_flag_field="flag",
            finish_errors={"network_error": "server"},
            finish_reasons={"done": "stop"},
            service_tier_names={"x": "y"},
            error_shapes=("base_resp", "flat", "detail", "string", "code_message_sid", "error_code_msg"),
        ),
    ),
]
KEYS = st.sampled_from(
    [
        "id", "model", "choices", "index", "delta", "message", "content", "role", "refusal", "reasoning", "usage",
        "reasoning_content", "reasoning_details", "tool_calls", "function_call", "function", "custom", "name",
        "arguments", "finish_reason", "logprobs", "prompt_tokens", "completion_tokens", "total_tokens", "timings",
        "prompt_tokens_details", "completion_tokens_details", "cached_tokens", "reasoning_tokens", "x_groq", "error",
        "code", "type", "status", "status_code", "base_resp", "error_code", "error_msg", "object", "detail", "text",
        "thinking", "service_tier", "flag", "prompt_n", "predicted_n", "x", "y", "request_id", "retry_after", "sid",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["stop", "tool_calls", "network_error", "done", "null", "", "a", "[DONE]", "429", "error"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**4000)
    | st.floats(allow_nan=True)
    | WORDS
    | st.text(max_size=5)
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
DELTAS = st.dictionaries(KEYS, VALUES, max_size=4)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": VALUES,
        "delta": DELTAS | VALUES,
        "message": DELTAS | VALUES,
        "finish_reason": VALUES,
        "usage": VALUES,
    },
)
CHUNKS = st.fixed_dictionaries(
    {}, optional={"id": VALUES, "choices": st.lists(CHOICES | VALUES, max_size=3), "usage": VALUES}
)
BODIES = CHUNKS | st.dictionaries(KEYS, VALUES, max_size=6) | VALUES
JUNK = st.binary(max_size=60)
quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def checked(error: ProviderError, target: Target) -> None:
    assert error.provider == target.provider
    assert error.billed in Billed
    assert len(error.message) < 600


@quick
@given(BODIES.map(as_json) | JUNK, st.sampled_from(TARGETS))
def test_decode(body: bytes, target: Target) -> None:
    """Any body is an answer or an error of ours."""
    try:
        answer = CODEC.decode(WireResponse(200, {}, body), target)
    except ProviderError as error:
        checked(error, target)
    else:
        assert isinstance(answer, Answer)


@quick
@given(BODIES.map(as_json) | JUNK, st.integers(300, 599), st.sampled_from(TARGETS), st.text(max_size=20))
def test_decode_error(body: bytes, status: int, target: Target, header: str) -> None:
    """Any refusal is an error of ours with its status."""
    error = CODEC.decode_error(
        WireResponse(status, {"retry-after": header, "x-should-retry": header}, body), target
    )
    checked(error, target)
    assert error.status == status


LINES = CHUNKS.map(lambda chunk: b"data: " + as_json(chunk) + b"\n\n")
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
        return events, decoder.close()
    except ProviderError as error:
        checked(error, target)
        return events, (type(error), error.message)
    finally:
        assert isinstance(decoder.partial(), Answer)


@quick
@given(st.lists(PIECES, max_size=6).map(b"".join), st.integers(1, 40), st.sampled_from(TARGETS))
def test_stream(stream: bytes, size: int, target: Target) -> None:
    """Any stream gives events, and an answer or an error of ours, the same at every chunking."""
    events, outcome = drive(stream, len(stream) or 1, target)
    again, other = drive(stream, size, target)
    assert repr(again) == repr(events)
    assert repr(other) == repr(outcome)
