"""Writes our messages as `contents` and `systemInstruction`.

A signature goes back on the part it came on: it stands in a `Reasoning` part right before that one. A part
that we have no words for is such a block as a whole. It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
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
)
from minimill._errors import Then
from minimill.dialects._base import Target
from minimill.dialects._json import load
from minimill.dialects._refuse import forbid, refuse

_FILES = "https://generativelanguage.googleapis.com/v1beta/"
"""Before the name of an uploaded file, such as `files/abc`."""
_IMAGE_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "heic": "image/heic", "heif": "image/heif",
}  # fmt: skip

Wire = dict[str, Any]


def encode_messages(request: ChatRequest, target: Target) -> tuple[list[Wire], list[Wire]]:
    """The contents, and the parts of the system instruction.

    Turns of one role are joined, and so are the results of one turn's calls, in the order of the calls.
    """
    return _Writer(target).write(request.messages)


class _Writer:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._contents: list[Wire] = []
        self._names: dict[str, str] = {}
        """Function names by call id: a result has to name its function."""
        self._turn: dict[str, int] = {}
        """Place of each call of the last turn."""

    def write(self, messages: Iterable[Message]) -> tuple[list[Wire], list[Wire]]:
        instructions: list[Wire] = []
        for message in messages:
            if message.role == "system":
                instructions += [self._instruction(part, message) for part in message.parts]
            elif message.role == "assistant":
                self._assistant(message)
            else:
                self._said(message)
        return self._contents, instructions

    def _instruction(self, part: Part, message: Message) -> Wire:
        if not isinstance(part, Text):
            raise _unfit(part, message, self._target)
        return {"text": part.text}

    def _said(self, message: Message) -> None:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        if message.role == "tool" and others:
            raise _unfit(others[0], message, self._target)
        if results:
            content = self._add("user", [self._result(result, message) for result in results])
            last = len(self._turn)
            content["parts"].sort(key=lambda part: self._turn.get(part["functionResponse"]["id"], last))
        if others or not results:
            parts = [self._part(part, message) for part in others]
            self._add("user", parts or [{"text": ""}])

    def _add(self, role: str, parts: list[Wire]) -> Wire:
        """Append a turn, or go on with the last one; results and other words stay apart."""
        last = self._contents[-1] if self._contents else None
        if last and last["role"] == role and _has_results(last["parts"]) == _has_results(parts):
            last["parts"] += parts
            return last
        content = {"role": role, "parts": parts}
        self._contents.append(content)
        return content

    def _result(self, result: ToolResult, message: Message) -> Wire:
        name = result.name or self._names.get(result.call_id)
        if not name:
            raise forbid(
                self._target,
                "a tool result has neither a name nor a call in an earlier message: say ToolResult(name=...)",
            )
        response = {"error": result.text} if result.is_error else _object(result.text)
        encoded: Wire = {"id": result.call_id, "name": name, "response": response}
        if result.media:
            if not self._target.quirks.media_in_results:
                kind = type(result.media[0]).__name__
                raise refuse(self._target, "a tool result", f"with a part {kind}", "results in text")
            encoded["parts"] = [self._part(part, message) for part in result.media]
        return {"functionResponse": encoded}

    def _assistant(self, message: Message) -> None:
        parts: list[Wire] = []
        seal: str | None = None
        for part in message.parts:
            if isinstance(part, Reasoning):
                seal = self._sealed(part, parts) or seal
                continue
            encoded = self._part(part, message)
            if seal is not None:
                encoded["thoughtSignature"], seal = seal, None
            elif encoded == {"text": ""}:
                continue
            parts.append(encoded)
        if seal is not None:
            parts.append({"text": "", "thoughtSignature": seal})
        self._mark_calls(parts)
        self._names.update((call.id, call.name) for call in message.tool_calls)
        self._turn = {call.id: place for place, call in enumerate(message.tool_calls)}
        self._add("model", parts or [{"text": ""}])

    def _sealed(self, part: Reasoning, parts: list[Wire]) -> str | None:
        """The signature for the next part; a block that is a part by itself is added."""
        mine = part.provider == self._target.provider and part.model in (None, self._target.model)
        if not part.opaque or not mine:
            return None
        if not part.opaque.startswith("{"):
            return part.opaque
        try:
            parts.append(load(part.opaque.encode("utf-8", "surrogatepass")))
        except ValueError as error:
            raise forbid(self._target, "a block of reasoning in the history was changed") from error
        return None

    def _mark_calls(self, parts: list[Wire]) -> None:
        """The first call of a turn needs a signature, also where another model made it."""
        mark = self._target.quirks.unsigned_call_mark
        first = next((part for part in parts if "functionCall" in part), None)
        if mark and first is not None:
            first.setdefault("thoughtSignature", mark)

    def _part(self, part: Part, message: Message) -> Wire:
        if isinstance(part, Text):
            return {"text": part.text}
        if isinstance(part, ToolCall) and message.role == "assistant":
            return {"functionCall": {"id": part.id, "name": part.name, "args": self._arguments(part)}}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return _file(part)
        if isinstance(part, Audio):
            return _inline(part.data, f"audio/{part.format}")
        raise _unfit(part, message, self._target)

    def _arguments(self, call: ToolCall) -> Wire:
        try:
            value = load(call.arguments.encode("utf-8", "surrogatepass")) if call.arguments.strip() else {}
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise refuse(self._target, "a tool call", "whose arguments are no JSON object", "JSON objects")
        return value

    def _image(self, image: Image) -> Wire:
        is_data = image.url is None or image.url.startswith("data:")
        if ("data" if is_data else "url") not in self._target.quirks.image_sources:
            by = "data" if is_data else "url"
            taken = " or ".join(self._target.quirks.image_sources) or "nothing"
            raise refuse(self._target, "an image", f"by {by}", f"images by {taken}")
        if image.data is not None:
            return _inline(image.data, image.media_type)
        url = image.url or ""
        if is_data:
            return self._data_url(url)
        kind = _IMAGE_TYPES.get(url.partition("?")[0].rpartition(".")[2].lower())
        return {"fileData": {"fileUri": url, **({"mimeType": kind} if kind else {})}}

    def _data_url(self, url: str) -> Wire:
        head, _, data = url.partition(",")
        kind, _, coding = head.removeprefix("data:").partition(";")
        if not kind or coding != "base64":
            raise refuse(
                self._target, "an image", "in such a data URL", "data:image/png;base64,... or Image(data=...)"
            )
        return {"inlineData": {"mimeType": kind, "data": data}}


def _has_results(parts: Sequence[Wire]) -> bool:
    return "functionResponse" in parts[0]


def _object(content: str) -> Wire:
    """What a function returned, as the object that the wire wants."""
    try:
        value = load(content.encode("utf-8", "surrogatepass"))
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"output": content}


def _inline(data: bytes, media_type: str) -> Wire:
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode("ascii")}}


def _file(file: File) -> Wire:
    if file.data is not None:
        return _inline(file.data, file.media_type)
    address = file.url if file.url is not None else file.file_id or ""
    if file.file_id is not None and "://" not in address:
        address = _FILES + address
    return {"fileData": {"fileUri": address, "mimeType": file.media_type}}


def _unfit(part: Part, message: Message, target: Target) -> Exception:
    kind = type(part).__name__
    return refuse(
        target, f"a part {kind}", f"in a message of role {message.role!r}", "other parts", then=Then.STOP
    )
