"""Candidates in order, what each is expected to cost and can cost at most, and why others are left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from typing import NamedTuple

from minimill._chat import Answer, ChatRequest, JsonSchema
from minimill._errors import ConfigError, MinimillError, UnpricedModelError
from minimill._money import Money
from minimill._pricing import (
    Bounds,
    Ceiling,
    Certainty,
    Habits,
    Limits,
    RequestSize,
    Situation,
    ceiling,
    expected,
)
from minimill._routing._experience import Experience, reasoning_word
from minimill._routing._extra import LONGER_TIME, Extra, has_price, read_extra
from minimill._routing._fit import follows_schemas, is_short, misfit, needs, output_limit
from minimill._routing._health import Health
from minimill._values import dataclass
from minimill.catalog import Offer


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that could serve the call, with the request as it would be sent there."""

    offer: Offer = field(repr=False)
    request: ChatRequest = field(repr=False)
    """With the output limit that is sent to this model."""
    size: RequestSize = field(repr=False)
    ceiling: Ceiling | None
    """The most it can cost; None: see `unpriced`."""
    unpriced: str | None
    """Why there is no ceiling; a hard budget then refuses the candidate."""
    expected: Money | None
    """What it probably costs, in the vendor's currency; None: unknown, or nobody needs to know."""
    thinking: bool | None
    """Whether it will think; None: unknown."""
    explicit_cache: bool = False
    long_cache: bool = False
    """Whether a cache mark asks for the vendor's longer time."""
    lasts_s: float = field(default=0, repr=False)
    """Longest time until its answer must be complete."""
    told: JsonSchema | None = field(default=None, repr=False)
    """The schema that only the prompt holds it to; None: there is none, or the vendor does."""
    narrowed: tuple[str, ...] = ()
    """From which use of a budget on it may not serve any more, in words; only in plans that are shown."""

    @property
    def name(self) -> str:
        """`provider:model`."""
        return self.offer.name

    @property
    def sure_thinking(self) -> bool | None:
        """Whether it will think, where the model or the request settles that; None: it may do either."""
        return _sure_thinking(self.offer, self.request)

    def fault(self, answer: Answer) -> str | None:
        """Where an answer departs from a schema that only the prompt asked for, in words; None: nowhere."""
        if self.told is None:
            return None
        from minimill._routing._in_words import fault  # few calls need it

        return fault(answer, self.told)

    def with_limit(self, max_output_tokens: int | None = None) -> Candidate:
        """The same candidate priced anew as of this moment, or with another output limit."""
        if self.ceiling is None:
            return self
        limit = self.request.max_output_tokens if max_output_tokens is None else max_output_tokens
        request = replace(self.request, max_output_tokens=limit)
        marks = _Marks(self.explicit_cache, self.long_cache)
        priced, unpriced = _ceiling(self.offer, request, self.size, self.thinking, marks, self.lasts_s)
        return replace(self, request=request, ceiling=priced, unpriced=unpriced)

    def going_on(self, mark: str, tokens: int) -> Candidate:
        """The same candidate for the next part of an answer that the vendor broke off after `tokens` tokens.

        What was said so far is input of the next part.
        """
        request, size = replace(self.request, continuation=mark), replace(self.size, tokens=tokens)
        return replace(self, request=request, size=size).with_limit()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that cannot serve the call."""

    name: str
    reason: str
    longest_s: float = 0.0
    """For one that is cooling down: how long still."""
    error: ConfigError | None = field(default=None, repr=False)
    """For one that cannot be reached as it is configured: what is wrong."""
    candidate: Candidate | None = field(default=None, repr=False)
    """For one that is cooling down: itself, for the case that nobody else can serve."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do, in order. Nothing is sent. Prints as a table."""

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    order: str

    def __str__(self) -> str:
        rows = [("", "candidate", "expected", "at most", "output limit")]
        for number, candidate in enumerate(self.candidates, 1):
            most = "unknown" if candidate.ceiling is None else str(candidate.ceiling.money)
            guess = "unknown" if candidate.expected is None else str(candidate.expected)
            rows.append(
                (f"{number}.", candidate.name, guess, most, f"{candidate.request.max_output_tokens:,}")
            )
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [
            f"   {candidate.name}: {candidate.unpriced}"
            for candidate in self.candidates
            if candidate.unpriced
        ]
        lines += [f"   {candidate.name}: {words}" for candidate in self.candidates for words in candidate.narrowed]
        lines += [f"left out  {left.name}: {left.reason}" for left in self.left_out]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a route says about its candidates."""

    route: str | None = None
    """Its name; None: the call named its models."""
    order: str = "cost"
    requires: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    accept_unsure_prices: bool = False
    lasts_s: float = 1800.0
    """Longest time until an answer must be complete; clock prices up to then count in the ceiling."""


Comparable = Callable[[Money, str], Decimal | None]
"""An amount in a currency as a number; None: no rate is known."""


def make_plan(
    offers: Sequence[Offer | LeftOut],
    request: ChatRequest,
    size: RequestSize,
    wishes: Wishes,
    health: Health,
    experience: Experience,
    comparable: Comparable,
    *,
    stream: bool,
    shown: bool = True,
) -> Plan:
    """Sort the offers that can serve `request`; the others are left out with the reason.

    A plan that is not `shown` to anybody leaves out expected costs where they do not decide the order.
    """
    guessed = shown or (wishes.order == "cost" and len(offers) > 1)
    word = reasoning_word(request)
    needed = needs(request, wishes.requires, stream=stream)
    found: list[Candidate] = []
    left: list[LeftOut] = []
    for offer in offers:
        if isinstance(offer, LeftOut):
            left.append(offer)
            continue
        thinking = will_think(offer, request)
        habits = None
        if guessed or not is_short(size, offer.model):
            habits = experience.habits(offer.name, wishes.route, word, thinking, offer.quirks.default_effort)
        reason = misfit(offer, needed, size, _retired(offer), habits)
        unkeyed = _not_set_up(offer) if reason is None else None
        if reason is not None or unkeyed is not None:
            left.append(LeftOut(offer.name, reason or str(unkeyed), error=unkeyed))
            continue
        candidate = _candidate(offer, request, size, wishes, thinking, habits if guessed else None)
        resting = health.cooling(offer.provider.id, offer.wire_model)
        if resting is not None:
            left.append(LeftOut(offer.name, *resting, candidate=candidate))
        else:
            found.append(candidate)
    if not found:
        # Better a vendor that may be ill than no answer; the first to recover comes first.
        resting_ones = sorted(
            (item for item in left if item.candidate is not None), key=lambda item: item.longest_s
        )
        found = [item.candidate for item in resting_ones if item.candidate is not None]
        left = [item for item in left if item.candidate is None]
    elif wishes.order == "cost" and len(found) > 1:
        found = _by_cost(found, comparable)
    return Plan(tuple(found), tuple(left), wishes.order)


def _retired(offer: Offer) -> bool:
    model = offer.model
    if model.status == "retired" or model.retires_on is None:
        return model.status == "retired"
    return model.retires_on < dt.datetime.now(dt.UTC).date()


def _not_set_up(offer: Offer) -> ConfigError | None:
    try:
        offer.provider.check_address()
        offer.provider.key()
    except ConfigError as error:
        return error
    return None


def _candidate(
    offer: Offer,
    request: ChatRequest,
    size: RequestSize,
    wishes: Wishes,
    thinking: bool | None,
    habits: Habits | None,
) -> Candidate:
    limit = output_limit(offer.model, request.max_output_tokens, wishes.max_output_tokens)
    asked = request if limit == request.max_output_tokens else replace(request, max_output_tokens=limit)
    told = None
    if isinstance(request.response_format, JsonSchema) and not follows_schemas(offer.model):
        from minimill._routing._in_words import in_words, longer  # few calls need it

        told = request.response_format
        asked, size = in_words(asked, told), longer(size)
    own = read_extra(offer, request)
    size, marks = own.added(size), _marks(offer, request, own)
    priced, unpriced = _ceiling(offer, asked, size, thinking, marks, wishes.lasts_s)
    paid = priced is None or priced.money.nanos > 0
    if paid and own.unbounded is not None:
        priced, unpriced = None, own.unbounded
    elif paid and marks.long and not has_price(offer, LONGER_TIME):
        priced, unpriced = None, (
            "no price is known for a cache that is kept longer; use cache=True, or give cache_write_long_per_mtok"
        )
    if priced is not None and priced.certainty is Certainty.UNSURE and not wishes.accept_unsure_prices:
        unpriced = (
            "the sources leave its price unsure; give a price in the configuration, or set "
            "accept_unsure_prices = true on the route"
        )
        priced = None
    guess = None if habits is None else _expected(offer, asked, size, thinking, habits)
    if guess is not None and priced is not None and guess.currency == priced.money.currency:
        guess = min(guess, priced.money)  # what is likely is never more than what is possible
    return Candidate(offer, asked, size, priced, unpriced, guess, thinking, *marks, wishes.lasts_s, told)


class _Marks(NamedTuple):
    """What a request asks of the vendor's cache."""

    explicit: bool = False
    long: bool = False


def _marks(offer: Offer, request: ChatRequest, own: Extra) -> _Marks:
    if offer.quirks.cache_marks == "none":
        return _Marks(own.explicit_cache, own.long_cache)
    found = {getattr(part, "cache", False) for message in request.messages for part in message.parts}
    long = "long" in found and _has_longer_time(offer)
    return _Marks(bool(found - {False}) or own.explicit_cache, long or own.long_cache)


def _has_longer_time(offer: Offer) -> bool:
    """Whether a mark can ask for more than the vendor's usual time."""
    quirks = offer.quirks
    return quirks.cache_marks != "cache_control" or offer.dialect == "anthropic" or bool(quirks.cache_long_ttl)


def will_think(offer: Offer, request: ChatRequest) -> bool | None:
    """Whether the model will think about this request; None: not known beforehand."""
    if offer.model.reasoning == "never":
        return False
    if offer.model.reasoning == "always" or offer.quirks.thinking_default == "always":
        return True
    if request.thinking is not None:
        return request.thinking
    return offer.quirks.thinking_default == "on"


def _sure_thinking(offer: Offer, request: ChatRequest) -> bool | None:
    if offer.model.reasoning == "never":
        return False
    if offer.model.reasoning == "always" or offer.quirks.thinking_default == "always":
        return True
    return False if _switched_off(offer, request) else None


def _switched_off(offer: Offer, request: ChatRequest) -> bool:
    """Whether the request says in so many words that the model shall not think."""
    quirks = offer.quirks
    if request.tools and quirks.effort_with_tools is not None:
        return quirks.effort_with_tools == "none"
    if request.reasoning is not None:
        # `between_tools` still thinks between calls of tools
        switched = quirks.thinking_switch not in ("none", "between_tools") or "none" in quirks.efforts
        return request.thinking is False and switched
    sent = quirks.extra_body
    template = sent.get("chat_template_kwargs")
    return (
        sent.get("enable_thinking") is False
        or sent.get("thinking") == {"type": "disabled"}
        or sent.get("reasoning_effort") == "none"
        or (isinstance(template, Mapping) and template.get("enable_thinking") is False)
    )


def _situation(
    offer: Offer,
    request: ChatRequest,
    size: RequestSize,
    thinking: bool | None,
    marks: _Marks,
    lasts_s: float,
    *,
    worst: bool,
) -> Situation:
    now, tier = dt.datetime.now(dt.UTC), request.service_tier
    return Situation(
        started=now,
        finished=now + dt.timedelta(seconds=lasts_s),
        region=offer.region,
        # `auto` leaves the choice to the vendor
        service_tier=None if tier != "auto" and offer.is_ordinary_tier(tier) else tier,
        unasked_tiers=offer.quirks.unasked_tiers,
        thinking=thinking,
        explicit_cache=marks.explicit,
        long_cache=marks.long,
        images=size.images + size.files > 0,
        audio=size.audio + size.files > 0,
        audio_output=worst,  # an answer may be sound where a row prices that
        n=request.n,
    )


def _limits(offer: Offer, request: ChatRequest) -> Limits:
    budget = request.reasoning
    tokens = budget if isinstance(budget, int) and not isinstance(budget, bool) else None
    return Limits(
        output_tokens=request.max_output_tokens,
        thinking_tokens=tokens if offer.quirks.thinking_budget_field else None,
        max_input_tokens=offer.model.max_input_tokens or offer.model.context_tokens,
    )


def _ceiling(
    offer: Offer,
    request: ChatRequest,
    size: RequestSize,
    thinking: bool | None,
    marks: _Marks,
    lasts_s: float,
) -> tuple[Ceiling | None, str | None]:
    # The dearer of both prices, unless it is settled whether the model thinks.
    situation = _situation(offer, request, size, _sure_thinking(offer, request), marks, lasts_s, worst=True)
    bounds = _bounds(offer, situation.thinking)
    try:
        return ceiling(size, offer.rows, bounds, _limits(offer, request), situation, offer.clocks), None
    except UnpricedModelError as error:
        return None, offer.unpriced or error.message


def _bounds(offer: Offer, thinking: bool | None) -> Bounds:
    if thinking is False and not offer.bounds.limit_covers_reasoning:
        return replace(offer.bounds, limit_covers_reasoning=True)
    return offer.bounds


def _expected(
    offer: Offer, request: ChatRequest, size: RequestSize, thinking: bool | None, habits: Habits
) -> Money | None:
    situation = _situation(offer, request, size, thinking, _Marks(), 0, worst=False)
    limits = _limits(offer, request)
    try:
        return expected(
            size, offer.rows, offer.bounds, limits, situation, offer.clocks, habits=habits
        )
    except MinimillError:
        return None


def _by_cost(candidates: list[Candidate], comparable: Comparable) -> list[Candidate]:
    """By expected cost; those of unknown cost, or in a currency without a rate, last, as listed."""
    priced = [candidate for candidate in candidates if candidate.expected is not None]
    if not priced:
        return candidates
    currency = next(c.expected.currency for c in priced if c.expected is not None)

    def key(candidate: Candidate) -> tuple[int, Decimal]:
        value = None if candidate.expected is None else comparable(candidate.expected, currency)
        return (1, Decimal(0)) if value is None else (0, value)

    return sorted(candidates, key=key)
