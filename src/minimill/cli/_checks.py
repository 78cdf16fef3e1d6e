"""What `doctor` looks at before money: the installation, where the configuration is, keys, addresses and routes.

It may import `_config`, `catalog`, `_plugins` and below.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from minimill import __version__
from minimill._config import Route, Settings, _find
from minimill._errors import ConfigError, MissingKeyError, UnknownModelError
from minimill.catalog import Catalog, Offer, Provider
from minimill.cli._models import all_providers, has_key, key_fault, key_state


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: str
    """`ok`, `note` (worth knowing) or `wrong`."""
    what: str
    text: str


# --- the installation ---


def installation() -> Iterator[Finding]:
    """Versions, extras and plug-ins."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    others = [f"{name} {_version(name) or 'missing'}" for name in ("httpx", "pydantic", "anyio")]
    parts = [f"minimill {__version__}", f"Python {python}", *others, f"SQLite {sqlite3.sqlite_version}"]
    yield Finding("ok", "versions", " · ".join(parts))
    for extra, names in sorted(_extras().items()):
        missing = [name for name in names if _version(name) is None]
        text = f"not installed ({', '.join(missing)} missing)" if missing else "installed"
        yield Finding("ok", f"extra {extra}", text)
    yield from _plugins()


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _extras() -> dict[str, list[str]]:
    """The distributions that each extra brings."""
    found: dict[str, list[str]] = {}
    try:
        lines = requires("minimill") or []
    except PackageNotFoundError:
        return {}
    for line in lines:
        named = re.match(r"([A-Za-z0-9._-]+)(\[[^]]*\])?.*;.*extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        if named and named[1] != "minimill":
            found.setdefault(named[3], []).append(named[1])
    return found


def _plugins() -> Iterator[Finding]:
    from minimill._plugins import DIALECTS, PROVIDERS, plugin_names

    for group in (DIALECTS, PROVIDERS):
        try:
            if names := plugin_names(group):
                yield Finding("ok", "plug-ins", f"{group.rpartition('.')[2]}: {', '.join(names)}")
        except ConfigError as error:
            yield Finding("wrong", "plug-ins", error.message)


# --- where the configuration is ---


def places(given: Path | None) -> Iterator[Finding]:
    """Every place that was looked at for a configuration, and the one that counts."""
    named = os.environ.get("MINIMILL_CONFIG", "").strip()
    looked = [("--config", given), ("MINIMILL_CONFIG", Path(named).expanduser() if named else None)]
    looked += [("", place) for place in _find._usual_places(os.environ)]
    used = next((path for name, path in looked if path is not None and (name or path.exists())), None)
    if used is None:
        yield Finding("note", "configuration", "none was found: calls name their model, and no budget limits them")
    else:
        yield Finding("ok", "configuration", str(used.absolute()))
    yield Finding("ok", "looked at", " · ".join(f"{name or path}: {_state(path, used)}" for name, path in looked))
    said = [name for name in ("MINIMILL_APP", "MINIMILL_LEDGER", "MINIMILL_REQUIRE_BUDGET") if os.environ.get(name)]
    if said:
        yield Finding("ok", "environment", f"{', '.join(said)}: set, and over the configuration")


def _state(path: Path | None, used: Path | None) -> str:
    if path is None:
        return "not set"
    return "used" if path is used else "there" if path.exists() else "not there"


# --- providers and routes ---


def loaded(catalog: Catalog) -> tuple[dict[str, Provider], list[Finding]]:
    """The providers that can be read, and what is wrong with the others."""
    providers, faults = {}, []
    for name in all_providers(catalog):
        try:
            providers[name] = catalog.provider(name)
        except ConfigError as error:
            faults.append(Finding("wrong", f"provider {name}", error.message))
    return providers, faults


def providers(found: Mapping[str, Provider], settings: Settings) -> Iterator[Finding]:
    """Whether each provider's key is set, and its address; a key is missed only where a route needs it."""
    users: dict[str, list[str]] = {}
    for name, route in settings.routes.items():
        for offer in offers(settings, route):
            users.setdefault(offer.provider.id, []).append(name)
    for provider in found.values():
        needed = sorted(set(users.get(provider.id, ())))
        missing = provider.auth.scheme != "none" and not provider.auth.optional and not has_key(provider)
        words = [key_state(provider), provider.base_url or "no address"]
        if variables := [name for name in provider.base_url_env if os.environ.get(name, "").strip()]:
            words[1] += f" (from {variables[0]})"
        if connection := settings.connections.get(provider.id):
            words += ["by a proxy"] if connection.proxy else []
            words += [f"roots in {connection.ca_file}"] if connection.ca_file else []
        if plan := provider.plans.get(provider.plan or ""):
            words.append(f"by a subscription ({plan.name})")
        if hint := _wrong_key(provider):
            yield Finding("note", f"provider {provider.id}", f"{key_state(provider)}; {hint}")
        if needed:
            words.append(f"in route {', '.join(needed)}")
        yield Finding("note" if missing and needed else "ok", f"provider {provider.id}", " · ".join(words))


def _wrong_key(provider: Provider) -> str | None:
    """What to tell who has set a key of another kind."""
    if fault := key_fault(provider):
        return fault
    try:
        key = provider.key()
    except MissingKeyError:
        return provider.other_key_hint(os.environ)
    return None if key is None else provider.key_hint(key)


def offers(settings: Settings, route: Route) -> list[Offer]:
    """The candidates of a route that are known."""
    found = []
    for name in route.models:
        try:
            found.append(settings.catalog.find(settings.aliases.get(name, name)))
        except ConfigError:
            continue
    return found


def routes(found: Mapping[str, Provider], settings: Settings) -> Iterator[Finding]:
    """Whether each route has a candidate that can be called."""
    for name, route in settings.routes.items():
        for model in route.models:
            try:
                settings.catalog.find(settings.aliases.get(model, model))
            except UnknownModelError as error:
                yield Finding("wrong", f"route {name}", error.message)
            except ConfigError:
                continue  # told with its provider
        usable = [offer.name for offer in offers(settings, route) if _callable(offer)]
        if usable:
            yield Finding("ok", f"route {name}", f"{len(usable)} of {len(route.models)} candidates have what they need")
        else:
            yield Finding("wrong", f"route {name}", "no candidate can be called: their keys are not set")


def _callable(offer: Offer) -> bool:
    provider = offer.provider
    return provider.auth.scheme == "none" or provider.auth.optional or has_key(provider)
