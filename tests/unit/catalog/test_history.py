"""Past prices of vendors to which minimill does not speak: read and checked, never callable."""

import datetime as dt
from pathlib import Path

import pytest

import minimill
from minimill import CatalogError, UnknownModelError
from minimill._pricing import Certainty, find_rows
from minimill.catalog import Catalog, load_past_vendor, past_vendor_ids, provider_ids
from minimill.catalog.__main__ import main
from minimill.catalog._files import history_folder, read_toml
from minimill.catalog._history import checked_past_vendor

FILE = """
id = "old"
name = "Old AI"
currency = "CNY"
source = "https://old.example"
checked = 2026-11-20

[[models]]
id = "old-large"
aliases = ["large"]
source = "https://old.example"
checked = 2026-11-20

[[models.prices]]
since = 2024-05-14T00:00:00+08:00
currency = "CNY"
input_per_mtok = 12
source = "https://old.example"
checked = 2026-11-20
"""


@pytest.mark.parametrize("name", past_vendor_ids())
def test_every_file_loads_and_says_where_it_was_read(name: str) -> None:
    """A page, or an article by its name and day; in order, one row at a time."""
    vendor = load_past_vendor(name)
    assert vendor.id == name
    assert vendor.models
    for model in vendor.models.values():
        assert list(model.rows) == sorted(model.rows, key=lambda row: row.since)
        for row in model.rows:
            assert row.source.startswith("https://") or row.source.endswith("2024-06-25")
            assert row.currency == vendor.currency
            assert find_rows(model.rows, row.since) == (row,)
            assert row.certainty is not Certainty.VENDOR


def test_they_are_kept_apart_from_what_can_be_called() -> None:
    """One file a vendor: when minimill learns to speak to it, its past prices move into its provider file."""
    assert past_vendor_ids() == ["hunyuan", "spark"]
    assert not set(past_vendor_ids()) & set(provider_ids())
    assert not set(past_vendor_ids()) & set(Catalog().provider_ids())


def test_none_is_callable_or_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not found by its name, and no candidate of a plan."""
    for name in ("hunyuan:hunyuan-pro", "hunyuan:anything"):
        with pytest.raises(UnknownModelError) as error:
            Catalog().find(name)
        assert str(error.value) == f'"{name}" cannot be called: of hunyuan minimill keeps past prices only'
    with pytest.raises(minimill.ConfigError, match="keeps past prices only"):
        minimill.Client({"ledger": "memory:"}).plan("hello", model="spark:lite")


def test_a_retired_model_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its day, where one is known."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("ARK_API_KEY", "key")
    names = ["openai:gpt-4-turbo", "doubao:doubao-pro-128k", "openai:gpt-5.4-mini"]
    plan = minimill.Client({"ledger": "memory:"}).plan("hello", model=names)
    assert [candidate.name for candidate in plan.candidates] == ["openai:gpt-5.4-mini"]
    assert [(left.name, left.reason) for left in plan.left_out] == [
        ("openai:gpt-4-turbo", "retired by the vendor on 2026-10-23"),
        ("doubao:doubao-pro-128k", "retired by the vendor"),
    ]


def test_a_vendor_of_ones_own_may_take_such_a_name(tmp_path: Path) -> None:
    """The user speaks to it then, and says how and for how much."""
    own = {"hunyuan": {"dialect": "openai_chat", "base_url": "https://hunyuan.example/v1", "currency": "CNY"}}
    assert Catalog(own).find("hunyuan:hunyuan-pro").rows == ()


def test_a_name_that_is_none() -> None:
    """The nearest is offered."""
    with pytest.raises(UnknownModelError) as error:
        load_past_vendor("hunjuan")
    assert str(error.value) == 'no past prices are kept of a vendor "hunjuan", did you mean "hunyuan"?'


def parsed(text: str, tmp_path: Path):
    path = tmp_path / "old.toml"
    path.write_text(text, encoding="utf-8")
    return checked_past_vendor(read_toml(path, "old.toml", CatalogError), "old.toml", "old")


def test_what_a_file_says(tmp_path: Path) -> None:
    """Rows as everywhere; aliases and notes are kept."""
    model = parsed(FILE, tmp_path).models["old-large"]
    assert model.aliases == ("large",)
    assert model.rows[0].since == dt.datetime(2024, 5, 13, 16, tzinfo=dt.UTC)
    assert model.rows[0].rates.output_per_mtok is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "old"', 'id = "olt"', 'old.toml: id: expected the name of the file, "old", found "olt"'),
        ('name = "Old AI"', "", 'old.toml: the key "name" is missing'),
        ("[[models.prices]]", "[[models.price]]", 'old.toml: models[0]: unknown key "price", did you mean "prices"?'),
        (
            'aliases = ["large"]',
            'aliases = ["old-large"]',
            'old.toml: models[0].aliases[0]: "old-large" already names the model "old-large"',
        ),
        ("input_per_mtok = 12", "input_per_mtok = 0", "old.toml: models[0].prices[0]: every price is 0"),
        (
            "input_per_mtok = 12",
            'input_per_mtok = 12\ntiers = [{ clock = "peak", input_per_mtok = 1 }]',
            'old.toml: models[0].prices[0].tiers[0].clock: unknown clock "peak"',
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(old: str, new: str, said: str, tmp_path: Path) -> None:
    """One line: the file, the key, what was expected."""
    assert FILE.count(old) >= 1
    with pytest.raises(CatalogError) as error:
        parsed(FILE.replace(old, new, 1), tmp_path)
    assert str(error.value).startswith(said)


def test_a_model_without_a_price_has_no_place_there(tmp_path: Path) -> None:
    """Its price is all that would be kept."""
    text = FILE[: FILE.index("[[models.prices]]")] + "prices = []\n"
    with pytest.raises(CatalogError, match=r"^old.toml: models\[0\].prices: expected a price; it is all"):
        parsed(text, tmp_path)


def test_the_command_checks_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`check` knows such files by their folder."""
    assert main(["check", str(history_folder() / "spark.toml")]) == 0
    assert capsys.readouterr().out.endswith("spark.toml: 2 models, 2 with prices\n")
