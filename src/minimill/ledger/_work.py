"""What is handed to the thread that writes a ledger, and what that thread needs of the desk that does the booking.

It may import `_errors` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from minimill._errors import LedgerError
from minimill.ledger._closing import Closing
from minimill.ledger._waiting import Request, Slot, WaitingRoom


class Job:
    """Something to do in the books (`run`), or nothing but to be answered when all before it was tried."""

    __slots__ = ("error", "result", "run", "slot", "strict")

    def __init__(self, slot: Slot, run: Callable[..., Any] | None = None, *, strict: bool = False) -> None:
        self.slot = slot
        self.run = run
        """What it is called with is the desk's affair."""
        self.strict = strict
        """Whether it fails when something before it could not be written."""
        self.result: Any = None
        self.error: BaseException | None = None


class Stop(Job):
    """Write what is left until `until` (on `time.monotonic`), close the store, end the thread."""

    __slots__ = ("until",)

    def __init__(self, slot: Slot, until: float) -> None:
        super().__init__(slot, strict=True)
        self.until = until


Item = Request | Job | Closing


class Desk(Protocol):
    """Books what it is given. One thread uses it."""

    name: str
    """The ledger, as messages call it."""
    room: WaitingRoom
    decided: list[Request]
    """Requests granted, refused or failed since the writer took them last."""
    backlog: list[Closing]
    """Closings that could not be written, in order."""
    problems: list[str]
    """What could not be booked and never will be."""
    failure: LedgerError | None
    """Why the last write failed; None: it did not."""

    def write(self, work: Sequence[Item]) -> None:
        """Do all of it. What fails is told to each of them; closings stay in `backlog`."""
        ...

    def put_off(self, work: Sequence[Item]) -> None:
        """Keep the closings among them for later."""
        ...

    def fail(self, work: Sequence[Item], error: Exception) -> None:
        """Nothing of it was written: closings stay, the rest is told."""
        ...

    def open(self) -> LedgerError | None:
        """Make the store ready to be read; returns why it is not."""
        ...

    def pause_s(self) -> float | None:
        """How long to sleep at most before `may_serve_room` and `must_say_so` are asked again; None: for ever."""
        ...

    def may_serve_room(self) -> bool:
        """Whether something happened that may let a waiting caller in."""
        ...

    def must_say_so(self) -> bool:
        """Whether it is time to tell other processes that this one lives, or that its callers wait no longer."""
        ...

    def stands(self) -> str:
        """A sentence about the closings in `backlog`."""
        ...

    def left_behind(self) -> str:
        """What becomes of `backlog` when this process ends."""
        ...

    def tidy(self) -> None:
        """Called after each round."""
        ...

    def close(self, wait_s: float) -> None:
        """Let go of the store; it can be opened again."""
        ...
