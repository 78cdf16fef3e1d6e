"""Which budgets a call debits, and by how much in each budget's currency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from minimill._client._context import Labels
from minimill._errors import BudgetExceededError, ConfigError, UnpricedModelError
from minimill._money import Money
from minimill._pricing import Exchange
from minimill._report import Attempt
from minimill._routing import Candidate
from minimill._values import dataclass
from minimill.catalog import Offer
from minimill.ledger import NO_KEY, BudgetDefinition, Claim


@dataclass(frozen=True, slots=True)
class Debit:
    """One budget that an attempt counts against."""

    budget: BudgetDefinition
    key: str


@dataclass(frozen=True, slots=True)
class Converted:
    """One amount in the currencies of several budgets."""

    nanos: Mapping[str, int | None]
    """By budget name; None: unknown."""
    rates: tuple[str, ...]
    """The exchange rates used, in words."""


class Budgets:
    """The budgets of one client."""

    def __init__(
        self,
        definitions: Sequence[BudgetDefinition],
        exchange: Exchange,
        *,
        require: bool,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`aliases` are the configuration's; a scope may name a model by one."""
        self.definitions = tuple(definitions)
        self._aliases = aliases
        self._exchange = exchange
        self._require = require

    def adopt(self, known: Sequence[BudgetDefinition]) -> None:
        """Obey budgets that others declared in the same ledger as well: a cap holds for whoever spends there."""
        own = {budget.name for budget in self.definitions}
        self.definitions += tuple(budget for budget in known if budget.name not in own)

    def debits(self, offer: Offer, labels: Labels, route: str | None) -> tuple[Debit, ...]:
        """The budgets that cover a call of this offer.

        Raises:
            BudgetExceededError: budgets exist and none covers the call, and the configuration does not
                say `require_budget = false`.
        """
        if not self.definitions:
            return ()
        words = scope_words(offer, labels, route)
        found = tuple(
            Debit(budget, _key(budget, words))
            for budget in self.definitions
            if self._covers(budget, words, offer)
        )
        if not found and self._require:
            raise BudgetExceededError(
                f"no budget covers this call (app {labels.app!r}, {offer.name}); add one, or set "
                "require_budget = false to let uncovered calls through"
            )
        return found

    def _covers(self, budget: BudgetDefinition, words: Mapping[str, str], offer: Offer) -> bool:
        for key, wanted in budget.scope.items():
            if key == "model":
                if not is_named(self._aliases.get(wanted, wanted), offer):
                    return False
            elif words.get(key) != wanted:
                return False
        return True

    def convert(self, amount: Money, debits: Sequence[Debit], on: dt.date) -> Converted:
        """`amount` in each budget's currency.

        Raises:
            ConfigError: no exchange rate is known, or it is too old.
        """
        nanos: dict[str, int | None] = {}
        words: list[str] = []
        for debit in debits:
            budget = debit.budget
            if amount.currency == budget.currency or not amount.nanos:
                nanos[budget.name] = amount.nanos
                continue
            converted = self._exchange.convert(amount, budget.currency, on=on)
            nanos[budget.name] = converted.money.nanos
            words.append(str(converted))
        return Converted(nanos, tuple(dict.fromkeys(words)))

    def check_max_cost(
        self, most: Money, attempts: Sequence[Attempt], candidate: Candidate, on: dt.date
    ) -> None:
        """Refuse an attempt that could lift its call above `most`.

        Raises:
            BudgetExceededError: what the call has cost so far and this ceiling together pass `most`.
            UnpricedModelError: one of the two is unknown.
        """
        spent = Money.zero(most.currency)
        offer = candidate.offer
        try:
            for attempt in attempts:
                spent += self.in_currency(attempt.charged, most.currency, on)
            ceiling = None if candidate.ceiling is None else candidate.ceiling.money
            needed = self.in_currency(ceiling, most.currency, on)
        except ConfigError as error:
            raise UnpricedModelError(
                f"{offer.name}: max_cost needs a known cost: {candidate.unpriced or error.message}",
                provider=offer.provider.id,
                model=offer.wire_model,
            ) from error
        if spent + needed > most:
            raise BudgetExceededError(
                f"{offer.name} can cost {needed}, and max_cost {most} has {most - spent} left",
                budget="max_cost",
                limit=most,
                settled=spent,
                held=Money.zero(most.currency),
                needed=needed,
            )

    def in_currency(self, amount: Money | None, currency: str, on: dt.date) -> Money:
        """`amount` in another currency. Raises ConfigError: it is unknown, or there is no usable rate."""
        if amount is None:
            raise ConfigError("the cost is unknown")
        if amount.currency == currency or not amount.nanos:
            return Money(amount.nanos, currency)
        return self._exchange.convert(amount, currency, on=on).money

    def claims(
        self, ceiling: Money | None, why: str | None, debits: Sequence[Debit], offer: Offer, on: dt.date
    ) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
        """What to reserve for one attempt, and the exchange rates used.

        Raises:
            UnpricedModelError: the ceiling is unknown (`why` says so) and one of the budgets is hard.
        """
        if ceiling is None:
            hard = next((debit.budget.name for debit in debits if debit.budget.hard), None)
            if hard is not None:
                raise UnpricedModelError(
                    f"{offer.name}: {why}; the hard budget {hard!r} refuses what it cannot bound",
                    provider=offer.provider.id,
                    model=offer.wire_model,
                )
            return tuple(Claim(debit.budget.name, debit.key, None) for debit in debits), ()
        try:
            converted = self.convert(ceiling, debits, on)
        except ConfigError as error:
            raise UnpricedModelError(
                f"{offer.name}: {error.message}", provider=offer.provider.id, model=offer.wire_model
            ) from error
        claims = tuple(Claim(d.budget.name, d.key, converted.nanos[d.budget.name]) for d in debits)
        return claims, converted.rates


def scope_words(offer: Offer, labels: Labels, route: str | None) -> dict[str, str]:
    """What a budget's scope and `by` are compared with."""
    words = dict(labels.tags)
    if labels.app is not None:
        words["app"] = labels.app
    if route is not None:
        words["route"] = route
    words["provider"] = offer.provider.id
    words["model"] = offer.name
    return words


def is_named(wanted: str, offer: Offer) -> bool:
    """Whether the model that a scope names is this one: with its provider or bare, as it is sent, as it is priced,
    or by another name of the provider's for it."""
    provider, known = offer.provider, (offer.wire_model, offer.model.id)
    bare = wanted[len(provider.id) + 1 :] if wanted.startswith((f"{provider.id}:", f"{provider.id}/")) else ""
    return any(name in known or provider.names.get(name) == offer.model.id for name in (wanted, bare) if name)


def _key(budget: BudgetDefinition, words: Mapping[str, str]) -> str:
    return "" if budget.by is None else words.get(budget.by, NO_KEY)
