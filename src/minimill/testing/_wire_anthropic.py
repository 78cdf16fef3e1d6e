"""Puts a composed answer on the Messages wire: the body of a plain reply, the events of a stream.

Sans-I/O. Shapes follow https://platform.claude.com/docs/en/build-with-claude/streaming and real answers of 2026.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json, to_json

from ._answers import Composed, Said, ToolCall
from ._vendor_base import Ids, Vendor, digest
from ._vendor_errors import ErrorRow
from ._wire import Frame, Wire, runs, shown

__all__ = ["MESSAGES"]

_WORDS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_PARTS = 2
"""Pieces in which the arguments of a call are streamed."""


class _Event(NamedTuple):
    """One event, not yet encoded, and the tokens that it shows."""

    data: dict[str, Any]
    pieces: int = 0
    kind: Literal["open", "content", "finish"] = "open"


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: ".encode() + to_json(data) + b"\n\n"


def _plain_body(vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool) -> bytes:
    one = shown(said.choices[0], vendor.shows(body))
    message = _message(vendor, ids, _content(vendor, ids, one), _word(one), said, usage, said.output_tokens)
    return to_json(message)


def _message(
    vendor: Vendor,
    ids: Ids,
    content: list[dict[str, Any]],
    word: str | None,
    said: Composed,
    usage: bool,
    output: int,
) -> dict[str, Any]:
    message = {"id": ids.id, "type": "message", "role": "assistant", "model": ids.model, "content": content}
    ending = {"stop_reason": word, "stop_sequence": None, "stop_details": None}
    return message | ending | ({"usage": vendor.usage(said, output)} if usage else {})


def _word(said: Said) -> str:
    return _WORDS.get(said.finish_reason, said.finish_reason)


def _content(vendor: Vendor, ids: Ids, said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.reasoning:
        blocks.append(
            {"type": "thinking", "thinking": "".join(said.reasoning), "signature": _signature(ids)}
        )
    if said.text:
        blocks.append({"type": "text", "text": "".join(said.text)})
    for index, call in enumerate(said.tool_calls):
        blocks.append(_call(vendor, ids, call, index) | {"input": _arguments(call)})
    return blocks


def _signature(ids: Ids) -> str:
    return b64encode(bytes.fromhex(digest("signature", ids.number))).decode()


def _call(vendor: Vendor, ids: Ids, call: ToolCall, index: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id or vendor.tool_id(ids, 0, index), "name": call.name, "input": {}}


def _arguments(call: ToolCall) -> Any:
    """The arguments as a value; what is no JSON can only be streamed, and stands here as text."""
    try:
        return from_json(call.arguments_json)
    except ValueError:
        return call.arguments_json


def _stream_frames(
    vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool, per_chunk: int
) -> list[Frame]:
    """All events of a stream but `message_stop`. Usage comes unasked."""
    one = shown(said.choices[0], vendor.shows(body))
    begun = _message(vendor, ids, [], None, said, usage, min(1, said.output_tokens))
    events = [_Event({"type": "message_start", "message": begun}), _Event({"type": "ping"})]
    events += _blocks(vendor, ids, one, per_chunk)
    ended: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": _word(one), "stop_sequence": None, "stop_details": None},
    }
    if usage:
        ended["usage"] = vendor.usage(said, said.output_tokens)
    events.append(_Event(ended, one.silent_tokens, "finish"))
    return list(_counted(events, said))


def _counted(events: Sequence[_Event], said: Composed) -> Iterator[Frame]:
    pieces, whole = 0, said.output_tokens
    everything = sum(event.pieces for event in events)
    for event in events:
        pieces += event.pieces
        tokens = whole * pieces // everything if everything else whole
        yield Frame(_event(event.data), tokens, event.kind)


def _blocks(vendor: Vendor, ids: Ids, said: Said, per_chunk: int) -> Iterator[_Event]:
    index = 0
    if said.reasoning:
        yield _start(index, {"type": "thinking", "thinking": "", "signature": ""})
        yield from _runs(index, "thinking_delta", "thinking", said.reasoning, per_chunk)
        yield _delta(index, {"type": "signature_delta", "signature": _signature(ids)}, kind="open")
        yield _stop(index)
        index += 1
    if said.text:
        yield _start(index, {"type": "text", "text": ""})
        yield from _runs(index, "text_delta", "text", said.text, per_chunk)
        yield _stop(index)
        index += 1
    for number, call in enumerate(said.tool_calls):
        yield _start(index, _call(vendor, ids, call, number))
        yield from (_delta(index, {"type": "input_json_delta", "partial_json": part}) for part in _halves(call))
        yield _stop(index)
        index += 1


def _start(index: int, block: dict[str, Any]) -> _Event:
    return _Event({"type": "content_block_start", "index": index, "content_block": block})


def _stop(index: int) -> _Event:
    return _Event({"type": "content_block_stop", "index": index})


def _delta(
    index: int, delta: dict[str, Any], pieces: int = 0, kind: Literal["open", "content"] = "content"
) -> _Event:
    return _Event({"type": "content_block_delta", "index": index, "delta": delta}, pieces, kind)


def _runs(index: int, kind: str, name: str, parts: Sequence[str], per_chunk: int) -> Iterator[_Event]:
    for text, size in runs(parts, per_chunk):
        yield _delta(index, {"type": kind, name: text}, size)


def _halves(call: ToolCall) -> list[str]:
    """The arguments as pieces; those of a call without any come as none, as the vendor sends them."""
    text = call.arguments_json
    if text == "{}":
        return []
    size = -(-len(text) // _PARTS)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _failure(vendor: Vendor, row: ErrorRow, ids: Ids, number: int) -> bytes:
    return _event(vendor.stream_error(row, ids))


MESSAGES = Wire(_plain_body, _stream_frames, _failure, _event({"type": "message_stop"}))
"""Anthropic's Messages."""
