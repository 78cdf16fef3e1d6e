"""One call: from candidate to candidate until one answers, or until there is nothing left to try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from functools import partial
from time import monotonic
from typing import TypeVar

from minimill._client._context import Labels
from minimill._config import Timeouts
from minimill._errors import (
    AboveThresholdError,
    AllAttemptsFailedError,
    BudgetError,
    BudgetExceededError,
    ContentFilteredError,
    LedgerError,
    MinimillError,
    ProviderError,
    Then,
)
from minimill._money import Money
from minimill._report import Attempt, Cost
from minimill._retry import RetryPolicy, may_repeat, repeat
from minimill._routing import Candidate, Health, Plan
from minimill._values import dataclass

T = TypeVar("T")
TURN_S = 0.5
"""How long to wait, at most, for one of several candidates before looking at the next."""
BUSY_S = 10.0
"""How long to wait for a vendor that answers, and has its share of a budget out, before going on."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one call, from its arguments, its route and the configuration."""

    route: str | None
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_attempts: int | None = None
    max_cost: Money | None = None
    deadline_s: float | None = None
    wait_s: float = 0.0
    """How long to wait for held money to come free."""
    min_output_tokens: int | None = None
    """Down to which the output limit may be lowered to fit the money left; None: never."""
    filtered_goes_on: bool = False
    """Whether a content filter's refusal leads to the next candidate."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Until when (`time.monotonic`) a reservation may wait; None: not at all."""

    money: float | None = None
    """For held money to come free."""
    silent: float | None = None
    """For a vendor that owes answers for its share of a budget."""
    busy: float | None = None
    """For the same while that vendor has been answering lately."""

    def until(self, turn: float) -> Waits:
        """The same, and no longer than `turn`."""
        return Waits(*(None if by is None else min(by, turn) for by in (self.money, self.silent, self.busy)))

    def turn(self, others: int) -> float:
        """Until when one of several candidates may be waited for, so that each has its turn."""
        now = monotonic()
        left = max((by for by in (self.money, self.silent) if by is not None), default=now) - now
        return now + min(TURN_S, left / (2 * (others + 1)))

    def of(self, error: BudgetExceededError) -> float | None:
        """Until when what refused may be waited for."""
        if not error.provider_silent:
            return self.money
        return max((by for by in (self.money, self.silent) if by is not None), default=None)


NO_WAITS = Waits()
Try = Callable[["Call", Candidate, Waits], Awaitable[T]]


@dataclass(slots=True)
class Call:
    """The state of one call."""

    id: str
    labels: Labels
    terms: Terms
    plan: Plan
    health: Health
    started: float = field(default_factory=monotonic)
    attempts: list[Attempt] = field(default_factory=list)
    errors: list[MinimillError] = field(default_factory=list)
    tried: int = 0
    """Attempts that were granted a reservation."""
    _numbered: int = 0

    def next_attempt_id(self) -> str:
        """Names one attempt of this call."""
        self._numbered += 1
        return f"{self.id}-{self._numbered}"

    @property
    def deadline(self) -> float | None:
        """When the whole call must be over, on the monotonic clock."""
        return None if self.terms.deadline_s is None else self.started + self.terms.deadline_s

    def seconds_left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - monotonic()

    def may_try(self) -> bool:
        """Whether attempts and time allow another try."""
        most = self.terms.max_attempts
        return (most is None or self.tried < most) and self.seconds_left() > 0

    async def run(self, attempt: Try[T]) -> T:
        """Go through the candidates; return what the first success returned.

        Raises:
            BudgetExceededError, AboveThresholdError, UnpricedModelError: money refused every candidate; nothing
                was sent.
            LedgerError: the books cannot be written; nothing more was sent.
            ProviderError: the only candidate failed, or the request would fail everywhere.
            AllAttemptsFailedError: several candidates failed.
        """
        refused: list[tuple[Candidate, BudgetExceededError]] = []
        queue = list(self.plan.candidates)
        longer_than = 0
        while queue and self.may_try():
            candidate = queue.pop(0)
            if longer_than and (candidate.offer.model.context_tokens or longer_than + 1) <= longer_than:
                continue
            try:
                return await self.with_retries(candidate, attempt, self._short_wait(queue), alone=not queue)
            except BudgetExceededError as error:
                refused.append((candidate, error))
            except BudgetError as error:
                if isinstance(error, LedgerError):
                    raise self.told(error) from error.__cause__
            except ProviderError as error:
                if self._stops(error):
                    raise self.told(error) from error.__cause__
                if error.then is Then.LONGER_CONTEXT:
                    longer_than = max(longer_than, candidate.offer.model.context_tokens or 0)
        if refused and self.may_try():
            return await self._last_resort(refused, attempt)
        raise self._failure()

    def _stops(self, error: ProviderError) -> bool:
        if isinstance(error, ContentFilteredError):
            return not self.terms.filtered_goes_on
        return error.then is Then.STOP

    async def with_retries(self, candidate: Candidate, attempt: Try[T], waits: Waits, *, alone: bool) -> T:
        """One candidate's attempt, repeated as far as the policy goes. Raises what the last one raised."""

        try:
            return await self._once(candidate, attempt, waits)
        except ProviderError as error:
            policy = self._policy()
            if not may_repeat(error, alone=alone, policy=policy):
                raise
            first = error
        again = partial(self._once, candidate, attempt, waits)
        return await repeat(first, again, alone=alone, policy=policy, seconds_left=self.seconds_left)

    def _policy(self) -> RetryPolicy:
        most = self.terms.max_attempts
        if most is None:
            return self.terms.retry
        return replace(self.terms.retry, retries=min(self.terms.retry.retries, most - self.tried))

    async def _once(self, candidate: Candidate, attempt: Try[T], waits: Waits) -> T:
        provider, model = candidate.offer.provider.id, candidate.offer.wire_model
        self.health.started(provider, model)
        started = self.health.now()
        try:
            result = await attempt(self, candidate, waits)
        except ProviderError as error:
            error.provider = error.provider or provider
            error.model = error.model or model
            self.errors.append(error)
            self.health.failed(provider, model, error)
            raise
        except MinimillError as error:
            self.errors.append(error)
            raise
        self.health.answered(provider, model, started)
        return result

    async def _last_resort(self, refused: list[tuple[Candidate, BudgetExceededError]], attempt: Try[T]) -> T:
        """Every candidate was refused for money: wait for some to come free, then lower the limit."""
        silent = min(monotonic() + self.terms.timeouts.first_token_s, self._latest())
        waits = Waits(self._for_money(), silent=silent)
        last = {candidate.name: (candidate, error) for candidate, error in refused}
        waiting = [candidate for candidate, error in refused if waits.of(error) is not None]
        while waiting and self.may_try():
            waiting.sort(key=lambda one: (self._is_resting(one), not last[one.name][1].provider_answers))
            candidate = waiting.pop(0)
            turn = waits.turn(len(waiting)) if waiting else float("inf")
            try:
                return await self.with_retries(candidate, attempt, waits.until(turn), alone=not waiting)
            except BudgetExceededError as error:
                self.errors.remove(last[candidate.name][1])
                last[candidate.name] = candidate, error
                if turn <= monotonic() < (waits.of(error) or 0):
                    waiting.append(candidate)
            except AboveThresholdError:
                self.errors.remove(last.pop(candidate.name)[1])
            except ProviderError as error:
                self.errors.remove(last.pop(candidate.name)[1])
                if self._stops(error):
                    raise self.told(error) from error.__cause__
        return await self._smaller_than(list(last.values()), attempt)

    async def _smaller_than(self, refused: list[tuple[Candidate, BudgetExceededError]], attempt: Try[T]) -> T:
        """Lower the output limit of the cheapest candidate to what is left, if that is allowed."""
        if not refused or not self.may_try():
            raise self._failure()
        smaller = self._smaller(*min(refused, key=_needed_nanos))
        if smaller is None:
            raise self._failure()
        try:
            return await self.with_retries(smaller, attempt, NO_WAITS, alone=True)
        except (BudgetExceededError, AboveThresholdError, ProviderError) as failed:
            raise self._failure() from failed

    def _is_resting(self, candidate: Candidate) -> bool:
        offer = candidate.offer
        return self.health.cooling(offer.provider.id, offer.wire_model) is not None

    def _short_wait(self, others: list[Candidate]) -> Waits:
        """While a vendor answers, its place in line is worth a little more than the next candidate."""
        return Waits(busy=min(monotonic() + BUSY_S, self._latest())) if others else NO_WAITS

    def waits_for_more(self) -> Waits:
        """How long the next part of a long answer may wait for money: what has come is paid for already."""
        return Waits(money=self._for_money(), busy=min(monotonic() + BUSY_S, self._latest()))

    def _for_money(self) -> float | None:
        """Until when the call waits for money to come free; None: it does not."""
        wait = self.terms.wait_s
        return min(monotonic() + wait, self._latest()) if wait > 0 else None

    def _latest(self) -> float:
        return self.deadline if self.deadline is not None else float("inf")

    def _smaller(self, candidate: Candidate, error: BudgetExceededError) -> Candidate | None:
        """The candidate with the highest output limit that the money left covers, if that is allowed."""
        least = self.terms.min_output_tokens
        request = candidate.request
        if (
            least is None
            or request.max_output_tokens is None
            or request.tools
            or request.response_format not in (None, "text")
            or not (candidate.offer.bounds.limit_covers_reasoning or candidate.thinking is False)
            or candidate.ceiling is None
            or error.limit is None
            or error.needed is None
        ):
            return None
        left = error.limit - error.settled - error.held
        low, high = least, request.max_output_tokens
        best: Candidate | None = None
        while low <= high:
            middle = (low + high) // 2
            smaller = candidate.with_limit(middle)
            if smaller.ceiling is not None and _fits(smaller, candidate, error.needed, left):
                best, low = smaller, middle + 1
            else:
                high = middle - 1
        return best

    def told(self, error: MinimillError) -> MinimillError:
        """The error with what the call did so far."""
        error.attempts = tuple(self.attempts)
        error.cost = Cost(tuple(self.attempts)) if self.attempts else None
        error.call_id = self.id
        return error

    def _failure(self) -> MinimillError:
        left_out = {item.name: item.reason for item in self.plan.left_out}
        if self.errors and all(isinstance(error, BudgetError) for error in self.errors):
            return self.told(self.errors[-1] if len(self.errors) == 1 else _clearest(self.errors))
        if self.errors and len(self.plan.candidates) == 1 and not left_out:
            return self.told(self.errors[-1])
        reasons = [item.error for item in self.plan.left_out]
        if not self.errors and len(reasons) == 1 and reasons[0] is not None:
            return self.told(reasons[0])
        return self.told(
            AllAttemptsFailedError(_summary(self, left_out), errors=self.errors, left_out=left_out)
        )


def _needed_nanos(refused: tuple[Candidate, BudgetExceededError]) -> int:
    """What a refused candidate needs, in the currency of the budget that refused it."""
    return refused[1].needed.nanos if refused[1].needed is not None else 0


def _fits(smaller: Candidate, candidate: Candidate, needed: Money, left: Money) -> bool:
    """Whether the smaller ceiling, in the refusing budget's currency, is within what is left."""
    assert smaller.ceiling is not None and candidate.ceiling is not None
    if candidate.ceiling.money.nanos == 0:
        return False
    share = -(-needed.nanos * smaller.ceiling.money.nanos // candidate.ceiling.money.nanos)
    return share <= left.nanos


def _clearest(errors: list[MinimillError]) -> MinimillError:
    """Of several refusals the last one about money itself, which says most; else the last about a share of it."""
    exceeded = [error for error in errors if isinstance(error, BudgetExceededError)]
    return next((error for error in reversed(exceeded) if not error.provider_silent), (exceeded or errors)[-1])


def _summary(call: Call, left_out: dict[str, str]) -> str:
    parts = []
    for error in call.errors:
        who = (
            f"{error.provider}:{error.model}: " if isinstance(error, ProviderError) and error.provider else ""
        )
        parts.append(f"{who}{type(error).__name__}: {error.message}")
    parts += [f"{name} was left out: {reason}" for name, reason in left_out.items()]
    tried = {f"{attempt.provider}:{attempt.model}" for attempt in call.attempts}
    untried = [candidate.name for candidate in call.plan.candidates if candidate.name not in tried]
    if call.seconds_left() <= 0:
        parts.append("the deadline of the call passed")
    elif (
        call.tried
        and call.terms.max_attempts is not None
        and call.tried >= call.terms.max_attempts
        and untried
    ):
        parts.append(f"max_attempts = {call.terms.max_attempts} left {', '.join(untried)} untried")
    head = "no candidate could serve the call" if not call.attempts else "every attempt failed"
    return f"{head}: {'; '.join(parts) or 'the route has no candidates'}"
