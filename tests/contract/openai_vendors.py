"""What the cases of the `openai_chat` vendors share: targets, and chunks as vendors write them."""

import json
from collections.abc import Iterator
from typing import Any

from minimill._chat import (
    Answer,
    Finished,
    FinishReason,
    Tool,
)
from minimill.catalog import Catalog
from minimill.dialects import Target, get_dialect

CODEC = get_dialect("openai_chat")
STOP = Finished(FinishReason.STOP, "stop")
CALLS = Finished(FinishReason.TOOL_CALLS, "tool_calls")
WEATHER = Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}})
WIRE_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": WEATHER.parameters}}

def target(name: str, model: str = "") -> Target:
    """A vendor's model, or the vendor itself."""
    provider = Catalog({name: {"dialect": "openai_chat"}}).provider(name)
    quirks = provider.models[model].quirks if model in provider.models else provider.quirks
    return Target(
        name, model or "m", quirks, provider.errors, provider.request_id_headers, provider.retry_after_headers,
        provider.rate_reset_headers,
    )  # fmt: skip


def counts(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }


def data(*chunks: Any, end: str = "data: [DONE]\n\n") -> bytes:
    lines = (chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return ("".join(lines) + end).encode()


def delta(content: Any, finish: Any = None, **rest: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "delta": content, "finish_reason": finish}],
        **rest,
    }


def call(index: int | None, call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    if call_id is not None:
        item["id"] = call_id
    if index is not None:
        item["index"] = index
    return item


def bare(content: Any, **rest: Any) -> dict[str, Any]:
    """A chunk as Spark sends it: no finish reason, model or object."""
    return {
        "code": 0,
        "message": "Success",
        "sid": "s-1",
        "choices": [{"delta": content, "index": 0}],
        **rest,
    }


def pieces(stream: bytes) -> Iterator[list[bytes]]:
    """The stream whole, cut in two at every byte, and byte by byte."""
    yield [stream]
    for cut in range(1, len(stream)):
        yield [stream[:cut], stream[cut:]]
    yield [stream[i : i + 1] for i in range(len(stream))]


def read(aim: Target, parts: list[bytes]) -> tuple[list[Any], Answer]:
    decoder = CODEC.stream_decoder(aim, {})
    events = [event for part in parts for event in decoder.feed(part)]
    return events + list(decoder.flush()), decoder.close()
