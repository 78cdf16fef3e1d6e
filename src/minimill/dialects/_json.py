"""JSON in and out, as vendors write it. May import nothing of minimill."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic_core import from_json, to_json

_SURROGATE = re.compile("[\ud800-\udfff]")
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,40})?(e[-+]?[0-9]{1,2})?", re.ASCII | re.IGNORECASE)
_MOST = 2**53
_DEPTH = 200
"""Thresholds of nesting; `from_json` draws the same line."""


def load(data: bytes) -> Any:
    """The value, also where the UTF-8 is damaged or half of a surrogate pair was sent.

    Raises:
        ValueError: this is no JSON.
    """
    try:
        return from_json(data, cache_strings="keys")
    except ValueError:
        return _load_damaged(data)


def _load_damaged(data: bytes) -> Any:
    try:
        return _mended(json.loads(data.removeprefix(_BOM).decode("utf-8", "replace")), _DEPTH)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _mended(value: Any, depth: int) -> Any:
    if not depth:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        if not _SURROGATE.search(value):
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {_mended(key, 1): _mended(item, depth - 1) for key, item in value.items()}
    return value


def dump(value: Any) -> bytes:
    """Compact JSON in raw UTF-8."""
    return to_json(value)


def dump_text(value: Any) -> str:
    """Compact JSON as text."""
    return to_json(value).decode("utf-8")


def at(value: Any, path: str) -> Any:
    """What sits at a dotted path (a number counts list items), or None."""
    for key in _steps(path):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and len(key) < 9:
            value = value[int(key)] if int(key) < len(value) else None
        else:
            return None
    return value


@cache
def _steps(path: str) -> list[str]:
    """The keys of a path; paths come from provider files and this code, so that there are few."""
    return path.split(".")


def count(value: Any) -> int | None:
    """A whole number, also written as `12.0` or `"12"`; None for anything else."""
    if type(value) is int:
        return value if -_MOST < value < _MOST else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
        return int(value)
    if isinstance(value, float) and not value.is_integer():  # also inf and nan
        return None
    if isinstance(value, (int, float)) and -_MOST < value < _MOST:
        return int(value)
    return None


def decimal(value: Any) -> Decimal | None:
    """A number as it was written, also in a string; None for anything else.

    Of a float the 15 digits that are sure: those after them are binary dust.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = f"{value:.15g}" if isinstance(value, float) else str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None
