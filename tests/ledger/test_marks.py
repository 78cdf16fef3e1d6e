"""Claims to tell that a level was reached outlive their process, and of many processes one tells."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from minimill import LedgerError
from minimill.ledger import open_ledger

from .conftest import fresh
from .made import budget, hold, sums

pytestmark = pytest.mark.anyio

LEVEL = 800_000


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def kept(request: pytest.FixtureRequest, path: Path) -> str:
    """A ledger that outlives its process."""
    return f"sqlite:///{path}" if request.param == "sqlite" else fresh(request.getfixturevalue(f"{request.param}_url"))


async def test_a_claim_outlives_its_process(kept: str) -> None:
    """It is in the books."""
    first, second = open_ledger(kept), open_ledger(kept)
    assert await first.mark("team", "", "total", LEVEL, by="one") is True
    await first.aclose()
    assert await second.mark("team", "", "total", LEVEL, by="two") is False
    await second.aclose()
    with pytest.raises(LedgerError, match="was closed"):
        await second.mark("team", "", "total", LEVEL, by="two")


CLAIM = """
import sys, anyio
from minimill.ledger import open_ledger

async def claim():
    ledger = open_ledger(sys.argv[1])
    print(sum([await ledger.mark("team", "", "total", level, by=sys.argv[2]) for level in range(1, 51)]))
    await ledger.aclose()

anyio.run(claim)
"""


async def test_of_several_processes_one_tells(kept: str) -> None:
    """Four processes claim fifty levels each at the same time: each level is told by one of them."""
    started = [
        subprocess.Popen([sys.executable, "-c", CLAIM, kept, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    told = [int((await anyio.to_thread.run_sync(process.communicate, None, 60))[0]) for process in started]
    assert sum(told) == 50
    assert [process.returncode for process in started] == [0, 0, 0, 0]


async def test_books_of_the_first_schema_of_postgres_are_brought_up_to_date(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several that come at once; what was held before is held, and entries stand from then on."""
    from minimill.ledger import postgres

    url = fresh(postgres_url)
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_STEPS", postgres._STEPS[:1])
        patch.setattr(postgres, "VERSION", 1)
        old = open_ledger(url)
        await old.declare([budget()])
        await hold(old, "a1", 5, at=dt.datetime.now(dt.UTC))
        await old.aclose()
    ledgers = [open_ledger(url) for _ in range(4)]
    async with anyio.create_task_group() as group:
        for ledger in ledgers:
            group.start_soon(ledger.declare, [budget()])
    assert (await sums(ledgers[0]))[:2] == (0, 5)
    assert await ledgers[0].mark("team", "", "total", LEVEL, by="one") is True
    assert await ledgers[1].mark("team", "", "total", LEVEL, by="two") is False
    for ledger in ledgers:
        await ledger.aclose()


@pytest.mark.parametrize(
    "change", ["UPDATE {}.entries SET settled = 1", "DELETE FROM {}.entries", "TRUNCATE {}.entries"]
)
async def test_entries_in_postgres_are_only_added(postgres_url: str, change: str) -> None:
    """The database refuses anything else."""
    import psycopg

    url = fresh(postgres_url)
    ledger = open_ledger(url)
    await ledger.declare([budget()])
    await hold(ledger, "a1", 5, at=dt.datetime.now(dt.UTC))
    schema = url.rpartition("ledger=")[2]
    with psycopg.connect(postgres_url) as db, pytest.raises(psycopg.errors.RaiseException, match="never changed or"):
        db.execute(change.format(schema))
    assert await ledger.audit() == []
    await ledger.aclose()
