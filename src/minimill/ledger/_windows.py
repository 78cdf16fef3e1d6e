"""Calendar windows of budgets: which window an instant lies in, and when the next one begins.

Pure arithmetic on instants and time zones. It may import `_errors` only.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from minimill._errors import ConfigError
from minimill._values import dataclass

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FOREVER_US = 2**63 - 1
_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_DAY = dt.timedelta(days=1)


def to_us(moment: dt.datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(us: int, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    """The aware datetime of so many microseconds since 1970."""
    moment = EPOCH + dt.timedelta(microseconds=us)
    return moment if zone is dt.UTC else moment.astimezone(zone)


@dataclass(frozen=True, slots=True)
class Window:
    """One window: every instant from `start_us` up to, not including, `end_us`."""

    id: str
    start_us: int
    end_us: int
    resets_at: dt.datetime | None
    """When it ends, with its zone's offset then; None for `total`."""


TOTAL = Window("total", -FOREVER_US, FOREVER_US, None)


@lru_cache(maxsize=256)
def zone_named(name: str) -> dt.tzinfo:
    """The time zone of that name.

    Raises:
        ConfigError: this machine knows no such zone.
    """
    if name == "UTC":
        return dt.UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"{name!r} is no time zone known here; write one such as Asia/Shanghai "
            "(the tzdata package brings the list)"
        ) from None


class Calendar:
    """The windows of one kind in one zone; remembers the window it was asked for last."""

    __slots__ = ("_last", "kind", "zone")

    def __init__(self, kind: str, zone: dt.tzinfo) -> None:
        self.kind = kind
        self.zone = zone
        self._last = TOTAL if kind == "total" else Window("", 0, 0, None)

    def at(self, now_us: int) -> Window:
        """The window that holds this instant."""
        last = self._last
        if not last.start_us <= now_us < last.end_us:
            find = _hour if self.kind == "hour" else _dated
            last = self._last = find(self.kind, self.zone, now_us)
        return last


@lru_cache(maxsize=1024)
def calendar(kind: str, zone_name: str) -> Calendar:
    """The shared calendar of a kind of window in a zone."""
    return Calendar(kind, zone_named(zone_name))


def _first_day(kind: str, day: dt.date) -> dt.date:
    if kind == "week":
        return day - _DAY * day.weekday()
    return day.replace(day=1) if kind == "month" else day


def _next_first(kind: str, first: dt.date) -> dt.date:
    if kind == "month":
        return (first + _DAY * 31).replace(day=1)
    return first + _DAY * (7 if kind == "week" else 1)


def _midnight_us(day: dt.date, zone: dt.tzinfo) -> int:
    # fold=0: the first of two midnights; for a midnight that is skipped, the instant of the skip.
    return to_us(dt.datetime(day.year, day.month, day.day, tzinfo=zone))


def _dated(kind: str, zone: dt.tzinfo, now_us: int) -> Window:
    first = _first_day(kind, from_us(now_us, zone).date())
    # A clock set back over midnight shows yesterday's date again; the window that began stays.
    while _midnight_us(_next_first(kind, first), zone) <= now_us:
        first = _next_first(kind, first)
    end_us = _midnight_us(_next_first(kind, first), zone)
    text = first.isoformat()[:7] if kind == "month" else first.isoformat()
    return Window(text, _midnight_us(first, zone), end_us, _fixed(end_us, zone))


def _hour(kind: str, zone: dt.tzinfo, now_us: int) -> Window:
    local = from_us(now_us, zone)
    offset = local.utcoffset()
    minute_us = now_us - now_us % _MINUTE_US
    start_us = minute_us - local.minute * _MINUTE_US
    end_us = start_us + _HOUR_US
    if not from_us(start_us, zone).utcoffset() == offset == from_us(end_us - 1, zone).utcoffset():
        # The clock changes within this hour: its window is the part with this offset.
        same = [us for us in range(start_us, end_us, _MINUTE_US) if from_us(us, zone).utcoffset() == offset]
        start_us, end_us = same[0], same[-1] + _MINUTE_US
    text = _fixed(now_us, zone).replace(minute=0, second=0, microsecond=0).isoformat()
    return Window(text[:13] + text[19:], start_us, end_us, _fixed(end_us, zone))


def _fixed(us: int, zone: dt.tzinfo) -> dt.datetime:
    # With the offset instead of the zone: a time in a repeated hour of a zone equals no other time.
    local = from_us(us, zone)
    return local.replace(tzinfo=dt.timezone(local.utcoffset() or dt.timedelta()), fold=0)
