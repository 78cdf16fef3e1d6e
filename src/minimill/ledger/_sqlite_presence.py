"""Which processes live: each that has money in flight says so in the file every few seconds.

What a process asked for that was killed is then no longer counted as in flight with a vendor. Its money stays
held all the same: nothing here moves any. It may import nothing of minimill.
"""

from __future__ import annotations

import os
import sqlite3

BEAT_US = 2_000_000
"""How often a process with money in flight says that it lives."""
LAPSE_US = 8_000_000
"""After so long without a word a process counts as gone."""
FORGET_US = 86_400_000_000


class Presence:
    """One connection's word that its process lives."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.process = os.urandom(8).hex()
        self._said_us = 0

    def due(self, now_us: int) -> bool:
        """Whether it is time to say so again."""
        return not 0 <= now_us - self._said_us < BEAT_US

    def say(self, now_us: int) -> None:
        """Say that this process lives, if that is due. Call it in a transaction."""
        if not self.due(now_us):
            return
        self._db.execute("DELETE FROM processes WHERE seen_us < ?", (now_us - FORGET_US,))
        self._db.execute("INSERT OR REPLACE INTO processes (id, seen_us) VALUES (?, ?)", (self.process, now_us))
        self._said_us = now_us

    def rolled_back(self) -> None:
        """What was said last may not be there."""
        self._said_us = 0
