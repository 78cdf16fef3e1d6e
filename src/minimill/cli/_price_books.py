"""Price lists that others publish, read from their files: genai-prices, litellm, models.dev.

All three print US dollars. Formats, as of 2026-11:

- genai-prices: https://github.com/pydantic/genai-prices, `data.json` and `data_slim.json`; per million tokens
- litellm: https://github.com/BerriAI/litellm, `model_prices_and_context_window.json`; per token
- models.dev: https://models.dev/api.json; per million tokens

What is not understood is left out, never guessed. It may import `_errors`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from minimill._errors import ConfigError

NAMES = ("input", "cached_input", "cache_write", "output")
"""The prices that are compared, in this project's words."""
_MILLION = Decimal(1_000_000)


class Book(NamedTuple):
    """The prices of one model in another list."""

    prices: Mapping[str, tuple[tuple[int, Decimal], ...]]
    """By name: (over how many input tokens, price per million), the shortest first; -1: from the first on."""

    def edges(self) -> set[int]:
        """Lengths of the input above which something changes."""
        return {over for steps in self.prices.values() for over, _ in steps if over >= 0}

    def at(self, name: str, input_tokens: int) -> Decimal | None:
        """A price for an input of that length; None: not told."""
        held = [price for over, price in self.prices.get(name, ()) if input_tokens > over]
        return held[-1] if held else None


Find = Callable[[str, Sequence[str]], Book | None]
"""From their provider's id and the names of a model to its prices; None: they do not know it."""


class Place(NamedTuple):
    """Where a provider's prices stand in another list."""

    region: str | None
    """Our region; None: the one in use."""
    provider: str
    """Their id."""


_PLACES: dict[str, dict[str, tuple[Place, ...]]] = {
    "genai-prices": {
        "deepseek": (Place("usd", "deepseek"),),
        "glm": (Place("mainland", "zhipuai"), Place("international", "zai")),
    },
    "litellm": {
        "deepseek": (Place("usd", "deepseek"),),
        "glm": (Place("international", "zai"),),
        "qwen": (Place("singapore", "dashscope"),),
        "doubao": (Place(None, "volcengine"),),
    },
    "models.dev": {
        "deepseek": (Place("usd", "deepseek"),),
        "glm": (Place("mainland", "zhipuai"), Place("international", "zai")),
        "qwen": (Place("cn-beijing", "alibaba-cn"), Place("singapore", "alibaba")),
    },
}
KINDS = tuple(_PLACES)


def places_of(kind: str, provider: str) -> tuple[Place, ...]:
    """Where a provider stands in a list of that kind; one that is not known here under its own name."""
    return _PLACES[kind].get(provider, (Place(None, provider),))


def read_book(kind: str, path: Path, at: dt.datetime) -> Find:
    """The prices of a file as they hold at an instant.

    Raises:
        ConfigError: it cannot be read, is no JSON, or is not a list of that kind; one line that begins with its name.
    """
    read: dict[str, Callable[[Any, dt.datetime], Find | None]] = {
        "genai-prices": _genai_prices,
        "litellm": _litellm,
        "models.dev": _models_dev,
    }
    found = read[kind](_json_of(path), at)
    if found is None:
        raise ConfigError(f"{path}: expected the JSON of {kind}, {_SHAPES[kind]}")
    return found


_SHAPES = {
    "genai-prices": "a list of providers with models",
    "litellm": "a table from model to prices with litellm_provider",
    "models.dev": "a table from provider to models with cost",
}


def _json_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ArithmeticError:
        raise ConfigError(f"{path}: it holds a number that is beyond all measure") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from None


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    number = Decimal(value)
    sensible = number == 0 or (number.is_finite() and number > 0 and -20 < number.adjusted() < 7)
    return number if sensible else None


def _tables(value: object) -> Iterator[dict[str, Any]]:
    """Those of a list that are tables."""
    yield from (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def _entries(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of a table that are tables."""
    yield from ((k, item) for k, item in (value.items() if isinstance(value, dict) else ()) if isinstance(item, dict))


def _book(found: Mapping[str, Mapping[int, Decimal]]) -> Book:
    return Book({name: tuple(sorted(steps.items())) for name, steps in found.items() if steps})


# --- genai-prices ---

_GENAI = {
    "input": "input_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}


def _genai_prices(data: Any, at: dt.datetime) -> Find | None:
    providers = {str(item.get("id")): list(_tables(item.get("models"))) for item in _tables(data)}

    def find(provider: str, names: Sequence[str]) -> Book | None:
        for name in names:
            for model in providers.get(provider, ()):
                if model.get("id") == name or _matches(model.get("match"), name):
                    return _genai_book(model.get("prices"), at)
        return None

    return find if any(providers.values()) else None


_DEEPEST = 8
"""How far their clauses may nest."""
_ATOM = r"[A-Za-z0-9/_@:=, -]|\\[][.+()/-]|\\d(?:\{[0-9]{1,2}\})?|\[[A-Za-z0-9@_. -]+\]|\."
_SIMPLE = re.compile(rf"\^?(?:{_ATOM})*(?:\.\*(?:{_ATOM})*)?\$?")
"""Patterns whose parts have a fixed width, one `.*` apart: they take no longer than a name is long, squared. Whoever
wrote the file may have written one that never ends."""
_LONGEST = 200


def _matches(clause: object, name: str, depth: int = 0) -> bool:
    """Whether their clause stands for a model of that name."""
    if not isinstance(clause, dict) or len(clause) != 1 or depth > _DEEPEST:
        return False
    ((word, value),) = clause.items()
    if word in ("or", "and"):
        parts = [_matches(part, name, depth + 1) for part in _tables(value)]
        return bool(parts) and (any(parts) if word == "or" else all(parts))
    if not isinstance(value, str):
        return False
    if word == "regex":
        return len(value) <= _LONGEST and bool(_SIMPLE.fullmatch(value)) and re.search(value, name) is not None
    tests = {"equals": name == value, "starts_with": name.startswith(value), "ends_with": name.endswith(value)}
    return tests.get(word, word == "contains" and value in name)


def _genai_book(prices: object, at: dt.datetime) -> Book:
    if isinstance(prices, list):
        held = [item.get("prices") for item in _tables(prices) if _holds(item.get("constraint"), at)]
        prices = held[-1] if held else None
    found: dict[str, dict[int, Decimal]] = {}
    for name, theirs in _GENAI.items():
        value = prices.get(theirs) if isinstance(prices, dict) else None
        tiers = [{"start": -1, "price": value}]
        if isinstance(value, dict):
            tiers = [{"start": -1, "price": value.get("base")}, *_tables(value.get("tiers"))]
        steps = [(tier.get("start"), _number(tier.get("price"))) for tier in tiers]
        found[name] = {start: price for start, price in steps if isinstance(start, int) and price is not None}
    return _book(found)


def _holds(constraint: object, at: dt.datetime) -> bool:
    if constraint is None:
        return True
    try:
        if isinstance(constraint, dict) and constraint.keys() == {"start_date"}:
            return at.astimezone(dt.UTC).date() >= dt.date.fromisoformat(constraint["start_date"])
        if isinstance(constraint, dict) and constraint.keys() == {"start_time", "end_time"}:
            start, end = (_time_of_day(constraint[key]) for key in ("start_time", "end_time"))
            now = at.astimezone(dt.UTC).time()
            return start <= now < end if start < end else now >= start or now < end
    except (ValueError, TypeError):
        return False
    return False


def _time_of_day(text: str) -> dt.time:
    return dt.time.fromisoformat(text).replace(tzinfo=None)


# --- litellm ---

_LITELLM = {
    "input": "input_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "output": "output_cost_per_token",
}


def _litellm(data: Any, at: dt.datetime) -> Find | None:
    models = {name: item for name, item in _entries(data) if "litellm_provider" in item}

    def find(provider: str, names: Sequence[str]) -> Book | None:
        for known in (known for name in names for known in (f"{provider}/{name}", name)):
            if known in models and models[known]["litellm_provider"] == provider:
                return _litellm_book(models[known])
        return None

    return find if models else None


def _litellm_book(model: dict[str, Any]) -> Book:
    found: dict[str, dict[int, Decimal]] = {name: {} for name in NAMES}
    for name, theirs in _LITELLM.items():
        for key, value in model.items():
            above = re.fullmatch(rf"{theirs}(?:_above_(\d{{1,6}})(k?)_tokens)?", key)
            price = _number(value) if above else None
            if above and price is not None:
                over = int(above[1]) * (1_000 if above[2] else 1) if above[1] else -1
                found[name][over] = price * _MILLION
    for band in _tables(model.get("tiered_pricing")):
        span = band.get("range")
        start = _number(span[0]) if isinstance(span, list) and span else None
        for name, theirs in _LITELLM.items():
            price = _number(band.get(theirs))
            if start is not None and price is not None:
                found[name][int(start) or -1] = price * _MILLION
    return _book(found)


# --- models.dev ---

_MODELS_DEV = {"input": "input", "cached_input": "cache_read", "cache_write": "cache_write", "output": "output"}


def _models_dev(data: Any, at: dt.datetime) -> Find | None:
    providers = {name: item["models"] for name, item in _entries(data) if isinstance(item.get("models"), dict)}

    def find(provider: str, names: Sequence[str]) -> Book | None:
        models = providers.get(provider, {})
        known = next((models[name] for name in names if isinstance(models.get(name), dict)), None)
        return None if known is None else _models_dev_book(known.get("cost"))

    return find if providers else None


def _models_dev_book(cost: object) -> Book:
    found: dict[str, dict[int, Decimal]] = {name: {} for name in NAMES}
    bands = [] if not isinstance(cost, dict) else [(-1, cost), *_models_dev_bands(cost)]
    for over, band in bands:
        for name, theirs in _MODELS_DEV.items():
            price = _number(band.get(theirs))
            if price is not None:
                found[name][over] = price
    return _book(found)


def _models_dev_bands(cost: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    tiers = list(_tables(cost.get("tiers")))
    for tier in tiers:
        size = tier["tier"].get("size") if isinstance(tier.get("tier"), dict) else None
        if isinstance(size, int):
            yield size, tier
    if not tiers and isinstance(cost.get("context_over_200k"), dict):
        yield 200_000, cost["context_over_200k"]
