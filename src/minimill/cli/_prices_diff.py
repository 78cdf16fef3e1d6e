"""`minimill prices diff`: second opinions from lists that others publish, read from a file.

It may import click, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import click

from minimill._errors import ConfigError
from minimill._pricing import PriceRow, PriceUnknown, find_rows
from minimill._pricing._sheet import CACHED, PLAIN, WRITTEN, schedule
from minimill.catalog import Model, Provider
from minimill.cli._common import common, config_option
from minimill.cli._models import all_providers
from minimill.cli._output import Output, Styled, Table
from minimill.cli._price_books import KINDS, NAMES, Book, Find, Place, places_of, read_book
from minimill.cli._price_lines import MidRates, moment, plain, rounded, thinks_by_itself

CLOSE_PERCENT = Decimal(10)
"""A price that was converted is called close within this: lists are converted at rates of other days."""
VERDICTS = ("equal", "close", "different", "only here", "only there")
_STYLES = {"equal": "green", "close": "green", "different": "bold red"}


class Compared(NamedTuple):
    """One price of one model, here and there, in US dollars per million tokens."""

    model: str
    region: str | None
    price: str
    """`input`, `cached_input`, `cache_write` or `output`; with the length of the input from which it holds."""
    here: Decimal | None
    there: Decimal | None
    verdict: str
    converted: bool
    """Whether the price here was converted to dollars."""
    row: PriceRow

    @property
    def ratio(self) -> Decimal | None:
        """There, divided by here."""
        if self.here is None or self.there is None or not self.here:
            return None
        return rounded(Fraction(self.there) / Fraction(self.here)).quantize(Decimal("0.0001"))


def _percent(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"expected a number of percent, not {text!r}") from None
    if value.is_nan() or not 0 <= value <= 100:
        raise click.BadParameter(f"expected 0 to 100 percent, not {text}")
    return value


@click.command(short_help="Compare with a list that others publish.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--against", type=click.Choice(KINDS), required=True, help="Whose list FILE is.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="Only this provider; may be repeated.")
@click.option("--at", metavar="DATE", default="now", help="Prices of another day, for a file of that day.")
@click.option(
    "--tolerance",
    type=_percent,
    metavar="PERCENT",
    help="Up to this, a difference is called close; left out: 0, and 10 where a price was converted.",
)
@click.option("--all", "show_all", is_flag=True, help="List what is equal, or known to one side alone, as well.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as a JSON array.")
@config_option
@click.pass_context
def diff(
    ctx: click.Context,
    file: Path,
    against: str,
    providers: tuple[str, ...],
    at: str,
    tolerance: Decimal | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Compare prices with FILE, which somebody else publishes and you have downloaded. Nothing is fetched.

    Compared are input, cached input, cache writes and output, at every length of input at which either side changes
    them, at the ordinary service tier and outside peak hours. Exit code 1 if any price differs; prices and models
    that one side does not know are counted and are no difference.
    """
    settings = common(ctx).settings()
    when = moment(at)
    find = read_book(against, file, when)
    catalog = settings.catalog
    rates = MidRates(settings.exchange, when.date())
    chosen = [catalog.provider(name) for name in providers or all_providers(catalog)]
    found: list[Compared] = []
    unknown: list[str] = []
    for provider in chosen:
        for place in places_of(against, provider.id):
            for item in _provider(provider, place, find, when, rates, tolerance):
                if isinstance(item, str):
                    unknown.append(item)
                else:
                    found.append(item)
    if as_json:
        told = [*map(_json, found), *({"model": name, "verdict": "unknown there"} for name in unknown)]
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show(Output(), found, unknown, rates, show_all)
    if any(item.verdict == "different" for item in found):
        ctx.exit(1)


def _provider(
    provider: Provider,
    place: Place,
    find: Find,
    when: dt.datetime,
    rates: MidRates,
    tolerance: Decimal | None,
) -> Iterator[Compared | str]:
    """Each price that can be compared, and the name of each model that they do not know."""
    region = place.region if place.region in provider.regions else provider.region
    for model in provider.models.values():
        rows = find_rows(model.rows, when, region)
        if not rows:
            continue
        name = f"{provider.id}:{model.id}"
        book = find(place.provider, (model.id, *model.aliases))
        if book is None:
            yield name if region is None else f"{name} ({region})"
            continue
        row = max(rows, key=lambda row: row.rates.output_per_mtok or Decimal(0))
        ours = _ours(provider, model, row, book)
        for (label, price), (here, there) in ours.items():
            yield _compared(name, region, label, price, here, there, row, rates, tolerance)


Key = tuple[str, str]


def _ours(
    provider: Provider, model: Model, row: PriceRow, book: Book
) -> dict[Key, tuple[Decimal | None, Decimal | None]]:
    """Both sides' prices, at the start and above each length at which one of them changes."""
    plan = schedule(row)
    edges = {tier.input_over for tier in plan.tiers if tier.input_over is not None}
    edges |= {tier.input_from - 1 for tier in plan.tiers if tier.input_from is not None}
    thinking = thinks_by_itself(provider, model)
    found: dict[Key, tuple[Decimal | None, Decimal | None]] = {}
    last: dict[str, tuple[Decimal | None, Decimal | None]] = {}
    for edge in [0, *sorted((edges | book.edges()) - {0})]:
        here = _prices_here(row, edge + 1, thinking)
        for name in NAMES:
            pair = (here.get(name), book.at(name, edge + 1))
            if pair != (None, None) and pair != last.get(name):
                found[name, f"input > {edge:,}" if edge else ""] = pair
            last[name] = pair
    return found


def _prices_here(row: PriceRow, input_tokens: int, thinking: bool) -> dict[str, Decimal]:
    """What the row says for an input of that length; what it leaves to another price is left out."""
    plan = schedule(row)
    still = dict.fromkeys(plan.clocks, False)
    try:
        holding = plan.holding(input_tokens, 1, thinking, None, still)
        sheet = plan.sheet(holding, False)
    except PriceUnknown:
        return {}
    said = [row.rates, *(tier.rates for tier in row.tiers)]
    found = {"input": sheet.text[PLAIN].price, "output": sheet.output.price}
    if row.free or any(rates.cached_input_per_mtok is not None for rates in said):
        found["cached_input"] = sheet.text[CACHED].price
    if any(rates.cache_write_per_mtok is not None for rates in said):
        found["cache_write"] = sheet.text[WRITTEN].price
    return found


def _compared(
    name: str,
    region: str | None,
    label: str,
    length: str,
    here: Decimal | None,
    there: Decimal | None,
    row: PriceRow,
    rates: MidRates,
    tolerance: Decimal | None,
) -> Compared:
    converted = row.currency != "USD" and here is not None and here != 0
    if converted and here is not None:
        try:
            here = rounded(here * rates.factor(row.currency, "USD"))
        except ConfigError as error:
            raise ConfigError(f"{name} is priced in {row.currency} and the list in USD: {error.message}") from None
    least = tolerance if tolerance is not None else CLOSE_PERCENT if converted else Decimal(0)
    price = f"{label} at {length}" if length else label
    return Compared(name, region, price, here, there, _verdict(here, there, least), converted, row)


def _verdict(here: Decimal | None, there: Decimal | None, tolerance: Decimal) -> str:
    if here is None:
        return "only there"
    if there is None:
        return "only here"
    if here == there:
        return "equal"
    return "close" if abs(there - here) * 100 <= tolerance * here else "different"


# --- what is shown ---


def _show(
    out: Output, found: Sequence[Compared], unknown: Sequence[str], rates: MidRates, show_all: bool
) -> None:
    shown = [item for item in found if show_all or item.verdict in ("close", "different")]
    if shown:
        table = Table(["model", "region", "price", ">here", ">there", ">there ÷ here", "verdict", "~source here"])
        for item in shown:
            table.add(
                item.model,
                item.region or "",
                item.price.replace("_", " "),
                plain(item.here) or "",
                plain(item.there) or "",
                "" if item.ratio is None else str(item.ratio),
                Styled(item.verdict, _STYLES.get(item.verdict, "")),
                f"{item.row.source} ({item.row.checked.isoformat()})" if item.verdict == "different" else "",
            )
        out.table(table.without_empty("region", "source here"))
        out.line()
    counts = Counter(item.verdict for item in found)
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    out.line(words or "no price in common")
    if unknown:
        names = f": {', '.join(unknown)}" if show_all else ""
        out.line(f"{len(unknown)} model{'' if len(unknown) == 1 else 's'} unknown there{names}")
    if shown:
        out.line("US dollars per million tokens", "dim")
    for words in rates.words() if any(item.converted for item in found) else ():
        out.line(f"rate: {words}", "dim")


def _json(item: Compared) -> dict[str, Any]:
    return {
        "model": item.model,
        "region": item.region,
        "price": item.price,
        "here_usd_per_mtok": plain(item.here),
        "there_usd_per_mtok": plain(item.there),
        "ratio": None if item.ratio is None else str(item.ratio),
        "verdict": item.verdict,
        "converted_from": item.row.currency if item.converted else None,
        "source": item.row.source,
        "checked": item.row.checked.isoformat(),
    }
