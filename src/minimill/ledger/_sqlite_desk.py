"""Booking on the ledger file: one transaction for many operations, all of it written or none.

It keeps the connection, the lock and the callers that wait for money; it knows no threads and wakes nobody. It
may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence

from minimill._errors import LedgerError, MinimillError
from minimill.ledger._accounts import Refusal
from minimill.ledger._books import Books
from minimill.ledger._closing import Closing, Release, report
from minimill.ledger._sqlite_file import connect, prepare_folder
from minimill.ledger._sqlite_lock import FileLock
from minimill.ledger._sqlite_presence import BEAT_US
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._views import balances_of
from minimill.ledger._waiting import Request, WaitingRoom
from minimill.ledger._work import Item, Job

CHECKPOINT_PAGES = 1000
POLL_S = 0.02
"""How often waiting callers look for money that another process let go."""
LOOK_S = 1.0
"""How often callers that wait for a vendor look whether somebody who had asked it is gone."""

_POISON = (
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)
"""Errors of what was to be written, not of the file."""

_unclosed: list[sqlite3.Connection] = []
"""Connections that could not be closed under the lock: closing them without it might checkpoint."""


class Desk:
    """Takes operations, and says afterwards which requests were decided and which closings are still to do."""

    def __init__(self, path: str, clock: Callable[[], float], lock_wait_s: float) -> None:
        self.path = self.name = path
        self.room = WaitingRoom()
        self.decided: list[Request] = []
        """Requests granted, refused or failed since the caller took them last."""
        self.backlog: list[Closing] = []
        """Closings that could not be written, in order."""
        self.problems: list[str] = []
        """What could not be booked and never will be."""
        self.failure: LedgerError | None = None
        """Why the last transaction was not written; None: it was."""
        self._clock = clock
        self._lock = FileLock(path, lock_wait_s)
        self._db: sqlite3.Connection | None = None
        self._tables: Tables | None = None
        self._file: tuple[int, int] | None = None
        self._room_due = False
        self._looked = 0.0
        self._in_flight: set[str] = set()
        self._pages = 0
        self._outcome: list[Request] = []
        self._found: list[str] = []
        self._in_doubt = False

    # -- writing ---------------------------------------------------------------------------------

    def write(self, work: Sequence[Item]) -> None:
        """Do all of it in one transaction. What fails is told to each of them; closings stay in `backlog`."""
        work = [*self._take_backlog(), *work]
        try:
            self._transact(work)
        except _POISON as error:
            self._isolate(work, error)
        except (sqlite3.Error, OSError, LedgerError) as error:
            self.fail(work, error)
        except Exception as error:
            self._isolate(work, error)
        else:
            self.failure = None
            self._in_flight.difference_update(
                [item.attempt_id for item in work if not isinstance(item, (Request, Job))]
            )
            self._in_flight.update([request.attempt_id for request in self._outcome if request.granted is not None])
            self.decided += self._outcome
            self._outcome = []  # kept, it would keep the tasks of callers whose loop is gone
            self.problems += [report(problem) for problem in self._found]

    def put_off(self, work: Sequence[Item]) -> None:
        """Keep the closings among them for later."""
        self.backlog += [item for item in work if not isinstance(item, (Request, Job))]

    def open(self) -> LedgerError | None:
        """Open the file, so that it can be read; returns why it cannot be."""
        if self._db is not None:
            return None
        try:
            prepare_folder(self.path)
            with self._lock:
                self._ready()
        except (sqlite3.Error, OSError, LedgerError) as error:
            return self._ledger_error(error)
        return None

    def _take_backlog(self) -> list[Closing]:
        backlog, self.backlog = self.backlog, []
        return backlog

    def _transact(self, work: Sequence[Item]) -> None:
        self._found, self._outcome, self._in_doubt = [], [], False
        if self._db is None:
            prepare_folder(self.path)
        with self._lock:
            db, tables = self._ready()
            db.execute("BEGIN IMMEDIATE")
            before = db.total_changes
            try:
                now_us = self._now_us()
                tables.begin(now_us)
                self._apply(work, tables, now_us)
                if self._in_flight or any(request.granted is not None for request in self._outcome):
                    tables.presence.say(now_us)
                tables.write()
                tables.tickets.write(self.room.longest())
                self._in_doubt = db.total_changes != before
                db.execute("COMMIT" if self._in_doubt else "ROLLBACK")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                tables.forget()
                raise
            tables.written()
            self._pages += 6 + (db.total_changes - before) // 4

    def _ready(self) -> tuple[sqlite3.Connection, Tables]:
        if self._db is None or self._tables is None:
            self._db = connect(self.path)
            self._tables = Tables(self._db)
            self._file = self._identity()
        elif self._identity() != self._file:
            raise LedgerError(
                f"{self.path} was removed or replaced while in use; nothing was written, nothing was sent"
            )
        return self._db, self._tables

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    # -- inside a transaction --------------------------------------------------------------------

    def _apply(self, work: Sequence[Item], tables: Tables, now_us: int) -> None:
        books = Books(tables)
        tables.load(item.attempt_id for item in work if not isinstance(item, Job) and item.attempt_id)
        if len(work) > 2:  # one caller's settlement and next reservation: nothing is saved by reading ahead
            _load_accounts(work, tables, now_us)
        books.freed = len(self.room) > 0 and (tables.changed_by_others or self._is_room_due(now_us))
        for item in work:
            if isinstance(item, Request):
                self._serve_room(books, now_us)
                if item.alive and self._try(item, books, now_us):
                    self.room.add(item)
            elif not isinstance(item, Job):
                problem = item.apply(books, now_us)
                if problem:
                    self._found.append(problem)
            elif item.run is not None:
                _run_job(item, tables, books, now_us)
        self._serve_room(books, now_us)
        self._room_due = False

    def _serve_room(self, books: Books, now_us: int) -> None:
        if books.freed and len(self.room):
            books.freed = False
            self._looked = time.monotonic()
            self.room.serve(lambda request: self._try(request, books, now_us))

    def _try(self, request: Request, books: Books, now_us: int) -> bool:
        """Grant or refuse; True: it goes on waiting."""
        request.granted, request.error = None, None
        request.came_us = request.came_us or now_us
        try:
            found = books.reserve(request, now_us)
        except (LedgerError, ValueError) as error:
            request.error = error
        else:
            if isinstance(found, Refusal):
                request.refusal = found
                if request.may_wait(time.monotonic(), now_us):
                    return True
            else:
                request.granted = balances_of(books.store, found)
        self._outcome.append(request)
        return False

    # -- money in flight -------------------------------------------------------------------------

    def must_say_so(self) -> bool:
        """Whether it is time to tell other processes that this one lives and will close what it has in flight."""
        return bool(self._in_flight) and self._tables is not None and self._tables.presence.due(self._now_us())

    # -- callers that wait -----------------------------------------------------------------------

    def may_serve_room(self) -> bool:
        """Whether something happened that may let a waiting caller in."""
        if not len(self.room) or self._tables is None or self._is_room_due(self._now_us()):
            return len(self.room) > 0
        try:
            return self._tables.others_wrote()
        except sqlite3.Error:
            return True

    def pause_s(self) -> float | None:
        """How long to sleep at most before `may_serve_room` and `must_say_so` are asked again; None: for ever."""
        if len(self.room):
            return POLL_S
        return BEAT_US / 1e6 if self._in_flight else None

    def _is_room_due(self, now_us: int) -> bool:
        window_us = self.room.next_window_us()
        if self._room_due or (window_us is not None and now_us >= window_us):
            return True
        if self.room.waits_for_a_vendor and time.monotonic() - self._looked >= LOOK_S:
            return True
        return self._tables is not None and self._tables.tickets.due(now_us)

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)

    # -- what went wrong -------------------------------------------------------------------------

    def fail(self, work: Sequence[Item], error: Exception) -> None:
        """Nothing of it was written: closings stay, the rest is told."""
        failure = self._ledger_error(error)
        self.put_off(work)
        requests = {item for item in work if isinstance(item, Request)} | set(self._outcome)
        self.room.discard(requests)
        self._room_due = True
        for request in requests:
            if self._in_doubt and request.granted is not None:
                self.backlog.append(Release(request.attempt_id))  # the disk may have it all the same
            request.granted, request.error = None, failure
        self._outcome = []
        self.decided += requests
        for item in work:
            if isinstance(item, Job) and item.run is not None:
                item.error = failure
        if self.backlog and self.failure is None:
            report(f"{failure.message}; trying again: {self.stands()}")
        self.failure = failure

    def _isolate(self, work: Sequence[Item], error: Exception) -> None:
        """One of them cannot be written as it is: find it, so that the others are."""
        asked = {item for item in work if isinstance(item, Request)}
        self.room.put_back([request for request in self._outcome if request not in asked])
        self.room.discard(asked)
        self._room_due = True
        self._outcome = []
        if len(work) > 1:
            for item in work:
                self.write([item])
        elif not work:
            self.fail(self.room.clear(), error)
        elif isinstance(work[0], (Request, Job)):
            self.fail(work, error)
        else:
            self.problems.append(report(f"attempt {work[0].attempt_id}: it cannot be booked: {error!r}"))

    def _ledger_error(self, error: Exception) -> LedgerError:
        if isinstance(error, LedgerError):
            return error
        failure = LedgerError(f"{self.path}: {error}; nothing was written, nothing was sent")
        failure.__cause__ = error
        return failure

    def stands(self) -> str:
        """A sentence about the closings in `backlog`."""
        ids = list(dict.fromkeys(closing.attempt_id for closing in self.backlog if closing.attempt_id))
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        return f"what attempts {', '.join(ids[:5])}{more} hold in {self.path} stands until they are written"

    def left_behind(self) -> str:
        """What becomes of `backlog` when this process ends."""
        return f"{self.stands()}, and this process will not write them any more"

    # -- the file --------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Move the log into the file when it has grown."""
        if self._pages < CHECKPOINT_PAGES or self._db is None:
            return
        self._pages = 0
        with contextlib.suppress(sqlite3.Error, OSError, LedgerError), self._lock:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self, wait_s: float) -> None:
        """Close the file; it can be opened again."""
        db, self._db, self._tables = self._db, None, None
        if db is not None:
            try:
                with self._lock.waiting(wait_s):
                    db.close()
            except (sqlite3.Error, OSError, LedgerError):
                _unclosed.append(db)
        self._lock.close()


def _load_accounts(work: Sequence[Item], tables: Tables, now_us: int) -> None:
    keys: dict[tuple[str, str], list[str]] = {}
    for item in work:
        if isinstance(item, Request):
            for claim in item.claims:
                budget = tables.budget(claim.budget)
                if budget is not None:
                    keys.setdefault((claim.budget, budget.window(now_us).id), []).append(claim.key)
    tables.load_accounts(keys)


def _run_job(job: Job, tables: Tables, books: Books, now_us: int) -> None:
    assert job.run is not None
    job.error = None
    try:
        job.result = job.run(tables, books, now_us)
    except (MinimillError, ValueError) as error:  # raised before anything was changed
        job.error = error
