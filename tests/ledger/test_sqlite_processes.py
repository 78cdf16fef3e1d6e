"""Several processes on one file: the cap holds, nobody starves, and a process that dies leaves its holds."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import _sqlite_desk, _sqlite_presence, _sqlite_store, open_ledger
from minimill.ledger.sqlite import SqliteLedger

from .made import START, Clock, budget, hold, record, sums

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]

HEAD = """
import asyncio, datetime as dt, json, os, signal, sys, time
from minimill import BudgetExceededError, LedgerError
from minimill.ledger.sqlite import SqliteLedger
from tests.ledger.made import budget, hold, record, sums

path, name = sys.argv[1:3]
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program in a process of its own; none is left when the test ends."""
    running: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: object) -> subprocess.Popen[str]:
        text = textwrap.dedent(HEAD) + textwrap.dedent(program)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", text, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def result(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


RACE = """
granted, waits = [], []

async def one(ledger, number):
    began = time.perf_counter()
    try:
        await hold(ledger, f"{name}-{number:02}", 1)
    except BudgetExceededError:
        return
    finally:
        waits.append(time.perf_counter() - began)
    granted.append(number)
    ledger.settle(f"{name}-{number:02}", {"team": 1}, record(f"{name}-{number:02}"))

async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(one(ledger, number) for number in range(50)))
    await ledger.aclose()

asyncio.run(main())
print(json.dumps([len(granted), max(waits)]))
"""


def test_eight_processes_of_fifty_callers(path: Path, start: Start) -> None:
    """400 callers race for a limit of 100: exactly 100 are granted, and nobody waits for long."""
    processes = [start(RACE, path, f"p{number}") for number in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [json.loads(result(process)) for process in processes]
    assert sum(granted for granted, _ in found) == 100
    assert max(waited for _, waited in found) < 5
    assert asyncio.run(state(path)) == ((100, 0, 0), [])


async def state(path: Path) -> tuple[tuple[int, int, int], list[str]]:
    ledger = open_ledger(f"sqlite:///{path}")
    found = await sums(ledger), await ledger.audit()
    await ledger.aclose()
    return found


BUSY = """
from tests.ledger.made import busy

print(json.dumps(asyncio.run(busy(SqliteLedger(path), name, callers=10, pause_s=0.005, lasts_s=1.0))))
"""


def test_no_process_starves_at_the_cap(path: Path, start: Start) -> None:
    """Four processes with ten callers each wait for three places all the time: each gets its share of them."""
    processes = [start(BUSY, path, f"p{number}") for number in range(4)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [json.loads(result(process)) for process in processes]
    served = [count for count, _ in found]
    assert min(served) * 4 > max(served)
    assert max(waited for _, waited in found) < 2.5
    assert asyncio.run(state(path)) == ((0, 0, 0), [])


KILLED = """
async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "settled", 30)
    ledger.settle("settled", {"team": 20}, record("settled"))
    await hold(ledger, "flying", 40, at=LONG_AGO)
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_killed_process_leaves_its_hold(path: Path, start: Start) -> None:
    """After kill -9 the hold stands, named, the report shows it as lost, and a correction ends it."""
    process = start(KILLED, path, "x")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    async def look() -> None:
        ledger = SqliteLedger(path)
        assert await sums(ledger) == (20, 40, 40)
        (found,) = await ledger.holds()
        assert (found.attempt_id, found.call_id, found.provider) == ("flying", "call", "acme")
        lost = [row.record for row in await ledger.records() if row.record.attempt_id == "flying"]
        assert [(r.status, r.certainty, r.charged_nanos) for r in lost] == [("lost", "held", 40)]
        await ledger.correct("flying", {"team": 1}, reason="export")
        assert await sums(ledger) == (21, 0, 0)
        assert await ledger.audit() == []
        await ledger.aclose()

    asyncio.run(look())


TORN = """
async def caller(ledger, number):
    for turn in range(10**6):
        attempt_id = f"{name}-{number}-{turn}"
        await hold(ledger, attempt_id, 1)
        print(attempt_id, flush=True)
        ledger.settle(attempt_id, {"team": 1}, record(attempt_id))

async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=10**9)])
    await asyncio.gather(*(caller(ledger, number) for number in range(5)))

asyncio.run(main())
"""


def test_killed_in_the_middle_of_writing(path: Path, start: Start) -> None:
    """Whatever was granted before kill -9 is in the books, and they add up."""
    granted = 0
    for turn in range(3):
        process = start(TORN, path, f"p{turn}")
        assert process.stdout is not None
        for _ in range(20 + 7 * turn):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        granted += 20 + 7 * turn + len(out.splitlines())
    (settled, held, _), differences = asyncio.run(state(path))
    assert settled + held >= granted
    assert differences == []


EXIT = """
async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    for number in range(20):
        await hold(ledger, f"a{number}", 1)
        ledger.settle(f"a{number}", {"team": 2}, record(f"a{number}"))
    return ledger

kept = asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "import gc; del kept; gc.collect()"])
def test_the_end_of_the_interpreter_flushes(path: Path, start: Start, end: str) -> None:
    """A program that just ends, without closing its ledger, loses no settlement."""
    result(start(EXIT + end, path, "x"))
    assert asyncio.run(state(path)) == ((40, 0, 0), [])


STUCK = """
import logging
from minimill.ledger._sqlite_lock import FileLock
logging.basicConfig(stream=sys.stdout, format="%(message)s")

async def main():
    ledger = SqliteLedger(path, close_wait_s=0.2, lock_wait_s=0.1)
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 1)
    lock = FileLock(path, 1)
    lock.__enter__()
    ledger.settle("a1", {"team": 2}, record("a1"))
    return ledger, lock

kept = asyncio.run(main())
"""


def test_the_end_does_not_wait_for_ever(path: Path, start: Start) -> None:
    """When the file cannot be written at exit, an error is logged that names the hold, within the time set for it."""
    out = result(start(STUCK, path, "x"))
    assert "what attempts a1 hold in" in out
    assert "this process will not write them any more" in out
    assert asyncio.run(state(path))[0][:2] == (0, 1)


FORK = """
async def child(ledger):
    for use in (hold(ledger, "b1", 1), ledger.declare([]), ledger.balances(), ledger.flush()):
        try:
            await use
        except LedgerError as error:
            print("child:", error, flush=True)
    ledger.settle("a1", {"team": 9}, record("a1"))
    ledger.close()
    await ledger.aclose()

async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 5)
    return ledger

ledger = asyncio.run(main())
if os.fork() == 0:
    asyncio.run(child(ledger))
    own = SqliteLedger(path)
    asyncio.run(hold(own, "b2", 7))
    sys.exit(0)
_, status = os.wait()
assert status == 0, status
ledger.settle("a1", {"team": 3}, record("a1"))
print("parent:", asyncio.run(sums(ledger))[:2])
"""


def test_a_forked_child_spends_nothing_of_its_parent(path: Path, start: Start) -> None:
    """Every use of the parent's ledger is refused in the child, whose own ledger works; the parent goes on."""
    lines = result(start(FORK, path, "x")).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["child"] * 4 + ["parent"]
    assert all("opened in another process; a forked process opens its own ledger" in line for line in lines[:4])
    assert lines[4] == "parent: (3, 7)"
    assert asyncio.run(state(path))[1] == []


INHERITED = """
from minimill.ledger._sqlite_lock import FileLock

async def main():
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    return ledger

ledger = asyncio.run(main())
lock = FileLock(path, 1)
lock.__enter__()
child = os.fork()
if child == 0:
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_does_not_inherit_the_lock(path: Path, start: Start) -> None:
    """When a process dies inside the lock, a child that it forked there does not go on holding it."""
    process = start(INHERITED, path, "x")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait(10)

    async def write() -> None:
        ledger = SqliteLedger(path, lock_wait_s=2)
        await hold(ledger, "a1", 1)
        await ledger.aclose()

    try:
        os.kill(child, 0)
        asyncio.run(write())
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.anyio
async def test_money_freed_by_another_process_reaches_a_waiting_caller(path: Path, start: Start) -> None:
    """A caller that waits here is served soon after a process there lets go, or raises the limit."""
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "a1", 10)
    process = start(
        """
        async def main():
            ledger = SqliteLedger(path)
            print("ready", flush=True)
            sys.stdin.readline()
            ledger.release("a1")
            await ledger.flush()
            sys.stdin.readline()
            await ledger.set_limit("team", 20)
            await ledger.aclose()

        asyncio.run(main())
        """,
        path,
        "x",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    for name, total in (("w1", 10), ("w2", 20)):
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(lambda n=name: hold(ledger, n, 10, wait_until=time.monotonic() + 9))
                await anyio.wait_all_tasks_blocked()
                process.stdin.write("go\n")
                process.stdin.flush()
        assert (await sums(ledger))[1] == total
    assert result(process) == ""
    await ledger.aclose()


@pytest.mark.anyio
async def test_a_stopped_process_blocks_nobody_for_ever(path: Path, start: Start) -> None:
    """A process that is stopped inside the lock makes others fail in time, and they go on when it does."""
    process = start(
        """
        from minimill.ledger._sqlite_lock import FileLock
        with FileLock(path, 1):
            print("locked", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        """,
        path,
        "x",
    )
    assert process.stdout is not None
    process.stdout.readline()
    ledger = SqliteLedger(path, lock_wait_s=0.2)
    with pytest.raises(LedgerError, match="nothing was sent"):
        await ledger.declare([budget(limit=10)])
    process.send_signal(signal.SIGCONT)
    process.wait(10)
    await ledger.declare([budget(limit=10)])
    await ledger.aclose()


def test_many_start_at_once_on_a_new_file(path: Path, start: Start) -> None:
    """Six processes that all find no file make one set of tables and one budget."""
    program = """
    async def main():
        ledger = SqliteLedger(path)
        await ledger.declare([budget(limit=100)])
        await hold(ledger, name, 1)
        await ledger.aclose()

    asyncio.run(main())
    """
    for process in [start(program, path, f"p{number}") for number in range(6)]:
        result(process)
    assert asyncio.run(state(path))[0][:2] == (0, 6)
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"


@pytest.mark.anyio
async def test_what_a_killed_process_asked_for_keeps_nobody_waiting_long(
    path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hold fills the vendor's share; once its word that it lives has lapsed, a waiting caller may go."""
    monkeypatch.setattr(_sqlite_store, "LAPSE_US", 300_000)
    killed = start(
        """
        async def main():
            ledger = SqliteLedger(path)
            await ledger.declare([budget(limit=100, unconfirmed_share_ppm=200_000)])
            await hold(ledger, "theirs", 20, at=dt.datetime.now(dt.UTC))
            print("held", flush=True)
            sys.stdin.read()
        asyncio.run(main())
        """,
        path,
        "killed",
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "held\n"
    ledger = SqliteLedger(path)
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "ours", 20)
    assert caught.value.provider_silent
    killed.kill()
    killed.wait()
    with anyio.fail_after(20):
        now = dt.datetime.now(dt.UTC)
        await hold(ledger, "later", 20, at=now, wait_silent_until=time.monotonic() + 20)
    assert await sums(ledger) == (0, 40, 20)
    (row, _) = await ledger.records()
    assert (row.record.attempt_id, row.record.status) == ("theirs", "lost")
    assert await ledger.audit() == []
    await ledger.aclose()


@pytest.mark.anyio
async def test_a_living_process_says_so_while_it_has_money_in_flight(path: Path) -> None:
    """At the reservation, then every two seconds by the ledger's clock; not while nothing is in flight."""
    clock = Clock()
    ledger = SqliteLedger(path, clock=clock)
    await ledger.declare([budget(limit=100)])

    async def seen() -> list[float]:
        rows = await ledger._job(
            lambda tables, books, now: tables._db.execute("SELECT seen_us FROM processes").fetchall()
        )
        return [row[0] / 1e6 - START.timestamp() for row in rows]

    assert await seen() == []
    await hold(ledger, "a1", 1)
    assert await seen() == [0]
    clock.go(seconds=1.9)
    assert await seen() == [0]
    clock.go(seconds=0.1)
    await seen()  # in that transaction it is said
    assert await seen() == [2]
    ledger.settle("a1", {"team": 1}, record("a1"))
    await ledger.flush()
    clock.go(seconds=60)
    assert await seen() == [2]
    await ledger.aclose()


@pytest.mark.anyio
async def test_an_idle_writer_wakes_up_to_say_that_it_lives(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks the ledger for anything while a call takes long."""
    monkeypatch.setattr(_sqlite_presence, "BEAT_US", 20_000)
    monkeypatch.setattr(_sqlite_desk, "BEAT_US", 20_000)
    ledger = SqliteLedger(path)
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 1)
    with contextlib.closing(sqlite3.connect(path)) as db, anyio.fail_after(10):
        said: set[int] = set()
        while len(said) < 3:
            said.update(row[0] for row in db.execute("SELECT seen_us FROM processes"))
            await anyio.sleep(0.01)
    await ledger.aclose()
