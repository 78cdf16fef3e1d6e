"""Price files: prices of the user's own that stand beside `minimill.toml`, shared by several of them.

It may import `catalog` and its siblings.
"""

import datetime as dt
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from pydantic_core import ValidationError

from minimill._errors import ConfigError
from minimill._values import dataclass
from minimill.catalog import Catalog
from minimill.catalog._entries import PriceEntry
from minimill.catalog._faults import Fault, faults_of, problem, unknown_word
from minimill.catalog._files import read_toml
from minimill.catalog._marks import Text
from minimill.catalog._shape import validator
from minimill.catalog._user import Origin

Tables = dict[str, dict[str, Any]]
"""Provider tables by id, as TOML gives them."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class PricedModelEntry:
    """A model of a price file."""

    id: Text
    """The model's id, as the provider lists it or as it is sent."""
    prices: tuple[PriceEntry, ...] = ()
    """Dated prices, in place of the listed ones."""
    free: bool = False
    """True: this self-hosted model costs nothing."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class PricedProviderEntry:
    """What a price file may say of a provider."""

    models: tuple[PricedModelEntry, ...] = ()
    """Models with their prices."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class PriceFileEntry:
    """The whole of a price file."""

    providers: Mapping[str, PricedProviderEntry] = field(default_factory=dict)
    """Providers by id."""


def with_price_files(
    tables: Tables, files: tuple[str, ...], folder: pathlib.Path, catalog: Catalog
) -> tuple[Tables, dict[str, dict[str, Origin]]]:
    """The user's provider tables with the prices of the files, and which file each priced model is from.

    A later file wins over an earlier one, and `minimill.toml` over both, each for the whole of a model's prices.

    Raises:
        ConfigError: a file cannot be read, or something in it is wrong; one line that begins with its name.
    """
    origins: dict[str, dict[str, Origin]] = {}
    models: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name in files:
        path = folder / pathlib.Path(name).expanduser()
        raw = read_toml(path, name, ConfigError)
        if faults := list(_faults(raw, catalog)):
            raise problem(name, faults, ConfigError)
        edited = changed_on(path)
        for provider, table in raw.get("providers", {}).items():
            for place, model in enumerate(table.get("models", ())):
                models.setdefault(provider, {})[model["id"]] = model
                origins.setdefault(provider, {})[model["id"]] = Origin(name, edited, place)
    merged = dict(tables)
    for provider, priced in models.items():
        own = tables.get(provider, {})
        kept = {name: model for name, model in priced.items() if not _says_price(own, name)}
        origins[provider] = {name: origins[provider][name] for name in kept}
        if kept:
            merged[provider] = {**own, "models": _joined(own.get("models"), kept, catalog.has_file(provider))}
    return merged, origins


def changed_on(path: pathlib.Path) -> dt.date:
    """The day on which a file was last changed: somebody looked at what it says."""
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date()


def _faults(raw: Mapping[str, Any], catalog: Catalog) -> Iterator[Fault]:
    try:
        validator(PriceFileEntry).validate_python(raw)
    except ValidationError as error:
        # What a row leaves out is filled in later; there the merged table is checked as a whole.
        found = [
            fault
            for fault in faults_of(error, PriceFileEntry)
            if not fault.text.endswith("is missing") or fault.text.startswith('the key "id"')
        ]
        if found:
            yield from found
            return
    for name, table in raw.get("providers", {}).items():
        if not catalog.knows(name):
            yield Fault(("providers",), unknown_word("provider", name, catalog.provider_ids()))
        seen: dict[str, int] = {}
        for place, model in enumerate(table.get("models", ())):
            if model["id"] in seen:
                text = f'"{model["id"]}" is priced twice, first as models[{seen[model["id"]]}]'
                yield Fault(("providers", name, "models", place), text)
            seen.setdefault(model["id"], place)


def _says_price(own: Mapping[str, Any], name: str) -> bool:
    models = own.get("models")
    return any(
        isinstance(model, Mapping) and model.get("id") == name and ("prices" in model or "free" in model)
        for model in (models if isinstance(models, list) else ())
    )


def _joined(own: Any, priced: Mapping[str, Mapping[str, Any]], shipped: bool) -> Any:
    """The user's models with the prices of files; a server of the user's own goes on to take any model."""
    if own is None:
        own = [] if shipped or "*" in priced else [{"id": "*"}]
    if not isinstance(own, list):
        return own
    known = {model.get("id") for model in own if isinstance(model, Mapping)}
    joined = [
        {**model, **priced.get(model.get("id", ""), {})} if isinstance(model, Mapping) else model for model in own
    ]
    return joined + [model for name, model in priced.items() if name not in known]
