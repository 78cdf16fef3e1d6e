"""Budgets that are used up: thresholds that are told once, and models that serve no longer."""

import datetime as dt
import logging
import pickle
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

import minimill
from minimill import Money, ThresholdReached
from minimill.ledger import open_ledger
from minimill.testing import Fault, Length, Simulator

from . import acme

pytestmark = pytest.mark.anyio
CEILING = acme.ceiling("hello")
FULL = {"model": "acme:m", "max_output_tokens": 50}


@pytest.fixture
def full(sim: Simulator) -> Simulator:
    """Every answer of `acme` costs exactly its ceiling: 424,000 nanos."""
    sim.configure("openai", length=Length.fill(), input_tokens=acme.at_ceiling)
    return sim


def calls_worth(number: int, **more: Any) -> dict[str, Any]:
    """A budget that covers so many calls."""
    return {"all": {"limit": f"0.{CEILING * number:09} CNY", **more}}


def shares(told: list[ThresholdReached]) -> list[Decimal]:
    return [reached.share for reached in told]


# --- told once ---


async def test_each_threshold_is_told_when_it_is_reached(full: Simulator) -> None:
    """Four calls fit: the second reaches a half, the fourth 80 and 100 %."""
    told: list[ThresholdReached] = []
    seen = []
    config = acme.config(full, budgets=calls_worth(4))
    client = minimill.Client(config, on_threshold=told.append)
    for _ in range(4):
        await client.chat("hello", **FULL)
        await anyio.to_thread.run_sync(client._teller.wait, 10)
        seen.append(len(told))
    assert seen == [0, 1, 1, 3]
    assert told[0] == ThresholdReached(
        budget="all",
        key=None,
        window_id="total",
        share=Decimal("0.5"),
        used=Money(848_000, "CNY"),
        limit=Money(1_696_000, "CNY"),
        resets_at=None,
    )
    assert str(told[0]) == "budget 'all' is used up to 50 %: ¥0.000848 of ¥0.001696"
    assert [(reached.share, reached.used.nanos) for reached in told[1:]] == [
        (Decimal("0.8"), 1_696_000),
        (Decimal(1), 1_696_000),
    ]
    await client.aclose()


async def test_closing_waits_until_all_is_told(full: Simulator) -> None:
    """A script of one call is told as well."""
    told: list[ThresholdReached] = []
    async with minimill.Client(acme.config(full, budgets=calls_worth(1)), on_threshold=told.append) as client:
        await client.chat("hello", **FULL)
    assert shares(told) == [Decimal("0.5"), Decimal("0.8"), Decimal(1)]


async def test_of_several_clients_on_one_file_one_tells(full: Simulator, tmp_path: Path) -> None:
    """Each sees all thresholds reached; each threshold is told by one of them."""
    told: list[ThresholdReached] = []
    config = acme.config(full, ledger=f"sqlite:///{tmp_path}/books.db", budgets=calls_worth(10))
    clients = [minimill.Client(config, on_threshold=told.append) for _ in range(3)]
    async with anyio.create_task_group() as group:
        for number in range(9):
            group.start_soon(lambda client=clients[number % 3]: client.chat("hello", **FULL))
    for client in clients:
        await client.chat("hello", model="acme:m", max_output_tokens=1)
    for client in clients:
        await client.aclose()
    assert sorted(shares(told)) == [Decimal("0.5"), Decimal("0.8")]


async def test_each_account_and_window_is_told(full: Simulator) -> None:
    """Ann's, Bo's, and Ann's again on the next day."""
    now = [dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)]
    ledger = open_ledger("memory:", clock=lambda: now[0].timestamp())
    told: list[ThresholdReached] = []
    budgets = calls_worth(1, by="user", window="day", thresholds=["100%"])
    async with minimill.Client(acme.config(full, budgets=budgets), ledger=ledger, on_threshold=told.append) as client:
        await client.chat("hello", tags={"user": "ann"}, **FULL)
        await client.chat("hello", tags={"user": "bo"}, **FULL)
        now[0] += dt.timedelta(days=1)
        await client.chat("hello", tags={"user": "ann"}, **FULL)
    assert [(one.key, one.window_id) for one in told] == [
        ("ann", "2026-11-24"), ("bo", "2026-11-24"), ("ann", "2026-11-25"),
    ]  # fmt: skip
    assert str(told[0]) == (
        "budget 'all' of 'ann' is used up to 100 %: ¥0.000424 of ¥0.000424; "
        "it begins anew at 2026-11-25T00:00:00+00:00"
    )


async def test_thresholds_of_ones_own(full: Simulator) -> None:
    """In any order; above the limit for a soft budget; none at all."""
    told: list[ThresholdReached] = []
    budgets = calls_worth(4, hard=False, thresholds=["150 %", "12.5%"])
    async with minimill.Client(acme.config(full, budgets=budgets), on_threshold=told.append) as client:
        for _ in range(6):
            await client.chat("hello", **FULL)
    assert shares(told) == [Decimal("0.125"), Decimal("1.5")]
    budgets = calls_worth(1, thresholds=[])
    async with minimill.Client(acme.config(full, budgets=budgets), on_threshold=told.append) as client:
        await client.chat("hello", **FULL)
    assert len(told) == 2


async def test_unconfirmed_money_is_used(sim: Simulator) -> None:
    """Nobody knows what an answer without usage cost: the next call sees it counted."""
    sim.program("openai", Fault.no_usage())
    told: list[ThresholdReached] = []
    async with minimill.Client(acme.config(sim, budgets=calls_worth(2)), on_threshold=told.append) as client:
        await client.chat("hello", **FULL)
        await client.chat("hello", model="acme:m", max_output_tokens=1)
    assert (shares(told), told[0].used) == ([Decimal("0.5")], Money(CEILING, "CNY"))


async def test_a_budget_that_refuses_is_used_up(full: Simulator) -> None:
    """What is left covers no call: 100 % is told though it will never be reached."""
    told: list[ThresholdReached] = []
    limit = f"0.{CEILING * 9 + CEILING // 2:09} CNY"
    async with minimill.Client(
        acme.config(full, budgets={"all": {"limit": limit}}), on_threshold=told.append
    ) as client:
        for _ in range(9):
            await client.chat("hello", **FULL)
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello", **FULL)
    assert [(one.share, one.used.nanos) for one in told] == [
        (Decimal("0.5"), 5 * CEILING), (Decimal("0.8"), 8 * CEILING), (Decimal(1), 9 * CEILING),
    ]  # fmt: skip


async def test_a_call_that_is_too_large_uses_nothing_up(full: Simulator) -> None:
    """A budget of which nothing is spent refuses it, and is not used up."""
    told: list[ThresholdReached] = []
    async with minimill.Client(acme.config(full, budgets=calls_worth(1)), on_threshold=told.append) as client:
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello", model="acme:m", max_output_tokens=500)
    assert told == []


async def test_a_refusal_is_told_in_its_window(full: Simulator) -> None:
    """By a process that never held anything in it: the mark is the same as that of the others."""
    ledger = open_ledger("memory:")
    budgets = calls_worth(1, window="month", zone="Asia/Shanghai", thresholds=["100%"])
    first: list[ThresholdReached] = []
    second: list[ThresholdReached] = []
    async with minimill.Client(acme.config(full, budgets=budgets), ledger=ledger, on_threshold=first.append) as client:
        await client.chat("hello", **FULL)
    async with minimill.Client(acme.config(full, budgets=budgets), ledger=ledger, on_threshold=second.append) as client:
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello", **FULL)
    assert (shares(first), shares(second)) == ([Decimal(1)], [])


# --- who is told ---


async def test_a_call_does_not_wait_for_who_is_told(full: Simulator) -> None:
    """The function is stuck; calls go on, and closing waits for it for a while only."""
    free, entered = threading.Event(), threading.Event()

    def stuck(reached: ThresholdReached) -> None:
        entered.set()
        free.wait(30)

    client = minimill.Client(acme.config(full, budgets=calls_worth(4)), on_threshold=stuck)
    for _ in range(4):
        await client.chat("hello", **FULL)
    await anyio.to_thread.run_sync(entered.wait, 10)
    assert not client._teller.idle
    free.set()
    await client.aclose()
    assert client._teller.idle


async def test_what_it_raises_is_logged(full: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """The call is answered, and the next threshold is told."""
    told: list[ThresholdReached] = []

    def failing(reached: ThresholdReached) -> None:
        told.append(reached)
        raise ValueError("no such pager")

    async with minimill.Client(acme.config(full, budgets=calls_worth(1)), on_threshold=failing) as client:
        reply = await client.chat("hello", **FULL)
    assert reply.cost.totals == (Money(CEILING, "CNY"),)
    assert len(told) == 3
    failures = [record for record in caplog.records if record.message.startswith("on_threshold failed: ")]
    assert [record.exc_info[1].args for record in failures if record.exc_info and record.exc_info[1]] == [
        ("no such pager",)
    ] * 3


async def test_the_log_says_it(full: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """For information below 80 %, as a warning from there on; nobody needs to be told."""
    with caplog.at_level(logging.INFO, "minimill"):
        async with minimill.Client(acme.config(full, budgets=calls_worth(1))) as client:
            await client.chat("hello", **FULL)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "budget 'all' is used up to 50 %: ¥0.000424 of ¥0.000424"),
        ("WARNING", "budget 'all' is used up to 80 %: ¥0.000424 of ¥0.000424"),
        ("WARNING", "budget 'all' is used up to 100 %: ¥0.000424 of ¥0.000424"),
    ]


async def test_books_that_cannot_keep_the_claim(full: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """Tried twice under one name; then the log says so, and nobody is told."""
    ledger = open_ledger("memory:")
    names: list[str] = []

    async def broken(*place: object, by: str) -> bool:
        names.append(by)
        raise minimill.LedgerError("the disk is full")

    ledger.mark = broken  # type: ignore[method-assign]
    told: list[ThresholdReached] = []
    config = acme.config(full, budgets=calls_worth(1, thresholds=["100%"]))
    async with minimill.Client(config, ledger=ledger, on_threshold=told.append) as client:
        await client.chat("hello", **FULL)
    assert (told, len(names), len(set(names))) == ([], 2, 1)
    assert caplog.messages == [
        "budget 'all' is used up to 100 %: ¥0.000424 of ¥0.000424 (told by no callback: the disk is full)"
    ]


async def test_a_coroutine_function_is_refused(full: Simulator) -> None:
    """There is no event loop where it is called."""

    async def tell(reached: ThresholdReached) -> None: ...

    with pytest.raises(TypeError, match="on_threshold is a plain function"):
        minimill.Client(acme.config(full), on_threshold=tell)


def note(reached: ThresholdReached) -> None:
    NOTED.append(reached)


NOTED: list[ThresholdReached] = []


def test_pickled_and_synchronous_clients_tell_as_well(full: Simulator, tmp_path: Path) -> None:
    """What is pickled is the name of the function."""
    config = acme.config(full, ledger=f"sqlite:///{tmp_path}/books.db", budgets=calls_worth(1, thresholds=["100%"]))
    first = minimill.SyncClient(config, on_threshold=note)
    second = pickle.loads(pickle.dumps(first))
    first.close()
    NOTED.clear()
    with second:
        second.chat("hello", **FULL)
    assert shares(NOTED) == [Decimal(1)]
    NOTED.clear()


# --- fewer models ---


def two(sim: Simulator, **more: Any) -> dict[str, Any]:
    """A route over `acme`, which costs, and `home`, which is free."""
    vendors = {"acme": acme.provider(sim, "openai"), "home": acme.provider(sim, "qwen", free=True)}
    routes = {"default": {"models": ["acme:m", "home:m"], "order": "listed", "max_output_tokens": 50}}
    return acme.config(sim, vendors, routes=routes, **more)


async def served(client: minimill.Client, times: int) -> list[str]:
    return [(await client.chat("hello")).provider for _ in range(times)]


async def test_free_models_only(full: Simulator) -> None:
    """From half of the budget on; what the other had held meanwhile came back."""
    budgets = calls_worth(4, narrow=[{"above": "50%", "only": "free"}])
    async with minimill.Client(two(full, budgets=budgets)) as client:
        assert await served(client, 4) == ["acme", "acme", "home", "home"]
        (balance,) = await client.balance()
        assert (balance.settled_nanos, balance.held_nanos) == (2 * CEILING, 0)
        assert [row.record.meta.provider for row in await client.spend()] == ["acme", "acme", "home", "home"]


async def test_nobody_is_left(full: Simulator) -> None:
    """The error says why, and when it is over."""
    budgets = calls_worth(2, narrow=[{"above": "50%", "only": "free"}], window="month")
    async with minimill.Client(acme.config(full, budgets=budgets)) as client:
        await client.chat("hello", **FULL)
        with pytest.raises(minimill.AboveThresholdError) as caught:
            await client.chat("hello", **FULL)
    error = caught.value
    assert error.message == (
        "budget 'all' has used ¥0.000424 of ¥0.000848: above 50 % only free models may serve, and acme:m is not "
        "one of them"
    )
    assert (error.budget, error.key, error.limit, error.used) == (
        "all", None, Money(848_000, "CNY"), Money(424_000, "CNY"),
    )  # fmt: skip
    assert error.resets_at is not None and error.resets_at.day == 1
    assert (error.attempts, len(full.calls)) == ((), 1)


async def test_named_models_only(full: Simulator) -> None:
    """By their names or aliases."""
    vendors = {"acme": acme.provider(full, "openai"), "other": acme.provider(full, "openai")}
    routes = {"default": {"models": ["acme:m", "small"], "order": "listed", "max_output_tokens": 50}}
    budgets = calls_worth(4, narrow=[{"above": "50%", "only": ["small"]}])
    config = acme.config(full, vendors, routes=routes, budgets=budgets, aliases={"small": "other:m"})
    async with minimill.Client(config) as client:
        assert await served(client, 3) == ["acme", "acme", "other"]


async def test_cheap_calls_only(full: Simulator) -> None:
    """Whose ceiling is at most so much; the highest threshold that is reached holds."""
    narrow = [
        {"above": "70%", "only": "free"},
        {"above": "25%", "max_cost": f"0.{CEILING - 1:09} CNY"},
    ]
    async with minimill.Client(acme.config(full, budgets=calls_worth(4, narrow=narrow))) as client:
        await client.chat("hello", **FULL)
        with pytest.raises(minimill.AboveThresholdError, match=r"only models that cost at most ¥0\.000423999 a call"):
            await client.chat("hello", **FULL)
        for _ in range(2):
            await client.chat("hello", model="acme:m", max_output_tokens=49)
        with pytest.raises(minimill.AboveThresholdError, match="above 70 % only free models"):
            await client.chat("hello", model="acme:m", max_output_tokens=1)


async def test_an_amount_in_a_currency_without_a_rate_lets_nobody_in(full: Simulator) -> None:
    """What cannot be compared is not cheap."""
    budgets = calls_worth(2, narrow=[{"above": "50%", "max_cost": "1 XAU"}])
    async with minimill.Client(acme.config(full, budgets=budgets)) as client:
        await client.chat("hello", **FULL)
        with pytest.raises(minimill.AboveThresholdError):
            await client.chat("hello", **FULL)


async def test_streams_are_narrowed_too(full: Simulator) -> None:
    """The free model answers."""
    budgets = calls_worth(2, narrow=[{"above": "50%", "only": "free"}])
    async with minimill.Client(two(full, budgets=budgets)) as client:
        for expected in ("acme", "home"):
            async with client.stream("hello") as stream:
                async for _ in stream:
                    pass
            assert stream.reply.provider == expected


async def test_only_accounts_that_are_used_so_far_are_narrowed(full: Simulator) -> None:
    """Ann has used her budget up, Bo has not."""
    budgets = calls_worth(1, by="user", narrow=[{"above": "80%", "only": "free"}])
    async with minimill.Client(two(full, budgets=budgets)) as client:
        await client.chat("hello", tags={"user": "ann"})
        assert (await client.chat("hello", tags={"user": "ann"})).provider == "home"
        assert (await client.chat("hello", tags={"user": "bo"})).provider == "acme"
