"""`minimill models`: what the catalog offers, with today's prices.

It may import click, `catalog`, `_pricing` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from minimill._errors import ConfigError, MissingKeyError
from minimill._pricing import PriceRow, Rates, find_rows, tier_words
from minimill.catalog import Catalog, Model, Provider
from minimill.cli._common import common, config_option
from minimill.cli._output import Output, Table

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command(short_help="Models, what they can do, and today's prices.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="Only this provider; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, as a JSON array.")
@config_option
@click.pass_context
def models(ctx: click.Context, providers: tuple[str, ...], as_json: bool) -> None:
    """Models, their context windows and abilities, and the prices in force now, in the currency the vendor bills in.

    Prices are per million tokens. `*` marks a price that other conditions change (length, time of day, service
    tier …): --json tells them all.
    """
    catalog = common(ctx).settings().catalog
    chosen = [catalog.provider(name) for name in providers or all_providers(catalog)]
    now = dt.datetime.now(dt.UTC)
    if as_json:
        lines = [_json(provider, model, now) for provider in chosen for model in models_of(provider)]
        click.echo(json.dumps(lines, ensure_ascii=False, indent=1))
        return
    out = Output()
    out.table(_table(chosen, now))


def all_providers(catalog: Catalog) -> list[str]:
    """Ids of the providers that ship with minimill, the user's own, and those that other packages bring."""
    from minimill._plugins import PROVIDERS, plugin_names

    return sorted({*catalog.provider_ids(), *(name for name in plugin_names(PROVIDERS) if catalog.knows(name))})


def models_of(provider: Provider) -> Iterable[Model]:
    """The listed models, and the one that stands for any other id."""
    yield from provider.models.values()
    if provider.any_model is not None:
        yield provider.any_model


def has_key(provider: Provider) -> bool:
    """Whether a variable of the provider's key is set."""
    try:
        return provider.key() is not None
    except ConfigError:
        return False


def key_fault(provider: Provider) -> str | None:
    """Why the key that is set cannot be used. Never the key; None: it can, or none is set."""
    try:
        provider.key()
    except MissingKeyError:
        return None
    except ConfigError as error:
        return error.message
    return None


def key_state(provider: Provider) -> str:
    """Whether a key is there, by the names of its variables. Never the key."""
    if provider.auth.scheme == "none":
        return "no key needed"
    names = " or ".join(provider.key_names()) or "no variable named"
    optional = ", optional" if provider.auth.optional else ""
    if key_fault(provider) is not None:
        return f"{names}: set, cannot be used"
    return f"{names}: set" if has_key(provider) else f"{names}: not set{optional}"


def price_now(provider: Provider, model: Model, now: dt.datetime) -> PriceRow | None:
    """The price row in force; of several that may apply, the one with the dearest output."""
    rows = find_rows(model.rows, now, provider.region)
    return max(rows, key=lambda row: row.rates.output_per_mtok or Decimal(0), default=None)


def _table(providers: list[Provider], now: dt.datetime) -> Table:
    table = Table(
        ["model", ">context", "~abilities", ">input", ">cached", ">output", "currency", "since", "key", "~note"]
    )
    for provider in providers:
        for model in models_of(provider):
            row = price_now(provider, model, now)
            name = f"{provider.id}:{'(any)' if model is provider.any_model else model.id}"
            size = "unknown" if model.context_tokens is None else f"{model.context_tokens:,}"
            table.add(name, size, _abilities(model), *_prices(row), _key_word(provider), _note(model, now))
    return table.without_empty("note")


def _key_word(provider: Provider) -> str:
    if provider.auth.scheme == "none":
        return "none needed"
    if key_fault(provider) is not None:
        return "cannot be used"
    return "set" if has_key(provider) else "optional" if provider.auth.optional else "not set"


def _abilities(model: Model) -> str:
    words = sorted(model.abilities - {"streaming"})
    return ", ".join(words if "streaming" in model.abilities else [*words, "no streaming"])


def _prices(row: PriceRow | None) -> list[str]:
    if row is None:
        return ["unknown", "", "", "", ""]
    since = row.since.date().isoformat()
    if row.free:
        return ["free", "free", "free", row.currency, since]
    rates, mark = row.rates, "*" if row.tiers else ""
    cached = rates.input_per_mtok if rates.cached_input_per_mtok is None else rates.cached_input_per_mtok
    prices = [_price(price, mark) for price in (rates.input_per_mtok, cached, rates.output_per_mtok)]
    return [*prices, row.currency, since]


def _price(price: Decimal | None, mark: str) -> str:
    return "unknown" if price is None else f"{format(price.normalize(), 'f')}{mark}"


def _note(model: Model, now: dt.datetime) -> str:
    words = [] if model.status == "current" else [model.status]
    if model.retires_on is not None:
        words.append(f"retire{'d' if model.retires_on < now.date() else 's'} {model.retires_on.isoformat()}")
    return ", ".join(words)


# --- as JSON ---


def _json(provider: Provider, model: Model, now: dt.datetime) -> dict[str, Any]:
    row = price_now(provider, model, now)
    is_any = model is provider.any_model
    return {
        "name": None if is_any else f"{provider.id}:{model.id}",
        "provider": provider.id,
        "model": None if is_any else model.id,
        "aliases": list(model.aliases),
        "base_url": provider.base_url,
        "region": provider.region,
        "key_variables": list(provider.key_names()),
        "key_set": has_key(provider),
        "context_tokens": model.context_tokens,
        "max_input_tokens": model.max_input_tokens,
        "max_output_tokens": model.max_output_tokens,
        "default_output_tokens": model.default_output_tokens,
        "abilities": sorted(model.abilities),
        "reasoning": model.reasoning,
        "status": model.status,
        "retires_on": None if model.retires_on is None else model.retires_on.isoformat(),
        "source": model.source,
        "checked": None if model.checked is None else model.checked.isoformat(),
        "price": None if row is None else price_json(row),
    }


def price_json(row: PriceRow) -> dict[str, Any]:
    """Everything that a price row says; prices as exact text."""
    return {
        "currency": row.currency,
        "free": row.free,
        **_rates(row.rates),
        "tiers": [{"when": tier_words(tier), **_rates(tier.rates)} for tier in row.tiers],
        "marginal": row.marginal,
        "since": row.since.isoformat(),
        "until": None if row.until is None else row.until.isoformat(),
        "promotion": row.promotion,
        "certainty": row.certainty.value,
        "source": row.source,
        "checked": row.checked.isoformat(),
        "origin": row.origin,
    }


def _rates(rates: Rates) -> dict[str, Any]:
    """The prices that are said, as exact decimal text."""
    found: dict[str, Any] = {}
    for item in fields(rates):
        value = getattr(rates, item.name)
        if isinstance(value, Mapping):
            found |= {item.name: {name: str(price) for name, price in value.items()}} if value else {}
        elif value is not None:
            found[item.name] = str(value)
    return found
