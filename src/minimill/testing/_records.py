"""What the simulated vendors did and what they bill: the record of every chat request.

Written by the server's thread, read by any; readers get copies.
"""

import copy
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any

from minimill._values import dataclass

from ._tokens import last_user_text

__all__ = ["CallBook", "CallRecord", "Price"]

Price = Callable[["CallRecord"], int] | Mapping[str, tuple[int | Decimal, int | Decimal]]
"""A function from a record to nano-units, or a mapping from a model (or `vendor:model`) to the nano-units of
one input and one output token."""


@dataclass(slots=True)
class CallRecord:
    """One chat request that a vendor received. Counts are its truth, also for a client that left."""

    number: int
    """Position among all chat requests of the simulator, from 0."""
    vendor: str
    """Name of the vendor."""
    model: str
    """The model that was asked for; empty when the body could not be read."""
    body: Mapping[str, Any]
    """The parsed request body; empty when it could not be read."""
    headers: Mapping[str, str]
    """The request headers, names in lower case."""
    stream: bool
    """Whether a stream was asked for."""
    started: float
    """When the request was read, in seconds since the epoch."""
    finished: float | None = None
    """When the last byte was handed over or the connection ended; None while the call is running."""
    status: int = 0
    """HTTP status of the reply; 0 when none was sent."""
    input_tokens: int = 0
    """Input tokens that are billed, cached ones included."""
    cached_input_tokens: int = 0
    """Part of the input that was read from a cache."""
    cache_write_tokens: int = 0
    """Part of the input that was written to a cache."""
    cache_write_long_tokens: int = 0
    """Part of what was written that is kept for the vendor's longer time."""
    output_tokens: int = 0
    """Output tokens generated so far, over all choices, reasoning included."""
    reasoning_tokens: int = 0
    """Part of the whole answer's output that is reasoning."""
    billed: bool = False
    """Whether the vendor charges for the call. Set before the first byte of an answer leaves."""
    outcome: str = "running"
    """How it ended: answered, refused, cut, stalled, silent, closed, failed (an error after status 200),
    garbled, redirected, or left (the client went away); running until then."""
    fault: str = ""
    """Name of the fault that was played; empty for none."""
    request_id: str = ""
    """The vendor's id of the request, as in its headers and errors."""
    choices: int = field(default=1)
    """Number of choices generated."""
    chat: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was asked, in the words of Chat Completions (`messages`, `tools`, …), also where the wire has
    others; empty when that could not be read."""

    @property
    def text(self) -> str:
        """The text of the last user message, on whichever wire it came."""
        return last_user_text(self.chat)


class CallBook:
    """All records of a simulator, and how many calls are running."""

    def __init__(self) -> None:
        self._records: list[CallRecord] = []
        self._running = 0
        self._changed = threading.Condition()

    def open(self, make: Callable[[int], CallRecord]) -> CallRecord:
        """Append the record of a call that begins; `make` gets its number."""
        with self._changed:
            record = make(len(self._records))
            self._records.append(record)
            self._running += 1
            return record

    def update(self, record: CallRecord, **changes: Any) -> None:
        """Change several fields at once, as far as readers can see."""
        with self._changed:
            for name, value in changes.items():
                setattr(record, name, value)

    def close(self, record: CallRecord, outcome: str, **changes: Any) -> None:
        """Mark a call as ended. A second call changes nothing."""
        with self._changed:
            if record.finished is not None:
                return
            for name, value in changes.items():
                setattr(record, name, value)
            record.outcome, record.finished = outcome, time.time()
            self._running -= 1
            if not self._running:
                self._changed.notify_all()

    def snapshot(self) -> tuple[CallRecord, ...]:
        """Copies of all records, in order."""
        with self._changed:
            return tuple(map(copy.copy, self._records))

    def clear(self) -> None:
        """Forget the calls that ended."""
        with self._changed:
            self._records = [one for one in self._records if one.finished is None]

    @property
    def running(self) -> int:
        """How many calls are running."""
        return self._running

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no call is running; False when that took longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)


def cost(record: CallRecord, price: Price) -> int:
    """What one call costs in nano-units, rounded up; 0 when it is not billed."""
    if not record.billed:
        return 0
    if callable(price):
        return price(record)
    names = (f"{record.vendor}:{record.model}", record.model)
    row = next((price[name] for name in names if name in price), None)
    if row is None:
        raise KeyError(
            f"no price for {names[0]!r}; prices were given for {', '.join(sorted(price)) or 'nothing'}"
        )
    return math.ceil(record.input_tokens * row[0] + record.output_tokens * row[1])
