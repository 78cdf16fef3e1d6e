"""Writes a request in the words of `generateContent`, as the model's quirks say.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill._chat import ChatRequest, Image, JsonSchema, NamedTool, Tool
from minimill.dialects._base import Target, WireRequest
from minimill.dialects._gemini_messages import encode_messages
from minimill.dialects._gemini_schema import gemini_schema
from minimill.dialects._gemini_thinking import encode_thinking, thinks
from minimill.dialects._json import dump
from minimill.dialects._refuse import forbid, refuse
from minimill.dialects._settings import Kept, check_values, keep_settings, one_of, output_limit, service_tier

_FORBIDDEN: dict[str, dict[str, str | None]] = {
    "": {
        "model": "model", "contents": "messages", "serviceTier": "service_tier", "continuationToken": None,
    },
    "generationConfig": {
        "maxOutputTokens": "max_output_tokens", "candidateCount": "n", "responseModalities": None,
    },
    "generationConfig.thinkingConfig": {"thinkingBudget": "reasoning", "thinkingLevel": "reasoning"},
}  # fmt: skip
"""Fields that decide what a call can cost at most, to the argument that sets each; None: there is none."""
_OPEN = frozenset({"generationConfig", "thinkingConfig", "toolConfig", "functionCallingConfig"})
"""Tables that are merged key by key with what the caller adds. Their keys may be written in snake_case too."""
_NAMES = {
    "temperature": "temperature", "top_p": "topP", "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty", "stop": "stopSequences", "seed": "seed", "n": "candidateCount",
    "logprobs": "responseLogprobs", "top_logprobs": "logprobs",
}  # fmt: skip
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def encode_request(request: ChatRequest, target: Target, path: str) -> WireRequest:
    """The request. Settings that the model refuses raise before anything is sent.

    Raises:
        InvalidRequestError: the text names the setting, the model and what is accepted.
    """
    contents, instructions = encode_messages(request, target)
    if not target.quirks.assistant_last and contents and contents[-1]["role"] == "model":
        raise refuse(target, "messages", "that end with the assistant's own", "a message of the user at the end")
    body: dict[str, Any] = {"contents": contents}
    if instructions:
        body["systemInstruction"] = {"parts": instructions}
    kept = _settings(request, target)
    body.update(_tools(request, target))
    config = {
        **_written(kept.settings, request, target),
        **_response_format(request, target),
        **_resolution(request, target),
    }
    thinking = encode_thinking(request, target)
    if thinking:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    tier = service_tier(request, target)
    if tier is not None:
        body["serviceTier"] = tier
    if request.continuation is not None:
        body["continuationToken"] = request.continuation
    for extra in (target.quirks.extra_body, kept.extra):
        _merge(body, extra, target, "")
    _check_cache(body, target)
    try:
        return WireRequest(path, dump(body), dropped=kept.dropped)
    except ValueError as error:
        raise forbid(target, "the request cannot be written as JSON in UTF-8") from error


def _settings(request: ChatRequest, target: Target) -> Kept:
    """What is asked for, by our names, as far as the model takes it."""
    asked: dict[str, Any] = {
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
        "tools": request.tools or None,
        "tool_choice": request.tool_choice,
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": None if request.response_format == "text" else request.response_format,
        "user": request.user,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    single = bool(request.tools) and request.parallel_tool_calls is False
    if single and not request.drop_refused:
        raise refuse(target, "parallel_tool_calls", "False", "parallel calls only")
    absent = ("user", "parallel_tool_calls") if single else ("user",)
    kept = keep_settings(given, request, target, thinking=thinks(request, target), absent=absent)
    check_values(kept.settings, target)
    return kept


def _written(kept: Mapping[str, Any], request: ChatRequest, target: Target) -> dict[str, Any]:
    """Settings by the names of the wire; tools and formats are written elsewhere."""
    settings = {_NAMES[name]: value for name, value in kept.items() if name in _NAMES}
    limit = output_limit(request, target)
    return settings if limit is None else {"maxOutputTokens": limit, **settings}


def _resolution(request: ChatRequest, target: Target) -> dict[str, Any]:
    """The detail of images, which the wire takes once for all of them."""
    quirks = target.quirks
    asked = {
        part.detail or quirks.default_image_detail
        for message in request.messages
        for part in message.parts
        if isinstance(part, Image)
    }
    words = asked - {None, "auto"}
    if not words or not quirks.image_details:
        return {}
    unknown = sorted(str(word) for word in words if word not in quirks.image_details)
    if unknown:
        raise refuse(target, "detail of an image", unknown[0], one_of(quirks.image_details))
    if len(asked) > 1:
        raise refuse(target, "images", "of different detail", "one detail for all images of a request")
    return {"mediaResolution": f"MEDIA_RESOLUTION_{str(words.pop()).upper()}"}


def _tools(request: ChatRequest, target: Target) -> dict[str, Any]:
    if not request.tools:
        if request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool):
            raise forbid(target, "tool_choice asks for a tool, but the request has none")
        return {}
    most = target.quirks.max_tools
    if most is not None and len(request.tools) > most:
        raise refuse(target, "tools", f"({len(request.tools)} of them)", f"at most {most}")
    encoded: dict[str, Any] = {
        "tools": [{"functionDeclarations": [_tool(tool, target) for tool in request.tools]}]
    }
    calling = _calling(request, target)
    if calling:
        encoded["toolConfig"] = {"functionCallingConfig": calling}
    return encoded


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    strict = bool(tool.strict) and target.quirks.strict_tools
    declared["parametersJsonSchema"] = gemini_schema(tool.parameters, target, strict=strict)
    return declared


def _calling(request: ChatRequest, target: Target) -> dict[str, Any]:
    """The mode of calling. Strict tools hold the model to their schemas, which `VALIDATED` stands for."""
    choice, quirks = request.tool_choice, target.quirks
    kind = "named" if isinstance(choice, NamedTool) else choice
    taken = quirks.tool_choices
    if quirks.thinking_tool_choices is not None and thinks(request, target):
        taken = quirks.thinking_tool_choices
    if kind not in (None, "auto", *taken):
        raise refuse(target, "tool_choice", repr(kind), one_of(taken))
    if kind in (None, "auto"):
        if quirks.strict_tools and any(tool.strict for tool in request.tools):
            return {"mode": "VALIDATED"}
        return {"mode": "AUTO"} if kind in taken else {}
    if not isinstance(choice, NamedTool):
        return {"mode": _MODES[str(kind)]}
    if all(tool.name != choice.name for tool in request.tools):
        raise forbid(target, f"tool_choice names {choice.name!r}, which is none of the tools")
    return {"mode": "ANY", "allowedFunctionNames": [choice.name]}


def _response_format(request: ChatRequest, target: Target) -> dict[str, Any]:
    wanted = request.response_format
    if wanted is None or wanted == "text":
        return {}
    if request.tools and not target.quirks.json_with_tools:
        raise refuse(target, "response_format", "together with tools", "one of the two")
    if not isinstance(wanted, JsonSchema):
        return {"responseMimeType": "application/json"}
    schema = gemini_schema(wanted.schema, target, strict=wanted.strict)
    if wanted.description is not None and isinstance(schema, dict):
        schema.setdefault("description", wanted.description)
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _merge(body: dict[str, Any], extra: Mapping[str, Any], target: Target, where: str) -> None:
    """Put the caller's fields over the body's own; the vendor's own tools are added to the functions."""
    forbidden = _FORBIDDEN.get(where, {})
    for written, value in extra.items():
        key = _camel(written)
        place = f"{where}.{key}".lstrip(".")
        if key in forbidden and not (key == "responseModalities" and value == ["TEXT"]):
            argument = forbidden[key]
            advice = f"; use {argument}= instead" if argument else ""
            raise forbid(target, f"extra may not set {place!r}: it decides what a call can cost{advice}")
        if key in _OPEN and isinstance(value, Mapping):
            inner = dict(body.get(key, {}))
            _merge(inner, value, target, place)
            body[key] = inner
        elif place == "tools" and isinstance(value, (list, tuple)):
            body[key] = [*body.get(key, ()), *value]
        else:
            body[key] = value


def _camel(key: str) -> str:
    """The wire takes both spellings of a key; so that none slips through they become one."""
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _check_cache(body: Mapping[str, Any], target: Target) -> None:
    """A cache holds its instruction and tools; the vendor refuses them beside it."""
    if not body.get("cachedContent"):
        return
    for key, name in (
        ("systemInstruction", "system message"),
        ("tools", "tools"),
        ("toolConfig", "tool_choice"),
    ):
        if key in body:
            raise forbid(target, f"cachedContent brings its own {name}: leave it out of the request")
