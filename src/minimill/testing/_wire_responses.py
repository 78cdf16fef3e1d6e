"""Puts a composed answer on the Responses wire: the body of a plain reply, the named events of a stream.

Sans-I/O. Each frame tells how many output tokens are generated once it is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic_core import to_json

from ._answers import Composed, Said
from ._vendor_base import Ids, halves
from ._vendor_errors import ErrorRow
from ._vendor_responses import OpenAIResponses
from ._wire import Frame, Wire, runs

__all__ = ["RESPONSES"]

Kind = Literal["open", "content", "finish", "end"]
_Step = tuple[str, dict[str, Any], int, Kind]
"""Type of an event, its fields, the pieces of output that it brings, and what kind of frame it is."""


def _plain_body(
    vendor: OpenAIResponses, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool
) -> bytes:
    """The body of a plain reply."""
    return to_json(_whole(vendor, ids, said, body, usage=usage))


def _whole(
    vendor: OpenAIResponses, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool
) -> dict[str, Any]:
    one = said.choices[0]
    told = {"usage": vendor.usage(said, said.output_tokens) if usage else None}
    output = {"output": vendor.items(ids, one, body)}
    return vendor.response(ids, body) | vendor.over(one) | output | told


def _stream_frames(
    vendor: OpenAIResponses,
    ids: Ids,
    said: Composed,
    body: Mapping[str, Any],
    *,
    usage: bool,
    per_chunk: int,
) -> list[Frame]:
    """All events of a stream; `usage` False leaves usage out although it is due."""
    one, whole = said.choices[0], _whole(vendor, ids, said, body, usage=usage)
    begun = vendor.response(ids, body)
    steps: list[_Step] = [
        ("response.created", {"response": begun}, 0, "open"),
        ("response.in_progress", {"response": begun}, 0, "open"),
    ]
    for place, item in enumerate(whole["output"]):
        last_call = place == len(whole["output"]) - 1
        steps += _item(item, place, one, per_chunk, one.silent_tokens if last_call else 0)
    steps.append((f"response.{whole['status']}", {"response": whole}, 0, "finish"))
    frames, pieces = [], 0
    for number, (type_, fields, size, kind) in enumerate(steps):
        pieces += size
        tokens = said.output_tokens * pieces // one.tokens if one.tokens else said.output_tokens
        tokens = said.output_tokens if kind == "finish" else tokens
        frames.append(Frame(_event(type_, number, fields), tokens, kind))
    return frames


def _failure(vendor: OpenAIResponses, row: ErrorRow, ids: Ids, number: int) -> bytes:
    """The two events of a response that fails in mid-stream."""
    error = {"type": row.type, "code": row.code, "message": row.message, "param": row.param}
    failed = {"response": vendor.failed(row, ids)}
    return _event("error", number, {"error": error}) + _event("response.failed", number + 1, failed)


def _event(type_: str, number: int, fields: dict[str, Any]) -> bytes:
    data = {"type": type_, "sequence_number": number, **fields}
    return f"event: {type_}\ndata: ".encode() + to_json(data) + b"\n\n"


def _item(item: dict[str, Any], place: int, said: Said, per_chunk: int, silent: int) -> Iterator[_Step]:
    """The events of one item."""
    about = {"output_index": place, "item_id": item["id"]}
    begun = dict(item) if item["type"] == "reasoning" else {**item, "status": "in_progress"}
    if item["type"] == "message":
        yield "response.output_item.added", {"output_index": place, "item": begun | {"content": []}}, 0, "open"
        yield from _text(item, about, said.text, per_chunk)
    elif item["type"] == "reasoning":
        begun["summary"] = []
        yield "response.output_item.added", {"output_index": place, "item": begun}, 0, "open"
        yield from _thoughts(item, about, said.reasoning, per_chunk)
    else:
        yield "response.output_item.added", {"output_index": place, "item": begun | {"arguments": ""}}, 0, "open"
        yield from _arguments(item, about, silent)
    hidden = len(said.reasoning) if item["type"] == "reasoning" and not item["summary"] else 0
    yield "response.output_item.done", {"output_index": place, "item": item}, hidden, "open"


def _text(item: dict[str, Any], about: dict[str, Any], pieces: Sequence[str], per_chunk: int) -> Iterator[_Step]:
    whole = item["content"][0]
    about = about | {"content_index": 0}
    yield "response.content_part.added", about | {"part": whole | {"text": ""}}, 0, "open"
    for text, size in runs(pieces, per_chunk):
        yield "response.output_text.delta", about | {"delta": text, "logprobs": []}, size, "content"
    yield "response.output_text.done", about | {"text": whole["text"], "logprobs": []}, 0, "open"
    yield "response.content_part.done", about | {"part": whole}, 0, "open"


def _thoughts(
    item: dict[str, Any], about: dict[str, Any], pieces: Sequence[str], per_chunk: int
) -> Iterator[_Step]:
    for number, part in enumerate(item["summary"]):
        about = about | {"summary_index": number}
        yield "response.reasoning_summary_part.added", about | {"part": part | {"text": ""}}, 0, "open"
        for text, size in runs(pieces, per_chunk):
            yield "response.reasoning_summary_text.delta", about | {"delta": text}, size, "content"
        yield "response.reasoning_summary_text.done", about | {"text": part["text"]}, 0, "open"
        yield "response.reasoning_summary_part.done", about | {"part": part}, 0, "open"


def _arguments(item: dict[str, Any], about: dict[str, Any], silent: int) -> Iterator[_Step]:
    parts = halves(item["arguments"])
    for number, part in enumerate(parts):
        size = silent if number == len(parts) - 1 else 0
        yield "response.function_call_arguments.delta", about | {"delta": part}, size, "content"
    done = about | {"name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", done, 0, "open"


RESPONSES = Wire(_plain_body, _stream_frames, _failure, b"")
"""Responses, by OpenAI."""
