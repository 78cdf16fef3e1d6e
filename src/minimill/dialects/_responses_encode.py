"""Writes a request in the words of the `openai_responses` wire, as the vendor's quirks say.

It may import `_chat`, `_errors`, the names of fields in `catalog` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill._chat import ChatRequest, JsonSchema, NamedTool, Tool
from minimill.catalog._quirks import COST_FIELDS
from minimill.dialects._base import Target, WireRequest
from minimill.dialects._openai_encode import (
    check_extra,
    check_json_word,
    check_tools,
    merge,
    named_schema,
    tool_choice_taken,
    tool_parameters,
    written,
)
from minimill.dialects._openai_thinking import as_steered, encode_thinking, thinks
from minimill.dialects._refuse import forbid
from minimill.dialects._responses_input import encode_input
from minimill.dialects._settings import check_values, keep_settings, output_limit, service_tier

_FORBIDDEN = COST_FIELDS | {"service_tier"}
_ABSENT = frozenset({"stop", "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias"})
"""Settings for which the wire has no field."""
_SEALED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_REASONING_EXTRAS = frozenset({"summary", "context"})
"""What of `reasoning` a caller may set by name: it does not decide how long a model thinks."""


def encode_request(request: ChatRequest, target: Target, stream: bool) -> WireRequest:
    """The request as it is sent. Settings that the model refuses raise before anything is sent.

    Raises:
        InvalidRequestError: the text names the setting, the model and what is accepted.
    """
    thinking = request.extra.get("reasoning")
    harmless = isinstance(thinking, Mapping) and thinking.keys() <= _REASONING_EXTRAS
    check_extra(request.extra, target, _FORBIDDEN, allowed=("reasoning",) if harmless else ())
    request, unsteered = as_steered(request, target)
    settings = {**_settings(request, target), **_tools(request, target)}
    kept = keep_settings(
        settings, request, target, thinking=thinks(request, target), absent=_ABSENT
    )
    check_values(kept.settings, target)
    body: dict[str, Any] = {"model": target.model, "input": encode_input(request, target), "store": False}
    if stream:
        body["stream"] = True
    limit = output_limit(request, target)
    if limit is not None:
        body["max_output_tokens"] = limit
    wants_logprobs = bool(kept.settings.pop("logprobs", None))
    body.update(kept.settings)
    text = _text(request, target)
    if text:
        body["text"] = text
    for key, value in target.quirks.extra_body.items():
        body.setdefault(key, value)
    for key, value in (*_reasoning(request, target).items(), *kept.extra.items()):
        merge(body, key, value)
    _include(body, target, request, wants_logprobs)
    dropped = (*unsteered, *kept.dropped)
    return WireRequest(target.quirks.responses_path, written(body, target), dropped=dropped)


def _settings(request: ChatRequest, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    asked = request.logprobs is True or (request.logprobs is None and request.top_logprobs is not None)
    settings: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "n": request.n if request.n > 1 else None,
        "logprobs": asked or None,
        "top_logprobs": request.top_logprobs,
        "service_tier": service_tier(request, target),
    }
    settings[quirks.user_field or "user"] = request.user
    return {key: value for key, value in settings.items() if value is not None}



def _tools(request: ChatRequest, target: Target) -> dict[str, Any]:
    check_tools(request, target)
    if not request.tools:
        return {}
    encoded: dict[str, Any] = {"tools": [_tool(tool, target) for tool in request.tools]}
    choice = tool_choice_taken(request, target)
    if isinstance(choice, NamedTool):
        encoded["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice is not None:
        encoded["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        encoded["parallel_tool_calls"] = request.parallel_tool_calls
    return encoded


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    """Left out, `strict` would mean true here, and the vendor would narrow the schema by itself."""
    encoded: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        encoded["description"] = tool.description
    strict = bool(tool.strict) and target.quirks.strict_tools
    encoded["parameters"] = tool_parameters(tool, target, strict=strict)
    if target.quirks.strict_tools:
        encoded["strict"] = strict
    return encoded


def _text(request: ChatRequest, target: Target) -> dict[str, Any]:
    wanted = request.response_format
    if wanted is None or wanted == "text":
        return {}
    if not isinstance(wanted, JsonSchema):
        check_json_word(request, target)
        return {"format": {"type": "json_object"}}
    return {"format": {"type": "json_schema", **named_schema(wanted, target)}}


def _reasoning(request: ChatRequest, target: Target) -> dict[str, Any]:
    """The reasoning setting: the effort in its place here, other fields as the vendor's quirks name them."""
    fields = encode_thinking(request, target)
    reasoning: dict[str, Any] = {}
    if "reasoning_effort" in fields:
        reasoning["effort"] = fields.pop("reasoning_effort")
    summary = target.quirks.reasoning_summary
    if summary is not None and reasoning.get("effort") != "none" and _reasons(target):
        reasoning["summary"] = summary
    return {**fields, "reasoning": reasoning} if reasoning else fields


def _reasons(target: Target) -> bool:
    """Whether the model may think; others refuse to be asked for their thoughts."""
    quirks = target.quirks
    return quirks.thinking_default != "off" or any(word != "none" for word in quirks.efforts)


def _include(body: dict[str, Any], target: Target, request: ChatRequest, logprobs: bool) -> None:
    """What shall come with the answer: its thoughts, sealed, where the vendor does not store them."""
    asked = body.get("include")
    if asked is not None and not isinstance(asked, (list, tuple)):
        raise forbid(target, "extra: include is a list of words")
    wanted = [_SEALED] if _reasons(target) and body.get("store") is not True else []
    wanted += [_LOGPROBS] if logprobs else []
    include = list(dict.fromkeys([*wanted, *(asked or ())]))
    if include:
        body["include"] = include
