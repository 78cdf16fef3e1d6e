"""Writes a request in the words of the `openai_chat` wire, as the vendor's quirks say.

It may import `_chat`, `_errors`, the names of fields in `catalog` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from minimill._chat import ChatRequest, JsonSchema, NamedTool, Text, Tool, ToolChoice
from minimill.catalog._quirks import (
    COST_FIELDS,
    TEMPLATE_FIELD,
    THINKING_FIELDS,
    THINKING_TEMPLATE_FIELDS,
)
from minimill.dialects._base import Target, WireRequest
from minimill.dialects._json import dump
from minimill.dialects._openai_messages import encode_messages
from minimill.dialects._openai_thinking import as_steered, encode_thinking, thinks
from minimill.dialects._refuse import forbid, refuse
from minimill.dialects._settings import check_values, keep_settings, one_of, output_limit, service_tier
from minimill.dialects._strict_schema import strict_schema, without_root_reference

PATH = "/chat/completions"
_FORBIDDEN = COST_FIELDS | {"service_tier"}
"""Fields that decide what a call can cost at most; a caller sets them by their own names or not at all."""


def encode_request(request: ChatRequest, target: Target, stream: bool) -> WireRequest:
    """The request as it is sent. Settings that the model refuses raise before anything is sent.

    Raises:
        InvalidRequestError: the text names the setting, the model and what is accepted.
    """
    if request.extra:
        check_extra(request.extra, target, _FORBIDDEN)
    request, unnamed = _named_as_taken(request, target)
    request, unsteered = as_steered(request, target)
    body: dict[str, Any] = {"model": target.model, "messages": encode_messages(request, target)}
    if stream:
        body["stream"] = True
        if target.quirks.stream_usage == "ask" and "stream_options" not in target.quirks.refused_params:
            body["stream_options"] = {"include_usage": True}
    limit = output_limit(request, target)
    if limit is not None:
        body[target.quirks.output_limit_field] = limit
    kept = keep_settings(
        {**_settings(request, target), **_tools(request, target), **_response_format(request, target, stream)},
        request,
        target,
        thinking=thinks(request, target),
    )
    check_values(kept.settings, target)
    body.update(kept.settings)
    for key, value in target.quirks.extra_body.items():
        if key not in body:
            body[key] = value
    for key, value in (*encode_thinking(request, target).items(), *kept.extra.items()):
        merge(body, key, value)
    dropped = (*unnamed, *unsteered, *kept.dropped)
    return WireRequest(target.quirks.chat_path or PATH, written(body, target), dropped=dropped)


def _named_as_taken(request: ChatRequest, target: Target) -> tuple[ChatRequest, tuple[str, ...]]:
    """The request, without the names of speakers where the vendor refuses them; and what was left out."""
    if target.quirks.message_names or not any(message.name for message in request.messages):
        return request, ()
    if not request.drop_refused:
        raise refuse(target, "the name", "of a speaker", "messages without it")
    return replace(request, messages=tuple(replace(one, name=None) for one in request.messages)), ("name",)


def written(body: dict[str, Any], target: Target) -> bytes:
    """The body as JSON. Raises InvalidRequestError where it holds what JSON cannot."""
    try:
        return dump(body)
    except ValueError as error:
        raise forbid(target, "the request cannot be written as JSON in UTF-8") from error


def check_extra(
    extra: Mapping[str, Any], target: Target, forbidden: Collection[str], *, allowed: Collection[str] = ()
) -> None:
    """Refuse fields of the vendor's own by which a call could cost more than its ceiling."""
    for key, value in extra.items():
        if key in allowed:
            continue
        if key in forbidden:
            text = f"extra may not set {key!r}: it decides what a call can cost; use the argument for it"
            raise forbid(target, text)
        if name := _fixed_field(key, value, target):
            text = f"extra may not set {name!r}: it decides what a call to {target.provider} can cost"
            raise forbid(target, text)
        if name := _thinking_field(key, value, target):
            text = f"extra may not set {name!r}: it decides what a call can cost; use reasoning= instead"
            raise forbid(target, text)


def _fixed_field(key: str, value: Any, target: Target) -> str | None:
    """The name of a field that the vendor's file keeps from callers, if this is one or holds one."""
    inside = value if isinstance(value, Mapping) else ()
    names = (key, *(f"{key}.{name}" for name in inside))
    return next((name for name in names if name in target.quirks.fixed_fields), None)


def _thinking_field(key: str, value: Any, target: Target) -> str | None:
    """The name of a field that sets how the model thinks, if this is one or holds one."""
    if key in THINKING_FIELDS or key == target.quirks.thinking_budget_field:
        return key
    if key == TEMPLATE_FIELD and isinstance(value, Mapping):
        inner = next((name for name in value if name in THINKING_TEMPLATE_FIELDS), None)
        return None if inner is None else f"{key}.{inner}"
    return None


def merge(body: dict[str, Any], key: str, value: Any) -> None:
    """Put a field over the body's own. Tables are merged one level deep; tools of the vendor's own are added."""
    old = body.get(key)
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        value = {**old, **value}
    elif key == "tools" and old and isinstance(value, (list, tuple)):
        value = [*old, *value]
    body[key] = value



_values = attrgetter(
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "stop", "seed", "n", "logprobs", "top_logprobs",
    "service_tier", "user",
)  # fmt: skip
_NO_VALUES = (None, None, None, None, (), None, 1, None, None, None, None)


def _settings(request: ChatRequest, target: Target) -> dict[str, Any]:
    if _values(request) == _NO_VALUES:
        return {}
    quirks = target.quirks
    settings: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": list(request.stop) or None,
        quirks.seed_field: request.seed,
        "n": request.n if request.n > 1 else None,
        "logprobs": True
        if request.top_logprobs is not None and request.logprobs is None
        else request.logprobs,
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
        encoded["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice is not None:
        encoded["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        encoded["parallel_tool_calls"] = request.parallel_tool_calls
    return encoded


def check_tools(request: ChatRequest, target: Target) -> None:
    """Refuse more tools than the vendor takes, and a choice among none."""
    if not request.tools and (request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool)):
        raise forbid(target, "tool_choice asks for a tool, but the request has none")
    most = target.quirks.max_tools
    if most is not None and len(request.tools) > most:
        raise refuse(target, "tools", f"({len(request.tools)} of them)", f"at most {most}")


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    strict = tool.strict if target.quirks.strict_tools else None
    function["parameters"] = tool_parameters(tool, target, strict=bool(strict))
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


def tool_parameters(tool: Tool, target: Target, *, strict: bool) -> Any:
    """The schema of a tool's arguments, with an object at its root: the vendor refuses a reference there."""
    if strict:
        return _narrowed(tool.parameters, f"the parameters of {tool.name!r}", target)
    return without_root_reference(tool.parameters)


def tool_choice_taken(request: ChatRequest, target: Target) -> ToolChoice | None:
    """The choice to send, if the model takes its kind; None where nothing has to be sent."""
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
        raise refuse(target, "tool_choice", repr(kind), one_of(taken))
    if isinstance(choice, NamedTool) and all(tool.name != choice.name for tool in request.tools):
        raise forbid(target, f"tool_choice names {choice.name!r}, which is none of the tools")
    return choice


def _response_format(request: ChatRequest, target: Target, stream: bool) -> dict[str, Any]:
    wanted = request.response_format
    if wanted is None or wanted == "text":
        return {}
    if request.tools and not target.quirks.json_with_tools:
        raise refuse(target, "response_format", "together with tools", "one of the two")
    if not isinstance(wanted, JsonSchema):
        check_json_word(request, target)
        return {"response_format": {"type": "json_object"}}
    if stream and not target.quirks.schema_in_streams:
        raise refuse(target, "response_format", "by a schema in a stream", "it in a plain call")
    return {"response_format": {"type": "json_schema", "json_schema": named_schema(wanted, target)}}


def named_schema(wanted: JsonSchema, target: Target) -> dict[str, Any]:
    """A schema with its name, and whether it is strict where the vendor takes that."""
    quirks = target.quirks
    schema: dict[str, Any] = {"name": wanted.name}
    if wanted.description is not None:
        schema["description"] = wanted.description
    strict = wanted.strict and quirks.strict_schemas
    schema["schema"] = _narrowed(wanted.schema, "the schema of response_format", target) if strict else wanted.schema
    if quirks.strict_schemas:
        schema["strict"] = wanted.strict
    return schema


def _narrowed(schema: Mapping[str, Any], what: str, target: Target) -> Any:
    """The schema in the subset of strict answers.

    Raises:
        InvalidRequestError: the vendor takes no strict schema like that.
    """
    try:
        return strict_schema(schema, narrow=target.quirks.narrow_schemas)
    except ValueError as error:
        raise refuse(target, what, f"as strict ({error})", "a narrower one, or strict=False") from error


def check_json_word(request: ChatRequest, target: Target) -> None:
    """Refuse JSON without a schema where the vendor wants to read the word, and the prompt lacks it."""
    if target.quirks.json_word_needed and not _says_json(request):
        raise refuse(target, "response_format", "'json'", "it when a message holds the word 'json'")


def _says_json(request: ChatRequest) -> bool:
    texts = (part.text for message in request.messages for part in message.parts if isinstance(part, Text))
    return any("json" in text.lower() for text in texts)
