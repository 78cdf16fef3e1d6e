"""Short ways to make what a ledger takes, and a way to leave it."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

from minimill.testing.ledger_suite._made import START, Clock, budget, hold, meta, record, sums

__all__ = ["START", "Clock", "Thrown", "budget", "hold", "meta", "record", "sums"]


class Thrown:
    """Awaiting it runs a coroutine and throws each of `errors` into it, from its suspension `at` on."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *errors: BaseException) -> None:
        self._coroutine = coroutine
        self._at = at
        self._errors = list(errors)
        self.thrown = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Any = self._coroutine.send
        value: Any = None
        seen = 0
        while True:
            try:
                trap = step(value)
            except StopIteration as end:
                return end.value
            if seen >= self._at and self._errors:
                self.thrown += 1
                step, value = self._coroutine.throw, self._errors.pop(0)
                continue
            seen += 1
            try:
                step, value = self._coroutine.send, (yield trap)
            except BaseException as error:
                step, value = self._coroutine.throw, error
