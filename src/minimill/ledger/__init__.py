"""Where money is counted: what a ledger promises, and the engines that keep the promise.

For plug-in authors and tools; an application names its ledger by URL in its configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from minimill._errors import ConfigError
from minimill.ledger._base import (
    NO_KEY,
    SCOPE_KEYS,
    WINDOWS,
    AttemptMeta,
    AttemptRecord,
    Balance,
    BudgetDefinition,
    Claim,
    Ending,
    HoldInfo,
    Ledger,
    SpendLine,
    SpendRow,
)

__all__ = [
    "NO_KEY",
    "SCOPE_KEYS",
    "WINDOWS",
    "AttemptMeta",
    "AttemptRecord",
    "Ending",
    "Balance",
    "BudgetDefinition",
    "Claim",
    "HoldInfo",
    "Ledger",
    "SpendLine",
    "SpendRow",
    "is_on_a_server",
    "open_ledger",
]

_SCHEMES = ("memory", "sqlite", "redis", "rediss", "postgresql")
_EXTRAS = {"redis": "redis", "rediss": "redis", "unix": "redis", "postgresql": "postgres", "postgres": "postgres"}
"""What has to be installed for a scheme, as an extra of minimill."""


def open_ledger(url: str, *, clock: Callable[[], float] | None = None) -> Ledger:
    """The ledger a URL names.

    `memory:`, `sqlite:///relative/path`, `sqlite:////absolute/path`, `redis://…` (`rediss://…` with TLS) or
    `postgresql://…`. Nothing is opened before its first use. `clock` gives seconds since 1970 and decides windows and
    expiry; without it a server's own clock does, and this machine's where there is no server.

    Raises:
        ConfigError: the URL is none of these, or the extra that it needs is not installed.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "memory" and rest in ("", "//"):
        from minimill.ledger.memory import MemoryLedger

        return MemoryLedger(clock=clock or time.time)
    if colon and scheme == "sqlite":
        from minimill.ledger.sqlite import SqliteLedger

        return SqliteLedger(_sqlite_path(url, rest), clock=clock or time.time)
    if is_on_a_server(url):
        return _on_a_server(url, _EXTRAS[scheme], clock)
    if "@" in url:
        from minimill.ledger._url import shown

        raise ConfigError(f"ledger = {shown(url)!r}: {_advice(shown(url), scheme, bool(colon))}")
    raise ConfigError(f"ledger = {url!r}: {_advice(url, scheme, bool(colon))}")


def is_on_a_server(url: str) -> bool:
    """Whether a URL names a ledger on a server: it may hold a password, which messages of `open_ledger` leave out."""
    scheme, _, rest = url.partition(":")
    return scheme in _EXTRAS and rest.startswith("//")


def _on_a_server(url: str, extra: str, clock: Callable[[], float] | None) -> Ledger:
    try:
        if extra == "postgres":
            from minimill.ledger.postgres import PostgresLedger

            return PostgresLedger(url, clock=clock)
        from minimill.ledger.redis import RedisLedger

        return RedisLedger(url, clock=clock)
    except ImportError as error:
        from minimill.ledger._url import shown

        raise ConfigError(
            f"ledger = {shown(url)!r}: it needs {error.name or 'a library'}, which is not installed; "
            f"pip install 'minimill[{extra}]'"
        ) from error


def _sqlite_path(url: str, rest: str) -> str:
    if rest == ":memory:":
        raise ConfigError(f"ledger = {url!r}: books in memory are written memory:")
    path = rest.removeprefix("///")
    if path == rest or not path or path.endswith("/"):
        raise ConfigError(
            f"ledger = {url!r}: write sqlite:///relative/path.db or sqlite:////absolute/path.db, ending in a file name"
        )
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    return path


def _advice(url: str, scheme: str, has_scheme: bool) -> str:
    known = ", ".join(f"{name}:" for name in _SCHEMES)
    if not has_scheme:
        return f"a ledger is a URL beginning with one of {known}, such as sqlite:///{url or 'ledger.db'}"
    if scheme == "memory":
        return "books in memory have no name; write memory:"
    import difflib

    near = difflib.get_close_matches(scheme.lower(), _SCHEMES, n=1)
    return f"no ledger is called {scheme!r}; known are {known}" + (f" (did you mean {near[0]}:?)" if near else "")
