"""Writes a request in the words of the Messages wire, as the vendor's quirks say.

It may import `_chat`, `_errors`, the names of fields in `catalog` and the helpers beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from minimill._chat import ChatRequest, JsonSchema, NamedTool, Tool
from minimill.catalog._quirks import COST_FIELDS
from minimill.dialects._anthropic_messages import encode_messages
from minimill.dialects._anthropic_thinking import encode_thinking, thinks
from minimill.dialects._base import Target, WireRequest
from minimill.dialects._closed_schema import closed_schema
from minimill.dialects._json import dump
from minimill.dialects._refuse import forbid, refuse
from minimill.dialects._schema_circles import circle_in
from minimill.dialects._settings import Kept, check_values, keep_settings

PATH = "/v1/messages"
VERSION = "2026-10-21"
"""https://platform.claude.com/docs/en/api/versioning"""
FAST_BETA = "fast-mode-2026-02-01"
"""Some models take `speed` only with it: https://platform.claude.com/docs/en/build-with-claude/fast-mode"""
_ARGUMENTS = {
    "service_tier": "service_tier=", "speed": "service_tier='fast'", "system": "a system message",
    "cache_control": "cache=True on a part of a message", "inference_geo": "service_tier='us'",
}  # fmt: skip
"""Fields that decide what a call can cost at most, to what sets them."""
_FORBIDDEN = COST_FIELDS | {"fallbacks"}
_ABSENT = ("presence_penalty", "frequency_penalty", "seed", "n", "logprobs", "top_logprobs")
"""Settings that the wire has no field for."""
_NAMES = {"temperature": "temperature", "top_p": "top_p", "stop": "stop_sequences"}
_TIERS: dict[str, dict[str, Any]] = {"fast": {"speed": "fast"}, "us": {"inference_geo": "us"}}
"""Tiers by the words of price rows, to what asks for them."""
_BETA = re.compile(r"[A-Za-z0-9_.-]+")


def encode_request(request: ChatRequest, target: Target, stream: bool) -> WireRequest:
    """The request. Settings that the model refuses raise before anything is sent.

    Raises:
        InvalidRequestError: the text names the setting, the model and what is accepted.
    """
    _check_extra(request, target)
    body: dict[str, Any] = {
        "model": target.model,
        "max_tokens": _limit(request, target),
        **encode_messages(request, target),
    }
    if stream:
        body["stream"] = True
    kept = _settings(request, target)
    body.update(_written(kept.settings))
    thinking = encode_thinking(request, target)
    for fields in (_tier(request, target), _tools(request, target, kept.settings), _format(request, target), thinking):
        for key, value in fields.items():
            _merge(body, key, value)
    for key, value in target.quirks.extra_body.items():
        if key not in body:
            body[key] = value
    for key, value in kept.extra.items():
        if key == "thinking":
            _show_thinking(body, value, request, target)
        elif key != "betas":
            _merge(body, key, value)
    try:
        written = dump(body)
    except ValueError as error:
        raise forbid(target, "the request cannot be written as JSON in UTF-8") from error
    path = target.quirks.chat_path or PATH
    return WireRequest(path, written, _headers(request, target), dropped=kept.dropped)


def _headers(request: ChatRequest, target: Target) -> tuple[tuple[str, str], ...]:
    betas = list(request.extra.get("betas") or ())
    if request.service_tier == "fast" and FAST_BETA not in betas:
        betas.append(FAST_BETA)
    version = ("anthropic-version", target.quirks.api_version or VERSION)
    return (version, ("anthropic-beta", ",".join(betas))) if betas else (version,)


def _check_extra(request: ChatRequest, target: Target) -> None:
    for key, value in request.extra.items():
        if key in _ARGUMENTS:
            text = f"extra may not set {key!r}: it decides what a call can cost; use {_ARGUMENTS[key]}"
            raise forbid(target, text)
        if key in _FORBIDDEN:
            raise forbid(target, f"extra may not set {key!r}: it decides what a call can cost")
        hidden = _thinking_inside(key, value)
        if hidden:
            text = f"extra may not set {hidden!r}: it decides what a call can cost; use reasoning= instead"
            raise forbid(target, text)
    betas = request.extra.get("betas")
    if betas is not None and not (
        isinstance(betas, (list, tuple))
        and all(isinstance(name, str) and _BETA.fullmatch(name) for name in betas)
    ):
        raise forbid(target, "betas in extra is a list of names of the vendor's betas")


def _thinking_inside(key: str, value: Any) -> str | None:
    """The name of a field that sets how much the model thinks, if this is one or holds one."""
    if key == "thinking":
        shown = isinstance(value, Mapping) and value.keys() <= {"display"}
        return None if shown else key
    if key == "output_config" and not (isinstance(value, Mapping) and "effort" not in value):
        return f"{key}.effort"
    return None


def _merge(body: dict[str, Any], key: str, value: Any) -> None:
    """Put a field over the body's own. Tables are merged one level deep; tools of the vendor's own are added."""
    old = body.get(key)
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        value = {**old, **value}
    elif key == "tools" and old and isinstance(value, (list, tuple)):
        value = [*old, *value]
    body[key] = value


def _show_thinking(
    body: dict[str, Any], value: Mapping[str, Any], request: ChatRequest, target: Target
) -> None:
    """How thinking is shown; that alone shall not make a model think."""
    if "thinking" not in body and not thinks(request, target):
        raise forbid(target, "thinking.display in extra goes with reasoning=")
    body["thinking"] = {"type": "adaptive", **body.get("thinking", {}), **value}


def _limit(request: ChatRequest, target: Target) -> int:
    limit, most = request.max_output_tokens, target.quirks.output_limit_max
    if limit is None:
        raise forbid(target, "this wire needs max_output_tokens")
    if limit < target.quirks.output_limit_min or (most is not None and limit > most):
        raise refuse(
            target, "max_output_tokens", limit, f"{target.quirks.output_limit_min} to {most or 'any'}"
        )
    return limit


def _settings(request: ChatRequest, target: Target) -> Kept:
    """What is asked for, by our names, as far as the model takes it."""
    if request.n > 1 and not request.drop_refused:
        raise refuse(target, "n", request.n, "at most 1")
    asked: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "seed": request.seed,
        "n": request.n if request.n > 1 else None,
        "logprobs": request.logprobs or None,
        "top_logprobs": request.top_logprobs,
        "tools": request.tools or None,
        "tool_choice": request.tool_choice,
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": None if request.response_format == "text" else request.response_format,
        "user": request.user,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    kept = keep_settings(given, request, target, thinking=thinks(request, target), absent=_ABSENT)
    check_values(kept.settings, target, least=0, most=1)
    return kept


def _written(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names of the wire; tools and formats are written elsewhere."""
    written = {_NAMES[name]: value for name, value in settings.items() if name in _NAMES}
    return written | ({"metadata": {"user_id": settings["user"]}} if "user" in settings else {})


def _tier(request: ChatRequest, target: Target) -> dict[str, Any]:
    """`auto` takes the priority capacity that an organisation has committed to, and else the standard one."""
    tier = request.service_tier
    if tier is None:
        return {}
    if tier == "auto":
        return {"service_tier": "auto"}
    if tier in ("default", "standard"):
        return {"service_tier": "standard_only"}
    if tier in _TIERS and tier in target.quirks.service_tiers:
        return _TIERS[tier]
    accepted = ", ".join(("auto", "standard", *target.quirks.service_tiers))
    raise refuse(target, "service_tier", repr(tier), f"one of {accepted}")


def _tools(request: ChatRequest, target: Target, kept: Mapping[str, Any]) -> dict[str, Any]:
    if not request.tools:
        if request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool):
            raise forbid(target, "tool_choice asks for a tool, but the request has none")
        return {}
    most = target.quirks.max_tools
    if most is not None and len(request.tools) > most:
        raise refuse(target, "tools", f"({len(request.tools)} of them)", f"at most {most}")
    encoded: dict[str, Any] = {"tools": [_tool(tool, target) for tool in request.tools]}
    choice = _tool_choice(request, target, single=kept.get("parallel_tool_calls") is False)
    if choice is not None:
        encoded["tool_choice"] = choice
    return encoded


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    encoded: dict[str, Any] = {"name": tool.name}
    if tool.description:
        encoded["description"] = tool.description
    schema = {"type": "object", **tool.parameters}
    if tool.strict and target.quirks.strict_tools:
        return {
            **encoded,
            "input_schema": _closed(schema, f"the parameters of {tool.name!r}", target),
            "strict": True,
        }
    return {**encoded, "input_schema": schema}


def _closed(schema: Mapping[str, Any], what: str, target: Target) -> Any:
    circle = circle_in(schema)
    if circle:
        raise refuse(target, what, f"with {circle!r} inside itself", "schemas that do not hold themselves")
    try:
        return closed_schema(schema)
    except ValueError as error:
        raise refuse(target, what, f"as they are ({error})", "closed objects") from error


def _tool_choice(request: ChatRequest, target: Target, *, single: bool) -> dict[str, Any] | None:
    choice, quirks = request.tool_choice, target.quirks
    kind = "named" if isinstance(choice, NamedTool) else choice or "auto"
    taken = quirks.tool_choices
    if quirks.thinking_tool_choices is not None and thinks(request, target):
        taken = quirks.thinking_tool_choices
    if kind not in taken:
        words = f"one of {', '.join(taken)}" if taken else "the request without it"
        raise refuse(target, "tool_choice", repr(kind), words)
    if choice is None and not single:
        return None
    encoded: dict[str, Any] = {"type": {"required": "any", "named": "tool"}.get(kind, kind)}
    if isinstance(choice, NamedTool):
        if all(tool.name != choice.name for tool in request.tools):
            raise forbid(target, f"tool_choice names {choice.name!r}, which is none of the tools")
        encoded["name"] = choice.name
    if single and kind != "none":
        encoded["disable_parallel_tool_use"] = True
    return encoded


def _format(request: ChatRequest, target: Target) -> dict[str, Any]:
    wanted = request.response_format
    if wanted is None or wanted == "text":
        return {}
    if not isinstance(wanted, JsonSchema):
        accepted = "a JSON Schema: there is no JSON mode without one"
        raise refuse(target, "response_format", "'json'", accepted)
    schema = _closed(wanted.schema, "the schema of response_format", target)
    if wanted.description and "description" not in schema:
        schema = {**schema, "description": wanted.description}
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
