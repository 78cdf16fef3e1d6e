"""Which models the scope of a budget covers."""

import pytest

from minimill._client._budgets import Budgets
from minimill._client._context import Labels
from minimill._pricing import Exchange
from minimill.catalog import Catalog
from minimill.ledger import BudgetDefinition

ALIASES = {"main": "doubao:doubao-seed-1-8-251228"}
CATALOG = Catalog({"doubao": {"endpoints": {"ep-1": "doubao-seed-1-8-251228"}}})


def covers(scope: str, name: str) -> bool:
    """Whether a budget with that model in its scope counts a call of the model of that name."""
    budget = BudgetDefinition(name="b", limit_nanos=1, currency="CNY", scope={"model": scope})
    budgets = Budgets([budget], Exchange([]), require=False, aliases=ALIASES)
    return bool(budgets.debits(CATALOG.find(name), Labels(None, {}), None))


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("openai:gpt-4o", "openai:gpt-4o"),
        ("openai/gpt-4o", "openai:gpt-4o"),
        ("gpt-4o", "openai:gpt-4o"),
        ("main", "doubao:doubao-seed-1-8-251228"),
        ("main", "doubao:ep-1"),
        ("doubao:ep-1", "doubao:ep-1"),
        ("doubao/ep-1", "doubao:ep-1"),
        ("ep-1", "doubao:ep-1"),
        ("doubao:doubao-seed-1-8-251228", "doubao:ep-1"),
        ("doubao/doubao-seed-1-8-251228", "doubao:ep-1"),
        ("doubao-seed-1-8-251228", "doubao:ep-1"),
        ("doubao:doubao-pro", "doubao:doubao-pro-32k"),
        ("vllm/Qwen/Qwen3-8B", "vllm:Qwen/Qwen3-8B"),
        ("Qwen/Qwen3-8B", "vllm:Qwen/Qwen3-8B"),
    ],
)
def test_a_model_is_covered_by_any_of_its_names(scope: str, name: str) -> None:
    """With its provider or bare, by alias, and behind an endpoint."""
    assert covers(scope, name)


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("openai:gpt-4o", "openai:gpt-4o-mini"),
        ("main", "openai:gpt-4o"),
        ("vllm:gpt-4o", "openai:gpt-4o"),
        ("doubao:ep-1", "doubao:doubao-seed-1-8-251228"),
        ("openai:", "openai:gpt-4o"),
    ],
)
def test_other_models_are_not(scope: str, name: str) -> None:
    """An endpoint is one deployment of its model, not all of it."""
    assert not covers(scope, name)
