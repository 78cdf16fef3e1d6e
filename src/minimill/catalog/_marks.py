"""Marks on annotations that say more than a type can: limits, patterns, and how TOML numbers are read.

Read by `_shape`. It imports nothing of minimill.
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from minimill._values import dataclass


@dataclass(slots=True, eq=False, repr=False)
class AtLeast:
    """The number is not below `least`."""

    least: int


@dataclass(slots=True, eq=False, repr=False)
class Above:
    """The number is above `bound`."""

    bound: int


@dataclass(slots=True, eq=False, repr=False)
class AtMost:
    """The number is not above `most`."""

    most: int


@dataclass(slots=True, eq=False, repr=False)
class Matches:
    """The text matches `pattern` as a whole; `meaning` says it in words."""

    pattern: str
    meaning: str
    fault: Callable[[str], str | None] | None = None
    """Says what was expected where a text that matches is wrong all the same."""


@dataclass(slots=True, eq=False, repr=False)
class OneOrMany:
    """One item may stand for a list of one."""


@dataclass(slots=True, eq=False, repr=False)
class Partial:
    """A table with some of the fields of the dataclass `of`."""

    of: type
    later: bool = False
    """True: any table for now; it is checked by itself afterwards."""


@dataclass(slots=True, eq=False, repr=False)
class Zoned:
    """The instant has an offset."""


Price = Annotated[Decimal, AtLeast(0)]
"""A non-negative exact number; whole numbers may be written without a point."""
Count = Annotated[int, AtLeast(0)]
Positive = Annotated[int, AtLeast(1)]
Instant = Annotated[dt.datetime, Zoned()]
Seconds = Annotated[float, AtLeast(0)]
Duration = Annotated[float, Above(0)]
"""Seconds, more than none."""
Currency = Annotated[str, Matches(r"[A-Z]{3}", "three capital letters such as CNY or USD")]
ID_PATTERN = r"[a-z][a-z0-9_-]*"
Id = Annotated[str, Matches(ID_PATTERN, "small letters, digits, '-' and '_', starting with a letter")]
EnvName = Annotated[str, Matches(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]
URL_PATTERN = r"https?://[^\s/@?#]+(/[^\s?#@]*)?"
URL_MEANING = "an http(s) address without a query or a password"


def url_fault(text: str) -> str | None:
    """What was expected of an http(s) address, where it is none."""
    import ipaddress
    from urllib.parse import urlsplit

    if re.fullmatch(URL_PATTERN, text) is None:
        return URL_MEANING
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "an address whose host in brackets is an IPv6 address, such as http://[::1]:8000/v1"
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        return "an address whose port is a number from 1 to 65535"
    if "[" in parts.netloc:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return "an address whose host in brackets is an IPv6 address, such as http://[::1]:8000/v1"
        return None
    labels = host.removesuffix(".").split(".")
    if not all(0 < len(label) <= 63 and re.fullmatch(r"\w([\w-]*\w)?", label) for label in labels):
        return "an address whose host is made of parts of 1 to 63 letters, digits and inner '-', with dots between"
    return None


_CALLS = (
    r"/(chat/)?completions",
    r"/responses",
    r"(/v1)?/messages",
    r"(/v1(alpha|beta)?)?(/models/[^/]+)?:(streamG|g)enerateContent",
)
"""Ends of addresses that are those of a call, each with what the dialect adds by itself."""
_DEPLOYMENT = r"/openai/deployments/[^/]+"
"""Between the address of a resource at Azure and the call, in the older form."""


def base_url_fault(text: str) -> str | None:
    """What was expected of an address to which the path of each call is appended, where it is none."""
    if expected := url_fault(text):
        return expected
    base = re.sub(rf"({_DEPLOYMENT})?({'|'.join(_CALLS)})/*$", "", text)
    return None if base == text else f'the address without the path of a call, which is appended to it: "{base}"'


BaseUrl = Annotated[str, Matches(URL_PATTERN, URL_MEANING, base_url_fault)]
UrlPath = Annotated[str, Matches(r"(/[\w.~-]+)*", "a path such as '/openai/v1'")]
Text = Annotated[str, Matches(r"(?s).*\S.*", "some text")]
