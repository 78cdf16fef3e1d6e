"""A ledger whose books one thread writes: handing over, waiting for the answer, and the end.

It knows no store: the desk that it is given does the booking. It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import atexit
import datetime as dt
import os
import sys
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from minimill._errors import LedgerError
from minimill.ledger._base import AttemptMeta, Balance, BudgetDefinition, Claim, HoldInfo, SpendRow
from minimill.ledger._closing import Closer, Closing, report
from minimill.ledger._waiting import Request, ThreadSlot, task_slot
from minimill.ledger._windows import to_us
from minimill.ledger._work import Desk, Job, Stop
from minimill.ledger._writer import Writer

T = TypeVar("T")

CLOSE_WAIT_S = 10.0
"""How long closing the ledger, or the end of the interpreter, waits for the store."""

_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


class QueuedLedger(Closer, ABC):
    """Everything of a ledger but declaring, correcting and where it reads. A forked process must open its own."""

    url: str
    _closed = True  # until it is made

    def __init__(self, desk: Desk, close_wait_s: float) -> None:
        self._close_wait_s = close_wait_s
        self._writer = Writer(desk, close_wait_s)
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
                f"{self._writer.name} was opened in another process; "
                "a forked process opens its own ledger; nothing was sent"
            )
        if self._closed:
            raise LedgerError(f"{self._writer.name} was closed; nothing was sent")

    async def _job(self, run: Callable[..., Any] | None = None, *, strict: bool = False) -> Any:
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
        return job.result

    # -- holding and closing ----------------------------------------------------------------------

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
        """See `Ledger.reserve`. It returns when the hold is written."""
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

    def _close(self, closing: Closing) -> None:
        if os.getpid() != self._pid:
            report(f"attempt {closing.attempt_id}: closed in a forked process; its own process closes it")
            return
        try:
            self._put(closing)
            if self._closed:
                self._put(Stop(ThreadSlot(), time.monotonic() + self._close_wait_s))
        except (RuntimeError, ImportError) as error:  # what the interpreter, while it ends, can no longer do
            report(f"attempt {closing.attempt_id}: not written to {self._writer.name}, its hold stands: {error}")

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

        return await anyio.to_thread.run_sync(lambda: self._ask(ask))

    @abstractmethod
    def _ask(self, ask: Callable[[Any], T]) -> T:
        """What `ask` finds in one moment of the books, which is over when it returns; called in a thread."""

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
            raise LedgerError(
                f"{self._writer.name} could not be closed within {self._close_wait_s:g} s; open holds stand"
            )
        if stop.error is not None:
            raise stop.error


def _close_all() -> None:
    """At the end of the interpreter: write what is queued, also of ledgers that nobody closed."""
    busy = [writer for writer in list(_writers) if writer.pid == os.getpid() and not writer.idle]
    stops = [Stop(ThreadSlot(), time.monotonic() + writer.close_wait_s) for writer in busy]
    for writer, stop in zip(busy, stops, strict=True):
        writer.put(stop)
    for writer, stop in zip(busy, stops, strict=True):
        assert isinstance(stop.slot, ThreadSlot)
        if not stop.slot.wait(writer.close_wait_s + 1.0):
            report(f"{writer.name} could not be closed before the program ended; open holds stand")


atexit.register(_close_all)
