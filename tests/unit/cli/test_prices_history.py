"""`minimill prices history`: rows with their sources, and what is drawn of them."""

import datetime as dt
import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import pytest

from minimill.cli._chart import Series, Step, bars, picture, value_at

from .conftest import Run, lines
from .price_book import BOOK

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def day(number: int) -> dt.datetime:
    """So many days after the first of January."""
    return DAY + dt.timedelta(days=number)


def series(*steps: tuple[int, str | None]) -> Series:
    """Values from days on."""
    return Series("input", tuple(Step(day(at), None if v is None else Decimal(v)) for at, v in steps))


@pytest.fixture(autouse=True)
def book(run: Run, tmp_path: Path) -> Path:
    """The configuration in the working folder."""
    path = tmp_path / "minimill.toml"
    path.write_text(BOOK, encoding="utf-8")
    return path


# --- the chart ---


def test_bars() -> None:
    """Four columns a value, the largest at the top, nothing where nothing is known."""
    falling = series((0, "8"), (4, "2"), (8, None), (12, "5"))
    assert bars(falling, day(0), day(16), width=16, height=2, fine=True) == [
        "8 │████        ▂▂▂▂",
        "  │████▄▄▄▄    ████",
        "0 └────────────────",
        "   2026-01-01 2026-01-17",
    ]
    assert bars(falling, day(0), day(16), width=16, height=2, fine=False)[:3] == [
        "8 |####",
        "  |########    ####",
        "0 +----------------",
    ]


def test_what_is_tiny_is_still_seen_and_what_is_free_is_not() -> None:
    """A thousandth of the largest has an eighth of a cell."""
    drawn = bars(series((0, "1000"), (1, "1"), (2, "0")), day(0), day(3), width=3, height=1, fine=True)
    assert drawn[0] == "1000 │█▁"
    assert bars(series((0, "0")), day(0), day(3), width=3, height=1, fine=True)[0] == "0 │"


def test_the_value_at_an_instant() -> None:
    """From its instant on; before the first nothing."""
    two = series((1, "8"), (4, "2"))
    assert [value_at(two, day(at)) for at in (0, 1, 3, 4, 9)] == [None, 8, 8, 2, 2]


def test_the_picture() -> None:
    """Level while a value holds, broken in a gap; names are escaped."""
    one = series((0, "4"), (5, None), (8, "2"))
    svg = picture("a <model>", "CNY per million tokens", [one], day(0), day(10))
    root = ET.fromstring(svg)
    (line,) = [e for e in root.iter() if "line" in (e.get("class") or "").split()]
    assert line.get("d") == "M70.0 46H405.0M606.0 163H740.0"
    assert "a &lt;model&gt;" in svg
    assert "prefers-color-scheme: dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


# --- the command ---


def test_every_row_with_its_source_and_a_chart(run: Run) -> None:
    """The end of a row that says none is the beginning of the next; the row of now is open."""
    out = run("prices", "history", "little").stdout
    assert out.startswith(
        lines(
            """
            since       until       input  cached  output  currency  also                     sure    source                                              checked
            ----------  ----------  -----  ------  ------  --------  -----------------------  ------  --------------------------------------------------  ----------
            2024-05-01  2024-05-20      5               5  CNY                                vendor  https://acme.example/2024 (set in minimill.toml)    2024-05-01
            2024-06-01  now             4     0.5      12  CNY       input > 32,000: input 6  vendor  https://acme.example/prices (set in minimill.toml)  2026-11-20

            input, CNY per million tokens
            5 │█
            """  # noqa: E501
        )
    )
    assert "\noutput, CNY per million tokens\n12 │" in out


def test_everything_that_a_row_prices(run: Run, book: Path) -> None:
    """Cache writes, sound and fees as well, and each condition with what it changes."""
    more = (
        'cache_write_per_mtok = 5\nper_request = 0.01\nper_unit = { web_search = 0.5 }\n'
        'tiers = [{ thinking = true, output_per_mtok = 16 }, { service_tier = "batch", input_per_mtok = 2, '
        "output_per_mtok = 6 }]\n"
    )
    book.write_text(BOOK.replace("tiers = [{ input_over = 32_000, input_per_mtok = 6 }]\n", more), encoding="utf-8")
    out = run("prices", "history", "acme:small").stdout
    assert (
        "cache write 5, request 0.01, web search 0.5 each; thinking: output 16; "
        "service tier batch: input 2, output 6  vendor" in out
    )


def test_one_price_needs_no_chart(run: Run) -> None:
    """A promotion says so."""
    out = run("prices", "history", "acme:thinker").stdout
    assert "promotion" in out
    assert "per million tokens" not in out


def test_a_free_model(run: Run) -> None:
    """Free since ever, by the user's word."""
    out = run("prices", "history", "home:m").stdout
    assert out.splitlines()[2].split() == [
        *["1970-01-01", "now", "free", "free", "free", "CNY", "vendor"],
        *["free", "=", "true", "in", "minimill.toml"],
        out.split()[-1],
    ]


def test_no_price(run: Run) -> None:
    """Said so."""
    assert run("prices", "history", "acme:secret").stdout == "no price of acme:secret is known\n"
    result = run("prices", "history", "acme:secret", "--svg", "x.svg", code=2)
    assert result.stderr == "error: there is no chart to write: no price of acme:secret is known\n"
    assert not Path("x.svg").exists()


def test_prices_of_ones_own_stand_in_place_of_listed_ones(run: Run, book: Path) -> None:
    """Which is said, with how many rows they hide."""
    own = '\n[[providers.openai.models]]\nid = "gpt-4o-mini"\n[[providers.openai.models.prices]]\ninput_per_mtok = 1\n'
    book.write_text(f"{BOOK}{own}output_per_mtok = 2\n", encoding="utf-8")
    out = run("prices", "history", "openai:gpt-4o-mini").stdout
    assert "set in minimill.toml, in place of the listed row" in out
    assert "developers.openai.com" not in out


def test_regions(run: Run) -> None:
    """Rows of every region in the table; the chart is of one, in its currency."""
    out = run("prices", "history", "deepseek:deepseek-v4-pro", "--region", "usd").stdout
    assert "CNY" in out.partition("\n\n")[0]
    assert "input, USD per million tokens, usd\n" in out
    result = run("prices", "history", "deepseek:deepseek-v4-pro", "--region", "mars", code=2)
    assert "deepseek has no region 'mars'; it has cny, usd" in result.stderr


def test_the_picture_is_written(run: Run) -> None:
    """Input and output, of one model."""
    run("prices", "history", "acme:small", "--svg", "small.svg")
    root = ET.fromstring(Path("small.svg").read_text(encoding="utf-8"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "acme:small" in texts
    assert {"input", "output", "CNY per million tokens", "2024-05-01"} <= set(texts)


def test_as_json(run: Run) -> None:
    """What the row says, when it really ends, and which holds now."""
    first, second = json.loads(run("prices", "history", "acme:small", "--json").stdout)
    assert (first["ends"], first["in_force"], second["ends"], second["in_force"]) == (
        "2024-05-20T00:00:00+08:00",
        False,
        None,
        True,
    )
    assert first["source"] == "https://acme.example/2024"


def test_an_unknown_model(run: Run) -> None:
    """The nearest is offered."""
    assert 'did you mean "small"?' in run("prices", "history", "acme:smal", code=2).stderr


def test_a_model_that_is_sold_no_longer(run: Run) -> None:
    """It keeps its history, in the region that it was sold in."""
    told = run("prices", "history", "hunyuan:hunyuan-lite").stdout
    (row,) = [line.split() for line in told.splitlines() if "2024-05-22" in line and "2026-06-22" in line]
    assert row[:4] == ["mainland", "2024-05-22", "2026-06-22", "free"]
