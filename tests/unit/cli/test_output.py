"""Tables on terminals of several widths, and in pipes; amounts and bars; texts that mean a time."""

import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest

from minimill import Money
from minimill.cli._common import instant
from minimill.cli._output import Output, Styled, Table, aligned, cells_wide, plain_lines

from .conftest import lines

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def table() -> Table:
    """Two rows and a total; the last column has words."""
    made = Table(["name", ">amount", "~because"])
    made.add("模型", Styled("1.50", "red"), "the vendor refuses what it does not know at all")
    made.add("b", "20.00", "no key")
    made.totals.append(["total", "21.50", ""])
    return made


def drawn(width: int, made: Table) -> str:
    """The table on a terminal of that width."""
    out = io.StringIO()
    Output(out, terminal=True, width=width).table(made)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def test_a_pipe_gets_whole_lines() -> None:
    """Chinese takes two cells; nothing is cut."""
    assert "\n".join(plain_lines(table())) + "\n" == lines(
        """
        name   amount  because
        -----  ------  -----------------------------------------------
        模型     1.50  the vendor refuses what it does not know at all
        b       20.00  no key
        -----  ------  -----------------------------------------------
        total   21.50
        """
    )


def test_a_terminal_folds_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amounts stay whole."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert drawn(40, table()) == lines(
        """
        name   amount  because
        ────────────────────────────────────────
        模型     1.50  the vendor refuses what
                       it does not know at all
        b       20.00  no key

        total   21.50
        """
    )


def test_a_narrow_terminal_gets_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the amounts fit beside each other; what is empty is left out."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert drawn(20, table()) == lines(
        """
        name     模型
        amount   1.50
        because  the vendor refuses what it does not know at all

        name     b
        amount   20.00
        because  no key

        name     total
        amount   21.50
        """
    )


def test_colours_unless_they_are_unwanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR and dumb terminals get no escape sequence at all; others do."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31m  1.50\x1b[0m" in drawn(80, table())
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in drawn(80, table())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in drawn(80, table())


def test_markup_and_escapes_in_cells_are_text() -> None:
    """A tag's value can neither colour the screen nor clear it."""
    made = Table(["tag"])
    made.add("[red]x[/red]\x1b[2J\n\u202ey")
    assert plain_lines(made)[2] == "[red]x[/red]\N{REPLACEMENT CHARACTER}[2J \N{REPLACEMENT CHARACTER}y"
    assert "[red]x[/red]" in drawn(80, made)


def test_lines_keep_their_indent() -> None:
    """On a terminal and elsewhere."""
    for terminal in (True, False):
        out = io.StringIO()
        Output(out, terminal=terminal, width=80).line("   a  b")
        assert out.getvalue() == "   a  b\n"


def test_empty_columns_are_left_out() -> None:
    """Only those that are named."""
    made = Table(["a", ">b", "~c"])
    made.add("1", "", "")
    assert made.without_empty("b").headings == ["a", "~c"]


@pytest.mark.parametrize(
    ("settled", "held", "bar"),
    [
        (0, 0, "··········"),
        (1, 0, "█·········"),
        (50, 30, "█████▒▒▒··"),
        (50, 1, "█████▒····"),
        (100, 0, "██████████"),
        (90, 90, "█████████▒"),
        (-5, 0, "··········"),
    ],
)
def test_bars(settled: int, held: int, bar: str) -> None:
    """Anything that is spent or held shows; never longer than the bar."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert Output(out).bar([(settled, "█", "#"), (held, "▒", "=")], 100) == bar


def test_bars_without_unicode() -> None:
    """Plain signs where the encoding has no others; a limit of nothing is full."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Output(out).bar([(50, "█", "#"), (20, "▒", "=")], 100) == "#####==..."
    assert Output(out).bar([(0, "█", "#"), (0, "▒", "=")], 0) == "##########"


def test_amounts_line_up() -> None:
    """As many decimals as the longest of the same currency."""
    amounts = [Money.of("1.5 CNY"), Money.of("0.00014 CNY"), None, Money.of("-2 JPY"), Money.of("1234.5 USD")]
    assert aligned(amounts) == ["¥1.50000", "¥0.00014", "unknown", "-2.00 JPY", "$1,234.50"]


@pytest.mark.parametrize(("text", "cells"), [("abc", 3), ("模型", 4), ("e\u0301", 1), ("", 0)])
def test_how_wide_a_text_is(text: str, cells: int) -> None:
    """Wide, combining and plain characters."""
    assert cells_wide(text) == cells


@pytest.mark.parametrize(
    ("text", "end", "moment"),
    [
        ("2026-11-24", False, "2026-11-24T00:00:00+08:00"),
        ("2026-11-24", True, "2026-11-25T00:00:00+08:00"),
        ("today", False, "2026-11-24T00:00:00+08:00"),
        ("yesterday", True, "2026-11-24T00:00:00+08:00"),
        ("2026-11-24T08:30", False, "2026-11-24T08:30:00+08:00"),
        ("2026-11-24 08:30:15Z", True, "2026-11-24T16:30:15+08:00"),
        ("24h", False, "2026-11-23T20:00:00+08:00"),
        ("90m", False, "2026-11-24T18:30:00+08:00"),
        ("7d", True, "2026-11-17T20:00:00+08:00"),
        ("2w", False, "2026-11-10T20:00:00+08:00"),
    ],
)
def test_what_a_time_means(text: str, end: bool, moment: str) -> None:
    """In the zone that was named; a day as an end counts whole."""
    found = instant(text, ZoneInfo("Asia/Shanghai"), end=end, now=NOW)
    assert found == dt.datetime.fromisoformat(moment)


@pytest.mark.parametrize("text", ["noon", "2026-13-01", "", "9999-12-31", "3x", "24"])
def test_what_is_no_time(text: str) -> None:
    """The text says what was expected."""
    with pytest.raises(ValueError, match=r"expected a time such as 2026-11-24, .* today, 24h or 7d, found"):
        instant(text, dt.UTC, end=True, now=NOW)
