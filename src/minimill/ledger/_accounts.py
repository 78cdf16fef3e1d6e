"""What the books are made of: accounts, attempts, providers, and the store an engine keeps them in.

No rules. It may import `_money`, `_errors` and its neighbours `_base`, `_budgets`, `_windows`.
"""

from __future__ import annotations

from typing import Protocol

from minimill._errors import BudgetExceededError
from minimill._money import Money
from minimill.ledger._base import AttemptMeta, AttemptRecord
from minimill.ledger._budgets import Budget
from minimill.ledger._windows import Window

OPEN = "open"
KEPT = "kept"
DOUBTED = "doubted"
SETTLED = "settled"
RELEASED = "released"
WITHDRAWN = "withdrawn"
OLD, NEW, SINCE = "?", "!", "@"
"""End a provider's name where the money that it let down is counted, as `Owed` says; no provider is called so."""


class Owed:
    """What one provider owes to one account, as a view of `Account.owed`.

    Beside what is in flight it counts what the provider let down. Whole answers take their own reservations off
    that, but only those to attempts that were begun after what they forgive: what a vendor that has just died
    still answers proves nothing about what came later. So there are two sums, `old` and `new`, and the instant
    `since` that parts them: an answer to an attempt begun after `since` takes from `old`, and when that is empty,
    `new` becomes old, and is forgiven by answers to attempts that are begun from then on.
    """

    __slots__ = ("_name", "_sums")

    def __init__(self, account: Account, provider: str) -> None:
        self._sums = account.owed
        self._name = provider

    @property
    def flight(self) -> int:
        """What is in flight."""
        return self._sums.get(self._name, 0)

    @property
    def doubt(self) -> int:
        """What was let down and is not forgiven."""
        if self._is_clean:
            return 0
        return self._sums.get(self._name + OLD, 0) + self._sums.get(self._name + NEW, 0)

    @property
    def _is_clean(self) -> bool:
        """Whether the account knows of nothing but what is in flight with this provider: most do."""
        return len(self._sums) < 2 and self._name in self._sums

    def fly(self, nanos: int) -> None:
        """Add to what is in flight."""
        total = self._sums.get(self._name, 0) + nanos
        if total > 0:
            self._sums[self._name] = total
        else:
            self._sums.pop(self._name, None)

    def let_down(self, nanos: int, begun_us: int) -> None:
        """An attempt that was begun then came to nothing."""
        kind = OLD if begun_us < self._sums.get(self._name + SINCE, 0) else NEW
        self._put(kind, self._sums.get(self._name + kind, 0) + nanos)

    def forgive(self, nanos: int, begun_us: int, now_us: int) -> bool:
        """An attempt that was begun then was answered; True if anything is forgiven or will be sooner."""
        if not self._sums or self._is_clean:
            return False
        if begun_us < self._sums.get(self._name + SINCE, 0) or not self.doubt:
            return False
        self._put(OLD, self._sums.get(self._name + OLD, 0) - nanos)
        if not self._sums.get(self._name + OLD) and self._sums.get(self._name + NEW):
            self._put(OLD, self._sums[self._name + NEW])
            self._put(NEW, 0)
            self._sums[self._name + SINCE] = now_us
        if not self.doubt:
            self._sums.pop(self._name + SINCE, None)
        return True

    def clear(self, nanos: int) -> None:
        """What was let down is known now."""
        old = self._sums.get(self._name + OLD, 0)
        self._put(OLD, old - nanos)
        if nanos > old:
            self._put(NEW, self._sums.get(self._name + NEW, 0) - (nanos - old))
        if not self.doubt:
            self._sums.pop(self._name + SINCE, None)

    def _put(self, kind: str, nanos: int) -> None:
        if nanos > 0:
            self._sums[self._name + kind] = nanos
        else:  # answers may have taken off already what a late settlement takes off now
            self._sums.pop(self._name + kind, None)


class Account:
    """The sums of one account in one window of a budget."""

    __slots__ = ("budget", "held", "id", "kept", "key", "owed", "settled", "unpriced", "window_id")

    def __init__(
        self,
        id: int,
        budget: str,
        key: str,
        window_id: str,
        settled: int = 0,
        held: int = 0,
        kept: int = 0,
        unpriced: int = 0,
        owed: dict[str, int] | None = None,
    ) -> None:
        self.id = id
        self.budget = budget
        self.key = key
        self.window_id = window_id
        self.settled = settled
        self.held = held
        self.kept = kept
        """The part of `held` whose attempts ended without anyone knowing what they cost."""
        self.unpriced = unpriced
        self.owed = owed or {}
        """By provider, what is in flight with it and what it let down: see `Owed`."""


class Line:
    """What one attempt reserved, holds and has booked in one account."""

    __slots__ = ("account", "booked", "corrected", "held", "reserved", "unpriced")

    def __init__(
        self,
        account: Account,
        reserved: int | None,
        held: int,
        booked: int = 0,
        unpriced: bool = False,
        corrected: bool = False,
    ) -> None:
        self.account = account
        self.reserved = reserved
        """None: the ceiling was unknown."""
        self.held = held
        self.booked = booked
        self.unpriced = unpriced
        self.corrected = corrected


class Attempt:
    """One attempt in the books, from its reservation on."""

    __slots__ = ("charged", "expires_us", "id", "lines", "meta", "place", "record", "reserved_us", "state")

    def __init__(
        self,
        id: str,
        state: str,
        meta: AttemptMeta | None,
        lines: list[Line],
        reserved_us: int,
        expires_us: int,
        record: AttemptRecord | None = None,
        charged: Money | None = None,
        place: object = None,
    ) -> None:
        self.id = id
        self.state = state
        self.meta = meta
        self.lines = lines
        self.reserved_us = reserved_us
        self.expires_us = expires_us
        self.record = record
        self.charged = charged
        """What a correction said the vendor charged, in the vendor's currency."""
        self.place = place
        """Where an engine stored it; its own affair."""

    @property
    def is_open(self) -> bool:
        """True while its outcome is unknown."""
        return self.state in (OPEN, KEPT, DOUBTED)


class Provider:
    """When a vendor was last heard, and when it was last waited for in vain. 0: never."""

    __slots__ = ("answered_us", "doubted_us", "name", "probes", "silent_us")

    def __init__(
        self, name: str, answered_us: int = 0, silent_us: int = 0, doubted_us: int = 0, probes: int = 0
    ) -> None:
        self.name = name
        self.answered_us = answered_us
        """The last whole answer to an attempt that was begun after `silent_us`."""
        self.silent_us = silent_us
        """The last attempt that it failed to answer."""
        self.doubted_us = doubted_us
        """The last of these, of callers who left before anything came, and of probes."""
        self.probes = probes
        """How often it was probed since its last answer."""

    @property
    def is_well(self) -> bool:
        """Whether it answered after it was last doubted."""
        return self.answered_us > 0 and self.answered_us >= self.doubted_us


class Store(Protocol):
    """Where the objects of the books come from and how changes to them get back."""

    def budget(self, name: str) -> Budget | None: ...
    def account(self, budget: str, key: str, window_id: str) -> Account: ...
    def attempt(self, attempt_id: str) -> Attempt | None: ...
    def provider(self, name: str) -> Provider: ...
    def expired(self, now_us: int) -> list[Attempt]:
        """Attempts that nobody closed and nobody is going to: their time has passed, or their process is gone."""
        ...

    def promised(self, budget: str, key: str, provider: str, came_us: int) -> int:
        """What a caller elsewhere wants of an account, if it has waited for it longer; else 0.

        With a provider: of that one's share; without: of the money.
        """
        ...

    def put(self, attempt: Attempt) -> None:
        """The attempt is new or was changed."""
        ...

    def heard(self, provider: Provider) -> None:
        """The provider was changed."""
        ...

    def enter(
        self,
        attempt_id: str,
        account: Account,
        kind: str,
        held: int,
        settled: int,
        unpriced: int,
        now_us: int,
        reason: str | None,
    ) -> None:
        """Append an entry; the account's sums were already changed by it."""
        ...


class Refusal:
    """Why a reservation was not granted; becomes an error when nobody waits any longer."""

    __slots__ = (
        "account", "answering", "budget", "held", "needed", "promised", "provider", "settled", "silent", "window",
    )  # fmt: skip

    def __init__(
        self,
        budget: Budget,
        account: Account,
        window: Window,
        needed: int,
        provider: str,
        *,
        silent: bool = False,
        promised: int = 0,
    ) -> None:
        self.budget = budget
        self.account = account
        self.window = window
        self.needed = needed
        self.provider = provider
        self.silent = silent
        """Whether money is left, and only the provider's share of it is not."""
        self.answering = False
        """Whether that provider has been answering lately."""
        self.promised = promised
        """What is left, but goes first to a caller that has waited longer."""
        self.settled = account.settled
        self.held = account.held

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its caller waits: budget and key, and the provider whose share it is; empty where it is money."""
        return self.budget.name, self.account.key, self.provider if self.silent else ""

    @property
    def hopeless(self) -> bool:
        """True when not even every open hold coming free would make room in this window."""
        return not self.silent and self.settled + self.needed > self.budget.limit

    def error(self) -> BudgetExceededError:
        """The refusal as the error callers see."""
        money = self.budget.money
        limit, settled, held, needed = (
            money(n) for n in (self.budget.limit, self.settled, self.held, self.needed)
        )
        name = f"budget {self.budget.name!r}" + (f" of {self.account.key!r}" if self.account.key else "")
        until = f"; it begins anew at {self.window.resets_at.isoformat()}" if self.window.resets_at else ""
        if self.silent:
            share = self.budget.share_ppm / 10_000
            text = (
                f"{name} lets {share:g} % of {limit} (unconfirmed_share) be out with one vendor, "
                f"and {self.provider} owes answers already; this call needs up to {needed}. "
                "What it let down counts until it answers again or is corrected (minimill budget correct)"
            )
        else:
            left = money(self.budget.limit - self.settled - self.held)
            first = f", {money(self.promised)} of it for a caller that has waited longer" if self.promised else ""
            text = (
                f"{name} has {left} left of {limit} ({settled} spent, {held} held){first}; "
                f"this call needs up to {needed}{until}"
            )
        return BudgetExceededError(
            text,
            budget=self.budget.name,
            key=self.account.key or None,
            limit=limit,
            settled=settled,
            held=held,
            needed=needed,
            resets_at=self.window.resets_at,
            provider_silent=self.silent,
            provider_answers=self.answering,
        )
