"""Processes and tasks that end badly: the books hold their calls, at least at what the vendors bill."""

from __future__ import annotations

import functools
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import minimill
from minimill.ledger import SpendRow
from minimill.testing import Fault, Simulator
from tests.unit.client import acme

from . import world

CALLS = 200
"""How many calls the cap of a crashing process is worth."""


def ledger(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def numbered(sim: Simulator) -> set[str]:
    """The numbers of the calls that reached the vendor."""
    return {call.body["messages"][0]["content"] for call in sim.calls}


async def look(config: dict[str, Any]) -> tuple[int, int, list[SpendRow]]:
    """(settled, held, rows), after an audit of the books."""
    async with minimill.Client(config) as client:
        assert await client._ledger.audit() == []
        settled, held = await acme.spent(client)
        return settled, held, await client.spend()


def check_books(sim: Simulator, config: dict[str, Any], *, limit: int) -> list[SpendRow]:
    """The books hold every call the vendor saw, and at least its bill, and no more than the cap."""
    sim.wait_idle(30)
    settled, held, rows = anyio.run(look, config)
    assert sim.bill(acme.price) <= settled + held <= limit
    by_number: dict[str, int] = {}
    for row in rows:
        number = row.record.meta.tags["n"]
        by_number[number] = by_number.get(number, 0) + row.lines[0].held_nanos + row.lines[0].booked_nanos
    missing = numbered(sim) - set(by_number)
    assert not missing, f"the vendor was asked and the books know nothing of {missing}"
    for call in sim.paid_calls:
        assert by_number[call.body["messages"][0]["content"]] >= acme.price(call)
    return rows


BUSY = """
import anyio, itertools, sys
from minimill import Client, MinimillError
from tests.proof.world import unpacked

async def main(config, callers, prefix):
    client = Client(config)
    numbers = itertools.count()

    async def go_on():
        while True:
            number = f"{prefix}{next(numbers)}"
            try:
                if hash(number) % 2:
                    await client.chat(number, tags={"n": number})
                else:
                    async with client.stream(number, tags={"n": number}) as stream:
                        async for _ in stream:
                            pass
            except MinimillError as error:
                print(type(error).__name__)
                return

    async with anyio.create_task_group() as group:
        for _ in range(callers):
            group.start_soon(go_on)
        print("ready", flush=True)

anyio.run(main, unpacked(sys.argv[1]), int(sys.argv[2]), sys.argv[3], backend=sys.argv[4])
"""


def wait_for(what: Callable[[], bool], worker: subprocess.Popen[str], seconds: float = 30) -> None:
    """Wait until `what()` is true, as long as the worker lives."""
    until = time.monotonic() + seconds
    while not what():
        assert worker.poll() is None, worker.communicate()
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.002)


def more_calls(sim: Simulator, than: int) -> bool:
    return len(sim.calls) > than


@pytest.mark.parametrize("run", range(world.RUNS * 2))
def test_a_killed_process_leaves_its_calls_in_the_books(tmp_path: Path, run: int) -> None:
    """SIGKILL with 40 calls in flight, twice; the process after them spends what is left and no more."""
    chance = random.Random(run)
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=40) as sim:
        sim.always("openai", Fault.delay(0.01) | Fault.slow_chunks(0.002))
        config = world.config(sim, ledger(tmp_path), CALLS)
        limit = CALLS * world.CEILING
        for life in range(2):
            before = len(sim.calls)
            worker = world.start(BUSY, world.packed(config), 40, f"{life}.", "trio" if run % 2 else "asyncio")
            wait_for(functools.partial(more_calls, sim, before), worker)
            time.sleep(chance.random() * 0.08)
            worker.send_signal(signal.SIGKILL)
            assert worker.wait(30) == -signal.SIGKILL
            worker.communicate()
            rows = check_books(sim, config, limit=limit)
            assert any(row.record.status == "open" for row in rows)
        last = world.start(BUSY, world.packed(config), 40, "9.", "asyncio")
        assert set(world.ended(last, timeout=120).split()) == {"ready", "BudgetExceededError"}
        check_books(sim, config, limit=limit)
        assert sim.bill(acme.price) <= limit


INTERRUPTED = """
import anyio, asyncio, sys
from minimill import Client
from tests.proof.world import unpacked

async def main():
    client = Client(unpacked(sys.argv[1]))

    async def one(n):
        await client.chat(f"{n}", tags={"n": f"{n}"})

    async def two(n):
        async with client.stream(f"{n}", tags={"n": f"{n}"}) as stream:
            async for _ in stream:
                pass

    async with anyio.create_task_group() as group:
        for n in range(10):
            group.start_soon(one, n)
            group.start_soon(two, 100 + n)
        print("ready", flush=True)

if sys.argv[2] == "trio":
    import trio
    trio.run(main)
else:
    asyncio.run(main())
"""


def ended_by_interrupts(worker: subprocess.Popen[str]) -> str:
    """What it says at its end. An interrupt inside asyncio itself can cost it a wake-up: then another helps."""
    for _ in range(10):
        try:
            return worker.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            worker.send_signal(signal.SIGINT)
    pytest.fail("it did not end")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_process_closes_its_books(tmp_path: Path, backend: str, times: int) -> None:
    """Ctrl-C, also twice: the process ends by KeyboardInterrupt, and every attempt is closed as held."""
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=40) as sim:
        sim.always("openai", Fault.delay(0.2) | Fault.slow_chunks(0.2))
        config = world.config(sim, ledger(tmp_path), CALLS, timeouts={"first_token_s": 60})
        worker = world.start(INTERRUPTED, world.packed(config), backend)
        wait_for(lambda: len(sim.calls) == 20, worker)
        for _ in range(times):
            worker.send_signal(signal.SIGINT)
        err = ended_by_interrupts(worker)
        assert "KeyboardInterrupt" in err
        assert worker.returncode not in (0, -signal.SIGKILL)
        rows = check_books(sim, config, limit=CALLS * world.CEILING)
        assert len(rows) == 20
        if times == 1:
            assert {row.record.certainty for row in rows} == {"held"}
            assert {row.record.status for row in rows}.isdisjoint({"open", "lost", "ok"})


ENDINGS = {
    # what the process does, the status its one record must have, its exit code
    "exit after a call": ("await call()", "ok", 0),
    "an open stream": ("s = client.stream('0', tags={'n': '0'}); await s.__aenter__(); await anext(s)", "*", 0),
    "sys.exit in a task": ("asyncio.create_task(call()); await began(); sys.exit(3)", "*", 3),
    "sys.exit after a call": ("await call(); sys.exit(3)", "ok", 3),
    "sys.exit in another task": ("asyncio.create_task(leave()); await call()", "*", 4),
    "a task nobody waits for": ("global task; task = asyncio.create_task(call()); await began()", "*", 0),
    "an error of the application's": ("await call(); raise ValueError('mine')", "ok", 1),
    "os._exit after a call": ("await call(); os._exit(5)", "?", 5),
}

ENDING = """
import asyncio, os, sys
import minimill
from tests.proof.world import unpacked

async def main():
    client = minimill.Client(unpacked(sys.argv[1]))

    async def call():
        return await client.chat("0", tags={"n": "0"})

    async def began():
        await asyncio.to_thread(sys.stdin.readline)

    async def leave():
        await began()
        sys.exit(4)

    %s

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_client_that_nobody_closes(tmp_path: Path, ending: str) -> None:
    """The interpreter ends with the client open: what happened is in the books all the same."""
    body, status, code = ENDINGS[ending]
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=8) as sim:
        slow = status != "ok" and not ending.startswith("os._exit")
        sim.always("openai", (Fault.delay(1.0) | Fault.slow_chunks(0.3)) if slow and "stream" not in ending else None)
        config = world.config(sim, ledger(tmp_path), 100)
        process = world.start(ENDING % body, world.packed(config))
        if slow and process.stdin is not None and "began" in body.replace("leave()", "began"):
            wait_for(lambda: len(sim.calls) == 1 or process.poll() is not None, process)
            process.stdin.write("go\n")
            process.stdin.flush()
        world.ended(process, code=code)
        (row,) = check_books(sim, config, limit=world.CEILING)
        if status == "ok":
            assert (row.record.status, row.record.certainty) == ("ok", "exact")
            assert row.record.charged_nanos == sim.bill(acme.price)
        elif status == "*":
            assert row.record.certainty == "held"
            assert row.record.status not in ("ok", "open", "lost")
