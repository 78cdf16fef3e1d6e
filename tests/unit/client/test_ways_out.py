"""Every way out of a call leaves books that hold it: injected at every await, not guessed."""

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import minimill
from minimill.testing import Fault, Simulator

from . import acme
from .inject import Injected

WAYS = {
    "cancel": (asyncio.CancelledError(),),
    "cancel twice": (asyncio.CancelledError(), asyncio.CancelledError()),
    "interrupt": (KeyboardInterrupt(),),
    "error of the caller's": (RuntimeError("mine"),),
}
SHAPES = ("chat", "stream", "left stream")


async def chat(client: minimill.Client) -> None:
    await client.chat("hello", model="acme:m", max_output_tokens=50)


async def stream(client: minimill.Client) -> None:
    async with client.stream("hello", model="acme:m", max_output_tokens=50) as events:
        async for _ in events:
            pass


async def left_stream(client: minimill.Client) -> None:
    async with client.stream("hello", model="acme:m", max_output_tokens=50) as events:
        await anext(events)


CALLS: dict[str, Callable[[minimill.Client], Any]] = {
    "chat": chat,
    "stream": stream,
    "left stream": left_stream,
}


async def one_call(sim: Simulator, ledger: str, shape: str, at: int, ways: tuple[BaseException, ...]) -> bool:
    """Run one call with an exception at suspension `at`; False when the call had fewer suspensions."""
    sim.clear_calls()
    client = minimill.Client(acme.config(sim, budgets=acme.cap(1), ledger=ledger), tags={"at": str(at)})
    injected = Injected(CALLS[shape](client), at, *ways)
    try:
        await injected
    except BaseException as error:
        expected = (*(type(way) for way in ways), minimill.MinimillError)
        assert isinstance(error, (*expected, BaseExceptionGroup)), error
    while asyncio.current_task().uncancel():  # type: ignore[union-attr]
        pass
    sim.wait_idle()
    settled, held = await acme.spent(client)
    bill = sim.bill(acme.price)
    if injected.thrown == 0:
        await client.aclose()
        return False
    assert settled + held >= bill, f"at {at}: the vendor bills {bill}, the books hold {settled} + {held}"
    if not sim.calls:
        assert (settled, held) == (0, 0), f"at {at}: nothing was sent, and {held} is held"
    assert settled + held in (0, bill, acme.ceiling("hello"))
    await client.aclose()
    return True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_at_every_await_of_a_call(sim: Simulator, shape: str, way: str) -> None:
    """The books hold at least the bill, and nothing where nothing was sent (memory ledger, asyncio)."""
    at = 0
    while asyncio.run(one_call(sim, "memory:", shape, at, WAYS[way])):
        at += 1
    gc.collect()  # what was thrown away complains here, where it is expected
    assert at >= 3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_at_every_await_with_books_on_disk(sim: Simulator, shape: str, tmp_path: Path) -> None:
    """The same with the SQLite ledger, whose reservation takes an await of its own."""
    at = 0
    while asyncio.run(one_call(sim, f"sqlite:///{tmp_path}/{at}.db", shape, at, WAYS["cancel twice"])):
        at += 1
    gc.collect()
    assert at >= 4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_coroutine_thrown_away_at_every_await(sim: Simulator, shape: str) -> None:
    """`coroutine.close()` (GeneratorExit) at each suspension, as when a loop goes down."""

    async def thrown_away(at: int) -> bool:
        sim.clear_calls()
        client = minimill.Client(acme.config(sim, budgets=acme.cap(1)))
        coroutine = CALLS[shape](client)
        injected = Injected(coroutine, at, GeneratorExit())
        try:
            await injected
        except (GeneratorExit, RuntimeError):
            pass
        del coroutine
        if injected.thrown == 0:
            return False
        sim.wait_idle()
        settled, held = await acme.spent(client)
        assert settled + held >= sim.bill(acme.price)
        return True

    at = 0
    while asyncio.run(thrown_away(at)):
        at += 1
    gc.collect()
    assert at >= 3


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.005, 0.02, 0.05])
async def test_a_time_limit_of_the_caller(sim: Simulator, seconds: float) -> None:
    """`move_on_after` on both loops: charged at least the bill."""
    sim.always("openai", Fault.slow_chunks(0.004))
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        with anyio.move_on_after(seconds):
            await stream(client)
        sim.wait_idle()
        settled, held = await acme.spent(client)
        assert settled + held >= sim.bill(acme.price)


@pytest.mark.anyio
async def test_a_forgotten_stream_is_charged(sim: Simulator) -> None:
    """A stream that is entered and dropped without being closed keeps its hold."""
    sim.always("openai", Fault.slow_chunks(0.01))
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        forgotten = client.stream("hello", model="acme:m", max_output_tokens=50)
        await forgotten.__aenter__()
        settled, held = await acme.spent(client)
        assert (settled, held) == (0, acme.ceiling("hello"))
        await forgotten.__aexit__(None, None, None)
        assert await acme.spent(client) == (0, acme.ceiling("hello"))
