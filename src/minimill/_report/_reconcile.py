"""A vendor's usage export against the books: which line is which attempt, as far as that is beyond doubt.

Nothing is read or booked here. It may import `ledger`, `_money` and its siblings.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from minimill._money import Money
from minimill._report._spend import certainty_of, charge_of
from minimill._values import dataclass
from minimill.ledger import SpendRow


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a vendor's usage export."""

    number: int
    """Its line in the file."""
    amount: Money
    request_id: str | None = None
    at: dt.datetime | None = None
    model: str | None = None
    input_tokens: int | None = None
    """All input, cached included."""
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """An attempt, and what the export says of it."""

    row: SpendRow
    lines: tuple[int, ...]
    amount: Money
    by_id: bool
    """Whether the vendor's request id says so; else model, time and tokens, and nothing else fits."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An attempt whose cost nobody knows, and lines that may or may not be its own."""

    row: SpendRow
    lines: tuple[int, ...]
    why: str


@dataclass(slots=True)
class Reconciled:
    """What the export says about the books."""

    to_correct: list[Match] = field(default_factory=list)
    """Attempts whose cost nobody knew."""
    agree: int = 0
    """Attempts that the books have as the export does."""
    differ: list[Match] = field(default_factory=list)
    """Attempts that the books have otherwise than the export."""
    doubts: list[Doubt] = field(default_factory=list)
    missing: list[SpendRow] = field(default_factory=list)
    """Attempts of the export's time whose cost nobody knows, and of which it says nothing."""
    strangers: list[int] = field(default_factory=list)
    """Lines that fit no attempt."""


def waits(row: SpendRow) -> bool:
    """Whether nobody knows what the attempt cost: it ended, and was neither settled nor corrected."""
    return row.record.status != "open" and certainty_of(row) in ("held", "unpriced")


def reconcile(
    rows: Iterable[SpendRow],
    lines: Iterable[BillLine],
    provider: str,
    within: dt.timedelta,
    progress: Callable[[int], None] = lambda done: None,
) -> Reconciled:
    """Find the attempt of each line: by request id, else by model, time and tokens where only one fits.

    Args:
        rows: The books of that time; attempts of other providers are left out.
        lines: The export.
        provider: Whose export it is.
        within: How far a line's time may be outside its attempt's.
        progress: Called with the number of lines that are done.
    """
    found = Reconciled()
    own = [row for row in rows if row.record.meta.provider == provider]
    lines = list(lines)
    left, unnamed = _by_id(own, lines, found)
    _by_likeness(left, unnamed, within, found, progress)
    found.missing = [row for row in found.missing if _is_covered(row, lines, within)]
    found.to_correct.sort(key=lambda match: (match.row.record.started_at, match.row.record.attempt_id))
    found.strangers.sort()
    return found


def _is_covered(row: SpendRow, lines: Sequence[BillLine], within: dt.timedelta) -> bool:
    """Whether the attempt was made in the time of the export, as far as that is known."""
    times = [line.at for line in lines if line.at is not None]
    if len(times) < len(lines) or not times:
        return True
    return _started(row) <= max(times) + within and _finished(row) >= min(times) - within


def _note(found: Reconciled, row: SpendRow, lines: Sequence[BillLine], *, by_id: bool) -> None:
    """The attempt is that of these lines."""
    numbers = tuple(line.number for line in lines)
    currencies = {line.amount.currency for line in lines}
    billed = row.record.currency
    waiting = waits(row)
    if len(currencies) > 1 or (billed is not None and currencies != {billed}):
        words = f"the export is in {' and '.join(sorted(currencies))}, the books in {billed or 'no currency yet'}"
        found.doubts.append(Doubt(row, numbers, words))
        return
    match = Match(row, numbers, sum((line.amount for line in lines[1:]), lines[0].amount), by_id)
    if match.amount.nanos < 0:
        found.doubts.append(Doubt(row, numbers, f"less than nothing is billed: {match.amount}"))
    elif _known(row, match.amount) and not (waiting and row.lines):
        found.agree += 1
    elif waiting:
        found.to_correct.append(match)
    elif row.record.status != "open":
        found.differ.append(match)


def _known(row: SpendRow, amount: Money) -> bool:
    """Whether the books have this amount. The record of a model without a price names no currency."""
    if row.record.currency is None:
        return row.corrected_nanos != 0 and row.corrected_nanos == amount.nanos
    return charge_of(row) == amount


# -- by the vendor's request id ------------------------------------------------------------------


def _by_id(
    rows: Sequence[SpendRow], lines: Sequence[BillLine], found: Reconciled
) -> tuple[list[SpendRow], list[BillLine]]:
    """Returns the attempts and lines that no id brings together."""
    named: dict[str, list[SpendRow]] = {}
    for row in rows:
        if row.record.request_id:
            named.setdefault(row.record.request_id, []).append(row)
    grouped: dict[str, list[BillLine]] = {}
    unnamed = []
    for line in lines:
        if line.request_id in named:
            grouped.setdefault(line.request_id, []).append(line)
        else:
            unnamed.append(line)
    for request_id, group in grouped.items():
        owners = named.pop(request_id)
        if len(owners) == 1:
            _note(found, owners[0], group, by_id=True)
            continue
        numbers = tuple(line.number for line in group)
        why = f"{len(owners)} attempts have the request id of these lines"
        found.doubts += [Doubt(row, numbers, why) for row in owners if waits(row)]
    grouped_ids = set(grouped)
    return [row for row in rows if row.record.request_id not in grouped_ids], unnamed


# -- by model, time and tokens -------------------------------------------------------------------


class _Likely:
    """Attempts by what a line may tell of them."""

    def __init__(self, rows: Sequence[SpendRow], within: dt.timedelta) -> None:
        self._within = within
        self._exact: dict[tuple[str, int, int], list[SpendRow]] = {}
        self._loose: dict[str, list[SpendRow]] = {}
        self._all: dict[str, list[SpendRow]] = {}
        ordered = sorted(rows, key=_started)
        self._longest = max((_finished(row) - _started(row) for row in ordered), default=dt.timedelta())
        for row in ordered:
            record = row.record
            self._all.setdefault(record.meta.model, []).append(row)
            if record.input_tokens is None or record.output_tokens is None:
                self._loose.setdefault(record.meta.model, []).append(row)
            else:
                key = (record.meta.model, record.input_tokens, record.output_tokens)
                self._exact.setdefault(key, []).append(row)

    def of(self, line: BillLine) -> list[SpendRow]:
        """Every attempt that the line may belong to."""
        if line.at is None or line.model is None:
            return []
        if line.input_tokens is None or line.output_tokens is None:
            places = [self._all.get(line.model, [])]
        else:
            exact = self._exact.get((line.model, line.input_tokens, line.output_tokens), [])
            places = [exact, self._loose.get(line.model, [])]
        return [row for place in places for row in self._near(place, line.at) if _fits(row, line)]

    def _near(self, rows: list[SpendRow], at: dt.datetime) -> list[SpendRow]:
        first = bisect_left(rows, at - self._within - self._longest, key=_started)
        last = bisect_right(rows, at + self._within, key=_started)
        return [row for row in rows[first:last] if _finished(row) + self._within >= at]


def _started(row: SpendRow) -> dt.datetime:
    return row.record.started_at


def _finished(row: SpendRow) -> dt.datetime:
    return row.record.finished_at


def _fits(row: SpendRow, line: BillLine) -> bool:
    """Whether tokens agree, as far as both sides know them, and the ids do not say otherwise."""
    record = row.record
    if record.request_id and line.request_id:
        return False
    ceiling = record.details.get("ceiling", {})
    for name in ("input_tokens", "output_tokens"):
        told, known, most = getattr(line, name), getattr(record, name), ceiling.get(name)
        if told is None:
            continue
        if told != known if known is not None else most is not None and told > most:
            return False
    return True


def _by_likeness(
    rows: Sequence[SpendRow],
    lines: Sequence[BillLine],
    within: dt.timedelta,
    found: Reconciled,
    progress: Callable[[int], None],
) -> None:
    likely = _Likely([row for row in rows if row.record.certainty != "released"], within)
    pairing = _Pairing()
    for done, line in enumerate(lines, 1):
        owners = likely.of(line)
        if owners:
            pairing.add(line, owners)
        else:
            found.strangers.append(line.number)
        progress(done)
    for row, line in pairing.settle():
        _note(found, row, [line], by_id=False)
    _tell_rest(rows, pairing, found)


def _tell_rest(rows: Sequence[SpendRow], pairing: _Pairing, found: Reconciled) -> None:
    for row in rows:
        if not waits(row) or row.record.attempt_id in pairing.paired:
            continue
        numbers = tuple(sorted(pairing.lines_of.get(row.record.attempt_id, ())))
        if numbers:
            why = "several lines may be its own" if len(numbers) > 1 else "the line may be that of another attempt"
            found.doubts.append(Doubt(row, numbers, why))
        else:
            found.missing.append(row)


class _Pairing:
    """Lines and attempts that may belong together, narrowed down to pairs that must.

    An attempt that was billed for certain has a line of its own, so where only one fits, that is it. An attempt
    of which nobody knows whether it was billed needs a line that fits nothing else as well.
    """

    def __init__(self) -> None:
        self.owners_of: dict[int, set[str]] = {}
        """By line, the attempts it may belong to."""
        self.lines_of: dict[str, set[int]] = {}
        """By attempt, the lines that may be its own."""
        self.paired: set[str] = set()
        self._rows: dict[str, SpendRow] = {}
        self._lines: dict[int, BillLine] = {}

    def add(self, line: BillLine, owners: Sequence[SpendRow]) -> None:
        """The line belongs to one of these, or to nobody."""
        self._lines[line.number] = line
        self.owners_of[line.number] = {row.record.attempt_id for row in owners}
        for row in owners:
            self._rows[row.record.attempt_id] = row
            self.lines_of.setdefault(row.record.attempt_id, set()).add(line.number)

    def settle(self) -> list[tuple[SpendRow, BillLine]]:
        """The pairs that are beyond doubt; they are taken out."""
        pairs = []
        due = list(self.lines_of)
        while due:
            attempt = due.pop()
            numbers = self.lines_of.get(attempt, set())
            if len(numbers) != 1:
                continue
            (number,) = numbers
            if self._is_sure(attempt, number):
                pairs.append((self._rows[attempt], self._lines[number]))
                due += self._take(attempt, number)
        return pairs

    def _is_sure(self, attempt: str, number: int) -> bool:
        """Whether the only line that fits the attempt must be its own."""
        others = self.owners_of[number] - {attempt}
        if not others:
            return True
        return _is_billed(self._rows[attempt]) and not any(
            _is_billed(self._rows[other]) and len(self.lines_of[other]) == 1 for other in others
        )

    def _take(self, attempt: str, number: int) -> set[str]:
        """Returns the attempts for which that changed something: theirs, and those that share a line with them."""
        self.paired.add(attempt)
        del self.lines_of[attempt]
        others = self.owners_of.pop(number) - {attempt}
        for other in others:
            self.lines_of[other].discard(number)
        return others


def _is_billed(row: SpendRow) -> bool:
    return not waits(row) and row.record.status != "open"
