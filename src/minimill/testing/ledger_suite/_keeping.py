"""Windows that begin anew, and records that come back."""

from __future__ import annotations

import datetime as dt

import pytest

from minimill import BudgetExceededError
from minimill.ledger import AttemptMeta, Claim, Ledger, SpendLine

from ._made import START, Clock, budget, hold, meta, record, sums


class Keeping:
    """Windows and records."""

    pytestmark = pytest.mark.anyio

    async def test_a_settlement_is_booked_where_it_was_reserved(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_a_day_of_23_hours_and_one_of_25(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_a_record_comes_back_as_it_was_given(self, ledger: Ledger) -> None:
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
    async def test_odd_texts_come_back_as_they_were(self, ledger: Ledger, odd: str) -> None:
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

    async def test_details_that_json_does_not_know_are_written_as_text(self, ledger: Ledger) -> None:
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

    async def test_records_are_found_by_time_and_by_call(self, ledger: Ledger) -> None:
        """`since` belongs to the range, `until` does not; a call is found by its id."""
        for hour in range(4):
            attempt_id = f"{hour}-1"
            started_at = START + dt.timedelta(hours=hour)
            ledger.settle(attempt_id, {}, record(attempt_id, started_at=started_at, meta=meta(call=f"{hour}")))
        started_at = START + dt.timedelta(hours=9)
        ledger.settle("elsewhere", {}, record("elsewhere", started_at=started_at, meta=meta(call="x")))
        found = await ledger.records(since=START + dt.timedelta(hours=1), until=START + dt.timedelta(hours=3))
        assert [row.record.attempt_id for row in found] == ["1-1", "2-1"]
        assert [row.record.attempt_id for row in await ledger.records(call_id="3")] == ["3-1"]
        assert [row.record.attempt_id for row in await ledger.records(call_id="x")] == ["elsewhere"]
        assert await ledger.records(call_id="none") == []
        newest = await ledger.records(until=START + dt.timedelta(hours=3), last=2)
        assert [row.record.attempt_id for row in newest] == ["1-1", "2-1"]
        assert len(await ledger.records(last=9)) == 5
        assert await ledger.records(last=0) == []

    async def test_records_of_a_call_are_found_open_and_closed(self, ledger: Ledger) -> None:
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

    async def test_an_attempt_nobody_closed_is_open_and_then_lost(self, ledger: Ledger, clock: Clock) -> None:
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
