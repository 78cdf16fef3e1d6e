#!/usr/bin/env python3
"""Draw docs/images/overhead.svg and overhead-dark.svg: CPU of one call over concurrency, from results of overhead.py.

    benchmarks/picture.py RESULTS.json [--delay 200] [--folder docs/images]

Both axes are logarithmic. A point is the median of the rounds, the bar through it their spread.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from _report import Results, load, number

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
WIDTH, HEIGHT = 820, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 60, 50
LABEL_HEIGHT = 16
CASE = re.compile(r"([\d,]+) at once, (\d+) ms")


@dataclass(frozen=True)
class Theme:
    """Colours on a light or a dark page."""

    back: str
    text: str
    faint: str
    lines: dict[str, str]


LIGHT = {
    "minimill, SQLite": "#0550ae",
    "minimill, memory": "#4593f8",
    "bare transport": "#6e7781",
    "httpx": "#bc4c00",
    "aiohttp": "#1a7f37",
    "openai": "#8250df",
    "LiteLLM": "#bf3989",
}
DARK = {
    "minimill, SQLite": "#79c0ff",
    "minimill, memory": "#388bfd",
    "bare transport": "#8b949e",
    "httpx": "#f0883e",
    "aiohttp": "#56d364",
    "openai": "#bc8cff",
    "LiteLLM": "#f778ba",
}
THEMES = {
    "overhead.svg": Theme("#ffffff", "#1f2328", "#d8dee4", LIGHT),
    "overhead-dark.svg": Theme("#0d1117", "#e6edf3", "#30363d", DARK),
}


@dataclass(frozen=True)
class Line:
    """One kind: its rounds by concurrency."""

    kind: str
    points: dict[int, list[float]]

    @property
    def last(self) -> float:
        return statistics.median(self.points[max(self.points)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--delay", type=int, default=200, help="the server's, in milliseconds, default: 200")
    parser.add_argument("--folder", type=Path, default=IMAGES)
    options = parser.parse_args()
    results = load(options.results)
    lines = list(lines_of(results, options.delay))
    if not lines:
        raise SystemExit(f"{options.results}: has no calls at a server latency of {options.delay} ms")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, theme in THEMES.items():
        drawn = picture(lines, theme, options.delay, results)
        (options.folder / name).write_text(drawn, encoding="utf-8")
        print(f"{options.folder / name}: {len(drawn.encode()):,} bytes")


def lines_of(results: Results, delay: int) -> Iterator[Line]:
    for kind in LIGHT:
        points = {}
        for case in results.cases:
            found = CASE.fullmatch(case)
            values = results.values(case, kind, "cpu_us")
            if found and int(found[2]) == delay and values:
                points[int(found[1].replace(",", ""))] = values
        if points:
            yield Line(kind, points)


class Scale:
    """From figures to places."""

    def __init__(self, lines: Sequence[Line]) -> None:
        across = [at for line in lines for at in line.points]
        up = [value for line in lines for values in line.points.values() for value in values]
        self.across = sorted(set(across))
        self._x = (math.log10(min(across)), math.log10(max(across)) + (min(across) == max(across)))
        self._y = (math.floor(math.log10(min(up))), math.ceil(math.log10(max(up) * 1.001)))

    def x(self, at_once: float) -> float:
        low, high = self._x
        return LEFT + (math.log10(at_once) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, us: float) -> float:
        low, high = self._y
        return HEIGHT - BOTTOM - (math.log10(us) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def rules(self) -> list[float]:
        """Values with a line across: 1, 2 and 5 times each power of ten."""
        low, high = self._y
        steps = (1, 3) if high - low > 2 else (1, 2, 5)
        return [step * 10.0**power for power in range(low, high) for step in steps] + [10.0**high]


def picture(lines: Sequence[Line], theme: Theme, delay: int, results: Results) -> str:
    """An SVG that fetches nothing."""
    scale = Scale(lines)
    told = "; ".join(f"{line.kind} {number(line.last)} µs at {max(line.points):,}" for line in lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f'<g font-family="{escape(FONTS)}" font-size="12" fill="{theme.text}">',
        f"<title>CPU of one call over the number of calls at once</title><desc>{escape(told)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{theme.back}"/>',
        '<text x="16" y="24" font-size="14" font-weight="bold">CPU of one call, in µs</text>',
        f'<text x="16" y="42">{escape(foot(delay, results))}</text>',
        *grid(scale, theme),
        *(piece for line in lines for piece in drawn(line, scale, theme)),
        *labels(lines, scale, theme),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def foot(delay: int, results: Results) -> str:
    answers = f"after {delay} ms" if delay else "at once"
    machine = results.machine
    return f"server answers {answers}; client on one core; {machine['cpu']}, {machine['python']}; logarithmic"


def grid(scale: Scale, theme: Theme) -> Iterator[str]:
    right = WIDTH - RIGHT
    for value in scale.rules():
        y = scale.y(value)
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="{theme.faint}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
    for at in scale.across:
        yield f'<text x="{scale.x(at):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{at:,}</text>'
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">calls at once</text>'


def drawn(line: Line, scale: Scale, theme: Theme) -> Iterator[str]:
    colour = theme.lines[line.kind]
    wide = 3 if line.kind.startswith("minimill") else 1.5
    places = [(scale.x(at), scale.y(statistics.median(line.points[at]))) for at in sorted(line.points)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{wide}"/>'
    for (x, y), at in zip(places, sorted(line.points), strict=True):
        values = line.points[at]
        yield f'<path d="M{x:.1f} {scale.y(min(values)):.1f}V{scale.y(max(values)):.1f}" stroke="{colour}"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def labels(lines: Sequence[Line], scale: Scale, theme: Theme) -> Iterator[str]:
    """The names at the ends of the lines, moved apart where they would meet."""
    x, below = WIDTH - RIGHT + 12, HEIGHT - BOTTOM + 4.0
    for line in sorted(lines, key=lambda line: line.last):
        y = min(scale.y(line.last) + 4, below - LABEL_HEIGHT)
        below = y
        end = max(line.points)
        name = f"{escape(line.kind)} {number(line.last)}" + (f" at {end:,}" if end < scale.across[-1] else "")
        yield f'<text x="{x}" y="{y:.1f}" fill="{theme.lines[line.kind]}">{name}</text>'


if __name__ == "__main__":
    main()
