"""How far a long piece of work is: one line on standard error that is written over, where somebody looks.

It imports nothing of minimill.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

PAUSE_S = 0.2
"""Between two lines; the first comes after so long, so that short work shows none."""


class Progress:
    """`with Progress("reading", total) as progress: progress(done)`. On no terminal it writes nothing."""

    def __init__(
        self,
        what: str,
        total: int,
        *,
        file: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = sys.stderr if file is None else file
        self._what = what
        self._total = total
        self._clock = clock
        self._due = clock() + PAUSE_S
        self._shown = False
        self._looks = self._file.isatty()

    def __call__(self, done: int) -> None:
        """Say how much is done."""
        if not self._looks or self._clock() < self._due:
            return
        self._due = self._clock() + PAUSE_S
        share = f" {100 * min(done, self._total) // self._total} %" if self._total else ""
        self._write(f"\r{self._what}{share}")
        self._shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
