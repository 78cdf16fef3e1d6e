"""The rules of the books: when money may be held, and what each way of closing an attempt books.

Every engine runs these rules over its own `Store`; nothing here waits, reads a clock or touches a disk.
It may import `_money`, `_errors` and its neighbours `_base`, `_accounts`, `_budgets`, `_windows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from minimill._errors import LedgerError
from minimill._money import MAX_NANOS, Money
from minimill.ledger._accounts import (
    DOUBTED,
    KEPT,
    OPEN,
    RELEASED,
    SETTLED,
    WITHDRAWN,
    Account,
    Attempt,
    Line,
    Owed,
    Provider,
    Refusal,
    Store,
)
from minimill.ledger._base import AttemptMeta, AttemptRecord, Claim, Ending
from minimill.ledger._budgets import Budget
from minimill.ledger._windows import Window

FRESH_US = 30_000_000
"""How long after its last answer a vendor is worth waiting for."""
PROBE_US = (60_000_000, 3_600_000_000)
"""How long after its last silence one call may find out whether a vendor answers again; twice as long after each
that found it silent, up to the second."""
_AT_ONCE = -1
"""In place of the number of probes: the next need not wait."""
ANSWER_STEP_US = 1_000_000
"""An answer that follows another sooner than this is not written again."""


class Asked(Protocol):
    """What a reservation asks for."""

    attempt_id: str
    claims: Sequence[Claim]
    meta: AttemptMeta
    expires_us: int
    came_us: int
    """When it was first tried."""


_Wanted = tuple[Budget, Account, Window, int | None]


class Books:
    """The rules over one store. `freed` says whether something happened that may let a waiting caller in.

    What a hard budget can lose to one provider is its unconfirmed share. Two sums count against it: what is in
    flight with the provider, and what it let down: attempts that it failed to answer, and those that callers
    gave up before anything came. Whole answers to attempts that were begun later take their own reservations
    off that sum (`Owed`), so that a vendor that is well again is trusted step by step. A quarter of the share,
    at least one call, is left for probes, so that an outage that outlives many of them stays within it.
    Where neither sum counts anything one call may always go, and where it let down one call, one probe.
    """

    __slots__ = ("freed", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.freed = False

    # -- holding ---------------------------------------------------------------------------------

    def reserve(self, asked: Asked, now_us: int) -> Attempt | Refusal:
        """Hold every claim or none. Raises LedgerError or ValueError where the claims cannot be booked."""
        known = self.store.attempt(asked.attempt_id)
        if known is not None:
            if known.is_open:
                return known
            raise used_up(known.id, known.state)
        merged = self._merge(asked.claims, now_us)
        vendor = self.store.provider(asked.meta.provider)
        probing = _is_due(vendor, now_us)
        refusal = self._refusal(merged, asked, vendor, probing)
        if refusal is not None and refusal.silent and self._give_up_lost(now_us):
            probing = _is_due(vendor, now_us)
            refusal = self._refusal(merged, asked, vendor, probing)
        if refusal is not None:
            refusal.answering = refusal.silent and vendor.is_well and abs(now_us - vendor.answered_us) < FRESH_US
            return refusal
        if probing and self._refusal(merged, asked, vendor, False) is not None:
            vendor.doubted_us, vendor.probes = now_us, vendor.probes + 1
            self.store.heard(vendor)
        lines = [Line(account, amount, 0, 0, amount is None) for _, account, _, amount in merged]
        attempt = Attempt(asked.attempt_id, OPEN, asked.meta, lines, now_us, asked.expires_us)
        for line in lines:
            self._move(attempt, line, "hold", line.reserved or 0, 0, now_us, unpriced=int(line.unpriced))
        self.store.put(attempt)
        return attempt

    def _merge(self, claims: Sequence[Claim], now_us: int) -> list[_Wanted]:
        merged: dict[str, _Wanted] = {}
        for claim in claims:
            budget = self.store.budget(claim.budget)
            if budget is None:
                raise undeclared(claim.budget)
            amount = check_claim(claim, hard=budget.hard)
            earlier = merged.get(claim.budget)
            if earlier is not None:
                if earlier[1].key != claim.key:
                    raise two_keys(claim.budget, earlier[1].key, claim.key)
                amount = None if amount is None or earlier[3] is None else earlier[3] + amount
                merged[claim.budget] = (*earlier[:3], amount)
                continue
            window = budget.window(now_us)
            merged[claim.budget] = (budget, self.store.account(claim.budget, claim.key, window.id), window, amount)
        return list(merged.values())

    def _refusal(self, merged: list[_Wanted], asked: Asked, vendor: Provider, probing: bool) -> Refusal | None:
        silent: Refusal | None = None
        for budget, account, window, amount in merged:
            if not amount:
                continue
            total = account.settled + account.held + amount
            if not budget.hard:
                if total > MAX_NANOS:
                    raise too_much(budget.name)
                continue
            if total > budget.limit:
                return Refusal(budget, account, window, amount, vendor.name)
            promised = self.store.promised(budget.name, account.key, "", asked.came_us)
            if promised and total - amount + promised <= budget.limit < total + promised:
                return Refusal(budget, account, window, amount, vendor.name, promised=promised)
            if silent is None and account.owed:
                silent = self._over_share(budget, account, window, amount, asked, vendor, probing)
        return silent

    def _over_share(
        self,
        budget: Budget,
        account: Account,
        window: Window,
        amount: int,
        asked: Asked,
        vendor: Provider,
        probing: bool,
    ) -> Refusal | None:
        """Why no more may be out with a vendor, or None."""
        owed = Owed(account, vendor.name)
        flight, doubt, share = owed.flight, owed.doubt, budget.share
        if share is None or not flight + doubt:
            return None
        most = share - max(share // 4, amount)
        promised = self.store.promised(budget.name, account.key, vendor.name, asked.came_us)
        if flight + doubt + amount + promised <= most:
            return None
        if not flight and (vendor.is_well or (probing and doubt + amount <= max(share, 2 * amount))):
            return None
        return Refusal(budget, account, window, amount, vendor.name, silent=True, promised=promised)

    def _give_up_lost(self, now_us: int) -> bool:
        """Count holds that nobody is going to close as unconfirmed, not as in flight; True if there were any.

        No money moves. Who was killed may have been killed for waiting in vain: a vendor that has not answered
        since is doubted for it, and one call may find out at once.
        """
        lost = self.store.expired(now_us)
        for attempt in lost:
            vendor = self.store.provider(attempt.meta.provider) if attempt.meta is not None else None
            doubted = vendor is not None and vendor.answered_us < attempt.reserved_us
            _land(attempt, doubted=doubted)
            attempt.state = DOUBTED if doubted else KEPT
            self.store.put(attempt)
            if vendor is not None and doubted:
                vendor.doubted_us = max(vendor.doubted_us, vendor.answered_us + 1)
                vendor.probes = _AT_ONCE if vendor.silent_us < attempt.reserved_us else vendor.probes
                self.store.heard(vendor)
        self.freed |= bool(lost)
        return bool(lost)

    # -- closing ---------------------------------------------------------------------------------

    def settle(
        self,
        attempt_id: str,
        amounts: Mapping[str, int | None],
        record: AttemptRecord | None,
        now_us: int,
    ) -> str | None:
        """Book what the attempt cost. Returns a sentence about what could not be booked, or None."""
        attempt = self.store.attempt(attempt_id)
        unknown = attempt is None
        if attempt is None:
            attempt = Attempt(attempt_id, SETTLED, record.meta if record else None, [], now_us, now_us)
        problem = unclaimed(attempt_id, [line.account.budget for line in attempt.lines], amounts, unknown)
        changed = unknown or attempt.state != SETTLED
        for line in attempt.lines:
            amount = amounts.get(line.account.budget)
            if amount is None or line.corrected:
                continue
            if not _bookable(line, amount):
                problem = problem or unbookable(attempt_id, line.account.budget, amount)
                continue
            kind = "late" if attempt.state in (SETTLED, RELEASED) else "settle"
            changed |= self._book(attempt, line, kind, amount, now_us, None)
        if changed and attempt.state == OPEN and attempt.meta is not None:
            self._trust(attempt, attempt.meta.provider, now_us)
        self._close(attempt, SETTLED, record)
        return problem

    def release(self, attempt_id: str, record: AttemptRecord | None, now_us: int) -> None:
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

    def keep(self, attempt_id: str, record: AttemptRecord, ending: Ending, now_us: int) -> None:
        """Let the hold stand as unconfirmed. An attempt that is closed already stays closed."""
        attempt = self.store.attempt(attempt_id)
        if attempt is None:
            attempt = Attempt(attempt_id, SETTLED, record.meta, [], now_us, now_us)
        elif not attempt.is_open:
            return
        doubted = ending in ("silent", "given_up")
        if attempt.state == OPEN:
            _land(attempt, doubted=doubted)
            self.freed = True  # it is no longer in flight
            attempt.state = DOUBTED if doubted else KEPT
            if doubted:
                self._doubt(record.meta.provider, ending, now_us)
            elif ending == "answered":
                self._trust(attempt, record.meta.provider, now_us)
        if not any(line.held or line.unpriced for line in attempt.lines):
            attempt.state = SETTLED
        attempt.record = record
        self.store.put(attempt)

    def correct(
        self, attempt_id: str, amounts: Mapping[str, int], charged: Money | None, reason: str, now_us: int
    ) -> None:
        """Book the truth; nothing but another correction changes these lines afterwards."""
        attempt = self.store.attempt(attempt_id)
        if attempt is None:
            raise nobody(attempt_id)
        billed = attempt.record.currency if attempt.record else None
        if charged is not None and billed not in (None, charged.currency):
            raise billed_otherwise(attempt_id, billed, charged.currency)
        lines = {line.account.budget: line for line in attempt.lines}
        for budget, amount in amounts.items():
            if budget not in lines:
                raise charged_elsewhere(attempt_id, lines, budget)
            if not _bookable(lines[budget], amount):
                raise no_correction(amount)
        for budget, amount in amounts.items():
            self._book(attempt, lines[budget], "correct", amount, now_us, reason)
            lines[budget].corrected = True
        if charged is not None:
            attempt.charged = charged
        if amounts or charged is not None:
            self._close(attempt, SETTLED, attempt.record)

    # -- vendors ---------------------------------------------------------------------------------

    def _trust(self, attempt: Attempt, provider: str, now_us: int) -> None:
        """A whole answer: the vendor is doubted less, and is well if it was asked for after the last silence."""
        vendor = self.store.provider(provider)
        for line in attempt.lines:
            self.freed |= Owed(line.account, provider).forgive(line.reserved or 0, attempt.reserved_us, now_us)
        if attempt.reserved_us < vendor.silent_us:
            return
        if not vendor.is_well:
            self.freed = True
        elif not vendor.probes and 0 <= now_us - vendor.answered_us < ANSWER_STEP_US:
            return
        vendor.answered_us, vendor.probes = now_us, 0
        self.store.heard(vendor)

    def _doubt(self, provider: str, ending: Ending, now_us: int) -> None:
        """An attempt came to nothing."""
        vendor = self.store.provider(provider)
        vendor.doubted_us = now_us
        vendor.answered_us = min(vendor.answered_us, now_us - 1)
        if ending == "silent":
            vendor.silent_us = now_us
            self.freed = True  # who waits because it answered has to look elsewhere
        self.store.heard(vendor)

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
            if attempt.state != OPEN:
                account.kept += held
            if attempt.meta is not None:
                owed = Owed(account, attempt.meta.provider)
                if attempt.state == OPEN:
                    owed.fly(held)
                elif attempt.state == DOUBTED:
                    owed.clear(-held)
        if held < 0 or settled < 0:  # room under the limit, or under what its provider may owe
            self.freed = True
        if held or settled or unpriced:
            self.store.enter(attempt.id, account, kind, held, settled, unpriced, now_us, reason)

    def _close(self, attempt: Attempt, state: str, record: AttemptRecord | None) -> None:
        if record is not None:
            attempt.record = record
        left = any(line.held for line in attempt.lines)
        if left and attempt.state == OPEN:
            _land(attempt)
            attempt.state = KEPT
        elif not left:
            attempt.state = state
        self.store.put(attempt)


def used_up(attempt_id: str, state: str) -> LedgerError:
    """The error for reserving an attempt that was closed or withdrawn before."""
    return LedgerError(
        f"attempt {attempt_id} was {state} already; each attempt needs an id of its own; nothing was sent"
    )


def undeclared(budget: str) -> LedgerError:
    """The error for a claim on a budget that nobody declared."""
    return LedgerError(f"the ledger knows no budget {budget!r}; nothing was sent")


def too_much(budget: str) -> LedgerError:
    """The error for a soft budget that would hold more than the books can count."""
    return LedgerError(f"budget {budget!r}: more than the books can count; nothing was sent")


def two_keys(budget: str, one: str, other: str) -> ValueError:
    """The error for claims on two accounts of one budget."""
    return ValueError(f"budget {budget!r} is claimed for {one!r} and for {other!r}")


def check_claim(claim: Claim, *, hard: bool, most: int = MAX_NANOS) -> int | None:
    """What is claimed; raises ValueError where it cannot be booked. `most`: what the store can count."""
    amount = claim.amount_nanos
    if not claim.key.isascii():
        claim.key.encode()  # half a surrogate pair: UnicodeEncodeError is a ValueError
    if amount is None:
        if hard:
            raise ValueError(f"a claim on the hard budget {claim.budget!r} needs an amount")
    elif type(amount) is not int or not 0 <= amount <= most:
        raise ValueError(f"a claim on {claim.budget!r} is a whole number of nanos from 0 up, not {amount!r}")
    return amount


def _bookable(line: Line, amount: object) -> bool:
    return type(amount) is int and 0 <= amount <= MAX_NANOS - max(0, line.account.settled)


def unclaimed(
    attempt_id: str, claimed: Sequence[str], amounts: Mapping[str, int | None], unknown: bool
) -> str | None:
    """A sentence about amounts for budgets of which the attempt reserved nothing; None: there are none."""
    lost = [f"{budget} {amount}" for budget, amount in amounts.items() if budget not in claimed]
    if not lost:
        return None
    why = "nothing was reserved under that id" if unknown else "it reserved nothing there"
    return f"attempt {attempt_id}: {', '.join(lost)} (nanos) could not be booked: {why}"


def unbookable(attempt_id: str, budget: str, amount: object) -> str:
    """A sentence about an amount that is no count of nanos, or too large."""
    return f"attempt {attempt_id}: {amount!r} cannot be booked in budget {budget!r}; its hold stands"


def nobody(attempt_id: str) -> LedgerError:
    """The error for correcting an attempt that the books do not know."""
    return LedgerError(f"the books know no attempt {attempt_id!r}; nothing was corrected")


def billed_otherwise(attempt_id: str, billed: str | None, currency: str) -> LedgerError:
    """The error for a correction in another currency than the vendor's."""
    return LedgerError(f"attempt {attempt_id} was billed in {billed}, not in {currency}")


def charged_elsewhere(attempt_id: str, claimed: Iterable[str], budget: str) -> LedgerError:
    """The error for correcting a budget that the attempt did not claim."""
    return LedgerError(
        f"attempt {attempt_id} was charged to {', '.join(sorted(claimed)) or 'no budget'}, not to {budget!r}"
    )


def no_correction(amount: object) -> ValueError:
    """The error for correcting to something that is no count of nanos."""
    return ValueError(f"a corrected amount is a whole number of nanos, not {amount!r}")


def _is_due(vendor: Provider, now_us: int) -> bool:
    """Whether it is time to find out if a vendor answers again."""
    if vendor.probes == _AT_ONCE:
        return True
    pause_us = min(PROBE_US[0] << min(vendor.probes, 20), PROBE_US[1])
    return vendor.doubted_us > 0 and now_us - vendor.doubted_us >= pause_us


def _land(attempt: Attempt, *, doubted: bool = False) -> None:
    """What an attempt holds is no longer in flight: it is unconfirmed."""
    for line in attempt.lines:
        line.account.kept += line.held
        if attempt.meta is not None and line.held:
            owed = Owed(line.account, attempt.meta.provider)
            owed.fly(-line.held)
            if doubted:
                owed.let_down(line.held, attempt.reserved_us)
