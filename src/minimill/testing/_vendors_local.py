"""The simulated servers that people run themselves: vLLM and llama.cpp.

What a class does not say is as OpenAI does it. Shapes follow answers of real servers of November 2026. No I/O
here.
"""

import time
from collections.abc import Mapping
from typing import Any

from . import _vendor_errors as errors
from ._answers import Composed, Said
from ._vendor_base import Ids, Vendor, counted, digest, given, plain_message
from ._vendor_errors import ErrorRow

__all__ = ["LlamaCpp", "Vllm"]


class Vllm(Vendor):
    """vLLM's OpenAI-compatible server, with a key, a tool parser and a reasoning parser."""

    name = "vllm"
    sample_models = ("local-model",)
    errors = errors.VLLM
    default_limit = 2048
    shows_reasoning = True
    done_after_error = True
    length_rides_on_text = True

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(f"chatcmpl-{mark[:16]}", mark, int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        return b"server: uvicorn\r\n"

    def key_error(self, missing: bool) -> ErrorRow:
        return ErrorRow(401, None, None, "Unauthorized")

    def row(
        self, status: int, code: str | None = None, message: str | None = None, model: str = ""
    ) -> ErrorRow:
        if status == 401:
            return self.key_error(missing=False)
        if status == 405:
            return ErrorRow(405, None, None, message or "Method Not Allowed")
        return super().row(status, code, message, model)

    def unreadable(self) -> ErrorRow:
        text = "1 validation error: the body is not valid JSON"
        return ErrorRow(400, None, "Bad Request", text, "body.0")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return ErrorRow(404, None, None, "Not Found")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        if row.status == 401:
            return {"error": row.message}
        if row.type is None:
            return {"detail": row.message}
        return {"error": {"message": row.message, "type": row.type, "param": row.param, "code": row.status}}

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        if body.get("stream_options") and not body.get("stream"):
            text = "`stream_options` needs `stream=True`. (parameter=stream_options)"
            return self.bad_request("stream_options", text)
        if body.get("tools") == []:
            return self.bad_request("tools", "`tools` must hold at least one tool. (parameter=tools)")
        if body.get("tool_choice") and "tools" not in body:
            text = "`tool_choice` needs `tools`. (parameter=tool_choice)"
            return self.bad_request("tool_choice", text)
        return None

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        usage = counted(said, output, reasoning=said.shows_reasoning)
        usage.setdefault("completion_tokens_details", None)
        return usage

    def trailer(self) -> dict[str, Any]:
        return {"service_tier": None, "system_fingerprint": "vllm-simulated"}

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        return super().plain_choice(index, said, ids) | {"stop_reason": None, "token_ids": None}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(said.text), "refusal": None}
        message |= {"tool_calls": calls} if calls else {}
        return message | {"reasoning": "".join(said.reasoning) or None}

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return f"chatcmpl-tool-{digest(ids.number, choice, index)[:16]}"

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        head = {"id": ids.id, "object": "chat.completion.chunk", "created": ids.created, "model": ids.model}
        return {**head, "choices": choices, **given(usage)}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return super().chunk_choice(index, delta, finish) | ({"stop_reason": None} if finish else {})

    def opening(self, said: Said) -> dict[str, Any] | None:
        return {"role": "assistant", "content": ""}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        return {"reasoning": text}

    def wants_running_usage(self, body: Mapping[str, Any]) -> bool:
        return bool((body.get("stream_options") or {}).get("continuous_usage_stats"))

    def model_entry(self, name: str) -> dict[str, Any]:
        details: dict[str, Any] = {"root": name, "parent": None, "max_model_len": 32_768, "permission": []}
        return super().model_entry(name) | details


class LlamaCpp(Vendor):
    """llama.cpp's own server, started with a key and tool templates."""

    name = "llamacpp"
    sample_models = ("local-model",)
    errors = errors.LLAMACPP
    default_limit = 2048
    shows_reasoning = True
    named_tool_finish = "tool_calls"
    stream_type = b"Content-Type: text/event-stream\r\n"

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(f"chatcmpl-{mark}", mark, int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        return b"Server: llama.cpp\r\n"

    def key_error(self, missing: bool) -> ErrorRow:
        return self.row(401)

    def unreadable(self) -> ErrorRow:
        return self.row(400, message="parse error at line 1, column 1")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404)

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        error: dict[str, Any] = {"code": row.status, "message": row.message, "type": row.type}
        if row.type == "exceed_context_size_error":
            error |= {"n_prompt_tokens": 2049, "n_ctx": 2048}
        return {"error": error}

    def error_headers(self, row: ErrorRow | None) -> bytes:
        return b"Content-Type: application/json; charset=utf-8\r\n"

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        return None

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        """As the server counts: `completion_tokens` covers the first choice only."""
        return counted(said, output // len(said.choices), reasoning=False)

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        reply: dict[str, Any] = {"choices": choices, "created": ids.created, "model": ids.model}
        named = {**self.trailer(), "object": "chat.completion"}
        return {**reply, **named, **given(usage), "id": ids.id, "timings": _TIMINGS}

    def trailer(self) -> dict[str, Any]:
        return {"system_fingerprint": "b0-simulated"}

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"finish_reason": said.finish_reason, "index": index, "message": message}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        return plain_message(said, calls)

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return digest(ids.number, choice, index)

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        chunk: dict[str, Any] = {"choices": choices, "created": ids.created, "id": ids.id, "model": ids.model}
        named = {**self.trailer(), "object": "chat.completion.chunk"}
        return {**chunk, **named, **(given(usage) and {"usage": usage, "timings": _TIMINGS})}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        return {"finish_reason": finish, "index": index, "delta": delta}

    def opening(self, said: Said) -> dict[str, Any] | None:
        return {"role": "assistant", "content": None}


_TIMINGS = {"cache_n": 0, "prompt_n": 1, "prompt_ms": 1.0, "predicted_n": 1, "predicted_ms": 1.0}
