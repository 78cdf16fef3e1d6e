"""What ties one connection to the sending that is using it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Progress:
    """What is known about one sending, also after a cancellation."""

    __slots__ = ("left", "read_by", "seen", "sent")

    def __init__(self) -> None:
        self.sent = False
        """Whether a byte of the request may have left the machine."""
        self.left = False
        """Whether the head of the request has left for sure."""
        self.seen = False
        """Whether a connection was there that tells when bytes leave; a mocked one tells nothing."""
        self.read_by: float | None = None
        """Instant (of `time.monotonic`) by which the next bytes must come; None: no limit here."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hook of httpcore for connections that are not ours: called before and after each step."""
        self.seen = True
        if event.endswith("send_request_headers.started"):
            self.sent = True
        elif event.endswith("send_request_headers.complete"):
            self.left = True


class Slot:
    """The place of one connection in the pool; its network stream reports to the sending that holds it."""

    __slots__ = ("_head", "abort", "connected", "progress")

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.connected = False
        self._head: bytes | None = None
        self.abort: Callable[[], None] | None = None
        """Breaks the connection without an await, where the event loop can do that."""

    def begin(self, *, body: bool) -> None:
        """A request is going to be written, with a body or without."""
        self._head = b"" if body else None

    def whole(self, data: bytes) -> bytes:
        """What to write now. A request's head waits for its body: both leave in one piece, or nothing does."""
        head = self._head
        if head is None:
            return data
        if not head:
            self._head = data
            return b""
        self._head = None
        return head + data

    def writing(self) -> None:
        """The next bytes are about to leave."""
        if self.progress is not None:
            self.progress.sent = self.progress.left = True

    @property
    def read_by(self) -> float | None:
        """By when the next bytes must come."""
        return None if self.progress is None else self.progress.read_by
