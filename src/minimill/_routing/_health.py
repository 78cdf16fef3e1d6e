"""Which vendors are cooling down, as far as this process has seen."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from minimill._errors import (
    AuthenticationError,
    OverloadedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from minimill._values import dataclass

_PROBE_S = 10.0
_LONGEST_S = 600.0
_COOL_S: tuple[tuple[type[ProviderError], float, bool], ...] = (
    # error, first cool-down in seconds, whether it concerns the model alone
    (RateLimitedError, 5.0, True),
    (QuotaExhaustedError, 300.0, False),
    (AuthenticationError, 60.0, False),
    (OverloadedError, 10.0, True),
    (ServerError, 10.0, True),
    (TransportError, 15.0, False),
)


@dataclass(slots=True)
class _State:
    since: float
    until: float
    failures: int
    reason: str
    asked: bool
    """Whether the vendor itself asked for the rest; an answer to an older call does not end it then."""
    probing_until: float = 0.0


class Health:
    """Cool-downs by provider or by `provider:model`.

    A cool-down doubles with each failure in a row (at most ten minutes) and ends with an answer. When its
    time is over, one call at a time probes; the others still go elsewhere.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def failed(self, provider: str, model: str, error: ProviderError) -> None:
        """Note a failure; only those that speak of the vendor's state start a cool-down."""
        if isinstance(error, TransportError) and error.kind == "deadline":
            return  # the caller was in a hurry
        for kind, seconds, model_alone in _COOL_S:
            if isinstance(error, kind):
                self._cool(f"{provider}:{model}" if model_alone else provider, seconds, error)
                return

    def _cool(self, key: str, seconds: float, error: ProviderError) -> None:
        state = self._states.get(key)
        failures = 1 if state is None else state.failures + 1
        wait = error.retry_after_s
        if wait is None:
            wait = min(seconds * 2.0 ** (failures - 1), max(_LONGEST_S, seconds))
        now = self._clock()
        asked = error.retry_after_s is not None
        self._states[key] = _State(now, now + wait, failures, type(error).__name__, asked)

    def answered(self, provider: str, model: str, started: float) -> None:
        """Note an answer to an attempt that began at `started`: the provider and the model are well.

        It says nothing about a failure that is younger than the attempt, nor ends a rest that the vendor
        asked for before its time.
        """
        for key in (provider, f"{provider}:{model}") if self._states else ():
            state = self._states.get(key)
            if state is None or state.since > started or (state.asked and self._clock() < state.until):
                continue
            del self._states[key]

    def now(self) -> float:
        """The time on this clock."""
        return self._clock()

    def started(self, provider: str, model: str) -> None:
        """Note that a call goes out; after a cool-down it is the probe."""
        for key in (provider, f"{provider}:{model}") if self._states else ():
            state = self._states.get(key)
            if state is not None and self._clock() >= state.until:
                state.probing_until = self._clock() + _PROBE_S

    def cooling(self, provider: str, model: str) -> tuple[str, float] | None:
        """Why the candidate should rest, and for how many seconds more; None: it may serve."""
        if not self._states:
            return None
        now = self._clock()
        for key in (provider, f"{provider}:{model}"):
            state = self._states.get(key)
            if state is None:
                continue
            if now < state.until:
                return f"cooling down after {state.reason}", state.until - now
            if now < state.probing_until:
                return f"one call is probing it after {state.reason}", state.probing_until - now
        return None
