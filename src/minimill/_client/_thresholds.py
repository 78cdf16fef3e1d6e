"""What happens as budgets are used up: thresholds that are told once, and models that no longer serve.

Used is what is settled or unconfirmed; what is in flight may come back. Everything here goes by balances that a
reservation brings along, and awaits nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from minimill._client._budgets import Budgets, Debit, is_named
from minimill._config import Narrowing, Thresholds
from minimill._errors import AboveThresholdError, BudgetExceededError, ConfigError
from minimill._money import Money
from minimill._routing import Candidate, LeftOut, Plan
from minimill._values import dataclass
from minimill.ledger import Balance, BudgetDefinition
from minimill.ledger._windows import calendar, to_us

if TYPE_CHECKING:
    from minimill._client._teller import Teller

PPM = 1_000_000
ACCOUNTS_KEPT = 20_000
"""Accounts whose use is remembered; of more, all are learned anew from the next calls."""


@dataclass(frozen=True, slots=True)
class ThresholdReached:
    """A budget was used up to one of its `thresholds`, for the first time in this window."""

    budget: str
    key: str | None
    """The account inside the budget (the value of its `by` tag), or None."""
    window_id: str
    """Start of the window in its zone (`2026-11-24`, `2026-11`, …), or `total`."""
    share: Decimal
    """The threshold, as a share of the limit: `Decimal("0.8")`."""
    used: Money
    """What is settled or unconfirmed, as far as this process knows. At 100 % it can be less than the limit: a call
    was refused because it did not fit in what is left."""
    limit: Money
    resets_at: dt.datetime | None
    """When the window ends; None for a total."""

    def __str__(self) -> str:
        name = _named(self.budget, self.key)
        until = f"; it begins anew at {self.resets_at.isoformat()}" if self.resets_at else ""
        return f"{name} is used up to {_percent(self.share)}: {self.used} of {self.limit}{until}"


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


class _Use:
    """What this process knows of one account of one window."""

    __slots__ = ("next", "used")

    def __init__(self) -> None:
        self.used = 0
        self.next = 0
        """The place of the threshold that comes next."""


class Watch:
    """Sees thresholds being reached, and has them told."""

    def __init__(
        self, thresholds: Mapping[str, Thresholds], definitions: Iterable[BudgetDefinition], teller: Teller
    ) -> None:
        self._thresholds = {name: one for name, one in thresholds.items() if one.told_ppm}
        self._narrow = {name: one.narrow for name, one in thresholds.items() if one.narrow}
        self._definitions = {definition.name: definition for definition in definitions}
        self._teller = teller
        self._uses: dict[tuple[str, str, str], _Use] = {}
        self._seen: dict[tuple[str, str], Balance] = {}
        """Of budgets that narrow: what was last known of each account."""

    def _use(self, budget: str, key: str, window_id: str) -> _Use:
        found = self._uses.get((budget, key, window_id))
        if found is None:
            if len(self._uses) >= ACCOUNTS_KEPT:
                self._uses.clear()
            found = self._uses[budget, key, window_id] = _Use()
        return found

    def reserved(self, balances: Iterable[Balance]) -> None:
        """A reservation was granted, and these are the balances after it."""
        for balance in balances:
            if balance.budget in self._thresholds:
                use = self._use(balance.budget, balance.key, balance.window_id)
                use.used = _used(balance)
                self._look(use, balance)
            self.saw(balance)

    def settled(self, balances: Iterable[Balance], nanos: Mapping[str, int | None]) -> None:
        """An attempt of these balances was settled at so much."""
        for balance in balances:
            if balance.budget in self._thresholds:
                use = self._use(balance.budget, balance.key, balance.window_id)
                use.used += nanos.get(balance.budget) or 0
                self._look(use, balance)
            known = self._seen.get((balance.budget, balance.key))
            if known is not None and known.window_id == balance.window_id:
                cost = nanos.get(balance.budget) or 0
                self.saw(replace(known, settled_nanos=known.settled_nanos + cost))

    def _look(self, use: _Use, balance: Balance) -> None:
        levels = self._thresholds[balance.budget].told_ppm
        limit = balance.limit_nanos
        while use.next < len(levels) and limit and use.used * PPM >= limit * levels[use.next]:
            place = (balance.budget, balance.key, balance.window_id)
            self._tell(place, levels[use.next], use.used, balance.limit, balance.resets_at)
            use.next += 1

    def refused(self, error: BudgetExceededError) -> None:
        """A budget has too little left for a call: it is as good as used up, if it was well on the way there."""
        levels = self._thresholds.get(error.budget or "")
        definition = self._definitions.get(error.budget or "")
        if levels is None or definition is None or error.provider_silent or not error.limit:
            return
        limit, settled = error.limit.nanos, error.settled.nanos
        due = [level for level in levels.told_ppm if level <= PPM]
        before = due[-2] if len(due) > 1 else PPM // 2
        if settled + error.needed.nanos <= limit or settled * PPM < limit * before or PPM not in due:
            return
        place = (definition.name, error.key or "", _window_id(definition, error.resets_at))
        use = self._use(*place)
        while use.next < len(due):
            self._tell(place, due[use.next], settled, error.limit, error.resets_at)
            use.next += 1

    def _tell(
        self, place: tuple[str, str, str], level_ppm: int, used: int, limit: Money, resets_at: dt.datetime | None
    ) -> None:
        budget, key, window_id = place
        share, money = Decimal(level_ppm) / PPM, Money(used, limit.currency)
        reached = ThresholdReached(budget, key or None, window_id, share, money, limit, resets_at)
        self._teller.tell(reached, level_ppm)

    # -- fewer models ----------------------------------------------------------------------------

    @property
    def narrowing(self) -> tuple[str, ...]:
        """Budgets that leave the choice to fewer models as they are used up."""
        return tuple(self._narrow)

    def saw(self, balance: Balance) -> None:
        """Remember what an account holds, where that decides who may serve."""
        if balance.budget in self._narrow:
            if len(self._seen) >= ACCOUNTS_KEPT:
                self._seen.clear()
            self._seen[balance.budget, balance.key] = balance

    def narrowed(self, plan: Plan, debits: Callable[[Candidate], Iterable[Debit]], budgets: Budgets) -> Plan:
        """The plan with what is known of its budgets: who may not serve any more, and until when the others may."""
        if not self._narrow:
            return plan
        now = dt.datetime.now(dt.UTC)
        found: list[Candidate] = []
        left = list(plan.left_out)
        for candidate in plan.candidates:
            reason, later = self._outlook(candidate, debits(candidate), budgets, now)
            if reason is None:
                found.append(replace(candidate, narrowed=later))
            else:
                left.append(LeftOut(candidate.name, reason))
        return replace(plan, candidates=tuple(found), left_out=tuple(left))

    def _outlook(
        self, candidate: Candidate, debits: Iterable[Debit], budgets: Budgets, now: dt.datetime
    ) -> tuple[str | None, tuple[str, ...]]:
        """Why a candidate may not serve now, and from when on it may not."""
        later = []
        for debit in debits:
            narrowings = self._narrow.get(debit.budget.name, ())
            balance = self._known(debit, now)
            narrowing = None if balance is None else _in_force(narrowings, balance)
            if balance is not None and narrowing is not None and not _serves(narrowing, candidate, budgets, now.date()):
                return _refusal(narrowing, balance, candidate).message, ()
            reached = -1 if narrowing is None else narrowing.above_ppm
            for one in sorted(narrowings, key=lambda one: one.above_ppm):
                if one.above_ppm > reached and not _serves(one, candidate, budgets, now.date()):
                    share = _percent(Decimal(one.above_ppm) / PPM)
                    name = _named(debit.budget.name, debit.key)
                    later.append(f"from {share} of {name} on only {_who(one)} may serve")
                    break
        return None, tuple(later)

    def _known(self, debit: Debit, now: dt.datetime) -> Balance | None:
        """The last balance of an account, if it is of the window that runs."""
        balance = self._seen.get((debit.budget.name, debit.key))
        window = calendar(debit.budget.window, debit.budget.zone).at(to_us(now))
        return balance if balance is not None and balance.window_id == window.id else None

    def check(self, balances: Iterable[Balance], candidate: Candidate, budgets: Budgets, on: dt.date) -> None:
        """Refuse a candidate that may not serve now that budgets are used so far.

        Raises:
            AboveThresholdError: a budget of the call is used up to a threshold of its `narrow`, and the
                candidate is not among those that serve from there on.
        """
        if not self._narrow:
            return
        for balance in balances:
            narrowing = _in_force(self._narrow.get(balance.budget, ()), balance)
            if narrowing is not None and not _serves(narrowing, candidate, budgets, on):
                raise _refusal(narrowing, balance, candidate)


def _used(balance: Balance) -> int:
    return balance.settled_nanos + balance.unconfirmed_nanos


def _window_id(definition: BudgetDefinition, resets_at: dt.datetime | None) -> str:
    if resets_at is None:
        return "total"
    return calendar(definition.window, definition.zone).at(to_us(resets_at) - 1).id


def _in_force(narrowings: Iterable[Narrowing], balance: Balance) -> Narrowing | None:
    """The one with the highest threshold that is reached."""
    reached = [one for one in narrowings if _used(balance) * PPM >= balance.limit_nanos * one.above_ppm]
    return max(reached, key=lambda one: one.above_ppm, default=None)


def _serves(narrowing: Narrowing, candidate: Candidate, budgets: Budgets, on: dt.date) -> bool:
    if narrowing.models:
        return any(is_named(model, candidate.offer) for model in narrowing.models)
    ceiling = candidate.ceiling.money if candidate.ceiling is not None else None
    if ceiling is None:
        return False
    if narrowing.max_cost is None:
        return not ceiling.nanos
    try:
        return budgets.in_currency(ceiling, narrowing.max_cost.currency, on) <= narrowing.max_cost
    except ConfigError:
        return False


def _refusal(narrowing: Narrowing, balance: Balance, candidate: Candidate) -> AboveThresholdError:
    used = Money(_used(balance), balance.currency)
    share = _percent(Decimal(narrowing.above_ppm) / PPM)
    return AboveThresholdError(
        f"{_named(balance.budget, balance.key)} has used {used} of {balance.limit}: above {share} only "
        f"{_who(narrowing)} may serve, and {candidate.offer.name} is not one of them",
        budget=balance.budget,
        key=balance.key or None,
        limit=balance.limit,
        used=used,
        resets_at=balance.resets_at,
    )


def _named(budget: str, key: str | None) -> str:
    return f"budget {budget!r}" + (f" of {key!r}" if key else "")


def _who(narrowing: Narrowing) -> str:
    """The models that still serve, in words."""
    if narrowing.max_cost is not None:
        return f"models that cost at most {narrowing.max_cost} a call"
    return "free models" if narrowing.free else ", ".join(narrowing.models)
