"""Decodes `openai_responses` streams. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from minimill._chat import Answer, Choice, Finished, FinishReason, StreamEvent, UsageReported
from minimill.dialects._base import Target, text_of
from minimill.dialects._event_stream import EventStream
from minimill.dialects._json import load
from minimill.dialects._openai_answer import Failure, raise_failed, service_tier
from minimill.dialects._responses_answer import check, failure, finish, read_answer
from minimill.dialects._responses_state import OutputState
from minimill.dialects._responses_usage import usage_in
from minimill.dialects._unreadable import unreadable

_DELTAS = {
    "response.output_text.delta": ("message", "text"),
    "response.refusal.delta": ("message", "refusal"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary"),
    "response.reasoning_text.delta": ("reasoning", "thought"),
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "arguments"),
}
"""Events that bring a piece of text, to the type of its item and the kind of text."""
_WHOLES = {
    "response.output_text.done": ("message", "text", "text"),
    "response.refusal.done": ("message", "refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "summary", "text"),
    "response.reasoning_text.done": ("reasoning", "thought", "text"),
    "response.function_call_arguments.done": ("function_call", "arguments", "arguments"),
    "response.custom_tool_call_input.done": ("custom_tool_call", "arguments", "input"),
}
"""Events that repeat a whole text, to the same and the field that holds it."""
_ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
"""Events that end a response, to its status."""


class ResponsesStream(EventStream):
    """One streamed answer, at any chunking. Also takes a plain body sent where a stream was asked for."""

    __slots__ = ("_body", "_finish", "_model", "_output", "_tier", "_word")

    def __init__(self, target: Target, headers: Mapping[str, str], **limits: int) -> None:
        super().__init__(target, headers, **limits)
        self._output = OutputState(target)
        self._finish: FinishReason | None = None
        self._word: str | None = None
        self._model: str | None = None
        self._tier: str | None = None
        self._body: dict[str, Any] | None = None

    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""
        if self._answer is not None:
            return self._answer
        choices: tuple[Choice, ...] = ()
        if self._finish is not None or self._output.has_content:
            reason = self._finish or FinishReason.UNKNOWN
            choices = (self._output.choice(self._id, reason, self._word),)
        return Answer(
            choices=choices,
            usage=self._usage,
            id=self._id,
            model=self._model,
            service_tier=self._tier,
            raw=self._body,
        )

    def _complete(self) -> bool:
        if self._end_mark and not self._output.has_content:
            raise unreadable("there is no answer in the stream", self._target, self._usage)
        return self._finish is not None or (self._end_mark and self._output.is_whole)

    def _read_body(self, body: dict[str, Any]) -> Answer:
        return read_answer(body, self._target, self._headers)

    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        if text[:6] == b"[DONE]":
            self._end_mark = self.done = True
            self._output.name_calls(self._id, events)
            return
        try:
            event = from_json(text)
        except ValueError:
            event = self._damaged(name, text)
        if type(event) is dict:
            self._event(event.get("type") or name, event, events)
        elif name == "error":
            self._event(name, {"error": event}, events)

    def _damaged(self, name: str, text: bytes) -> Any:
        """What strict reading refuses: broken UTF-8, an error in plain words, or nothing."""
        if not text.strip():
            return None
        try:
            return load(text)
        except ValueError:
            if name == "error":
                return text.decode("utf-8", "replace")
            raise unreadable("an event is no JSON", self._target, self._usage) from None

    def _event(self, type_: Any, event: dict[str, Any], events: list[StreamEvent]) -> None:
        """One event; of unknown types only errors are looked for."""
        if not isinstance(type_, str):
            type_ = ""
        if type_ in _DELTAS:
            self._output.delta(*_DELTAS[type_], event, events)
        elif type_ in _WHOLES:
            item, kind, field = _WHOLES[type_]
            self._output.whole(item, kind, event, event.get(field), events)
        elif type_ == "response.output_item.added":
            self._output.begin(event, events)
        elif type_ == "response.output_item.done":
            self._output.end(event, events)
        elif type_ in _ENDS:
            self._end(_ENDS[type_], event.get("response"), events)
        elif type_ == "error" or event.get("error"):
            raise failure(
                event,
                self._target,
                self._headers,
                self._usage,
                content=self._output.has_content,
                request_id=self._id,
            )
        elif isinstance(event.get("response"), dict):
            self._remember(event["response"])

    def _remember(self, body: dict[str, Any]) -> None:
        self._id = text_of(body.get("id")) or self._id
        self._model = text_of(body.get("model")) or self._model

    def _end(self, status: str, told: Any, events: list[StreamEvent]) -> None:
        """The response is over, and told once more as a whole."""
        body = {"status": status, **(told if isinstance(told, dict) else {})}
        if status in ("failed", "cancelled"):
            body["status"] = status
        self._body = body
        self._remember(body)
        self._tier = service_tier(body, self._target)
        self._output.complete(body.get("output"), events)
        content = self._output.has_content
        self._usage = usage_in(body, answered=content)
        check(body, self._target, self._headers, self._usage, content=content)
        word, reason = finish(body, self._target, has_calls=self._output.has_calls)
        raise_failed(word, {}, self._target, Failure(self._headers, self._id, self._usage, content))
        self._output.name_calls(self._id, events)
        self._word, self._finish, self.done = word, reason, True
        events.append(Finished(reason, word))
        if self._usage is not None:
            events.append(UsageReported(self._usage))
