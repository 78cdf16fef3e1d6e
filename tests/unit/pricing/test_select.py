"""Which row is in force: dates, gaps, regions."""

from __future__ import annotations

import datetime as dt

import pytest

from minimill._pricing import PriceUnknown, _select, find_rows, rows_at, rows_between
from minimill._pricing._select import one_currency


def when(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_a_row_begins_and_ends_at_an_instant_of_the_vendors_zone(make) -> None:
    """Midnight in Beijing is 16:00 the day before in UTC."""
    old = make.row(since="2026-01-01T00:00:00+08:00")
    new = make.row(since="2026-09-10T00:00:00+08:00")
    assert rows_at([old, new], when("2026-09-09T15:59:59.999999+00:00")) == (old,)
    assert rows_at([old, new], when("2026-09-09T16:00:00+00:00")) == (new,)
    assert rows_at([new, old], when("2026-09-10T00:00:00+08:00")) == (new,)


def test_the_newest_beginning_wins(make) -> None:
    """Where rows overlap, also by their own `until`."""
    general = make.row(since="2026-01-01T00:00:00+08:00", until="2026-12-01T00:00:00+08:00")
    campaign = make.row(since="2026-06-01T00:00:00+08:00", until="2026-07-01T00:00:00+08:00", promotion=True)
    assert rows_at([general, campaign], when("2026-06-15T00:00:00+08:00")) == (campaign,)
    assert rows_at([general, campaign], when("2026-07-01T00:00:00+08:00")) == (general,)


def test_a_row_without_an_end_ends_where_the_next_begins(make) -> None:
    """Even where that one has ended: what came after it must be said."""
    general = make.row()
    campaign = make.row(since="2026-06-01T00:00:00+08:00", until="2026-07-01T00:00:00+08:00")
    assert find_rows([general, campaign], when("2026-07-01T00:00:00+08:00")) == ()
    with pytest.raises(PriceUnknown, match=r"its last price ended 2026-07-01T00:00:00\+08:00"):
        rows_at([general, campaign], when("2026-07-02T00:00:00+08:00"))


def test_rows_that_begin_together_all_count(make) -> None:
    """The dearest of them decides."""
    one, other = make.row(), make.row(currency="USD")
    assert rows_at([one, other], when("2026-02-01T00:00:00+08:00")) == (one, other)


def test_before_the_first_row_there_is_no_price(make) -> None:
    """The words say when it begins."""
    with pytest.raises(PriceUnknown, match=r"first price begins 2026-01-01T00:00:00\+08:00, after 2025"):
        rows_at([make.row()], when("2025-12-31T23:59:59+08:00"))


def test_a_model_without_rows_has_no_price() -> None:
    """Not zero."""
    with pytest.raises(PriceUnknown, match="no price row"):
        rows_at([], when("2026-01-01T00:00:00+08:00"))


def test_a_row_for_the_region_wins_over_one_for_all(make) -> None:
    """Whichever is newer."""
    general = make.row(since="2026-05-01T00:00:00+08:00")
    local = make.row(since="2026-01-01T00:00:00+08:00", regions=frozenset({"us"}))
    rows = [general, local]
    assert rows_at(rows, when("2026-06-01T00:00:00+08:00"), "us") == (local,)
    assert rows_at(rows, when("2026-06-01T00:00:00+08:00"), "cn") == (general,)
    assert rows_at(rows, when("2026-06-01T00:00:00+08:00")) == (general, local)


def test_a_region_without_rows_has_no_price(make) -> None:
    """The words name the regions that have one."""
    rows = [make.row(regions=frozenset({"us", "eu"}))]
    with pytest.raises(PriceUnknown, match=r"no price row for region 'cn' \(there are rows for eu, us\)"):
        rows_at(rows, when("2026-06-01T00:00:00+08:00"), "cn")


def test_every_row_of_an_interval_counts(make) -> None:
    """Beginnings inside it, its very end included."""
    first, second, third = (make.row(since=f"2026-0{month}-01T00:00:00+08:00") for month in (1, 2, 3))
    rows = [first, second, third]
    assert rows_between(rows, when("2026-01-10T00:00:00+08:00"), when("2026-01-31T23:59:59+08:00")) == (
        first,
    )
    assert rows_between(rows, when("2026-01-10T00:00:00+08:00"), when("2026-02-01T00:00:00+08:00")) == (
        first,
        second,
    )
    assert rows_between(rows, when("2026-01-10T00:00:00+08:00"), when("2026-04-01T00:00:00+08:00")) == (
        first,
        second,
        third,
    )


def test_a_gap_in_the_interval_has_no_price(make) -> None:
    """Unless the price is that of the request, and the row was in force then."""
    start, end = when("2026-06-30T23:59:00+08:00"), when("2026-07-01T00:09:00+08:00")
    unknown = make.row(until="2026-07-01T00:00:00+08:00")
    with pytest.raises(PriceUnknown, match="its last price ended"):
        rows_between([unknown], start, end)
    by_request = make.row(until="2026-07-01T00:00:00+08:00", priced_at="request")
    assert rows_between([by_request], start, end) == (by_request,)
    with pytest.raises(PriceUnknown, match="its last price ended"):
        rows_between([by_request], end, end)


def test_rows_in_two_currencies_have_no_dearest(make) -> None:
    """That would need a rate."""
    assert one_currency([make.row(), make.row()]) == "CNY"
    with pytest.raises(PriceUnknown, match="rows in CNY and USD may both apply") as caught:
        one_currency([make.row(currency="USD"), make.row()])
    assert caught.value.reason == str(caught.value)


def test_many_models_are_looked_up_without_being_kept_for_ever(make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked up is kept for so many models, then begun anew; the answers stay the same."""
    monkeypatch.setattr(_select, "_MOST_SPANS", 3)
    monkeypatch.setattr(_select, "_spans", {})
    books = [(make.row(),) for _ in range(8)]
    for rows in [*books, *books]:
        assert rows_at(rows, when("2026-09-09T00:00:00+08:00")) == rows
        assert len(_select._spans) <= 3
