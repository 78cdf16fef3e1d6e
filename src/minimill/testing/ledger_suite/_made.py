"""Short ways to make what a ledger takes, and to look at what it says."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import anyio
import pytest

from minimill import BudgetExceededError
from minimill.ledger import AttemptMeta, AttemptRecord, BudgetDefinition, Claim, Ending, Ledger

Open: TypeAlias = "Callable[[Clock], Ledger]"
"""Opens a ledger on certain books, with a clock that tests move."""
START = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


class Clock:
    """The ledger's clock, moved by hand."""

    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()

    def go(self, **span: float) -> None:
        self.now += dt.timedelta(**span)


def budget(name: str = "team", limit: int = 100, **others: Any) -> BudgetDefinition:
    """A hard budget in CNY of which a silent vendor may hold everything."""
    others = {"currency": "CNY", "unconfirmed_share_ppm": 1_000_000, **others}
    return BudgetDefinition(name, limit, **others)


def meta(provider: str = "acme", call: str = "call", **others: Any) -> AttemptMeta:
    return AttemptMeta(call, provider, "small", **others)


def record(attempt_id: str, status: str = "ok", charged: int | None = 1, **others: Any) -> AttemptRecord:
    values: dict[str, Any] = {
        "meta": meta(),
        "started_at": START,
        "finished_at": START + dt.timedelta(seconds=1),
        "certainty": "exact",
        "currency": "CNY",
        "charged_nanos": charged,
        **others,
    }
    return AttemptRecord(attempt_id=attempt_id, status=status, **values)


async def hold(
    ledger: Ledger,
    attempt_id: str,
    amount: int | None = 1,
    *claims: Claim,
    provider: str = "acme",
    lasts_s: float = 600,
    at: dt.datetime = START,
    **waits: Any,
) -> Any:
    """Reserve `amount` of the budget `team`, or `claims`."""
    wanted = claims or (Claim("team", "", amount),)
    expires_at = at + dt.timedelta(seconds=lasts_s)
    return await ledger.reserve(attempt_id, wanted, meta(provider), expires_at=expires_at, **waits)


async def sums(ledger: Ledger, name: str = "team", **at: Any) -> tuple[int, int, int]:
    """(settled, held, unconfirmed) of the only account of a budget."""
    (found,) = await ledger.balances(name, **at)
    return found.settled_nanos, found.held_nanos, found.unconfirmed_nanos


SHARE = budget(limit=100, unconfirmed_share_ppm=200_000)
"""20 of 100 may be lost to one vendor; 5 of them are left for probes."""


async def refused(ledger: Ledger, attempt_id: str, amount: int, **more: Any) -> None:
    """Its provider's share has no room for it."""
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, attempt_id, amount, **more)
    assert caught.value.provider_silent
    assert "acme" in str(caught.value)


def let_down(ledger: Ledger, attempt_id: str, ending: Ending = "silent") -> None:
    """Close an attempt whose cost nobody knows."""
    ledger.keep(attempt_id, record(attempt_id, ending, 5, certainty="held"), ending=ending)


async def held_and_settled(ledger: Ledger, attempt_id: str) -> None:
    """One call that waits for its vendor's share, and costs all it held."""
    await hold(ledger, attempt_id, 20, wait_silent_until=now() + 60)
    ledger.settle(attempt_id, {"team": 20}, record(attempt_id, charged=20))


now = time.monotonic


async def settled_down(ledger: Ledger) -> None:
    """Let the others go as far as they can: what they asked for is answered before a flush that follows."""
    for _ in range(2):
        await anyio.wait_all_tasks_blocked()
        await ledger.flush()
    await anyio.wait_all_tasks_blocked()
