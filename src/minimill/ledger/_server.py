"""What a ledger's server is to the rest: the few things an engine on a server has to bring.

It may import `_errors` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from minimill._errors import LedgerError

Row = tuple[Any, ...]


class UnreachableError(LedgerError):
    """The server did not answer: whatever was asked may have been done, or not."""


class RejectedError(LedgerError):
    """The server could not make sense of what was asked. Nothing of it was done."""


class Moment(Protocol):
    """The books as they were at one moment."""

    now_us: int
    """By the server's clock."""

    def budgets(self) -> list[Row]:
        """Every budget, as `BUDGET_COLUMNS`."""
        ...

    def accounts(self, budget: str, window_id: str) -> list[Row]:
        """The accounts of a window, as `ACCOUNT_COLUMNS`."""
        ...

    def accounts_of(self, numbers: Sequence[int]) -> list[Row]:
        """These accounts, as `ACCOUNT_COLUMNS`."""
        ...

    def all_accounts(self) -> list[Row]:
        """Every account, as `ACCOUNT_COLUMNS`."""
        ...

    def open(self) -> list[Row]:
        """Attempts that are not closed, as `ATTEMPT_COLUMNS`."""
        ...

    def closed_between(self, low_us: int, high_us: int, last: int | None) -> list[Row]:
        """Closed attempts that started in [low, high), as `ATTEMPT_COLUMNS`; only the `last` ones, if given."""
        ...

    def of_call(self, call_id: str) -> list[Row]:
        """Open and closed attempts of a call, as `ATTEMPT_COLUMNS`."""
        ...

    def sums(self) -> dict[int, tuple[int, int, int]]:
        """What the entries of each account add up to: held, settled, unpriced."""
        ...


class Server(Protocol):
    """A store that runs the rules itself: one call books many operations, all of it or nothing.

    One thread uses it, but for `reading`, which opens a connection of its own. Every method raises
    `UnreachableError`, `RejectedError` or another LedgerError.
    """

    name: str
    """As messages call it: without a password."""
    most: int
    """The largest amount it counts, in nanos."""

    def open(self) -> None:
        """Connect, and bring the schema up to date; does nothing while connected."""
        ...

    def book(self, process: str, now_us: int | None, operations: Sequence[str]) -> tuple[int, list[Any]]:
        """Do the operations in order; returns when it is committed: the time it was done at, a reply for each.

        `now_us`: the time to go by; None: the server's.
        """
        ...

    def budgets(self) -> tuple[int, list[Row]]:
        """The version of the definitions, and each as `BUDGET_COLUMNS`."""
        ...

    def put_budgets(self, version: int, rows: Sequence[Row]) -> bool:
        """Write definitions, if their version is still this one; False: it is not, and nothing was written."""
        ...

    def mark(self, place: tuple[str, str, str, int], by: str) -> bool:
        """Whether `by` is who claimed this (budget, key, window, level) first."""
        ...

    def reading(self) -> AbstractContextManager[Moment]:
        """One moment of the books."""
        ...

    def close(self) -> None:
        """Let go of the connection; never waits."""
        ...


Clock = Callable[[], float]


