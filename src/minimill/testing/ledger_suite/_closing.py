"""Closing: what cannot be booked is said, and a correction is final."""

from __future__ import annotations

import pytest

from minimill import LedgerError, Money
from minimill.ledger import Ledger, SpendLine

from ._made import budget, hold, record, sums


class Closing:
    """What each way of closing books."""

    pytestmark = pytest.mark.anyio

    async def test_money_for_an_unknown_attempt_is_not_dropped(
        self, ledger: Ledger, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is logged, flush raises once, and the record is kept."""
        await ledger.declare([budget()])
        ledger.settle("ghost", {"team": 7}, record("ghost"))
        with pytest.raises(LedgerError, match=r"ghost: team 7 \(nanos\) could not be booked: nothing was reserved"):
            await ledger.flush()
        assert "ghost" in caplog.text
        await ledger.flush()
        assert [row.record.attempt_id for row in await ledger.records()] == ["ghost"]

    async def test_an_amount_for_a_budget_not_claimed_is_reported(self, ledger: Ledger) -> None:
        """What can be booked is booked, what cannot is said."""
        await ledger.declare([budget(), budget("other")])
        await hold(ledger, "a1", 10)
        ledger.settle("a1", {"team": 8, "other": 8}, record("a1"))
        with pytest.raises(LedgerError, match="other 8"):
            await ledger.flush()
        assert await sums(ledger) == (8, 0, 0)
        assert await sums(ledger, "other") == (0, 0, 0)

    @pytest.mark.parametrize("amount", [-1, 2**63, "8"])
    async def test_a_senseless_amount_leaves_the_hold(self, ledger: Ledger, amount: object) -> None:
        """Nothing is booked that is no count of nanos; flush says so."""
        await ledger.declare([budget()])
        await hold(ledger, "a1", 10)
        ledger.settle("a1", {"team": amount}, record("a1"))  # type: ignore[dict-item]
        with pytest.raises(LedgerError, match="a1"):
            await ledger.flush()
        assert await sums(ledger) == (0, 10, 10)

    async def test_a_settlement_without_amounts_needs_no_reservation(self, ledger: Ledger) -> None:
        """Where no budget covers a call its record is written all the same."""
        ledger.settle("a1", {}, record("a1", charged=9))
        ledger.keep("a2", record("a2", "TransportError", 9, certainty="held"))
        await ledger.flush()
        found = [(row.record.status, row.record.charged_nanos) for row in await ledger.records()]
        assert found == [("ok", 9), ("TransportError", 9)]
        assert await ledger.holds() == []

    async def test_a_correction_is_final(self, ledger: Ledger) -> None:
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

    async def test_a_correction_of_a_running_attempt_is_final_too(self, ledger: Ledger) -> None:
        """Its hold ends at once and others may have the rest; what it books when it ends fills in its record alone."""
        await ledger.declare([budget(limit=50)])
        await hold(ledger, "a1", 50)
        await ledger.correct("a1", {"team": 20}, charged=Money(20, "CNY"), reason="bill")
        assert await ledger.holds() == []
        (row,) = await ledger.records()
        assert (row.record.charged_nanos, row.corrected_nanos) == (50, -30)
        await hold(ledger, "a2", 30)
        ledger.settle("a1", {"team": 33}, record("a1", charged=33))
        assert await sums(ledger) == (20, 30, 0)
        first, _ = await ledger.records()
        assert (first.record.status, first.record.charged_nanos, first.corrected_nanos) == ("ok", 33, -13)
        with pytest.raises(LedgerError):
            await hold(ledger, "a1", 1)

    async def test_a_correction_of_a_kept_hold_frees_the_rest(self, ledger: Ledger) -> None:
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

    async def test_a_correction_in_another_currency_is_told_in_the_vendors(self, ledger: Ledger) -> None:
        """Without `charged` it is scaled like the reservation: 10 of 100 USD cents are 70 of 700 fen."""
        await ledger.declare([budget(limit=1000, currency="USD")])
        await hold(ledger, "a1", 100)
        ledger.settle("a1", {"team": 50}, record("a1", charged=350, reserved_nanos=700))
        await ledger.correct("a1", {"team": 10}, reason="bill")
        (row,) = await ledger.records()
        assert row.corrected_nanos == 70 - 350

    async def test_a_released_attempt_can_be_corrected(self, ledger: Ledger) -> None:
        """The vendor billed what it had refused."""
        await ledger.declare([budget()])
        await hold(ledger, "a1", 50)
        ledger.release("a1", record("a1", "OverloadedError", 0, certainty="released"))
        await ledger.correct("a1", {"team": 4}, charged=Money(4, "CNY"), reason="bill")
        assert await sums(ledger) == (4, 0, 0)
        assert [(r.record.charged_nanos, r.corrected_nanos) for r in await ledger.records()] == [(0, 4)]

    async def test_what_cannot_be_corrected(self, ledger: Ledger) -> None:
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
