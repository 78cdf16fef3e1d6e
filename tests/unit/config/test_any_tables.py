"""Whatever the tables hold, the answer is settings or one clear line."""

import copy
import datetime as dt
import pickle
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minimill import ConfigError
from minimill._config import load_settings

WHOLE: dict[str, Any] = {
    "app": "a",
    "ledger": "memory:",
    "defaults": {"retries": 1, "timeouts": {"total_s": 3}},
    "aliases": {"cheap": "vllm:x"},
    "routes": {"default": {"models": ["cheap", "doubao:y"], "requires": ["tools"], "max_cost": "1 CNY"}},
    "budgets": {"b": {"limit": "5 CNY", "scope": {"app": "x"}, "by": "user", "zone": "UTC"}},
    "rates": {"USD/CNY": {"rate": Decimal(7), "date": dt.date(2026, 11, 1)}},
    "providers": {
        "vllm": {"free": True, "proxy": "http://p", "auth": {"env": ["K"]}, "headers": {"x": "y"}},
        "mine": {
            "dialect": "openai_chat",
            "base_url": "http://h/v1",
            "endpoints": {"e": "m"},
            "regions": {},
            "quirks": {"efforts": ["low"], "extra_body": {"a": 1}},
            "bounds": {"image_tokens": 5},
            "models": [{"id": "m", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2, "tiers": []}]}],
        },
    },
}

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=8)
    | st.dates()
    | st.datetimes()
    | st.sampled_from(["*", "x:y", "openai", "50 CNY", "2026", "sk-abcdefghijklmnop"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "models", "prices", "env", "x", "*"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


PLACES = places(WHOLE)[1:]


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The whole configuration with another value at one place."""
    tables = copy.deepcopy(WHOLE)
    table: Any = tables
    for step in path[:-1]:
        table = table[step]
    table[path[-1]] = value
    return tables


def test_the_whole_loads() -> None:
    """Before it is changed."""
    settings = load_settings(WHOLE)
    assert settings.catalog.find("mine:e").wire_model == "e"


def line_of(tables: Any) -> str | None:
    """The line that tells what is wrong, at once or when a provider is first used; None: nothing is."""
    try:
        settings = load_settings(tables)
        for provider in filter(settings.catalog.knows, ("vllm", "mine")):
            settings.catalog.provider(provider)
    except ConfigError as error:
        return str(error)
    pickle.dumps(settings)
    return None


@given(st.sampled_from(PLACES), junk)
def test_any_value_at_any_place(path: tuple[Any, ...], value: Any) -> None:
    """One line, which shows no secret."""
    line = line_of(changed(path, value))
    if line is not None:
        assert line.startswith("config: ")
        assert "\n" not in line
        assert "sk-abcdefghijklmnop" not in line


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(WHOLE)), junk, max_size=4))
def test_any_table(tables: dict[str, Any]) -> None:
    """Whatever stands in the file's place."""
    line = line_of(tables)
    assert line is None or "\n" not in line
