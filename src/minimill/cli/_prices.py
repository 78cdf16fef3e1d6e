"""`minimill prices`: what models cost, at any instant, in any currency; more commands are in its neighbours.

It may import click, `_routing`, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from minimill._errors import ConfigError
from minimill._pricing import Certainty
from minimill.cli._common import common, config_option
from minimill.cli._models import all_providers, price_json
from minimill.cli._output import Output, Table
from minimill.cli._price_lines import (
    TYPICAL_INPUT_TOKENS,
    Line,
    MidRates,
    Question,
    currency_code,
    lines_of,
    moment,
    plain,
    rounded,
)
from minimill.cli._prices_check import check
from minimill.cli._prices_diff import diff
from minimill.cli._prices_history import history

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from decimal import Decimal

    from minimill.catalog import Provider

MOST_NAMED = 12
"""Of more models without a price only the number is told."""
SORTS = ("name", "input", "output", "answer")


@click.group(invoke_without_command=True, short_help="Prices: today's or another day's, history, checks.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="Only this provider; may be repeated.")
@click.option("--at", metavar="DATE", default="now", help="Prices of another day: 2024-05-15, or 2026-11-24T10:30.")
@click.option("--currency", metavar="CODE", type=currency_code, help="Show everything in it: CNY, USD; with the rate.")
@click.option("--sort", type=click.Choice(SORTS), default="name", help="Cheapest first, by this; left out: as listed.")
@click.option(
    "--input-tokens",
    type=click.IntRange(1, 10**7),
    metavar="N",
    help=f"Input of the question that is priced; left out: {TYPICAL_INPUT_TOKENS}.",
)
@click.option(
    "--output-tokens",
    type=click.IntRange(0, 10**7),
    metavar="N",
    help="Its output, thinking included; left out: 500, and 1,000 more where the model thinks.",
)
@click.option("--all-regions", is_flag=True, help="The prices of every region, not of the one in use.")
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, as a JSON array.")
@config_option
@click.pass_context
def prices(
    ctx: click.Context,
    providers: tuple[str, ...],
    at: str,
    currency: str | None,
    sort: str,
    input_tokens: int | None,
    output_tokens: int | None,
    all_regions: bool,
    as_json: bool,
) -> None:
    """What models cost per million tokens, and what a typical question costs. Commands below look closer.

    `*` marks a price that other conditions change (length, time of day, service tier, thinking). A day means noon
    in UTC, which is that day in the zone of every vendor.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx, ctx.invoked_subcommand)
        return
    settings = common(ctx).settings()
    catalog = settings.catalog
    chosen = [catalog.provider(name) for name in providers or all_providers(catalog)]
    when = moment(at)
    rates = MidRates(settings.exchange, when.date())
    question = Question(input_tokens or TYPICAL_INPUT_TOKENS, output_tokens)
    lines = lines_of(chosen, when, question, all_regions=all_regions)
    if currency is not None:
        lines = [line.converted(currency, rates) for line in lines]
    lines = _sorted(lines, sort, rates)
    if as_json:
        click.echo(json.dumps([_json(line, rates) for line in lines], ensure_ascii=False, indent=1))
        return
    _show(Output(), lines, question, rates, _unpriced(chosen, when, lines))


def _refuse_options(ctx: click.Context, subcommand: str) -> None:
    """An option of the table before another command would do nothing."""
    for option in ctx.command.params:
        name = option.name or ""
        if option.expose_value and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} is no option of both: give those of {subcommand} after its name")


for command in (history, diff, check):
    prices.add_command(command)


def _sorted(lines: list[Line], sort: str, rates: MidRates) -> list[Line]:
    """Cheapest first; what cannot be told, or not be compared, last."""
    if sort == "name" or not lines:
        return lines
    common_currency = lines[0].currency

    def key(line: Line) -> tuple[int, Decimal]:
        value = line.by(sort)
        if value is None:
            return 2, rounded(0)
        try:
            return 0, value * rates.factor(line.currency, common_currency)
        except ConfigError:
            return 1, value

    return sorted(lines, key=key)


def _unpriced(providers: Sequence[Provider], when: dt.datetime, lines: Sequence[Line]) -> list[str]:
    """Names of models on sale that have no price at that time."""
    priced = {line.name for line in lines}
    names = [
        f"{provider.id}:{model.id}"
        for provider in providers
        for model in provider.models.values()
        if model.status != "retired" and (model.retires_on is None or model.retires_on > when.date())
    ]
    return [name for name in names if name not in priced]


# --- as a table ---


def _show(
    out: Output, lines: Sequence[Line], question: Question, rates: MidRates, unpriced: Sequence[str]
) -> None:
    if lines:
        out.table(_table(lines))
        out.line()
        out.line(f"an answer: {question.words()}, at the ordinary service tier, nothing cached", "dim")
    for words in rates.words():
        out.line(f"rate: {words}", "dim")
    if unpriced:
        names = f"{len(unpriced)} models" if len(unpriced) > MOST_NAMED else ", ".join(unpriced)
        out.line(f"no price of that time is known of {names}", "yellow")
    if not lines and not unpriced:
        out.line("no price of that time is known")


def _table(lines: Sequence[Line]) -> Table:
    currencies = {line.currency for line in lines}
    unit = currencies.pop() if len(currencies) == 1 else "unit"
    table = Table(["model", "region", ">input", ">cached", ">output", "currency", ">an answer", f">tokens/{unit}",
                   "since", "~note"])  # fmt: skip
    for line in lines:
        table.add(
            line.name,
            line.region or "",
            *line.price_cells(),
            line.currency,
            line.answer_cell(),
            line.tokens_cell(),
            line.row.since.date().isoformat(),
            _note(line),
        )
    return table.without_empty("region", "note")


def _note(line: Line) -> str:
    row = line.row
    words = [] if row.origin == "catalog" else [f"set in {row.origin}"]
    if row.certainty is Certainty.UNSURE:
        words.append("unsure")
    if row.promotion:
        words.append("promotion")
    if line.billed_in is not None:
        words.append(f"billed in {line.billed_in}")
    return ", ".join(words)


# --- as JSON ---


def _json(line: Line, rates: MidRates) -> dict[str, Any]:
    answer = line.answer
    return {
        "name": line.name,
        "provider": line.provider,
        "region": line.region,
        "currency": line.currency,
        "input_per_mtok": plain(line.input),
        "cached_input_per_mtok": plain(line.cached),
        "output_per_mtok": plain(line.output),
        "answer": {
            "input_tokens": line.tokens_in,
            "output_tokens": line.tokens_out,
            "cost": plain(answer),
            "tokens_per_unit": line.tokens_per_unit(),
        },
        "converted_from": line.billed_in,
        "rates": [] if line.billed_in is None else rates.words(),
        "price": price_json(line.row),
    }
