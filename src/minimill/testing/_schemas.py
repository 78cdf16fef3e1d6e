"""The smallest JSON value that a JSON Schema accepts, for answers to schema and tool requests.

Covers what structured-output requests use: types, enums, required properties, lengths, bounds, local
references. Patterns are not solved. Imports the standard library only.
"""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["smallest"]

_MAX_DEPTH = 32
_FORMATS = {
    "date-time": "2024-05-21T00:00:00Z",
    "date": "2024-05-21",
    "time": "00:00:00Z",
    "email": "a@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}


def smallest(schema: Any) -> Any:
    """A minimal instance of `schema`: required properties only, first alternatives, lowest bounds."""
    return _value(schema, schema, 0)


def _value(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(_easiest(schema[key]), root, depth + 1)
    if schema.get("allOf"):
        return _value(_merged(schema["allOf"], root), root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    match _type_of(schema):
        case "object":
            properties = schema.get("properties") or {}
            return {
                name: _value(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())
            }
        case "array":
            return [_value(schema.get("items", {}), root, depth + 1)] * int(schema.get("minItems", 0))
        case "string":
            return _FORMATS.get(schema.get("format", ""), "x" * int(schema.get("minLength", 0)))
        case "integer":
            return math.ceil(_number(schema, step=1))
        case "number":
            return _number(schema, step=0.5)
        case "boolean":
            return False
    return None


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((one for one in kind if one == "null"), kind[0] if kind else "null"))
    if kind is None and "properties" in schema:
        return "object"
    return str(kind)


def _number(schema: Mapping[str, Any], step: float) -> float:
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + step)
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - step)
    value: float = min(max(0, low), high)
    multiple = schema.get("multipleOf")
    return math.ceil(value / multiple) * multiple if multiple else value


def _easiest(options: list[Any]) -> Any:
    return next(
        (one for one in options if isinstance(one, Mapping) and one.get("type") == "null"), options[0]
    )


def _merged(options: list[Any], root: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for option in options:
        found = _resolve(str(option["$ref"]), root) if "$ref" in option else option
        for key, value in found.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = [*merged.get(key, ()), *value]
            else:
                merged[key] = value
    return merged


def _resolve(reference: str, root: Any) -> Any:
    found = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found[step.replace("~1", "/").replace("~0", "~")]
    return found
