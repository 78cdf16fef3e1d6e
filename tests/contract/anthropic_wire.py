"""The Messages wire as another client would read and write it: bodies into our types, and their meaning."""

import base64
import json
from typing import Any

from minimill._chat import (
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)


class Unsaid(Exception):
    """A body holds something that our types cannot say, not even as a field of the vendor's own."""


OWN_TOOL_KEYS = {"name", "description", "input_schema", "strict", "type"}


def request_of(body: dict[str, Any]) -> ChatRequest:
    """A body in our types; what they cannot say is in `extra`."""
    messages = [Message("system", tuple(parts(body["system"])))] if body.get("system") else []
    for told in body["messages"]:
        messages.append(Message(told["role"], tuple(parts(told["content"]))))
    tools = [tool for tool in body.get("tools") or () if is_ours(tool)]
    choice = body.get("tool_choice") or {}
    config = body.get("output_config") or {}
    extra = {key: body[key] for key in ("container", "mcp_servers", "top_k") if key in body}
    foreign = [tool for tool in body.get("tools") or () if not is_ours(tool)]
    if foreign:
        extra["tools"] = foreign
    if "display" in (body.get("thinking") or {}):
        extra["thinking"] = {"display": body["thinking"]["display"]}
    return ChatRequest(
        tuple(messages),
        tools=tuple(
            Tool(t["name"], t.get("description", ""), t["input_schema"], t.get("strict")) for t in tools
        ),
        tool_choice=choice_of(choice) if tools else None,
        parallel_tool_calls=False if choice.get("disable_parallel_tool_use") else None,
        response_format=JsonSchema(config["format"]["schema"]) if config.get("format") else None,
        max_output_tokens=body.get("max_tokens"),
        reasoning=reasoning_of(body.get("thinking") or {}, config.get("effort")),
        temperature=body.get("temperature"),
        extra=extra,
    )


def is_ours(tool: dict[str, Any]) -> bool:
    return "input_schema" in tool and set(tool) <= OWN_TOOL_KEYS


def choice_of(choice: dict[str, Any]) -> Any:
    words = {"any": "required", "auto": "auto", "none": "none", None: None}
    return NamedTool(choice["name"]) if choice.get("type") == "tool" else words[choice.get("type")]


def reasoning_of(thinking: dict[str, Any], effort: str | None) -> Any:
    if effort:
        return effort
    words: dict[Any, Any] = {"adaptive": True, "enabled": thinking.get("budget_tokens"), "disabled": False}
    return words.get(thinking.get("type"))


def parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [part(block) for block in content]


def part(block: dict[str, Any]) -> Part:
    cache: Any = "cache_control" in block
    if cache and block["cache_control"].get("ttl") == "1h":
        cache = "long"
    kind, source = block["type"], block.get("source") or {}
    if kind == "text":
        return Text(block["text"], cache)
    if kind == "tool_use":
        return ToolCall(block["id"], block["name"], json.dumps(block["input"]))
    if kind == "tool_result":
        content = block["content"]
        if not isinstance(content, str) and (odd := {i["type"] for i in content} - {"text", "image", "document"}):
            raise Unsaid(f"{odd.pop()} in a tool result")
        found = content if isinstance(content, str) else [part(item) for item in content]
        return ToolResult(block["tool_use_id"], found, is_error=block.get("is_error", False), cache=cache)
    if kind == "thinking":
        return Reasoning(block["thinking"], block["signature"], "anthropic")
    if kind == "image":
        return picture(source)
    if kind == "document":
        return document(source)
    if kind in ("tool_addition", "container_upload"):
        raise Unsaid(kind)
    return Reasoning("", json.dumps(block), "anthropic")


def picture(source: dict[str, Any]) -> Image:
    if source["type"] == "url":
        return Image(url=source["url"])
    return Image(data=base64.b64decode(source["data"]), media_type=source["media_type"])


def document(source: dict[str, Any]) -> File:
    if source["type"] == "url":
        return File(url=source["url"])
    if source["type"] == "text":
        return File(data=source["data"].encode(), media_type="text/plain")
    return File(data=base64.b64decode(source["data"]), media_type=source["media_type"])


def expressed(body: dict[str, Any]) -> dict[str, Any]:
    """What a body means: turns of one role put together, short ways of writing put into full.

    Left out is what our types do not say: marks over the whole request, and messages in place of a system prompt.
    """
    ignored = ("messages", "system", "cache_control", "stream", "tools", "output_config", "tool_choice")
    meaning = {key: value for key, value in body.items() if key not in ignored}
    meaning["stream"] = bool(body.get("stream"))
    meaning["tools"] = sorted(map(tool_meaning, body.get("tools") or ()), key=json.dumps)
    choice = body.get("tool_choice") or {}
    if choice and any(map(is_ours, body.get("tools") or ())):
        meaning["tool_choice"] = choice
    config = dict(body.get("output_config") or {})
    if config:
        meaning["output_config"] = sorted(config)
    if config.get("effort"):
        meaning["effort"], meaning["thinking"] = config["effort"], "adaptive"
    system = blocks(body.get("system") or [])
    turns: list[tuple[str, list[Any]]] = []
    for message in body["messages"]:
        if message["role"] == "system":
            system += blocks(message["content"])
        elif turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks(message["content"]))
        else:
            turns.append((message["role"], blocks(message["content"])))
    meaning["system"] = system
    meaning["turns"] = [
        (role, sorted(content, key=lambda block: block["type"] != "tool_result"))
        for role, content in turns
        if content
    ]
    return meaning


def tool_meaning(tool: dict[str, Any]) -> dict[str, Any]:
    if not is_ours(tool):
        return tool
    strict = bool(tool.get("strict"))
    kept = {key: tool[key] for key in ("name", "description") if tool.get(key)}
    return {**kept, "strict": strict, **({} if strict else {"input_schema": tool["input_schema"]})}


def blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block_meaning(block) for block in content]


def block_meaning(block: dict[str, Any]) -> dict[str, Any]:
    meaning = dict(block)
    if block["type"] == "tool_result":
        content = block.get("content", "")
        only = isinstance(content, list) and all(item["type"] == "text" for item in content)
        meaning["content"] = "".join(item["text"] for item in content) if only else content
        meaning["is_error"] = block.get("is_error", False)
    if "cache_control" in block:
        meaning["cache_control"] = {"ttl": block["cache_control"].get("ttl", "5m")}
    return meaning
