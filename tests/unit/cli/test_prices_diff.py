"""`minimill prices diff`: what other lists say, read from small files in their formats."""

import datetime as dt
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from minimill import ConfigError
from minimill.cli._price_books import Book, read_book

from .conftest import Run, lines
from .price_book import AT, BOOK

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
USD = BOOK.replace('currency = "CNY"', 'currency = "USD"')


def write(name: str, data: Any) -> str:
    """A file in the working folder."""
    Path(name).write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return name


def book(kind: str, data: Any, provider: str, *names: str, at: dt.datetime = NOW) -> Book | None:
    """What a file knows of a model."""
    return read_book(kind, Path(write("theirs.json", data)), at)(provider, names)


@pytest.fixture(autouse=True)
def here(run: Run, tmp_path: Path) -> Path:
    """The configuration in the working folder, all in dollars."""
    path = tmp_path / "minimill.toml"
    path.write_text(USD, encoding="utf-8")
    return path


# --- genai-prices ---


def genai(*models: dict[str, Any], provider: str = "acme") -> list[dict[str, Any]]:
    """Their file."""
    return [{"id": provider, "models": list(models)}]


@pytest.mark.parametrize(
    ("clause", "known"),
    [
        ({"equals": "small"}, True),
        ({"equals": "smal"}, False),
        ({"starts_with": "sm"}, True),
        ({"ends_with": "all"}, True),
        ({"contains": "mal"}, True),
        ({"regex": "^s.*l$"}, True),
        ({"regex": r"^sm\w+$"}, False),  # not one of the simple forms
        ({"regex": r"sm[a-z]l."}, True),
        ({"regex": "sm[ab]l."}, True),
        ({"regex": "^sm[xy]"}, False),
        ({"regex": "("}, False),
        ({"regex": "^(s+)+$"}, False),
        ({"regex": "s" * 201}, False),
        ({"or": [{"equals": "x"}, {"equals": "small"}]}, True),
        ({"and": [{"equals": "x"}, {"equals": "small"}]}, False),
        ({"and": [{"starts_with": "s"}, {"ends_with": "l"}]}, True),
        ({"or": []}, False),
        ({"sounds_like": "small"}, False),
        ({"equals": 1}, False),
        ("small", False),
        (None, False),
    ],
)
def test_genai_prices_clauses(clause: Any, known: bool) -> None:
    """Their rules of which names a model has; what is not understood matches nothing."""
    found = book("genai-prices", genai({"id": "m", "match": clause, "prices": {"input_mtok": 1}}), "acme", "small")
    assert (found is not None) is known


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "(a|aa)+$", "(a*)*b", "^(?:a|a)(?:a|a)(?:a|a)*$", ".*.*.*.*b", "a?a?a?aaa", "(?=(a+))a*b", "(a)\\1*b"],
)
def test_a_pattern_that_never_ends_is_not_tried(pattern: str) -> None:
    """Names of many a's: what the file's own pattern would need years for takes no time."""
    name = "a" * 5_000
    started = time.perf_counter()
    theirs = genai({"id": "m", "match": {"regex": pattern}, "prices": {"input_mtok": 1}})
    assert book("genai-prices", theirs, "acme", name) is None
    assert book("genai-prices", genai({"id": "m", "match": {"regex": "a.*b"}, "prices": {}}), "acme", name) is None
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("pattern", "name", "known"),
    [
        (r"^claude-opus-5-5-\d{8}$", "claude-opus-5-5-20260922", True),
        (r"^claude-opus-5-5-\d{8}$", "claude-opus-5-5-latest", False),
        (r"^claude-opus-5[-@]\d{8}$", "claude-opus-5@20260724", True),
        (r"^gpt-5\.4-\d{4}-\d{2}-\d{2}$", "gpt-5.4-2026-03-05", True),
        (r"^gpt-5\.4-\d{4}-\d{2}-\d{2}$", "gpt-5x4-2026-03-05", False),
        (r"^composer-2\.5\[fast=true\]$", "composer-2.5[fast=true]", True),
        (r"^gemini-3\.5-flash-\d", "gemini-3.5-flash-001", True),
    ],
)
def test_the_patterns_that_their_file_has(pattern: str, name: str, known: bool) -> None:
    """Dates at the end, mostly."""
    theirs = genai({"id": "m", "match": {"regex": pattern}, "prices": {"input_mtok": 1}})
    assert (book("genai-prices", theirs, "acme", name) is not None) is known


def test_clauses_nest_only_so_deep() -> None:
    """Eight levels; more is nobody's file."""
    for depth, known in ((8, True), (9, False), (90, False)):
        clause: Any = {"equals": "small"}
        for _ in range(depth):
            clause = {"or": [clause]}
        theirs = genai({"id": "m", "match": clause, "prices": {"input_mtok": 1}})
        assert (book("genai-prices", theirs, "acme", "small") is not None) is known


def test_genai_prices_tiers() -> None:
    """A base, and other prices above lengths of the input."""
    prices = {
        "input_mtok": {"base": 2.5, "tiers": [{"start": 272000, "price": 5}]},
        "cache_read_mtok": 0.25,
        "cache_write_mtok": 3,
        "output_mtok": 15,
        "web_searches_kcount": 10,
    }
    found = book("genai-prices", genai({"id": "small", "prices": prices}), "acme", "small")
    assert found == Book(
        {
            "input": ((-1, Decimal("2.5")), (272_000, Decimal(5))),
            "cached_input": ((-1, Decimal("0.25")),),
            "cache_write": ((-1, Decimal(3)),),
            "output": ((-1, Decimal(15)),),
        }
    )
    assert found.at("input", 272_000) == Decimal("2.5")
    assert found.at("input", 272_001) == 5
    assert found.edges() == {272_000}


@pytest.mark.parametrize(
    ("constraint", "price"),
    [
        ({"start_date": "2026-11-24"}, 2),
        ({"start_date": "2026-11-25"}, 1),
        ({"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, 2),
        ({"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, 1),
        ({"start_time": "11:00:00Z", "end_time": "00:30:00Z"}, 2),
        ({"start_date": "soon"}, 1),
        ({"phase_of_moon": "full"}, 1),
        ("always", 1),
    ],
)
def test_genai_prices_constraints(constraint: Any, price: int) -> None:
    """The last that holds at noon of 24 November; what is not understood does not hold."""
    prices = [{"prices": {"input_mtok": 1}}, {"constraint": constraint, "prices": {"input_mtok": 2}}]
    found = book("genai-prices", genai({"id": "small", "prices": prices}), "acme", "small")
    assert found is not None
    assert found.at("input", 1) == price


# --- litellm ---


def test_litellm() -> None:
    """Prices a token; names with and without their prefix; above lengths; other service tiers are left out."""
    model = {
        "litellm_provider": "acme",
        "input_cost_per_token": 2.5e-06,
        "input_cost_per_token_above_272k_tokens": 5e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "input_cost_per_token_above_272k_tokens_batches": 1e-06,
        "cache_read_input_token_cost": 2.5e-07,
        "cache_creation_input_token_cost_above_500_tokens": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "mode": "chat",
    }
    expected = Book(
        {
            "input": ((-1, Decimal("2.5")), (272_000, Decimal(5))),
            "cached_input": ((-1, Decimal("0.25")),),
            "cache_write": ((500, Decimal(3)),),
            "output": ((-1, Decimal(15)),),
        }
    )
    for name in ("acme/small", "small"):
        found = book("litellm", {"sample_spec": {"mode": "chat"}, name: model}, "acme", "alias", "small")
        assert found == expected
    assert book("litellm", {"small": {**model, "litellm_provider": "azure"}}, "acme", "small") is None


def test_litellm_bands() -> None:
    """Prices by ranges of length."""
    bands = [
        {"range": [0, 256000.0], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
        {"range": [256000.0, 1000000.0], "input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06},
        {"range": "all", "input_cost_per_token": 1},
    ]
    found = book("litellm", {"small": {"litellm_provider": "acme", "tiered_pricing": bands}}, "acme", "small")
    assert found is not None
    assert found.prices["input"] == ((-1, Decimal("0.05")), (256_000, Decimal("0.25")))
    assert found.prices["output"] == ((-1, Decimal("0.4")), (256_000, Decimal(2)))


# --- models.dev ---


@pytest.mark.parametrize(
    "more",
    [
        {"tiers": [{"tier": {"size": 200000}, "input": 4}], "context_over_200k": {"input": 99}},
        {"context_over_200k": {"input": 4}},
    ],
)
def test_models_dev(more: dict[str, Any]) -> None:
    """Prices a million; bands by length, the exact ones before the old field."""
    cost = {"input": 2, "output": 8.5, "cache_read": 0.5, "reasoning": 9, **more}
    found = book("models.dev", {"acme": {"models": {"small": {"cost": cost}}}}, "acme", "small")
    assert found == Book(
        {
            "input": ((-1, Decimal(2)), (200_000, Decimal(4))),
            "cached_input": ((-1, Decimal("0.5")),),
            "output": ((-1, Decimal("8.5")),),
        }
    )


def test_a_model_without_prices_is_known_without_prices() -> None:
    """No price is not a price of zero."""
    for model in ({}, {"cost": None}, {"cost": {"input": "2", "output": True, "cache_read": -1, "cache_write": 1e99}}):
        assert book("models.dev", {"acme": {"models": {"small": model}}}, "acme", "small") == Book({})


# --- files that are wrong ---


@pytest.mark.parametrize("kind", ["genai-prices", "litellm", "models.dev"])
@pytest.mark.parametrize("data", ["[]", "{}", "3", '{"a": 1}', "[1]", '[{"id": "a"}]', '{"a": {"b": 2}}', "null"])
def test_another_file(kind: str, data: str) -> None:
    """What was expected."""
    with pytest.raises(ConfigError, match=rf"^theirs\.json: expected the JSON of {kind}, a "):
        book(kind, data, "acme", "small")


@pytest.mark.parametrize(
    ("data", "said"),
    [("{", "not JSON: "), ("[" * 100_000, "cannot be read: "), ('{"a": ' + "9" * 5_000 + "}", "not JSON: ")],
)
def test_no_json(data: str, said: str) -> None:
    """One line."""
    with pytest.raises(ConfigError, match=rf"^theirs\.json: {said}"):
        book("litellm", data, "acme", "small")


def test_no_file(run: Run, tmp_path: Path) -> None:
    """Nothing is fetched."""
    result = run("prices", "diff", "--against", "litellm", "none.json", code=2)
    assert result.stderr == "error: none.json: there is no such file\n"
    result = run("prices", "diff", "--against", "litellm", str(tmp_path), code=2)
    assert "cannot be read" in result.stderr


# --- the command ---

THEIRS = {
    "acme": {
        "models": {
            "small": {
                "cost": {
                    "input": 4, "output": 6, "cache_write": 1,
                    "tiers": [{"tier": {"size": 32000}, "input": 6}, {"tier": {"size": 64000}, "input": 7}],
                }
            }
        }
    },
    "other": {"models": {"o1": {"cost": {"input": 0.5, "output": 2}}}},
}
ACME = ("prices", "diff", "--against", "models.dev", "--provider", "acme", *AT)


def test_differences(run: Run) -> None:
    """Each with both prices, the ratio, and where ours was read; exit code 1."""
    assert run(*ACME, write("theirs.json", THEIRS), code=1).stdout == lines(
        """
        model       price                    here  there  there ÷ here  verdict    source here
        ----------  -----------------------  ----  -----  ------------  ---------  ----------------------------------------
        acme:small  output                     12      6        0.5000  different  https://acme.example/prices (2026-11-20)
        acme:small  input at input > 64,000     6      7        1.1667  different  https://acme.example/prices (2026-11-20)

        2 equal, 2 different, 1 only here, 1 only there
        1 model unknown there
        US dollars per million tokens
        """  # noqa: E501
    )


def test_everything(run: Run) -> None:
    """What is equal and what one side alone knows as well."""
    out = run(*ACME, "--all", write("theirs.json", THEIRS), code=1).stdout
    assert [line.split()[-1] for line in out.splitlines()[2:8]] == [
        *["equal", "here", "there", "(2026-11-20)", "equal", "(2026-11-20)"],
    ]
    assert "1 model unknown there: acme:thinker\n" in out


def test_nothing_differs(run: Run) -> None:
    """Exit code 0, also where one side knows less."""
    args = ("prices", "diff", "--against", "models.dev", "--provider", "other", *AT)
    assert run(*args, write("theirs.json", THEIRS)).stdout == "2 equal\n"
    empty = {"acme": {"models": {}}}
    args = ("prices", "diff", "--against", "models.dev", "--provider", "other", *AT)
    assert run(*args, write("theirs.json", empty)).stdout == "no price in common\n1 model unknown there\n"


def test_a_tolerance(run: Run) -> None:
    """Within it a difference is close, and no difference for CI."""
    theirs = {"other": {"models": {"o1": {"cost": {"input": 0.51, "output": 2}}}}}
    args = ("prices", "diff", "--against", "models.dev", "--provider", "other", *AT)
    assert "different" in run(*args, write("theirs.json", theirs), code=1).stdout
    out = run(*args, "--tolerance", "2", write("theirs.json", theirs)).stdout
    assert out.splitlines()[2].split()[-4:] == ["0.5", "0.51", "1.0200", "close"]
    for wrong in ("much", "-1", "101", "nan"):
        assert "percent" in run(*args, "--tolerance", wrong, "theirs.json", code=2).stderr


def test_prices_in_another_currency(run: Run, here: Path) -> None:
    """Converted by a rate that is shown, and close within 10 %: 4 yuan at 8 are half a dollar."""
    here.write_text(BOOK, encoding="utf-8")
    theirs = {"acme": {"models": {"small": {"cost": {"input": 0.46, "output": 2}}}}}
    out = run(*ACME, write("theirs.json", theirs), code=1).stdout
    assert out.splitlines()[2].split() == ["acme:small", "input", "0.5", "0.46", "0.9200", "close"]
    assert out.splitlines()[3].split()[1:6] == ["output", "1.5", "2", "1.3333", "different"]
    assert out.endswith("rate: 1 USD = 8 CNY on 2026-10-01 (a bank), without margin\n")


def test_a_currency_without_a_rate(run: Run, here: Path) -> None:
    """What to do about it."""
    here.write_text(BOOK.replace('currency = "CNY"', 'currency = "EUR"'), encoding="utf-8")
    result = run(*ACME, write("theirs.json", THEIRS), code=2)
    assert "error: acme:small is priced in EUR and the list in USD: no exchange rate" in result.stderr


def test_a_row_that_does_not_say_everything(run: Run, here: Path) -> None:
    """Its price for an answer is unknown; nothing is compared with nothing."""
    here.write_text(USD.replace("output_per_mtok = 12\n", "", 1), encoding="utf-8")
    out = run(*ACME, "--all", write("theirs.json", THEIRS)).stdout
    assert "5 only there" in out


def test_another_day(run: Run) -> None:
    """Their file of May against our prices of May: 5 and 5."""
    theirs = {"acme": {"models": {"small": {"cost": {"input": 5, "output": 5}}}}}
    args = ("prices", "diff", "--against", "models.dev", "--provider", "acme", "--at", "2024-05-10")
    assert run(*args, write("theirs.json", theirs)).stdout == "2 equal\n"


def test_a_free_model(run: Run, here: Path) -> None:
    """Free is a price of nothing, on both sides."""
    own = '\n[[providers.vllm.models]]\nid = "m"\nfree = true\n'
    here.write_text(USD + own, encoding="utf-8")
    theirs = {"vllm": {"models": {"m": {"cost": {"input": 0, "output": 1}}}}}
    args = ("prices", "diff", "--against", "models.dev", "--provider", "vllm", *AT)
    out = run(*args, write("theirs.json", theirs), code=1).stdout
    assert out.splitlines()[2].split()[:5] == ["vllm:m", "output", "0", "1", "different"]
    assert "1 equal, 1 different, 1 only here" in out


def test_shipped_vendors_stand_under_other_names_there(run: Run) -> None:
    """Each of our regions against the list that is meant for it."""
    theirs = {"zai": {"models": {"glm-5": {"cost": {"input": 1, "output": 9}}}}, "zhipuai": {"models": {}}}
    args = ("prices", "diff", "--against", "models.dev", "--provider", "glm", *AT, "--json")
    told = json.loads(run(*args, write("theirs.json", theirs), code=1).stdout)
    (item,) = [line for line in told if line.get("price") == "output"]
    assert (item["model"], item["region"], item["there_usd_per_mtok"]) == ("glm:glm-5", "international", "9")
    assert {"model": "glm:glm-5 (mainland)", "verdict": "unknown there"} in told


def test_as_json(run: Run) -> None:
    """Every comparison, exact."""
    told = json.loads(run(*ACME, "--json", write("theirs.json", THEIRS), code=1).stdout)
    assert told[3] == {
        "model": "acme:small",
        "region": None,
        "price": "output",
        "here_usd_per_mtok": "12",
        "there_usd_per_mtok": "6",
        "ratio": "0.5000",
        "verdict": "different",
        "converted_from": None,
        "source": "https://acme.example/prices",
        "checked": "2026-11-20",
    }
    assert told[-1] == {"model": "acme:thinker", "verdict": "unknown there"}
