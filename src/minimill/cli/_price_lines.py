"""Prices as the commands show them: one line a model and region, a typical question, other currencies.

It may import click, `_routing`, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Context, Decimal
from fractions import Fraction

import click

from minimill._chat import ChatRequest, user
from minimill._errors import ConfigError
from minimill._pricing import (
    ANSWER_TOKENS,
    THINKING_TOKENS,
    Exchange,
    PriceRow,
    PriceUnknown,
    Rate,
    Situation,
    cost,
    find_rows,
)
from minimill._routing import will_think
from minimill._usage import Usage
from minimill._values import dataclass
from minimill.catalog import Model, Offer, Provider
from minimill.cli._common import instant
from minimill.cli._models import models_of

TYPICAL_INPUT_TOKENS = 300
"""A short question with its instructions. An assumption, and stated wherever it is used."""
_SHOWN = Context(prec=6)
_YEARS = (2000, 2999)


def moment(text: str) -> dt.datetime:
    """The instant whose prices are meant; a day counts at noon in UTC, which is that day everywhere.

    Raises click.BadParameter.
    """
    if text in ("now", "today"):
        return dt.datetime.now(dt.UTC)
    try:
        meant = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(12), dt.UTC)
    except ValueError:
        try:
            meant = instant(text, dt.UTC, end=False)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--at") from None
    if not _YEARS[0] <= meant.year <= _YEARS[1]:
        raise click.BadParameter(f"expected a year from {_YEARS[0]} to {_YEARS[1]}, found {text!r}", param_hint="--at")
    return meant


def currency_code(text: str) -> str:
    """Three letters, small ones allowed. Raises click.BadParameter."""
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise click.BadParameter(f"a currency has three letters, such as CNY or USD, not {text!r}")
    return text.upper()


def rounded(value: int | Decimal | Fraction) -> Decimal:
    """A number for showing, to six digits."""
    value = Fraction(value)
    return _SHOWN.divide(Decimal(value.numerator), Decimal(value.denominator))


def plain(value: Decimal | None) -> str | None:
    """A price as text, without an exponent."""
    return None if value is None else format(value.normalize(), "f")


class MidRates:
    """Middle rates of one day without margin, for comparing; remembers which were used."""

    def __init__(self, exchange: Exchange, on: dt.date) -> None:
        self._exchange = exchange
        self._on = on
        self._used: dict[Rate, None] = {}

    def factor(self, base: str, quote: str) -> Decimal:
        """How many of `quote` one of `base` is, to six digits.

        A day before the first known rate takes the newest rate that is known today.

        Raises:
            ConfigError: no rate leads from one to the other.
        """
        if base == quote:
            return Decimal(1)
        try:
            legs = self._exchange.find(base, quote, self._on)
        except ConfigError:
            legs = self._exchange.find(base, quote, dt.datetime.now(dt.UTC).date())
        amount, currency = Fraction(1), base
        for rate in legs:
            forward = rate.base == currency
            amount *= Fraction(rate.mid) if forward else 1 / Fraction(rate.mid)
            currency = rate.quote if forward else rate.base
            self._used[rate] = None
        return rounded(amount)

    def words(self) -> list[str]:
        """The rates that were used, with their day and who published them."""
        return [
            f"1 {rate.base} = {rate.mid} {rate.quote} on {rate.date.isoformat()} ({rate.source}), without margin"
            for rate in self._used
        ]


@dataclass(frozen=True, slots=True)
class Question:
    """What is priced as a typical question."""

    input_tokens: int
    output_tokens: int | None
    """Thinking included; None: a usual answer, with usual thinking where the model thinks by itself."""

    def output_of(self, thinks: bool) -> tuple[int, int]:
        """Output tokens in all, and how many of them are thinking."""
        if self.output_tokens is not None:
            return self.output_tokens, 0
        thinking = THINKING_TOKENS if thinks else 0
        return ANSWER_TOKENS + thinking, thinking

    def words(self) -> str:
        """What it is, in words."""
        head = f"{self.input_tokens:,} tokens of input"
        if self.output_tokens is not None:
            return f"{head}, {self.output_tokens:,} of output"
        more = f"{THINKING_TOKENS:,} more where the model thinks unless told otherwise"
        return f"{head}, {ANSWER_TOKENS:,} of output and {more}"


@dataclass(frozen=True, slots=True)
class Line:
    """One model in one region."""

    name: str
    provider: str
    region: str | None
    row: PriceRow
    currency: str
    """In which the numbers below are."""
    input: Decimal | None
    cached: Decimal | None
    output: Decimal | None
    answer: Decimal | None
    """What the question costs; None: cannot be told."""
    tokens_in: int
    tokens_out: int
    billed_in: str | None = None
    """The vendor's currency, where the numbers were converted from it."""

    def converted(self, currency: str, rates: MidRates) -> Line:
        """The same in another currency. Raises ConfigError: no rate is known."""
        if currency == self.currency:
            return self
        if self.row.free:
            return replace(self, currency=currency)
        factor = rates.factor(self.currency, currency)

        def turned(value: Decimal | None) -> Decimal | None:
            return None if value is None else rounded(value * factor)

        return replace(
            self,
            currency=currency,
            input=turned(self.input),
            cached=turned(self.cached),
            output=turned(self.output),
            answer=turned(self.answer),
            billed_in=self.currency,
        )

    def by(self, what: str) -> Decimal | None:
        """What to sort by; None: cannot be told."""
        return {"input": self.input, "output": self.output, "answer": self.answer}[what]

    def tokens_per_unit(self) -> int | None:
        """How many tokens of such a question one unit of the currency buys; None: free, or unknown."""
        tokens = self.tokens_in + self.tokens_out
        return int(tokens / self.answer) if self.answer else None

    def price_cells(self) -> list[str]:
        """Input, cached input and output for a table."""
        if self.row.free:
            return ["free", "free", "free"]
        mark = "*" if self.row.tiers else ""
        prices = (self.input, self.cached, self.output)
        return ["unknown" if price is None else f"{plain(price)}{mark}" for price in prices]

    def answer_cell(self) -> str:
        """What the question costs, for a table."""
        if self.row.free:
            return "free"
        return "unknown" if self.answer is None else plain(rounded(self.answer)) or ""

    def tokens_cell(self) -> str:
        """Tokens for one unit of the currency, for a table."""
        tokens = self.tokens_per_unit()
        return "" if tokens is None else f"{tokens:,}"


def lines_of(
    providers: Iterable[Provider], when: dt.datetime, question: Question, *, all_regions: bool
) -> list[Line]:
    """A line for each model that has a price at that time."""
    return [
        line
        for provider in providers
        for model in models_of(provider)
        for region in _regions(provider, all_regions)
        for line in _line(provider, model, region, when, question)
    ]


def _regions(provider: Provider, every: bool) -> list[str | None]:
    return list(provider.regions) if every and provider.regions else [provider.region]


def _line(
    provider: Provider, model: Model, region: str | None, when: dt.datetime, question: Question
) -> Iterator[Line]:
    rows = find_rows(model.rows, when, region)
    if not rows:
        return
    row = max(rows, key=lambda row: row.rates.output_per_mtok or Decimal(0))
    rates = row.rates
    thinks = thinks_by_itself(provider, model)
    tokens_out, thought = question.output_of(thinks)
    usage = Usage(
        question.input_tokens,
        tokens_out,
        cached_input_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=thought,
    )
    zero = Decimal(0) if row.free else None
    cached = rates.input_per_mtok if rates.cached_input_per_mtok is None else rates.cached_input_per_mtok
    yield Line(
        name=f"{provider.id}:{'(any)' if model is provider.any_model else model.id}",
        provider=provider.id,
        region=region if len(provider.regions) > 1 else None,
        row=row,
        currency=row.currency,
        input=zero if row.free else rates.input_per_mtok,
        cached=zero if row.free else cached,
        output=zero if row.free else rates.output_per_mtok,
        answer=_answer(provider, rows, usage, Situation(when, when, region, thinking=thinks)),
        tokens_in=question.input_tokens,
        tokens_out=tokens_out,
    )


def thinks_by_itself(provider: Provider, model: Model) -> bool:
    """Whether the model thinks about a request that says nothing of it."""
    return bool(will_think(Offer(provider, model, model.id), ChatRequest((user("?"),))))


def _answer(
    provider: Provider, rows: tuple[PriceRow, ...], usage: Usage, situation: Situation
) -> Decimal | None:
    try:
        charge = cost(usage, rows, situation, clocks=provider.clocks)
    except PriceUnknown:
        return None
    return Decimal(charge.money.nanos).scaleb(-9)
