"""Which window an instant lies in, on the days when clocks change too."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest

from minimill import ConfigError
from minimill.ledger._windows import calendar, to_us

CASES = {
    "a day in China": ("day", "Asia/Shanghai", "2026-11-24T15:59:59Z", "2026-11-24", "2026-11-25T00:00+08:00"),
    "the next one": ("day", "Asia/Shanghai", "2026-11-24T16:00:00Z", "2026-11-25", "2026-11-26T00:00+08:00"),
    "a week from Monday": ("week", "UTC", "2026-11-29T23:59:59Z", "2026-11-23", "2026-11-30T00:00+00:00"),
    "over the year": ("week", "UTC", "2027-01-01T00:00:00Z", "2026-12-28", "2027-01-04T00:00+00:00"),
    "a month": ("month", "Asia/Shanghai", "2026-12-31T15:59:59Z", "2026-12", "2027-01-01T00:00+08:00"),
    "February": ("month", "UTC", "2028-02-29T12:00:00Z", "2028-02", "2028-03-01T00:00+00:00"),
    "an hour": ("hour", "UTC", "2026-11-24T12:59:59Z", "2026-11-24T12+00:00", "2026-11-24T13:00+00:00"),
    "in India": ("hour", "Asia/Kolkata", "2026-11-24T12:10:00Z", "2026-11-24T17+05:30", "2026-11-24T18:00+05:30"),
    "of 23 hours": ("day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29", "2026-03-30T00:00+02:00"),
    "of 25 hours": ("day", "Europe/Berlin", "2026-10-25T22:59:00Z", "2026-10-25", "2026-10-26T00:00+01:00"),
    "first 2 h": ("hour", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02+02:00", "2026-10-25T02:00+01:00"),
    "second 2 h": ("hour", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02+01:00", "2026-10-25T03:00+01:00"),
    "no midnight": ("day", "Africa/Cairo", "2024-04-26T12:00:00Z", "2024-04-26", "2024-04-27T00:00+03:00"),
    "before no midnight": ("day", "Africa/Cairo", "2024-04-25T21:59:59Z", "2024-04-25", "2024-04-26T01:00+03:00"),
    "a skipped day": ("day", "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29", "2011-12-31T00:00+14:00"),
    "midnight twice": ("day", "America/Havana", "2026-11-01T05:30:00Z", "2026-11-01", "2026-11-02T00:00-05:00"),
    "back over midnight": ("day", "America/Goose_Bay", "2010-11-07T03:10:00Z", "2010-11-07", "2010-11-08T00:00-04:00"),
    "half an hour back": (
        *("hour", "Australia/Lord_Howe", "2026-04-04T14:50:00Z"),
        *("2026-04-05T01+11:00", "2026-04-05T01:30+10:30"),
    ),
    "half an hour on": (
        *("hour", "Australia/Lord_Howe", "2026-10-03T15:40:00Z"),
        *("2026-10-04T02+11:00", "2026-10-04T03:00+11:00"),
    ),
}
ZONES = ("Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata")


@pytest.mark.parametrize("case", CASES)
def test_window_of_an_instant(case: str) -> None:
    """The id, and the instant at which the next window begins."""
    kind, zone, instant, expected_id, expected_end = CASES[case]
    window = calendar(kind, zone).at(to_us(dt.datetime.fromisoformat(instant)))
    assert window.id == expected_id
    assert window.resets_at is not None
    assert window.resets_at == dt.datetime.fromisoformat(expected_end)
    assert window.resets_at.isoformat(timespec="minutes") == expected_end


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["hour", "day", "week", "month"])
def test_windows_follow_one_another_without_gaps(kind: str, zone: str) -> None:
    """Through a year in steps of 10 minutes each instant has one window, whose id never comes again."""
    asked = calendar(kind, zone)
    seen: dict[str, int] = {}
    last_end = None
    start = to_us(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    for instant in range(start, start + 365 * 86_400_000_000, 600_000_000):
        window = asked.at(instant)
        assert window.start_us <= instant < window.end_us
        if seen.setdefault(window.id, window.end_us) != window.end_us or window.end_us == last_end:
            assert seen[window.id] == window.end_us
            continue
        last_end = window.end_us
    assert len(seen) == len(set(seen.values()))


def test_total_never_ends() -> None:
    """It holds every instant and resets at none."""
    window = calendar("total", "UTC").at(-5)
    assert (window.id, window.resets_at) == ("total", None)


def test_an_unknown_zone_is_named() -> None:
    """The message shows what a zone looks like."""
    with pytest.raises(ConfigError, match=r"'Beijing' is no time zone.*Asia/Shanghai"):
        calendar("day", "Beijing")


def test_the_zones_of_these_tests_exist() -> None:
    """A machine without zone data would skip what matters here."""
    assert {case[1] for case in CASES.values()} - zoneinfo.available_timezones() == set()
