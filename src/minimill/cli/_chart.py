"""A step chart of prices over time: in cells of a terminal, or as a picture.

It knows instants and numbers, no models. It may import nothing of minimill.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape
from typing import NamedTuple

_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Step(NamedTuple):
    """A value that holds from an instant on; None: nothing is known from then on."""

    at: dt.datetime
    value: Decimal | None


class Series(NamedTuple):
    """One line of a chart."""

    name: str
    steps: tuple[Step, ...]
    """In the order of time."""


def value_at(series: Series, instant: dt.datetime) -> Decimal | None:
    """The value that holds at an instant."""
    held = [step.value for step in series.steps if step.at <= instant]
    return held[-1] if held else None


def bars(
    series: Series, start: dt.datetime, end: dt.datetime, *, width: int, height: int, fine: bool
) -> list[str]:
    """The series in `height` lines of `width` cells, with its largest value and the days below.

    A cell shows the value at its middle. `fine` draws eighths of cells; otherwise whole `#`. Where nothing is
    known, nothing stands.
    """
    columns = [value_at(series, start + (end - start) * (2 * place + 1) / (2 * width)) for place in range(width)]
    most = max((value for value in columns if value is not None), default=Decimal(0))
    label = plain(most)
    lines = []
    for level in reversed(range(height)):
        cells = "".join(_cell(value, most, level, height, fine) for value in columns)
        lines.append(f"{label if level == height - 1 else '':>{len(label)}} {'│' if fine else '|'}{cells}".rstrip())
    first, last = start.date().isoformat(), end.date().isoformat()
    rule = ("└" if fine else "+") + ("─" if fine else "-") * width
    lines.append(f"{'0':>{len(label)}} {rule}")
    gap = max(width - len(first) - len(last), 1)
    return [*lines, f"{'':>{len(label)}}  {first}{' ' * gap}{last}"]


def _cell(value: Decimal | None, most: Decimal, level: int, height: int, fine: bool) -> str:
    if not value or not most:
        return " "
    eighths = max(round(Fraction(value) / Fraction(most) * height * 8), 1) - 8 * level
    if fine:
        return _EIGHTHS[min(max(eighths, 0), 8)]
    return "#" if eighths >= 4 or (level == 0 and eighths > 0) else " "


# --- as a picture ---

_WIDE, _HIGH = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 46, 40
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 15px }
.axis { stroke: #8c959f } .grid { stroke: #d0d7de } .back { fill: #ffffff }
.line { fill: none; stroke-width: 2.5 } .s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #1a7f37 }
.t0 { fill: #0969da } .t1 { fill: #bc4c00 } .t2 { fill: #1a7f37 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .back { fill: #0d1117 } .grid { stroke: #30363d }
.s0 { stroke: #58a6ff } .s1 { stroke: #f0883e } .s2 { stroke: #3fb950 }
.t0 { fill: #58a6ff } .t1 { fill: #f0883e } .t2 { fill: #3fb950 } }
"""


def picture(title: str, unit: str, series: Sequence[Series], start: dt.datetime, end: dt.datetime) -> str:
    """The series in one SVG, light or dark as the reader's screen is. It loads nothing."""
    most = max((step.value for one in series for step in one.steps if step.value), default=Decimal(1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_WIDE}" height="{_HIGH}"/>',
        f'<text class="title" x="{_LEFT}" y="24">{escape(title)}</text>',
        f'<text x="{_WIDE - _RIGHT}" y="24" text-anchor="end">{escape(unit)}</text>',
    ]
    for quarter in range(5):
        y = _y(most * quarter / 4, most)
        kind = "axis" if quarter == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{_LEFT} {y}H{_WIDE - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{plain(most * quarter / 4)}</text>')
    for day, anchor, x in ((start, "start", _LEFT), (end, "end", _WIDE - _RIGHT)):
        parts.append(f'<text x="{x}" y="{_HIGH - 16}" text-anchor="{anchor}">{day.date().isoformat()}</text>')
    for place, one in enumerate(series):
        parts.append(f'<path class="line s{place % 3}" d="{_path(one, most, start, end)}"/>')
        x = _LEFT + 90 * (place + 1)
        parts.append(f'<text class="t{place % 3}" x="{x}" y="{_HIGH - 16}">{escape(one.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _path(series: Series, most: Decimal, start: dt.datetime, end: dt.datetime) -> str:
    """Level while a value holds, straight up or down at its end, broken where nothing is known."""
    words, drawing = [], False
    ends = [step.at for step in series.steps[1:]] + [end]
    for step, until in zip(series.steps, ends, strict=True):
        if step.value is None:
            drawing = False
            continue
        x, right = (_x(instant, start, end) for instant in (max(step.at, start), until))
        words.append(f"{'L' if drawing else 'M'}{x} {_y(step.value, most)}H{right}")
        drawing = True
    return "".join(words)


def _x(instant: dt.datetime, start: dt.datetime, end: dt.datetime) -> str:
    share = Fraction((instant - start) // dt.timedelta(seconds=1), max((end - start) // dt.timedelta(seconds=1), 1))
    return f"{float(_LEFT + share * (_WIDE - _LEFT - _RIGHT)):.1f}"


def _y(value: Decimal, most: Decimal) -> int:
    return round(_HIGH - _BOTTOM - Fraction(value) / Fraction(most) * (_HIGH - _TOP - _BOTTOM))


def plain(value: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    return format(value.normalize(), "f")
