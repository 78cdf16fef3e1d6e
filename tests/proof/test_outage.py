"""One vendor is out, in every way there is: a budget loses at most the stated share to it, and the route goes on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

import minimill
from minimill.ledger.memory import MemoryLedger
from minimill.testing import Fault, Simulator
from tests.unit.client import acme

from . import world

pytestmark = pytest.mark.anyio

CALLERS = 200
LIMIT = 600 * world.CEILING
"""The cap is worth 600 calls; a fifth of it 120."""
SILENCE_S = 3.0
"""First-token limit where the dead vendor is silent; generous, since the well one must keep it too."""
FAULTS = {
    "silent": Fault.silent(),
    "silent after headers": Fault.silent(after_headers=True),
    "503": Fault.status(503),
    "429": Fault.status(429),
    "500": Fault.status(500),
    "html 502": Fault.html_502(),
    "html 503": Fault.html_502(503),
    "closes": Fault.close_before_reply(),
    "resets": Fault.close_before_reply(reset=True),
    "cut": Fault.cut_after(0),
    "garbage": Fault.garbage("text"),
}
"""What the dead vendor does to every request."""
NOT_BILLED = ("503", "429", "500", "refused")
"""Refusals in the vendor's own words, and no connection: these cost nothing."""


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """`openai` will be dead, `glm` is well."""
    with Simulator(["openai", "glm"], length=8, input_tokens=acme.at_ceiling) as running:
        yield running


def config(sim: Simulator, ledger: str, *, second: bool, **route: Any) -> dict[str, Any]:
    """The dead vendor first, the well one after it."""
    vendors = {"dead": acme.provider(sim, "openai")}
    if second:
        vendors["well"] = acme.provider(sim, "glm")
    models = [f"{name}:m" for name in vendors]
    terms = {"order": "listed", "max_output_tokens": acme.LIMIT, "timeouts": {"first_token_s": 30}, **route}
    budgets = {"all": {"limit": world.cap(600)}}
    return acme.config(sim, vendors, ledger, routes={"default": {"models": models, **terms}}, budgets=budgets)


def patience(fault: str) -> dict[str, Any]:
    """A route's first-token limit: short where it has to pass."""
    return {"timeouts": {"first_token_s": SILENCE_S if "silent" in fault else 30}}


def soon(fault: str) -> dict[str, Any]:
    """Options of a call that does not wait long for a vendor that owes answers."""
    return {} if fault in NOT_BILLED else {"deadline_s": 1.0}


async def crowd(client: minimill.Client, callers: int, **options: Any) -> list[str]:
    """Who answered each of so many calls at once, or the error."""
    found: list[str] = []

    async def one() -> None:
        try:
            found.append((await client.chat(world.PROMPT, **options)).provider)
        except minimill.MinimillError as error:
            found.append(type(error).__name__)

    async with anyio.create_task_group() as group:
        for _ in range(callers):
            group.start_soon(one)
    return found


async def charged(client: minimill.Client, provider: str) -> int:
    """What the books charge to one provider, in nanos."""
    rows = await client.spend()
    lines = [line for row in rows if row.record.meta.provider == provider for line in row.lines]
    return sum(line.held_nanos + line.booked_nanos for line in lines)


async def check_share(client: minimill.Client, sim: Simulator, *, free: bool) -> None:
    """The dead vendor got no more than a fifth of the budget, and the books cover every bill."""
    assert await charged(client, "dead") <= (0 if free else LIMIT // 5)
    settled, held = await acme.spent(client)
    assert sim.bill(acme.price) <= settled + held
    assert settled + held <= LIMIT
    assert await client._ledger.audit() == []


BOTH_ENGINES = [("memory", fault) for fault in FAULTS] + [
    ("sqlite", fault) for fault in ("silent", "503", "html 502", "closes")
]


@pytest.mark.parametrize(("engine", "fault"), BOTH_ENGINES)
async def test_the_second_vendor_carries_the_calls(
    sim: Simulator, tmp_path: Path, fault: str, engine: str
) -> None:
    """200 callers at once: all are answered by the one that is well."""
    sim.always("openai", FAULTS[fault])
    ledger = "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/ledger.db"
    async with minimill.Client(config(sim, ledger, second=True, **patience(fault))) as client:
        outcomes = await crowd(client, CALLERS)
        assert world.counted(outcomes) == {"well": CALLERS}
        await check_share(client, sim, free=fault in NOT_BILLED)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nobody_else_to_ask(sim: Simulator, fault: str) -> None:
    """200 callers, twice: every call fails, and four fifths of the budget are still there."""
    sim.always("openai", FAULTS[fault])
    async with minimill.Client(config(sim, "memory:", second=False, retries=0, **patience(fault))) as client:
        for _ in range(2):
            outcomes = await crowd(client, CALLERS, **soon(fault))
            assert "dead" not in outcomes
            await check_share(client, sim, free=fault in NOT_BILLED)


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_refused_connections_cost_nothing(sim: Simulator, second: bool) -> None:
    """Nothing listens at the vendor's port."""
    settings = config(sim, "memory:", second=second, retries=1)
    settings["providers"]["dead"]["base_url"] = "http://127.0.0.1:1/v1"
    async with minimill.Client(settings) as client:
        outcomes = await crowd(client, CALLERS)
        assert set(outcomes) == {"well" if second else "TransportError"}
        await check_share(client, sim, free=True)


@contextlib.contextmanager
def slammed_door() -> Iterator[str]:
    """A server that accepts every connection and closes it at once; gives its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_accepting_and_closing(sim: Simulator, second: bool) -> None:
    """Whether the request arrived cannot be told, so each attempt is held, up to the share."""
    with slammed_door() as address:
        settings = config(sim, "memory:", second=second)
        settings["providers"]["dead"]["base_url"] = address
        async with minimill.Client(settings) as client:
            outcomes = await crowd(client, CALLERS, **({} if second else soon("closes")))
            assert outcomes.count("well") == (CALLERS if second else 0)
            await check_share(client, sim, free=False)


@pytest.mark.parametrize("fault", ["silent", "503", "html 502", "closes"])
@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_it_recovers_when_the_vendor_comes_back(
    sim: Simulator, fault: str, second: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd in the outage, then the vendor is well again: calls go to it once its cool-down is over."""
    now = [time.time()]
    sim.always("openai", FAULTS[fault])
    settings = config(sim, "memory:", second=second, retries=0, **patience(fault))
    async with minimill.Client(settings, ledger=MemoryLedger(clock=lambda: now[0])) as client:
        monkeypatch.setattr(client._health, "_clock", lambda: now[0])
        await crowd(client, CALLERS, **({} if second else soon(fault)))
        sim.clear_faults("openai")
        now[0] += 3600
        probe = await client.chat(world.PROMPT, deadline_s=SILENCE_S)
        assert probe.provider == "dead"
        assert await crowd(client, 20) == ["dead"] * 20


async def test_an_outage_of_a_vendor_that_answered_a_moment_ago(sim: Simulator) -> None:
    """What is out with it when it falls silent is its share, however many ask at once, and all are served."""
    async with minimill.Client(config(sim, "memory:", second=True, **patience("silent"))) as client:
        assert await crowd(client, 20) == ["dead"] * 20
        before = await charged(client, "dead")
        sim.always("openai", Fault.silent())
        assert await crowd(client, CALLERS) == ["well"] * CALLERS
        assert await charged(client, "dead") - before <= LIMIT // 5


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_a_small_budget_and_a_sudden_silence(sim: Simulator, tmp_path: Path, engine: str) -> None:
    """Worth 20 calls, 30 callers at once; the vendor answers the first 3 requests and no other."""
    ledger = "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/ledger.db"
    settings = config(sim, ledger, second=False, retries=0, **patience("silent"))
    settings["budgets"]["all"]["limit"] = world.cap(20)
    sim.program("openai", [None] * 3 + [Fault.silent()] * 100)
    async with minimill.Client(settings) as client:
        outcomes = await crowd(client, 30, deadline_s=2 * SILENCE_S)
        assert outcomes.count("dead") == 3
        settled, held = await acme.spent(client)
        assert settled == 3 * 88_000
        assert 3 * world.CEILING <= held <= 4 * world.CEILING


def hundred(sim: Simulator, second: bool, **route: Any) -> dict[str, Any]:
    """A budget worth 100 calls."""
    settings = config(sim, "memory:", second=second, retries=0, **route)
    settings["budgets"]["all"]["limit"] = world.cap(100)
    return settings


async def test_late_answers_to_older_calls_do_not_reopen_the_share(sim: Simulator) -> None:
    """The vendor dies while 15 calls are in flight with it, which it still answers one by one."""
    sim.program("openai", [None, *(Fault.delay(0.1 * n) for n in range(1, 15)), *[Fault.close_before_reply()] * 400])
    async with minimill.Client(hundred(sim, second=False)) as client:
        await crowd(client, 1)
        await crowd(client, 100, deadline_s=5)
        assert await held_with(client, "dead") <= 20


@pytest.mark.parametrize("word", [429, 400, 404])
@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_refusals_do_not_reopen_the_share(sim: Simulator, word: int, second: bool) -> None:
    """A gateway's page for some, a refusal in the vendor's own words for others."""
    sim.program("openai", [Fault.html_502(), Fault.html_502(), Fault.html_502(), Fault.status(word)] * 150)
    async with minimill.Client(hundred(sim, second)) as client:
        for _ in range(3):
            await crowd(client, 100, deadline_s=1.0)
        assert await held_with(client, "dead") <= 20


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
@pytest.mark.parametrize("fault", [Fault.cut_after(1), Fault.stall_after(1)], ids=["cut", "stalled"])
async def test_a_first_chunk_is_no_answer(sim: Simulator, fault: Fault, second: bool) -> None:
    """Every stream begins, and none ends."""
    sim.always("openai", fault)
    settings = hundred(sim, second, timeouts={"first_token_s": SILENCE_S, "between_token_s": 1})
    async with minimill.Client(settings) as client:

        async def one() -> None:
            with contextlib.suppress(minimill.MinimillError):
                async with client.stream(world.PROMPT, deadline_s=4.0) as stream:
                    async for _ in stream:
                        pass

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one)
        assert await held_with(client, "dead") <= 20


@pytest.mark.parametrize("heard", [True, False], ids=["heard before", "never heard"])
@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_callers_with_time_limits_of_their_own(sim: Simulator, second: bool, heard: bool) -> None:
    """The vendor is silent, and every caller gives up before minimill does: the same share."""
    sim.always("openai", Fault.silent())
    settings = config(sim, "memory:", second=second)
    settings["budgets"]["all"]["limit"] = world.cap(20)
    async with minimill.Client(settings) as client:
        served = 0
        if heard:
            sim.clear_faults()
            assert (await client.chat(world.PROMPT)).provider == "dead"
            sim.always("openai", Fault.silent())
        for _ in range(12):
            with anyio.move_on_after(0.2):
                reply = await client.chat(world.PROMPT)
                assert reply.provider == "well"
                served += 1
        assert await held_with(client, "dead") == 3
        assert served == (9 if second else 0)


@pytest.mark.parametrize("shape", ["chat", "stream"])
@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
async def test_stalled_answers_and_callers_who_give_up(sim: Simulator, second: bool, shape: str) -> None:
    """Answers begin and never end, and callers leave before the end: as good as silence."""
    sim.always("openai", Fault.stall_after(1))
    async with minimill.Client(hundred(sim, second)) as client:
        served = 0

        async def one() -> None:
            nonlocal served
            with anyio.move_on_after(2.0 if second else 0.5), contextlib.suppress(minimill.BudgetExceededError):
                if shape == "chat":
                    await client.chat(world.PROMPT)
                else:
                    async with client.stream(world.PROMPT) as stream:
                        async for _ in stream:
                            pass
                served += 1

        for _ in range(3):
            async with anyio.create_task_group() as group:
                for _ in range(33):
                    group.start_soon(one)
        assert await held_with(client, "dead") <= 20
        assert served >= 75 if second else served == 0


async def test_a_callers_own_deadline_is_not_the_vendors_silence(sim: Simulator) -> None:
    """It takes half a second to answer, and one caller has a tenth: the others are not sent away for that."""
    sim.always("openai", Fault.delay(0.5))
    async with minimill.Client(hundred(sim, second=False)) as client:
        with pytest.raises(minimill.MinimillError):
            await client.chat(world.PROMPT, deadline_s=0.1)
        assert await crowd(client, 30) == ["dead"] * 30


async def test_a_long_outage(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days, a caller every five minutes: the probes are within the share, and the other vendor serves."""
    now = [time.time()]
    sim.always("openai", Fault.html_502())
    async with minimill.Client(hundred(sim, second=True), ledger=MemoryLedger(clock=lambda: now[0])) as client:
        monkeypatch.setattr(client._health, "_clock", lambda: now[0])
        for _ in range(576):
            now[0] += 300
            try:
                assert (await client.chat(world.PROMPT)).provider == "well"
            except minimill.BudgetExceededError as error:
                assert not error.provider_silent
        assert await held_with(client, "dead") <= 20


@pytest.mark.parametrize("fault", [503, 429])
@pytest.mark.parametrize("wait_s", [0, 30])
async def test_nobody_fails_while_one_vendor_is_well(sim: Simulator, fault: int, wait_s: int) -> None:
    """More callers than both shares let in at once: the route goes on to the one that is well."""
    sim.always("openai", Fault.status(fault) | Fault.delay(0.1))
    sim.always("glm", Fault.delay(0.1))
    settings = hundred(sim, second=True, wait_s=wait_s)
    async with minimill.Client(settings) as client:
        assert world.counted(await crowd(client, 150)) == {"well": 150}


@pytest.mark.parametrize("wait_s", [0, 30])
async def test_nobody_waits_for_the_dead_vendor_only(sim: Simulator, wait_s: int) -> None:
    """A silent vendor's share is taken, and the well one's for a moment: all are served by the well one."""
    sim.always("openai", Fault.silent())
    sim.always("glm", Fault.delay(0.1))
    settings = hundred(sim, second=True, wait_s=wait_s, timeouts={"first_token_s": SILENCE_S})
    async with minimill.Client(settings) as client:
        assert world.counted(await crowd(client, 100)) == {"well": 100}
        assert await held_with(client, "dead") <= 20


async def test_callers_wait_for_a_slow_vendors_share(sim: Simulator) -> None:
    """It answers more slowly than `first_token_s` lets a call wait: `wait_s` holds as long as it answers."""
    sim.always("openai", Fault.slow_chunks(0.05))
    settings = config(sim, "memory:", second=False, retries=0, wait_s=60, timeouts={"first_token_s": 1.0})
    settings["budgets"]["all"]["limit"] = world.cap(20)
    served = 0

    async with minimill.Client(settings) as client:

        async def one() -> None:
            nonlocal served
            with contextlib.suppress(minimill.BudgetExceededError):
                async with client.stream(world.PROMPT) as stream:
                    async for _ in stream:
                        pass
                served += 1

        async with anyio.create_task_group() as group:
            for _ in range(30):
                group.start_soon(one)
    assert served == 30


async def held_with(client: minimill.Client, provider: str) -> int:
    """How many calls' worth is held with one provider."""
    rows = await client.spend()
    assert await client._ledger.audit() == []
    held = sum(line.held_nanos for row in rows if row.record.meta.provider == provider for line in row.lines)
    assert held % world.CEILING == 0
    return held // world.CEILING


async def test_callers_who_left_are_no_outage(sim: Simulator) -> None:
    """Streams that their readers gave up count as spent, and not as answers that the vendor owes."""
    now = [time.time()]
    ledger = MemoryLedger(clock=lambda: now[0])
    async with minimill.Client(config(sim, "memory:", second=False), ledger=ledger) as client:
        sim.always("openai", Fault.slow_chunks(0.001))
        for _ in range(130):
            async with client.stream(world.PROMPT) as stream:
                await anext(stream)
        now[0] += 3600
        assert (await client.chat(world.PROMPT, deadline_s=SILENCE_S)).provider == "dead"


async def test_calls_given_up_before_the_first_answer_lock_nobody_out(sim: Simulator) -> None:
    """A vendor that was never heard, and never silent: its callers were impatient. It is asked again."""
    from minimill.ledger.memory import MemoryLedger

    now = [time.time()]
    settings = config(sim, "memory:", second=False)
    settings["budgets"]["all"]["limit"] = world.cap(10)
    async with minimill.Client(settings, ledger=MemoryLedger(clock=lambda: now[0])) as client:
        sim.always("openai", Fault.silent())
        async with anyio.create_task_group() as group:
            group.start_soon(client.chat, world.PROMPT)
            with anyio.fail_after(30):
                while not sim.calls:
                    await anyio.sleep(0.005)
            group.cancel_scope.cancel()
        assert await acme.spent(client) == (0, world.CEILING)
        sim.clear_faults()
        now[0] += 3600
        assert (await client.chat(world.PROMPT, deadline_s=SILENCE_S)).provider == "dead"


async def test_those_who_find_both_shares_full_wait_for_the_vendor_that_is_well(sim: Simulator) -> None:
    """A share of 30 calls: of 200 callers at once 140 find both vendors' shares full; the well one answers soon."""
    sim.always("openai", Fault.html_502())
    settings = config(sim, "memory:", second=True)
    settings["budgets"]["all"]["unconfirmed_share"] = Decimal("0.05")
    settings["routes"]["default"]["timeouts"] = {"first_token_s": SILENCE_S}
    async with minimill.Client(settings) as client:
        outcomes = await crowd(client, CALLERS)
        assert world.counted(outcomes) == {"well": CALLERS}
        assert await charged(client, "dead") <= LIMIT // 20
