"""A request in our words becomes exactly this body."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from minimill._chat import (
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Text,
    Tool,
    ToolCall,
    assistant,
    user,
)
from minimill._errors import Billed, InvalidRequestError, Then
from minimill.dialects import Dialect, Target

Make = Callable[..., Target]
BodyOf = Callable[..., dict[str, Any]]
WEATHER = Tool(
    "weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)
WIRE_WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PNG = b"\x89PNG"


def test_smallest_body_is_compact_raw_utf8(codec: Dialect, target: Make) -> None:
    """Nothing but model and messages is sent; no spaces, no escapes."""
    sent = codec.encode(ChatRequest((user("为什么天是蓝的?"),)), target(), stream=False)
    assert sent.body == '{"model":"m-1","messages":[{"role":"user","content":"为什么天是蓝的?"}]}'.encode()
    assert (sent.method, sent.path, sent.headers) == ("POST", "/chat/completions", ())


def test_path_is_the_vendors(codec: Dialect, target: Make) -> None:
    """A vendor may serve chat elsewhere."""
    sent = codec.encode(ChatRequest((user("hi"),)), target(chat_path="/v2/chat"), stream=False)
    assert sent.path == "/v2/chat"


@pytest.mark.parametrize(
    ("quirks", "expected"),
    [
        ({}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream_usage": "always"}, {"stream": True}),
        ({"stream_usage": "never"}, {"stream": True}),
        ({"refused_params": ("stream_options",)}, {"stream": True}),
    ],
)
def test_streams_ask_for_usage(body_of: BodyOf, target: Make, quirks: Any, expected: Any) -> None:
    """Usage is asked for wherever the vendor takes the question."""
    assert body_of(target(**quirks), stream=True) == expected


def test_a_vendor_that_only_streams_is_asked_to(body_of: BodyOf, target: Make) -> None:
    """A plain call becomes a stream, which is collected."""
    sent = body_of(target(stream_only=True), stream=False)
    assert sent == {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_output_limit_goes_into_the_vendors_field(body_of: BodyOf, target: Make, field: str) -> None:
    """The limit is sent in the field that the model honours, and in no other."""
    assert body_of(target(output_limit_field=field), max_output_tokens=77) == {field: 77}


def test_every_setting(body_of: BodyOf, target: Make) -> None:
    """Settings keep their names on this wire."""
    sent = body_of(
        target(service_tiers=("flex",)),
        temperature=0.5,
        top_p=0.9,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        stop=("a", "b"),
        seed=7,
        n=3,
        logprobs=True,
        top_logprobs=2,
        service_tier="flex",
        user="u-1",
    )
    assert sent == {
        "temperature": 0.5,
        "top_p": 0.9,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "stop": ["a", "b"],
        "seed": 7,
        "n": 3,
        "logprobs": True,
        "top_logprobs": 2,
        "service_tier": "flex",
        "user": "u-1",
    }


def test_zeros_are_sent(body_of: BodyOf, target: Make) -> None:
    """Zero is a setting, not the absence of one."""
    sent = body_of(target(), temperature=0.0, seed=0, top_logprobs=0, logprobs=False)
    assert sent == {"temperature": 0.0, "seed": 0, "top_logprobs": 0, "logprobs": False}


def test_top_logprobs_brings_logprobs(body_of: BodyOf, target: Make) -> None:
    """The second means nothing without the first."""
    assert body_of(target(), top_logprobs=3) == {"logprobs": True, "top_logprobs": 3}


def test_user_field(body_of: BodyOf, target: Make) -> None:
    """The end user's id goes under the vendor's name."""
    assert body_of(target(user_field="user_id"), user="u-1") == {"user_id": "u-1"}


def test_a_user_where_there_is_no_field_for_one(body_of: BodyOf, codec: Dialect, target: Make) -> None:
    """Refused as any other setting, or left out and named; what a caller names a field of the vendor's own is sent."""
    nameless = target(user_field=None)
    with pytest.raises(InvalidRequestError, match="does not take user at all; it takes the request without it"):
        body_of(nameless, user="u-1")
    assert body_of(nameless, user="u-1", drop_refused=True) == {}
    assert body_of(nameless, extra={"user": "u-1"}) == {"user": "u-1"}


def test_ordinary_tier_is_not_sent_where_there_are_none(body_of: BodyOf, target: Make) -> None:
    """Asking for the ordinary tier is no setting."""
    assert body_of(target(), service_tier="default") == {}


# --- tools ---


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        (NamedTool("weather"), {"type": "function", "function": {"name": "weather"}}),
    ],
)
def test_tools_and_choice(body_of: BodyOf, target: Make, choice: Any, wire: Any) -> None:
    """Tools, the choice among them, and whether several may be called."""
    sent = body_of(target(), tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=False)
    assert sent == {"tools": [WIRE_WEATHER], "tool_choice": wire, "parallel_tool_calls": False}


def test_choice_without_tools_is_left_out(body_of: BodyOf, target: Make) -> None:
    """`auto` and `none` say nothing without tools, and servers refuse them."""
    assert body_of(target(), tool_choice="auto", parallel_tool_calls=True) == {}
    assert body_of(target(), tool_choice="none") == {}


def test_auto_is_left_out_where_it_is_not_taken(body_of: BodyOf, target: Make) -> None:
    """`auto` is what happens anyway."""
    sent = body_of(target(tool_choices=("none",)), tools=(WEATHER,), tool_choice="auto")
    assert sent == {"tools": [WIRE_WEATHER]}


def test_strict_tool_is_narrowed(body_of: BodyOf, target: Make) -> None:
    """A strict function closes its objects and asks for every property."""
    sent = body_of(target(), tools=(Tool("f", parameters=WEATHER.parameters, strict=True),))
    assert sent["tools"][0]["function"] == {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "additionalProperties": False,
            "required": ["city"],
        },
        "strict": True,
    }


def test_strict_is_left_out_where_it_is_not_known(body_of: BodyOf, target: Make) -> None:
    """The function is sent as it is."""
    sent = body_of(target(strict_tools=False), tools=(Tool("f", parameters={}, strict=True),))
    assert sent["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {}}}]


# --- structured answers ---


class City(BaseModel):
    """A city."""

    name: str
    people: int | None = None


def test_json_schema(body_of: BodyOf, target: Make) -> None:
    """A pydantic model becomes a strict schema: closed, every property required, no defaults."""
    sent = body_of(target(), response_format=JsonSchema.of(City))
    assert sent == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "City",
                "schema": {
                    "description": "A city.",
                    "properties": {
                        "name": {"title": "Name", "type": "string"},
                        "people": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "People"},
                    },
                    "required": ["name", "people"],
                    "title": "City",
                    "type": "object",
                    "additionalProperties": False,
                },
                "strict": True,
            },
        }
    }


def test_loose_json_schema_is_sent_as_it_is(body_of: BodyOf, target: Make) -> None:
    """Nothing is narrowed that was not meant to be strict."""
    loose = JsonSchema({"type": "object", "properties": {"a": {}}}, "x", strict=False, description="d")
    schema = {"name": "x", "description": "d", "schema": {"type": "object", "properties": {"a": {}}}}
    assert body_of(target(), response_format=loose) == {
        "response_format": {"type": "json_schema", "json_schema": {**schema, "strict": False}}
    }
    assert body_of(target(strict_schemas=False), response_format=loose) == {
        "response_format": {"type": "json_schema", "json_schema": schema}
    }


def test_json_object_and_text(body_of: BodyOf, target: Make) -> None:
    """`json` has a word of its own; `text` is what happens anyway."""
    assert body_of(target(), response_format="json") == {"response_format": {"type": "json_object"}}
    assert body_of(target(), response_format="text") == {}


def test_json_word(body_of: BodyOf, target: Make) -> None:
    """Where the prompt must speak of JSON, one that does passes."""
    quirky = target(json_word_needed=True)
    sent = body_of(quirky, messages=(user("As JSON please"),), response_format="json")
    assert sent["response_format"] == {"type": "json_object"}
    with pytest.raises(InvalidRequestError, match="json"):
        body_of(quirky, response_format="json")


# --- extra fields ---


def test_extra_fields(body_of: BodyOf, target: Make) -> None:
    """Fields of the vendor's own are put over everything else; tables are merged, tools added."""
    sent = body_of(
        target(extra_body={"enable_search": False, "top_k": 5}),
        temperature=0.1,
        tools=(WEATHER,),
        extra={"top_k": 9, "temperature": 0.2, "tools": [{"type": "web_search"}]},
    )
    assert sent == {
        "temperature": 0.2,
        "tools": [WIRE_WEATHER, {"type": "web_search"}],
        "enable_search": False,
        "top_k": 9,
    }


def test_chat_template_settings_live_together(body_of: BodyOf, target: Make) -> None:
    """The thinking switch does not push out what the provider file and the caller put beside it."""
    quirky = target(thinking_switch="chat_template", extra_body={"chat_template_kwargs": {"a": 1}})
    sent = body_of(quirky, reasoning=False, extra={"chat_template_kwargs": {"b": 2}})
    assert sent == {"chat_template_kwargs": {"a": 1, "enable_thinking": False, "b": 2}}


@pytest.mark.parametrize(
    "key",
    [
        "model", "models", "messages", "stream", "stream_options", "n", "best_of", "max_tokens",
        "max_completion_tokens", "service_tier",
    ],
)  # fmt: skip
def test_extra_may_not_defeat_the_ceiling(body_of: BodyOf, target: Make, key: str) -> None:
    """What decides the most that a call can cost cannot be smuggled in."""
    with pytest.raises(InvalidRequestError, match=f"'{key}'") as caught:
        body_of(target(), extra={key: 1})
    assert (caught.value.then, caught.value.billed) == (Then.STOP, Billed.NO)


@pytest.mark.parametrize(
    "key",
    [
        "enable_thinking", "thinking", "thinking_budget", "thinking_token_budget", "reasoning",
        "reasoning_effort", "think_at_most",
    ],
)  # fmt: skip
def test_extra_may_not_set_how_the_model_thinks(body_of: BodyOf, target: Make, key: str) -> None:
    """Thinking has a price of its own, and an argument of its own."""
    with pytest.raises(InvalidRequestError, match=f"'{key}'.*use reasoning= instead") as caught:
        body_of(target(thinking_budget_field="think_at_most"), extra={key: 1})
    assert (caught.value.then, caught.value.billed) == (Then.STOP, Billed.NO)


@pytest.mark.parametrize("key", ["enable_thinking", "thinking"])
def test_nor_inside_the_template_settings(body_of: BodyOf, target: Make, key: str) -> None:
    """Other template settings pass."""
    with pytest.raises(InvalidRequestError, match=f"'chat_template_kwargs.{key}'.*reasoning="):
        body_of(target(), extra={"chat_template_kwargs": {"a": 1, key: True}})
    assert body_of(target(), extra={"chat_template_kwargs": {"a": 1}}) == {"chat_template_kwargs": {"a": 1}}


# --- refusals before sending ---


@pytest.mark.parametrize(
    ("quirks", "fields", "words"),
    [
        ({"refused_params": ("temperature",)}, {"temperature": 1.0}, "temperature"),
        ({"refused_params": ("user",), "user_field": "user_id"}, {"user": "x"}, "user"),
        ({"refused_params": ("logit_bias",)}, {"extra": {"logit_bias": {}}}, "logit_bias"),
        ({"refused_params": ("n",)}, {"n": 2}, "take n"),
        (
            {"thinking_refused_params": ("top_p",), "thinking_default": "on"},
            {"top_p": 1.0},
            "top_p at all while it thinks",
        ),
        ({"max_temperature": 1.0}, {"temperature": 1.5}, "temperature 1.5; it takes 0 to 1.0"),
        ({"min_top_p": 0.01}, {"top_p": 0.0}, "top_p 0.0; it takes 0.01 to any"),
        ({"max_n": 1}, {"n": 2}, "n 2; it takes at most 1"),
        ({"max_stop": 1}, {"stop": ("a", "b")}, "stop with 2 strings; it takes at most 1"),
        ({"output_limit_max": 10}, {"max_output_tokens": 11}, "max_output_tokens 11; it takes 1 to 10"),
        ({"output_limit_min": 5}, {"max_output_tokens": 4}, "max_output_tokens 4; it takes 5 or more"),
        ({"max_tools": 1}, {"tools": (WEATHER, Tool("b"))}, "at most 1"),
        (
            {"tool_choices": ("auto",)},
            {"tools": (WEATHER,), "tool_choice": "required"},
            "tool_choice 'required'; it takes one of auto",
        ),
        (
            {"thinking_tool_choices": ("auto", "none"), "thinking_default": "on"},
            {"tools": (WEATHER,), "tool_choice": NamedTool("weather")},
            "tool_choice 'named'; it takes one of auto, none",
        ),
        ({"service_tiers": ("flex",)}, {"service_tier": "fast"}, "service_tier 'fast'; it takes one of flex"),
        ({}, {"service_tier": "fast"}, "service_tier 'fast'"),
        (
            {"image_sources": ("data",)},
            {"messages": (user([Image(url="https://x.example/a")]),)},
            "an image by url; it takes images by data",
        ),
        (
            {"image_details": ("low",)},
            {"messages": (user([Image(data=PNG, detail="max")]),)},
            "detail of an image max; it takes one of low",
        ),
        ({}, {"messages": (user([File(url="https://x.example/a.pdf")]),)}, "a file by address"),
    ],
)
def test_a_refused_setting_goes_to_the_next_candidate(
    body_of: BodyOf, target: Make, quirks: Any, fields: Any, words: str
) -> None:
    """The text names setting, model and what is accepted; nothing was sent."""
    with pytest.raises(InvalidRequestError) as caught:
        body_of(target(**quirks), **fields)
    error = caught.value
    assert (error.then, error.billed, error.status) == (Then.NEXT, Billed.NO, None)
    assert words in error.message
    assert error.message.startswith("acme:m-1 does not take ")
    assert error.message.endswith("Nothing was sent")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tool_choice": "required"}, "the request has none"),
        ({"tool_choice": NamedTool("weather")}, "the request has none"),
        ({"tools": (WEATHER,), "tool_choice": NamedTool("x")}, "'x'"),
        ({"temperature": float("nan")}, "temperature is not a finite number"),
        ({"extra": {"a": object()}}, "cannot be written as JSON"),
        ({"messages": (user("\ud800"),)}, "cannot be written as JSON"),
        ({"messages": (assistant([Image(data=PNG)]),)}, "a part Image in a message of role 'assistant'"),
        ({"messages": (user([ToolCall("a", "b", "c")]),)}, "a part ToolCall in a message of role 'user'"),
        ({"messages": (Message("tool", (Text("a"),)),)}, "a part Text in a message of role 'tool'"),
        ({"reasoning": -1}, "reasoning -1"),
    ],
)
def test_a_request_that_is_wrong_everywhere_stops(
    body_of: BodyOf, target: Make, fields: Any, words: str
) -> None:
    """No other candidate could take it either."""
    with pytest.raises(InvalidRequestError) as caught:
        body_of(target(), **fields)
    assert (caught.value.then, caught.value.billed) == (Then.STOP, Billed.NO)
    assert words in caught.value.message
