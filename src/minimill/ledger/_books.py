"""The rules of the books: when money may be held, and what each way of closing an attempt books.

Every engine runs these rules over its own `Store`; nothing here waits, reads a clock or touches a disk.
It may import `_money`, `_errors` and its neighbours `_base`, `_budgets`, `_windows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from minimill._errors import BudgetExceededError, LedgerError
from minimill._money import MAX_NANOS, Money
from minimill.ledger._base import AttemptMeta, AttemptRecord, Balance, Claim, HoldInfo, SpendLine, SpendRow
from minimill.ledger._budgets import Budget
from minimill.ledger._windows import Window, from_us

OPEN = "open"
KEPT = "kept"
SETTLED = "settled"
RELEASED = "released"
WITHDRAWN = "withdrawn"

TRUST_US = 30_000_000
"""How long a vendor's last answer lets more money go out to it than the unconfirmed share."""
ANSWER_STEP_US = 1_000_000
"""An answer that follows another sooner than this is not written again."""


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
        """The parts of `held` by provider."""


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
        return self.state in (OPEN, KEPT)


class Provider:
    """When a vendor was last heard."""

    __slots__ = ("answered_us", "name")

    def __init__(self, name: str, answered_us: int = 0) -> None:
        self.name = name
        self.answered_us = answered_us
        """The last answer; 0 when it never answered, or was silent since."""


class Store(Protocol):
    """Where the objects of the books come from and how changes to them get back."""

    def budget(self, name: str) -> Budget | None: ...
    def account(self, budget: str, key: str, window_id: str) -> Account: ...
    def attempt(self, attempt_id: str) -> Attempt | None: ...
    def provider(self, name: str) -> Provider: ...
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

    __slots__ = ("account", "budget", "held", "needed", "provider", "settled", "silent", "window")

    def __init__(
        self, budget: Budget, account: Account, window: Window, needed: int, provider: str, silent: bool
    ) -> None:
        self.budget = budget
        self.account = account
        self.window = window
        self.needed = needed
        self.provider = provider
        self.silent = silent
        self.settled = account.settled
        self.held = account.held

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
                f"{name} lets {share:g} % of {limit} wait on a vendor that does not answer, "
                f"and {self.provider} owes answers already; this call needs up to {needed}"
            )
        else:
            left = money(self.budget.limit - self.settled - self.held)
            text = (
                f"{name} has {left} left of {limit} ({settled} spent, {held} held); "
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
        )


_Wanted = tuple[Budget, Account, Window, int | None]


class Books:
    """The rules over one store. `freed` says whether something happened that may let a waiting caller in.

    A provider counts as answering for 30 s after its last answer, until it falls silent. While it does,
    a hard budget's whole limit may be out with it; while it does not, its open money (in flight and
    unconfirmed) stays within the budget's unconfirmed share, but one call may always go.
    """

    __slots__ = ("freed", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.freed = False

    # -- holding ---------------------------------------------------------------------------------

    def reserve(
        self, attempt_id: str, claims: Sequence[Claim], meta: AttemptMeta, expires_us: int, now_us: int
    ) -> Attempt | Refusal:
        """Hold every claim or none. Raises LedgerError or ValueError where the claims cannot be booked."""
        known = self.store.attempt(attempt_id)
        if known is not None:
            return _again(known)
        merged = self._merge(claims, now_us)
        refusal = self._refusal(merged, meta.provider, now_us)
        if refusal is not None:
            return refusal
        lines = [Line(account, amount, 0, 0, amount is None) for _, account, _, amount in merged]
        attempt = Attempt(attempt_id, OPEN, meta, lines, now_us, expires_us)
        for line in lines:
            self._move(attempt, line, "hold", line.reserved or 0, 0, now_us, unpriced=int(line.unpriced))
        self.store.put(attempt)
        return attempt

    def _merge(self, claims: Sequence[Claim], now_us: int) -> list[_Wanted]:
        merged: dict[str, _Wanted] = {}
        for claim in claims:
            budget = self.store.budget(claim.budget)
            if budget is None:
                raise LedgerError(f"the ledger knows no budget {claim.budget!r}; nothing was sent")
            amount = _checked(claim, budget)
            earlier = merged.get(claim.budget)
            if earlier is not None:
                if earlier[1].key != claim.key:
                    raise ValueError(f"budget {claim.budget!r} is claimed for {earlier[1].key!r} and for {claim.key!r}")
                amount = None if amount is None or earlier[3] is None else earlier[3] + amount
                merged[claim.budget] = (*earlier[:3], amount)
                continue
            window = budget.window(now_us)
            merged[claim.budget] = (budget, self.store.account(claim.budget, claim.key, window.id), window, amount)
        return list(merged.values())

    def _refusal(
        self, merged: list[_Wanted], provider: str, now_us: int
    ) -> Refusal | None:
        silent: Refusal | None = None
        trusted: bool | None = None
        for budget, account, window, amount in merged:
            if not amount:
                continue
            total = account.settled + account.held + amount
            if not budget.hard:
                if total > MAX_NANOS:
                    raise LedgerError(f"budget {budget.name!r}: more than the books can count; nothing was sent")
                continue
            if total > budget.limit:
                return Refusal(budget, account, window, amount, provider, False)
            owed = account.owed.get(provider, 0)
            if silent is None and owed and budget.beyond_share(owed + amount):
                if trusted is None:
                    trusted = self.trusts(provider, now_us)
                if not trusted:
                    silent = Refusal(budget, account, window, amount, provider, True)
        return silent

    def trusts(self, provider: str, now_us: int) -> bool:
        """Whether the provider answered within the last 30 s and was not silent since."""
        answered_us = self.store.provider(provider).answered_us
        return answered_us > 0 and abs(now_us - answered_us) < TRUST_US

    # -- closing ---------------------------------------------------------------------------------

    def settle(
        self,
        attempt_id: str,
        amounts: Mapping[str, int | None],
        record: AttemptRecord | None,
        answered: bool,
        now_us: int,
    ) -> str | None:
        """Book what the attempt cost. Returns a sentence about what could not be booked, or None."""
        attempt = self.store.attempt(attempt_id)
        unknown = attempt is None
        if attempt is None:
            attempt = Attempt(attempt_id, SETTLED, record.meta if record else None, [], now_us, now_us)
        problem = _unclaimed(attempt, amounts, unknown)
        changed = unknown or attempt.state != SETTLED
        for line in attempt.lines:
            amount = amounts.get(line.account.budget)
            if amount is None or line.corrected:
                continue
            if not _bookable(line, amount):
                what = f"{amount!r} cannot be booked in budget {line.account.budget!r}; its hold stands"
                problem = problem or f"attempt {attempt_id}: {what}"
                continue
            kind = "late" if attempt.state in (SETTLED, RELEASED) else "settle"
            changed |= self._book(attempt, line, kind, amount, now_us, None)
        if changed and answered and attempt.meta is not None:
            self.answered(attempt.meta.provider, now_us)
        self._close(attempt, SETTLED, record)
        return problem

    def release(self, attempt_id: str, record: AttemptRecord | None, answered: bool, now_us: int) -> None:
        """Close a hold for which nothing was billed; an unknown id can never be reserved afterwards."""
        attempt = self.store.attempt(attempt_id)
        if attempt is None:
            attempt = Attempt(attempt_id, WITHDRAWN, record.meta if record else None, [], now_us, now_us, record)
            self.store.put(attempt)
        elif attempt.is_open:
            booked = False
            for line in attempt.lines:
                booked |= line.booked > 0 or line.corrected
                if line.held or line.unpriced:
                    self._move(attempt, line, "release", -line.held, 0, now_us, unpriced=-int(line.unpriced))
            self._close(attempt, SETTLED if booked else RELEASED, record)
        else:
            return
        if answered and attempt.meta is not None:
            self.answered(attempt.meta.provider, now_us)

    def keep(self, attempt_id: str, record: AttemptRecord, silent: bool, now_us: int) -> None:
        """Let the hold stand as unconfirmed. An attempt that is closed already stays closed."""
        attempt = self.store.attempt(attempt_id)
        if attempt is None:
            attempt = Attempt(attempt_id, SETTLED, record.meta, [], now_us, now_us)
        elif not attempt.is_open:
            return
        if silent:
            self.silent(record.meta.provider)
        if attempt.state == OPEN:
            for line in attempt.lines:
                line.account.kept += line.held
        waits = any(line.held or line.unpriced for line in attempt.lines)
        attempt.state = KEPT if waits else SETTLED
        attempt.record = record
        self.store.put(attempt)

    def correct(
        self, attempt_id: str, amounts: Mapping[str, int], charged: Money | None, reason: str, now_us: int
    ) -> None:
        """Book the truth; nothing but another correction changes these lines afterwards."""
        attempt = self.store.attempt(attempt_id)
        if attempt is None:
            raise LedgerError(f"the books know no attempt {attempt_id!r}; nothing was corrected")
        billed = attempt.record.currency if attempt.record else None
        if charged is not None and billed not in (None, charged.currency):
            raise LedgerError(f"attempt {attempt_id} was billed in {billed}, not in {charged.currency}")
        lines = {line.account.budget: line for line in attempt.lines}
        for budget, amount in amounts.items():
            if budget not in lines:
                claimed = ", ".join(sorted(lines)) or "no budget"
                raise LedgerError(f"attempt {attempt_id} was charged to {claimed}, not to {budget!r}")
            if not _bookable(lines[budget], amount):
                raise ValueError(f"a corrected amount is a whole number of nanos, not {amount!r}")
        for budget, amount in amounts.items():
            self._book(attempt, lines[budget], "correct", amount, now_us, reason)
            lines[budget].corrected = True
        if charged is not None:
            attempt.charged = charged
        if amounts or charged is not None:
            self._close(attempt, SETTLED, attempt.record)

    def answered(self, provider: str, now_us: int) -> None:
        """The vendor is alive."""
        known = self.store.provider(provider)
        if not self.trusts(provider, now_us):
            self.freed = True
        elif 0 <= now_us - known.answered_us < ANSWER_STEP_US:
            return
        known.answered_us = now_us
        self.store.heard(known)

    def silent(self, provider: str) -> None:
        """The vendor owes an answer."""
        known = self.store.provider(provider)
        if known.answered_us:
            known.answered_us = 0
            self.store.heard(known)

    # -- entries ---------------------------------------------------------------------------------

    def _book(self, attempt: Attempt, line: Line, kind: str, amount: int, now_us: int, reason: str | None) -> bool:
        """Put `amount` in place of the line's hold and of what it booked so far; True if that changed anything."""
        settled, unpriced = amount - line.booked, -int(line.unpriced)
        if not (settled or line.held or unpriced):
            return False
        self._move(attempt, line, kind, -line.held, settled, now_us, unpriced=unpriced, reason=reason)
        return True

    def _move(
        self,
        attempt: Attempt,
        line: Line,
        kind: str,
        held: int,
        settled: int,
        now_us: int,
        *,
        unpriced: int = 0,
        reason: str | None = None,
    ) -> None:
        account = line.account
        line.held += held
        line.booked += settled
        line.unpriced = bool(line.unpriced + unpriced) if unpriced < 0 else line.unpriced
        account.held += held
        account.settled += settled
        account.unpriced += unpriced
        if held:
            if attempt.state == KEPT:
                account.kept += held
            if attempt.meta is not None:
                _owe(account.owed, attempt.meta.provider, held)
        if held + settled < 0:
            self.freed = True
        if held or settled or unpriced:
            self.store.enter(attempt.id, account, kind, held, settled, unpriced, now_us, reason)

    def _close(self, attempt: Attempt, state: str, record: AttemptRecord | None) -> None:
        if record is not None:
            attempt.record = record
        left = any(line.held for line in attempt.lines)
        if left and attempt.state == OPEN:
            for line in attempt.lines:
                line.account.kept += line.held
        attempt.state = KEPT if left else state
        self.store.put(attempt)


def _again(known: Attempt) -> Attempt:
    if known.is_open:
        return known
    raise LedgerError(
        f"attempt {known.id} was {known.state} already; each attempt needs an id of its own; nothing was sent"
    )


def _checked(claim: Claim, budget: Budget) -> int | None:
    amount = claim.amount_nanos
    if not claim.key.isascii():
        claim.key.encode()  # half a surrogate pair: UnicodeEncodeError is a ValueError
    if amount is None:
        if budget.hard:
            raise ValueError(f"a claim on the hard budget {claim.budget!r} needs an amount")
    elif type(amount) is not int or not 0 <= amount <= MAX_NANOS:
        raise ValueError(f"a claim on {claim.budget!r} is a whole number of nanos from 0 up, not {amount!r}")
    return amount


def _bookable(line: Line, amount: object) -> bool:
    return type(amount) is int and 0 <= amount <= MAX_NANOS - max(0, line.account.settled)


def _unclaimed(attempt: Attempt, amounts: Mapping[str, int | None], unknown: bool) -> str | None:
    claimed = {line.account.budget for line in attempt.lines}
    if claimed == amounts.keys():
        return None
    lost = [f"{budget} {amount}" for budget, amount in amounts.items() if budget not in claimed]
    if not lost:
        return None
    why = "nothing was reserved under that id" if unknown else "it reserved nothing there"
    return f"attempt {attempt.id}: {', '.join(lost)} (nanos) could not be booked: {why}"


def _owe(owed: dict[str, int], provider: str, nanos: int) -> None:
    left = owed.get(provider, 0) + nanos
    if left:
        owed[provider] = left
    else:
        owed.pop(provider, None)


# -- what readers see ----------------------------------------------------------------------------


def balance(budget: Budget, account: Account, window: Window, expired: int = 0) -> Balance:
    """The sums of an account as callers see them; `expired`: held by attempts past their time, not yet kept."""
    return Balance(
        budget.name,
        account.key,
        window.id,
        budget.definition.currency,
        budget.limit,
        account.settled,
        account.held,
        account.kept + expired,
        budget.hard,
        window.resets_at,
        account.unpriced,
    )


def balances_of(store: Store, attempt: Attempt) -> tuple[Balance, ...]:
    """The balances of every account the attempt claims, in the window that reserved it."""
    found = []
    for line in attempt.lines:
        budget = store.budget(line.account.budget)
        if budget is not None:
            found.append(balance(budget, line.account, budget.window(attempt.reserved_us)))
    return tuple(found)


def expired_by_account(attempts: Iterable[Attempt], now_us: int) -> dict[int, int]:
    """What attempts that are past their time, and were not kept, hold in each account."""
    found: dict[int, int] = {}
    for attempt in attempts:
        if attempt.state == OPEN and attempt.expires_us <= now_us:
            for line in attempt.lines:
                found[line.account.id] = found.get(line.account.id, 0) + line.held
    return found


def hold_info(store: Store, attempt: Attempt, now_us: int) -> HoldInfo:
    """An open attempt as callers see it."""
    amounts = []
    for line in attempt.lines:
        budget = store.budget(line.account.budget)
        amounts.append((line.account.budget, line.account.key, line.held, budget.currency if budget else ""))
    meta = attempt.meta or AttemptMeta("", "", "")
    return HoldInfo(
        attempt.id,
        meta.call_id,
        meta.provider,
        meta.model,
        meta.app,
        from_us(attempt.reserved_us),
        from_us(attempt.expires_us),
        attempt.state == KEPT or attempt.expires_us <= now_us,
        tuple(amounts),
    )


def spend_row(store: Store, attempt: Attempt, now_us: int) -> SpendRow | None:
    """The attempt as a line of the spend report; None when it left no trace worth one.

    An attempt that nobody closed shows as `open` until its time has passed, and as `lost` afterwards.
    """
    lines = tuple(_spend_line(store, line) for line in attempt.lines)
    record = attempt.record
    if record is None:
        if attempt.meta is None or attempt.state in (RELEASED, WITHDRAWN):
            return None
        record = _lost(attempt, lines, now_us)
    return SpendRow(record, _corrected(attempt, record, lines), lines)


def _spend_line(store: Store, line: Line) -> SpendLine:
    budget = store.budget(line.account.budget)
    currency = budget.currency if budget else ""
    return SpendLine(line.account.budget, line.account.key, currency, line.reserved, line.held, line.booked)


def _lost(attempt: Attempt, lines: Sequence[SpendLine], now_us: int) -> AttemptRecord:
    assert attempt.meta is not None
    running = attempt.state == OPEN and attempt.expires_us > now_us
    wanted = None if attempt.charged is None else attempt.charged.currency
    priced = [n for n in lines if n.reserved_nanos is not None and wanted in (None, n.currency)]
    reserved = priced[0].reserved_nanos if priced else None
    return AttemptRecord(
        attempt.id,
        attempt.meta,
        from_us(attempt.reserved_us),
        from_us(now_us if running else max(attempt.reserved_us, min(attempt.expires_us, now_us))),
        "open" if running else "lost",
        "held" if priced else "unpriced",
        wanted or (priced[0].currency if priced else None),
        reserved,
        reserved,
    )


def _corrected(attempt: Attempt, record: AttemptRecord, lines: Sequence[SpendLine]) -> int:
    """What corrections add to the record's charge, in the record's currency."""
    charged = record.charged_nanos or 0
    if attempt.charged is not None:
        return attempt.charged.nanos - charged
    corrected = [told for told, line in zip(lines, attempt.lines, strict=True) if line.corrected]
    for line in corrected:
        if line.currency == record.currency:
            return line.booked_nanos - charged
    if not corrected or not record.reserved_nanos or not corrected[0].reserved_nanos:
        return 0
    return -(-record.reserved_nanos * corrected[0].booked_nanos // corrected[0].reserved_nanos) - charged
