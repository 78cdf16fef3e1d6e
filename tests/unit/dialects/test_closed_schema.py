"""JSON Schemas in the subset of Anthropic's structured outputs."""

from typing import Any

import pytest

from minimill.dialects._closed_schema import closed_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"type": "string"}),
        (
            {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}, "required": ["a"]},
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 9, "description": "A digit."},
            {"type": "integer", "description": "A digit. {minimum: 1, maximum: 9}"},
        ),
        (
            {"type": "string", "format": "email", "pattern": "^a"},
            {"type": "string", "format": "email", "description": '{pattern: "^a"}'},
        ),
        (
            {"type": "string", "format": "phone"},
            {"type": "string", "description": '{format: "phone"}'},
        ),
        (
            {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 3},
            {
                "type": "array",
                "items": {"type": "object", "additionalProperties": False},
                "minItems": 1,
                "description": "{maxItems: 3}",
            },
        ),
        (
            {"oneOf": [{"const": 1}, {"enum": ["a"]}, True]},
            {"anyOf": [{"const": 1}, {"enum": ["a"]}, True]},
        ),
        (
            {"oneOf": [{"const": 1}], "anyOf": [{"const": 2}]},
            {"anyOf": [{"const": 2}], "description": '{oneOf: [{"const": 1}]}'},
        ),
        (
            {"$ref": "#/$defs/A", "description": "x", "$defs": {"A": {"type": "object", "properties": {}}}},
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "object", "properties": {}, "additionalProperties": False}},
            },
        ),
        (
            {"type": ["object", "null"], "properties": {"minimum": {"type": "number"}}},
            {
                "type": ["object", "null"],
                "properties": {"minimum": {"type": "number"}},
                "additionalProperties": False,
            },
        ),
    ],
)
def test_what_is_kept_closed_or_told(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """Objects are closed; what is not enforced is told in the description; the given schema is left alone."""
    before = repr(schema)
    assert closed_schema(schema) == expected
    assert repr(schema) == before


def test_open_names_are_refused() -> None:
    with pytest.raises(ValueError, match="list its properties"):
        closed_schema({"type": "object", "additionalProperties": {"type": "integer"}})
