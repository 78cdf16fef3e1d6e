"""Entries of a checked file, made into the plain data that the rest of minimill reads.

It may import `_pricing` and its siblings.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from minimill._pricing._rows import Bounds, Certainty, Clock, PriceRow, Rates, Tier
from minimill.catalog._entries import (
    CalendarEntry,
    ClockEntry,
    ErrorEntry,
    ModelEntry,
    PlanEntry,
    PriceEntry,
    ProviderEntry,
    RatesEntry,
    TierEntry,
)
from minimill.catalog._quirks import Quirks
from minimill.catalog._types import ErrorRule, Model, Plan, Provider, Region

_RATES = tuple(item.name for item in fields(Rates))
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DEFAULT_OUTPUT_TOKENS = 4_096
DEFAULT_REASONING_OUTPUT_TOKENS = 16_384


def provider_of(entry: ProviderEntry, *, origin: str, own_rows: Mapping[str, str]) -> Provider:
    """The provider, with its models; `own_rows` maps ids of models priced by the user to the user's file."""
    quirks = overlaid(Quirks(), entry.quirks)
    bounds = overlaid(Bounds(source=entry.source), entry.bounds)
    regions = {
        name: Region(name, (r.base_url or "").rstrip("/"), r.key_env, r.hosts) for name, r in entry.regions.items()
    }
    models = [
        _model(model, entry, quirks, bounds, own_rows.get(model.id, "catalog"))
        for model in entry.models
    ]
    here = regions.get(entry.region or "")
    return Provider(
        id=entry.id,
        name=entry.name,
        dialect=entry.dialect,
        base_url=(entry.base_url or (here.base_url if here else "")).rstrip("/"),
        currency=entry.currency,
        region=entry.region,
        regions=regions,
        auth=entry.auth,
        plans={name: _plan(name, plan) for name, plan in entry.plans.items()},
        base_url_env=entry.base_url_env,
        base_path=entry.base_path,
        docs=entry.docs,
        status=entry.status,
        verified_on=entry.verified_on,
        source=entry.source,
        checked=entry.checked,
        note=entry.note,
        headers=entry.headers,
        request_id_headers=entry.request_id_headers,
        retry_after_headers=entry.retry_after_headers,
        rate_reset_headers=entry.rate_reset_headers,
        quirks=quirks,
        bounds=bounds,
        errors=tuple(_error_rule(line) for line in entry.errors),
        clocks={name: _clock(clock, entry.calendars) for name, clock in entry.clocks.items()},
        models={model.id: model for model in models if model.id != "*"},
        names={alias: model.id for model in models for alias in model.aliases},
        any_model=next((model for model in models if model.id == "*"), None),
        endpoint_prefixes=entry.endpoint_prefixes,
        origin=origin,
    )


def overlaid(base: Any, changes: Mapping[str, Any]) -> Any:
    """`base` with `changes`; tables are merged key by key."""
    if not changes:
        return base
    merged = {
        name: {**getattr(base, name), **value} if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return replace(base, **merged)


def _model(
    entry: ModelEntry, provider: ProviderEntry, quirks: Quirks, bounds: Bounds, origin: str
) -> Model:
    own = overlaid(quirks, entry.quirks)
    if own.effort_with_tools is not None and (entry.dialect or provider.dialect) != "openai_chat":
        own = replace(own, effort_with_tools=None)  # a limit of that wire, not of the model
    return Model(
        id=entry.id,
        quirks=own,
        bounds=overlaid(bounds, entry.bounds),
        default_output_tokens=_default_output(entry, own),
        aliases=entry.aliases,
        context_tokens=entry.context_tokens,
        max_input_tokens=entry.max_input_tokens,
        max_output_tokens=entry.max_output_tokens,
        abilities=frozenset(entry.abilities) | (set() if entry.reasoning == "never" else {"reasoning"}),
        reasoning=entry.reasoning,
        status=entry.status,
        retires_on=entry.retires_on,
        rows=rows_of(entry.prices, origin, tuple(provider.regions)),
        source=entry.source,
        checked=entry.checked,
        note=entry.note,
        dialect=entry.dialect,
    )


def _default_output(entry: ModelEntry, quirks: Quirks) -> int:
    usual = DEFAULT_OUTPUT_TOKENS if entry.reasoning == "never" else DEFAULT_REASONING_OUTPUT_TOKENS
    most = [limit for limit in (entry.max_output_tokens, quirks.output_limit_max) if limit is not None]
    return min(entry.default_output_tokens or usual, *most) if most else entry.default_output_tokens or usual


def rows_of(
    entries: Iterable[PriceEntry], origin: str, regions: tuple[str, ...] = ()
) -> tuple[PriceRow, ...]:
    """The price rows of a model, in the order of its file; those with factors for each of the `regions`."""
    return tuple(row for entry in entries for row in _in_regions(entry, _row(entry, origin), regions))


def _in_regions(entry: PriceEntry, row: PriceRow, regions: tuple[str, ...]) -> Iterator[PriceRow]:
    """A row for each factor, and one for the regions that have none."""
    factors = entry.region_factors
    if not factors:
        yield row
        return
    plain = frozenset(entry.regions or regions) - factors.keys()
    if plain:
        yield replace(row, regions=plain)
    for factor in sorted(set(factors.values())):
        named = frozenset(name for name, value in factors.items() if value == factor)
        tiers = tuple(replace(tier, rates=_times(tier.rates, factor)) for tier in row.tiers)
        note = f"{row.note} {factor} times the price of other regions.".strip()
        yield replace(row, rates=_times(row.rates, factor), tiers=tiers, regions=named, note=note)


def _times(rates: Rates, factor: Decimal) -> Rates:
    def more(price: Decimal | None) -> Decimal | None:
        return None if price is None else price * factor

    scaled = {name: more(getattr(rates, name)) for name in _RATES if name != "per_unit"}
    units = {name: price * factor for name, price in rates.per_unit.items()}
    return Rates(**scaled, per_unit=units)


def _row(entry: PriceEntry, origin: str) -> PriceRow:
    return PriceRow(
        currency=entry.currency,
        since=entry.since,
        source=entry.source,
        checked=entry.checked,
        rates=_rates(entry),
        until=entry.until,
        tiers=tuple(_tier(tier) for tier in entry.tiers),
        marginal=entry.marginal,
        regions=frozenset(entry.regions),
        priced_at=entry.priced_at,
        cache_writes=entry.cache_writes,
        certainty=Certainty(entry.certainty),
        free=entry.free,
        promotion=entry.promotion,
        note=entry.note,
        origin=origin,
    )


def free_row(currency: str, origin: str, today: dt.date) -> PriceRow:
    """The row of a self-hosted model that the user calls free."""
    return PriceRow(currency, _EVER, f"free = true in {origin}", today, Rates(), free=True, origin=origin)


def _plan(name: str, entry: PlanEntry) -> Plan:
    addresses = {region: address.rstrip("/") for region, address in entry.addresses.items()}
    return Plan(name, entry.name, addresses, entry.key_prefixes)


def _rates(entry: RatesEntry) -> Rates:
    return Rates(**{name: getattr(entry, name) for name in _RATES})


def _tier(entry: TierEntry) -> Tier:
    return Tier(
        _rates(entry),
        input_over=entry.input_over,
        input_from=entry.input_from,
        output_over=entry.output_over,
        output_from=entry.output_from,
        thinking=entry.thinking,
        service_tier=entry.service_tier,
        clock=entry.clock,
        no_price=entry.no_price,
    )


def _error_rule(entry: ErrorEntry) -> ErrorRule:
    return ErrorRule(
        kind=entry.kind,
        statuses=frozenset(entry.statuses),
        codes=frozenset(entry.codes),
        code_prefixes=entry.code_prefixes,
        types=frozenset(entry.types),
        params=frozenset(entry.params),
        message_contains=tuple(words.lower() for words in entry.message_contains),
        waits=entry.waits,
        billed=entry.billed,
        source=entry.source,
    )


def _clock(entry: ClockEntry, calendars: Mapping[str, CalendarEntry]) -> Clock:
    calendar = calendars.get(entry.holidays or "")
    return Clock(
        zone=entry.zone,
        weekdays=frozenset(_WEEKDAYS.index(day) for day in entry.days),
        spans=tuple((_time(start), _time(end)) for start, end in (span.split("-") for span in entry.hours)),
        holidays=frozenset(calendar.off) if calendar else frozenset(),
        holidays_known_until=calendar.known_until if calendar else None,
    )


def _time(text: str) -> dt.time:
    return dt.time(0) if text == "24:00" else dt.time.fromisoformat(text)
