"""A connection to PostgreSQL that does not wait for ever: a server that stopped answering must not stop its callers."""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.waiting import Ready, Wait


class PatientConnection(psycopg.Connection[Any]):
    """Fails when an answer takes longer than `answer_s` (seconds; None: any time is fine)."""

    answer_s: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.0, timeout: float | None = None) -> Any:
        """Let the driver's steps run until they are done."""
        limits = [limit for limit in (self.answer_s, timeout) if limit is not None]
        until = time.monotonic() + min(limits) if limits else None
        try:
            wants = next(gen)
            fileno = self.pgconn.socket
            poll = select.poll()
            while True:
                poll.register(fileno, _events(wants))
                left_s = None if until is None else until - time.monotonic()
                if left_s is not None and left_s <= 0:
                    self.close()
                    raise psycopg.OperationalError(f"no answer within {min(limits):g} s")
                found = poll.poll(None if left_s is None else 1000 * left_s)
                if found:
                    wants = gen.send(_ready(found[0][1], wants))
        except StopIteration as end:
            return end.value


def _events(wants: int) -> int:
    return (select.POLLIN if wants & Wait.R else 0) | (select.POLLOUT if wants & Wait.W else 0)


def _ready(events: int, wants: int) -> int:
    if events & ~(select.POLLIN | select.POLLOUT):  # the connection broke: the driver finds out by reading
        return Ready.R if wants & Wait.R else Ready.W
    return (Ready.R if events & select.POLLIN else 0) | (Ready.W if events & select.POLLOUT else 0)
