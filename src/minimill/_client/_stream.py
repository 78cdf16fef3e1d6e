"""What `client.stream(...)` returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

from minimill._chat import StreamEvent, TextDelta
from minimill._client._live import Live
from minimill._errors import MinimillError
from minimill._report import Attempt, Cost, Reply


class ChatStream:
    """A streamed answer: an async context manager, and an async iterator of typed events.

    Entering it sends the request and waits for the first event; until then failures lead to the next
    candidate. Leaving it early closes the connection, and the whole hold stays charged, since nobody knows
    what the vendor bills.
    """

    def __init__(self, open_live: Callable[[], Awaitable[Live]]) -> None:
        self._open = open_live
        self._live: Live | None = None
        self._reply: Reply | None = None

    async def __aenter__(self) -> ChatStream:
        if self._live is not None:
            raise RuntimeError("this stream was entered before; make another with client.stream()")
        self._live = await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        live = self._live
        if live is None:
            return
        if live.answer is None:
            live.drop("abandoned" if error is None else type(error).__name__)
        elif self._reply is None:
            self._reply = live.reply(live.answer)
        # A coroutine that is being thrown away may not await any more.
        if isinstance(error, GeneratorExit):
            live.abort()
        else:
            await live.aclose()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        """The next event.

        Raises:
            ProviderError: the stream failed; `partial` is what arrived, `cost` what it is charged.
        """
        live = self._entered()
        try:
            event = await live.next()
        except MinimillError as error:
            raise live.call.told(error) from error.__cause__
        if event is None:
            raise StopAsyncIteration
        return event

    def _entered(self) -> Live:
        if self._live is None:
            raise RuntimeError("use `async with client.stream(...) as stream:`")
        return self._live

    @property
    def reply(self) -> Reply:
        """The whole reply, with its cost.

        Raises:
            RuntimeError: the stream has not been read to its end.
        """
        live = self._entered()
        if live.answer is None:
            raise RuntimeError("the stream has not been read to its end, so there is no reply yet")
        if self._reply is None:
            self._reply = live.reply(live.answer)
        return self._reply

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts that have ended so far; the one that streams is among them once it has ended."""
        return tuple(self._entered().call.attempts)

    @property
    def cost(self) -> Cost:
        """What the ended attempts cost, also of a stream that was left or that failed."""
        return Cost(self.attempts)

    @property
    def call_id(self) -> str:
        """Names the call in the books."""
        return self._entered().call.id

    async def text(self) -> AsyncIterator[str]:
        """Only the text of the first answer, piece by piece."""
        async for event in self:
            if isinstance(event, TextDelta) and event.index == 0:
                yield event.text

    async def collect(self) -> Reply:
        """Read to the end and return the reply."""
        async for _ in self:
            pass
        return self.reply
