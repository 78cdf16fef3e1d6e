"""The subset of JSON Schema for strict answers. https://developers.openai.com/api/docs/guides/structured-outputs."""

import json
from typing import Any

import pytest

from minimill._chat import ChatRequest, JsonSchema, Tool, user
from minimill._errors import InvalidRequestError, Then
from minimill.catalog import Quirks, find_model
from minimill.dialects import Target, get_dialect
from minimill.dialects._strict_schema import strict_schema

NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/Node", "default": None}},
    "required": ["value"],
}
CLOSED_NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/Node"}},
    "required": ["value", "next"],
    "additionalProperties": False,
}


def test_a_model_that_holds_itself_is_an_object_at_the_root() -> None:
    """Pydantic writes a bare reference there, which the vendor answers with 400: the root has to be an object."""
    assert strict_schema({"$defs": {"Node": NODE}, "$ref": "#/$defs/Node"}) == {
        **CLOSED_NODE,
        "$defs": {"Node": CLOSED_NODE},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/None", "$defs": {"Node": {"type": "string"}}},
        {"$ref": "https://example.org/a.json"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
    ],
)
def test_a_reference_that_leads_nowhere_stays(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) == schema


def test_one_of_several_is_any_of_them() -> None:
    """Unions told apart by a field: a value that fits one fits no other."""
    cat, dog = {"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}
    union = {"oneOf": [cat, dog], "discriminator": {"propertyName": "kind"}, "title": "Pet"}
    assert strict_schema(union) == {"anyOf": [cat, dog], "title": "Pet"}


def test_properties_of_such_names_are_kept() -> None:
    schema = {"properties": {name: {"type": "string"} for name in ("oneOf", "discriminator", "default")}}
    assert strict_schema(schema) == {
        **schema,
        "additionalProperties": False,
        "required": ["oneOf", "discriminator", "default"],
    }


def test_what_a_property_is_for_stands_around_its_reference() -> None:
    """Nothing may stand beside `$ref`, and the model shall read the description all the same."""
    told = {"$ref": "#/$defs/Color", "description": "of the roof", "title": "Color"}
    assert strict_schema(told) == {"anyOf": [{"$ref": "#/$defs/Color"}], "description": "of the roof"}


OPEN = {
    "type": "object",
    "properties": {"counts": {"type": "object", "additionalProperties": {"type": "integer"}}},
    "required": ["counts"],
}


@pytest.mark.parametrize(("dialect", "model"), [("openai_responses", "gpt-5.6-luna"), ("openai_chat", "gpt-4o")])
def test_open_objects_are_refused_before_sending(dialect: str, model: str) -> None:
    """OpenAI answers a strict schema with a `dict` in it with 400; without `strict` it takes it."""
    offer = find_model(f"openai:{model}")
    target, codec = Target("openai", offer.wire_model, offer.quirks), get_dialect(dialect)
    with pytest.raises(InvalidRequestError, match="property names are open") as caught:
        codec.encode(ChatRequest((user("hi"),), response_format=JsonSchema(OPEN)), target, stream=False)
    assert (caught.value.then, "strict=False" in str(caught.value)) == (Then.NEXT, True)
    with pytest.raises(InvalidRequestError, match="'count'"):
        tools = (Tool("count", "", OPEN, strict=True),)
        codec.encode(ChatRequest((user("hi"),), tools=tools), target, stream=False)
    loose = ChatRequest((user("hi"),), response_format=JsonSchema(OPEN, strict=False))
    body = json.loads(codec.encode(loose, target, stream=False).body)
    told = body["text"]["format"] if "text" in body else body["response_format"]["json_schema"]
    assert (told["schema"], told["strict"]) == (OPEN, False)


def test_open_objects_pass_where_the_vendor_takes_them() -> None:
    request = ChatRequest((user("hi"),), response_format=JsonSchema(OPEN))
    body = json.loads(get_dialect("openai_chat").encode(request, Target("a", "m", Quirks()), stream=False).body)
    assert body["response_format"]["json_schema"]["schema"] == {**OPEN, "additionalProperties": False}


def test_an_object_with_properties_is_closed_where_it_has_to_be() -> None:
    """Fewer answers fit, and each of them fits the original."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}
    assert strict_schema(schema, narrow=True) == {
        "type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False, "required": ["a"],
    }  # fmt: skip
    assert strict_schema(schema)["additionalProperties"] is True


@pytest.mark.parametrize(("dialect", "model"), [("openai_responses", "gpt-5.6-luna"), ("openai_chat", "gpt-4o")])
def test_arguments_of_a_tool_are_an_object_at_the_root(dialect: str, model: str) -> None:
    """Also without `strict`: the vendor refuses a schema of arguments whose type is not said."""
    offer = find_model(f"openai:{model}")
    target = Target("openai", offer.wire_model, offer.quirks)
    request = ChatRequest((user("hi"),), tools=(Tool("walk", "", {"$defs": {"Node": NODE}, "$ref": "#/$defs/Node"}),))
    (sent,) = json.loads(get_dialect(dialect).encode(request, target, stream=False).body)["tools"]
    assert sent.get("function", sent)["parameters"] == {**NODE, "$defs": {"Node": NODE}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array", "items": {"type": "string"}}, "its root is no object"),
        ({"anyOf": [CLOSED_NODE, {"type": "object", "properties": {}}]}, "its root is no object"),
        ({"type": "object", "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}]}}}, "a tuple"),
        ({"type": "object", "properties": {"x": {"title": "X"}}}, "a value of any type"),
        ({"type": "object", "properties": {"x": {"type": "array", "items": {}}}}, "a value of any type"),
        ({"type": "object", "properties": {"x": {"type": "object", "additionalProperties": True}}}, "names are open"),
    ],
)
def test_what_openai_does_not_take(schema: dict[str, Any], words: str) -> None:
    """Each of these is answered with 400, code `invalid_json_schema`; elsewhere they pass."""
    with pytest.raises(ValueError, match=words):
        strict_schema(schema, narrow=True)
    assert strict_schema(schema) is not schema


def test_values_of_several_types_pass() -> None:
    values = [{"type": ["string", "null"]}, {"enum": [1, "a"]}, {"const": 2}, {"anyOf": [{"type": "null"}]}]
    values.append({"type": "string", "x-shown": {"as": "text"}})
    schema = {"type": "object", "properties": {f"v{place}": value for place, value in enumerate(values)}}
    assert strict_schema(schema, narrow=True)["properties"] == schema["properties"]
