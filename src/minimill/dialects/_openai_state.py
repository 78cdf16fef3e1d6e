"""One choice of an `openai_chat` stream while it grows.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from typing import Any

from minimill._chat import (
    Choice,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from minimill.dialects._base import Target
from minimill.dialects._call_ids import made_up_id
from minimill.dialects._json import dump_text, load
from minimill.dialects._logprobs import openai_logprobs
from minimill.dialects._openai_message import (
    arguments_text,
    call_function,
    call_items,
    content_texts,
    finish_reason,
    make_message,
    reasoning_text,
)

_LOOKS = 64
"""How often a call's arguments are looked at for their end, so that long ones take no longer than they are."""


class CallState:
    """One tool call while its pieces arrive."""

    __slots__ = ("arguments", "id", "looks", "name", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.looks = 0

    def is_whole(self) -> bool:
        """Whether its arguments are complete, so that more of them would be another call's."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}") or self.looks == _LOOKS:
            return False
        self.looks += 1
        try:
            load("".join(self.arguments).encode("utf-8", "surrogatepass"))
        except ValueError:
            return False
        return True

    def ends_before(self, call_id: str, name: str, text: str) -> bool:
        """Whether a piece that follows this one is another call's."""
        if not self.name:
            return bool(call_id and name and self.id and self.id != call_id)
        fresh = bool(call_id and self.id and self.id != call_id)
        if name:
            more = bool(text) and (not call_id or call_id != self.id)
            return fresh or ((name != self.name or more) and self.is_whole())
        return fresh and bool(text) and self.is_whole()


class ChoiceState:
    """One of the `n` answers: what has come of it, and how it ended."""

    __slots__ = (
        "calls", "finish", "finish_raw", "index", "keyed", "logprobs", "next_id", "opaque", "rare", "reasoning",
        "refusal", "sealed", "target", "text",
    )  # fmt: skip

    def __init__(self, index: int, target: Target) -> None:
        self.index = index
        self.target = target
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.opaque: list[str] = []
        self.sealed: list[dict[str, Any]] = []
        """Sealed reasoning that comes as typed items rather than as text."""
        self.calls: list[CallState] = []
        self.keyed: dict[Any, CallState] = {}
        """Calls by the vendor's index, or by id where there is none."""
        self.next_id = ""
        """A new id that came alone: the piece after it tells whether it begins another call."""
        self.logprobs: dict[str, list[Any]] = {}
        sealed_field = target.quirks.opaque_reasoning_field
        self.rare = {"tool_calls", "function_call", "refusal", *((sealed_field,) if sealed_field else ())}
        """Keys of a delta that are looked at only where they occur."""
        self.finish: FinishReason | None = None
        self.finish_raw: str | None = None

    @property
    def has_content(self) -> bool:
        """Whether anything of the answer has come."""
        return bool(self.text or self.reasoning or self.calls or self.refusal or self.opaque or self.sealed)

    def delta(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take in one delta."""
        quirks = self.target.quirks
        thinking = reasoning_text(delta, quirks.reasoning_fields)
        if thinking and quirks.reasoning_snapshots and self.reasoning:
            thinking = self._new_reasoning(thinking)
        if thinking:
            self._reason(thinking, events)
        content = delta.get("content")
        if content:
            if type(content) is str:
                self.text.append(content)
                events.append(TextDelta(content, self.index))
            else:
                self._parts(content, events)
        if not delta.keys().isdisjoint(self.rare):
            self._rare(delta, events)

    def _rare(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refuse(refusal, events)
        for position, item in enumerate(call_items(delta)):
            self._call(item, position, events)
        field = self.target.quirks.opaque_reasoning_field
        if field and delta.get(field):
            self._seal(delta[field])

    def _new_reasoning(self, text: str) -> str:
        """What of a piece is new, where pieces may repeat all that came before."""
        if self.reasoning and not text.startswith(self.reasoning[0]):
            return text
        sofar = "".join(self.reasoning)
        self.reasoning = [sofar]
        return text.removeprefix(sofar)

    def _reason(self, text: str, events: list[StreamEvent]) -> None:
        self.reasoning.append(text)
        events.append(ReasoningDelta(text, self.index))

    def _refuse(self, text: str, events: list[StreamEvent]) -> None:
        self.refusal.append(text)
        events.append(RefusalDelta(text, self.index))

    def _parts(self, content: Any, events: list[StreamEvent]) -> None:
        text, thinking, refusal = content_texts(content)
        if thinking:
            self._reason(thinking, events)
        if text:
            self.text.append(text)
            events.append(TextDelta(text, self.index))
        if refusal:
            self._refuse(refusal, events)

    def _seal(self, value: Any) -> None:
        if isinstance(value, str):
            self.opaque.append(value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    self._seal_item(item)

    def _seal_item(self, item: dict[str, Any]) -> None:
        """Pieces of one item have one index and type; their texts are joined."""
        last = self.sealed[-1] if self.sealed else None
        same = last and all(last.get(key) == item.get(key) for key in ("index", "type"))
        if not last or not same or item.get("index") is None:
            self.sealed.append(dict(item))
            return
        for key, value in item.items():
            joined = (
                key in ("text", "summary", "data")
                and isinstance(value, str)
                and isinstance(last.get(key), str)
            )
            if joined:
                last[key] += value
            elif value is not None:
                last[key] = value

    def _call(self, item: Any, position: int, events: list[StreamEvent]) -> None:
        """Take in one piece of a tool call. Id and name are told once, and never overwritten."""
        call_id, name, arguments = call_function(item)
        if not call_id and not name and arguments is None:
            return
        text = arguments_text(arguments)
        key = _key(item)
        state = self.keyed.get(key) if key is not None else self._unkeyed(call_id, name or "", position)
        if state is not None and not name and not text and self._new(call_id, state):
            self.next_id = call_id
            return
        call_id = call_id or (self.next_id if name or text else "")
        self.next_id = ""
        if state is None or state.ends_before(call_id, name or "", text):
            state = CallState(len(self.calls))
            self.calls.append(state)
        if key is not None:
            self.keyed[key] = state
        if call_id:
            self.keyed.setdefault((call_id,), state)
        new_id = call_id if call_id and not state.id else None
        new_name = name if name and not state.name else None
        state.id = state.id or call_id
        state.name = state.name or name or ""
        if text:
            state.arguments.append(text)
        if new_id or new_name or text:
            events.append(ToolCallDelta(state.position, new_id, new_name, text, self.index))

    def _new(self, call_id: str, state: CallState) -> bool:
        """Whether an id is neither that of this call, which has one, nor of any other."""
        return bool(call_id and state.id and state.id != call_id) and (call_id,) not in self.keyed

    def _unkeyed(self, call_id: str, name: str, position: int) -> CallState | None:
        """A piece without index goes to the call with its id, else to the last one unless it begins a new one."""
        known = self.keyed.get((call_id,))
        last = self.calls[-1] if self.calls else None
        if known is not None or last is None:
            return known
        begins = bool(name and last.name) and (bool(call_id) or name != last.name)
        return None if begins or position > 0 else last

    def whole(self, message: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take in a whole message that ends the stream: what of it has not come yet."""
        text, thinking, refusal = content_texts(message.get("content"))
        thinking = reasoning_text(message, self.target.quirks.reasoning_fields) or thinking
        thinking = missing(thinking, self.reasoning)
        text = missing(text, self.text)
        rest = {key: value for key, value in message.items() if key not in ("content", "refusal")}
        for field in self.target.quirks.reasoning_fields:
            rest.pop(field, None)
        if thinking:
            self._reason(thinking, events)
        if text:
            self.text.append(text)
            events.append(TextDelta(text, self.index))
        told = message.get("refusal")
        refusal = missing(told if isinstance(told, str) else refusal, self.refusal)
        if refusal:
            self._refuse(refusal, events)
        if self.calls:
            rest.pop("tool_calls", None)
            rest.pop("function_call", None)
        if self.opaque or self.sealed:
            rest.pop(self.target.quirks.opaque_reasoning_field or "", None)
        self._rare(rest, events)

    def add_logprobs(self, logprobs: Any) -> None:
        """Take in one chunk's log probabilities."""
        if isinstance(logprobs, dict):
            for key, values in logprobs.items():
                if isinstance(values, list):
                    self.logprobs.setdefault(key, []).extend(values)

    def end(
        self, word: str, choice: dict[str, Any], answer_id: str | None, events: list[StreamEvent]
    ) -> None:
        """The vendor's finish word has come; a repeated one changes nothing."""
        if self.finish_raw is not None:
            return
        self.name_calls(answer_id, events)
        self.finish_raw = word
        self.finish = finish_reason(word, choice, bool(self.calls), self.target)
        events.append(Finished(self.finish, word, self.index))

    def name_calls(self, answer_id: str | None, events: list[StreamEvent]) -> None:
        """Give an id to the calls for which none came."""
        for call in self.calls:
            if not call.id:
                call.id = made_up_id(answer_id, self.index, call.position)
                events.append(ToolCallDelta(call.position, call.id, None, "", self.index))

    def choice(self, answer_id: str | None) -> Choice:
        """What has come, as a choice."""
        calls = [
            ToolCall(
                call.id or made_up_id(answer_id, self.index, call.position),
                call.name,
                "".join(call.arguments),
            )
            for call in self.calls
        ]
        opaque = "".join(self.opaque) or (dump_text(self.sealed) if self.sealed else None)
        finish = self.finish
        if finish is None or (finish is FinishReason.STOP and calls):
            finish = FinishReason.TOOL_CALLS if calls and finish else finish or FinishReason.UNKNOWN
        return Choice(
            index=self.index,
            message=make_message("".join(self.reasoning), opaque, "".join(self.text), calls, self.target),
            finish_reason=finish,
            finish_reason_raw=self.finish_raw,
            logprobs=openai_logprobs(self.logprobs),
            refusal="".join(self.refusal) or None,
            logprobs_raw=self.logprobs or None,
        )


def _key(item: dict[str, Any]) -> int | str | None:
    """The number by which a vendor tells the calls of one answer apart."""
    key = item.get("index")
    return None if isinstance(key, bool) or not isinstance(key, (int, str)) else key


def missing(whole: str, pieces: list[str]) -> str:
    """What of `whole` has not come in `pieces`; nothing where they differ."""
    if not whole or not pieces:
        return whole
    sofar = "".join(pieces)
    return whole[len(sofar) :] if whole.startswith(sofar) else ""
