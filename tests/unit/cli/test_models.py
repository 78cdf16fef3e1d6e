"""`minimill models`: what there is, what it costs today, and whether a key is set."""

import json
from pathlib import Path

import pytest

from minimill.cli import _models
from minimill.testing import Simulator

from . import made
from .conftest import Run, lines

FREE = """
[providers.home]
dialect = "openai_chat"
base_url = "http://127.0.0.1:1/v1"
auth = { scheme = "none" }
currency = "CNY"

[[providers.home.models]]
id = "m"
free = true
"""


def test_models_with_their_prices(run: Run, world: Path) -> None:
    """In the currency the vendor bills in; the key is set."""
    assert run("models", "--provider", "acme", "--provider", "other").stdout == lines(
        """
        model    context  abilities  input  cached  output  currency  since       key
        -------  -------  ---------  -----  ------  ------  --------  ----------  ---
        acme:m     8,000  tools          2       2       8  CNY       2024-01-01  set
        other:m    8,000  tools        0.5     0.5       4  USD       2024-01-01  set
        """
    )


def test_every_provider_that_ships(run: Run) -> None:
    """No key is set, self-hosted servers take any model, and their price is unknown until somebody says."""
    out = run("models").stdout
    assert "openai:gpt-4o " in out
    assert "doubao:" in out
    assert any(
        line.startswith("vllm:(any)") and "unknown" in line and line.endswith("optional") for line in out.splitlines()
    )


def test_as_json(run: Run, world: Path, sim: Simulator) -> None:
    """Everything that is known, prices as exact text."""
    (model,) = json.loads(run("models", "--provider", "acme", "--json").stdout)
    assert model == {
        "name": "acme:m",
        "provider": "acme",
        "model": "m",
        "aliases": [],
        "base_url": sim.base_url("qwen"),
        "region": None,
        "key_variables": ["ACME_API_KEY"],
        "key_set": True,
        "context_tokens": 8000,
        "max_input_tokens": None,
        "max_output_tokens": 2000,
        "default_output_tokens": 2000,
        "abilities": ["streaming", "tools"],
        "reasoning": "never",
        "status": "current",
        "retires_on": None,
        "source": model["source"],
        "checked": model["checked"],
        "price": {
            "currency": "CNY",
            "free": False,
            "input_per_mtok": "2",
            "output_per_mtok": "8",
            "tiers": [],
            "marginal": False,
            "since": "2024-01-01T00:00:00+00:00",
            "until": None,
            "promotion": False,
            "certainty": "vendor",
            "source": "https://acme.example/prices",
            "checked": made.today(),
            "origin": "minimill.toml",
        },
    }


def test_conditions_a_free_model_and_a_retired_one(run: Run, world: Path) -> None:
    """A star where other prices hold under conditions, `free`, and the day of retirement."""
    text = world.read_text(encoding="utf-8")
    tiers = "tiers = [{ input_over = 1_000, input_per_mtok = 4 }]\n"
    text = text.replace("output_per_mtok = 8\n", f"output_per_mtok = 8\n{tiers}")
    ending = 'abilities = []\nstatus = "deprecated"\nretires_on = 2099-01-02'
    text = text.replace('abilities = ["streaming", "tools"]', ending, 1)
    world.write_text(text + FREE, encoding="utf-8")
    out = run("models", "--provider", "acme", "--provider", "home").stdout
    acme, home = out.splitlines()[2:]
    assert acme.split("  ")[0] == "acme:m"
    assert "no streaming" in acme
    assert " 2*  " in acme and " 8*  " in acme
    assert acme.endswith("deprecated, retires 2099-01-02")
    assert home.count("free") == 3
    assert home.endswith("none needed")
    (model,) = json.loads(run("models", "--provider", "acme", "--json").stdout)
    assert model["price"]["tiers"] == [{"when": "input > 1,000", "input_per_mtok": "4"}]


def test_a_key_is_never_shown(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the table, not in the JSON, not in `doctor`."""
    monkeypatch.setenv("ACME_API_KEY", "sk-very-secret-123456")
    monkeypatch.setattr(_models, "all_providers", lambda catalog: ["acme", "other"])
    for args in (["models"], ["models", "--json"], ["doctor"], ["plan", "hello"]):
        assert "very-secret" not in run(*args).output


def test_an_unknown_provider(run: Run) -> None:
    """The nearest name is offered."""
    result = run("models", "--provider", "opnai", code=2)
    assert result.stderr == 'error: unknown provider "opnai", did you mean "openai"?\n'
