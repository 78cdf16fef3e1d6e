"""Writes a request in the words of the `openai_chat` wire, as the vendor's quirks say.

It may import `_chat`, `_errors`, the names of fields in `catalog` and the helpers beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from minimill._chat import ChatRequest, JsonSchema, NamedTool, Text, Tool
from minimill.catalog._quirks import (
    COST_FIELDS,
    TEMPLATE_FIELD,
    THINKING_FIELDS,
    THINKING_TEMPLATE_FIELDS,
)
from minimill.dialects._base import Target
from minimill.dialects._json import dump
from minimill.dialects._openai_messages import encode_messages
from minimill.dialects._openai_thinking import encode_thinking, thinks
from minimill.dialects._refuse import forbid, refuse
from minimill.dialects._strict_schema import strict_schema

_FORBIDDEN = COST_FIELDS | {"service_tier"}
"""Fields that decide what a call can cost at most; a caller sets them by their own names or not at all."""


def encode_request(request: ChatRequest, target: Target, stream: bool) -> bytes:
    """The body. Settings that the model refuses raise before anything is sent.

    Raises:
        InvalidRequestError: the text names the setting, the model and what is accepted.
    """
    _check_extra(request, target)
    body: dict[str, Any] = {"model": target.model, "messages": encode_messages(request, target)}
    if stream:
        body["stream"] = True
        if target.quirks.stream_usage == "ask" and "stream_options" not in target.quirks.refused_params:
            body["stream_options"] = {"include_usage": True}
    _put_limit(body, request, target)
    settings = {
        **_settings(request, target),
        **_tools(request, target),
        **_response_format(request, target),
    }
    _check_settings(settings, request, target)
    body.update(settings)
    for key, value in target.quirks.extra_body.items():
        if key not in body:
            body[key] = value
    for key, value in (*encode_thinking(request, target).items(), *request.extra.items()):
        _merge(body, key, value)
    try:
        return dump(body)
    except ValueError as error:
        raise forbid(target, "the request cannot be written as JSON in UTF-8") from error


def _check_extra(request: ChatRequest, target: Target) -> None:
    for key, value in request.extra.items():
        if key in _FORBIDDEN:
            text = f"extra may not set {key!r}: it decides what a call can cost; use the argument for it"
            raise forbid(target, text)
        if name := _thinking_field(key, value, target):
            text = f"extra may not set {name!r}: it decides what a call can cost; use reasoning= instead"
            raise forbid(target, text)


def _thinking_field(key: str, value: Any, target: Target) -> str | None:
    """The name of a field that sets how the model thinks, if this is one or holds one."""
    if key in THINKING_FIELDS or key == target.quirks.thinking_budget_field:
        return key
    if key == TEMPLATE_FIELD and isinstance(value, Mapping):
        inner = next((name for name in value if name in THINKING_TEMPLATE_FIELDS), None)
        return None if inner is None else f"{key}.{inner}"
    return None


def _merge(body: dict[str, Any], key: str, value: Any) -> None:
    """Put a field over the body's own. Tables are merged one level deep; tools of the vendor's own are added."""
    old = body.get(key)
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        value = {**old, **value}
    elif key == "tools" and old and isinstance(value, (list, tuple)):
        value = [*old, *value]
    body[key] = value


def _put_limit(body: dict[str, Any], request: ChatRequest, target: Target) -> None:
    limit, quirks = request.max_output_tokens, target.quirks
    if limit is None:
        return
    most = quirks.output_limit_max
    if limit < quirks.output_limit_min or (most is not None and limit > most):
        accepted = (
            f"{quirks.output_limit_min} to {most}"
            if most is not None
            else f"{quirks.output_limit_min} or more"
        )
        raise refuse(target, "max_output_tokens", limit, accepted)
    body[quirks.output_limit_field] = limit


def _settings(request: ChatRequest, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    settings: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "n": request.n if request.n > 1 else None,
        "logprobs": True
        if request.top_logprobs is not None and request.logprobs is None
        else request.logprobs,
        "top_logprobs": request.top_logprobs,
        "service_tier": _service_tier(request, target),
    }
    if quirks.user_field:
        settings[quirks.user_field] = request.user
    return {key: value for key, value in settings.items() if value is not None}


def _service_tier(request: ChatRequest, target: Target) -> str | None:
    tier, quirks = request.service_tier, target.quirks
    if tier is None or tier in quirks.service_tiers:
        return tier
    if tier in quirks.default_service_tiers:
        return None
    raise refuse(target, "service_tier", repr(tier), _one_of(quirks.service_tiers))


def _check_settings(settings: dict[str, Any], request: ChatRequest, target: Target) -> None:
    quirks = target.quirks
    thinking = thinks(request, target)
    refused = {*quirks.refused_params, *(quirks.thinking_refused_params if thinking else ())}
    names = {quirks.user_field or "user": "user"}
    for key, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise forbid(target, f"{key} is not a finite number")
    for key in (*settings, *request.extra):
        if names.get(key, key) in refused:
            where = " while it thinks" if names.get(key, key) not in quirks.refused_params else ""
            raise refuse(target, names.get(key, key), f"at all{where}", "the request without it")
    _check_range(
        "temperature", settings.get("temperature"), quirks.min_temperature, quirks.max_temperature, target
    )
    _check_range("top_p", settings.get("top_p"), quirks.min_top_p, quirks.max_top_p, target)
    if quirks.max_n is not None and request.n > quirks.max_n:
        raise refuse(target, "n", request.n, f"at most {quirks.max_n}")
    if quirks.max_stop is not None and len(request.stop) > quirks.max_stop:
        raise refuse(target, "stop", f"with {len(request.stop)} strings", f"at most {quirks.max_stop}")


def _check_range(
    name: str, value: float | None, least: float | None, most: float | None, target: Target
) -> None:
    if value is None or ((least is None or value >= least) and (most is None or value <= most)):
        return
    raise refuse(target, name, value, f"{0 if least is None else least} to {'any' if most is None else most}")


def _tools(request: ChatRequest, target: Target) -> dict[str, Any]:
    if not request.tools:
        if request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool):
            raise forbid(target, "tool_choice asks for a tool, but the request has none")
        return {}
    most = target.quirks.max_tools
    if most is not None and len(request.tools) > most:
        raise refuse(target, "tools", f"({len(request.tools)} of them)", f"at most {most}")
    encoded: dict[str, Any] = {"tools": [_tool(tool, target) for tool in request.tools]}
    choice = _tool_choice(request, target)
    if choice is not None:
        encoded["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        encoded["parallel_tool_calls"] = request.parallel_tool_calls
    return encoded


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    strict = tool.strict if target.quirks.strict_tools else None
    function["parameters"] = strict_schema(tool.parameters) if strict else tool.parameters
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


def _tool_choice(request: ChatRequest, target: Target) -> Any:
    choice, quirks = request.tool_choice, target.quirks
    if choice is None:
        return None
    kind = "named" if isinstance(choice, NamedTool) else choice
    taken = quirks.tool_choices
    if quirks.thinking_tool_choices is not None and thinks(request, target):
        taken = quirks.thinking_tool_choices
    if kind == "auto" and kind not in taken:
        return None  # what happens anyway
    if kind not in taken:
        raise refuse(target, "tool_choice", repr(kind), _one_of(taken))
    if not isinstance(choice, NamedTool):
        return choice
    if all(tool.name != choice.name for tool in request.tools):
        raise forbid(target, f"tool_choice names {choice.name!r}, which is none of the tools")
    return {"type": "function", "function": {"name": choice.name}}


def _response_format(request: ChatRequest, target: Target) -> dict[str, Any]:
    wanted, quirks = request.response_format, target.quirks
    if wanted is None or wanted == "text":
        return {}
    if not isinstance(wanted, JsonSchema):
        if quirks.json_word_needed and not _says_json(request):
            raise refuse(target, "response_format", "'json'", "it when a message holds the word 'json'")
        return {"response_format": {"type": "json_object"}}
    schema: dict[str, Any] = {"name": wanted.name}
    if wanted.description is not None:
        schema["description"] = wanted.description
    schema["schema"] = (
        strict_schema(wanted.schema) if wanted.strict and quirks.strict_schemas else wanted.schema
    )
    if quirks.strict_schemas:
        schema["strict"] = wanted.strict
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _says_json(request: ChatRequest) -> bool:
    texts = (part.text for message in request.messages for part in message.parts if isinstance(part, Text))
    return any("json" in text.lower() for text in texts)


def _one_of(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(words)}" if words else "the request without it"
