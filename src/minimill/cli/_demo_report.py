"""What the demo says at its end: what became of the calls, the spend, the holds, and the check.

It may import `_report`, `ledger` and its neighbours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from minimill._money import Money
from minimill._report import key_of
from minimill.cli._demo_bill import Check, VendorCheck
from minimill.cli._demo_live import short
from minimill.cli._demo_run import Outcome, Tally
from minimill.cli._output import Output, Styled, Table, aligned
from minimill.ledger import Balance, SpendRow

GOOD, BAD, DIM = "bold green", "bold red", "dim"
_HELD = {
    "answered": "usage was not reported: the hold stands",
    "silent": "nobody knows what it bills: the hold stands",
    "cut off": "broke in mid-answer: the hold stands",
    "user left": "left in mid-answer: the hold stands",
}


SPEND = (
    ("Spend by provider", ("provider",)),
    ("Spend by model", ("model",)),
    ("Spend by app and user", ("app", "tag:user")),
)


def report(
    out: Output, outcome: Outcome, check: Check, spend: Sequence[tuple[str, tuple[str, ...]]] = SPEND
) -> None:
    """Everything, the check line last."""
    _calls(out, outcome.tally, outcome.seconds)
    for title, by in spend:
        _titled(out, title)
        out.table(spend_table(outcome.rows, by))
    _titled(out, "How attempts ended")
    out.table(endings_table(outcome.rows))
    _titled(out, "The budget")
    out.table(budget_table(out, outcome.balance))
    _titled(out, "The books against what the vendors generated and bill")
    out.table(check_table(check))
    out.line()
    check_lines(out, check)


def _titled(out: Output, title: str) -> None:
    out.line()
    out.line(title, "bold")


def _calls(out: Output, tally: Tally, seconds: float) -> None:
    out.line(f"{tally.calls} calls in {seconds:.1f} s", "bold")
    out.line(f"  {tally.answered:>4} answered, {tally.fallbacks} of them by a fallback")
    for count, words in (
        (tally.refused, f"refused by the cap{_refusal(tally)}"),
        (tally.left, "cancelled by their users in mid-answer"),
        (tally.cut, "cut off by a vendor in mid-answer"),
        (tally.failed, "failed"),
    ):
        if count:
            out.line(f"  {count:>4} {words}")
    for problem, count in tally.problems.most_common(3):
        out.line(f"  {count:>4} × {problem}", BAD)


def _refusal(tally: Tally) -> str:
    refusal = tally.refusal
    if refusal is None or refusal.limit is None:
        return ""
    left = refusal.limit - refusal.settled - refusal.held
    return f": at the first {short(left.nanos)} was left, and it needed up to {short(refusal.needed.nanos)}"


# --- spend ---


class _Sum:
    """Attempts of one group."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.attempts = self.settled = self.held = 0
        self.tokens: Counter[str] = Counter()

    def add(self, row: SpendRow) -> None:
        record = row.record
        self.calls.add(record.meta.call_id)
        self.attempts += 1
        self.tokens["input"] += record.input_tokens or 0
        self.tokens["output"] += record.output_tokens or 0
        self.settled += sum(line.booked_nanos for line in row.lines)
        self.held += sum(line.held_nanos for line in row.lines)

    def cells(self) -> list[str]:
        return [
            f"{len(self.calls):,}",
            f"{self.attempts:,}",
            f"{self.tokens['input']:,}",
            f"{self.tokens['output']:,}",
            short(self.settled + self.held),
            short(self.held) if self.held else "",
        ]


def spend_table(rows: Sequence[SpendRow], by: Sequence[str]) -> Table:
    """Attempts added up, in the currency of the budget; tokens as far as vendors reported them."""
    sums: dict[tuple[str, ...], _Sum] = defaultdict(_Sum)
    total = _Sum()
    for row in rows:
        keys = tuple(key_of(row.record, word).split(":")[-1] for word in by)
        sums[keys].add(row)
        total.add(row)
    headings = [word.removeprefix("tag:") for word in by]
    table = Table([*headings, ">calls", ">attempts", ">input", ">output", ">spent", ">of it held"])
    for keys in sorted(sums):
        table.add(*keys, *sums[keys].cells())
    table.totals.append(["total", *[""] * (len(by) - 1), *total.cells()])
    return table


# --- attempts ---


def endings_table(rows: Sequence[SpendRow]) -> Table:
    """How attempts ended and what that did to their money."""
    sums: dict[tuple[str, str, str], _Sum] = defaultdict(_Sum)
    for row in rows:
        sums[row.record.meta.provider, *_ending(row)].add(row)
    table = Table(["provider", "ended as", "money", ">attempts", ">spent", "~why"])
    for (provider, ended, money), group in sorted(sums.items()):
        why = _why(ended, money)
        spent = "" if money == "released" else short(group.settled + group.held)
        table.add(
            provider,
            ended,
            Styled(money, "yellow" if money == "held" else ""),
            f"{group.attempts:,}",
            spent,
            why,
        )
    return table


def _ending(row: SpendRow) -> tuple[str, str]:
    record = row.record
    if record.status == "TransportError" and record.certainty == "released":
        return "not reached", record.certainty
    if record.status == "TransportError":
        return ("silent" if record.first_token_s is None else "cut off"), record.certainty
    if record.status in ("abandoned", "CancelledError", "Cancelled"):
        return "user left", record.certainty
    if record.status == "RateLimitedError":
        return f"{record.http_status} rate limited", record.certainty
    return ("answered" if record.status == "ok" else record.status), record.certainty


def _why(ended: str, money: str) -> str:
    if ended == "not reached":
        return "nothing was sent: nothing is billed"
    if money == "released":
        return "the vendor refused: nothing is billed"
    if money == "held":
        return _HELD.get(ended, "the outcome is unknown: the hold stands")
    return "computed from the usage reported"


def budget_table(out: Output, balance: Balance) -> Table:
    """The cap and what stands against it."""
    table = Table(["budget", ">cap", ">settled", ">held", ">left", "used"])
    amounts = (balance.limit_nanos, balance.settled_nanos, balance.held_nanos, balance.left_nanos)
    parts = [(balance.settled_nanos, "█", "#"), (balance.held_nanos, "▒", "=")]
    used = 100 * (balance.settled_nanos + balance.held_nanos) / balance.limit_nanos
    bar = Styled(f"{out.bar(parts, balance.limit_nanos, 20)} {used:.1f} %", "green")
    table.add(balance.budget, *map(short, amounts), bar)
    return table


# --- the check ---


def check_table(check: Check) -> Table:
    """One line for each vendor, in the currency it bills in."""
    table = Table(
        ["vendor", ">requests", ">billed", ">its bill", "", ">in the books", ">equal to the nano", ""]
    )
    money = [Money(nanos, one.currency) for one in check.vendors for nanos in (one.bill, one.booked)]
    amounts = aligned(money)
    for one, bill, booked in zip(check.vendors, amounts[::2], amounts[1::2], strict=True):
        table.add(
            one.vendor,
            f"{one.calls:,}",
            f"{one.billed:,}",
            bill,
            "=" if one.bill == one.booked else "≤" if one.bill < one.booked else ">",
            booked,
            f"{one.equal} of {one.told}",
            Styled("ok", "green") if one.holds else Styled("wrong", BAD),
        )
    return table


def check_lines(out: Output, check: Check) -> None:
    """The check line, and what is wrong where it does not hold."""
    bill, booked, cap = (str(Money(nanos, "CNY")) for nanos in (check.bill, check.booked, check.cap))
    equal, told = (sum(getattr(one, name) for one in check.vendors) for name in ("equal", "told"))
    if check.holds:
        out.line(f"equal to the nano where usage was reported: {equal} of {told} charges", GOOD)
        out.line(f"never less than the bill, never more than the cap: {bill} ≤ {booked} ≤ {cap}", GOOD)
        return
    for fault in (*check.faults, *(fault for one in check.vendors for fault in _faults(one))):
        out.line(fault, BAD)
    out.line(f"the check failed: bill {bill}, books {booked}, cap {cap}", BAD)


def _faults(one: VendorCheck) -> list[str]:
    faults = [f"{one.vendor}: {text}" for text in one.short[:5]]
    if one.bill > one.booked:
        faults.append(f"{one.vendor} bills {one.bill}, the books say {one.booked} (nanos of {one.currency})")
    if one.equal != one.told:
        faults.append(f"{one.vendor}: {one.told - one.equal} of {one.told} charges differ from the bill")
    return faults
