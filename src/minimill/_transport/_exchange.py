"""A request that was sent, and its response as it comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from time import monotonic

import anyio

from minimill._errors import Billed, TransportError
from minimill._transport._errors import too_late, translated
from minimill._transport._slot import Progress
from minimill._values import dataclass

_CLOSE_S = 2.0
_DRAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """Instants (of `time.monotonic`) and spans by which things must have happened."""

    connect_s: float
    first_by: float
    """When the first bytes of the answer must be there."""
    between_s: float
    """Longest silence after that."""
    total_by: float
    total_kind: str = "total_timeout"

    def of_start(self) -> tuple[str, float]:
        """Until when the response may begin, and what it is called when it does not."""
        if self.total_by < self.first_by:
            return self.total_kind, self.total_by
        return "first_token_timeout", self.first_by


class Exchange:
    """Reads one response. `timed` says that the connection itself keeps `progress.read_by`."""

    __slots__ = (
        "_chunks",
        "_close",
        "_ended",
        "_got",
        "_limits",
        "_max_bytes",
        "_progress",
        "_timed",
        "abort",
        "begun",
        "headers",
        "status",
    )

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        chunks: AsyncIterator[bytes],
        close: Callable[[], Awaitable[None]],
        abort: Callable[[], None],
        *,
        limits: Limits,
        progress: Progress,
        timed: bool,
        max_bytes: int,
    ) -> None:
        self.status = status
        self.headers = headers
        """Names in lower case."""
        self.begun = False
        """Whether the answer has begun; until it is set, `first_by` limits every wait."""
        self._chunks = chunks
        self._close = close
        self.abort = abort
        """Break the connection without an await, for code that may not await any more."""
        self._limits = limits
        self._progress = progress
        self._timed = timed
        self._max_bytes = max_bytes
        self._got = 0
        self._ended = False

    async def read(self) -> bytes:
        """The next bytes of the body, or b"" at its end.

        Raises:
            TransportError: a limit passed, the connection broke, or the reply is too large.
        """
        kind, by = self._deadline()
        if self._timed:
            self._progress.read_by = by
            try:
                data = await self._next()
            except Exception as error:
                if monotonic() >= by:
                    raise too_late(kind, self._progress) from error
                raise translated(error, self._progress) from error
        else:
            data = await self._scoped_read(kind, by)
        self._got += len(data)
        if self._got > self._max_bytes:
            raise TransportError(
                f"the reply is larger than {self._max_bytes:,} bytes", kind="too_large", billed=Billed.UNKNOWN
            )
        return data

    async def read_all(self) -> bytes:
        """The whole body. Raises as `read`."""
        parts = []
        while data := await self.read():
            self.begun = True
            parts.append(data)
        return b"".join(parts)

    async def _scoped_read(self, kind: str, by: float) -> bytes:
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + max(by - monotonic(), 0)):
                return await self._next()
        except Exception as error:
            raise translated(error, self._progress) from error
        raise too_late(kind, self._progress)

    async def _next(self) -> bytes:
        async for data in self._chunks:
            if data:
                return data
        self._ended = True
        return b""

    def _deadline(self) -> tuple[str, float]:
        limits = self._limits
        if self.begun:
            kind, by = "between_token_timeout", monotonic() + limits.between_s
        else:
            kind, by = "first_token_timeout", limits.first_by
        return (limits.total_kind, limits.total_by) if limits.total_by < by else (kind, by)

    async def aclose(self, *, drain: bool = False) -> None:
        """Give the connection back, or close it if the body was not read to its end.

        With `drain` the little that may follow a stream's last event is read first, so that the connection
        can be used again.
        """
        if self._ended and self._timed:
            await self._close()  # there is nothing to wait for
            return
        if not self._ended and drain:
            with suppress(TransportError), anyio.move_on_after(_DRAIN_S):
                while await self.read():
                    pass
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S):
            await self._close()
            while not self._ended:
                # The body is a chain of async generators, which trio wants to see ended; reading on from
                # the closed connection raises through all of them.
                try:
                    await self._next()
                except Exception:
                    self._ended = True
