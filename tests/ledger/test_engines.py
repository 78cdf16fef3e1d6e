"""What every ledger promises, on every engine and event loop."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import time
from typing import Any

import anyio
import pytest

from minimill import BudgetExceededError, ConfigError, LedgerError, Money
from minimill.ledger import AttemptMeta, Balance, Claim, HoldInfo, Ledger, SpendLine

from .made import START, Clock, budget, hold, meta, record, sums

pytestmark = pytest.mark.anyio


# -- holding -------------------------------------------------------------------------------------


async def test_a_hold_is_what_reserve_returns(ledger: Ledger) -> None:
    """The balances after a reservation say what is held, and of what."""
    await ledger.declare([budget(limit=100, window="day", zone="Asia/Shanghai")])
    (found,) = await hold(ledger, "a1", 30)
    assert found == Balance(
        budget="team",
        key="",
        window_id="2026-11-24",
        currency="CNY",
        limit_nanos=100,
        settled_nanos=0,
        held_nanos=30,
        unconfirmed_nanos=0,
        hard=True,
        resets_at=dt.datetime(2026, 11, 24, 16, 0, tzinfo=dt.UTC),
    )
    assert found.left_nanos == 70
    assert await ledger.balances() == [found]


async def test_the_last_unit_is_granted_and_not_one_more(ledger: Ledger) -> None:
    """A limit of 100 grants 60 and 40, and refuses 1 more; the refusal says how things stand."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 60)
    await hold(ledger, "a2", 40)
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "a3", 1)
    refused = caught.value
    assert (refused.budget, refused.key, refused.provider_silent, refused.resets_at) == ("team", None, False, None)
    assert (refused.limit, refused.settled) == (Money(100, "CNY"), Money(0, "CNY"))
    assert (refused.held, refused.needed) == (Money(100, "CNY"), Money(1, "CNY"))
    assert await sums(ledger) == (0, 100, 0)


async def test_settled_money_counts_as_held_money_does(ledger: Ledger) -> None:
    """What was spent is gone: after 90 of 100, 11 more are refused and 10 granted."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 95)
    ledger.settle("a1", {"team": 90}, record("a1"))
    with pytest.raises(BudgetExceededError):
        await hold(ledger, "a2", 11)
    await hold(ledger, "a3", 10)
    assert await sums(ledger) == (90, 10, 0)


async def test_all_budgets_or_none(ledger: Ledger) -> None:
    """When one of three accounts refuses, nothing is held in the others."""
    await ledger.declare([budget("a"), budget("b", 5, currency="USD"), budget("c")])
    wanted = (Claim("a", "", 10), Claim("b", "", 6), Claim("c", "", 10))
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "a1", 0, *wanted)
    assert caught.value.budget == "b"
    assert [b.held_nanos for b in await ledger.balances()] == [0, 0, 0]
    await hold(ledger, "a2", 0, wanted[0], Claim("b", "", 5), wanted[2])
    assert [(b.budget, b.held_nanos) for b in await ledger.balances()] == [("a", 10), ("b", 5), ("c", 10)]


async def test_claims_on_one_account_add_up(ledger: Ledger) -> None:
    """Two claims of 60 on a limit of 100 are one of 120."""
    await ledger.declare([budget(limit=100)])
    with pytest.raises(BudgetExceededError):
        await hold(ledger, "a1", 0, Claim("team", "", 60), Claim("team", "", 60))
    await hold(ledger, "a2", 0, Claim("team", "", 60), Claim("team", "", 40))
    assert await sums(ledger) == (0, 100, 0)


async def test_accounts_of_one_budget_are_apart(ledger: Ledger) -> None:
    """Each user of a budget split by user has the whole limit."""
    await ledger.declare([budget(limit=100, by="user")])
    assert await ledger.balances("team") == []
    await hold(ledger, "a1", 0, Claim("team", "ann", 100))
    await hold(ledger, "a2", 0, Claim("team", "bob", 70))
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "a3", 0, Claim("team", "ann", 1))
    assert caught.value.key == "ann"
    assert [(b.key, b.held_nanos) for b in await ledger.balances("team")] == [("ann", 100), ("bob", 70)]


async def test_nothing_costs_nothing(ledger: Ledger) -> None:
    """A claim of zero is granted even when a correction has put the budget over."""
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 25}, record("a1"))
    await hold(ledger, "a2", 0)
    assert await sums(ledger) == (25, 0, 0)


async def test_a_soft_budget_books_and_never_blocks(ledger: Ledger) -> None:
    """Above its limit it goes on; unknown costs are counted until they are known."""
    await ledger.declare([budget(limit=10, hard=False)])
    await hold(ledger, "a1", 50)
    await hold(ledger, "a2", None)
    await hold(ledger, "a3", None)
    (found,) = await ledger.balances()
    assert (found.held_nanos, found.unpriced_calls, found.left_nanos) == (50, 2, -40)
    ledger.settle("a2", {"team": 7}, record("a2"))
    ledger.settle("a3", {"team": None}, record("a3", charged=None))
    (found,) = await ledger.balances()
    assert (found.settled_nanos, found.held_nanos, found.unpriced_calls) == (7, 50, 1)


@pytest.mark.parametrize("amount", [None, -1, 1.5, True, 2**63])
async def test_a_hard_budget_needs_a_count_of_nanos(ledger: Ledger, amount: object) -> None:
    """An amount that is missing or no count raises ValueError, and nothing is held."""
    await ledger.declare([budget()])
    with pytest.raises(ValueError, match="team"):
        await hold(ledger, "a1", 0, Claim("team", "", amount))  # type: ignore[arg-type]
    assert await sums(ledger) == (0, 0, 0)
    assert await ledger.holds() == []


async def test_one_budget_is_claimed_for_one_key(ledger: Ledger) -> None:
    """A call belongs to one user; claims for two are a mistake of the caller."""
    await ledger.declare([budget(by="user")])
    with pytest.raises(ValueError, match="'ann' and for 'bob'"):
        await hold(ledger, "a1", 0, Claim("team", "ann", 1), Claim("team", "bob", 1))


async def test_a_key_is_text_that_can_be_written(ledger: Ledger) -> None:
    """Half of a surrogate pair is refused; Chinese is a key like any other."""
    await ledger.declare([budget(by="user")])
    with pytest.raises(ValueError, match="surrogates"):
        await hold(ledger, "a1", 0, Claim("team", "half \ud83d", 1))
    await hold(ledger, "a2", 0, Claim("team", "小明", 1))
    assert [b.key for b in await ledger.balances()] == ["小明"]


async def test_an_unknown_budget_is_refused(ledger: Ledger) -> None:
    """A claim on a budget that nobody declared holds nothing anywhere."""
    await ledger.declare([budget()])
    with pytest.raises(LedgerError, match="no budget 'other'"):
        await hold(ledger, "a1", 0, Claim("team", "", 5), Claim("other", "", 5))
    assert await sums(ledger) == (0, 0, 0)


async def test_no_budgets_still_leave_a_trace(ledger: Ledger) -> None:
    """Without claims the attempt is stored, and its record when it ends."""
    await ledger.reserve("a1", [], meta(), expires_at=START + dt.timedelta(minutes=1))
    (found,) = await ledger.holds()
    assert (found.attempt_id, found.amounts) == ("a1", ())
    ledger.settle("a1", {}, record("a1"))
    assert await ledger.holds() == []
    assert [row.record.status for row in await ledger.records()] == ["ok"]


async def test_holds_name_who_asks(ledger: Ledger, clock: Clock) -> None:
    """An open hold tells its call, vendor, model, app, times and amounts; its time only labels it."""
    await ledger.declare([budget(), budget("usd", currency="USD")])
    who = AttemptMeta("call-7", "acme", "small", "helpdesk", "default", {"user": "ü42"})
    expires_at = START + dt.timedelta(seconds=60)
    await ledger.reserve("a1", [Claim("team", "", 5), Claim("usd", "", 2)], who, expires_at=expires_at)
    amounts = (("team", "", 5, "CNY"), ("usd", "", 2, "USD"))
    expected = HoldInfo("a1", "call-7", "acme", "small", "helpdesk", START, expires_at, False, amounts)
    assert await ledger.holds() == [expected]
    assert await sums(ledger) == (0, 5, 0)
    clock.go(seconds=60)
    assert [found.unconfirmed for found in await ledger.holds()] == [True]
    assert await sums(ledger) == (0, 5, 5)


# -- idempotency ---------------------------------------------------------------------------------


async def test_repeating_changes_nothing(ledger: Ledger) -> None:
    """Each operation sent twice, as after a lost reply, counts once."""
    await ledger.declare([budget(limit=100)])
    for _ in range(2):
        (found,) = await hold(ledger, "a1", 60)
        assert found.held_nanos == 60
    for _ in range(2):
        ledger.settle("a1", {"team": 40}, record("a1"))
        assert await sums(ledger) == (40, 0, 0)
    await hold(ledger, "a2", 60)
    for _ in range(2):
        ledger.keep("a2", record("a2", certainty="held"))
        assert await sums(ledger) == (40, 60, 60)
    for _ in range(2):
        ledger.release("a2")
        assert await sums(ledger) == (40, 0, 0)
    for _ in range(2):
        await ledger.correct("a1", {"team": 45}, reason="the bill")
        assert await sums(ledger) == (45, 0, 0)


async def test_a_closed_attempt_cannot_be_reserved_again(ledger: Ledger) -> None:
    """Its id is used up; the error says so, and nothing is held."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 10}, record("a1"))
    with pytest.raises(LedgerError, match="settled already"):
        await hold(ledger, "a1", 10)
    await hold(ledger, "a2", 10)
    ledger.release("a2")
    with pytest.raises(LedgerError, match="released already"):
        await hold(ledger, "a2", 10)
    assert await sums(ledger) == (10, 0, 0)


async def test_a_withdrawn_attempt_can_never_hold(ledger: Ledger) -> None:
    """A release that overtakes its reservation keeps it from holding anything."""
    await ledger.declare([budget()])
    ledger.release("a1")
    with pytest.raises(LedgerError, match="withdrawn"):
        await hold(ledger, "a1", 10)
    assert await sums(ledger) == (0, 0, 0)
    assert await ledger.records() == []


async def test_release_never_undoes_a_settlement(ledger: Ledger) -> None:
    """What was booked stays booked."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 8}, record("a1"))
    ledger.release("a1", record("a1", "released", 0))
    assert await sums(ledger) == (8, 0, 0)
    assert [row.record.status for row in await ledger.records()] == ["ok"]


async def test_a_late_settlement_books_the_difference(ledger: Ledger) -> None:
    """After a settlement, a release or a keep, the bill that comes late wins."""
    await ledger.declare([budget()])
    for attempt_id in ("a1", "a2", "a3"):
        await hold(ledger, attempt_id, 10)
    ledger.settle("a1", {"team": 8}, record("a1", charged=8))
    ledger.settle("a1", {"team": 12}, record("a1", charged=12))
    ledger.release("a2")
    ledger.settle("a2", {"team": 3}, record("a2", charged=3))
    ledger.keep("a3", record("a3", "TransportError", certainty="held"))
    ledger.settle("a3", {"team": 5}, record("a3", charged=5))
    assert await sums(ledger) == (20, 0, 0)
    assert [row.record.charged_nanos for row in await ledger.records()] == [12, 3, 5]


async def test_more_than_was_held_is_booked_in_full(ledger: Ledger) -> None:
    """A charge above its hold is never clipped; the budget shows what is missing."""
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 15}, record("a1"))
    (found,) = await ledger.balances()
    assert (found.settled_nanos, found.left_nanos) == (15, -5)


async def test_a_budget_without_an_amount_keeps_its_hold(ledger: Ledger) -> None:
    """An unknown cost is unknown: that hold stands as unconfirmed while the other is settled."""
    await ledger.declare([budget(), budget("usd", currency="USD")])
    await hold(ledger, "a1", 0, Claim("team", "", 10), Claim("usd", "", 10))
    ledger.settle("a1", {"team": 8, "usd": None}, record("a1"))
    assert await sums(ledger) == (8, 0, 0)
    assert await sums(ledger, "usd") == (0, 10, 10)
    ledger.settle("a1", {"team": 8, "usd": 2}, record("a1"))
    assert await sums(ledger, "usd") == (2, 0, 0)
    assert await ledger.holds() == []


async def test_keep_after_any_other_closing_does_nothing(ledger: Ledger) -> None:
    """Not knowing is not news once the outcome is known."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 8}, record("a1"))
    ledger.keep("a1", record("a1", "late"))
    await hold(ledger, "a2", 10)
    ledger.release("a2", record("a2", "refused", 0))
    ledger.keep("a2", record("a2", "late"))
    assert await sums(ledger) == (8, 0, 0)
    assert [row.record.status for row in await ledger.records()] == ["ok", "refused"]


# -- what cannot be booked -----------------------------------------------------------------------


async def test_money_for_an_unknown_attempt_is_not_dropped(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, flush raises once, and the record is kept."""
    await ledger.declare([budget()])
    ledger.settle("ghost", {"team": 7}, record("ghost"))
    with pytest.raises(LedgerError, match=r"ghost: team 7 \(nanos\) could not be booked: nothing was reserved"):
        await ledger.flush()
    assert "ghost" in caplog.text
    await ledger.flush()
    assert [row.record.attempt_id for row in await ledger.records()] == ["ghost"]


async def test_an_amount_for_a_budget_not_claimed_is_reported(ledger: Ledger) -> None:
    """What can be booked is booked, what cannot is said."""
    await ledger.declare([budget(), budget("other")])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 8, "other": 8}, record("a1"))
    with pytest.raises(LedgerError, match="other 8"):
        await ledger.flush()
    assert await sums(ledger) == (8, 0, 0)
    assert await sums(ledger, "other") == (0, 0, 0)


@pytest.mark.parametrize("amount", [-1, 2**63, "8"])
async def test_a_senseless_amount_leaves_the_hold(ledger: Ledger, amount: object) -> None:
    """Nothing is booked that is no count of nanos; flush says so."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": amount}, record("a1"))  # type: ignore[dict-item]
    with pytest.raises(LedgerError, match="a1"):
        await ledger.flush()
    assert await sums(ledger) == (0, 10, 10)


async def test_a_settlement_without_amounts_needs_no_reservation(ledger: Ledger) -> None:
    """Where no budget covers a call its record is written all the same."""
    ledger.settle("a1", {}, record("a1", charged=9))
    ledger.keep("a2", record("a2", "TransportError", 9, certainty="held"))
    await ledger.flush()
    found = [(row.record.status, row.record.charged_nanos) for row in await ledger.records()]
    assert found == [("ok", 9), ("TransportError", 9)]
    assert await ledger.holds() == []


# -- corrections ---------------------------------------------------------------------------------


async def test_a_correction_is_final(ledger: Ledger) -> None:
    """It books the truth once; settlements that come later change the record, not the money."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 50)
    await ledger.correct("a1", {"team": 20}, charged=Money(20, "CNY"), reason="invoice 7")
    assert await sums(ledger) == (20, 0, 0)
    ledger.settle("a1", {"team": 33}, record("a1", charged=33))
    ledger.release("a1")
    ledger.keep("a1", record("a1"))
    assert await sums(ledger) == (20, 0, 0)
    (row,) = await ledger.records()
    assert (row.record.charged_nanos, row.corrected_nanos) == (33, -13)
    await ledger.correct("a1", {"team": 21}, charged=Money(21, "CNY"), reason="invoice 8")
    assert await sums(ledger) == (21, 0, 0)


async def test_a_correction_of_a_kept_hold_frees_the_rest(ledger: Ledger) -> None:
    """The hold ends, the truth is booked, the report adds both."""
    await ledger.declare([budget(limit=50)])
    await hold(ledger, "a1", 50)
    ledger.keep("a1", record("a1", "TransportError", 50, certainty="held", reserved_nanos=50))
    await ledger.correct("a1", {"team": 5}, reason="the vendor's export")
    assert await sums(ledger) == (5, 0, 0)
    assert await ledger.holds() == []
    (row,) = await ledger.records()
    assert (row.record.charged_nanos, row.corrected_nanos) == (50, -45)
    assert row.lines == (SpendLine("team", "", "CNY", 50, 0, 5),)


async def test_a_correction_in_another_currency_is_told_in_the_vendors(ledger: Ledger) -> None:
    """Without `charged` it is scaled like the reservation: 10 of 100 USD cents are 70 of 700 fen."""
    await ledger.declare([budget(limit=1000, currency="USD")])
    await hold(ledger, "a1", 100)
    ledger.settle("a1", {"team": 50}, record("a1", charged=350, reserved_nanos=700))
    await ledger.correct("a1", {"team": 10}, reason="bill")
    (row,) = await ledger.records()
    assert row.corrected_nanos == 70 - 350


async def test_a_released_attempt_can_be_corrected(ledger: Ledger) -> None:
    """The vendor billed what it had refused."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 50)
    ledger.release("a1", record("a1", "OverloadedError", 0, certainty="released"))
    await ledger.correct("a1", {"team": 4}, charged=Money(4, "CNY"), reason="bill")
    assert await sums(ledger) == (4, 0, 0)
    assert [(r.record.charged_nanos, r.corrected_nanos) for r in await ledger.records()] == [(0, 4)]


async def test_what_cannot_be_corrected(ledger: Ledger) -> None:
    """Unknown attempt, unknown budget, another currency, a negative amount: an error, and nothing changes."""
    await ledger.declare([budget(), budget("other")])
    await hold(ledger, "a1", 10)
    ledger.settle("a1", {"team": 8}, record("a1", charged=8))
    with pytest.raises(LedgerError, match="no attempt 'nobody'"):
        await ledger.correct("nobody", {"team": 1}, reason="x")
    with pytest.raises(LedgerError, match="charged to team, not to 'other'"):
        await ledger.correct("a1", {"team": 1, "other": 1}, reason="x")
    with pytest.raises(LedgerError, match="billed in CNY, not in USD"):
        await ledger.correct("a1", {"team": 1}, charged=Money(1, "USD"), reason="x")
    with pytest.raises(ValueError, match="count|nanos"):
        await ledger.correct("a1", {"team": -1}, reason="x")
    assert await sums(ledger) == (8, 0, 0)


# -- windows -------------------------------------------------------------------------------------


async def test_a_settlement_is_booked_where_it_was_reserved(ledger: Ledger, clock: Clock) -> None:
    """Reserved yesterday, settled today: yesterday's window pays, and today's is untouched."""
    await ledger.declare([budget(limit=100, window="day", zone="Asia/Shanghai")])
    clock.now = dt.datetime(2026, 11, 24, 15, 59, 59, tzinfo=dt.UTC)
    await hold(ledger, "a1", 100)
    clock.go(seconds=1)
    await hold(ledger, "a2", 70, at=clock.now)
    ledger.settle("a1", {"team": 90}, record("a1"))
    assert await sums(ledger) == (0, 70, 0)
    assert await sums(ledger, at=clock.now - dt.timedelta(seconds=1)) == (90, 0, 0)
    assert [b.window_id for b in await ledger.balances()] == ["2026-11-25"]


async def test_a_day_of_23_hours_and_one_of_25(ledger: Ledger, clock: Clock) -> None:
    """In New York the limit begins anew at local midnight, on days when the clock changes as well."""
    await ledger.declare([budget(limit=10, window="day", zone="America/New_York")])
    for number, (start, end) in enumerate(
        [
            (dt.datetime(2026, 3, 8, 5, 0, tzinfo=dt.UTC), dt.datetime(2026, 3, 9, 4, 0, tzinfo=dt.UTC)),
            (dt.datetime(2026, 11, 1, 4, 0, tzinfo=dt.UTC), dt.datetime(2026, 11, 2, 5, 0, tzinfo=dt.UTC)),
        ]
    ):
        clock.now = start
        (found,) = await hold(ledger, f"first{number}", 10, at=start)
        assert found.resets_at == end
        clock.now = end - dt.timedelta(microseconds=1)
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, f"last{number}", 1, at=clock.now)
        assert caught.value.resets_at == end
        clock.now = end
        await hold(ledger, f"next{number}", 10, at=end)


# -- records -------------------------------------------------------------------------------------


async def test_a_record_comes_back_as_it_was_given(ledger: Ledger) -> None:
    """Every field, with times to the microsecond and Chinese in the tags."""
    await ledger.declare([budget()])
    who = AttemptMeta("call", "acme", "small", "客服", "default", {"user": "小明", "job": "7"})
    given = record(
        "a1",
        meta=who,
        started_at=START + dt.timedelta(microseconds=123456),
        reserved_nanos=10,
        charged_nanos=8,
        input_tokens=100,
        cached_input_tokens=20,
        cache_write_tokens=0,
        output_tokens=50,
        reasoning_tokens=30,
        first_token_s=0.25,
        finish_reason="stop",
        request_id="req-1",
        http_status=200,
        details={"buckets": [{"name": "input", "nanos": 8, "price": "0.8"}], "note": "价"},
    )
    await ledger.reserve("a1", [Claim("team", "", 10)], who, expires_at=START + dt.timedelta(minutes=9))
    ledger.settle("a1", {"team": 8}, given)
    (row,) = await ledger.records()
    assert row.record == given
    assert (row.corrected_nanos, row.lines) == (0, (SpendLine("team", "", "CNY", 10, 0, 8),))


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a\nb", "\x01", "价", "\u2028", "{}", "'"])
async def test_odd_texts_come_back_as_they_were(ledger: Ledger, odd: str) -> None:
    """Quotes, strokes, control characters and Chinese, wherever a text may stand."""
    await ledger.declare([budget(odd, by=odd)])
    who = AttemptMeta(odd, odd, odd, odd, odd, {odd: odd, "plain": "plain"})
    await ledger.reserve("a1", [Claim(odd, odd, 5)], who, expires_at=START + dt.timedelta(minutes=1))
    given = record("a1", meta=who, status=odd, finish_reason=odd, request_id=odd, details={odd: [odd]})
    ledger.keep("a1", given)
    (found,) = await ledger.holds()
    assert (found.call_id, found.provider, found.app, found.amounts) == (odd, odd, odd, ((odd, odd, 5, "CNY"),))
    ledger.settle("a1", {odd: 3}, given)
    assert [row.record for row in await ledger.records(call_id=odd)] == [given]
    assert [(b.budget, b.key, b.settled_nanos) for b in await ledger.balances()] == [(odd, odd, 3)]


async def test_details_that_json_does_not_know_are_written_as_text(ledger: Ledger) -> None:
    """No detail of a record can keep its money from being booked."""
    await ledger.declare([budget()])
    await hold(ledger, "a1", 10)
    endless: list[object] = []
    endless.append(endless)
    await hold(ledger, "a2", 10)
    ledger.settle("a1", {"team": 8}, record("a1", details={"when": START, "half": "\ud83d"}))
    ledger.settle("a2", {"team": 8}, record("a2", details={"endless": endless}))
    await ledger.flush()
    assert await sums(ledger) == (16, 0, 0)


async def test_records_are_found_by_time_and_by_call(ledger: Ledger) -> None:
    """`since` belongs to the range, `until` does not; a call is found by its id."""
    for hour in range(4):
        attempt_id = f"{hour}-1"
        ledger.settle(
            attempt_id, {}, record(attempt_id, started_at=START + dt.timedelta(hours=hour), meta=meta(call=f"{hour}"))
        )
    ledger.settle("elsewhere", {}, record("elsewhere", started_at=START + dt.timedelta(hours=9), meta=meta(call="x")))
    found = await ledger.records(since=START + dt.timedelta(hours=1), until=START + dt.timedelta(hours=3))
    assert [row.record.attempt_id for row in found] == ["1-1", "2-1"]
    assert [row.record.attempt_id for row in await ledger.records(call_id="3")] == ["3-1"]
    assert [row.record.attempt_id for row in await ledger.records(call_id="x")] == ["elsewhere"]
    assert await ledger.records(call_id="none") == []
    newest = await ledger.records(until=START + dt.timedelta(hours=3), last=2)
    assert [row.record.attempt_id for row in newest] == ["1-1", "2-1"]
    assert len(await ledger.records(last=9)) == 5
    assert await ledger.records(last=0) == []


async def test_records_of_a_call_are_found_open_and_closed(ledger: Ledger) -> None:
    """Whatever its attempts are called: those of one call, in order, and no other call's."""
    await ledger.declare([budget()])
    for attempt_id, call in (("7-1", "7"), ("7-2", "7"), ("named-1", "7"), ("77-1", "77"), ("other", "x")):
        await ledger.reserve(
            attempt_id, [Claim("team", "", 1)], meta(call=call), expires_at=START + dt.timedelta(minutes=1)
        )
    ledger.settle("7-1", {"team": 1}, record("7-1", meta=meta(call="7")))
    ledger.settle("77-1", {"team": 1}, record("77-1", meta=meta(call="77")))
    found = await ledger.records(call_id="7")
    assert sorted((row.record.attempt_id, row.record.certainty) for row in found) == [
        ("7-1", "exact"),
        ("7-2", "held"),
        ("named-1", "held"),
    ]


async def test_an_attempt_nobody_closed_is_open_and_then_lost(ledger: Ledger, clock: Clock) -> None:
    """It is in the report from its reservation on, charged with its hold."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 40, lasts_s=60)
    (row,) = await ledger.records()
    assert (row.record.status, row.record.certainty, row.record.charged_nanos) == ("open", "held", 40)
    clock.go(seconds=61)
    (row,) = await ledger.records()
    assert (row.record.status, row.record.certainty, row.record.charged_nanos) == ("lost", "held", 40)
    assert (row.record.meta.call_id, row.record.meta.provider) == ("call", "acme")
    await ledger.correct("a1", {"team": 4}, reason="export")
    (row,) = await ledger.records()
    assert (row.record.status, row.record.charged_nanos, row.corrected_nanos) == ("lost", 40, -36)


# -- a silent vendor -----------------------------------------------------------------------------


SHARE = budget(limit=100, unconfirmed_share_ppm=200_000)
"""20 of 100 may be lost to one vendor; 5 of them are left for probes."""


async def refused(ledger: Ledger, attempt_id: str, amount: int, **more: Any) -> None:
    """Its provider's share has no room for it."""
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, attempt_id, amount, **more)
    assert caught.value.provider_silent
    assert "acme" in str(caught.value)


def let_down(ledger: Ledger, attempt_id: str, ending: Any = "silent") -> None:
    """Close an attempt whose cost nobody knows."""
    ledger.keep(attempt_id, record(attempt_id, ending, 5, certainty="held"), ending=ending)


async def test_what_is_in_flight_stays_within_the_share(ledger: Ledger) -> None:
    """Whether the vendor was ever heard or not; another vendor is not touched by that."""
    await ledger.declare([SHARE])
    for number in range(3):
        await hold(ledger, f"a{number}", 5)
    await refused(ledger, "a3", 5)
    await hold(ledger, "b1", 15, provider="other")
    ledger.settle("a0", {"team": 5}, record("a0"))
    await hold(ledger, "a4", 5)
    await refused(ledger, "a5", 1)


async def test_one_call_may_always_go(ledger: Ledger) -> None:
    """A first call may be dearer than the share; a second has to wait for its end."""
    await ledger.declare([SHARE])
    await hold(ledger, "a1", 60)
    await refused(ledger, "a2", 1)
    ledger.release("a1")
    await hold(ledger, "a3", 60)


async def test_the_whole_limit_is_used_up_a_share_at_a_time(ledger: Ledger) -> None:
    await ledger.declare([SHARE])
    for number in range(5):
        await hold(ledger, f"a{number}", 20)
        if number < 4:
            await refused(ledger, "more", 1)
        ledger.settle(f"a{number}", {"team": 20}, record(f"a{number}", charged=20))
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "more", 1)
    assert not caught.value.provider_silent


@pytest.mark.parametrize("ending", ["silent", "given_up"])
async def test_answers_win_trust_back_step_by_step(ledger: Ledger, clock: Clock, ending: str) -> None:
    """15 were let down; after a minute one probe goes. Its answer lets one call go; that one's another, then two."""
    await ledger.declare([SHARE])
    for number in range(3):
        await hold(ledger, f"a{number}", 5)
    for number in range(3):
        let_down(ledger, f"a{number}", ending)
    await refused(ledger, "a3", 5)
    clock.go(seconds=60)
    await hold(ledger, "probe", 5)
    await refused(ledger, "a4", 5)
    ledger.settle("probe", {"team": 5}, record("probe"))
    numbers = itertools.count()
    for batch in (1, 1, 2, 3):
        names = [f"b{next(numbers)}" for _ in range(batch)]
        for name in names:
            await hold(ledger, name, 5)
        await refused(ledger, "more", 5)
        for name in names:
            ledger.settle(name, {"team": 5}, record(name))
    assert await sums(ledger) == (40, 15, 15)


async def test_an_answer_to_an_older_attempt_wins_no_trust(ledger: Ledger, clock: Clock) -> None:
    """It was begun before the vendor fell silent."""
    await ledger.declare([SHARE])
    for number in range(3):
        await hold(ledger, f"a{number}", 5)
    clock.go(seconds=1)
    let_down(ledger, "a0")
    let_down(ledger, "a1")
    ledger.settle("a2", {"team": 5}, record("a2"))
    await hold(ledger, "a3", 5)
    await refused(ledger, "a4", 5)
    let_down(ledger, "a3")
    await refused(ledger, "a5", 5)
    assert await sums(ledger) == (5, 15, 15)


async def test_a_vendor_that_fails_now_and_then_is_not_left_out(ledger: Ledger, clock: Clock) -> None:
    """Calls overlap all the time, each two minutes long, and every second one comes to nothing at once."""
    await ledger.declare([budget(limit=1000, unconfirmed_share_ppm=100_000)])
    running: list[str] = []
    for number in range(100):
        clock.go(seconds=20)
        name = f"a{number}"
        await hold(ledger, name, 5)
        if number % 2:
            let_down(ledger, name)
        else:
            running.append(name)
        if len(running) > 2:
            done = running.pop(0)
            ledger.settle(done, {"team": 1}, record(done))
        await ledger.flush()


async def test_a_refusal_wins_no_trust(ledger: Ledger) -> None:
    """A vendor that refuses some and is silent to others may be out all the same."""
    await ledger.declare([SHARE])
    for number in range(3):
        await hold(ledger, f"a{number}", 5)
        let_down(ledger, f"a{number}")
    await refused(ledger, "a3", 5)
    await hold(ledger, "other", 1, provider="other")
    ledger.release("other", record("other", "RateLimitedError", 0))
    await refused(ledger, "a4", 5)


async def test_probes_stay_within_the_share(ledger: Ledger, clock: Clock) -> None:
    """One after a minute; it found the vendor silent, and there is no room for another."""
    await ledger.declare([SHARE])
    for number in range(3):
        await hold(ledger, f"a{number}", 5)
        let_down(ledger, f"a{number}")
    await ledger.flush()
    clock.go(seconds=59)
    await refused(ledger, "a3", 5)
    clock.go(seconds=1)
    await hold(ledger, "a4", 5)
    let_down(ledger, "a4")
    await ledger.flush()
    clock.go(days=30)
    await refused(ledger, "a5", 1)
    assert await sums(ledger) == (0, 20, 20)


async def test_probes_come_at_longer_and_longer_intervals(ledger: Ledger, clock: Clock) -> None:
    """Small calls, room for many: after 1 minute, then 2, 4, 8, up to an hour."""
    await ledger.declare([budget(limit=1000, unconfirmed_share_ppm=200_000)])
    await hold(ledger, "a", 150)
    let_down(ledger, "a")
    await ledger.flush()
    for number, minutes in enumerate((1, 2, 4, 8, 16, 32, 60, 60)):
        clock.go(seconds=60 * minutes - 1)
        await refused(ledger, "early", 5)
        clock.go(seconds=1)
        await hold(ledger, f"p{number}", 5, at=clock.now)
        await refused(ledger, "second", 5)
        let_down(ledger, f"p{number}")
        await ledger.flush()


async def test_while_others_are_answered_one_may_go(ledger: Ledger) -> None:
    """The share of one user is full; the vendor answers another's calls, so it is well."""
    await ledger.declare([dataclasses.replace(SHARE, by="user")])

    async def ask(name: str, user: str) -> None:
        await hold(ledger, name, 0, Claim("team", user, 5))

    for number in range(3):
        await ask(f"a{number}", "ada")
        let_down(ledger, f"a{number}")
    with pytest.raises(BudgetExceededError):
        await ask("a3", "ada")
    await ask("b0", "bo")
    ledger.settle("b0", {"team": 5}, record("b0"))
    await ask("a4", "ada")
    with pytest.raises(BudgetExceededError):
        await ask("a5", "ada")


async def test_what_a_killed_process_held_is_no_longer_in_flight(ledger: Ledger, clock: Clock) -> None:
    """Once its time has passed the vendor is doubted for it, and one call may find out at once."""
    await ledger.declare([SHARE])
    await hold(ledger, "a1", 15, lasts_s=60)
    await refused(ledger, "a2", 5)
    clock.go(seconds=61)
    await hold(ledger, "probe", 5)
    await refused(ledger, "b0", 5)
    ledger.settle("probe", {"team": 5}, record("probe"))
    await hold(ledger, "b1", 5)
    (now,) = await ledger.balances("team")
    assert (now.settled_nanos, now.held_nanos, now.unconfirmed_nanos) == (5, 20, 15)
    assert await ledger.audit() == []


async def test_what_was_lost_while_the_vendor_answered_others_is_no_doubt(ledger: Ledger, clock: Clock) -> None:
    """A process was killed, and the vendor has answered since."""
    await ledger.declare([budget(limit=1000, unconfirmed_share_ppm=200_000)])
    await hold(ledger, "a1", 140, lasts_s=60)
    clock.go(seconds=1)
    await hold(ledger, "b1", 5)
    ledger.settle("b1", {"team": 5}, record("b1"))
    await ledger.flush()
    clock.go(seconds=61)
    await hold(ledger, "c1", 50)
    await hold(ledger, "c2", 50)
    await hold(ledger, "c3", 50)


async def test_processes_killed_in_an_outage_lose_the_share_once(ledger: Ledger, clock: Clock) -> None:
    """Each is killed while all its calls wait; the next may ask once, until the share is full."""
    await ledger.declare([SHARE])
    for life in range(10):
        for number in range(4):
            with contextlib.suppress(BudgetExceededError):
                await hold(ledger, f"{life}.{number}", 5, at=clock.now, lasts_s=10)
        clock.go(seconds=11)
    assert await sums(ledger) == (0, 20, 20)


async def test_money_that_is_short_is_told_before_silence(ledger: Ledger) -> None:
    """When neither the limit nor the share has room, the limit is the reason."""
    await ledger.declare([budget(limit=100, unconfirmed_share_ppm=200_000), budget("small", 1)])
    await hold(ledger, "a1", 20)
    with pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "a2", 0, Claim("team", "", 5), Claim("small", "", 5))
    assert (caught.value.budget, caught.value.provider_silent) == ("small", False)


async def test_a_soft_budget_knows_no_share(ledger: Ledger) -> None:
    """It never blocks, not for silence either."""
    await ledger.declare([budget(limit=100, hard=False, unconfirmed_share_ppm=0)])
    await hold(ledger, "a1", 90)
    await hold(ledger, "a2", 90)


async def test_a_silent_outage_costs_its_share(ledger: Ledger, clock: Clock) -> None:
    """A month of calls to a vendor that never answers holds 20 of 100, whatever the callers try."""
    await ledger.declare([SHARE])
    for number in range(720):
        clock.go(hours=1)
        try:
            await hold(ledger, f"a{number}", 5)
        except BudgetExceededError as error:
            assert error.provider_silent
        else:
            let_down(ledger, f"a{number}")
    assert await sums(ledger) == (0, 20, 20)


# -- waiting -------------------------------------------------------------------------------------


async def test_a_caller_waits_for_held_money(ledger: Ledger) -> None:
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


async def test_who_waits_too_long_is_refused(ledger: Ledger) -> None:
    """At its deadline the last refusal is raised, and nothing is held."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 100)
    with anyio.fail_after(5), pytest.raises(BudgetExceededError) as caught:
        await hold(ledger, "a2", 60, wait_until=now() + 0.05)
    assert not caught.value.provider_silent
    assert await sums(ledger) == (0, 100, 0)


async def test_what_can_never_fit_is_not_kept_waiting(ledger: Ledger) -> None:
    """When not even every hold coming free would do, the refusal comes at once."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 50)
    ledger.settle("a1", {"team": 50}, record("a1"))
    await hold(ledger, "a2", 50)
    with anyio.fail_after(5), pytest.raises(BudgetExceededError):
        await hold(ledger, "a3", 51, wait_until=now() + 60)


async def test_silence_has_a_deadline_of_its_own(ledger: Ledger) -> None:
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


async def held_and_settled(ledger: Ledger, attempt_id: str) -> None:
    """One call that waits for its vendor's share, and costs all it held."""
    await hold(ledger, attempt_id, 20, wait_silent_until=now() + 60)
    ledger.settle(attempt_id, {"team": 20}, record(attempt_id, charged=20))


async def test_a_vendor_that_answers_is_worth_a_wait(ledger: Ledger) -> None:
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


async def test_a_caller_who_leaves_makes_room_in_flight(ledger: Ledger) -> None:
    """What it holds stays held, but the vendor owes it no answer any more."""
    await ledger.declare([SHARE])
    await hold(ledger, "a1", 20)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: hold(ledger, "a2", 20, wait_silent_until=now() + 60))
            await settled_down(ledger)
            let_down(ledger, "a1", "left")
    assert await sums(ledger) == (0, 40, 20)


async def test_callers_are_served_in_order(ledger: Ledger) -> None:
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


async def test_a_smaller_call_passes_only_when_the_larger_does_not_fit(ledger: Ledger) -> None:
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


async def test_a_new_limit_lets_waiting_callers_in(ledger: Ledger) -> None:
    """Whoever waits is served when the limit is raised."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 100)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: hold(ledger, "a2", 60, wait_until=now() + 60))
            await settled_down(ledger)
            await ledger.set_limit("team", 160)
    assert await sums(ledger) == (0, 160, 0)


async def test_a_new_window_lets_waiting_callers_in(ledger: Ledger, clock: Clock) -> None:
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


async def test_a_waiting_caller_that_leaves_takes_nothing(ledger: Ledger) -> None:
    """Cancelled while waiting, it is withdrawn, and its place is not in anybody's way."""
    await ledger.declare([budget(limit=10)])
    await hold(ledger, "a1", 10)
    with anyio.move_on_after(0.03) as scope:
        await hold(ledger, "a2", 10, wait_until=now() + 60)
    assert scope.cancelled_caught
    ledger.release("a1")
    await hold(ledger, "a3", 10)
    assert [found.attempt_id for found in await ledger.holds()] == ["a3"]


async def test_a_thousand_race_for_a_hundred(ledger: Ledger) -> None:
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


async def test_a_thousand_wait_and_share_what_comes_free(ledger: Ledger) -> None:
    """Calls that cost 20 % of their ceiling: with waiting, 96 and more of 100 are spent, never more than 100."""
    await ledger.declare([budget(limit=100)])
    done: list[int] = []

    async def one(number: int) -> None:
        try:
            await hold(ledger, f"a{number:04}", 5, wait_until=now() + 60)
        except BudgetExceededError:
            return
        await anyio.sleep(0)
        ledger.settle(f"a{number:04}", {"team": 1}, record(f"a{number:04}"))
        done.append(number)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, number)
    assert len(done) == 96
    assert await sums(ledger) == (96, 0, 0)


# -- definitions ---------------------------------------------------------------------------------


async def test_the_stricter_definition_wins_and_says_so(ledger: Ledger) -> None:
    """The lower limit, hard over soft, the lower share; each with a sentence."""
    assert await ledger.declare([budget(limit=100, hard=False)]) == []
    assert await ledger.declare([budget(limit=50, unconfirmed_share_ppm=100_000)]) == []
    assert await ledger.declare([budget(limit=100, hard=False)]) == [
        "budget 'team': this configuration says ¥0.0000001, the ledger's limit is ¥0.00000005, and that holds; "
        "to change it: minimill budget set-limit team 0.0000001",
        "budget 'team': soft here, but another process made it hard, and that holds",
        "budget 'team': this configuration lets 100 % be out with one vendor, another process 10 %, "
        "and the lower holds",
    ]
    (found,) = await ledger.balances()
    assert (found.limit_nanos, found.hard) == (50, True)


@pytest.mark.parametrize(
    ("name", "other"),
    [("currency", "USD"), ("window", "day"), ("zone", "Asia/Shanghai"), ("scope", {"app": "x"}), ("by", "user")],
)
async def test_a_budget_keeps_what_it_was_made_with(ledger: Ledger, name: str, other: object) -> None:
    """Another currency, window, zone, scope or `by` is an error that names both; nothing is declared."""
    await ledger.declare([budget(scope={"app": "y"})])
    with pytest.raises(ConfigError, match=f"(?s)'team'.*{name} = .*says .*another name"):
        await ledger.declare([budget("fresh"), budget(**{"scope": {"app": "y"}, name: other})])
    assert [b.budget for b in await ledger.balances()] == ["team"]


async def test_set_limit_outlives_the_same_old_configuration(ledger: Ledger) -> None:
    """Raised from 100 to 500, a restart with 100 changes nothing but says so; a new 80 counts."""
    await ledger.declare([budget(limit=100)])
    await ledger.set_limit("team", 500)
    (said,) = await ledger.declare([budget(limit=100)])
    assert "set-limit team 0.0000001" in said
    assert [b.limit_nanos for b in await ledger.balances()] == [500]
    assert len(await ledger.declare([budget(limit=900)])) == 1
    assert [b.limit_nanos for b in await ledger.balances()] == [500]
    assert await ledger.declare([budget(limit=80)]) == []
    assert [b.limit_nanos for b in await ledger.balances()] == [80]


async def test_a_limit_may_fall_below_what_is_used(ledger: Ledger) -> None:
    """The balance is negative then, and nothing more is granted."""
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 60)
    await ledger.set_limit("team", 10)
    (found,) = await ledger.balances()
    assert (found.limit_nanos, found.left_nanos) == (10, -50)
    with pytest.raises(BudgetExceededError):
        await hold(ledger, "a2", 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"limit": -1},
        {"limit": 2**63},
        {"limit": 1.5},
        {"currency": "yuan"},
        {"window": "year"},
        {"zone": "Mars/Olympus"},
        {"unconfirmed_share_ppm": 1_000_001},
    ],
)
async def test_a_definition_must_make_sense(ledger: Ledger, wrong: dict[str, object]) -> None:
    """A ConfigError says what is expected, and nothing is declared."""
    with pytest.raises(ConfigError):
        await ledger.declare([budget("fine"), budget(**wrong)])  # type: ignore[arg-type]
    assert await ledger.balances() == []


async def test_a_budget_nobody_declared_cannot_be_read_or_set(ledger: Ledger) -> None:
    """The error names those that exist."""
    await ledger.declare([budget()])
    with pytest.raises(LedgerError, match="no budget 'taem'; it knows: team"):
        await ledger.balances("taem")
    with pytest.raises(LedgerError, match="no budget 'taem'"):
        await ledger.set_limit("taem", 5)


async def test_closing_twice_does_nothing(ledger: Ledger) -> None:
    """Nor does closing in the other way."""
    await ledger.declare([budget()])
    await ledger.aclose()
    await ledger.aclose()
    ledger.close()


now = time.monotonic


async def settled_down(ledger: Ledger) -> None:
    """Let the others go as far as they can: what they asked for is answered before a flush that follows."""
    for _ in range(2):
        await anyio.wait_all_tasks_blocked()
        await ledger.flush()
    await anyio.wait_all_tasks_blocked()
