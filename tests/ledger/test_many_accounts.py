"""Budgets split by something that has very many values: accounts are made when first used, and found by their keys."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill import BudgetExceededError
from minimill.ledger import Claim, Ledger
from minimill.ledger._accounts import Account
from minimill.ledger.memory import MemoryLedger
from minimill.ledger.sqlite import SqliteLedger

from .made import Clock, budget, hold, record

pytestmark = pytest.mark.anyio

MANY = 100_000
LEVELS = [
    budget("org", 10**9),
    budget("app", 10**8, by="app"),
    budget("user", 100, by="user", window="day"),
    budget("job", 50, by="job"),
]


def claims(user: str, amount: int, job: str = "nightly") -> tuple[Claim, ...]:
    """One call of four nested budgets."""
    levels = (("org", ""), ("app", "web"), ("user", user), ("job", job))
    return tuple(Claim(name, key, amount) for name, key in levels)


async def every_way(ledger: Ledger) -> None:
    """Hold, refuse, settle, release, keep and correct, for a user who has an account and for one who has none."""
    for user in ("u77777", "new"):
        await hold(ledger, f"{user}1", 0, *claims(user, 10, user))
        ledger.settle(f"{user}1", dict.fromkeys(("org", "app", "user", "job"), 4), record(f"{user}1"))
        await hold(ledger, f"{user}2", 0, *claims(user, 10, user))
        ledger.release(f"{user}2", record(f"{user}2"))
        await hold(ledger, f"{user}3", 0, *claims(user, 10, user))
        ledger.keep(f"{user}3", record(f"{user}3"))
        with pytest.raises(BudgetExceededError):
            await hold(ledger, f"{user}4", 0, *claims(user, 90, user))
        await ledger.correct(f"{user}3", dict.fromkeys(("org", "app", "user", "job"), 5), reason="bill")
    await ledger.flush()


class Unlisted(dict[Any, Any]):
    """A dictionary that nobody may look through."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("a call looked through all accounts")

    values = items = keys = __iter__  # type: ignore[assignment]


async def test_a_call_looks_up_its_own_accounts_in_memory(clock: Clock) -> None:
    """Among 100,000 accounts no operation of a call looks through them."""
    ledger = MemoryLedger(clock=clock)
    await ledger.declare(LEVELS)
    accounts = ledger._store.accounts
    for number in range(MANY):
        place = ("user", f"u{number:05}", "2026-11-24")
        accounts[place] = Account(-1 - number, *place)
    ledger._store.accounts = Unlisted(accounts)
    await every_way(ledger)
    found = ledger._store.accounts["user", "u77777", "2026-11-24"]
    assert (found.settled, found.held, len(ledger._store.accounts)) == (9, 0, MANY + 5)


async def test_a_call_looks_up_its_own_accounts_in_a_file(path: Path, clock: Clock) -> None:
    """Among 100,000 accounts a call takes as many steps of SQLite's machine as among none."""
    few = await steps_of_a_call(path.with_name("few.db"), clock, 0)
    many = await steps_of_a_call(path.with_name("many.db"), clock, MANY)
    assert many <= few + 200
    assert few < 5_000


async def steps_of_a_call(path: Path, clock: Clock, accounts: int) -> int:
    first = SqliteLedger(path, clock=clock)
    await first.declare(LEVELS)
    await first.aclose()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO accounts VALUES (?, 'user', ?, '2026-11-24', 3, 0, 0, 0, '')",
            ((number, f"u{number:05}") for number in range(1, accounts + 1)),
        )
        db.executemany(
            "INSERT INTO entries VALUES (?, 1, 'before', ?, 'settle', 0, 3, 0, NULL)",
            ((number, number) for number in range(1, accounts + 1)),
        )
    ledger = SqliteLedger(path, clock=clock)
    await hold(ledger, "warm", 0, *claims("warm", 1))
    ledger.release("warm", record("warm"))
    await ledger.flush()
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    await counting(ledger, step)
    await hold(ledger, "a1", 0, *claims("u77777", 10))
    ledger.settle("a1", dict.fromkeys(("org", "app", "user", "job"), 4), record("a1"))
    await ledger.flush()
    await counting(ledger, None)
    await ledger.aclose()
    with contextlib.closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT settled, held FROM accounts WHERE key = 'u77777'").fetchall()
    assert found == [(7 if accounts else 4, 0)]
    return steps[0]


async def counting(ledger: SqliteLedger, step: Callable[[], int] | None) -> None:
    await ledger._job(lambda tables, books, now_us: tables._db.set_progress_handler(step, 1))


async def test_more_accounts_than_are_remembered(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was forgotten is read again; nothing is lost or made twice."""
    monkeypatch.setattr("minimill.ledger._sqlite_store.ACCOUNTS_KEPT", 50)
    ledger = SqliteLedger(path, clock=clock)
    await ledger.declare(LEVELS)
    for turn in range(2):
        for number in range(120):
            attempt = f"a{turn}-{number}"
            await hold(ledger, attempt, 0, *claims(f"u{number}", 1, f"j{number}"))
            ledger.settle(attempt, dict.fromkeys(("org", "app", "user", "job"), 1), record(attempt))
    found = await ledger.balances("user")
    assert (len(found), {b.settled_nanos for b in found}) == (120, {2})
    assert await ledger.audit() == []
    await ledger.aclose()


async def test_four_levels_are_debited_together_or_not_at_all(ledger: Ledger) -> None:
    """The narrowest that has too little left says no for all; an account that refused first is not made."""
    await ledger.declare(LEVELS)
    await hold(ledger, "a1", 0, *claims("ann", 40))
    for name, key, wanted in (("job", "nightly", claims("ann", 11)), ("user", "ann", claims("ann", 61, "other"))):
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, f"b-{name}", 0, *wanted)
        assert (caught.value.budget, caught.value.key) == (name, key)
        if name == "job":
            assert caught.value.needed.nanos == 11
    await hold(ledger, "a2", 0, *claims("bob", 50, "other"))
    held = {(b.budget, b.key): b.held_nanos for b in await ledger.balances()}
    assert held == {
        ("org", ""): 90,
        ("app", "web"): 90,
        ("user", "ann"): 40,
        ("user", "bob"): 50,
        ("job", "nightly"): 40,
        ("job", "other"): 50,
    }
