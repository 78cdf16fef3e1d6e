"""Declaring budgets: the stricter wins, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from minimill import BudgetExceededError, ConfigError, LedgerError
from minimill.ledger import Ledger

from ._made import budget, hold


class Defining:
    """Budgets in force."""

    pytestmark = pytest.mark.anyio

    async def test_the_stricter_definition_wins_and_says_so(self, ledger: Ledger) -> None:
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
    async def test_a_budget_keeps_what_it_was_made_with(self, ledger: Ledger, name: str, other: object) -> None:
        """Another currency, window, zone, scope or `by` is an error that names both; nothing is declared."""
        await ledger.declare([budget(scope={"app": "y"})])
        with pytest.raises(ConfigError, match=f"(?s)'team'.*{name} = .*says .*another name"):
            changed: dict[str, Any] = {"scope": {"app": "y"}, name: other}
            await ledger.declare([budget("fresh"), budget(**changed)])
        assert [b.budget for b in await ledger.balances()] == ["team"]

    async def test_set_limit_outlives_the_same_old_configuration(self, ledger: Ledger) -> None:
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

    async def test_a_limit_may_fall_below_what_is_used(self, ledger: Ledger) -> None:
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
    async def test_a_definition_must_make_sense(self, ledger: Ledger, wrong: dict[str, object]) -> None:
        """A ConfigError says what is expected, and nothing is declared."""
        with pytest.raises(ConfigError):
            await ledger.declare([budget("fine"), budget(**wrong)])  # type: ignore[arg-type]
        assert await ledger.balances() == []

    async def test_a_budget_nobody_declared_cannot_be_read_or_set(self, ledger: Ledger) -> None:
        """The error names those that exist."""
        await ledger.declare([budget()])
        with pytest.raises(LedgerError, match="no budget 'taem'; it knows: team"):
            await ledger.balances("taem")
        with pytest.raises(LedgerError, match="no budget 'taem'"):
            await ledger.set_limit("taem", 5)

    async def test_closing_twice_does_nothing(self, ledger: Ledger) -> None:
        """Nor does closing in the other way."""
        await ledger.declare([budget()])
        await ledger.aclose()
        await ledger.aclose()
        ledger.close()
