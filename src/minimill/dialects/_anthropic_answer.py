"""Reads a whole answer of the Messages wire, and the pieces that whole answers and streams share.

It may import `_chat`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minimill._chat import Answer, Choice, FinishReason, Message, Part, Reasoning, Text, ToolCall
from minimill._usage import Usage
from minimill.dialects._anthropic_usage import read_usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._error_body import is_error
from minimill.dialects._json import dump_text
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer

_FINISH = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    # The vendor's own limit on steps was met: the same message, sent back, goes on.
    "pause_turn": FinishReason.LENGTH,
    "compaction": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}
_ANYWHERE = ("global", "not_available")
"""Places of inference that cost nothing extra."""


def read_answer(body: dict[str, Any], target: Target, headers: Mapping[str, str]) -> Answer:
    """The answer; the usage is read first, so that it goes with every error.

    Raises:
        ProviderError: the body reports an error.
        ProtocolError: there is no answer in the body.
    """
    raw = body.get("usage")
    usage = read_usage(raw, (text_of(body.get("model")) or "", target.model))
    if body.get("type") == "error" or ("content" not in body and is_error(body)):
        value = body if is_error(body) else {"error": body}
        raise error_in_answer(value, target, headers=headers, usage=usage)
    content = body.get("content")
    if not isinstance(content, list):
        raise unreadable("there is no answer in the body", target, usage)
    return answer_of(body, content, usage, target)


def answer_of(body: dict[str, Any], content: Sequence[Any], usage: Usage | None, target: Target) -> Answer:
    """The answer of a message whose content is known."""
    parts = [part for block in content if (part := part_of(block, target)) is not None]
    if parts and usage is not None and not usage.output_tokens:
        usage = None  # an answer has tokens: a zero means that nobody counted
    word = text_of(body.get("stop_reason")) or None
    choice = Choice(
        index=0,
        message=Message("assistant", tuple(parts)),
        finish_reason=finish_reason(word, target),
        finish_reason_raw=word,
        refusal=refusal_of(body),
    )
    return Answer(
        choices=(choice,),
        usage=usage,
        id=text_of(body.get("id")),
        model=text_of(body.get("model")),
        service_tier=service_tier(body.get("usage"), target),
        raw=body,
    )


def part_of(block: Any, target: Target) -> Part | None:
    """One block of a message; None for one that says nothing. Blocks of the vendor's own are kept sealed."""
    if not isinstance(block, dict):
        return None
    kind = block.get("type")
    if kind == "text":
        text = text_of(block.get("text"))
        return Text(text) if text else None
    if kind == "tool_use":
        call_id, name = text_of(block.get("id")), text_of(block.get("name"))
        return ToolCall(call_id or "", name or "", arguments_text(block.get("input")))
    if kind == "thinking":
        text, sealed = text_of(block.get("thinking")) or "", text_of(block.get("signature")) or None
        known = bool(text or sealed)
        return Reasoning(text, sealed, target.provider, target.model if sealed else None) if known else None
    if not isinstance(kind, str):
        return None
    model = target.model if kind == "redacted_thinking" else None
    return Reasoning("", dump_text(block), target.provider, model)


def arguments_text(value: Any) -> str:
    """Tool arguments as JSON text."""
    return value if isinstance(value, str) else dump_text({} if value is None else value)


def finish_reason(word: str | None, target: Target) -> FinishReason:
    """Our word for it. Calls of tools may stand in an answer that is complete: programs made them and have run."""
    own = target.quirks.finish_reasons.get(word or "")
    return FinishReason(own) if own else _FINISH.get(word or "", FinishReason.UNKNOWN)


def refusal_of(body: Mapping[str, Any]) -> str | None:
    """Why the vendor's classifier stopped the answer, in its words."""
    details = body.get("stop_details")
    return (text_of(details.get("explanation")) or None) if isinstance(details, dict) else None


def service_tier(usage: Any, target: Target) -> str | None:
    """What of the billing was out of the ordinary, in the word of the price rows: tier, speed, place, or several."""
    if not isinstance(usage, dict):
        return None
    told = [text_of(usage.get(key)) for key in ("service_tier", "speed", "inference_geo")]
    ordinary = (None, "", *_ANYWHERE, *target.quirks.default_service_tiers)
    word = " ".join(str(one) for one in told if one not in ordinary) or told[0]
    if word in ordinary and not told[2] and target.quirks.unasked_tiers:
        return None  # where it was answered is not said, and may cost more
    return target.quirks.service_tier_names.get(word, word) if word else None

