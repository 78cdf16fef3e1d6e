"""Network streams on trio for httpcore's connections: httpcore's own, with the slot told what happens."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore
import trio

from minimill._transport._slot import Slot


class TrioStream(httpcore.AsyncNetworkStream):
    """One TCP or TLS connection."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, slot: Slot) -> None:
        self._inner = inner
        self._slot = slot
        slot.connected = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, self._left() if timeout is None else timeout)

    def _left(self) -> float | None:
        by = self._slot.read_by
        return None if by is None else max(by - monotonic(), 0)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        data = self._slot.whole(buffer) if buffer else b""
        if not data:
            return
        # A cancellation that is already due is raised here, before a byte leaves.
        await trio.lowlevel.checkpoint_if_cancelled()
        self._slot.writing()
        await self._inner.write(data, self._left() if timeout is None else timeout)

    async def aclose(self) -> None:
        with trio.CancelScope(shield=True):
            await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return TrioStream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._slot)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class TrioBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of one slot."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._inner = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        inner = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return TrioStream(inner, self._slot)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
