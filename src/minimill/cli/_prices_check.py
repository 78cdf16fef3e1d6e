"""`minimill prices check`: prices that nobody looked at for long, gaps, missing sources, old exchange rates.

It may import click, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from minimill._errors import ConfigError
from minimill._pricing import PriceRow, find_rows
from minimill._pricing._exchange import EASTERNMOST
from minimill.catalog import Catalog, Model, Provider
from minimill.cli._checks_money import STALE_DAYS
from minimill.cli._common import common, config_option
from minimill.cli._models import all_providers, models_of
from minimill.cli._output import Output, Styled, Table
from minimill.cli._price_lines import moment

if TYPE_CHECKING:
    from minimill._pricing import Exchange

KINDS = ("file", "age", "future", "gap", "none", "source", "calendar", "rate")


class Found(NamedTuple):
    """One thing that somebody should look at."""

    kind: str
    name: str
    text: str


@click.command(short_help="Old prices, gaps, missing sources, old rates; for CI.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="Only this provider; may be repeated.")
@click.option(
    "--days",
    type=click.IntRange(0, 10_000),
    default=STALE_DAYS,
    metavar="N",
    help=f"How old a check, or a rate, may be; left out: {STALE_DAYS}.",
)
@click.option("--at", metavar="DATE", default="now", help="As of another day.")
@click.option(
    "--skip", type=click.Choice(KINDS), multiple=True, metavar="KIND", help="Leave a kind out; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="What was found, as a JSON array.")
@config_option
@click.pass_context
def check(
    ctx: click.Context, providers: tuple[str, ...], days: int, at: str, skip: tuple[str, ...], as_json: bool
) -> None:
    """Look for what makes prices doubtful. Exit code 1 if anything is found, 0 if nothing is.

    \b
    file      a provider's tables are wrong: rows that overlap, for instance
    age       a price in force, or announced, that nobody checked for --days
    future    a price that somebody is said to have checked on a day to come
    gap       days between two rows, or since the last one, for which no price is known
    none      a model on sale without any price
    source    a price without a page: no http(s) address, or nothing but the user's own file
    calendar  holidays that are not known any more, so that every day counts as dear
    rate      an exchange rate older than --days
    """
    settings = common(ctx).settings()
    now = moment(at)
    found = [
        *_providers(settings.catalog, providers or tuple(all_providers(settings.catalog)), now, days),
        *_rates(settings.exchange, now.date(), days),
    ]
    found = [item for item in found if item.kind not in skip]
    if as_json:
        click.echo(json.dumps([item._asdict() for item in found], ensure_ascii=False, indent=1))
    else:
        _show(Output(), found)
    if found:
        ctx.exit(1)


def _show(out: Output, found: list[Found]) -> None:
    if not found:
        out.line("nothing was found", "bold green")
        return
    table = Table(["found", "of", "~what"])
    for item in found:
        table.add(Styled(item.kind, "yellow"), item.name, item.text)
    out.table(table)
    out.line()
    out.line(f"{len(found)} {'thing was' if len(found) == 1 else 'things were'} found", "bold yellow")


def _providers(catalog: Catalog, names: tuple[str, ...], now: dt.datetime, days: int) -> Iterator[Found]:
    for name in names:
        try:
            provider = catalog.provider(name)
        except ConfigError as error:
            if not catalog.knows(name):
                raise
            yield Found("file", name, error.message)
            continue
        yield from _calendars(provider, now.date())
        for model in models_of(provider):
            yield from _model(provider, model, now, days)


def _calendars(provider: Provider, today: dt.date) -> Iterator[Found]:
    for name, clock in provider.clocks.items():
        known = clock.holidays_known_until
        if known is not None and known < today:
            yield Found("calendar", f"{provider.id} clock {name}", f"holidays are known until {known.isoformat()}")


def _model(provider: Provider, model: Model, now: dt.datetime, days: int) -> Iterator[Found]:
    name = f"{provider.id}:{'(any)' if model is provider.any_model else model.id}"
    retired = model.status == "retired" or (model.retires_on is not None and model.retires_on <= now.date())
    if not model.rows:
        if not retired and model is not provider.any_model and provider.auth.scheme != "none":
            yield Found("none", name, model.unpriced or "no price is known")
        return
    ended = [row for row in model.rows if row.until is not None and row.until <= now]
    yield from _future(name, model, now)
    for row in model.rows:
        if row not in ended and not _replaced(model, row, now):
            yield from _row(name, row, now, days)
    yield from _sources(name, model)
    regions: list[str | None] = [*sorted({region for row in model.rows for region in row.regions})]
    for region in regions or [None]:
        yield from _gaps(name, model, region, None if retired else now)


def _replaced(model: Model, row: PriceRow, now: dt.datetime) -> bool:
    """Whether a later row for the same regions holds by now."""
    return any(row.since < other.since <= now and other.regions == row.regions for other in model.rows)


def _row(name: str, row: PriceRow, now: dt.datetime, days: int) -> Iterator[Found]:
    age = (now.date() - row.checked).days
    if age > days:
        since = f"price since {row.since.date().isoformat()}{_of(row)}"
        yield Found("age", name, f"{since}: checked {row.checked.isoformat()}, {age} days ago: {row.source}")


def _future(name: str, model: Model, now: dt.datetime) -> Iterator[Found]:
    """A slip in the year would keep a price fresh for years. The real day counts where another one is asked for."""
    last = (max(now, dt.datetime.now(dt.UTC)) + EASTERNMOST).date()
    for row in model.rows:
        if row.checked > last:
            since = f"price since {row.since.date().isoformat()}{_of(row)}"
            yield Found("future", name, f"{since}: checked {row.checked.isoformat()}, which is a day to come")


def _sources(name: str, model: Model) -> Iterator[Found]:
    for row in model.rows:
        if row.free and row.origin != "catalog":
            continue  # a server of one's own
        own = row.origin != "catalog" and row.source != row.origin
        if not own and "https://" not in row.source and "http://" not in row.source:
            since = f"price since {row.since.date().isoformat()}{_of(row)}"
            yield Found("source", name, f"{since}: its source is {row.source}, which is no page")


def _gaps(name: str, model: Model, region: str | None, now: dt.datetime | None) -> Iterator[Found]:
    rows = [row for row in model.rows if not row.regions or region in row.regions]
    where = "" if region is None else f" in {region}"
    for row in sorted(rows, key=lambda row: row.since):
        end = row.until
        if end is None or find_rows(rows, end, region):
            continue
        following = min((other.since for other in rows if other.since > end), default=None)
        if following is not None:
            text = f"no price is known from {end.isoformat()} to {following.isoformat()}{where}"
            yield Found("gap", name, text)
        elif now is not None and end <= now:
            yield Found("gap", name, f"no price is known since {end.isoformat()}{where}")


def _of(row: PriceRow) -> str:
    return f" in {', '.join(sorted(row.regions))}" if row.regions else ""


def _rates(exchange: Exchange, today: dt.date, days: int) -> Iterator[Found]:
    for rate in exchange.rates:
        age = (today - rate.date).days
        if age > days:
            refused = "it is refused" if age > exchange.max_age_days else f"refused from {exchange.max_age_days} on"
            text = f"{rate.mid} of {rate.date.isoformat()} is {age} days old ({refused}): {rate.source}"
            yield Found("rate", f"{rate.base}/{rate.quote}", text)
