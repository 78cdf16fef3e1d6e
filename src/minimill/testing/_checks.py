"""The checks of a chat body that every vendor makes; what differs is in the vendor classes."""

from collections.abc import Mapping
from typing import Any

__all__ = ["malformed_chat", "positive"]

_ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
_LIMITS = ("max_tokens", "max_completion_tokens", "n")


def positive(value: Any) -> bool:
    """Whether a value is a positive JSON integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def malformed_chat(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """The field at which a chat body is not well formed, and how; None where it is."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model", "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages", "messages must be a non-empty array"
    for index, message in enumerate(messages):
        found = _bad_message(message, f"messages[{index}]")
        if found is not None:
            return found
    for name in _LIMITS:
        if body.get(name) is not None and not positive(body[name]):
            return name, f"{name} must be at least 1, got {body[name]!r}"
    return _bad_kinds(body)


def _bad_message(message: Any, name: str) -> tuple[str, str] | None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        return f"{name}.role", "a message needs a role: system, developer, user, assistant or tool"
    content = message.get("content")
    if content is None and message["role"] != "assistant":
        return f"{name}.content", "a message of this role needs content"
    if isinstance(content, list) and not all(isinstance(part, dict) for part in content):
        return f"{name}.content", "the parts of a content must be objects"
    if not isinstance(content, str | list | None):
        return f"{name}.content", "content must be a string or an array of parts"
    return None


def _bad_kinds(body: Mapping[str, Any]) -> tuple[str, str] | None:
    kinds = {
        "stream": bool,
        "stream_options": dict,
        "tools": list,
        "response_format": dict,
        "tool_choice": str | dict,
    }
    for name, kind in kinds.items():
        value = body.get(name)
        if value is not None and not isinstance(value, kind):
            return name, f"{name} has the wrong type"
    return None
