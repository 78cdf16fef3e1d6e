"""`minimill prices`: the table, its sorting, its currencies, another day's prices."""

import json
from pathlib import Path

import pytest

from minimill.cli import _prices

from .conftest import Run, lines
from .price_book import AT, BOOK, OURS


@pytest.fixture(autouse=True)
def book(run: Run, tmp_path: Path) -> Path:
    """The configuration in the working folder."""
    path = tmp_path / "minimill.toml"
    path.write_text(BOOK, encoding="utf-8")
    return path


def names(run: Run, *args: str) -> list[str]:
    """The first column of the table."""
    table = run("prices", *args).stdout.partition("\n\n")[0]
    return [line.split(" ")[0] for line in table.splitlines()[2:]]


def test_prices_as_the_vendors_print_them(run: Run) -> None:
    """300 and 500 tokens: 0.0012 + 0.006 and 0.00015 + 0.001; the thinker 0.0003 + 1,500 × 8: 1,800 ÷ 0.0123."""
    assert run("prices", *OURS, *AT).stdout == lines(
        """
        model         input  cached  output  currency  an answer  tokens/unit  since       note
        ------------  -----  ------  ------  --------  ---------  -----------  ----------  ---------------------------------------
        acme:small       4*    0.5*     12*  CNY          0.0072      111,111  2024-06-01  set in minimill.toml
        acme:thinker      1       1       8  CNY          0.0123      146,341  2025-01-01  set in minimill.toml, unsure, promotion
        other:o1        0.5     0.5       2  USD         0.00115      695,652  2024-01-01  set in minimill.toml
        home:m         free    free    free  CNY            free               1970-01-01  set in minimill.toml

        an answer: 300 tokens of input, 500 of output and 1,000 more where the model thinks unless told otherwise, at the ordinary service tier, nothing cached
        no price of that time is known of acme:secret
        """  # noqa: E501
    )


def test_in_one_currency_by_a_rate_that_is_shown(run: Run) -> None:
    """Divided by the middle rate of 8, without margin."""
    out = run("prices", "--provider", "acme", "--provider", "other", *AT, "--currency", "usd").stdout
    assert out.splitlines()[0].split()[-4:] == ["answer", "tokens/USD", "since", "note"]
    assert out.splitlines()[2].split()[:7] == ["acme:small", "0.5*", "0.0625*", "1.5*", "USD", "0.0009", "888,888"]
    assert "billed in CNY" in out.splitlines()[2]
    assert out.splitlines()[4].split()[:7] == ["other:o1", "0.5", "0.5", "2", "USD", "0.00115", "695,652"]
    assert "rate: 1 USD = 8 CNY on 2026-10-01 (a bank), without margin\n" in out


def test_what_is_free_is_free_in_every_currency(run: Run) -> None:
    """No rate is needed for it."""
    out = run("prices", "--provider", "home", *AT, "--currency", "EUR").stdout
    assert out.splitlines()[2].split()[:6] == ["home:m", "free", "free", "free", "EUR", "free"]
    assert "rate:" not in out


def test_a_row_that_does_not_say_everything(run: Run, book: Path) -> None:
    """What an answer costs then cannot be told, which is not nothing; it comes last."""
    book.write_text(BOOK.replace("output_per_mtok = 12\n", "", 1), encoding="utf-8")
    out = run("prices", *OURS, *AT, "--sort", "answer").stdout
    assert out.splitlines()[5].split()[:6] == ["acme:small", "4*", "0.5*", "unknown", "CNY", "unknown"]


def test_a_currency_without_a_rate(run: Run) -> None:
    """What to do about it; nothing is shown that would not be true."""
    result = run("prices", *OURS, *AT, "--currency", "EUR", code=2)
    assert result.stderr.startswith("error: no exchange rate between CNY and EUR is known on ")
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["acme:small", "acme:thinker", "other:o1", "home:m"]),
        ("input", ["home:m", "acme:thinker", "acme:small", "other:o1"]),  # other: 4 and 16 yuan
        ("output", ["home:m", "acme:thinker", "acme:small", "other:o1"]),
        ("answer", ["home:m", "acme:small", "other:o1", "acme:thinker"]),  # other: 0.0092 yuan
    ],
)
def test_sorted(run: Run, sort: str, expected: list[str]) -> None:
    """Across currencies by the rate, which is then shown; equals stay as listed."""
    assert names(run, *OURS, *AT, "--sort", sort) == expected
    assert ("rate: 1 USD = 8 CNY" in run("prices", *OURS, *AT, "--sort", sort).stdout) is (sort != "name")


def test_what_cannot_be_compared_comes_last(run: Run, book: Path) -> None:
    """A currency without a rate."""
    book.write_text(BOOK.replace('currency = "USD"', 'currency = "EUR"'), encoding="utf-8")
    assert names(run, *OURS, *AT, "--sort", "output")[-1] == "other:o1"


def test_another_question(run: Run) -> None:
    """1,000 × 4 + 100 × 12 = 0.0052; above 32,000 tokens of input 6 a million."""
    out = run("prices", "--provider", "acme", *AT, "--input-tokens", "1000", "--output-tokens", "100").stdout
    assert out.splitlines()[2].split()[5] == "0.0052"
    assert "an answer: 1,000 tokens of input, 100 of output, at the ordinary" in out
    out = run("prices", "--provider", "acme", *AT, "--input-tokens", "40000", "--output-tokens", "0").stdout
    assert out.splitlines()[2].split()[5] == "0.24"


@pytest.mark.parametrize(
    ("day", "price"),
    [
        ("2024-05-01", "5"),
        ("2024-05-19", "5"),
        ("2024-05-19T15:59Z", "5"),
        ("2024-05-31T15:59Z", None),
        ("2024-06-01", "4*"),
        ("2024-05-31T16:00Z", "4*"),
    ],
)
def test_prices_of_another_day(run: Run, day: str, price: str | None) -> None:
    """A day is that of the vendor, in Beijing as well; in the gap nothing is known."""
    out = run("prices", "--provider", "acme", "--at", day).stdout
    if price is None:
        assert out == "no price of that time is known of acme:small, acme:thinker, acme:secret\n"
    else:
        assert out.splitlines()[2].split()[:2] == ["acme:small", price]


def test_every_region(run: Run) -> None:
    """Two price lists of one vendor, each in its currency."""
    out = run("prices", "--provider", "deepseek", *AT, "--all-regions").stdout
    found = [line.split() for line in out.splitlines() if line.startswith("deepseek:deepseek-flash")]
    assert [(line[1], line[5]) for line in found] == [("cny", "CNY"), ("usd", "USD")]


def test_as_json(run: Run) -> None:
    """Exact text, the question, the rate, and the whole row."""
    args = ("--provider", "acme", *AT, "--currency", "USD", "--json")
    small, thinker = json.loads(run("prices", *args).stdout)
    assert {key: small[key] for key in small if key != "price"} == {
        "name": "acme:small",
        "provider": "acme",
        "region": None,
        "currency": "USD",
        "input_per_mtok": "0.5",
        "cached_input_per_mtok": "0.0625",
        "output_per_mtok": "1.5",
        "answer": {"input_tokens": 300, "output_tokens": 500, "cost": "0.0009", "tokens_per_unit": 888_888},
        "converted_from": "CNY",
        "rates": ["1 USD = 8 CNY on 2026-10-01 (a bank), without margin"],
    }
    assert small["price"]["input_per_mtok"] == "4"
    assert small["price"]["origin"] == "minimill.toml"
    assert thinker["answer"]["output_tokens"] == 1_500


def test_the_price_war(run: Run) -> None:
    """What Doubao's cut of 15 May 2024 made of one yuan: 1.25 million tokens of input."""
    args = ("--provider", "doubao", "--at", "2024-05-15", "--input-tokens", "1000000", "--output-tokens", "0")
    out = run("prices", *args, "--sort", "input").stdout
    line = next(line for line in out.splitlines() if line.startswith("doubao:doubao-pro-32k "))
    assert line.split()[1:7] == ["0.8", "0.8", "2", "CNY", "0.8", "1,250,000"]


def test_of_many_unpriced_models_only_the_number_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names fill no screen."""
    monkeypatch.setattr(_prices, "MOST_NAMED", 2)
    out = run("prices", "--provider", "acme", "--at", "2024-05-25").stdout
    assert out == "no price of that time is known of 3 models\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--at", "someday"], "expected a time such as 2026-11-24"),
        (["--at", "9999-12-31T23:59:59+00:00"], "expected a year from 2000 to 2999"),
        (["--currency", "yuan"], "a currency has three letters, such as CNY or USD, not 'yuan'"),
        (["--provider", "acne"], 'unknown provider "acne", did you mean "acme"?'),
        (["--sort", "price"], "'price' is not one of 'name', 'input', 'output', 'answer'"),
        (["--input-tokens", "0"], "0 is not in the range"),
        (["--provider", "acme", "check"], "--provider is no option of both: give those of check after its name"),
    ],
)
def test_wrong_use(run: Run, args: list[str], said: str) -> None:
    """One line, exit code 2."""
    assert said in run("prices", *args, code=2).stderr


def test_nothing_to_show(run: Run) -> None:
    """A server of one's own without prices."""
    assert run("prices", "--provider", "vllm").stdout == "no price of that time is known\n"
