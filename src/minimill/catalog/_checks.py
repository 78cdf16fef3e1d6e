"""Checks of a provider file that look at several keys at once. Each fault says what to do about it.

They run on entries whose single keys are already right. It may import its siblings only.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from minimill.catalog._entries import (
    ClockEntry,
    ModelEntry,
    PriceEntry,
    ProviderEntry,
    RatesEntry,
    TierEntry,
)
from minimill.catalog._faults import Fault, Path, nearest, shown, unknown_word
from minimill.catalog._quirks import (
    COST_FIELDS,
    TEMPLATE_FIELD,
    THINKING_FIELDS,
    THINKING_TEMPLATE_FIELDS,
    Quirks,
)
from minimill.catalog._shape import hints

_FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)
_CONDITIONS = ("input_over", "input_from", "output_over", "output_from", "thinking", "service_tier", "clock")
FREE_ALONE = "free = true stands alone; take the prices out, or free = true"
_ERROR_CONDITIONS = ("statuses", "codes", "code_prefixes", "types", "params", "message_contains", "waits")
_PRICES = tuple(name for name in hints(RatesEntry) if name != "per_unit")
_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})


def faults_in(entry: ProviderEntry) -> list[Fault]:
    """Everything that is wrong with a provider beyond single keys."""
    return [
        *_address_faults(entry),
        *_key_faults(entry),
        *_header_faults(entry),
        *_error_faults(entry),
        *_clock_faults(entry),
        *name_faults(entry.models),
        *_extra_body_faults(entry),
        *_field_faults(entry),
        *(
            fault
            for number, model in enumerate(entry.models)
            for fault in _model_faults(entry, model, number)
        ),
    ]


def _address_faults(entry: ProviderEntry) -> Iterator[Fault]:
    if not entry.regions:
        if entry.base_url is None and not entry.base_url_env:
            yield Fault((), 'the key "base_url" is missing')
        if entry.region is not None:
            yield Fault(("region",), f"this provider has no regions, found {shown(entry.region)}")
    elif entry.region is None:
        yield Fault((), f'the key "region" is missing: the default among {", ".join(entry.regions)}')
    elif entry.region not in entry.regions:
        yield Fault(("region",), unknown_word("region", entry.region, entry.regions))
    if entry.base_url is None and not entry.base_url_env:
        for name, region in entry.regions.items():
            if region.base_url is None:
                yield Fault(("regions", name), 'the key "base_url" is missing')
    if (entry.status == "verified") != (entry.verified_on is not None):
        yield Fault(("verified_on",), 'say the date of the check with status = "verified", and only with it')


def _key_faults(entry: ProviderEntry) -> Iterator[Fault]:
    for number, wrong in enumerate(entry.auth.wrong_keys):
        if not wrong.prefixes and not wrong.lengths:
            yield Fault(("auth", "wrong_keys", number), "a shape needs prefixes or lengths")
    for name, plan in entry.plans.items():
        for region in plan.addresses:
            if region not in entry.regions:
                yield Fault(("plans", name, "addresses", region), unknown_word("region", region, entry.regions))
        if not plan.addresses and not plan.key_prefixes:
            yield Fault(("plans", name), "nothing tells a call by it: give addresses or key_prefixes")


def _header_faults(entry: ProviderEntry) -> Iterator[Fault]:
    for name in entry.headers:
        if name.lower() in _SECRET_HEADERS:
            yield Fault(("headers", name), "keys do not belong in this file; name their variable in auth.env")


def _extra_body_faults(entry: ProviderEntry) -> Iterator[Fault]:
    yield from extra_body_faults(entry.quirks, ())
    yield from _tier_sent_faults(entry.quirks, entry.quirks, (), ())
    for number, model in enumerate(entry.models):
        path: Path = ("models", number)
        yield from extra_body_faults({**entry.quirks, "extra_body": {}, **model.quirks}, path)
        named = {tier.service_tier for row in model.prices for tier in row.tiers}
        yield from _tier_sent_faults(model.quirks, {**entry.quirks, **model.quirks}, named, path)


def _field_faults(entry: ProviderEntry) -> Iterator[Fault]:
    """Fields to which a caller's own words go, and which would set what a call can cost."""
    tables: list[tuple[Path, Mapping[str, Any]]] = [((), entry.quirks)]
    tables += [(("models", number), model.quirks) for number, model in enumerate(entry.models)]
    for path, quirks in tables:
        for name in ("user_field", "thinking_budget_field"):
            if quirks.get(name) in COST_FIELDS | {"service_tier"}:
                text = f"{shown(quirks[name])} decides what a call can cost; only arguments of a call set it"
                yield Fault((*path, "quirks", name), text)


def extra_body_faults(quirks: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    """Fields that are always sent and by which a call could cost more than its ceiling.

    The service tier is not looked at: which ones are ordinary may stand elsewhere.
    """
    for key, value in quirks.get("extra_body", {}).items():
        place: Path = (*path, "quirks", "extra_body", key)
        if key in COST_FIELDS:
            yield Fault(place, "it decides what a call can cost; only arguments of a call set it")
        elif key in THINKING_FIELDS or key == quirks.get("thinking_budget_field"):
            if not _turns_off(key, value):
                yield Fault(place, f"it decides what a call can cost; use reasoning=, {_MAY_TURN_OFF}")
        elif key == TEMPLATE_FIELD and isinstance(value, Mapping):
            for name in value:
                if name in THINKING_TEMPLATE_FIELDS and value[name] is not False:
                    text = f"it decides what a call can cost; use reasoning=, {_MAY_TURN_OFF}"
                    yield Fault((*place, name), text)


def _turns_off(key: str, value: Any) -> bool:
    """Whether a field that sets how a model thinks says that it does not."""
    return (
        (key == "enable_thinking" and value is False)
        or (key == "thinking" and value == {"type": "disabled"})
        or (key == "reasoning_effort" and value == "none")
    )


_MAY_TURN_OFF = "and here at most what turns thinking off"


def _tier_sent_faults(
    own: Mapping[str, Any], quirks: Mapping[str, Any], priced: Iterable[str | None], path: Path
) -> Iterator[Fault]:
    """A service tier that is always sent must be the ordinary one, for which ceilings are worked out."""
    sent = own.get("extra_body", {})
    if "service_tier" not in sent:
        return
    tier = sent["service_tier"]
    default = quirks.get("default_service_tiers", Quirks().default_service_tiers)
    ordinary = [word for word in default if word != "auto" and word not in priced]
    if tier not in ordinary:
        text = (
            f"expected one of {', '.join(ordinary)}, found {shown(tier)}; ask for others with service_tier="
        )
        yield Fault((*path, "quirks", "extra_body", "service_tier"), text)


def _error_faults(entry: ProviderEntry) -> Iterator[Fault]:
    for number, line in enumerate(entry.errors):
        if not any(getattr(line, name) for name in _ERROR_CONDITIONS):
            yield Fault(("errors", number), f"a line needs a condition: {', '.join(_ERROR_CONDITIONS)}")


def _clock_faults(entry: ProviderEntry) -> Iterator[Fault]:
    for name, clock in entry.clocks.items():
        yield from _one_clock(entry, clock, ("clocks", name))


def _one_clock(entry: ProviderEntry, clock: ClockEntry, path: Path) -> Iterator[Fault]:
    if fault := zone_fault(clock.zone):
        yield Fault((*path, "zone"), fault)
    if clock.holidays is not None and clock.holidays not in entry.calendars:
        yield Fault((*path, "holidays"), unknown_word("calendar", clock.holidays, entry.calendars))
    for number, span in enumerate(clock.hours):
        start, end = span.split("-")
        if start >= end:
            text = f'hours end after they begin, found "{span}": split them at 24:00'
            yield Fault((*path, "hours", number), text)


def zone_fault(name: str) -> str | None:
    """What is wrong with a time zone's name, or None."""
    if name == "UTC":
        return None  # which most budgets go by: no table of zones is loaded for it
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return f'unknown time zone "{name}"{nearest(name, zoneinfo.available_timezones())}'
    return None


def name_faults(models: Iterable[ModelEntry]) -> Iterator[Fault]:
    """Ids and aliases that name two models."""
    seen: dict[str, str] = {}
    for number, model in enumerate(models):
        names: list[tuple[Path, str]] = [(("id",), model.id)]
        names += [(("aliases", place), alias) for place, alias in enumerate(model.aliases)]
        for path, name in names:
            if name in seen:
                yield Fault(("models", number, *path), f'"{name}" already names the model "{seen[name]}"')
            seen.setdefault(name, model.id)


def _model_faults(entry: ProviderEntry, model: ModelEntry, number: int) -> Iterator[Fault]:
    path: Path = ("models", number)
    for small, large in (
        ("max_input_tokens", "context_tokens"),
        ("max_output_tokens", "context_tokens"),
        ("default_output_tokens", "max_output_tokens"),
    ):
        low, high = getattr(model, small), getattr(model, large)
        if low is not None and high is not None and low > high:
            yield Fault((*path, small), f"expected at most {large} = {high}, found {low}")
    yield from price_faults(model.prices, path, regions=entry.regions, clocks=entry.clocks)


def price_faults(
    rows: tuple[PriceEntry, ...], path: Path, *, regions: Iterable[str] = (), clocks: Iterable[str] = ()
) -> Iterator[Fault]:
    """What is wrong with the prices of the model at `path`, by themselves and one after another."""
    regions, clocks = tuple(regions), tuple(clocks)
    for place, row in enumerate(rows):
        yield from _row_faults(row, (*path, "prices", place), regions, clocks)
    yield from _overlaps(regions, rows, path)


def _row_faults(
    row: PriceEntry, path: Path, regions: tuple[str, ...], clocks: tuple[str, ...]
) -> Iterator[Fault]:
    if row.until is not None and row.until <= row.since:
        since, until = row.since.isoformat(), row.until.isoformat()
        yield Fault((*path, "until"), f"expected an instant after since = {since}, found {until}")
    for place, region in enumerate(row.regions):
        if region not in regions:
            yield Fault((*path, "regions", place), unknown_word("region", region, regions))
    for region in row.region_factors:
        if region not in (row.regions or regions):
            yield Fault((*path, "region_factors", region), unknown_word("region", region, row.regions or regions))
    prices = [price for rates in (row, *row.tiers) for price in _prices(rates)]
    if row.free and (prices or row.tiers):
        yield Fault((*path, "free"), FREE_ALONE)
    elif not row.free and not prices:
        yield Fault(path, "no price: give input_per_mtok and output_per_mtok, or say free = true")
    elif not row.free and not any(prices):
        yield Fault(path, "every price is 0: say free = true instead")
    for place, tier in enumerate(row.tiers):
        yield from _tier_faults(tier, (*path, "tiers", place), clocks)


def _prices(rates: RatesEntry) -> list[Decimal]:
    found = [getattr(rates, name) for name in _PRICES]
    return [price for price in found if price is not None] + list(rates.per_unit.values())


def _tier_faults(tier: TierEntry, path: Path, clocks: tuple[str, ...]) -> Iterator[Fault]:
    if all(getattr(tier, name) is None for name in _CONDITIONS):
        yield Fault(path, f"a tier needs a condition: {', '.join(_CONDITIONS)}")
    if tier.no_price and _prices(tier):
        yield Fault((*path, "no_price"), "no_price = true stands in the place of prices; take one of them out")
    elif not tier.no_price and not _prices(tier):
        yield Fault(path, "a tier needs a price that it changes, or no_price = true")
    for what in ("input", "output"):
        if getattr(tier, f"{what}_over") is not None and getattr(tier, f"{what}_from") is not None:
            yield Fault(path, f"{what}_over (>) and {what}_from (≥) exclude each other")
    if tier.clock is not None and tier.clock not in clocks:
        yield Fault((*path, "clock"), unknown_word("clock", tier.clock, clocks))


def _overlaps(regions: tuple[str, ...], rows: tuple[PriceEntry, ...], path: Path) -> Iterator[Fault]:
    told: set[int] = set()
    for region in regions or ("",):
        mine = [(r.since, place) for place, r in enumerate(rows) if not r.regions or region in r.regions]
        for (_, first), (since, second) in itertools.pairwise(sorted(mine)):
            if second not in told and _ends(rows[first], since) > since:
                told.add(second)
                yield Fault((*path, "prices", second), _overlap_words(rows[first], first, rows[second]))


def _ends(row: PriceEntry, following: dt.datetime) -> dt.datetime:
    """When a row ends, seen from one that follows: a row without `until` ends where the next begins."""
    if row.until is not None:
        return row.until
    return _FOREVER if row.since == following else following


def _overlap_words(earlier: PriceEntry, place: int, row: PriceEntry) -> str:
    if row.since == earlier.since:
        return f"begins with prices[{place}] at {row.since.isoformat()}: give the older one its own since"
    return f"begins while prices[{place}] holds: set until = {row.since.isoformat()} there"
