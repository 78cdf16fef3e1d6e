"""Quirks of `openai_chat` that one vendor or another needs, each by itself."""

import json
from typing import Any

import pytest

from minimill._chat import ChatRequest, JsonSchema, Message, Text, Tool, user
from minimill._errors import InvalidRequestError, Then
from minimill.catalog import Quirks
from minimill.dialects import Target, get_dialect
from minimill.dialects._json import decimal

CODEC = get_dialect("openai_chat")


def body(request: ChatRequest, **quirks: Any) -> dict[str, Any]:
    """What is sent."""
    sent: dict[str, Any] = json.loads(CODEC.encode(request, Target("acme", "m", Quirks(**quirks)), stream=False).body)
    return sent


def test_a_seed_goes_where_the_vendor_reads_it() -> None:
    """And is known by our name to the lists of settings."""
    request = ChatRequest((user("hi"),), seed=7)
    assert body(request)["seed"] == 7
    assert body(request, seed_field="random_seed")["random_seed"] == 7
    assert "random_seed" not in body(request, seed_field="random_seed", ignored_params=("seed",))
    with pytest.raises(InvalidRequestError, match="does not take seed"):
        body(request, seed_field="random_seed", refused_params=("seed",))


@pytest.mark.parametrize(
    ("reasoning", "sent"), [(None, None), (False, {"enabled": False}), (True, {"enabled": True})]
)
def test_a_switch_inside_a_reasoning_table(reasoning: Any, sent: Any) -> None:
    """Nothing where nothing is asked for."""
    request = ChatRequest((user("hi"),), reasoning=reasoning)
    assert body(request, thinking_switch="reasoning_object").get("reasoning") == sent


def test_an_effort_beside_the_reasoning_table() -> None:
    """The switch is turned on where it is off by itself."""
    quirks: dict[str, Any] = {"thinking_switch": "reasoning_object", "efforts": ("low", "high")}
    sent = body(ChatRequest((user("hi"),), reasoning="high"), **quirks)
    assert (sent["reasoning"], sent["reasoning_effort"]) == ({"enabled": True}, "high")


def test_names_of_speakers() -> None:
    """Sent, refused, or left out where the request lets go what is refused."""
    named = (Message("user", (Text("hi"),), name="ada"),)
    assert body(ChatRequest(named))["messages"] == [{"role": "user", "content": "hi", "name": "ada"}]
    with pytest.raises(InvalidRequestError, match="does not take the name of a speaker") as caught:
        body(ChatRequest(named), message_names=False)
    assert caught.value.then is Then.NEXT
    target = Target("acme", "m", Quirks(message_names=False))
    sent = CODEC.encode(ChatRequest(named, drop_refused=True), target, stream=False)
    assert json.loads(sent.body)["messages"] == [{"role": "user", "content": "hi"}]
    assert sent.dropped == ("name",)
    assert CODEC.encode(ChatRequest((user("hi"),)), target, stream=False).dropped == ()


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"preset": "a"}, "preset"),
        ({"provider": {"order": ["a"], "max_price": {}}}, "provider.max_price"),
        ({"provider": {"order": ["a"]}}, None),
        ({"max_price": 1}, None),
    ],
)
def test_fields_that_no_caller_may_set(extra: dict[str, Any], name: str | None) -> None:
    """Whole ones, and those inside a table."""
    quirks = {"fixed_fields": ("preset", "provider.max_price")}
    request = ChatRequest((user("hi"),), extra=extra)
    if name is None:
        assert extra.items() <= body(request, **quirks).items()
        return
    with pytest.raises(InvalidRequestError, match=f"extra may not set '{name}'") as caught:
        body(request, **quirks)
    assert caught.value.then is Then.STOP


def test_an_answer_in_json_and_what_goes_with_it() -> None:
    """Beside tools, and in streams: another candidate may take both."""
    schema = JsonSchema({"type": "object", "properties": {}}, name="answer")
    tool = Tool("weather", "", {"type": "object", "properties": {}})
    strict = Target("acme", "m", Quirks(json_with_tools=False, schema_in_streams=False))
    beside = ChatRequest((user("json"),), tools=(tool,), response_format="json")
    streamed = ChatRequest((user("json"),), response_format=schema)
    for request, stream, words in (
        (beside, False, "together with tools; it takes one of the two"),
        (streamed, True, "by a schema in a stream; it takes it in"),
    ):
        with pytest.raises(InvalidRequestError, match=words) as caught:
            CODEC.encode(request, strict, stream=stream)
        assert caught.value.then is Then.NEXT
        sent = json.loads(CODEC.encode(request, Target("acme", "m", Quirks()), stream=stream).body)
        assert "response_format" in sent
    CODEC.encode(ChatRequest((user("json"),), response_format=schema), strict, stream=False)
    CODEC.encode(ChatRequest((user("json"),), response_format="json"), strict, stream=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000924, "0.000924"),
        (4.1400000000000003e-05, "0.0000414"),
        (1e-05, "0.00001"),
        (3, "3"),
        ("0.10", "0.10"),
        (-0.5, "-0.5"),
    ],
)
def test_a_number_as_it_was_written(value: Any, text: str) -> None:
    """Floats by their shortest text, never by their binary digits."""
    read = decimal(value)
    assert read is not None
    assert format(read, "f") == text


@pytest.mark.parametrize("value", [True, None, "", "1,5", "NaN", float("inf"), float("nan"), {}, "1e999", "٣"])
def test_what_is_no_number(value: Any) -> None:
    """Nothing is made of it."""
    assert decimal(value) is None
