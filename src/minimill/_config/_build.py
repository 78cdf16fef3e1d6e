"""From checked tables to `Settings`: what looks at several keys, each fault in one clear line.

It may import `catalog`, `ledger`, `_pricing`, `_money` and its siblings.
"""

import datetime as dt
import pathlib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import ValidationError

from minimill._config._entries import BudgetEntry, ConfigEntry, DefaultsEntry, Pair, ProviderTable, RouteEntry
from minimill._config._types import Connection, Route, Timeouts
from minimill._errors import UnknownModelError
from minimill._money import MAX_NANOS, NANOS, Money
from minimill._pricing import Rate
from minimill._pricing._exchange import BUILT_IN, EASTERNMOST
from minimill.catalog import Catalog
from minimill.catalog._checks import extra_body_faults, zone_fault
from minimill.catalog._faults import Fault, Path, faults_of, inexact, nearest, shown, unknown_word
from minimill.catalog._files import shipped_ids
from minimill.catalog._marks import ID_PATTERN, Partial
from minimill.catalog._shape import validator
from minimill.ledger import BudgetDefinition

_SECRETS = r"(?i)(api|access|auth|bearer|secret|private)?[-_]?(key|token|secret|password|authorization)s?"
_SECRET_HEADERS = r"(?i)(proxy-)?authorization|cookie|(x-)?api-key|.*-(api-key|token|secret)"
_SCOPES = ("app", "route", "provider", "model")
_TAG = r"[^\s=\"']+"


# --- providers ---


def provider_faults(tables: Mapping[str, Any], catalog: Catalog) -> Iterator[Fault]:
    """What is wrong with `[providers.*]`, as far as can be told without reading the shipped files."""
    for name, table in tables.items():
        path: Path = ("providers", name)
        if found := list(_secret_faults(table, name)):
            yield from found
        elif "dialect" not in table and not catalog.has_file(name):
            hint = nearest(name, shipped_ids()) or "; a provider of your own says dialect and base_url"
            yield Fault(("providers",), f'unknown provider "{name}"{hint}')
        elif re.fullmatch(ID_PATTERN, name) is None:
            yield Fault(path, "a provider's name is small letters, digits, '-' and '_', a letter first")
        else:
            yield from _table_faults(table, path)


def _table_faults(table: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    shape = Partial(ProviderTable)
    try:
        validator(shape).validate_python(table)
    except ValidationError as error:
        # Keys that are left out here may be in the shipped file; the merged table is checked later.
        for fault in faults_of(error, shape):
            if not fault.text.endswith("is missing") or fault.text.startswith('the key "id"'):
                yield Fault((*path, *fault.path), fault.text)
    models = table.get("models")
    yield from _sent_faults(table, path)
    for place, model in enumerate(models if isinstance(models, (list, tuple)) else ()):
        yield from _sent_faults(model, (*path, "models", place))


def _sent_faults(table: Any, path: Path) -> Iterator[Fault]:
    quirks = table.get("quirks") if isinstance(table, Mapping) else None
    if isinstance(quirks, Mapping) and isinstance(quirks.get("extra_body"), Mapping):
        yield from extra_body_faults(quirks, path)


def _secret_faults(table: Mapping[str, Any], name: str) -> Iterator[Fault]:
    path: Path = ("providers", name)
    variable = f"{name.upper().replace('-', '_')}_API_KEY"
    auth, headers = table.get("auth"), table.get("headers")
    for where, keys in ((path, table), ((*path, "auth"), auth)):
        for key in keys if isinstance(keys, Mapping) else ():
            if re.fullmatch(_SECRETS, key):
                yield Fault((*where, key), f'{_NO_KEYS} name it here: key_env = "{variable}"')
    for header in headers if isinstance(headers, Mapping) else ():
        if re.fullmatch(_SECRET_HEADERS, header):
            text = f"{_NO_KEYS} name it in key_env, with auth.scheme and auth.header"
            yield Fault((*path, "headers", header), text)


_NO_KEYS = "keys do not belong in this file: set an environment variable and"


def catalog_tables(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The part of `[providers.*]` that changes what providers are, not how they are reached."""
    kept = {name: {k: v for k, v in table.items() if k not in _REACHED} for name, table in tables.items()}
    return {name: table for name, table in kept.items() if table}


_REACHED = ("proxy", "ca_file")


def connections(tables: Mapping[str, Any], folder: pathlib.Path) -> dict[str, Connection]:
    """How providers are reached, where their tables say."""
    found = {}
    for name, table in tables.items():
        proxy, ca_file = table.get("proxy"), table.get("ca_file")
        if proxy is not None or ca_file is not None:
            found[name] = Connection(proxy, _placed(ca_file, folder))
    return found


def _placed(path: str | None, folder: pathlib.Path) -> str | None:
    return None if path is None else str(folder / pathlib.Path(path).expanduser())


# --- routes and aliases ---


def alias_faults(aliases: Mapping[str, str], catalog: Catalog) -> Iterator[Fault]:
    """What is wrong with `[aliases]`."""
    for name, target in aliases.items():
        path: Path = ("aliases", name)
        if not name or re.search(r"[:/\s]", name):
            yield Fault(path, "an alias is a bare name, without colon, slash or space")
        elif target in aliases:
            yield Fault(path, f'expected provider:model, found the alias "{target}"')
        elif fault := _model_fault(target, catalog):
            yield Fault(path, fault)


def _model_fault(name: str, catalog: Catalog) -> str | None:
    try:
        catalog.split(name)
    except UnknownModelError as error:
        return error.message
    return None


def route_faults(entry: ConfigEntry, catalog: Catalog) -> Iterator[Fault]:
    """What is wrong with routes and defaults."""
    yield from _limits_faults(entry.defaults, ("defaults",))
    for name, route in entry.routes.items():
        path: Path = ("routes", name)
        yield from _limits_faults(route, path)
        if not route.models:
            yield Fault((*path, "models"), "expected at least one model")
        seen: dict[str, int] = {}
        for place, model in enumerate(route.models):
            target = entry.aliases.get(model, model)
            if target in seen:
                text = f'"{model}" is listed twice, first as models[{seen[target]}]'
                yield Fault((*path, "models", place), text)
            elif fault := named_fault(model, entry.aliases, catalog):
                yield Fault((*path, "models", place), fault)
            seen.setdefault(target, place)


def named_fault(model: str, aliases: Mapping[str, str], catalog: Catalog) -> str | None:
    """What is wrong with the name of a model, or alias."""
    if model in aliases:
        return None
    if not re.search("[:/]", model) and (hint := nearest(model, aliases)):
        return f'unknown alias "{model}"{hint}'
    return _model_fault(model, catalog)


def _limits_faults(entry: DefaultsEntry, path: Path) -> Iterator[Fault]:
    low, high = entry.min_output_tokens, entry.max_output_tokens
    if low is not None and high is not None and low > high:
        yield Fault((*path, "min_output_tokens"), f"expected at most max_output_tokens = {high}, found {low}")
    if entry.max_cost is not None:
        try:
            Money.of(entry.max_cost)
        except (ValueError, OverflowError) as error:
            yield Fault((*path, "max_cost"), str(error))


def route_of(name: str | None, entry: DefaultsEntry, defaults: DefaultsEntry) -> Route:
    """A route with what it leaves out taken from the defaults."""

    def said(key: str, otherwise: Any) -> Any:
        own, general = getattr(entry, key), getattr(defaults, key)
        return own if own is not None else general if general is not None else otherwise

    most = said("max_cost", None)
    usual = Timeouts()
    times = {
        key: getattr(entry.timeouts, key) or getattr(defaults.timeouts, key) or getattr(usual, key)
        for key in ("connect_s", "first_token_s", "between_token_s", "total_s")
    }
    return Route(
        name=name,
        models=entry.models if isinstance(entry, RouteEntry) else (),
        order=said("order", "cost"),
        requires=entry.requires if isinstance(entry, RouteEntry) else (),
        max_output_tokens=said("max_output_tokens", None),
        min_output_tokens=said("min_output_tokens", None),
        max_attempts=said("max_attempts", None),
        max_cost=None if most is None else Money.of(most),
        deadline_s=said("deadline_s", None),
        wait_s=said("wait_s", 0.0),
        retries=said("retries", 2),
        timeouts=Timeouts(**times),
        on_content_filter=said("on_content_filter", "stop"),
        drop_refused=said("drop_refused", False),
        accept_unsure_prices=said("accept_unsure_prices", False),
    )


# --- budgets ---


def budget_faults(entry: ConfigEntry, catalog: Catalog) -> Iterator[Fault]:
    """What is wrong with budgets."""
    for name, budget in entry.budgets.items():
        path: Path = ("budgets", name)
        if not name.strip():
            yield Fault(("budgets",), "a budget needs a name")
        limit = money_of(budget)
        if isinstance(limit, str):
            yield Fault((*path, "limit"), limit)
        if fault := zone_fault(budget.zone):
            yield Fault((*path, "zone"), fault)
        for key in budget.scope:
            if fault := _scope_word_fault(key):
                yield Fault((*path, "scope"), fault)
        if budget.by is not None:
            if fault := _scope_word_fault(budget.by):
                yield Fault((*path, "by"), fault)
            elif budget.by in budget.scope:
                text = f'the scope holds "{budget.by}" to one value: there is nothing to split'
                yield Fault((*path, "by"), text)
        yield from _scope_value_faults(budget, path, entry, catalog)


def _scope_word_fault(word: str) -> str | None:
    near = next((scope for scope in _SCOPES if word.lower().rstrip("s") == scope), None)
    if (near is None or word in _SCOPES) and re.fullmatch(_TAG, word):
        return None
    hint = f', did you mean "{near}"?' if near else ""
    return f"expected {', '.join(_SCOPES)} or the name of a tag, found {shown(word)}{hint}"


def _scope_value_faults(
    budget: BudgetEntry, path: Path, entry: ConfigEntry, catalog: Catalog
) -> Iterator[Fault]:
    scope = budget.scope
    for key in scope:
        if not scope[key]:
            yield Fault((*path, "scope", key), "an empty text covers no call")
    provider, route, model = scope.get("provider"), scope.get("route"), scope.get("model")
    if provider and not catalog.knows(provider):
        yield Fault((*path, "scope", "provider"), unknown_word("provider", provider, catalog.provider_ids()))
    if route and route not in entry.routes:
        yield Fault((*path, "scope", "route"), unknown_word("route", route, entry.routes))
    if model and (fault := _scope_model_fault(model, provider, entry, catalog)):
        yield Fault((*path, "scope", "model"), fault)


def _scope_model_fault(model: str, provider: str | None, entry: ConfigEntry, catalog: Catalog) -> str | None:
    """What is wrong with the model of a scope. Only the file of a provider that is named is read."""
    full = entry.aliases.get(model, model)
    owner = re.split("[:/]", full, maxsplit=1)[0]
    if owner == full or not catalog.knows(owner):
        if provider is None:
            return None if owner == full else _model_fault(full, catalog)
        if not catalog.knows(provider):
            return None  # told at the provider
        full = f"{provider}:{full}"
    elif provider not in (None, owner):
        return f'"{model}" is not of the provider "{provider}": no call is both'
    try:
        catalog.find(full)
    except UnknownModelError as error:
        return error.message
    return None


def money_of(budget: BudgetEntry) -> Money | str:
    """The limit, or what is wrong with it."""
    limit, currency = budget.limit, budget.currency
    expected = "expected an amount such as '50 CNY', or a number with a currency"
    try:
        if isinstance(limit, str):
            money = Money.of(limit)
            if currency is not None and currency != money.currency:
                return f"the limit is in {money.currency}, but currency = {shown(currency)}"
        elif type(limit) in (int, Decimal):
            if currency is None:
                return f"{expected}, found {shown(limit)} without one"
            money = Money.of(limit, currency)
        else:
            return f"{expected}, found {inexact(limit) if isinstance(limit, float) else shown(limit)}"
    except ValueError:
        return f"{expected}, found {shown(limit)}"
    except OverflowError:
        return f"expected at most {MAX_NANOS // NANOS}, found {shown(limit)}"
    return money if money.nanos >= 0 else f"expected at least 0, found {shown(limit)}"


def budget_of(name: str, entry: BudgetEntry) -> BudgetDefinition:
    """A checked budget as the ledger knows it."""
    money = money_of(entry)
    assert isinstance(money, Money)
    return BudgetDefinition(
        name=name,
        limit_nanos=money.nanos,
        currency=money.currency,
        window=entry.window,
        zone=entry.zone,
        scope=dict(entry.scope),
        by=entry.by,
        hard=entry.hard,
        unconfirmed_share_ppm=int(entry.unconfirmed_share * 1_000_000),
    )


# --- exchange rates ---


def rate_faults(entry: ConfigEntry) -> Iterator[Fault]:
    """What is wrong with `[rates]`."""
    for pair in entry.rates:
        path: Path = ("rates", pair)
        if re.fullmatch(Pair, pair) is None:
            yield Fault(path, 'expected two currencies such as "USD/CNY"')
            continue
        base, quote = pair.split("/")
        if base == quote:
            yield Fault(path, "a rate is between two different currencies")
        elif f"{quote}/{base}" in entry.rates and base < quote:
            yield Fault(path, f'the same rate is there as "{quote}/{base}": keep one')
        elif (date := entry.rates[pair].date) > (dt.datetime.now(dt.UTC) + EASTERNMOST).date():
            yield Fault((*path, "date"), f"expected a day that has come somewhere on earth, found {date}")


def rates_of(entry: ConfigEntry) -> list[Rate]:
    """The user's rates, and the shipped ones for other pairs."""
    own = []
    for pair, rate in entry.rates.items():
        base, quote = pair.split("/")
        own.append(Rate(base, quote, rate.rate, rate.date, rate.source, rate.margin))
    pairs = [{rate.base, rate.quote} for rate in own]
    return own + [rate for rate in BUILT_IN if {rate.base, rate.quote} not in pairs]
