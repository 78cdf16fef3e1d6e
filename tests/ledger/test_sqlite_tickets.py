"""First come, first served between processes, with two desks on one file and a clock moved by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimill.ledger import Claim
from minimill.ledger._closing import Release
from minimill.ledger._sqlite_desk import Desk, Job
from minimill.ledger._waiting import Request, ThreadSlot
from minimill.ledger.sqlite import _declare

from .made import Clock, budget, meta


class Process:
    """A desk as a process would use it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.desk = Desk(str(path), clock, 1.0)

    def ask(self, name: str, amount: int, *, waits: bool = True, silent: bool = False) -> Request:
        until = time.monotonic() + 60 if waits else None
        request = Request(name, [Claim("team", "", amount)], meta(), 2**60, until, until if silent else None)
        self.desk.write([request])
        return request

    def release(self, name: str) -> None:
        self.desk.write([Release(name)])

    def look(self) -> None:
        """What its thread does every 20 ms while callers wait."""
        if self.desk.may_serve_room():
            self.desk.write([])


@pytest.fixture
def two(path: Path, clock: Clock) -> Iterator[tuple[Process, Process]]:
    """Two processes that know of each other, and a budget of 10 of which `first` holds all."""
    here, there = Process(path, clock), Process(path, clock)
    here.desk.write([Job(ThreadSlot(), lambda tables, books, now: _declare([budget(limit=10)], tables, books))])
    there.ask("there", 0)
    here.ask("here", 0)
    assert here.ask("first", 10).granted
    assert there.ask("unused", 1, waits=False).refusal
    yield here, there
    here.desk.close(1.0)
    there.desk.close(1.0)


def test_who_waited_longer_elsewhere_comes_first(two: tuple[Process, Process], clock: Clock) -> None:
    """Money that comes free here is left to the caller there who came before ours."""
    here, there = two
    theirs = there.ask("theirs", 10)
    clock.go(seconds=0.5)
    ours = here.ask("ours", 10)
    here.release("first")
    assert ours.granted is None
    there.look()
    assert theirs.granted
    there.release("theirs")
    here.look()
    assert ours.granted


def test_a_caller_that_does_not_wait_does_not_push_in(two: tuple[Process, Process], clock: Clock) -> None:
    """It is refused, and told that what is left goes to somebody else first."""
    here, there = two
    there.ask("theirs", 8)
    clock.go(seconds=0.5)
    here.release("first")
    pushed = here.ask("pushed", 5, waits=False)
    assert pushed.refusal is not None
    assert "has ¥0.00000001 left" in str(pushed.refusal.error())
    assert "¥0.000000008 of it for a caller that has waited longer" in str(pushed.refusal.error())
    assert here.ask("small", 2, waits=False).granted


def test_what_is_too_little_for_them_is_ours(two: tuple[Process, Process], clock: Clock) -> None:
    """A caller elsewhere for whom the money does not suffice is passed."""
    here, there = two
    here.release("first")
    assert here.ask("half", 5).granted
    there.ask("theirs", 10)
    clock.go(seconds=0.5)
    assert here.ask("ours", 5).granted


def test_a_younger_caller_elsewhere_waits(two: tuple[Process, Process], clock: Clock) -> None:
    """Ours came first, so it is served in the transaction that frees the money."""
    here, there = two
    ours = here.ask("ours", 10)
    clock.go(seconds=0.5)
    theirs = there.ask("theirs", 10)
    here.release("first")
    assert ours.granted
    there.look()
    assert theirs.granted is None


def test_the_ticket_of_a_dead_process_lapses(two: tuple[Process, Process], clock: Clock) -> None:
    """After 3 s without a word from it, its callers are passed, although no process wrote anything since."""
    here, there = two
    theirs = there.ask("theirs", 10)
    clock.go(seconds=0.5)
    ours = here.ask("ours", 10)
    here.release("first")
    clock.go(seconds=2)
    here.look()
    assert (ours.granted, theirs.granted) == (None, None)
    clock.go(seconds=1)
    here.look()
    assert ours.granted


def test_tickets_go_when_nobody_waits(two: tuple[Process, Process]) -> None:
    """A caller that leaves, or is served, takes its ticket along."""
    here, there = two
    theirs = there.ask("theirs", 10)
    tickets = "SELECT count(*) FROM waiting"
    assert here.desk._db is not None
    assert here.desk._db.execute(tickets).fetchone() == (1,)
    theirs.take()
    there.desk.room.expire(time.monotonic())
    there.desk.write([])
    assert here.desk._db.execute(tickets).fetchone() == (0,)


def test_alone_on_a_file_no_ticket_is_written(path: Path, clock: Clock) -> None:
    """Waiting costs no write where no other process has shown itself."""
    here = Process(path, clock)
    here.desk.write([Job(ThreadSlot(), lambda tables, books, now: _declare([budget(limit=10)], tables, books))])
    here.ask("first", 10)
    here.ask("second", 10)
    assert len(here.desk.room) == 1
    assert here.desk._db is not None
    assert here.desk._db.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    here.desk.close(1.0)


def test_a_vendors_share_is_first_come_first_served_as_well(path: Path, clock: Clock) -> None:
    """Of 100 a share of 20, of which 15 may be in flight: what comes free goes to the caller who came first."""
    here, there = Process(path, clock), Process(path, clock)
    share = budget(limit=100, unconfirmed_share_ppm=200_000)
    here.desk.write([Job(ThreadSlot(), lambda tables, books, now: _declare([share], tables, books))])
    there.ask("there", 0)
    here.ask("here", 0)
    for number in range(3):
        assert here.ask(f"a{number}", 5, waits=False).granted
    theirs = there.ask("theirs", 5, silent=True)
    clock.go(seconds=0.5)
    ours = here.ask("ours", 5, silent=True)
    here.release("a0")
    assert ours.granted is None
    there.look()
    assert theirs.granted
    here.release("a1")
    assert ours.granted
    here.desk.close(1.0)
    there.desk.close(1.0)
