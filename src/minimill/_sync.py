"""The same client without `await`: a thin shell over the async one, on an event loop in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, TypeVar, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from minimill._chat import MessagesLike, StreamEvent, TextDelta
from minimill._client import ChatOptions, ChatStream, Client
from minimill._money import Money
from minimill._report import Attempt, Cost, Reply
from minimill._routing import Plan
from minimill.ledger import Balance, HoldInfo, SpendRow

T = TypeVar("T")


class _Loop:
    """The event loop in its thread, until the client is closed."""

    def __init__(self, portal: BlockingPortal) -> None:
        self.portal = portal
        self.closed = False

    def check(self) -> None:
        """Raises RuntimeError once the client is closed."""
        if self.closed:
            raise RuntimeError("this client is closed; make a new one")

    def call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What an async function returns when it runs in the loop."""
        self.check()
        return self.portal.call(function, *arguments)


class SyncChatStream:
    """A streamed answer for synchronous code: a context manager and an iterator of typed events."""

    def __init__(self, portal: _Loop, stream: ChatStream) -> None:
        self._portal = portal
        self._stream = stream
        self._entered: AbstractContextManager[ChatStream] | None = None

    def __enter__(self) -> SyncChatStream:
        self._portal.check()
        self._entered = self._portal.portal.wrap_async_context_manager(self._stream)
        self._entered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A closed client has ended its streams.
        if self._entered is not None and not self._portal.closed:
            self._entered.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        """The next event. Raises as `ChatStream.__anext__`."""
        try:
            return self._portal.call(self._stream.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def text(self) -> Iterator[str]:
        """Only the text of the first answer, piece by piece."""
        for event in self:
            if isinstance(event, TextDelta) and event.index == 0:
                yield event.text

    def collect(self) -> Reply:
        """Read to the end and return the reply."""
        return self._portal.call(self._stream.collect)

    @property
    def reply(self) -> Reply:
        """As `ChatStream.reply`."""
        return self._stream.reply

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """As `ChatStream.attempts`."""
        return self._stream.attempts

    @property
    def cost(self) -> Cost:
        """As `ChatStream.cost`."""
        return self._stream.cost

    @property
    def call_id(self) -> str:
        """As `ChatStream.call_id`."""
        return self._stream.call_id


class SyncClient:
    """`Client` for code without an event loop, and for notebooks, whose loop is already running.

    Arguments, returned values and errors are those of `Client`. Close it, or use it in a `with` block.
    """

    def __init__(self, config: Any = None, **options: Any) -> None:
        self._stack = ExitStack()
        portal = self._stack.enter_context(start_blocking_portal("asyncio"))
        self._portal = _Loop(portal)
        try:
            self._client = portal.call(lambda: _made(config, options))
        except BaseException:
            self._stack.close()
            raise
        # Streams that were left open must not keep the thread alive.
        self._stack.callback(portal.call, portal.stop, True)
        self._stack.callback(portal.call, self._client.aclose)

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections, write what is still to be written, and stop the thread. Again: does nothing.

        After that every other method raises RuntimeError.
        """
        self._portal.closed = True
        self._stack.close()

    def chat(self, messages: MessagesLike, **arguments: Unpack[ChatOptions]) -> Reply:
        """As `Client.chat`."""

        async def chat() -> Reply:
            return await self._client.chat(messages, **arguments)

        return self._portal.call(chat)

    def stream(self, messages: MessagesLike, **arguments: Unpack[ChatOptions]) -> SyncChatStream:
        """As `Client.stream`."""
        self._portal.check()
        return SyncChatStream(self._portal, self._client.stream(messages, **arguments))

    def plan(self, messages: MessagesLike, **arguments: Unpack[ChatOptions]) -> Plan:
        """As `Client.plan`. Nothing is sent."""
        self._portal.check()
        return self._client.plan(messages, **arguments)

    def balance(self, budget: str | None = None) -> list[Balance]:
        """As `Client.balance`."""
        return self._portal.call(self._client.balance, budget)

    def holds(self) -> list[HoldInfo]:
        """As `Client.holds`."""
        return self._portal.call(self._client.holds)

    def spend(self, *, call_id: str | None = None) -> list[SpendRow]:
        """As `Client.spend`."""

        async def spend() -> list[SpendRow]:
            return await self._client.spend(call_id=call_id)

        return self._portal.call(spend)

    def correct(self, attempt: str, amount: Money | str, *, reason: str) -> None:
        """As `Client.correct`."""
        self._portal.call(lambda: self._client.correct(attempt, amount, reason=reason))

    def set_limit(self, budget: str, limit: Money | str) -> None:
        """As `Client.set_limit`."""
        self._portal.call(self._client.set_limit, budget, limit)


async def _made(config: Any, options: dict[str, Any]) -> Client:
    return Client(config, **options)
