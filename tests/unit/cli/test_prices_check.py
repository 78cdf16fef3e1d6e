"""`minimill prices check`: what is found, and that nothing else is."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from minimill.catalog import find_model
from minimill.cli import _prices_check

from .conftest import Run, lines
from .price_book import AT, BOOK, without

CLEAN = without(BOOK, '\n[[providers.acme.models]]\nid = "secret"\nsource = "https://acme.example/models"\n')
CLEAN = CLEAN.replace("until = 2024-05-20T00:00:00+08:00\n", "")
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
OURS = ("--provider", "acme", "--provider", "other", "--provider", "home")


@pytest.fixture
def book(run: Run, tmp_path: Path) -> Path:
    """A configuration in which nothing is to be found."""
    path = tmp_path / "minimill.toml"
    path.write_text(CLEAN, encoding="utf-8")
    return path


def found(run: Run, book: Path, old: str = "", new: str = "", *args: str) -> list[tuple[str, str, str]]:
    """What is found after a change of the configuration."""
    assert old in CLEAN
    book.write_text(CLEAN.replace(old, new, 1) if old else CLEAN + new, encoding="utf-8")
    out = run("prices", "check", *OURS, *AT, "--json", *args, code=1).stdout
    return [(item["kind"], item["name"], item["text"]) for item in json.loads(out)]


def test_nothing_is_found(run: Run, book: Path) -> None:
    """Exit code 0. Rows that have ended need no new look; a free server of one's own needs no page."""
    assert run("prices", "check", *OURS, *AT).stdout == "nothing was found\n"
    assert run("prices", "check", *OURS, *AT, "--json").stdout == "[]\n"


def test_an_old_check(run: Run, book: Path) -> None:
    """91 days are too many; 90 are not, nor are 91 of 100."""
    old, new = "checked = 2026-11-20\n\n[[providers.acme.models]]", "checked = 2026-08-25\n\n[[providers.acme.models]]"
    assert found(run, book, old, new) == [
        (
            "age",
            "acme:small",
            "price since 2024-06-01: checked 2026-08-25, 91 days ago: https://acme.example/prices",
        )
    ]
    run("prices", "check", *OURS, *AT, "--days", "91")
    run("prices", "check", *OURS, "--at", "2026-11-23")
    run("prices", "check", *OURS, *AT, "--skip", "age")


def test_a_check_on_a_day_to_come() -> None:
    """In a shipped file; users' own are refused when they are read."""
    model = replace(find_model("openai:gpt-4o").model)
    far = replace(model.rows[-1], checked=dt.date(2099, 1, 1))
    found = list(_prices_check._future("openai:gpt-4o", replace(model, rows=(model.rows[0], far)), NOW))
    assert [item._asdict() for item in found] == [
        {
            "kind": "future",
            "name": "openai:gpt-4o",
            "text": "price since 2024-10-02: checked 2099-01-01, which is a day to come",
        }
    ]
    assert list(_prices_check._future("openai:gpt-4o", model, dt.datetime(2024, 6, 1, tzinfo=dt.UTC))) == []


def test_gaps(run: Run, book: Path) -> None:
    """Between two rows, and since the last."""
    gap = "since = 2024-05-01T00:00:00+08:00\nuntil = 2024-05-20T00:00:00+08:00\n"
    assert found(run, book, "since = 2024-05-01T00:00:00+08:00\n", gap) == [
        (
            "gap",
            "acme:small",
            "no price is known from 2024-05-20T00:00:00+08:00 to 2024-06-01T00:00:00+08:00",
        )
    ]
    end = "since = 2024-01-01T00:00:00Z\nuntil = 2026-11-01T00:00:00Z\n"
    assert found(run, book, "since = 2024-01-01T00:00:00Z\n", end) == [
        ("gap", "other:o1", "no price is known since 2026-11-01T00:00:00+00:00")
    ]


def test_a_row_of_all_regions_fills_no_gap_of_one(run: Run, book: Path) -> None:
    """Each region is looked at by itself."""
    (item,) = [
        line
        for line in json.loads(run("prices", "check", "--provider", "deepseek", *AT, "--json", code=1).stdout)
        if line["name"] == "deepseek:deepseek-v4-pro" and line["kind"] == "gap"
    ]
    assert item["text"].endswith("in cny")


def test_no_price_at_all(run: Run, book: Path) -> None:
    """A model on sale; a retired one is let alone."""
    new = '\n[[providers.other.models]]\nid = "o2"\nsource = "https://other.example/models"\n'
    assert found(run, book, "[providers.home]", f"{new}\n[providers.home]") == [
        ("none", "other:o2", "no price is known")
    ]
    book.write_text(CLEAN.replace("[providers.home]", f'{new}status = "retired"\n\n[providers.home]'), encoding="utf-8")
    run("prices", "check", *OURS, *AT)


def test_a_source_that_is_no_page(run: Run, book: Path) -> None:
    """The file itself says nothing of where a price was read; a contract that is named does."""
    assert found(run, book, 'source = "https://other.example/prices"\n', "") == [
        ("source", "other:o1", "price since 2024-01-01: its source is minimill.toml, which is no page")
    ]
    named = CLEAN.replace('source = "https://other.example/prices"', 'source = "contract of 2026-01-07"')
    book.write_text(named, encoding="utf-8")
    run("prices", "check", *OURS, *AT)


def test_overlapping_rows(run: Run, book: Path) -> None:
    """A table that is wrong is found, and the others are looked at all the same."""
    rows = "".join(
        f"\n[[providers.openai.models.prices]]\nsince = 2026-0{month}-01T00:00:00Z\n"
        "until = 2026-12-01T00:00:00Z\ninput_per_mtok = 1\noutput_per_mtok = 2\n"
        for month in (1, 2)
    )
    own = f'\n[[providers.openai.models]]\nid = "gpt-4o"\n{rows}'
    book.write_text(CLEAN.replace("date = 2026-10-01", "date = 2026-01-01") + own, encoding="utf-8")
    args = ("--provider", "openai", "--provider", "acme", *AT, "--json")
    assert [(item["kind"], item["text"]) for item in json.loads(run("prices", "check", *args, code=1).stdout)] == [
        (
            "file",
            "minimill.toml: providers.openai.models[0].prices[1]: begins while prices[0] holds: "
            "set until = 2026-02-01T00:00:00+00:00 there",
        ),
        ("rate", "8 of 2026-01-01 is 327 days old (it is refused): a bank"),
    ]


def test_holidays_that_are_not_known_any_more(run: Run, book: Path) -> None:
    """Every day then counts as dear."""
    args = ("prices", "check", "--provider", "deepseek", "--json", "--skip", "age", "--skip", "gap", "--skip", "rate")
    assert json.loads(run(*args, "--at", "2027-01-02", code=1).stdout) == [
        {"kind": "calendar", "name": "deepseek clock peak", "text": "holidays are known until 2026-12-31"}
    ]
    run(*args, "--at", "2026-12-31")


def test_an_old_rate(run: Run, book: Path) -> None:
    """Worth a look before it is refused, and after."""
    assert found(run, book, "date = 2026-10-01", "date = 2026-08-01") == [
        ("rate", "USD/CNY", "8 of 2026-08-01 is 115 days old (refused from 180 on): a bank")
    ]
    assert found(run, book, "date = 2026-10-01", "date = 2026-01-01") == [
        ("rate", "USD/CNY", "8 of 2026-01-01 is 327 days old (it is refused): a bank")
    ]


def test_as_a_table(run: Run, book: Path) -> None:
    """Exit code 1, for CI."""
    book.write_text(CLEAN.replace("date = 2026-10-01", "date = 2026-08-01"), encoding="utf-8")
    assert run("prices", "check", *OURS, *AT, code=1).stdout == lines(
        """
        found  of       what
        -----  -------  -------------------------------------------------------------
        rate   USD/CNY  8 of 2026-08-01 is 115 days old (refused from 180 on): a bank

        1 thing was found
        """
    )


def test_an_unknown_provider(run: Run, book: Path) -> None:
    """It is a slip of the finger, no finding."""
    assert 'did you mean "acme"?' in run("prices", "check", "--provider", "acne", code=2).stderr


def test_a_vendor_at_an_unknown_address_has_no_prices(run: Run, tmp_path: Path) -> None:
    """The reason says what to set."""
    (tmp_path / "minimill.toml").write_text('[providers.ernie]\nbase_url = "https://gw.example/v2"\n', encoding="utf-8")
    out = run("prices", "check", "--provider", "ernie", "--skip", "rate", *AT, "--json", code=1).stdout
    found = json.loads(out)
    assert {item["kind"] for item in found} == {"none"}
    told = next(item["text"] for item in found if item["name"] == "ernie:ernie-5.0")
    assert told.startswith("gw.example is no address of ernie that is known")
    assert 'set region = "mainland" under [providers.ernie]' in told
