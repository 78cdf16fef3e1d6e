"""Peak hours: edges, weekends, holidays, nights, long intervals."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._pricing import Clock, PriceUnknown, is_running, run_between

BEIJING = dt.timezone(dt.timedelta(hours=8))


def when(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("instant", "runs"),
    [
        ("2026-11-23T08:59:59.999999", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T11:59:59.999999", True),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T13:59:59.999999", False),
        ("2026-11-23T14:00:00", True),
        ("2026-11-23T17:59:59.999999", True),
        ("2026-11-23T18:00:00", False),
        ("2026-11-27T10:00:00", True),  # Friday
        ("2026-11-28T10:00:00", False),  # Saturday
        ("2026-11-29T10:00:00", False),  # Sunday
        ("2026-10-01T10:00:00", False),  # National Day, a Thursday
        ("2026-10-10T10:00:00", False),  # a Saturday on which people work
        ("2026-12-31T10:00:00", True),  # the last day whose holidays are known
        ("2027-01-01T10:00:00", None),  # Friday; nobody has said yet whether it is a holiday
        ("2027-01-01T13:00:00", False),  # not in peak hours, holiday or not
        ("2027-01-02T10:00:00", False),  # Saturday, holiday or not
    ],
)
def test_peak_hours_of_a_vendor(peak, instant: str, runs: bool | None) -> None:
    """Start inclusive, end exclusive, weekdays only, not on holidays."""
    assert is_running(peak["peak"], when(instant)) is runs
    assert is_running(peak["peak"], when(instant).astimezone(dt.UTC)) is runs


def test_without_a_holiday_calendar_there_are_no_holidays() -> None:
    """The clock then runs by weekday alone."""
    assert is_running(Clock("UTC"), dt.datetime(2050, 1, 1, tzinfo=dt.UTC)) is True


@pytest.mark.parametrize(
    ("instant", "runs"),
    [
        ("2026-11-23T21:59:59", False),  # Monday
        ("2026-11-23T22:00:00", True),
        ("2026-11-23T23:59:59.999999", True),
        ("2026-11-24T00:00:00", True),
        ("2026-11-24T05:59:59", True),
        ("2026-11-24T06:00:00", False),
        ("2026-11-28T03:00:00", True),  # Saturday morning still belongs to Friday
        ("2026-11-30T03:00:00", False),  # Monday morning belongs to Sunday
    ],
)
def test_a_span_over_midnight_belongs_to_the_day_it_began(instant: str, runs: bool) -> None:
    """Night hours from Monday to Friday."""
    night = Clock("Asia/Shanghai", frozenset(range(5)), ((dt.time(22), dt.time(6)),))
    assert is_running(night, when(instant)) is runs
    assert run_between(night, when(instant), when(instant)) == (runs, runs)


def test_an_end_at_midnight_is_the_end_of_the_day() -> None:
    """18:00 to 00:00 lasts six hours."""
    evening = Clock("Asia/Shanghai", spans=((dt.time(18), dt.time(0)),))
    assert is_running(evening, when("2026-11-23T23:59:59.999999")) is True
    assert is_running(evening, when("2026-11-24T00:00:00")) is False


def test_a_known_span_wins_over_an_unknown_one() -> None:
    """The evening of the last known day runs on into a day that may be a holiday."""
    clock = Clock(
        "Asia/Shanghai",
        spans=((dt.time(22), dt.time(6)), (dt.time(0), dt.time(12))),
        holidays_known_until=dt.date(2026, 12, 31),
    )
    assert is_running(clock, when("2027-01-01T03:00:00")) is True
    assert is_running(clock, when("2027-01-01T07:00:00")) is None


@pytest.mark.parametrize(
    ("start", "end", "ever", "always"),
    [
        ("2026-11-23T08:00:00", "2026-11-23T08:59:59.999999", False, False),
        ("2026-11-23T08:00:00", "2026-11-23T09:00:00", True, False),
        ("2026-11-23T09:00:00", "2026-11-23T11:59:59", True, True),
        ("2026-11-23T09:00:00", "2026-11-23T12:00:00", True, False),
        ("2026-11-23T12:00:00", "2026-11-23T13:59:59", False, False),
        ("2026-11-23T11:00:00", "2026-11-23T15:00:00", True, False),
        ("2026-11-27T18:00:00", "2026-11-30T08:59:59", False, False),  # a weekend
        ("2026-11-27T18:00:00", "2026-11-30T09:00:00", True, False),
        ("2026-10-01T00:00:00", "2026-10-02T23:59:59", False, False),  # holidays
        ("2027-01-01T09:00:00", "2027-01-01T10:00:00", True, False),  # perhaps a holiday
        ("2026-10-01T18:00:00", "2026-10-20T18:00:00", True, False),  # longer than a week: not looked into
    ],
)
def test_an_interval_is_searched(peak, start: str, end: str, ever: bool, always: bool) -> None:
    """Both of its ends included."""
    assert run_between(peak["peak"], when(start), when(end)) == (ever, always)


def test_a_change_of_the_zones_offset_is_not_looked_into() -> None:
    """New York, the night its summer time ends."""
    clock = Clock("America/New_York", spans=((dt.time(12), dt.time(13)),))
    start = dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)
    assert run_between(clock, start, start + dt.timedelta(hours=4)) == (True, False)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_a_zone_that_is_not_known_has_no_answer(zone: str) -> None:
    """A computer without a time-zone database says so."""
    with pytest.raises(PriceUnknown, match="install the tzdata package"):
        is_running(Clock(zone), when("2026-11-23T09:00:00"))


TIMES = st.sampled_from([dt.time(hour, minute) for hour in (0, 6, 9, 18, 23) for minute in (0, 30)])
MOMENTS = st.timedeltas(dt.timedelta(0), dt.timedelta(days=120)).map(
    lambda later: dt.datetime(2026, 9, 20, tzinfo=BEIJING) + later
)


@given(
    st.builds(
        Clock,
        zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
        weekdays=st.frozensets(st.integers(0, 6)),
        spans=st.lists(st.tuples(TIMES, TIMES), max_size=3).map(tuple),
        holidays=st.frozensets(st.dates(dt.date(2026, 9, 20), dt.date(2027, 1, 20)), max_size=30),
        holidays_known_until=st.none() | st.just(dt.date(2026, 12, 31)),
    ),
    MOMENTS,
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=10)),
    st.fractions(0, 1),
)
def test_what_an_interval_says_holds_at_each_of_its_instants(clock, start, length, share) -> None:
    """Never where an instant runs; surely only where every instant does."""
    ever, always = run_between(clock, start, start + length)
    state = is_running(clock, start + length * float(share))
    assert state is False or ever
    assert state is True or not always
