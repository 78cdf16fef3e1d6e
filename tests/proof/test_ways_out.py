"""Every way out of a call, at every await of it: the books hold at least the bill, and nothing that was not sent."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import signal
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

import minimill
from minimill._transport._slot import Slot
from minimill.ledger import AttemptMeta, Claim
from minimill.testing import Fault, Simulator
from tests.unit.client import acme

from . import world
from .stepping import Stepped

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:.*was never awaited:RuntimeWarning",
)

Shape = Callable[[minimill.Client], Awaitable[None]]


async def chat(client: minimill.Client) -> None:
    await client.chat(world.PROMPT)


async def stream(client: minimill.Client) -> None:
    async with client.stream(world.PROMPT) as events:
        async for _ in events:
            pass


async def left_stream(client: minimill.Client) -> None:
    async with client.stream(world.PROMPT) as events:
        await anext(events)


async def generator(client: minimill.Client) -> None:
    """A stream inside an application's own async generator, dropped half-way."""

    async def words() -> Any:
        async with client.stream(world.PROMPT) as events:
            async for text in events.text():
                yield text

    async with contextlib.aclosing(words()) as pieces:
        async for _ in pieces:
            break


async def waiting(client: minimill.Client) -> None:
    """A call that first waits for money which another attempt holds."""
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    await client.balance()
    claims = [Claim("all", "", 90 * world.CEILING)]
    await client._ledger.reserve("another", claims, AttemptMeta("another", "other", "m"), expires_at=soon)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(later, client)
            await client.chat(world.PROMPT, wait_s=30, max_output_tokens=600)
    finally:
        client._ledger.release("another")


async def later(client: minimill.Client) -> None:
    await anyio.sleep(0.01)
    client._ledger.release("another")


async def run(shape: str, client: minimill.Client) -> None:
    await SHAPES[shape](client)


SHAPES: dict[str, Shape] = {
    "chat": chat,
    "stream": stream,
    "left stream": left_stream,
    "generator": generator,
    "waiting": waiting,
}
WORLDS: dict[str, Callable[[Simulator], None]] = {
    "good": lambda sim: None,
    "retried": lambda sim: sim.program("openai", [Fault.status(500, retry_after=0.01)]),
    "fallback": lambda sim: sim.program("openai", [Fault.html_502()]),
    "slow": lambda sim: sim.always("openai", Fault.delay(0.01) | Fault.slow_chunks(0.002)),
    "late headers": lambda sim: sim.always("openai", Fault.first_token_delay(0.01)),
}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai", "qwen"], length=8, input_tokens=acme.at_ceiling) as running:
        yield running


written: list[Slot] = []
"""One entry for each time bytes were about to leave."""


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    """Collect what a broken-off loop leaves: its sockets would speak up in some later test."""
    gc.freeze()  # what was there before need not be looked at each time
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
    gc.unfreeze()


@pytest.fixture(autouse=True)
def watch_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note every write to a vendor."""
    before = Slot.writing

    def writing(self: Slot) -> None:
        written.append(self)
        before(self)

    monkeypatch.setattr(Slot, "writing", writing)


def made(sim: Simulator, ledger: str) -> minimill.Client:
    """A client whose route goes from one vendor to the next."""
    vendors = {"acme": acme.provider(sim, "openai"), "other": acme.provider(sim, "qwen")}
    route = {"models": ["acme:m", "other:m"], "order": "listed", "max_output_tokens": acme.LIMIT}
    config = acme.config(
        sim, vendors, ledger, routes={"default": route}, budgets={"all": {"limit": world.cap(100)}}
    )
    return minimill.Client(config)


async def check(sim: Simulator, client: minimill.Client, where: str, *, ran: bool = True) -> None:
    """Compare the books with the bill; `ran` says whether the call was left to end as it wanted."""
    sim.wait_idle()
    settled, held = await acme.spent(client)
    bill = sim.bill(acme.price)
    assert settled + held >= bill, f"{where}: the vendors bill {bill}, the books hold {settled} + {held}"
    if not written and ran:
        assert (settled, held) == (0, 0), f"{where}: nothing was sent, and {held} is held"
    holds = await client.holds()
    assert not ran or all(hold.unconfirmed for hold in holds), f"{where}: an attempt was left open: {holds}"
    assert await client._ledger.audit() == []


def fresh(sim: Simulator, what: str) -> None:
    sim.clear_faults()
    sim.clear_calls()
    written.clear()
    WORLDS[what](sim)


def ledger(engine: str, tmp_path: Path, at: int) -> str:
    return "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/{at}.db"


CASES = [
    *((shape, "good", "memory") for shape in SHAPES),
    *((shape, "slow", "sqlite") for shape in ("chat", "stream", "waiting")),
    ("chat", "retried", "memory"),
    ("chat", "fallback", "memory"),
    ("stream", "fallback", "sqlite"),
    ("stream", "late headers", "memory"),
]


@pytest.mark.parametrize(("shape", "what", "engine"), CASES, ids=lambda word: word)
def test_trio_cancels_at_every_await(sim: Simulator, shape: str, what: str, engine: str, tmp_path: Path) -> None:
    """A cancelled scope; trio keeps on cancelling whatever the call still awaits."""

    async def once(at: int) -> bool:
        client = made(sim, ledger(engine, tmp_path, at))
        with trio.CancelScope() as scope:
            step = Stepped(run(shape, client), at, scope.cancel)
            await step
        await check(sim, client, f"at {at}")
        await client.aclose()
        return bool(step.acted)

    every_await(lambda at: trio.run(once, at), sim, what)


def every_await(once: Callable[[int], bool], sim: Simulator, what: str) -> None:
    """Run with an ever later suspension, until there is none."""
    at = 0
    while True:
        fresh(sim, what)
        if not once(at):
            break
        at += 1
    assert at >= 3


@pytest.mark.parametrize(("shape", "what", "engine"), CASES, ids=lambda word: word)
@pytest.mark.parametrize("times", [1, 2])
def test_asyncio_cancels_at_every_await(
    sim: Simulator, shape: str, what: str, engine: str, tmp_path: Path, times: int
) -> None:
    """`task.cancel()` at a suspension, and again at the ones that follow it."""

    async def once(at: int) -> bool:
        client = made(sim, ledger(engine, tmp_path, at))
        steps = []

        async def call() -> None:
            cancel = asyncio.current_task().cancel  # type: ignore[union-attr]
            steps.append(Stepped(run(shape, client), at, *[cancel] * times))
            await steps[0]

        task = asyncio.create_task(call())
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]
        await check(sim, client, f"at {at}")
        await client.aclose()
        return bool(steps[0].acted)

    every_await(lambda at: asyncio.run(once(at)), sim, what)


@pytest.mark.parametrize("shape", ["chat", "stream"])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_at_every_await(sim: Simulator, shape: str, times: int) -> None:
    """SIGINT under `asyncio.run`: the first cancels the main task, the second stops the loop."""

    def once(at: int) -> bool:
        clients, steps = [], []

        async def main() -> None:
            loop = asyncio.get_running_loop()

            def interrupt() -> None:
                loop.call_soon(signal.raise_signal, signal.SIGINT)

            clients.append(made(sim, "memory:"))
            steps.append(Stepped(run(shape, clients[0]), at, *[interrupt] * times))
            await steps[0]

        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(main())
        asyncio.run(check(sim, clients[0], f"at {at}"))
        return bool(steps[0].acted)

    every_await(once, sim, "good")


@pytest.mark.parametrize("shape", ["chat", "stream"])
def test_ctrl_c_at_every_await_on_trio(sim: Simulator, shape: str) -> None:
    """SIGINT under `trio.run` ends the main task's next checkpoint, wherever it stands."""

    @trio.lowlevel.enable_ki_protection
    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)

    def once(at: int) -> bool:
        clients, steps = [], []

        async def main() -> None:
            clients.append(made(sim, "memory:"))
            steps.append(Stepped(run(shape, clients[0]), at, interrupt))
            await steps[0]

        try:
            trio.run(main)
        except* KeyboardInterrupt:
            pass
        gc.collect()
        trio.run(check, sim, clients[0], f"at {at}")
        return bool(steps[0].acted)

    every_await(once, sim, "good")


@pytest.mark.parametrize("shape", ["chat", "stream", "waiting"])
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
@pytest.mark.parametrize("ending", ["run ends", "loop closed"])
def test_a_loop_goes_down_under_a_pending_call(
    sim: Simulator, shape: str, engine: str, ending: str, tmp_path: Path
) -> None:
    """The main task returns after some turns of the loop; tasks are cancelled, or left in the closed loop."""
    for turns in range(0, 40, 3 if engine == "sqlite" else 2):
        fresh(sim, "slow")
        clients: list[minimill.Client] = []

        async def main(turns: int = turns, clients: list[minimill.Client] = clients) -> object:
            clients.append(made(sim, ledger(engine, tmp_path, turns)))
            task = asyncio.create_task(run(shape, clients[0]))
            for _ in range(turns):
                await asyncio.sleep(0.0005 if turns > 20 else 0)
            return task

        if ending == "run ends":
            asyncio.run(main())
        else:
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda loop, context: None)
            task = loop.run_until_complete(main())
            loop.close()
            del task, loop
        gc.collect(1)

        async def after(client: minimill.Client = clients[0], turns: int = turns) -> None:
            await check(sim, client, f"after {turns} turns", ran=ending == "run ends")
            await client.aclose()

        asyncio.run(after())


async def timed_out(call: Awaitable[None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await call


TIMES: dict[str, Callable[[Awaitable[None], float], Awaitable[None]]] = {
    "timeout": timed_out,
    "wait_for": asyncio.wait_for,
}


@pytest.mark.parametrize("way", TIMES)
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_limits_of_the_caller_at_many_moments(sim: Simulator, way: str, engine: str, tmp_path: Path) -> None:
    """Sixty calls at once under `asyncio.timeout` and `wait_for`, each with another limit."""

    async def main() -> None:
        fresh(sim, "slow")
        client = made(sim, ledger(engine, tmp_path, 0))

        async def one(n: int) -> None:
            shape = (chat, stream, left_stream)[n % 3]
            with contextlib.suppress(TimeoutError):
                await TIMES[way](shape(client), n * 0.0012)

        async with asyncio.TaskGroup() as group:
            for n in range(60):
                group.create_task(one(n))
        await check(sim, client, way)
        await client.aclose()

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_reservation_cancelled_while_it_connects_holds_nothing(sim: Simulator) -> None:
    """No byte has left while the connection is being made."""
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        full = [socket.socket() for _ in range(3)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        config = world.config(sim, "memory:", 100)
        config["providers"]["acme"]["base_url"] = address
        async with minimill.Client(config) as client:
            with anyio.move_on_after(0.1) as scope:
                await client.chat(world.PROMPT)
            assert scope.cancelled_caught
            assert await acme.spent(client) == (0, 0)
            (row,) = await client.spend()
            assert row.record.certainty == "released"
        for one in full:
            one.close()
