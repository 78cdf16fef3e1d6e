"""`minimill explain`: the arithmetic of one call's charge, from the books alone.

It may import click, `_report`, `ledger` and its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import click

from minimill._errors import LedgerError
from minimill._money import Money
from minimill._report import certainty_of, charge_of
from minimill.cli._common import Common, books, common, config_option, ledger_option
from minimill.cli._output import Output, Styled, Table
from minimill.ledger import SpendRow


@click.command(short_help="The arithmetic of one call's charge.")
@click.argument("call_id")
@ledger_option
@config_option
@click.pass_context
def explain(ctx: click.Context, call_id: str) -> None:
    """The arithmetic of one call's charge: tokens, prices and where they are from, what was reserved and why.

    CALL_ID is the id of a call, or of one attempt; `minimill spend --attempts` lists them. Exit code 1 if a sum in
    the books does not follow from its parts.
    """
    import anyio

    rows = anyio.run(_rows, common(ctx), call_id)
    out = Output()
    _head(out, rows[0])
    add_up = [_attempt(out, number, row) for number, row in enumerate(rows, 1)]
    if not all(add_up):
        ctx.exit(1)


async def _rows(given: Common, wanted: str) -> Sequence[SpendRow]:
    async with books(given) as ledger:
        rows = await ledger.records(call_id=wanted.partition("-")[0])
    found = [row for row in rows if wanted in (row.record.attempt_id, row.record.meta.call_id)]
    if not found:
        raise LedgerError(f"the books know no call or attempt {wanted!r}; minimill spend --attempts lists them")
    return found


def _head(out: Output, row: SpendRow) -> None:
    meta = row.record.meta
    labels = [("app", meta.app), ("route", meta.route), *meta.tags.items()]
    words = "".join(f" · {name} {value}" for name, value in labels if value is not None)
    out.line(f"call {meta.call_id}{words}", "bold")


def _attempt(out: Output, number: int, row: SpendRow) -> bool:
    """Print one attempt; tells whether its charge follows from its parts."""
    record = row.record
    charged = charge_of(row)
    out.line()
    amount = "unknown" if charged is None else str(charged)
    amount = "nothing" if charged is None and record.certainty == "released" else amount
    out.line(f"{number}. {record.meta.provider}:{record.meta.model}  {amount}  ({certainty_of(row)})", "bold")
    _facts(out, row)
    told = record.details
    adds_up = _charge(out, row, told)
    for rate in told.get("rates", ()):
        out.line(f"   rate: {rate}")
    if row.corrected_nanos and record.currency:
        out.line(f"   corrections: {_signed(Money(row.corrected_nanos, record.currency))}")
    for line in row.lines:
        account = f" of {line.key}" if line.key else ""
        out.line(f"   budget {line.budget}{account}: {_line_words(line)}")
    if "ceiling" in told:
        _ceiling(out, row, told["ceiling"])
    return adds_up


def _facts(out: Output, row: SpendRow) -> None:
    record = row.record
    seconds = (record.finished_at - record.started_at).total_seconds()
    facts = [
        f"attempt {record.attempt_id}",
        record.started_at.astimezone().isoformat(sep=" ", timespec="milliseconds"),
        f"{record.status} after {seconds:.2f} s",
        None if record.first_token_s is None else f"first token after {record.first_token_s:.2f} s",
        None if record.finish_reason is None else f"finish reason {record.finish_reason}",
        None if record.http_status is None else f"HTTP {record.http_status}",
        None if record.request_id is None else f"vendor's request id {record.request_id}",
    ]
    out.line("   " + " · ".join(fact for fact in facts if fact))


def _line_words(line: Any) -> str:
    reserved = "unknown" if line.reserved_nanos is None else str(Money(line.reserved_nanos, line.currency))
    booked, held = (Money(nanos, line.currency) for nanos in (line.booked_nanos, line.held_nanos))
    return f"{reserved} reserved, {booked} booked" + (f", {held} still held" if held else "")


def _signed(money: Money) -> str:
    return f"+{money}" if money.nanos > 0 else str(money)


# --- the sum ---


def _charge(out: Output, row: SpendRow, told: Mapping[str, Any]) -> bool:
    record = row.record
    if "billed" in told:
        out.line("   the vendor's own bill, as its answer told it")
        return True
    if "buckets" not in told:
        out.line(f"   {_why_no_sum(row)}")
        return True
    price = told["row"]
    table = _bucket_table(told["buckets"], price["currency"])
    exact = sum((Decimal(bucket["nanos"]) for bucket in told["buckets"]), Decimal(0))
    booked, total = record.charged_nanos, math.ceil(exact)
    table.totals.append(["sum, rounded up", "", "", f"= {_units(Decimal(total), price['currency'])}"])
    if told["buckets"]:
        _indented(out, table)
    else:
        out.line("   free: the price row says that it costs nothing")
    show_row(out, price)
    _words(out, "hours of your own", told.get("own_clocks", ()))
    _words(out, "because", told.get("conditions", ()))
    _words(out, "assumed", told.get("assumptions", ()))
    _words(out, "odd", told.get("oddities", ()))
    adds_up = booked == total and all(_follows(bucket) for bucket in told["buckets"])
    if not adds_up:
        out.line(f"   this does not add up: the books say {_units(Decimal(booked or 0), price['currency'])}", "red")
    return adds_up


def _why_no_sum(row: SpendRow) -> str:
    record = row.record
    if certainty_of(row) == "corrected":
        return "what it cost was unknown; a correction took the place of what was held"
    return {
        "released": "not billed: nothing was sent, or the vendor refused in its own words",
        "held": "what it cost is unknown: the whole reservation counts as spent until somebody corrects it",
        "unpriced": "what it cost is unknown: no price, or no bound, is known",
    }.get(record.certainty, "the books hold no arithmetic for it")


def _follows(bucket: Mapping[str, Any]) -> bool:
    factor = 10**9 if is_fee(bucket["name"]) else 1000
    return bool(Decimal(bucket["price"]) * bucket["count"] * factor == Decimal(bucket["nanos"]))


def is_fee(name: str) -> bool:
    """Whether a bucket counts pieces, not tokens."""
    return name == "request" or name.startswith("unit:")


def _bucket_table(buckets: Sequence[Mapping[str, Any]], currency: str) -> Table:
    table = Table(["bucket", ">count", "price", ">amount"])
    for bucket in buckets:
        name = bucket["name"].removeprefix("unit:").replace("_", " ")
        unit = "each" if is_fee(bucket["name"]) else "per million tokens"
        price = f"× {bucket['price']} {currency} {unit}"
        table.add(name, f"{bucket['count']:,}", price, Styled(f"= {_units(Decimal(bucket['nanos']), currency)}", ""))
    return table


def _units(nanos: Decimal, currency: str) -> str:
    text = format(nanos.scaleb(-9).normalize(), "f")
    return f"{text} {currency}"


def show_row(out: Output, row: Mapping[str, Any]) -> None:
    """The price row: since when, where it was read, and when somebody last looked; or whose own price it is."""
    if row["origin"] != "catalog":
        out.line(f"   price {own_price_words(row)}")
        return
    sure = {"vendor": "the vendor's own page", "reported": "reported by others", "unsure": "unsure"}
    said = sure.get(row["certainty"], row["certainty"])
    out.line(f"   price since {row['since']}: {row['source']} (checked {row['checked']}, {said})")


def own_price_words(row: Mapping[str, Any]) -> str:
    """Where a price of the user's own is from. One without a date in the file holds since ever."""
    since = "" if str(row["since"]).startswith("1970-01-01T00:00:00") else f" since {row['since']}"
    source = "" if row["origin"] in row["source"] else f": {row['source']}"
    return f"of your own, set in {row['origin']}{since}{source} (checked {row['checked']})"


def _words(out: Output, head: str, words: Sequence[str]) -> None:
    for word in words:
        out.line(f"   {head}: {word}")


# --- what was reserved ---


def _ceiling(out: Output, row: SpendRow, ceiling: Mapping[str, Any]) -> None:
    record = row.record
    reserved = None if record.reserved_nanos is None or not record.currency else record.reserved_nanos
    amount = "unknown" if reserved is None else str(Money(reserved, record.currency or ""))
    out.line(f"   reserved before sending: {amount}, the most it could cost")
    show_ceiling(out, ceiling)


def show_ceiling(out: Output, ceiling: Mapping[str, Any]) -> None:
    """Buckets, price row and assumptions of a ceiling."""
    if ceiling["buckets"]:
        _indented(out, _bucket_table(ceiling["buckets"], ceiling["row"]["currency"]))
    show_row(out, ceiling["row"])
    _words(out, "hours of your own", ceiling.get("own_clocks", ()))
    _words(out, "assumed", ceiling["assumptions"])


def _indented(out: Output, table: Table) -> None:
    """A small table without headings, set in."""
    from minimill.cli._output import plain_lines

    lines = plain_lines(table)
    for place, line in enumerate(lines[2:]):
        is_rule = bool(table.totals) and place == len(table.rows)
        out.line(f"     {line}", "dim" if is_rule else "")
