"""No bytes from Gemini, or from whatever stands in its place, raise anything but our errors."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill._chat import Answer, ChatRequest, user
from minimill._errors import Billed, ProviderError
from minimill.catalog import Quirks
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("gemini")
TARGETS = [
    Target("acme", "m-1", Quirks()),
    Target("odd", "m-2", Quirks(finish_errors={"LOST": "server"}, finish_reasons={"DONE": "stop"})),
]
KEYS = st.sampled_from(
    [
        "candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id",
        "partialArgs", "jsonPath", "stringValue", "numberValue", "willContinue", "inlineData", "mimeType", "data",
        "executableCode", "finishReason", "finishMessage", "index", "continuationToken", "logprobsResult",
        "chosenCandidates", "groundingMetadata", "webSearchQueries", "promptFeedback", "blockReason", "responseId",
        "usageMetadata", "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount",
        "toolUsePromptTokenCount", "cachedContentTokenCount", "promptTokensDetails", "modality", "tokenCount",
        "serviceTier", "modelVersion", "error", "code", "message", "status", "details", "@type", "reason",
        "retryDelay", "violations", "quotaId",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "STOP", "CONTINUATION", "SAFETY", "MALFORMED_RESPONSE", "LOST", "DONE", "AUDIO", "image/png", "$.a", "$.a[0].b",
        "$[1]", "iVA=", "10s", "type.googleapis.com/google.rpc.RetryInfo",
        "type.googleapis.com/google.rpc.QuotaFailure", "GenerateRequestsPerDay", "", "a",
    ]
)  # fmt: skip
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
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "name": VALUES,
        "args": VALUES,
        "willContinue": st.booleans(),
        "partialArgs": st.lists(
            st.fixed_dictionaries(
                {"jsonPath": WORDS}, optional={"stringValue": WORDS, "numberValue": VALUES, "willContinue": VALUES}
            )
            | VALUES,
            max_size=3,
        ),
    },
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "text": VALUES,
        "thought": VALUES,
        "thoughtSignature": VALUES,
        "functionCall": CALLS | VALUES,
        "inlineData": VALUES,
    },
)
COUNTS = st.dictionaries(KEYS, st.integers(-5, 5) | VALUES, max_size=8)
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "index": VALUES,
        "content": st.fixed_dictionaries({"parts": st.lists(PARTS | VALUES, max_size=3) | VALUES}) | VALUES,
        "finishReason": WORDS | VALUES,
        "continuationToken": VALUES,
        "groundingMetadata": VALUES,
        "logprobsResult": VALUES,
    },
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(CANDIDATES | VALUES, max_size=3) | VALUES,
        "usageMetadata": COUNTS | VALUES,
        "promptFeedback": VALUES,
        "responseId": VALUES,
        "error": VALUES,
    },
)
BODIES = CHUNKS | st.lists(CHUNKS, max_size=3) | st.dictionaries(KEYS, VALUES, max_size=6) | VALUES
JUNK = st.binary(max_size=60)
quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def checked(error: ProviderError, target: Target) -> None:
    assert error.provider == target.provider
    assert error.billed in Billed
    assert len(error.message) < 700


@quick
@given(BODIES.map(as_json) | JUNK, st.sampled_from(TARGETS))
def test_decode(body: bytes, target: Target) -> None:
    """Any body is an answer or an error of ours; an answer can be sent back."""
    try:
        answer = CODEC.decode(WireResponse(200, {}, body), target)
    except ProviderError as error:
        checked(error, target)
        return
    assert isinstance(answer, Answer)
    for choice in answer.choices:
        try:
            CODEC.encode(ChatRequest((user("hi"), choice.message)), target, stream=False)
        except ProviderError as error:
            assert error.message.endswith("Nothing was sent")


@quick
@given(BODIES.map(as_json) | JUNK, st.integers(300, 599), st.sampled_from(TARGETS), st.text(max_size=20))
def test_decode_error(body: bytes, status: int, target: Target, header: str) -> None:
    """Any refusal is an error of ours with its status."""
    error = CODEC.decode_error(WireResponse(status, {"retry-after": header}, body), target)
    checked(error, target)
    assert error.status == status


PIECES = (
    CHUNKS.map(lambda chunk: b"data: " + as_json(chunk) + b"\r\n\r\n")
    | CHUNKS.map(lambda chunk: json.dumps(chunk, indent=1).encode("utf-8", "surrogatepass") + b"\n\n")
    | JUNK
    | st.sampled_from([b"data: [DONE]\n\n", b"data: ", b"\n\n", b"{", b"}", b"[", b"]", b",\n"])
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
