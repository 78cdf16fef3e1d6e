"""`minimill.toml`: finding it, checking it, and what it comes to.

No calls and no money moved. It may import `catalog`, `ledger` and below.
"""

from minimill._config._load import load_settings
from minimill._config._types import Connection, Narrowing, Route, Settings, Thresholds, Timeouts, UsageExport

__all__ = [
    "Connection",
    "Thresholds",
    "Narrowing",
    "Route",
    "Settings",
    "Timeouts",
    "UsageExport",
    "json_schema",
    "load_settings",
]


def json_schema() -> dict[str, object]:
    """The JSON Schema of `minimill.toml`, for editors; every key with its description."""
    from minimill._config._entries import (
        BudgetEntry,
        ConfigEntry,
        NarrowEntry,
        RateEntry,
        RouteEntry,
        UsageExportEntry,
    )
    from minimill.catalog._entries import UserModelEntry
    from minimill.catalog._export import schema_for

    needed = [
        (RouteEntry, "models"),
        (BudgetEntry, "limit"),
        (NarrowEntry, "above"),
        (RateEntry, "rate"),
        (RateEntry, "date"),
        (UsageExportEntry, "provider"),
        (UsageExportEntry, "amount"),
        (UserModelEntry, "id"),
    ]
    return schema_for(ConfigEntry, "minimill.toml", needed=needed)
