"""A small HTTP/1.1 server side on asyncio: reads requests, writes replies, breaks connections on purpose.

Knows no vendor and no chat. One request at a time per connection; pipelined ones wait. Imports the standard
library only.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

__all__ = ["Connection", "Request", "raise_file_limit"]

MAX_HEAD = 128 * 1024
MAX_BODY = 128 * 1024 * 1024
_OPEN_FILES = 16_384

_STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Request(NamedTuple):
    """One HTTP request."""

    method: str
    path: str
    """Path without its query."""
    headers: dict[str, str]
    """Names in lower case; of a repeated name the last one."""
    body: bytes


class _Head(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    length: int | None
    """Bytes of the body; None when it is chunked."""
    keep: bool


class BadRequestError(Exception):
    """The bytes are not an HTTP/1.1 request."""


def status_line(status: int) -> bytes:
    """The first line of a reply."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def parse_head(raw: bytes) -> _Head:
    """Read a request line and its headers."""
    lines = raw.decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
        pairs = [line.split(":", 1) for line in lines[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = None if chunked else int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    wish = headers.get("connection", "").lower()
    keep = "close" not in wish and (version == "HTTP/1.1" or "keep-alive" in wish)
    return _Head(method, target.split("?", 1)[0], headers, length, keep)


def dechunk(buffer: bytes | bytearray) -> tuple[bytes, int] | None:
    """Body and bytes used of a chunked body; None while it is incomplete."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        try:
            size = int(bytes(buffer[at:end]).split(b";")[0], 16)
        except ValueError as error:
            raise BadRequestError(str(error)) from error
        at = end + 2
        if size == 0:
            end = buffer.find(b"\r\n\r\n", at - 2)
            return None if end < 0 else (b"".join(parts), end + 4)
        if len(buffer) < at + size + 2:
            return None
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2


def chunk(data: bytes) -> bytes:
    """Bytes as one chunk; nothing for no bytes, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def raise_file_limit() -> None:
    """Let this process open many files, as far as its hard limit allows; nothing happens where that is unknown."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Connection(asyncio.Protocol):
    """One accepted connection; `serve` gets each request and ends it by `reply`, `finish` or a break."""

    def __init__(self, serve: "Callable[[Connection, Request], None]", members: "set[Connection]") -> None:
        self._serve = serve
        self._members = members
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._busy = False
        self._advancing = False
        self._keep = True
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self.stale = False
        """Whether the next bytes that arrive end the connection."""
        self.on_lost: Callable[[], None] | None = None
        """Called once if the connection ends while a request is being served."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._members.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._members.discard(self)
        self._transport = None
        self.resume_writing()
        if self.on_lost is not None:
            lost, self.on_lost = self.on_lost, None
            lost()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self.stale:
            self.close()
            return
        self._buffer += data
        self._advance()

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._paused = True

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    @property
    def is_open(self) -> bool:
        """Whether bytes can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def drain(self) -> None:
        """Wait until everything written was handed to the system, or the connection is gone."""
        while self._paused and self._transport is not None:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    def reply(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole reply. `headers` are complete lines without length and connection."""
        length = b"Content-Length: %d\r\n" % len(body)
        self.write(b"".join((status_line(status), headers, length, self._connection_line(), b"\r\n", body)))
        self._done()

    def begin(self, status: int, headers: bytes, length: int | None) -> None:
        """Send the head of a reply whose body follows; chunked when `length` is None."""
        framing = b"Transfer-Encoding: chunked\r\n" if length is None else b"Content-Length: %d\r\n" % length
        self.write(b"".join((status_line(status), headers, framing, self._connection_line(), b"\r\n")))

    def write(self, data: bytes) -> None:
        """Send bytes as they are; nothing happens when the connection is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def reply_chunked(self, status: int, headers: bytes, parts: list[bytes]) -> None:
        """Send a whole reply whose body comes in these chunks."""
        head = (
            status_line(status),
            headers,
            b"Transfer-Encoding: chunked\r\n",
            self._connection_line(),
            b"\r\n",
        )
        self.write(b"".join((*head, *map(chunk, parts), b"0\r\n\r\n")))
        self._done()

    def write_body(self, data: bytes, *, chunked: bool) -> None:
        """Send a part of a body that was begun."""
        self.write(chunk(data) if chunked else data)

    def finish(self, *, chunked: bool) -> None:
        """End a reply that was begun, and go on with the next request."""
        if chunked:
            self.write(b"0\r\n\r\n")
        self._done()

    def close(self) -> None:
        """End the connection in order, after what was written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """End the connection with a TCP reset; what was not handed to the system is lost."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _connection_line(self) -> bytes:
        return b"" if self._keep else b"Connection: close\r\n"

    def _done(self) -> None:
        self.on_lost = None
        self._busy = False
        if not self._keep:
            self.close()
        elif not self._advancing and self._buffer:
            self._advance()

    def _advance(self) -> None:
        self._advancing = True
        try:
            while not self._busy and self._transport is not None:
                request = self._next_request()
                if request is None:
                    break
                self._busy = True
                self._serve(self, request)
        except BadRequestError:
            self._keep = False
            self.reply(400, b"Content-Type: text/plain\r\n", b"Bad Request")
        finally:
            self._advancing = False

    def _next_request(self) -> Request | None:
        head = self._head or self._read_head()
        if head is None:
            return None
        if head.length is None:
            found = dechunk(self._buffer)
            if found is None:
                return None
            body, used = found
        elif len(self._buffer) < head.length:
            return None
        else:
            body, used = bytes(self._buffer[: head.length]), head.length
        del self._buffer[:used]
        self._head = None
        self._keep = head.keep
        return Request(head.method, head.path, head.headers, body)

    def _read_head(self) -> _Head | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequestError("the head of the request is too long")
            return None
        head = parse_head(bytes(self._buffer[:end]))
        if head.length is not None and not 0 <= head.length <= MAX_BODY:
            raise BadRequestError("the body of the request is too long")
        del self._buffer[: end + 4]
        if "100-continue" in head.headers.get("expect", "").lower():
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._head = head
        return head
