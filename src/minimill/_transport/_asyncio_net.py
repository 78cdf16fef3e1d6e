"""Network streams on asyncio for httpcore's connections, straight on transports.

anyio's streams yield before every write and arm a scope for every read. Here a byte is written or not at
the moment `write` is called, which is what tells whether a cancelled call was sent, and a timer is armed
only where data has to be waited for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore

from minimill._transport._slot import Slot

_HIGH_WATER = 256 * 1024
_HAPPY_EYEBALLS_S = 0.25
SocketOption = tuple[Any, ...]


class _Protocol(asyncio.Protocol):
    """Collects what arrives, and wakes the one reader and the one writer there can be."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self._paused_reading = False
        self._paused_writing = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > _HIGH_WATER and self.transport is not None and not self._paused_reading:
            self._paused_reading = True
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self.ended = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._paused_writing = True

    def resume_writing(self) -> None:
        self._paused_writing = False
        _wake(self._writer)

    def take(self, most: int) -> bytes:
        """Up to `most` of what has arrived."""
        if len(self.buffer) <= most:
            data = bytes(self.buffer)
            self.buffer.clear()
        else:
            data = bytes(self.buffer[:most])
            del self.buffer[:most]
        if self._paused_reading and self.transport is not None:
            self._paused_reading = False
            self.transport.resume_reading()
        return data

    async def arrival(self, by: float | None) -> None:
        """Wait for data or the end. Raises TimeoutError after the instant `by`."""
        loop = asyncio.get_running_loop()
        self._reader = waiter = loop.create_future()
        timer = None if by is None else loop.call_later(max(by - monotonic(), 0), _expire, waiter)
        try:
            await waiter
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()

    async def drained(self, by: float | None) -> None:
        """Wait until what was written is on its way. Raises TimeoutError after the instant `by`."""
        while self._paused_writing and not self.ended:
            loop = asyncio.get_running_loop()
            self._writer = waiter = loop.create_future()
            timer = None if by is None else loop.call_later(max(by - monotonic(), 0), _expire, waiter)
            try:
                await waiter
            finally:
                self._writer = None
                if timer is not None:
                    timer.cancel()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


class AsyncioStream(httpcore.AsyncNetworkStream):
    """One TCP or TLS connection."""

    def __init__(self, transport: asyncio.Transport, protocol: _Protocol, slot: Slot) -> None:
        self._transport = transport
        self._protocol = protocol
        self._slot = slot
        slot.abort = transport.abort
        slot.connected = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        protocol = self._protocol
        while not protocol.buffer:
            if protocol.error is not None:
                raise httpcore.ReadError(str(protocol.error)) from protocol.error
            if protocol.ended:
                return b""
            by = self._slot.read_by if timeout is None else monotonic() + timeout
            try:
                await protocol.arrival(by)
            except TimeoutError as error:
                raise httpcore.ReadTimeout("no bytes in time") from error
        return protocol.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        data = self._slot.whole(buffer) if buffer else b""
        if not data:
            return
        if self._protocol.ended:
            raise httpcore.WriteError("the connection is closed")
        self._slot.writing()
        self._transport.write(data)
        try:
            await self._protocol.drained(self._slot.read_by)
        except TimeoutError as error:
            raise httpcore.WriteTimeout("the request could not be written in time") from error

    async def aclose(self) -> None:
        # Aborting needs no round trip and no await: whoever closes here has read what it wanted.
        self._transport.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        protocol = _Protocol()
        try:
            transport = await loop.start_tls(
                self._transport,
                protocol,
                ssl_context,
                server_hostname=server_hostname,
                ssl_handshake_timeout=timeout,
            )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout("the TLS handshake took too long") from error
        except (OSError, ssl.SSLError) as error:
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            self._transport.abort()
            raise
        if transport is None:  # asyncio gives None when the connection is lost in mid-handshake
            raise httpcore.ConnectError("the connection closed during the TLS handshake")
        protocol.transport = transport
        return AsyncioStream(transport, protocol, self._slot)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # Of an idle connection: the server has closed it, or said something unasked.
            return self._protocol.ended or bool(self._protocol.buffer)
        if info == "ssl_object":
            return self._transport.get_extra_info("ssl_object")
        if info in ("client_addr", "server_addr"):
            return self._transport.get_extra_info("sockname" if info == "client_addr" else "peername")
        return self._transport.get_extra_info("socket") if info == "socket" else None


def _delay(host: str) -> float | None:
    """How long one address of a name may keep the next one waiting; an address has no next one."""
    return None if ":" in host or host.replace(".", "").isdigit() else _HAPPY_EYEBALLS_S


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of one slot."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        try:
            async with asyncio.timeout(timeout):
                transport, protocol = await loop.create_connection(
                    _Protocol, host, port, local_addr=local, happy_eyeballs_delay=_delay(host)
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        raw: socket.socket = transport.get_extra_info("socket")
        for option in socket_options or ():
            raw.setsockopt(*option)
        return AsyncioStream(transport, protocol, self._slot)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
