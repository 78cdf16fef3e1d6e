"""Booking on a server: many operations in one call, and the callers of this process that wait for money.

It knows no threads and wakes nobody. It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from minimill._errors import LedgerError, MinimillError
from minimill._money import Money
from minimill.ledger._accounts import Account, Refusal
from minimill.ledger._audit import unknown_budget
from minimill.ledger._base import Balance, BudgetDefinition
from minimill.ledger._books import (
    billed_otherwise,
    charged_elsewhere,
    no_correction,
    nobody,
    too_much,
    undeclared,
    used_up,
)
from minimill.ledger._budgets import Budget, check_most, declared, with_limit
from minimill.ledger._closing import Closing, Release, log, report
from minimill.ledger._journal import Journal
from minimill.ledger._rows import budget_of, budget_row
from minimill.ledger._server import Clock, RejectedError, Server, UnreachableError
from minimill.ledger._server_wire import (
    ALIVE,
    LABEL,
    closing_text,
    correct_text,
    is_count,
    merged,
    problem_of,
    replay_problem,
    reserve_text,
    wait_text,
)
from minimill.ledger._waiting import Request, WaitingRoom
from minimill.ledger._work import Item, Job

T = TypeVar("T")

BEAT_S = 2.0
"""How often a process with money in flight says that it lives."""
POLL_S = (0.02, 0.1)
"""Shortest and longest pause between two looks whether a waiting caller can be served."""
TRIED = 100
"""Most callers that are tried at once, of those that want the same."""
ROUNDS = 5
"""How often one reservation is asked for again, because clocks differ or holds had to be labelled first."""
REPLAYED = 100
"""Operations of a journal that are written at once."""


class ServerDesk:
    """Takes operations, and says afterwards which requests were decided and which closings are still to do."""

    def __init__(self, server: Server, clock: Clock | None) -> None:
        self.name = server.name
        self.room = WaitingRoom()
        self.decided: list[Request] = []
        self.backlog: list[Closing] = []
        self.problems: list[str] = []
        self.failure: LedgerError | None = None
        self.budgets: dict[str, Budget] = {}
        self.server = server
        self._clock = clock
        self._process = os.urandom(8).hex()
        self._journal = Journal(self.name, self._process)
        self._looked_for_journals = False
        self._offset_us = self._local_us() - time.monotonic_ns() // 1000
        self._in_flight: set[str] = set()
        self._said_at = -BEAT_S
        self._tickets: dict[tuple[str, str, str], int] = {}
        self._poll_s = POLL_S[0]
        self._poll_at = 0.0
        self._sent: set[Request] = set()

    # -- writing ---------------------------------------------------------------------------------

    def write(self, work: Sequence[Item]) -> None:
        """See `Desk.write`."""
        work = [*self._take_backlog(), *work]
        self._sent = set()
        try:
            self._book(work)
        except RejectedError as error:
            self._isolate(work, error)
        except LedgerError as error:
            self.fail(work, error)
        except Exception as error:
            self._isolate(work, error)
        else:
            self.failure = None
            self._journal.clear()

    def put_off(self, work: Sequence[Item]) -> None:
        """See `Desk.put_off`. They are on this machine's disk from then on."""
        self.backlog += [item for item in work if not isinstance(item, (Request, Job))]
        lines = [self._line(closing) for closing in self.backlog]
        try:
            self._journal.keep([line for line in lines if line])
        except OSError as error:
            report(f"{self.stands()}; they could not be kept on disk: {error}")

    def open(self) -> LedgerError | None:
        """See `Desk.open`."""
        try:
            self.server.open()
            self._replay()
        except LedgerError as error:
            return error
        return None

    def _take_backlog(self) -> list[Closing]:
        backlog, self.backlog = self.backlog, []
        return backlog

    def _text(self, closing: Closing) -> str:
        return closing_text(closing, self.server.most)

    def _line(self, closing: Closing) -> str:
        """What the journal keeps; empty where a closing cannot be put into words: it cannot be booked either."""
        try:
            return self._text(closing)
        except Exception as error:
            log.debug("attempt %s: %r", closing.attempt_id, error)
            return ""

    def _book(self, work: Sequence[Item]) -> None:
        self.server.open()
        self._replay()
        closings = [item for item in work if not isinstance(item, (Request, Job))]
        fresh = [item for item in work if isinstance(item, Request) and item.alive]
        # Somebody new may pass those that wait only if they were all tried.
        waiting = self.room.first(len(self.room) if fresh else TRIED)
        tried = dict.fromkeys(waiting, True) | dict.fromkeys(fresh, False)
        first = [self._text(closing) for closing in closings]
        if closings or fresh:
            self._poll_s = POLL_S[0]
        if self._stale_tickets():
            self._tickets = {place: since for place, (since, _) in self.room.longest().items()}
            first.append(wait_text(self._tickets))
        if self._must_beat() or (tried and self._is_beat_due()):
            first.append(ALIVE)
        replies = self._reserve(tried, first)
        for reply, closing in zip(replies, closings, strict=False):
            problem = problem_of(closing, reply, self.server.most)
            if problem:
                self.problems.append(report(problem))
        self._in_flight.difference_update(closing.attempt_id for closing in closings)
        for item in work:
            if isinstance(item, Job) and item.run is not None:
                _run(item, self)

    # -- asking ----------------------------------------------------------------------------------

    def _ask(self, operations: Sequence[str]) -> tuple[int, list[Any]]:
        given_us = None if self._clock is None else self._local_us()
        now_us, replies = self._twice(lambda: self.server.book(self._process, given_us, operations))
        self._offset_us = now_us - time.monotonic_ns() // 1000
        if ALIVE in operations:
            self._said_at = time.monotonic()
        return now_us, replies

    def _twice(self, ask: Callable[[], T]) -> T:
        """Ask again over a new connection when the reply was lost: every operation may be repeated."""
        try:
            return ask()
        except UnreachableError:
            self.server.close()
            self.server.open()
            return ask()

    def _local_us(self) -> int:
        return int((time.time if self._clock is None else self._clock)() * 1_000_000)

    def _now_us(self) -> int:
        """About what the server's clock shows."""
        return self._local_us() if self._clock is not None else time.monotonic_ns() // 1000 + self._offset_us

    def _reserve(self, tried: Mapping[Request, bool], first: list[str]) -> list[Any]:
        """Do what comes first, then ask for the reservations (True: it waits already). Returns the first replies."""
        done: list[Any] | None = None
        left = dict(tried)
        before = len(self.decided)
        for _ in range(ROUNDS):
            asked = self._asked(left)
            left = {}
            operations = [*first, *asked.values()]
            if not operations:
                break
            self._sent.update(asked)
            now_us, replies = self._ask(operations)
            if done is None:
                done = replies[: len(first)]
            stale = False
            for request, reply in zip(asked, replies[len(first) :], strict=True):
                if reply["r"] == "window" or reply.get("stale"):
                    left[request] = tried[request]
                    stale |= reply["r"] != "window"
                else:
                    self._hear(request, reply, now_us, was_waiting=tried[request])
            first = [LABEL] if stale else []
            if not left:
                break
        for request in left:
            self._decide(request, error=LedgerError(f"{self.name}: its clock and this one's cannot be reconciled"))
        self._rest(len(self.decided) > before)
        return done or []

    def _asked(self, left: Mapping[Request, bool]) -> dict[Request, str]:
        asked: dict[Request, str] = {}
        monotonic, now_us = time.monotonic(), self._now_us()
        for request, again in left.items():
            try:
                wanted = self._merged(request)
                lasts_us = request.expires_us - self._local_us()
                asked[request] = reserve_text(request, wanted, now_us, lasts_us, again=again, monotonic=monotonic)
            except (UnreachableError, RejectedError):
                raise
            except (LedgerError, ValueError) as error:
                self._decide(request, error=error)
        return asked

    def _merged(self, request: Request) -> list[tuple[Budget, str, int | None]]:
        if any(claim.budget not in self.budgets for claim in request.claims):
            self._load_budgets()
        return merged(request.claims, self.budgets, self.server.most)

    def _load_budgets(self) -> int:
        version, rows = self._twice(self.server.budgets)
        self.budgets = {row[1]: budget_of(row) for row in rows}
        return version

    # -- hearing ---------------------------------------------------------------------------------

    def _hear(self, request: Request, reply: Mapping[str, Any], now_us: int, *, was_waiting: bool) -> None:
        kind = reply["r"]
        if kind == "held":
            self._in_flight.add(request.attempt_id)
            self._tickets = {place: since for place, since in self._tickets.items() if since != request.came_us}
            self._decide(request, granted=self._balances(reply))
        elif kind == "refused":
            self._refuse(request, reply, now_us, was_waiting=was_waiting)
        elif kind != "behind":
            self._decide(request, error=_error(request, reply))

    def _refuse(self, request: Request, reply: Mapping[str, Any], now_us: int, *, was_waiting: bool) -> None:
        request.came_us = int(reply["came"])
        request.refusal = refusal = self._refusal(request, reply, now_us)
        if not request.may_wait(time.monotonic(), now_us):
            self._decide(request)
            return
        if not was_waiting:
            self.room.add(request)
        if not refusal.hopeless:
            self._tickets[refusal.place] = min(request.came_us, self._tickets.get(refusal.place, request.came_us))

    def _decide(
        self, request: Request, *, granted: tuple[Balance, ...] | None = None, error: BaseException | None = None
    ) -> None:
        request.granted, request.error = granted, error
        self.decided.append(request)
        self._sent.discard(request)
        self.room.discard({request})

    def _balances(self, reply: Mapping[str, Any]) -> tuple[Balance, ...]:
        found = []
        for name, key, window_id, limit, settled, held, kept, unpriced, hard in reply["b"]:
            window = self.budgets[name].window(int(reply["at"]))
            currency = self.budgets[name].currency
            numbers = (int(limit), int(settled), int(held), int(kept))
            found.append(
                Balance(name, key, window_id, currency, *numbers, bool(hard), window.resets_at, int(unpriced))
            )
        return tuple(found)

    def _refusal(self, request: Request, reply: Mapping[str, Any], now_us: int) -> Refusal:
        budget = self.budgets[reply["budget"]]
        if budget.limit != int(reply["limit"]):
            budget = self.budgets[budget.name] = with_limit(budget, int(reply["limit"]))
        claims = [claim for claim in request.claims if claim.budget == budget.name]
        account = Account(0, budget.name, claims[0].key, reply["window"], int(reply["settled"]), int(reply["held"]))
        silent, promised = bool(reply.get("silent")), int(reply.get("promised", 0))
        window = budget.window(now_us)
        needed = sum(claim.amount_nanos or 0 for claim in claims)
        refusal = Refusal(
            budget, account, window, needed, request.meta.provider, silent=silent, promised=promised
        )
        refusal.answering = bool(reply.get("answering"))
        return refusal

    # -- callers that wait, and other processes --------------------------------------------------

    def pause_s(self) -> float | None:
        """See `Desk.pause_s`."""
        pauses = [BEAT_S] if self._in_flight else []
        if len(self.room):
            pauses.append(max(0.0, self._poll_at - time.monotonic()))
        elif self._stale_tickets():
            pauses.append(POLL_S[0])
        return min(pauses) if pauses else None

    def may_serve_room(self) -> bool:
        """See `Desk.may_serve_room`."""
        return len(self.room) > 0 and time.monotonic() >= self._poll_at

    def must_say_so(self) -> bool:
        """See `Desk.must_say_so`."""
        return self._must_beat() or (self._stale_tickets() and not len(self.room))

    def _rest(self, moved: bool) -> None:
        """When to look again: at once after somebody was served, seldom while nothing happens."""
        self._poll_s = POLL_S[0] if moved else min(self._poll_s * 1.5, POLL_S[1])
        self._poll_at = time.monotonic() + (0.0 if moved else self._poll_s)

    def _stale_tickets(self) -> bool:
        longest = self.room.longest() if self._tickets else {}
        return any(longest.get(place, (0, 0))[0] != since for place, since in self._tickets.items())

    def _must_beat(self) -> bool:
        return bool(self._in_flight) and self._is_beat_due()

    def _is_beat_due(self) -> bool:
        return time.monotonic() - self._said_at >= BEAT_S

    # -- jobs ------------------------------------------------------------------------------------

    def declare(self, wanted: Sequence[BudgetDefinition]) -> list[str]:
        """See `Ledger.declare`."""
        for definition in wanted:
            check_most(definition, self.server.most, self.name)
        return self._define(lambda: declared(wanted, self.budgets))

    def set_limit(self, name: str, limit_nanos: int) -> None:
        """See `Ledger.set_limit`."""

        def change() -> tuple[list[Budget], list[str]]:
            if name not in self.budgets:
                raise unknown_budget(name, self.budgets)
            changed = with_limit(self.budgets[name], limit_nanos)
            check_most(changed.definition, self.server.most, self.name)
            return [changed], []

        self._define(change)

    def _define(self, change: Callable[[], tuple[list[Budget], list[str]]]) -> list[str]:
        while True:
            version = self._load_budgets()
            changed, said = change()
            rows = [budget_row(budget) for budget in changed]
            if not changed or self._twice(lambda v=version, r=rows: self.server.put_budgets(v, r)):  # type: ignore[misc]
                self.budgets |= {budget.name: budget for budget in changed}
                self._poll_at = 0.0
                return said

    def correct(self, attempt_id: str, amounts: Mapping[str, int], charged: Money | None, reason: str) -> None:
        """See `Ledger.correct`."""
        counts = {name: amount for name, amount in amounts.items() if is_count(amount, self.server.most)}
        wrong = [amount for name, amount in amounts.items() if name not in counts]
        sure = {} if wrong else counts
        _, (reply,) = self._ask([correct_text(attempt_id, sure, None if wrong else charged, reason)])
        if reply["why"] == "nobody":
            raise nobody(attempt_id)
        if charged is not None and reply["billed"] not in (None, charged.currency):
            raise billed_otherwise(attempt_id, reply["billed"], charged.currency)
        for name, amount in amounts.items():
            if name not in reply["claimed"]:
                raise charged_elsewhere(attempt_id, reply["claimed"], name)
            if name not in counts or reply["why"] == "nanos":
                raise no_correction(amount)
        self._poll_at = 0.0

    def mark(self, place: tuple[str, str, str, int], by: str) -> bool:
        """See `Server.mark`."""
        return self._twice(lambda: self.server.mark(place, by))

    # -- what went wrong -------------------------------------------------------------------------

    def fail(self, work: Sequence[Item], error: Exception) -> None:
        """See `Desk.fail`."""
        failure = error if isinstance(error, LedgerError) else self._ledger_error(error)
        self.server.close()
        decided = set(self.decided)
        requests = ({item for item in work if isinstance(item, Request)} | self._sent) - decided
        for request in requests:
            if request in self._sent:
                self.backlog.append(Release(request.attempt_id))  # it may have been granted all the same
            request.granted, request.error = None, failure
        self.room.discard(requests)
        self.decided += requests
        for item in work:
            if isinstance(item, Job) and item.run is not None:
                item.error = failure
        first = self.failure is None
        self.failure = failure
        self.put_off(work)
        if self.backlog and first:
            report(f"{failure.message}; trying again: {self.stands()}")

    def _isolate(self, work: Sequence[Item], error: Exception) -> None:
        """One of them cannot be written as it is: find it, so that the others are."""
        waiting = self._sent - {item for item in work if isinstance(item, Request)}
        if len(work) + len(waiting) > 1:
            self.room.discard(waiting)
            for item in (*sorted(waiting, key=lambda request: request.came_us), *work):
                self.write([item])
            self.room.put_back([])
        elif waiting or not work or isinstance(work[0], (Request, Job)):
            self._sent = set()
            self.fail([*waiting, *work], error)
        else:
            self.problems.append(report(f"attempt {work[0].attempt_id}: it cannot be booked: {error!r}"))

    def _ledger_error(self, error: Exception) -> LedgerError:
        failure = LedgerError(f"{self.name}: {error}; nothing was sent")
        failure.__cause__ = error
        return failure

    def stands(self) -> str:
        """See `Desk.stands`."""
        ids = list(dict.fromkeys(closing.attempt_id for closing in self.backlog if closing.attempt_id))
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        return f"what attempts {', '.join(ids[:5])}{more} hold in {self.name} stands until they are written"

    def left_behind(self) -> str:
        """See `Desk.left_behind`."""
        if self._journal.path is None:
            return f"{self.stands()}, and this process will not write them any more"
        return (
            f"{self.stands()}: they are kept in {self._journal.path}, "
            "and the next process of this machine that opens the ledger writes them"
        )

    # -- the journal, and the end ----------------------------------------------------------------

    def _replay(self) -> None:
        """Write what processes of this machine left behind when they ended."""
        if self._looked_for_journals:
            return
        for path, lines in self._journal.left_behind():
            for start in range(0, len(lines), REPLAYED):
                self._replay_some(lines[start : start + REPLAYED])
            with contextlib.suppress(OSError):
                path.unlink()
        self._looked_for_journals = True

    def _replay_some(self, lines: list[str]) -> None:
        try:
            _, replies = self._ask(lines)
        except RejectedError as error:
            if len(lines) == 1:
                self.problems.append(report(f"left in a journal, it cannot be booked: {error.message}: {lines[0]}"))
                return
            for line in lines:
                self._replay_some([line])
        else:
            self.problems += [report(said) for said in map(replay_problem, lines, replies) if said]

    def tidy(self) -> None:
        """See `Desk.tidy`."""

    def close(self, wait_s: float) -> None:
        """See `Desk.close`."""
        self.server.close()
        self._journal.close()


def _run(job: Job, desk: ServerDesk) -> None:
    assert job.run is not None
    job.error = None
    try:
        job.result = job.run(desk)
    except (MinimillError, ValueError) as error:
        job.error = error


def _error(request: Request, reply: Mapping[str, Any]) -> Exception:
    kind = reply["r"]
    if kind == "closed":
        return used_up(request.attempt_id, reply["state"])
    if kind == "unknown":
        return undeclared(reply["budget"])
    if kind == "full":
        return too_much(reply["budget"])
    return ValueError(f"a claim on the hard budget {reply['budget']!r} needs an amount")


