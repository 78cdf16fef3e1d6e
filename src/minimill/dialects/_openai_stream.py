"""Decodes `openai_chat` streams. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from minimill._chat import (
    Answer,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import Billed, ProviderError, TransportError
from minimill._usage import Usage
from minimill.dialects._base import Target
from minimill.dialects._error_body import is_error
from minimill.dialects._json import load
from minimill.dialects._openai_answer import (
    choice_index,
    raise_failed,
    read_answer,
    says_something,
    service_tier,
    unreadable,
    usage_of,
)
from minimill.dialects._openai_message import finish_word
from minimill.dialects._openai_state import ChoiceState
from minimill.dialects._openai_usage import find_usage, read_usage
from minimill.dialects._plain_body import PlainBody
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES, SseParser
from minimill.dialects._vendor_error import error_in_answer

_BLANK = b"\xef\xbb\xbf \t\r\n"
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_ODD_USAGE = ("x_groq", "timings")


class OpenAIStream:
    """One streamed answer, at any chunking. Also takes a plain body sent where a stream was asked for."""

    __slots__ = (
        "_answer", "_choices", "_end_mark", "_headers", "_id", "_last", "_model", "_parser",
        "_plain", "_raw_usage", "_sniffed", "_target", "_tier", "_usage", "_usage_at_root", "_wrong", "done",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        headers: Mapping[str, str],
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
    ) -> None:
        self.done = False
        """Whether nothing more can come: `[DONE]` was seen, or an error waits."""
        self._target = target
        self._headers = headers
        self._parser = SseParser(max_event_bytes=max_event_bytes, max_bytes=max_stream_bytes)
        self._sniffed = False
        self._plain: PlainBody | None = None
        self._answer: Answer | None = None
        self._choices: dict[int, ChoiceState] = {}
        self._end_mark = False
        self._wrong: ProviderError | None = None
        self._usage: Usage | None = None
        self._raw_usage: dict[str, Any] | None = None
        self._usage_at_root = target.quirks.usage_paths == ("usage",)
        self._id: str | None = None
        self._model: str | None = None
        self._tier: str | None = None
        self._last: dict[str, Any] = {}

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events that these bytes complete, in order. What follows the end mark is dropped.

        Raises:
            ProviderError: the vendor reported an error in mid-stream; billed where content or usage had come.
            ProtocolError: the bytes cannot be read.
            TransportError: (`kind="too_large"`) the bytes pass the size cap.
        """
        if self._wrong is not None:
            raise self._wrong
        events: list[StreamEvent] = []
        if self.done:
            return events
        try:
            self._feed(data, events)
        except ProviderError as error:
            self._fail(error, events)
        return events

    def flush(self) -> list[StreamEvent]:
        """The events that the end of the bytes completes; an event that is only half there is dropped.

        Raises:
            ProviderError: as `feed`.
        """
        if self._wrong is not None:
            raise self._wrong
        events: list[StreamEvent] = []
        if self.done:
            return events
        try:
            self._flush(events)
        except ProviderError as error:
            self._fail(error, events)
        return events

    def close(self) -> Answer:
        """The whole answer, once the bytes have ended.

        Raises:
            TransportError: (`kind="cut"`) the stream ended before the answer did; `usage` is what was told.
            ProviderError: as `feed`.
        """
        self.flush()
        if self._wrong is not None:
            raise self._wrong
        if self._answer is not None:
            return self._answer
        states = self._choices.values()
        ended = [state.finish_raw is not None for state in states]
        if ended and (all(ended) or (self._end_mark and not any(ended))):
            return self.partial()
        if self._end_mark and not ended:
            raise unreadable("there is no answer in the stream", self._target, self._usage)
        raise self._cut()

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

    def _feed(self, data: bytes, events: list[StreamEvent]) -> None:
        if not self._sniffed:
            data = data.lstrip(_BLANK)
            if not data:
                return
            self._sniffed = True
            if data.startswith(b"<"):
                raise unreadable("the body is a web page", self._target)
            self._plain = PlainBody() if data.startswith(b"{") else None
        if self._plain is not None:
            self._feed_plain(self._plain, data, events)
            return
        for name, text in self._parser.feed(data):
            if self.done:
                break
            self._item(name, text, events)

    def _feed_plain(self, plain: PlainBody, data: bytes, events: list[StreamEvent]) -> None:
        """A body that is no stream is read once it is whole."""
        self._parser.count(data)
        whole = plain.feed(data)
        if whole is None:
            return
        try:
            body = load(whole)
        except ValueError as error:
            raise unreadable("the body is no JSON", self._target) from error
        self._take_body(body, events)

    def _take_body(self, body: dict[str, Any], events: list[StreamEvent]) -> None:
        self.done = True
        self._answer = read_answer(body, self._target, self._headers)
        for choice in self._answer.choices:
            message, index = choice.message, choice.index
            if message.reasoning:
                events.append(ReasoningDelta(message.reasoning, index))
            if message.text:
                events.append(TextDelta(message.text, index))
            if choice.refusal:
                events.append(RefusalDelta(choice.refusal, index))
            for position, call in enumerate(message.tool_calls):
                events.append(ToolCallDelta(position, call.id, call.name, call.arguments, index))
            events.append(Finished(choice.finish_reason, choice.finish_reason_raw, index))
        if self._answer.usage is not None:
            events.append(UsageReported(self._answer.usage))

    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """One server-sent event."""
        if text[:6] == b"[DONE]":
            self._end_mark = self.done = True
            for state in self._choices.values():
                state.name_calls(self._id, events)
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

    def _damaged(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """What strict reading refuses: broken UTF-8, or chunks that only a line end parts."""
        if not text.strip():
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
            for choice in choices:
                if type(choice) is dict:
                    self._choice(choice, chunk, events, reported)
        if self._usage is not None and not self._usage.output_tokens and self._has_content():
            self._forget_usage()  # an answer has tokens: a zero means that nobody counted
        if reported:
            usage = usage_of(self._usage, len(self._choices), self._target)
            if usage is not None:
                events.append(UsageReported(usage))

    def _choice(
        self, choice: dict[str, Any], chunk: dict[str, Any], events: list[StreamEvent], reported: bool
    ) -> None:
        index = choice_index(choice, 0)
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
        if word is not None:
            self._last = chunk
            raise_failed(word, choice, self._target, self._usage, content=self._has_content())
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

    def _flush(self, events: list[StreamEvent]) -> None:
        if self._plain is not None:
            return  # half a body is no answer
        for name, text in self._parser.close():
            if not self.done and all(_readable(line) for line in text.splitlines()):
                self._item(name, text, events)

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        """Keep the error for the next call where events came before it; else raise it."""
        self.done = True
        self._wrong = self._filled(error)
        if not events:
            raise error

    def _filled(self, error: ProviderError) -> ProviderError:
        error.provider = error.provider or self._target.provider
        error.model = error.model or self._target.model
        error.usage = error.usage or self._usage
        return error

    def _cut(self) -> TransportError:
        return TransportError(
            f"{self._target.provider} ended the stream before the answer was complete",
            kind="cut",
            provider=self._target.provider,
            model=self._target.model,
            status=200,
            usage=self._usage,
            billed=Billed.UNKNOWN,
            request_id=self._id,
        )


def _inside_choice(choices: Any) -> bool:
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and bool(first.get("usage"))


def _readable(text: bytes) -> bool:
    if text[:6] == b"[DONE]" or not text:
        return True
    try:
        load(text)
    except ValueError:
        return False
    return True
