"""Callers that wait: how a task on any event loop is woken from any thread, and the queue for held money.

No money is counted here. It may import `_errors` and its neighbours `_base`, `_accounts`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from minimill.ledger._accounts import Refusal
from minimill.ledger._base import AttemptMeta, Balance, Claim


class Slot(Protocol):
    """One sleeper. `loop` is what `wake` hands it over to; None: it can be fired from any thread."""

    loop: Any

    def fire(self) -> None: ...
    def abandon(self) -> None:
        """The sleeper went away: firing does nothing from now on."""
        ...


class TaskSlot(Slot, Protocol):
    """A sleeping task."""

    async def wait(self, timeout_s: float | None = None) -> None:
        """Sleep until fired or until the time is over."""
        ...


class _AsyncioSlot:
    __slots__ = ("_future", "_left", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._left = False
        self._future: asyncio.Future[None] = loop.create_future()

    async def wait(self, timeout_s: float | None = None) -> None:
        if timeout_s is None:
            await self._future
            return
        timer = self.loop.call_later(timeout_s, self.fire)
        try:
            await self._future
        finally:
            timer.cancel()

    def fire(self) -> None:
        if not self._left and not self._future.done():
            self._future.set_result(None)

    def abandon(self) -> None:
        self._left = True  # cancelling the future would need its loop, which may be closed


class _TrioSlot:
    __slots__ = ("_event", "_trio", "loop")

    def __init__(self, trio: Any) -> None:
        self._trio = trio
        self.loop = trio.lowlevel.current_trio_token()
        self._event = trio.Event()

    async def wait(self, timeout_s: float | None = None) -> None:
        if timeout_s is None:
            await self._event.wait()
            return
        with self._trio.move_on_after(timeout_s):
            await self._event.wait()

    def fire(self) -> None:
        if self._event is not None:
            self._event.set()

    def abandon(self) -> None:
        self._event = None


class ThreadSlot:
    """A sleeping thread."""

    __slots__ = ("_event", "loop")

    def __init__(self) -> None:
        self.loop = None
        self._event = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until fired; False when the time was over first."""
        return self._event.wait(timeout_s)

    def fire(self) -> None:
        self._event.set()

    def abandon(self) -> None:
        pass


def task_slot() -> TaskSlot:
    """A slot for the running task, on asyncio or trio."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return _TrioSlot(trio)
    return _AsyncioSlot(asyncio.get_running_loop())


def _fire_all(slots: Iterable[Slot]) -> None:
    for slot in slots:
        slot.fire()


def wake(slots: Iterable[Slot]) -> list[Slot]:
    """Fire slots from any thread, one hop for each event loop. Returns those whose loop is gone."""
    by_loop: dict[Any, list[Slot]] = {}
    for slot in slots:
        by_loop.setdefault(slot.loop, []).append(slot)
    gone: list[Slot] = []
    for loop, group in by_loop.items():
        try:
            if loop is None:
                _fire_all(group)
            elif isinstance(loop, asyncio.AbstractEventLoop):
                loop.call_soon_threadsafe(_fire_all, group)
            else:
                loop.run_sync_soon(_fire_all, group)
        except RuntimeError:  # asyncio: the loop is closed; trio: RunFinishedError
            gone += group
    return gone


class Request:
    """A reservation that was asked for, until it is granted, refused or withdrawn."""

    __slots__ = (
        "_amounts", "_group", "_owner", "attempt_id", "came_us", "claims", "error", "expires_us", "granted",
        "meta", "refusal", "slot", "wait_busy_until", "wait_silent_until", "wait_until",
    )  # fmt: skip

    def __init__(
        self,
        attempt_id: str,
        claims: Sequence[Claim],
        meta: AttemptMeta,
        expires_us: int,
        wait_until: float | None,
        wait_silent_until: float | None,
        wait_busy_until: float | None = None,
    ) -> None:
        self.came_us = 0
        """When it was first tried, by the ledger's clock."""
        self.attempt_id = attempt_id
        self.claims = claims
        self.meta = meta
        self.expires_us = expires_us
        self.wait_until = wait_until
        self.wait_silent_until = wait_silent_until
        self.wait_busy_until = wait_busy_until
        self.slot: TaskSlot | None = None
        self.granted: tuple[Balance, ...] | None = None
        self.refusal: Refusal | None = None
        self.error: BaseException | None = None
        self._amounts: tuple[int, ...] | None = None
        self._group: tuple[str, ...] | None = None
        self._owner = [None]

    @property
    def amounts(self) -> tuple[int, ...]:
        """What it wants of each account."""
        if self._amounts is None:
            self._amounts = tuple(claim.amount_nanos or 0 for claim in self.claims)
        return self._amounts

    @property
    def group(self) -> tuple[str, ...]:
        """Equal for requests that want money of the same accounts for the same vendor."""
        if self._group is None:
            self._group = (self.meta.provider, *(text for claim in self.claims for text in (claim.budget, claim.key)))
        return self._group

    def outcome(self) -> tuple[Balance, ...]:
        """What was granted; raises what it was refused with."""
        if self.granted is not None:
            return self.granted
        if self.error is not None:
            raise self.error
        assert self.refusal is not None
        raise self.refusal.error()

    @property
    def alive(self) -> bool:
        """True until one side has taken it."""
        return bool(self._owner)

    def take(self) -> bool:
        """Decide who has the last word, the caller that leaves or the engine that answers: True for the first.

        Taking an item from a list is one step in CPython, so that it needs no lock and works anywhere.
        """
        try:
            self._owner.pop()
        except IndexError:
            return False
        return True

    def deadline(self) -> float | None:
        """Until when it waits after its last refusal; None: it does not."""
        if self.refusal is None:
            return None
        return self.deadline_for(silent=self.refusal.silent, answering=self.refusal.answering)

    def deadline_for(self, *, silent: bool, answering: bool) -> float | None:
        """Until when it would wait after such a refusal."""
        if not silent:
            return self.wait_until
        if not answering:
            return self.wait_silent_until
        given = (self.wait_until, self.wait_silent_until, self.wait_busy_until)
        return max((until for until in given if until is not None), default=None)

    def may_wait(self, monotonic: float, now_us: int) -> bool:
        """Whether waiting on may help."""
        deadline, refusal = self.deadline(), self.refusal
        if deadline is None or refusal is None or monotonic >= deadline:
            return False
        if not refusal.hopeless:
            return True
        return (refusal.window.end_us - now_us) / 1e6 < deadline - monotonic


class WaitingRoom:
    """Requests that did not fit, first come first served."""

    def __init__(self) -> None:
        self._queue: list[Request] = []

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def waits_for_a_vendor(self) -> bool:
        """Whether any of them waits for a vendor that owes answers, not for money."""
        return any(request.refusal is not None and request.refusal.silent for request in self._queue)

    def add(self, request: Request) -> None:
        """Let it wait, behind all others."""
        self._queue.append(request)

    def first(self, most: int) -> list[Request]:
        """Those that wait, in order, `most` of each group."""
        seen: dict[tuple[str, ...], int] = {}
        found = []
        for request in self._queue:
            count = seen[request.group] = seen.get(request.group, 0) + 1
            if request.alive and count <= most:
                found.append(request)
        return found

    def put_back(self, requests: list[Request]) -> None:
        """Let them wait again, each in its old place."""
        self._queue = sorted([*self._queue, *requests], key=lambda request: request.came_us)

    def longest(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        """For each account (budget, key) and its money (""), or a provider's share of it, the caller that has
        waited longest: since when, for how much.
        """
        found: dict[tuple[str, str, str], tuple[int, int]] = {}
        for request in self._queue:
            refusal = request.refusal
            if refusal is not None:
                found.setdefault(refusal.place, (request.came_us, refusal.needed))
        return found

    def clear(self) -> list[Request]:
        """Take out all of them."""
        queue, self._queue = self._queue, []
        return queue

    def discard(self, requests: set[Request]) -> None:
        """Forget requests that were answered otherwise."""
        self._queue = [request for request in self._queue if request not in requests]

    def serve(self, reserve: Callable[[Request], bool]) -> None:
        """Try each request in order; `reserve` says whether it goes on waiting.

        One that wants no less than another that has just been refused the same accounts is not tried.
        """
        floors: dict[tuple[str, ...], tuple[int, ...]] = {}
        still: list[Request] = []
        for request in self._queue:
            if not request.alive:
                continue
            floor = floors.get(request.group)
            if floor is not None and (floor == request.amounts or _covers(request.amounts, floor)):
                still.append(request)
            elif reserve(request):
                floors[request.group] = request.amounts
                still.append(request)
        self._queue = still

    def expire(self, monotonic: float) -> list[Request]:
        """Take out the requests whose time is over."""
        late = [r for r in self._queue if r.alive and (r.deadline() or 0.0) <= monotonic]
        if late or any(not r.alive for r in self._queue):
            gone = set(late)
            self._queue = [r for r in self._queue if r.alive and r not in gone]
        return late

    def next_deadline(self) -> float | None:
        """The earliest time at which a request gives up, on `time.monotonic`."""
        return min((d for r in self._queue if (d := r.deadline()) is not None), default=None)

    def next_window_us(self) -> int | None:
        """The earliest end of a window that a request waits on, by the ledger's clock."""
        return min((r.refusal.window.end_us for r in self._queue if r.refusal), default=None)


def _covers(amounts: tuple[int, ...], floor: tuple[int, ...]) -> bool:
    return all(a >= b for a, b in zip(amounts, floor, strict=True))
