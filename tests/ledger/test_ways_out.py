"""A reservation that its caller leaves, in whichever way, holds nothing afterwards."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import Ledger

from .made import Clock, Thrown, budget, hold, record, sums

WAYS: dict[str, tuple[type[BaseException], ...]] = {
    "cancel": (asyncio.CancelledError,),
    "cancel twice": (asyncio.CancelledError, asyncio.CancelledError),
    "interrupt": (KeyboardInterrupt,),
    "interrupt twice": (KeyboardInterrupt, KeyboardInterrupt),
    "close": (GeneratorExit,),
    "close and cancel": (GeneratorExit, asyncio.CancelledError),
}


@pytest.mark.anyio
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("way", WAYS)
async def test_thrown_at_every_await(ledger: Ledger, way: str, waits: bool) -> None:
    """An exception at the k-th suspension, for every k, leaves nothing held and nobody stuck."""
    await ledger.declare([budget(limit=10)])
    for at in range(20):
        await hold(ledger, f"before{at}", 10 if waits else 0)
        until = time.monotonic() + 0.02 if waits else None
        errors = [error() for error in WAYS[way]]
        thrown = Thrown(hold(ledger, f"a{at}", 4, wait_until=until), at, *errors)
        try:
            await thrown
        except BaseException as error:
            assert error in errors or isinstance(error, BudgetExceededError)
        await ledger.flush()
        if not thrown.thrown:
            assert at > 0 or (type(ledger).__name__ == "MemoryLedger" and not waits)
            return
        assert [found.attempt_id for found in await ledger.holds()] == [f"before{at}"]
        ledger.release(f"before{at}")
        await hold(ledger, f"next{at}", 10)
        ledger.release(f"next{at}")
    pytest.fail("a reservation does not suspend 20 times")


@pytest.mark.anyio
async def test_a_reply_that_nobody_hears_is_given_back(ledger: Ledger) -> None:
    """Without the caller's own release: the engine withdraws what it granted to a caller that left."""
    await ledger.declare([budget(limit=100)])
    for number in range(20):
        with anyio.move_on_after(number * 0.0002):
            await hold(ledger, f"a{number:02}", 100)
            ledger.release(f"a{number:02}")
    await ledger.flush()
    assert await sums(ledger) == (0, 0, 0)
    await hold(ledger, "last", 100)


@pytest.mark.anyio
async def test_many_leave_while_money_comes_free(ledger: Ledger) -> None:
    """Callers that give up at the moment they are served leave nothing behind."""
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "first", 10)

    async def impatient(number: int) -> None:
        with anyio.move_on_after(0.01 + number * 0.0005):
            await hold(ledger, f"w{number}", 10, wait_until=time.monotonic() + 60)
            ledger.release(f"w{number}")

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(impatient, number)
        await anyio.sleep(0.015)
        ledger.release("first")
    await ledger.flush()
    assert await ledger.holds() == []


def test_asyncio_timeout_and_a_second_cancel(again: Callable[[], Ledger]) -> None:
    """`asyncio.timeout`, `wait_for`, and cancelling a task that is being cancelled."""

    async def main() -> None:
        ledger = again()
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "first", 10)
        until = time.monotonic() + 60
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await hold(ledger, "a1", 10, wait_until=until)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hold(ledger, "a2", 10, wait_until=until), 0.01)
        task = asyncio.create_task(hold(ledger, "a3", 10, wait_until=until))
        await asyncio.sleep(0.01)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ledger.release("first")
        await hold(ledger, "a4", 10)
        assert [h.attempt_id for h in await ledger.holds()] == ["a4"]
        await ledger.aclose()

    asyncio.run(main())


def test_a_loop_that_ends_before_the_answer(again: Callable[[], Ledger]) -> None:
    """The loop is stopped and closed with reservations under way: they are given back."""
    ledger = again()
    asyncio.run(ledger.declare([budget(limit=10)]))
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(hold(ledger, f"a{number}", 1)) for number in range(5)]
    loop.call_soon(loop.stop)
    loop.run_forever()
    done = {number for number, task in enumerate(tasks) if task.done()}
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    del tasks, task

    async def after() -> tuple[int, int, int]:
        await ledger.flush()  # the writer has let go of them
        gc.collect()
        return await sums(ledger)

    assert asyncio.run(after()) == (0, len(done), 0)
    ledger.close()


def test_a_waiter_of_a_closed_loop_is_not_in_the_way(again: Callable[[], Ledger]) -> None:
    """Money that comes free does not get stuck with a caller whose loop is gone."""
    ledger = again()

    async def before() -> None:
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "first", 10)

    asyncio.run(before())
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(hold(ledger, "gone", 10, wait_until=time.monotonic() + 60))
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    loop.close()

    async def after() -> None:
        ledger.release("first")
        await hold(ledger, "next", 10, wait_until=time.monotonic() + 5)
        assert [h.attempt_id for h in await ledger.holds()] == ["next"]

    asyncio.run(after())
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]
    ledger.close()


def test_closing_from_a_finaliser(again: Callable[[], Ledger]) -> None:
    """An object that is collected, in any thread and in the middle of anything, may close its attempt."""
    ledger = again()

    class Stream:
        def __init__(self, name: str) -> None:
            self.name = name
            self.self = self  # so that only the collector ends it

        def __del__(self) -> None:
            ledger.keep(self.name, record(self.name, "abandoned", certainty="held"), ending="left")

    async def main() -> None:
        await ledger.declare([budget(limit=1000)])
        for number in range(200):
            await hold(ledger, f"a{number:03}", 1)
            Stream(f"a{number:03}")
        gc.collect()
        assert await sums(ledger) == (0, 200, 200)

    threshold = gc.get_threshold()
    gc.set_threshold(7, 2, 2)
    try:
        asyncio.run(main())
    finally:
        gc.set_threshold(*threshold)
    ledger.close()


@pytest.mark.anyio
async def test_closing_from_another_thread(ledger: Ledger) -> None:
    """Settlements are handed over from any thread."""
    await ledger.declare([budget(limit=100)])
    for number in range(20):
        await hold(ledger, f"a{number}", 1)
    threads = [
        threading.Thread(target=lambda n=number: ledger.settle(f"a{n}", {"team": 2}, record(f"a{n}")))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert await sums(ledger) == (40, 0, 0)


def test_threads_with_a_loop_each(again: Callable[[], Ledger]) -> None:
    """Four threads, each with an event loop of its own, race for 50 of 100: exactly 50 are granted."""
    ledger = again()
    granted: list[str] = []

    async def some(first: int) -> None:
        async def one(number: int) -> None:
            try:
                await hold(ledger, f"a{number}", 1)
            except BudgetExceededError:
                return
            granted.append(f"a{number}")

        async with anyio.create_task_group() as group:
            for number in range(first, first + 25):
                group.start_soon(one, number)

    asyncio.run(ledger.declare([budget(limit=50)]))
    backends: list[Any] = ["asyncio", "trio", "asyncio", "trio"]
    threads = [
        threading.Thread(target=lambda i=index, b=backend: anyio.run(some, i * 25, backend=b))
        for index, backend in enumerate(backends)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 50
    assert asyncio.run(sums(ledger)) == (0, 50, 0)
    ledger.close()


def test_waiting_across_loops(again: Callable[[], Ledger], clock: Clock) -> None:
    """A caller on trio in one thread is woken by a settlement made on asyncio in another."""
    ledger = again()
    asyncio.run(ledger.declare([budget(limit=10)]))
    asyncio.run(hold(ledger, "first", 10))
    started = threading.Event()
    served: list[str] = []

    async def waiter() -> None:
        started.set()
        await hold(ledger, "second", 10, wait_until=time.monotonic() + 30)
        served.append("second")

    thread = threading.Thread(target=lambda: anyio.run(waiter, backend="trio"))
    thread.start()
    assert started.wait(5)

    async def settle() -> None:
        await asyncio.sleep(0.01)
        ledger.settle("first", {"team": 0}, record("first"))
        await ledger.flush()

    asyncio.run(settle())
    thread.join(10)
    assert served == ["second"]
    ledger.close()


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["sqlite", "redis", "postgres"], indirect=True)
async def test_after_closing_nothing_is_granted_but_closings_are_written(
    ledger: Ledger, again: Callable[[], Ledger]
) -> None:
    """A stream that outlives its client still closes its attempt. Books in memory end with it."""
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "a1", 10)
    await ledger.aclose()
    with pytest.raises(LedgerError, match="was closed"):
        await hold(ledger, "a2", 1)
    ledger.settle("a1", {"team": 4}, record("a1"))
    other = again()
    with anyio.fail_after(5):
        while await sums(other) != (4, 0, 0):
            await anyio.sleep(0.005)
    await other.aclose()
