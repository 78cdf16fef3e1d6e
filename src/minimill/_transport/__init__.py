"""Bytes to a vendor and back: the only package that imports httpx and httpcore.

Knows no dialects and no money. What went wrong comes out as `TransportError`, with `billed` telling
whether bytes may have left. Cancellation passes through untouched.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import field
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.request import getproxies, proxy_bypass

import anyio
import httpcore
import httpx
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from minimill._errors import ConfigError
from minimill._transport._backends import BACKENDS, DEFAULT, KEEP_ALIVE_S, check, is_traced, module_of, pool
from minimill._transport._errors import MALFORMED, shows_headers, too_late, translated, unsendable
from minimill._transport._exchange import Exchange, Limits
from minimill._transport._pool import Lane
from minimill._transport._slot import Progress
from minimill._values import dataclass

if TYPE_CHECKING:
    import httpx2

__all__ = ["BACKENDS", "Endpoint", "Exchange", "Headers", "Limits", "Progress", "Transport", "environment_proxy"]

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Default cap on the size of one reply."""
_CLOSE_S = 2.0
_MOST = 5_000
_MOST_IDLE = 1_000
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one provider is reached, and how."""

    base_url: str
    proxy: str | None = field(default=None, repr=False)
    """A proxy address; None: as the environment says."""
    ca_file: str | None = None
    """A PEM file of trusted roots; None: certifi's, or SSL_CERT_FILE."""


@dataclass(slots=True)
class _Pools:
    """The connections of one event loop."""

    lanes: dict[tuple[Any, ...], Lane] = field(default_factory=dict)
    others: dict[tuple[Any, ...], httpx.AsyncBaseTransport] = field(default_factory=dict)
    """Pools for proxies, and those of other backends."""


class Transport:
    """Sends requests over pools of connections, one set of pools for each event loop.

    `client` or `transport` are a user's own httpx or httpx2 objects: they are used as they are and never
    closed. Otherwise `backend` is a word of `BACKENDS`.
    """

    def __init__(
        self,
        *,
        client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport | None = None,
        backend: str = DEFAULT,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        if client is not None and transport is not None:
            raise ConfigError("give an http_client or an http_transport, not both")
        check(backend)
        # httpx2's objects have the same methods; which package a request is made with is looked up.
        self._client = cast("httpx.AsyncClient | None", client)
        self._given = cast("httpx.AsyncBaseTransport | None", transport)
        self._backend = backend
        self._max_reply_bytes = max_reply_bytes
        self._pools: RunVar[_Pools] = RunVar("minimill_pools")
        self._environment: dict[str, str | None] = {}  # the environment is asked once for each address

    async def send(
        self,
        endpoint: Endpoint,
        url: str,
        headers: Headers,
        body: bytes,
        *,
        limits: Limits,
        progress: Progress,
    ) -> Exchange:
        """POST `body` and wait for the head of the response.

        Raises:
            TransportError: nothing usable came; `billed` is NO where no byte of the request left.
        """
        if self._client is None and self._given is None:
            try:
                proxy = self._proxy(endpoint)
            except MALFORMED as error:
                raise unsendable(error) from None
            if proxy is None and self._backend == DEFAULT:
                return await self._send_direct(endpoint, url, headers, body, limits, progress)
        else:
            proxy = None
        return await self._send_httpx(endpoint, proxy, url, headers, body, limits, progress)

    async def _send_direct(
        self, endpoint: Endpoint, url: str, headers: Headers, body: bytes, limits: Limits, progress: Progress
    ) -> Exchange:
        try:
            target = _target(url)
            origin, wire_headers = target.origin, _wire_headers(target, headers, len(body))
        except MALFORMED as error:
            raise unsendable(error) from None
        lane = self._lane(origin, endpoint.ca_file)
        kind, by = limits.of_start()
        progress.read_by = by
        connect_s = max(min(limits.connect_s, by - monotonic()), 0.001)
        request = httpcore.Request(
            "POST",
            target,
            headers=wire_headers,
            content=_Body(body),
            extensions={"timeout": {"connect": connect_s}},
        )
        connection = None
        try:
            connection = await lane.take(progress, monotonic() + connect_s)
            await checkpoint_if_cancelled()  # the last before bytes leave
            connection.slot.begin(body=bool(body))
            response = await connection.http.handle_async_request(request)
        except BaseException as error:
            if connection is not None:
                progress.seen = connection.slot.connected
                if isinstance(error, GeneratorExit):
                    connection.abort()
                else:
                    await connection.give_back()
            if not isinstance(error, Exception):
                raise
            if monotonic() >= by:
                raise too_late(kind, progress) from error
            raise translated(error, progress) from (None if shows_headers(error) else error)
        taken = connection
        taken.unlock()

        async def close() -> None:
            try:
                await response.aclose()
            except BaseException:
                taken.abort()
                raise
            await taken.give_back()
            await lane.prune()

        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        chunks = aiter(cast(AsyncIterator[bytes], response.stream))
        if "content-encoding" in found:
            chunks = _decoded(response.status, response.headers, chunks)
        return Exchange(
            response.status,
            found,
            chunks,
            close,
            taken.abort,
            limits=limits,
            progress=progress,
            timed=True,
            max_bytes=self._max_reply_bytes,
        )

    async def _send_httpx(
        self,
        endpoint: Endpoint,
        proxy: str | None,
        url: str,
        headers: Headers,
        body: bytes,
        limits: Limits,
        progress: Progress,
    ) -> Exchange:
        transport = self._given
        if self._client is None and transport is None:
            transport = self._pool(endpoint, proxy)
        traced = is_traced(transport)
        try:
            request = self._request(transport, url, headers, body)
        except MALFORMED as error:
            raise unsendable(error) from None
        progress.sent = not traced  # what a stranger's transport does with a request cannot be seen
        if transport is not None:
            request.extensions["timeout"] = {"connect": limits.connect_s, "pool": limits.connect_s}
            if traced:
                request.extensions["trace"] = progress.trace
        kind, by = limits.of_start()
        response: httpx.Response | None = None
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + max(by - monotonic(), 0)):
                response = await self._handle(transport, request)
        except Exception as error:
            raise translated(error, progress) from (None if shows_headers(error) else error)
        if response is None:
            raise too_late(kind, progress)
        found = {name.lower(): value for name, value in response.headers.items()}
        return Exchange(
            response.status_code,
            found,
            response.aiter_bytes(),
            response.aclose,
            lambda: None,
            limits=limits,
            progress=progress,
            timed=False,
            max_bytes=self._max_reply_bytes,
        )

    def _request(
        self, transport: httpx.AsyncBaseTransport | None, url: str, headers: Headers, body: bytes
    ) -> httpx.Request:
        if transport is None and self._client is not None:
            return self._client.build_request("POST", url, headers=headers, content=body)
        made: httpx.Request = module_of(transport).Request("POST", url, headers=headers, content=body)
        return made

    async def _handle(
        self, transport: httpx.AsyncBaseTransport | None, request: httpx.Request
    ) -> httpx.Response:
        if transport is not None:
            return await transport.handle_async_request(request)
        assert self._client is not None
        return await self._client.send(request, stream=True, follow_redirects=False)

    def _proxy(self, endpoint: Endpoint) -> str | None:
        if endpoint.proxy is not None:
            return endpoint.proxy
        if endpoint.base_url not in self._environment:
            self._environment[endpoint.base_url] = environment_proxy(endpoint.base_url)
        return self._environment[endpoint.base_url]

    def _of_loop(self) -> _Pools:
        pools = self._pools.get(None)
        if pools is None:
            pools = _Pools()
            self._pools.set(pools)
        return pools

    def _lane(self, origin: httpcore.Origin, ca_file: str | None) -> Lane:
        lanes = self._of_loop().lanes
        key = (origin.scheme, origin.host, origin.port, ca_file)
        lane = lanes.get(key)
        if lane is None:
            context = _trusted(ca_file) if origin.scheme == b"https" else _no_roots()
            lane = Lane(origin, context, keep_alive_s=KEEP_ALIVE_S, most=_MOST, most_idle=_MOST_IDLE)
            lanes[key] = lane
        return lane

    def _pool(self, endpoint: Endpoint, proxy: str | None) -> httpx.AsyncBaseTransport:
        others = self._of_loop().others
        key = (proxy, endpoint.ca_file)
        if key not in others:
            others[key] = pool(self._backend, proxy, _trusted(endpoint.ca_file, self._backend))
        return others[key]

    async def aclose(self) -> None:
        """Close this event loop's connections; a user's own client or transport stays open."""
        pools = self._of_loop()
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S):
            for lane in pools.lanes.values():
                await lane.aclose()
            for other in pools.others.values():
                await other.aclose()
        pools.lanes.clear()
        pools.others.clear()


class _Body:
    """A request body. Not a generator, so that one that is left half-read needs no ending."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, None
        if data is None:
            raise StopAsyncIteration
        return data


@lru_cache(maxsize=8)
def _trusted(ca_file: str | None, backend: str = DEFAULT) -> ssl.SSLContext:
    # Reading the bundle of roots takes 25 ms: once a process, and only when something is https. One for each
    # backend, since they differ in the protocols they offer.
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file}: cannot be read as a file of trusted certificates ({error})") from error


@lru_cache(maxsize=1)
def _no_roots() -> ssl.SSLContext:
    """A context that trusts nobody, for plain http: should a request go to https after all, it fails."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=256)
def _target(url: str) -> httpcore.URL:
    parsed = httpx.URL(url)
    return httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
    )


def _wire_headers(target: httpcore.URL, headers: Headers, length: int) -> list[tuple[bytes, bytes]]:
    host = target.host if target.port is None else b"%b:%d" % (target.host, target.port)
    wire = [(b"Host", host)]
    wire += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    wire.append((b"Content-Length", b"%d" % length))
    return wire


async def _decoded(
    status: int, headers: list[tuple[bytes, bytes]], chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The body without its content encoding, for a server that compresses though it was asked not to."""

    class Stream(httpx.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return chunks

    async for data in httpx.Response(status, headers=headers, stream=Stream()).aiter_bytes():
        yield data


def environment_proxy(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for an address."""
    proxies = getproxies()
    if not proxies:
        return None
    parsed = httpx.URL(url)
    if proxy_bypass(f"{parsed.host}:{parsed.port}" if parsed.port else parsed.host):
        return None
    found = proxies.get(parsed.scheme) or proxies.get("all")
    return found if not found or "://" in found else f"http://{found}"
