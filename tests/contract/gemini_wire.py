"""What the contract tests of Gemini share: targets of shipped models, bodies, and streams fed in pieces."""

import json
from collections.abc import Iterator
from typing import Any

from minimill._chat import Answer, ChatRequest, Finished, FinishReason, Reasoning, user
from minimill._errors import ProviderError
from minimill.catalog import find_model
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("gemini")
STOP = Finished(FinishReason.STOP, "STOP")


def target_of(model: str = "gemini-3.8-flash") -> Target:
    offer = find_model(f"gemini:{model}")
    return Target("gemini", offer.wire_model, offer.quirks, offer.provider.errors)


def body_of(request: ChatRequest | None = None, model: str = "gemini-3.8-flash", **fields: Any) -> dict[str, Any]:
    """The body that a request becomes; of a request for "hi" the contents are left out."""
    asked = request or ChatRequest((user("hi"),), **fields)
    sent: dict[str, Any] = json.loads(CODEC.encode(asked, target_of(model), stream=False).body)
    if request is None:
        assert sent.pop("contents") == [{"role": "user", "parts": [{"text": "hi"}]}]
    return sent


def usage(prompt: int, candidates: int = 0, **more: Any) -> dict[str, Any]:
    thoughts, read = more.get("thoughtsTokenCount", 0), more.get("toolUsePromptTokenCount", 0)
    counts = {"promptTokenCount": prompt, "totalTokenCount": prompt + candidates + thoughts + read}
    return counts | ({"candidatesTokenCount": candidates} if candidates else {}) | more


def chunk(parts: Any = None, finish: str | None = None, counts: Any = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, **more}
    if parts is not None:
        candidate["content"] = {"role": "model", "parts": parts}
    if finish is not None:
        candidate["finishReason"] = finish
    told = {} if counts is None else {"usageMetadata": counts}
    return {"candidates": [candidate], **told, "modelVersion": "gemini-3.8-flash", "responseId": "r1"}


def decode(body: Any, model: str = "gemini-3.8-flash", headers: dict[str, str] | None = None) -> Answer:
    return CODEC.decode(WireResponse(200, headers or {}, json.dumps(body).encode()), target_of(model))


def failure(status: int, body: Any, headers: dict[str, str] | None = None) -> ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CODEC.decode_error(WireResponse(status, headers or {}, data), target_of())


def data(*chunks: Any, tail: bytes = b"") -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks) + tail


def pieces(stream: bytes) -> Iterator[list[bytes]]:
    """The stream whole, cut in two at every byte, and byte by byte."""
    yield [stream]
    for cut in range(1, len(stream)):
        yield [stream[:cut], stream[cut:]]
    yield [stream[i : i + 1] for i in range(len(stream))]


def once(parts: list[bytes], target: Target) -> tuple[list[Any], Any]:
    decoder = CODEC.stream_decoder(target, {})
    events: list[Any] = []
    try:
        for part in parts:
            events += decoder.feed(part)
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        return events, error


def told(outcome: Any) -> Any:
    if not isinstance(outcome, Exception):
        return outcome
    return type(outcome), {key: str(value) for key, value in vars(outcome).items()}, str(outcome)


def read(stream: bytes, model: str = "gemini-3.8-flash") -> tuple[list[Any], Any]:
    """Events, and the answer or the error: the same at every cut."""
    target = target_of(model)
    events, outcome = once([stream], target)
    for parts in pieces(stream):
        again, other = once(parts, target)
        assert again == events
        assert told(other) == told(outcome)
    return events, outcome


def thought(text: str = "", opaque: str | None = None) -> Reasoning:
    return Reasoning(text, opaque, "gemini", "gemini-3.8-flash")


def said(answer: Answer) -> tuple[Any, ...]:
    return answer.choices[0].message.parts
