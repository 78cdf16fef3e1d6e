"""The simulated Anthropic. What the class does not say is as OpenAI does it. No I/O here."""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import _vendor_errors as errors
from ._answers import Composed, Limits
from ._checks_anthropic import malformed
from ._vendor_base import Ids, Vendor, digest
from ._vendor_errors import ErrorRow

__all__ = ["Anthropic"]

_GONE = ("temperature", "top_p", "top_k")
_SINCE = "2026-10-21"
_CHOICES = {"any": "required", "auto": "auto", "none": "none"}


class Anthropic(Vendor):
    """Anthropic's Messages."""

    name = "anthropic"
    wire = "anthropic"
    base_path = ""
    chat_path = "/v1/messages"
    models_path = "/v1/models"
    sample_models = ("claude-opus-5-5", "claude-sonnet-4-5")
    errors = errors.ANTHROPIC
    default_limit = 4096
    max_choices = 1
    shows_reasoning = True
    named_tool_finish = "tool_calls"

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(f"msg_01{mark[:22]}", f"req_011C{mark[8:28]}", int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        full = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = "".join(
            f"anthropic-ratelimit-{what}-limit: {limit}\r\nanthropic-ratelimit-{what}-remaining: {limit}\r\n"
            f"anthropic-ratelimit-{what}-reset: {full}\r\n"
            for what, limit in (("requests", 4000), ("input-tokens", 2000000), ("output-tokens", 400000))
        )
        return f"request-id: {ids.request_id}\r\n{lines}".encode()

    def credentials(self, headers: Mapping[str, str]) -> str | None:
        key = headers.get("x-api-key")
        return headers.get("authorization") or (f"Bearer {key}" if key else None)

    def header_problem(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> ErrorRow | None:
        version = headers.get("anthropic-version")
        if version is None:
            return self.bad_request("anthropic-version", "anthropic-version: header is required")
        gone = next((name for name in _GONE if name in body), None) if version >= _SINCE else None
        return self.bad_request(gone, f"{gone}: Extra inputs are not permitted") if gone else None

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401, message="no API key was given" if missing else None)

    def unreadable(self) -> ErrorRow:
        return self.row(400, message="The request body is not valid JSON")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404, message="Not Found")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        error: dict[str, Any] = {"type": row.type, "message": row.message}
        if row.code == "enforced_spend_limit_reached":
            error["details"] = {"error_code": row.code}
        elif row.code is not None and row not in self.errors and row.code not in _TYPED:
            error["type"] = row.code
        return {"type": "error", "error": error, "request_id": ids.request_id}

    def stream_error(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        body = self.error_body(row, ids)
        del body["request_id"]
        return body

    def malformed(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        return malformed(body)

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        return None

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=body.get("max_tokens"))

    def view(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        tools = [
            {"function": {"name": tool["name"], "parameters": tool["input_schema"]}}
            for tool in body.get("tools") or ()
            if "input_schema" in tool
        ]
        asked = body.get("tool_choice") or {}
        named = {"function": {"name": asked.get("name")}} if asked.get("type") == "tool" else None
        choice = named or _CHOICES.get(asked.get("type", ""))
        wanted = (body.get("output_config") or {}).get("format") or {}
        schema = {"type": "json_schema", "json_schema": wanted} if wanted.get("schema") else None
        return {**body, "tools": tools, "tool_choice": choice, "response_format": schema}

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        read, written, long = said.cached_input_tokens, said.cache_write_tokens, said.cache_write_long_tokens
        return {
            "input_tokens": said.input_tokens - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written - long,
                "ephemeral_1h_input_tokens": long,
            },
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": min(said.reasoning_tokens, output)},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "inference_geo": "global",
        }

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return f"toolu_01{digest(ids.number, choice, index)[:22]}"

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        data = [self.model_entry(name) for name in names]
        return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}

    def model_entry(self, name: str) -> dict[str, Any]:
        return {"type": "model", "id": name, "display_name": name, "created_at": "2026-09-22T00:00:00Z"}


_TYPED = frozenset(row.code for row in errors.ANTHROPIC)
