"""Tables and lines: coloured and as wide as the terminal, or plain and never cut where nobody looks.

It may import click; rich only for a terminal.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple, TextIO

from minimill._money import Money
from minimill._values import dataclass
from minimill.cli._common import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable


class Styled(NamedTuple):
    """A cell with a colour, for terminals that have some."""

    text: str
    style: str


Cell = str | Styled

_FOLDED = 16
"""Cells of a terminal that a column keeps when its words are folded."""
_GAP = 2


@dataclass(slots=True)
class Table:
    """Rows under headings. `>heading` is right-aligned; `~heading` has words that may be folded."""

    headings: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    totals: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Append a row."""
        self.rows.append(cells)

    def without_empty(self, *names: str) -> Table:
        """The table without those of the named columns in which nothing stands."""
        lines = [*self.rows, *self.totals]
        kept = [
            place
            for place, name in enumerate(self.names)
            if name not in names or any(text_of(line[place]) for line in lines)
        ]
        return Table(
            [self.headings[place] for place in kept],
            [[row[place] for place in kept] for row in self.rows],
            [[row[place] for place in kept] for row in self.totals],
        )

    @property
    def names(self) -> list[str]:
        """The headings without their signs."""
        return [heading.lstrip(">~") for heading in self.headings]

    def widths(self) -> list[int]:
        """How wide each column is when nothing is folded."""
        columns = zip(self.names, *self.rows, *self.totals, strict=True)
        return [max(cells_wide(text_of(cell)) for cell in column) for column in columns]

    def narrowest(self) -> int:
        """How wide the table is when words are folded."""
        columns = zip(self.headings, self.widths(), strict=True)
        folded = [min(width, _FOLDED) if heading[:1] == "~" else width for heading, width in columns]
        return sum(folded) + _GAP * (len(folded) - 1)


def text_of(cell: Cell) -> str:
    """What the cell says, in one line."""
    return clean(cell.text if isinstance(cell, Styled) else cell)


class Output:
    """Where a command writes."""

    def __init__(
        self, file: TextIO | None = None, *, terminal: bool | None = None, width: int | None = None
    ) -> None:
        self.file = sys.stdout if file is None else file
        self.terminal = self.file.isatty() if terminal is None else terminal
        self.width = width
        self._console: Console | None = None

    def line(self, text: str = "", style: str = "") -> None:
        """One line; on a terminal in a style."""
        text = clean(text)
        if self.terminal:
            self._rich().print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self.file)

    def table(self, table: Table) -> None:
        """A table: elsewhere than on a terminal as wide as it is; on one that is too narrow, row by row."""
        if not self.terminal:
            for line in plain_lines(table):
                print(line, file=self.file)
        elif table.narrowest() <= self._rich().width:
            self._rich().print(_rich_table(table))
        else:
            self._stacked(table)

    def bar(self, parts: Sequence[tuple[int, str, str]], whole: int, width: int = 10) -> str:
        """A bar of `width` cells: (amount, sign, plain sign) of each part, what is left in dots."""
        drawn = ""
        done = 0
        for amount, sign, plain in parts:
            done += max(amount, 0)
            cells = width if done >= whole else -(-width * done // whole) if done else 0
            drawn += (sign if self.draws() else plain) * (min(cells, width) - len(drawn))
        return drawn + ("·" if self.draws() else ".") * (width - len(drawn))

    def _stacked(self, table: Table) -> None:
        names = table.names
        wide = max(cells_wide(name) for name in names)
        for place, row in enumerate((*table.rows, *table.totals)):
            if place:
                self.line()
            for name, cell in zip(names, row, strict=True):
                if text_of(cell):
                    style = cell.style if isinstance(cell, Styled) else ""
                    self.line(f"{name}{' ' * (wide - cells_wide(name))}  {text_of(cell)}", style)

    def draws(self) -> bool:
        """Whether bars and charts may be drawn with signs that are not ASCII."""
        return "utf" in (getattr(self.file, "encoding", None) or "").lower()

    def _rich(self) -> Console:
        if self._console is None:
            from rich.console import Console

            plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
            self._console = Console(
                file=self.file,
                width=self.width,
                force_terminal=True,
                color_system=None if plain else "auto",
                highlight=False,
                emoji=False,
            )
        return self._console


def _rich_table(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for heading, name, width in zip(table.headings, table.names, table.widths(), strict=True):
        foldable = heading.startswith("~")
        drawn.add_column(
            name,
            justify="right" if heading.startswith(">") else "left",
            overflow="fold",
            no_wrap=not foldable,
            min_width=min(width, _FOLDED) if foldable else width,
        )

    def texts(row: Sequence[Cell], style: str = "") -> list[Text]:
        return [Text(text_of(cell), cell.style if isinstance(cell, Styled) else style) for cell in row]

    for place, row in enumerate(table.rows):
        drawn.add_row(*texts(row), end_section=bool(table.totals) and place == len(table.rows) - 1)
    for row in table.totals:
        drawn.add_row(*texts(row, "bold"))
    return drawn


def plain_lines(table: Table) -> list[str]:
    """The table as text: columns two spaces apart, nothing cut."""
    right = [heading.startswith(">") for heading in table.headings]
    rows = [[text_of(cell) for cell in row] for row in (*table.rows, *table.totals)]
    widths = table.widths()

    def laid(line: Sequence[str]) -> str:
        cells = [
            " " * (width - cells_wide(text)) + text if is_right else text + " " * (width - cells_wide(text))
            for text, width, is_right in zip(line, widths, right, strict=True)
        ]
        return (" " * _GAP).join(cells).rstrip()

    rule = (" " * _GAP).join("-" * width for width in widths)
    lines = [laid(table.names), rule, *(laid(row) for row in rows[: len(table.rows)])]
    return lines + ([rule, *(laid(row) for row in rows[len(table.rows) :])] if table.totals else [])


def cells_wide(text: str) -> int:
    """How many cells of a terminal the text takes: Chinese characters take two."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def aligned(amounts: Iterable[Money | None], unknown: str = "unknown") -> list[str]:
    """Amounts with as many decimals as the longest of the same currency has; None as `unknown`."""
    amounts = list(amounts)
    most: dict[str, int] = {}
    for money in amounts:
        if money is not None:
            most[money.currency] = max(most.get(money.currency, 2), _decimals(money))
    return [unknown if money is None else _with_decimals(money, most[money.currency]) for money in amounts]


def _decimals(money: Money) -> int:
    digits = f"{abs(money.nanos) % 10**9:09d}".rstrip("0")
    return max(2, len(digits))


def _with_decimals(money: Money, decimals: int) -> str:
    text = str(money)
    number, space, currency = text.partition(" ")
    return f"{number}{'0' * (decimals - _decimals(money))}{space}{currency}"
