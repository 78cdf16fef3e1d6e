"""Writes our messages in the words of the Messages wire. It may import `_chat` and the helpers beside it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from typing import Any

from minimill._chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from minimill._errors import Then
from minimill.dialects._base import Target
from minimill.dialects._json import load
from minimill.dialects._refuse import forbid, refuse

MOST_MARKS = 4
"""Cache marks in one request: https://platform.claude.com/docs/en/build-with-claude/prompt-caching"""
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SPOKEN = ("text", "thinking", "redacted_thinking")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.ASCII | re.DOTALL)
_ODD = re.compile(r"[^a-zA-Z0-9_-]")

Block = dict[str, Any]


def encode_messages(request: ChatRequest, target: Target) -> dict[str, Any]:
    """`system` and `messages`. Turns of one role in a row are put together, tool results first.

    Raises:
        InvalidRequestError: a part cannot be expressed; the text says which.
    """
    system: list[Block] = []
    turns: list[tuple[str, list[Block]]] = []
    for message in request.messages:
        if message.role == "system":
            system += _blocks(message, target)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, target)
        if not blocks and role == "user":
            raise forbid(target, f"a message of role {message.role!r} says nothing")
        if blocks and turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns:
        raise forbid(target, "the request has no message of a user")
    _check_marks([system, *(blocks for _, blocks in turns)], target)
    _check_last(turns[-1], target)
    encoded: dict[str, Any] = {"system": _short(system)} if system else {}
    encoded["messages"] = [{"role": role, "content": _short(_results_first(blocks))} for role, blocks in turns]
    return encoded


def _results_first(blocks: list[Block]) -> list[Block]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _short(blocks: list[Block]) -> Any:
    """Plain text where that says it all."""
    only = blocks[0] if len(blocks) == 1 else {}
    return only["text"] if only.keys() == {"type", "text"} else blocks


def _check_marks(turns: Iterable[list[Block]], target: Target) -> None:
    marks = sum("cache_control" in block for blocks in turns for block in blocks)
    if marks > MOST_MARKS:
        raise refuse(target, "cache marks", f"({marks} of them)", f"at most {MOST_MARKS}")


def _check_last(turn: tuple[str, list[Block]], target: Target) -> None:
    """A last message of the assistant is a beginning to go on from; one that the vendor paused is none."""
    role, blocks = turn
    begun = role == "assistant" and all(block["type"] in _SPOKEN for block in blocks)
    if begun and not target.quirks.assistant_last:
        raise refuse(target, "a last message", "of the assistant", "requests that end with the user's")


def _blocks(message: Message, target: Target) -> list[Block]:
    blocks = []
    for part in message.parts:
        block = _assistant_block(part, target) if message.role == "assistant" else _user_block(part, target)
        if block is None:
            if isinstance(part, (Text, Reasoning)):
                continue  # empty text, which the vendor refuses; thinking of others
            raise _unfit(part, message, target)
        if message.role == "system" and not isinstance(part, Text):
            raise _unfit(part, message, target)
        if message.role == "tool" and not isinstance(part, ToolResult):
            raise _unfit(part, message, target)
        cache = getattr(part, "cache", False)
        if cache and target.quirks.cache_marks != "none":
            block["cache_control"] = {"type": "ephemeral", **({"ttl": "1h"} if cache == "long" else {})}
        blocks.append(block)
    return _without_blanks(blocks)


def _user_block(part: Part, target: Target) -> Block | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Image):
        return {"type": "image", "source": _image_source(part, target)}
    if isinstance(part, File):
        return _file(part, target)
    if isinstance(part, ToolResult):
        return _result(part, target)
    return None


def _assistant_block(part: Part, target: Target) -> Block | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return _call(part, target)
    if isinstance(part, Reasoning):
        return _reasoning(part, target)
    return None


def _without_blanks(blocks: list[Block]) -> list[Block]:
    """Texts of nothing but blanks are refused where no other text is beside them."""
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    if any(text.strip() for text in texts):
        return blocks
    return [block for block in blocks if block["type"] != "text"]


def _result(result: ToolResult, target: Target) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": wire_id(result.call_id)}
    if isinstance(result.content, str):
        content: Any = result.content
    else:
        content = [inner for part in result.parts if (inner := _user_block(part, target)) is not None]
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block


def _call(call: ToolCall, target: Target) -> Block:
    try:
        arguments = load(call.arguments.encode("utf-8", "replace")) if call.arguments.strip() else {}
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        accepted = "arguments that are a JSON object: leave the call out, or mend it"
        raise refuse(target, "a tool call", f"of {call.name!r} with broken arguments", accepted)
    return {"type": "tool_use", "id": wire_id(call.id), "name": call.name, "input": arguments}


def wire_id(call_id: str) -> str:
    """The id of a call as the vendor takes it: letters, digits, `_` and `-`. Ids of its own stay as they are."""
    if call_id and not _ODD.search(call_id):
        return call_id
    return f"{_ODD.sub('_', call_id)}_{zlib.crc32(call_id.encode('utf-8', 'replace')):08x}"


def _reasoning(part: Reasoning, target: Target) -> Block | None:
    """Thinking goes back to the model that signed it, other blocks of the vendor's own to the vendor."""
    if part.provider != target.provider or part.opaque is None or part.model not in (None, target.model):
        return None
    if part.opaque.startswith("{"):
        try:
            block: Block = load(part.opaque.encode("utf-8"))
        except ValueError as error:
            raise forbid(target, "a block of reasoning in the history was changed") from error
        return block
    return {"type": "thinking", "thinking": part.text, "signature": part.opaque}


def _image_source(image: Image, target: Target) -> Block:
    if image.data is not None:
        return _picture(image.data, image.media_type, target)
    url = image.url or ""
    if url.startswith("data:"):
        found = _DATA_URL.fullmatch(url)
        if found is None:
            raise refuse(target, "an image", "by this data URL", "data URLs in base64")
        return _picture(_unpacked(found[2], target), found[1], target)
    if "url" not in target.quirks.image_sources:
        raise refuse(target, "an image", "by url", "images by data")
    return {"type": "url", "url": url}


def _unpacked(text: str, target: Target) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise forbid(target, "a data URL of an image is no base64") from error


def _picture(data: bytes, media_type: str, target: Target) -> Block:
    if media_type not in _PICTURES:
        raise refuse(target, "an image", f"of type {media_type}", ", ".join(_PICTURES))
    return _packed(data, media_type)


def _packed(data: bytes, media_type: str) -> Block:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode("ascii")}


def _file(file: File, target: Target) -> Block:
    picture = file.media_type in _PICTURES
    block: Block = {"type": "image" if picture else "document", "source": _file_source(file, target)}
    if file.name and not picture:
        block["title"] = file.name
    return block


def _file_source(file: File, target: Target) -> Block:
    if file.file_id is not None:
        return {"type": "file", "file_id": file.file_id}
    if file.url is not None:
        return {"type": "url", "url": file.url}
    data = file.data or b""
    if file.media_type == "application/pdf" or file.media_type in _PICTURES:
        return _packed(data, file.media_type)
    if not file.media_type.startswith("text/"):
        accepted = f"application/pdf, text, {', '.join(_PICTURES)}"
        raise refuse(target, "a file", f"of type {file.media_type}", accepted)
    try:
        return {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8")}
    except UnicodeDecodeError as error:
        raise forbid(target, "a text file is not in UTF-8") from error


def _unfit(part: Part, message: Message, target: Target) -> Exception:
    kind = type(part).__name__
    return refuse(
        target, f"a part {kind}", f"in a message of role {message.role!r}", "other parts", then=Then.STOP
    )
