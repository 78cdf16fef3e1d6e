"""What a simulated vendor is: its chat wire and the rules it checks. The class itself is OpenAI.

Other vendors are in `_vendors`. No I/O here.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic_core import to_json

from . import _vendor_errors as errors
from ._answers import Composed, Limits, Said, ToolCall
from ._checks import malformed_chat, positive
from ._vendor_errors import ErrorRow

__all__ = ["Ids", "Vendor", "as_uuid", "plain_message", "counted", "digest", "given", "halves", "positive"]

_OPENAI_REASONING = ("o1", "o3", "o4", "gpt-5", "gpt-6")
_JSON = b"Content-Type: application/json\r\n"


class Ids(NamedTuple):
    """What names one reply."""

    id: str
    request_id: str
    created: int
    model: str
    number: int


def digest(*parts: object) -> str:
    """32 hexadecimal digits that depend on the parts alone."""
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


def as_uuid(digits: str) -> str:
    """32 hexadecimal digits in the form of a UUID."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


class Vendor:
    """A vendor that speaks OpenAI's chat wire in OpenAI's own way."""

    name = "openai"
    wire = "openai_chat"
    """The wire language, by the name of its dialect."""
    base_path = "/v1"
    chat_path = "/chat/completions"
    models_path = "/models"
    more_base_paths: tuple[str, ...] = ()
    """Further paths that serve the same."""
    has_models = True
    sample_models: tuple[str, ...] = ("gpt-5-mini", "gpt-4.1-mini")
    errors: tuple[ErrorRow, ...] = errors.OPENAI
    default_limit = 16_384
    """Output tokens allowed to a request that names no limit."""
    max_choices = 128
    shows_reasoning = False
    usage_in_finish = False
    """Whether usage rides on the chunk with the finish reason, asked for or not."""
    tools_with_finish = False
    """Whether all tool calls arrive whole, in the chunk with the finish reason."""
    named_tool_finish = "stop"
    """Finish reason when a named tool was forced."""
    stream_type = b"Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    done_after_error = False
    """Whether `[DONE]` follows an error in the middle of a stream."""
    length_rides_on_text = False
    """Whether the finish reason `length` comes in the chunk with the last text."""

    def kind_of(self, path: str) -> Literal["chat", "models"] | None:
        """What a path below the vendor's name is for; None where it serves nothing."""
        for base in self.base_paths:
            if path == base + self.chat_path:
                return "chat"
            if path == base + self.models_path and self.has_models:
                return "models"
        return None

    def read(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a chat request with `model` and `stream` in it, wherever this wire says them."""
        return body

    @property
    def base_paths(self) -> tuple[str, ...]:
        """All paths under which it serves."""
        return (self.base_path, *self.more_base_paths)

    def ids(self, number: int, model: str) -> Ids:
        """Ids of the reply to the chat request `number`."""
        mark = digest(self.name, number)
        return Ids(f"chatcmpl-{mark[:29]}", f"req_{mark}", int(time.time()), model, number)

    def headers(self, ids: Ids) -> bytes:
        """Header lines of every reply, errors included."""
        return (
            f"x-request-id: {ids.request_id}\r\nopenai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\n"
            "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
            "x-ratelimit-limit-tokens: 2000000\r\nx-ratelimit-remaining-tokens: 1999000\r\n"
            "x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 30ms\r\n"
        ).encode()

    def credentials(self, headers: Mapping[str, str]) -> str | None:
        """What proves who sends a request, as an Authorization header says it."""
        return headers.get("authorization")

    def key_problem(self, authorization: str | None, key: str) -> ErrorRow | None:
        """The error for a missing or wrong key; None when it is right."""
        if authorization == f"Bearer {key}":
            return None
        return self.key_error(missing=not authorization)

    def key_error(self, missing: bool) -> ErrorRow:
        """The vendor's 401."""
        if missing:
            text = "No API key was given; it belongs in the Authorization header, after the word Bearer."
            return ErrorRow(401, None, "invalid_request_error", text)
        return self.row(401)

    def row(
        self, status: int, code: str | None = None, message: str | None = None, model: str = ""
    ) -> ErrorRow:
        """The vendor's error for a status and, if given, a code."""
        return errors.error_row(self.errors, status, code, message, model)

    def no_such_model(self, model: str) -> ErrorRow:
        """The vendor's error for a model that it does not have."""
        return self.row(404, model=model)

    def bad_request(self, field: str, message: str) -> ErrorRow:
        """The vendor's 400 for a field of the body."""
        return self.row(400, message=message)._replace(param=field)

    def unreadable(self) -> ErrorRow:
        """The vendor's 400 for a body that is not a JSON object."""
        text = "We could not parse the JSON body of your request."
        return self.row(400, message=text)._replace(code=None)

    def unknown_path(self, method: str, path: str) -> ErrorRow:
        """The vendor's 404 for a path that it does not serve."""
        return ErrorRow(404, None, "invalid_request_error", f"Invalid URL ({method} {path})")

    def error_body(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        """An error in the vendor's envelope."""
        return errors.openai_style(row)

    def error_headers(self, row: ErrorRow | None) -> bytes:
        """Header lines about the content of a reply that is not chat; `row` is its error."""
        return _JSON

    def refusal_body(self, row: ErrorRow, ids: Ids, stream: bool) -> tuple[bytes, bytes]:
        """Header lines and body of an error reply."""
        return self.error_headers(row), to_json(self.error_body(row, ids))

    def failed_body(self, row: ErrorRow, ids: Ids) -> bytes:
        """The body of an error that comes with status 200."""
        return to_json(self.error_body(row, ids))

    def stream_error(self, row: ErrorRow, ids: Ids) -> dict[str, Any]:
        """The object that stands for an error in the middle of a stream."""
        return self.error_body(row, ids)

    def malformed(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        """The field at which a body breaks the wire's own rules, and how; None where it keeps them."""
        return malformed_chat(body)

    def problem(self, body: Mapping[str, Any]) -> ErrorRow | None:
        """A rule of this vendor that the body breaks; None when it keeps them all."""
        reasoner = str(body.get("model", "")).startswith(_OPENAI_REASONING)
        return self.row(400, "unsupported_parameter") if reasoner and "max_tokens" in body else None

    def header_problem(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> ErrorRow | None:
        """A rule about request headers that is broken; None when all are kept."""
        return None

    def view(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A well formed body in the words of Chat Completions: messages, tools, their choice, the format.

        Parts of messages may stay in the words of the wire.
        """
        return body

    def limits(self, body: Mapping[str, Any]) -> Limits:
        """The output limit, from the fields that this vendor reads."""
        return Limits(total=body.get("max_completion_tokens") or body.get("max_tokens"))

    def shows(self, body: Mapping[str, Any]) -> bool:
        """Whether the answer to a body shows its reasoning."""
        return self.shows_reasoning

    def broken_off(self, said: Composed, body: Mapping[str, Any], hop_tokens: int | None) -> Composed:
        """The part of an answer that one reply holds."""
        return said

    def usage(self, said: Composed, output: int) -> dict[str, Any]:
        """The usage object after `output` output tokens."""
        usage = counted(said, output)
        usage["prompt_tokens_details"]["audio_tokens"] = 0
        usage["completion_tokens_details"] |= {
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
        return usage

    def plain(self, ids: Ids, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        """A whole reply."""
        reply: dict[str, Any] = {
            "id": ids.id,
            "object": "chat.completion",
            "created": ids.created,
            "model": ids.model,
        }
        return reply | {"choices": choices} | given(usage) | self.trailer()

    def trailer(self) -> dict[str, Any]:
        """Top-level fields after the usage, plain and streamed."""
        return {"service_tier": "default", "system_fingerprint": "fp_simulated"}

    def plain_choice(self, index: int, said: Said, ids: Ids) -> dict[str, Any]:
        """One choice of a whole reply."""
        message = self.message(said, self.tool_calls(said.tool_calls, ids, index))
        return {"index": index, "message": message, "logprobs": None, "finish_reason": said.finish_reason}

    def message(self, said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """The message of a choice."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(said.text) or _empty(calls)}
        return message | ({"tool_calls": calls} if calls else {}) | {"refusal": None, "annotations": []}

    def tool_calls(self, calls: Sequence[ToolCall], ids: Ids, choice: int) -> list[dict[str, Any]]:
        """Tool calls as a whole reply lists them."""
        return [
            {
                "id": call.id or self.tool_id(ids, choice, index),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_json},
            }
            for index, call in enumerate(calls)
        ]

    def tool_id(self, ids: Ids, choice: int, index: int) -> str:
        """An id for a tool call."""
        return f"call_{digest(ids.number, choice, index)[:24]}"

    def chunk(self, ids: Ids, choices: list[Any], usage: Any, asked: bool) -> dict[str, Any]:
        """One object of a stream; `usage` is None while there is none, `asked` whether it is wanted."""
        head = {"id": ids.id, "object": "chat.completion.chunk", "created": ids.created, "model": ids.model}
        shown = {"usage": usage} if asked or usage else {}
        return head | self.trailer() | {"choices": choices} | shown | {"obfuscation": ids.id[-7:]}

    def chunk_choice(self, index: int, delta: Any, finish: str | None) -> dict[str, Any]:
        """The choice of a stream object."""
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

    def opening(self, said: Said) -> dict[str, Any] | None:
        """The first delta of a choice; None where the first text is the first delta."""
        return {"role": "assistant", "content": _empty(said.tool_calls), "refusal": None}

    def text_delta(self, text: str) -> dict[str, Any]:
        """A delta with text."""
        return {"content": text}

    def reasoning_delta(self, text: str) -> dict[str, Any]:
        """A delta with reasoning."""
        return {"reasoning_content": text}

    def tool_deltas(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The deltas that carry tool calls: name first, then the arguments in pieces."""
        deltas = []
        for index, call in enumerate(calls):
            arguments = call["function"]["arguments"]
            opened = {"index": index, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
            parts = [{"index": index, "function": {"arguments": part}} for part in halves(arguments)]
            deltas += [{"tool_calls": [one]} for one in (opened, *parts)]
        return deltas

    def closing_delta(self) -> dict[str, Any]:
        """The delta beside the finish reason."""
        return {}

    def wants_running_usage(self, body: Mapping[str, Any]) -> bool:
        """Whether every chunk shall carry the usage so far."""
        return False

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """The list of models."""
        return {"object": "list", "data": [self.model_entry(name) for name in names]}

    def model_entry(self, name: str) -> dict[str, Any]:
        """One model of the list."""
        return {"id": name, "object": "model", "created": 1_716_220_800, "owned_by": self.name}


def counted(said: Composed, output: int, *, reasoning: bool = True) -> dict[str, Any]:
    """The counts that every vendor reports, with cached tokens and, unless switched off, reasoning tokens."""
    usage: dict[str, Any] = {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": output,
        "total_tokens": said.input_tokens + output,
        "prompt_tokens_details": {"cached_tokens": said.cached_input_tokens},
    }
    if reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": min(said.reasoning_tokens, output)}
    return usage


def given(usage: dict[str, Any] | None) -> dict[str, Any]:
    """The usage as a field, or no field."""
    return {} if usage is None else {"usage": usage}


def _empty(calls: Sequence[Any]) -> str | None:
    return None if calls else ""


def plain_message(said: Said, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """A message as most vendors send it: reasoning beside the content, tool calls if any."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(said.text)}
    if said.reasoning:
        message["reasoning_content"] = "".join(said.reasoning)
    return message | ({"tool_calls": calls} if calls else {})


def halves(text: str) -> list[str]:
    """A text in two pieces, the empty ones left out."""
    middle = (len(text) + 1) // 2
    return [part for part in (text[:middle], text[middle:]) if part]
