"""Vendors, models and dated prices, read from the provider files.

Finding is here and in `Catalog`; how a file must look is in `_entries` and `_quirks`; money is in
`_pricing`. It may import `_pricing`, `_money` and `_errors`.
"""

from minimill.catalog._catalog import Catalog, find_model, load_provider, provider_ids
from minimill.catalog._entries import Auth
from minimill.catalog._quirks import ErrorKind, Quirks
from minimill.catalog._types import ErrorRule, Model, Offer, Provider, Region

__all__ = [
    "Auth",
    "Catalog",
    "ErrorKind",
    "ErrorRule",
    "Model",
    "Offer",
    "Provider",
    "Quirks",
    "Region",
    "find_model",
    "json_schema",
    "load_provider",
    "provider_ids",
]


def json_schema() -> dict[str, object]:
    """The JSON Schema of provider files, for editors; every key with its description."""
    from minimill.catalog._export import provider_schema

    return provider_schema()
