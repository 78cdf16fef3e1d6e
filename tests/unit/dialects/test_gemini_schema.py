"""JSON Schemas in the subset that Gemini takes: the same meaning, or a clear error."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from minimill._errors import InvalidRequestError, Then
from minimill.catalog import Quirks
from minimill.dialects import Target
from minimill.dialects._gemini_schema import gemini_schema

TARGET = Target("gemini", "m-1", Quirks())


def written(schema: Any, *, strict: bool = True) -> Any:
    return gemini_schema(schema, TARGET, strict=strict)


class Town(BaseModel):
    """A town."""

    name: str = Field(min_length=1)
    people: int = Field(gt=0, lt=100)
    kind: Literal["town"] = "town"
    twin: "Town | None" = None


def test_a_pydantic_model() -> None:
    """Exact bounds of whole numbers, one allowed value, references; the rest stands."""
    schema = {**Town.model_json_schema(), "$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert written(schema) == {
        "$ref": "#/$defs/Town",
        "$defs": {
            "Town": {
                "title": "Town",
                "description": "A town.",
                "type": "object",
                "required": ["name", "people"],
                "properties": {
                    "name": {"title": "Name", "type": "string", "minLength": 1},
                    "people": {"title": "People", "type": "integer", "minimum": 1, "maximum": 99},
                    "kind": {"title": "Kind", "type": "string", "enum": ["town"], "default": "town"},
                    "twin": {"anyOf": [{"$ref": "#/$defs/Town"}, {"type": "null"}], "default": None},
                },
            }
        },
    }


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, True),
        ({}, {}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"allOf": [{"type": "string"}], "title": "T"}, {"type": "string", "title": "T"}),
        (
            {"allOf": [{"$ref": "#/definitions/A"}], "description": "d", "definitions": {"A": {"const": 1}}},
            {"anyOf": [{"$ref": "#/$defs/A"}], "description": "d", "$defs": {"A": {"enum": [1]}}},
        ),
        ({"$ref": "#/definitions/A", "title": "A"}, {"$ref": "#/$defs/A"}),
        (
            {"$ref": "#/definitions/A", "description": "d"},
            {"anyOf": [{"$ref": "#/$defs/A"}], "description": "d"},
        ),
        (
            {"type": "integer", "minimum": 7, "exclusiveMinimum": 3, "exclusiveMaximum": 9.0},
            {"type": "integer", "minimum": 7, "maximum": 8},
        ),
        (
            {"oneOf": [{"const": "a"}, {"items": {"const": "b"}}], "discriminator": {"propertyName": "k"}},
            {"oneOf": [{"enum": ["a"]}, {"items": {"enum": ["b"]}}]},
        ),
        ({"properties": {"const": {"type": "string"}}}, {"properties": {"const": {"type": "string"}}}),
        (
            {"prefixItems": [{"const": 1}], "additionalProperties": {"const": 2}, "enum": [{"const": 3}]},
            {"prefixItems": [{"enum": [1]}], "additionalProperties": {"enum": [2]}, "enum": [{"const": 3}]},
        ),
    ],
)
def test_rewrites(schema: Any, expected: Any) -> None:
    assert written(schema) == expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"not": {"type": "string"}}, "does not take 'not' in the schema;"),
        ({"properties": {"a": {"multipleOf": 3}}}, "does not take 'multipleOf' in the schema.a;"),
        ({"items": {"type": "number", "exclusiveMinimum": 0}}, "'exclusiveMinimum' in the schema.items;"),
        ({"allOf": [{"type": "string"}, {"enum": ["a"]}]}, "'allOf' in the schema;"),
        ({"allOf": [{"title": "A", "type": "string"}], "type": "number"}, "'allOf' in the schema;"),
        ({"$ref": "#/$defs/A", "type": "string"}, "'type' beside $ref in the schema;"),
        ({"patternProperties": {}}, "'patternProperties'"),
    ],
)
def test_what_the_subset_lacks(schema: Any, words: str) -> None:
    """Strict schemas are refused, and another model may take them; others go without the keyword."""
    with pytest.raises(InvalidRequestError) as caught:
        written(schema)
    assert words in caught.value.message
    assert "strict=False leaves out what it lacks" in caught.value.message
    assert caught.value.then is Then.NEXT
    assert not {"not", "allOf", "patternProperties"} & set(written(schema, strict=False))
