"""Whether a value follows a schema."""

from typing import Any

import pytest

from minimill._routing._follows import breach

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 120},
        "kind": {"enum": ["a", "b", 1]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"tag": {"anyOf": [{"const": "x"}, {"type": "number", "exclusiveMinimum": 3}]}},
}
TREE = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"name": "Ada"}, None),
        ({"name": "Ada", "age": 36, "kind": "b", "tags": ["x", 4]}, None),
        ({"name": "Ada", "age": None, "kind": 1.0, "tags": []}, None),
        ({"name": "Ada", "age": 36.0}, None),
        ([], "/ is no object"),
        ({}, "/name is missing"),
        ({"name": "Ada", "secret": 1}, "/ has a property that is not allowed"),
        ({"name": ""}, "/name has a length outside its bounds"),
        ({"name": "Augusta"}, "/name has a length outside its bounds"),
        ({"name": 5}, "/name is no string"),
        ({"name": "Ada", "age": 36.5}, "/age is no integer or null"),
        ({"name": "Ada", "age": True}, "/age is no integer or null"),
        ({"name": "Ada", "age": 121}, "/age is a number outside its bounds"),
        ({"name": "Ada", "kind": "c"}, "/kind is none of the values that are allowed"),
        ({"name": "Ada", "kind": True}, "/kind is none of the values that are allowed"),
        ({"name": "Ada", "tags": ["x", "x", "x"]}, "/tags has a length outside its bounds"),
        ({"name": "Ada", "tags": ["x", 3]}, "/tags/1 fits none of the forms that are allowed"),
    ],
)
def test_the_shape_of_a_value(value: Any, found: str | None) -> None:
    """The first departure is named by its place, never by what stood there."""
    assert breach(value, PERSON) == found


@pytest.mark.parametrize(
    ("value", "schema", "found"),
    [
        ({"next": {"next": None}}, TREE, None),
        ({"next": {"next": 5}}, TREE, "/next fits none of the forms that are allowed"),
        (5, {"oneOf": [{"minimum": 1}, {"minimum": 2}]}, "/ fits several of the forms of which it should be one"),
        (0, {"oneOf": [{"minimum": 1}, {"minimum": 2}]}, "/ fits none of the forms of which it should be one"),
        (5, {"allOf": [{"type": "integer"}, {"maximum": 4}]}, "/ is a number outside its bounds"),
        (5, {"not": {"type": "integer"}}, "/ has the form that is not allowed"),
        ([1, "a", None], {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, "/2 is no string"),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, "/… is no string"),
        ({"a": 1}, {"properties": {"a": False}}, "/a should not be there"),
        ({}, {"minProperties": 1}, "/ has a number of properties outside its bounds"),
        ({"a/b": 1}, {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, "/ is no null"),
        (5, {"const": 6}, "/ is not the value that is allowed"),
    ],
)
def test_combinations_and_references(value: Any, schema: Any, found: str | None) -> None:
    assert breach(value, schema) == found


def test_schemas_that_refer_to_each_other_take_no_longer_with_every_level() -> None:
    """Two forms that hold each other, forty deep: each part is looked at once by each."""
    one = {"type": "object", "properties": {"a": {"$ref": "#/$defs/any"}, "op": {"const": "and"}}, "required": ["op"]}
    other = {**one, "properties": {**one["properties"], "op": {"const": "or"}}}  # type: ignore[dict-item]
    schema = {"$defs": {"any": {"anyOf": [one, other, {"type": "string"}]}}, "$ref": "#/$defs/any"}
    value: Any = "leaf"
    for _ in range(20):
        value = {"a": value, "op": "or"}
    assert breach(value, schema) is None
    assert breach({"a": {"a": 5, "op": "or"}, "op": "or"}, schema) == "/ fits none of the forms that are allowed"


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        None,
        {"type": "strange"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://elsewhere.example/schema"},
        {"$ref": "#"},
        {"pattern": "^(a+)+$", "format": "date"},
        {"patternProperties": {"^a": {}}, "additionalProperties": False},
        {"properties": 5, "required": 5, "items": 5, "anyOf": [], "enum": 5},
    ],
)
def test_what_a_schema_does_not_say_is_allowed(schema: Any) -> None:
    """Nor does a schema that refers to itself, or makes no sense, keep anybody busy."""
    assert breach({"abc": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}, schema) is None
