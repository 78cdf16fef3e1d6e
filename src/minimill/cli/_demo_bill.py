"""What the simulated vendors charge, and whether the books agree.

Written apart from minimill's own pricing on purpose: it takes the plain numbers of the provider files and the
vendors' own counts, and does the sum again. It may import `minimill.testing`, `ledger` and the standard library.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from minimill._values import dataclass
from minimill.ledger import SpendRow
from minimill.testing import CallRecord

QuestionOf = Mapping[str, str]
"""From the text of a question to its number."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Yuan for a dollar: the middle rate, and what is added to be on the safe side."""

    mid: Decimal
    margin: Decimal


class PriceList:
    """The vendors' printed prices, as plain numbers."""

    def __init__(self, folder: Path, vendors: Iterable[str]) -> None:
        self._tables = {}
        for vendor in vendors:
            text = (folder / f"{vendor}.toml").read_text(encoding="utf-8")
            self._tables[vendor] = tomllib.loads(text, parse_float=Decimal)

    def currency(self, vendor: str) -> str:
        """What the vendor bills in."""
        return str(self._tables[vendor]["currency"])

    def nanos(self, call: CallRecord) -> int:
        """What the vendor charges for a call, in nanos of its currency, rounded up."""
        if not call.billed:
            return 0
        row = self._row(call)
        rest = call.input_tokens - call.cached_input_tokens
        units = (
            Fraction(row["input_per_mtok"]) * rest
            + Fraction(row["cached_input_per_mtok"]) * call.cached_input_tokens
            + Fraction(row["output_per_mtok"]) * call.output_tokens
        )
        return _ceil(units * 1000)

    def _row(self, call: CallRecord) -> dict[str, Any]:
        table = self._tables[call.vendor]
        model = next(one for one in table["models"] if one["id"] == call.model)
        when = dt.datetime.fromtimestamp(call.started, dt.UTC)
        fitting = [
            row
            for row in model["prices"]
            if row["currency"] == table["currency"] and row["since"] <= when < row.get("until", _NEVER)
        ]
        row = dict(max(fitting, key=lambda one: one["since"]))
        for tier in row.get("tiers", ()):
            if _reached(tier, call):
                row.update(tier)
        return row


_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
_SPECIAL = ("service_tier", "thinking")


def _reached(tier: Mapping[str, Any], call: CallRecord) -> bool:
    """Whether a tier of lengths is reached; others (priority, thinking) the demo never asks for."""
    if any(word in tier for word in _SPECIAL):
        return False
    over, least = tier.get("input_over", -1), tier.get("input_from", 0)
    long_input = call.input_tokens > over and call.input_tokens >= least
    over, least = tier.get("output_over", -1), tier.get("output_from", 0)
    return bool(long_input and call.output_tokens > over and call.output_tokens >= least)


def in_yuan(nanos: int, currency: str, rate: Rate) -> int:
    """An amount in nanos of yuan, rounded up."""
    if currency == "CNY":
        return nanos
    return _ceil(nanos * Fraction(rate.mid) * (1 + Fraction(rate.margin)))


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


# --- the comparison ---


@dataclass(slots=True)
class VendorCheck:
    """One vendor's bill against the books, in nanos of its currency."""

    vendor: str
    currency: str
    calls: int = 0
    """Requests that reached the vendor."""
    billed: int = 0
    bill: int = 0
    booked: int = 0
    """What the books say was spent there, holds included."""
    told: int = 0
    """Charges computed from reported usage."""
    equal: int = 0
    """Those of them that equal the vendor's bill to the nano."""
    short: list[str] = field(default_factory=list)
    """Calls that the vendor billed higher than the books say, and exact charges that it does not know."""

    @property
    def holds(self) -> bool:
        """Whether the books are at least the bill, and equal to it where usage was reported."""
        return self.booked >= self.bill and self.equal == self.told and not self.short


@dataclass(slots=True)
class Check:
    """Never less than the bill, never more than the cap."""

    vendors: list[VendorCheck]
    bill: int
    """Everything that the vendors charge, in nanos of yuan."""
    booked: int
    """What the budget counts as spent: settled and held."""
    cap: int
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether all of it is true."""
        return (
            self.bill <= self.booked <= self.cap
            and not self.faults
            and all(one.holds for one in self.vendors)
        )


def compare(
    calls: Sequence[CallRecord],
    rows: Sequence[SpendRow],
    prices: Callable[[CallRecord], int],
    currency: Callable[[str], str],
    rate: Rate,
    question_of: QuestionOf,
) -> tuple[list[VendorCheck], int]:
    """Each vendor's bill against the books, call by call; and the whole bill in nanos of yuan."""
    checks = {
        vendor: VendorCheck(vendor, currency(vendor)) for vendor in dict.fromkeys(one.vendor for one in calls)
    }
    total = 0
    known = set()
    for call, row in paired(calls, rows, question_of):
        check = checks[call.vendor]
        bill = prices(call)
        check.calls += 1
        check.billed += call.billed
        check.bill += bill
        total += in_yuan(bill, check.currency, rate)
        booked = 0 if row is None else charged(row)
        if booked < bill:
            check.short.append(f"{call.request_id}: billed {bill}, booked {booked}")
        if row is None:
            continue
        known.add(row.record.attempt_id)
        if row.record.certainty in ("exact", "estimated"):
            check.told += 1
            check.equal += booked == bill
    for row in rows:
        check_of_row = checks.get(row.record.meta.provider)
        if check_of_row is not None:
            check_of_row.booked += charged(row)
            if row.record.certainty == "exact" and row.record.attempt_id not in known:
                check_of_row.short.append(f"{row.record.attempt_id}: booked, and unknown to the vendor")
    return list(checks.values()), total


def charged(row: SpendRow) -> int:
    """What the books count for an attempt, in nanos of the vendor's currency."""
    return (row.record.charged_nanos or 0) + row.corrected_nanos


def paired(
    calls: Sequence[CallRecord], rows: Sequence[SpendRow], question_of: QuestionOf
) -> list[tuple[CallRecord, SpendRow | None]]:
    """Each request that reached a vendor with its line in the books.

    By the vendor's request id where the books have it. Vendors that send none, and attempts that ended before it
    came, are found by the question: the requests for it at one model, in order.
    """
    by_id = {row.record.request_id: row for row in rows if row.record.request_id is not None}
    by_question: dict[tuple[str, str, str], list[SpendRow]] = defaultdict(list)
    for row in rows:
        if row.record.request_id is None:
            meta = row.record.meta
            by_question[meta.provider, meta.model, meta.tags["question"]].append(row)
    found: list[tuple[CallRecord, SpendRow | None]] = []
    for call in calls:
        known = by_id.get(call.request_id)
        number = question_of.get(call.text, "")
        waiting = by_question.get((call.vendor, call.model, number))
        found.append((call, known or (waiting.pop(0) if waiting else None)))
    return found
