"""The simulated ERNIE and DeepSeek, and the registry of all vendors.

What a class does not say is as OpenAI does it. Shapes follow the vendors' pages and real answers of May to
November 2026. No I/O here.
"""

import time
from collections.abc import Mapping
from typing import Any

from . import _vendor_errors as errors
from ._answers import Composed, Limits, Said
from ._vendor_anthropic import Anthropic
from ._vendor_base import Ids, Vendor, as_uuid, counted, digest, given, plain_message
from ._vendor_errors import ErrorRow
from ._vendor_gemini import Gemini
from ._vendor_responses import OpenAIResponses
from ._vendors_cn import Doubao, Glm, Qwen
from ._vendors_local import LlamaCpp, Vllm

__all__ = ["VENDORS", "wires_of"]


class Ernie(Vendor):
    """Baidu Qianfan, v2."""

    name = "ernie"
    base_path = "/v2"
    sample_models = ("ernie-4.5-turbo-128k", "ernie-5.1")
    errors = errors.ERNIE
    default_limit = 2048
    max_choices = 1
    shows_reasoning = True
    named_tool_finish = "tool_calls"

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(f"as-{mark[:10]}", as_uuid(mark), int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        limits = "X-Ratelimit-Limit-Requests: 300\r\nX-Ratelimit-Limit-Tokens: 300000\r\n"
        return f"X-Baidu-Request-Id: {ids.request_id}\r\n{limits}".encode()

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401)

    def unreadable(self) -> ErrorRow:
        return self.row(400, "malformed_json")

    def no_such_model(self, model: str) -> ErrorRow:
        return self.row(401, "invalid_model")

    def bad_request(self, field: str, message: str) -> ErrorRow:
        code = {"model": "invalid_model", "messages": "invalid_messages"}.get(field, "invalid_argument")
        return self.row(400, code, message)

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404)

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        return {"error": {"code": row.code, "message": row.message, "type": row.type}, "id": ids.id}

    def error_headers(self, row: ErrorRow | None) -> bytes:
        code = f"X-Bce-Error-Code: {row.code}\r\n".encode() if row is not None else b""
        return super().error_headers(row) + code

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        limit = body.get("max_completion_tokens") or 1
        if limit > 12_288:
            return self.bad_request("max_completion_tokens", "max_completion_tokens: range is [1, 12288]")
        return None

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        return counted(said, output, reasoning=said.reasoning_tokens > 0)

    def trailer(self) -> dict[str, Any]:
        return {}

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"index": index, "message": message, "finish_reason": said.finish_reason, "flag": 0}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        return plain_message(said, calls)

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        head = {"id": ids.id, "object": "chat.completion.chunk", "created": ids.created, "model": ids.model}
        return {**head, "choices": choices, **given(usage)}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return {"index": index, "delta": delta} | ({"finish_reason": finish} if finish else {}) | {"flag": 0}

    def opening(self, said: Said) -> dict[str, Any] | None:
        return {"content": "", "role": "assistant"}

    def closing_delta(self) -> dict[str, Any]:
        return {"content": ""}


class DeepSeek(Vendor):
    """DeepSeek's own platform."""

    name = "deepseek"
    base_path = ""
    more_base_paths = ("/v1",)
    sample_models = ("deepseek-flash", "deepseek-v4-pro")
    errors = errors.DEEPSEEK
    default_limit = 32_768
    max_choices = 1
    shows_reasoning = True
    usage_in_finish = True
    named_tool_finish = "tool_calls"

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(as_uuid(mark), mark, int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        return f"x-ds-trace-id: {ids.request_id}\r\n".encode()

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401)

    def no_such_model(self, model: str) -> ErrorRow:
        return self.row(400, message="Model Not Exist")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404, message="Not Found")

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        return None

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=body.get("max_tokens"))

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        return counted(said, output) | {
            "prompt_cache_hit_tokens": said.cached_input_tokens,
            "prompt_cache_miss_tokens": said.input_tokens - said.cached_input_tokens,
        }

    def trailer(self) -> dict[str, Any]:
        return {"system_fingerprint": "fp_simulated"}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        return plain_message(said, [{**call, "index": index} for index, call in enumerate(calls)])

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        head = {"id": ids.id, "object": "chat.completion.chunk", "created": ids.created, "model": ids.model}
        return {**head, **self.trailer(), "choices": choices, "usage": usage}

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return f"call_{index:02d}_{digest(ids.number, choice, index)[:24]}"

    def opening(self, said: Said) -> dict[str, Any] | None:
        if said.reasoning:
            return {"role": "assistant", "content": None, "reasoning_content": ""}
        return {"role": "assistant", "content": ""}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        return {"content": None, "reasoning_content": text}

    def closing_delta(self) -> dict[str, Any]:
        return {"content": ""}


VENDORS: dict[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Doubao(), Qwen(), Glm(), Vendor(), Ernie(), DeepSeek(), Anthropic(), Gemini(), Vllm(), LlamaCpp(),
    )
}
"""The vendors by name."""
_MORE_WIRES: dict[str, tuple[Vendor, ...]] = {"openai": (OpenAIResponses(),)}
"""Further wires of vendors that speak several, by the name of the vendor."""


def wires_of(name: str) -> tuple[Vendor, ...]:
    """The vendor of that name by each of the wires that it speaks, the usual one first.

    Raises:
        ValueError: There is none; the message lists those that there are.
    """
    if name not in VENDORS:
        raise ValueError(f"no simulated vendor {name!r}; there are {', '.join(VENDORS)}")
    return (VENDORS[name], *_MORE_WIRES.get(name, ()))
