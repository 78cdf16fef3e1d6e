"""First come, first served between processes: each says in the file which of its callers has waited longest.

Money that comes free in one process is left alone for a moment when a caller of another has waited longer and
it suffices for that one. A ticket that its process does not renew lapses, so that a dead one is in nobody's
way. It may import nothing of minimill but its neighbours.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

RENEW_US = 1_000_000
LAPSE_US = 3_000_000
ALONE_S = 10.0
"""After so long without a write by others a process takes no more tickets."""

Place = tuple[str, str, str]
"""Budget, key, and the provider whose share is waited for; empty where it is money."""
Ticket = tuple[int, int]
"""Since when the caller waits (microseconds), and for how much."""


class Tickets:
    """The tickets of one connection, and those of others as last read."""

    def __init__(self, db: sqlite3.Connection, process: str) -> None:
        self._db = db
        self._process = process
        self._theirs: dict[Place, list[tuple[int, int, int]]] = {}
        self._ours: dict[Place, Ticket] = {}
        self._in_doubt = False
        self._renewed_us = 0
        self._heard_others = -ALONE_S
        self._now_us = 0

    def read(self, now_us: int, others_wrote: bool) -> None:
        """Call it at the start of each transaction."""
        self._now_us = now_us
        if not others_wrote:
            return
        self._heard_others = time.monotonic()
        self._theirs = {}
        for budget, key, provider, *ticket in self._db.execute(
            "SELECT budget, key, provider, since_us, needed, seen_us FROM waiting WHERE process <> ? ORDER BY since_us",
            (self._process,),
        ):
            self._theirs.setdefault((budget, key, provider), []).append((ticket[0], ticket[1], ticket[2]))

    def promised(self, budget: str, key: str, provider: str, came_us: int) -> int:
        """What the caller of another process wants that has waited longest in this place; 0: nobody longer."""
        for since_us, needed, seen_us in self._theirs.get((budget, key, provider), ()):
            if since_us >= came_us:
                break
            if self._now_us - seen_us < LAPSE_US:
                return needed
        return 0

    def due(self, now_us: int) -> bool:
        """Whether our tickets want renewing."""
        return bool(self._ours) and now_us - self._renewed_us >= RENEW_US

    def write(self, wanted: Mapping[Place, Ticket]) -> None:
        """Have these tickets and no others; none while nobody else uses the file."""
        alone = time.monotonic() - self._heard_others > ALONE_S
        wanted = {} if alone else dict(wanted)
        if wanted == self._ours and not self._in_doubt and not self.due(self._now_us):
            return
        self._db.execute(
            "DELETE FROM waiting WHERE process = ? OR seen_us < ?", (self._process, self._now_us - 20 * LAPSE_US)
        )
        self._db.executemany(
            "INSERT INTO waiting (process, budget, key, provider, since_us, needed, seen_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self._process, *place, *ticket, self._now_us) for place, ticket in wanted.items()],
        )
        self._ours, self._in_doubt, self._renewed_us = wanted, False, self._now_us

    def rolled_back(self) -> None:
        """What was written last may not be there."""
        self._in_doubt = True
