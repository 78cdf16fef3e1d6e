"""May 2024, replayed: what one day's work cost with the cheapest model of each day, and who served it.

Prices come from the dated rows that ship with minimill; nothing is sent and no key is needed. It prints a
table and draws two pictures into the folder that is given, the present one if none is:
price_war.svg, and price_war-dark.svg for dark pages.
"""

import datetime as dt
import math
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from minimill import UnpricedModelError, Usage
from minimill.catalog import find_model

WORK = {"question": (8_000, Usage(1_000, 250)), "summary": (500, Usage(6_000, 500))}
"""How often a day, and what one takes."""
OFFERED = """
openai:gpt-4-turbo openai:gpt-4o openai:gpt-3.5-turbo deepseek:deepseek-chat
glm:glm-3-turbo glm:glm-4 doubao:doubao-pro-32k doubao:doubao-lite-32k doubao:doubao-pro-128k
qwen:qwen-long qwen:qwen-max qwen:qwen-plus qwen:qwen-turbo qwen:qwen-72b-chat
ernie:ernie-4.0-8k ernie:ernie-speed-128k ernie:ernie-lite-8k
gemini:gemini-1.5-flash hunyuan:hunyuan-standard-32k hunyuan:hunyuan-pro-32k spark:lite spark:generalv3.5
""".split()
BEIJING = dt.timezone(dt.timedelta(hours=8))
CNY_PER_USD = Decimal("7.7609") / Decimal("1.0718")
"""European Central Bank, euro reference rates of 2024-04-30: CNY over USD."""


class Day(NamedTuple):
    """The cheapest of one day, at 18:00 in Beijing, in CNY."""

    date: dt.date
    cost: Decimal
    model: str
    paid_cost: Decimal
    """Without the models that are given away, which come with tighter limits."""
    paid_model: str


def cost_of_a_day(name: str, at: dt.datetime) -> Decimal | None:
    """The day's work on one model; None where its price of that day is not known."""
    seller = find_model(name)
    try:
        charges = [(count, seller.charge(usage, at).money) for count, usage in WORK.values()]
    except UnpricedModelError:
        return None
    total = sum(count * money.amount for count, money in charges)
    return Decimal(total) * (CNY_PER_USD if charges[0][1].currency == "USD" else 1)


def replay() -> Iterator[Day]:
    """Each day of the month."""
    for number in range(1, 32):
        at = dt.datetime(2024, 5, number, 18, tzinfo=BEIJING)
        costs = {name: cost for name in OFFERED if (cost := cost_of_a_day(name, at)) is not None}
        paid = {name: cost for name, cost in costs.items() if cost}
        first, first_paid = min(costs, key=costs.__getitem__), min(paid, key=paid.__getitem__)
        yield Day(at.date(), costs[first], first, paid[first_paid], first_paid)


TITLE = "The same day's work, at the cheapest price of each day of May 2024"
SUBTITLE = "CNY a day for 8,000 questions and 500 summaries: 11 million tokens in, 2.25 million out"
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
WIDTH, HEIGHT = 880, 440
LEFT, RIGHT, TOP, PAID_BOTTOM, FREE = 64, 24, 76, 330, 376
THEMES = {
    "": {"ground": "#ffffff", "ink": "#1f2328", "faint": "#d8dee4", "soft": "#59636e", "line": "#0969da"},
    "-dark": {"ground": "#0d1117", "ink": "#e6edf3", "faint": "#30363d", "soft": "#9198a1", "line": "#58a6ff"},
}


def x_of(day: float) -> float:
    """Where a day of the month begins."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (day - 1) / 31


def y_of(cost: Decimal) -> float:
    """Ten times the cost is always the same way up; nothing has a line of its own."""
    if not cost:
        return FREE
    share = (math.log10(cost) - math.log10(2)) / (math.log10(100) - math.log10(2))
    return PAID_BOTTOM - (PAID_BOTTOM - TOP) * share


def picture(days: list[Day], theme: dict[str, str]) -> str:
    """The month as one SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {FONT}>',
        "<title>What the cheapest model of each day of May 2024 charged for the same work</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{theme["ground"]}"/>',
        _text(LEFT, 30, TITLE, theme["ink"], 'font-size="17" font-weight="600"'),
        _text(LEFT, 52, SUBTITLE, theme["soft"]),
    ]
    for cost in (2, 5, 10, 20, 50, 100, 0):
        y = y_of(Decimal(cost))
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{theme["faint"]}"/>')
        parts.append(_text(LEFT - 10, y + 4, str(cost) if cost else "free", theme["soft"], 'text-anchor="end"'))
    parts += [_text(x_of(n), FREE + 26, f"{n} May", theme["soft"]) for n in (1, 6, 11, 15, 21, 31)]
    dashes = f'stroke="{theme["soft"]}" stroke-width="2" stroke-dasharray="2 5"'
    parts.append(_steps([day.paid_cost for day in days], dashes))
    parts.append(_steps([day.cost for day in days], f'stroke="{theme["line"]}" stroke-width="3"'))
    for place, (day, before) in enumerate(zip(days, [None, *days], strict=False)):
        if before is None or day.model != before.model:
            parts += _label(place + 1, day.cost, day.model, theme)
    last = days[-1]
    if last.cost != last.paid_cost:
        words = f"not given away: {last.paid_model.partition(':')[2]} {last.paid_cost:.2f}"
        parts.append(_text(x_of(32), y_of(last.paid_cost) - 8, words, theme["soft"], 'text-anchor="end"'))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, words: str, colour: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{" " if more else ""}{more}>{words}</text>'


def _steps(costs: list[Decimal], style: str) -> str:
    path = f"M{x_of(1):.1f} {y_of(costs[0]):.1f}"
    for place, cost in enumerate(costs):
        path += f"V{y_of(cost):.1f}H{x_of(place + 2):.1f}"
    return f'<path d="{path}" fill="none" {style}/>'


def _label(number: int, cost: Decimal, model: str, theme: dict[str, str]) -> list[str]:
    vendor, _, name = model.partition(":")
    x, y = x_of(number), y_of(cost)
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{theme["line"]}"/>',
        _text(x + 8, y - 23, f"{vendor} {cost:.2f}", theme["ink"], 'font-weight="600"'),
        _text(x + 8, y - 8, name, theme["ink"]),
    ]


def main(folder: Path) -> None:
    """Print what changed and draw the month."""
    days = list(replay())
    print("from    CNY a day  cheapest                  that is not given away")
    for day, before in zip(days, [None, *days], strict=False):
        if before is None or day[1:] != before[1:]:
            rest = "" if day.cost else f"{day.paid_model}, {day.paid_cost:.2f}"
            print(f"{day.date:%d %b}  {day.cost:>9.2f}  {day.model:<24}  {rest}".rstrip())
    end = dt.datetime(2024, 5, 31, 18, tzinfo=BEIJING)
    unknown = [name for name in OFFERED if cost_of_a_day(name, end) is None]
    print(f"what they cost is not known: {', '.join(unknown)}")
    for suffix, theme in THEMES.items():
        (folder / f"price_war{suffix}.svg").write_text(picture(days, theme), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
