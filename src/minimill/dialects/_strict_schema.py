"""Narrows a JSON Schema to the subset that strict answers need. May import nothing of minimill.

Whatever fits the narrowed schema fits the original one: properties that could be left out are asked for,
and none may be added. https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_SCHEMAS = ("properties", "$defs", "definitions")
"""Keywords whose value maps names to schemas."""


def strict_schema(schema: Any) -> Any:
    """The schema with every object closed and every property required, without defaults."""
    if isinstance(schema, list):
        return [strict_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {
            "$ref": schema["$ref"],
            **{key: _inner(key, schema[key]) for key in _OF_SCHEMAS if key in schema},
        }
    narrowed = {key: _inner(key, value) for key, value in schema.items() if key != "default"}
    if isinstance(schema.get("properties"), Mapping):
        narrowed.setdefault("additionalProperties", False)
        narrowed["required"] = list(schema["properties"])
    return narrowed


def _inner(key: str, value: Any) -> Any:
    if key in ("enum", "const", "examples", "required"):
        return value
    if key in _OF_SCHEMAS and isinstance(value, Mapping):
        return {name: strict_schema(item) for name, item in value.items()}
    return strict_schema(value)
