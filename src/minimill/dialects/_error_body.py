"""Reads error bodies in every shape that vendors send. It may import `_json` and `_sse`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from minimill._errors import TransportError
from minimill._values import dataclass
from minimill.dialects._json import at, dump_text, load
from minimill.dialects._sse import SseParser

_IDS = (
    "request_id",
    "requestId",
    "error.request_id",
    "error.id",
    "sid",
    "Sid",
    "header.sid",
    "trace_id",
    "id",
)
_WAITS = (
    "error.retry_after", "error.retry_after_seconds", "retry_after", "retry_after_seconds",
    "error.metadata.retry_after_seconds", "error.metadata.resets_at", "error.details.retry_after",
)  # fmt: skip

_BESIDE_MESSAGE = {"message", "code", "data", "request_id"}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says."""

    shape: str
    """One of the words of `Quirks.error_shapes`, or `unknown`."""
    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    """The field that is blamed, or the limit that was passed; for one of Google's quotas its period, `PerDay` or
    `PerMinute`."""
    request_id: str | None = None
    wait_s: Any = None
    """How long to wait, as the vendor wrote it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of whoever answered the vendor, small letters, as OpenRouter passes them on."""
    status: int | None = None
    """HTTP status named inside the body, as in errors that come in the middle of a stream."""


def parse_body(data: bytes) -> Any:
    """The JSON of an error body, also where it comes as a server-sent event; None for anything else."""
    try:
        value = load(data)
    except ValueError:
        value = _first_event(data)
    return value[0] if isinstance(value, list) and value else value


def _first_event(data: bytes) -> Any:
    parser = SseParser()
    try:
        for _, text in [*parser.feed(data), *parser.close()]:
            return load(text)
    except (ValueError, TransportError):
        pass  # neither JSON nor events: nobody's error body
    return None


def is_error(body: Mapping[str, Any]) -> bool:
    """Whether a body or chunk that came with a good status reports an error."""
    if body.get("error"):
        return True
    base = body.get("base_resp")
    if isinstance(base, dict) and _bad(base.get("status_code")):
        return True
    if body.get("choices"):
        return False
    if body.get("type") == "error" or isinstance(body.get("error"), dict):
        return True
    if any(_bad(body.get(key)) for key in ("code", "error_code")) or body.get("object") == "error":
        return True
    return _status(body) is not None or (body.keys() == {"detail"} and bool(body["detail"]))


def _bad(code: Any) -> bool:
    return code not in (None, 0, "0", "", 200, "200", False)


def read_error(value: Any) -> ErrorBody:
    """What a parsed body says, in whatever shape."""
    if isinstance(value, str):
        return ErrorBody("text", message=value)
    if not isinstance(value, dict):
        return ErrorBody("unknown")
    shape, inner, message = _shape(value)
    code = _word(inner.get("code"), inner.get("error_code"), inner.get("status_code"), value.get("code"))
    rpc = _rpc_details(inner.get("details"))
    return ErrorBody(
        shape=shape,
        message=_text(message),
        code=rpc.get("reason")
        or (_word(at(inner, "innererror.code"), at(inner, "details.error_code")) if code is None else code),
        type=_word(inner.get("type"), inner.get("status"), at(inner, "metadata.error_type")),
        param=_word(inner.get("param"), at(inner, "metadata.limit_source")) or rpc.get("period"),
        request_id=_word(*(at(value, path) for path in _IDS)),
        wait_s=rpc.get("wait") or next((x for path in _WAITS if (x := at(value, path)) is not None), None),
        headers=_headers(at(inner, "metadata.headers")),
        status=_status(inner),
    )


def _headers(value: Any) -> dict[str, str]:
    named = value.items() if isinstance(value, dict) else ()
    return {name.lower(): text for name, one in named if (text := _word(one)) is not None}


def _rpc_details(details: Any) -> dict[str, str]:
    """Of Google's typed details: why (`ErrorInfo`), how long to wait (`RetryInfo`), and which quota ran out.

    https://cloud.google.com/apis/design/errors#error_details. The ids of quotas name their period.
    """
    found: dict[str, str] = {}
    for item in details if isinstance(details, list) else ():
        kind = item.get("@type") if isinstance(item, dict) else None
        kind = kind.rpartition(".")[2] if isinstance(kind, str) else ""
        if kind == "ErrorInfo" and (reason := _word(item.get("reason"))):
            found.setdefault("reason", reason)
        elif kind == "RetryInfo" and (wait := _word(item.get("retryDelay"))):
            found.setdefault("wait", wait)
        elif kind == "QuotaFailure" and (period := _period(item.get("violations"))):
            found.setdefault("period", period)
    return found


def _period(violations: Any) -> str | None:
    """The longest period of the quotas that ran out: the others pass before it does."""
    listed = violations if isinstance(violations, list) else ()
    ids = " ".join(_word(one.get("quotaId")) or "" for one in listed if isinstance(one, dict))
    return next((period for period in ("PerDay", "PerMinute") if period in ids), None)


def _shape(value: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    """The shape's name, the table that holds code and type, and the message."""
    error, base = value.get("error"), value.get("base_resp")
    if isinstance(error, dict):
        known = any(error.get(key) not in (None, "") for key in ("message", "code", "type"))
        return "openai" if known else "unknown", error, error.get("message")
    if isinstance(error, str):
        return "string", value, error
    if isinstance(base, dict):
        return "base_resp", base, base.get("status_msg")
    if "error_code" in value:
        return "error_code_msg", value, value.get("error_msg")
    message = value.get("message", value.get("msg"))
    if value.get("object") == "error" or (message and "type" in value and "code" in value):
        return "flat", value, message
    if "code" in value and message is not None and value.keys() & {"sid", "Sid", "request_id", "data"}:
        return "code_message_sid", value, message
    if "detail" in value:
        return "detail", value, value["detail"]
    if message and isinstance(message, str) and "message" in value:
        if isinstance(value.get("statusCode"), int):
            return "status_code", value, message
        if value.keys() <= _BESIDE_MESSAGE:
            return "message", value, message
    return "unknown", value, message if message is not None else value.get("errors")


def _word(*values: Any) -> str | None:
    """The first that is a word or a number, as text."""
    for value in values:
        if isinstance(value, str) and value:
            return value[:200]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            return str(value)
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dump_text(value)


def _status(inner: Mapping[str, Any]) -> int | None:
    for key in ("status_code", "statusCode", "http_code", "code", "status"):
        value = inner.get(key)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return None
