"""The one thread that writes a ledger file: takes what is queued, books it in one transaction, then answers.

It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from minimill._errors import LedgerError, MinimillError
from minimill.ledger._audit import unbooked
from minimill.ledger._books import Books, Refusal, balances_of
from minimill.ledger._closing import Closing, Release, log, report
from minimill.ledger._sqlite_file import connect, prepare_folder
from minimill.ledger._sqlite_lock import FileLock
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._waiting import Request, Slot, WaitingRoom, wake

BATCH = 1000
"""Most operations of one transaction."""
LINGER_S = 0.002
"""How long closings wait for company: nobody waits for them, and writing a few at once costs one sync."""
POLL_S = 0.05
"""How often waiting callers look for money that another process let go."""
CHECKPOINT_PAGES = 1000
RETRY_S = (0.05, 5.0)
"""First and longest pause between two tries to write closings that failed."""

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


class Job:
    """Something to do in a transaction (`run`), or nothing but to be answered when all before it was tried."""

    __slots__ = ("error", "result", "run", "slot", "strict")

    def __init__(
        self, slot: Slot, run: Callable[[Tables, Books, int], Any] | None = None, *, strict: bool = False
    ) -> None:
        self.slot = slot
        self.run = run
        self.strict = strict
        """Whether it fails when something before it could not be written."""
        self.result: Any = None
        self.error: BaseException | None = None


class Stop(Job):
    """Write what is left until `until` (on `time.monotonic`), close the file, end the thread."""

    __slots__ = ("until",)

    def __init__(self, slot: Slot, until: float) -> None:
        super().__init__(slot, strict=True)
        self.until = until


Item = Request | Job | Closing


class Writer:
    """What the thread runs. From outside only its public names may be used."""

    def __init__(self, path: str, clock: Callable[[], float], lock_wait_s: float, close_wait_s: float) -> None:
        self.path = path
        self.pid = os.getpid()
        self.close_wait_s = close_wait_s
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._turn = [None]
        self._clock = clock
        self._lock = FileLock(path, lock_wait_s)
        self._db: sqlite3.Connection | None = None
        self._tables: Tables | None = None
        self._file: tuple[int, int] | None = None
        self._room = WaitingRoom()
        self._room_due = False
        self._decided: list[Request] = []
        self._found: list[str] = []
        self._problems: list[str] = []
        self._backlog: list[Closing] = []
        self._given_back: list[Closing] = []
        self._failure: LedgerError | None = None
        self._retry_at = 0.0
        self._retry_s = RETRY_S[0]
        self._pages = 0
        self._stops: list[Stop] = []

    def put(self, item: Item) -> None:
        """Queue something; never waits, and works from any thread, finaliser or signal handler."""
        self._queue.put(item)

    @property
    def idle(self) -> bool:
        """True while no thread runs it."""
        return bool(self._turn)

    # -- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until stopped. A second thread that is started meanwhile ends at once."""
        while not self._queue.empty():
            try:
                self._turn.pop()
            except IndexError:
                return
            try:
                while not self._stopped():
                    self._round(self._collect())
            finally:
                self._turn.append(None)

    def _stopped(self) -> bool:
        if not self._stops:
            return False
        if self._backlog and time.monotonic() < min(stop.until for stop in self._stops):
            return False
        self._finish()
        return True

    def _collect(self) -> list[Item]:
        items: list[Item] = []
        with contextlib.suppress(Empty):
            items.append(self._queue.get(timeout=self._pause_s()))
            self._drain(items)
        if items and not len(self._room):
            self._linger(items)
        return items

    def _drain(self, items: list[Item]) -> None:
        with contextlib.suppress(Empty):
            while len(items) < BATCH:
                items.append(self._queue.get_nowait())

    def _linger(self, items: list[Item]) -> None:
        until = time.monotonic() + LINGER_S
        seen = 0
        while len(items) < BATCH and not any(isinstance(item, (Request, Job)) for item in items[seen:]):
            seen = len(items)
            left = until - time.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(Empty):
                items.append(self._queue.get(timeout=left))
                self._drain(items)

    def _pause_s(self) -> float | None:
        """How long to sleep while nothing is queued; None: until something is."""
        pauses = []
        now = time.monotonic()
        if self._backlog:
            pauses.append(self._retry_at - now)
        if len(self._room):
            pauses += [POLL_S, (self._room.next_deadline() or now) - now]
        if self._stops:
            pauses.append(min(stop.until for stop in self._stops) - now)
        return max(0.0, min(pauses)) if pauses else None

    # -- one round -------------------------------------------------------------------------------

    def _round(self, items: list[Item]) -> None:
        try:
            self._serve(items)
        except Exception as error:  # whatever it was, callers wait for an answer and later ones need the thread
            log.exception("%s: a round of the ledger failed", self.path)
            self._failed([*self._backlog, *items], self._ledger_error(error))
            self._answer_requests()
            self._answer_jobs(item for item in items if isinstance(item, Job))

    def _serve(self, items: list[Item]) -> None:
        jobs = [item for item in items if isinstance(item, Job)]
        work = [*self._take_backlog(), *items]
        if self._must_write(work, jobs):
            self._write(work)
        else:
            self._backlog = [item for item in work if not isinstance(item, (Request, Job))]
            self._open_for([job for job in jobs if not job.strict])
        self._decided += self._room.expire(time.monotonic())
        self._answer_requests()
        while self._given_back:  # written before a flush in this round is answered
            self._write([*self._take_backlog(), *self._take_given_back()])
            self._answer_requests()
        self._answer_jobs(jobs)
        self._checkpoint()

    def _must_write(self, work: list[Item], jobs: list[Job]) -> bool:
        if any(job.run for job in jobs) or any(isinstance(item, Request) for item in work):
            return True
        if len(work) > len(jobs):
            return any(job.strict for job in jobs) or time.monotonic() >= self._retry_at
        return self._may_serve_room()

    def _may_serve_room(self) -> bool:
        if not len(self._room) or self._tables is None:
            return bool(len(self._room))
        window_us = self._room.next_window_us()
        if self._room_due or (window_us is not None and self._now_us() >= window_us):
            return True
        try:
            return self._tables.others_wrote()
        except sqlite3.Error:
            return True

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)

    def _write(self, work: list[Item]) -> None:
        try:
            self._transact(work)
        except _POISON as error:
            self._isolate(work, error)
        except (sqlite3.Error, OSError, LedgerError) as error:
            self._failed(work, self._ledger_error(error))
        except Exception as error:
            self._isolate(work, error)
        else:
            self._failure = None
            self._retry_s = RETRY_S[0]
            self._problems += [report(problem) for problem in self._found]

    def _transact(self, work: list[Item]) -> None:
        self._found, self._decided = [], []
        if self._db is None:
            prepare_folder(self.path)
        with self._lock:
            db, tables = self._ready()
            db.execute("BEGIN IMMEDIATE")
            before = db.total_changes
            try:
                tables.begin()
                self._apply(work, tables)
                tables.write()
                db.execute("ROLLBACK" if db.total_changes == before else "COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                tables.forget()
                tables.forget_budgets()
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

    def _apply(self, work: list[Item], tables: Tables) -> None:
        now_us = self._now_us()
        books = Books(tables)
        tables.load(item.attempt_id for item in work if not isinstance(item, Job) and item.attempt_id)
        if len(self._room):
            window_us = self._room.next_window_us()
            books.freed = (
                self._room_due or tables.changed_by_others or (window_us is not None and now_us >= window_us)
            )
        for item in work:
            if isinstance(item, Request):
                self._serve_room(books, now_us)
                if item.alive and self._try(item, books, now_us):
                    self._room.add(item)
            elif not isinstance(item, Job):
                problem = item.apply(books, now_us)
                if problem:
                    self._found.append(problem)
            elif item.run is not None:
                self._run_job(item, tables, books, now_us)
        self._serve_room(books, now_us)
        self._room_due = False

    def _serve_room(self, books: Books, now_us: int) -> None:
        if books.freed and len(self._room):
            books.freed = False
            self._room.serve(lambda request: self._try(request, books, now_us))

    def _try(self, request: Request, books: Books, now_us: int) -> bool:
        """Grant or refuse; True: it goes on waiting."""
        try:
            found = books.reserve(request.attempt_id, request.claims, request.meta, request.expires_us, now_us)
        except (LedgerError, ValueError) as error:
            request.error = error
        else:
            if isinstance(found, Refusal):
                request.refusal = found
                if request.may_wait(time.monotonic(), now_us):
                    return True
            else:
                request.granted = balances_of(books.store, found)
        self._decided.append(request)
        return False

    def _run_job(self, job: Job, tables: Tables, books: Books, now_us: int) -> None:
        assert job.run is not None
        try:
            job.result = job.run(tables, books, now_us)
        except (MinimillError, ValueError) as error:  # raised before anything was changed
            job.error = error

    # -- what went wrong -------------------------------------------------------------------------

    def _ledger_error(self, error: Exception) -> LedgerError:
        if isinstance(error, LedgerError):
            return error
        failure = LedgerError(f"{self.path}: {error}; nothing was written, nothing was sent")
        failure.__cause__ = error
        return failure

    def _failed(self, work: Sequence[Item], failure: LedgerError) -> None:
        """Nothing of it was written: closings stay and are tried again, the rest is told."""
        self._backlog = [item for item in work if not isinstance(item, (Request, Job))]
        requests = {item for item in work if isinstance(item, Request)} | set(self._decided)
        self._room.discard(requests)
        self._room_due = True
        for request in requests:
            request.granted = None
            request.error = failure
        self._decided = list(requests)
        for job in work:
            if isinstance(job, Job) and job.run is not None:
                job.error = failure
        if self._backlog and self._failure is None:
            report(f"{failure.message}; trying again: {self._stands()}")
        self._failure = failure
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_S[1])

    def _isolate(self, work: list[Item], error: Exception) -> None:
        """One of them cannot be written as it is: find it, so that the others are."""
        if len(work) != 1:
            decided = []
            for item in work:
                self._room.discard({item} if isinstance(item, Request) else set())
                self._write([*self._take_backlog(), item])
                decided += self._decided
            self._decided = decided
            return
        failure = self._ledger_error(error)
        if isinstance(work[0], (Request, Job)):
            self._failed(work, failure)
        else:
            self._problems.append(report(f"attempt {work[0].attempt_id}: it cannot be booked: {error!r}"))

    def _stands(self) -> str:
        ids = list(dict.fromkeys(closing.attempt_id for closing in self._backlog if closing.attempt_id))
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        return f"what attempts {', '.join(ids[:5])}{more} hold in {self.path} stands until they are written"

    def _flush_error(self) -> LedgerError | None:
        problems, self._problems = self._problems, []
        if self._backlog and any(closing.attempt_id for closing in self._backlog):
            why = self._failure.message if self._failure else "not written yet"
            problems.append(f"{why}; {self._stands()}")
        return unbooked(problems) if problems else None

    # -- answers ---------------------------------------------------------------------------------

    def _answer_requests(self) -> None:
        decided, self._decided = self._decided, []
        by_slot: dict[Slot, Request] = {}
        for request in decided:
            if request.take():
                assert request.slot is not None
                by_slot[request.slot] = request
            else:
                self._give_back(request)
        for slot in wake(by_slot):
            self._give_back(by_slot[slot])

    def _give_back(self, request: Request) -> None:
        """Its caller went away, or its event loop was closed."""
        if request.granted is not None:
            self._given_back.append(Release(request.attempt_id))

    def _take_backlog(self) -> list[Closing]:
        backlog, self._backlog = self._backlog, []
        return backlog

    def _take_given_back(self) -> list[Closing]:
        given_back, self._given_back = self._given_back, []
        return given_back

    def _answer_jobs(self, jobs: Iterable[Job]) -> None:
        answered = []
        for job in jobs:
            if isinstance(job, Stop):
                self._stops.append(job)
                continue
            if job.strict and job.error is None:
                job.error = self._flush_error()
            answered.append(job.slot)
        wake(answered)

    def _open_for(self, jobs: list[Job]) -> None:
        if not jobs or self._db is not None:
            return
        try:
            prepare_folder(self.path)
            with self._lock:
                self._ready()
        except (sqlite3.Error, OSError, LedgerError) as error:
            for job in jobs:
                job.error = self._ledger_error(error)

    # -- the file --------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        if self._pages < CHECKPOINT_PAGES or self._db is None:
            return
        self._pages = 0
        with contextlib.suppress(sqlite3.Error, OSError, LedgerError), self._lock:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _finish(self) -> None:
        stops, self._stops = self._stops, []
        waiting = self._room.clear()
        for request in waiting:
            request.error = LedgerError(f"{self.path} was closed; nothing was sent")
        self._decided += waiting
        self._answer_requests()
        error = self._flush_error()
        if self._backlog:
            report(self._stands() + ", and this process will not write them any more")
            self._backlog = []
        self._close_file(max(stop.until for stop in stops))
        for stop in stops:
            stop.error = error
        wake([stop.slot for stop in stops])

    def _close_file(self, until: float) -> None:
        db, self._db, self._tables = self._db, None, None
        if db is None:
            self._lock.close()
            return
        try:
            with self._lock.waiting(max(0.1, until - time.monotonic())):
                db.close()
        except (sqlite3.Error, OSError, LedgerError):
            _unclosed.append(db)
        self._lock.close()
