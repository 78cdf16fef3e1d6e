"""An interactive conversation: one question after the other, with what it has cost so far.

The event loop runs in a thread of its own, so that ^C reaches whoever waits for a line. It may import `_client`,
anyio and its neighbours.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from minimill._chat import user
from minimill._errors import MinimillError
from minimill._money import Money
from minimill._values import dataclass
from minimill.cli._chat import STOPPED, Voice, ask, bill
from minimill.cli._common import one_line

if TYPE_CHECKING:
    from minimill._client import Client
    from minimill._config import Settings
    from minimill._report import Cost, Reply


@dataclass(slots=True)
class Talk:
    """The conversation so far."""

    messages: list[Any]
    options: dict[str, Any]
    stream: bool
    spent: dict[str, Money] = field(default_factory=dict)
    unsure: bool = False
    """Whether something is charged that is not in `spent`."""

    def pay(self, cost: Cost | None) -> None:
        """Add what a call cost."""
        for total in () if cost is None else cost.totals:
            self.spent[total.currency] = self.spent.get(total.currency, Money.zero(total.currency)) + total
        self.unsure = self.unsure or (cost is not None and cost.certainty == "unpriced")

    @property
    def so_far(self) -> str:
        """What the conversation cost."""
        amounts = " + ".join(str(money) for money in self.spent.values())
        if self.unsure:
            return f"conversation at least {amounts}" if amounts else "conversation of unknown cost"
        return f"conversation {amounts or 'nothing'}"


def converse(
    settings: Settings,
    system: str | None,
    options: dict[str, Any],
    stream: bool,
    voice: Voice,
    read: Callable[[str], str] = input,
) -> None:
    """Talk until the input ends. ^C stops an answer, whose hold stays charged; at the prompt it ends the talk.

    Raises:
        ConfigError: the model or route is unknown. Nothing was sent.
    """
    from minimill._chat import system as told

    talk = Talk([told(system)] if system else [], options, stream)
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # gives the prompt its line editing

    with start_blocking_portal("asyncio") as portal:
        client = portal.call(_made, settings)
        try:
            _check(client, talk)
            _turns(portal, client, talk, voice, read)
        finally:
            portal.call(client.aclose)
            voice.note(talk.so_far)


def _turns(
    portal: BlockingPortal, client: Client, talk: Talk, voice: Voice, read: Callable[[str], str]
) -> None:
    while True:
        try:
            text = read("> ")
        except (EOFError, KeyboardInterrupt) as end:
            voice.say("\n")
            if isinstance(end, KeyboardInterrupt):
                raise
            return
        if text.strip():
            _turn(portal, client, talk, text, voice)


async def _made(settings: Settings) -> Client:
    from minimill._client import Client

    return Client(settings)


def _check(client: Client, talk: Talk) -> None:
    """Fail on a wrong model, route or option before anything is typed."""
    client.plan([*talk.messages, user("?")], **talk.options)


def _turn(portal: BlockingPortal, client: Client, talk: Talk, text: str, voice: Voice) -> None:
    question = user(text)
    ended = threading.Event()

    async def asking() -> Reply:
        try:
            return await ask(client, [*talk.messages, question], talk.options, talk.stream, voice)
        finally:
            ended.set()

    future = portal.start_task_soon(asking)
    try:
        reply = future.result()
    except KeyboardInterrupt:
        future.cancel()
        ended.wait()
        talk.unsure = True
        voice.note(STOPPED)
    except MinimillError as error:
        talk.pay(error.cost)
        voice.note(f"error: {one_line(error.message)}", "red")
    else:
        talk.messages += [question, reply.message]
        talk.pay(reply.cost)
        voice.note(f"{bill(reply)} · {talk.so_far}")
