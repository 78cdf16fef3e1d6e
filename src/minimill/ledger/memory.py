"""Books in the memory of one process: they end with it, and hold every attempt until then.

For tests, scripts and budgets that need not outlive the process. It may import `_money`, `_errors` and its
neighbours.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType

from minimill._errors import LedgerError
from minimill._money import Money
from minimill.ledger._accounts import OPEN, Account, Attempt, Provider, Refusal
from minimill.ledger._audit import differences, in_order, in_range, unbooked, unknown_budget
from minimill.ledger._base import (
    AttemptMeta,
    Balance,
    BudgetDefinition,
    Claim,
    HoldInfo,
    SpendRow,
)
from minimill.ledger._books import Books
from minimill.ledger._budgets import Budget, check, merge, with_limit
from minimill.ledger._closing import Closer, Closing, report
from minimill.ledger._views import balance, balances_of, expired_by_account, hold_info, spend_row
from minimill.ledger._waiting import Request, Slot, WaitingRoom, task_slot, wake
from minimill.ledger._windows import to_us

Entry = tuple[str, int, str, int, int, int, int, str | None]
"""Attempt, account, kind, held, settled, unpriced, microseconds, reason."""


class _Dicts:
    """The store of the rules, in dictionaries."""

    def __init__(self) -> None:
        self.budgets: dict[str, Budget] = {}
        self.accounts: dict[tuple[str, str, str], Account] = {}
        self.attempts: dict[str, Attempt] = {}
        self.open: dict[str, Attempt] = {}
        self.providers: dict[str, Provider] = {}
        self.entries: list[Entry] = []
        self._numbers = itertools.count()

    def budget(self, name: str) -> Budget | None:
        return self.budgets.get(name)

    def account(self, budget: str, key: str, window_id: str) -> Account:
        place = (budget, key, window_id)
        found = self.accounts.get(place)
        if found is None:
            found = Account(next(self._numbers), budget, key, window_id)  # kept by `put`: not after a refusal
        return found

    def attempt(self, attempt_id: str) -> Attempt | None:
        return self.attempts.get(attempt_id)

    def provider(self, name: str) -> Provider:
        found = self.providers.get(name)
        if found is None:
            found = self.providers[name] = Provider(name)
        return found

    def expired(self, now_us: int) -> list[Attempt]:
        return [a for a in self.open.values() if a.state == OPEN and a.expires_us <= now_us]

    def promised(self, budget: str, key: str, provider: str, came_us: int) -> int:
        return 0  # there is one queue

    def put(self, attempt: Attempt) -> None:
        for line in attempt.lines:
            account = line.account
            self.accounts.setdefault((account.budget, account.key, account.window_id), account)
        self.attempts[attempt.id] = attempt
        if attempt.is_open:
            self.open[attempt.id] = attempt
        else:
            self.open.pop(attempt.id, None)

    def heard(self, provider: Provider) -> None:
        pass

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
        self.entries.append((attempt_id, account.id, kind, held, settled, unpriced, now_us, reason))


class MemoryLedger(Closer):
    """A ledger in memory. Threads, each with an event loop of its own, may share one; processes may not.

    Args:
        clock: Seconds since 1970; decides windows and expiry.
    """

    url = "memory:"

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pid = os.getpid()
        self._store = _Dicts()
        self._books = Books(self._store)
        self._room = WaitingRoom()
        self._lock = threading.Lock()
        self._closings: deque[Closing] = deque()
        self._problems: list[str] = []
        self._marks: dict[tuple[str, str, str, int], str] = {}

    # -- the lock --------------------------------------------------------------------------------
    #
    # A closing may come from a finaliser that interrupts this very thread inside the lock. So it never
    # waits for the lock: whoever has it applies what was queued before letting go.

    def __enter__(self) -> int:
        self._lock.acquire()
        try:
            self._catch_up()
            return self._now_us()
        except BaseException:  # an interrupt: the block is not entered, so nobody else lets go
            self._lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()
        self._hand_over()

    def _hand_over(self) -> None:
        while self._closings and self._lock.acquire(blocking=False):
            self._let_go()

    def _let_go(self) -> None:
        try:
            self._catch_up()
            if self._books.freed and len(self._room):
                self._serve()
            self._books.freed = False
        finally:
            self._lock.release()

    def _catch_up(self) -> None:
        while self._closings:
            closing = self._closings[0]  # taken out when it is applied: an interrupt may come in between
            try:
                problem = closing.apply(self._books, self._now_us())
            except Exception as error:  # a closing of the wrong type must not harm the next one
                problem = f"attempt {closing.attempt_id}: {error!r}"
            self._closings.popleft()
            if problem:
                self._problems.append(report(problem))

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)

    def _own(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(
                "this ledger was made in another process; a forked process opens its own; nothing was sent"
            )

    # -- holding ---------------------------------------------------------------------------------

    async def declare(self, budgets: Sequence[BudgetDefinition]) -> list[str]:
        """See `Ledger.declare`."""
        self._own()
        said: list[str] = []
        with self:
            known = dict(self._store.budgets)
            for definition in budgets:
                check(definition)
                if definition.name in known:
                    known[definition.name], differences = merge(known[definition.name], definition)
                    said += differences
                else:
                    known[definition.name] = Budget(len(known), definition, (definition.limit_nanos,))
            self._store.budgets = known
            self._books.freed = True
        return said

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
        """See `Ledger.reserve`."""
        self._own()
        request = Request(attempt_id, claims, meta, to_us(expires_at), wait_until, wait_silent_until, wait_busy_until)
        try:
            with self as now_us:
                waits = self._try(request, now_us)
                if waits:
                    request.slot = task_slot()
                    self._room.add(request)
            if waits:
                await self._wait(request)
        except BaseException:
            self._withdraw(request)
            raise
        return request.outcome()

    def _try(self, request: Request, now_us: int) -> bool:
        """Grant or refuse; True: it goes on waiting."""
        try:
            found = self._books.reserve(request, now_us)
        except (LedgerError, ValueError) as error:
            request.error = error
            return False
        if isinstance(found, Refusal):
            request.refusal = found
            return request.may_wait(time.monotonic(), now_us)
        request.granted = balances_of(self._store, found)
        return False

    async def _wait(self, request: Request) -> None:
        while request.slot is not None:
            await request.slot.wait(self._pause_s(request))
            with self as now_us:
                if not request.alive:
                    return
                if not self._try(request, now_us):
                    request.take()
                    return
                request.slot = task_slot()

    def _pause_s(self, request: Request) -> float:
        """Until the request gives up, or until a window ends that it waits on."""
        deadline, refusal = request.deadline(), request.refusal
        assert deadline is not None and refusal is not None
        window_s = (refusal.window.end_us - self._now_us()) / 1e6
        return max(0.001, min(deadline - time.monotonic(), window_s))

    def _serve(self) -> None:
        now_us = self._now_us()
        while self._books.freed:
            self._books.freed = False
            done: dict[Slot, Request] = {}
            self._room.serve(partial(self._serve_one, done, now_us))
            for slot in wake(done):  # its event loop was closed
                self._give_back(done[slot], now_us)

    def _serve_one(self, done: dict[Slot, Request], now_us: int, request: Request) -> bool:
        if self._try(request, now_us):
            return True
        if request.take():
            assert request.slot is not None
            done[request.slot] = request
        else:
            self._give_back(request, now_us)
        return False

    def _give_back(self, request: Request, now_us: int) -> None:
        if request.granted is not None:
            self._books.release(request.attempt_id, None, now_us)

    def _withdraw(self, request: Request) -> None:
        request.take()
        if request.slot is not None:
            request.slot.abandon()
        if request.granted is not None:
            self.release(request.attempt_id)

    # -- closing ---------------------------------------------------------------------------------

    def _close(self, closing: Closing) -> None:
        if os.getpid() != self._pid:
            report(f"attempt {closing.attempt_id}: closed in a forked process; its own process closes it")
            return
        self._closings.append(closing)
        self._hand_over()

    async def correct(
        self, attempt_id: str, amounts: Mapping[str, int], *, charged: Money | None = None, reason: str
    ) -> None:
        """See `Ledger.correct`."""
        self._own()
        with self as now_us:
            self._books.correct(attempt_id, amounts, charged, reason, now_us)

    async def set_limit(self, budget: str, limit_nanos: int) -> None:
        """See `Ledger.set_limit`."""
        self._own()
        with self:
            self._store.budgets[budget] = with_limit(self._known(budget), limit_nanos)
            self._books.freed = True

    def _known(self, budget: str) -> Budget:
        found = self._store.budgets.get(budget)
        if found is None:
            raise unknown_budget(budget, self._store.budgets)
        return found

    async def mark(self, budget: str, key: str, window_id: str, level_ppm: int, *, by: str) -> bool:
        """See `Ledger.mark`."""
        self._own()
        with self:
            return self._marks.setdefault((budget, key, window_id, level_ppm), by) == by

    # -- reading ---------------------------------------------------------------------------------

    async def budgets(self) -> list[BudgetDefinition]:
        """See `Ledger.budgets`."""
        self._own()
        with self:
            return [budget.definition for _, budget in sorted(self._store.budgets.items())]

    async def balances(self, budget: str | None = None, *, at: dt.datetime | None = None) -> list[Balance]:
        """See `Ledger.balances`."""
        self._own()
        with self as now_us:
            wanted = list(self._store.budgets.values()) if budget is None else [self._known(budget)]
            windows = {b.name: b.window(now_us if at is None else to_us(at)) for b in wanted}
            whole = [known for known in wanted if known.definition.by is None]
            accounts = [
                *(a for a in self._store.accounts.values() if a.budget in windows and a.key),
                *(self._store.account(known.name, "", windows[known.name].id) for known in whole),
            ]
            expired = expired_by_account(self._store.open.values(), now_us)
            found = [
                balance(self._store.budgets[a.budget], a, windows[a.budget], expired.get(a.id, 0))
                for a in accounts
                if a.window_id == windows[a.budget].id
            ]
        return sorted(found, key=lambda b: (b.budget, b.key))

    async def holds(self) -> list[HoldInfo]:
        """See `Ledger.holds`."""
        self._own()
        with self as now_us:
            found = [hold_info(self._store, attempt, now_us) for attempt in self._store.open.values()]
        return sorted(found, key=lambda hold: (hold.reserved_at, hold.attempt_id))

    async def records(
        self,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        call_id: str | None = None,
        last: int | None = None,
    ) -> list[SpendRow]:
        """See `Ledger.records`."""
        self._own()
        with self as now_us:
            rows = [spend_row(self._store, attempt, now_us) for attempt in self._store.attempts.values()]
        found = [row for row in rows if row is not None and in_range(row, since, until, call_id)]
        return in_order(found, last)

    async def audit(self) -> list[str]:
        """See `Ledger.audit`."""
        self._own()
        with self:
            sums: dict[int, tuple[int, int, int]] = {}
            for _, account, _, held, settled, unpriced, _, _ in self._store.entries:
                h, s, u = sums.get(account, (0, 0, 0))
                sums[account] = (h + held, s + settled, u + unpriced)
            return differences(self._store.accounts.values(), sums, self._store.open.values())

    async def flush(self) -> None:
        """See `Ledger.flush`."""
        self._own()
        self.close()

    async def aclose(self) -> None:
        """See `Ledger.aclose`. The books stay readable; memory is all there is to close."""
        self.close()

    def close(self) -> None:
        """See `Ledger.close`."""
        if os.getpid() != self._pid:
            return
        with self:
            problems, self._problems = self._problems, []
        if problems:
            raise unbooked(problems)
