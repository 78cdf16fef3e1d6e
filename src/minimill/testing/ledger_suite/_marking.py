"""Levels that accounts reach: each is told once, by whoever claims it first of all who share the books."""

from __future__ import annotations

import anyio
import pytest

from minimill.ledger import Ledger

from ._made import budget

LEVEL = 800_000


class Marking:
    """Claims to tell."""

    pytestmark = pytest.mark.anyio

    async def test_the_first_who_claims_a_level_tells_it(self, ledger: Ledger) -> None:
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
        self, ledger: Ledger, name: str, key: str, window_id: str, level: int
    ) -> None:
        """What differs in one of them is another claim."""
        assert await ledger.mark("team", "", "2026-11", LEVEL, by="one") is True
        assert await ledger.mark(name, key, window_id, level, by="two") is True

    async def test_of_a_hundred_one_tells(self, ledger: Ledger) -> None:
        """All at once."""
        told: list[int] = []

        async def claim(number: int) -> None:
            if await ledger.mark("team", "", "total", LEVEL, by=str(number)):
                told.append(number)

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(claim, number)
        assert len(told) == 1

    async def test_keys_of_claims_are_any_text(self, ledger: Ledger) -> None:
        """Quotes, signs, other scripts."""
        for key in ("a'b", 'a"b', "日本", "a:b", "%"):
            assert await ledger.mark("team", key, "total", LEVEL, by="one") is True
            assert await ledger.mark("team", key, "total", LEVEL, by="two") is False

    async def test_a_claim_moves_no_money(self, ledger: Ledger) -> None:
        """It is no entry."""
        await ledger.declare([budget()])
        await ledger.mark("team", "", "total", LEVEL, by="one")
        (found,) = await ledger.balances()
        assert (found.settled_nanos, found.held_nanos) == (0, 0)
