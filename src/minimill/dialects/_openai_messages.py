"""Writes our messages in the words of the `openai_chat` wire.

It may import `_chat`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from minimill._chat import (
    Audio,
    Cache,
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    data_url,
)
from minimill._errors import Then
from minimill.dialects._base import Target
from minimill.dialects._json import load
from minimill.dialects._refuse import refuse

_FILE_NAMES = {"application/pdf": "file.pdf", "text/plain": "file.txt"}


def encode_messages(request: ChatRequest, target: Target) -> list[dict[str, Any]]:
    """Every message of the request; a message with tool results becomes one message for each."""
    with_reasoning = _wants_reasoning(request, target.quirks.reasoning_history)
    encoded: list[dict[str, Any]] = []
    for message in request.messages:
        encoded += _message(message, target, with_reasoning)
    return encoded


def _wants_reasoning(request: ChatRequest, when: str) -> bool:
    """Whether the vendor reads the thoughts of earlier turns in this request."""
    if when == "with_calls":
        return bool(request.tools) or any(message.tool_calls for message in request.messages)
    return when == "always" or (when == "with_tools" and bool(request.tools))


def _message(message: Message, target: Target, with_reasoning: bool) -> Iterable[dict[str, Any]]:
    if message.role == "assistant":
        return [_assistant(message, target, with_reasoning)]
    results = [_result(part, target) for part in message.parts if isinstance(part, ToolResult)]
    others = [part for part in message.parts if not isinstance(part, ToolResult)]
    if message.role == "tool":
        if others:
            raise unfit(others[0], message, target)
        return results
    if results and not others:
        return results
    role = target.quirks.system_role if message.role == "system" else message.role
    encoded: dict[str, Any] = {"role": role, "content": _content(others, message, target)}
    if message.name:
        encoded["name"] = message.name
    return [*results, encoded]


def _result(result: ToolResult, target: Target) -> dict[str, Any]:
    if result.media:
        raise refuse(target, "a tool result", f"with a part {type(result.media[0]).__name__}", "results in text")
    content: Any = result_text(result)
    if result.cache and target.quirks.cache_marks != "none":
        part = {"type": "text", "text": content}
        mark_cache(part, result.cache, target)
        content = [part]
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def result_text(result: ToolResult) -> str:
    """What a function returned. The wire has no mark for failures, so that the text says it."""
    return f"Error: {result.text}" if result.is_error else result.text


def _assistant(message: Message, target: Target, with_reasoning: bool) -> dict[str, Any]:
    for part in message.parts:
        if not isinstance(part, (Text, Reasoning, ToolCall)):
            raise unfit(part, message, target)
    calls = [_call(call) for call in message.tool_calls]
    encoded: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if message.name:
        encoded["name"] = message.name
    if with_reasoning:
        encoded.update(_reasoning(message, target))
    if calls:
        encoded["tool_calls"] = calls
    return encoded


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _reasoning(message: Message, target: Target) -> dict[str, Any]:
    """Thinking goes back to its maker only, or to the model that it names; sealed blocks byte for byte."""
    quirks = target.quirks
    parts = [part for part in message.parts if isinstance(part, Reasoning) and _fits(part, target)]
    text = "".join(part.text for part in parts if part.provider in (None, target.provider))
    sealed = [part.opaque for part in parts if part.opaque and part.provider == target.provider]
    encoded: dict[str, Any] = {}
    if text:
        encoded[quirks.reasoning_history_field] = text
    if sealed and quirks.opaque_reasoning_field:
        encoded[quirks.opaque_reasoning_field] = _unsealed(sealed)
    return encoded


def _fits(part: Reasoning, target: Target) -> bool:
    """Whether the model is one that this thinking may go to; a model's variants (`model:free`) are that model."""
    return part.model in (None, target.model) or (
        target.quirks.reasoning_of_model
        and part.model is not None
        and part.model.partition(":")[0] == target.model.partition(":")[0]
    )


def _unsealed(blocks: list[str]) -> Any:
    """As the vendor sent it: text, or the list of items that was kept as JSON."""
    if not blocks[0].startswith(("[", "{")):
        return "".join(blocks)
    items: list[Any] = []
    try:
        for block in blocks:
            value = load(block.encode("utf-8", "surrogatepass"))
            items += value if isinstance(value, list) else [value]
    except ValueError:
        return "".join(blocks)  # text that only begins like a list
    return items


def _content(parts: Sequence[Part], message: Message, target: Target) -> Any:
    """One string where that says it all, else a list of parts."""
    quirks = target.quirks
    marked = quirks.cache_marks != "none" and any(getattr(part, "cache", False) for part in parts)
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts) and not marked and (len(parts) < 2 or quirks.text_must_be_string):
        return "".join(texts)
    return [_part(part, message, target) for part in parts]


def _part(part: Part, message: Message, target: Target) -> dict[str, Any]:
    if isinstance(part, Text):
        encoded: dict[str, Any] = {"type": "text", "text": part.text}
    elif isinstance(part, Image):
        address, detail = image_fields(part, target)
        encoded = {"type": "image_url", "image_url": {"url": address, **detail}}
    elif isinstance(part, Audio):
        data = base64.b64encode(part.data).decode("ascii")
        encoded = {"type": "input_audio", "input_audio": {"data": data, "format": part.format}}
    elif isinstance(part, File):
        encoded = {"type": "file", "file": _file(part, target)}
    else:
        raise unfit(part, message, target)
    cache = getattr(part, "cache", False)
    if cache:
        mark_cache(encoded, cache, target)
    return encoded


def mark_cache(encoded: dict[str, Any], cache: Cache, target: Target) -> None:
    """Mark a content part as the end of what is worth caching, where the vendor takes such marks."""
    if target.quirks.cache_marks == "cache_control":
        ttl = target.quirks.cache_long_ttl if cache == "long" else None
        encoded["cache_control"] = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    elif target.quirks.cache_marks == "prompt_cache_breakpoint":
        encoded["prompt_cache_breakpoint"] = {"mode": "explicit", "ttl": "12h" if cache == "long" else "30m"}


def image_fields(image: Image, target: Target) -> tuple[str, dict[str, str]]:
    """The address or data of an image, and how closely it shall be looked at, as far as the vendor takes it."""
    quirks = target.quirks
    source = "url" if image.url is not None and not image.url.startswith("data:") else "data"
    if source not in quirks.image_sources:
        raise refuse(
            target, "an image", f"by {source}", f"images by {' or '.join(quirks.image_sources) or 'nothing'}"
        )
    address = image.address
    if source == "data" and not quirks.image_data_prefix:
        address = address.partition(",")[2]
    detail = image.detail or quirks.default_image_detail
    if not detail or not quirks.image_details:
        return address, {}
    if detail not in quirks.image_details:
        raise refuse(target, "detail of an image", detail, f"one of {', '.join(quirks.image_details)}")
    return address, {"detail": detail}


def _file(file: File, target: Target) -> dict[str, Any]:
    if file.file_id is not None:
        return {"file_id": file.file_id}
    if file.data is None:
        raise refuse(target, "a file", "by address", "files by content or by file_id")
    return {"filename": file_name(file), "file_data": data_url(file.data, file.media_type)}


def file_name(file: File) -> str:
    """The name of a file that is sent by content; vendors want one."""
    return file.name or _FILE_NAMES.get(file.media_type, "file")


def unfit(part: Part, message: Message, target: Target) -> Exception:
    """The error for a part that has no place in a message of its role."""
    kind = type(part).__name__
    return refuse(
        target, f"a part {kind}", f"in a message of role {message.role!r}", "other parts", then=Then.STOP
    )
