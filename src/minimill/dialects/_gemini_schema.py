"""Writes a JSON Schema in the subset that Gemini takes, without changing what it means.

https://ai.google.dev/api/generate-content#FIELDS.response_json_schema lists the subset. It may import the
helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill.dialects._base import Target
from minimill.dialects._refuse import refuse
from minimill.dialects._schema_circles import circle_in

_KEPT = frozenset({
    "$id", "$anchor", "type", "format", "title", "description", "enum", "minItems", "maxItems", "minimum",
    "maximum", "required", "propertyOrdering",
})  # fmt: skip
_TAKEN = frozenset({"default", "minLength", "maxLength", "pattern", "uniqueItems"})
"""Not on the list, but taken in real exchanges of 2026; the model is told them."""
_INNER = frozenset({"items", "additionalProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})
_TABLES = {"properties": "properties", "$defs": "$defs", "definitions": "$defs"}
_REMARKS = frozenset({
    "$schema", "$comment", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator", "xml",
    "externalDocs", "contentEncoding", "contentMediaType",
})  # fmt: skip
"""Keywords that bind nobody."""
_ACCEPTED = "type, enum, properties, required, items, anyOf, oneOf, minimum, maximum, minItems, maxItems and $ref"


def gemini_schema(schema: Any, target: Target, *, strict: bool) -> Any:
    """The schema in Gemini's subset; a keyword that it lacks is refused where `strict`, else left out.

    Raises:
        InvalidRequestError: a strict schema needs a keyword that Gemini lacks, or holds itself in properties that
            have to be there; the text names it and its place.
    """
    circle = circle_in(schema, required_only=True) if strict else None
    if circle:
        accepted = "schemas that hold themselves in properties that may be left out"
        raise refuse(target, "a schema", f"that needs {circle!r} inside itself", accepted)
    return _Writer(target, strict).write(schema, "the schema")


class _Writer:
    def __init__(self, target: Target, strict: bool) -> None:
        self._target = target
        self._strict = strict

    def write(self, schema: Any, place: str) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        if "$ref" in schema:
            return self._reference(schema, place)
        written: dict[str, Any] = {}
        for key, value in _without_single_all_of(schema).items():
            self._keyword(written, key, value, schema, place)
        return written

    def _reference(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """A reference stands alone; beside it only definitions, at the root. What a property is for goes around it."""
        for key in schema:
            bare = key in _REMARKS or key in ("$ref", "description", "title", "default", *_TABLES)
            if not bare:
                self._lacks(f"{key!r} beside $ref", place)
        written: dict[str, Any] = {"$ref": str(schema["$ref"]).replace("#/definitions/", "#/$defs/")}
        if "description" in schema:
            written = {"anyOf": [written], "description": schema["description"]}
        for key, name in _TABLES.items():
            if key in schema and key != "properties":
                written[name] = self._table(schema[key], place)
        return written

    def _keyword(
        self, written: dict[str, Any], key: str, value: Any, schema: Mapping[str, Any], place: str
    ) -> None:
        if key in _KEPT or key in _TAKEN:
            written[key] = value
        elif key in _INNER:
            written[key] = self.write(value, f"{place}.{key}")
        elif key in _LISTS and isinstance(value, (list, tuple)):
            written[key] = [self.write(item, f"{place}.{key}") for item in value]
        elif key in _TABLES:
            written[_TABLES[key]] = {**written.get(_TABLES[key], {}), **self._table(value, place)}
        elif key == "const":
            written["enum"] = [value]
        elif key in ("exclusiveMinimum", "exclusiveMaximum") and _is_whole(value, schema):
            self._bound(written, key, int(value), schema)
        elif key not in _REMARKS:
            self._lacks(repr(key), place)

    def _bound(self, written: dict[str, Any], key: str, value: int, schema: Mapping[str, Any]) -> None:
        """For whole numbers "above 3" is "at least 4"; of two bounds the closer one holds."""
        if key == "exclusiveMinimum":
            written["minimum"] = max(value + 1, schema.get("minimum", value + 1))
        else:
            written["maximum"] = min(value - 1, schema.get("maximum", value - 1))

    def _table(self, table: Any, place: str) -> dict[str, Any]:
        if not isinstance(table, Mapping):
            return {}
        return {name: self.write(item, f"{place}.{name}") for name, item in table.items()}

    def _lacks(self, keyword: str, place: str) -> None:
        if self._strict:
            raise refuse(
                self._target, keyword, f"in {place}", f"{_ACCEPTED}; strict=False leaves out what it lacks"
            )


def _without_single_all_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`allOf` of one schema is that schema, unless the two say different things."""
    inner = schema.get("allOf")
    if not isinstance(inner, (list, tuple)) or len(inner) != 1 or not isinstance(inner[0], Mapping):
        return dict(schema)
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    if "$ref" in inner[0]:
        return {**rest, "anyOf": [inner[0]]} if "anyOf" not in rest else dict(schema)
    clash = any(key in rest and rest[key] != value for key, value in inner[0].items() if key not in _REMARKS)
    return dict(schema) if clash else {**inner[0], **rest}


def _is_whole(value: Any, schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "integer" and isinstance(value, (int, float)) and float(value).is_integer()
