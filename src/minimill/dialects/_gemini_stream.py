"""Decodes Gemini streams: bytes to chunks. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping

from minimill._chat import Answer, StreamEvent
from minimill._errors import Billed, ProviderError, TransportError
from minimill.dialects._base import Target
from minimill.dialects._gemini_gather import Gathering
from minimill.dialects._json import load
from minimill.dialects._plain_body import PlainBody
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES, STRAY, SseParser
from minimill.dialects._unreadable import unreadable

_BLANK = b"\xef\xbb\xbf \t\r\n"


class GeminiStream:
    """One streamed answer, at any chunking. Also takes a plain body, or a list of chunks, sent in its place.

    The wire has no end mark: the stream is over when its bytes are, and complete when every candidate has a
    finish reason. An error in mid-stream may be bare JSON between the events.
    """

    __slots__ = ("_answer", "_gathered", "_list", "_parser", "_plain", "_sniffed", "_target", "_wrong", "done")

    def __init__(
        self,
        target: Target,
        headers: Mapping[str, str],
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
    ) -> None:
        self.done = False
        """Whether nothing more can come: a plain body was whole, or an error waits."""
        self._target = target
        self._gathered = Gathering(target, headers)
        self._parser = SseParser(
            max_event_bytes=max_event_bytes, max_bytes=max_stream_bytes, keep_strays=True
        )
        self._sniffed = False
        self._plain: PlainBody | None = None
        self._list: bytearray | None = None
        self._answer: Answer | None = None
        self._wrong: ProviderError | None = None

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events that these bytes complete, in order.

        Raises:
            ProviderError: the vendor reported an error in mid-stream; billed where content or usage had come.
            ProtocolError: the bytes cannot be read.
            TransportError: (`kind="too_large"`) the bytes pass the size cap.
        """
        return self._guarded(data)

    def flush(self) -> list[StreamEvent]:
        """The events that the end of the bytes completes; an event that is only half there is dropped.

        Raises:
            ProviderError: as `feed`.
        """
        return self._guarded(None)

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
        if self._gathered.finished:
            return self._gathered.answer()
        raise self._cut()

    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""
        return self._answer or self._gathered.answer()

    def _guarded(self, data: bytes | None) -> list[StreamEvent]:
        """Read bytes, or their end; an error that comes after events waits for the next call."""
        if self._wrong is not None:
            raise self._wrong
        events: list[StreamEvent] = []
        if self.done:
            return events
        try:
            if data is None:
                self._end(events)
            else:
                self._feed(data, events)
        except ProviderError as error:
            self.done = True
            self._wrong = self._filled(error)
            if not events:
                raise
        return events

    def _feed(self, data: bytes, events: list[StreamEvent]) -> None:
        if not self._sniffed:
            data = data.lstrip(_BLANK)
            if not data:
                return
            self._sniff(data)
        if self._plain is not None:
            self._parser.count(data)
            whole = self._plain.feed(data)
            if whole is not None:
                self._take_body(whole, events)
        elif self._list is not None:
            self._parser.count(data)
            self._list += data
        else:
            for name, text in self._parser.feed(data):
                if self.done:
                    break
                self._item(name, text, events)

    def _sniff(self, data: bytes) -> None:
        self._sniffed = True
        if data.startswith(b"<"):
            raise unreadable("the body is a web page", self._target)
        if data.startswith(b"{"):
            self._plain = PlainBody()
        elif data.startswith(b"["):
            self._list = bytearray()

    def _take_body(self, whole: bytes, events: list[StreamEvent]) -> None:
        try:
            body = load(whole)
        except ValueError as error:
            raise unreadable("the body is no JSON", self._target) from error
        self.done = True
        self._answer = self._gathered.whole(body, events)

    def _item(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """One server-sent event, or lines between them."""
        text = text.strip()
        if not text:
            return
        if text == b"[DONE]":  # gateways add it
            self.done = True
            return
        try:
            value = load(text)
        except ValueError:
            if not self._gathered.finished:
                self._gathered.forget_usage()  # the event may have been content
            what = "a line" if name == STRAY else "an event"
            raise unreadable(f"{what} is no JSON", self._target, self._gathered.usage) from None
        for chunk in value if isinstance(value, list) else [value]:
            if isinstance(chunk, dict):
                self._gathered.take(chunk, events)

    def _end(self, events: list[StreamEvent]) -> None:
        if self._plain is not None:
            return  # half a body is no answer
        if self._list is not None:
            self._end_list(bytes(self._list), events)
            return
        for name, text in self._parser.close():
            if not self.done and _readable(text):
                self._item(name, text, events)

    def _end_list(self, data: bytes, events: list[StreamEvent]) -> None:
        self.done = True
        try:
            chunks = load(data)
        except ValueError:
            return  # half a list is no answer
        for chunk in chunks if isinstance(chunks, list) else ():
            if isinstance(chunk, dict):
                self._gathered.take(chunk, events)

    def _filled(self, error: ProviderError) -> ProviderError:
        error.provider = error.provider or self._target.provider
        error.model = error.model or self._target.model
        error.usage = error.usage or self._gathered.usage
        return error

    def _cut(self) -> TransportError:
        return TransportError(
            f"{self._target.provider} ended the stream before the answer was complete",
            kind="cut",
            provider=self._target.provider,
            model=self._target.model,
            status=200,
            usage=self._gathered.usage,
            billed=Billed.UNKNOWN,
            request_id=self._gathered.id,
        )


def _readable(text: bytes) -> bool:
    try:
        load(text.strip())
    except ValueError:
        return text.strip() == b"[DONE]"
    return True
