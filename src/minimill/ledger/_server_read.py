"""Reading the books of a server: each function sees them as they were at one moment.

It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import datetime as dt

from minimill.ledger._accounts import Account, Attempt
from minimill.ledger._audit import differences, in_order, in_range, unknown_budget
from minimill.ledger._base import Balance, BudgetDefinition, HoldInfo, SpendRow
from minimill.ledger._budgets import Budget
from minimill.ledger._rows import account_ids, account_of, attempt_of, budget_of
from minimill.ledger._server import Moment, Row
from minimill.ledger._views import balance, expired_by_account, hold_info, spend_row
from minimill.ledger._windows import to_us


class Reader:
    """One moment of the books, as callers see it."""

    def __init__(self, moment: Moment, now_us: int | None) -> None:
        self._moment = moment
        self._now_us = moment.now_us if now_us is None else now_us
        self._budgets = {row[1]: budget_of(row) for row in moment.budgets()}
        self._accounts: dict[int, Account] = {}

    def budget(self, name: str) -> Budget | None:
        """What the views ask for."""
        return self._budgets.get(name)

    def budgets(self) -> list[BudgetDefinition]:
        """See `Ledger.budgets`."""
        return [budget.definition for _, budget in sorted(self._budgets.items())]

    def balances(self, budget: str | None, at: dt.datetime | None) -> list[Balance]:
        """See `Ledger.balances`."""
        if budget is not None and budget not in self._budgets:
            raise unknown_budget(budget, self._budgets)
        expired = expired_by_account(self._open(), self._now_us)
        found = []
        for name in sorted(self._budgets) if budget is None else [budget]:
            known = self._budgets[name]
            window = known.window(self._now_us if at is None else to_us(at))
            accounts = [account_of(row) for row in self._moment.accounts(name, window.id)]
            if known.definition.by is None and not accounts:
                accounts = [Account(0, name, "", window.id)]
            accounts.sort(key=lambda account: account.key)
            found += [balance(known, account, window, expired.get(account.id, 0)) for account in accounts]
        return found

    def holds(self) -> list[HoldInfo]:
        """See `Ledger.holds`."""
        found = [hold_info(self, attempt, self._now_us) for attempt in self._open()]
        return sorted(found, key=lambda hold: (hold.reserved_at, hold.attempt_id))

    def records(
        self, since: dt.datetime | None, until: dt.datetime | None, call_id: str | None, last: int | None
    ) -> list[SpendRow]:
        """See `Ledger.records`."""
        if call_id is not None:
            attempts = self._attempts(self._moment.of_call(call_id))
        else:
            low = -(2**62) if since is None else to_us(since)
            high = 2**62 if until is None else to_us(until)
            attempts = [*self._attempts(self._moment.closed_between(low, high, last)), *self._open()]
        rows = [spend_row(self, attempt, self._now_us) for attempt in attempts]
        found = [row for row in rows if row is not None and in_range(row, since, until, call_id)]
        return in_order(found, last)

    def audit(self) -> list[str]:
        """See `Ledger.audit`."""
        accounts = [account_of(row) for row in self._moment.all_accounts()]
        return differences(accounts, self._moment.sums(), self._open())

    def _open(self) -> list[Attempt]:
        return self._attempts(self._moment.open())

    def _attempts(self, rows: list[Row]) -> list[Attempt]:
        missing = {number for row in rows for number in account_ids(row[5])} - self._accounts.keys()
        if missing:
            self._accounts |= {row[0]: account_of(row) for row in self._moment.accounts_of(sorted(missing))}
        return [attempt_of(row, self._accounts.__getitem__, None, "") for row in rows]
