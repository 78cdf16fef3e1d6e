"""Messages in our words become exactly these."""

from collections.abc import Callable
from typing import Any

import pytest

from minimill._chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
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
from minimill.dialects import Dialect, Target

Make = Callable[..., Target]
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


def messages(codec: Dialect, target: Target, *given: Message, **fields: Any) -> Any:
    import json

    return json.loads(codec.encode(ChatRequest(given, **fields), target, stream=False).body)["messages"]


def test_a_whole_conversation(codec: Dialect, target: Make) -> None:
    """Roles, calls and one message for each tool result."""
    sent = messages(
        codec,
        target(),
        system("Be brief."),
        Message("user", (Text("Weather?"),), name="ann"),
        assistant([ToolCall("c1", "weather", '{"city":"北京"}'), ToolCall("c2", "weather", "{}")]),
        tool(ToolResult("c1", "sunny"), ToolResult("c2", "no city", is_error=True)),
        assistant("Sunny."),
    )
    assert sent == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?", "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"北京"}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: no city"},
        {"role": "assistant", "content": "Sunny."},
    ]


def test_results_and_words_in_one_user_turn(codec: Dialect, target: Make) -> None:
    """Tool results come first, since they must follow the calls."""
    sent = messages(codec, target(), user([Text("Now?"), ToolResult("c1", "sunny")]))
    assert sent == [
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "user", "content": "Now?"},
    ]


def test_system_role_word(codec: Dialect, target: Make) -> None:
    """Instructions go under the model's own word."""
    sent = messages(codec, target(system_role="developer"), system("Be brief."), user("hi"))
    assert [message["role"] for message in sent] == ["developer", "user"]


def test_parts(codec: Dialect, target: Make) -> None:
    """Pictures, sounds and files, by address, content and id."""
    sent = messages(
        codec,
        target(),
        user(
            [
                "Look:",
                Image(url="https://x.example/a.png", detail="low"),
                Image(data=PNG, media_type="image/png"),
                Audio(b"abc", "mp3"),
                File(data=b"abc", name="a.pdf"),
                File(data=b"abc"),
                File(file_id="file-1"),
            ]
        ),
    )
    assert sent[0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "input_audio", "input_audio": {"data": "YWJj", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,YWJj"}},
        {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,YWJj"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]


def test_image_quirks(codec: Dialect, target: Make) -> None:
    """Bare base64, a detail word by default, or no detail at all."""
    bare = target(image_data_prefix=False, default_image_detail="high")
    sent = messages(codec, bare, user([Image(data=PNG)]))
    assert sent[0]["content"] == [{"type": "image_url", "image_url": {"url": "iVBORw==", "detail": "high"}}]
    sent = messages(codec, target(image_details=()), user([Image(data=PNG, detail="low")]))
    assert sent[0]["content"][0]["image_url"] == {"url": "data:image/png;base64,iVBORw=="}


@pytest.mark.parametrize(
    ("quirks", "content"),
    [
        ({}, [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        ({"text_must_be_string": True}, "ab"),
        (
            {"cache_marks": "cache_control", "text_must_be_string": True},
            [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "b"},
            ],
        ),
        (
            {"cache_marks": "prompt_cache_breakpoint"},
            [
                {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "text", "text": "b"},
            ],
        ),
    ],
)
def test_several_texts_and_cache_marks(codec: Dialect, target: Make, quirks: Any, content: Any) -> None:
    """Marks are sent where the vendor knows them; text-only content may have to be one string."""
    sent = messages(codec, target(**quirks), user([Text("a", cache=True), Text("b")]))
    assert sent == [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("quirks", "mark"),
    [
        ({"cache_marks": "prompt_cache_breakpoint"}, {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}),
        ({"cache_marks": "cache_control"}, {"cache_control": {"type": "ephemeral"}}),
        (
            {"cache_marks": "cache_control", "cache_long_ttl": "1h"},
            {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ),
        ({"cache_marks": "none", "cache_long_ttl": "1h"}, None),
    ],
)
def test_long_marks_and_marked_results(codec: Dialect, target: Make, quirks: Any, mark: Any) -> None:
    """The longer time where the vendor has two, also on what a function returned."""
    result = ToolResult("c1", "sun", cache="long")
    sent = messages(codec, target(**quirks), user([Text("a", cache="long")]), tool(result))
    if mark is None:
        assert [one["content"] for one in sent] == ["a", "sun"]
    else:
        assert sent[0]["content"] == [{"type": "text", "text": "a", **mark}]
        assert sent[1]["content"] == [{"type": "text", "text": "sun", **mark}]


# --- reasoning that goes back ---

HISTORY = (
    user("q"),
    assistant([Reasoning("hm", "SEAL==", "acme"), Reasoning("other", "x", "rival"), Text("a")]),
    user("q2"),
)


@pytest.mark.parametrize(
    ("quirks", "tools", "extra"),
    [
        ({}, (), {}),
        ({"reasoning_history": "always"}, (), {"reasoning_content": "hm"}),
        ({"reasoning_history": "always", "reasoning_history_field": "reasoning"}, (), {"reasoning": "hm"}),
        ({"reasoning_history": "with_tools"}, (), {}),
        ({"reasoning_history": "with_tools"}, (WEATHER,), {"reasoning_content": "hm"}),
        ({"reasoning_history": "with_calls"}, (), {}),
        ({"reasoning_history": "with_calls"}, (WEATHER,), {"reasoning_content": "hm"}),
        (
            {"reasoning_history": "always", "opaque_reasoning_field": "encrypted_content"},
            (),
            {"reasoning_content": "hm", "encrypted_content": "SEAL=="},
        ),
    ],
)
def test_reasoning_goes_back_to_its_maker(
    codec: Dialect, target: Make, quirks: Any, tools: Any, extra: Any
) -> None:
    """Only what this vendor thought itself, and only where it wants it."""
    sent = messages(codec, target(**quirks), *HISTORY, tools=tools)
    assert sent[1] == {"role": "assistant", "content": "a", **extra}


def test_sealed_items_go_back_as_items(codec: Dialect, target: Make) -> None:
    """What came as a list of items is sent as that list."""
    quirky = target(reasoning_history="always", opaque_reasoning_field="reasoning_details")
    sealed = '[{"type":"reasoning.encrypted","data":"gA==","index":0}]'
    sent = messages(
        codec, quirky, user("q"), assistant([Reasoning("", sealed, "acme"), Text("a")]), user("r")
    )
    assert sent[1]["reasoning_details"] == [{"type": "reasoning.encrypted", "data": "gA==", "index": 0}]


@pytest.mark.parametrize("sealed", ['[{"type":"re', "{SEAL==", "[]]"])
def test_a_seal_that_only_begins_like_a_list_goes_back_as_it_came(
    codec: Dialect, target: Make, sealed: str
) -> None:
    """A seal is the vendor's own and may look like anything."""
    quirky = target(reasoning_history="always", opaque_reasoning_field="encrypted_content")
    sent = messages(codec, quirky, user("q"), assistant([Reasoning("", sealed, "acme"), Text("a")]), user("r"))
    assert sent[1]["encrypted_content"] == sealed
