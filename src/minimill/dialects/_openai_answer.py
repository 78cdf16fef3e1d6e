"""Reads a whole `openai_chat` answer. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from minimill._chat import Answer, Choice
from minimill._errors import Billed
from minimill._usage import Usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._error_body import is_error
from minimill.dialects._openai_message import finish_word, read_choice
from minimill.dialects._openai_usage import find_usage, read_usage
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer, error_of_kind


def read_answer(body: dict[str, Any], target: Target, headers: Mapping[str, str]) -> Answer:
    """The answer; the usage is read first, so that it goes with every error.

    Raises:
        ProviderError: the body reports an error.
        ProtocolError: there is no answer in the body.
    """
    usage = read_usage(find_usage(body, target.quirks), target.quirks)
    if usage is not None and not usage.output_tokens and says_something(body.get("choices"), target):
        usage = None  # an answer has tokens: a zero means that nobody counted
    if is_error(body):
        raise error_in_answer(body, target, headers=headers, usage=usage)
    answer_id = text_of(body.get("id"))
    choices = tuple(_choices(body.get("choices"), answer_id, usage, target, headers))
    if not choices:
        raise unreadable("there is no answer in the body", target, usage)
    return Answer(
        choices=choices,
        usage=usage_of(usage, len(choices), target),
        id=answer_id,
        model=text_of(body.get("model")),
        service_tier=service_tier(body, target),
        raw=body,
    )


def _choices(
    raw: Any, answer_id: str | None, usage: Usage | None, target: Target, headers: Mapping[str, str]
) -> list[Choice]:
    choices = []
    for position, choice in enumerate(raw if isinstance(raw, list) else ()):
        if isinstance(choice, dict):
            failure = Failure(headers, answer_id, usage, bool(choice.get("message")))
            raise_failed(finish_word(choice), choice, target, failure)
            choices.append(read_choice(choice, choice_index(choice, position), answer_id, target))
    return choices


def says_something(choices: Any, target: Target) -> bool:
    """Whether raw choices hold anything of an answer: text, reasoning, a refusal or a tool call."""
    keys = ("content", "refusal", "tool_calls", "function_call", *target.quirks.reasoning_fields)
    for choice in choices if isinstance(choices, list) else ():
        for place in ("delta", "message"):
            message = choice.get(place) if isinstance(choice, dict) else None
            if isinstance(message, dict) and any(message.get(key) for key in keys):
                return True
    return False


def choice_index(choice: dict[str, Any], default: int) -> int:
    """Which of the `n` answers a choice is."""
    index = choice.get("index")
    if isinstance(index, str) and len(index) < 5 and index.isdecimal():
        index = int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < 1024 else default


def usage_of(usage: Usage | None, choices: int, target: Target) -> Usage | None:
    """The usage, unless it is known to leave out all answers but one."""
    return None if choices > 1 and target.quirks.usage_counts_one_choice else usage


def service_tier(body: dict[str, Any], target: Target) -> str | None:
    """The tier that was billed, in the word of the price rows."""
    word = text_of(body.get(target.quirks.service_tier_field or ""))
    return target.quirks.service_tier_names.get(word, word) if word else None


class Failure(NamedTuple):
    """What goes with the error of a choice."""

    headers: Mapping[str, str]
    request_id: str | None
    usage: Usage | None
    content: bool
    """Whether anything of the answer had come."""


def raise_failed(word: str | None, choice: dict[str, Any], target: Target, failure: Failure) -> None:
    """Raise where a choice ended because the vendor failed: by its finish word, or an error inside it."""
    headers, request_id, usage, content = failure
    if isinstance(choice.get("error"), (dict, str)) and choice["error"]:
        fields: dict[str, Any] = {"headers": headers, "request_id": request_id, "usage": usage}
        raise error_in_answer({"error": choice["error"]}, target, content=content, **fields)
    kind = target.quirks.finish_errors.get(word or "")
    if kind is None:
        return
    billed = Billed.YES if usage is not None or content else Billed.UNKNOWN
    text = f"{target.provider} ended the answer with {word!r}"
    told = {"status": 200, "code": word, "request_id": request_id}
    raise error_of_kind(kind, text, target, usage=usage, billed=billed, **told)

