"""OpenAI's other wire: `/responses`. What differs from its chat wire: ids, rules, limits, usage, items.

No I/O here.
"""

import time
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from ._answers import Composed, Limits, Said
from ._vendor_base import Ids, Vendor, digest, positive
from ._vendor_errors import ErrorRow
from ._view_responses import chat_view

__all__ = ["OpenAIResponses"]

_UNKNOWN = (
    "messages", "max_tokens", "max_completion_tokens", "stop", "seed", "n", "presence_penalty",
    "frequency_penalty", "logit_bias", "response_format", "reasoning_effort",
)  # fmt: skip
"""Fields of Chat Completions for which this wire has none."""
_LEAST = 16
_ROLES = ("system", "developer", "user", "assistant")
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class OpenAIResponses(Vendor):
    """OpenAI by Responses."""

    wire = "openai_responses"
    chat_path = "/responses"
    has_models = False

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, "responses", number)
        return Ids(f"resp_{mark}", f"req_{mark}", int(time.time()), model, number)

    def malformed(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        if not isinstance(body.get("model"), str) or not body["model"]:
            return "model", "you must provide a model parameter"
        given = body.get("input")
        if not isinstance(given, str | list) or not given:
            return "input", "input must be a string or a non-empty array of items"
        for index, item in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(item, dict):
                return f"input[{index}]", "an item must be an object"
            if item.get("type", "message") == "message" and item.get("role") not in _ROLES:
                return f"input[{index}].role", "a message needs a role: system, developer, user or assistant"
        limit = body.get("max_output_tokens")
        if limit is not None and not positive(limit):
            return "max_output_tokens", f"max_output_tokens must be at least {_LEAST}, got {limit!r}"
        return self._bad_kinds(body)

    def _bad_kinds(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        kinds = {"stream": bool, "tools": list, "text": dict, "reasoning": dict, "tool_choice": str | dict}
        for name, kind in kinds.items():
            if body.get(name) is not None and not isinstance(body[name], kind):
                return name, f"{name} has the wrong type"
        return None

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        for name in _UNKNOWN:
            if name in body:
                return self._unknown(name)
        limit = body.get("max_output_tokens")
        if limit is not None and limit < _LEAST:
            text = f"Invalid 'max_output_tokens': expected a value of at least {_LEAST}, but got {limit}."
            row = self.bad_request("max_output_tokens", text)
            return row._replace(code="integer_below_min_value")
        effort = (body.get("reasoning") or {}).get("effort")
        if effort not in (None, "none") and body.get("temperature") is not None:
            text = "Unsupported parameter: 'temperature' is not supported with this model."
            return self.bad_request("temperature", text)._replace(code=None)
        return self._unanswered(body)

    def _unknown(self, name: str) -> ErrorRow:
        return self.bad_request(name, f"Unknown parameter: '{name}'.")._replace(code="unknown_parameter")

    def _unanswered(self, body: Mapping[str, Any]) -> ErrorRow | None:
        """Calls and their results go in pairs."""
        items = body["input"] if isinstance(body["input"], list) else []
        calls = {item.get("call_id") for item in items if item.get("type") == "function_call"}
        results = {item.get("call_id") for item in items if item.get("type") == "function_call_output"}
        if calls - results:
            text = f"No tool output found for function call {min(map(str, calls - results))}."
            return self.bad_request("input", text)._replace(code=None)
        if results - calls:
            text = f"No tool call found for function call output with call_id {min(map(str, results - calls))}."
            return self.bad_request("input", text)._replace(code=None)
        return None

    def view(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return chat_view(body)

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=body.get("max_output_tokens"))

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        return {
            "input_tokens": said.input_tokens,
            "input_tokens_details": {
                "cached_tokens": said.cached_input_tokens,
                "cache_write_tokens": said.cache_write_tokens,
            },
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": min(said.reasoning_tokens, output)},
            "total_tokens": said.input_tokens + output,
        }

    def failed_body(self, row: ErrorRow, ids: Ids) -> bytes:
        return to_json(self.failed(row, ids))

    def failed(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        """A response that failed."""
        error = {"code": row.code or row.type, "message": row.message}
        return self.response(ids, {}) | {"status": "failed", "error": error}

    def response(self, ids: Ids, body: Mapping[str, Any]) -> dict[str, Any]:
        """A response that has just begun."""
        return {
            "id": ids.id,
            "object": "response",
            "created_at": ids.created,
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": ids.model,
            "output": [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None} | (body.get("reasoning") or {}),
            "service_tier": "default",
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": {"format": {"type": "text"}} | (body.get("text") or {}),
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p", 1.0),
            "truncation": body.get("truncation", "disabled"),
            "usage": None,
            "user": None,
            "metadata": {},
        }

    def over(self, said: Said) -> dict[str, Any]:
        """How the response ended."""
        reason = _INCOMPLETE.get(said.finish_reason)
        if reason is None:
            return {"status": "completed"}
        return {"status": "incomplete", "incomplete_details": {"reason": reason}}

    def items(self, ids: Ids, said: Said, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The output: thoughts, sealed, then the message, then the calls."""
        mark, items = ids.id.removeprefix("resp_"), []
        if said.reasoning:
            items.append(self._thought(mark, said, body))
        text = "".join(said.text)
        if text or not said.tool_calls:
            part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
            message = {"id": f"msg_{mark}", "type": "message", "status": "completed", "role": "assistant"}
            items.append(message | {"content": [part]})
        for index, call in enumerate(said.tool_calls):
            items.append({
                "id": f"fc_{mark}{index}",
                "type": "function_call",
                "status": "completed",
                "arguments": call.arguments_json,
                "call_id": call.id or self.tool_id(ids, 0, index),
                "name": call.name,
            })  # fmt: skip
        return items

    def _thought(self, mark: str, said: Said, body: Mapping[str, Any]) -> dict[str, Any]:
        text = "".join(said.reasoning)
        shown = bool((body.get("reasoning") or {}).get("summary"))
        return {
            "id": f"rs_{mark}",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text}] if shown else [],
            "encrypted_content": f"gAAAA{digest(text)}==",
        }
