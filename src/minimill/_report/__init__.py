"""What a call came to, and how the books tell it.

It may import `_chat`, `_pricing`, `ledger`, `_money`, `_usage` and `_errors`.
"""

from minimill._report._details import details
from minimill._report._reply import Attempt, Cost, Reply
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
    "Cost",
    "Reply",
    "SpendGroup",
    "Tokens",
    "certainty_of",
    "charge_of",
    "details",
    "group_spend",
    "is_dimension",
    "key_of",
]
