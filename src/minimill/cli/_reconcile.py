"""`minimill budget reconcile`: what nobody knew the cost of, against a vendor's usage export.

It may import click, `_config`, `_report`, `ledger` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from minimill._errors import MinimillError
from minimill._report import BillLine, Match, Reconciled, charge_of, reconcile, waits
from minimill.cli._common import Common, books, client, common, config_option, ledger_option
from minimill.cli._output import Output, Table, aligned
from minimill.cli._progress import Progress
from minimill.cli._usage_export import read_export
from minimill.ledger import SpendRow

if TYPE_CHECKING:
    from minimill._config import UsageExport

_LISTED = 10
"""Lines of the export that are named; of more it is said how many."""
_LONGEST = dt.timedelta(days=1)
"""No attempt takes longer."""


@click.command("reconcile", short_help="Correct unconfirmed holds from a vendor's usage export.")
@click.argument("export", required=False, type=click.Path(path_type=Path))
@click.option("--as", "shape", metavar="NAME", help=
              "Which [usage_exports.NAME] tells its columns; left out: the only one.")  # fmt: skip
@click.option("--apply", is_flag=True, help="Book the corrections. Left out: only show them.")
@click.option("--reason", help="Kept in the books with each correction; left out: the file and its lines.")
@ledger_option
@config_option
@click.pass_context
def reconcile_command(
    ctx: click.Context, export: Path | None, shape: str | None, apply: bool, reason: str | None
) -> None:
    """Find what unconfirmed attempts really cost in a vendor's usage export, and book it.

    EXPORT is a file of comma-separated values whose columns [usage_exports.NAME] of the configuration names. A line is
    matched with an attempt by the vendor's request id; where there is none, by model, time and tokens, if nothing else
    fits. Without --apply nothing is booked. Without EXPORT the attempts that wait for a correction are listed.

    Each correction is an entry of its own in the books. Running it again changes nothing. Exit code 1 if a correction
    could not be booked.
    """
    import anyio

    given, out = common(ctx), Output()
    if export is None:
        if apply or shape or reason:
            raise click.UsageError("say which usage export: minimill budget reconcile EXPORT")
        show_waiting(out, [row for row in anyio.run(_records, given, None) if waits(row)])
        return
    if reason is not None and not reason.strip():
        raise click.UsageError("--reason is some text")
    described = _shape(given.settings().usage_exports, shape)
    size = export.stat().st_size if export.exists() else 0
    with Progress(f"reading {export.name}", size) as progress:
        lines = read_export(export, described, progress)
    rows = anyio.run(_records, given, _since(lines, described))
    with Progress("matching", len(lines)) as progress:
        within = dt.timedelta(seconds=described.within_s)
        found = reconcile(rows, lines, described.provider, within, progress)
    show_found(out, found)
    if not apply:
        if found.to_correct:
            out.line("nothing was booked: repeat it with --apply", "bold")
        return
    why = reason or f"{described.name} {export.name}"
    if anyio.run(_apply, out, given, found.to_correct, why, reason is None):
        ctx.exit(1)


def _shape(shapes: Mapping[str, UsageExport], name: str | None) -> UsageExport:
    if name is None and len(shapes) == 1:
        return next(iter(shapes.values()))
    if not shapes:
        raise click.UsageError(
            "the configuration says nothing about usage exports: name the columns in [usage_exports.NAME]"
        )
    known = ", ".join(shapes)
    if name is None:
        raise click.UsageError(f"say with --as which of the usage exports it is: {known}")
    if name not in shapes:
        near = difflib.get_close_matches(name, shapes, 1)
        raise click.UsageError(
            f"no usage export is called {name!r}" + (f"; did you mean {near[0]}?" if near else f"; there are {known}")
        )
    return shapes[name]


def _since(lines: Sequence[BillLine], shape: UsageExport) -> dt.datetime | None:
    """From when on the books are needed; None: all of them, since a line does not say its time."""
    times = [line.at for line in lines if line.at is not None]
    if len(times) < len(lines) or not times:
        return None
    return min(times) - dt.timedelta(seconds=shape.within_s) - _LONGEST


async def _records(given: Common, since: dt.datetime | None) -> list[SpendRow]:
    async with books(given) as ledger:
        return await ledger.records(since=since)


async def _apply(out: Output, given: Common, matches: Sequence[Match], reason: str, with_lines: bool) -> int:
    """Book them; returns how many could not be."""
    failed = 0
    async with client(given.reading(), named=given.ledger is not None) as opened:
        with Progress("booking", len(matches)) as progress:
            for done, match in enumerate(matches, 1):
                why = f"{reason} {_line_words(match.lines)}" if with_lines else reason
                try:
                    await opened.correct(match.row.record.attempt_id, match.amount, reason=why)
                except MinimillError as error:
                    failed += 1
                    out.line(f"{match.row.record.attempt_id} was not corrected: {error.message}", "red")
                progress(done)
    out.line(f"{len(matches) - failed} corrected", "bold")
    return failed


# --- what is shown ---


def show_waiting(out: Output, rows: Sequence[SpendRow]) -> None:
    """Attempts that wait for a correction, and what an export may know them by."""
    if not rows:
        out.line("nothing waits for a correction")
        return
    table = Table(["attempt", "model", "since", "request id", ">input", ">output", ">counts as"])
    for row, charged in zip(rows, aligned(charge_of(row) for row in rows), strict=True):
        record = row.record
        counts = ["" if count is None else f"{count:,}" for count in (record.input_tokens, record.output_tokens)]
        amount = charged if charge_of(row) is not None else "unknown"
        table.add(record.attempt_id, _model(row), _time(row), record.request_id or "", *counts, amount)
    out.table(table.without_empty("request id", "input", "output"))


def show_found(out: Output, found: Reconciled) -> None:
    """What matched, what did not, and what is in doubt."""
    _matches(out, found.to_correct)
    if found.differ:
        out.line("settled otherwise than the export says (not corrected; minimill budget correct does it):", "yellow")
        _matches(out, found.differ)
    for doubt in found.doubts:
        out.line(f"in doubt: {doubt.row.record.attempt_id}, {_line_words(doubt.lines)}: {doubt.why}", "yellow")
    for row in found.missing:
        out.line(f"not in the export: {row.record.attempt_id} {_model(row)} of {_time(row)}", "yellow")
    if found.strangers:
        out.line(f"of no attempt in the books: {_line_words(found.strangers)}", "dim")
    words = [
        f"{len(found.to_correct)} to correct",
        f"{found.agree} agree with the books",
        f"{len(found.differ)} differ",
        f"{len(found.doubts)} in doubt",
        f"{len(found.missing)} not in the export",
        f"{len(found.strangers)} lines of no attempt",
    ]
    out.line(", ".join(words))


def _matches(out: Output, matches: Sequence[Match]) -> None:
    if not matches:
        return
    charged = aligned(charge_of(match.row) for match in matches)
    billed = aligned(match.amount for match in matches)
    table = Table(["attempt", "model", "since", "line", "found by", ">books", ">bill"])
    for match, books_, export in zip(matches, charged, billed, strict=True):
        how = "request id" if match.by_id else "model, time, tokens"
        lines = ", ".join(str(number) for number in match.lines)
        counted = books_ if charge_of(match.row) is not None else "unknown"
        table.add(match.row.record.attempt_id, _model(match.row), _time(match.row), lines, how, counted, export)
    out.table(table)


def _model(row: SpendRow) -> str:
    return f"{row.record.meta.provider}:{row.record.meta.model}"


def _time(row: SpendRow) -> str:
    return row.record.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _line_words(numbers: Sequence[int]) -> str:
    named = ", ".join(str(number) for number in numbers[:_LISTED])
    more = f" and {len(numbers) - _LISTED:,} more" if len(numbers) > _LISTED else ""
    return f"line{'s' if len(numbers) > 1 else ''} {named}{more}"
