"""Ledgers on servers: replies that are lost, servers out of reach, and what cannot be stored."""

from __future__ import annotations

import asyncio
import json
import stat

import anyio
import pytest

from minimill import BudgetExceededError, ConfigError, LedgerError
from minimill.cli._checks_money import ledger as doctor_ledger
from minimill.ledger import Claim, open_ledger
from minimill.ledger._closing import Settle
from minimill.ledger._journal import Journal, journal_folder
from minimill.ledger._server_wire import closing_text

from .conftest import fresh
from .made import Clock, budget, hold, record, sums
from .servers import Relay, Started

pytestmark = pytest.mark.anyio


# -- replies that are lost -------------------------------------------------------------------------


async def test_a_reply_lost_after_commit_counts_once(relay: Relay) -> None:
    """Every operation in turn is done, its reply cut off, and asked for again: each counts once."""
    ledger = open_ledger(relay.url)
    await ledger.declare([budget(limit=100)])
    relay.lose_next_reply()
    (found,) = await hold(ledger, "a1", 60)
    assert found.held_nanos == 60
    relay.lose_next_reply()
    ledger.settle("a1", {"team": 40}, record("a1"))
    await ledger.flush()
    assert await sums(ledger) == (40, 0, 0)
    await hold(ledger, "a2", 30)
    relay.lose_next_reply()
    ledger.keep("a2", record("a2"))
    await ledger.flush()
    relay.lose_next_reply()
    await ledger.correct("a2", {"team": 25}, reason="bill")
    relay.lose_next_reply()
    await ledger.set_limit("team", 70)
    assert relay.lost == 5
    assert await sums(ledger) == (65, 0, 0)
    assert await ledger.audit() == []
    await ledger.aclose()


async def test_a_server_out_of_reach_refuses_and_says_that_nothing_was_sent(relay: Relay) -> None:
    """A reservation fails closed; when the server is back nothing of it is held."""
    ledger = open_ledger(relay.url)
    await ledger.declare([budget(limit=100)])
    relay.cut()
    with anyio.fail_after(20), pytest.raises(LedgerError, match="nothing was sent"):
        await hold(ledger, "a1", 60)
    relay.mend()
    await hold(ledger, "a2", 100)
    assert [found.attempt_id for found in await ledger.holds()] == ["a2"]
    await ledger.aclose()


async def test_in_doubt_after_a_cut_nothing_stays_held(relay: Relay) -> None:
    """The reservation is committed, the reply is lost and the server stays away: it is withdrawn later."""
    ledger = open_ledger(relay.url)
    await ledger.declare([budget(limit=100)])
    relay.lose_next_reply(then_cut=True)
    with anyio.fail_after(20), pytest.raises(LedgerError):
        await hold(ledger, "a1", 60)
    relay.mend()
    await ledger.flush()
    assert await sums(ledger) == (0, 0, 0)
    with pytest.raises(LedgerError, match="already"):
        await hold(ledger, "a1", 1)
    await ledger.aclose()


# -- the journal -----------------------------------------------------------------------------------


async def test_a_settlement_is_kept_on_disk_until_it_is_written(
    relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server is away it lies in a file that only its owner can read; then it is booked, the file gone."""
    ledger = open_ledger(relay.url)
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 60)
    relay.cut()
    ledger.settle("a1", {"team": 40}, record("a1"))
    with pytest.raises(LedgerError, match="a1"):
        await ledger.flush()
    (path,) = journal_folder().iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a1"]
    assert "stands until they are written" in caplog.text
    relay.mend()
    await ledger.flush()
    assert await sums(ledger) == (40, 0, 0)
    assert list(journal_folder().iterdir()) == []
    await ledger.aclose()


def test_what_a_process_left_behind_is_written_by_the_next(relay: Relay) -> None:
    """A process that ends while the server is away leaves its settlements on disk; a later one books them."""
    program = """
    import asyncio, sys
    from minimill import LedgerError
    from minimill.ledger import open_ledger
    from tests.ledger.made import budget, hold, record

    async def main():
        ledger = open_ledger(sys.argv[1])
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 60)
        await hold(ledger, "a2", 30)
        print("held", flush=True)
        sys.stdin.readline()
        ledger.settle("a1", {"team": 40}, record("a1"))
        ledger.keep("a2", record("a2"))
        try:
            await ledger.flush()
        except LedgerError:
            print("left", flush=True)
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
    """
    with Started(program, relay.url) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        relay.cut()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "left\n"
        process.wait(20)
    relay.mend()

    async def after() -> tuple[int, int, int]:
        ledger = open_ledger(relay.url)
        await ledger.flush()
        found = await sums(ledger)
        await ledger.aclose()
        return found

    assert asyncio.run(after()) == (40, 30, 30)
    assert list(journal_folder().iterdir()) == []


async def test_a_journal_that_was_cut_off_is_read_as_far_as_it_goes(server_url: str) -> None:
    """Lines that make no sense are reported, the others are booked, and the file is gone."""
    ledger = open_ledger(server_url)
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    journal = Journal(ledger.url, "gone")
    journal.keep([closing_text(Settle("a1", {"team": 4}, record("a1")), 2**53 - 1), '{"op": "nonsense"}'])
    assert journal.path is not None
    with journal.path.open("a") as file:
        file.write('{"op": "set')
    journal.close()
    next_one = open_ledger(server_url)
    assert await sums(next_one) == (4, 0, 0)
    with pytest.raises(LedgerError, match="left in a journal, it cannot be booked"):
        await next_one.flush()
    assert list(journal_folder().iterdir()) == []
    await ledger.aclose()
    await next_one.aclose()


# -- amounts and names -----------------------------------------------------------------------------


async def test_redis_counts_no_further_than_it_can_exactly(redis_url: str) -> None:
    """2^53 - 1 nanos are the most of a limit, a claim and a sum; up to there not one nano is lost."""
    most = 2**53 - 1
    ledger = open_ledger(fresh(redis_url))
    with pytest.raises(ConfigError, match="exactly up to ¥9,007,199.254740991 only"):
        await ledger.declare([budget(limit=most + 1)])
    await ledger.declare([budget(limit=most), budget("soft", limit=10, hard=False)])
    await hold(ledger, "a1", most - 1)
    await hold(ledger, "a2", 1)
    with pytest.raises(BudgetExceededError):
        await hold(ledger, "a3", 1)
    with pytest.raises(ValueError, match="whole number"):
        await hold(ledger, "a4", most + 1)
    await hold(ledger, "a5", 0, Claim("soft", "", most))
    with pytest.raises(LedgerError, match="more than the books can count"):
        await hold(ledger, "a6", 0, Claim("soft", "", 1))
    ledger.settle("a1", {"team": most - 2}, record("a1"))
    ledger.settle("a2", {"team": 3}, record("a2"))
    with pytest.raises(LedgerError, match="a2: 3 cannot be booked"):
        await ledger.flush()
    assert await sums(ledger) == (most - 2, 1, 1)
    assert await ledger.audit() == []
    await ledger.aclose()


async def test_two_ledgers_on_one_server_know_nothing_of_each_other(redis_url: str, postgres_url: str) -> None:
    """`?ledger=` names the books."""
    for url in (redis_url, postgres_url):
        one, other = open_ledger(fresh(url)), open_ledger(fresh(url))
        await one.declare([budget(limit=10)])
        await other.declare([budget(limit=20, currency="USD")])
        await hold(one, "a1", 10)
        assert await sums(other) == (0, 0, 0)
        await one.aclose()
        await other.aclose()


async def test_no_text_of_a_caller_is_too_odd(server_url: str) -> None:
    """NUL and half surrogate pairs cannot be stored everywhere: a reservation says so, a record is booked anyway."""
    ledger = open_ledger(server_url)
    await ledger.declare([budget(by="user")])
    with pytest.raises(ValueError, match="NUL"):
        await hold(ledger, "a1", 0, Claim("team", "a\0b", 1))
    await hold(ledger, "a2", 0, Claim("team", "ann", 5))
    given = record("a2", finish_reason="\0", request_id="\ud800", details={"\0": "\ud800"})
    ledger.settle("a2", {"team": 4}, given)
    await ledger.flush()
    assert [row.record for row in await ledger.records()] == [given]
    await ledger.aclose()


async def test_what_cannot_be_put_into_words_harms_nobody_else(server_url: str) -> None:
    """A closing of the wrong type is reported; the one handed over with it is booked."""
    ledger = open_ledger(server_url, clock=Clock())
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    await hold(ledger, "a2", 10)
    ledger.settle("a1", {"team": 5}, "no record")  # type: ignore[arg-type]
    ledger.settle("a2", {"team": 5}, record("a2"))
    with pytest.raises(LedgerError, match="attempt a1: it cannot be booked"):
        await ledger.flush()
    assert await sums(ledger) == (5, 10, 0)
    await ledger.aclose()


def test_the_doctor_looks_at_a_server(server_url: str) -> None:
    """`minimill doctor` opens it and says where the books are."""
    found = list(doctor_ledger(server_url, None))
    assert [(one.level, one.what) for one in found] == [("ok", "ledger"), ("note", "budgets")]
    assert found[0].text.endswith(server_url[-24:])



# -- passwords -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["postgresql://ann:s3cret@127.0.0.1:1/books", "redis://ann:s3cret@127.0.0.1:1/0?ledger=x"]
)
async def test_no_password_is_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by the URL of the ledger nor by an error."""
    ledger = open_ledger(url)
    with pytest.raises(LedgerError) as caught:
        await hold(ledger, "a1", 1)
    ledger.close()
    assert "127.0.0.1:1" in str(caught.value)
    assert "s3cret" not in f"{ledger.url} {caught.value!r} {caught.value} {caplog.text} {vars(ledger)}"
