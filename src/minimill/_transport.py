"""Bytes to a vendor and back: the only module that imports httpx.

Knows no dialects and no money. What went wrong comes out as `TransportError`, with `billed` telling
whether bytes may have left. Cancellation passes through untouched.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx
from anyio.lowlevel import RunVar

from minimill._errors import Billed, ConfigError, TransportError

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Default cap on the size of one reply."""
_CLOSE_S = 2.0
_KEEP_ALIVE_S = 30.0
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
class Progress:
    """What is known about one sending, also after a cancellation."""

    sent: bool = False
    """Whether a byte of the request may have left the machine."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hook of httpcore: called before and after each step."""
        if event.endswith("send_request_headers.started"):
            self.sent = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Instants (of `time.monotonic`) and spans by which things must have happened."""

    connect_s: float
    first_by: float
    """When the first byte of the body must be there."""
    between_s: float
    """Longest silence after that."""
    total_by: float
    total_kind: str = "total_timeout"


class Exchange:
    """A request that was sent, and its response as it comes in."""

    __slots__ = (
        "_chunks",
        "_got",
        "_limits",
        "_max_bytes",
        "_progress",
        "_response",
        "begun",
        "headers",
        "status",
    )

    def __init__(self, response: httpx.Response, limits: Limits, progress: Progress, max_bytes: int) -> None:
        self.status = response.status_code
        self.headers: dict[str, str] = {k.lower(): v for k, v in response.headers.items()}
        self._response = response
        encoded = "content-encoding" in self.headers
        self._chunks: AsyncIterator[bytes] = response.aiter_bytes() if encoded else _raw(response)
        self._limits = limits
        self._progress = progress
        self._max_bytes = max_bytes
        self._got = 0
        self.begun = False
        """Whether the answer has begun; until it is set, `first_by` limits every wait."""

    async def read(self) -> bytes:
        """The next bytes of the body, or b"" at its end.

        Raises:
            TransportError: a limit passed, the connection broke, or the reply is too large.
        """
        kind, deadline = self._deadline()
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + max(deadline - monotonic(), 0)) as scope:
                data = await self._next()
        except Exception as error:
            raise translated(error, self._progress) from error
        if scope.cancelled_caught:
            raise _too_late(kind, self._progress)
        self._got += len(data)
        if self._got > self._max_bytes:
            raise TransportError(
                f"the reply is larger than {self._max_bytes:,} bytes", kind="too_large", billed=Billed.UNKNOWN
            )
        return data

    async def _next(self) -> bytes:
        async for data in self._chunks:
            if data:
                return data
        return b""

    def _deadline(self) -> tuple[str, float]:
        limits = self._limits
        if self.begun:
            kind, deadline = "between_token_timeout", monotonic() + limits.between_s
        else:
            kind, deadline = "first_token_timeout", limits.first_by
        return (limits.total_kind, limits.total_by) if limits.total_by < deadline else (kind, deadline)

    async def read_all(self) -> bytes:
        """The whole body. Raises as `read`."""
        parts = []
        while data := await self.read():
            self.begun = True
            parts.append(data)
        return b"".join(parts)

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S):
            await self._response.aclose()


async def _raw(response: httpx.Response) -> AsyncIterator[bytes]:
    async for data in response.stream:  # type: ignore[union-attr]  # an async transport made it
        yield data


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
        self._pools: RunVar[dict[tuple[Any, ...], httpx.AsyncBaseTransport]] = RunVar("minimill_pools")

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
        own = self._client is None and isinstance(self._given, (type(None), httpx.AsyncHTTPTransport))
        progress.sent = not own
        extensions: dict[str, Any] = {"timeout": {"connect": limits.connect_s, "pool": limits.connect_s}}
        if own:
            extensions["trace"] = progress.trace
        deadline = min(limits.first_by, limits.total_by)
        kind = limits.total_kind if limits.total_by < limits.first_by else "first_token_timeout"
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + max(deadline - monotonic(), 0)) as scope:
                response = await self._handle(endpoint, url, headers, body, extensions)
        except Exception as error:
            raise translated(error, progress) from error
        if scope.cancelled_caught:
            raise _too_late(kind, progress)
        return Exchange(response, limits, progress, self._max_reply_bytes)

    async def _handle(
        self, endpoint: Endpoint, url: str, headers: Headers, body: bytes, extensions: dict[str, Any]
    ) -> httpx.Response:
        if self._client is not None:
            request = self._client.build_request("POST", url, headers=headers, content=body)
            return await self._client.send(request, stream=True, follow_redirects=False)
        request = httpx.Request("POST", url, headers=headers, content=body, extensions=extensions)
        return await (self._given or self._pool(endpoint)).handle_async_request(request)

    def _pool(self, endpoint: Endpoint) -> httpx.AsyncBaseTransport:
        pools = self._pools.get(None)
        if pools is None:
            pools = {}
            self._pools.set(pools)
        secure = endpoint.base_url.startswith("https:")
        key = (endpoint.proxy or environment_proxy(endpoint.base_url), endpoint.ca_file, secure)
        pool = pools.get(key)
        if pool is None:
            pool = pools[key] = _new_pool(*key)
        return pool

    async def aclose(self) -> None:
        """Close this event loop's connections; a user's own client or transport stays open."""
        pools = self._pools.get(None) or {}
        self._pools.set({})
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S):
            for pool in pools.values():
                await pool.aclose()


def _new_pool(proxy: str | None, ca_file: str | None, secure: bool) -> httpx.AsyncBaseTransport:
    needs_roots = secure or (proxy or "").startswith("https:")
    context = _trusted(ca_file) if needs_roots else _no_roots()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=_KEEP_ALIVE_S)
    try:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy, trust_env=False)
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigError("the proxy address cannot be used; it looks like http://host:port") from error


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


_KINDS: tuple[tuple[type[Exception], str, bool], ...] = (
    # foreign error, our kind, whether bytes can have left
    (httpx.ConnectTimeout, "connect_timeout", False),
    (httpx.PoolTimeout, "pool_timeout", False),
    (httpx.ConnectError, "connect", False),
    (httpx.ProxyError, "connect", False),
    (httpx.UnsupportedProtocol, "connect", False),
    (httpx.LocalProtocolError, "protocol", False),
    (httpx.ReadTimeout, "between_token_timeout", True),
    (httpx.WriteTimeout, "network", True),
    (httpx.RemoteProtocolError, "cut", True),
    (httpx.ReadError, "network", True),
    (httpx.WriteError, "network", True),
    (httpx.CloseError, "network", True),
    (httpx.DecodingError, "protocol", True),
    (httpx.TooManyRedirects, "protocol", True),
    (httpx.StreamError, "cut", True),
)
_WORDS = {
    "connect": "no connection could be made",
    "connect_timeout": "no connection was made in time",
    "pool_timeout": "no connection came free in time",
    "protocol": "the exchange broke the rules of HTTP",
    "between_token_timeout": "the vendor fell silent",
    "first_token_timeout": "the vendor did not begin to answer in time",
    "total_timeout": "the answer was not complete in time",
    "deadline": "the deadline of the call passed",
    "cut": "the connection closed before the answer was complete",
    "network": "the connection broke",
}


def translated(error: Exception, progress: Progress) -> TransportError:
    """The foreign error in our words; our own errors come back as they are."""
    if isinstance(error, TransportError):
        return error
    for foreign, kind, may_have_left in _KINDS:
        if isinstance(error, foreign):
            return _transport_error(kind, may_have_left, error)
    if isinstance(error, (httpx.TransportError, httpx.InvalidURL, OSError, anyio.ClosedResourceError)):
        return _transport_error("network", progress.sent, error)
    raise error


def _transport_error(kind: str, may_have_left: bool, error: Exception) -> TransportError:
    text = f"{_WORDS[kind]} ({type(error).__name__}{_reason(error)})"
    return TransportError(text, kind=kind, billed=Billed.UNKNOWN if may_have_left else Billed.NO)


def _reason(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    number = getattr(cause, "strerror", None) if cause is not None else None
    return f": {number}" if number else ""


def _too_late(kind: str, progress: Progress) -> TransportError:
    return TransportError(_WORDS[kind], kind=kind, billed=Billed.UNKNOWN if progress.sent else Billed.NO)
