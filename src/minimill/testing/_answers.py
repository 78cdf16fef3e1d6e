"""What a simulated model says: programmed or derived answers, cut to the request's limits, with their counts.

Knows no wire and no vendor beyond the limits that a vendor module hands in.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from pydantic_core import to_json

from minimill._values import dataclass

from ._schemas import smallest
from ._tokens import Length, last_user_text, pieces, stretch

__all__ = [
    "Answer",
    "Composed",
    "Counts",
    "Limits",
    "Said",
    "SimulatedRequest",
    "ToolCall",
    "answer_for",
    "compose",
]

_TOOL_CALL_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """Token counts that a vendor reports and bills in place of those that the simulator would count.

    None means: as counted by the simulator.
    """

    input_tokens: int | None = None
    """All input tokens, cached ones included."""
    output_tokens: int | None = None
    """All output tokens of all choices, reasoning included."""
    cached_input_tokens: int = 0
    """Part of the input that was read from a cache."""
    cache_write_tokens: int = 0
    """Part of the input that was written to a cache."""
    cache_write_long_tokens: int = 0
    """Part of what was written that is kept for the vendor's longer time."""
    reasoning_tokens: int | None = None
    """Part of the output that was reasoning."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by the model."""

    name: str
    """Name of the tool."""
    arguments: str | Mapping[str, Any] = "{}"
    """Arguments, as JSON text (sent as it is, also when broken) or as a mapping."""
    id: str | None = None
    """Id of the call; None lets the vendor make one in its own form."""

    @property
    def arguments_json(self) -> str:
        """The arguments as JSON text."""
        return self.arguments if isinstance(self.arguments, str) else to_json(self.arguments).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the simulated model says to one request. Fields left at None follow from the request."""

    text: str | None = None
    """The visible text; None derives one from the prompt, the response format or the forced tool."""
    reasoning: str | None = None
    """Reasoning before the text; vendors that hide theirs only count it."""
    tool_calls: Sequence[ToolCall] = ()
    """Calls of tools."""
    finish_reason: str | None = None
    """The vendor's own word; None gives `stop`, `length` or `tool_calls`, whichever is true."""
    usage: Counts | None = None
    """Counts to report and bill as given."""


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """One chat request as a programmed answer sees it."""

    vendor: str
    """Name of the vendor that was asked."""
    model: str
    """The model that was asked for."""
    body: Mapping[str, Any]
    """The parsed JSON body."""
    headers: Mapping[str, str]
    """The request headers, names in lower case."""
    index: int
    """How many accepted requests this vendor had before this one."""
    chat: Mapping[str, Any] = field(repr=False)
    """What is asked, in the words of Chat Completions (`messages`, `tools`, …), also where the wire has others."""

    @property
    def text(self) -> str:
        """The text of the last user message."""
        return last_user_text(self.chat)


@dataclass(frozen=True, slots=True)
class Limits:
    """The output limit of one request, as the vendor reads it. None means no such limit."""

    total: int | None = None
    """Most tokens of reasoning and answer together."""
    answer: int | None = None
    """Most tokens of the answer; reasoning is not counted."""


@dataclass(slots=True)
class Said:
    """One choice of a reply, in pieces of one token each."""

    reasoning: list[str]
    text: list[str]
    tool_calls: Sequence[ToolCall]
    finish_reason: str
    silent_tokens: int = 0
    """Output tokens that no piece shows: those of tool calls and of hidden padding."""
    continuation: str = ""
    """Mark by which the rest is asked for; empty: there is no rest."""

    @property
    def tokens(self) -> int:
        """Output tokens of this choice."""
        return len(self.reasoning) + len(self.text) + self.silent_tokens


@dataclass(slots=True)
class Composed:
    """A whole reply before it is put on a wire."""

    choices: list[Said]
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cache_write_long_tokens: int = 0
    shows_reasoning: bool = field(default=False)


def answer_for(
    request: SimulatedRequest, programmed: "Answer | Callable[[SimulatedRequest], Answer] | None"
) -> Answer:
    """The programmed answer, called if it is a function; its missing text filled in from the request."""
    answer = programmed(request) if callable(programmed) else programmed or Answer()
    if answer.text is not None or answer.tool_calls:
        return answer
    forced = _forced_tool(request.chat)
    if forced is not None:
        return _with(answer, tool_calls=(forced,))
    return _with(answer, text=_derived_text(request))


def _with(answer: Answer, text: str | None = None, tool_calls: Sequence[ToolCall] = ()) -> Answer:
    return Answer(text, answer.reasoning, tool_calls, answer.finish_reason, answer.usage)


def _forced_tool(body: Mapping[str, Any]) -> ToolCall | None:
    choice, tools = body.get("tool_choice"), body.get("tools")
    if not tools or choice in (None, "auto", "none"):
        return None
    functions = [tool.get("function") or {} for tool in tools]
    if isinstance(choice, Mapping):
        wanted = (choice.get("function") or {}).get("name")
        functions = [one for one in functions if one.get("name") == wanted] or functions
    chosen = functions[0]
    return ToolCall(str(chosen.get("name", "")), smallest(chosen.get("parameters") or {}) or {})


def _derived_text(request: SimulatedRequest) -> str:
    wanted = request.chat.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return to_json(smallest((wanted.get("json_schema") or {}).get("schema") or {})).decode()
    asked = " ".join(request.text.split())
    mark = zlib.crc32(asked.encode("utf-8", "surrogatepass"))
    if wanted.get("type") == "json_object":
        return to_json({"answer": f"{mark:08x}"}).decode()
    return f"You asked: {asked[:60]} This is the simulated answer {mark:08x}."


def compose(
    answer: Answer, length: Length | None, limits: Limits, default_limit: int, n: int, counted: int
) -> Composed:
    """Cut or stretch an answer to the limits and count it.

    Args:
        answer: What the model would say.
        length: How long the answer shall be; None leaves it as it is.
        limits: The limits of the request.
        default_limit: The vendor's limit where the request has none.
        n: Number of choices.
        counted: Input tokens as counted from the request.
    """
    said = _say(answer, length, limits, default_limit)
    usage = answer.usage or Counts()
    reasoning = len(said.reasoning) * n if usage.reasoning_tokens is None else usage.reasoning_tokens
    return Composed(
        choices=[said] * n,
        input_tokens=counted if usage.input_tokens is None else usage.input_tokens,
        output_tokens=said.tokens * n if usage.output_tokens is None else usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=reasoning,
        cache_write_long_tokens=usage.cache_write_long_tokens,
        shows_reasoning=answer.reasoning is not None,
    )


def _say(answer: Answer, length: Length | None, limits: Limits, default_limit: int) -> Said:
    reasoning, text = pieces(answer.reasoning or ""), pieces(answer.text or "")
    hidden = sum(_TOOL_CALL_TOKENS + len(pieces(call.arguments_json)) for call in answer.tool_calls)
    overshoots = length is not None and not length.obeys
    if limits.total is not None and not overshoots:
        reasoning = reasoning[: limits.total]
    room = _room(limits, len(reasoning), default_limit)
    if length is not None:
        whole = _length_of(length, limits, len(reasoning), default_limit)
        hidden, text = _resized(answer, text, hidden, whole)
    cut = not overshoots and len(text) + hidden > room
    if cut:
        hidden = min(hidden, room)
        text = text[: room - hidden]
    at_limit = cut or (length is not None and not answer.tool_calls and len(text) >= room)
    finish = answer.finish_reason or _finish(answer, at_limit)
    return Said(reasoning, text, answer.tool_calls, finish, hidden)


def _room(limits: Limits, reasoning: int, default_limit: int) -> int:
    """Tokens that the limits leave to the answer after `reasoning` tokens of reasoning."""
    rooms = [] if limits.total is None else [limits.total - reasoning]
    if limits.answer is not None:
        rooms.append(limits.answer)
    return min(rooms) if rooms else max(default_limit - reasoning, 1)


def _length_of(length: Length, limits: Limits, reasoning: int, default_limit: int) -> int:
    """Tokens of the answer itself; what the reasoning took of a total limit is taken off."""
    if limits.answer is not None and limits.total is None:
        return length.of(limits.answer)
    limit = default_limit if limits.total is None else limits.total
    return max(0, length.of(limit) - reasoning)


def _resized(answer: Answer, text: list[str], hidden: int, whole: int) -> tuple[int, list[str]]:
    if answer.tool_calls:
        return max(0, whole - min(len(text), whole)), text[:whole]
    if answer.text is not None and answer.text[:1] in ("{", "[") and whole > len(text):
        return hidden, text + [" "] * (whole - len(text))
    return hidden, stretch(text, whole)


def _finish(answer: Answer, at_limit: bool) -> str:
    if at_limit:
        return "length"
    return "tool_calls" if answer.tool_calls else "stop"
