"""Short ways to make what a ledger takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Coroutine, Generator
from typing import Any

from minimill.ledger import AttemptMeta, AttemptRecord, BudgetDefinition, Claim, Ledger

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


class Thrown:
    """Awaiting it runs a coroutine and throws each of `errors` into it, from its suspension `at` on."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *errors: BaseException) -> None:
        self._coroutine = coroutine
        self._at = at
        self._errors = list(errors)
        self.thrown = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Any = self._coroutine.send
        value: Any = None
        seen = 0
        while True:
            try:
                trap = step(value)
            except StopIteration as end:
                return end.value
            if seen >= self._at and self._errors:
                self.thrown += 1
                step, value = self._coroutine.throw, self._errors.pop(0)
                continue
            seen += 1
            try:
                step, value = self._coroutine.send, (yield trap)
            except BaseException as error:
                step, value = self._coroutine.throw, error
