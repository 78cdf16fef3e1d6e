"""Does something at the k-th suspension of a coroutine, on whichever event loop runs it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Stepped:
    """Awaiting it runs `coroutine`; `acts` are called at suspension `at` and at those that follow, one each."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *acts: Callable[[], object]) -> None:
        self._coroutine = coroutine
        self._at = at
        self._acts = list(acts)
        self.suspensions = 0
        self.acted = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[Any], Any] = self._coroutine.send
        value: Any = None
        while True:
            try:
                yielded = step(value)
            except StopIteration as end:
                return end.value
            here = self.suspensions
            self.suspensions += 1
            try:
                if here >= self._at and self._acts:
                    self.acted += 1
                    self._acts.pop(0)()
                step, value = self._coroutine.send, (yield yielded)
            except BaseException as error:
                step, value = self._coroutine.throw, error
