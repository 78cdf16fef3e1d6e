"""Simulated vendors for tests: real wire shapes on loopback, programmable faults, a bill to compare with.

No key and no network is needed. See `Simulator`.
"""

from ._answers import Answer, Counts, SimulatedRequest, ToolCall
from ._faults import Fault
from ._records import CallRecord, Price
from ._simulator import Simulator
from ._tokens import InputCounter, Length, estimate_input, one_token_per_byte

__all__ = [
    "Answer",
    "CallRecord",
    "Counts",
    "Fault",
    "InputCounter",
    "Length",
    "Price",
    "SimulatedRequest",
    "Simulator",
    "ToolCall",
    "estimate_input",
    "one_token_per_byte",
]
