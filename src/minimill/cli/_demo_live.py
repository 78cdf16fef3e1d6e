"""What the demo shows while it runs: bars with money on a terminal, a line a second elsewhere.

It may import rich, for a terminal only, and its neighbours.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from minimill._money import Money
from minimill.cli._demo_run import Tally
from minimill.cli._output import Output

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_EVERY_S = 1.0
_BAR = 20


@asynccontextmanager
async def progress(out: Output, tally: Tally, vendors: Sequence[str]) -> AsyncIterator[None]:
    """Show the tally until the block is left."""
    if out.terminal and os.environ.get("TERM") != "dumb":
        from rich.live import Live

        with Live(
            get_renderable=lambda: drawn(out, tally, vendors),
            console=out._rich(),
            refresh_per_second=10,
            transient=True,
        ):
            yield
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_lines, out, tally, vendors)
        yield
        tasks.cancel_scope.cancel()


async def _lines(out: Output, tally: Tally, vendors: Sequence[str]) -> None:
    while True:
        await anyio.sleep(LINE_EVERY_S)
        out.line(line(tally, vendors))
        out.file.flush()


def line(tally: Tally, vendors: Sequence[str]) -> str:
    """The tally in one line."""
    settled, held, left = amounts(tally)
    served = ", ".join(f"{vendor} {tally.served[vendor]}" for vendor in vendors)
    return (
        f"{tally.seconds():4.0f} s  {tally.done}/{tally.calls} calls  {settled} settled, {held} held, {left} left  "
        f"answers: {served}  refused {tally.refused}"
    )


def amounts(tally: Tally) -> tuple[str, str, str]:
    """Settled, held and left, to a hundredth of a fen."""
    balance = tally.balance
    if balance is None:
        return "¥0", "¥0", "all"
    return short(balance.settled_nanos), short(balance.held_nanos), short(max(balance.left_nanos, 0))


def short(nanos: int, currency: str = "CNY") -> str:
    """An amount rounded to four decimals, for looking at."""
    return str(Money(round(nanos, -5), currency)).ljust(7, "0")


def drawn(out: Output, tally: Tally, vendors: Sequence[str]) -> RenderableType:
    """The tally as bars and a small table."""
    from rich.console import Group
    from rich.table import Table as Grid
    from rich.text import Text

    settled, held, left = amounts(tally)
    balance = tally.balance
    bars = Grid.grid(padding=(0, 2))
    bars.add_row(
        "calls",
        Text(out.bar([(tally.done, "█", "#")], tally.calls, _BAR), style="cyan"),
        f"{tally.done}/{tally.calls}, {tally.refused} refused by the cap",
    )
    money = [] if balance is None else [(balance.settled_nanos, "█", "#"), (balance.held_nanos, "▒", "=")]
    limit = 1 if balance is None else balance.limit_nanos
    bars.add_row(
        "money",
        Text(out.bar(money, limit, _BAR), style="green" if tally.refused == 0 else "yellow"),
        f"{settled} settled, {held} held, {left} left",
    )
    most = max(1, *tally.served.values()) if tally.served else 1
    for vendor in vendors:
        bars.add_row(
            vendor,
            Text(out.bar([(tally.served[vendor], "█", "#")], most, _BAR), style="blue"),
            f"{tally.served[vendor]} answers, {tally.limited[vendor]} × 429, {tally.lost[vendor]} lost",
        )
    return Group(bars)
