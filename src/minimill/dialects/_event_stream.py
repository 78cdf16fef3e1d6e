"""What the decoders of server-sent event streams have in common: when they begin, fail and end.

What the events mean belongs to the classes made of it. It may import `_chat`, `_errors` and the helpers
beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

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
from minimill.dialects._json import load
from minimill.dialects._plain_body import PlainBody
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES, STRAY, SseParser
from minimill.dialects._unreadable import unreadable

_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before a body: a byte order mark and white space."""


def is_stream(body: bytes) -> bool:
    """Whether a body that was sent whole is a stream of events."""
    return body.lstrip(_BLANK).startswith((b"data:", b":", b"event:", b"id:"))


def whole_object(body: bytes, target: Target) -> dict[str, Any]:
    """The JSON object of a whole body.

    Raises:
        ProtocolError: there is none in it.
    """
    try:
        value = load(body)
    except ValueError as error:
        raise unreadable("the body is no JSON", target) from error
    if not isinstance(value, dict):
        raise unreadable("the body is no JSON object", target)
    return value


class EventStream(ABC):
    """One streamed answer, at any chunking. Also takes a plain body sent where a stream was asked for."""

    __slots__ = (
        "_answer", "_end_mark", "_headers", "_id", "_parser", "_plain", "_sniffed", "_target", "_usage",
        "_wrong", "done",
    )  # fmt: skip
    keep_strays: ClassVar[bool] = False
    """Whether lines between the events are items too, named `STRAY`."""

    def __init__(
        self,
        target: Target,
        headers: Mapping[str, str],
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
    ) -> None:
        self.done = False
        """Whether nothing more can come: the end mark was seen, or an error waits."""
        self._target = target
        self._headers = headers
        self._parser = SseParser(
            max_event_bytes=max_event_bytes, max_bytes=max_stream_bytes, keep_strays=self.keep_strays
        )
        self._sniffed = False
        self._plain: PlainBody | None = None
        self._answer: Answer | None = None
        self._end_mark = False
        self._wrong: ProviderError | None = None
        self._usage: Usage | None = None
        self._id: str | None = None

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
        if self._complete():
            return self.partial()
        raise self._cut()

    @abstractmethod
    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""

    @abstractmethod
    def _complete(self) -> bool:
        """Whether all of the answer has come. Raises ProtocolError where it has ended without one."""

    @abstractmethod
    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """Take in one server-sent event."""

    @abstractmethod
    def _read_body(self, body: dict[str, Any]) -> Answer:
        """Read a whole answer that was sent in place of a stream."""

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
        body = whole_object(whole, self._target)
        self.done = True
        self._answer = self._read_body(body)
        events += _events_of(self._answer)

    def _flush(self, events: list[StreamEvent]) -> None:
        if self._plain is not None:
            return  # half a body is no answer
        for name, text in self._parser.close():
            lines = [text] if name == STRAY else text.splitlines()
            if not self.done and all(_readable(line) for line in lines):
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


def _events_of(answer: Answer) -> list[StreamEvent]:
    """The events by which a whole answer would have come as a stream."""
    events: list[StreamEvent] = []
    for choice in answer.choices:
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
    if answer.usage is not None:
        events.append(UsageReported(answer.usage))
    return events


def _readable(text: bytes) -> bool:
    if text.strip()[:6] == b"[DONE]" or not text:
        return True
    try:
        load(text)
    except ValueError:
        return False
    return True
