"""What an application asks for, in words that mean the same for every vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from minimill._chat._messages import Message
from minimill._chat._parts import JsonSchema, NamedTool, Tool
from minimill._values import dataclass

ToolChoice = Literal["auto", "none", "required"] | NamedTool
ResponseFormat = Literal["text", "json"] | JsonSchema
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat request, apart from who shall serve it. None everywhere: the vendor's default."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_output_tokens: int | None = None
    """Most output tokens, reasoning included where the vendor counts it so; always sent."""
    reasoning: Effort | bool | int | None = None
    """Thinking: False or `none` off, True on, an effort word, or a budget in tokens."""
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    """Answers asked for."""
    logprobs: bool | None = None
    top_logprobs: int | None = None
    service_tier: str | None = None
    user: str | None = None
    """An opaque id of the end user, for the vendor's abuse detection."""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Fields of the vendor's own, put into the body by name."""
    drop_refused: bool = False
    """Leave out settings that a model refuses, in place of an error; never tools or a format."""
    continuation: str | None = field(default=None, repr=False)
    """Set by minimill alone: go on with the answer that the vendor broke off (`Answer.continuation`)."""

    def __post_init__(self) -> None:
        if not self.messages:
            raise ValueError("a chat needs at least one message")
        if self.n < 1:
            raise ValueError("n is at least 1")
        if self.max_output_tokens is not None and self.max_output_tokens < 1:
            raise ValueError("max_output_tokens is at least 1")
        if isinstance(self.reasoning, str) and self.reasoning not in EFFORTS:
            raise ValueError(
                f"reasoning is one of {', '.join(EFFORTS)}, a bool or a number, not {self.reasoning!r}"
            )

    @property
    def thinking(self) -> bool | None:
        """False: switched off; True: asked for; None: the model's default."""
        if self.reasoning is None:
            return None
        return self.reasoning is not False and self.reasoning != "none" and self.reasoning != 0
