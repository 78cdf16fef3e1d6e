"""Reads one choice of an `openai_chat` answer, and the pieces that whole answers and streams share.

It may import `_chat` and `_json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minimill._chat import Choice, FinishReason, Message, Part, Reasoning, Text, ToolCall
from minimill.dialects._call_ids import made_up_id
from minimill.dialects._json import dump_text
from minimill.dialects._logprobs import openai_logprobs

if TYPE_CHECKING:
    from minimill.dialects._base import Target

_FINISH = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
}


def finish_word(choice: dict[str, Any]) -> str | None:
    """The vendor's finish reason, or None while there is none; some write `"null"` or `""` meanwhile."""
    word = choice.get("finish_reason")
    return word if isinstance(word, str) and word and word != "null" else None


def finish_reason(word: str | None, choice: dict[str, Any], has_calls: bool, target: Target) -> FinishReason:
    """Our word for it. An answer with tool calls that just stopped waits for their results."""
    flag = target.quirks.moderation_flag_field
    if flag and choice.get(flag) not in (None, 0, "", False):
        return FinishReason.CONTENT_FILTER
    own = target.quirks.finish_reasons.get(word or "")
    reason = FinishReason(own) if own else _FINISH.get((word or "").lower(), FinishReason.UNKNOWN)
    if has_calls and (reason is FinishReason.STOP or word is None):
        return FinishReason.TOOL_CALLS
    return reason


def content_texts(content: Any) -> tuple[str, str, str]:
    """Text, thinking and refusal of a content: a string, a list of typed parts, or nothing."""
    if isinstance(content, str):
        return content, "", ""
    if not isinstance(content, list):
        return "", "", ""
    text, thinking, refusal = [], [], []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            text.append(_string(part.get("text")))
            thinking.append(_thinking(part.get("thinking")))
            refusal.append(_string(part.get("refusal")))
    return "".join(text), "".join(thinking), "".join(refusal)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _thinking(value: Any) -> str:
    return content_texts(value)[0]


def reasoning_text(message: dict[str, Any], fields: tuple[str, ...]) -> str:
    """The reasoning of a message or delta: the first field that holds some, since two of them repeat."""
    for name in fields:
        value = message.get(name)
        if value and isinstance(value, str):
            return value
    return ""


def arguments_text(value: Any) -> str:
    """Tool arguments as JSON text; some send an object, or nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else dump_text(value)


def call_items(message: dict[str, Any]) -> list[Any]:
    """The tool calls of a message or delta, the older single `function_call` included."""
    calls = message.get("tool_calls")
    if isinstance(calls, dict):
        return [calls]
    if isinstance(calls, list) and calls:
        return calls
    legacy = message.get("function_call")
    return [{"function": legacy, "index": 0}] if isinstance(legacy, dict) else []


def call_function(item: Any) -> tuple[str, str | None, Any]:
    """Id, name and raw arguments of one item of `tool_calls`; empty where there is none."""
    if not isinstance(item, dict):
        return "", None, None
    function = item.get("function")
    if not isinstance(function, dict):
        custom = item.get("custom")
        function = {**custom, "arguments": custom.get("input")} if isinstance(custom, dict) else {}
    call_id = item.get("id")
    if isinstance(call_id, int) and not isinstance(call_id, bool):
        call_id = str(call_id)
    return _string(call_id), _string(function.get("name")) or None, function.get("arguments")


def read_choice(choice: dict[str, Any], index: int, answer_id: str | None, target: Target) -> Choice:
    """One whole choice in our words."""
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, thinking, refusal = content_texts(message.get("content"))
    refusal = _string(message.get("refusal")) or refusal
    thinking = reasoning_text(message, target.quirks.reasoning_fields) or thinking
    opaque = opaque_text(message.get(target.quirks.opaque_reasoning_field or ""))
    calls: list[ToolCall] = []
    for item in call_items(message):
        call_id, name, arguments = call_function(item)
        if call_id or name or arguments is not None:
            call_id = call_id or made_up_id(answer_id, index, len(calls))
            calls.append(ToolCall(call_id, name or "", arguments_text(arguments)))
    word = finish_word(choice)
    return Choice(
        index=index,
        message=make_message(thinking, opaque, text, calls, target),
        finish_reason=finish_reason(word, choice, bool(calls), target),
        finish_reason_raw=word,
        logprobs=openai_logprobs(choice.get("logprobs")),
        refusal=refusal or None,
        logprobs_raw=choice.get("logprobs"),
    )


def opaque_text(value: Any) -> str | None:
    """A sealed block as text to keep; what is no string is kept as JSON."""
    if not value:
        return None
    return value if isinstance(value, str) else dump_text(value)


def make_message(
    thinking: str, opaque: str | None, text: str, calls: list[ToolCall], target: Target
) -> Message:
    """The assistant's message, ready to be sent back in the next turn."""
    parts: list[Part] = []
    if thinking or opaque:
        maker = target.model if target.quirks.reasoning_of_model else None
        parts.append(Reasoning(thinking, opaque, target.provider, maker))
    if text:
        parts.append(Text(text))
    return Message("assistant", (*parts, *calls))
