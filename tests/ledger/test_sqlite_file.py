"""The ledger file: who may read it, where it may lie, and what happens when it cannot be written."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from anyio.abc import TaskGroup

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import Claim, _sqlite_desk
from minimill.ledger._sqlite_desk import Desk, Item
from minimill.ledger._sqlite_file import _MIGRATIONS, file_system
from minimill.ledger._sqlite_lock import FileLock
from minimill.ledger._sqlite_store import Tables
from minimill.ledger._waiting import Request
from minimill.ledger.sqlite import SqliteLedger

from .made import Clock, budget, hold, meta, record, sums

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(path: Path, clock: Clock) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, clock=clock, close_wait_s=0.1, lock_wait_s=0.2)
    yield ledger
    with contextlib.suppress(LedgerError):
        await ledger.aclose()


async def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """The folder is 0700, the file and all its companions 0600, whatever the umask."""
    before = os.umask(0)
    try:
        ledger = SqliteLedger(tmp_path / "new" / "folder" / "ledger.db")
        await ledger.declare([budget()])
        await hold(ledger, "a1", 1)
        names = sorted(os.listdir(tmp_path / "new" / "folder"))
        assert names == ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock", "ledger.db.turn"]
        for name in names:
            assert stat.S_IMODE(os.stat(tmp_path / "new" / "folder" / name).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(tmp_path / "new" / "folder").st_mode) == 0o700
        await ledger.aclose()
    finally:
        os.umask(before)


async def test_the_file_is_as_durable_as_sqlite_makes_it(books: SqliteLedger, path: Path) -> None:
    """A write-ahead log, a full sync at each commit, and no checkpoint but our own."""
    await books.declare([budget()])
    found = await books._job(lambda tables, rules, now: [
        tables._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "user_version")
    ])  # fmt: skip
    assert found == ["wal", 2, 0, 4]


async def test_nothing_is_made_before_it_is_needed(path: Path) -> None:
    """A ledger that is only named leaves no file and no thread, and closes."""
    ledger = SqliteLedger(path)
    await ledger.aclose()
    assert not path.exists()
    SqliteLedger(path).close()
    assert list(path.parent.iterdir()) == []


async def test_what_was_written_is_there_the_next_time(path: Path, clock: Clock) -> None:
    """Budgets, sums, holds, records and the set limit outlive the process's ledger object."""
    first = SqliteLedger(path, clock=clock)
    await first.declare([budget(limit=100, scope={"app": "x"}, by="user")])
    await hold(first, "a1", 0, Claim("team", "ann", 40))
    await hold(first, "a2", 0, Claim("team", "ann", 30))
    first.settle("a1", {"team": 35}, record("a1", charged=35))
    await first.set_limit("team", 90)
    await first.aclose()
    second = SqliteLedger(path, clock=clock)
    (found,) = await second.balances()
    assert (found.limit_nanos, found.settled_nanos, found.held_nanos) == (90, 35, 30)
    assert [h.attempt_id for h in await second.holds()] == ["a2"]
    assert [r.record.charged_nanos for r in await second.records()] == [35, 30]
    with pytest.raises(BudgetExceededError):
        await hold(second, "a3", 0, Claim("team", "ann", 26))
    second.settle("a2", {"team": 5}, record("a2"))
    assert await second.audit() == []
    await second.aclose()


async def test_two_ledgers_of_one_process_share_a_file(path: Path, clock: Clock) -> None:
    """What one holds the other sees, and money that one frees reaches a caller waiting in the other."""
    one, two = SqliteLedger(path, clock=clock), SqliteLedger(path, clock=clock)
    await one.declare([budget(limit=10)])
    assert await two.declare([budget(limit=10)]) == []
    await hold(one, "a1", 10)
    with pytest.raises(BudgetExceededError):
        await hold(two, "a2", 1)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: hold(two, "a3", 10, wait_until=time.monotonic() + 30))
            await anyio.sleep(0.06)
            one.release("a1")
    assert [h.attempt_id for h in await one.holds()] == ["a3"]
    await one.set_limit("team", 15)
    await hold(two, "a4", 5)
    await two.aclose()
    await one.aclose()


async def test_a_settlement_needs_no_flush(path: Path, clock: Clock) -> None:
    """It is in the file a moment later, though nobody asks this ledger for anything."""
    one, two = SqliteLedger(path, clock=clock), SqliteLedger(path, clock=clock)
    await one.declare([budget()])
    await hold(one, "a1", 10)
    began = time.monotonic()
    one.settle("a1", {"team": 4}, record("a1"))
    with anyio.fail_after(5):
        while await sums(two) != (4, 0, 0):
            await anyio.sleep(0.002)
    assert time.monotonic() - began < 1
    await two.aclose()
    await one.aclose()


async def test_a_corrupt_file_is_named(books: SqliteLedger, path: Path) -> None:
    """A file that is no database is left as it is."""
    path.write_bytes(b"this is not a database at all, but it is long enough to look like one" * 20)
    with pytest.raises(LedgerError, match=r"ledger\.db.*not a database.*nothing was sent"):
        await hold(books, "a1", 1)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        await books.balances()
    assert path.read_bytes().startswith(b"this is not")
    assert os.listdir(path.parent) == ["ledger.db"]


async def test_a_damaged_file_is_named(path: Path, clock: Clock) -> None:
    """Pages overwritten with rubbish give an error with the name of the file, at the first use."""
    ledger = SqliteLedger(path, clock=clock)
    await ledger.declare([budget()])
    await ledger.aclose()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.path.getsize(path) - 4096))
    ledger = SqliteLedger(path, clock=clock)
    with pytest.raises(LedgerError, match=r"ledger\.db: database disk image is malformed"):
        await hold(ledger, "a1", 1)
    await ledger.aclose()


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """Books that a later version wrote are not touched."""
    ledger = SqliteLedger(path)
    await ledger.declare([budget()])
    await ledger.aclose()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerError, match=r"written by a newer minimill \(schema 99, this one knows 4\)"):
        await SqliteLedger(path).declare([budget()])


async def test_another_programs_file_is_refused(path: Path) -> None:
    """A SQLite file with other tables is left alone."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(LedgerError, match="another program"):
        await SqliteLedger(path).declare([budget()])


async def test_a_file_taken_away_is_noticed(books: SqliteLedger, path: Path) -> None:
    """Once the file is gone or another lies in its place nothing more is granted: two books would be two caps."""
    await books.declare([budget()])
    await hold(books, "a1", 1)
    path.rename(path.with_suffix(".old"))
    with pytest.raises(LedgerError, match="removed or replaced"):
        await hold(books, "a2", 1)
    path.with_suffix(".old").rename(path)
    await hold(books, "a3", 1)
    assert await sums(books) == (0, 2, 0)


async def test_waiting_for_another_process_is_bounded(books: SqliteLedger, path: Path) -> None:
    """When the lock is held for too long the reservation fails, and closings are written later."""
    await books.declare([budget()])
    await hold(books, "a1", 5)
    with FileLock(str(path), 1.0):
        began = time.monotonic()
        with pytest.raises(LedgerError, match=r"has held .*ledger\.db\.lock for 0\.2 s.*nothing was sent"):
            await hold(books, "a2", 1)
        assert 0.15 < time.monotonic() - began < 3
        books.settle("a1", {"team": 3}, record("a1"))
        with pytest.raises(LedgerError, match="what attempts a1 hold in .*ledger.db stands"):
            await books.flush()
    await books.flush()
    assert await sums(books) == (3, 0, 0)


def test_a_busy_process_does_not_keep_others_out(path: Path) -> None:
    """One that takes the lock again at once lets another have it 20 times before it had it 60 times."""
    busy, other, over = FileLock(str(path), 5), FileLock(str(path), 5), threading.Event()

    busy_turns = 0

    def run() -> None:
        nonlocal busy_turns
        while not over.is_set():
            with busy:
                time.sleep(0.001)
            busy_turns += 1

    thread = threading.Thread(target=run)
    thread.start()
    began = time.monotonic()
    for _ in range(20):
        with other:
            pass
    took = time.monotonic() - began
    over.set()
    thread.join()
    busy.close()
    other.close()
    assert took < 1.5
    assert busy_turns < 60, busy_turns


async def test_another_programs_transaction_is_waited_for(books: SqliteLedger, path: Path) -> None:
    """A tool that writes without our lock delays us and breaks nothing."""
    await books.declare([budget()])
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    async with anyio.create_task_group() as group:
        group.start_soon(hold, books, "a1", 5)
        await anyio.sleep(0.03)
        db.execute("COMMIT")
    db.close()
    assert await sums(books) == (0, 5, 0)


async def test_one_closing_that_cannot_be_written_harms_no_other(books: SqliteLedger) -> None:
    """It is reported once; those queued with it are booked, and reservations are granted."""
    await books.declare([budget()])
    for name in ("a1", "a2", "a3"):
        await hold(books, name, 10)
    books.settle("a1", {"team": 1}, record("a1"))
    books.settle("a2", {"team": 1}, record("a2", started_at="yesterday"))
    books.settle("a3", {"team": 1}, record("a3"))
    await hold(books, "a4", 5)
    with pytest.raises(LedgerError, match="attempt a2: it cannot be booked"):
        await books.flush()
    await books.flush()
    assert await sums(books) == (2, 15, 0)


async def test_one_reservation_that_cannot_be_written_fails_alone(books: SqliteLedger) -> None:
    """An attempt whose id no encoding can write is refused, and its neighbours are granted."""
    await books.declare([budget()])
    failed: list[BaseException] = []

    async def one(name: str) -> None:
        try:
            await hold(books, name, 1)
        except LedgerError as error:
            failed.append(error)

    async with anyio.create_task_group() as group:
        for name in ("a1", "half \ud83d", "a2"):
            group.start_soon(one, name)
    assert len(failed) == 1
    assert sorted(h.attempt_id for h in await books.holds()) == ["a1", "a2"]


async def test_settlements_outlast_a_disk_that_fails_for_a_while(
    books: SqliteLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They stay queued and are tried again; flush says whose holds stand; reservations fail meanwhile."""
    await books.declare([budget()])
    await hold(books, "a1", 10)
    works, original = [False], Tables.write

    def write(tables: Tables) -> None:
        if not works[0]:
            raise sqlite3.OperationalError("disk I/O error")
        original(tables)

    monkeypatch.setattr(Tables, "write", write)
    books.settle("a1", {"team": 4}, record("a1"))
    with pytest.raises(LedgerError, match=r"disk I/O error.*what attempts a1 hold in .* stands until they are written"):
        await books.flush()
    assert "trying again" in caplog.text
    with pytest.raises(LedgerError, match="disk I/O error; nothing was written, nothing was sent"):
        await hold(books, "a2", 1)
    with pytest.raises(LedgerError, match="disk I/O error"):
        await books.set_limit("team", 5)
    assert await sums(books) == (0, 10, 0)
    works[0] = True
    with anyio.fail_after(5):
        while await sums(books) != (4, 0, 0):  # by itself, without another call
            await anyio.sleep(0.01)
    await books.flush()


async def test_a_commit_that_fails_grants_nothing(books: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of callers granted in one transaction that is rolled back, waiting ones included, nobody may send."""
    await books.declare([budget(limit=10)])
    await hold(books, "a1", 10)
    original = Tables.write
    told: list[str] = []

    async def wait(name: str) -> None:
        with pytest.raises(LedgerError, match="disk I/O error"):
            await hold(books, name, 5, wait_until=time.monotonic() + 30)
        told.append(name)

    def write(tables: Tables) -> None:
        original(tables)
        if not told:
            raise sqlite3.OperationalError("disk I/O error")

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "w1")
        group.start_soon(wait, "w2")
        await anyio.wait_all_tasks_blocked()
        await books.flush()
        monkeypatch.setattr(Tables, "write", write)
        books.release("a1")
    assert sorted(told) == ["w1", "w2"]
    await books.flush()
    assert await sums(books) == (0, 0, 0)
    assert await books.audit() == []


class HeldUp:
    """Keeps the writer busy until told: what is queued meanwhile shares a transaction."""

    def __init__(self, books: SqliteLedger) -> None:
        self._books = books
        self._begun, self._go = threading.Event(), threading.Event()

    async def run(self) -> None:
        await self._books._job(lambda tables, rules, now: self._begun.set() or self._go.wait(5))

    async def begin(self, group: TaskGroup) -> None:
        await self._books.flush()
        group.start_soon(self.run)
        await anyio.to_thread.run_sync(self._begun.wait, 5)

    def go(self) -> None:
        self._go.set()

    async def go_on(self) -> None:
        self._go.set()


async def test_waiting_callers_survive_a_closing_that_cannot_be_written(books: SqliteLedger) -> None:
    """The transaction in which they were granted is undone; they are granted in the next."""
    await books.declare([budget(limit=10)])
    await hold(books, "a1", 10)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: hold(books, "w1", 5, wait_until=time.monotonic() + 60))
            group.start_soon(lambda: hold(books, "w2", 5, wait_until=time.monotonic() + 60))
            await anyio.wait_all_tasks_blocked()
            writer = HeldUp(books)
            await writer.begin(group)
            books.release("a1")
            books.settle("poison", {}, record("poison", started_at="yesterday"))
            writer.go()
    assert [h.attempt_id for h in await books.holds()] == ["w1", "w2"]
    with pytest.raises(LedgerError, match="poison"):
        await books.flush()


async def test_a_grant_that_was_undone_is_forgotten(
    books: SqliteLedger, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Granted in a transaction that is undone, refused in the next because another process was quicker."""
    await books.declare([budget(limit=10)])
    original, rival = Desk._isolate, Desk(str(path), clock, 1.0)
    theirs = Request("theirs", [Claim("team", "", 10)], meta(), 2**50, None, None)

    def isolate(desk: Desk, work: Sequence[Item], error: Exception) -> None:
        if desk is books._writer._desk and theirs.granted is None:
            rival.write([theirs])
        original(desk, work, error)

    monkeypatch.setattr(Desk, "_isolate", isolate)
    async with anyio.create_task_group() as group:
        writer = HeldUp(books)
        await writer.begin(group)
        books.settle("poison", {}, record("poison", started_at="yesterday"))
        group.start_soon(writer.go_on)
        with pytest.raises(BudgetExceededError):
            await hold(books, "ours", 10)
    assert theirs.granted is not None
    assert [h.attempt_id for h in await books.holds()] == ["theirs"]
    rival.close(1.0)
    with pytest.raises(LedgerError, match="poison"):
        await books.flush()


async def test_a_round_that_breaks_leaves_nobody_waiting(
    books: SqliteLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in the thread, those it was to answer are told, and it goes on."""
    await books.declare([budget(limit=10)])
    original = Desk.may_serve_room

    def broken(desk: Desk) -> bool:
        monkeypatch.setattr(Desk, "may_serve_room", original)
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Desk, "may_serve_room", broken)
    with anyio.fail_after(5):
        await books._job()
    assert "a round of the ledger failed" in caplog.text
    await hold(books, "a1", 10)


async def test_waiting_callers_are_told_when_serving_them_breaks(
    books: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no operation but the queue itself cannot be served, those in it get an error."""
    await books.declare([budget(limit=10)])
    await hold(books, "a1", 10)
    original = Desk._serve_room

    def broken(desk: Desk, rules: Any, now_us: int) -> None:
        if armed and not desk.decided:
            raise RuntimeError("a mistake of ours")
        original(desk, rules, now_us)

    armed: list[int] = []
    monkeypatch.setattr(Desk, "_serve_room", broken)
    monkeypatch.setattr(Desk, "may_serve_room", lambda desk: len(desk.room) > 0 and bool(armed))
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_told, books)
            await anyio.wait_all_tasks_blocked()
            await books.flush()
            armed.append(1)
    armed.clear()


async def _told(books: SqliteLedger) -> None:
    with pytest.raises(LedgerError, match="a mistake of ours; nothing was written, nothing was sent"):
        await hold(books, "a2", 10, wait_until=time.monotonic() + 60)


async def test_a_file_that_breaks_later_cannot_be_read(books: SqliteLedger, path: Path) -> None:
    """Reading damaged pages is an error that names the file."""
    await books.declare([budget()])
    db = sqlite3.connect(path)
    db.execute("DROP TABLE holds")
    db.close()
    with pytest.raises(LedgerError, match=r"ledger\.db cannot be read: no such table: holds"):
        await books.holds()


class Doubtful:
    """A connection whose next commit happens and is said to have failed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.armed = False

    def execute(self, sql: str, *values: Any) -> Any:
        found = self.db.execute(sql, *values)
        if sql == "COMMIT" and self.armed:
            self.armed = False
            raise sqlite3.OperationalError("disk I/O error")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


async def test_a_commit_in_doubt_is_taken_back(books: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk may hold what the caller was refused, it is released as soon as that can be written."""
    made: list[Doubtful] = []

    def connect(path: str) -> Doubtful:
        made.append(Doubtful(sqlite_connect(path)))
        return made[-1]

    sqlite_connect = _sqlite_desk.connect
    monkeypatch.setattr(_sqlite_desk, "connect", connect)
    await books.declare([budget(limit=10)])
    made[0].armed = True
    with pytest.raises(LedgerError, match="disk I/O error"):
        await hold(books, "a1", 10)
    await books.flush()
    assert await books.holds() == []
    await hold(books, "a2", 10)


async def test_closing_ends_the_wait_of_callers(books: SqliteLedger) -> None:
    """Who waits for money when the ledger is closed is told so at once."""
    await books.declare([budget(limit=10)])
    await hold(books, "a1", 10)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_closed_on, books)
            await anyio.wait_all_tasks_blocked()
            await books.aclose()


async def _closed_on(books: SqliteLedger) -> None:
    with pytest.raises(LedgerError, match="was closed; nothing was sent"):
        await hold(books, "a2", 10, wait_until=time.monotonic() + 60)


FULL = """
import asyncio, resource, signal, sys
from tests.ledger.made import budget, hold, record, sums
from minimill import LedgerError
from minimill.ledger.sqlite import SqliteLedger

async def main(path):
    ledger = SqliteLedger(path, close_wait_s=0.2)
    await ledger.declare([budget(limit=10**9)])
    await hold(ledger, "first", 10)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    granted = ["first"]
    try:
        for number in range(1000):
            await hold(ledger, f"a{number:04}", 10)
            granted.append(f"a{number:04}")
    except LedgerError as error:
        print("reserve:", error)
    ledger.settle("first", {"team": 3}, record("first"))
    try:
        await ledger.flush()
    except LedgerError as error:
        print("flush:", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await ledger.flush()
    print("sums:", await sums(ledger), (len(granted) - 1) * 10, await ledger.audit())
    await ledger.aclose()

asyncio.run(main(sys.argv[1]))
"""


def test_a_full_disk(path: Path) -> None:
    """Reservations fail and hold nothing, a settlement waits until there is room again."""
    out = python(FULL, str(path)).stdout.splitlines()
    assert out[0].startswith("reserve: ") and "nothing was sent" in out[0]
    assert str(path) in out[0]
    assert out[1].startswith("flush: ")
    assert re.search(r"what attempts .*first hold in", out[1])
    words = out[2].replace("(", "").replace(")", "").replace(",", "").split()
    assert words[1] == "3"
    assert words[2] == words[4] != "0"
    assert words[5] == "[]"


NOBODY = """
import asyncio, os, sys
from tests.ledger.made import budget
from minimill import LedgerError
from minimill.ledger.sqlite import SqliteLedger

os.setgid(65534)
os.setuid(65534)

async def main(path):
    try:
        await SqliteLedger(path).declare([budget()])
    except LedgerError as error:
        print(error)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_or_folder_that_may_not_be_written(folder: Path, what: str) -> None:
    """A read-only file, or a folder of somebody else, is an error that names it."""
    folder.chmod(0o755)
    theirs = folder / "theirs"
    theirs.mkdir()
    path = theirs / ("ledger.db" if what == "file" else "new/ledger.db")
    if what == "file":
        path.touch()
        path.chmod(0o444)
        theirs.chmod(0o777)
    out = python(NOBODY, str(path)).stdout
    assert "theirs" in out
    assert "nothing was sent" in out
    assert "readonly" in out or "Permission denied" in out


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own beside this one."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
//server/share /mnt/my\\040share cifs rw 0 0
/dev/vdb /home/me/local xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home", "nfs4"),
        ("/home/you/deep", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/local/x", "xfs"),
        ("/mnt/my share/x", "cifs"),
    ],
)
def test_which_file_system_holds_a_folder(tmp_path: Path, folder: str, kind: str) -> None:
    """The longest mount point above it decides."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert file_system(folder, str(mounts)) == kind


def test_a_system_that_does_not_tell_its_mounts(tmp_path: Path) -> None:
    """Without /proc nothing is known, and nothing refused."""
    assert file_system("/", str(tmp_path / "none")) is None


async def test_a_network_file_system_is_refused(books: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the kind and says where a ledger may lie; nothing is made there."""
    monkeypatch.setattr("minimill.ledger._sqlite_file.file_system", lambda folder: "nfs4")
    with pytest.raises(LedgerError, match=r"network file system \(nfs4\).*local disk"):
        await books.declare([budget()])
    assert not Path(books.path).exists()


async def test_no_posix_no_ledger(books: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be locked nothing is opened."""
    monkeypatch.setattr("minimill.ledger._sqlite_lock.fcntl", None)
    with pytest.raises(LedgerError, match="POSIX file locks"):
        await books.declare([budget()])


async def test_the_log_is_checkpointed_under_the_lock(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not grow without end: after thousands of entries it is smaller than what was written to it."""
    monkeypatch.setattr("minimill.ledger._sqlite_desk.CHECKPOINT_PAGES", 50)
    ledger = SqliteLedger(path, clock=clock)
    await ledger.declare([budget(limit=10**9)])
    for number in range(60):
        async with anyio.create_task_group() as group:
            for place in range(20):
                group.start_soon(hold, ledger, f"a{number:03}-{place}", 1)
    assert path.stat().st_size > 200_000
    assert Path(f"{path}-wal").stat().st_size < 1_000_000
    assert await sums(ledger) == (0, 1200, 0)
    await ledger.aclose()
    assert not Path(f"{path}-wal").exists()


async def test_books_of_the_first_schema_are_brought_up_to_date(path: Path, clock: Clock) -> None:
    """With an attempt in flight, one that is held, and a vendor that was silent last: nothing is lost."""
    db = sqlite3.connect(path)
    for statement in _MIGRATIONS[0].split(";"):
        db.execute(statement.format(strict="STRICT"))
    db.execute("PRAGMA application_id = 0x6D696E69")
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO budgets VALUES (1, 'team', 'CNY', 'total', 'UTC', '{}', NULL, 100, 1, 1000000, '[100]')")
    owed = '{"acme":10,"acme?":20}'
    db.execute("INSERT INTO accounts VALUES (1, 'team', '', 'total', 0, 30, 20, 0, ?)", (owed,))
    db.execute("INSERT INTO providers VALUES ('acme', -5)")
    who = '["call","acme","small",null,null,{}]'
    for name, state, amount in (("a1", "open", 10), ("a2", "kept", 20)):
        lines = f"[[1,{amount},{amount},0,0]]"
        db.execute("INSERT INTO holds VALUES (?, ?, 1, 2, ?, ?, NULL, NULL)", (name, state, who, lines))
        db.execute("INSERT INTO entries VALUES (NULL, 1, ?, 1, 'hold', ?, 0, 0, NULL)", (name, amount))
    db.commit()
    db.close()
    ledger = SqliteLedger(path, clock=clock)
    await ledger.declare([budget(limit=100)])
    assert await sums(ledger) == (0, 30, 30)
    assert await ledger.audit() == []
    assert [hold.attempt_id for hold in await ledger.holds()] == ["a1", "a2"]
    found = await ledger._job(lambda tables, books, now: vars_of(tables.provider("acme")))
    assert found == {"name": "acme", "answered_us": 0, "silent_us": 5, "doubted_us": 5, "probes": 0}
    await hold(ledger, "a3", 70)
    await ledger.correct("a2", {"team": 0}, reason="export")
    assert (await sums(ledger))[:2] == (0, 80)
    assert await ledger.audit() == []
    await ledger.aclose()


@pytest.mark.parametrize(
    ("change", "word"),
    [("UPDATE entries SET settled = 1", "changed"), ("DELETE FROM entries", "deleted")],
)
async def test_entries_are_only_added(books: SqliteLedger, path: Path, change: str, word: str) -> None:
    """The file itself refuses anything else, whichever program asks."""
    await books.declare([budget()])
    await hold(books, "a1", 5)
    with contextlib.closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError) as caught:
        db.execute(change)
    assert str(caught.value) == f"an entry of the books is never {word}"
    assert await books.audit() == []


async def test_books_of_the_second_schema_keep_their_entries_from_now_on(path: Path, clock: Clock) -> None:
    """Several processes that find an older file at once: one brings it up to date, under the lock."""
    db = sqlite3.connect(path)
    for script in _MIGRATIONS[:2]:
        db.executescript(script.replace("{strict}, WITHOUT ROWID", "STRICT, WITHOUT ROWID").format(strict="STRICT"))
    db.execute("PRAGMA application_id = 0x6D696E69")
    db.execute("PRAGMA user_version = 2")
    db.execute("INSERT INTO entries VALUES (NULL, 1, 'a1', 1, 'hold', 5, 0, 0, NULL)")
    db.commit()
    db.close()
    ledgers = [SqliteLedger(path, clock=clock) for _ in range(4)]
    async with anyio.create_task_group() as group:
        for ledger in ledgers:
            group.start_soon(ledger.declare, [budget()])
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(_MIGRATIONS),)
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            db.execute("DELETE FROM entries")
    assert await ledgers[0].audit() == ["account 1 is missing; its entries say held 5, settled 0"]
    for ledger in ledgers:
        await ledger.aclose()


async def test_an_audit_misses_entries(books: SqliteLedger, path: Path) -> None:
    """Taken out by somebody who took the triggers out first: in the middle, at the end, and a whole account."""
    await books.declare([budget(by="user")])
    for user in ("ann", "bob"):
        await hold(books, user, 0, Claim("team", user, 5))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP TRIGGER entries_stay")
        db.execute("DELETE FROM entries WHERE seq = 1")
        ann = "budget 'team', account 'ann', window total: "
        assert await books.audit() == [
            "1 of 2 entries are missing",
            f"{ann}held is 5, the entries say 0",
            f"{ann}held by open attempts is 5, the entries say 0",
        ]
        db.execute("DELETE FROM holds WHERE id = 'bob'")
        db.execute("DELETE FROM accounts WHERE key = 'bob'")
        assert (await books.audit())[-1] == "account 2 is missing; its entries say held 5, settled 0"


def vars_of(provider: object) -> dict[str, object]:
    return {name: getattr(provider, name) for name in type(provider).__slots__}  # type: ignore[attr-defined]
