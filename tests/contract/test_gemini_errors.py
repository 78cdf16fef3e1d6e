"""Gemini's refusals as typed errors: what to do next, whether it was billed, how long to wait.

https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors.
"""

from typing import Any

import pytest

from minimill._errors import (
    AuthenticationError,
    Billed,
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

from .gemini_wire import failure

RPC = "type.googleapis.com/google.rpc."
KEY = {"@type": RPC + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
WAIT = {"@type": RPC + "RetryInfo", "retryDelay": "11.66s"}
HELP = {"@type": RPC + "Help", "links": [{"url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]}


def quota(*ids: str) -> dict[str, Any]:
    return {"@type": RPC + "QuotaFailure", "violations": [{"quotaId": one, "quotaValue": "20"} for one in ids]}


MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
CASES = [
    # status, word, details, message: class, code, then, billed, wait
    (400, "INVALID_ARGUMENT", [], "Unknown name", InvalidRequestError, "400", Then.STOP, Billed.NO, None),
    (
        400, "INVALID_ARGUMENT", [KEY], "API key not valid.",
        AuthenticationError, "API_KEY_INVALID", Then.NEXT, Billed.NO, None,
    ),
    (400, "FAILED_PRECONDITION", [], "Not here", PermissionDeniedError, "400", Then.NEXT, Billed.NO, None),
    (
        400, "INVALID_ARGUMENT", [],
        "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576).",
        ContextLengthError, "400", Then.LONGER_CONTEXT, Billed.NO, None,
    ),
    (401, "UNAUTHENTICATED", [], "No", AuthenticationError, "401", Then.NEXT, Billed.NO, None),
    (402, "RESOURCE_EXHAUSTED", [], "Credit used up", QuotaExhaustedError, "402", Then.NEXT, Billed.UNKNOWN, None),
    (403, "PERMISSION_DENIED", [], "No", PermissionDeniedError, "403", Then.NEXT, Billed.NO, None),
    (404, "NOT_FOUND", [], "No such model", ModelNotFoundError, "404", Then.NEXT, Billed.NO, None),
    (
        429, "RESOURCE_EXHAUSTED", [quota(MINUTE), HELP, WAIT], "Slow",
        RateLimitedError, "429", Then.NEXT, Billed.NO, 11.66,
    ),
    (429, "RESOURCE_EXHAUSTED", [quota(DAY), WAIT], "Done", QuotaExhaustedError, "429", Then.NEXT, Billed.NO, 11.66),
    (429, "RESOURCE_EXHAUSTED", [quota(MINUTE, DAY)], "Done", QuotaExhaustedError, "429", Then.NEXT, Billed.NO, None),
    (429, "RESOURCE_EXHAUSTED", [], "Slow", RateLimitedError, "429", Then.NEXT, Billed.NO, None),
    (499, "CANCELLED", [], "Gone", ServerError, "499", Then.NEXT, Billed.UNKNOWN, None),
    (500, "INTERNAL", [], "Oops", ServerError, "500", Then.RETRY, Billed.NO, None),
    (503, "UNAVAILABLE", [], "Busy", OverloadedError, "503", Then.RETRY, Billed.NO, None),
    (504, "DEADLINE_EXCEEDED", [], "Late", ServerError, "504", Then.NEXT, Billed.UNKNOWN, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "word", "details", "message", "kind", "code", "then", "billed", "wait"), CASES
)
def test_errors(
    status: int, word: str, details: Any, message: str, kind: type[ProviderError], code: str,
    then: Then, billed: Billed, wait: float | None,
) -> None:  # fmt: skip
    """Also where the body is a list, as a stream's refusal is."""
    body = {"error": {"code": status, "message": message, "status": word, "details": details}}
    for sent in (body, [body]):
        error = failure(status, sent)
        assert type(error) is kind
        assert (error.status, error.code, error.then, error.billed) == (status, code, then, billed)
        assert error.retry_after_s == wait
        assert message in error.message


def test_a_gateways_page_is_nobodys_word() -> None:
    """Whether the vendor worked behind it is unknown."""
    error = failure(503, b"<html>Service Unavailable</html>")
    assert (type(error), error.billed) == (OverloadedError, Billed.UNKNOWN)


@pytest.mark.parametrize(
    "details",
    ["x", 7, [None, 3, {}], [{"@type": 5}], [{"@type": RPC + "QuotaFailure", "violations": [None, {"quotaId": 4}]}],
     [{"@type": RPC + "RetryInfo", "retryDelay": "soon"}], [{"@type": RPC + "ErrorInfo", "reason": None}]],
)  # fmt: skip
def test_odd_details_change_nothing(details: Any) -> None:
    body = {"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED", "details": details}}
    error = failure(429, body)
    assert (type(error), error.retry_after_s) == (RateLimitedError, None)


def test_keys_do_not_get_out() -> None:
    """A key that the vendor repeats is hidden in the message and in the body."""
    key = "AIza" + "SyA-bcdefghijklm-nopqrst-uvwxyz-ABCDEF"
    error = failure(403, {"error": {"code": 403, "message": f"https://host/x?key={key} is not allowed"}})
    assert error.message == "gemini answered 403: https://host/x?*** is not allowed"
    error = failure(400, {"error": {"code": 400, "message": f"API key {key} not valid", "details": [KEY]}})
    assert error.message == "gemini answered 400 (API_KEY_INVALID): API key *** not valid"
    assert key not in (error.body or "")
