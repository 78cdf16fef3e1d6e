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
        wait = seconds(value, now=now) if value else None
        if wait is not None:
            return wait / 1000 if name.endswith("-ms") else wait
    return None


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
    """A number, a duration such as `6m0s` or `120ms`, an HTTP date or an RFC 3339 time; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    wait = _from_text(value.strip(), now) if isinstance(value, str) else _finite(value)
    return wait if wait is not None and wait >= 0 else None


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
        moment = _instant(date).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return max(moment - (time.time() if now is None else now), 0.0)


def _instant(date: str) -> datetime:
    if date[:4].isdecimal():
        moment = datetime.fromisoformat(date)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return parsedate_to_datetime(date)
