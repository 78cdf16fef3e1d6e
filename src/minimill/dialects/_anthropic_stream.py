"""Decodes streams of the Messages wire. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill._chat import Answer, Finished, RefusalDelta, StreamEvent, UsageReported
from minimill._usage import Usage
from minimill.dialects._anthropic_answer import answer_of, finish_reason, read_answer, refusal_of
from minimill.dialects._anthropic_state import BlockState
from minimill.dialects._anthropic_usage import merged, read_usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._error_body import is_error
from minimill.dialects._event_stream import EventStream
from minimill.dialects._json import load
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer


class AnthropicStream(EventStream):
    """A stream of the Messages wire. `message_stop` ends it."""

    __slots__ = ("_blocks", "_calls", "_last", "_message", "_order", "_spoken", "_told")

    def __init__(
        self,
        target: Target,
        headers: Mapping[str, str],
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
    ) -> None:
        super().__init__(target, headers, max_event_bytes=max_event_bytes, max_stream_bytes=max_stream_bytes)
        self._message: dict[str, Any] | None = None
        """The message as it stands, apart from its content and usage; None before it began."""
        self._blocks: dict[int, BlockState] = {}
        self._order: list[BlockState] = []
        self._last: BlockState | None = None
        self._calls = 0
        self._spoken = False
        """Whether anything of an answer has come."""
        self._told: dict[str, Any] = {}
        """Everything said about usage so far; what the beginning of a message says of the output is no bill."""

    def _complete(self) -> bool:
        message = self._message
        if message is not None and (self.done or message.get("stop_reason")):
            return True
        if self.done:
            raise unreadable("there is no answer in the stream", self._target, self._usage)
        return False

    def _read_body(self, body: dict[str, Any]) -> Answer:
        return read_answer(body, self._target, self._headers)

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
                request_id=self._id,
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
        self._id = text_of(message.get("id"))
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
        self._spoken = self._spoken or state.says_something
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
            self._spoken = self._spoken or state.says_something
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
        return None if usage is not None and not usage.output_tokens and self._spoken else usage

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
