"""From status and vendor code to the error tree: the general table, used where a vendor's own has no line.

It may import `_errors` only.
"""

from __future__ import annotations

from minimill._errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    Then,
)

CLASSES: dict[str, type[ProviderError]] = {
    "authentication": AuthenticationError,
    "permission": PermissionDeniedError,
    "rate_limited": RateLimitedError,
    "quota_exhausted": QuotaExhaustedError,
    "overloaded": OverloadedError,
    "server": ServerError,
    "timeout": ServerError,
    "invalid_request": InvalidRequestError,
    "context_length": ContextLengthError,
    "content_filtered": ContentFilteredError,
    "model_not_found": ModelNotFoundError,
}
"""The kinds of `catalog` to classes."""

NOT_BILLED = frozenset({400, 401, 403, 404, 422, 429, 500, 503, 529})
"""Statuses with which the vendor's own error body says that nothing was billed. A closed list."""

_KINDS = {
    400: "invalid_request", 401: "authentication", 402: "quota_exhausted", 403: "permission",
    404: "model_not_found", 408: "timeout", 409: "invalid_request", 413: "invalid_request",
    422: "invalid_request", 424: "server", 425: "server", 429: "rate_limited", 451: "content_filtered",
    498: "overloaded", 499: "timeout", 501: "invalid_request", 503: "overloaded", 504: "timeout",
    522: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip

_CODES = {
    "context_length": (
        "context_length_exceeded", "exceed_context_size_error", "context_too_long", "tokens_too_long",
        "model_context_window_exceeded",
    ),
    "content_filtered": (
        "content_filter", "content_filtered", "content_policy_violation", "ResponsibleAIPolicyViolation",
        "data_inspection_failed", "DataInspectionFailed", "content_moderation_error",
    ),
    "model_not_found": ("model_not_found", "ModelNotFound", "model_not_supported", "ModelNotOpen"),
    "quota_exhausted": (
        "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_hard_limit_reached",
        "billing_not_active", "billing_error", "insufficient_balance", "account_overdue", "Arrearage",
        "AccountOverdueError", "exceeded_current_quota_error", "payment_required",
    ),
    "rate_limited": (
        "rate_limit_exceeded", "rate_limit_reached_error", "rate_limit_error", "rate_limited", "slow_down",
        "too_many_requests",
    ),
    "overloaded": (
        "server_is_overloaded", "engine_overloaded_error", "overloaded_error", "ServerOverloaded",
        "capacity_exceeded", "service_tier_capacity_exceeded", "unavailable_error",
    ),
    "authentication": (
        "invalid_api_key", "InvalidApiKey", "authentication_error", "AuthenticationError",
        "incorrect_api_key_error", "invalid_authentication_error",
    ),
    "permission": ("permission_error", "permission_denied_error", "PermissionDenied"),
    "server": ("server_error", "internal_error", "internal_server_error", "InternalServerError"),
    "invalid_request": ("invalid_request_error",),
}  # fmt: skip
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}

_TOO_LONG = (
    "maximum context length", "longer than the model's context length", "exceeds the available context size",
    "exceeds the maximum number of tokens allowed", "prompt is too long", "maximum input length is",
    "input tokens exceed the configured limit", "exceeded model token limit",
)  # fmt: skip
"""Words of servers whose code does not tell an overflow from any other bad request."""


def general_kind(status: int, code: str | None, type_: str | None, param: str | None, message: str) -> str:
    """The kind of an error that no line of the vendor's own table matches."""
    by_status = _KINDS.get(status) or ("invalid_request" if 400 <= status < 500 else "server")
    named = _BY_CODE.get(code or "") or _BY_CODE.get(type_ or "")
    vague = named in ("server", "invalid_request") or (named == "rate_limited" and status >= 500)
    kind = by_status if named is None or (vague and status >= 400) else named
    if kind == "invalid_request" and status in (200, 400, 413, 422) and _overflows(param, message):
        return "context_length"
    return kind


def _overflows(param: str | None, message: str) -> bool:
    low = message.lower()
    return param == "input_tokens" or any(words in low for words in _TOO_LONG)


def then_for(kind: str, status: int, should_retry: str | None) -> Then | None:
    """What to do next where it differs from the class's own answer."""
    retryable = kind in ("rate_limited", "overloaded", "server", "timeout")
    if should_retry == "true" and retryable:
        return Then.RETRY
    if should_retry == "false" and retryable:
        return Then.NEXT
    if kind == "timeout" or (kind == "server" and status not in (500, 200)):
        return Then.NEXT
    if kind == "invalid_request" and status in (409, 413, 501):
        return Then.NEXT
    return None
