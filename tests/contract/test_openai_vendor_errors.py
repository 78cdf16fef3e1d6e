"""Vendors of the `openai_chat` wire: the class and the bill of what goes wrong.

Cases are written from the pages named in the provider files.
"""

import json
from typing import Any

import pytest

from minimill._chat import (
    TextDelta,
)
from minimill._errors import (
    AuthenticationError,
    Billed,
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
)
from minimill.dialects import WireResponse
from tests.contract.openai_vendors import (
    CODEC,
    data,
    delta,
    pieces,
    read,
    target,
)

# --- errors ---


def openai_error(code: Any, message: str = "m", **rest: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": "t", "param": None, **rest}}


SSE_REFUSAL = b'data: {"error":{"code":"data_inspection_failed","message":"m","type":"t"},"id":"r-9"}\n\n'


@pytest.mark.parametrize(
    ("vendor", "status", "body", "cls", "billed"),
    [
        ("openai", 429, openai_error("credit_balance_exhausted"), QuotaExhaustedError, Billed.NO),
        ("openai", 429, openai_error("rate_limit_exceeded"), RateLimitedError, Billed.NO),
        ("openai", 400, openai_error("context_length_exceeded"), ContextLengthError, Billed.NO),
        ("openai", 404, openai_error("model_not_found"), ModelNotFoundError, Billed.NO),
        ("openai", 401, openai_error("invalid_api_key"), AuthenticationError, Billed.NO),
        ("openai", 503, openai_error("server_is_overloaded"), OverloadedError, Billed.NO),
        ("openai", 502, b"<html>Bad gateway</html>", ServerError, Billed.UNKNOWN),
        ("doubao", 403, openai_error("AccountOverdueError"), QuotaExhaustedError, Billed.NO),
        ("doubao", 429, openai_error("SetLimitExceeded"), QuotaExhaustedError, Billed.NO),
        ("doubao", 429, openai_error("RateLimitExceeded.EndpointRPMExceeded"), RateLimitedError, Billed.NO),
        ("doubao", 429, openai_error("ServerOverloaded"), OverloadedError, Billed.NO),
        ("doubao", 404, openai_error("ModelNotOpen"), ModelNotFoundError, Billed.NO),
        ("doubao", 400, openai_error("OutofContextError"), ContextLengthError, Billed.NO),
        (
            "doubao",
            400,
            openai_error("InputTextSensitiveContentDetected.PolicyViolation"),
            ContentFilteredError,
            Billed.NO,
        ),
        ("qwen", 400, openai_error("Arrearage"), QuotaExhaustedError, Billed.NO),
        ("qwen", 429, openai_error("insufficient_quota"), RateLimitedError, Billed.NO),
        (
            "qwen",
            429,
            openai_error("insufficient_quota", "Free allocated quota exceeded."),
            QuotaExhaustedError,
            Billed.NO,
        ),
        ("qwen", 400, openai_error("data_inspection_failed"), ContentFilteredError, Billed.NO),
        ("qwen", 400, SSE_REFUSAL, ContentFilteredError, Billed.NO),
        ("qwen", 400, openai_error("invalid_parameter_error"), InvalidRequestError, Billed.NO),
        (
            "qwen",
            400,
            openai_error("invalid_parameter_error", "Range of input length should be [1, 98304]"),
            ContextLengthError,
            Billed.NO,
        ),
        ("qwen", 401, openai_error("invalid_api_key"), AuthenticationError, Billed.NO),
        ("glm", 429, {"error": {"code": "1113", "message": "m"}}, QuotaExhaustedError, Billed.NO),
        ("glm", 429, {"error": {"code": "1302", "message": "m"}}, RateLimitedError, Billed.NO),
        ("glm", 429, {"error": {"code": "1305", "message": "m"}}, OverloadedError, Billed.NO),
        ("glm", 429, {"error": {"code": "1112", "message": "m"}}, PermissionDeniedError, Billed.NO),
        ("glm", 400, {"error": {"code": "1261", "message": "m"}}, ContextLengthError, Billed.NO),
        (
            "glm",
            400,
            {"contentFilter": [{"level": 1}], "error": {"code": "1301", "message": "m"}},
            ContentFilteredError,
            Billed.NO,
        ),
        ("glm", 400, {"error": {"code": "1211", "message": "m"}}, ModelNotFoundError, Billed.NO),
        (
            "ernie",
            401,
            {"error": {"code": "invalid_model", "message": "m", "type": "t"}, "id": "as-1"},
            ModelNotFoundError,
            Billed.NO,
        ),
        ("ernie", 401, openai_error("invalid_iam_token"), AuthenticationError, Billed.NO),
        ("ernie", 403, openai_error("account_overdue"), QuotaExhaustedError, Billed.NO),
        ("ernie", 403, openai_error("system_unsafe"), ContentFilteredError, Billed.NO),
        ("ernie", 400, openai_error("tokens_too_long"), ContextLengthError, Billed.NO),
        ("ernie", 429, openai_error("rpm_rate_limit_exceeded"), RateLimitedError, Billed.NO),
        (
            "deepseek",
            402,
            openai_error("invalid_request_error", "Insufficient Balance"),
            QuotaExhaustedError,
            Billed.UNKNOWN,
        ),
        ("deepseek", 422, openai_error("invalid_request_error"), InvalidRequestError, Billed.NO),
        ("deepseek", 503, openai_error("service_unavailable_error"), OverloadedError, Billed.NO),
        ("vllm", 401, {"error": "Unauthorized"}, AuthenticationError, Billed.NO),
        ("vllm", 400, openai_error(400, "too long", param="input_tokens"), ContextLengthError, Billed.NO),
        ("vllm", 404, openai_error(404, param="model"), ModelNotFoundError, Billed.NO),
        ("vllm", 503, openai_error(503), OverloadedError, Billed.NO),
        ("vllm", 404, {"detail": "Not Found"}, ModelNotFoundError, Billed.NO),
        (
            "llamacpp",
            400,
            {"error": {"code": 400, "message": "m", "type": "exceed_context_size_error"}},
            ContextLengthError,
            Billed.NO,
        ),
        (
            "llamacpp",
            401,
            {"error": {"code": 401, "message": "m", "type": "authentication_error"}},
            AuthenticationError,
            Billed.NO,
        ),
        (
            "llamacpp",
            503,
            {"error": {"code": 503, "message": "m", "type": "unavailable_error"}},
            OverloadedError,
            Billed.NO,
        ),
        (
            "moonshot",
            429,
            {"error": {"message": "m", "type": "exceeded_current_quota_error"}},
            QuotaExhaustedError,
            Billed.NO,
        ),
        (
            "moonshot",
            429,
            {"error": {"message": "m", "type": "engine_overloaded_error"}},
            OverloadedError,
            Billed.NO,
        ),
        ("spark", 403, {"error": {"code": "11200", "message": "m"}}, PermissionDeniedError, Billed.NO),
        ("spark", 400, {"code": 10013, "message": "m", "sid": "s"}, ContentFilteredError, Billed.NO),
        (
            "spark",
            401,
            {"code": "11200", "msg": "m", "Sid": "s", "timeStamp": 1},
            PermissionDeniedError,
            Billed.NO,
        ),
        ("siliconflow", 401, {"code": 30014, "message": "m", "data": None}, AuthenticationError, Billed.NO),
        ("siliconflow", 429, b'"System is really busy"', RateLimitedError, Billed.NO),
        ("xai", 400, {"code": "invalid-argument", "error": "text"}, InvalidRequestError, Billed.NO),
        (
            "mistral",
            429,
            {"object": "error", "message": "m", "type": "rate_limited", "code": "1300"},
            RateLimitedError,
            Billed.NO,
        ),
        (
            "mistral",
            422,
            {"object": "error", "message": {"detail": []}, "type": "t", "code": None},
            InvalidRequestError,
            Billed.NO,
        ),
        ("mistral", 401, {"detail": "Unauthorized"}, AuthenticationError, Billed.NO),
        ("groq", 498, openai_error("capacity_exceeded"), OverloadedError, Billed.UNKNOWN),
    ],
)
def test_refusal(vendor: str, status: int, body: Any, cls: Any, billed: Billed) -> None:
    """The class goes by the vendor's code before the status; the bill by the closed list."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = CODEC.decode_error(WireResponse(status, {}, content), target(vendor))
    assert (type(error), error.billed, error.status) == (cls, billed, status)


@pytest.mark.parametrize(
    ("vendor", "body", "cls"),
    [
        ("minimax", {"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, AuthenticationError),
        (
            "minimax",
            {"base_resp": {"status_code": 1008, "status_msg": "no balance"}, "choices": None},
            QuotaExhaustedError,
        ),
        ("spark", {"code": 10013, "message": "m", "sid": "s"}, ContentFilteredError),
        ("glm", {"error": {"code": "1002", "message": "m"}}, AuthenticationError),
    ],
)
def test_refusal_with_a_good_status(vendor: str, body: Any, cls: Any) -> None:
    """It is no answer, plain or streamed; the closed list has no 200, so nobody knows the bill."""
    content = json.dumps(body).encode()
    for attempt in (
        lambda: CODEC.decode(WireResponse(200, {}, content), target(vendor)),
        lambda: read(target(vendor), [content]),
        lambda: read(target(vendor), [b"data: " + content + b"\n\n"]),
    ):
        with pytest.raises(cls) as caught:
            attempt()
        assert (caught.value.billed, caught.value.status) == (Billed.UNKNOWN, 200)


@pytest.mark.parametrize(
    ("vendor", "failure", "cls"),
    [
        ("doubao", openai_error("InternalServiceError"), ServerError),
        ("doubao", openai_error("OutputTextSensitiveContentDetected"), ContentFilteredError),
        ("qwen", openai_error("data_inspection_failed"), ContentFilteredError),
        ("glm", {"error": {"code": "1234", "message": "m"}}, ServerError),
        ("vllm", openai_error(500), ServerError),
        (
            "minimax",
            {"choices": [], "base_resp": {"status_code": 1027, "status_msg": "m"}},
            ContentFilteredError,
        ),
        ("spark", {"code": 10014, "message": "m", "sid": "s"}, ContentFilteredError),
        (
            "groq",
            "event: error\ndata: " + json.dumps(openai_error("tool_use_failed", status_code=400)) + "\n\n",
            InvalidRequestError,
        ),
        (
            "openrouter",
            {**delta({"content": ""}, "error"), "error": {"code": 502, "message": "Provider disconnected"}},
            ServerError,
        ),
    ],
)
def test_failure_in_mid_stream(vendor: str, failure: Any, cls: Any) -> None:
    """What came before is given, then the error; that content came means that it was billed."""
    aim = target(vendor)
    for parts in pieces(data(delta({"content": "a"}), failure)):
        decoder = CODEC.stream_decoder(aim, {})
        events: list[Any] = []
        with pytest.raises(ProviderError) as caught:
            for part in parts:
                events += decoder.feed(part)
            decoder.close()
        assert events == [TextDelta("a")]
        assert (type(caught.value), caught.value.billed) == (cls, Billed.YES)
        assert decoder.partial().choices[0].message.text == "a"


def test_qwen_request_id_of_a_streamed_refusal() -> None:
    """It sits beside the error, inside the event."""
    error = CODEC.decode_error(WireResponse(400, {}, SSE_REFUSAL), target("qwen"))
    assert error.request_id == "r-9"


def test_moonshot_errors_hold_no_keys() -> None:
    """Its texts name the organisation and part of a key."""
    text = "organization: org-abcdefgh12345678 <ak-f0xyz1234567> reached max RPM"
    body = json.dumps({"error": {"message": text, "type": "rate_limit_reached_error"}}).encode()
    error = CODEC.decode_error(WireResponse(429, {}, body), target("moonshot"))
    assert "org-abc" not in error.message
    assert "f0xyz" not in f"{error.message} {error.body}"
