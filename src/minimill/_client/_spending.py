"""The money of one attempt: reserved before bytes leave, closed on every way out without an await."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import field, replace
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from minimill._chat import Answer, Reasoning
from minimill._client._secrets import hide, tell_key
from minimill._errors import Billed, ConfigError, ProviderError, SchemaMismatchError, TransportError
from minimill._money import Money
from minimill._pricing import Charge, PriceUnknown, Situation, as_billed, cost, find_rows, may_be_served
from minimill._report import Attempt, Details
from minimill._routing import Experience, asked
from minimill._transport import Progress
from minimill._usage import Usage
from minimill._values import dataclass
from minimill.ledger import AttemptMeta, AttemptRecord, Balance, Ending, Ledger

if TYPE_CHECKING:
    from minimill._client._budgets import Budgets, Debit
    from minimill._client._thresholds import Watch
    from minimill._routing import Candidate

log = logging.getLogger("minimill")

QUIET_S = 0.3
"""A reader who leaves after having waited so long for the next bytes of a stream has given up."""


@dataclass(slots=True)
class Spending:
    """One attempt's reservation, from the moment it is granted until it is closed.

    Used as a synchronous context manager: leaving it in any way closes it. Where the attempt did not
    say how it ended, the hold is released if nothing left the machine and stands otherwise.
    """

    id: str
    candidate: Candidate
    meta: AttemptMeta
    ledger: Ledger
    budgets: Budgets
    debits: tuple[Debit, ...]
    rates: tuple[str, ...]
    sink: list[Attempt]
    """Where the attempt's report goes when it is closed."""
    experience: Experience
    """Learns from what an answer used."""
    balances: tuple[Balance, ...]
    """Of its budgets, after it was reserved."""
    watch: Watch
    """Told what it cost."""
    progress: Progress = field(default_factory=Progress)
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    started: float = field(default_factory=monotonic)
    first_token: float | None = None
    streams: bool = False
    reads_since: float | None = None
    """Since when a reader of a stream has been waiting for its next bytes; None: it is not, or there is none."""
    secrets: tuple[str, ...] = ()
    """The key that was sent."""
    request_id: str | None = None
    http_status: int | None = None
    dropped: tuple[str, ...] = ()
    """Settings of the request that were left out."""
    whole: bool = True
    """False: the answer is one of several parts, whose length teaches nothing."""
    closed: bool = False

    def __enter__(self) -> Spending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.closed:
            self.close_on(error)

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            self.abandoned("abandoned")

    def began(self) -> None:
        """The first bytes of the answer are here."""
        if self.first_token is None:
            self.first_token = monotonic()

    def close_on(self, error: BaseException | None) -> None:
        """Close after `error`, whatever it is."""
        if isinstance(error, ProviderError):
            self.failed(error)
        else:
            self.abandoned("abandoned" if error is None else type(error).__name__)

    def ended(self, answer: Answer) -> None:
        """Book what a whole answer cost; without usage the hold stands.

        Raises:
            SchemaMismatchError: it does not follow the schema that the prompt told. What it cost is booked.
        """
        fault = self.candidate.fault(answer)
        if fault is None:
            self._succeeded(answer, "ok", None)
            return
        error = SchemaMismatchError(
            f"{self.candidate.offer.name} was told the schema, and its answer does not follow it: {fault}",
            billed=Billed.YES,
            usage=answer.usage,
            request_id=self.request_id,
            status=self.http_status,
        )
        error.partial = answer
        self._succeeded(answer, type(error).__name__, error)
        raise error

    def _succeeded(self, answer: Answer, status: str, error: ProviderError | None) -> None:
        finish = answer.choices[0].finish_reason.value if answer.choices else None
        self.whole = answer.continuation is None and self.candidate.request.continuation is None
        charge = self._charge(answer.usage, answer.service_tier, thought=_shows_thinking(answer))
        if charge is None:
            self._keep(status, answer.usage, error, "answered", finish=finish)
        else:
            self._settle(status, answer.usage, charge, error, finish=finish)

    def failed(self, error: ProviderError) -> None:
        """Close after a failure, by what its error says about billing."""
        if self.closed:
            return
        hide(error, self.secrets)
        tell_key(error, self.candidate.offer.provider, self.secrets)
        self.http_status = error.status
        self.request_id = error.request_id or self.request_id
        name = type(error).__name__
        charge = self._charge(error.usage, None, thought=False) if error.billed is Billed.YES else None
        if charge is not None:
            self._settle(name, error.usage, charge, error)
        elif error.billed is Billed.NO:
            self._release(name, error)
        else:
            self._keep(name, error.usage, error, _ending(error))

    def abandoned(self, status: str) -> None:
        """The caller went away: cancelled, interrupted, or dropped the stream."""
        if self.closed:
            return
        if self.progress.sent:
            self._keep(status, None, None, "left" if self._left_in_mid_answer else "given_up")
        else:
            self._release(status, None)

    @property
    def _left_in_mid_answer(self) -> bool:
        """Whether the caller left a stream that was coming in. Of a whole answer it had seen nothing, and one that
        waits in vain is as good as silence."""
        if not self.streams or self.first_token is None:
            return False
        return self.reads_since is None or monotonic() - self.reads_since < QUIET_S

    def _settle(
        self,
        status: str,
        usage: Usage | None,
        charge: Charge,
        error: ProviderError | None,
        finish: str | None = None,
    ) -> None:
        try:
            converted = self.budgets.convert(charge.money, self.debits, self.started_at.date())
        except ConfigError:
            self._keep(status, usage, error, "answered", finish=finish)
            return
        certainty = "exact" if charge.exact else "estimated"
        record = self._record(status, certainty, charge.money, usage, charge, finish)
        self.closed = True
        self.ledger.settle(self.id, converted.nanos, record)
        self.watch.settled(self.balances, converted.nanos)
        self.experience.note(record)
        self._report(certainty, charge.money, usage, charge, error)
        self._watch_ceiling(charge.money)

    def _keep(
        self,
        status: str,
        usage: Usage | None,
        error: ProviderError | None,
        ending: Ending,
        finish: str | None = None,
    ) -> None:
        reserved = self.reserved
        certainty = "unpriced" if reserved is None else "held"
        record = self._record(status, certainty, reserved, usage, None, finish)
        self.closed = True
        self.ledger.keep(self.id, record, ending=ending)
        self.experience.note(record)
        self._report(certainty, reserved, usage, None, error)

    def _release(self, status: str, error: ProviderError | None) -> None:
        nothing = None if self.reserved is None else Money.zero(self.reserved.currency)
        record = self._record(status, "released", nothing, None, None, None)
        self.closed = True
        self.ledger.release(self.id, record)
        self._report("released", nothing, None, None, error)

    @property
    def reserved(self) -> Money | None:
        """The ceiling, in the vendor's currency; None: unknown."""
        return self.candidate.ceiling.money if self.candidate.ceiling is not None else None

    def _charge(self, usage: Usage | None, service_tier: str | None, *, thought: bool) -> Charge | None:
        """What `usage` costs; `thought`: the answer shows that the model thought. None: unknown."""
        if usage is None:
            return None
        computed = self._computed(usage, service_tier, thought)
        if usage.billed_nanos is None:
            return computed
        return as_billed(Money(usage.billed_nanos, self.candidate.offer.provider.currency), computed)

    def _computed(self, usage: Usage, service_tier: str | None, thought: bool) -> Charge | None:
        """What the price rows come to; None: they do not tell."""
        tiers = self._tiers(service_tier)
        if len(tiers) == 1:
            return self._charge_on(tiers[0], usage, thought)
        charges = [self._charge_on(tier, usage, thought) for tier in tiers]
        known = [charge for charge in charges if charge is not None]
        if len(known) < len(charges):
            return None
        dearest = max(known, key=lambda charge: charge.money.nanos)
        if all(charge.money == dearest.money for charge in known):
            return dearest
        words = ", ".join("default" if tier is None else tier for tier in tiers)
        doubt = f"which service tier answered is not known: the dearest of {words}"
        return replace(dearest, exact=False, assumptions=(*dearest.assumptions, doubt))

    def _tiers(self, named: str | None) -> tuple[str | None, ...]:
        """The service tiers that may have answered: the one the answer names, else every one that can have."""
        offer, asked = self.candidate.offer, self.candidate.request.service_tier
        if named:
            return (None if offer.is_ordinary_tier(named) else named,)
        if asked is None and not offer.quirks.unasked_tiers:
            return (None,)
        if asked == "auto":
            found = [
                row
                for instant in (self.started_at, dt.datetime.now(dt.UTC))
                for row in find_rows(offer.rows, instant, offer.region)
            ]
            return (None, *sorted({tier.service_tier or "" for row in found for tier in row.tiers} - {""}))
        priced = {part.service_tier or "" for row in offer.rows for part in row.tiers}
        unasked = tuple(sorted(tier for tier in priced if may_be_served(tier, asked, offer.quirks.unasked_tiers)))
        return (None, *unasked) if asked is None or offer.is_ordinary_tier(asked) else (asked, None, *unasked)

    def _charge_on(self, service_tier: str | None, usage: Usage, thought: bool) -> Charge | None:
        thinking = self.candidate.thinking
        if thought:
            thinking = True
        elif usage.reasoning_tokens is None:
            thinking = self.candidate.sure_thinking
        offer = self.candidate.offer
        request = self.candidate.request
        situation = Situation(
            started=self.started_at,
            finished=dt.datetime.now(dt.UTC),
            region=offer.region,
            service_tier=service_tier,
            thinking=thinking,
            explicit_cache=self.candidate.explicit_cache,
            long_cache=self.candidate.long_cache,
            images=self.candidate.size.images + self.candidate.size.files > 0,
            audio=self.candidate.size.audio + self.candidate.size.files > 0,
            n=request.n,
        )
        try:
            return cost(usage, offer.rows, situation, clocks=offer.clocks)
        except PriceUnknown as error:
            if usage.billed_nanos is None:
                log.warning("%s: the cost of an answer is unknown: %s", offer.name, error)
            return None

    def _watch_ceiling(self, charged: Money) -> None:
        reserved = self.reserved
        if reserved is not None and charged.currency == reserved.currency and charged > reserved:
            log.warning(
                "%s charged %s, more than the ceiling of %s that was reserved; it was booked in full. "
                "The bounds of this model are too low.",
                self.candidate.offer.name,
                charged,
                reserved,
            )

    def _record(
        self,
        status: str,
        certainty: str,
        charged: Money | None,
        usage: Usage | None,
        charge: Charge | None,
        finish: str | None,
    ) -> AttemptRecord:
        reserved, candidate = self.reserved, self.candidate
        amount = charged if charged is not None else reserved
        told = usage is not None and self.whole
        shape = asked(candidate.request, candidate.size, candidate.thinking) if told else None
        return AttemptRecord(
            attempt_id=self.id,
            meta=self.meta,
            started_at=self.started_at,
            finished_at=dt.datetime.now(dt.UTC),
            status=status,
            certainty=certainty,
            currency=None if amount is None else amount.currency,
            reserved_nanos=None if reserved is None else reserved.nanos,
            charged_nanos=None if charged is None else charged.nanos,
            input_tokens=None if usage is None else usage.input_tokens,
            cached_input_tokens=None if usage is None else usage.cached_input_tokens,
            cache_write_tokens=None if usage is None else usage.cache_write_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            reasoning_tokens=None if usage is None else usage.reasoning_tokens,
            first_token_s=None if self.first_token is None else self.first_token - self.started,
            finish_reason=finish,
            request_id=self.request_id,
            http_status=self.http_status,
            details=Details(charge, usage, candidate.ceiling, self.rates, shape),
        )

    def _report(
        self,
        certainty: str,
        charged: Money | None,
        usage: Usage | None,
        charge: Charge | None,
        error: ProviderError | None,
    ) -> None:
        self.sink.append(
            Attempt(
                id=self.id,
                provider=self.meta.provider,
                model=self.meta.model,
                started_at=self.started_at,
                total_s=monotonic() - self.started,
                first_token_s=None if self.first_token is None else self.first_token - self.started,
                usage=usage,
                reserved=self.reserved,
                charged=charged,
                certainty=certainty,
                error=error,
                charge=charge,
                rates=self.rates,
                request_id=self.request_id,
                dropped=self.dropped,
            )
        )


def _ending(error: ProviderError) -> Ending:
    """How an attempt ended that cost nobody knows how much."""
    if isinstance(error, TransportError) and error.kind == "deadline":
        return "given_up"
    return "answered" if error.billed is Billed.YES and error.usage is None and error.body else "silent"


def _shows_thinking(answer: Answer) -> bool:
    return any(
        isinstance(part, Reasoning) and bool(part.text or part.opaque)
        for choice in answer.choices
        for part in choice.message.parts
    )
