"""What a call came to, and how the books tell it.

A call needs no sums over the books: those are loaded when they are first used. It may import `_chat`, `_pricing`,
`ledger`, `_money`, `_usage` and `_errors`.
"""

from typing import TYPE_CHECKING, Any

from minimill._report._details import Details
from minimill._report._reply import Attempt, Cost, Reply

if TYPE_CHECKING:
    from minimill._report._reconcile import BillLine, Doubt, Match, Reconciled, reconcile, waits
    from minimill._report._spend import (
        DIMENSIONS,
        SpendGroup,
        Tokens,
        certainty_of,
        charge_of,
        group_spend,
        is_dimension,
        key_of,
    )

__all__ = [
    "DIMENSIONS",
    "Attempt",
    "BillLine",
    "Cost",
    "Details",
    "Doubt",
    "Match",
    "Reconciled",
    "Reply",
    "SpendGroup",
    "Tokens",
    "certainty_of",
    "charge_of",
    "group_spend",
    "is_dimension",
    "key_of",
    "reconcile",
    "waits",
]

_RECONCILE = ("BillLine", "Doubt", "Match", "Reconciled", "reconcile", "waits")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _RECONCILE:
        from minimill._report import _reconcile

        return getattr(_reconcile, name)
    from minimill._report import _spend

    return getattr(_spend, name)
