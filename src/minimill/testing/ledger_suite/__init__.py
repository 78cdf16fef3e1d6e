"""What every ledger promises, as tests that any ledger can run.

For authors of ledgers. It needs pytest, hypothesis and trio; anyio's pytest plugin runs each test on asyncio and on
trio (override its fixture `anyio_backend` where a ledger knows one only). Subclass `LedgerSuite` and say how to open
your ledger:

    class TestMyLedger(LedgerSuite):
        @pytest.fixture
        def new_books(self, tmp_path):
            numbers = itertools.count()

            def books():
                path = tmp_path / f"{next(numbers)}.books"
                return lambda clock: MyLedger(path, clock=clock)

            return books

Each test gets books of its own, and a clock that only it moves: a ledger under test must go by the clock that it is
given, for windows, expiry and answers of vendors. When a test is over the books are audited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from minimill import LedgerError
from minimill.ledger import Ledger

from ._alike import Alike
from ._closing import Closing
from ._defining import Defining
from ._histories import Histories
from ._holding import Holding
from ._keeping import Keeping
from ._made import Clock, Open
from ._marking import Marking
from ._silence import Silence
from ._waiting import Waiting

__all__ = ["Clock", "LedgerSuite", "Open"]


class LedgerSuite(Holding, Closing, Keeping, Silence, Waiting, Defining, Marking, Histories, Alike):
    """Every test of a ledger. A subclass overrides `new_books`.

    `histories` is how many random histories are played, of two kinds; lower it where making new books takes long.
    """

    @pytest.fixture
    def new_books(self) -> Callable[[], Open]:
        """A function: each call makes empty books, and returns a function that opens a ledger on them.

        That one takes the clock (seconds since 1970, as `time.time`), and may be called several times: the ledgers
        then share their books.
        """
        raise NotImplementedError(f"{type(self).__name__} has to override the fixture new_books")

    @pytest.fixture
    def clock(self) -> Clock:
        """The ledger's clock: it stands at noon UTC of 24 November 2026 until a test moves it."""
        return Clock()

    @pytest.fixture
    async def ledger(self, new_books: Callable[[], Open], clock: Clock) -> AsyncIterator[Ledger]:
        """A ledger on books of its own, which add up when the test is over."""
        made = new_books()(clock)
        yield made
        try:
            assert await made.audit() == []
        except LedgerError as error:
            assert "was closed" in str(error)  # the test did it
        await made.aclose()
