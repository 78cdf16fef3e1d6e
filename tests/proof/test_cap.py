"""A cap is hard: vendors that bill every call at its ceiling are paid exactly as often as the cap allows."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

import minimill
from minimill.testing import Simulator
from tests.unit.client import acme

from . import world


async def outcome(client: minimill.Client, **options: object) -> str:
    """`paid`, or the name of the error."""
    try:
        await client.chat(world.PROMPT, **options)  # type: ignore[arg-type]  # options of chat
    except minimill.MinimillError as error:
        return type(error).__name__
    return "paid"


async def crowd(client: minimill.Client, callers: int) -> list[str]:
    """What so many calls at once came to."""
    outcomes: list[str] = []

    async def one() -> None:
        outcomes.append(await outcome(client))

    async with anyio.create_task_group() as group:
        for _ in range(callers):
            group.start_soon(one)
    return outcomes


@pytest.mark.anyio
@pytest.mark.parametrize("run", range(world.RUNS))
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_a_thousand_callers_and_money_for_a_hundred(tmp_path: Path, engine: str, run: int) -> None:
    """Billed at the ceiling: exactly 100 are paid, 900 are refused, and the books equal the bill."""
    ledger = "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/ledger.db"
    with Simulator(["openai"]) as sim:
        world.at_ceiling(sim)
        async with minimill.Client(world.config(sim, ledger, 100)) as client:
            outcomes = await crowd(client, 1000)
            assert world.counted(outcomes) == {"BudgetExceededError": 900, "paid": 100}
            assert len(sim.paid_calls) == len(sim.calls) == 100
            assert sim.bill(acme.price) == 100 * world.CEILING
            assert await acme.spent(client) == (100 * world.CEILING, 0)
            assert await client._ledger.audit() == []


WORKER = """
import anyio, json, sys
from minimill import Client
from tests.proof.test_cap import crowd
from tests.proof.world import unpacked

async def main(config, callers):
    async with Client(config) as client:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(await crowd(client, callers)))

anyio.run(main, unpacked(sys.argv[1]), int(sys.argv[2]), backend=sys.argv[3])
"""


@pytest.mark.parametrize("run", range(world.PROCESS_RUNS))
def test_eight_processes_on_one_file(tmp_path: Path, run: int) -> None:
    """8 × 50 callers, half of the processes on trio, money for 100: exactly 100 are paid."""
    with Simulator(["openai"]) as sim:
        world.at_ceiling(sim)
        config = world.config(sim, f"sqlite:///{tmp_path}/ledger.db", 100)
        workers = [world.start(WORKER, world.packed(config), 50, "trio" if n % 2 else "asyncio") for n in range(8)]
        world.go(*workers)
        outcomes = [word for worker in workers for word in world.last_line(world.ended(worker))]
        assert world.counted(outcomes) == {"BudgetExceededError": 300, "paid": 100}
        assert len(sim.paid_calls) == len(sim.calls) == 100
        assert sim.bill(acme.price) == 100 * world.CEILING
        assert anyio.run(books, config) == (100 * world.CEILING, 0, [])


async def books(config: dict[str, object]) -> tuple[int, int, list[str]]:
    """(settled, held, differences) of the cap."""
    async with minimill.Client(config) as client:
        return *await acme.spent(client), await client._ledger.audit()


# --- bills of a fifth of the ceiling -------------------------------------------------------------------------------


ANSWER, COUNTED = 8, 10
"""Output and input tokens of a call that costs a fifth of its ceiling (84,000 of 424,000 nanos)."""


def short(sim: Simulator) -> None:
    """Let the vendor bill a fifth of the ceiling."""
    sim.configure("openai", length=ANSWER, input_tokens=lambda body: COUNTED)


@pytest.mark.anyio
@pytest.mark.parametrize("run", range(world.RUNS))
@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_callers_who_wait_use_the_cap_up(tmp_path: Path, engine: str, run: int) -> None:
    """Answers of a fifth of the ceiling, more callers than money: at most the cap is billed, at least 95 % used."""
    ledger = "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/ledger.db"
    with Simulator(["openai"]) as sim:
        short(sim)
        async with minimill.Client(world.config(sim, ledger, 50, wait_s=60)) as client:
            outcomes = await crowd(client, 400)
            await used_up(client, sim, outcomes, 50)


async def used_up(client: minimill.Client, sim: Simulator, outcomes: list[str], calls: int) -> None:
    """Check the books against the bill: no more than the cap, no less than 95 % of it."""
    limit = calls * world.CEILING
    bill = sim.bill(acme.price)
    each = 84_000
    assert await acme.spent(client) == (bill, 0)
    assert bill == each * outcomes.count("paid")
    assert 0.95 * limit <= bill <= limit
    assert set(outcomes) == {"paid", "BudgetExceededError"}
    assert await client._ledger.audit() == []


@pytest.mark.anyio
@pytest.mark.parametrize("run", range(world.RUNS))
async def test_callers_who_do_not_wait_stay_under_the_cap(run: int) -> None:
    """The same without waiting: the bill is at most the cap and equals the books to the nano."""
    with Simulator(["openai"]) as sim:
        short(sim)
        async with minimill.Client(world.config(sim, "memory:", 50)) as client:
            outcomes = await crowd(client, 400)
            assert await acme.spent(client) == (sim.bill(acme.price), 0)
            assert sim.bill(acme.price) <= 50 * world.CEILING
            assert outcomes.count("paid") == len(sim.paid_calls) >= 50


@pytest.mark.parametrize("run", range(world.PROCESS_RUNS))
def test_processes_that_wait_use_the_cap_up(tmp_path: Path, run: int) -> None:
    """Four processes wait for each other's money in one file."""
    with Simulator(["openai"]) as sim:
        short(sim)
        config = world.config(sim, f"sqlite:///{tmp_path}/ledger.db", 20, wait_s=60)
        workers = [world.start(WORKER, world.packed(config), 40, "asyncio") for _ in range(4)]
        world.go(*workers)
        outcomes = [word for worker in workers for word in world.last_line(world.ended(worker, timeout=120))]

        async def check() -> None:
            async with minimill.Client(config) as client:
                await used_up(client, sim, outcomes, 20)

        anyio.run(check)
