"""What a model answered, whole or in pieces."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from minimill._chat._messages import Message
from minimill._usage import Usage
from minimill._values import dataclass

_Bytes = bytes


class FinishReason(enum.Enum):
    """Why an answer ended. The vendor's raw word is kept beside it."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of an answer, and how likely it was."""

    token: str
    logprob: float
    """Natural logarithm of its probability: 0 where it was certain."""
    bytes: _Bytes | None = None
    """Its bytes in UTF-8, which may be a part of a character; None: the vendor does not tell them."""
    top: tuple[TokenLogprob, ...] = ()
    """The likeliest tokens in its place, as many as were asked for, in the vendor's order; these have none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` answers."""

    index: int
    message: Message
    finish_reason: FinishReason
    finish_reason_raw: str | None
    """The vendor's own word, or None where it sent none."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    """Of each token of the text, or of the refusal where there is no text; None: the vendor sent none."""
    refusal: str | None = None
    """The model's words where it declined."""
    logprobs_raw: Any = field(default=None, repr=False, hash=False)
    """The same as the vendor sent it; of a stream, its lists joined."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One decoded answer of one vendor."""

    choices: tuple[Choice, ...]
    usage: Usage | None
    """None: the vendor did not say. Unknown, not zero."""
    id: str | None = None
    model: str | None = None
    """The model the vendor says it used."""
    service_tier: str | None = None
    """The tier the vendor says it billed."""
    continuation: str | None = field(default=None, repr=False)
    """The vendor broke off and goes on when it is asked again with this mark; None: the answer is over."""
    raw: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)
    """The body as sent; of a stream, its last chunks that matter (usage, finish)."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str
    index: int = 0
    """Which of the `n` answers."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More visible thinking."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of a tool call. `id` and `name` come whole, once; `arguments` in pieces to be joined."""

    call: int
    """Position of the call in the message, from 0."""
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More of the words with which the model declines."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """One of the answers has ended."""

    finish_reason: FinishReason
    finish_reason_raw: str | None
    index: int = 0


@dataclass(frozen=True, slots=True)
class UsageReported:
    """What the answer used so far, by the vendor's count; the last one stands."""

    usage: Usage


StreamEvent = TextDelta | ReasoningDelta | ToolCallDelta | RefusalDelta | Finished | UsageReported
