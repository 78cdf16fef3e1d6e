"""What only books in memory do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import Claim
from minimill.ledger.memory import MemoryLedger

from .made import Clock, budget, hold, record, sums

FORK = """
import asyncio, os
from minimill import LedgerError
from minimill.ledger.memory import MemoryLedger
from tests.ledger.made import budget, hold, record, sums

ledger = MemoryLedger()
asyncio.run(ledger.declare([budget()]))
asyncio.run(hold(ledger, "a1", 5))
child = os.fork()
if child == 0:
    ledger.settle("a1", {"team": 1}, record("a1"))
    ledger.close()
    for use in (hold(ledger, "a2", 1), ledger.balances(), ledger.flush()):
        try:
            asyncio.run(use)
        except LedgerError as error:
            print("child:", error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("parent:", asyncio.run(sums(ledger))[:2])
"""


def test_a_forked_child_spends_nothing() -> None:
    """The child's copy of the books refuses every use; the parent's are untouched."""
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORK],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(out) == 4
    assert all(line.startswith("child: this ledger was made in another process") for line in out[:3])
    assert out[3] == "parent: (0, 5)"


def test_granting_never_suspends() -> None:
    """A reservation that fits is granted in one step of the caller's coroutine."""
    ledger = MemoryLedger()
    asyncio.run(ledger.declare([budget(limit=10)]))
    with pytest.raises(StopIteration):
        hold(ledger, "a1", 10).send(None)
    with pytest.raises(BudgetExceededError):
        hold(ledger, "a2", 1).send(None)


def test_a_refusal_leaves_no_account(clock: Clock) -> None:
    """Keys that were only ever refused do not fill the memory."""

    async def main() -> None:
        ledger = MemoryLedger(clock=clock)
        await ledger.declare([budget(limit=10, by="user")])
        for number in range(50):
            with pytest.raises(BudgetExceededError):
                await hold(ledger, "a1", 0, Claim("team", f"user{number}", 11))
        assert await ledger.balances() == []

    asyncio.run(main())


def test_an_interrupt_while_catching_up_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closing that is interrupted is applied by the next who uses the books, and the lock is free."""

    async def main() -> None:
        ledger = MemoryLedger()
        await ledger.declare([budget()])
        await hold(ledger, "a1", 10)

        def interrupted(*arguments: object) -> None:
            monkeypatch.setattr(ledger, "_books", books)
            raise KeyboardInterrupt

        books = ledger._books

        class Interrupted:
            freed = False
            settle = staticmethod(interrupted)

        monkeypatch.setattr(ledger, "_books", Interrupted())
        with pytest.raises(KeyboardInterrupt):
            ledger.settle("a1", {"team": 3}, record("a1"))
        assert await sums(ledger) == (3, 0, 0)

    asyncio.run(main())


def test_what_cannot_be_applied_is_reported() -> None:
    """A closing of the wrong kind is said by flush and harms no other."""

    async def main() -> None:
        ledger = MemoryLedger()
        await ledger.declare([budget()])
        await hold(ledger, "a1", 10)
        ledger.keep("nobody", "no record")  # type: ignore[arg-type]
        ledger.settle("a1", {"team": 3}, record("a1"))
        with pytest.raises(LedgerError, match="attempt nobody"):
            await ledger.flush()
        assert await sums(ledger) == (3, 0, 0)

    asyncio.run(main())
