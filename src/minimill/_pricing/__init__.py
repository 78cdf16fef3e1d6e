"""Prices and what follows from them: which row applies, what a call cost, what it can cost at most.

No files, no vendors, no requests. It may import `_money`, `_usage` and `_errors` only.
"""

from __future__ import annotations

from ._ceiling import Ceiling, Limits, ceiling, input_bound, output_bound
from ._clock import is_running, run_between
from ._cost import Bucket, Charge, as_billed, cost
from ._exchange import BUILT_IN, MARGIN, MAX_AGE_DAYS, Converted, Exchange, Rate
from ._expected import (
    ANSWER_TOKENS,
    EFFORT_TOKENS,
    THINKING_TOKENS,
    USUAL,
    Habits,
    expected,
    expected_input_tokens,
    expected_output_tokens,
    longest_input_tokens,
)
from ._learned import Length, TextRatio
from ._rows import Bounds, Certainty, Clock, PriceRow, Rates, RequestSize, Situation, Tier
from ._select import PriceUnknown, find_rows, rows_at, rows_between
from ._sheet import may_be_served, tier_words
from ._storage import StorageCharge, storage_cost

__all__ = [
    # rows
    "Bounds",
    "Certainty",
    "Clock",
    "PriceRow",
    "Rates",
    "RequestSize",
    "Situation",
    "Tier",
    "find_rows",
    "is_running",
    "may_be_served",
    "rows_at",
    "rows_between",
    "run_between",
    "tier_words",
    # before a call
    "ANSWER_TOKENS",
    "EFFORT_TOKENS",
    "THINKING_TOKENS",
    "USUAL",
    "Ceiling",
    "Habits",
    "Length",
    "Limits",
    "TextRatio",
    "ceiling",
    "expected",
    "expected_input_tokens",
    "expected_output_tokens",
    "input_bound",
    "longest_input_tokens",
    "output_bound",
    # after a call
    "Bucket",
    "Charge",
    "as_billed",
    "PriceUnknown",
    "StorageCharge",
    "cost",
    "storage_cost",
    # exchange
    "BUILT_IN",
    "MARGIN",
    "MAX_AGE_DAYS",
    "Converted",
    "Exchange",
    "Rate",
]
