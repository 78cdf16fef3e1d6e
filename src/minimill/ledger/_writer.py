"""The one thread that writes a ledger: takes what is queued, has it booked, and answers.

It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from queue import Empty, SimpleQueue

from minimill._errors import LedgerError
from minimill.ledger._audit import unbooked
from minimill.ledger._closing import Closing, Release, log, report
from minimill.ledger._waiting import Request, Slot, wake
from minimill.ledger._work import Desk, Item, Job, Stop

BATCH = 250
"""Most operations of one transaction."""
LINGER_S = 0.002
"""How long closings wait for company: nobody waits for them, and writing a few at once costs one sync."""
RETRY_S = (0.05, 5.0)
"""First and longest pause between two tries to write closings that failed."""


class Writer:
    """What the thread runs. From outside only its public names may be used."""

    def __init__(self, desk: Desk, close_wait_s: float) -> None:
        self.name = desk.name
        self.pid = os.getpid()
        self.close_wait_s = close_wait_s
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._turn = [None]
        self._desk = desk
        self._given_back: list[Closing] = []
        self._retry_at = 0.0
        self._retry_s = RETRY_S[0]
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
        if self._desk.backlog and time.monotonic() < min(stop.until for stop in self._stops):
            return False
        self._finish()
        return True

    def _collect(self) -> list[Item]:
        items: list[Item] = []
        with contextlib.suppress(Empty):
            items.append(self._queue.get(timeout=self._pause_s()))
            self._drain(items)
        if items and not len(self._desk.room):
            self._linger(items)
        return items

    def _drain(self, items: list[Item]) -> None:
        many = min(self._queue.qsize(), BATCH - len(items))  # nobody else takes from it
        items += [self._queue.get_nowait() for _ in range(many)]

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
        if self._desk.backlog:
            pauses.append(self._retry_at - now)
        if len(self._desk.room):
            pauses.append((self._desk.room.next_deadline() or now) - now)
        if (pause_s := self._desk.pause_s()) is not None:
            pauses.append(pause_s)
        if self._stops:
            pauses.append(min(stop.until for stop in self._stops) - now)
        return max(0.0, min(pauses)) if pauses else None

    # -- one round -------------------------------------------------------------------------------

    def _round(self, items: list[Item]) -> None:
        try:
            self._serve(items)
        except Exception as error:  # whatever it was, callers wait for an answer and later ones need the thread
            log.exception("%s: a round of the ledger failed", self.name)
            self._desk.fail([item for item in items if not isinstance(item, Request) or item.alive], error)
            self._answer_requests()
            self._answer_jobs(item for item in items if isinstance(item, Job))

    def _serve(self, items: list[Item]) -> None:
        jobs = [item for item in items if isinstance(item, Job)]
        if self._must_write(items, jobs):
            self._write(items)
        else:
            self._desk.put_off(items)
            self._open_for([job for job in jobs if not job.strict])
        self._desk.decided += self._desk.room.expire(time.monotonic())
        self._answer_requests()
        while self._given_back:  # written before a flush in this round is answered
            given_back, self._given_back = self._given_back, []
            self._write(given_back)
            self._answer_requests()
        self._answer_jobs(jobs)
        self._desk.tidy()

    def _must_write(self, items: list[Item], jobs: list[Job]) -> bool:
        if any(job.run for job in jobs) or any(isinstance(item, Request) for item in items):
            return True
        if self._desk.backlog or len(items) > len(jobs):
            return any(job.strict for job in jobs) or time.monotonic() >= self._retry_at
        return self._desk.may_serve_room() or self._desk.must_say_so()

    def _write(self, items: list[Item] | list[Closing]) -> None:
        self._desk.write(items)
        if self._desk.failure is None:
            self._retry_at, self._retry_s = 0.0, RETRY_S[0]
        else:
            self._retry_at = time.monotonic() + self._retry_s
            self._retry_s = min(2 * self._retry_s, RETRY_S[1])

    def _open_for(self, jobs: list[Job]) -> None:
        error = self._desk.open() if jobs else None
        for job in jobs:
            job.error = error

    # -- answers ---------------------------------------------------------------------------------

    def _answer_requests(self) -> None:
        decided, self._desk.decided = self._desk.decided, []
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

    def _flush_error(self) -> LedgerError | None:
        problems, self._desk.problems = self._desk.problems, []
        if any(closing.attempt_id for closing in self._desk.backlog):
            why = self._desk.failure.message if self._desk.failure else "not written yet"
            problems.append(f"{why}; {self._desk.stands()}")
        return unbooked(problems) if problems else None

    def _finish(self) -> None:
        stops, self._stops = self._stops, []
        waiting = self._desk.room.clear()
        for request in waiting:
            request.granted, request.error = None, LedgerError(f"{self.name} was closed; nothing was sent")
        self._desk.decided += waiting
        self._answer_requests()
        if waiting:
            self._desk.write([])  # so that other processes do not wait for them
        error = self._flush_error()
        if self._desk.backlog:
            report(self._desk.left_behind())
            self._desk.backlog = []
        self._desk.close(max(0.1, max(stop.until for stop in stops) - time.monotonic()))
        for stop in stops:
            stop.error = error
        wake([stop.slot for stop in stops])
