"""Cool-downs: how long, for whom, and how they end."""

import pytest

from minimill._errors import (
    InvalidRequestError,
    OverloadedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    TransportError,
)
from minimill._routing import Health


class Clock:
    """A clock that stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("error", "seconds", "others"),
    [
        (RateLimitedError("x"), 5, False),
        (RateLimitedError("x", retry_after_s=2.5), 2.5, False),
        (QuotaExhaustedError("x"), 300, True),
        (OverloadedError("x"), 10, False),
        (TransportError("x", kind="first_token_timeout"), 15, True),
    ],
)
def test_a_failure_cools_model_or_vendor(error: ProviderError, seconds: float, others: bool) -> None:
    """A rate limit rests the model, a silence or an empty wallet the whole vendor."""
    clock = Clock()
    health = Health(clock)
    health.failed("acme", "m", error)
    assert health.cooling("acme", "m") == (f"cooling down after {type(error).__name__}", seconds)
    assert (health.cooling("acme", "other") is not None) == others
    clock.now += seconds
    assert health.cooling("acme", "m") is None


def test_a_bad_request_says_nothing_about_the_vendor() -> None:
    """It does not rest."""
    health = Health(Clock())
    health.failed("acme", "m", InvalidRequestError("x"))
    assert health.cooling("acme", "m") is None


def test_failures_in_a_row_double_the_time() -> None:
    """15, 30, 60 … at most 600 seconds; an answer ends it."""
    health = Health(Clock())
    waits = []
    for _ in range(8):
        health.failed("acme", "m", TransportError("x"))
        waits.append(health.cooling("acme", "m")[1])  # type: ignore[index]
    assert waits == [15, 30, 60, 120, 240, 480, 600, 600]
    health.answered("acme", "m", started=99.0)
    assert health.cooling("acme", "m") is not None
    health.answered("acme", "m", started=100.0)
    assert health.cooling("acme", "m") is None


def test_a_rest_that_the_vendor_asked_for_is_kept() -> None:
    """Answers that come meanwhile do not end it; after it they do."""
    clock = Clock()
    health = Health(clock)
    health.failed("acme", "m", RateLimitedError("x", retry_after_s=5))
    health.answered("acme", "m", started=100.0)
    assert health.cooling("acme", "m") == ("cooling down after RateLimitedError", 5)
    clock.now += 5
    health.answered("acme", "m", started=105.0)
    health.failed("acme", "m", RateLimitedError("x"))
    assert health.cooling("acme", "m") == ("cooling down after RateLimitedError", 5)


def test_one_call_probes_when_the_time_is_over() -> None:
    """While it does, the others still go elsewhere."""
    clock = Clock()
    health = Health(clock)
    health.failed("acme", "m", OverloadedError("x"))
    clock.now += 10
    assert health.cooling("acme", "m") is None
    health.started("acme", "m")
    assert health.cooling("acme", "m") == ("one call is probing it after OverloadedError", 10)
    health.answered("acme", "m", started=clock.now)
    assert health.cooling("acme", "m") is None
