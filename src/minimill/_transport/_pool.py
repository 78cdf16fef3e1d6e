"""Kept connections without a walk: one free list for each origin, the newest first.

httpcore's own pool looks at every connection at every step, which at 500 concurrent calls costs more than
all the rest. The connections are httpcore's; only who gets which is decided here.
"""

from __future__ import annotations

import ssl
import sys
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

import anyio
import httpcore

from minimill._transport._slot import Progress, Slot


class _NoLock:
    """In place of a lock where there is nobody to keep out."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


_NO_LOCK = _NoLock()


class Connection:
    """One connection, and the sending that has it."""

    __slots__ = ("_locked", "http", "lane", "slot")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._locked = True
        self.slot = Slot()
        self.http = httpcore.AsyncHTTPConnection(
            lane.origin,
            ssl_context=lane.context,
            keepalive_expiry=lane.keep_alive_s,
            network_backend=_backend(self.slot),
        )

    def unlock(self) -> None:
        """Take the locks off httpcore's connection once it is made.

        They keep other tasks out, of which there are none, and each costs a turn of the event loop. Without them
        an answer that was read to its end is closed without an await.
        """
        if self._locked and isinstance(self.http._connection, httpcore.AsyncHTTP11Connection):
            self._locked = False
            no_lock: Any = _NO_LOCK
            self.http._request_lock = self.http._connection._state_lock = no_lock

    def abort(self) -> None:
        """Break the connection at once; for code that may not await any more."""
        if self.slot.progress is None:
            return
        self.slot.progress = None
        self.lane.left()
        if self.slot.abort is not None:
            with suppress(RuntimeError):  # the event loop is closed already, and its sockets with it
                self.slot.abort()

    async def give_back(self) -> None:
        """After use: kept if its last answer was read to the end, closed otherwise. Again: does nothing."""
        if self.slot.progress is None:
            return
        self.slot.progress = None
        if not self.lane.leave(self):
            await self.http.aclose()


class Lane:
    """The connections to one origin."""

    def __init__(
        self,
        origin: httpcore.Origin,
        context: ssl.SSLContext,
        *,
        keep_alive_s: float,
        most: int,
        most_idle: int,
    ) -> None:
        self.origin = origin
        self.context = context
        self.keep_alive_s = keep_alive_s
        self._most = most
        self._most_idle = most_idle
        self._idle: deque[Connection] = deque()
        self._in_use = 0
        self._closed = False
        self._waiting: deque[anyio.Event] = deque()

    async def take(self, progress: Progress, by: float) -> Connection:
        """The newest idle connection that is still good, or a new one; where all are in use, first come
        first served.

        Raises:
            httpcore.PoolTimeout: none came free before the instant `by`.
        """
        if self._in_use >= self._most or self._waiting:
            await self._turn(by)
        self._in_use += 1
        try:
            connection = await self._kept() or Connection(self)
        except BaseException:
            self.left()
            raise
        connection.slot.progress = progress
        return connection

    async def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.http.has_expired():
                return connection
            await connection.http.aclose()
        return None

    async def _turn(self, by: float) -> None:
        event = anyio.Event()
        self._waiting.append(event)
        try:
            with anyio.move_on_after(max(by - monotonic(), 0)):
                await event.wait()
                return
        except BaseException:
            self._give_up(event)
            raise
        self._give_up(event)
        raise httpcore.PoolTimeout("every connection is in use")

    def _give_up(self, event: anyio.Event) -> None:
        if event in self._waiting:
            self._waiting.remove(event)
        elif self._in_use < self._most:
            self._wake()  # the turn had come, and goes to the next in line

    def left(self) -> None:
        """A connection is no longer in use; its place goes to the next in line."""
        self._in_use -= 1
        self._wake()

    def _wake(self) -> None:
        if self._waiting and self._in_use < self._most:
            self._waiting.popleft().set()

    def leave(self, connection: Connection) -> bool:
        """Take a connection out of use. True: it is kept for the next; False: whoever had it closes it."""
        kept = not self._closed and connection.http.is_idle() and len(self._idle) < self._most_idle
        if kept:
            self._idle.append(connection)
        self.left()
        return kept

    async def prune(self) -> None:
        """Close the oldest idle connection if its time has passed; called once for each use."""
        if len(self._idle) > 1 and self._idle[0].http.has_expired():
            await self._idle.popleft().http.aclose()

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when their users give them back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().http.aclose()


def _backend(slot: Slot) -> httpcore.AsyncNetworkBackend:
    if on_trio():
        from minimill._transport._trio_net import TrioBackend

        return TrioBackend(slot)
    from minimill._transport._asyncio_net import AsyncioBackend

    return AsyncioBackend(slot)


def on_trio() -> bool:
    """Whether the running event loop is trio's."""
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
