"""Books in one SQLite file: durable, and shared by every process of one machine.

The embedded default. One thread writes the file (`_sqlite_writer`); what is here hands work to it. It may
import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import atexit
import datetime as dt
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from minimill._errors import LedgerError
from minimill._money import Money
from minimill.ledger._audit import unknown_budget
from minimill.ledger._base import (
    AttemptMeta,
    AttemptRecord,
    Balance,
    BudgetDefinition,
    Claim,
    Ending,
    HoldInfo,
    SpendRow,
)
from minimill.ledger._books import Books
from minimill.ledger._budgets import Budget, check, merge, with_limit
from minimill.ledger._closing import Closing, Keep, Release, Settle, report
from minimill.ledger._sqlite_desk import Job
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._sqlite_writer import Stop, Writer
from minimill.ledger._waiting import Request, ThreadSlot, task_slot
from minimill.ledger._windows import to_us

T = TypeVar("T")

CLOSE_WAIT_S = 10.0
"""How long closing the ledger, or the end of the interpreter, waits for the file."""
LOCK_WAIT_S = 30.0
"""How long a write waits for other processes before it fails."""

_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


class SqliteLedger:
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
        self._close_wait_s = close_wait_s
        self._writer = Writer(self.path, clock, lock_wait_s, close_wait_s)
        self._pid = os.getpid()
        self._closed = False
        _writers.add(self._writer)

    def __del__(self) -> None:
        if not self._closed and os.getpid() == self._pid and not self._writer.idle:
            self._writer.put(Stop(ThreadSlot(), time.monotonic() + self._close_wait_s))

    def _put(self, item: Request | Job | Closing) -> None:
        self._writer.put(item)
        if not self._writer.idle:
            return
        if sys.is_finalizing():  # starting a thread would wait for ever
            self._writer.put(Stop(ThreadSlot(), time.monotonic() + self._close_wait_s))
            self._writer.run()
        else:
            threading.Thread(target=self._writer.run, name="minimill-ledger", daemon=True).start()

    def _own(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(
                f"{self.path} was opened in another process; a forked process opens its own ledger; nothing was sent"
            )
        if self._closed:
            raise LedgerError(f"{self.path} was closed; nothing was sent")

    async def _job(self, run: Callable[[Tables, Books, int], T] | None = None, *, strict: bool = False) -> T:
        self._own()
        slot = task_slot()
        job = Job(slot, run, strict=strict)
        try:
            self._put(job)
            await slot.wait()
        except BaseException:
            slot.abandon()
            raise
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    # -- holding ---------------------------------------------------------------------------------

    async def declare(self, budgets: Sequence[BudgetDefinition]) -> list[str]:
        """See `Ledger.declare`."""
        for definition in budgets:
            check(definition)
        wanted = list(budgets)
        return await self._job(lambda tables, books, now_us: _declare(wanted, tables, books))

    async def reserve(
        self,
        attempt_id: str,
        claims: Sequence[Claim],
        meta: AttemptMeta,
        *,
        expires_at: dt.datetime,
        wait_until: float | None = None,
        wait_silent_until: float | None = None,
        wait_busy_until: float | None = None,
    ) -> tuple[Balance, ...]:
        """See `Ledger.reserve`. It returns when the hold is on the disk."""
        self._own()
        request = Request(attempt_id, claims, meta, to_us(expires_at), wait_until, wait_silent_until, wait_busy_until)
        request.slot = slot = task_slot()
        try:
            self._put(request)
            await slot.wait()
            return request.outcome()
        except BaseException:
            slot.abandon()
            if not request.take() and request.granted is not None:
                self.release(attempt_id)
            raise

    # -- closing ---------------------------------------------------------------------------------

    def settle(
        self, attempt_id: str, amounts: Mapping[str, int | None], record: AttemptRecord
    ) -> None:
        """See `Ledger.settle`."""
        self._close(Settle(attempt_id, amounts, record))

    def release(self, attempt_id: str, record: AttemptRecord | None = None) -> None:
        """See `Ledger.release`."""
        self._close(Release(attempt_id, record))

    def keep(self, attempt_id: str, record: AttemptRecord, *, ending: Ending = "silent") -> None:
        """See `Ledger.keep`."""
        self._close(Keep(attempt_id, record, ending))

    def _close(self, closing: Closing) -> None:
        if os.getpid() != self._pid:
            report(f"attempt {closing.attempt_id}: closed in a forked process; its own process closes it")
            return
        try:
            self._put(closing)
            if self._closed:
                self._put(Stop(ThreadSlot(), time.monotonic() + self._close_wait_s))
        except (RuntimeError, ImportError) as error:  # what the interpreter, while it ends, can no longer do
            report(f"attempt {closing.attempt_id}: not written to {self.path}, its hold stands: {error}")

    async def correct(
        self, attempt_id: str, amounts: Mapping[str, int], *, charged: Money | None = None, reason: str
    ) -> None:
        """See `Ledger.correct`."""
        wanted = dict(amounts)
        await self._job(lambda tables, books, now_us: books.correct(attempt_id, wanted, charged, reason, now_us))

    async def set_limit(self, budget: str, limit_nanos: int) -> None:
        """See `Ledger.set_limit`."""
        await self._job(lambda tables, books, now_us: _set_limit(budget, limit_nanos, tables, books))

    # -- reading ---------------------------------------------------------------------------------

    async def budgets(self) -> list[BudgetDefinition]:
        """See `Ledger.budgets`."""
        return await self._read(lambda reader: reader.budgets())

    async def balances(self, budget: str | None = None, *, at: dt.datetime | None = None) -> list[Balance]:
        """See `Ledger.balances`."""
        return await self._read(lambda reader: reader.balances(budget, at))

    async def holds(self) -> list[HoldInfo]:
        """See `Ledger.holds`."""
        return await self._read(lambda reader: reader.holds())

    async def records(
        self,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        call_id: str | None = None,
        last: int | None = None,
    ) -> list[SpendRow]:
        """See `Ledger.records`."""
        return await self._read(lambda reader: reader.records(since, until, call_id, last))

    async def audit(self) -> list[str]:
        """See `Ledger.audit`."""
        return await self._read(lambda reader: reader.audit())

    async def _read(self, ask: Callable[[Any], T]) -> T:
        await self._job()  # what was handed over before is written first
        import anyio.to_thread

        from minimill.ledger._sqlite_read import read

        now_us = int(self._clock() * 1_000_000)
        return await anyio.to_thread.run_sync(lambda: read(self.path, now_us, ask))

    # -- the end ---------------------------------------------------------------------------------

    async def flush(self) -> None:
        """See `Ledger.flush`."""
        await self._job(strict=True)

    async def aclose(self) -> None:
        """See `Ledger.aclose`. Closings handed over later are still written."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        slot = task_slot()
        stop = Stop(slot, time.monotonic() + self._close_wait_s)
        try:
            self._put(stop)
            await slot.wait()
        except BaseException:
            slot.abandon()
            raise
        if stop.error is not None:
            raise stop.error

    def close(self) -> None:
        """See `Ledger.close`."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        slot = ThreadSlot()
        stop = Stop(slot, time.monotonic() + self._close_wait_s)
        self._put(stop)
        if not slot.wait(self._close_wait_s + 1.0):
            raise LedgerError(f"{self.path} could not be closed within {self._close_wait_s:g} s; open holds stand")
        if stop.error is not None:
            raise stop.error


def _declare(wanted: list[BudgetDefinition], tables: Tables, books: Books) -> list[str]:
    said: list[str] = []
    changed: dict[str, Budget] = {}
    for definition in wanted:
        known = changed.get(definition.name) or tables.budget(definition.name)
        if known is None:
            changed[definition.name] = Budget(0, definition, (definition.limit_nanos,))
            continue
        merged, differences = merge(known, definition)
        said += differences
        if merged.definition != known.definition or merged.seen != known.seen:
            changed[definition.name] = merged
    for budget in changed.values():
        budget.id = budget.id or tables.next_budget_id()
        tables.put_budget(budget)
        books.freed = True
    return said


def _set_limit(name: str, limit_nanos: int, tables: Tables, books: Books) -> None:
    known = tables.budget(name)
    if known is None:
        raise unknown_budget(name, tables.budgets)
    tables.put_budget(with_limit(known, limit_nanos))
    books.freed = True


def _close_all() -> None:
    """At the end of the interpreter: write what is queued, also of ledgers that nobody closed."""
    busy = [writer for writer in list(_writers) if writer.pid == os.getpid() and not writer.idle]
    stops = [Stop(ThreadSlot(), time.monotonic() + writer.close_wait_s) for writer in busy]
    for writer, stop in zip(busy, stops, strict=True):
        writer.put(stop)
    for writer, stop in zip(busy, stops, strict=True):
        assert isinstance(stop.slot, ThreadSlot)
        if not stop.slot.wait(writer.close_wait_s + 1.0):
            report(f"{writer.path} could not be closed before the program ended; open holds stand")


atexit.register(_close_all)
