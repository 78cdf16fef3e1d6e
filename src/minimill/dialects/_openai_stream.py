"""Decodes `openai_chat` streams. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic_core import from_json

from minimill._chat import Answer, StreamEvent, UsageReported
from minimill.dialects._base import Target
from minimill.dialects._error_body import is_error
from minimill.dialects._event_stream import EventStream
from minimill.dialects._json import load
from minimill.dialects._openai_answer import (
    Failure,
    choice_index,
    raise_failed,
    read_answer,
    says_something,
    service_tier,
    usage_of,
)
from minimill.dialects._openai_message import finish_word
from minimill.dialects._openai_state import ChoiceState
from minimill.dialects._openai_usage import find_usage, read_usage
from minimill.dialects._sse import STRAY
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_ODD_USAGE = ("x_groq", "timings")


class OpenAIStream(EventStream):
    """One streamed answer, at any chunking. Also takes a plain body sent where a stream was asked for."""

    __slots__ = ("_choices", "_last", "_model", "_raw_usage", "_tier", "_usage_at_root")
    keep_strays: ClassVar[bool] = True
    """Servers that fail in the middle write their error as bare JSON between the events."""

    def __init__(self, target: Target, headers: Mapping[str, str], **limits: int) -> None:
        super().__init__(target, headers, **limits)
        self._choices: dict[int, ChoiceState] = {}
        self._raw_usage: dict[str, Any] | None = None
        self._usage_at_root = target.quirks.usage_paths == ("usage",)
        self._model: str | None = None
        self._tier: str | None = None
        self._last: dict[str, Any] = {}

    def _complete(self) -> bool:
        states = self._choices.values()
        ended = [state.finish_raw is not None for state in states]
        if self._end_mark and not ended:
            raise unreadable("there is no answer in the stream", self._target, self._usage)
        return bool(ended) and (all(ended) or (self._end_mark and not any(ended)))

    def _read_body(self, body: dict[str, Any]) -> Answer:
        return read_answer(body, self._target, self._headers)

    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""
        if self._answer is not None:
            return self._answer
        states = sorted(self._choices.values(), key=lambda state: state.index)
        raw = {**self._last, "usage": self._raw_usage} if self._raw_usage is not None else self._last
        return Answer(
            choices=tuple(state.choice(self._id) for state in states),
            usage=usage_of(self._usage, len(states), self._target),
            id=self._id,
            model=self._model,
            service_tier=self._tier,
            raw=raw or None,
        )

    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """One server-sent event."""
        if text[:6] == b"[DONE]":
            self._end(events)
            return
        try:
            chunk = from_json(text)
        except ValueError:
            self._damaged(name, text, events)
            return
        if type(chunk) is dict:
            self._chunk(chunk, events, failed=name == "error")
        elif name == "error":
            self._chunk({"error": chunk}, events, failed=True)

    def _end(self, events: list[StreamEvent]) -> None:
        """The end mark has come."""
        self._end_mark = self.done = True
        for state in self._choices.values():
            state.name_calls(self._id, events)

    def _damaged(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """What strict reading refuses: broken UTF-8, an end mark after white space, chunks that only a line end parts,
        or lines that are no JSON between the events."""
        if not text.strip() or name == STRAY:
            return
        if text.strip()[:6] == b"[DONE]":
            self._end(events)
            return
        if name == "error":
            self._chunk({"error": text.decode("utf-8", "replace")}, events, failed=True)
            return
        try:
            chunks = [load(text)]
        except ValueError:
            lines = [line for line in text.split(b"\n") if line.strip()]
            if len(lines) < 2:
                if not self._finished():
                    self._forget_usage()  # the event may have been content
                raise unreadable("an event is no JSON", self._target, self._usage) from None
            for line in lines:
                if not self.done:
                    self._item(name, line, events)
            return
        for chunk in chunks:
            if isinstance(chunk, dict):
                self._chunk(chunk, events)

    def _chunk(self, chunk: dict[str, Any], events: list[StreamEvent], *, failed: bool = False) -> None:
        if self._id is None:
            self._remember(chunk)
        choices = chunk.get("choices")
        reported = self._read_usage(chunk, choices)
        if failed or not choices or "error" in chunk or "base_resp" in chunk:
            if not reported and says_something(choices, self._target):
                self._forget_usage()
            self._check(chunk, failed)
        tier = service_tier(chunk, self._target)
        if tier:
            self._tier = tier
        if isinstance(choices, list):
            for position, choice in enumerate(choices):
                if type(choice) is dict:
                    self._choice(choice, choice_index(choice, position), chunk, events, reported)
        if self._usage is not None and not self._usage.output_tokens and self._has_content():
            self._forget_usage()  # an answer has tokens: a zero means that nobody counted
        if reported:
            usage = usage_of(self._usage, len(self._choices), self._target)
            if usage is not None:
                events.append(UsageReported(usage))

    def _choice(
        self,
        choice: dict[str, Any],
        index: int,
        chunk: dict[str, Any],
        events: list[StreamEvent],
        reported: bool,
    ) -> None:
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = ChoiceState(index, self._target)
        before = len(events)
        delta = choice.get("delta")
        if delta and type(delta) is dict:
            state.delta(delta, events)
        elif isinstance(choice.get("message"), dict):
            state.whole(choice["message"], events)
        if self._usage is not None and not reported and (len(events) > before or self._sealed(delta)):
            self._forget_usage()  # it was told before this content: no final bill
        if choice.get("logprobs"):
            state.add_logprobs(choice["logprobs"])
        word = finish_word(choice)
        if word is not None or "error" in choice:
            failure = Failure(self._headers, self._id, self._usage, self._has_content())
            raise_failed(word, choice, self._target, failure)
        if word is not None:
            self._last = chunk
            state.end(word, choice, self._id, events)

    def _read_usage(self, chunk: dict[str, Any], choices: Any) -> bool:
        """Whether the chunk tells a usage. The last one stands; one that cannot be read makes it unknown."""
        raw: Any
        if self._usage_at_root and chunk.get("usage"):
            raw = chunk["usage"]
        elif not self._usage_at_root or any(key in chunk for key in _ODD_USAGE) or _inside_choice(choices):
            raw = find_usage(chunk, self._target.quirks)
            if raw is None or (self._usage is not None and "timings" in chunk and not chunk.get("usage")):
                return False
        else:
            return False
        usage = read_usage(raw, self._target.quirks)
        if usage is None and isinstance(raw, dict) and not any(raw.get(key) for key in _COUNTS):
            return False  # zeros or nothing: nobody counted here, what was told before stands
        self._raw_usage = raw if isinstance(raw, dict) else None
        self._usage = usage
        return usage is not None

    def _check(self, chunk: dict[str, Any], failed: bool) -> None:
        """Raise where the chunk reports an error."""
        if failed or is_error(chunk):
            value = chunk if is_error(chunk) else {"error": chunk}
            raise error_in_answer(
                value,
                self._target,
                headers=self._headers,
                usage=self._usage,
                content=self._has_content(),
                request_id=self._id,
            )

    def _has_content(self) -> bool:
        return any(state.has_content for state in self._choices.values())

    def _finished(self) -> bool:
        states = self._choices.values()
        return bool(states) and all(state.finish_raw is not None for state in states)

    def _forget_usage(self) -> None:
        self._usage = self._raw_usage = None

    def _sealed(self, delta: Any) -> bool:
        field = self._target.quirks.opaque_reasoning_field
        return bool(field and isinstance(delta, dict) and delta.get(field))

    def _remember(self, chunk: dict[str, Any]) -> None:
        self._id = chunk["id"] if isinstance(chunk.get("id"), str) and chunk["id"] else None
        if self._model is None and isinstance(chunk.get("model"), str):
            self._model = chunk["model"] or None


def _inside_choice(choices: Any) -> bool:
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and bool(first.get("usage"))
