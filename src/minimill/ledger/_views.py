"""The books as callers see them: balances, holds, and rows of the spend report.

It changes nothing. It may import `_money` and its neighbours `_base`, `_accounts`, `_budgets`, `_windows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from minimill.ledger._accounts import OPEN, RELEASED, WITHDRAWN, Account, Attempt, Line
from minimill.ledger._base import AttemptMeta, AttemptRecord, Balance, HoldInfo, SpendLine, SpendRow
from minimill.ledger._budgets import Budget
from minimill.ledger._windows import Window, from_us


class Definitions(Protocol):
    """Where a budget is found by its name."""

    def budget(self, name: str) -> Budget | None: ...


def balance(budget: Budget, account: Account, window: Window, expired: int = 0) -> Balance:
    """The sums of an account as callers see them; `expired`: held by attempts past their time, not yet kept."""
    return Balance(
        budget.name,
        account.key,
        window.id,
        budget.definition.currency,
        budget.limit,
        account.settled,
        account.held,
        account.kept + expired,
        budget.hard,
        window.resets_at,
        account.unpriced,
    )


def balances_of(store: Definitions, attempt: Attempt) -> tuple[Balance, ...]:
    """The balances of every account the attempt claims, in the window that reserved it."""
    found = []
    for line in attempt.lines:
        budget = store.budget(line.account.budget)
        if budget is not None:
            found.append(balance(budget, line.account, budget.window(attempt.reserved_us)))
    return tuple(found)


def expired_by_account(attempts: Iterable[Attempt], now_us: int) -> dict[int, int]:
    """What attempts that are past their time, and were not kept, hold in each account."""
    found: dict[int, int] = {}
    for attempt in attempts:
        if attempt.state == OPEN and attempt.expires_us <= now_us:
            for line in attempt.lines:
                found[line.account.id] = found.get(line.account.id, 0) + line.held
    return found


def hold_info(store: Definitions, attempt: Attempt, now_us: int) -> HoldInfo:
    """An open attempt as callers see it."""
    amounts = []
    for line in attempt.lines:
        budget = store.budget(line.account.budget)
        amounts.append((line.account.budget, line.account.key, line.held, budget.currency if budget else ""))
    meta = attempt.meta or AttemptMeta("", "", "")
    return HoldInfo(
        attempt.id,
        meta.call_id,
        meta.provider,
        meta.model,
        meta.app,
        from_us(attempt.reserved_us),
        from_us(attempt.expires_us),
        attempt.state != OPEN or attempt.expires_us <= now_us,
        tuple(amounts),
    )


def spend_row(store: Definitions, attempt: Attempt, now_us: int) -> SpendRow | None:
    """The attempt as a line of the spend report; None when it left no trace worth one.

    An attempt that nobody closed shows as `open` until its time has passed, and as `lost` afterwards.
    """
    lines = tuple(_spend_line(store, line) for line in attempt.lines)
    record = attempt.record
    if record is None:
        if attempt.meta is None or attempt.state in (RELEASED, WITHDRAWN):
            return None
        record = _lost(attempt, lines, now_us)
    elif not isinstance(record.details, dict):
        record = replace(record, details=dict(record.details))  # callers write it as JSON
    return SpendRow(record, _corrected(attempt, record, lines), lines)


def _spend_line(store: Definitions, line: Line) -> SpendLine:
    budget = store.budget(line.account.budget)
    currency = budget.currency if budget else ""
    return SpendLine(line.account.budget, line.account.key, currency, line.reserved, line.held, line.booked)


def _lost(attempt: Attempt, lines: Sequence[SpendLine], now_us: int) -> AttemptRecord:
    assert attempt.meta is not None
    running = attempt.state == OPEN and attempt.expires_us > now_us
    wanted = None if attempt.charged is None else attempt.charged.currency
    priced = [n for n in lines if n.reserved_nanos is not None and wanted in (None, n.currency)]
    reserved = priced[0].reserved_nanos if priced else None
    return AttemptRecord(
        attempt.id,
        attempt.meta,
        from_us(attempt.reserved_us),
        from_us(now_us if running else max(attempt.reserved_us, min(attempt.expires_us, now_us))),
        "open" if running else "lost",
        "held" if priced else "unpriced",
        wanted or (priced[0].currency if priced else None),
        reserved,
        reserved,
    )


def _corrected(attempt: Attempt, record: AttemptRecord, lines: Sequence[SpendLine]) -> int:
    """What corrections add to the record's charge, in the record's currency."""
    charged = record.charged_nanos or 0
    if attempt.charged is not None:
        return attempt.charged.nanos - charged
    corrected = [told for told, line in zip(lines, attempt.lines, strict=True) if line.corrected]
    for line in corrected:
        if line.currency == record.currency:
            return line.booked_nanos - charged
    if not corrected or not record.reserved_nanos or not corrected[0].reserved_nanos:
        return 0
    return -(-record.reserved_nanos * corrected[0].booked_nanos // corrected[0].reserved_nanos) - charged
