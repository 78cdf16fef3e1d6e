"""The simulated Doubao, Qwen and GLM.

What a class does not say is as OpenAI does it. Shapes follow the vendors' pages and real answers of May to
November 2026. No I/O here.
"""

import time
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from . import _vendor_errors as errors
from ._answers import Composed, Limits, Said
from ._vendor_base import Ids, Vendor, as_uuid, counted, digest, given, plain_message
from ._vendor_errors import ErrorRow

__all__ = ["Doubao", "Glm", "Qwen"]


class Doubao(Vendor):
    """Volcengine Ark."""

    name = "doubao"
    base_path = "/api/v3"
    has_models = False
    errors = errors.DOUBAO
    default_limit = 4096
    shows_reasoning = True
    tools_with_finish = True
    named_tool_finish = "tool_calls"

    def ids(self, number: int, model: str) -> Ids:
        now = time.time()
        mark = f"02{int(now * 1000):013d}{digest(self.name, number)}"
        return Ids(mark, mark, int(now), model, number)

    def headers(self, ids: Ids) -> bytes:
        return f"X-Request-Id: {ids.request_id}\r\n".encode()

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401)

    def unreadable(self) -> ErrorRow:
        return self.row(400, message="The request failed because its body could not be parsed.")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return ErrorRow(404, "NotFound", "NotFound", f"The requested path {path} was not found.")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        text = f"{row.message} Request id: {ids.request_id}"
        return {"error": {"code": row.code, "message": text, "param": row.param or "", "type": row.type}}

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        whole = body.get("max_completion_tokens")
        if whole is not None and "max_tokens" in body:
            return self.bad_request(
                "max_tokens", "max_tokens and max_completion_tokens must not be set together."
            )
        if whole is not None and whole > 65_536:
            return self.bad_request("max_completion_tokens", "max_completion_tokens must be in [1, 65536].")
        return None

    def limits(self, body: Mapping[str, Any]) -> Limits:
        if body.get("max_completion_tokens"):
            return Limits(total=body["max_completion_tokens"])
        return Limits(answer=body.get("max_tokens") or self.default_limit)

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        return counted(said, output)

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        reply: dict[str, Any] = {"choices": choices, "created": ids.created, "id": ids.id, "model": ids.model}
        return reply | {"service_tier": "default", "object": "chat.completion"} | given(usage)

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"finish_reason": said.finish_reason, "index": index, "logprobs": None, "message": message}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        return plain_message(said, calls)

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        chunk: dict[str, Any] = {"choices": choices, "created": ids.created, "id": ids.id, "model": ids.model}
        return chunk | {"service_tier": "default", "object": "chat.completion.chunk", "usage": usage}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return {"delta": delta} | ({"finish_reason": finish} if finish else {}) | {"index": index}

    def opening(self, said: Said) -> dict[str, Any] | None:
        return None

    def text_delta(self, text: str) -> dict[str, Any]:
        return {"content": text, "role": "assistant"}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        return {"content": "", "reasoning_content": text, "role": "assistant"}

    def tool_deltas(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        whole = [{**call, "index": index} for index, call in enumerate(calls)]
        return [{"content": "", "role": "assistant", "tool_calls": whole}] if whole else []

    def closing_delta(self) -> dict[str, Any]:
        return {"content": "", "role": "assistant"}

    def wants_running_usage(self, body: Mapping[str, Any]) -> bool:
        return bool((body.get("stream_options") or {}).get("chunk_include_usage"))


class Qwen(Vendor):
    """Alibaba Model Studio, OpenAI-compatible mode."""

    name = "qwen"
    base_path = "/compatible-mode/v1"
    sample_models = ("qwen-plus", "qwen3.8-flash")
    errors = errors.QWEN
    default_limit = 8192
    max_choices = 4
    shows_reasoning = True
    named_tool_finish = "tool_calls"
    stream_type = b"Content-Type: text/event-stream;charset=utf-8\r\n"

    def ids(self, number: int, model: str) -> Ids:
        mark = as_uuid(digest(self.name, number))
        return Ids(f"chatcmpl-{mark}", mark, int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        return f"x-request-id: {ids.request_id}\r\nx-dashscope-call-gateway: true\r\n".encode()

    def unreadable(self) -> ErrorRow:
        return self.row(400, "invalid_parameter_error", "The request body is not valid JSON.")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return ErrorRow(404, "NotFound", "invalid_request_error", f"The path {path} does not exist.")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        return errors.openai_style(row) | {"request_id": ids.request_id}

    def refusal_body(self, row: ErrorRow, ids: Ids, stream: bool) -> tuple[bytes, bytes]:
        head, body = super().refusal_body(row, ids, stream)
        if stream and row.code == "data_inspection_failed":
            return self.stream_type, b"data: " + body + b"\n\n"
        return head, body

    def stream_error(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        error = {"message": row.message, "type": row.type, "param": row.param, "code": row.code}
        return {"error": error, "id": ids.id}

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        if body.get("tools") and body.get("tool_choice") == "required":
            return self.bad_request(
                "tool_choice", "tool_choice is one of the strings that should be none or auto."
            )
        wanted = (body.get("response_format") or {}).get("type")
        if wanted == "json_object" and b"json" not in to_json(body["messages"]).lower():
            text = "'messages' must contain the word 'json' to use 'response_format' of type 'json_object'."
            return self.bad_request("messages", text)
        return None

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=body.get("max_completion_tokens"), answer=body.get("max_tokens"))

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        usage = counted(said, output, reasoning=said.reasoning_tokens > 0)
        usage["prompt_tokens_details"] |= _qwen_writes(said)
        return usage

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        reply: dict[str, Any] = {"choices": choices, "object": "chat.completion"} | given(usage)
        return reply | {"created": ids.created, "system_fingerprint": None, "model": ids.model, "id": ids.id}

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"message": message, "finish_reason": said.finish_reason, "index": index, "logprobs": None}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        whole = [{**call, "index": index} for index, call in enumerate(calls)]
        return plain_message(said, whole)

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        chunk: dict[str, Any] = {"choices": choices, "object": "chat.completion.chunk", "usage": usage}
        return chunk | {"created": ids.created, "system_fingerprint": None, "model": ids.model, "id": ids.id}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return {"finish_reason": finish, "logprobs": None, "delta": delta, "index": index}

    def opening(self, said: Said) -> dict[str, Any] | None:
        if said.reasoning:
            return {"content": None, "reasoning_content": "", "role": "assistant"}
        return {"content": "", "role": "assistant"}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        return {"content": None, "reasoning_content": text}

    def tool_deltas(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [delta for index, call in enumerate(calls) for delta in _qwen_fragments(index, call)]

    def closing_delta(self) -> dict[str, Any]:
        return {"content": ""}


def _qwen_writes(said: Composed) -> dict[str, Any]:
    """Tokens written to the explicit cache, which Qwen reports under three names."""
    written = said.cache_write_tokens
    if not written:
        return {}
    return {
        "cache_creation_input_tokens": written,
        "cache_write_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written},
        "cache_type": "ephemeral",
    }


def _qwen_fragments(index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """Qwen repeats the id once with an empty name; later fragments have an empty id and a null role."""
    name, arguments = call["function"]["name"], call["function"]["arguments"]
    middle = (len(arguments) + 1) // 2
    functions = [(call["id"], {"name": name, "arguments": ""}), (call["id"], {"name": "", "arguments": ""})]
    functions += [("", {"arguments": part}) for part in (arguments[:middle], arguments[middle:]) if part]
    return [
        {
            "content": "",
            "role": None,
            "tool_calls": [{"index": index, "id": mark, "type": "function", "function": one}],
        }
        for mark, one in functions
    ]


class Glm(Vendor):
    """Zhipu."""

    name = "glm"
    base_path = "/api/paas/v4"
    has_models = False
    errors = errors.GLM
    default_limit = 16_384
    max_choices = 1
    shows_reasoning = True
    usage_in_finish = True
    tools_with_finish = True
    named_tool_finish = "tool_calls"
    stream_type = b"Content-Type: text/event-stream;charset=UTF-8\r\n"

    def ids(self, number: int, model: str) -> Ids:
        now = int(time.time())
        mark = time.strftime("%Y%m%d%H%M%S", time.localtime(now)) + digest(self.name, number)[:14]
        return Ids(mark, mark, now, model, number)

    def headers(self, ids: Ids) -> bytes:
        return b""

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401, "1001" if missing else "1000")

    def unreadable(self) -> ErrorRow:
        return self.row(400, "1210")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404, "1222")

    def no_such_model(self, model: str) -> ErrorRow:
        return self.row(400, "1211")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        body: dict[str, Any] = {"error": {"code": row.code, "message": row.message}}
        if row.code == "1301":
            body["contentFilter"] = [{"level": 1, "role": "user"}]
        return body

    def error_headers(self, row: ErrorRow | None) -> bytes:
        return b"Content-Type: application/json; charset=UTF-8\r\n"

    def bad_request(self, field: str, message: str) -> ErrorRow:
        return self.row(400, "1214", f"{field}: {message}")

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        limit = body.get("max_tokens")
        return (
            self.bad_request("max_tokens", "[1, 131072]") if limit is not None and limit > 131_072 else None
        )

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=body.get("max_tokens"))

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        return counted(said, output)

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        reply: dict[str, Any] = {"choices": choices, "created": ids.created, "id": ids.id, "model": ids.model}
        return reply | {"object": "chat.completion", "request_id": ids.request_id} | given(usage)

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"finish_reason": said.finish_reason, "index": index, "message": message}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        whole = [{**call, "index": index} for index, call in enumerate(calls)]
        return plain_message(said, whole)

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return f"call_-{int(digest(ids.number, choice, index)[:15], 16)}"

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        head = {"id": ids.id, "created": ids.created, "object": "chat.completion.chunk", "model": ids.model}
        return head | {"choices": choices} | given(usage)

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return {"index": index} | ({"finish_reason": finish} if finish else {}) | {"delta": delta}

    def opening(self, said: Said) -> dict[str, Any] | None:
        return None

    def text_delta(self, text: str) -> dict[str, Any]:
        return {"role": "assistant", "content": text}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        return {"role": "assistant", "reasoning_content": text}

    def tool_deltas(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        whole = [{**call, "index": index} for index, call in enumerate(calls)]
        return [{"role": "assistant", "tool_calls": whole}] if whole else []

    def closing_delta(self) -> dict[str, Any]:
        return {"role": "assistant", "content": ""}
