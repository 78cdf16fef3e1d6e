"""The exact request of `openai_responses`, and what is refused before it is sent.

https://github.com/openai/openai-python/blob/HEAD/src/openai/types/responses/response_create_params.py
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
from minimill.dialects import Target, WireRequest
from tests.contract.openai_responses import CODEC, plain_target, target

WEATHER = Tool("weather", "In a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
WIRE_WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "In a city.",
    "parameters": WEATHER.parameters,
    "strict": False,
}
HI = [{"role": "user", "content": "hi"}]
SEALED = '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAA\\u00e9=="}'
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAé=="}


ASKED = (user("hi"),)


def request(messages: Any = ASKED, **fields: Any) -> ChatRequest:
    return ChatRequest(tuple(messages), **fields)


def wire(asked: ChatRequest, aim: Target, *, stream: bool = False) -> WireRequest:
    return CODEC.encode(asked, aim, stream=stream)


def body_of(asked: ChatRequest, aim: Target, *, stream: bool = False) -> dict[str, Any]:
    """The body without what every request has."""
    sent = wire(asked, aim, stream=stream)
    body: dict[str, Any] = json.loads(sent.body)
    assert (sent.method, sent.path, body.pop("model")) == ("POST", "/responses", aim.model)
    return body


def items_of(messages: Any, aim: Target | None = None, **fields: Any) -> Any:
    return body_of(request(messages, **fields), aim or plain_target())["input"]


def test_the_least_request() -> None:
    """Nothing is stored; a model that cannot think is not asked for its thoughts."""
    assert body_of(request(), plain_target()) == {"input": HI, "store": False}


def test_a_request_to_a_current_model() -> None:
    """The limit covers thinking; thoughts come sealed; the tier is the ordinary one."""
    asked = request((system("Be brief."), user("hi")), max_output_tokens=50, reasoning="low", user="u-1")
    assert body_of(asked, target(), stream=True) == {
        "input": [{"role": "developer", "content": "Be brief."}, *HI],
        "store": False,
        "stream": True,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "service_tier": "default",
        "user": "u-1",
    }


def test_tools_and_thinking_go_together() -> None:
    """The limit of Chat Completions, no tools with an effort, is not one of this wire."""
    asked = request(tools=(WEATHER,), reasoning="high", parallel_tool_calls=False)
    body = body_of(asked, target("gpt-5.4"))
    assert body["tools"] == [WIRE_WEATHER]
    assert body["reasoning"] == {"effort": "high"}
    assert body["parallel_tool_calls"] is False
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", "auto"), ("none", "none"), ("required", "required"),
     (NamedTool("weather"), {"type": "function", "name": "weather"})],
)  # fmt: skip
def test_tool_choice(choice: Any, sent: Any) -> None:
    """A named one is flat."""
    assert body_of(request(tools=(WEATHER,), tool_choice=choice), plain_target())["tool_choice"] == sent


def test_strict_tools() -> None:
    """`strict` is always said: left out, the vendor would narrow the schema by itself."""
    (sent,) = body_of(request(tools=(Tool("f", "", WEATHER.parameters, strict=True),)), plain_target())["tools"]
    assert sent == {
        "type": "function",
        "name": "f",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    (bare,) = body_of(request(tools=(WEATHER,)), plain_target(strict_tools=False))["tools"]
    assert "strict" not in bare


def test_a_schema_is_flat_in_its_format() -> None:
    """Unlike Chat Completions, no level of `json_schema`."""
    wanted = JsonSchema({"type": "object", "properties": {"a": {"type": "integer"}}}, name="n", description="d")
    assert body_of(request(response_format=wanted), plain_target())["text"] == {
        "format": {
            "type": "json_schema",
            "name": "n",
            "description": "d",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
                "additionalProperties": False,
            },
        }
    }
    assert body_of(request(response_format="json"), plain_target())["text"] == {
        "format": {"type": "json_object"}
    }
    assert "text" not in body_of(request(response_format="text"), plain_target())


def test_parts_of_a_message() -> None:
    """Images and files by address, by content and by id; sound by content."""
    parts = [
        Text("look"),
        Image(url="https://a.example/x.png", detail="low"),
        Image(data=b"\x89P", media_type="image/png"),
        File(url="https://a.example/x.pdf"),
        File(data=b"%PDF", name="a.pdf"),
        File(data=b"a", media_type="text/plain"),
        File(file_id="file-1"),
        Audio(b"\x00", "mp3"),
    ]
    assert items_of((user(parts),)) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVA="},
                {"type": "input_file", "file_url": "https://a.example/x.pdf"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
                {"type": "input_file", "filename": "file.txt", "file_data": "data:text/plain;base64,YQ=="},
                {"type": "input_file", "file_id": "file-1"},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            ],
        }
    ]


def test_cache_marks() -> None:
    """On the part whose end is the end of what is worth caching."""
    (item,) = items_of((user([Text("long", cache=True), Text("q")]),), target("gpt-5.6-sol"))
    assert item["content"] == [
        {"type": "input_text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        {"type": "input_text", "text": "q"},
    ]


def test_a_turn_with_tools_goes_back_in_order() -> None:
    """The thought byte for byte, then the words, the calls, and their results."""
    turn = Message(
        "assistant",
        (
            Reasoning("I think", SEALED, "acme"),
            Text("One moment."),
            ToolCall("c1", "weather", '{"city": "A"}'),
            ToolCall("c2", "weather", "{}"),
        ),
    )
    results = tool(ToolResult("c1", "21"), ToolResult("c2", "no city", is_error=True))
    assert items_of((user("hi"), turn, results)) == [
        *HI,
        THOUGHT,
        {"role": "assistant", "content": "One moment."},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "A"}'},
        {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "21"},
        {"type": "function_call_output", "call_id": "c2", "output": "Error: no city"},
    ]


def test_results_in_a_users_message_come_before_what_is_said() -> None:
    """They answer the turn before."""
    messages = (
        assistant([ToolCall("c1", "f", "{}")]),
        Message("user", (Text("and now?"), ToolResult("c1", "r"))),
    )
    assert items_of(messages)[1:] == [
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
        {"role": "user", "content": "and now?"},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Reasoning("shown", None, "acme"),
        Reasoning("", SEALED, "other"),
        Reasoning("", SEALED, None),
        Reasoning("", "no json", "acme"),
        Reasoning("", "[1]", "acme"),
        Reasoning("", '{"id":"x"}', "acme"),
        Reasoning("", '{"type":"reasoning","id":"rs_1","summary":[]}', "acme"),
    ],
)
def test_thoughts_that_stay_here(part: Reasoning) -> None:
    """Those of another maker, those without a seal, and what this wire did not seal."""
    assert items_of((assistant([part, Text("a")]),)) == [{"role": "assistant", "content": "a"}]


def test_a_stored_thought_is_known_by_its_id() -> None:
    """Where the caller lets the vendor store, the id is enough, and no seal is asked for."""
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    part = Reasoning("", json.dumps(item), "openai")
    body = body_of(request((assistant([part, Text("a")]),), extra={"store": True}), target())
    assert body["input"][0] == item
    assert body["store"] is True
    assert "include" not in body


def test_items_of_the_vendors_own_go_back_as_they_came() -> None:
    """Searches whole, the phase of a message, calls of custom tools with results of their kind."""
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    custom = {"type": "custom_tool_call", "id": "ct_1", "call_id": "c9", "name": "sql", "input": "SELECT 1"}
    turn = assistant([
        Reasoning("", json.dumps(search), "acme"),
        Reasoning("", '{"type":"message","phase":"commentary"}', "acme"),
        Text("Looking."),
        Reasoning("", json.dumps(custom), "acme"),
        ToolCall("c9", "sql", "SELECT 1"),
        Text("Done."),
    ])  # fmt: skip
    assert items_of((turn, tool(ToolResult("c9", "1")))) == [
        search,
        {"role": "assistant", "content": "Looking.", "phase": "commentary"},
        {"type": "custom_tool_call", "call_id": "c9", "name": "sql", "input": "SELECT 1"},
        {"role": "assistant", "content": "Done."},
        {"type": "custom_tool_call_output", "call_id": "c9", "output": "1"},
    ]


def test_a_turn_that_said_nothing() -> None:
    """It keeps its place."""
    assert items_of((user("hi"), assistant(""), user("well?")))[1] == {"role": "assistant", "content": ""}


def test_logprobs_are_asked_for_by_their_own_word() -> None:
    """With or without a number of alternatives; not where they are switched off."""
    asked = body_of(request(logprobs=True, top_logprobs=3), plain_target())
    assert (asked["include"], asked["top_logprobs"]) == (["message.output_text.logprobs"], 3)
    assert body_of(request(top_logprobs=3), plain_target())["include"] == ["message.output_text.logprobs"]
    assert "include" not in body_of(request(logprobs=False), plain_target())


def test_sampling_and_tier() -> None:
    """As everywhere."""
    body = body_of(request(temperature=0.2, top_p=0.9, service_tier="flex"), target("gpt-5.4"))
    assert (body["temperature"], body["top_p"], body["service_tier"]) == (0.2, 0.9, "flex")


def test_fields_of_the_vendors_own_go_through_by_name() -> None:
    """Merged into what is there: text, reasoning, include and tools."""
    extra = {
        "prompt_cache_key": "k",
        "truncation": "auto",
        "metadata": {"a": "b"},
        "instructions": "Be kind.",
        "max_tool_calls": 2,
        "text": {"verbosity": "low"},
        "reasoning": {"summary": "auto", "context": "all_turns"},
        "include": ["web_search_call.action.sources"],
        "tools": [{"type": "web_search"}],
    }
    asked = request(tools=(WEATHER,), reasoning="low", response_format="json", extra=extra)
    body = body_of(asked, target())
    for name in ("prompt_cache_key", "truncation", "metadata", "instructions", "max_tool_calls"):
        assert body[name] == extra[name]
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert body["reasoning"] == {"effort": "low", "summary": "auto", "context": "all_turns"}
    assert body["include"] == ["reasoning.encrypted_content", "web_search_call.action.sources"]
    assert body["tools"] == [WIRE_WEATHER, {"type": "web_search"}]


@pytest.mark.parametrize(
    ("quirks", "reasoning", "sent"),
    [
        ({"thinking_default": "on", "efforts": ("none", "low")}, None, {"summary": "auto"}),
        ({"thinking_default": "on", "efforts": ("none", "low")}, "low", {"effort": "low", "summary": "auto"}),
        ({"thinking_default": "on", "efforts": ("none", "low")}, False, {"effort": "none"}),
        ({}, None, None),
    ],
)
def test_a_summary_may_be_asked_for_always(quirks: dict[str, Any], reasoning: Any, sent: Any) -> None:
    """By a quirk; not of a model that does not think."""
    aim = plain_target(reasoning_summary="auto", **quirks)
    assert body_of(request(reasoning=reasoning), aim).get("reasoning") == sent


def test_another_path_and_a_vendor_that_only_streams() -> None:
    """As the quirks say."""
    sent = wire(request(), plain_target(responses_path="/v2/responses", stream_only=True))
    assert (sent.path, json.loads(sent.body)["stream"]) == ("/v2/responses", True)


REFUSALS = [
    (request(stop=("x",)), plain_target(), "does not take stop"),
    (request(seed=1), plain_target(), "does not take seed"),
    (request(n=2), plain_target(), "does not take n"),
    (request(presence_penalty=0.5), plain_target(), "does not take presence_penalty"),
    (request(frequency_penalty=0.5), plain_target(), "does not take frequency_penalty"),
    (request(extra={"logit_bias": {"1": 2}}), plain_target(), "does not take logit_bias"),
    (request(temperature=0.5), target("gpt-6.1-sol"), "does not take temperature at all while it thinks"),
    (request(reasoning=False), target("gpt-6.1-sol"), "it takes low, medium, high, xhigh, max"),
    (request(reasoning="minimal"), target("gpt-5.6-sol"), "'minimal'"),
    (request(max_output_tokens=15), target(), "it takes 16 or more"),
    (request(service_tier="ultrafast"), target(), "'ultrafast'; it takes one of default, flex, priority"),
    (request((user(Image(url="https://a.example/x.png", detail="best")),)), target(), "detail of an image"),
    (request(top_p=2.0), plain_target(max_top_p=1.0), "top_p 2.0"),
]


@pytest.mark.parametrize(("asked", "aim", "words"), REFUSALS)
def test_what_the_model_refuses(asked: ChatRequest, aim: Target, words: str) -> None:
    """It is refused here; another candidate may take it."""
    with pytest.raises(InvalidRequestError) as caught:
        wire(asked, aim)
    assert words in caught.value.message
    assert (caught.value.billed, caught.value.then) == (Billed.NO, Then.NEXT)


FORBIDDEN = [
    *({"extra": {name: 1}} for name in (
        "model", "input", "stream", "max_output_tokens", "previous_response_id", "conversation", "prompt",
        "background", "service_tier", "reasoning_effort",
    )),
    {"extra": {"reasoning": {"effort": "high"}}},
    {"extra": {"reasoning": {"mode": "pro"}}},
    {"extra": {"reasoning": "high"}},
    {"extra": {"include": "logprobs"}},
    {"tool_choice": "required"},
    {"tools": (WEATHER,), "tool_choice": NamedTool("wether")},
    {"temperature": float("nan")},
]  # fmt: skip


@pytest.mark.parametrize("fields", FORBIDDEN)
def test_what_is_wrong_everywhere(fields: dict[str, Any]) -> None:
    """What decides the cost is set by arguments only; what makes no sense is sent to nobody."""
    with pytest.raises(InvalidRequestError) as caught:
        wire(request(**fields), plain_target())
    assert caught.value.then is Then.STOP


@pytest.mark.parametrize(
    "messages",
    [
        (Message("tool", (Text("x"),)),),
        (assistant(Image(url="https://a.example/x.png")),),
        (Message("user", (ToolCall("c", "f", "{}"),)),),
    ],
)
def test_parts_out_of_place(messages: Any) -> None:
    """A part in a message of the wrong role."""
    with pytest.raises(InvalidRequestError, match="does not take a part"):
        wire(request(messages), plain_target())


def test_refused_settings_are_left_out_where_the_caller_lets_them_go() -> None:
    """And named; what the model takes is sent."""
    asked = request(
        stop=("x",), seed=1, n=2, temperature=0.5, top_p=0.5, presence_penalty=1.0, reasoning="low",
        extra={"logit_bias": {"1": 2}, "prompt_cache_key": "k"}, drop_refused=True,
    )  # fmt: skip
    sent = wire(asked, target("gpt-6.1-sol"))
    body = json.loads(sent.body)
    assert sent.dropped == ("temperature", "top_p", "presence_penalty", "stop", "seed", "n", "logit_bias")
    assert set(body) == {
        "model", "input", "store", "reasoning", "include", "service_tier", "prompt_cache_key",
    }  # fmt: skip


def test_tools_are_never_left_out() -> None:
    """An answer without them is another answer."""
    with pytest.raises(InvalidRequestError, match="does not take tools"):
        wire(request(tools=(WEATHER,), drop_refused=True), plain_target(refused_params=("tools",)))
