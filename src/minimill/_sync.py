"""The same client without `await`: a thin shell over the async one, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar, Unpack

from minimill._chat import MessagesLike, StreamEvent, TextDelta
from minimill._client import ChatOptions, ChatStream, Client
from minimill._errors import LedgerError
from minimill._money import Money
from minimill._report import Attempt, Cost, Reply
from minimill._routing import Plan
from minimill.ledger import Balance, HoldInfo, SpendRow

T = TypeVar("T")
_STOP_S = 5.0


class _Loop:
    """An event loop in a thread that keeps no interpreter alive: a client that nobody closed ends with it."""

    def __init__(self) -> None:
        self.closed = False
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=(self._loop,), name="minimill-sync", daemon=True)
        thread.start()
        self._stop = weakref.finalize(self, _stop, self._loop, thread, self._pid)

    @property
    def is_foreign(self) -> bool:
        """True in a forked child, where the thread is not."""
        return os.getpid() != self._pid

    def check(self) -> None:
        """Raise RuntimeError once the client is closed, LedgerError in a forked process."""
        if self.closed:
            raise RuntimeError("this client is closed; make a new one")
        if self.is_foreign:
            raise LedgerError(
                "this client was made in another process; a forked process makes its own; nothing was sent"
            )

    def call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What an async function returns when it runs in the loop. An interrupt cancels it there and awaits its end."""
        self.check()
        tasks: list[asyncio.Task[T]] = []
        ended = threading.Event()

        async def run() -> T:
            return await function(*arguments)

        def begin() -> None:
            tasks.append(self._loop.create_task(run()))
            tasks[0].add_done_callback(lambda _: ended.set())

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        try:
            self._loop.call_soon_threadsafe(begin)
            ended.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(cancel)
            ended.wait(_STOP_S)
            raise
        return tasks[0].result()

    def stop(self) -> None:
        """End the thread, and with it the tasks that are left."""
        self._stop()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    if os.getpid() == pid:
        with contextlib.suppress(RuntimeError):  # it is closed already
            loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(_STOP_S)


class SyncChatStream:
    """A streamed answer for synchronous code: a context manager and an iterator of typed events."""

    def __init__(self, portal: _Loop, stream: ChatStream) -> None:
        self._portal = portal
        self._stream = stream
        self._entered = False

    def __enter__(self) -> SyncChatStream:
        self._portal.call(self._stream.__aenter__)
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A closed client has ended its streams; a forked child has none.
        if self._entered and not (self._portal.closed or self._portal.is_foreign):
            self._portal.call(self._stream.__aexit__, kind, error, trace)

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
        self._portal = _Loop()
        try:
            self._client = self._portal.call(_made, config, options)
        except BaseException:
            self._portal.stop()
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, self._client.__reduce__()[1]

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
        if self._portal.closed or self._portal.is_foreign:
            self._portal.closed = True
            return
        try:
            self._portal.call(self._client.aclose)
        finally:
            self._portal.closed = True
            self._portal.stop()

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

    def learn(self) -> None:
        """As `Client.learn`."""
        self._portal.call(self._client.learn)

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


def _unpickled(
    settings: Any, app: str | None, tags: dict[str, str], ledger: str | None, on_threshold: Any
) -> SyncClient:
    return SyncClient(settings, app=app, tags=tags, ledger=ledger, on_threshold=on_threshold)
