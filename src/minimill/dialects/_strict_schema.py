"""Narrows a JSON Schema to the subset that strict answers need. May import nothing of minimill.

Whatever fits the narrowed schema fits the original one: properties that could be left out are asked for,
and none may be added. https://developers.openai.com/api/docs/guides/structured-outputs lists the subset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_SCHEMAS = ("properties", "$defs", "definitions")
"""Keywords whose value maps names to schemas."""
_LEFT_OUT = ("default", "discriminator")
_MOST_STEPS = 20


def strict_schema(schema: Any, *, open_objects: bool = True) -> Any:
    """The schema with every object closed and every property required, without defaults.

    A reference at the root is put in full there, and `oneOf` becomes `anyOf`: strict answers know neither.

    Raises:
        ValueError: not `open_objects`, and an object is meant to take properties of any name.
    """
    return _narrowed(without_root_reference(schema), open_objects)


def without_root_reference(schema: Any) -> Any:
    """What a reference at the root stands for, such as that of a model that holds itself; else the schema."""
    for _ in range(_MOST_STEPS):
        if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
            break
        _, _, place = schema["$ref"].partition("#/")
        table, _, name = place.partition("/")
        named = schema.get(table)
        if table not in _OF_SCHEMAS[1:] or not isinstance(named, Mapping) or not isinstance(named.get(name), Mapping):
            break
        schema = {**named[name], table: named}
    return schema


def _narrowed(schema: Any, open_objects: bool) -> Any:
    if isinstance(schema, list):
        return [_narrowed(item, open_objects) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _reference(schema, open_objects)
    one_of = {"oneOf": "anyOf"} if "anyOf" not in schema else {}
    narrowed = {
        one_of.get(key, key): _inner(key, value, open_objects)
        for key, value in schema.items()
        if key not in _LEFT_OUT
    }
    if isinstance(schema.get("properties"), Mapping):
        narrowed.setdefault("additionalProperties", False)
        narrowed["required"] = list(schema["properties"])
    if not open_objects and schema.get("additionalProperties", False) is not False:
        if not schema.get("properties"):
            raise ValueError("an object whose property names are open cannot be asked for; list its properties")
        narrowed["additionalProperties"] = False
    return narrowed


def _reference(schema: Mapping[str, Any], open_objects: bool) -> dict[str, Any]:
    """A reference has nothing beside it but definitions; what a property is for goes around it."""
    reference = {"$ref": schema["$ref"]}
    told = {"anyOf": [reference], "description": schema["description"]} if "description" in schema else reference
    return {**told, **{key: _inner(key, schema[key], open_objects) for key in _OF_SCHEMAS if key in schema}}


def _inner(key: str, value: Any, open_objects: bool) -> Any:
    if key in ("enum", "const", "examples", "required"):
        return value
    if key in _OF_SCHEMAS and isinstance(value, Mapping):
        return {name: _narrowed(item, open_objects) for name, item in value.items()}
    return _narrowed(value, open_objects)
