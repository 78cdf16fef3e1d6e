"""Weekly hours: whether a clock runs at an instant, or at some time of an interval.

Pure functions of `Clock`; no prices. It may import `_select`'s error and `_rows` only.
"""

from __future__ import annotations

import datetime as dt

from ._rows import Clock
from ._select import PriceUnknown

_DAY = dt.timedelta(days=1)
_MIDNIGHT = dt.time(0)
_LONGEST = dt.timedelta(days=8)


def is_running(clock: Clock, instant: dt.datetime) -> bool | None:
    """Tell whether `clock` runs at `instant`; None where only an unknown holiday could stop it.

    Raises:
        PriceUnknown: The computer does not know the clock's time zone.
    """
    local = instant.astimezone(_zone(clock.zone))
    day, time = local.date(), local.time()
    states = [_day_runs(clock, begun) for begun in _days_of(clock, day, time)]
    return True if True in states else None if None in states else False


def run_between(clock: Clock, start: dt.datetime, end: dt.datetime) -> tuple[bool, bool]:
    """Tell whether `clock` may run at some instant from `start` to `end` (inclusive), and surely at all.

    Errs towards (True, False): unknown holidays, changes of the zone's offset and intervals beyond
    eight days are answered that way.

    Raises:
        PriceUnknown: The computer does not know the clock's time zone.
    """
    zone = _zone(clock.zone)
    first, last = start.astimezone(zone), end.astimezone(zone)
    if last - first > _LONGEST or first.utcoffset() != last.utcoffset():
        return True, False
    low, high = first.replace(tzinfo=None), last.replace(tzinfo=None)
    ever = False
    day = low.date() - _DAY
    while day <= high.date():
        runs = _day_runs(clock, day)
        for begin, finish in _spans_on(clock, day) if runs is not False else ():
            if begin <= low and high < finish and runs:
                return True, True
            ever = ever or (begin <= high and low < finish)
        day += _DAY
    return ever, False


def _zone(name: str) -> dt.tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most prices go by no clock

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PriceUnknown(
            f"the time zone {name!r} of its peak hours is not known here; install the tzdata package"
        ) from None


def _day_runs(clock: Clock, day: dt.date) -> bool | None:
    if day.weekday() not in clock.weekdays or day in clock.holidays:
        return False
    known = clock.holidays_known_until
    return True if known is None or day <= known else None


def _days_of(clock: Clock, day: dt.date, time: dt.time) -> set[dt.date]:
    """The days whose spans hold the local `time` of `day`: the day itself, or the one before."""
    days: set[dt.date] = set()
    for begin, end in clock.spans:
        over_midnight = _MIDNIGHT < end < begin
        if time >= begin and (over_midnight or end == _MIDNIGHT or time < end):
            days.add(day)
        if over_midnight and time < end:
            days.add(day - _DAY)
    return days


def _spans_on(clock: Clock, day: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
    """The spans that begin on `day`, as local times without zone."""
    spans = []
    for begin, end in clock.spans:
        last_day = day + _DAY if end == _MIDNIGHT or end < begin else day
        spans.append((dt.datetime.combine(day, begin), dt.datetime.combine(last_day, end)))
    return spans
