"""`minimill chat`: one question and its answer, or a conversation.

Text goes to standard output as it comes, what it cost to standard error. It may import click, `_client` and its
neighbours.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from minimill._errors import MinimillError
from minimill.cli._asking import asked, asking_options, message_of, messages_of, paying_options
from minimill.cli._common import common, config_option, ledger_option, meant
from minimill.cli._output import Output

if TYPE_CHECKING:
    from minimill._chat import StreamEvent
    from minimill._client import Client
    from minimill._config import Settings
    from minimill._report import Cost, Reply

STOPPED = "stopped; what was sent stays charged (minimill budget holds)"
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@click.command(short_help="Ask a model, or talk with one.")
@click.argument("message", nargs=-1)
@asking_options
@paying_options
@click.option("--temperature", type=float, metavar="NUMBER", help="Left out: the vendor's default.")
@click.option("--stream/--no-stream", default=True, help="Print the answer as it comes (default), or once it is whole.")
@click.option("--show-reasoning", is_flag=True, help="Print visible thinking to standard error.")
@ledger_option
@config_option
@click.pass_context
def chat(
    ctx: click.Context,
    /,
    message: tuple[str, ...],
    stream: bool,
    show_reasoning: bool,
    system: str | None,
    **values: Any,
) -> None:
    """Ask a model. The answer goes to standard output as it comes; at the end its cost goes to standard error.

    MESSAGE is the question; - reads it from standard input. Without MESSAGE, in a terminal, a conversation begins: ^C
    stops an answer, ^D ends the conversation.
    """
    text = message_of(message)
    options = asked(values)
    voice = Voice(show_reasoning=show_reasoning)
    settings = common(ctx).calling()
    if text is not None:
        import anyio

        try:
            with meant():
                anyio.run(_once, settings, messages_of(system, text), options, stream, voice)
        except KeyboardInterrupt:
            voice.note(STOPPED)
            ctx.exit(130)
        return
    if not sys.stdout.isatty():
        raise click.UsageError("give a MESSAGE, or - to read it from standard input")
    from minimill.cli._conversation import converse

    with meant():
        converse(settings, system, options, stream, voice)


async def _once(settings: Settings, messages: list[Any], options: dict[str, Any], stream: bool, voice: Voice) -> None:
    from minimill._client import Client

    async with Client(settings) as client:
        try:
            reply = await ask(client, messages, options, stream, voice)
        except MinimillError as error:
            if error.cost is not None:
                voice.note(f"{cost_words(error.cost)} · {tries(error.attempts)} · call {error.call_id}")
            raise
        voice.note(bill(reply))


async def ask(client: Client, messages: list[Any], options: dict[str, Any], stream: bool, voice: Voice) -> Reply:
    """Ask, and say the answer; in the end the cursor is at the beginning of a line. Raises as `Client.chat`."""
    try:
        if not stream:
            reply = await client.chat(messages, **options)
            voice.think(reply.reasoning)
            voice.say(reply.text or (reply.answer.choices[0].refusal or ""))
            return reply
        async with client.stream(messages, **options) as events:
            async for event in events:
                voice.hear(event)
            return events.reply
    finally:
        voice.end_line()


class Voice:
    """Puts an answer on the screen: text to standard output, everything else to standard error."""

    def __init__(
        self, out: TextIO | None = None, notes: TextIO | None = None, *, show_reasoning: bool = False
    ) -> None:
        self._out = sys.stdout if out is None else out
        self._notes = Output(sys.stderr if notes is None else notes)
        self._show_reasoning = show_reasoning
        self._mid_line = self._thinking = False

    def hear(self, event: StreamEvent) -> None:
        """One event of a stream."""
        from minimill._chat import ReasoningDelta, RefusalDelta, TextDelta

        if isinstance(event, (TextDelta, RefusalDelta)) and event.index == 0:
            self.say(event.text)
        elif isinstance(event, ReasoningDelta) and event.index == 0:
            self.think(event.text)

    def say(self, text: str) -> None:
        """Text of the answer, at once; a terminal gets no characters that steer it."""
        if not text:
            return
        if self._thinking:
            self._notes.file.write("\n\n")
            self._thinking = False
        self._out.write(_STEERING.sub("", text) if self._out.isatty() else text)
        self._out.flush()
        self._mid_line = not text.endswith("\n")

    def think(self, text: str) -> None:
        """Visible thinking, if it is to be shown."""
        if text and self._show_reasoning:
            self._notes.file.write(_STEERING.sub("", text) if self._notes.terminal else text)
            self._notes.file.flush()
            self._thinking = True

    def end_line(self) -> None:
        """Finish a line that was begun."""
        if self._thinking:
            self._notes.file.write("\n")
        if self._mid_line:
            self._out.write("\n")
            self._out.flush()
        self._mid_line = self._thinking = False

    def note(self, text: str, style: str = "dim") -> None:
        """A line beside the answer."""
        self.end_line()
        self._notes.line(text, style)


# --- words about money ---

_ENDS = {"length": "stopped at the output limit", "content_filter": "cut by the vendor's content filter"}


def bill(reply: Reply) -> str:
    """What an answer cost, who gave it, and why it ended where that is not simply the end."""
    from minimill._chat import FinishReason

    usage = reply.usage
    tokens = "usage unknown" if usage is None else f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens"
    words = [cost_words(reply.cost), f"{reply.provider}:{reply.model}", tokens]
    if len(reply.attempts) > 1:
        words.append(tries(reply.attempts))
    if reply.finish_reason is not FinishReason.STOP:
        words.append(_ENDS.get(reply.finish_reason.value, f"finish reason {reply.finish_reason_raw or 'unknown'}"))
    return " · ".join([*words, f"call {reply.call_id}"])


def cost_words(cost: Cost) -> str:
    """Amounts by currency, and how sure they are."""
    amounts = " + ".join(str(total) for total in cost.totals)
    if cost.certainty == "unpriced":
        return f"cost unknown, at least {amounts}" if any(cost.totals) else "cost unknown"
    return f"cost {amounts or 'nothing'} ({cost.certainty})"


def tries(attempts: Sequence[Any]) -> str:
    """How many attempts there were."""
    return f"{len(attempts)} attempt{'' if len(attempts) == 1 else 's'}"
