"""What every ledger promises, and the records it keeps. Knows money; knows no models and no wires.

It may import `_money` and `_errors` only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, Protocol, runtime_checkable

from minimill._money import Money
from minimill._values import dataclass

SCOPE_KEYS = ("app", "user", "route", "provider", "model")
Ending = Literal["silent", "given_up", "left", "answered"]
"""How an attempt ended whose cost nobody knows: the vendor failed to answer; the caller left before anything came;
the caller left in mid-answer; the whole answer came without usage."""
WINDOWS = ("total", "hour", "day", "week", "month")
NO_KEY = "(none)"
"""Account of calls that lack the tag a budget is split by."""


@dataclass(frozen=True, slots=True)
class BudgetDefinition:
    """A budget as configured. It lives in the ledger; where two processes differ the stricter wins."""

    name: str
    limit_nanos: int
    currency: str
    window: str = "total"
    """`total`, or calendar `hour`, `day`, `week` (from Monday), `month` in `zone`, by the ledger's clock."""
    zone: str = "UTC"
    scope: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Which calls it covers: app, user, route, provider, model or any tag, all equal. Empty: every call."""
    by: str | None = None
    """One account for each value of this scope key or tag; a missing one counts in `(none)`."""
    hard: bool = True
    """False: records and warns, never blocks."""
    unconfirmed_share_ppm: int = 200_000
    """Most of the limit, in millionths, that may be out with one vendor, and be lost when it falls silent."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One account to debit for one attempt."""

    budget: str
    key: str
    """Account inside the budget: the value of its `by` key, `(none)`, or "" for a budget without `by`."""
    amount_nanos: int | None
    """The ceiling in the budget's currency. None: unknown, allowed for soft budgets only."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What one account of one window holds, all in nanos of `currency`."""

    budget: str
    key: str
    window_id: str
    """Start of the window in its zone (`2026-11-24`, `2026-11`, …), or `total`."""
    currency: str
    limit_nanos: int
    settled_nanos: int
    held_nanos: int
    """Reserved and not closed, unconfirmed included."""
    unconfirmed_nanos: int
    hard: bool
    resets_at: dt.datetime | None
    unpriced_calls: int = 0
    """Calls of unknown cost (soft budgets): the balance is then "at least"."""

    @property
    def limit(self) -> Money:
        """The limit as money."""
        return Money(self.limit_nanos, self.currency)

    @property
    def settled(self) -> Money:
        """What was settled, as money."""
        return Money(self.settled_nanos, self.currency)

    @property
    def held(self) -> Money:
        """What is held, as money."""
        return Money(self.held_nanos, self.currency)

    @property
    def left(self) -> Money:
        """limit − settled − held, as money."""
        return Money(self.left_nanos, self.currency)

    @property
    def left_nanos(self) -> int:
        """limit − settled − held; negative when a correction or a lowered limit put it over."""
        return self.limit_nanos - self.settled_nanos - self.held_nanos


@dataclass(frozen=True, slots=True)
class HoldInfo:
    """One open hold."""

    attempt_id: str
    call_id: str
    provider: str
    model: str
    app: str | None
    reserved_at: dt.datetime
    expires_at: dt.datetime
    unconfirmed: bool
    """True when its outcome is unknown or its time has passed; it counts as spent all the same."""
    amounts: tuple[tuple[str, str, int, str], ...]
    """(budget, key, nanos, currency) of each claim."""


@dataclass(frozen=True, slots=True)
class AttemptMeta:
    """Who asks, known before anything is sent; kept with the hold so that a killed process leaves a name."""

    call_id: str
    provider: str
    model: str
    app: str | None = None
    route: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """How one attempt ended. Written in the transaction that closes its hold; holds no prompt and no key.

    Amounts are nanos in `currency`, the currency the vendor bills in.
    """

    attempt_id: str
    meta: AttemptMeta
    started_at: dt.datetime
    finished_at: dt.datetime
    status: str
    """`ok`, or the name of the error class, or `cancelled`, or `abandoned`."""
    certainty: str
    """`exact`, `estimated` or `held`; `released` where nothing was billed; `unpriced`."""
    currency: str | None = None
    reserved_nanos: int | None = None
    charged_nanos: int | None = None
    """What counts as spent: the cost, or the hold while nothing better is known; None: unpriced."""
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    first_token_s: float | None = None
    finish_reason: str | None = None
    request_id: str | None = None
    http_status: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Buckets with prices, sources and rates: enough for `minimill explain` to redo the arithmetic."""


@dataclass(frozen=True, slots=True)
class SpendLine:
    """What one attempt did to one account."""

    budget: str
    key: str
    currency: str
    """The budget's; the nanos below are in it."""
    reserved_nanos: int | None
    """None: the ceiling was unknown (soft budgets)."""
    held_nanos: int
    """What it still holds."""
    booked_nanos: int
    """What it was settled or corrected to."""


@dataclass(frozen=True, slots=True)
class SpendRow:
    """One attempt as the books tell it."""

    record: AttemptRecord
    corrected_nanos: int = 0
    """What corrections add to the record's `charged_nanos`."""
    lines: tuple[SpendLine, ...] = ()
    """Its accounts; none where no budget covered it."""


@runtime_checkable
class Ledger(Protocol):
    """Books that no concurrency, crash or clock can make wrong.

    `reserve` is awaited; closing (`settle`, `release`, `keep`) needs no await: it hands the outcome over
    and returns, so that it works in `finally` under any cancellation. Every operation is idempotent by
    `attempt_id`. An open hold counts exactly like a charge in the window that reserved it.
    """

    url: str

    async def declare(self, budgets: Sequence[BudgetDefinition]) -> list[str]:
        """Make budgets known, all or none; returns a sentence for each difference in which the stricter value won.

        A limit that a configuration asked for before is not news: declaring it again does not undo a
        `set_limit` made since.

        Raises:
            ConfigError: a budget of that name exists with another currency, window, zone, scope or `by`.
        """
        ...

    async def reserve(
        self,
        attempt_id: str,
        claims: Sequence[Claim],
        meta: AttemptMeta,
        *,
        expires_at: dt.datetime,
        wait_until: float | None = None,
        wait_silent_until: float | None = None,
        wait_busy_until: float | None = None,
    ) -> tuple[Balance, ...]:
        """Set money aside in every claimed account, or in none; returns the balances after.

        What does not fit waits, first come first served, until `wait_until` (on `time.monotonic`) for held
        money to come free. Where money is left but the vendor owes answers for its share already, it waits
        until `wait_silent_until`, or, while the vendor has been answering lately, until `wait_busy_until` if
        that is given. A later reservation passes an earlier one only if the earlier does not fit. What cannot
        fit even when every hold comes free is refused at once.

        Cancelled while it waits: withdrawn, or once committed released. Claims on the same account add up.
        Repeating an open attempt changes nothing.

        Raises:
            BudgetExceededError: an account has too little left, or (`provider_silent`) too much of it
                waits on answers this provider owes. Nothing was changed.
            LedgerError: the books cannot be written, or the attempt was closed or withdrawn before.
                Nothing is held.
            ValueError: an amount is missing for a hard budget or is no count of nanos. Nothing was changed.
        """
        ...

    def settle(
        self, attempt_id: str, amounts: Mapping[str, int | None], record: AttemptRecord
    ) -> None:
        """Book what the attempt cost, in place of its hold: `amounts` maps budget name to nanos.

        More than was held is booked in full. After an earlier closing the difference is booked as an entry
        of its own; after a correction the money stays as corrected. A budget whose amount is missing or None
        keeps its hold, as unconfirmed. Of an attempt in flight it says that the vendor answers.

        An amount for which nothing was reserved is reported by `flush` and logged. Without amounts the
        attempt need not have been reserved: its record is written.
        """
        ...

    def release(self, attempt_id: str, record: AttemptRecord | None = None) -> None:
        """Close a hold for which nothing was billed. Of an unknown id: makes a later reserve fail.

        After a settlement or a correction it does nothing.
        """
        ...

    def keep(self, attempt_id: str, record: AttemptRecord, *, ending: Ending = "silent") -> None:
        """Leave the hold standing as unconfirmed: nobody knows what was billed.

        `ending` decides whether the vendor is trusted with more. After any other closing it does nothing.
        """
        ...

    async def correct(
        self, attempt_id: str, amounts: Mapping[str, int], *, charged: Money | None = None, reason: str
    ) -> None:
        """Book the truth about an attempt, found out later, as an entry of its own.

        `amounts` maps budget name to nanos in its currency, `charged` is the same amount in the currency
        the vendor bills in (for `records`). Later settlements do not undo it: what an attempt that is still
        running books when it ends goes into its record alone, and its hold ends now. So correct one that runs
        only where its whole cost is known; `Client.correct` and `minimill budget correct` refuse to.

        Raises:
            ValueError: an amount is no count of nanos.
            LedgerError: no such attempt, no such budget among its claims, or the vendor bills in another
                currency. Nothing was changed.
        """
        ...

    async def set_limit(self, budget: str, limit_nanos: int) -> None:
        """Change a budget's limit for every process, up or down. Raises LedgerError: no such budget."""
        ...

    async def mark(self, budget: str, key: str, window_id: str, level_ppm: int, *, by: str) -> bool:
        """Claim to be the one who tells that an account reached a level of its limit in this window.

        True for the first who claims it, of all processes, and when the same one repeats it; False for
        everybody else, for ever.

        Args:
            budget: Its name.
            key: Its account.
            window_id: The window, as balances name it.
            level_ppm: The level in millionths of the limit.
            by: Names who claims it; no two claims have the same name.
        """
        ...

    async def budgets(self) -> list[BudgetDefinition]:
        """Every budget that the ledger knows, with the limit in force, by name; whoever declared it."""
        ...

    async def balances(self, budget: str | None = None, *, at: dt.datetime | None = None) -> list[Balance]:
        """Every account of the window that holds `at` (default: now), by budget and key.

        A budget without `by` is always there. Raises LedgerError: no such budget.
        """
        ...

    async def holds(self) -> list[HoldInfo]:
        """Every open hold of every window, oldest first."""
        ...

    async def records(
        self,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        call_id: str | None = None,
        last: int | None = None,
    ) -> list[SpendRow]:
        """Attempts that started in [since, until), in that order; of them only the `last` ones, if given.

        One that nobody closed is among them: as `open` until its `expires_at`, then as `lost`.
        """
        ...

    async def audit(self) -> list[str]:
        """Add up all entries anew; returns a sentence for each sum that differs from them."""
        ...

    async def flush(self) -> None:
        """Wait until everything handed over so far is in the books.

        Raises:
            LedgerError: a closing could not be written; its hold stands.
        """
        ...

    async def aclose(self) -> None:
        """Flush and close. Closing again does nothing."""
        ...

    def close(self) -> None:
        """The same from synchronous code; used at interpreter exit."""
        ...
