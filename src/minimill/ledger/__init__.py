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
    "open_ledger",
]

_SCHEMES = ("memory", "sqlite")


def open_ledger(url: str, *, clock: Callable[[], float] = time.time) -> Ledger:
    """The ledger a URL names: `memory:`, `sqlite:///relative/path`, `sqlite:////absolute/path`.

    Nothing is opened before its first use. `clock` gives seconds since 1970 and decides windows and expiry.

    Raises:
        ConfigError: the URL is none of these.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "memory" and rest in ("", "//"):
        from minimill.ledger.memory import MemoryLedger

        return MemoryLedger(clock=clock)
    if colon and scheme == "sqlite":
        from minimill.ledger.sqlite import SqliteLedger

        return SqliteLedger(_sqlite_path(url, rest), clock=clock)
    raise ConfigError(f"ledger = {url!r}: {_advice(url, scheme, bool(colon))}")


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
