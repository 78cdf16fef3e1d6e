"""Several processes on one server: one cap, one queue, one clock."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import json
import time

import anyio
import pytest

from minimill import BudgetExceededError
from minimill.ledger import Ledger, open_ledger
from minimill.ledger._server_desk import ServerDesk

from .made import Clock, budget, hold, record, sums
from .servers import Started

pytestmark = pytest.mark.anyio


RACE = """
import asyncio, json, sys
from minimill import BudgetExceededError
from minimill.ledger import open_ledger
from tests.ledger.made import budget, hold, record

url, name = sys.argv[1:3]
granted = []

async def one(ledger, number):
    try:
        await hold(ledger, f"{name}-{number:02}", 1)
    except BudgetExceededError:
        return
    granted.append(number)
    ledger.settle(f"{name}-{number:02}", {"team": 1}, record(f"{name}-{number:02}"))

async def main():
    ledger = open_ledger(url)
    await ledger.declare([budget(limit=100)])
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(one(ledger, number) for number in range(50)))
    await ledger.aclose()

asyncio.run(main())
print(json.dumps(len(granted)))
"""


def test_four_processes_that_start_at_once_share_one_cap(server_url: str) -> None:
    """They make the schema at the same moment, and of 200 callers exactly 100 are granted."""
    running = [Started(RACE, server_url, f"p{number}") for number in range(4)]
    for each in running:
        assert each.process.stdout is not None
        assert each.process.stdout.readline() == "ready\n"
    for each in running:
        assert each.process.stdin is not None
        each.process.stdin.write("go\n")
        each.process.stdin.flush()
    found = [json.loads(each.process.communicate(timeout=60)[0]) for each in running]
    assert sum(found) == 100

    async def state() -> tuple[tuple[int, int, int], list[str]]:
        ledger = open_ledger(server_url)
        found = await sums(ledger), await ledger.audit()
        await ledger.aclose()
        return found

    assert asyncio.run(state()) == ((100, 0, 0), [])


BUSY = """
import asyncio, json, sys
from minimill.ledger import open_ledger
from tests.ledger.made import busy

url, name = sys.argv[1:3]
print(json.dumps(asyncio.run(busy(open_ledger(url), name, callers=5, pause_s=0.01, lasts_s=1.5))))
"""


def test_no_process_starves_at_the_cap(server_url: str) -> None:
    """Three processes with five callers each wait for three places all the time: each gets its share of them."""
    running = [Started(BUSY, server_url, f"p{number}") for number in range(3)]
    for each in running:
        assert each.process.stdout is not None
        assert each.process.stdout.readline() == "ready\n"
    for each in running:
        assert each.process.stdin is not None
        each.process.stdin.write("go\n")
        each.process.stdin.flush()
    found = [json.loads(each.process.communicate(timeout=60)[0]) for each in running]
    counts = [count for count, _ in found]
    assert min(counts) * 8 > sum(counts)
    assert max(waited for _, waited in found) < 10


async def test_money_that_comes_free_goes_to_whoever_waited_longest(server_url: str) -> None:
    """Two ledgers, as in two processes: the larger call that came first is not passed by a smaller one elsewhere."""
    here, there = open_ledger(server_url), open_ledger(server_url)
    await here.declare([budget(limit=100)])
    await hold(here, "a1", 60)
    await hold(here, "a2", 40)
    order: list[str] = []

    async def wait(ledger: Ledger, name: str, amount: int) -> None:
        await hold(ledger, name, amount, wait_until=time.monotonic() + 30)
        order.append(name)
        await anyio.sleep(0.05)
        ledger.release(name)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(wait, here, "first", 60)
            await anyio.sleep(0.1)
            group.start_soon(wait, there, "second", 60)
            await anyio.sleep(0.1)
            with pytest.raises(BudgetExceededError):
                await hold(there, "small", 60)
            here.release("a1")
    assert order == ["first", "second"]
    await here.aclose()
    await there.aclose()


async def test_a_promised_sum_is_not_taken_from_under_a_waiting_caller(server_url: str) -> None:
    """What is free goes first to a caller that waits elsewhere and whom it suffices."""
    here, there = open_ledger(server_url), open_ledger(server_url)
    await here.declare([budget(limit=100)])
    await hold(here, "a1", 100)
    desk: ServerDesk = here._writer._desk  # type: ignore[attr-defined]
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: hold(here, "first", 80, wait_until=time.monotonic() + 30))
        while not desk.room.longest():
            await anyio.sleep(0.01)
        desk.may_serve_room = lambda: False  # type: ignore[method-assign]
        there.settle("a1", {"team": 0}, record("a1"))
        with pytest.raises(BudgetExceededError, match="of it for a caller that has waited longer"):
            await hold(there, "second", 30)
        await hold(there, "third", 20)
        del desk.may_serve_room
    assert sorted(found.attempt_id for found in await here.holds()) == ["first", "third"]
    await here.aclose()
    await there.aclose()


@pytest.mark.parametrize(
    ("is_well", "deadline"), [(False, "wait_silent_until"), (True, "wait_until"), (True, "wait_busy_until")]
)
async def test_a_vendors_share_is_first_come_first_served_as_well(
    server_url: str, is_well: bool, deadline: str
) -> None:
    """Of 100 a share of 20, of which 15 may be in flight: what comes free is kept for the caller who came first."""
    here, there = open_ledger(server_url), open_ledger(server_url)
    ask = functools.partial(hold, at=dt.datetime.now(dt.UTC))
    await here.declare([budget(limit=100, unconfirmed_share_ppm=200_000)])
    if is_well:
        await ask(here, "a", 5)
        here.settle("a", {"team": 0}, record("a"))
    for number in range(3):
        await ask(here, f"a{number}", 5)
    desk: ServerDesk = here._writer._desk  # type: ignore[attr-defined]
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: ask(here, "first", 5, **{deadline: time.monotonic() + 30}))
            while not desk.room.longest():
                await anyio.sleep(0.01)
            desk.may_serve_room = lambda: False  # type: ignore[method-assign]
            there.release("a0")
            with pytest.raises(BudgetExceededError) as caught:
                await ask(there, "second", 5)
            assert caught.value.provider_silent
            await ask(there, "elsewhere", 5, provider="other")
            del desk.may_serve_room
    there.release("a1")
    await ask(there, "third", 5)
    held = sorted(found.attempt_id for found in await there.holds())
    assert held == ["a2", "elsewhere", "first", "third"]
    await here.aclose()
    await there.aclose()


async def test_what_a_dead_process_had_in_flight_is_told_apart(server_url: str) -> None:
    """Eight seconds after its last word its holds are unconfirmed, and the vendor's share is free for others."""
    clock = Clock()
    dead, living = open_ledger(server_url, clock=clock), open_ledger(server_url, clock=clock)
    await dead.declare([budget(limit=100, unconfirmed_share_ppm=200_000)])
    await hold(dead, "a1", 20)
    with pytest.raises(BudgetExceededError) as caught:
        await hold(living, "a2", 20)
    assert caught.value.provider_silent
    clock.go(seconds=8)
    await hold(living, "a2", 20, at=clock.now)
    assert await sums(living) == (0, 40, 20)
    assert await living.audit() == []
    await dead.aclose()
    await living.aclose()


async def test_clocks_of_clients_do_not_matter(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a clock of its own a ledger goes by the server's: one that runs a day behind opens no other window."""
    right = open_ledger(server_url)
    await right.declare([budget(limit=100, window="day")])
    await hold(right, "a1", 100, at=dt.datetime.now(dt.UTC))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    wrong = open_ledger(server_url)
    with pytest.raises(BudgetExceededError):
        await hold(wrong, "a2", 1)
    await hold(wrong, "a3", 0, at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC), lasts_s=600)
    monkeypatch.undo()
    a1, a3 = await right.holds()
    assert (a3.attempt_id, a3.unconfirmed) == ("a3", False)
    assert dt.timedelta(seconds=599) < a3.expires_at - a3.reserved_at < dt.timedelta(seconds=601)
    assert a3.reserved_at - a1.reserved_at < dt.timedelta(minutes=1)
    await right.aclose()
    await wrong.aclose()
