"""The ways in which messages are written."""

import pytest

from minimill import Audio, File, Image, Message, Reasoning, Text, ToolCall, ToolResult, user
from minimill._chat import as_messages


def test_text_is_a_user_message() -> None:
    """And so is a lone message or mapping."""
    assert as_messages("hello") == (Message("user", (Text("hello"),)),)
    assert as_messages(user("hello")) == as_messages({"role": "user", "content": "hello"}) == as_messages("hello")


def test_mappings_as_other_clients_write_them() -> None:
    """Roles, parts, tool calls and results."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = as_messages(
        [
            {"role": "developer", "content": "be brief"},
            {
                "role": "user",
                "name": "bob",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "eA==", "format": "mp3"}},
                ],
            },
            {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "ok"}]},
        ]
    )
    assert messages == (
        Message("system", (Text("be brief"),)),
        Message(
            "user",
            (Text("look"), Image(url="https://a.example/x.png", detail="low"), Audio(b"x", "mp3")),
            name="bob",
        ),
        Message("assistant", (Reasoning("hm"), ToolCall("c1", "f", "{}"))),
        Message("tool", (ToolResult("c1", "ok"),)),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "a chat needs at least one message"),
        (
            [{"role": "robot", "content": "x"}],
            "messages[0]: a role is one of system, user, assistant, tool, not 'robot'",
        ),
        ([{"content": "x"}], "messages[0]: lacks 'role'"),
        ([{"role": "user", "content": "x", "mood": "bad"}], "messages[0]: unknown key 'mood'"),
        ([{"role": "tool", "content": "x"}], "messages[0]: lacks 'tool_call_id'"),
        (
            [{"role": "user", "content": [{"type": "video"}]}],
            "messages[0]: a content part of type 'video' is not known; use minimill.Image, minimill.File, …",
        ),
        (
            [{"role": "user", "content": [{"type": "file", "file": {"file_data": "eA=="}}]}],
            "messages[0]: file_data is a data URL such as data:application/pdf;base64,…",
        ),
    ],
)
def test_what_cannot_be_read_is_named(value: object, message: str) -> None:
    """Which message, and why."""
    with pytest.raises(ValueError) as caught:
        as_messages(value)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_files_and_marks_for_a_cache_in_mappings() -> None:
    """By content or id; a mark stands for the vendor's usual time unless it names an hour."""
    hour = {"type": "ephemeral", "ttl": "1h"}
    data = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,eA=="}
    told = [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}},
        {"type": "file", "file": data, "cache_control": hour},
        {"type": "file", "file": {"file_id": "f-1"}},
    ]
    result = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "r", "cache_control": hour}]}
    message, returned = as_messages([{"role": "user", "content": told}, result])
    assert message.parts == (
        Text("long", cache=True),
        File(data=b"x", media_type="application/pdf", name="a.pdf", cache="long"),
        File(file_id="f-1"),
    )
    assert returned.parts == (ToolResult("c", "r", cache="long"),)


def test_media_say_one_source() -> None:
    """Neither none nor two."""
    with pytest.raises(ValueError, match="either a url or data"):
        Image()
    with pytest.raises(ValueError, match="either a url or data"):
        Image(url="x", data=b"x")
    assert Image(data=b"x", media_type="image/gif").address == "data:image/gif;base64,eA=="


def test_arguments_of_a_tool_call_may_be_a_mapping() -> None:
    """Some libraries keep them parsed."""
    call = {"id": "1", "function": {"name": "look", "arguments": {"where": "hère"}}}
    (message,) = as_messages([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert message.tool_calls[0].arguments == '{"where": "hère"}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "messages is text, a Message, or a list of messages"),
        (b"hi", "messages is text, a Message, or a list of messages"),
        ([{"role": "user", "content": 5}], r"messages\[0\]: content is text or a list of parts, not of type int"),
    ],
)
def test_what_are_no_messages_is_told(value: object, text: str) -> None:
    """With what is expected."""
    with pytest.raises((TypeError, ValueError), match=text):
        as_messages(value)  # type: ignore[arg-type]
