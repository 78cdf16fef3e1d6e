"""The output of one `openai_responses` answer while it grows, item by item; a whole answer grows at once.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from minimill._chat import (
    Choice,
    FinishReason,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from minimill.dialects._base import Target, text_of
from minimill.dialects._call_ids import made_up_id
from minimill.dialects._json import dump_text
from minimill.dialects._logprobs import openai_logprobs
from minimill.dialects._openai_message import arguments_text
from minimill.dialects._openai_state import missing

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Types of items that are tool calls, to the field with the arguments."""
_BETWEEN = "\n\n"
"""What stands between two parts of one summary."""


class ItemState:
    """One item: what has come of it."""

    __slots__ = (
        "call_id", "item", "logprobs", "name", "named", "pieces", "placed", "position", "thinking",
        "type",
    )  # fmt: skip

    def __init__(self, type_: str, position: int) -> None:
        self.type = type_
        self.position = position
        """Which of the tool calls it is, if it is one."""
        self.placed = False
        """Whether its place in the output was told."""
        self.named = False
        """Whether the whole output has named it."""
        self.call_id = ""
        self.name = ""
        self.pieces: dict[tuple[str, int], list[str]] = {}
        """By kind of text, and number of the content part."""
        self.thinking: list[str] = []
        self.logprobs: list[Any] = []
        self.item: dict[str, Any] | None = None
        """The whole item, once it is done."""

    def text(self, kind: str) -> str:
        """All that came of one kind."""
        return "".join("".join(pieces) for (name, _), pieces in self.pieces.items() if name == kind)

    def parts(self, target: Target, answer_id: str | None) -> Iterator[Part]:
        """The item as parts of a message, ready to be sent back in the next turn."""
        sealed = None if self.item is None else _sealed(self.type, self.item)
        thinking = "".join(self.thinking)
        if sealed or thinking:
            yield Reasoning(thinking, sealed, target.provider)
        if self.type in CALLS:
            call_id = self.call_id or made_up_id(answer_id, 0, self.position)
            yield ToolCall(call_id, self.name, self.text("arguments"))
        elif text := self.text("text"):
            yield Text(text)


def _sealed(type_: str, item: dict[str, Any]) -> str | None:
    """What our parts cannot say of an item, kept as JSON: most items whole; null fields are refused as input."""
    if type_ == "message":
        return dump_text({"type": type_, "phase": item["phase"]}) if text_of(item.get("phase")) else None
    if type_ == "function_call" and not item.get("namespace"):
        return None
    return dump_text({key: value for key, value in item.items() if value is not None})


class OutputState:
    """All items of the output, in the order in which they began."""

    __slots__ = ("_calls", "_items", "_keyed", "_last", "_target", "_waiting")

    def __init__(self, target: Target) -> None:
        self._target = target
        self._items: list[ItemState] = []
        self._keyed: dict[Any, ItemState] = {}
        """By place in the output and by id, each with the type."""
        self._last: dict[str, ItemState] = {}
        self._waiting: defaultdict[str, deque[ItemState]] = defaultdict(deque)
        """By type, items that are not done when the whole output comes."""
        self._calls = 0

    @property
    def has_content(self) -> bool:
        """Whether anything of the answer has come."""
        return bool(self._calls) or any(state.pieces or state.item is not None for state in self._items)

    @property
    def is_whole(self) -> bool:
        """Whether there are items, and each was said to be done."""
        return bool(self._items) and all(state.item is not None for state in self._items)

    def begin(self, event: dict[str, Any], events: list[StreamEvent]) -> None:
        """An item was announced. Of a tool call this tells who is called; other content comes later."""
        item = event.get("item")
        if isinstance(item, dict):
            state = self._state(event, item)
            if state is not None and state.type in CALLS:
                self._introduce(state, item, events)

    def delta(self, type_: str, kind: str, event: dict[str, Any], events: list[StreamEvent]) -> None:
        """More text of one kind, for an item of one type."""
        text, state = event.get("delta"), self._state(event, {"type": type_})
        if text and isinstance(text, str) and state is not None:
            self._add(state, kind, _index(event), text, events)
            logprobs = event.get("logprobs")
            if kind == "text" and isinstance(logprobs, list):
                state.logprobs += logprobs

    def whole(
        self, type_: str, kind: str, event: dict[str, Any], text: Any, events: list[StreamEvent]
    ) -> None:
        """The whole of a text that came in pieces: what of it has not come."""
        state = self._state(event, {"type": type_})
        if state is not None:
            self._fill(state, kind, _index(event), text, events)

    def end(self, event: dict[str, Any], events: list[StreamEvent]) -> None:
        """An item is done: what of it has not come."""
        item = event.get("item")
        if isinstance(item, dict):
            self._take(event, item, events)

    def complete(self, output: Any, events: list[StreamEvent]) -> None:
        """The whole output: what of it has not come."""
        self._waiting = defaultdict(deque)
        for state in self._items:
            if state.item is None:
                self._waiting[state.type].append(state)
        for place, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                self._take({"output_index": place}, item, events, at_end=True)

    def name_calls(self, answer_id: str | None, events: list[StreamEvent]) -> None:
        """Give an id to the calls for which none came."""
        for state in self._items:
            if state.type in CALLS and not state.call_id:
                state.call_id = made_up_id(answer_id, 0, state.position)
                events.append(ToolCallDelta(state.position, state.call_id))

    @property
    def has_calls(self) -> bool:
        """Whether the answer asks to run a function."""
        return bool(self._calls)

    def choice(self, answer_id: str | None, finish: FinishReason, word: str | None) -> Choice:
        """What has come, as the one answer of the response."""
        logprobs = [entry for state in self._items for entry in state.logprobs]
        return Choice(
            index=0,
            message=Message(
                "assistant",
                tuple(part for state in self._items for part in state.parts(self._target, answer_id)),
            ),
            finish_reason=finish,
            finish_reason_raw=word,
            logprobs=openai_logprobs({"content": logprobs}),
            refusal="".join(state.text("refusal") for state in self._items) or None,
            logprobs_raw={"content": logprobs} if logprobs else None,
        )

    def _state(
        self, event: dict[str, Any], item: dict[str, Any], *, at_end: bool = False
    ) -> ItemState | None:
        """The item that an event is about, made where it is new; None where its type is unknown.

        By its place in the output, since some servers give one item several ids; by its id, where no place
        is told; else the last of its type. The whole output, `at_end`, names each item once, by place, id or
        order, since some servers give several items one place or id.
        """
        place, type_ = event.get("output_index"), text_of(item.get("type"))
        known_place = isinstance(place, int) and not isinstance(place, bool)
        item_id = text_of(event.get("item_id")) or text_of(item.get("id"))
        if type_ is None:
            return None
        state = self._keyed.get((place, type_)) if known_place else None
        if state is None and item_id:
            state = self._keyed.get((item_id, type_))
            if state is not None and known_place and state.placed and not at_end:
                state = None  # another item of the same id
        if at_end and (state is None or state.named):
            state = self._next_waiting(type_)
        elif state is None and not (known_place or item_id):
            state = self._last.get(type_)
        if state is None:
            state = self._last[type_] = ItemState(type_, self._calls)
            self._items.append(state)
            self._calls += type_ in CALLS
        if known_place:
            self._keyed[place, type_] = state
            state.placed = True
        if item_id:
            self._keyed[item_id, type_] = state
        state.named = at_end
        return state

    def _next_waiting(self, type_: str) -> ItemState | None:
        waiting = self._waiting[type_]
        while waiting:
            state = waiting.popleft()
            if not state.named:
                return state
        return None

    def _introduce(self, state: ItemState, item: dict[str, Any], events: list[StreamEvent]) -> None:
        """Id and name of a call are told once, and never overwritten."""
        new_id = "" if state.call_id else text_of(item.get("call_id")) or ""
        new_name = "" if state.name else text_of(item.get("name")) or ""
        state.call_id = state.call_id or new_id
        state.name = state.name or new_name
        if new_id or new_name:
            events.append(ToolCallDelta(state.position, new_id or None, new_name or None))

    def _take(
        self,
        event: dict[str, Any],
        item: dict[str, Any],
        events: list[StreamEvent],
        *,
        at_end: bool = False,
    ) -> None:
        state = self._state(event, item, at_end=at_end)
        if state is None:
            return
        state.item = item
        if state.type in CALLS:
            self._introduce(state, item, events)
            self._fill(state, "arguments", 0, arguments_text(item.get(CALLS[state.type])), events)
        elif state.type == "message":
            self._take_content(state, item.get("content"), events)
        elif state.type == "reasoning":
            self._take_texts(state, "summary", item.get("summary"), events)
            self._take_texts(state, "thought", item.get("content"), events)

    def _take_content(self, state: ItemState, content: Any, events: list[StreamEvent]) -> None:
        if isinstance(content, str):
            content = [{"type": "output_text", "text": content}]
        logprobs: list[Any] = []
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict):
                self._fill(state, "refusal", number, part.get("refusal"), events)
                self._fill(state, "text", number, part.get("text"), events)
                found = part.get("logprobs")
                logprobs += found if isinstance(found, list) else ()
        state.logprobs = logprobs or state.logprobs

    def _take_texts(self, state: ItemState, kind: str, parts: Any, events: list[StreamEvent]) -> None:
        for number, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                self._fill(state, kind, number, part.get("text"), events)

    def _fill(
        self, state: ItemState, kind: str, number: int, text: Any, events: list[StreamEvent]
    ) -> None:
        if text and isinstance(text, str):
            text = missing(text, state.pieces.get((kind, number), []))
            if text:
                self._add(state, kind, number, text, events)

    def _add(
        self, state: ItemState, kind: str, number: int, text: str, events: list[StreamEvent]
    ) -> None:
        pieces = state.pieces.get((kind, number))
        if kind in ("summary", "thought"):
            if any(name in ("summary", "thought") and name != kind for name, _ in state.pieces):
                return  # a summary of thoughts and the thoughts themselves: the first to come is shown
            shown = text if pieces is not None or not state.thinking else _BETWEEN + text
            state.thinking.append(shown)
            events.append(ReasoningDelta(shown))
        elif kind == "text":
            events.append(TextDelta(text))
        elif kind == "refusal":
            events.append(RefusalDelta(text))
        else:
            events.append(ToolCallDelta(state.position, arguments=text))
        if pieces is None:
            pieces = state.pieces[kind, number] = []
        pieces.append(text)


def _index(event: dict[str, Any]) -> int:
    """Which content part of its item, or which part of a summary, an event is about."""
    for key in ("content_index", "summary_index"):
        value = event.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0
