"""Waiting: in order, without a herd, and no longer than asked."""

from __future__ import annotations

import datetime as dt

import anyio
import anyio.lowlevel
import pytest

from minimill import BudgetExceededError
from minimill.ledger import Ledger

from ._made import (
    SHARE,
    START,
    Clock,
    budget,
    held_and_settled,
    hold,
    let_down,
    now,
    record,
    refused,
    settled_down,
    sums,
)


class Waiting:
    """Callers that wait for held money."""

    pytestmark = pytest.mark.anyio

    async def test_a_caller_waits_for_held_money(self, ledger: Ledger) -> None:
        """It is served when a settlement leaves enough."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 80)
        granted: list[int] = []

        async def wait() -> None:
            (found,) = await hold(ledger, "a2", 60, wait_until=now() + 30)
            granted.append(found.held_nanos)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await settled_down(ledger)
            assert granted == []
            ledger.settle("a1", {"team": 30}, record("a1"))
        assert granted == [60]
        assert await sums(ledger) == (30, 60, 0)

    async def test_who_waits_too_long_is_refused(self, ledger: Ledger) -> None:
        """At its deadline the last refusal is raised, and nothing is held."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 100)
        with anyio.fail_after(5), pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a2", 60, wait_until=now() + 0.05)
        assert not caught.value.provider_silent
        assert await sums(ledger) == (0, 100, 0)

    async def test_what_can_never_fit_is_not_kept_waiting(self, ledger: Ledger) -> None:
        """When not even every hold coming free would do, the refusal comes at once."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 50)
        ledger.settle("a1", {"team": 50}, record("a1"))
        await hold(ledger, "a2", 50)
        with anyio.fail_after(5), pytest.raises(BudgetExceededError):
            await hold(ledger, "a3", 51, wait_until=now() + 60)

    async def test_silence_has_a_deadline_of_its_own(self, ledger: Ledger) -> None:
        """Without `wait_silent_until` a full share refuses at once, with it each answer lets the next caller in."""
        await ledger.declare([budget(limit=100, unconfirmed_share_ppm=200_000)])
        await hold(ledger, "a1", 20)
        with anyio.fail_after(5), pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a2", 20, wait_until=now() + 60)
        assert caught.value.provider_silent
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                for number in range(4):
                    group.start_soon(held_and_settled, ledger, f"w{number}")
                await settled_down(ledger)
                assert await sums(ledger) == (0, 20, 0)
                ledger.settle("a1", {"team": 20}, record("a1", charged=20))
        assert await sums(ledger) == (100, 0, 0)

    async def test_a_vendor_that_answers_is_worth_a_wait(self, ledger: Ledger) -> None:
        """`wait_busy_until` holds while the vendor answers: an answer lets the caller in, a silence sends it away."""
        await ledger.declare([SHARE])
        await hold(ledger, "a0", 1)
        await refused(ledger, "never heard", 20, wait_busy_until=now() + 60)
        ledger.settle("a0", {"team": 0}, record("a0", charged=0))
        await hold(ledger, "a1", 20)
        outcomes: list[str] = []

        async def call(name: str) -> None:
            try:
                await hold(ledger, name, 20, wait_busy_until=now() + 60)
            except BudgetExceededError as error:
                assert error.provider_silent
                outcomes.append(f"{name} refused")
            else:
                outcomes.append(name)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                for name in ("b1", "b2", "b3"):
                    group.start_soon(call, name)
                    await settled_down(ledger)
                ledger.settle("a1", {"team": 20}, record("a1", charged=20))
                await settled_down(ledger)
                assert outcomes == ["b1"]
                let_down(ledger, "b1")
        assert sorted(outcomes) == ["b1", "b2 refused", "b3 refused"]
        assert await sums(ledger) == (20, 20, 20)

    async def test_a_caller_who_leaves_makes_room_in_flight(self, ledger: Ledger) -> None:
        """What it holds stays held, but the vendor owes it no answer any more."""
        await ledger.declare([SHARE])
        await hold(ledger, "a1", 20)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: hold(ledger, "a2", 20, wait_silent_until=now() + 60))
                await settled_down(ledger)
                let_down(ledger, "a1", "left")
        assert await sums(ledger) == (0, 40, 20)

    async def test_callers_are_served_in_order(self, ledger: Ledger) -> None:
        """Five wait; money for one at a time goes to whoever came first."""
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "a0", 10)
        served: list[int] = []

        async def wait(number: int) -> None:
            await hold(ledger, f"w{number}", 10, wait_until=now() + 60)
            served.append(number)
            ledger.release(f"w{number}")

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for number in range(5):
                    group.start_soon(wait, number)
                    await settled_down(ledger)
                ledger.release("a0")
        assert served == [0, 1, 2, 3, 4]

    async def test_a_smaller_call_passes_only_when_the_larger_does_not_fit(self, ledger: Ledger) -> None:
        """With 40 free, 50 waits on and 30 goes; with 60 free again, 50 is first."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 60)
        await hold(ledger, "a2", 40)
        order: list[int] = []

        async def wait(amount: int) -> None:
            await hold(ledger, f"w{amount}", amount, wait_until=now() + 60)
            order.append(amount)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for amount in (50, 30, 45):
                    group.start_soon(wait, amount)
                    await settled_down(ledger)
                ledger.release("a2")
                await settled_down(ledger)
                assert order == [30]
                ledger.release("a1")
                await settled_down(ledger)
                assert order == [30, 50]
                ledger.settle("w50", {"team": 5}, record("w50"))
        assert order == [30, 50, 45]

    async def test_a_new_limit_lets_waiting_callers_in(self, ledger: Ledger) -> None:
        """Whoever waits is served when the limit is raised."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 100)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: hold(ledger, "a2", 60, wait_until=now() + 60))
                await settled_down(ledger)
                await ledger.set_limit("team", 160)
        assert await sums(ledger) == (0, 160, 0)

    async def test_a_new_window_lets_waiting_callers_in(self, ledger: Ledger, clock: Clock) -> None:
        """Whoever waits into the next hour is served there, also when this hour's money is spent."""
        await ledger.declare([budget(limit=100, window="hour")])
        clock.now = START + dt.timedelta(minutes=59, seconds=59, milliseconds=950)
        await hold(ledger, "a1", 100)
        ledger.settle("a1", {"team": 100}, record("a1"))
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: hold(ledger, "a2", 60, wait_until=now() + 60))
                await settled_down(ledger)
                clock.go(seconds=1)
        assert [(b.window_id, b.held_nanos) for b in await ledger.balances()] == [("2026-11-24T13+00:00", 60)]

    async def test_a_waiting_caller_that_leaves_takes_nothing(self, ledger: Ledger) -> None:
        """Cancelled while waiting, it is withdrawn, and its place is not in anybody's way."""
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "a1", 10)
        with anyio.move_on_after(0.03) as scope:
            await hold(ledger, "a2", 10, wait_until=now() + 60)
        assert scope.cancelled_caught
        ledger.release("a1")
        await hold(ledger, "a3", 10)
        assert [found.attempt_id for found in await ledger.holds()] == ["a3"]

    async def test_a_thousand_race_for_a_hundred(self, ledger: Ledger) -> None:
        """Of 1,000 callers at once for a limit of 100, exactly 100 are granted."""
        await ledger.declare([budget(limit=100)])
        granted: list[int] = []
        refused: list[int] = []

        async def one(number: int) -> None:
            try:
                await hold(ledger, f"a{number:04}", 1)
            except BudgetExceededError:
                refused.append(number)
            else:
                granted.append(number)

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, number)
        assert (len(granted), len(refused)) == (100, 900)
        assert await sums(ledger) == (0, 100, 0)
        assert len(await ledger.holds()) == 100

    async def test_a_thousand_wait_and_share_what_comes_free(self, ledger: Ledger) -> None:
        """Calls that cost 20 % of their ceiling: with waiting, 96 and more of 100 are spent, never more than 100."""
        await ledger.declare([budget(limit=100)])
        done: list[int] = []

        async def one(number: int) -> None:
            try:
                await hold(ledger, f"a{number:04}", 5, wait_until=now() + 60)
            except BudgetExceededError:
                return
            await anyio.lowlevel.checkpoint()
            ledger.settle(f"a{number:04}", {"team": 1}, record(f"a{number:04}"))
            done.append(number)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                for number in range(1000):
                    group.start_soon(one, number)
        assert len(done) == 96
        assert await sums(ledger) == (96, 0, 0)
