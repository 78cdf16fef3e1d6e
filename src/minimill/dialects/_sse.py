"""Server-sent events: bytes in, whole events out, at any chunking.

What the data means belongs to the dialects. It may import `_errors` only.
"""

from __future__ import annotations

from minimill._errors import Then, TransportError

SseEvent = tuple[str, bytes]
"""The event's name (empty where none was sent) and its data."""

STRAY = "\n"
"""Name of an event made of lines that are no fields; no sent name can hold a line end."""
_FIELDS = frozenset({b"event", b"id", b"retry"})
_BOM = b"\xef\xbb\xbf"
MAX_EVENT_BYTES = 16 * 1024 * 1024
MAX_STREAM_BYTES = 64 * 1024 * 1024


class SseParser:
    """Cuts one stream into events. Comments, ids and retry hints are dropped; so are events without data.

    Lines may end in LF, CR or CRLF, also across chunks. An event whose closing blank line never came
    is given by `close`. With `keep_strays` lines that are no fields are not dropped: those of one block come
    as an event named `STRAY`, after the block's own.
    """

    __slots__ = ("_after_cr", "_buffer", "_head", "_keep_strays", "_left", "_max_event")

    def __init__(
        self,
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_bytes: int = MAX_STREAM_BYTES,
        keep_strays: bool = False,
    ) -> None:
        self._keep_strays = keep_strays
        self._buffer = bytearray()
        """The event under way; its line ends are LF already."""
        self._head: bytes | None = b""
        """The first bytes, while they may still turn out to be a byte order mark."""
        self._after_cr = False
        self._left = max_bytes
        self._max_event = max_event_bytes

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that these bytes complete, in order.

        Raises:
            TransportError: (`kind="too_large"`) one event, or the whole stream, passes its cap.
        """
        self.count(data)
        if self._head is not None:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if not self._buffer and data.endswith(b"\n\n"):
            return self._events(data[:-2])
        return self._events(self._through_buffer(data))

    def count(self, data: bytes) -> None:
        """Charge bytes against the cap of the whole stream.

        Raises:
            TransportError: (`kind="too_large"`) the cap is passed.
        """
        self._left -= len(data)
        if self._left < 0:
            raise _too_large("the stream")

    def close(self) -> list[SseEvent]:
        """The event that was under way when the bytes ended, if it has data."""
        rest = (self._head or b"") + bytes(self._buffer)
        self._head = None
        self._buffer.clear()
        return self._events(rest)

    def _through_buffer(self, data: bytes) -> bytes:
        """The whole events that the bytes held back and these make; the rest is held back."""
        buffer = self._buffer
        start = max(len(buffer) - 1, 0)
        buffer += data
        end = buffer.rfind(b"\n\n", start)
        blocks = bytes(buffer[:end]) if end >= 0 else b""
        if end >= 0:
            del buffer[: end + 2]
        if len(buffer) > self._max_event:
            raise _too_large("one event")
        return blocks

    def _events(self, blocks: bytes) -> list[SseEvent]:
        events: list[SseEvent] = []
        for block in blocks.split(b"\n\n"):
            if len(block) > self._max_event:
                raise _too_large("one event")
            if block.startswith(b"data:") and b"\n" not in block:
                events.append(("", block[6:] if block.startswith(b"data: ") else block[5:]))
            elif block:
                _append_lines(events, block, self._keep_strays)
        return events

    def _without_bom(self, data: bytes) -> bytes:
        data = (self._head or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._head = data
            return b""
        self._head = None
        return data.removeprefix(_BOM)

    def _with_lf(self, data: bytes) -> bytes:
        if not data:
            return data
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _append_lines(events: list[SseEvent], block: bytes, keep_strays: bool) -> None:
    name, data, strays = "", [], []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif keep_strays and field and field not in _FIELDS:
            strays.append(line)
    if data:
        events.append((name, b"\n".join(data)))
    if strays:
        events.append((STRAY, b"\n".join(strays)))


def _too_large(what: str) -> TransportError:
    return TransportError(f"{what} is larger than the client accepts", kind="too_large", then=Then.NEXT)
