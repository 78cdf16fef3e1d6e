"""Which failures are worth another try at the same vendor, and how often."""

import pytest

from minimill._errors import (
    AuthenticationError,
    OverloadedError,
    ProviderError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from minimill._retry import RetryPolicy, may_repeat, repeat

POLICY = RetryPolicy(base_s=0.001)


@pytest.mark.parametrize(
    ("error", "alone", "with_others"),
    [
        (AuthenticationError("x", status=401), False, False),
        (RateLimitedError("x", status=429), True, False),
        (RateLimitedError("x", status=429, retry_after_s=0.5), True, True),
        (RateLimitedError("x", status=429, retry_after_s=20), True, False),
        (RateLimitedError("x", status=429, retry_after_s=31), False, False),
        (ServerError("x", status=500), True, True),
        (OverloadedError("x", status=503), True, False),
        (OverloadedError("x", status=503, retry_after_s=1), True, True),
        (TransportError("x", kind="connect"), True, True),
        (TransportError("x", kind="first_token_timeout"), True, False),
        (ValueError("x"), False, False),
    ],
)
def test_what_is_repeated(error: Exception, alone: bool, with_others: bool) -> None:
    """With another vendor at hand only what passes at once."""
    assert may_repeat(error, alone=True, policy=POLICY) is alone
    assert may_repeat(error, alone=False, policy=POLICY) is with_others
    assert may_repeat(error, alone=True, policy=RetryPolicy(retries=0)) is False


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "alone", "tries"),
    [
        (ServerError("x", status=500), True, 2),
        (ServerError("x", status=500), False, 1),
        (TransportError("x", kind="first_token_timeout"), True, 1),
        (TransportError("x", kind="connect"), True, 2),
    ],
)
async def test_how_often(error: ProviderError, alone: bool, tries: int) -> None:
    """Twice alone, once with others, and once at most after silence."""
    count = 0

    async def attempt() -> str:
        nonlocal count
        count += 1
        raise error

    with pytest.raises(type(error)):
        await repeat(error, attempt, alone=alone, policy=POLICY, seconds_left=lambda: 60)
    assert count == tries


@pytest.mark.anyio
async def test_success_ends_it() -> None:
    """The first answer is returned."""

    async def attempt() -> str:
        return "answer"

    first = ServerError("x", status=500)
    assert await repeat(first, attempt, alone=True, policy=POLICY, seconds_left=lambda: 60) == "answer"


@pytest.mark.anyio
async def test_no_wait_beyond_the_deadline() -> None:
    """A wait that would pass the deadline is not begun."""

    async def attempt() -> str:
        raise AssertionError("tried")

    first = RateLimitedError("x", status=429, retry_after_s=10)
    with pytest.raises(RateLimitedError):
        await repeat(first, attempt, alone=True, policy=POLICY, seconds_left=lambda: 1)
