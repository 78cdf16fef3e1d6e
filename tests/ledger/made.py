"""Short ways to make what a ledger takes, and a way to leave it."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Coroutine, Generator
from typing import Any

from minimill.ledger import Ledger
from minimill.testing.ledger_suite._made import START, Clock, budget, hold, meta, record, sums

__all__ = ["START", "Clock", "Thrown", "budget", "busy", "hold", "meta", "record", "sums"]


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


async def busy(ledger: Ledger, name: str, *, callers: int, pause_s: float, lasts_s: float) -> tuple[int, float]:
    """Callers who want one of three places all the time, from a line on stdin on: how many got one, the longest wait.

    Says `ready` on stdout before it reads the line.
    """
    waits: list[float] = []

    async def caller(number: int, until: float) -> None:
        for turn in itertools.takewhile(lambda _: time.monotonic() < until, itertools.count()):
            attempt_id = f"{name}-{number}-{turn}"
            began = time.perf_counter()
            await hold(ledger, attempt_id, 1, wait_until=time.monotonic() + 30)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(pause_s)
            ledger.settle(attempt_id, {"team": 0}, record(attempt_id))

    await ledger.declare([budget(limit=3)])
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + lasts_s
    await asyncio.gather(*(caller(number, until) for number in range(callers)))
    await ledger.aclose()
    return len(waits), max(waits)
