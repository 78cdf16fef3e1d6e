"""Finding providers and models by name; a provider file is read when it is first asked for.

It may import `_errors` and its siblings.
"""

import contextlib
import datetime as dt
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError

from minimill._errors import CatalogError, ConfigError, UnknownModelError
from minimill.catalog._address import at_address, at_plan, without_version
from minimill.catalog._checks import faults_in
from minimill.catalog._convert import free_row, provider_of
from minimill.catalog._entries import ProviderEntry, UserProviderEntry
from minimill.catalog._faults import Fault, faults_of, nearest, nearest_word, problem, shown
from minimill.catalog._files import folder, read_toml, shipped_ids
from minimill.catalog._marks import ID_PATTERN, base_url_fault
from minimill.catalog._shape import validator
from minimill.catalog._types import Model, Offer, Provider
from minimill.catalog._user import (
    Origin,
    future_faults,
    overlay,
    own_clocks,
    own_path,
    own_prices,
    user_faults,
    without_prices,
)

Finder = Callable[[str], Path | None]
"""From a provider's id to its file; None: not known."""


class Catalog:
    """Providers and models, the shipped ones with a user's own tables over them.

    Files are read on first use, one for each provider asked for, and kept. It may be pickled: the copy
    reads the files and the environment again.
    """

    def __init__(
        self,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        origin: str = "minimill.toml",
        edited: dt.date | None = None,
        origins: Mapping[str, Mapping[str, Origin]] | None = None,
        environ: Mapping[str, str] | None = None,
        finder: Finder | None = None,
    ) -> None:
        """Make a catalog.

        Args:
            overrides: The user's `[providers.*]` tables, by provider id, as TOML gives them.
            origin: The user's file, named in errors and in price rows.
            edited: When that file was last changed, for prices that do not say when they were checked; None: today.
            origins: By provider and model, where prices are from that stand in other files.
            environ: Looked at for base addresses; None: the process's environment.
            finder: Asked for the file of a provider that is neither shipped nor the user's; None: nobody is.
        """
        self._overrides = dict(overrides or {})
        self._origin = Origin(origin, edited or dt.datetime.now(dt.UTC).date())
        self._origins = dict(origins or {})
        self._environ = environ
        self._finder = finder
        self._providers: dict[str, Provider] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._overrides, self._origin, self._origins, self._finder)

    def provider_ids(self) -> list[str]:
        """Ids of every provider, shipped and the user's own, in order. No file is read."""
        return sorted({*shipped_ids(), *self._overrides})

    def provider(self, provider_id: str) -> Provider:
        """The provider of that id.

        Raises:
            UnknownModelError: there is none.
            CatalogError: its file is wrong.
            ConfigError: the user's table over it is wrong, or an address in the environment.
        """
        found = self._providers.get(provider_id)
        if found is None:
            found = self._providers[provider_id] = self._load(provider_id)
        return found

    def find(self, name: str) -> Offer:
        """The model that a name such as `openai:gpt-4o` or `openai/gpt-4o` stands for.

        Raises:
            UnknownModelError: the provider or the model is unknown; the text offers the nearest names.
            CatalogError, ConfigError: as for `provider`.
        """
        provider_id, model_id = self.split(name)
        provider = self.provider(provider_id)
        wanted = provider.endpoints.get(model_id, model_id)
        model = provider.models.get(provider.names.get(wanted, wanted))
        if model is None:
            model = _unlisted(provider, model_id, self._origin.file)
        return Offer(provider, model, model_id if model_id in provider.endpoints else model.id)

    def knows(self, provider_id: str) -> bool:
        """Whether there is a provider of that id. Its file is not read."""
        return provider_id in self._overrides or self.has_file(provider_id)

    def has_file(self, provider_id: str) -> bool:
        """Whether the provider is shipped, or a plug-in's. Its file is not read."""
        return self._file(provider_id) is not None

    def split(self, name: str) -> tuple[str, str]:
        """Provider and model id of `provider:model` (or `provider/model` where the provider is known).

        Raises:
            UnknownModelError: no provider, or none that is known; the text offers the nearest.
        """
        provider_id, model_id = _parts(name)
        if model_id and self.knows(provider_id):
            return provider_id, model_id
        if model_id is None or (not self.knows(provider_id) and ":" not in name):
            hint = self._bare_hint(name)
            raise UnknownModelError(f"{shown(name)} names no provider: write it as provider:model{hint}")
        if not model_id:
            raise UnknownModelError(f"{shown(name)} names no model: write it as provider:model")
        hint = nearest(provider_id, self.provider_ids())
        raise UnknownModelError(f"unknown provider {shown(provider_id)} in {shown(name)}{hint}")

    def _file(self, provider_id: str) -> tuple[Path, str] | None:
        """The file of a provider, and its name for people."""
        if re.fullmatch(ID_PATTERN, provider_id) is None:
            return None
        path = folder() / f"{provider_id}.toml"
        if path.is_file():
            return path, f"providers/{provider_id}.toml"
        found = self._finder(provider_id) if self._finder else None
        return (found, str(found)) if found else None

    def _bare_hint(self, name: str) -> str:
        offers = [(model, f"{p.id}:{model}") for p in self._readable() for model in p.models]
        exact = [full for model, full in offers if model == name]
        return f', such as "{exact[0]}"' if exact else nearest(name, [full for _, full in offers])

    def _readable(self) -> Iterator[Provider]:
        for provider_id in self.provider_ids():
            with contextlib.suppress(ConfigError):
                yield self.provider(provider_id)

    def _load(self, provider_id: str) -> Provider:
        own, file = self._overrides.get(provider_id), self._file(provider_id)
        if own is not None:
            return self._at_address(self._with_own(provider_id, own, file), own)
        if file is None:
            known = self.provider_ids()
            hint = nearest(provider_id, known) or f"; known: {', '.join(known)}"
            raise UnknownModelError(f'unknown provider "{provider_id}"{hint}')
        path, name = file
        return self._at_address(checked_provider(read_toml(path, name, CatalogError), name, provider_id), {})

    def _with_own(self, provider_id: str, own: Mapping[str, Any], file: tuple[Path, str] | None) -> Provider:
        base = read_toml(*file, CatalogError) if file else None
        if base is not None and "plan" in own:  # not what its calls cost, and the user may call them free
            base = without_prices(base)
        origins = self._origins.get(provider_id, {})
        merged = overlay(base, own, provider_id, self._origin, origins)
        problem_of = functools.partial(self._own_problem, provider_id, file, merged, own)
        try:
            entry: UserProviderEntry = validator(UserProviderEntry).validate_python(merged)
        except ValidationError as error:
            raise problem_of(faults_of(error, UserProviderEntry)) from None
        edited = max([self._origin.edited, *(origin.edited for origin in origins.values())])
        faults = user_faults(entry, base) + future_faults(entry, own, edited) + faults_in(entry)
        if entry.id != provider_id:
            faults.insert(0, Fault(("id",), f'expected the name of the table, "{provider_id}"'))
        if faults:
            raise problem_of(faults)
        priced = {name: origins.get(name, self._origin).file for name in own_prices(own)}
        provider = provider_of(entry, origin=self._origin.file, own_rows=priced)
        provider = replace(provider, endpoints=entry.endpoints, plan=entry.plan)
        provider = replace(provider, clocks=own_clocks(provider, entry, own, self._origin.file))
        return _made_free(provider, entry, self._origin, origins)

    def _own_problem(
        self,
        provider_id: str,
        file: tuple[Path, str] | None,
        merged: Mapping[str, Any],
        own: Mapping[str, Any],
        faults: list[Fault],
    ) -> ConfigError:
        """The faults of a merged table, told where they stand in the user's own.

        Raises:
            CatalogError: the file below the user's table is itself wrong.
        """
        if file is not None:
            checked_provider(read_toml(*file, CatalogError), file[1], provider_id)
        moved = [Fault(own_path(fault.path, merged, own), fault.text) for fault in faults]
        placed = [self._placed(provider_id, fault, own) for fault in dict.fromkeys(moved)]
        first = placed[0][0]
        return problem(first, [fault for file, fault in placed if file == first], ConfigError)

    def _placed(self, provider_id: str, fault: Fault, own: Mapping[str, Any]) -> tuple[str, Fault]:
        """The file a fault of the user's stands in, and where there."""
        file, path = self._origin.file, fault.path
        if path[:1] == ("models",) and len(path) > 2 and path[2] in ("prices", "free"):
            model = own["models"][path[1]]
            name = model.get("id", "") if isinstance(model, dict) else ""
            found = self._origins.get(provider_id, {}).get(name)
            if found is not None:
                file, path = found.file, ("models", found.place or 0, *path[2:])
        return file, Fault(("providers", provider_id, *path), fault.text)

    def _at_address(self, provider: Provider, own: Mapping[str, Any]) -> Provider:
        """The provider at the address that the environment or the user names, in the region there."""
        environ = os.environ if self._environ is None else self._environ
        address, place = own.get("base_url"), f"providers.{provider.id}.base_url"
        for name in provider.base_url_env:
            if value := environ.get(name, "").strip():
                if expected := base_url_fault(value):
                    raise ConfigError(f"{name}: expected {expected}")
                address, place = value, name
                break
        if address is None:
            return at_plan(provider)
        address = address.rstrip("/")
        if bare := without_version(address, provider):
            text = f'expected the address without the version, which each call adds: "{bare}"'
            raise ConfigError(f"{place}: {text}")
        if not address.endswith(provider.base_path):
            address += provider.base_path
        return at_address(provider, address, place, own.get("region"))


def _restored(
    overrides: Mapping[str, Mapping[str, Any]],
    origin: Origin,
    origins: Mapping[str, Mapping[str, Origin]],
    finder: Finder | None,
) -> Catalog:
    return Catalog(overrides, origin=origin.file, edited=origin.edited, origins=origins, finder=finder)


def _made_free(
    provider: Provider, entry: UserProviderEntry, origin: Origin, origins: Mapping[str, Origin]
) -> Provider:
    """The models that the user calls free get their row."""
    free = {}
    for model in entry.models:
        if model.free or (entry.free and not model.prices):
            said = origins.get(model.id, origin) if model.free else origin
            free[model.id] = (free_row(provider.currency, said.file, said.edited),)
    if not free:
        return provider
    models = {name: replace(m, rows=free[name]) if name in free else m for name, m in provider.models.items()}
    other = provider.any_model
    if other is not None and "*" in free:
        other = replace(other, rows=free["*"])
    return replace(provider, models=models, any_model=other)


def _unlisted(provider: Provider, model_id: str, file: str) -> Model:
    """The model of an id that is not listed, where the provider takes any."""
    if provider.any_model is not None and not _is_ones_own(provider, model_id):
        return replace(provider.any_model, id=model_id, listed=False)
    near = nearest(model_id, [*provider.models, *provider.names, *provider.endpoints])
    text = f'{provider.id} has no model "{model_id}"{near}'
    if not _is_ones_own(provider, model_id):
        raise UnknownModelError(text)
    line = _endpoint_line(provider, model_id, file)
    if "" not in provider.endpoint_prefixes:
        raise UnknownModelError(f'"{provider.id}:{model_id}" hides which model runs there: say it {line}')
    end = "" if near else "."
    raise UnknownModelError(f"{text}{end} Where it is a deployment of your own, say what runs there {line}")


def _is_ones_own(provider: Provider, model_id: str) -> bool:
    """Whether an id may name a deployment of the user's own, which hides the model that runs there."""
    return any(model_id.startswith(prefix) for prefix in provider.endpoint_prefixes)


def _endpoint_line(provider: Provider, model_id: str, file: str) -> str:
    """Where to say which model runs in a deployment of the user's own, and how."""
    sold = [model.id for model in provider.models.values() if model.status == "current"]
    likely = nearest_word(model_id, sold) or next(iter(sold), "id of the model")
    return (
        f"in {file} under [providers.{provider.id}], with the model that you deployed: "
        f"endpoints = {{ {_toml(model_id)} = {_toml(likely)} }}"
    )


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _parts(name: str) -> tuple[str, str | None]:
    found = re.split("[:/]", name, maxsplit=1)
    return found[0], found[1] if len(found) == 2 else None


def checked_provider(raw: Mapping[str, Any], name: str, provider_id: str) -> Provider:
    """The provider that the tables of a provider file say.

    Raises:
        CatalogError: something is wrong; one line that begins with `name`.
    """
    try:
        entry: ProviderEntry = validator(ProviderEntry).validate_python(raw)
    except ValidationError as error:
        raise problem(name, faults_of(error, ProviderEntry), CatalogError) from None
    faults = faults_in(entry)
    if entry.regions and entry.base_url is not None:
        faults.append(Fault(("base_url",), "the regions say it: take it out"))
    if entry.id != provider_id:
        text = f'expected the name of the file, "{provider_id}", found "{entry.id}"'
        faults.insert(0, Fault(("id",), text))
    if faults:
        raise problem(name, faults, CatalogError)
    return provider_of(entry, origin="catalog", own_rows={})


_default: Catalog | None = None


def _shared() -> Catalog:
    global _default
    if _default is None:
        _default = Catalog()
    return _default


def provider_ids() -> list[str]:
    """Ids of the providers that ship with minimill. No file is read."""
    return shipped_ids()


def load_provider(provider_id: str) -> Provider:
    """The shipped provider of that id, read once; base addresses in the environment count.

    Raises:
        UnknownModelError: there is none.
        CatalogError: its file is wrong.
        ConfigError: an address in the environment is none.
    """
    return _shared().provider(provider_id)


def find_model(name: str) -> Offer:
    """The shipped model that `provider:model` stands for.

    Raises:
        UnknownModelError: the provider or the model is unknown; the text offers the nearest names.
        CatalogError, ConfigError: as for `load_provider`.
    """
    return _shared().find(name)
