"""Reading the books: each function sees one moment of them, through a connection that cannot write.

They may take long on large books and run in a thread of their own. It may import `_money`, `_errors` and its
neighbours.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from minimill._errors import LedgerError
from minimill.ledger._accounts import Account, Attempt
from minimill.ledger._audit import differences, in_order, in_range, unknown_budget
from minimill.ledger._base import Balance, BudgetDefinition, HoldInfo, SpendRow
from minimill.ledger._rows import ACCOUNT_COLUMNS, ATTEMPT_COLUMNS, account_of
from minimill.ledger._sqlite_file import connect_reader
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._views import balance, expired_by_account, hold_info, spend_row
from minimill.ledger._windows import to_us

T = TypeVar("T")


class Reader:
    """One moment of the books."""

    def __init__(self, db: sqlite3.Connection, now_us: int) -> None:
        self._db = db
        self._now_us = now_us
        self._tables = Tables(db)
        self._tables.begin(now_us)

    def budgets(self) -> list[BudgetDefinition]:
        """See `Ledger.budgets`."""
        return [budget.definition for _, budget in sorted(self._tables.budgets.items())]

    def balances(self, budget: str | None, at: dt.datetime | None) -> list[Balance]:
        """See `Ledger.balances`."""
        budgets = self._tables.budgets
        if budget is not None and budget not in budgets:
            raise unknown_budget(budget, budgets)
        expired = expired_by_account(self._open(), self._now_us)
        found = []
        for name in sorted(budgets) if budget is None else [budget]:
            window = budgets[name].window(self._now_us if at is None else to_us(at))
            accounts = self._accounts("budget = ? AND window = ? ORDER BY key", name, window.id)
            if budgets[name].definition.by is None and not accounts:
                accounts = [Account(0, name, "", window.id)]
            found += [balance(budgets[name], a, window, expired.get(a.id, 0)) for a in accounts]
        return found

    def holds(self) -> list[HoldInfo]:
        """See `Ledger.holds`."""
        found = [hold_info(self._tables, attempt, self._now_us) for attempt in self._open()]
        return sorted(found, key=lambda hold: (hold.reserved_at, hold.attempt_id))

    def records(
        self, since: dt.datetime | None, until: dt.datetime | None, call_id: str | None, last: int | None
    ) -> list[SpendRow]:
        """See `Ledger.records`."""
        if call_id is not None:
            attempts = self._of_call(call_id)
        else:
            attempts = [*self._closed_between(since, until, last), *self._open()]
        rows = [spend_row(self._tables, attempt, self._now_us) for attempt in attempts]
        found = [row for row in rows if row is not None and in_range(row, since, until, call_id)]
        return in_order(found, last)

    def audit(self) -> list[str]:
        """See `Ledger.audit`."""
        sums = {
            account: (held, settled, unpriced)
            for account, held, settled, unpriced in self._db.execute(
                "SELECT account, sum(held), sum(settled), sum(unpriced) FROM entries GROUP BY account"
            )
        }
        return [*self._lost_entries(), *differences(self._accounts("1"), sums, self._open())]

    def _lost_entries(self) -> list[str]:
        """Entries have numbers without a gap; what is missing at the end is seen in the sums."""
        count, last = self._db.execute("SELECT count(*), coalesce(max(seq), 0) FROM entries").fetchone()
        return [f"{last - count} of {last} entries are missing"] if count != last else []

    def _accounts(self, where: str, *values: Any) -> list[Account]:
        rows = self._db.execute(f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE {where}", values)
        return [account_of(row) for row in rows]

    def _open(self, where: str = "1", *values: Any) -> list[Attempt]:
        sql = f"SELECT process, NULL, {ATTEMPT_COLUMNS} FROM holds WHERE {where}"
        return self._tables.attempts_of(self._db.execute(sql, values).fetchall())

    def _closed_between(
        self, since: dt.datetime | None, until: dt.datetime | None, last: int | None
    ) -> list[Attempt]:
        low = -(2**62) if since is None else to_us(since)
        high = 2**62 if until is None else to_us(until)
        newest = "started_us >= ? AND started_us < ? ORDER BY started_us DESC, id DESC LIMIT ?"
        return self._closed(newest, low, high, -1 if last is None else last)

    def _of_call(self, call_id: str) -> list[Attempt]:
        by_meta = ("json_extract(meta, '$[0]') = ?", call_id)
        found = self._open(*by_meta)
        found += self._closed("id >= ? AND id < ?", call_id, call_id + "\U0010ffff")
        if not any(attempt.id.startswith(call_id) for attempt in found):
            # Attempts named after their call are found by key; others by looking through all.
            found += self._closed(*by_meta)
        return found

    def _closed(self, where: str, *values: Any) -> list[Attempt]:
        sql = f"SELECT '', seq, {ATTEMPT_COLUMNS} FROM attempts WHERE {where}"
        return self._tables.attempts_of(self._db.execute(sql, values).fetchall())


@contextmanager
def _moment(path: str, now_us: int) -> Iterator[Reader]:
    with closing(connect_reader(path)) as db:
        db.execute("BEGIN")
        yield Reader(db, now_us)


def read(path: str, now_us: int, ask: Callable[[Reader], T]) -> T:
    """Ask the books one thing. Raises LedgerError."""
    try:
        with _moment(path, now_us) as reader:
            return ask(reader)
    except sqlite3.Error as error:
        raise LedgerError(f"{path} cannot be read: {error}") from error
