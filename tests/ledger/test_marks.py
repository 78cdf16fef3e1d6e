"""A level that an account reached is told once: whoever claims it first, of all who share the books."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from minimill import LedgerError
from minimill.ledger import Ledger
from minimill.ledger.sqlite import SqliteLedger

from .made import budget

pytestmark = pytest.mark.anyio

LEVEL = 800_000


async def test_the_first_who_claims_a_level_tells_it(ledger: Ledger) -> None:
    """Everybody else is told that somebody has; the same one may repeat it, since a reply can be lost."""
    await ledger.declare([budget()])
    assert await ledger.mark("team", "", "2026-11", LEVEL, by="one") is True
    assert await ledger.mark("team", "", "2026-11", LEVEL, by="two") is False
    assert await ledger.mark("team", "", "2026-11", LEVEL, by="one") is True
    assert await ledger.mark("team", "", "2026-11", LEVEL, by="two") is False


@pytest.mark.parametrize(
    ("name", "key", "window_id", "level"),
    [
        ("other", "", "2026-11", LEVEL),
        ("team", "ann", "2026-11", LEVEL),
        ("team", "", "2026-12", LEVEL),
        ("team", "", "2026-11", LEVEL + 1),
    ],
)
async def test_each_account_window_and_level_is_told(
    ledger: Ledger, name: str, key: str, window_id: str, level: int
) -> None:
    """What differs in one of them is another claim."""
    assert await ledger.mark("team", "", "2026-11", LEVEL, by="one")
    assert await ledger.mark(name, key, window_id, level, by="two") is True


async def test_of_a_hundred_one_tells(ledger: Ledger) -> None:
    """All at once."""
    told: list[int] = []

    async def claim(number: int) -> None:
        if await ledger.mark("team", "", "total", LEVEL, by=str(number)):
            told.append(number)

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(claim, number)
    assert len(told) == 1


async def test_keys_are_any_text(ledger: Ledger) -> None:
    """Quotes, signs, other scripts."""
    for key in ("a'b", 'a"b', "日本", "a:b", "%"):
        assert await ledger.mark("team", key, "total", LEVEL, by="one") is True
        assert await ledger.mark("team", key, "total", LEVEL, by="two") is False


async def test_no_money_moves(ledger: Ledger) -> None:
    """A claim is no entry."""
    await ledger.declare([budget()])
    await ledger.mark("team", "", "total", LEVEL, by="one")
    (found,) = await ledger.balances()
    assert (found.settled_nanos, found.held_nanos) == (0, 0)
    assert await ledger.audit() == []


async def test_a_claim_outlives_its_process(path: Path) -> None:
    """It is in the file."""
    first, second = SqliteLedger(path), SqliteLedger(path)
    assert await first.mark("team", "", "total", LEVEL, by="one")
    await first.aclose()
    assert await second.mark("team", "", "total", LEVEL, by="two") is False
    await second.aclose()
    with pytest.raises(LedgerError, match="was closed"):
        await second.mark("team", "", "total", LEVEL, by="two")


CLAIM = """
import sys, anyio
from minimill.ledger.sqlite import SqliteLedger

async def claim():
    ledger = SqliteLedger(sys.argv[1])
    print(sum([await ledger.mark("team", "", "total", level, by=sys.argv[2]) for level in range(1, 51)]))
    await ledger.aclose()

anyio.run(claim)
"""


async def test_of_several_processes_one_tells(path: Path) -> None:
    """Four processes claim fifty levels each at the same time: each level is told by one of them."""
    started = [
        subprocess.Popen([sys.executable, "-c", CLAIM, str(path), str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    told = [int((await anyio.to_thread.run_sync(process.communicate, None, 60))[0]) for process in started]
    assert sum(told) == 50
    assert [process.returncode for process in started] == [0, 0, 0, 0]
