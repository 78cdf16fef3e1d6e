"""Budgets in force: checking definitions, and what happens when two processes declare them differently.

No accounts and no storage. It may import `_money`, `_errors` and its neighbours `_base`, `_windows`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from minimill._errors import ConfigError
from minimill._money import MAX_NANOS, Money, check_currency
from minimill.ledger._base import WINDOWS, BudgetDefinition
from minimill.ledger._windows import Window, calendar, zone_named

PPM = 1_000_000
_SEEN_AT_MOST = 32
_FIXED = ("currency", "window", "zone", "scope", "by")


class Budget:
    """A budget as the ledger applies it."""

    __slots__ = ("calendar", "definition", "hard", "id", "limit", "name", "seen", "share_ppm")

    def __init__(self, id: int, definition: BudgetDefinition, seen: tuple[int, ...]) -> None:
        self.id = id
        self.definition = definition
        self.name = definition.name
        self.limit = definition.limit_nanos
        self.hard = definition.hard
        self.share_ppm = definition.unconfirmed_share_ppm
        self.calendar = calendar(definition.window, definition.zone)
        self.seen = seen
        """Limits that configurations have asked for; one of them asked again changes nothing."""

    @property
    def currency(self) -> str:
        return self.definition.currency

    def window(self, now_us: int) -> Window:
        """The window that holds this instant."""
        return self.calendar.at(now_us)

    @property
    def share(self) -> int | None:
        """The most that may be lost to one vendor; None: all of it."""
        return self.limit * self.share_ppm // PPM if self.share_ppm < PPM else None

    def money(self, nanos: int) -> Money:
        """An amount in the budget's currency."""
        return Money(max(-MAX_NANOS, min(nanos, MAX_NANOS)), self.definition.currency)


def check(definition: BudgetDefinition) -> None:
    """Raise ConfigError unless the definition makes sense."""
    name = definition.name
    if not name or not isinstance(name, str):
        raise ConfigError(f"a budget needs a name, not {name!r}")
    try:
        check_currency(definition.currency)
    except ValueError as error:
        raise ConfigError(f"budget {name!r}: {error}") from None
    if definition.window not in WINDOWS:
        raise ConfigError(f"budget {name!r}: window is one of {', '.join(WINDOWS)}, not {definition.window!r}")
    try:
        zone_named(definition.zone)
    except ConfigError as error:
        raise ConfigError(f"budget {name!r}: {error.message}") from None
    _check_range(name, "limit", definition.limit_nanos, MAX_NANOS)
    _check_range(name, "unconfirmed share", definition.unconfirmed_share_ppm, PPM)


def check_most(definition: BudgetDefinition, most: int, ledger: str) -> None:
    """Raise ConfigError where the limit is more than this ledger can count."""
    if definition.limit_nanos > most:
        asked, at_most = Money(definition.limit_nanos, definition.currency), Money(most, definition.currency)
        raise ConfigError(
            f"budget {definition.name!r}: the limit is {asked}, and {ledger} counts exactly up to {at_most} only"
        )


def _check_range(name: str, what: str, value: int, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ConfigError(f"budget {name!r}: the {what} is a whole number from 0 to {most}, not {value!r}")


def merge(known: Budget, asked: BudgetDefinition) -> tuple[Budget, list[str]]:
    """The budget after another declaration of it, and a sentence for each difference that lost.

    The stricter value wins: the lower limit, hard over soft, the lower share. A limit that a
    configuration asked for before is not news: it does not undo a `set_limit` made since.

    Raises:
        ConfigError: currency, window, zone, scope or `by` differ.
    """
    _check_fixed(known.definition, asked)
    new = asked.limit_nanos not in known.seen
    limit = min(known.limit, asked.limit_nanos) if new else known.limit
    merged = dataclasses.replace(
        known.definition,
        limit_nanos=limit,
        hard=known.hard or asked.hard,
        unconfirmed_share_ppm=min(known.share_ppm, asked.unconfirmed_share_ppm),
    )
    seen = (*known.seen, asked.limit_nanos)[-_SEEN_AT_MOST:] if new else known.seen
    return Budget(known.id, merged, seen), _differences(merged, asked)


def declared(wanted: Iterable[BudgetDefinition], known: Mapping[str, Budget]) -> tuple[list[Budget], list[str]]:
    """Budgets that these declarations make or change, and a sentence for each difference that lost.

    Raises:
        ConfigError: see `merge`. None of them counts then.
    """
    changed: dict[str, Budget] = {}
    said: list[str] = []
    number = max((budget.id for budget in known.values()), default=0)
    for definition in wanted:
        before = changed.get(definition.name) or known.get(definition.name)
        if before is None:
            number += 1
            changed[definition.name] = Budget(number, definition, (definition.limit_nanos,))
            continue
        merged, differences = merge(before, definition)
        said += differences
        if merged.definition != before.definition or merged.seen != before.seen:
            changed[definition.name] = merged
    return list(changed.values()), said


def with_limit(known: Budget, limit_nanos: int) -> Budget:
    """The budget with a limit that was set on purpose."""
    _check_range(known.name, "limit", limit_nanos, MAX_NANOS)
    definition = dataclasses.replace(known.definition, limit_nanos=limit_nanos)
    return Budget(known.id, definition, known.seen)


def _check_fixed(known: BudgetDefinition, asked: BudgetDefinition) -> None:
    for name in _FIXED:
        old, new = getattr(known, name), getattr(asked, name)
        if name == "scope":
            old, new = dict(old), dict(new)
        if old != new:
            raise ConfigError(
                f"budget {asked.name!r}: the ledger knows it with {name} = {old!r}, this configuration says {new!r}; "
                "a budget keeps what it was made with: give the new one another name"
            )


def _differences(merged: BudgetDefinition, asked: BudgetDefinition) -> list[str]:
    said = []
    if asked.limit_nanos != merged.limit_nanos:
        ours, theirs = (Money(n, asked.currency) for n in (asked.limit_nanos, merged.limit_nanos))
        said.append(
            f"budget {asked.name!r}: this configuration says {ours}, the ledger's limit is {theirs}, and that holds; "
            f"to change it: minimill budget set-limit {asked.name} {ours.amount.normalize():f}"
        )
    if asked.hard != merged.hard:
        said.append(f"budget {asked.name!r}: soft here, but another process made it hard, and that holds")
    if asked.unconfirmed_share_ppm != merged.unconfirmed_share_ppm:
        ours_pct, theirs_pct = asked.unconfirmed_share_ppm / 10_000, merged.unconfirmed_share_ppm / 10_000
        said.append(
            f"budget {asked.name!r}: this configuration lets {ours_pct:g} % be out with one vendor, "
            f"another process {theirs_pct:g} %, and the lower holds"
        )
    return said
