"""How big a request is, and what it needs."""

import pytest

from minimill import (
    Audio,
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    assistant,
    tool,
    user,
)
from minimill._routing import measure, needs
from minimill._routing._size import wide_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("hello", 5),
        ("你好", 6),
        ("é", 2),
        ("ﬃ", 3),  # one letter of 3 bytes, three after NFKC
        ("ﷺ", 33),  # one letter of 3 bytes, a sentence of 33 after NFKC
        ("", 0),
    ],
)
def test_the_larger_of_raw_and_normalised_bytes(text: str, size: int) -> None:
    """A vocabulary that normalises first can lengthen a text."""
    assert wide_bytes(text) == size


def test_every_text_of_every_part_counts() -> None:
    """Names, tool calls, results and reasoning are sent as well."""
    request = ChatRequest(
        (
            Message("user", (Text("abc"), Text("你")), name="bob"),
            assistant([Reasoning("why"), ToolCall("id1", "f", '{"a":1}')]),
            tool(ToolResult("id1", "result", "f")),
        )
    )
    size = measure(request)
    assert size.text_bytes == 3 + 3 + 3 + 3 + (3 + 1 + 7) + (3 + 1 + 6)
    assert (size.messages, size.ascii_chars, size.other_chars) == (3, 30, 1)


def test_tools_schemas_and_media_are_counted_apart() -> None:
    """Their tokens have bounds of their own."""
    request = ChatRequest(
        (user([Image(url="https://a.example/x.png"), File(file_id="f"), Audio(b"x")]),),
        tools=(Tool("f", "does", {"type": "object"}),),
        response_format=JsonSchema({"type": "object"}),
    )
    size = measure(request)
    assert (size.images, size.files, size.audio, size.tools, size.schemas) == (1, 1, 1, 1, 1)
    assert size.tool_bytes == len("f") + len("does") + len('{"type":"object"}')
    assert size.schema_bytes == len('{"type":"object"}')
    assert needs(request, ("n",), stream=True) == {
        "vision",
        "files",
        "audio",
        "tools",
        "json_schema",
        "streaming",
        "n",
    }
