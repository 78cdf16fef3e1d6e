"""Decodes streams of the Messages wire. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from minimill.dialects._anthropic_answer import (
    answer_of,
    finish_reason,
    read_answer,
    refusal_of,
    unreadable,
)
from minimill.dialects._anthropic_state import BlockState
from minimill.dialects._anthropic_usage import merged, read_usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._error_body import is_error
from minimill.dialects._json import load
from minimill.dialects._plain_body import PlainBody
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES, SseParser
from minimill.dialects._vendor_error import error_in_answer

_BLANK = b"\xef\xbb\xbf \t\r\n"


class AnthropicStream:
    """One streamed answer, at any chunking. Also takes a plain body sent where a stream was asked for."""

    __slots__ = (
        "_answer", "_blocks", "_calls", "_headers", "_last", "_message", "_order", "_parser", "_plain",
        "_sniffed", "_target", "_told", "_usage", "_wrong", "done",
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
        """Whether nothing more can come: `message_stop` was seen, or an error waits."""
        self._target = target
        self._headers = headers
        self._parser = SseParser(max_event_bytes=max_event_bytes, max_bytes=max_stream_bytes)
        self._sniffed = False
        self._plain: PlainBody | None = None
        self._answer: Answer | None = None
        self._message: dict[str, Any] | None = None
        """The message as it stands, apart from its content and usage; None before it began."""
        self._blocks: dict[int, BlockState] = {}
        self._order: list[BlockState] = []
        self._last: BlockState | None = None
        self._calls = 0
        self._told: dict[str, Any] = {}
        """Everything said about usage so far."""
        self._usage: Usage | None = None
        """The bill; what the beginning of a message says of the output is none."""
        self._wrong: ProviderError | None = None

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events that these bytes complete, in order. What follows `message_stop` is dropped.

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
        if self.done or self._plain is not None:
            return events  # half a body is no answer
        try:
            for name, text in self._parser.close():
                if not self.done and _readable(text):
                    self._item(name, text, events)
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
        message = self._message
        if message is not None and (self.done or message.get("stop_reason")):
            return self.partial()
        if self.done:
            raise unreadable("there is no answer in the stream", self._target, self._usage)
        raise TransportError(
            f"{self._target.provider} ended the stream before the answer was complete",
            kind="cut",
            provider=self._target.provider,
            model=self._target.model,
            status=200,
            usage=self._usage,
            billed=Billed.UNKNOWN,
            request_id=None if message is None else text_of(message.get("id")),
        )

    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""
        if self._answer is not None:
            return self._answer
        content = [block.whole() for block in self._order]
        if self._message is None and not content:
            return Answer((), None)
        body = {**(self._message or {}), "content": content}
        if self._told:
            body["usage"] = self._told
        return answer_of(body, content, self._usage, self._target)

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
        self.done = True
        self._answer = read_answer(body, self._target, self._headers)
        _retell(self._answer, events)

    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """One server-sent event."""
        if not text.strip():
            return
        try:
            item = load(text)
        except ValueError:
            if name != "error":
                if not (self._message or {}).get("stop_reason"):
                    self._forget_usage()  # the event may have been content
                raise unreadable("an event is no JSON", self._target, self._usage) from None
            item = text.decode("utf-8", "replace")
        if name == "error" and not (isinstance(item, dict) and is_error(item)):
            item = {"error": item}
        if isinstance(item, dict):
            self._event(item, events, failed=name == "error")

    def _event(self, item: dict[str, Any], events: list[StreamEvent], *, failed: bool) -> None:
        kind = item.get("type")
        if failed or kind == "error" or (kind is None and is_error(item)):
            raise error_in_answer(
                item if is_error(item) else {"error": item},
                self._target,
                headers=self._headers,
                usage=self._usage,
                content=bool(self._order),
                request_id=None if self._message is None else text_of(self._message.get("id")),
            )
        if kind == "message_start":
            self._start(item.get("message"), events)
        elif kind == "content_block_start":
            self._block(item, events)
        elif kind in ("content_block_delta", "content_block_stop"):
            self._piece(kind, item, events)
        elif kind == "message_delta":
            self._delta(item, events)
        elif kind == "message_stop":
            self._stop(events)

    def _start(self, message: Any, events: list[StreamEvent]) -> None:
        """The message begins; some servers say so twice."""
        if self._message is not None or not isinstance(message, dict):
            return
        self._message = {key: value for key, value in message.items() if key not in ("content", "usage")}
        if isinstance(message.get("usage"), dict):
            self._told = message["usage"]
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                self._open(block, None, events)

    def _block(self, item: dict[str, Any], events: list[StreamEvent]) -> None:
        block = item.get("content_block")
        if isinstance(block, dict):
            self._open(block, item.get("index"), events)

    def _open(self, block: dict[str, Any], index: Any, events: list[StreamEvent]) -> None:
        self._forget_usage()  # a bill that came before content is none
        state = BlockState(block, self._calls, events)
        self._calls += state.is_call
        self._order.append(state)
        self._last = state
        if isinstance(index, int):
            self._blocks[index] = state

    def _piece(self, kind: Any, item: dict[str, Any], events: list[StreamEvent]) -> None:
        index = item.get("index")
        state = self._blocks.get(index) if isinstance(index, int) else self._last
        if state is None:
            return
        if kind == "content_block_stop":
            state.stop(events)
        elif isinstance(item.get("delta"), dict):
            before = len(events)
            state.add(item["delta"], events)
            if len(events) > before:
                self._forget_usage()

    def _delta(self, item: dict[str, Any], events: list[StreamEvent]) -> None:
        """How the message ended, and its bill."""
        delta = item.get("delta")
        if isinstance(delta, dict):
            before = self._message.get("stop_reason") if self._message else None
            told = {key: value for key, value in delta.items() if value is not None}
            self._message = {**(self._message or {}), **told}
            if not before and text_of(delta.get("stop_reason")):
                self._finish(events)
        if isinstance(item.get("usage"), dict):
            self._told = merged(self._told, item["usage"])
            self._usage = self._read(item["usage"])
            if self._usage is not None:
                events.append(UsageReported(self._usage))

    def _read(self, last: dict[str, Any]) -> Usage | None:
        """The bill, once the output was told after the content."""
        if last.get("output_tokens") is None:
            return None
        model = text_of((self._message or {}).get("model"))
        usage = read_usage(self._told, (model or "", self._target.model))
        # an answer has tokens: a zero means that nobody counted
        return None if usage is not None and not usage.output_tokens and self._says_something() else usage

    def _says_something(self) -> bool:
        answer = answer_of({}, [block.whole() for block in self._order], None, self._target)
        return bool(answer.choices[0].message.parts)

    def _finish(self, events: list[StreamEvent]) -> None:
        message = self._message or {}
        for state in self._order:
            state.stop(events)
        refusal = refusal_of(message)
        if refusal:
            events.append(RefusalDelta(refusal))
        word = text_of(message.get("stop_reason"))
        events.append(Finished(finish_reason(word, self._target), word))

    def _stop(self, events: list[StreamEvent]) -> None:
        self.done = True
        for state in self._order:
            state.stop(events)

    def _forget_usage(self) -> None:
        self._usage = None

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        """Keep the error for the next call where events came before it; else raise it."""
        self.done = True
        error.provider = error.provider or self._target.provider
        error.model = error.model or self._target.model
        error.usage = error.usage or self._usage
        self._wrong = error
        if not events:
            raise error


def _retell(answer: Answer, events: list[StreamEvent]) -> None:
    """A whole answer as events."""
    for choice in answer.choices:
        message = choice.message
        if message.reasoning:
            events.append(ReasoningDelta(message.reasoning))
        if message.text:
            events.append(TextDelta(message.text))
        for position, call in enumerate(message.tool_calls):
            events.append(ToolCallDelta(position, call.id or None, call.name or None, call.arguments))
        if choice.refusal:
            events.append(RefusalDelta(choice.refusal))
        events.append(Finished(choice.finish_reason, choice.finish_reason_raw))
    if answer.usage is not None:
        events.append(UsageReported(answer.usage))


def _readable(text: bytes) -> bool:
    try:
        load(text)
    except ValueError:
        return False
    return True
