"""What the dialect tests share: a target of any quirks, and streams fed in pieces."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from minimill._chat import Answer, ChatRequest, user
from minimill.catalog import Quirks
from minimill.dialects import Dialect, Target, WireResponse, get_dialect


@pytest.fixture(scope="session")
def codec() -> Dialect:
    return get_dialect("openai_chat")


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """Make a target of provider `acme` with the given quirks."""

    def make(**quirks: Any) -> Target:
        errors = quirks.pop("errors", ())
        return Target(quirks.pop("provider", "acme"), "m-1", Quirks(**quirks), errors)

    return make


@pytest.fixture(scope="session")
def body_of(codec: Dialect) -> Callable[..., dict[str, Any]]:
    """The body that a request for a target becomes; its messages are left out where they are not the point."""

    def body(target: Target, *, stream: bool = False, messages: Any = None, **fields: Any) -> dict[str, Any]:
        request = ChatRequest(messages or (user("hi"),), **fields)
        sent: dict[str, Any] = json.loads(codec.encode(request, target, stream=stream).body)
        if messages is None:
            assert sent.pop("messages") == [{"role": "user", "content": "hi"}]
        assert sent.pop("model") == "m-1"
        return sent

    return body


@pytest.fixture(scope="session")
def decode(codec: Dialect) -> Callable[..., Answer]:
    """Decode a body given as JSON text or as plain data."""

    def run(body: Any, target: Target) -> Answer:
        data = (
            body
            if isinstance(body, bytes)
            else (body if isinstance(body, str) else json.dumps(body)).encode()
        )
        return codec.decode(WireResponse(200, {}, data), target)

    return run


@pytest.fixture(scope="session")
def sse() -> Callable[..., bytes]:
    """Chunks as one stream, ended by `[DONE]` unless `end` is something else."""

    def make(*chunks: Any, end: str = "data: [DONE]\n\n") -> bytes:
        lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
        return ("".join(lines) + end).encode()

    return make


@pytest.fixture(scope="session")
def run(codec: Dialect) -> Callable[..., tuple[list[Any], Any]]:
    """Feed a stream: the events, and the answer or the error. It is cut at every byte, to the same end."""

    def once(target: Target, *pieces: bytes) -> tuple[list[Any], Any]:
        decoder = codec.stream_decoder(target, {})
        events: list[Any] = []
        try:
            for piece in pieces:
                events += decoder.feed(piece)
            events += decoder.flush()
            return events, decoder.close()
        except Exception as error:
            return events, error

    def told(outcome: Any) -> Any:
        if not isinstance(outcome, Exception):
            return outcome
        return type(outcome), {key: str(value) for key, value in vars(outcome).items()}

    def every_cut(stream: bytes, target: Target) -> tuple[list[Any], Any]:
        events, outcome = once(target, stream)
        for cut in range(len(stream)):
            again, other = once(target, stream[:cut], stream[cut:])
            assert again == events, cut
            assert told(other) == told(outcome), cut
        single, other = once(target, *(stream[i : i + 1] for i in range(len(stream))))
        assert (single, told(other)) == (events, told(outcome))
        return events, outcome

    return every_cut
