"""Reads a whole `openai_responses` answer. It may import `_chat`, `_errors` and the helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill._chat import Answer, FinishReason
from minimill._errors import ProviderError
from minimill._usage import Usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._error_body import is_error
from minimill.dialects._openai_answer import Failure, raise_failed, service_tier
from minimill.dialects._responses_state import OutputState
from minimill.dialects._responses_usage import usage_in
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer

_FINISH = {
    "completed": FinishReason.STOP,
    "complete": FinishReason.STOP,
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_UNFINISHED = ("queued", "in_progress", "cancelled")


def read_answer(body: dict[str, Any], target: Target, headers: Mapping[str, str]) -> Answer:
    """The answer; the usage is read first, so that it goes with every error.

    Raises:
        ProviderError: the body reports an error.
        ProtocolError: there is no answer in the body, or only the beginning of one.
    """
    state = OutputState(target)
    state.complete(body.get("output"), [])
    usage = usage_in(body, answered=state.has_content)
    check(body, target, headers, usage, content=state.has_content)
    if not isinstance(body.get("output"), list):
        raise unreadable("there is no answer in the body", target, usage)
    word, reason = finish(body, target, has_calls=state.has_calls)
    answer_id = text_of(body.get("id"))
    raise_failed(word, {}, target, Failure(headers, answer_id, usage, state.has_content))
    return Answer(
        choices=(state.choice(answer_id, reason, word),),
        usage=usage,
        id=answer_id,
        model=text_of(body.get("model")),
        service_tier=service_tier(body, target),
        raw=body,
    )


def check(
    body: dict[str, Any],
    target: Target,
    headers: Mapping[str, str],
    usage: Usage | None,
    *,
    content: bool,
) -> None:
    """Raise where a response failed, or is not over."""
    status = body.get("status")
    if is_error(body) or status == "failed":
        raise failure(body, target, headers, usage, content=content)
    if status in _UNFINISHED:
        raise unreadable(f"the response is {status}", target, usage, request_id=text_of(body.get("id")))


def failure(
    body: dict[str, Any],
    target: Target,
    headers: Mapping[str, str],
    usage: Usage | None,
    *,
    content: bool,
    request_id: str | None = None,
) -> ProviderError:
    """The error that a failed response, or an `error` event, reports."""
    told = body.get("error")
    if not told:
        told = {key: body.get(key) for key in ("code", "message", "param")}
    request_id = request_id or text_of(body.get("id"))
    return error_in_answer(
        {"error": told}, target, headers=headers, usage=usage, content=content, request_id=request_id
    )


def finish(body: dict[str, Any], target: Target, *, has_calls: bool) -> tuple[str | None, FinishReason]:
    """The vendor's word for how the response ended, and ours. One with calls waits for their results."""
    details = body.get("incomplete_details")
    word = text_of(details.get("reason")) if isinstance(details, dict) else None
    word = word or text_of(body.get("status"))
    own = target.quirks.finish_reasons.get(word or "")
    reason = FinishReason(own) if own else _FINISH.get(word or "", FinishReason.UNKNOWN)
    return word, FinishReason.TOOL_CALLS if has_calls and reason is FinishReason.STOP else reason
