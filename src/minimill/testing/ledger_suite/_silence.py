"""A vendor that falls silent costs its share and no more."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools

import pytest

from minimill import BudgetExceededError
from minimill.ledger import Claim, Ending, Ledger

from ._made import SHARE, Clock, budget, hold, let_down, record, refused, sums


class Silence:
    """What may be out with one vendor."""

    pytestmark = pytest.mark.anyio

    async def test_what_is_in_flight_stays_within_the_share(self, ledger: Ledger) -> None:
        """Whether the vendor was ever heard or not; another vendor is not touched by that."""
        await ledger.declare([SHARE])
        for number in range(3):
            await hold(ledger, f"a{number}", 5)
        await refused(ledger, "a3", 5)
        await hold(ledger, "b1", 15, provider="other")
        ledger.settle("a0", {"team": 5}, record("a0"))
        await hold(ledger, "a4", 5)
        await refused(ledger, "a5", 1)

    async def test_one_call_may_always_go(self, ledger: Ledger) -> None:
        """A first call may be dearer than the share; a second has to wait for its end."""
        await ledger.declare([SHARE])
        await hold(ledger, "a1", 60)
        await refused(ledger, "a2", 1)
        ledger.release("a1")
        await hold(ledger, "a3", 60)

    async def test_the_whole_limit_is_used_up_a_share_at_a_time(self, ledger: Ledger) -> None:
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
    async def test_answers_win_trust_back_step_by_step(self, ledger: Ledger, clock: Clock, ending: Ending) -> None:
        """15 were let down; after a minute one probe goes. Its answer lets one call go, that one's another."""
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

    async def test_an_answer_to_an_older_attempt_wins_no_trust(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_a_vendor_that_fails_now_and_then_is_not_left_out(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_a_refusal_wins_no_trust(self, ledger: Ledger) -> None:
        """A vendor that refuses some and is silent to others may be out all the same."""
        await ledger.declare([SHARE])
        for number in range(3):
            await hold(ledger, f"a{number}", 5)
            let_down(ledger, f"a{number}")
        await refused(ledger, "a3", 5)
        await hold(ledger, "other", 1, provider="other")
        ledger.release("other", record("other", "RateLimitedError", 0))
        await refused(ledger, "a4", 5)

    async def test_probes_stay_within_the_share(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_probes_come_at_longer_and_longer_intervals(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_while_others_are_answered_one_may_go(self, ledger: Ledger) -> None:
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

    async def test_an_answer_that_was_under_way_before_a_silence_makes_no_vendor_well(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        """What a vendor that has just died still answers to one user lets nobody else in."""
        await ledger.declare([dataclasses.replace(SHARE, by="user")])
        await hold(ledger, "b0", 0, Claim("team", "bo", 5))
        clock.go(seconds=1)
        for number in range(3):
            await hold(ledger, f"a{number}", 0, Claim("team", "ada", 5))
            let_down(ledger, f"a{number}")
        ledger.settle("b0", {"team": 5}, record("b0"))
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a3", 0, Claim("team", "ada", 5))
        assert caught.value.provider_silent

    async def test_what_a_killed_process_held_is_no_longer_in_flight(self, ledger: Ledger, clock: Clock) -> None:
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

    async def test_what_was_lost_while_others_were_answered_is_no_doubt(self, ledger: Ledger, clock: Clock) -> None:
        """A process was killed, and the vendor has answered since."""
        await ledger.declare([budget(limit=1000, unconfirmed_share_ppm=200_000)])
        await hold(ledger, "a1", 140, lasts_s=60)
        clock.go(seconds=1)
        await hold(ledger, "b1", 5)
        ledger.settle("b1", {"team": 5}, record("b1"))
        await ledger.flush()
        clock.go(seconds=61)
        for number in range(3):
            await hold(ledger, f"c{number}", 50)

    async def test_processes_killed_in_an_outage_lose_the_share_once(self, ledger: Ledger, clock: Clock) -> None:
        """Each is killed while all its calls wait; the next may ask once, until the share is full."""
        await ledger.declare([SHARE])
        for life in range(10):
            for number in range(4):
                with contextlib.suppress(BudgetExceededError):
                    await hold(ledger, f"{life}.{number}", 5, at=clock.now, lasts_s=10)
            clock.go(seconds=11)
        assert await sums(ledger) == (0, 20, 20)

    async def test_money_that_is_short_is_told_before_silence(self, ledger: Ledger) -> None:
        """When neither the limit nor the share has room, the limit is the reason."""
        await ledger.declare([budget(limit=100, unconfirmed_share_ppm=200_000), budget("small", 1)])
        await hold(ledger, "a1", 20)
        with pytest.raises(BudgetExceededError) as caught:
            await hold(ledger, "a2", 0, Claim("team", "", 5), Claim("small", "", 5))
        assert (caught.value.budget, caught.value.provider_silent) == ("small", False)

    async def test_a_soft_budget_knows_no_share(self, ledger: Ledger) -> None:
        """It never blocks, not for silence either."""
        await ledger.declare([budget(limit=100, hard=False, unconfirmed_share_ppm=0)])
        await hold(ledger, "a1", 90)
        await hold(ledger, "a2", 90)

    async def test_a_silent_outage_costs_its_share(self, ledger: Ledger, clock: Clock) -> None:
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
