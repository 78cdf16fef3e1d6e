"""What a call came to, and how the books tell it.

It may import `_chat`, `_pricing`, `ledger`, `_money`, `_usage` and `_errors`.
"""

from minimill._report._details import details
from minimill._report._reply import Attempt, Cost, Reply

__all__ = ["Attempt", "Cost", "Reply", "details"]
