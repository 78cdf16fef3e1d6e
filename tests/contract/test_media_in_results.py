"""Images and files that a function returned, on each wire that takes them."""

import json
from typing import Any

import pytest

from minimill import File, Image, Text, ToolCall, ToolResult, assistant, tool, user
from minimill._chat import ChatRequest, as_messages
from minimill._errors import InvalidRequestError
from minimill._routing import measure
from minimill._routing._fit import needs
from minimill.catalog import Catalog
from minimill.dialects import Target, get_dialect

SHOT = Image(data=b"x")
PAGE = File(data=b"y", name="a.pdf")
CALL = ToolCall("c1", "look", "{}")


def sent(name: str, dialect: str, *results: ToolResult, model: str = "m") -> Any:
    quirks = Catalog().find(f"{name}:{model}").quirks
    request = ChatRequest((user("look"), assistant([CALL]), tool(*results)), max_output_tokens=100)
    encoded = get_dialect(dialect).encode(request, Target(name, model, quirks), stream=False)
    return json.loads(encoded.body)


def test_what_a_function_may_return() -> None:
    """Text, or texts, images and files; nothing else."""
    result = ToolResult("c1", ["see", SHOT, PAGE])
    assert result.content == (Text("see"), SHOT, PAGE)
    assert (result.text, result.media) == ("see", (SHOT, PAGE))
    assert (ToolResult("c1", "see").parts, ToolResult("c1", "").parts) == ((Text("see"),), ())
    assert hash(result) == hash(ToolResult("c1", (Text("see"), SHOT, PAGE)))
    with pytest.raises(TypeError, match="text, or a list of texts, Images and Files"):
        ToolResult("c1", [5])  # type: ignore[list-item]


def test_mappings_hold_images_in_results() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
    (message,) = as_messages([{"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "a"}, part]}])
    assert message.parts == (ToolResult("c1", ["a", Image(url="data:image/png;base64,eA==")]),)


def test_messages() -> None:
    """Blocks inside the result; an error is said beside them."""
    result = ToolResult("c1", ["see", SHOT, PAGE], is_error=True)
    found = sent("anthropic", "anthropic", result, model="claude-opus-4-6")
    assert found["messages"][2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "c1",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
                {
                    "type": "document",
                    "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "eQ=="},
                },
            ],
            "is_error": True,
        }
    ]


def test_responses() -> None:
    """Parts of the output."""
    found = sent("openai", "openai_responses", ToolResult("c1", ["see", SHOT, PAGE]), model="gpt-5.6-luna")
    assert found["input"][-1] == {
        "type": "function_call_output",
        "call_id": "c1",
        "output": [
            {"type": "input_text", "text": "see"},
            {"type": "input_image", "image_url": "data:image/png;base64,eA=="},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,eQ=="},
        ],
    }


def test_responses_say_an_error_in_words() -> None:
    found = sent("openai", "openai_responses", ToolResult("c1", [SHOT], is_error=True), model="gpt-5.6-luna")
    assert found["input"][-1]["output"][0] == {"type": "input_text", "text": "Error: "}


def test_gemini() -> None:
    """Beside the object that the wire wants; models before Gemini 3 refuse them."""
    found = sent("gemini", "gemini", ToolResult("c1", ["see", SHOT]), model="gemini-3.5-flash")
    (part,) = found["contents"][-1]["parts"]
    assert part["functionResponse"] == {
        "id": "c1",
        "name": "look",
        "response": {"output": "see"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "eA=="}}],
    }
    with pytest.raises(InvalidRequestError, match="a tool result with a part Image"):
        sent("gemini", "gemini", ToolResult("c1", ["see", SHOT]), model="gemini-2.5-flash")


def test_chat_completions_take_text_only() -> None:
    """Texts are joined; anything else is an error before anything is sent."""
    found = sent("deepseek", "openai_chat", ToolResult("c1", ["a", Text("b")], is_error=True), model="deepseek-flash")
    assert found["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": "Error: ab"}
    with pytest.raises(InvalidRequestError, match="a tool result with a part Image"):
        sent("deepseek", "openai_chat", ToolResult("c1", ["see", SHOT]), model="deepseek-flash")


def test_they_count_as_those_of_a_message() -> None:
    """In size and in what the model must be able to do."""
    request = ChatRequest((user("look"), assistant([CALL]), tool(ToolResult("c1", ["see", SHOT, PAGE, SHOT]))))
    size = measure(request)
    assert (size.images, size.files) == (2, 1)
    assert size.text_bytes == len("look" + "c1" + "look" + "{}" + "c1" + "see")
    assert needs(request) == {"vision", "files"}
