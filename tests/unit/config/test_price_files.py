"""Prices of the user's own in files beside `minimill.toml`."""

import datetime as dt
import os
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from minimill import ConfigError, UnknownModelError
from minimill._config import load_settings
from minimill._pricing import PriceRow

ROW = """
[[providers.{provider}.models]]
id = "{model}"

[[providers.{provider}.models.prices]]
input_per_mtok = {price}
output_per_mtok = 9
"""
MINE = '[providers.mine]\ndialect = "openai_chat"\nbase_url = "http://gpu/v1"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def price_file(folder: Path, name: str, *rows: tuple[str, str, str]) -> None:
    """A file of (provider, model, input price), last changed on 2026-05-06."""
    text = "".join(ROW.format(provider=p, model=m, price=price) for p, m, price in rows)
    (folder / name).write_text(text, encoding="utf-8")
    day = dt.datetime(2026, 5, 6, 12, tzinfo=dt.UTC).timestamp()
    os.utime(folder / name, (day, day))


def rows(folder: Path, model: str, config: str = "") -> tuple[PriceRow, ...]:
    """The price rows of a model under `price_files = ["a.toml", "b.toml"]`, as far as they exist."""
    names = [name for name in ("a.toml", "b.toml") if (folder / name).exists()]
    (folder / "minimill.toml").write_text(f"price_files = {names}\n{config}", encoding="utf-8")
    return load_settings(environ={}).catalog.find(model).rows


def test_a_price_file_replaces_the_listed_rows(folder: Path) -> None:
    """The row names the file, which is its source; it was checked when the file was last changed."""
    price_file(folder, "a.toml", ("openai", "gpt-4o", "1.25"))
    (row,) = rows(folder, "openai:gpt-4o")
    assert (row.rates.input_per_mtok, row.currency) == (Decimal("1.25"), "USD")
    assert (row.origin, row.source, row.checked) == ("a.toml", "a.toml", dt.date(2026, 5, 6))
    assert rows(folder, "openai:gpt-4o-mini")[0].origin == "catalog"


def test_a_later_file_wins_and_minimill_toml_over_both(folder: Path) -> None:
    """For the whole of a model's prices."""
    price_file(folder, "a.toml", ("openai", "gpt-4o", "1"), ("openai", "gpt-4.1", "1"), ("openai", "gpt-5", "1"))
    price_file(folder, "b.toml", ("openai", "gpt-4o", "2"), ("openai", "gpt-4.1", "2"))
    config = ROW.format(provider="openai", model="gpt-4o", price="3")
    for model, price, origin in (("gpt-4o", 3, "minimill.toml"), ("gpt-4.1", 2, "b.toml"), ("gpt-5", 1, "a.toml")):
        (row,) = rows(folder, f"openai:{model}", config)
        assert (row.rates.input_per_mtok, row.origin) == (price, origin)


def test_what_minimill_toml_says_beside_prices_stays(folder: Path) -> None:
    """Both files speak of one model."""
    price_file(folder, "a.toml", ("openai", "gpt-4o", "1"))
    config = '[[providers.openai.models]]\nid = "gpt-4o"\nbounds = { per_message_tokens = 99 }\n'
    (row,) = rows(folder, "openai:gpt-4o", config)
    assert row.origin == "a.toml"
    offer = load_settings(environ={}).catalog.find("openai:gpt-4o")
    assert offer.bounds.per_message_tokens == 99


def test_a_server_of_ones_own_goes_on_to_take_any_model(folder: Path) -> None:
    """Only what the file names has its price."""
    price_file(folder, "a.toml", ("mine", "big", "4"))
    assert rows(folder, "mine:big", MINE)[0].rates.input_per_mtok == 4
    assert rows(folder, "mine:small", MINE) == ()


def test_a_budget_may_be_for_a_model_that_only_a_price_file_names(folder: Path) -> None:
    """The files are read before what names their models is looked at."""
    price_file(folder, "a.toml", ("openai", "gpt-next", "4"))
    config = '[budgets.next]\nlimit = "1 USD"\nscope = { model = "openai:gpt-next" }\n'
    assert rows(folder, "openai:gpt-next", config)[0].origin == "a.toml"


def test_a_free_model_names_the_file(folder: Path) -> None:
    """`free = true` may stand there as well."""
    (folder / "a.toml").write_text('[[providers.mine.models]]\nid = "m"\nfree = true\n', encoding="utf-8")
    (row,) = rows(folder, "mine:m", MINE)
    assert row.free
    assert (row.origin, row.source) == ("a.toml", "free = true in a.toml")


def test_a_pickled_catalog_keeps_them(folder: Path) -> None:
    """Files and days."""
    price_file(folder, "a.toml", ("openai", "gpt-4o", "1"))
    before = rows(folder, "openai:gpt-4o")
    catalog = pickle.loads(pickle.dumps(load_settings(environ={}).catalog))
    assert catalog.find("openai:gpt-4o").rows == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices = 1", 'a.toml: unknown key "prices"'),
        ("not toml", "a.toml: not TOML: "),
        (
            '[[providers.opnai.models]]\nid = "m"\n',
            'a.toml: providers: unknown provider "opnai", did you mean "openai"?',
        ),
        (
            '[providers.openai]\nbase_url = "http://x/v1"\n',
            'a.toml: providers.openai: unknown key "base_url"; known: models',
        ),
        ("[[providers.openai.models]]\n", 'a.toml: providers.openai.models[0]: the key "id" is missing'),
        (
            '[[providers.openai.models]]\nid = "m"\n[[providers.openai.models]]\nid = "m"\n',
            'a.toml: providers.openai.models[1]: "m" is priced twice, first as models[0]',
        ),
        (
            ROW.format(provider="openai", model="gpt-4o", price="-1"),
            "a.toml: providers.openai.models[0].prices[0].input_per_mtok: expected at least 0, found -1",
        ),
    ],
)
def test_a_fault_is_told_when_the_configuration_is_read(folder: Path, text: str, said: str) -> None:
    """With the file, the key, and what was expected."""
    (folder / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        rows(folder, "openai:gpt-4o")
    assert str(caught.value).startswith(said)


def test_a_fault_of_the_merged_table_names_the_price_file(folder: Path) -> None:
    """The place is that in the file, whatever else was merged."""
    price_file(folder, "a.toml", ("openai", "gpt-5", "1"), ("openai", "gpt-4o", "1"))
    text = (folder / "a.toml").read_text(encoding="utf-8")
    (folder / "a.toml").write_text(f'{text}regions = ["mars"]\n', encoding="utf-8")
    config = '[[providers.openai.models]]\nid = "gpt-4.1"\nbounds = { per_message_tokens = 99 }\n'
    with pytest.raises(ConfigError) as caught:
        rows(folder, "openai:gpt-4o", config)
    assert str(caught.value) == (
        'a.toml: providers.openai.models[1].prices[0].regions[0]: unknown region "mars"; known: eu, global, us'
    )


def test_a_file_that_is_missing(folder: Path) -> None:
    """It was named, so it must be there."""
    (folder / "minimill.toml").write_text('price_files = ["none.toml"]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^none\.toml: there is no such file$"):
        load_settings(environ={})


def test_an_unknown_model_is_still_unknown(folder: Path) -> None:
    """A price file makes no other model known."""
    price_file(folder, "a.toml", ("openai", "gpt-4o", "1"))
    with pytest.raises(UnknownModelError):
        rows(folder, "openai:gpt-99")


def test_a_price_checked_on_a_day_to_come_is_refused(folder: Path) -> None:
    """It would count as fresh until then; today is today anywhere on earth."""
    today = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=14)).date()
    price_file(folder, "a.toml", ("openai", "gpt-5", "1"))
    text = (folder / "a.toml").read_text(encoding="utf-8")
    (folder / "a.toml").write_text(f"{text}checked = {today}\n", encoding="utf-8")
    assert rows(folder, "openai:gpt-5")[0].checked == today
    later = today + dt.timedelta(days=1)
    (folder / "a.toml").write_text(f"{text}checked = {later}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        rows(folder, "openai:gpt-5")
    assert str(caught.value) == (
        f"a.toml: providers.openai.models[0].prices[0].checked: expected a day that has come, found {later}"
    )
