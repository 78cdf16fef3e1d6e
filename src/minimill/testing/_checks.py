"""The checks of a chat body that every vendor makes; what differs is in the vendor classes."""

from collections.abc import Mapping
from typing import Any

from ._checks_anthropic import malformed as _malformed_messages
from ._vendor_base import Vendor, positive
from ._vendor_errors import ErrorRow

__all__ = ["problem_of"]

_ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
_LIMITS = ("max_tokens", "max_completion_tokens", "n")


def problem_of(vendor: Vendor, body: Mapping[str, Any]) -> ErrorRow | None:
    """The vendor's 400 for the first thing that is wrong with a body; None when it is well formed."""
    found = _malformed_messages(body) if vendor.wire == "anthropic" else _malformed(body)
    return vendor.problem(body) if found is None else vendor.bad_request(*found)


def _malformed(body: Mapping[str, Any]) -> tuple[str, str] | None:
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
