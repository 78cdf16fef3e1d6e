"""How big a request is, and what it needs."""

import json
from typing import Any

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
from minimill._routing._size import script_bytes, wide_bytes
from minimill.dialects._strict_schema import strict_schema


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
    """Names, tool calls, results and reasoning too; a second text of a message is framed like a message."""
    request = ChatRequest(
        (
            Message("user", (Text("abc"), Text("你")), name="bob"),
            assistant([Reasoning("why"), ToolCall("id1", "f", '{"a":1}')]),
            tool(ToolResult("id1", "result", "f")),
        )
    )
    size = measure(request)
    assert size.text_bytes == 3 + 3 + 3 + 3 + (3 + 1 + 7) + (3 + 1 + 6)
    assert (size.messages, size.latin_bytes, size.cjk_bytes, size.other_bytes) == (3 + 1 + 1, 30, 3, 0)


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("plain", (5, 0, 0)),
        ("déjà vu", (9, 0, 0)),
        ("你好\uff0c世界\uff01", (0, 18, 0)),
        ("カナ 한글", (1, 12, 0)),
        ("мир", (0, 0, 6)),
        ("a — 你 🙂", (4, 3, 3 + 4)),
        ("\ud800", (0, 3, 0)),  # what cannot be sent is counted all the same
        ("", (0, 0, 0)),
    ],
)
def test_bytes_are_told_apart_by_script(text: str, scripts: tuple[int, int, int]) -> None:
    """Latin with its marks; Chinese, Japanese and Korean with their punctuation; all else."""
    assert script_bytes(text) == scripts


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
    assert size.schema_bytes == len('{"type":"object","additionalProperties":false}')  # closed for who needs it
    assert needs(request, ("n",), stream=True) == {
        "vision",
        "files",
        "audio",
        "tools",
        "json_schema or words",
        "streaming",
        "n",
    }


def test_strict_expansion_is_counted() -> None:
    """What a dialect adds to strict schemas is in the bound."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "object", "properties": {"a": schema}}
    sent = len(json.dumps(strict_schema(schema), separators=(",", ":")))
    request = ChatRequest(
        (user("x"),),
        tools=(Tool("f", "", schema, strict=True),),
        response_format=JsonSchema(schema, strict=True),
    )
    size = measure(request)
    assert sent <= size.tool_bytes
    assert sent <= size.schema_bytes


def test_long_texts_are_bounded_without_normalising() -> None:
    """The bound holds for the letter that grows most, and costs no seconds."""
    assert wide_bytes("\ufdfa" * 100_000) == 3_300_000
    assert wide_bytes("a" + "\ufdfa" * 100_001) == 1 + 33 * 100_001
    assert wide_bytes("你" * 100_001) == 33 * 100_001
