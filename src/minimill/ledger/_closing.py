"""What is handed over without waiting: the ways an attempt closes, as objects that can be queued and repeated.

It may import `_money`, `_errors` and its neighbours `_base`, `_books`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from minimill.ledger._base import AttemptRecord
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
    __slots__ = ("amounts", "answered", "attempt_id", "record")

    def __init__(
        self, attempt_id: str, amounts: Mapping[str, int | None], record: AttemptRecord, answered: bool
    ) -> None:
        self.attempt_id = attempt_id
        self.amounts = dict(amounts)
        self.record = record
        self.answered = answered

    def apply(self, books: Books, now_us: int) -> str | None:
        return books.settle(self.attempt_id, self.amounts, self.record, self.answered, now_us)


class Release:
    __slots__ = ("answered", "attempt_id", "record")

    def __init__(self, attempt_id: str, record: AttemptRecord | None = None, answered: bool = False) -> None:
        self.attempt_id = attempt_id
        self.record = record
        self.answered = answered

    def apply(self, books: Books, now_us: int) -> str | None:
        books.release(self.attempt_id, self.record, self.answered, now_us)
        return None


class Keep:
    __slots__ = ("attempt_id", "record", "silent")

    def __init__(self, attempt_id: str, record: AttemptRecord, silent: bool) -> None:
        self.attempt_id = attempt_id
        self.record = record
        self.silent = silent

    def apply(self, books: Books, now_us: int) -> str | None:
        books.keep(self.attempt_id, self.record, self.silent, now_us)
        return None


class Answered:
    __slots__ = ("attempt_id", "provider")

    def __init__(self, provider: str) -> None:
        self.attempt_id = ""
        self.provider = provider

    def apply(self, books: Books, now_us: int) -> str | None:
        books.answered(self.provider, now_us)
        return None


def report(problem: str) -> str:
    """Log what could not be booked."""
    log.error("%s", problem)
    return problem
