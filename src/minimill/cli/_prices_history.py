"""`minimill prices history`: every price a model has had, with its source, in a table and a chart.

It may import click, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from minimill._errors import MinimillError
from minimill._pricing import PriceRow, Rates, find_rows, tier_words
from minimill.catalog import load_provider
from minimill.cli._chart import Series, Step, bars, picture
from minimill.cli._common import common, config_option
from minimill.cli._models import price_json
from minimill.cli._output import Output, Styled, Table
from minimill.cli._price_lines import plain

if TYPE_CHECKING:
    from minimill._config import Settings


class Sold(NamedTuple):
    """A model with its prices."""

    provider: str
    model: str
    name: str
    rows: tuple[PriceRow, ...]
    regions: tuple[str, ...]
    region: str | None
    """The one in use."""


class Dated(NamedTuple):
    """One row, and when it really ends."""

    row: PriceRow
    until: dt.datetime | None
    """Its own end, or the beginning of the next row for the same regions; None: not known to end."""
    now: bool


@click.command(short_help="Every price a model has had, with its source.")
@click.argument("model")
@click.option("--region", metavar="NAME", help="Region of the chart; left out: the one in use.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write the chart to a file as well.")
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, as a JSON array.")
@config_option
@click.pass_context
def history(ctx: click.Context, model: str, region: str | None, svg: Path | None, as_json: bool) -> None:
    """Every price that MODEL (`provider:model`, or an alias) has had, the oldest first, each with the page it was
    read on and the day somebody last looked; then a chart of them. Models that are sold no
    longer keep theirs.
    """
    settings = common(ctx).settings()
    offer = _sold(settings, settings.aliases.get(model, model))
    if region is not None and region not in offer.regions:
        known = ", ".join(offer.regions) or "none"
        raise click.BadParameter(f"{offer.provider} has no region {region!r}; it has {known}", param_hint="--region")
    region = offer.region if region is None else region
    now = dt.datetime.now(dt.UTC)
    dated = list(_dated(offer, now))
    lines = _series(dated, region)
    if svg is not None:
        svg.write_text(_picture(offer, dated, lines, region, now), encoding="utf-8")
    if as_json:
        click.echo(json.dumps([_json(item) for item in dated], ensure_ascii=False, indent=1))
        return
    out = Output()
    if not dated:
        out.line(f"no price of {offer.name} is known")
        return
    out.table(_table(dated))
    _replaced(out, offer)
    _chart(out, dated, lines, region, now)


def _sold(settings: Settings, name: str) -> Sold:
    offer = settings.catalog.find(name)
    regions = tuple(offer.provider.regions)
    return Sold(offer.provider.id, offer.model.id, offer.name, offer.rows, regions, offer.region)


def _dated(offer: Sold, now: dt.datetime) -> Iterator[Dated]:
    rows = sorted(offer.rows, key=lambda row: (sorted(row.regions), row.since))
    for row in rows:
        later = [other.since for other in rows if other.regions == row.regions and other.since > row.since]
        until = row.until if row.until is not None else min(later, default=None)
        holds = any(row in find_rows(rows, now, region) for region in (row.regions or {offer.region}))
        yield Dated(row, until, holds)


def _table(dated: Sequence[Dated]) -> Table:
    table = Table(
        ["region", "since", "until", ">input", ">cached", ">output", "currency", "~also", "sure", "~source", "checked"]
    )
    for row, until, now in dated:
        rates = row.rates
        numbers = (rates.input_per_mtok, rates.cached_input_per_mtok, rates.output_per_mtok)
        cells = ["free"] * 3 if row.free else [plain(number) or "" for number in numbers]
        table.add(
            ", ".join(sorted(row.regions)),
            Styled(day_of(row.since), "bold" if now else ""),
            "now" if now and until is None else "" if until is None else day_of(until),
            *cells,
            row.currency,
            "; ".join(_also(row)),
            row.certainty.value,
            _source(row),
            row.checked.isoformat(),
        )
    return table.without_empty("region", "also")


def _source(row: PriceRow) -> str:
    own = row.origin != "catalog" and row.origin not in row.source
    return f"{row.source} (set in {row.origin})" if own else row.source


_MAIN = ("input_per_mtok", "cached_input_per_mtok", "output_per_mtok")


def _also(row: PriceRow) -> Iterator[str]:
    """What else the row says: a promotion, prices of other things, and prices under conditions."""
    if row.promotion:
        yield "promotion"
    if other := _price_words(row.rates, without=_MAIN):
        yield other
    for tier in row.tiers:
        yield f"{tier_words(tier)}: {_price_words(tier.rates)}"


def _price_words(rates: Rates, without: Sequence[str] = ()) -> str:
    """Prices by name: `cache write 1.25, output 18`."""
    named = [(item.name, getattr(rates, item.name)) for item in fields(rates) if item.name not in without]
    words = [f"{_label(name)} {plain(price)}" for name, price in named if isinstance(price, Decimal)]
    return ", ".join([*words, *(f"{_label(unit)} {plain(fee)} each" for unit, fee in rates.per_unit.items())])


def _label(name: str) -> str:
    return name.replace("_per_mtok", "").replace("per_request", "request").replace("_", " ")


def day_of(instant: dt.datetime) -> str:
    """A day where a price begins or ends at midnight, as the vendor's calendar has it; else the time as well."""
    if instant.time() == dt.time(0):
        return instant.date().isoformat()
    return instant.isoformat(sep=" ", timespec="minutes")


def _replaced(out: Output, offer: Sold) -> None:
    """Say which listed prices the user's own stand in place of."""
    origins = sorted({row.origin for row in offer.rows} - {"catalog"})
    if not origins:
        return
    try:
        listed = load_provider(offer.provider).models.get(offer.model)
    except MinimillError:
        return  # a provider of the user's own
    count = 0 if listed is None else len(listed.rows)
    if count:
        rows = "row" if count == 1 else f"{count} rows"
        out.line(f"set in {', '.join(origins)}, in place of the listed {rows}", "yellow")


# --- the chart ---


def _series(dated: Sequence[Dated], region: str | None) -> list[Series]:
    """Input and output price over time, as far as they are plain numbers in one currency."""
    mine = [item for item in dated if not item.row.regions or region in item.row.regions]
    mine = sorted(mine, key=lambda item: item.row.since)
    mine = [item for item in mine if item.row.currency == mine[-1].row.currency]
    return [
        Series(name, tuple(_steps(mine, f"{name}_per_mtok")))
        for name in ("input", "output")
        if any(getattr(item.row.rates, f"{name}_per_mtok") is not None for item in mine)
    ]


def _steps(mine: Sequence[Dated], name: str) -> Iterator[Step]:
    for place, (row, until, _) in enumerate(mine):
        yield Step(row.since, Decimal(0) if row.free else getattr(row.rates, name))
        following = mine[place + 1].row.since if place + 1 < len(mine) else None
        if until is not None and (following is None or until < following):
            yield Step(until, None)


def _span(lines: Sequence[Series], now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From the first price to now, to the end of the last, or to a little after a change that was announced."""
    steps = [step for one in lines for step in one.steps]
    start, last = min(step.at for step in steps), max(steps, key=lambda step: step.at)
    if last.at < now:
        return start, now if last.value is not None else last.at
    return start, last.at + max((last.at - start) / 10, dt.timedelta(days=1))


def _chart(
    out: Output, dated: Sequence[Dated], lines: Sequence[Series], region: str | None, now: dt.datetime
) -> None:
    for one in lines:
        if len({step.value for step in one.steps} - {None}) < 2:
            continue  # one price needs no chart
        start, end = _span(lines, now)
        out.line()
        where = f", {region}" if region and any(item.row.regions for item in dated) else ""
        out.line(f"{one.name}, {_currency(dated, region)} per million tokens{where}", "bold")
        for text in bars(one, start, end, width=60, height=6, fine=out.draws()):
            out.line(text)


def _currency(dated: Sequence[Dated], region: str | None) -> str:
    mine = [item.row for item in dated if not item.row.regions or region in item.row.regions]
    return max(mine, key=lambda row: row.since).currency


def _picture(
    offer: Sold, dated: Sequence[Dated], lines: Sequence[Series], region: str | None, now: dt.datetime
) -> str:
    if not lines:
        raise click.UsageError(f"there is no chart to write: no price of {offer.name} is known")
    title = offer.name if region is None else f"{offer.name} ({region})"
    return picture(title, f"{_currency(dated, region)} per million tokens", lines, *_span(lines, now))


def _json(item: Dated) -> dict[str, Any]:
    return {
        **price_json(item.row),
        "regions": sorted(item.row.regions),
        "ends": None if item.until is None else item.until.isoformat(),
        "in_force": item.now,
        "note": item.row.note,
    }
