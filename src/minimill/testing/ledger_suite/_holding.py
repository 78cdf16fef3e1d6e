"""Reserving: all or none, up to the last unit, and once however often it is sent."""

from __future__ import annotations

import datetime as dt

import pytest

from minimill import BudgetExceededError, LedgerError, Money
from minimill.ledger import AttemptMeta, Balance, Claim, HoldInfo, Ledger

from ._made import START, Clock, budget, hold, meta, record, sums


class Holding:
    """What a reservation holds, and when it is refused."""

    pytestmark = pytest.mark.anyio

    async def test_a_hold_is_what_reserve_returns(self, ledger: Ledger) -> None:
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

    async def test_the_last_unit_is_granted_and_not_one_more(self, ledger: Ledger) -> None:
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

    async def test_settled_money_counts_as_held_money_does(self, ledger: Ledger) -> None:
        """What was spent is gone: after 90 of 100, 11 more are refused and 10 granted."""
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 95)
        ledger.settle("a1", {"team": 90}, record("a1"))
        with pytest.raises(BudgetExceededError):
            await hold(ledger, "a2", 11)
        await hold(ledger, "a3", 10)
        assert await sums(ledger) == (90, 10, 0)

    async def test_all_budgets_or_none(self, ledger: Ledger) -> None:
        """When one of three accounts refuses, nothing is held in the others."""
        await ledger.declare([budget("a"), budget("b", 5, currency="USD"), budget("c")])
        wanted = (Claim("a", "", 10), Claim("b", "", 6), Claim("c", "", 10))
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a1", 0, *wanted)
        assert caught.value.budget == "b"
        assert [b.held_nanos for b in await ledger.balances()] == [0, 0, 0]
        await hold(ledger, "a2", 0, wanted[0], Claim("b", "", 5), wanted[2])
        assert [(b.budget, b.held_nanos) for b in await ledger.balances()] == [("a", 10), ("b", 5), ("c", 10)]

    async def test_claims_on_one_account_add_up(self, ledger: Ledger) -> None:
        """Two claims of 60 on a limit of 100 are one of 120."""
        await ledger.declare([budget(limit=100)])
        with pytest.raises(BudgetExceededError):
            await hold(ledger, "a1", 0, Claim("team", "", 60), Claim("team", "", 60))
        await hold(ledger, "a2", 0, Claim("team", "", 60), Claim("team", "", 40))
        assert await sums(ledger) == (0, 100, 0)

    async def test_accounts_of_one_budget_are_apart(self, ledger: Ledger) -> None:
        """Each user of a budget split by user has the whole limit."""
        await ledger.declare([budget(limit=100, by="user")])
        assert await ledger.balances("team") == []
        await hold(ledger, "a1", 0, Claim("team", "ann", 100))
        await hold(ledger, "a2", 0, Claim("team", "bob", 70))
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a3", 0, Claim("team", "ann", 1))
        assert caught.value.key == "ann"
        assert [(b.key, b.held_nanos) for b in await ledger.balances("team")] == [("ann", 100), ("bob", 70)]

    async def test_nothing_costs_nothing(self, ledger: Ledger) -> None:
        """A claim of zero is granted even when a correction has put the budget over."""
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "a1", 10)
        ledger.settle("a1", {"team": 25}, record("a1"))
        await hold(ledger, "a2", 0)
        assert await sums(ledger) == (25, 0, 0)

    async def test_a_soft_budget_books_and_never_blocks(self, ledger: Ledger) -> None:
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
    async def test_a_hard_budget_needs_a_count_of_nanos(self, ledger: Ledger, amount: object) -> None:
        """An amount that is missing or no count raises ValueError, and nothing is held."""
        await ledger.declare([budget()])
        with pytest.raises(ValueError, match="team"):
            await hold(ledger, "a1", 0, Claim("team", "", amount))  # type: ignore[arg-type]
        assert await sums(ledger) == (0, 0, 0)
        assert await ledger.holds() == []

    async def test_one_budget_is_claimed_for_one_key(self, ledger: Ledger) -> None:
        """A call belongs to one user; claims for two are a mistake of the caller."""
        await ledger.declare([budget(by="user")])
        with pytest.raises(ValueError, match="'ann' and for 'bob'"):
            await hold(ledger, "a1", 0, Claim("team", "ann", 1), Claim("team", "bob", 1))

    async def test_a_key_is_text_that_can_be_written(self, ledger: Ledger) -> None:
        """Half of a surrogate pair is refused; Chinese is a key like any other."""
        await ledger.declare([budget(by="user")])
        with pytest.raises(ValueError, match="surrogates"):
            await hold(ledger, "a1", 0, Claim("team", "half \ud83d", 1))
        await hold(ledger, "a2", 0, Claim("team", "小明", 1))
        assert [b.key for b in await ledger.balances()] == ["小明"]

    async def test_an_unknown_budget_is_refused(self, ledger: Ledger) -> None:
        """A claim on a budget that nobody declared holds nothing anywhere."""
        await ledger.declare([budget()])
        with pytest.raises(LedgerError, match="no budget 'other'"):
            await hold(ledger, "a1", 0, Claim("team", "", 5), Claim("other", "", 5))
        assert await sums(ledger) == (0, 0, 0)

    async def test_no_budgets_still_leave_a_trace(self, ledger: Ledger) -> None:
        """Without claims the attempt is stored, and its record when it ends."""
        await ledger.reserve("a1", [], meta(), expires_at=START + dt.timedelta(minutes=1))
        (found,) = await ledger.holds()
        assert (found.attempt_id, found.amounts) == ("a1", ())
        ledger.settle("a1", {}, record("a1"))
        assert await ledger.holds() == []
        assert [row.record.status for row in await ledger.records()] == ["ok"]

    async def test_holds_name_who_asks(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_repeating_changes_nothing(self, ledger: Ledger) -> None:
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

    async def test_a_closed_attempt_cannot_be_reserved_again(self, ledger: Ledger) -> None:
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

    async def test_a_withdrawn_attempt_can_never_hold(self, ledger: Ledger) -> None:
        """A release that overtakes its reservation keeps it from holding anything."""
        await ledger.declare([budget()])
        ledger.release("a1")
        with pytest.raises(LedgerError, match="withdrawn"):
            await hold(ledger, "a1", 10)
        assert await sums(ledger) == (0, 0, 0)
        assert await ledger.records() == []

    async def test_release_never_undoes_a_settlement(self, ledger: Ledger) -> None:
        """What was booked stays booked."""
        await ledger.declare([budget()])
        await hold(ledger, "a1", 10)
        ledger.settle("a1", {"team": 8}, record("a1"))
        ledger.release("a1", record("a1", "released", 0))
        assert await sums(ledger) == (8, 0, 0)
        assert [row.record.status for row in await ledger.records()] == ["ok"]

    async def test_a_late_settlement_books_the_difference(self, ledger: Ledger) -> None:
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

    async def test_more_than_was_held_is_booked_in_full(self, ledger: Ledger) -> None:
        """A charge above its hold is never clipped; the budget shows what is missing."""
        await ledger.declare([budget(limit=10)])
        await hold(ledger, "a1", 10)
        ledger.settle("a1", {"team": 15}, record("a1"))
        (found,) = await ledger.balances()
        assert (found.settled_nanos, found.left_nanos) == (15, -5)

    async def test_a_budget_without_an_amount_keeps_its_hold(self, ledger: Ledger) -> None:
        """An unknown cost is unknown: that hold stands as unconfirmed while the other is settled."""
        await ledger.declare([budget(), budget("usd", currency="USD")])
        await hold(ledger, "a1", 0, Claim("team", "", 10), Claim("usd", "", 10))
        ledger.settle("a1", {"team": 8, "usd": None}, record("a1"))
        assert await sums(ledger) == (8, 0, 0)
        assert await sums(ledger, "usd") == (0, 10, 10)
        ledger.settle("a1", {"team": 8, "usd": 2}, record("a1"))
        assert await sums(ledger, "usd") == (2, 0, 0)
        assert await ledger.holds() == []

    async def test_keep_after_any_other_closing_does_nothing(self, ledger: Ledger) -> None:
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
