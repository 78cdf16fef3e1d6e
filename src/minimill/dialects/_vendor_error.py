"""Makes a typed error of what a vendor says went wrong.

It may import `_errors` and the helpers that read bodies, waits and tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minimill._errors import Billed, ProviderError
from minimill._usage import Usage
from minimill.dialects._base import Target
from minimill.dialects._error_body import ErrorBody, parse_body, read_error
from minimill.dialects._errors_table import CLASSES, NOT_BILLED, general_kind, then_for
from minimill.dialects._retry_after import retry_after_s, seconds, until_reset_s

_MESSAGE_CHARS = 300
_BODY_CHARS = 2000
_REQUEST_IDS = (
    "x-request-id", "request-id", "x-dashscope-request-id", "x-baidu-request-id", "x-client-request-id",
    "x-generation-id", "cf-ray",
)  # fmt: skip
_OF_GATEWAYS = ("message", "status_code")
"""Shapes that gateways write: with 500 they lost their connection to the model, which may have answered."""
_NOTHING: Mapping[str, str] = {}


def error_of_response(status: int, headers: Mapping[str, str], body: bytes, target: Target) -> ProviderError:
    """The error of a response with a status other than 2xx.

    It was not billed where the status is on the closed list and the body is the vendor's own; a line of
    the vendor's table may say otherwise. In every other case nobody can tell.
    """
    # Its patterns take a millisecond to make, and most calls need none.
    from minimill.dialects._redact import redact

    said = read_error(parse_body(body))
    error = _build(said, status, headers, target, None)
    own = said.shape in target.quirks.error_shapes and not (status == 500 and said.shape in _OF_GATEWAYS)
    if error.billed is Billed.UNKNOWN and own and status in NOT_BILLED:
        error.billed = Billed.NO
    error.body = redact(body[: _BODY_CHARS * 4].decode("utf-8", "replace"), _BODY_CHARS) or None
    return error


def error_in_answer(
    value: Any,
    target: Target,
    *,
    headers: Mapping[str, str] = _NOTHING,
    usage: Usage | None = None,
    content: bool = False,
    request_id: str | None = None,
) -> ProviderError:
    """The error that a body or chunk reports although its status was good.

    Where usage was told or content had come it was billed; else nobody can tell.
    """
    said = read_error(value)
    error = _build(said, said.status or 200, headers, target, usage)
    error.status = 200
    error.request_id = error.request_id or request_id
    if usage is not None or content:
        error.billed = Billed.YES
    return error


def error_of_kind(kind: str, message: str, target: Target, **fields: Any) -> ProviderError:
    """An error of a kind of the catalog."""
    return CLASSES[kind](message, provider=target.provider, model=target.model, **fields)


def _build(
    said: ErrorBody, status: int, headers: Mapping[str, str], target: Target, usage: Usage | None
) -> ProviderError:
    wait = _wait(said, status, {**said.headers, **headers} if said.headers else headers, target)
    told = (status, said.code, said.type, said.param, said.message)
    rule = next((r for r in target.errors if r.matches(*told, waits=wait is not None)), None)
    kind = rule.kind if rule else general_kind(status, said.code, said.type, said.param, said.message)
    return error_of_kind(
        kind,
        _message(said, status, target),
        target,
        status=status,
        code=said.code or said.type,
        request_id=_request_id(headers, target) or said.request_id,
        retry_after_s=wait,
        billed=_billed(rule.billed if rule else None),
        then=then_for(kind, status, headers.get("x-should-retry")),
        usage=usage,
    )


def _billed(told: bool | None) -> Billed:
    if told is None:
        return Billed.UNKNOWN
    return Billed.YES if told else Billed.NO


def _message(said: ErrorBody, status: int, target: Target) -> str:
    from minimill.dialects._redact import redact

    words = redact(said.message, _MESSAGE_CHARS)
    code = redact(said.code or said.type or "", 80)
    label = (
        f"{target.provider} reported an error" if 200 <= status < 300 else f"{target.provider} answered {status}"
    )
    if code and code != str(status):
        label += f" ({code})"
    return f"{label}: {words}" if words else label


def _request_id(headers: Mapping[str, str], target: Target) -> str | None:
    for name in (*target.request_id_headers, *_REQUEST_IDS):
        if headers.get(name):
            return headers[name][:200]
    return None


def _wait(said: ErrorBody, status: int, headers: Mapping[str, str], target: Target) -> float | None:
    wait = retry_after_s(headers, target.retry_after_headers)
    if wait is None:
        wait = seconds(said.wait_s)
    if wait is None and status == 429:
        wait = until_reset_s(headers, target.rate_reset_headers)
    return wait
