"""Random histories, and every order of closing, against a model of a few lines."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import Claim, Ledger

from ._made import Clock, Open, budget, hold, record, sums

LIMIT = 20
IDS = ("a", "b", "c", "d", "e")

operations = st.one_of(
    st.tuples(st.just("reserve"), st.sampled_from(IDS), st.integers(0, 12)),
    st.tuples(st.just("settle"), st.sampled_from(IDS), st.integers(0, 15)),
    st.tuples(st.just("release"), st.sampled_from(IDS), st.just(0)),
    st.tuples(st.just("keep"), st.sampled_from(IDS), st.just(0)),
    st.tuples(st.just("correct"), st.sampled_from(IDS), st.integers(0, 15)),
    st.tuples(st.just("new window"), st.just("a"), st.just(0)),
)


class Model:
    """What the books should say, kept as (window, held, booked, kept, closed, final) by attempt."""

    def __init__(self) -> None:
        self.window = 0
        self.of: dict[str, list[Any]] = {}

    def sums(self, window: int) -> tuple[int, int, int]:
        mine = [line for line in self.of.values() if line[0] == window]
        return sum(n[2] for n in mine), sum(n[1] for n in mine), sum(n[1] for n in mine if n[3])

    def reserve(self, name: str, amount: int) -> str:
        if name in self.of:
            return "closed" if self.of[name][4] else "held"
        settled, held, _ = self.sums(self.window)
        if amount and settled + held + amount > LIMIT:
            return "refused"
        self.of[name] = [self.window, amount, 0, False, False, False]
        return "held"

    def book(self, name: str, amount: int, final: bool) -> None:
        line = self.of[name]
        if final or not line[5]:
            line[1:] = [0, amount, False, True, final or line[5]]

    def release(self, name: str) -> None:
        line = self.of.setdefault(name, [None, 0, 0, False, False, False])
        if not line[4]:
            line[1:5] = [0, 0, False, True]

    def keep(self, name: str) -> None:
        line = self.of.setdefault(name, [None, 0, 0, False, True, False])
        line[3] = not line[4]
        line[4] = line[4] or line[1] == 0


async def play(history: list[tuple[str, str, int]], open_ledger: Open) -> None:
    """Do everything to the ledger and to the model, and compare what both say."""
    clock, model = Clock(), Model()
    ledger = open_ledger(clock)
    await ledger.declare([budget(limit=LIMIT, window="hour")])
    starts = [clock.now]
    for step, name, amount in history:
        if step == "new window":
            clock.go(hours=1)
            starts.append(clock.now)
            model.window += 1
        elif step == "reserve":
            assert await reserved(ledger, name, amount) == model.reserve(name, amount)
        elif step == "correct":
            await corrected(ledger, model, name, amount)
        elif step == "settle":
            ledger.settle(name, {"team": amount} if is_claimed(model, name) else {}, record(name))
            if not is_claimed(model, name):
                model.of.setdefault(name, [None, 0, 0, False, True, False])[4] = True
            else:
                model.book(name, amount, final=False)
        else:
            close(ledger, model, step, name)
    found = [await sums(ledger, at=start) for start in starts]
    # Holds outlive their time here: what is not kept is unconfirmed only once `expires_at` has passed.
    assert [f[:2] for f in found] == [model.sums(window)[:2] for window in range(len(starts))]
    assert await ledger.audit() == []
    await ledger.flush()
    await ledger.aclose()


def is_claimed(model: Model, name: str) -> bool:
    return name in model.of and model.of[name][0] is not None


async def reserved(ledger: Ledger, name: str, amount: int) -> str:
    try:
        await hold(ledger, name, amount)
    except BudgetExceededError:
        return "refused"
    except LedgerError:
        return "closed"
    return "held"


async def corrected(ledger: Ledger, model: Model, name: str, amount: int) -> None:
    if is_claimed(model, name):
        await ledger.correct(name, {"team": amount}, reason="bill")
        model.book(name, amount, final=True)
    else:
        with pytest.raises(LedgerError):
            await ledger.correct(name, {"team": amount}, reason="bill")


def close(ledger: Ledger, model: Model, step: str, name: str) -> None:
    if step == "release":
        ledger.release(name, record(name, "released", 0))
        model.release(name)
    else:
        ledger.keep(name, record(name, "lost"))
        model.keep(name)


CLOSINGS = ("settle 7", "settle 9", "release", "keep", "correct 4")


def expected(order: tuple[str, ...]) -> tuple[int, int, int]:
    """(settled, held, unconfirmed) of a hold of 8 after these closings."""
    if "correct 4" in order:
        return 4, 0, 0
    settled = [int(step[-1]) for step in order if step.startswith("settle")]
    if settled:
        return settled[-1], 0, 0
    if "release" in order:
        return 0, 0, 0
    return (0, 8, 8) if "keep" in order else (0, 8, 0)


async def do(ledger: Ledger, name: str, step: str) -> None:
    word, _, amount = step.partition(" ")
    if word == "settle":
        ledger.settle(name, {"team": int(amount)}, record(name))
    elif word == "release":
        ledger.release(name)
    elif word == "keep":
        ledger.keep(name, record(name))
    else:
        await ledger.correct(name, {"team": int(amount)}, reason="bill")


class Histories:
    """Whatever is done, in whatever order."""

    histories = 60
    """How many random ones are played."""

    def test_random_histories_agree_with_the_model(self, new_books: Callable[[], Open]) -> None:
        """Whatever is done in whatever order, the sums of every window are those of the model."""

        @settings(max_examples=self.histories, derandomize=True, deadline=None)
        @given(st.lists(operations, max_size=40))
        def run(history: list[tuple[str, str, int]]) -> None:
            anyio.run(play, history, new_books())

        run()

    @pytest.mark.anyio
    async def test_every_order_of_closing_ends_alike(self, ledger: Ledger) -> None:
        """All orders of all choices of five closings, each sent twice: the best knowledge wins."""
        await ledger.declare([budget(limit=10**9, by="order")])
        orders = [order for size in range(6) for order in itertools.permutations(CLOSINGS, size)]
        assert len(orders) == 326
        async with anyio.create_task_group() as group:
            for number in range(len(orders)):
                group.start_soon(hold, ledger, f"a{number:03}", 0, Claim("team", f"{number:03}", 8))
        for number, order in enumerate(orders):
            for step in order:
                for _ in range(2):
                    await do(ledger, f"a{number:03}", step)
        found = {b.key: (b.settled_nanos, b.held_nanos, b.unconfirmed_nanos) for b in await ledger.balances()}
        assert found == {f"{number:03}": expected(order) for number, order in enumerate(orders)}
        await ledger.flush()
