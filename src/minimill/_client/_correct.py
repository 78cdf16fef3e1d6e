"""Corrections: booking the truth about an attempt in every budget that it debited."""

from __future__ import annotations

from minimill._client._budgets import Budgets
from minimill._errors import LedgerError
from minimill._money import Money
from minimill.ledger import Ledger, SpendRow


async def correct(ledger: Ledger, budgets: Budgets, attempt: str, amount: Money, reason: str) -> None:
    """As `Client.correct`."""
    await ledger.flush()
    row = await _row(ledger, attempt)
    record = row.record
    for hold in await ledger.holds():
        if hold.attempt_id == record.attempt_id and not hold.unconfirmed:
            last = hold.expires_at.isoformat(timespec="seconds")
            raise LedgerError(
                f"attempt {record.attempt_id} is still running and books what it costs when it ends; wait for that, "
                f"or until its hold is unconfirmed ({last}); nothing was corrected"
            )
    if record.currency is not None and amount.currency != record.currency:
        raise LedgerError(f"{record.attempt_id} was billed in {record.currency}, not {amount.currency}")
    on = record.started_at.date()
    nanos = {line.budget: budgets.in_currency(amount, line.currency, on).nanos for line in row.lines}
    await ledger.correct(record.attempt_id, nanos, charged=amount, reason=reason)


async def _row(ledger: Ledger, attempt: str) -> SpendRow:
    """The attempt of that id, or the one attempt of the call of that id whose hold is open."""
    call_id = attempt.partition("-")[0]
    rows = await ledger.records(call_id=call_id)
    exact = [row for row in rows if row.record.attempt_id == attempt]
    if exact:
        return exact[0]
    if attempt != call_id or not rows:
        raise LedgerError(f"the books know no attempt or call {attempt!r}; nothing was corrected")
    held = [row for row in rows if row.record.certainty == "held"] or rows
    if len(held) > 1:
        names = ", ".join(row.record.attempt_id for row in held)
        raise LedgerError(f"call {attempt!r} has several attempts, say which one: {names}")
    return held[0]
