"""Throws an exception into a coroutine at its k-th suspension, on whichever event loop runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class Injected:
    """Awaiting it runs `coroutine` and raises `errors` in it, the first at suspension `at`, the others at
    the suspensions that follow (what happens while it cleans up). `CancelledError` cancels the task there."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *errors: BaseException) -> None:
        self._coroutine = coroutine
        self._at = at
        self._errors = list(errors)
        self.suspensions = 0
        self.thrown = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step, value = self._coroutine.send, None
        while True:
            try:
                yielded = step(value)
            except StopIteration as end:
                return end.value
            here = self.suspensions
            self.suspensions += 1
            if here >= self._at and self._errors:
                error = self._errors.pop(0)
                self.thrown += 1
                if isinstance(error, asyncio.CancelledError):
                    asyncio.current_task().cancel()  # type: ignore[union-attr]  # arrives at this suspension
                else:
                    step, value = self._coroutine.throw, error  # type: ignore[assignment]
                    continue
            try:
                step, value = self._coroutine.send, (yield yielded)
            except BaseException as error:
                step, value = self._coroutine.throw, error  # type: ignore[assignment]
