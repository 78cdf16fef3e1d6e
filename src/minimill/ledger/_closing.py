"""What is handed over without waiting: the ways an attempt closes, as objects that can be queued and repeated.

It may import `_money`, `_errors` and its neighbours `_base`, `_books`.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from minimill.ledger._base import AttemptRecord, Ending
from minimill.ledger._books import Books

log = logging.getLogger("minimill.ledger")


class Closing(Protocol):
    """Applying one again changes nothing."""

    attempt_id: str
    """Empty where no attempt is closed."""

    def apply(self, books: Books, now_us: int) -> str | None:
        """Change the books; returns a sentence about what could not be booked."""
        ...


class Settle:
    __slots__ = ("amounts", "attempt_id", "record")

    def __init__(self, attempt_id: str, amounts: Mapping[str, int | None], record: AttemptRecord) -> None:
        self.attempt_id = attempt_id
        self.amounts = dict(amounts)
        self.record = record

    def apply(self, books: Books, now_us: int) -> str | None:
        return books.settle(self.attempt_id, self.amounts, self.record, now_us)


class Release:
    __slots__ = ("attempt_id", "record")

    def __init__(self, attempt_id: str, record: AttemptRecord | None = None) -> None:
        self.attempt_id = attempt_id
        self.record = record

    def apply(self, books: Books, now_us: int) -> str | None:
        books.release(self.attempt_id, self.record, now_us)
        return None


class Keep:
    __slots__ = ("attempt_id", "ending", "record")

    def __init__(self, attempt_id: str, record: AttemptRecord, ending: Ending) -> None:
        self.attempt_id = attempt_id
        self.record = record
        self.ending = ending

    def apply(self, books: Books, now_us: int) -> str | None:
        books.keep(self.attempt_id, self.record, self.ending, now_us)
        return None


class Closer(ABC):
    """The ways to close an attempt, for ledgers that queue them."""

    def settle(
        self, attempt_id: str, amounts: Mapping[str, int | None], record: AttemptRecord
    ) -> None:
        """See `Ledger.settle`."""
        self._close(Settle(attempt_id, amounts, record))

    def release(self, attempt_id: str, record: AttemptRecord | None = None) -> None:
        """See `Ledger.release`."""
        self._close(Release(attempt_id, record))

    def keep(self, attempt_id: str, record: AttemptRecord, *, ending: Ending = "silent") -> None:
        """See `Ledger.keep`."""
        self._close(Keep(attempt_id, record, ending))

    @abstractmethod
    def _close(self, closing: Closing) -> None:
        """Hand it over. Never waits."""


def report(problem: str) -> str:
    """Log what could not be booked."""
    log.error("%s", problem)
    return problem
