"""Writes our messages as the input items of the `openai_responses` wire.

It may import `_chat`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from minimill._chat import (
    Audio,
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
from minimill.dialects._base import Target
from minimill.dialects._json import load
from minimill.dialects._openai_messages import file_name, image_fields, mark_cache, result_text, unfit
from minimill.dialects._responses_state import CALLS

_OUTPUTS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_OWN_IDS = frozenset({"id", "status"})
"""Fields of a call that is sent back by which the vendor would look for what it has not stored."""


def encode_input(request: ChatRequest, target: Target) -> list[dict[str, Any]]:
    """Every message of the request as items, in order; what was sealed goes back byte for byte."""
    return list(_Writer(target, stored=request.extra.get("store") is True).items(request))


class _Writer:
    """Writes one request; knows which of its calls are of a kind of their own."""

    def __init__(self, target: Target, *, stored: bool) -> None:
        self._target = target
        self._stored = stored
        self._kinds: dict[str, str] = {}
        """Type of the item, by the id of a call that was sealed."""

    def items(self, request: ChatRequest) -> Iterator[dict[str, Any]]:
        for message in request.messages:
            if message.role == "assistant":
                yield from self._assistant(message)
            else:
                yield from self._others(message)

    def _others(self, message: Message) -> Iterator[dict[str, Any]]:
        """Results come first: they answer the calls of the turn before."""
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        yield from (self._result(result, message) for result in results)
        if message.role == "tool" and others:
            raise unfit(others[0], message, self._target)
        if others or not (results or message.role == "tool"):
            role = self._target.quirks.system_role if message.role == "system" else message.role
            yield {"role": role, "content": self._content(others, message)}

    def _result(self, result: ToolResult, message: Message) -> dict[str, Any]:
        kind = _OUTPUTS[self._kinds.get(result.call_id, "function_call")]
        output: Any = result_text(result)
        if not isinstance(result.content, str):
            parts = [*([Text("Error: ")] if result.is_error else []), *result.parts]
            output = [self._part(replace(part, cache=False), message) for part in parts]
        return {"type": kind, "call_id": result.call_id, "output": output}

    def _assistant(self, message: Message) -> Iterator[dict[str, Any]]:
        said = False
        phase: dict[str, Any] = {}
        for part in message.parts:
            if isinstance(part, Reasoning):
                item = self._unsealed(part)
                if item is None:
                    continue
                if item["type"] == "message":
                    phase = {"phase": item.get("phase")}
                    continue
            elif isinstance(part, Text):
                if not part.text:
                    continue
                item, phase = {"role": "assistant", "content": part.text, **phase}, {}
            elif isinstance(part, ToolCall):
                if part.id in self._kinds:
                    continue  # went out sealed
                item = {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": part.arguments,
                }
            else:
                raise unfit(part, message, self._target)
            said = True
            yield item
        if not said:
            yield {"role": "assistant", "content": ""}

    def _unsealed(self, part: Reasoning) -> dict[str, Any] | None:
        """An item as the vendor sent it; None for what goes back to another maker, or cannot be sent.

        A thought without its sealed text is known to the vendor by its id only, if it was stored there.
        """
        if part.opaque is None or part.provider != self._target.provider:
            return None
        try:
            item = load(part.opaque.encode("utf-8"))
        except ValueError:
            return None
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            return None
        kind = item["type"]
        if kind == "reasoning" and not item.get("encrypted_content") and not self._stored:
            return None
        if kind in CALLS and isinstance(item.get("call_id"), str):
            self._kinds[item["call_id"]] = kind
            return {key: value for key, value in item.items() if key not in _OWN_IDS}
        return item

    def _content(self, parts: Sequence[Part], message: Message) -> Any:
        """One string where that says it all, else a list of parts."""
        quirks = self._target.quirks
        marked = quirks.cache_marks != "none" and any(getattr(part, "cache", False) for part in parts)
        texts = [part.text for part in parts if isinstance(part, Text)]
        if len(texts) == len(parts) and not marked and (len(parts) < 2 or quirks.text_must_be_string):
            return "".join(texts)
        return [self._part(part, message) for part in parts]

    def _part(self, part: Part, message: Message) -> Mapping[str, Any]:
        target = self._target
        if isinstance(part, Text):
            encoded: dict[str, Any] = {"type": "input_text", "text": part.text}
        elif isinstance(part, Image):
            address, detail = image_fields(part, target)
            encoded = {"type": "input_image", "image_url": address, **detail}
        elif isinstance(part, File):
            encoded = {"type": "input_file", **_file(part)}
        elif isinstance(part, Audio):
            data = base64.b64encode(part.data).decode("ascii")
            encoded = {"type": "input_audio", "input_audio": {"data": data, "format": part.format}}
        else:
            raise unfit(part, message, target)
        cache = getattr(part, "cache", False)
        if cache:
            mark_cache(encoded, cache, target)
        return encoded


def _file(file: File) -> dict[str, Any]:
    if file.file_id is not None:
        return {"file_id": file.file_id}
    if file.url is not None:
        return {"file_url": file.url}
    return {"filename": file_name(file), "file_data": data_url(file.data or b"", file.media_type)}
