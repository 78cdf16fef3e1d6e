"""How big a request is, counted once for all candidates."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from minimill._chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from minimill._pricing import RequestSize
from minimill.dialects._closed_schema import closed_schema
from minimill.dialects._strict_schema import strict_schema

_LONG = 100_000
"""Characters outside ASCII from which a text is bounded rather than normalised: that takes seconds."""
_MOST_FOLDED = 11
"""NFKC makes at most this many UTF-8 bytes of one (U+FDFA: 3 become 33)."""


def measure(request: ChatRequest) -> RequestSize:
    """Count what bounds the input tokens of `request` (see `Bounds` for the assumptions)."""
    total = latin = cjk = other = 0
    images = files = audio = calls = 0
    for message in request.messages:
        texts = 0
        for part in message.parts:
            if isinstance(part, Image):
                images += 1
            elif isinstance(part, File):
                files += 1
            elif isinstance(part, Audio):
                audio += 1
            elif isinstance(part, ToolCall):
                calls += 1  # framed like a message of its own
            elif isinstance(part, ToolResult) and not isinstance(part.content, str):
                pictures = sum(isinstance(inner, Image) for inner in part.media)
                images, files = images + pictures, files + len(part.media) - pictures
            elif isinstance(part, Text):
                texts += 1
        calls += max(texts - 1, 0)  # what stands between texts is not told: no more than between messages
        for text in _texts(message):
            if text.isascii():
                total += len(text)
                latin += len(text)
            else:
                total += wide_bytes(text)
                here = script_bytes(text)
                latin, cjk, other = latin + here.latin, cjk + here.cjk, other + here.other
    schema = request.response_format if isinstance(request.response_format, JsonSchema) else None
    return RequestSize(
        text_bytes=total,
        messages=len(request.messages) + calls,
        latin_bytes=latin,
        cjk_bytes=cjk,
        other_bytes=other,
        tools=len(request.tools),
        tool_bytes=sum(
            wide_bytes(tool.name) + wide_bytes(tool.description) + _schema_bytes(tool.parameters, tool.strict)
            for tool in request.tools
        )
        + (_json_bytes(request.extra) if request.extra else 0),
        schemas=0 if schema is None else 1,
        schema_bytes=0
        if schema is None
        else max(_schema_bytes(schema.schema, schema.strict), _closed_bytes(schema.schema))
        + wide_bytes(schema.description or ""),
        images=images,
        files=files,
        audio=audio,
    )


def _texts(message: Message) -> Iterator[str]:
    if message.name:
        yield message.name
    for part in message.parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, ToolCall):
            yield part.id
            yield part.name
            yield part.arguments
        elif isinstance(part, ToolResult):
            yield part.call_id
            yield part.name or ""
            if isinstance(part.content, str):
                yield part.content
            else:
                yield from (inner.text for inner in part.parts if isinstance(inner, Text))
        elif isinstance(part, Reasoning):
            yield part.text
            yield part.opaque or ""


class Scripts(NamedTuple):
    """UTF-8 bytes of a text by the script they are in."""

    latin: int
    cjk: int
    other: int


def _all_but(*spans: tuple[int, int]) -> bytes:
    kept = {byte for first, last in spans for byte in range(first, last + 1)}
    return bytes(byte for byte in range(256) if byte not in kept)


# The first byte of a character tells its block: U+00C0 to U+027F are Latin letters with marks; from U+3000 on
# come Chinese, Japanese and Korean, and in U+F000 to U+FFFF the wide punctuation.
_NOT_ASCII = _all_but((0x00, 0x7F))
_NOT_MARKED_LATIN = _all_but((0xC3, 0xC9))
_NOT_CJK = _all_but((0xE3, 0xED), (0xEF, 0xEF))


def script_bytes(text: str) -> Scripts:
    """Tell the bytes of a text by script, at the speed of `bytes.translate`."""
    raw = text.encode("utf-8", "surrogatepass")
    latin = len(raw.translate(None, _NOT_ASCII)) + 2 * len(raw.translate(None, _NOT_MARKED_LATIN))
    cjk = 3 * len(raw.translate(None, _NOT_CJK))
    return Scripts(latin, cjk, len(raw) - latin - cjk)


def wide_bytes(text: str) -> int:
    """The larger of the UTF-8 lengths of a text before and after NFKC.

    Vocabularies that normalise first can lengthen a text (one ligature becomes several letters).
    """
    if text.isascii():
        return len(text)
    raw = len(text.encode("utf-8", "surrogatepass"))
    narrow = len(text.encode("ascii", "ignore"))
    if len(text) - narrow > _LONG:
        return narrow + (raw - narrow) * _MOST_FOLDED
    folded = len(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass"))
    return max(raw, folded)


def _schema_bytes(schema: object, strict: bool | None) -> int:
    """Of a schema as it is sent: strict ones may be sent as they are, narrowed or closed."""
    plain = _json_bytes(schema)
    return max(plain, _closed_bytes(schema), _json_bytes(strict_schema(schema))) if strict else plain


def _closed_bytes(schema: object) -> int:
    try:
        return _json_bytes(closed_schema(schema))
    except ValueError:
        return 0  # who closes schemas refuses this one


def _json_bytes(value: object) -> int:
    return wide_bytes(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))
