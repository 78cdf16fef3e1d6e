"""The books added up: attempts by who asked, who answered and when, and what each group came to.

Amounts of different currencies are never added: a group has one line for each. It may import `ledger`,
`_money` and `_errors`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from minimill._money import Money
from minimill._values import dataclass
from minimill.ledger import AttemptRecord, SpendRow

DIMENSIONS = ("app", "route", "provider", "model", "day", "month", "status")
"""What attempts can be grouped by, beside `tag:NAME`."""
NOTHING = "(none)"
"""Stands for a missing app, route or tag."""

_TIMES = {"day": "%Y-%m-%d", "month": "%Y-%m"}
_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of several attempts, of which some may not have said how many they used."""

    known: int = 0
    """The sum over those that said."""
    unknown: int = 0
    """How many did not say: the sum is then "at least"."""
    told: int = 0
    """How many said, or were not billed."""


@dataclass(frozen=True, slots=True)
class SpendGroup:
    """What the attempts of one group, charged in one currency, came to. Amounts are nanos of it."""

    keys: tuple[str, ...]
    """One value for each thing it is grouped by."""
    currency: str | None
    """None: of these attempts no currency is known."""
    calls: int
    """Calls that made at least one of these attempts."""
    attempts: int
    input_tokens: Tokens
    """All input, cached included."""
    cached_input_tokens: Tokens
    output_tokens: Tokens
    """All output, reasoning included."""
    reasoning_tokens: Tokens
    charged_nanos: int
    """What counts as spent, corrections included."""
    held_nanos: int
    """The part whose outcome is unknown: whole holds that stand."""
    estimated_nanos: int
    """The part in which something took the dearer reading."""
    corrected_nanos: int
    """What corrections added (or, negative, took away)."""
    unpriced: int
    """Attempts of unknown cost: the charge is then "at least"."""

    @property
    def charged(self) -> Money | None:
        """What counts as spent as far as it is known; None: nothing of it is."""
        if self.currency is None or (self.unpriced == self.attempts and not self.charged_nanos):
            return None
        return Money(self.charged_nanos, self.currency)


def group_spend(
    rows: Iterable[SpendRow], by: Sequence[str] = (), *, zone: dt.tzinfo | None = None
) -> list[SpendGroup]:
    """Add up attempts by one or more of `DIMENSIONS` and `tag:NAME`; by nothing: the totals.

    Sorted by the leading keys, then by time if the last key is one, else by charge, dearest first.

    Args:
        rows: What `Ledger.records` returned.
        by: Keys, the first is the outermost.
        zone: Where days and months begin; None: this computer's time zone.

    Raises:
        ValueError: nothing can be grouped by one of the words.
    """
    for word in by:
        if not is_dimension(word):
            raise ValueError(f"attempts are grouped by {', '.join(DIMENSIONS)} or tag:NAME, not by {word!r}")
    found: dict[tuple[tuple[str, ...], str | None], list[SpendRow]] = {}
    for row in rows:
        keys = tuple(key_of(row.record, word, zone) for word in by)
        found.setdefault((keys, row.record.currency), []).append(row)
    groups = [_group(keys, currency, members) for (keys, currency), members in found.items()]
    by_time = bool(by) and by[-1] in _TIMES
    return sorted(groups, key=lambda group: _order(group, by_time))


def is_dimension(word: str) -> bool:
    """Whether attempts can be grouped by this word."""
    return word in DIMENSIONS or (word.startswith("tag:") and len(word) > len("tag:"))


def key_of(record: AttemptRecord, word: str, zone: dt.tzinfo | None = None) -> str:
    """The value that an attempt is grouped under."""
    meta = record.meta
    if word in _TIMES:
        return record.started_at.astimezone(zone).strftime(_TIMES[word])
    if word == "model":
        return f"{meta.provider}:{meta.model}"
    if word == "status":
        return record.status
    if word.startswith("tag:"):
        return meta.tags.get(word.removeprefix("tag:"), NOTHING)
    return getattr(meta, word) or NOTHING


def charge_of(row: SpendRow) -> Money | None:
    """What an attempt counts as, corrections included; None: its cost, or its currency, is unknown."""
    nanos = _charged_nanos(row)
    return None if nanos is None or row.record.currency is None else Money(nanos, row.record.currency)


def certainty_of(row: SpendRow) -> str:
    """The record's certainty; `corrected` once a correction took its place."""
    freed = bool(row.lines) and not any(line.held_nanos for line in row.lines)
    corrected = row.corrected_nanos != 0 or (
        row.record.certainty == "held" and freed and bool(_reserved(row))
    )
    return "corrected" if corrected else row.record.certainty


def _reserved(row: SpendRow) -> int:
    return sum(line.reserved_nanos or 0 for line in row.lines)


def _charged_nanos(row: SpendRow) -> int | None:
    charged = row.record.charged_nanos
    if charged is None and row.record.certainty == "released":
        charged = 0
    if charged is None:
        return row.corrected_nanos or None
    return charged + row.corrected_nanos


def _group(keys: tuple[str, ...], currency: str | None, rows: Sequence[SpendRow]) -> SpendGroup:
    charges = [(_charged_nanos(row), certainty_of(row)) for row in rows]
    counts = {name: _tokens(rows, name) for name in _COUNTS}
    return SpendGroup(
        keys,
        currency,
        calls=len({row.record.meta.call_id for row in rows}),
        attempts=len(rows),
        **counts,
        charged_nanos=sum(nanos or 0 for nanos, _ in charges),
        held_nanos=sum(nanos or 0 for nanos, certainty in charges if certainty == "held"),
        estimated_nanos=sum(nanos or 0 for nanos, certainty in charges if certainty == "estimated"),
        corrected_nanos=sum(row.corrected_nanos for row in rows),
        unpriced=sum(nanos is None for nanos, _ in charges),
    )


def _tokens(rows: Sequence[SpendRow], name: str) -> Tokens:
    values = [_count(row.record, name) for row in rows]
    known = [value for value in values if value is not None]
    return Tokens(sum(known), len(values) - len(known), len(known))


def _count(record: AttemptRecord, name: str) -> int | None:
    value: int | None = getattr(record, name)
    return 0 if value is None and record.certainty == "released" else value


def _order(group: SpendGroup, by_time: bool) -> tuple[object, ...]:
    currency = (group.currency is None, group.currency or "")
    if by_time:
        return (*group.keys, currency)
    return (*group.keys[:-1], currency, -group.charged_nanos, *group.keys[-1:])
