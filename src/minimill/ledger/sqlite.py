"""Books in one SQLite file: durable, and shared by every process of one machine.

The embedded default. One thread writes the file (`_writer`); what is here hands work to it. It may
import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from minimill._money import Money
from minimill.ledger._audit import unknown_budget
from minimill.ledger._base import BudgetDefinition
from minimill.ledger._books import Books
from minimill.ledger._budgets import check, declared, with_limit
from minimill.ledger._queued import CLOSE_WAIT_S, QueuedLedger
from minimill.ledger._sqlite_desk import Desk
from minimill.ledger._sqlite_store import Tables

T = TypeVar("T")

LOCK_WAIT_S = 30.0
"""How long a write waits for other processes before it fails."""


class SqliteLedger(QueuedLedger):
    """A ledger in a SQLite file on a local disk. Threads, event loops and processes may share the file.

    A forked process must open its own. The file and its companions (`-wal`, `-shm`, `.lock`, `.turn`) are
    readable by their owner only.

    Args:
        path: The file; it and its folder are made when first needed.
        clock: Seconds since 1970; decides windows and expiry.
        lock_wait_s: How long a write waits for other processes before it fails.
        close_wait_s: How long closing waits for the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], float] = time.time,
        lock_wait_s: float = LOCK_WAIT_S,
        close_wait_s: float = CLOSE_WAIT_S,
    ) -> None:
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self.url = f"sqlite:///{self.path}"
        self._clock = clock
        super().__init__(Desk(self.path, clock, lock_wait_s), close_wait_s)

    async def declare(self, budgets: Sequence[BudgetDefinition]) -> list[str]:
        """See `Ledger.declare`."""
        for definition in budgets:
            check(definition)
        wanted = list(budgets)
        said: list[str] = await self._job(lambda tables, books, now_us: _declare(wanted, tables, books))
        return said

    async def correct(
        self, attempt_id: str, amounts: Mapping[str, int], *, charged: Money | None = None, reason: str
    ) -> None:
        """See `Ledger.correct`."""
        wanted = dict(amounts)
        await self._job(lambda tables, books, now_us: books.correct(attempt_id, wanted, charged, reason, now_us))

    async def set_limit(self, budget: str, limit_nanos: int) -> None:
        """See `Ledger.set_limit`."""
        await self._job(lambda tables, books, now_us: _set_limit(budget, limit_nanos, tables, books))

    async def mark(self, budget: str, key: str, window_id: str, level_ppm: int, *, by: str) -> bool:
        """See `Ledger.mark`."""
        place = (budget, window_id, key, level_ppm)
        first: bool = await self._job(lambda tables, books, now_us: tables.mark(place, by, now_us))
        return first

    def _ask(self, ask: Callable[[Any], T]) -> T:
        from minimill.ledger._sqlite_read import read

        return read(self.path, int(self._clock() * 1_000_000), ask)


def _declare(wanted: list[BudgetDefinition], tables: Tables, books: Books) -> list[str]:
    changed, said = declared(wanted, tables.budgets)
    for budget in changed:
        tables.put_budget(budget)
        books.freed = True
    return said


def _set_limit(name: str, limit_nanos: int, tables: Tables, books: Books) -> None:
    known = tables.budget(name)
    if known is None:
        raise unknown_budget(name, tables.budgets)
    tables.put_budget(with_limit(known, limit_nanos))
    books.freed = True
