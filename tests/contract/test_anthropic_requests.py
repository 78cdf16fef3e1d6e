"""Messages requests: our words in, the exact wire out, for the models that ship.

Cases are written from https://platform.claude.com/docs/en/api/messages and the pages named in the provider file.
"""

import json
from typing import Any

import pytest

from minimill._chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    assistant,
    system,
    tool,
    user,
)
from minimill._errors import Billed, InvalidRequestError, Then
from minimill.catalog import load_provider
from minimill.dialects import Target, WireRequest, get_dialect

CODEC = get_dialect("anthropic")
NEW, OLD, MIXED = "claude-opus-5-5", "claude-sonnet-4-5", "claude-opus-4-6"
WEATHER = Tool("weather", "Tells it.", {"type": "object", "properties": {"city": {"type": "string"}}})
WIRE_WEATHER = {"name": "weather", "description": "Tells it.", "input_schema": WEATHER.parameters}
CALL = ToolCall("toolu_1", "weather", '{"city": "A"}')
WIRE_CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "A"}}
SHOWN = {"thinking": {"type": "adaptive", "display": "summarized"}}
"""From Opus 4.7 on the text of thoughts has to be asked for."""


def target(model: str) -> Target:
    provider = load_provider("anthropic")
    return Target("anthropic", model, provider.models[model].quirks, provider.errors)


def encoded(model: str, *messages: Message, stream: bool = False, **fields: Any) -> WireRequest:
    fields.setdefault("max_output_tokens", 4096)
    return CODEC.encode(ChatRequest(messages or (user("hi"),), **fields), target(model), stream=stream)


def body(model: str, *messages: Message, **fields: Any) -> dict[str, Any]:
    """The body without what every request has."""
    sent: dict[str, Any] = json.loads(encoded(model, *messages, **fields).body)
    assert sent.pop("model") == model
    assert sent.pop("max_tokens") == fields.get("max_output_tokens", 4096)
    if not messages:
        assert sent.pop("messages") == [{"role": "user", "content": "hi"}]
    return sent


def refused(model: str, *messages: Message, **fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        encoded(model, *messages, **fields)
    assert caught.value.billed is Billed.NO
    assert caught.value.message.endswith("Nothing was sent")
    return caught.value


def test_the_smallest_request() -> None:
    """Path, version header and body are exact."""
    wire = encoded(OLD)
    assert (wire.method, wire.path) == ("POST", "/v1/messages")
    assert wire.headers == (("anthropic-version", "2023-06-01"),)
    assert json.loads(wire.body) == {
        "model": OLD,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_newer_models_get_the_newer_version() -> None:
    wire = encoded(NEW, stream=True)
    assert wire.headers == (("anthropic-version", "2026-10-21"),)
    assert json.loads(wire.body) == {
        "model": NEW,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
    }


def test_system_messages_are_put_together_at_the_top() -> None:
    assert body(NEW, system("Be brief."), user("hi")) == {
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert body(NEW, system("One."), user("hi"), system("Two.")) == {
        "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_turns_of_one_role_become_one_and_results_come_first() -> None:
    messages = (
        user("weather?"),
        Message("assistant", (Text(""), CALL, ToolCall("toolu_2", "weather", ""))),
        tool(ToolResult("toolu_1", "sun")),
        user("and be quick"),
        tool(ToolResult("toolu_2", "no such city", is_error=True)),
    )
    assert body(NEW, *messages)["messages"] == [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": [WIRE_CALL, {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": "no such city",
                    "is_error": True,
                },
                {"type": "text", "text": "and be quick"},
            ],
        },
    ]


def test_ids_of_other_vendors_become_ids_that_are_taken() -> None:
    """Call and result keep the same id, and different ids stay different."""
    calls = (ToolCall("functions.f:0", "f", "{}"), ToolCall("functions:f.0", "f", "{}"))
    results = tool(ToolResult("functions.f:0", "a"), ToolResult("functions:f.0", "b"))
    sent = body(NEW, user("hi"), Message("assistant", calls), results)["messages"]
    made = [block["id"] for block in sent[1]["content"]]
    assert made == ["functions_f_0_b9a7d792", "functions_f_0_4872c00f"]
    assert [block["tool_use_id"] for block in sent[2]["content"]] == made


def test_broken_arguments_of_a_call_are_refused() -> None:
    error = refused(NEW, user("hi"), Message("assistant", (ToolCall("t", "f", '{"a": '),)))
    assert "broken arguments" in error.message
    assert error.then is Then.NEXT


def test_pictures_and_documents() -> None:
    parts = (
        Text("look"),
        Image(url="https://e.example/a.png", detail="high"),
        Image(url="data:image/gif;base64,R0lGODk="),
        Image(data=b"\xff\xd8", media_type="image/jpeg"),
        File(url="https://e.example/a.pdf"),
        File(data=b"%PDF", name="a.pdf"),
        File(data=b"words", media_type="text/markdown"),
        File(file_id="file_1"),
        File(file_id="file_2", media_type="image/png"),
    )
    assert body(NEW, Message("user", parts))["messages"][0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "url", "url": "https://e.example/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGODk="}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9g="}},
        {"type": "document", "source": {"type": "url", "url": "https://e.example/a.pdf"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_2"}},
    ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message("user", (Audio(b"x"),)), "a part Audio"),
        (Message("user", (Image(data=b"x", media_type="image/bmp"),)), "an image of type image/bmp"),
        (Message("user", (Image(url="data:image/png,x"),)), "data URLs in base64"),
        (Message("user", (File(data=b"x", media_type="application/zip"),)), "a file of type application/zip"),
        (Message("user", (File(data=b"\xff", media_type="text/plain"),)), "not in UTF-8"),
        (Message("user", (Text(""),)), "says nothing"),
        (Message("assistant", (Image(url="https://e.example"),)), "a part Image"),
        (Message("tool", (Text("x"),)), "a part Text"),
        (Message("system", (Image(url="https://e.example"),)), "a part Image"),
        (system("only this"), "no message of a user"),
    ],
)
def test_what_the_wire_cannot_say_is_refused(message: Message, words: str) -> None:
    assert words in refused(NEW, message).message


def test_thinking_goes_back_unchanged_to_the_model_that_made_it() -> None:
    """Signed and redacted thinking, and blocks of the vendor's own, in their order; other thinking stays here."""
    redacted = '{"type":"redacted_thinking","data":"EuYBCkQ=="}'
    search = '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}'
    parts = (
        Reasoning("mine", "SIG==", "anthropic", NEW),
        Reasoning("", redacted, "anthropic", NEW),
        Reasoning("other model", "SIG2", "anthropic", OLD),
        Reasoning("other vendor", "SIG3", "doubao"),
        Reasoning("unsigned", None, "anthropic"),
        Reasoning("", search, "anthropic"),
        Text("b"),
        CALL,
    )
    sent = body(NEW, user("hi"), Message("assistant", parts), tool(ToolResult("toolu_1", "sun")))
    assert sent["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "mine", "signature": "SIG=="},
        {"type": "redacted_thinking", "data": "EuYBCkQ=="},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "text", "text": "b"},
        WIRE_CALL,
    ]


def test_a_beginning_of_the_answer_is_for_older_models_only() -> None:
    assert body(OLD, user("hi"), assistant("I"))["messages"][-1] == {"role": "assistant", "content": "I"}
    assert "a last message of the assistant" in refused(NEW, user("hi"), assistant("I")).message


def test_a_paused_turn_is_sent_back_to_every_model() -> None:
    search = '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}'
    paused = Message("assistant", (Text("I look."), Reasoning("", search, "anthropic")))
    assert len(body(NEW, user("hi"), paused)["messages"][-1]["content"]) == 2


def test_cache_marks_with_both_lifetimes() -> None:
    messages = (
        system([Text("rules", cache="long")]),
        Message("user", (Text("a"), File(data=b"x", media_type="text/plain", cache=True))),
        Message("assistant", (CALL,)),
        tool(ToolResult("toolu_1", "sun", cache=True)),
    )
    sent = body(NEW, *messages)
    short, long = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
    assert sent["system"] == [{"type": "text", "text": "rules", "cache_control": long}]
    assert sent["messages"][0]["content"][1]["cache_control"] == short
    assert sent["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun", "cache_control": short}
    ]
    five = Message("user", tuple(Text(word, cache=True) for word in "abcde"))
    assert "cache marks (5 of them); it takes at most 4" in refused(NEW, five).message


@pytest.mark.parametrize(
    ("model", "fields", "choice"),
    [
        (NEW, {}, None),
        (NEW, {"tool_choice": "auto"}, {"type": "auto"}),
        (NEW, {"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        (NEW, {"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (NEW, {"parallel_tool_calls": True}, None),
        (OLD, {"tool_choice": "required"}, {"type": "any"}),
        (
            OLD,
            {"tool_choice": NamedTool("weather"), "parallel_tool_calls": False},
            {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        ),
        (MIXED, {"tool_choice": "required", "reasoning": True}, {"type": "any"}),
    ],
)
def test_tools(model: str, fields: dict[str, Any], choice: Any) -> None:
    sent = body(model, tools=(WEATHER,), **fields)
    assert sent["tools"] == [WIRE_WEATHER]
    assert sent.get("tool_choice") == choice


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (NEW, {"tool_choice": "required"}, "tool_choice 'required'; it takes one of auto, none"),
        (NEW, {"tool_choice": NamedTool("weather")}, "tool_choice 'named'"),
        (OLD, {"tool_choice": NamedTool("x")}, "which is none of the tools"),
        (OLD, {"tool_choice": "required", "reasoning": True}, "tool_choice 'required'"),
    ],
)
def test_refused_tool_choices(model: str, fields: dict[str, Any], words: str) -> None:
    assert words in refused(model, tools=(WEATHER,), **fields).message
    assert "the request has none" in refused(OLD, tool_choice="required").message


def test_strict_tools_and_tools_without_a_schema() -> None:
    strict = Tool("f", "", {"properties": {"a": {"type": "integer", "minimum": 1}}}, strict=True)
    assert body(NEW, tools=(strict, Tool("g", "", {})))["tools"] == [
        {
            "name": "f",
            "input_schema": {
                "type": "object",
                "properties": {"a": {"type": "integer", "description": "{minimum: 1}"}},
                "additionalProperties": False,
            },
            "strict": True,
        },
        {"name": "g", "input_schema": {"type": "object"}},
    ]


def test_structured_answers() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert body(NEW, response_format=JsonSchema(schema, description="Say it."), reasoning="low") == SHOWN | {
        "output_config": {
            "format": {
                "type": "json_schema",
                "schema": {**schema, "additionalProperties": False, "description": "Say it."},
            },
            "effort": "low",
        }
    }
    assert "there is no JSON mode" in refused(NEW, response_format="json").message
    open_names = {"type": "object", "additionalProperties": {"type": "string"}}
    assert "list its properties" in refused(NEW, response_format=JsonSchema(open_names)).message


ADAPTIVE, DISABLED = {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}


def budget(tokens: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def effort(word: str) -> dict[str, Any]:
    return {"output_config": {"effort": word}}


@pytest.mark.parametrize(
    ("model", "setting", "expected"),
    [
        ("claude-fable-5-2", None, {}),
        ("claude-fable-5-2", True, SHOWN),
        ("claude-fable-5-2", "max", SHOWN | effort("max")),
        (NEW, 8192, SHOWN | effort("medium")),
        ("claude-sonnet-5-5", False, {"thinking": {"type": "between_tools"}}),
        ("claude-sonnet-5-5", True, SHOWN),
        ("claude-haiku-5-5", "none", DISABLED),
        ("claude-opus-5", "xhigh", SHOWN | effort("xhigh")),
        ("claude-opus-4-8", 0, DISABLED),
        ("claude-opus-4-8", "minimal", SHOWN | effort("low")),
        ("claude-sonnet-5", 500, SHOWN | effort("low")),
        (MIXED, "max", ADAPTIVE | effort("max")),
        (MIXED, 2000, budget(2000)),
        (MIXED, False, DISABLED),
        (OLD, True, budget(3072)),
        (OLD, "low", budget(1024)),
        (OLD, 4095, budget(4095)),
        (OLD, False, DISABLED),
        (OLD, None, {}),
    ],
)
def test_reasoning(model: str, setting: Any, expected: dict[str, Any]) -> None:
    """One setting, in the words of each model."""
    assert body(model, reasoning=setting) == expected


@pytest.mark.parametrize(
    ("model", "setting", "words"),
    [
        ("claude-fable-5-2", False, "does not take reasoning off"),
        (NEW, "none", "does not take reasoning off"),
        (MIXED, "xhigh", "reasoning 'xhigh'; it takes low, medium, high, max, a number of tokens"),
        (OLD, 1023, "reasoning 1023; it takes 1024 or more, and less than max_output_tokens (4096)"),
        (OLD, 4096, "reasoning 4096"),
        (OLD, -1, "below 0"),
    ],
)
def test_refused_reasoning(model: str, setting: Any, words: str) -> None:
    assert words in refused(model, reasoning=setting).message


def test_an_effort_needs_room_for_a_budget() -> None:
    assert "max_output_tokens 1024; it takes more than 1024" in refused(
        OLD, reasoning="low", max_output_tokens=1024
    ).message
    assert body(OLD, reasoning="max", max_output_tokens=64_000) == budget(48_000)


def test_settings() -> None:
    assert body(OLD, temperature=0.5, top_p=0.9, stop=("END",), user="u1") == {
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
    }
    assert body(OLD, extra={"top_k": 5, "metadata": {"x": 1}}, user="u1") == {
        "top_k": 5,
        "metadata": {"user_id": "u1", "x": 1},
    }


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (NEW, {"temperature": 1.0}, "does not take temperature at all"),
        (NEW, {"top_p": 1.0}, "does not take top_p at all"),
        (NEW, {"extra": {"top_k": 5}}, "does not take top_k at all"),
        (OLD, {"temperature": 1.5}, "temperature 1.5; it takes 0 to 1"),
        (OLD, {"temperature": float("nan")}, "not a finite number"),
        (OLD, {"temperature": 0.5, "reasoning": True}, "temperature at all while it thinks"),
        (OLD, {"seed": 0}, "does not take seed"),
        (OLD, {"n": 2}, "does not take n 2"),
        (OLD, {"top_logprobs": 0}, "does not take top_logprobs"),
        (OLD, {"presence_penalty": 0.0}, "does not take presence_penalty"),
        (OLD, {"service_tier": "flex"}, "service_tier 'flex'; it takes one of auto, standard"),
        (OLD, {"service_tier": "fast"}, "service_tier 'fast'"),
        (OLD, {"max_output_tokens": None}, "needs max_output_tokens"),
        (NEW, {"extra": {"speed": "fast"}}, "use service_tier='fast'"),
        (NEW, {"extra": {"inference_geo": "us"}}, "use service_tier='us'"),
        (NEW, {"extra": {"cache_control": {}}}, "use cache=True on a part"),
        (NEW, {"extra": {"max_tokens": 9}}, "extra may not set 'max_tokens'"),
        (NEW, {"extra": {"thinking": {"type": "adaptive"}}}, "use reasoning= instead"),
        (NEW, {"extra": {"output_config": {"effort": "max"}}}, "'output_config.effort'"),
        (NEW, {"extra": {"betas": "a"}}, "betas in extra"),
        (NEW, {"extra": {"betas": ["a\r\nx-key: b"]}}, "betas in extra"),
        ("claude-opus-4-8", {"extra": {"thinking": {"display": "summarized"}}}, "goes with reasoning="),
    ],
)
def test_refused_settings(model: str, fields: dict[str, Any], words: str) -> None:
    """What a model would answer with an error, or what would cost more than was reserved, is not sent."""
    assert words in refused(model, **fields).message


def test_service_tiers_and_betas() -> None:
    fast = encoded(NEW, service_tier="fast", extra={"betas": ["a-1"]})
    assert dict(fast.headers)["anthropic-beta"] == "a-1,fast-mode-2026-02-01"
    assert body(NEW, service_tier="fast") == {"speed": "fast"}
    assert body(NEW, service_tier="us") == {"inference_geo": "us"}
    assert body(NEW, service_tier="standard") == {"service_tier": "standard_only"}
    assert body(NEW, service_tier="auto") == {"service_tier": "auto"}
    assert body(NEW, extra={"betas": ["a-1"], "container": "c"}) == {"container": "c"}


def test_tools_of_the_vendor_and_how_thinking_is_shown() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    assert body(NEW, tools=(WEATHER,), extra={"tools": [search]})["tools"] == [WIRE_WEATHER, search]
    shown = {"thinking": {"display": "summarized"}}
    assert body(NEW, extra=shown) == {"thinking": {"type": "adaptive", "display": "summarized"}}
    hidden = {"thinking": {"display": "omitted"}}
    assert body("claude-opus-4-8", reasoning=True, extra=hidden) == {
        "thinking": {"type": "adaptive", "display": "omitted"}
    }


def test_a_damaged_block_of_reasoning_is_told() -> None:
    """One that was kept elsewhere and came back cut; not an error of some JSON library."""
    part = Reasoning("", '{"type": "redacted_thinking", "da', "anthropic", None)
    request = ChatRequest((user("hi"), Message("assistant", (part, Text("yes"))), user("go on")), max_output_tokens=9)
    with pytest.raises(InvalidRequestError, match="a block of reasoning in the history was changed"):
        CODEC.encode(request, target("claude-sonnet-5"), stream=False)


def test_blanks_are_left_out() -> None:
    """Qwen and DeepSeek may write a line break before a call; here some text has to hold more than blanks."""
    asked = Message("assistant", (Text("\n\n"), CALL))
    result = tool(ToolResult("toolu_1", "sunny"))
    sent = body(NEW, user("hi"), asked, result, Message("user", (Text(" "), Text("And now?\n"))))
    assert sent["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [WIRE_CALL]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                {"type": "text", "text": " "},
                {"type": "text", "text": "And now?\n"},
            ],
        },
    ]
    with pytest.raises(InvalidRequestError, match="says nothing"):
        encoded(NEW, user(" \n"))
