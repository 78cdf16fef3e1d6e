"""Tells of thresholds in a thread of its own, so that no call and no settlement waits for it."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio

from minimill._errors import LedgerError
from minimill.ledger import Ledger

if TYPE_CHECKING:
    from minimill._client._thresholds import ThresholdReached

log = logging.getLogger("minimill")

WARN_FROM = Decimal("0.8")
"""From this share of a limit on the log line is a warning; below it is for information."""


class Teller:
    """Claims each threshold in the books, and tells those whose claim was the first of all processes."""

    def __init__(self, ledger: Ledger, on_threshold: Callable[[ThresholdReached], object] | None) -> None:
        self._ledger = ledger
        self._on_threshold = on_threshold
        self._due: deque[tuple[ThresholdReached, int]] = deque()
        self._changed = threading.Condition()
        self._running = False

    def tell(self, reached: ThresholdReached, level_ppm: int) -> None:
        """Hand over; never waits for books or for the function that is told."""
        with self._changed:
            self._due.append((reached, level_ppm))
            if self._running:
                return
            self._running = True
        try:
            threading.Thread(target=self._run, name="minimill-thresholds", daemon=True).start()
        except RuntimeError as error:  # the interpreter is ending
            log.warning("%s (told by this process only: %s)", reached, error)
            with self._changed:
                self._due.clear()
                self._running = False

    @property
    def idle(self) -> bool:
        """Whether nothing is left to tell."""
        return not self._running

    def wait(self, seconds: float) -> bool:
        """Wait until everything was told; False if that takes longer. Blocks its thread."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._due:
                    self._running = False
                    self._changed.notify_all()
                    return
                due = list(self._due)
                self._due.clear()
            for reached in anyio.run(self._first_claims, due):
                self._say(reached)

    def _say(self, reached: ThresholdReached) -> None:
        log.log(logging.WARNING if reached.share >= WARN_FROM else logging.INFO, "%s", reached)
        if self._on_threshold is None:
            return
        try:
            self._on_threshold(reached)
        except Exception:  # whatever the user's function raises, the next is told all the same
            log.exception("on_threshold failed: %s", reached)

    async def _first_claims(self, due: Sequence[tuple[ThresholdReached, int]]) -> list[ThresholdReached]:
        """Those that this process has to tell."""
        found = []
        for reached, level_ppm in due:
            try:
                if await self._is_first(reached, level_ppm):
                    found.append(reached)
            except Exception as error:  # a ledger of somebody else's making may raise anything
                log.warning("%s (told by no callback: %s)", reached, error)
        return found

    async def _is_first(self, reached: ThresholdReached, level_ppm: int) -> bool:
        place = (reached.budget, reached.key or "", reached.window_id, level_ppm)
        name = os.urandom(8).hex()
        try:
            return await self._ledger.mark(*place, by=name)
        except LedgerError:  # a reply can be lost, and asking again under the same name is safe
            return await self._ledger.mark(*place, by=name)
