"""Random histories with several budgets, vendors and silences, decided as the ledger in memory decides them."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import BudgetDefinition, Claim, Ending, Ledger
from minimill.ledger.memory import MemoryLedger

from ._made import Clock, Open, budget, meta, record

IDS = tuple("abcdefgh")
ENDINGS: tuple[Ending, ...] = ("silent", "given_up", "left", "answered")
VENDORS = ("acme", "other")
USERS = ("ann", "bob")

_id, _vendor, _user = st.sampled_from(IDS), st.sampled_from(VENDORS), st.sampled_from(USERS)
_ending, _yes = st.sampled_from(ENDINGS), st.booleans()
_amount = st.integers(0, 40)
_some = st.dictionaries(st.sampled_from(["team", "user", "soft"]), st.one_of(_amount, st.none()), max_size=3)
_asked = st.fixed_dictionaries({}, optional={"team": _amount, "user": _amount, "soft": st.one_of(_amount, st.none())})
_reserve = st.tuples(st.just("reserve"), _id, _vendor, _asked, _user, st.sampled_from([60, 600]))
_sure = st.dictionaries(st.sampled_from(["team", "user", "soft"]), _amount, min_size=1, max_size=2)

steps = st.one_of(
    _reserve,
    _reserve,
    st.tuples(st.just("settle"), _id, _vendor, _some),
    st.tuples(st.just("release"), _id, _vendor, _yes),
    st.tuples(st.just("keep"), _id, _vendor, _ending),
    st.tuples(st.just("correct"), _id, _sure),
    st.tuples(st.just("limit"), st.sampled_from(["team", "user"]), st.sampled_from([40, 100, 200, 1000])),
    st.tuples(st.just("go"), st.sampled_from([2, 31, 60, 61, 120, 300, 601, 1800])),
)


PHASES: tuple[tuple[str | int, ...], ...] = ((0, 5, "answered"), ("silent", "given_up"), (0, 5, "silent", "left"))
"""What becomes of calls while a vendor is well, silent, and half so. A number is what a call costs."""


def outages(seed: int) -> Iterator[tuple[Any, ...]]:
    """A vendor that falls silent and is well again, several times, while a few calls are always in flight."""
    choose = random.Random(seed)
    flying: list[tuple[str, str, dict[str, int]]] = []
    landed: list[tuple[str, str, dict[str, int]]] = []
    yield ("limit", "team", choose.choice([100, 300, 1000]))
    for phase in range(8):
        endings = choose.choice(PHASES)
        for number in range(choose.randrange(4, 16)):
            name, vendor = f"{phase} {number}", choose.choice([*VENDORS, "acme"])
            asked = choose.choice([("team",), ("user",), ("team", "user"), ("soft", "team")])
            amounts = {each: choose.choice([1, 5, 5, 5, 10, 30]) for each in asked}
            yield ("reserve", name, vendor, amounts, choose.choice(USERS), choose.choice([60, 6000]))
            flying.append((name, vendor, amounts))
            while flying and choose.random() < 0.6:
                name, vendor, amounts = flying.pop(choose.randrange(len(flying)))
                end = choose.choice(endings)
                if choose.random() < 0.1:
                    yield ("release", name, vendor, True)
                elif isinstance(end, int):
                    yield ("settle", name, vendor, dict.fromkeys(amounts, end))
                else:
                    yield ("keep", name, vendor, end)
                landed.append((name, vendor, amounts))
            if landed and choose.random() < 0.3:
                name, vendor, amounts = choose.choice(landed)
                cost = dict.fromkeys(amounts, choose.choice([0, 2]))
                yield choose.choice([("correct", name, cost), ("settle", name, vendor, cost)])
            if choose.random() < 0.3:
                yield ("go", choose.choice([0.5, 1, 2, 31, 59, 60, 61, 120, 240, 3600]))
    yield ("go", 1)


def budgets() -> list[BudgetDefinition]:
    return [
        budget("team", 100, unconfirmed_share_ppm=300_000),
        budget("user", 60, by="user", window="hour", unconfirmed_share_ppm=500_000),
        budget("soft", 50, hard=False),
    ]


async def do(ledger: Ledger, clock: Clock, step: tuple[Any, ...]) -> object:
    """Take one step; what came of it."""
    word, name, *rest = step
    try:
        if word == "reserve":
            vendor, amounts, user, lasts_s = rest
            claims = [Claim(b, user if b == "user" else "", amount) for b, amount in sorted(amounts.items())]
            expires_at = clock.now + dt.timedelta(seconds=lasts_s)
            return await ledger.reserve(name, claims, meta(vendor, call=name), expires_at=expires_at)
        if word == "settle":
            vendor, amounts = rest
            ledger.settle(name, amounts, record(name, meta=meta(vendor, call=name)))
        elif word == "release":
            vendor, told = rest
            given = record(name, "refused", 0, meta=meta(vendor, call=name)) if told else None
            ledger.release(name, given)
        elif word == "keep":
            vendor, ending = rest
            ledger.keep(name, record(name, "lost", meta=meta(vendor, call=name)), ending=ending)
        elif word == "correct":
            await ledger.correct(name, rest[0], reason="bill")
        elif word == "limit":
            await ledger.set_limit(name, rest[0])
    except BudgetExceededError as error:
        return (str(error), error.budget, error.key, error.provider_silent, error.limit, error.settled, error.held)
    except (LedgerError, ValueError) as error:
        return type(error)
    return None


async def said(ledger: Ledger) -> str:
    """What `flush` complains of."""
    with contextlib.suppress(LedgerError):
        await ledger.flush()
        return ""
    return "something could not be booked"


async def compare(history: Iterable[tuple[Any, ...]], open_ledger: Open) -> None:
    """Take every step on both ledgers, and compare all that they say."""
    clock = Clock()
    ledger, model = open_ledger(clock), MemoryLedger(clock=clock)
    starts = [clock.now]
    for one in (ledger, model):
        await one.declare(budgets())
    for step in history:
        if step[0] == "go":
            assert await said(ledger) == await said(model)
            clock.go(seconds=step[1])
            starts.append(clock.now)
        else:
            assert await do(ledger, clock, step) == await do(model, clock, step)
    assert await said(ledger) == await said(model)
    for start in starts:
        assert await ledger.balances(at=start) == await model.balances(at=start)
    assert await ledger.holds() == await model.holds()
    assert await ledger.records() == await model.records()
    assert await ledger.audit() == []
    await ledger.aclose()


class Alike:
    """The same decisions as in memory."""

    histories: int

    def test_random_histories_are_decided_as_in_memory(self, new_books: Callable[[], Open]) -> None:
        """Whoever is refused, for which reason, and what every balance, hold and record says afterwards."""

        @settings(max_examples=self.histories, derandomize=True, deadline=None)
        @given(st.lists(steps, max_size=60))
        def run(history: list[tuple[Any, ...]]) -> None:
            anyio.run(compare, history, new_books())

        run()

    def test_outages_are_decided_as_in_memory(self, new_books: Callable[[], Open]) -> None:
        """How far a vendor is trusted, at each moment of many outages: what is in flight, doubted, probed."""
        for seed in range(self.histories):
            anyio.run(compare, outages(seed), new_books())


