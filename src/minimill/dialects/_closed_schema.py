"""Writes a JSON Schema in the subset that Anthropic's structured outputs take. May import nothing of minimill.

Objects are closed. A keyword that the vendor does not enforce is told to the model in the description instead, so
that what comes back may break it: check answers against your own schema.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions")
_LISTS_OF_SCHEMAS = ("anyOf", "allOf")
_KEPT = frozenset({"type", "enum", "const", "description", "title", "required", "$ref", "format", "minItems"})
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip
_SILENT = frozenset({"default", "examples", "$schema", "$id", "additionalProperties"})
"""Left out without a word: they do not limit what may be answered, or are said otherwise."""


def closed_schema(schema: Any) -> Any:
    """The schema with every object closed, and without keywords that the vendor refuses.

    Raises:
        ValueError: an object is meant to take properties of any name, which a closed one cannot.
    """
    if not isinstance(schema, Mapping):
        return schema
    closed: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _SCHEMAS_BY_NAME and isinstance(value, Mapping):
            closed[key] = {name: closed_schema(item) for name, item in value.items()}
        elif key in _LISTS_OF_SCHEMAS and isinstance(value, (list, tuple)):
            closed[key] = [closed_schema(item) for item in value]
        elif key == "oneOf" and "anyOf" not in schema and isinstance(value, (list, tuple)):
            closed["anyOf"] = [closed_schema(item) for item in value]
        elif key == "items":
            closed[key] = closed_schema(value)
        elif _is_taken(key, value):
            closed[key] = value
        elif key not in _SILENT:
            told[key] = value
    if "$ref" in closed:
        return {key: closed[key] for key in ("$ref", "$defs", "definitions") if key in closed}
    if _is_object(schema):
        _close(schema, closed)
    if told:
        words = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in told.items())
        before = closed.get("description")
        closed["description"] = f"{before} {{{words}}}" if before else f"{{{words}}}"
    return closed


def _is_taken(key: str, value: Any) -> bool:
    if key == "format":
        return value in _FORMATS
    if key == "minItems":
        return value in (0, 1)
    return key in _KEPT


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, (list, tuple)) and "object" in kind)


def _close(schema: Mapping[str, Any], closed: dict[str, Any]) -> None:
    open_to = schema.get("additionalProperties")
    if not schema.get("properties") and open_to not in (None, False):
        raise ValueError("an object whose property names are open cannot be asked for; list its properties")
    closed["additionalProperties"] = False
