"""The store of the rules on a SQLite connection: reads what one transaction touches, writes it back at its end.

It decides nothing and commits nothing. It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from minimill.ledger._accounts import OPEN, Account, Attempt, Provider
from minimill.ledger._budgets import Budget
from minimill.ledger._rows import (
    ACCOUNT_COLUMNS,
    ATTEMPT_COLUMNS,
    BUDGET_COLUMNS,
    PROVIDER_COLUMNS,
    Place,
    account_ids,
    account_of,
    account_row,
    account_sums,
    attempt_of,
    attempt_row,
    budget_of,
    budget_row,
    started_us,
    to_json,
)
from minimill.ledger._sqlite_presence import LAPSE_US, Presence
from minimill.ledger._sqlite_tickets import Tickets

_IN = "IN (SELECT value FROM json_each(?1))"
_ATTEMPTS = (
    f"SELECT process, NULL, {ATTEMPT_COLUMNS} FROM holds WHERE id {{which}} "
    f"UNION ALL SELECT '', seq, {ATTEMPT_COLUMNS} FROM attempts WHERE id {{which}}"
)
_ONE_ATTEMPT, _MANY_ATTEMPTS = _ATTEMPTS.format(which="= ?1"), _ATTEMPTS.format(which=_IN)
_HOLD = f"INSERT OR REPLACE INTO holds ({ATTEMPT_COLUMNS}, process) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
ACCOUNTS_KEPT = 20_000
"""Most accounts that are remembered from one transaction to the next."""


class Tables:
    """Rows as objects: what a transaction touches is read, changed, and put back by `write`.

    `begin` starts a transaction, `written` ends it. In between nobody else writes; what was read stays true
    until another connection changes the file.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.presence = Presence(db)
        self.tickets = Tickets(db, self.presence.process)
        self.budgets: dict[str, Budget] = {}
        self.changed_by_others = True
        """Whether another connection wrote between this transaction and the one before."""
        self._seen_version = 0
        self.forget()

    def forget(self) -> None:
        """Drop all that was read, after a transaction that was rolled back."""
        self._budgets_version = 0
        self._forget_rows()
        self.tickets.rolled_back()
        self.presence.rolled_back()

    def _forget_rows(self) -> None:
        self._attempts: dict[str, Attempt | None] = {}
        self._by_place: dict[tuple[str, str, str], Account] = {}
        self._by_id: dict[int, Account] = {}
        self._providers: dict[str, Provider] = {}
        self._next_account: int | None = None
        self._data_version = 0
        self._start_over()

    def _start_over(self) -> None:
        self._changed: dict[str, Attempt] = {}
        self._fresh: set[int] = set()
        self._moved: dict[int, Account] = {}
        self._heard: dict[str, Provider] = {}
        self._entries: list[tuple[Any, ...]] = []

    def begin(self, now_us: int) -> None:
        """Call it first in each transaction."""
        version = self._version()
        self.changed_by_others = version != self._data_version
        if self.changed_by_others:
            self._forget_rows()
            self._data_version = version
            self._load_budgets()
        self.tickets.read(now_us, self._seen_version not in (0, version))
        self._seen_version = version

    def _load_budgets(self) -> None:
        budgets_version = self._db.execute("SELECT value FROM meta WHERE name = 'budgets_version'").fetchone()[0]
        if budgets_version != self._budgets_version:
            rows = self._db.execute(f"SELECT {BUDGET_COLUMNS} FROM budgets").fetchall()
            self.budgets = {row[1]: budget_of(row) for row in rows}
            self._budgets_version = budgets_version

    def others_wrote(self) -> bool:
        """Whether another connection has written since the last transaction."""
        return self._version() != self._data_version

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def written(self) -> None:
        """Call it when the transaction is committed: remember what is likely to be asked for again."""
        for number in self._fresh - self._moved.keys():  # opened for a refusal, never written
            unused = self._by_id.pop(number)
            del self._by_place[unused.budget, unused.key, unused.window_id]
        self._next_account = None if self._fresh else self._next_account
        self._attempts = {name: a for name, a in self._attempts.items() if a is not None and a.state == OPEN}
        if len(self._by_id) > ACCOUNTS_KEPT:
            self._attempts, self._by_id, self._by_place = {}, {}, {}
        self._start_over()

    # -- what the rules ask for ------------------------------------------------------------------

    def budget(self, name: str) -> Budget | None:
        return self.budgets.get(name)

    def account(self, budget: str, key: str, window_id: str) -> Account:
        place = (budget, key, window_id)
        found = self._by_place.get(place)
        if found is None:
            row = self._db.execute(
                f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE budget = ? AND window = ? AND key = ?",
                (budget, window_id, key),
            ).fetchone()
            found = self._seen(row) if row else self._open(place)
        return found

    def _seen(self, row: tuple[Any, ...]) -> Account:
        found = self._by_id.get(row[0])
        if found is None:
            found = self._by_id[row[0]] = account_of(row)
            self._by_place[found.budget, found.key, found.window_id] = found
        return found

    def _open(self, place: tuple[str, str, str]) -> Account:
        if self._next_account is None:
            self._next_account = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM accounts").fetchone()[0]
        account = Account(self._next_account, *place)
        self._next_account += 1
        self._fresh.add(account.id)
        self._by_id[account.id] = self._by_place[place] = account
        return account

    def account_by_id(self, number: int) -> Account:
        """An account that a line names."""
        if number not in self._by_id:
            self._load_accounts([number])
        return self._by_id[number]

    def attempt(self, attempt_id: str) -> Attempt | None:
        if attempt_id not in self._attempts:
            self.load([attempt_id])
        return self._attempts[attempt_id]

    def provider(self, name: str) -> Provider:
        found = self._providers.get(name)
        if found is None:
            sql = f"SELECT {PROVIDER_COLUMNS} FROM providers WHERE name = ?"
            row = self._db.execute(sql, (name,)).fetchone()
            found = self._providers[name] = Provider(*row) if row else Provider(name)
        return found

    def promised(self, budget: str, key: str, provider: str, came_us: int) -> int:
        return self.tickets.promised(budget, key, provider, came_us)

    def expired(self, now_us: int) -> list[Attempt]:
        """Attempts that nobody closed: their time has passed, or their process is gone."""
        sql = (
            "SELECT id FROM holds WHERE state = ? AND (expires_us <= ? OR (process <> ? AND process NOT IN "
            "(SELECT id FROM processes WHERE seen_us > ?)))"
        )
        ids = [row[0] for row in self._db.execute(sql, (OPEN, now_us, self.presence.process, now_us - LAPSE_US))]
        self.load(ids)
        found = [self._attempts[attempt_id] for attempt_id in ids]
        return [a for a in found if a is not None and a.state == OPEN]

    def put(self, attempt: Attempt) -> None:
        self._attempts[attempt.id] = self._changed[attempt.id] = attempt
        for line in attempt.lines:
            self._moved[line.account.id] = line.account

    def heard(self, provider: Provider) -> None:
        self._heard[provider.name] = provider

    def enter(
        self,
        attempt_id: str,
        account: Account,
        kind: str,
        held: int,
        settled: int,
        unpriced: int,
        now_us: int,
        reason: str | None,
    ) -> None:
        self._entries.append((now_us, attempt_id, account.id, kind, held, settled, unpriced, reason))
        self._moved[account.id] = account

    # -- reading many ----------------------------------------------------------------------------

    def load(self, attempt_ids: Iterable[str]) -> None:
        """Read attempts that the transaction is going to need, in one statement."""
        known = self._attempts
        wanted = [attempt_id for attempt_id in attempt_ids if attempt_id not in known]
        if not wanted:
            return
        known.update(dict.fromkeys(wanted))
        if len(wanted) == 1:
            rows = self._db.execute(_ONE_ATTEMPT, wanted).fetchall()
        else:
            rows = self._db.execute(_MANY_ATTEMPTS, (to_json(wanted),)).fetchall()
        for attempt in self.attempts_of(rows) if rows else ():
            known[attempt.id] = attempt

    def load_accounts(self, keys: Mapping[tuple[str, str], list[str]]) -> None:
        """Read the accounts of these keys by (budget, window); those that do not exist yet stay unread."""
        for (budget, window_id), wanted in keys.items():
            missing = [key for key in wanted if (budget, key, window_id) not in self._by_place]
            if len(missing) > 1:
                sql = f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE budget = ?2 AND window = ?3 AND key {_IN}"
                for row in self._db.execute(sql, (to_json(missing), budget, window_id)):
                    self._seen(row)

    def attempts_of(self, rows: list[tuple[Any, ...]]) -> list[Attempt]:
        """Attempts from rows of (process, seq or NULL for an open one, ATTEMPT_COLUMNS)."""
        self._load_accounts({number for row in rows for number in account_ids(row[7])})
        return [attempt_of(row[2:], self.account_by_id, row[1], row[0]) for row in rows]

    def _load_accounts(self, numbers: Iterable[int]) -> None:
        missing = [number for number in numbers if number not in self._by_id]
        if missing:
            sql = f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE id {_IN}"
            for row in self._db.execute(sql, (to_json(missing),)):
                self._seen(row)

    # -- writing back ----------------------------------------------------------------------------

    def put_budget(self, budget: Budget) -> None:
        """Write a budget that is new or was changed."""
        marks = ", ".join("?" * len(BUDGET_COLUMNS.split(",")))
        self._db.execute(f"INSERT OR REPLACE INTO budgets ({BUDGET_COLUMNS}) VALUES ({marks})", budget_row(budget))
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'budgets_version'")
        self._budgets_version += 1
        self.budgets[budget.name] = budget

    def mark(self, place: tuple[str, str, str, int], by: str, now_us: int) -> bool:
        """Whether `by` is who claimed this (budget, window, key, level) first."""
        self._db.execute(
            "INSERT OR IGNORE INTO marks (budget, window, key, level_ppm, by, at_us) VALUES (?, ?, ?, ?, ?, ?)",
            (*place, by, now_us),
        )
        where = "budget = ? AND window = ? AND key = ? AND level_ppm = ?"
        return bool(self._db.execute(f"SELECT by FROM marks WHERE {where}", place).fetchone()[0] == by)

    def write(self) -> None:
        """Put back what changed."""
        self._write_accounts()
        self._write_attempts()
        self._many(
            "INSERT INTO entries (at_us, attempt, account, kind, held, settled, unpriced, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self._entries,
        )
        heard = [(p.name, p.answered_us, p.silent_us, p.doubted_us, p.probes) for p in self._heard.values()]
        self._many(f"INSERT OR REPLACE INTO providers ({PROVIDER_COLUMNS}) VALUES (?, ?, ?, ?, ?)", heard)

    def _many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._db.executemany(sql, rows)

    def _write_accounts(self) -> None:
        fresh = [account_row(a) for number, a in self._moved.items() if number in self._fresh]
        known = [account_sums(a) for number, a in self._moved.items() if number not in self._fresh]
        self._many(f"INSERT INTO accounts ({ACCOUNT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", fresh)
        self._many("UPDATE accounts SET settled=?, held=?, kept=?, unpriced=?, owed=? WHERE id = ?", known)

    def _write_attempts(self) -> None:
        held, left, closed, again = [], [], [], []
        for attempt in self._changed.values():
            row = attempt_row(attempt)
            place = attempt.place if isinstance(attempt.place, Place) else None
            if attempt.is_open:
                attempt.place = place = place or Place(None, row[4], self.presence.process)
                held.append((*row, place.process))
            elif place is not None and place.seq is not None:
                again.append((*row[1:], started_us(attempt), place.seq))
            else:
                closed.append((*row, started_us(attempt)))
                if place is not None:
                    left.append((attempt.id,))
        self._many("DELETE FROM holds WHERE id = ?", left)
        self._many(_HOLD, held)
        self._many(f"INSERT INTO attempts ({ATTEMPT_COLUMNS}, started_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", closed)
        self._many(
            "UPDATE attempts SET state=?, reserved_us=?, expires_us=?, meta=?, lines=?, record=?, charged=?, "
            "started_us=? WHERE seq = ?",
            again,
        )
