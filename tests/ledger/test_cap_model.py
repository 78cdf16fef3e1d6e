"""The cap in every state of a small model, the same rules as the ledger's code, and broken rules that are found."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import NamedTuple

import pytest

from minimill.ledger import AttemptRecord, BudgetDefinition, Claim
from minimill.ledger._accounts import DOUBTED, KEPT, Account, Attempt, Line, Owed, Refusal
from minimill.ledger._accounts import OPEN as REAL_OPEN
from minimill.ledger._books import Books as RealBooks
from minimill.ledger._budgets import Budget
from minimill.ledger._waiting import Request
from minimill.ledger.memory import _Dicts

from .cap_model import ABSENT, CEILING, CLOSED, LIMIT, OPEN, WITHDRAWN, Books, Explorer, Hold, Rules
from .made import meta, record

HOUR_US = 3_600_000_000


def test_the_cap_holds_in_every_state_of_three_actors() -> None:
    """26,435 states and 270,838 steps: no promise is broken in any; 100 of the states are final."""
    explorer = Explorer(Rules())
    assert explorer.run() is None
    assert (explorer.states, explorer.steps, explorer.ends) == (26_435, 270_838, 100)


# -- the rules of the model are those of the ledger ----------------------------------------------


class Answer(NamedTuple):
    """What the model answered to one message, on certain books."""

    what: str
    before: Books
    who: int
    bill: int
    granted: bool
    after: Books


class Noting(Rules):
    """The rules of the model; every answer is noted."""

    def __init__(self) -> None:
        self.answers: set[Answer] = set()

    def reserve(self, books: Books, who: int) -> tuple[Books, bool]:
        after, granted = super().reserve(books, who)
        self.answers.add(Answer("reserve", books, who, 0, granted, after))
        return after, granted

    def settle(self, books: Books, who: int, bill: int) -> Books:
        return self._noted("settle", books, who, bill, super().settle(books, who, bill))

    def release(self, books: Books, who: int) -> Books:
        return self._noted("release", books, who, 0, super().release(books, who))

    def lapse(self, books: Books, who: int) -> Books:
        return self._noted("lapse", books, who, 0, super().lapse(books, who))

    def correct(self, books: Books, who: int, bill: int) -> Books:
        return self._noted("correct", books, who, bill, super().settle(books, who, bill))

    def _noted(self, what: str, books: Books, who: int, bill: int, after: Books) -> Books:
        self.answers.add(Answer(what, books, who, bill, True, after))
        return after


@cache
def answers() -> frozenset[Answer]:
    rules = Noting()
    Explorer(rules).run()
    return frozenset(rules.answers)


@pytest.mark.parametrize("open_state", [REAL_OPEN, KEPT, DOUBTED])
def test_the_ledger_answers_as_the_model_does(open_state: str) -> None:
    """Each of the 4,591 answers that are given in all states is the one that the ledger's own rules give there.

    An open hold of the model is one in flight, one that was kept, and one whose vendor fell silent.
    """
    assert len(answers()) == 4_591
    for answer in answers():
        real = Real(answer.before, open_state)
        granted = real.do(answer.what, answer.who, answer.bill)
        assert (granted, real.told()) == (answer.granted, answer.after), answer


class Real:
    """The ledger's rules over a store that holds what the model's books hold."""

    def __init__(self, books: Books, open_state: str) -> None:
        self.store = _Dicts()
        self.books = RealBooks(self.store)
        self.now_us = books.now * HOUR_US
        self.number = len(books.holds)
        team = BudgetDefinition("team", LIMIT, "CNY", "hour", unconfirmed_share_ppm=1_000_000)
        self.store.budgets["team"] = budget = Budget(0, team, (LIMIT,))
        self.windows = [budget.window(window * HOUR_US).id for window in (0, 1)]
        for window, (held, settled) in enumerate(zip(books.held, books.settled, strict=True)):
            account = self._account(window)
            account.held, account.settled = held, settled
            account.kept = 0 if open_state == REAL_OPEN else held
            self.store.accounts["team", "", self.windows[window]] = account
        for who, hold in enumerate(books.holds):
            if hold.state != ABSENT:
                self._put(str(who), hold, open_state)

    def _account(self, window: int) -> Account:
        return self.store.account("team", "", self.windows[window])

    def _put(self, name: str, hold: Hold, open_state: str) -> None:
        account = self._account(hold.window)
        lines = [] if hold.state == WITHDRAWN else [Line(account, CEILING, hold.held, hold.booked)]
        state = {OPEN: open_state, CLOSED: "settled", WITHDRAWN: "withdrawn"}[hold.state]
        reserved_us = hold.window * HOUR_US
        self.store.put(Attempt(name, state, meta(), lines, reserved_us, reserved_us))
        if hold.state == OPEN and open_state == REAL_OPEN:
            Owed(account, "acme").fly(hold.held)
        elif hold.state == OPEN and open_state == DOUBTED:
            Owed(account, "acme").let_down(hold.held, reserved_us)

    def do(self, what: str, who: int, bill: int) -> bool:
        """Whether it was granted."""
        name = str(who)
        if what == "reserve":
            return self._reserve(name)
        if what == "settle":
            self.books.settle(name, {"team": bill}, told(name), self.now_us)
        elif what == "release":
            self.books.release(name, None, self.now_us)
        elif what == "correct":
            self.books.correct(name, {"team": bill}, None, "the bill", self.now_us)
        else:
            self.books._give_up_lost(self.now_us)
        return True

    def _reserve(self, name: str) -> bool:
        request = Request(name, [Claim("team", "", CEILING)], meta(), self.now_us, None, None, None)
        try:
            return not isinstance(self.books.reserve(request, self.now_us), Refusal)
        except Exception as error:
            assert "needs an id of its own" in str(error)
            return False

    def told(self) -> Books:
        """The store as the model would write it."""
        accounts = [self._account(window) for window in (0, 1)]
        holds = [self._hold(self.store.attempts.get(str(who))) for who in range(self.number)]
        held, settled = ((getattr(accounts[0], name), getattr(accounts[1], name)) for name in ("held", "settled"))
        return Books(tuple(holds), self.now_us // HOUR_US, held, settled)

    def _hold(self, attempt: Attempt | None) -> Hold:
        if attempt is None:
            return Hold()
        if attempt.state == "withdrawn":
            return Hold(WITHDRAWN)
        (line,) = attempt.lines
        window = self.windows.index(line.account.window_id)
        return Hold(OPEN if attempt.is_open else CLOSED, window, line.held, line.booked)


def told(name: str) -> AttemptRecord:
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return record(name, started_at=start, finished_at=start)


# -- broken rules --------------------------------------------------------------------------------


class IgnoresHolds(Rules):
    """A reservation looks at what was settled only."""

    def counted(self, books: Books) -> int:
        return books.settled[books.now]


class FreesTwice(Rules):
    """A settlement takes its ceiling off what is held each time it comes."""

    def settle(self, books: Books, who: int, bill: int) -> Books:
        hold = books.holds[who]
        if hold.state in (ABSENT, WITHDRAWN):
            return books
        return books.put(who, Hold(CLOSED, hold.window, 0, bill), -CEILING, bill - hold.booked)


class BooksTwice(Rules):
    """A settlement adds what it cost each time it comes."""

    def settle(self, books: Books, who: int, bill: int) -> Books:
        hold = books.holds[who]
        if hold.state in (ABSENT, WITHDRAWN):
            return books
        return books.put(who, Hold(CLOSED, hold.window, 0, hold.booked + bill), -hold.held, bill)


class HoldsTwice(Rules):
    """A reservation that is asked for again holds again."""

    def reserve(self, books: Books, who: int) -> tuple[Books, bool]:
        hold = books.holds[who]
        if hold.state != OPEN or self.counted(books) + 1 > LIMIT:
            return super().reserve(books, who)
        return books.put(who, hold._replace(held=hold.held + 1), 1), True


class ReleasesAfterSending(Rules):
    """A caller that sent and heard nothing takes its hold back."""

    after_silence = ("release",)


class SendsFirst(Rules):
    """A caller sends while its reservation is on its way."""

    sends_when = "asking"


class LapsingFrees(Rules):
    """A hold whose time is over comes free."""

    def lapse(self, books: Books, who: int) -> Books:
        hold = books.holds[who]
        return books.put(who, Hold(CLOSED, hold.window), -hold.held)


class DeathFrees(Rules):
    """What a process held that was killed comes free."""

    def killed(self, books: Books, who: int) -> Books:
        hold = books.holds[who]
        return books.put(who, Hold(CLOSED, hold.window), -hold.held) if hold.state == OPEN else books


class SettlesInThePresentWindow(Rules):
    """A settlement after midnight is booked in the new day."""

    def settle(self, books: Books, who: int, bill: int) -> Books:
        hold = books.holds[who]
        if hold.state != OPEN:
            return super().settle(books, who, bill)
        freed = books.put(who, Hold(CLOSED, hold.window, 0, bill), -hold.held)
        return freed.put(who, Hold(CLOSED, books.now, 0, bill), settled=bill, window=books.now)


class LooksThenHolds(Rules):
    """Check and hold are two steps: what was left when the caller looked is not looked at again."""

    def reserve(self, books: Books, who: int) -> tuple[Books, bool]:
        state = books.holds[who].state
        if state == "looked":
            return books.put(who, Hold(OPEN, books.now, held=CEILING), CEILING), True
        if state == ABSENT and self.counted(books) + CEILING <= LIMIT:
            return books.put(who, Hold("looked", books.now)), False
        return books, state == OPEN


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (IgnoresHolds, "more is held and settled than the limit: ask, ask, reserve without a reply, "
         "reserve without a reply"),
        (LooksThenHolds, "more is held and settled than the limit: ask, ask, reserve that comes again, "
         "reserve that comes again, reserve without a reply, reserve without a reply"),
        (HoldsTwice, "an attempt holds more than its ceiling: ask, reserve that comes again, reserve without a reply"),
        (SendsFirst, "the books say less than the bill: send for 1"),
        (FreesTwice, "the books say less than the bill: ask, grant, send for 1, answer, settle that comes again, "
         "settle without a reply"),
        (BooksTwice, "an attempt was closed at less or more than its bill: ask, grant, send for 1, answer, "
         "settle that comes again, settle without a reply"),
        (ReleasesAfterSending, "the books say less than the bill: ask, grant, send for 1, silence, "
         "release without a reply"),
        (LapsingFrees, "the books say less than the bill: ask, grant, send for 1, lapse"),
        (DeathFrees, "the books say less than the bill: ask, grant, send for 1, kill"),
        (SettlesInThePresentWindow, "more is held and settled than the limit: ask, ask, grant, the window ends, "
         "reserve without a reply, send for 2, correct"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found(rules: type[Rules], fault: str) -> None:
    """For each rule that the cap rests on: without it a promise breaks, and this is the shortest way there."""
    assert Explorer(rules()).run() == fault
