"""How long a vendor asks to wait, in all the forms in which vendors say it.

It may import nothing of minimill.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_EPOCH, _EPOCH_MS = 1e9, 1e11
"""From here on a number is no wait but an instant in Unix time: seconds since 2001, milliseconds since 1973."""
_DURATION = re.compile(r"(?=[\d.])(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|s)?)?")


def retry_after_s(
    headers: Mapping[str, str],
    names: Sequence[str] = ("retry-after-ms", "retry-after"),
    *,
    now: float | None = None,
) -> float | None:
    """Seconds to wait by the first of the headers that can be read, or None.

    `now` is the Unix time against which dates are taken; None: the clock's.
    """
    for name in names:
        value = headers.get(name)
        wait = _header(name, value, now) if value else None
        if wait is not None:
            return wait
    return None


def _header(name: str, value: str, now: float | None) -> float | None:
    """A bare number counts in the unit of the header's name; a duration and a date have units of their own."""
    bare = name.endswith("-ms") and _NUMBER.fullmatch(value.strip())
    return seconds(f"{bare[0]}ms" if bare else value, now=now)


def until_reset_s(
    headers: Mapping[str, str], names: Sequence[str], *, now: float | None = None
) -> float | None:
    """Seconds until the limit that is used up begins anew, by the headers that tell of several limits.

    Which one is used up is said by the header with `remaining` in place of `reset`; where none says so, the longest
    wait counts.
    """
    waits = {name: wait for name in names if (wait := retry_after_s(headers, (name,), now=now)) is not None}
    left = {name: headers.get(name.replace("reset", "remaining"), "").strip() for name in waits}
    used_up = [wait for name, wait in waits.items() if left[name] == "0"]
    return max(used_up or waits.values(), default=None)


def seconds(value: Any, *, now: float | None = None) -> float | None:
    """A number, a duration such as `6m0s` or `120ms`, an HTTP date, an RFC 3339 time or an instant in Unix time; None
    for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    wait = _from_text(value.strip(), now) if isinstance(value, str) else _finite(value)
    if wait is None or wait < 0:
        return None
    return wait if wait < _EPOCH else _left(wait if wait < _EPOCH_MS else wait / 1000, now)


def _left(instant: float, now: float | None) -> float:
    return max(instant - (time.time() if now is None else now), 0.0)


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _from_text(text: str, now: float | None) -> float | None:
    if not text or len(text) > 64:
        return None
    found = _DURATION.fullmatch(text)
    if found:
        days, hours, minutes, rest, unit = found.groups()
        small = float(rest or 0) / (1000 if unit == "ms" else 1)
        return _finite(int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + small)
    return _until(text, now)


def _until(date: str, now: float | None) -> float | None:
    try:
        return _left(_instant(date).timestamp(), now)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _instant(date: str) -> datetime:
    """The moment of a date; one without a zone is in UTC, as HTTP has it."""
    moment = datetime.fromisoformat(date) if date[:4].isdecimal() else parsedate_to_datetime(date)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
