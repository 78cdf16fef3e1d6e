"""Which price rows are in force: by instant and region.

No arithmetic and no tiers; those are `_sheet`, `_cost` and `_ceiling`. It may import `_rows` only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ._rows import PriceRow

_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
_MOST_SPANS = 4_096


class PriceUnknown(Exception):
    """What something costs cannot be told. It is not zero.

    Raised inside minimill; whoever holds money for the call keeps the hold.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """Why, in words, starting in lower case."""


def find_rows(
    rows: Sequence[PriceRow], instant: dt.datetime, region: str | None = None
) -> tuple[PriceRow, ...]:
    """Return the row in force at `instant`, or nothing.

    A row that names the region wins over one for all regions; then the newest `since` wins. A row
    without `until` ends where the next one for the same regions begins, even if that one has ended.
    More than one row comes back where they begin together, or where rows differ by region and
    `region` is None: the dearest of them counts.
    """
    return _span(rows, instant, region).found


class _Span(NamedTuple):
    """The answer for every instant from `since` up to, not including, `until`."""

    rows: Sequence[PriceRow]
    since: dt.datetime
    until: dt.datetime
    found: tuple[PriceRow, ...]


_spans: dict[tuple[int, str | None], _Span] = {}
"""By the identity of the rows, and region: the span that was asked for last."""


def _span(rows: Sequence[PriceRow], instant: dt.datetime, region: str | None) -> _Span:
    key = (id(rows), region)
    known = _spans.get(key)
    if known is not None and known.rows is rows and known.since <= instant < known.until:
        return known
    changes = _changes(rows)
    since = max((at for at in changes if at <= instant), default=_FIRST)
    until = min((at for at in changes if at > instant), default=_LAST)
    found = _Span(rows, since, until, _find(rows, instant, region))
    if isinstance(rows, tuple):  # a list may be changed
        if len(_spans) >= _MOST_SPANS:
            _spans.clear()
        _spans[key] = found
    return found


def _changes(rows: Sequence[PriceRow]) -> set[dt.datetime]:
    """Every instant at which a row begins or ends, in UTC, which compares fastest."""
    return {at.astimezone(dt.UTC) for row in rows for at in (row.since, row.until) if at is not None}


def _find(rows: Sequence[PriceRow], instant: dt.datetime, region: str | None) -> tuple[PriceRow, ...]:
    if len(rows) == 1 and not rows[0].regions:
        return _in_force(rows, instant)
    if region is None:
        named = sorted({name for row in rows for name in row.regions})
        if named:
            found = [row for name in [None, *named] for row in _for_region(rows, instant, name)]
            return tuple({id(row): row for row in found}.values())
    return _for_region(rows, instant, region)


def rows_at(
    rows: Sequence[PriceRow], instant: dt.datetime, region: str | None = None
) -> tuple[PriceRow, ...]:
    """Like `find_rows`, but never empty.

    Raises:
        PriceUnknown: No row is in force; the reason says what lies nearest.
    """
    found = find_rows(rows, instant, region)
    if not found:
        raise PriceUnknown(_why_none(rows, instant, region))
    return found


def rows_between(
    rows: Sequence[PriceRow], start: dt.datetime, end: dt.datetime, region: str | None = None
) -> tuple[PriceRow, ...]:
    """Return every row in force at some instant from `start` to `end` (inclusive).

    A gap after `start` matters only where a call that began before it can be priced inside it: a
    row with `priced_at = "request"` may simply end.

    Raises:
        PriceUnknown: There is an instant without a row that can decide the price.
    """
    span = _span(rows, start, region)
    if span.found and end < span.until:
        return span.found
    first = rows_at(rows, start, region)
    changes = {at for at in _changes(rows) if start < at <= end}
    by_request = all(row.priced_at == "request" for row in first)
    find = find_rows if by_request else rows_at
    found = [*first, *(row for at in sorted(changes) for row in find(rows, at, region))]
    return tuple({id(row): row for row in found}.values())


def one_currency(rows: Iterable[PriceRow]) -> str:
    """Return the currency that all `rows` share.

    Raises:
        PriceUnknown: They differ, so that the dearest cannot be told.
    """
    currencies = sorted({row.currency for row in rows})
    if len(currencies) > 1:
        raise PriceUnknown(
            f"rows in {' and '.join(currencies)} may both apply (region or price date), "
            "and which is dearer cannot be told without a rate"
        )
    return currencies[0]


def _for_region(rows: Sequence[PriceRow], instant: dt.datetime, region: str | None) -> tuple[PriceRow, ...]:
    if region is not None:
        specific = _in_force([row for row in rows if region in row.regions], instant)
        if specific:
            return specific
    return _in_force([row for row in rows if not row.regions], instant)


def _in_force(rows: Sequence[PriceRow], instant: dt.datetime) -> tuple[PriceRow, ...]:
    begun = [row for row in rows if row.since <= instant]
    if not begun:
        return ()
    newest = max(row.since for row in begun)
    running = [row for row in begun if (row.since == newest if row.until is None else instant < row.until)]
    if len(running) > 1:
        latest = max(row.since for row in running)
        running = [row for row in running if row.since == latest]
    return tuple(running)


def _why_none(rows: Sequence[PriceRow], instant: dt.datetime, region: str | None) -> str:
    if not rows:
        return "it has no price row"
    mine = [row for row in rows if region is None or not row.regions or region in row.regions]
    if not mine:
        regions = ", ".join(sorted({name for row in rows for name in row.regions}))
        return f"it has no price row for region {region!r} (there are rows for {regions})"
    first = min(row.since for row in mine)
    if instant < first:
        return f"its first price begins {first.isoformat()}, after {instant.isoformat()}"
    ended = max(row.until for row in mine if row.until is not None and row.until <= instant)
    return f"its last price ended {ended.isoformat()}; no newer row is known at {instant.isoformat()}"
