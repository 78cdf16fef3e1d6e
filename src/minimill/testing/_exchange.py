"""One request and what happens to it: the script of a reply with its faults, and its player.

The record of the call is written before the bytes that it is about.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from minimill._values import dataclass

from ._answers import Composed
from ._faults import Bill, Fault, Garbage
from ._http import Connection
from ._records import CallBook, CallRecord
from ._vendor_base import Ids, Vendor
from ._vendor_errors import ErrorRow
from ._wire import CHAT_COMPLETIONS, Frame, reframed
from ._wire_anthropic import MESSAGES
from ._wire_gemini import GENERATE_CONTENT
from ._wire_responses import RESPONSES

__all__ = ["Exchange", "Script", "answer_script", "canned_script", "refusal_script"]

_WIRES = {
    "openai_chat": CHAT_COMPLETIONS,
    "openai_responses": RESPONSES,
    "anthropic": MESSAGES,
    "gemini": GENERATE_CONTENT,
}
"""The wire languages, by the names of their dialects."""
_JSON = b"Content-Type: application/json\r\n"
_GARBAGE: dict[Garbage, bytes] = {
    "text": b"upstream connect error or disconnect/reset before headers",
    "empty": b"",
    "binary": b"\x1f\x8b\x08\x00\xff\xfe\x80\x00garbage",
    "array": b"[1, 2, 3]",
}


@dataclass(slots=True)
class Script:
    """Everything that is sent in answer to one request, and what it means for the record."""

    status: int
    headers: bytes
    frames: list[Frame]
    length: int | None
    """Bytes announced for the body; None for chunked."""
    outcome: str
    bill: Bill
    ending: Literal["finish", "close", "reset", "hang"] = "finish"
    delay_s: float = 0.0
    sends_headers: bool = True
    goes_stale: bool = False
    generates: Literal["nothing", "first", "by_frame"] = "nothing"
    """Whether output is generated before the first byte, frame by frame, or not at all."""

    @property
    def at_once(self) -> bool:
        """Whether it can be sent in one go."""
        return self.ending == "finish" and not self.delay_s and not any(one.pause_s for one in self.frames)


def refusal_script(vendor: Vendor, ids: Ids, row: ErrorRow, stream: bool) -> Script:
    """The vendor's own error."""
    head, body = vendor.refusal_body(row, ids, stream)
    return Script(
        row.status, vendor.headers(ids) + head, [Frame(body, 0, "end")], len(body), "refused", "nothing"
    )


def canned_script(vendor: Vendor, ids: Ids, fault: Fault, stream: bool) -> Script:
    """The reply of a fault that has a status of its own."""
    status = fault.http_status or 500
    if fault.raw_body is not None:
        kind = f"Content-Type: {fault.content_type or 'application/json'}\r\n".encode()
        script = Script(
            status, kind, [Frame(fault.raw_body, 0, "end")], len(fault.raw_body), "refused", "nothing"
        )
    else:
        row = vendor.row(status, fault.error_code, fault.error_message, ids.model)
        script = refusal_script(vendor, ids, row, stream)
    script.headers += "".join(f"{name}: {value}\r\n" for name, value in fault.extra_headers).encode("latin-1")
    if status < 400:
        script.outcome = "redirected" if 300 <= status < 400 else "garbled"
    script.bill = fault.bill or "nothing"
    script.delay_s = fault.delay_s
    return script


def answer_script(
    vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], fault: Fault | None, per_chunk: int
) -> Script:
    """A reply with status 200, as good as the fault lets it be."""
    fault = fault or _NO_FAULT
    if fault.model_name is not None:
        ids = ids._replace(model=fault.model_name)
    if fault.filler_bytes:
        said = _with_filler(said, fault.filler_bytes)
    stream = body.get("stream") is True
    head = vendor.headers(ids) + (vendor.stream_type if stream else _JSON)
    if not fault.answers:
        script = Script(200, head, [], None, "silent" if fault.ending == "hang" else "closed", "nothing")
    elif stream:
        script = Script(
            200, head, _stream(vendor, ids, said, body, fault, per_chunk), None, "answered", "so_far"
        )
        script.generates = "by_frame"
    else:
        script = _plain(vendor, ids, said, body, fault, head)
    return _with_manners(script, fault, stream)


_NO_FAULT = Fault()


def _with_filler(said: Composed, size: int) -> Composed:
    first = said.choices[0]
    text = ["x" * size + "".join(first.text[:1]), *first.text[1:]]
    return replace(said, choices=[replace(first, text=text), *said.choices[1:]])


def _with_manners(script: Script, fault: Fault, stream: bool) -> Script:
    """How the script is sent: pauses, ending, odd bytes, bill."""
    if fault.garbage_kind is not None:
        script.outcome, script.bill = "garbled", "all"
    elif fault.stream_error:
        script.outcome = "failed"
    elif fault.keep_chunks is not None:
        script.outcome = "stalled" if fault.ending == "hang" else "cut"
    script.bill = fault.bill or script.bill
    script.ending, script.delay_s, script.goes_stale = fault.ending, fault.delay_s, fault.goes_stale
    script.sends_headers = fault.sends_headers
    if fault.chunk_interval_s and stream:
        script.frames = [_paused(one, fault.chunk_interval_s) for one in script.frames]
    _add_comments(script, fault, stream)
    if fault.first_token_delay_s and script.frames:
        script.frames[0] = script.frames[0]._replace(
            pause_s=script.frames[0].pause_s + fault.first_token_delay_s
        )
    if fault.chunk_mode is not None:
        script.frames = reframed(script.frames, fault.chunk_mode, stream=stream)
        script.length = None
    return script


def _paused(frame: Frame, seconds: float) -> Frame:
    return frame._replace(pause_s=seconds) if frame.kind == "content" else frame


def _add_comments(script: Script, fault: Fault, stream: bool) -> None:
    if fault.comments:
        line = b": keep-alive\n\n" if stream else b"\n"
        script.frames = [Frame(line, 0, "open", fault.comment_interval_s)] * fault.comments + script.frames
        script.length = None


def _plain(
    vendor: Vendor, ids: Ids, said: Composed, asked: Mapping[str, Any], fault: Fault, head: bytes
) -> Script:
    body = _WIRES[vendor.wire].plain_body(vendor, ids, said, asked, usage=not fault.hides_usage)
    if fault.garbage_kind is not None:
        body = _GARBAGE.get(fault.garbage_kind, body[: len(body) // 2])
    if fault.stream_error:
        return _plain_error(vendor, ids, said, fault, head)
    length = len(body)
    if fault.keep_chunks is not None:
        body = body[: length // 2] if fault.keep_chunks else b""
    frames = [Frame(body, said.output_tokens)] if body else []
    return Script(200, head, frames, length, "answered", "so_far", generates="first")


def _plain_error(vendor: Vendor, ids: Ids, said: Composed, fault: Fault, head: bytes) -> Script:
    body = vendor.failed_body(_mid_error(vendor, ids, fault), ids)
    return Script(
        200, head, [Frame(body, said.output_tokens, "end")], len(body), "failed", "so_far", generates="first"
    )


def _mid_error(vendor: Vendor, ids: Ids, fault: Fault) -> ErrorRow:
    return vendor.row(500, fault.error_code, fault.error_message, ids.model)


def _stream(
    vendor: Vendor, ids: Ids, said: Composed, body: Mapping[str, Any], fault: Fault, per_chunk: int
) -> list[Frame]:
    wire = _WIRES[vendor.wire]
    frames = wire.stream_frames(vendor, ids, said, body, usage=not fault.hides_usage, per_chunk=per_chunk)
    if fault.garbage_kind is not None:
        return _broken(frames, fault.garbage_kind)
    if fault.keep_chunks is not None:
        frames = _kept(frames, fault.keep_chunks)
    if fault.stream_error:
        failure = wire.failure(vendor, _mid_error(vendor, ids, fault), ids, len(frames))
        frames.append(Frame(failure, _tokens(frames), "end"))
    done = vendor.done_after_error if fault.stream_error else fault.keep_chunks is None
    if not done or fault.drops_done or not wire.end_mark:
        return frames
    return [*frames, Frame(wire.end_mark, _tokens(frames), "end")]


def _kept(frames: list[Frame], count: int) -> list[Frame]:
    """The frames up to the content chunk number `count`, without any finish reason."""
    kept: list[Frame] = []
    for one in frames:
        if count <= 0 or one.kind in ("finish", "end"):
            break
        kept.append(one)
        count -= one.kind == "content"
    return kept


def _broken(frames: list[Frame], kind: Garbage) -> list[Frame]:
    if kind == "empty":
        return []
    kept = _kept(frames, 1)
    text = _GARBAGE.get(kind) or frames[-1].data[6 : len(frames[-1].data) // 2]
    return [*kept, Frame(b"data: " + text + b"\n\n", _tokens(kept), "end")]


def _tokens(frames: list[Frame]) -> int:
    return frames[-1].tokens if frames else 0


class Exchange:
    """Carries out one script on one connection and keeps the record true."""

    __slots__ = ("_book", "_connection", "_hanging", "_record", "_script", "_task")

    def __init__(self, connection: Connection, book: CallBook, record: CallRecord, script: Script) -> None:
        self._connection = connection
        self._book = book
        self._record = record
        self._script = script
        self._task: asyncio.Task[None] | None = None
        self._hanging = False

    def run(self, said: Composed | None) -> None:
        """Bill what is due at the start, then send: now if nothing has to be waited for, else in a task."""
        if self._script.bill != "nothing" and said is not None:
            self._book.update(self._record, **self._charges(said))
        if self._script.at_once:
            self._send_at_once()
        else:
            self._connection.on_lost = self._lost
            self._task = asyncio.get_running_loop().create_task(self._play())

    def _charges(self, said: Composed) -> dict[str, Any]:
        charges = {
            "billed": True,
            "input_tokens": said.input_tokens,
            "cached_input_tokens": said.cached_input_tokens,
            "cache_write_tokens": said.cache_write_tokens,
            "cache_write_long_tokens": said.cache_write_long_tokens,
            "reasoning_tokens": said.reasoning_tokens,
        }
        script = self._script
        if script.bill == "all" or (script.bill == "so_far" and script.generates == "first"):
            charges["output_tokens"] = said.output_tokens
        return charges

    def _send_at_once(self) -> None:
        script = self._script
        if script.generates == "by_frame" and script.bill == "so_far":
            self._book.update(self._record, output_tokens=_tokens(script.frames))
        self._book.close(self._record, script.outcome, status=script.status)
        self._connection.stale = script.goes_stale
        data = [one.data for one in script.frames]
        if script.length is not None:
            self._connection.reply(script.status, script.headers, b"".join(data))
        else:
            self._connection.reply_chunked(script.status, script.headers, data)

    async def _play(self) -> None:
        script, connection = self._script, self._connection
        if script.delay_s:
            await asyncio.sleep(script.delay_s)
        if script.sends_headers:
            self._book.update(self._record, status=script.status)
            connection.begin(script.status, script.headers, script.length)
        last = len(script.frames) - 1
        for position, frame in enumerate(script.frames):
            if frame.pause_s:
                await asyncio.sleep(frame.pause_s)
            await connection.drain()
            self._count(frame)
            if position == last and script.ending == "finish":
                self._book.close(self._record, script.outcome)
            connection.write_body(frame.data, chunked=script.length is None)
        await connection.drain()
        self._end()

    def _count(self, frame: Frame) -> None:
        if self._script.generates == "by_frame" and self._script.bill == "so_far":
            self._book.update(self._record, output_tokens=frame.tokens)

    def _end(self) -> None:
        script, connection = self._script, self._connection
        if script.ending == "hang":
            self._hanging = True
            return
        connection.on_lost = None
        self._book.close(self._record, script.outcome)
        connection.stale = script.goes_stale
        if script.ending == "finish":
            connection.finish(chunked=script.length is None)
        elif script.ending == "close":
            connection.close()
        else:
            connection.reset()

    def _lost(self) -> None:
        if self._task is not None:
            self._task.cancel()
        silent = self._script.ending == "hang" and not self._script.frames
        self._book.close(self._record, self._script.outcome if self._hanging or silent else "left")
