"""What Azure, Groq, Mistral, OpenRouter, SambaNova, Together and xAI say goes wrong.

For each: the class, what to do next, and whether it was billed. Written from the pages named at the error lines.
"""

import json
from typing import Any

import httpx
import pytest

import minimill
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
    Then,
)
from minimill._usage import Usage
from minimill.dialects import WireResponse
from tests.contract.openai_vendors import CODEC, counts, data, delta, read, target

STOP, NEXT, RETRY, LONGER = Then.STOP, Then.NEXT, Then.RETRY, Then.LONGER_CONTEXT
YES, NO, UNKNOWN = Billed.YES, Billed.NO, Billed.UNKNOWN


def usual(code: Any, message: str = "m", **rest: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": "t", "param": None, **rest}}


def gate(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "message": message}


def flat(type_: str, code: str | None = None, message: Any = "m") -> dict[str, Any]:
    return {"object": "error", "message": message, "type": type_, "param": None, "code": code}


def words(text: str) -> dict[str, Any]:
    return {"code": "Client specified an invalid argument", "error": text}


def routed(code: int, error_type: str | None = None, **metadata: Any) -> dict[str, Any]:
    if error_type:
        metadata["error_type"] = error_type
    told = {"metadata": metadata} if metadata else {}
    return {"error": {"code": code, "message": "m", **told}, "user_id": "u"}


FILTERED = usual(
    "content_filter",
    param="prompt",
    status=400,
    innererror={
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
    },
)
CREDITS = "Your team x has either used all available credits or reached its monthly spending limit."
UNSAFE = "Content violates usage guidelines. Model: grok-4.7, Failed check: SAFETY_CHECK_TYPE_BIO"

REFUSALS = [
    # Azure bills what it has looked at: a filtered prompt, one that is too long
    ("azure", 400, FILTERED, ContentFilteredError, STOP, YES),
    ("azure", 400, usual("content_filter"), ContentFilteredError, STOP, YES),
    ("azure", 400, usual("context_length_exceeded"), ContextLengthError, LONGER, YES),
    ("azure", 400, usual("invalid_value"), InvalidRequestError, STOP, NO),
    ("azure", 401, usual("401"), AuthenticationError, NEXT, NO),
    ("azure", 404, usual("DeploymentNotFound"), ModelNotFoundError, NEXT, NO),
    ("azure", 408, usual("Timeout"), ServerError, NEXT, UNKNOWN),
    # its gateway; with 500 that does not know what the model did
    ("azure", 401, gate(401, "Unauthorized. Access token is missing."), AuthenticationError, NEXT, NO),
    ("azure", 404, gate(404, "Resource not found"), ModelNotFoundError, NEXT, NO),
    ("azure", 429, gate(429, "Rate limit is exceeded. Try again in 60 seconds."), RateLimitedError, NEXT, NO),
    ("azure", 500, gate(500, "Internal server error"), ServerError, RETRY, UNKNOWN),
    ("azure", 503, gate(503, "Service Unavailable"), OverloadedError, RETRY, NO),
    ("azure", 504, gate(504, "timeout"), ServerError, NEXT, UNKNOWN),
    ("azure", 401, {"message": "Unauthorized"}, AuthenticationError, NEXT, UNKNOWN),
    ("azure", 429, usual("429"), RateLimitedError, NEXT, NO),
    ("azure", 429, usual("insufficient_quota"), QuotaExhaustedError, NEXT, NO),
    ("groq", 400, usual("tool_use_failed", failed_generation="{}"), InvalidRequestError, STOP, NO),
    ("groq", 401, usual("invalid_api_key"), AuthenticationError, NEXT, NO),
    ("groq", 404, usual("model_not_found"), ModelNotFoundError, NEXT, NO),
    ("groq", 413, usual("rate_limit_exceeded", type="tokens"), InvalidRequestError, NEXT, UNKNOWN),
    ("groq", 424, usual("failed_dependency"), ServerError, NEXT, UNKNOWN),
    ("groq", 429, usual("rate_limit_exceeded", type="tokens"), RateLimitedError, NEXT, NO),
    ("groq", 498, usual("capacity_exceeded"), OverloadedError, RETRY, UNKNOWN),
    ("groq", 503, usual("unavailable"), OverloadedError, RETRY, NO),
    ("mistral", 400, flat("invalid_model", "1500", "Invalid model: x"), ModelNotFoundError, NEXT, NO),
    ("mistral", 401, {"detail": "Unauthorized"}, AuthenticationError, NEXT, NO),
    ("mistral", 401, {"message": "Unauthorized", "request_id": "r-1"}, AuthenticationError, NEXT, NO),
    ("mistral", 429, {"message": "Requests rate limit exceeded"}, RateLimitedError, NEXT, NO),
    ("mistral", 500, {"message": "An unexpected error occurred"}, ServerError, RETRY, UNKNOWN),
    ("mistral", 502, {"message": "Bad gateway"}, ServerError, NEXT, UNKNOWN),
    ("mistral", 403, {"message": "Forbidden", "proxy": "corp"}, PermissionDeniedError, NEXT, UNKNOWN),
    ("mistral", 402, flat("payment_required"), QuotaExhaustedError, NEXT, UNKNOWN),
    (
        "mistral",
        422,
        flat(
            "invalid_request_error",
            message={"detail": [{"type": "extra_forbidden", "loc": ["body", "user"], "msg": "m"}]},
        ),
        InvalidRequestError,
        STOP,
        NO,
    ),
    ("mistral", 429, flat("rate_limited", "1300"), RateLimitedError, NEXT, NO),
    ("mistral", 429, flat("service_tier_capacity_exceeded", "3505"), OverloadedError, RETRY, NO),
    # a call that OpenRouter could not get answered costs nothing
    ("openrouter", 400, routed(400), InvalidRequestError, STOP, NO),
    ("openrouter", 400, routed(400, "context_length_exceeded"), ContextLengthError, LONGER, NO),
    ("openrouter", 401, routed(401), AuthenticationError, NEXT, NO),
    ("openrouter", 402, routed(402), QuotaExhaustedError, NEXT, NO),
    ("openrouter", 402, routed(402, limit_source="openrouter_credits"), QuotaExhaustedError, NEXT, NO),
    ("openrouter", 402, routed(402, limit_source="openrouter_in_flight_budget"), RateLimitedError, NEXT, NO),
    ("openrouter", 402, routed(402, headers={"Retry-After": "5"}), RateLimitedError, NEXT, NO),
    ("openrouter", 403, routed(403, limit_source="openrouter_workspace_budget"), QuotaExhaustedError, NEXT, NO),
    ("openrouter", 403, routed(403), ContentFilteredError, STOP, NO),
    ("openrouter", 404, routed(404), ModelNotFoundError, NEXT, NO),
    ("openrouter", 408, routed(408), ServerError, NEXT, NO),
    ("openrouter", 429, routed(429), RateLimitedError, NEXT, NO),
    ("openrouter", 502, routed(502), ServerError, NEXT, NO),
    ("openrouter", 503, routed(503), OverloadedError, RETRY, NO),
    ("sambanova", 400, usual("context_length_exceeded"), ContextLengthError, LONGER, NO),
    ("sambanova", 400, usual("decimal_above_max_value", param="top_p"), InvalidRequestError, STOP, NO),
    ("sambanova", 408, usual("timeout"), ServerError, NEXT, UNKNOWN),
    ("sambanova", 410, usual("gone"), ModelNotFoundError, NEXT, UNKNOWN),
    ("sambanova", 429, usual("rate_limit"), RateLimitedError, NEXT, NO),
    ("sambanova", 504, usual("queue"), OverloadedError, RETRY, UNKNOWN),
    ("together", 402, usual("credit_limit"), QuotaExhaustedError, NEXT, UNKNOWN),
    ("together", 403, usual(None), ContextLengthError, LONGER, NO),
    ("together", 404, usual("model_not_available"), ModelNotFoundError, NEXT, NO),
    ("together", 422, usual(None, "tokens + max_new_tokens must be <= 4097"), ContextLengthError, LONGER, NO),
    ("xai", 400, words("Incorrect API key provided: xa***."), AuthenticationError, NEXT, NO),
    ("xai", 400, words("Invalid request content."), InvalidRequestError, STOP, NO),
    ("xai", 400, words("This model's maximum prompt length is 131072 but"), ContextLengthError, LONGER, NO),
    ("xai", 403, words("No permission."), PermissionDeniedError, NEXT, NO),
    ("xai", 403, words(CREDITS), QuotaExhaustedError, NEXT, NO),
    ("xai", 403, words(UNSAFE), ContentFilteredError, STOP, NO),
    ("xai", 429, words(CREDITS), QuotaExhaustedError, NEXT, NO),
    ("xai", 429, words("Too many requests."), RateLimitedError, NEXT, NO),
]


@pytest.mark.parametrize(("vendor", "status", "body", "cls", "then", "billed"), REFUSALS)
def test_refusal(vendor: str, status: int, body: Any, cls: Any, then: Then, billed: Billed) -> None:
    """The vendor's code before the status; billed by the closed list, unless a page says otherwise."""
    error = CODEC.decode_error(WireResponse(status, {}, json.dumps(body).encode()), target(vendor))
    assert (type(error), error.then, error.billed, error.status) == (cls, then, billed, status)


def test_openrouter_error_inside_a_200() -> None:
    """Before anything came nothing tells the bill, apart from a line that does; with a usage it is what that says."""
    body = {"id": "gen-1", "error": {"code": 502, "message": "Provider returned error"}}
    with pytest.raises(ServerError) as early:
        CODEC.decode(WireResponse(200, {}, json.dumps(body).encode()), target("openrouter"))
    assert (early.value.status, early.value.code, early.value.billed) == (200, "502", NO)
    late = {**delta({"content": ""}), "error": {"code": 400, "message": "Token limit reached"}}
    usage = counts(43, 10, cost=0.002, is_byok=False)
    with pytest.raises(InvalidRequestError) as told:
        read(target("openrouter"), [data(delta({"content": "a"}), {**late, "usage": usage})])
    assert (told.value.billed, told.value.usage) == (YES, Usage(43, 10, billed_nanos=2_000_000))


def test_openrouter_answer_that_ends_in_an_error() -> None:
    """The finish word says it too."""
    for ending in (delta({}, "error"), {**delta({}, "error"), "error": {"code": 502, "message": "gone"}}):
        with pytest.raises(ServerError) as caught:
            read(target("openrouter"), [data(delta({"content": "a"}), ending)])
        assert caught.value.billed is YES


@pytest.mark.parametrize(
    ("status", "headers", "metadata", "wait"),
    [
        (402, {"retry-after": "3"}, {}, 3.0),
        (429, {}, {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795318320000"}}, 10.0),
        (429, {"x-ratelimit-reset": "1795318315000"}, {}, 5.0),
        (429, {}, {"retry_after_seconds": 17, "headers": {"Retry-After": "17"}}, 17.0),
        (429, {"retry-after": "2"}, {"headers": {"Retry-After": "17"}}, 2.0),
        (403, {}, {"limit_source": "openrouter_workspace_budget", "resets_at": "2026-11-22T04:31:50Z"}, 3600.0),
        (503, {"retry-after": "9"}, {}, 9.0),
    ],
)
def test_openrouter_says_how_long_to_wait(
    status: int, headers: Any, metadata: Any, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own headers, in those that it passes on inside the body, as seconds and as Unix time."""
    monkeypatch.setattr("time.time", lambda: 1_795_318_310.0)
    body = json.dumps(routed(status, **metadata)).encode()
    error = CODEC.decode_error(WireResponse(status, headers, body), target("openrouter"))
    assert error.retry_after_s == wait


@pytest.mark.anyio
async def test_openrouter_refuses_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running calls fill what the balance allows: the same candidate is asked again, and no money is kept."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "key")
    refusal = routed(402, limit_source="openrouter_in_flight_budget")
    usage = {**counts(10, 5), "cost": 0.001, "is_byok": False}
    answer = {"id": "g", "model": "m", "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}
    answers = [httpx.Response(402, json=refusal, headers={"retry-after": "0"}),
               httpx.Response(200, json={**answer, "usage": usage})]  # fmt: skip
    transport = httpx.MockTransport(lambda request: answers.pop(0))
    config = {"ledger": "memory:", "budgets": {"all": {"limit": "1 USD"}}}
    async with minimill.Client(config, http_transport=transport) as client:
        reply = await client.chat("hi", model="openrouter:openai/gpt-5-mini", max_output_tokens=100)
        (balance,) = await client.balance("all")
    assert (reply.text, reply.cost.total) == ("hello", minimill.Money(1_000_000, "USD"))
    assert [type(attempt.error) for attempt in reply.attempts] == [RateLimitedError, type(None)]
    assert balance.held.nanos == 0


def test_groq_error_event_in_mid_stream() -> None:
    """It has a name of its own and its status inside."""
    event = "event: error\ndata: " + json.dumps(usual("tool_use_failed", status_code=400)) + "\n\n"
    with pytest.raises(InvalidRequestError) as caught:
        read(target("groq"), [data(delta({"reasoning": "h"}), event, end="")])
    assert (caught.value.code, caught.value.billed) == ("tool_use_failed", YES)


def test_azure_waits_as_it_is_told() -> None:
    """Milliseconds first."""
    headers = {"retry-after-ms": "1500", "retry-after": "2", "apim-request-id": "r-1"}
    error = CODEC.decode_error(WireResponse(429, headers, json.dumps(usual("429")).encode()), target("azure"))
    assert (error.retry_after_s, error.request_id) == (1.5, "r-1")


@pytest.mark.anyio
async def test_a_filtered_prompt_keeps_its_hold_and_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure bills it and does not tell how much: the hold counts, and the vendor has answered."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sim-key")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    config = {
        "providers": {"azure": {"base_url": "https://me.openai.azure.com"}},
        "ledger": "memory:",
        "budgets": {"all": {"limit": "0.02 USD"}},
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(400, json=FILTERED))
    async with minimill.Client(config, http_transport=transport) as client:
        for _ in range(5):
            with pytest.raises(ContentFilteredError) as caught:
                await client.chat("hi", model="azure:gpt-5-mini", max_output_tokens=1_000, deadline_s=20)
        assert isinstance(caught.value, ProviderError)
        (attempt,) = caught.value.attempts
        assert (attempt.certainty, attempt.charged) == ("held", attempt.reserved)
        (balance,) = await client.balance("all")
        assert attempt.reserved is not None
        assert balance.held.nanos == 5 * attempt.reserved.nanos
