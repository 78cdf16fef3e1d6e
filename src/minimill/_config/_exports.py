"""Shapes of vendors' usage exports: `[usage_exports.NAME]`, checked.

It may import `catalog` and its siblings.
"""

import codecs
import dataclasses
from collections.abc import Iterator

from minimill._config._entries import ConfigEntry, UsageExportEntry
from minimill._config._types import UsageExport
from minimill.catalog import Catalog
from minimill.catalog._checks import zone_fault
from minimill.catalog._faults import Fault, Path, shown, unknown_word


def export_faults(entry: ConfigEntry, catalog: Catalog) -> Iterator[Fault]:
    """What is wrong with `[usage_exports]`."""
    for name, export in entry.usage_exports.items():
        path: Path = ("usage_exports", name)
        if not catalog.knows(export.provider):
            yield Fault((*path, "provider"), unknown_word("provider", export.provider, catalog.provider_ids()))
        if export.currency is None and export.currency_column is None:
            yield Fault(path, "expected currency or currency_column, to say what the amounts are in")
        if export.currency is not None and export.currency_column is not None:
            yield Fault(path, "expected currency or currency_column, found both")
        if export.request_id is None and (export.time is None or export.model is None):
            yield Fault(path, "expected the column request_id, or time and model, to find the attempt by")
        if fault := zone_fault(export.zone):
            yield Fault((*path, "zone"), fault)
        if not _is_encoding(export.encoding):
            yield Fault((*path, "encoding"), f"expected a text encoding such as utf-8, found {shown(export.encoding)}")


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def export_of(name: str, entry: UsageExportEntry) -> UsageExport:
    """A checked shape."""
    values = {item.name: getattr(entry, item.name) for item in dataclasses.fields(entry)}
    return UsageExport(name, **{**values, "within_s": float(entry.within_s), "models": dict(entry.models)})
