"""One block of a message while its pieces arrive. It may import `_chat` and the helpers beside it."""

from __future__ import annotations

from typing import Any

from minimill._chat import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from minimill.dialects._anthropic_answer import arguments_text
from minimill.dialects._base import text_of
from minimill.dialects._json import load

_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
    "compaction_delta": "content",
}
"""Kinds of pieces, to the field that holds the text of each."""


class BlockState:
    """One block: how it began, and what has come of it."""

    __slots__ = ("_call", "_citations", "_open", "_pieces", "start")

    def __init__(self, start: dict[str, Any], call: int, events: list[StreamEvent]) -> None:
        self.start = start
        self._call = call
        """Position among the tool calls, for a block that is one."""
        self._pieces: dict[str, list[str]] = {}
        self._citations: list[Any] = []
        self._open = True
        if self.is_call:
            call_id, name = text_of(start.get("id")), text_of(start.get("name"))
            events.append(ToolCallDelta(call, call_id or None, name or None))
        self._begin("text", "text_delta", events)
        self._begin("thinking", "thinking_delta", events)

    @property
    def is_call(self) -> bool:
        """Whether the application is asked to run a function."""
        return self.start.get("type") == "tool_use"

    @property
    def says_something(self) -> bool:
        """Whether the block is more than an empty beginning."""
        kind = self.start.get("type")
        if kind == "text" or kind == "thinking":
            return bool(self._pieces or text_of(self.start.get("signature")))
        return isinstance(kind, str)

    def _begin(self, kind: str, delta: str, events: list[StreamEvent]) -> None:
        """Text that came with the beginning of the block."""
        text = text_of(self.start.get(kind)) if self.start.get("type") == kind else None
        if text:
            self.add({"type": delta, _PIECES[delta]: text}, events)

    def add(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take in one piece; kinds that are not known change nothing."""
        kind = delta.get("type")
        if kind == "citations_delta":
            self._citations.append(delta.get("citation"))
            return
        if not isinstance(kind, str) or kind not in _PIECES:
            return
        text = text_of(delta.get(_PIECES[kind]))
        if not text:
            return
        self._pieces.setdefault(kind, []).append(text)
        if kind == "text_delta":
            events.append(TextDelta(text))
        elif kind == "thinking_delta":
            events.append(ReasoningDelta(text))
        elif kind == "input_json_delta" and self.is_call:
            events.append(ToolCallDelta(self._call, arguments=text))

    def stop(self, events: list[StreamEvent]) -> None:
        """The block has ended; a call without pieces has the arguments it began with."""
        if self._open and self.is_call and "input_json_delta" not in self._pieces:
            events.append(ToolCallDelta(self._call, arguments=arguments_text(self.start.get("input"))))
        self._open = False

    def whole(self) -> dict[str, Any]:
        """The block with all its pieces, as a plain answer would hold it; arguments stay the text that came."""
        block = dict(self.start)
        for kind, field in (
            ("text_delta", "text"), ("thinking_delta", "thinking"), ("signature_delta", "signature"),
            ("compaction_delta", "content"),
        ):  # fmt: skip
            if kind in self._pieces:
                block[field] = "".join(self._pieces[kind])
        if "input_json_delta" in self._pieces:
            text = "".join(self._pieces["input_json_delta"])
            block["input"] = text if self.is_call else _parsed(text)
        if self._citations:
            block["citations"] = list(self._citations)
        return block


def _parsed(text: str) -> Any:
    try:
        return load(text.encode("utf-8"))
    except ValueError:
        return text
