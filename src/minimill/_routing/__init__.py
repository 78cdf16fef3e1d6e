"""Which candidate serves a call next, and why others do not.

It may import `ledger`'s records, `catalog`, `_chat`, `_pricing`, `_money`, `_usage` and `_errors`.
"""

from minimill._routing._experience import ASKED, Experience, asked
from minimill._routing._fit import misfit, needs, output_limit
from minimill._routing._health import Health
from minimill._routing._plan import Candidate, LeftOut, Plan, Wishes, make_plan, will_think
from minimill._routing._size import measure

__all__ = [
    "ASKED",
    "Candidate",
    "Experience",
    "Health",
    "LeftOut",
    "Plan",
    "Wishes",
    "asked",
    "make_plan",
    "measure",
    "misfit",
    "needs",
    "output_limit",
    "will_think",
]
