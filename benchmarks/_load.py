"""Calls at once, and what they took. Standard library only: it runs in the environments of others, too."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

from _machine import Stopwatch

Call = Callable[[], Awaitable[None]]


async def together(
    call: Call, *, at_once: int, seconds: float, patience_s: float, core: int | None, settled: Call
) -> dict[str, float | None]:
    """Figures of a closed loop of `at_once` callers who begin new calls for `seconds`.

    Every call lies inside the time measured, so its CPU does, too, with that of the closing of its books. Before
    that each caller makes one call, which opens its connection. A client that takes longer than `patience_s` is
    cut; its figures count what it finished.
    """
    await _finished([asyncio.create_task(_calls(call, 0, [])) for _ in range(at_once)], patience_s)
    await settled()
    gc.collect()
    took: list[float] = []
    watch = Stopwatch(core)
    until = time.perf_counter() + seconds
    cut = await _finished([asyncio.create_task(_calls(call, until, took)) for _ in range(at_once)], patience_s)
    wall_s = watch.wall_s()
    await settled()
    cpu_s, others = watch.cpu_s(), watch.others()
    if not took:
        return {}
    return {
        "cpu_us": cpu_s / len(took) * 1e6,
        "calls_s": len(took) / wall_s,
        "p50_ms": quantile(took, 0.50) * 1e3,
        "p99_ms": quantile(took, 0.99) * 1e3,
        "calls": len(took),
        "cut": cut,
        "others": others,
    }


async def _calls(call: Call, until: float, took: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await call()
        now = time.perf_counter()
        took.append(now - began)
        if now >= until:
            return


async def _finished(tasks: list[asyncio.Task[None]], patience_s: float) -> int:
    """Wait for the tasks; how many had to be cancelled. The first failure is raised."""
    done, late = await asyncio.wait(tasks, timeout=patience_s, return_when=asyncio.FIRST_EXCEPTION)
    if any(task.exception() for task in done):
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        raise next(error for task in done if (error := task.exception()) is not None)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return len(late)


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
