"""`minimill spend`: the books as a table, or as lines for other programs.

It may import click, `_report` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence

import click

from minimill._money import Money
from minimill._report import (
    DIMENSIONS,
    SpendGroup,
    Tokens,
    certainty_of,
    charge_of,
    group_spend,
    is_dimension,
)
from minimill.cli._common import (
    Common,
    books,
    common,
    config_option,
    instant,
    ledger_option,
    meant,
    time_zone,
    why_empty,
)
from minimill.cli._output import Cell, Output, Table, aligned
from minimill.ledger import SpendRow


def _dimension(text: str) -> str:
    if is_dimension(text):
        return text
    near = difflib.get_close_matches(text, DIMENSIONS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise click.BadParameter(f"expected {', '.join(DIMENSIONS)} or tag:NAME, found {text!r}{hint}")


@click.command(short_help="What was spent, on what and by whom.")
@click.option(
    "--by",
    type=_dimension,
    multiple=True,
    metavar="WHAT",
    help="Group by app, route, provider, model, day, month, status or tag:NAME; may be repeated, the outermost "
    "first. Left out: model.",
)
@click.option("--attempts", is_flag=True, help="One line for each attempt instead of sums.")
@click.option("--since", metavar="TIME", help="First instant: 2026-11-24, 2026-11-24T08:30, today, 24h or 7d ago.")
@click.option("--until", metavar="TIME", help="End, not included; a day counts whole.")
@click.option("--zone", type=time_zone, metavar="ZONE", help="Time zone of days and times; left out: this computer's.")
@click.option("--jsonl", metavar="[FILE]", is_flag=False, flag_value="-", help=
              "Write one JSON object a line, to standard output or to a file.")  # fmt: skip
@click.option("--csv", "csv_", metavar="[FILE]", is_flag=False, flag_value="-", help=
              "Write comma-separated values, to standard output or to a file.")  # fmt: skip
@ledger_option
@config_option
@click.pass_context
def spend(
    ctx: click.Context,
    by: tuple[str, ...],
    attempts: bool,
    since: str | None,
    until: str | None,
    zone: dt.tzinfo | None,
    jsonl: str | None,
    csv_: str | None,
) -> None:
    """What was spent, on what and by whom.

    `charged` counts failed attempts and holds that still stand; `held` and `estimated` are parts of it, and corrections
    are in it. Different currencies have lines and totals of their own. `≥` marks sums in which some attempts did not
    say what they used.
    """
    import anyio

    if attempts and by:
        raise click.UsageError("say either --attempts or --by, not both")
    if jsonl is not None and csv_ is not None:
        raise click.UsageError("say either --jsonl or --csv, not both")
    by = by or ("model",)
    with meant():
        first = None if since is None else instant(since, zone, end=False)
        last = None if until is None else instant(until, zone, end=True)
    rows = anyio.run(_records, common(ctx), first, last)
    if jsonl is not None or csv_ is not None:
        from minimill.cli._export import attempt_table, group_table, write_csv, write_jsonl

        exported = attempt_table(rows) if attempts else group_table(group_spend(rows, by, zone=zone), by)
        if jsonl is not None:
            write_jsonl(exported, jsonl)
        elif csv_ is not None:
            write_csv(exported, csv_)
        return
    out = Output()
    if rows:
        out.table(attempts_table(rows, zone) if attempts else groups_table(rows, by, zone))
    else:
        out.line(f"nothing was spent: {why_empty(common(ctx))}")


async def _records(given: Common, since: dt.datetime | None, until: dt.datetime | None) -> list[SpendRow]:
    async with books(given) as ledger:
        return await ledger.records(since=since, until=until)


def groups_table(rows: Sequence[SpendRow], by: Sequence[str], zone: dt.tzinfo | None) -> Table:
    """Groups with their totals, one line for each currency."""
    groups, totals = group_spend(rows, by, zone=zone), group_spend(rows)
    every = [*groups, *totals]
    keys = [list(group.keys) for group in groups]
    keys += [[f"total {group.currency or 'of no currency'}", *[""] * (len(by) - 1)] for group in totals]
    columns = (_charged(every), *(_amounts(every, part) for part in ("held", "estimated", "corrected")))
    lines: list[Sequence[Cell]] = [
        [*key, *_counts(group), *amounts, f"{group.unpriced:,}" if group.unpriced else ""]
        for key, group, *amounts in zip(keys, every, *columns, strict=True)
    ]
    table = Table([*by, *_SUMS], lines[: len(groups)], lines[len(groups) :])
    return table.without_empty("held", "estimated", "corrections", "of unknown cost")


_SUMS = (">calls", ">attempts", ">input", ">cached", ">output", ">reasoning", ">charged", ">held", ">estimated",
         ">corrections", ">of unknown cost")  # fmt: skip


def _counts(group: SpendGroup) -> list[str]:
    tokens = (group.input_tokens, group.cached_input_tokens, group.output_tokens, group.reasoning_tokens)
    return [f"{group.calls:,}", f"{group.attempts:,}", *(tokens_text(count) for count in tokens)]


def _charged(groups: Sequence[SpendGroup]) -> list[str]:
    texts = aligned(group.charged for group in groups)
    return [
        ("unknown" if group.unpriced else "0")
        if group.charged is None
        else (f"≥ {text}" if group.unpriced else text)
        for text, group in zip(texts, groups, strict=True)
    ]


def _amounts(groups: Sequence[SpendGroup], part: str) -> list[str]:
    """A column of amounts that are parts of the charge; empty where there is none."""
    amounts = [(group.currency, getattr(group, f"{part}_nanos")) for group in groups]
    return aligned((Money(nanos, currency) if currency and nanos else None for currency, nanos in amounts), "")


def tokens_text(tokens: Tokens) -> str:
    """A sum of tokens; `≥` where some attempts did not say, `unknown` where none did."""
    if not tokens.unknown:
        return f"{tokens.known:,}"
    return f"≥ {tokens.known:,}" if tokens.told else "unknown"


def attempts_table(rows: Sequence[SpendRow], zone: dt.tzinfo | None) -> Table:
    """One line for each attempt, in order of time."""
    table = Table(["time", "attempt", "model", "app", "status", ">input", ">output", ">charged", "certainty"])
    for row, charged in zip(rows, aligned([charge_of(row) for row in rows]), strict=True):
        record = row.record
        released = record.certainty == "released"
        table.add(
            record.started_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
            record.attempt_id,
            f"{record.meta.provider}:{record.meta.model}",
            record.meta.app or "",
            record.status,
            _told(record.input_tokens, released),
            _told(record.output_tokens, released),
            "0" if released and charge_of(row) is None else charged,
            certainty_of(row),
        )
    return table.without_empty("app")


def _told(count: int | None, released: bool) -> str:
    return ("0" if released else "unknown") if count is None else f"{count:,}"
