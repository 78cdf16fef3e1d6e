"""What it costs to keep an explicit cache, which vendors bill by the hour and outside of calls.

It may import `_money` and the rest of this package.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from minimill._money import Money
from minimill._values import dataclass

from ._cost import Bucket, items_of, whole_nanos
from ._rows import PriceRow
from ._select import PriceUnknown, one_currency, rows_between
from ._sheet import Cell, token_cell

_HOUR = dt.timedelta(hours=1)
_INSTANT = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class StorageCharge:
    """What keeping an explicit cache costs."""

    money: Money
    """The sum of the buckets, rounded up once to a whole nano."""
    buckets: tuple[Bucket, ...]
    """One for each price that came up: tokens × hours at the price of a million tokens and an hour."""
    exact: bool
    """False where an hour was only begun, or more than one price may hold in it: the dearer reading."""


def storage_cost(
    tokens: int, rows: Sequence[PriceRow], begin: dt.datetime, end: dt.datetime, *, region: str | None = None
) -> StorageCharge:
    """Return what it costs to keep `tokens` in an explicit cache from `begin` to `end`.

    Vendors name a price per hour and not what part of an hour costs: one that was begun counts as whole.
    Each hour is charged at the dearest price that can hold in it.

    Args:
        tokens: How many are kept.
        rows: Every price row of the model.
        begin: When the cache was made, aware.
        end: When it ended, or will.
        region: The endpoint that keeps it.

    Raises:
        PriceUnknown: No row is in force, or the row says nothing about storage.
        ValueError: `end` lies before `begin`, or there are fewer than no tokens.
    """
    if end < begin or tokens < 0:
        raise ValueError(f"a cache of {tokens} tokens cannot be kept from {begin} to {end}")
    hours: dict[Cell, int] = {}
    currencies: dict[str, PriceRow] = {}
    exact, start = (end - begin) % _HOUR == dt.timedelta(0), begin
    while start < end or not currencies:
        last = max(start, min(start + _HOUR, end) - _INSTANT)
        held = rows_between(rows, start, last, region)
        currencies.update((row.currency, row) for row in held)
        prices = {cell for row in held for cell in _cells(row)}
        dearest = max(prices, key=lambda cell: cell.fine)
        exact = exact and len(prices) == 1
        hours[dearest] = hours.get(dearest, 0) + (start < end)
        start += _HOUR
    fine = sum(cell.fine * tokens * count for cell, count in hours.items())
    items = items_of((cell, tokens * count) for cell, count in hours.items())
    money = whole_nanos(fine, one_currency(currencies.values()))
    return StorageCharge(money, tuple(Bucket(*item) for item in items), exact)


def _cells(row: PriceRow) -> list[Cell]:
    """Every price of storage that the row states; which of its tiers a cache falls under is not told."""
    if row.free:
        return [token_cell("cache_storage", Decimal(0))]
    stated = [rates.cache_storage_per_mtok_hour for rates in (row.rates, *(tier.rates for tier in row.tiers))]
    cells = [token_cell("cache_storage", price) for price in stated if price is not None]
    if not cells:
        raise PriceUnknown("its price row has no price for keeping a cache")
    return cells
