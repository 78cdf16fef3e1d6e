"""Finding providers and models by name; a provider file is read when it is first asked for.

It may import `_errors` and its siblings.
"""

import contextlib
import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import ValidationError

from minimill._errors import CatalogError, ConfigError, UnknownModelError
from minimill.catalog._checks import faults_in
from minimill.catalog._convert import free_row, provider_of
from minimill.catalog._entries import ProviderEntry, UserProviderEntry
from minimill.catalog._faults import Fault, faults_of, nearest, problem
from minimill.catalog._files import folder, read_toml, shipped_ids
from minimill.catalog._marks import URL_PATTERN
from minimill.catalog._shape import validator
from minimill.catalog._types import Model, Offer, Provider
from minimill.catalog._user import overlay, own_path, own_prices, user_faults


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
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Make a catalog.

        Args:
            overrides: The user's `[providers.*]` tables, by provider id, as TOML gives them.
            origin: The user's file, named in errors and in price rows.
            environ: Looked at for base addresses; None: the process's environment.
        """
        self._overrides = dict(overrides or {})
        self._origin = origin
        self._environ = environ
        self._providers: dict[str, Provider] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._overrides, self._origin)

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
        provider_id, model_id = self._split(name)
        provider = self.provider(provider_id)
        wanted = provider.endpoints.get(model_id, model_id)
        model = provider.models.get(provider.names.get(wanted, wanted))
        if model is None:
            model = _unlisted(provider, model_id)
        return Offer(provider, model, model_id if model_id in provider.endpoints else model.id)

    def _split(self, name: str) -> tuple[str, str]:
        parts = re.split("[:/]", name, maxsplit=1)
        if len(parts) == 2 and parts[0] in self._known():
            if not parts[1]:
                raise UnknownModelError(f'"{name}" names no model: write it as provider:model')
            return parts[0], parts[1]
        if len(parts) == 2 and ":" in name and "/" not in parts[0]:
            hint = nearest(parts[0], self._known())
            raise UnknownModelError(f'unknown provider "{parts[0]}" in "{name}"{hint}')
        raise UnknownModelError(f'"{name}" names no provider: write it as provider:model{self._bare_hint(name)}')

    def _known(self) -> list[str]:
        return list(self._overrides) + shipped_ids()

    def _bare_hint(self, name: str) -> str:
        offers = [(model, f"{p.id}:{model}") for p in self._readable() for model in p.models]
        exact = [full for model, full in offers if model == name]
        return f', such as "{exact[0]}"' if exact else nearest(name, [full for _, full in offers])

    def _readable(self) -> Iterator[Provider]:
        for provider_id in self.provider_ids():
            with contextlib.suppress(ConfigError):
                yield self.provider(provider_id)

    def _load(self, provider_id: str) -> Provider:
        own = self._overrides.get(provider_id)
        if own is None and provider_id not in shipped_ids():
            raise UnknownModelError(f'unknown provider "{provider_id}"{nearest(provider_id, self._known())}')
        provider = shipped(provider_id) if own is None else self._with_own(provider_id, own)
        return self._at_address(provider, own or {})

    def _with_own(self, provider_id: str, own: Mapping[str, Any]) -> Provider:
        base = _raw(provider_id) if provider_id in shipped_ids() else None
        today = dt.datetime.now(dt.UTC).date()
        merged = overlay(base, own, provider_id, self._origin, today)
        try:
            entry: UserProviderEntry = validator(UserProviderEntry).validate_python(merged)
        except ValidationError as error:
            faults = faults_of(error, UserProviderEntry)
        else:
            faults = user_faults(entry, base) + faults_in(entry)
            if entry.id != provider_id:
                faults.insert(0, Fault(("id",), f'expected the name of the table, "{provider_id}"'))
        if faults:
            moved = [Fault(("providers", provider_id, *own_path(f.path, merged, own)), f.text) for f in faults]
            raise problem(self._origin, moved, ConfigError)
        provider = provider_of(entry, origin=self._origin, own_rows=dict.fromkeys(own_prices(own), self._origin))
        return _made_free(replace(provider, endpoints=entry.endpoints), entry, self._origin, today)

    def _at_address(self, provider: Provider, own: Mapping[str, Any]) -> Provider:
        """The provider at the address the environment or the user names, and in the region that lies there."""
        environ = os.environ if self._environ is None else self._environ
        address = own.get("base_url")
        for name in provider.base_url_env:
            if value := environ.get(name, "").strip():
                if not re.fullmatch(URL_PATTERN, value):
                    raise ConfigError(f"{name}: expected an http(s) address without a query or a password")
                address = value
                break
        if address is None:
            return provider
        address = address.rstrip("/")
        region = next((r.name for r in provider.regions.values() if r.base_url == address), provider.region)
        return replace(provider, base_url=address, region=own.get("region", region))


def _restored(overrides: Mapping[str, Mapping[str, Any]], origin: str) -> Catalog:
    return Catalog(overrides, origin=origin)


def _made_free(provider: Provider, entry: UserProviderEntry, origin: str, today: dt.date) -> Provider:
    """The models that the user calls free get their row."""
    row = (free_row(provider.currency, origin, today),)
    free = {model.id for model in entry.models if model.free or (entry.free and not model.prices)}
    if not free:
        return provider
    models = {name: replace(m, rows=row) if name in free else m for name, m in provider.models.items()}
    other = provider.any_model
    return replace(provider, models=models, any_model=replace(other, rows=row) if other and "*" in free else other)


def _unlisted(provider: Provider, model_id: str) -> Model:
    """The model of an id that is not listed, where the provider takes any."""
    if model_id.startswith(provider.endpoint_prefixes or ("\0",)):
        raise UnknownModelError(
            f'"{provider.id}:{model_id}" hides which model runs there: say it in minimill.toml as '
            f'providers.{provider.id}.endpoints."{model_id}" = "model id"'
        )
    if provider.any_model is not None:
        return replace(provider.any_model, id=model_id)
    names = [*provider.models, *provider.names, *provider.endpoints]
    raise UnknownModelError(f'{provider.id} has no model "{model_id}"{nearest(model_id, names)}')


def _raw(provider_id: str) -> dict[str, Any]:
    return read_toml(folder() / f"{provider_id}.toml", f"providers/{provider_id}.toml", CatalogError)


def shipped(provider_id: str) -> Provider:
    """The provider as its shipped file says it, without environment and user.

    Raises:
        CatalogError: the file is missing or wrong.
    """
    return checked_provider(_raw(provider_id), f"providers/{provider_id}.toml", provider_id)


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
    if entry.id != provider_id:
        faults.insert(0, Fault(("id",), f'expected the name of the file, "{provider_id}", found "{entry.id}"'))
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
