"""Which candidate serves a call next, and why others do not.

It may import `catalog`, `_chat`, `_pricing`, `_money`, `_usage` and `_errors`.
"""

from minimill._routing._fit import misfit, needs, output_limit
from minimill._routing._health import Health
from minimill._routing._plan import Candidate, LeftOut, Plan, Wishes, make_plan
from minimill._routing._size import measure

__all__ = [
    "Candidate",
    "Health",
    "LeftOut",
    "Plan",
    "Wishes",
    "make_plan",
    "measure",
    "misfit",
    "needs",
    "output_limit",
]
