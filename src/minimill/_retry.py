"""Trying the same vendor again: the only module that imports tenacity, and only after a first failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from minimill._errors import ProviderError, RateLimitedError, Then, TransportError
from minimill._values import dataclass

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
SILENCES = ("first_token_timeout", "between_token_timeout", "total_timeout", "cut", "network")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one candidate is tried again, and how long apart.

    The wait is what the vendor asks for, else 0.25 s doubling to 8 s, up to a quarter shorter by chance;
    a fifth of that where another candidate could serve.
    """

    retries: int = 2
    """Most repetitions of one candidate. After silence: at most one."""
    longest_wait_s: float = 30.0
    """A vendor that asks for more is left for the next candidate."""
    base_s: float = 0.25
    cap_s: float = 8.0


def may_repeat(error: BaseException, *, alone: bool, policy: RetryPolicy) -> bool:
    """Whether this failure is worth another try at the same candidate.

    With other candidates at hand (`alone` false) only a failure that passes at once is: no connection, a
    500, or a Retry-After of at most a second.
    """
    if not isinstance(error, ProviderError) or policy.retries < 1:
        return False
    wait = error.retry_after_s
    if wait is not None and wait > (policy.longest_wait_s if alone else 1.0):
        return False
    if isinstance(error, RateLimitedError):
        return alone or wait is not None
    if error.then is not Then.RETRY:
        return False
    if isinstance(error, TransportError):
        return alone or error.kind == "connect"
    return alone or error.status == 500 or wait is not None


async def repeat(
    first: ProviderError,
    attempt: Callable[[], Awaitable[T]],
    *,
    alone: bool,
    policy: RetryPolicy,
    seconds_left: Callable[[], float],
) -> T:
    """Go on after `first`, until an attempt succeeds or the policy is used up.

    Raises:
        Whatever the last attempt raised.
    """
    from tenacity import AsyncRetrying, retry_if_exception

    pending: ProviderError | None = first
    silences = 0

    def worth_it(error: BaseException) -> bool:
        nonlocal silences
        if isinstance(error, TransportError) and error.kind in SILENCES:
            silences += 1
        return silences < 2 and may_repeat(error, alone=alone, policy=policy)

    tries = policy.retries if alone else 1

    def used_up(state: RetryCallState) -> bool:
        return state.attempt_number > tries or seconds_left() <= state.upcoming_sleep

    async for turn in AsyncRetrying(
        stop=used_up,
        wait=_wait(policy, alone),
        retry=retry_if_exception(worth_it),
        sleep=anyio.sleep,
        reraise=True,
    ):
        with turn:
            if pending is not None:
                error, pending = pending, None
                raise error
            return await attempt()
    raise AssertionError("tenacity raises when it stops")


def _wait(policy: RetryPolicy, alone: bool) -> Callable[[RetryCallState], float]:
    from random import random

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after_s", None)
        if asked is not None:
            return float(asked)
        base = policy.base_s if alone else policy.base_s / 5  # another vendor is waiting
        step: float = base * 2.0 ** (state.attempt_number - 1)
        return min(step, policy.cap_s) * (1 - random() / 4)

    return wait
