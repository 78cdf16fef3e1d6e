"""A ledger on a server: what the engines on servers have in common.

One thread talks to the server (`_writer`, `_server_desk`); reading uses connections of its own. It may import
`_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from minimill._money import Money
from minimill.ledger._base import BudgetDefinition
from minimill.ledger._budgets import check
from minimill.ledger._queued import QueuedLedger
from minimill.ledger._server import Clock, Server
from minimill.ledger._server_desk import ServerDesk
from minimill.ledger._server_read import Reader

T = TypeVar("T")


class ServerLedger(QueuedLedger):
    """A ledger that any number of processes on any number of machines share."""

    def __init__(self, server: Server, clock: Clock | None, close_wait_s: float) -> None:
        super().__init__(ServerDesk(server, clock), close_wait_s)
        self.url = server.name
        self._server = server
        self._clock = clock

    async def declare(self, budgets: Sequence[BudgetDefinition]) -> list[str]:
        """See `Ledger.declare`."""
        for definition in budgets:
            check(definition)
        wanted = list(budgets)
        said: list[str] = await self._job(lambda desk: desk.declare(wanted))
        return said

    async def correct(
        self, attempt_id: str, amounts: Mapping[str, int], *, charged: Money | None = None, reason: str
    ) -> None:
        """See `Ledger.correct`."""
        wanted = dict(amounts)
        await self._job(lambda desk: desk.correct(attempt_id, wanted, charged, reason))

    async def set_limit(self, budget: str, limit_nanos: int) -> None:
        """See `Ledger.set_limit`."""
        await self._job(lambda desk: desk.set_limit(budget, limit_nanos))

    async def mark(self, budget: str, key: str, window_id: str, level_ppm: int, *, by: str) -> bool:
        """See `Ledger.mark`."""
        place = (budget, key, window_id, level_ppm)
        first: bool = await self._job(lambda desk: desk.mark(place, by))
        return first

    def _ask(self, ask: Callable[[Reader], T]) -> T:
        now_us = None if self._clock is None else int(self._clock() * 1_000_000)
        with self._server.reading() as moment:
            return ask(Reader(moment, now_us))
