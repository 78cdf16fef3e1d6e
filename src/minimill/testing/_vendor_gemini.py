"""The simulated Gemini: its own wire, with thought signatures and answers in parts.

Shapes follow python-genai 3.6 and real answers of May 2025 to November 2026. No I/O here.
"""

import binascii
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import unquote

from pydantic_core import from_json, to_json

from . import _vendor_errors as errors
from ._answers import Composed, Limits, Said, ToolCall
from ._vendor_base import Ids, Vendor, digest, positive
from ._vendor_errors import ErrorRow

__all__ = ["Gemini"]

_CHAT = re.compile(r"/v1(?:alpha|beta)?/models/([^/:]+):(generateContent|streamGenerateContent)")
_SIGNS = re.compile(r"gemini-([3-9]|\d\d)")
_GOES_ON = re.compile(r"gemini-([4-9]|\d\d)")
_SNAKE = re.compile(r"_([a-z])")
_OPAQUE = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}
_ANY_SIGNATURE = b64encode(b"skip_thought_signature_validator").decode()
_HOP = {True: 65_536, False: 32_768}
"""Tokens of one part of a long answer: of a stream, and of a plain reply."""
_PERIODS = {"PerMinute": "GenerateRequestsPerMinutePerProjectPerModel", "PerDay": "GenerateRequestsPerDayPerProject"}


class Gemini(Vendor):
    """Google's Gemini Developer API: `generateContent` and `streamGenerateContent`."""

    name = "gemini"
    wire = "gemini"
    base_path = ""
    sample_models = ("gemini-3.8-flash", "gemini-2.5-flash-lite")
    errors = errors.GEMINI
    default_limit = 65_536
    max_choices = 8
    usage_in_finish = True
    stream_type = b"Content-Type: text/event-stream\r\n"

    def kind_of(self, path: str) -> Literal["chat", "models"] | None:
        if re.fullmatch(r"/v1(?:alpha|beta)?/models", path):
            return "models"
        return "chat" if _CHAT.fullmatch(path) else None

    def read(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        found = re.search(_CHAT, path)
        model, method = (unquote(found[1]), found[2]) if found else ("", "")
        return {**_camelised(body), "model": model, "stream": method == "streamGenerateContent"}

    def view(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return _in_chat_words(body)

    def shows(self, body: Mapping[str, Any]) -> bool:
        return bool((_config(body).get("thinkingConfig") or {}).get("includeThoughts"))

    def limits(self, body: Mapping[str, Any]) -> Limits:
        return Limits(total=_config(body).get("maxOutputTokens"))

    def credentials(self, headers: Mapping[str, str]) -> str | None:
        key = headers.get("x-goog-api-key")
        return None if key is None else f"Bearer {key}"

    def key_error(self, missing: bool) -> ErrorRow:
        if missing:
            text = "Method doesn't allow unregistered callers. Please use API Key to call this API."
            return self.row(403, message=text)
        return self.row(400, "API_KEY_INVALID")

    def ids(self, number: int, model: str) -> Ids:
        mark = digest(self.name, number)
        return Ids(mark[:22], "", int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        return b"x-gemini-service-tier: standard\r\nServer-Timing: gfet4t7; dur=12\r\n"

    def unreadable(self) -> ErrorRow:
        return self.row(400, message="Invalid JSON payload received.")

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        return self.row(404, message=f"The requested URL {path} was not found on this server.")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        error: dict[str, Any] = {"code": row.status, "message": row.message, "status": row.type}
        details = _details(row)
        return {"error": error | ({"details": details} if details else {})}

    def malformed(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        try:
            _said_before(body)
            whole = bool(_in_chat_words(body)["messages"])
        except (AttributeError, KeyError, TypeError, ValueError):
            whole = False
        return None if whole else ("contents", "contents is not specified")

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        config = _config(body)
        for name in ("maxOutputTokens", "candidateCount"):
            if config.get(name) is not None and not positive(config[name]):
                return self.bad_request(name, f"{name} must be positive")
        thinking = config.get("thinkingConfig") or {}
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            return self.bad_request("thinkingConfig", "You can only set one of thinking budget and level.")
        return self._limit_problem(body, config) or self._signature_problem(body["model"], body["contents"])

    def _limit_problem(self, body: Mapping[str, Any], config: Mapping[str, Any]) -> ErrorRow | None:
        long = (config.get("maxOutputTokens") or 0) > _HOP[False] and not body.get("stream")
        if long and _GOES_ON.match(body["model"]) and not _said_before(body):
            return self.bad_request("maxOutputTokens", "more than 32768 output tokens need a stream")
        return None

    def _signature_problem(self, model: str, contents: Sequence[Any]) -> ErrorRow | None:
        if not _SIGNS.match(model):
            return None
        for content in contents:
            calls = [part for part in content["parts"] if "functionCall" in part]
            if calls and not calls[0].get("thoughtSignature"):
                text = "Function call is missing a thought_signature in functionCall parts."
                return self.bad_request("contents", text)
            signed = [part["thoughtSignature"] for part in content["parts"] if "thoughtSignature" in part]
            if any(one not in (_ANY_SIGNATURE, _signature(model)) for one in signed):
                return self.bad_request("contents", "Corrupted thought signature.")
        return None

    def broken_off(self, said: Composed, body: Mapping[str, Any], hop_tokens: int | None) -> Composed:
        if not _GOES_ON.match(body["model"]):
            return said
        size = hop_tokens or _HOP[body.get("stream") is True]
        before = _said_before(body)
        whole = said.choices[0]
        if not before and whole.tokens <= size:
            return said
        return _part(said, whole, before, size)

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        thoughts = min(said.reasoning_tokens, output)
        counts = {
            "promptTokenCount": said.input_tokens,
            "candidatesTokenCount": output - thoughts,
            "thoughtsTokenCount": thoughts,
            "cachedContentTokenCount": said.cached_input_tokens,
            "totalTokenCount": said.input_tokens + output,
        }
        listed = [{"modality": "TEXT", "tokenCount": said.input_tokens}]
        shown = {name: count for name, count in counts.items() if count}
        return shown | {"promptTokensDetails": listed, "serviceTier": "standard"}

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        return {"candidates": choices} | _tail(ids, usage)

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        parts = [self.reasoning_delta("".join(said.reasoning))[0]] if said.reasoning else []
        if said.text:
            parts.append({"text": "".join(said.text)})
        parts += self.tool_calls(said.tool_calls, ids, index)
        choice = self.chunk_choice(index, parts or [{"text": ""}], said.finish_reason)
        return choice | ({"continuationToken": said.continuation} if said.continuation else {})

    def tool_calls(self, calls: Sequence[ToolCall], ids: Ids, choice: int) -> list[dict[str, Any]]:
        """Parts with calls, the first of them signed where the model signs."""
        parts: list[dict[str, Any]] = []
        for index, call in enumerate(calls):
            made = {"id": call.id or self.tool_id(ids, choice, index), "name": call.name, "args": _object(call)}
            parts.append({"functionCall": made})
        if parts and _SIGNS.match(ids.model):
            parts[0]["thoughtSignature"] = _signature(ids.model)
        return parts

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        return digest(ids.number, choice, index)[:8]

    def tool_deltas(self, calls: list[dict[str, Any]]) -> list[Any]:
        return [[call] for call in calls]

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        return {"candidates": choices} | _tail(ids, usage)

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        choice = {"content": {"parts": delta, "role": "model"}, "index": index}
        return choice if finish is None else choice | {"finishReason": _FINISH.get(finish, finish)}

    def opening(self, said: Said) -> dict[str, Any] | None:
        return None

    def text_delta(self, text: str) -> Any:
        return [{"text": text}]

    def reasoning_delta(self, text: str) -> Any:
        return [{"text": text, "thought": True}]

    def closing_delta(self) -> Any:
        return [{"text": ""}]

    def wants_running_usage(self, body: Mapping[str, Any]) -> bool:
        return True

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        methods = ["generateContent", "countTokens"]
        return {
            "models": [{"name": f"models/{name}", "supportedGenerationMethods": methods} for name in names]
        }


def _config(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("generationConfig") or {}


def _tail(ids: Ids, usage: dict[str, Any] | None) -> dict[str, Any]:
    shown = {} if usage is None else {"usageMetadata": usage}
    return shown | {"modelVersion": ids.model, "responseId": ids.id}


def _object(call: ToolCall) -> Any:
    """Arguments as the wire wants them; what is no JSON stays text, which the real vendor never sends."""
    try:
        return from_json(call.arguments_json)
    except ValueError:
        return call.arguments_json


def _signature(model: str) -> str:
    return b64encode(f"signed by {model}".encode()).decode()


def _details(row: ErrorRow) -> list[dict[str, Any]]:
    if row.code == "API_KEY_INVALID":
        info = {"reason": row.code, "domain": "googleapis.com"}
        return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info}]
    if row.status != 429:
        return []
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_requests",
        "quotaId": _PERIODS.get(row.param or "", "PerMinute"),
    }
    return [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"},
    ]


def _part(said: Composed, whole: Said, before: int, size: int) -> Composed:
    """The tokens from `before` on; earlier words of the answer are input now, earlier thoughts are not."""
    thoughts, words = whole.reasoning, whole.text
    reasoning = thoughts[before : before + size]
    begin = max(0, before - len(thoughts))
    text = words[begin : begin + size - len(reasoning)]
    end = before + len(reasoning) + len(text)
    rest = len(thoughts) + len(words) > end
    mark = b64encode(f"after {end}".encode()).decode() if rest else ""
    part = replace(
        whole,
        reasoning=reasoning,
        text=text,
        tool_calls=() if rest else whole.tool_calls,
        silent_tokens=0 if rest else whole.silent_tokens,
        finish_reason="CONTINUATION" if rest else whole.finish_reason,
        continuation=mark,
    )
    return replace(
        said,
        choices=[part],
        input_tokens=said.input_tokens + begin,
        output_tokens=part.tokens,
        reasoning_tokens=len(reasoning),
    )


def _camelised(value: Any) -> Any:
    """The body with one spelling of its keys: the vendor takes two. What users name themselves stays."""
    if isinstance(value, list):
        return [_camelised(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {_SNAKE.sub(lambda found: found[1].upper(), key): inner for key, inner in value.items()}
    return {key: inner if key in _OPAQUE else _camelised(inner) for key, inner in named.items()}


def _in_chat_words(body: Mapping[str, Any]) -> dict[str, Any]:
    config = _config(body)
    chat: dict[str, Any] = {
        "model": body["model"],
        "stream": body["stream"],
        "messages": [message for content in _turns(body) for message in _messages(content)],
        "tools": [_tool(one) for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()],
        "n": config.get("candidateCount"),
    }
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames") or []
    if calling.get("mode") == "ANY":
        named = {"type": "function", "function": {"name": allowed[0]}} if len(allowed) == 1 else None
        chat["tool_choice"] = named or "required"
    if config.get("responseMimeType") == "application/json":
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        form = {"type": "json_schema", "json_schema": {"schema": schema}} if schema else {"type": "json_object"}
        chat["response_format"] = form
    return chat


def _turns(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if body.get("systemInstruction"):
        yield {"role": "system", "parts": body["systemInstruction"]["parts"]}
    yield from body["contents"]


def _messages(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    parts = content["parts"]
    for part in parts:
        if "functionResponse" in part:
            yield {"role": "tool", "content": to_json(part["functionResponse"]["response"]).decode()}
    calls = [
        {"function": {"name": one["functionCall"]["name"], "arguments": to_json(one["functionCall"]["args"]).decode()}}
        for one in parts
        if "functionCall" in one
    ]
    texts = [{"type": "text", "text": part["text"]} for part in parts if "text" in part]
    if texts or calls or all("functionResponse" not in part for part in parts):
        role = {"model": "assistant"}.get(content.get("role", "user"), content.get("role", "user"))
        yield {"role": role, "content": texts} | ({"tool_calls": calls} if calls else {})


def _tool(declared: Mapping[str, Any]) -> dict[str, Any]:
    schema = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
    return {"type": "function", "function": {"name": declared["name"], "parameters": schema}}


def _said_before(body: Mapping[str, Any]) -> int:
    """How many tokens of the answer have been sent, by the mark that asks for the rest."""
    mark = body.get("continuationToken")
    if mark is None:
        return 0
    try:
        return int(b64decode(mark).decode().removeprefix("after "))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ValueError("this is no mark of the simulator") from None
