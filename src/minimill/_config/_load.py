"""Reading the configuration: find, check, build, and what the environment says over it.

It may import its siblings and what they import.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError

from minimill._config import _build as build
from minimill._config._entries import ConfigEntry
from minimill._config._exports import export_faults, export_of
from minimill._config._find import default_ledger, find, placed_ledger
from minimill._config._prices import changed_on, with_price_files
from minimill._config._thresholds import threshold_faults, thresholds_of
from minimill._config._types import Settings
from minimill._errors import ConfigError
from minimill._pricing import Exchange
from minimill.catalog import Catalog
from minimill.catalog._catalog import Finder
from minimill.catalog._faults import Fault, faults_of, problem, shown
from minimill.catalog._shape import validator
from minimill.ledger import is_on_a_server, open_ledger

_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def load_settings(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    finder: Finder | None = None,
) -> Settings:
    """The configuration, checked.

    No provider file is read, except those of the user's own providers and of providers whose models budgets
    name.

    Args:
        config: A path, or a mapping in the shape of `minimill.toml`; None: the file that MINIMILL_CONFIG
            names, `minimill.toml` in the working folder or the user's configuration folder, or none.
        environ: Instead of the process's environment.
        finder: From the id of a provider that is not shipped to its file, for plug-ins.

    Raises:
        ConfigError: something is wrong; one line that names file and key, what was expected and what was
            found. Keys are never shown.
    """
    given = os.environ if environ is None else environ
    found = find(config, given)
    entry = _checked(found.tables, found.name)
    edited = None if found.source is None else changed_on(found.source)
    about: dict[str, Any] = {"origin": found.name, "edited": edited, "environ": environ, "finder": finder}
    tables = build.catalog_tables(entry.providers)
    catalog = Catalog(tables, **about)
    if entry.price_files:
        tables, origins = with_price_files(tables, entry.price_files, found.folder, catalog)
        catalog = Catalog(tables, origins=origins, **about)
    faults = _cross_faults(entry, catalog)
    if faults:
        raise problem(found.name, faults, ConfigError)
    for name in entry.providers:
        if not catalog.has_file(name):
            catalog.provider(name)
    return Settings(
        source=found.source,
        ledger=_ledger(entry, found.name, found.folder, given),
        catalog=catalog,
        exchange=Exchange(build.rates_of(entry), max_age_days=entry.max_rate_age_days),
        app=given.get("MINIMILL_APP", "").strip() or entry.app,
        http=entry.http,
        require_budget=_switch(given, "MINIMILL_REQUIRE_BUDGET", entry.require_budget),
        routes={name: build.route_of(name, route, entry.defaults) for name, route in entry.routes.items()},
        plain_route=build.route_of(None, entry.defaults, entry.defaults),
        budgets=tuple(build.budget_of(name, budget) for name, budget in entry.budgets.items()),
        aliases=dict(entry.aliases),
        connections=build.connections(entry.providers, found.folder),
        thresholds={name: thresholds_of(budget, entry.aliases) for name, budget in entry.budgets.items()},
        usage_exports={name: export_of(name, export) for name, export in entry.usage_exports.items()},
    )


def _checked(tables: Mapping[str, Any], name: str) -> ConfigEntry:
    try:
        entry: ConfigEntry = validator(ConfigEntry).validate_python(dict(tables))
    except ValidationError as error:
        raise problem(name, faults_of(error, ConfigEntry), ConfigError) from None
    return entry


def _cross_faults(entry: ConfigEntry, catalog: Catalog) -> list[Fault]:
    return [
        *build.provider_faults(entry.providers, catalog),
        *build.alias_faults(entry.aliases, catalog),
        *build.route_faults(entry, catalog),
        *build.budget_faults(entry, catalog),
        *threshold_faults(entry, lambda model: build.named_fault(model, entry.aliases, catalog)),
        *build.rate_faults(entry),
        *export_faults(entry, catalog),
    ]


def _ledger(entry: ConfigEntry, name: str, folder: Path, environ: Mapping[str, str]) -> str:
    said = environ.get("MINIMILL_LEDGER", "").strip()
    if said:
        url, where, base = said, "MINIMILL_LEDGER", Path.cwd()
    elif entry.ledger is not None:
        url, where, base = entry.ledger, f"{name}: ledger", folder
    else:
        return default_ledger(environ)
    placed = placed_ledger(url, base)
    try:
        open_ledger(placed)
    except ConfigError as error:
        advice = error.message.partition(": ")[2]
        if not shown(url).startswith('"') and not is_on_a_server(url):
            advice = f"expected a URL such as sqlite:///books.db or memory:, found {shown(url)}"
        raise ConfigError(f"{where}: {advice}") from None
    return placed


def _switch(environ: Mapping[str, str], variable: str, otherwise: bool) -> bool:
    value = environ.get(variable, "").strip().lower()
    if not value:
        return otherwise
    if value in _YES + _NO:
        return value in _YES
    raise ConfigError(f"{variable}: expected true or false, found a text of {len(value)} characters")
