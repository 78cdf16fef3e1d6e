"""Finds JSON Schemas that hold themselves, which some vendors refuse. May import nothing of minimill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_TABLES = ("$defs", "definitions")
_VALUES = ("enum", "const", "default", "examples", "required")
"""Keywords whose value is no schema."""
_ROOT = "#"


def circle_in(schema: Any, *, required_only: bool = False) -> str | None:
    """The place that a schema leads back to, such as `#/$defs/Node`; None where it has an end.

    `required_only`: only ways are looked at on which nothing may be left out.
    """
    if not isinstance(schema, Mapping):
        return None
    places = {
        f"#/{table}/{name}": inner
        for table in _TABLES
        if isinstance(schema.get(table), Mapping)
        for name, inner in schema[table].items()
    }
    places[_ROOT] = {key: value for key, value in schema.items() if key not in _TABLES}
    leads = {place: set(_references(inner, required_only)) for place, inner in places.items()}
    return next((place for place in leads if place in _reached(place, leads)), None)


def _reached(start: str, leads: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = leads.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


def _references(schema: Any, required_only: bool) -> Iterator[str]:
    """All places that a schema refers to, itself or in what it holds."""
    if isinstance(schema, (list, tuple)):
        for item in schema:
            yield from _references(item, required_only)
    if not isinstance(schema, Mapping):
        return
    if isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    must = schema.get("required")
    for key, value in schema.items():
        if key == "properties" and isinstance(value, Mapping):
            for name, inner in value.items():
                if not required_only or (isinstance(must, (list, tuple)) and name in must):
                    yield from _references(inner, required_only)
        elif key not in _VALUES:
            yield from _references(value, required_only)
