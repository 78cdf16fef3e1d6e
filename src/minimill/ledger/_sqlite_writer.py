"""The one thread that writes a ledger file: takes what is queued, books it in one transaction, then answers.

It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any

from minimill._errors import BudgetError, LedgerError
from minimill.ledger._audit import unbooked
from minimill.ledger._books import Books, Refusal, balances_of
from minimill.ledger._closing import Closing, Release, report
from minimill.ledger._sqlite_file import connect
from minimill.ledger._sqlite_lock import FileLock
from minimill.ledger._sqlite_rows import plain
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._waiting import Request, Slot, WaitingRoom, wake

BATCH = 1000
"""Most operations of one transaction."""
LINGER_S = 0.002
"""How long closings wait for company before they are written; nobody waits for them, and a sync costs more."""
POLL_S = 0.05
"""How often a queue of waiting callers looks for money that another process let go."""
CHECKPOINT_PAGES = 1000
RETRY_S = (0.05, 5.0)
"""First and longest pause between two tries to write closings that failed."""


class Job:
    """Something to do in a transaction (`run`), or nothing but to be answered when all before it is written."""

    __slots__ = ("error", "result", "run", "slot", "strict")

    def __init__(self, slot: Slot, run: Callable[[Tables, Books], Any] | None = None, *, strict: bool = False) -> None:
        self.slot = slot
        self.run = run
        self.strict = strict
        """Whether it fails when something before it could not be written."""
        self.result: Any = None
        self.error: BaseException | None = None


class Stop(Job):
    """Write what is left, close the file, end the thread."""

    __slots__ = ("until",)

    def __init__(self, slot: Slot, until: float) -> None:
        super().__init__(slot, strict=True)
        self.until = until


Item = Request | Closing | Job


class Writer:
    """What the thread runs. Only `queue` may be touched from outside."""

    def __init__(self, path: str, clock: Callable[[], float], lock_wait_s: float) -> None:
        self.queue: SimpleQueue[Item] = SimpleQueue()
        self._path = path
        self._clock = clock
        self._lock = FileLock(path, lock_wait_s)
        self._db: sqlite3.Connection | None = None
        self._tables: Tables | None = None
        self._file: tuple[int, int] | None = None
        self._room = WaitingRoom()
        self._backlog: list[Closing] = []
        self._problems: list[str] = []
        self._failure: LedgerError | None = None
        self._retry_at = 0.0
        self._retry_s = RETRY_S[0]
        self._freed = False
        self._seen_version = -1
        self._pages = 0
        self._stops: list[Stop] = []

    # -- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until stopped."""
        while not self._stopped():
            items = self._collect()
            try:
                self._serve(items)
            except BaseException as error:  # the thread must live: callers wait for it
                self._fail_all(items, error)

    def _stopped(self) -> bool:
        if not self._stops:
            return False
        if self._backlog and time.monotonic() < min(stop.until for stop in self._stops):
            return False
        self._close_file()
        stops, self._stops = self._stops, []
        if self._backlog:
            report(self._stands())
        for stop in stops:
            stop.error = self._flush_error()
        self._backlog = []
        wake([stop.slot for stop in stops])
        return True

    def _collect(self) -> list[Item]:
        items: list[Item] = []
        with contextlib.suppress(Empty):
            items.append(self.queue.get(timeout=self._pause_s()))
        self._drain(items)
        if items and not len(self._room) and not self._stops:
            self._linger(items)
        return items

    def _drain(self, items: list[Item]) -> None:
        with contextlib.suppress(Empty):
            while len(items) < BATCH:
                items.append(self.queue.get_nowait())

    def _linger(self, items: list[Item]) -> None:
        until = time.monotonic() + LINGER_S
        while len(items) < BATCH and not any(isinstance(item, (Request, Job)) for item in items):
            left = until - time.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(Empty):
                items.append(self.queue.get(timeout=left))
            self._drain(items)

    def _pause_s(self) -> float | None:
        """How long to sleep when nothing is queued."""
        pauses = []
        now = time.monotonic()
        if self._backlog:
            pauses.append(self._retry_at - now)
        if len(self._room):
            deadline = self._room.next_deadline()
            pauses += [POLL_S] if deadline is None else [POLL_S, deadline - now]
        if self._stops:
            pauses.append(min(stop.until for stop in self._stops) - now)
        return max(0.0, min(pauses)) if pauses else None

    # -- one round -------------------------------------------------------------------------------

    def _serve(self, items: list[Item]) -> None:
        closings = [item for item in items if not isinstance(item, (Request, Job))]
        requests = [item for item in items if isinstance(item, Request) and item.alive]
        jobs = [item for item in items if isinstance(item, Job)]
        due = bool(self._backlog) and time.monotonic() >= self._retry_at
        if closings or requests or due or any(job.run or job.strict for job in jobs) or self._may_serve_room():
            self._write(items)
        elif jobs:
            self._open_for(jobs)
        self._stops += [job for job in jobs if isinstance(job, Stop)]
        self._answer_jobs(job for job in jobs if not isinstance(job, Stop))
        for request in self._room.expire(time.monotonic()):
            self._answer([request])

    def _may_serve_room(self) -> bool:
        if not len(self._room):
            return False
        window_us = self._room.next_window_us()
        if self._freed or (window_us is not None and self._now_us() >= window_us):
            return True
        return self._db is None or self._version() != self._seen_version

    def _version(self) -> int:
        assert self._db is not None
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)
