"""One streamed answer as it comes in. Its books are closed without an await, whatever ends it."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from minimill._chat import Answer, Finished, StreamEvent
from minimill._client._hops import continued, joined
from minimill._errors import Billed, ProviderError, TransportError
from minimill._report import Reply
from minimill._transport import Exchange
from minimill.dialects import WireResponse

if TYPE_CHECKING:
    from minimill._client._call import Call
    from minimill._client._engine import Sending
    from minimill._client._spending import Spending


Further = Callable[[Sequence["Answer"]], Awaitable["tuple[Spending, Exchange] | None"]]
"""Opens the stream of an answer's next part, given the parts so far; None where there is none."""


class Live:
    """Reads one stream: bytes in, events out, money settled at its end."""

    __slots__ = (
        "_broken",
        "_call",
        "_decoder",
        "_events",
        "_exchange",
        "_first_by",
        "_further",
        "_over",
        "_parts",
        "_sending",
        "_spending",
        "answer",
    )

    def __init__(
        self, call: Call, sending: Sending, spending: Spending, exchange: Exchange, further: Further
    ) -> None:
        self._call = call
        self._sending = sending
        self._spending = spending
        self._exchange = exchange
        self._decoder = sending.dialect.stream_decoder(sending.target, exchange.headers)
        self._events: deque[StreamEvent] = deque()
        self._first_by = monotonic() + call.terms.timeouts.first_token_s
        self._further = further
        self._parts: list[Answer] = []
        """Parts that have ended of an answer that the vendor broke off."""
        self._over = False
        self._broken = False
        self.answer: Answer | None = None
        """The whole answer, once the stream has ended well."""

    async def begin(self) -> None:
        """Read up to the first event that says something; until then another vendor can take over.

        Raises:
            ProviderError: the vendor refused, failed or fell silent before it answered.
        """
        if not 200 <= self._exchange.status < 300:
            body = await self._exchange.read_all()
            response = WireResponse(self._exchange.status, self._exchange.headers, body)
            raise self._sending.dialect.decode_error(response, self._sending.target)
        while not self._events and self.answer is None:
            await self._read()
            if self._events:
                self._exchange.begun = True
                self._spending.began()
            elif self.answer is None and monotonic() > self._first_by:
                raise TransportError(
                    "the vendor sent signs of life but no answer in time",
                    kind="first_token_timeout",
                    billed=Billed.UNKNOWN,
                )

    async def next(self) -> StreamEvent | None:
        """The next event; None at the end, and after a failure.

        Raises:
            ProviderError: the stream failed; `partial` is what arrived. The books are closed.
        """
        try:
            while not self._events:
                if self.answer is not None or self._broken:
                    return None
                await self._read()
        except BaseException as error:
            if isinstance(error, ProviderError):
                error.partial = joined([*self._parts, self._decoder.partial()])
            self._broken = True
            self._spending.close_on(error)
            raise
        return self._events.popleft()

    async def _read(self) -> None:
        if not self._over:
            self._spending.reads_since = monotonic()
            data = await self._exchange.read()
            self._spending.reads_since = None
            events = self._decoder.feed(data) if data else self._decoder.flush()
            self._over = not data or self._decoder.done
            self._events.extend(
                [continued(event, self._parts) for event in events] if self._parts else events
            )
        if self._over and not self._events:
            # Events that came before the end, or before an error, are handed out first.
            answer = self._decoder.close()
            self._spending.ended(answer)
            await self._ended(answer)

    async def _ended(self, answer: Answer) -> None:
        """One answer of the vendor has ended: the whole answer, or a part of it."""
        self._parts.append(answer)
        if answer.continuation is None:
            self.answer = joined(self._parts)
            return
        opened = await self._further(self._parts)
        if opened is None:
            self.answer = joined(self._parts)
            self._events.extend(
                Finished(choice.finish_reason, choice.finish_reason_raw, choice.index)
                for choice in answer.choices
            )
            return
        before = self._exchange
        self._spending, self._exchange = opened
        self._decoder = self._sending.dialect.stream_decoder(self._sending.target, self._exchange.headers)
        self._over = False
        await before.aclose(drain=True)

    def close_on(self, error: BaseException) -> None:
        """Close the books of the attempt under way after `error`, without an await."""
        self._spending.close_on(error)

    def drop(self, status: str = "abandoned") -> None:
        """Close the books of a stream that is not read to its end."""
        self._spending.abandoned(status)

    def abort(self) -> None:
        """Break the connection without an await."""
        self._exchange.abort()

    def __del__(self) -> None:
        if hasattr(self, "_exchange") and self.answer is None:
            self._exchange.abort()

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._exchange.aclose(drain=self.answer is not None)

    def reply(self, answer: Answer) -> Reply:
        """The reply that a plain call would have returned."""
        return reply_of(answer, self._call, self._spending, self._exchange)

    @property
    def exchange(self) -> Exchange:
        """The exchange under way."""
        return self._exchange

    @property
    def call(self) -> Call:
        """The call that this stream serves."""
        return self._call


def reply_of(answer: Answer, call: Call, spending: Spending, exchange: Exchange) -> Reply:
    """The reply of a call whose last attempt gave `answer`."""
    return Reply(
        answer,
        spending.meta.provider,
        spending.meta.model,
        tuple(call.attempts),
        call.id,
        spending.request_id,
        exchange.headers,
    )
