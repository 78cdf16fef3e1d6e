"""Narrows a JSON Schema to the subset that strict answers need. May import nothing of minimill.

Whatever fits the narrowed schema fits the original one: properties that could be left out are asked for,
and none may be added. https://developers.openai.com/api/docs/guides/structured-outputs lists the subset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_SCHEMAS = ("properties", "$defs", "definitions")
"""Keywords whose value maps names to schemas."""
_SCHEMAS = ("items", "anyOf", "oneOf", "allOf")
"""Keywords whose value is a schema or a list of them."""
_LEFT_OUT = ("default", "discriminator")
_TYPED = frozenset({"type", "anyOf", "oneOf", "allOf", "enum", "const"})
"""Keywords one of which has to say what a value is."""
_MOST_STEPS = 20


def strict_schema(schema: Any, *, narrow: bool = False) -> Any:
    """The schema with every object closed and every property required, without defaults.

    A reference at the root is put in full there, and `oneOf` becomes `anyOf`: strict answers know neither.

    Raises:
        ValueError: `narrow`, and the root is no object, an object is meant to take properties of any name, or an
            array or a value has a type that is not said.
    """
    root = without_root_reference(schema)
    if narrow and not (isinstance(root, Mapping) and root.get("type") == "object"):
        raise ValueError("its root is no object; put it into a property of one")
    return _narrowed(root, narrow)


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


def _narrowed(schema: Any, narrow: bool) -> Any:
    if isinstance(schema, list):
        return [_narrowed(item, narrow) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _reference(schema, narrow)
    one_of = {"oneOf": "anyOf"} if "anyOf" not in schema else {}
    narrowed = {
        one_of.get(key, key): _inner(key, value, narrow)
        for key, value in schema.items()
        if key not in _LEFT_OUT
    }
    if isinstance(schema.get("properties"), Mapping):
        narrowed.setdefault("additionalProperties", False)
        narrowed["required"] = list(schema["properties"])
    if narrow:
        _check(schema)
        if "additionalProperties" in schema:
            narrowed["additionalProperties"] = False
    return narrowed


def _check(schema: Mapping[str, Any]) -> None:
    """Raise for what cannot be said in a narrower way."""
    if not schema.get("properties") and schema.get("additionalProperties", False) is not False:
        raise ValueError("an object whose property names are open cannot be asked for; list its properties")
    if "prefixItems" in schema:
        raise ValueError("a tuple cannot be asked for; say an object, or a list with one type of items")
    if not schema.keys() & _TYPED:
        raise ValueError("a value of any type cannot be asked for; say which types it may have")


def _reference(schema: Mapping[str, Any], narrow: bool) -> dict[str, Any]:
    """A reference has nothing beside it but definitions; what a property is for goes around it."""
    reference = {"$ref": schema["$ref"]}
    told = {"anyOf": [reference], "description": schema["description"]} if "description" in schema else reference
    return {**told, **{key: _inner(key, schema[key], narrow) for key in _OF_SCHEMAS if key in schema}}


def _inner(key: str, value: Any, narrow: bool) -> Any:
    if key in ("enum", "const", "examples", "required"):
        return value
    if key in _OF_SCHEMAS and isinstance(value, Mapping):
        return {name: _narrowed(item, narrow) for name, item in value.items()}
    return _narrowed(value, narrow and key in _SCHEMAS)
