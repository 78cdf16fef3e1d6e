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
from typing import Any, cast
from urllib.request import getproxies, proxy_bypass

import anyio
import httpcore
import httpx
from anyio.lowlevel import RunVar

from minimill._errors import ConfigError
from minimill._transport._errors import MALFORMED, shows_headers, too_late, translated, unsendable
from minimill._transport._exchange import Exchange, Limits
from minimill._transport._pool import Lane
from minimill._transport._slot import Progress
from minimill._values import dataclass

__all__ = ["Endpoint", "Exchange", "Headers", "Limits", "Progress", "Transport", "environment_proxy"]

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Default cap on the size of one reply."""
_CLOSE_S = 2.0
_KEEP_ALIVE_S = 30.0
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
    proxied: dict[tuple[Any, ...], httpx.AsyncBaseTransport] = field(default_factory=dict)


class Transport:
    """Sends requests over pools of connections, one set of pools for each event loop.

    `client` or `transport` are a user's own httpx objects: they are used as they are and never closed.
    """

    def __init__(
        self,
        *,
        client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        if client is not None and transport is not None:
            raise ConfigError("give an http_client or an http_transport, not both")
        self._client = client
        self._given = transport
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
            if proxy is None:
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

        async def close() -> None:
            await response.aclose()
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
        own = self._client is None and isinstance(self._given, (type(None), httpx.AsyncHTTPTransport))
        try:
            request = self._request(url, headers, body)
        except MALFORMED as error:
            raise unsendable(error) from None
        progress.sent = not own  # what a stranger's transport does with a request cannot be seen
        if self._client is None:
            request.extensions["timeout"] = {"connect": limits.connect_s, "pool": limits.connect_s}
            if own:
                request.extensions["trace"] = progress.trace
        kind, by = limits.of_start()
        response: httpx.Response | None = None
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + max(by - monotonic(), 0)):
                response = await self._handle(endpoint, proxy, request)
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

    def _request(self, url: str, headers: Headers, body: bytes) -> httpx.Request:
        if self._client is not None:
            return self._client.build_request("POST", url, headers=headers, content=body)
        return httpx.Request("POST", url, headers=headers, content=body)

    async def _handle(self, endpoint: Endpoint, proxy: str | None, request: httpx.Request) -> httpx.Response:
        if self._client is not None:
            return await self._client.send(request, stream=True, follow_redirects=False)
        return await (self._given or self._proxied(endpoint, proxy)).handle_async_request(request)

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
            lane = Lane(origin, context, keep_alive_s=_KEEP_ALIVE_S, most=_MOST, most_idle=_MOST_IDLE)
            lanes[key] = lane
        return lane

    def _proxied(self, endpoint: Endpoint, proxy: str | None) -> httpx.AsyncBaseTransport:
        proxied = self._of_loop().proxied
        key = (proxy, endpoint.ca_file)
        if key not in proxied:
            proxied[key] = _proxy_pool(proxy, endpoint.ca_file)
        return proxied[key]

    async def aclose(self) -> None:
        """Close this event loop's connections; a user's own client or transport stays open."""
        pools = self._of_loop()
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S):
            for lane in pools.lanes.values():
                await lane.aclose()
            for pool in pools.proxied.values():
                await pool.aclose()
        pools.lanes.clear()
        pools.proxied.clear()


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


def _proxy_pool(proxy: str | None, ca_file: str | None) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=_KEEP_ALIVE_S)
    try:
        return httpx.AsyncHTTPTransport(verify=_trusted(ca_file), limits=limits, proxy=proxy, trust_env=False)
    except (ValueError, httpx.InvalidURL, ImportError):
        raise ConfigError("the proxy address cannot be used; it looks like http://host:port") from None


@lru_cache(maxsize=8)
def _trusted(ca_file: str | None) -> ssl.SSLContext:
    # Reading the bundle of roots takes 25 ms: once a process, and only when something is https.
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
