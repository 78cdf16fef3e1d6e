"""Puts a composed answer on a vendor's wire: the body of a plain reply, the events of a stream.

Sans-I/O. Each frame tells how many output tokens are generated once it is sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from pydantic_core import to_json

from ._answers import Composed, Said
from ._faults import Chunking
from ._vendor_base import Ids, Vendor
from ._vendor_errors import ErrorRow

__all__ = ["CHAT_COMPLETIONS", "Frame", "Wire", "reframed", "runs", "shown"]

_BOM = b"\xef\xbb\xbf"
_ODD_SIZES = (1, 2, 3, 5, 7, 11, 13, 64, 257)
_MARK = "\x00delta\x00"
_MARK_JSON = to_json(_MARK)


class Frame(NamedTuple):
    """A run of bytes that is sent at once."""

    data: bytes
    tokens: int
    """Output tokens generated up to and with this frame."""
    kind: Literal["open", "content", "finish", "end"] = "content"
    """Whether it opens a choice, carries content, carries a finish reason, or ends the stream."""
    pause_s: float = 0.0
    """Seconds to wait before it is sent."""


class Wire(NamedTuple):
    """How one wire language puts answers into bytes."""

    plain_body: Callable[..., bytes]
    """The body of a plain reply, as `_plain_body` makes it."""
    stream_frames: Callable[..., list[Frame]]
    """All events of a stream but the end mark, as `_stream_frames` makes them."""
    failure: Callable[..., bytes]
    """An error in the middle of a stream: vendor, its error, ids, and how many frames came before."""
    end_mark: bytes
    """What ends a stream that went well; empty for nothing."""


class _Event(NamedTuple):
    """One delta of one choice, not yet encoded."""

    delta: dict[str, Any]
    pieces: int
    kind: Literal["open", "content", "finish"]
    finish: str | None = None
    continuation: str = ""


def _event(data: Any) -> bytes:
    """One server-sent event that holds a JSON value."""
    return b"data: " + to_json(data) + b"\n\n"


def _plain_body(vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool) -> bytes:
    """The body of a plain reply to `body`; `usage` False leaves usage out although it is due."""
    shows = vendor.shows(body)
    choices = [vendor.plain_choice(index, shown(one, shows), ids) for index, one in enumerate(said.choices)]
    return to_json(vendor.plain(ids, choices, vendor.usage(said, said.output_tokens) if usage else None))


def shown(said: Said, shows: bool) -> Said:
    """The choice without its reasoning, where that is hidden."""
    if shows or not said.reasoning:
        return said
    return replace(said, reasoning=[], silent_tokens=said.silent_tokens + len(said.reasoning))


def _stream_frames(
    vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], *, usage: bool, per_chunk: int
) -> list[Frame]:
    """All events of a stream but `[DONE]`.

    Args:
        vendor: Whose wire it is.
        ids: Ids of the reply.
        said: The reply.
        body: The request.
        usage: False leaves usage out although it is due.
        per_chunk: Tokens in one content chunk.
    """
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    running = vendor.wants_running_usage(body)
    encoder = _Encoder(vendor, ids, said, asked, running and usage, usage)
    shows = vendor.shows(body)
    per_choice = [
        list(_events(vendor, ids, index, shown(one, shows), per_chunk)) for index, one in enumerate(said.choices)
    ]
    frames = [
        encoder.frame(index, one)
        for together in zip_longest(*per_choice)
        for index, one in enumerate(together)
        if one is not None
    ]
    if asked and usage and not vendor.usage_in_finish:
        last = vendor.chunk(ids, [], vendor.usage(said, said.output_tokens), asked)
        frames.append(Frame(_event(last), said.output_tokens, "end"))
    return frames


def _events(vendor: Vendor, ids: Ids, index: int, visible: Said, per_chunk: int) -> Iterator[_Event]:
    hidden = visible.silent_tokens
    opening = vendor.opening(visible)
    if opening is not None:
        yield _Event(opening, 0, "open")
    content = [
        _Event(vendor.reasoning_delta(text), size, "content")
        for text, size in runs(visible.reasoning, per_chunk)
    ]
    content += [
        _Event(vendor.text_delta(text), size, "content") for text, size in runs(visible.text, per_chunk)
    ]
    tools = vendor.tool_deltas(vendor.tool_calls(visible.tool_calls, ids, index))
    if tools and not vendor.tools_with_finish:
        content += [_Event(delta, 0, "content") for delta in tools[:-1]]
        content.append(_Event(tools[-1], hidden, "content"))
        hidden, tools = 0, []
    rides = vendor.length_rides_on_text and visible.finish_reason == "length" and content and not hidden
    yield from content[:-1] if rides else content
    if rides:
        yield _Event(content[-1].delta, content[-1].pieces, "finish", visible.finish_reason)
    else:
        last = tools[0] if tools else vendor.closing_delta()
        yield _Event(last, hidden, "finish", visible.finish_reason, visible.continuation)


def runs(parts: Sequence[str], per_chunk: int) -> Iterator[tuple[str, int]]:
    """The pieces in runs of one chunk each, with their number."""
    for at in range(0, len(parts), per_chunk):
        run = parts[at : at + per_chunk]
        yield "".join(run), len(run)


class _Encoder:
    """Encodes the events of one reply and counts what they generate."""

    def __init__(
        self, vendor: Vendor, ids: Ids, said: Composed, asked: bool, running: bool, usage: bool
    ) -> None:
        self._vendor, self._ids, self._said = vendor, ids, said
        self._asked, self._running, self._usage = asked, running, usage
        self._pieces = 0
        self._all_pieces = sum(one.tokens for one in said.choices)
        self._templates: dict[int, tuple[bytes, bytes]] = {}

    def frame(self, index: int, one: _Event) -> Frame:
        """The frame of one event."""
        self._pieces += one.pieces
        tokens = self._tokens()
        if one.finish is None and not self._running:
            before, after = self._template(index)
            return Frame(before + to_json(one.delta) + after, tokens, one.kind)
        usage = self._usage_now(one, tokens)
        choice = self._vendor.chunk_choice(index, one.delta, one.finish)
        if one.continuation:
            choice["continuationToken"] = one.continuation
        data = _event(self._vendor.chunk(self._ids, [choice], usage, self._asked))
        return Frame(data, tokens, one.kind)

    def _tokens(self) -> int:
        whole = self._said.output_tokens
        return whole * self._pieces // self._all_pieces if self._all_pieces else whole

    def _usage_now(self, one: _Event, tokens: int) -> dict[str, Any] | None:
        due = self._running or (one.finish is not None and self._vendor.usage_in_finish and self._usage)
        return self._vendor.usage(self._said, tokens) if due else None

    def _template(self, index: int) -> tuple[bytes, bytes]:
        """What stands before and after the delta, the same for all chunks of a choice."""
        if index not in self._templates:
            choice = self._vendor.chunk_choice(index, _MARK, None)
            before, _, after = _event(self._vendor.chunk(self._ids, [choice], None, self._asked)).partition(
                _MARK_JSON
            )
            self._templates[index] = before, after
        return self._templates[index]


def _failure(vendor: Vendor, row: ErrorRow, ids: Ids, number: int) -> bytes:
    return _event(vendor.stream_error(row, ids))


CHAT_COMPLETIONS = Wire(_plain_body, _stream_frames, _failure, b"data: [DONE]\n\n")
"""Chat Completions, which most vendors speak."""


def reframed(frames: list[Frame], mode: Chunking, *, stream: bool) -> list[Frame]:
    """The same answer in other bytes: cut up anywhere, or with other line ends, mark or ending."""
    match mode:
        case "crlf" | "cr":
            end = b"\r\n" if mode == "crlf" else b"\r"
            return [one._replace(data=one.data.replace(b"\n", end)) for one in frames] if stream else frames
        case "bom":
            return [frames[0]._replace(data=_BOM + frames[0].data), *frames[1:]] if frames else frames
        case "no_last_blank":
            return (
                [*frames[:-1], frames[-1]._replace(data=frames[-1].data.rstrip(b"\n"))] if frames else frames
            )
        case "bytes":
            return _cut_up(frames, (1,))
        case "odd":
            return _cut_up(frames, _ODD_SIZES)


def _cut_up(frames: list[Frame], sizes: tuple[int, ...]) -> list[Frame]:
    """Cut all bytes in runs of the given sizes, again and again; pauses stay where they were."""
    made: list[Frame] = []
    held = b""
    turn = 0
    for one in frames:
        held, pause = held + one.data, one.pause_s
        while len(held) >= sizes[turn % len(sizes)]:
            size = sizes[turn % len(sizes)]
            made.append(Frame(held[:size], one.tokens, one.kind, pause))
            held, turn, pause = held[size:], turn + 1, 0.0
    return [*made, Frame(held, frames[-1].tokens, "end")] if held else made
