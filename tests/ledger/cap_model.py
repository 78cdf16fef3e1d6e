"""A small model of the cap, and an explorer that visits every state it can reach.

Three actors make one attempt each against one budget of 3 units, with ceilings of 2. Any of them may be killed between
any two steps; a message to the books may come late, twice or never, its reply may be lost; holds lapse, somebody who
has seen the bill corrects what nobody closed, and the window rolls over. `Rules` says how the books answer; a subclass
that breaks one rule shows that the explorer notices. `docs/explanation/hard-caps.md` tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 3
CEILING = 2
BILLS = (0, 1, 2)
"""What the vendor may charge for an attempt that reached it; 0: it refused, with an error of its own."""

ABSENT, OPEN, CLOSED, WITHDRAWN = "absent", "open", "closed", "withdrawn"


class Hold(NamedTuple):
    """One attempt as the books know it."""

    state: str = ABSENT
    window: int = 0
    held: int = 0
    booked: int = 0


class Books(NamedTuple):
    """The balances of both windows, and the attempts that they should be the sums of."""

    holds: tuple[Hold, ...]
    now: int = 0
    """The present window: 0, and after the roll-over 1."""
    held: tuple[int, int] = (0, 0)
    settled: tuple[int, int] = (0, 0)

    def put(self, who: int, hold: Hold, held: int = 0, settled: int = 0, window: int | None = None) -> Books:
        """One entry: the attempt changed, and the balances of its window moved by so much."""
        at = hold.window if window is None else window
        holds = (*self.holds[:who], hold, *self.holds[who + 1 :])
        return Books(holds, self.now, _moved(self.held, at, held), _moved(self.settled, at, settled))


def _moved(sums: tuple[int, int], window: int, by: int) -> tuple[int, int]:
    return (sums[0] + by, sums[1]) if window == 0 else (sums[0], sums[1] + by)


class Actor(NamedTuple):
    """One caller with its attempt."""

    step: str = "asking"
    """`asking`, `granted`, `sent`, `done`. One that was killed is done, without having said so to the books."""
    bill: int = 0
    """What the vendor bills."""
    wire: tuple[str, ...] = ()
    """Messages to the books that may still arrive."""


class World(NamedTuple):
    """One state of everything."""

    books: Books
    actors: tuple[Actor, ...]


class Rules:
    """How the books answer, and what callers do; `who` is the number of the attempt."""

    def reserve(self, books: Books, who: int) -> tuple[Books, bool]:
        """Hold the ceiling; False: refused. Asked again, it says the same and holds no more."""
        known = books.holds[who]
        if known.state != ABSENT:
            return books, known.state == OPEN
        if self.counted(books) + CEILING > LIMIT:
            return books, False
        return books.put(who, Hold(OPEN, books.now, held=CEILING), held=CEILING), True

    def counted(self, books: Books) -> int:
        """What counts against the limit."""
        return books.settled[books.now] + books.held[books.now]

    def settle(self, books: Books, who: int, bill: int) -> Books:
        """Book what it cost in place of what it holds, in the window that reserved it."""
        hold = books.holds[who]
        if hold.state in (ABSENT, WITHDRAWN):
            return books
        return books.put(who, Hold(CLOSED, hold.window, 0, bill), -hold.held, bill - hold.booked)

    def release(self, books: Books, who: int) -> Books:
        """Nothing was billed. An attempt that is unknown can never be reserved afterwards."""
        hold = books.holds[who]
        if hold.state == ABSENT:
            return books.put(who, Hold(WITHDRAWN))
        if hold.state != OPEN:
            return books
        return books.put(who, Hold(CLOSED, hold.window), -hold.held)

    def lapse(self, books: Books, who: int) -> Books:
        """The time of a hold is over: a label, and no money."""
        return books

    def killed(self, books: Books, who: int) -> Books:
        """The process of a caller is gone: its hold stands."""
        return books

    def correct(self, books: Books, who: int, bill: int) -> Books:
        """Somebody has seen the bill."""
        return self.settle(books, who, bill)

    sends_when = "granted"
    """The step at which a caller sends."""
    after_silence: tuple[str, ...] = ()
    """What a caller tells the books that sent and heard nothing: nothing, so that the hold stands."""


class Explorer:
    """Visits every state that can be reached under `rules`, and checks each."""

    def __init__(self, rules: Rules, actors: int = 3) -> None:
        self.rules = rules
        self.start = World(Books((Hold(),) * actors), (Actor(),) * actors)
        self.states = self.steps = self.ends = 0

    def run(self) -> str | None:
        """The first broken promise and the shortest way to it; None: every one is kept in every state."""
        came: dict[World, tuple[World, str] | None] = {self.start: None}
        queue = [self.start]
        for world in queue:
            fault = fault_in(world)
            if fault:
                return f"{fault}: {', '.join(_path(came, world))}"
            quiet = True
            for name, after in self.steps_from(world):
                known = _same(after)
                self.steps += 1
                quiet = quiet and known == world
                if known not in came:
                    came[known] = world, name
                    queue.append(known)
            self.ends += quiet
        self.states = len(queue)
        return None

    def steps_from(self, world: World) -> Iterator[tuple[str, World]]:
        """Everything that may happen next."""
        books, actors = world
        if books.now == 0:
            yield "the window ends", World(books._replace(now=1), actors)
        for who, actor in enumerate(actors):
            for name, books_after, actor_after in self._of(books, who, actor):
                yield name, World(books_after, (*actors[:who], actor_after, *actors[who + 1 :]))

    def _of(self, books: Books, who: int, actor: Actor) -> Iterator[tuple[str, Books, Actor]]:
        yield from self._acts(books, who, actor)
        yield from self._arrives(books, who, actor)
        if books.holds[who].state == OPEN:
            yield "lapse", self.rules.lapse(books, who), actor
            if actor.step in ("sent", "done") and "reserve" not in actor.wire:
                # A correction is the truth: nobody makes one for an attempt that may still be sent.
                yield "correct", self.rules.correct(books, who, actor.bill), actor

    def _acts(self, books: Books, who: int, actor: Actor) -> Iterator[tuple[str, Books, Actor]]:
        step, bill, wire = actor
        if step == "done":
            return
        if step == "asking" and "reserve" not in wire:
            yield "ask", books, Actor(step, bill, ("reserve",))
        if step == self.rules.sends_when:
            for cost in BILLS:
                yield f"send for {cost}", books, Actor("sent", cost, wire)
        if step in ("asking", "granted"):
            yield "give up", books, Actor("done", bill, (*wire, "release"))
        if step == "sent":
            yield "answer", books, Actor("done", bill, (*wire, "settle" if bill else "release"))
            yield "silence", books, Actor("done", bill, (*wire, *self.rules.after_silence))
        yield "kill", self.rules.killed(books, who), Actor("done", bill, wire)

    def _arrives(self, books: Books, who: int, actor: Actor) -> Iterator[tuple[str, Books, Actor]]:
        for message in actor.wire:
            left = actor._replace(wire=tuple(other for other in actor.wire if other != message))
            after, granted = self._book(books, who, actor.bill, message)
            yield f"lose {message}", books, left
            yield f"{message} without a reply", after, left
            yield f"{message} that comes again", after, actor
            if message == "reserve" and actor.step == "asking":
                yield ("grant", after, left._replace(step="granted")) if granted else (
                    "refuse", after, left._replace(step="done"))  # fmt: skip

    def _book(self, books: Books, who: int, bill: int, message: str) -> tuple[Books, bool]:
        if message == "reserve":
            return self.rules.reserve(books, who)
        after = self.rules.settle(books, who, bill) if message == "settle" else self.rules.release(books, who)
        return after, False


def _same(world: World) -> World:
    """Actors differ in nothing but their number: one order stands for all."""
    books, actors = world
    pairs = sorted(zip(actors, books.holds, strict=True))
    return World(Books(tuple([hold for _, hold in pairs]), *books[1:]), tuple([actor for actor, _ in pairs]))


def _path(came: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    names: list[str] = []
    while (before := came[world]) is not None:
        world, name = before
        names.append(name)
    return names[::-1]


def fault_in(world: World) -> str | None:
    """Which promise is broken in a state; None: none."""
    books, actors = world
    for window in (0, 1):
        own = [(a, h) for a, h in zip(actors, books.holds, strict=True) if h.window == window]
        billed = sum(actor.bill for actor, _ in own)
        held, settled = books.held[window], books.settled[window]
        if billed > LIMIT:
            return "the vendor bills more than the limit"
        if held + settled > LIMIT:
            return "more is held and settled than the limit"
        if held + settled < billed:
            return "the books say less than the bill"
        if held != sum(hold.held for _, hold in own):
            return "what is held is not the sum of the holds"
        if settled != sum(hold.booked for _, hold in own):
            return "what is settled is not the sum of what was booked"
    for actor, hold in zip(actors, books.holds, strict=True):
        if hold.held > CEILING:
            return "an attempt holds more than its ceiling"
        if hold.state == CLOSED and actor.step == "done" and not actor.wire and hold.booked != actor.bill:
            return "an attempt was closed at less or more than its bill"
    return None
