"""Other HTTP stacks under the same door: which there are, and how their pools are made.

Each needs an extra of its own, imported when the configuration names it.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from typing import Any, cast

import httpx

from minimill._errors import ConfigError
from minimill._transport._pool import on_trio

DEFAULT = "default"
KEEP_ALIVE_S = 30.0
_MOST_IDLE = 1_000


def check(name: str) -> None:
    """Raise ConfigError unless this backend's extra is installed."""
    module = _NEEDS.get(name)
    if module is None:
        return
    try:
        __import__(module)
    except ImportError:
        raise ConfigError(f"http = {name!r} needs an extra: pip install 'minimill[{name}]'") from None


def pool(name: str, proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """A pool of connections of one event loop. Raises ConfigError for a proxy address that cannot be used."""
    try:
        return BACKENDS[name](proxy, context)
    except (ValueError, httpx.InvalidURL, ImportError):
        raise ConfigError("the proxy address cannot be used; it looks like http://host:port") from None


def module_of(client: object) -> Any:
    """The module whose `Request` a client or transport takes: httpx, or httpx2 where it was made by that."""
    made_by = {cls.__module__.partition(".")[0] for cls in type(client).__mro__}
    return sys.modules["httpx2"] if "httpx2" in made_by else httpx


def is_traced(transport: object) -> bool:
    """Whether a transport tells when bytes leave: httpx's and httpx2's own do, by the `trace` extension."""
    kind = type(transport)
    return kind.__name__ == "AsyncHTTPTransport" and kind.__module__.partition(".")[0] in ("httpx", "httpx2")


def _limits(module: Any) -> Any:
    return module.Limits(
        max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=KEEP_ALIVE_S
    )


def _httpcore(proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=context, limits=_limits(httpx), proxy=proxy, trust_env=False)


def _http2(proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    own = _with_http2(context)
    return httpx.AsyncHTTPTransport(verify=own, limits=_limits(httpx), proxy=proxy, trust_env=False, http2=True)


def _with_http2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _httpx2(proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    import httpx2

    made = httpx2.AsyncHTTPTransport(verify=context, limits=_limits(httpx2), proxy=proxy, trust_env=False)
    return cast(httpx.AsyncBaseTransport, made)


def _aiohttp(proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    import aiohttp
    from httpx_aiohttp import AiohttpTransport

    if on_trio():
        raise ConfigError('http = "aiohttp" works on asyncio; on trio use another one')

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(
        verify=context, client=session, proxy=None if proxy is None else httpx.Proxy(proxy), trust_env=False
    )


BACKENDS: dict[str, Callable[[str | None, ssl.SSLContext], httpx.AsyncBaseTransport]] = {
    DEFAULT: _httpcore,
    "http2": _http2,
    "aiohttp": _aiohttp,
    "httpx2": _httpx2,
}
"""By the word in the configuration. The default's own pool stands here for proxies only."""
_NEEDS = {"http2": "h2", "aiohttp": "httpx_aiohttp", "httpx2": "httpx2"}
