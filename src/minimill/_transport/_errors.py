"""Foreign errors in our words: the one place where httpx's and httpcore's exceptions are named."""

from __future__ import annotations

import ssl
import sys

import anyio
import httpcore
import httpx

from minimill._errors import Billed, TransportError
from minimill._transport._slot import Progress

_KINDS: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    # foreign errors, our kind, whether bytes can have left
    ((httpx.ConnectTimeout, httpcore.ConnectTimeout), "connect_timeout", False),
    ((httpx.PoolTimeout, httpcore.PoolTimeout), "pool_timeout", False),
    ((httpx.ConnectError, httpcore.ConnectError), "connect", False),
    ((httpx.ProxyError, httpcore.ProxyError), "connect", False),
    ((httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol), "connect", False),
    ((httpx.ReadTimeout, httpcore.ReadTimeout), "between_token_timeout", True),
    ((httpx.WriteTimeout, httpcore.WriteTimeout), "network", True),
    ((httpx.RemoteProtocolError, httpcore.RemoteProtocolError), "cut", True),
    ((httpx.NetworkError, httpcore.NetworkError), "network", True),
    ((httpx.DecodingError,), "protocol", True),
    ((httpx.TooManyRedirects,), "protocol", True),
    ((httpx.StreamError,), "cut", True),
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
    "too_large": "the reply is larger than allowed",
}
_LOCAL = (httpx.LocalProtocolError, httpcore.LocalProtocolError)
_OTHERS = (
    httpx.TransportError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
)

_TWINS = {"httpx2": httpx, "httpcore2": httpcore}
"""Packages whose errors have the names that these have."""

MALFORMED = (ValueError, httpx.InvalidURL)
"""What libraries raise for an address, a host name or a header that cannot be sent; UnicodeError is one."""


def unsendable(error: Exception) -> TransportError:
    """No request can be made of the address and the headers. The foreign text may show them: it is left out."""
    text = f"no request can be made of the address and the headers ({type(error).__name__})"
    return TransportError(text, kind="connect", billed=Billed.NO)


def shows_headers(error: Exception) -> bool:
    """Whether the text of a foreign error may hold a header, and with it a key."""
    return issubclass(_known(type(error)), (*_LOCAL, *MALFORMED))


def translated(error: Exception, progress: Progress) -> Exception:
    """The foreign error in our words; what is not about transport comes back as it is."""
    if isinstance(error, TransportError):
        return error
    known = _known(type(error))
    if issubclass(known, _LOCAL):
        # Mostly a header that cannot be written; what a stranger's transport did before cannot be seen.
        return _transport_error("protocol", progress.left or (progress.sent and not progress.seen), error)
    for foreign, kind, may_have_left in _KINDS:
        if issubclass(known, foreign):
            kind, may_have_left = _of_aiohttp(error) or (kind, may_have_left)
            return _transport_error(kind, may_have_left and (progress.sent or not progress.seen), error)
    if issubclass(known, _OTHERS):
        return _transport_error("network", progress.sent, error)
    if issubclass(known, MALFORMED):
        return _transport_error("network", True, error) if progress.sent else unsendable(error)
    return error


def _known(kind: type[Exception]) -> type[Exception]:
    """The class itself, or its twin in the packages whose errors are named here."""
    for base in kind.__mro__:
        twin = _TWINS.get(base.__module__.partition(".")[0])
        if twin is not None:
            found: type[Exception] = getattr(twin, base.__name__, kind)
            return found
    return kind


def _of_aiohttp(error: Exception) -> tuple[str, bool] | None:
    """What kind of error httpx-aiohttp means, and whether bytes can have left; None: as it says.

    It calls a refused connection a ConnectTimeout, and one that the server closed under a request as well.
    """
    aiohttp = sys.modules.get("aiohttp")
    cause = error.__cause__
    if aiohttp is None or not isinstance(cause, aiohttp.ClientConnectionError):
        return None
    if isinstance(cause, aiohttp.ServerTimeoutError):
        return None
    return ("connect", False) if isinstance(cause, aiohttp.ClientConnectorError) else ("cut", True)


def too_late(kind: str, progress: Progress) -> TransportError:
    """A limit has passed."""
    return TransportError(_WORDS[kind], kind=kind, billed=Billed.UNKNOWN if progress.sent else Billed.NO)


def _transport_error(kind: str, sent: bool, error: Exception) -> TransportError:
    text = f"{_WORDS[kind]} ({type(error).__name__}{_reason(error)})"
    return TransportError(text, kind=kind, billed=Billed.UNKNOWN if sent else Billed.NO)


def _reason(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None):  # aiohttp's have none
            return f": {cause.reason}"
        if isinstance(cause, OSError) and cause.strerror:
            return f": {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return ""
