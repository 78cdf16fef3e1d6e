"""URLs of ledgers on servers: what of them may be shown, and what is ours in them.

It may import `_errors` only.
"""

from __future__ import annotations

import re

from minimill._errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
DEFAULT_NAME = "minimill"


def shown(url: str) -> str:
    """A URL without anything that may be secret: user, password and query."""
    head, at, tail = url.rpartition("@")
    scheme = head.partition("://")[0] if at else ""
    return (f"{scheme}://{tail}" if scheme else tail).partition("?")[0]


def take_name(url: str) -> tuple[str, str]:
    """Split off `ledger=NAME` of the query; returns the URL that is left for the driver, and the name.

    Raises:
        ConfigError: the name is not plain.
    """
    before, mark, query = url.partition("?")
    words = query.split("&") if mark else []
    names = [word.removeprefix("ledger=") for word in words if word.startswith("ledger=")]
    name = names[-1] if names else DEFAULT_NAME
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"ledger = {shown(url)!r}: ?ledger= names the ledger on its server with up to 40 letters a to z, digits "
            f"and underscores, beginning with a letter, not {name!r}"
        )
    rest = "&".join(word for word in words if not word.startswith("ledger="))
    return (f"{before}?{rest}" if rest else before), name
