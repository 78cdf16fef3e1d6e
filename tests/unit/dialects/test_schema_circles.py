"""Schemas that hold themselves: where vendors refuse them, nothing is sent."""

from typing import Any

import pytest

from minimill._chat import ChatRequest, JsonSchema, Tool, user
from minimill._errors import InvalidRequestError, Then
from minimill.catalog import find_model
from minimill.dialects import Target, get_dialect
from minimill.dialects._schema_circles import circle_in

A, B = {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}


def node(*required: str) -> dict[str, Any]:
    kids = {"type": "array", "items": A}
    return {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"kids": kids}, "required": required}}}


@pytest.mark.parametrize(
    ("schema", "circle", "needed"),
    [
        (node(), "#/$defs/A", None),
        (node("kids"), "#/$defs/A", "#/$defs/A"),
        ({"anyOf": [A, B], "$defs": {"A": {"items": B}, "B": {"items": A}}}, "#/$defs/A", "#/$defs/A"),
        ({"properties": {"up": {"$ref": "#"}}, "required": ["up"]}, "#", "#"),
        ({"properties": {"up": {"$ref": "#"}}}, "#", None),
        ({"properties": {"a": A, "b": A}, "$defs": {"A": {"items": B}, "B": {"type": "string"}}}, None, None),
        ({"$defs": {"A": {"enum": [A]}}, "$ref": "#/$defs/A"}, None, None),
        ({"properties": {"$ref": {"type": "string"}}}, None, None),
        (True, None, None),
    ],
)
def test_circles(schema: Any, circle: str | None, needed: str | None) -> None:
    assert (circle_in(schema), circle_in(schema, required_only=True)) == (circle, needed)


def sent(provider: str, model: str, **fields: Any) -> bytes:
    offer = find_model(f"{provider}:{model}")
    request = ChatRequest((user("hi"),), max_output_tokens=100, **fields)
    target = Target(provider, offer.wire_model, offer.quirks)
    return get_dialect(provider).encode(request, target, stream=False).body


def test_anthropic_takes_no_schema_that_holds_itself() -> None:
    """https://platform.claude.com/docs/en/build-with-claude/structured-outputs lists it under what it does not take."""
    for fields in ({"response_format": JsonSchema(node())}, {"tools": (Tool("t", "", node(), strict=True),)}):
        with pytest.raises(InvalidRequestError, match=r"with '#/\$defs/A' inside itself") as caught:
            sent("anthropic", "claude-haiku-4-5", **fields)
        assert caught.value.then is Then.NEXT
    assert b'"input_schema"' in sent("anthropic", "claude-haiku-4-5", tools=(Tool("t", "", node()),))


def test_gemini_takes_it_where_the_circle_may_be_left_out() -> None:
    """A list that may be empty is no way out, says https://ai.google.dev/api/generate-content."""
    assert b'"responseJsonSchema"' in sent("gemini", "gemini-3.8-flash", response_format=JsonSchema(node()))
    with pytest.raises(InvalidRequestError, match=r"that needs '#/\$defs/A' inside itself"):
        sent("gemini", "gemini-3.8-flash", response_format=JsonSchema(node("kids")))
