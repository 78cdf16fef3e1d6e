"""Forks, threads, full disks, files that are no ledger: one clear line or correct books; nothing sent, nothing lost."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import minimill
from minimill.ledger import Ledger
from minimill.ledger.memory import MemoryLedger
from minimill.testing import Simulator
from tests.unit.client import acme

from . import world


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai"], length=8, input_tokens=acme.at_ceiling) as running:
        yield running


def at(path: Path) -> str:
    return f"sqlite:///{path}"


async def look(config: dict[str, Any]) -> tuple[int, int, int, list[str]]:
    """(settled, held, attempts, differences) of the books."""
    async with minimill.Client(config) as client:
        return *await acme.spent(client), len(await client.spend()), await client._ledger.audit()


# --- fork ------------------------------------------------------------------------------------------------------------

FORKED = """
import asyncio, os, sys, warnings
import minimill
from tests.proof.world import unpacked

warnings.simplefilter("ignore", DeprecationWarning)
config, how = unpacked(sys.argv[1]), sys.argv[2]
client = minimill.Client(config)

async def call():
    return (await client.chat("hello")).text

async def misuse():
    try:
        await client.chat("hello")
    except minimill.LedgerError as error:
        print("child:", error, flush=True)
    try:
        async with client.stream("hello") as stream:
            pass
    except minimill.LedgerError:
        print("child: no stream either", flush=True)
    await client.aclose()

async def with_open_stream():
    await client.chat("hello")
    async with client.stream("hello") as stream:
        await anext(stream)
        child = os.fork()
        if child == 0:
            stream._live.drop()
            print("child: dropped its stream", flush=True)
            os._exit(7)
        await stream.collect()
    return child

if how == "inside a stream":
    child = asyncio.run(with_open_stream())
else:
    asyncio.run(call())
    child = os.fork()

if not child:
    asyncio.run(misuse())
    if how == "os._exit":
        os._exit(7)
    sys.exit(7)

_, status = os.waitpid(child, 0)
print("parent:", os.waitstatus_to_exitcode(status), flush=True)
asyncio.run(call())
asyncio.run(client.aclose())
"""


@pytest.mark.parametrize("how", ["os._exit", "sys.exit", "inside a stream"])
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_a_forked_child_spends_nothing(sim: Simulator, tmp_path: Path, how: str, engine: str) -> None:
    """The child gets a clear error and leaves the books alone, however it ends; the parent goes on."""
    ledger = "memory:" if engine == "memory" else at(tmp_path / "ledger.db")
    config = world.config(sim, ledger, 100)
    out = world.ended(world.start(FORKED, world.packed(config), how)).splitlines()
    if how == "inside a stream":
        assert out == ["child: dropped its stream", "parent: 7"]
    else:
        assert out[0].startswith("child: this client was made in another process")
        assert out[1:] == ["child: no stream either", "parent: 7"]
    calls = 3 if how == "inside a stream" else 2
    assert len(sim.paid_calls) == calls
    if engine == "sqlite":
        assert anyio.run(look, config) == (sim.bill(acme.price), 0, calls, [])


CHILDREN = """
import anyio, os, sys, warnings
import minimill
from tests.proof.test_cap import outcome
from tests.proof.world import unpacked

warnings.simplefilter("ignore", DeprecationWarning)
config = unpacked(sys.argv[1])

async def spend():
    async with minimill.Client(config) as client:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(outcome, client)

anyio.run(spend)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        anyio.run(spend)
        sys.exit(0)
    children.append(child)
anyio.run(spend)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def test_forked_children_with_clients_of_their_own_share_the_cap(sim: Simulator, tmp_path: Path) -> None:
    """Sixty callers in a parent and four children, money for 25."""
    world.at_ceiling(sim)
    config = world.config(sim, at(tmp_path / "ledger.db"), 25)
    world.ended(world.start(CHILDREN, world.packed(config)))
    assert len(sim.paid_calls) == 25
    assert anyio.run(look, config) == (25 * world.CEILING, 0, 25, [])


# --- threads ---------------------------------------------------------------------------------------------------------

Shared = Callable[[int], minimill.Client]


def one_client(config: dict[str, Any]) -> Shared:
    client = minimill.Client(config)
    return lambda number: client


def one_ledger(config: dict[str, Any]) -> Shared:
    ledger: Ledger = MemoryLedger()
    return lambda number: minimill.Client(config, ledger=ledger)


def one_file(config: dict[str, Any]) -> Shared:
    return lambda number: minimill.Client(config)


@pytest.mark.parametrize(
    ("share", "engine"),
    [(one_client, "memory"), (one_client, "sqlite"), (one_ledger, "memory"), (one_file, "sqlite")],
    ids=["one client, memory", "one client, sqlite", "one ledger", "one file"],
)
def test_threads_with_a_loop_each_share_the_cap(
    sim: Simulator, tmp_path: Path, share: Callable[[dict[str, Any]], Shared], engine: str
) -> None:
    """Six threads, half of them on trio, 20 callers each, money for 50."""
    world.at_ceiling(sim)
    ledger = "memory:" if engine == "memory" else at(tmp_path / "ledger.db")
    config = world.config(sim, ledger, 50)
    shared = share(config)
    found: list[str] = []

    async def spend(client: minimill.Client) -> None:
        async def one() -> None:
            try:
                await client.chat(world.PROMPT)
                found.append("paid")
            except minimill.MinimillError as error:
                found.append(type(error).__name__)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
        await client._ledger.flush()
        await client._engine.transport.aclose()

    def run(number: int) -> None:
        anyio.run(spend, shared(number), backend="trio" if number % 2 else "asyncio")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.counted(found) == {"BudgetExceededError": 70, "paid": 50}
    assert len(sim.paid_calls) == 50

    async def books(client: minimill.Client) -> tuple[int, int]:
        try:
            return await acme.spent(client)
        finally:
            await client.aclose()

    assert anyio.run(books, shared(0)) == (50 * world.CEILING, 0)


# --- files that cannot serve -----------------------------------------------------------------------------------------


def a_folder(path: Path) -> None:
    path.mkdir()


def random_bytes(path: Path) -> None:
    path.write_bytes(b"this is no database. " * 500)


def a_damaged_ledger(path: Path) -> None:
    anyio.run(open_ledger, path)
    data = bytearray(path.read_bytes())
    data[1000:] = b"\xa5" * (len(data) - 1000)
    path.write_bytes(bytes(data))


def a_newer_schema(path: Path) -> None:
    anyio.run(open_ledger, path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def another_program(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    db.close()


def a_file_for_a_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file")


async def open_ledger(path: Path) -> None:
    from minimill.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(path)
    await ledger.declare([])
    await ledger.aclose()


BROKEN = [a_folder, random_bytes, a_damaged_ledger, a_newer_schema, another_program, a_file_for_a_folder]


@pytest.mark.anyio
@pytest.mark.parametrize("brake", BROKEN, ids=lambda brake: brake.__name__)
@pytest.mark.parametrize("shape", ["chat", "stream", "no budget"])
async def test_a_ledger_that_is_none(
    sim: Simulator, tmp_path: Path, brake: Callable[[Path], None], shape: str
) -> None:
    """One clear line that names the file; nothing is sent, not even where there is no budget to check."""
    path = tmp_path / "books" / "ledger.db"
    path.parent.mkdir()
    await anyio.to_thread.run_sync(brake, path)
    before = path.read_bytes() if path.is_file() else None
    config = world.config(sim, at(path), 100)
    if shape == "no budget":
        del config["budgets"]
    client = minimill.Client(config)
    for _ in range(2):
        with pytest.raises(minimill.LedgerError, match=r"ledger\.db|books") as caught:
            if shape == "stream":
                async with client.stream(world.PROMPT):
                    pass
            else:
                await client.chat(world.PROMPT)
        assert "\n" not in caught.value.message
    assert sim.calls == ()
    await client.aclose()
    if before is not None:
        assert path.read_bytes() == before


UNPRIVILEGED = """
import asyncio, os, sys
import minimill
from tests.proof.world import unpacked

client = minimill.Client(unpacked(sys.argv[1]))
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)

async def main():
    for _ in range(2):
        try:
            await client.chat("hello")
            print("paid")
        except minimill.LedgerError as error:
            print(error)
    await client.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("what", ["folder", "file", "no folder"])
def test_books_that_may_not_be_written(sim: Simulator, what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A read-only folder or file: one line for each call, nothing sent."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("shut")))
    path = folder / ("deeper/ledger.db" if what == "no folder" else "ledger.db")
    if what == "file":
        anyio.run(open_ledger, path)
        for file in folder.iterdir():
            file.chmod(0o444)
    open_up = [parent for parent in folder.parents if parent.stat().st_mode & 0o001 == 0]
    for parent in open_up:
        parent.chmod(parent.stat().st_mode | 0o011)
    folder.chmod(0o555)
    try:
        out = world.ended(world.start(UNPRIVILEGED, world.packed(world.config(sim, at(path), 100)))).splitlines()
    finally:
        folder.chmod(0o755)
        for parent in open_up:
            parent.chmod(parent.stat().st_mode & ~0o011)
    assert len(out) == 2
    assert all(str(folder) in line for line in out), out
    assert sim.calls == ()


# --- a full disk -----------------------------------------------------------------------------------------------------

FULL = """
import asyncio, os, resource, signal, sys
import minimill
from tests.proof.world import unpacked

config, path, how = unpacked(sys.argv[1]), sys.argv[2], sys.argv[3]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
unlimited = resource.RLIM_INFINITY

def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal"), unlimited))

def make_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))

async def attempt(client, **options):
    try:
        reply = await client.chat("hello", **options)
        return reply.cost.certainty
    except minimill.MinimillError as error:
        return f"{type(error).__name__}: {error}"

async def main():
    client = minimill.Client(config)
    print(await attempt(client))
    fill()
    print(await attempt(client))
    print(await attempt(client))
    make_room()
    print(await attempt(client))
    # full while a call is under way: its settlement cannot be written
    async with client.stream("hello") as stream:
        await anext(stream)
        fill()
        reply = await stream.collect()
    print(reply.cost.certainty)
    try:
        await client._ledger.flush()
        print("flushed")
    except minimill.LedgerError as error:
        print(f"flush: {error}")
    print(await attempt(client))
    if how == "room":
        make_room()
        print(await attempt(client))
        await client.aclose()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


AT_EXIT = pytest.param("exit", marks=pytest.mark.skipif(world.RUNS <= 2, reason="waits ten seconds for room"))


@pytest.mark.parametrize("how", ["room", "kill", AT_EXIT])
def test_a_full_disk(sim: Simulator, tmp_path: Path, how: str) -> None:
    """Nothing is sent while it is full; what was under way is settled when there is room, or stays held."""
    path = tmp_path / "ledger.db"
    config = world.config(sim, at(path), 100)
    process = world.start(FULL, world.packed(config), path, how)
    out = world.ended(process, code=-9 if how == "kill" else 0, timeout=120).splitlines()
    assert [out[0], out[3], out[4]] == ["exact", "exact", "exact"]
    for line in (out[1], out[2], out[6]):
        assert line.startswith("LedgerError: ") and str(path) in line and "nothing was sent" in line
    assert out[5].startswith("flush: ") and "stands" in out[5]
    paid = 3 if how != "room" else 4
    assert len(sim.calls) == len(sim.paid_calls) == paid
    bill, cost = sim.bill(acme.price), acme.price(sim.calls[0])
    if how == "room":
        assert out[7:] == ["exact"]
        assert anyio.run(look, config) == (bill, 0, 4, [])
    else:
        assert anyio.run(look, config) == (bill - cost, world.CEILING, 3, [])


@pytest.mark.anyio
async def test_a_disk_that_fills_up_under_load(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second commit fails while a hundred calls run: books, bill and answers agree in the end."""
    from minimill.ledger._sqlite_store import Tables

    original, turn = Tables.write, iter(range(10**9))

    def write(tables: Tables) -> None:
        original(tables)
        if next(turn) % 2:
            raise sqlite3.OperationalError("database or disk is full")

    config = world.config(sim, at(tmp_path / "ledger.db"), 1000)
    outcomes: list[str] = []
    async with minimill.Client(config) as client:
        await client.chat(world.PROMPT)
        monkeypatch.setattr(Tables, "write", write)

        async def one() -> None:
            try:
                await client.chat(world.PROMPT)
                outcomes.append("paid")
            except minimill.LedgerError as error:
                assert "disk is full" in error.message
                outcomes.append("refused")

        for _ in range(10):
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(one)
        monkeypatch.setattr(Tables, "write", original)
        with anyio.fail_after(30):
            while (await acme.spent(client))[1]:
                await anyio.sleep(0.05)
        assert await acme.spent(client) == (sim.bill(acme.price), 0)
        assert len(sim.paid_calls) == 1 + outcomes.count("paid")
        assert await client._ledger.audit() == []
