"""The checks of a Messages body that Anthropic makes. Knows no answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["malformed"]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MOST_MARKS = 4
_LEAST_BUDGET = 1024

Problem = tuple[str, str]


def malformed(body: Mapping[str, Any]) -> Problem | None:
    """The field and the words for the first thing that is wrong with a body; None when it is well formed."""
    return next(_problems(body), None)


def _problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model", "model: Field required"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        yield "max_tokens", "max_tokens: a whole number of at least 0 is required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages", "messages: at least one message is required"
        return
    yield from _settings(body)
    for index, message in enumerate(messages):
        yield from _message(message, f"messages.{index}")
    yield from _pairs(messages)
    if sum(_marks(body)) > _MOST_MARKS:
        yield "cache_control", f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided."


def _settings(body: Mapping[str, Any]) -> Iterator[Problem]:
    kinds = {"stream": bool, "tools": list, "tool_choice": dict, "thinking": dict, "output_config": dict}
    for name, kind in kinds.items():
        if body.get(name) is not None and not isinstance(body[name], kind):
            yield name, f"{name}: wrong type"
            return
    tools = body.get("tools") or []
    if not all(isinstance(tool, dict) and isinstance(tool.get("name"), str) for tool in tools):
        yield "tools", "tools: every tool needs a name"
    elif (body.get("tool_choice") or {}).get("type") in ("any", "tool") and not tools:
        yield "tool_choice", "tool_choice: may only be specified while providing tools"
    budget = (body.get("thinking") or {}).get("budget_tokens")
    if budget is not None and not _LEAST_BUDGET <= budget < (body.get("max_tokens") or 0):
        yield "thinking", f"thinking.budget_tokens: at least {_LEAST_BUDGET} and less than max_tokens"


def _message(message: Any, where: str) -> Iterator[Problem]:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
        yield where, f"{where}.role: 'user', 'assistant' or 'system' is expected"
        return
    content = message.get("content")
    if not isinstance(content, (str, list)) or not content:
        yield where, f"{where}.content: text or a list of blocks is expected"
    elif isinstance(content, list):
        for index, block in enumerate(content):
            yield from _block(block, f"{where}.content.{index}")


def _block(block: Any, where: str) -> Iterator[Problem]:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield where, f"{where}.type: Field required"
        return
    if block["type"] == "text" and not block.get("text"):
        yield where, "messages: text content blocks must be non-empty"
    if block["type"] == "tool_use" and not isinstance(block.get("input"), dict):
        yield where, f"{where}.tool_use.input: Input should be an object"
    if block["type"] == "tool_use" and not _ID.fullmatch(str(block.get("id", ""))):
        yield where, f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    if block["type"] == "thinking" and not isinstance(block.get("signature"), str):
        yield where, f"{where}.thinking.signature: Field required"


def _blocks(message: Mapping[str, Any], kind: str) -> list[Any]:
    content = message.get("content")
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []


def _pairs(messages: Sequence[Any]) -> Iterator[Problem]:
    """Calls and results stand in turns that follow one another."""
    for index, message in enumerate(messages):
        after = messages[index + 1] if index + 1 < len(messages) else {}
        before = messages[index - 1] if index else {}
        results = {block.get("tool_use_id") for block in _blocks(after, "tool_result")}
        missing = [block["id"] for block in _blocks(message, "tool_use") if block["id"] not in results]
        if missing:
            words = f"`tool_use` ids were found without `tool_result` blocks right after: {', '.join(missing)}"
            yield f"messages.{index}", f"messages.{index}: {words}"
        calls = {block["id"] for block in _blocks(before, "tool_use")}
        for block in _blocks(message, "tool_result"):
            if block.get("tool_use_id") not in calls:
                words = f"unexpected `tool_use_id` in `tool_result` blocks: {block.get('tool_use_id')}"
                yield f"messages.{index}", f"messages.{index}: {words}"


def _marks(value: Any) -> Iterator[int]:
    """One for each cache mark inside a value."""
    if isinstance(value, dict):
        if value.get("cache_control"):
            yield 1
        for inner in value.values():
            yield from _marks(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _marks(inner)
