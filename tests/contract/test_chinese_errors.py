"""What Kimi, MiniMax, Hunyuan, Spark, Baichuan, StepFun and SiliconFlow say goes wrong.

For each: the class, what to do next, and whether it was billed. Written from the pages named at the error lines.
"""

import json
from typing import Any

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
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    Then,
)
from minimill._usage import Usage
from minimill.dialects import WireResponse
from tests.contract.openai_vendors import CODEC, bare, counts, data, delta, read, target
from tests.contract.vendor_wire import Wire

STOP, NEXT, RETRY, LONGER = Then.STOP, Then.NEXT, Then.RETRY, Then.LONGER_CONTEXT
YES, NO, UNKNOWN = Billed.YES, Billed.NO, Billed.UNKNOWN


def kimi(type_: str, message: str = "m") -> dict[str, Any]:
    return {"error": {"message": message, "type": type_}}


def hub(code: int, type_: str, message: str = "m") -> dict[str, Any]:
    told = {"type": type_, "code": str(code), "message": message, "source": "gateway", "request_id": "r-1"}
    return {"error": told}


def flow(code: int, message: str = "m") -> dict[str, Any]:
    return {"code": code, "message": message, "data": None}


REFUSALS = [
    ("moonshot", 400, kimi("content_filter"), ContentFilteredError, STOP, NO),
    ("moonshot", 400, kimi("invalid_request_error"), InvalidRequestError, STOP, NO),
    ("moonshot", 400, kimi("invalid_request_error", "Input token length too long"), ContextLengthError, LONGER, NO),
    (
        "moonshot", 400,
        kimi("invalid_request_error", "Your request exceeded model token limit : 262144"),
        ContextLengthError, LONGER, NO,
    ),
    ("moonshot", 401, kimi("invalid_authentication_error"), AuthenticationError, NEXT, NO),
    ("moonshot", 401, kimi("incorrect_api_key_error"), AuthenticationError, NEXT, NO),
    ("moonshot", 403, kimi("permission_denied_error"), PermissionDeniedError, NEXT, NO),
    ("moonshot", 404, kimi("resource_not_found_error"), ModelNotFoundError, NEXT, NO),
    ("moonshot", 429, kimi("exceeded_current_quota_error"), QuotaExhaustedError, NEXT, NO),
    ("moonshot", 429, kimi("rate_limit_reached_error"), RateLimitedError, NEXT, NO),
    ("moonshot", 429, kimi("engine_overloaded_error"), OverloadedError, RETRY, NO),
    ("moonshot", 500, kimi("server_error"), ServerError, RETRY, NO),
    (
        "moonshot", 404, {"code": 5, "error": "url.not_found", "message": "m", "method": "POST", "scode": "0x5"},
        ModelNotFoundError, NEXT, NO,
    ),
    ("hunyuan", 400, hub(400001, "invalid_request_error"), InvalidRequestError, STOP, NO),
    ("hunyuan", 401, hub(401002, "authentication_error", "invalid api key"), AuthenticationError, NEXT, NO),
    ("hunyuan", 402, hub(401007, "permission_error", "FREE_QUOTA_EXHAUSTED"), QuotaExhaustedError, NEXT, UNKNOWN),
    ("hunyuan", 403, hub(403001, "permission_error"), PermissionDeniedError, NEXT, NO),
    ("hunyuan", 429, hub(429001, "rate_limit_error"), RateLimitedError, NEXT, NO),
    ("hunyuan", 451, hub(451001, "content_filter_error"), ContentFilteredError, STOP, UNKNOWN),
    ("hunyuan", 502, hub(502001, "upstream_error"), ServerError, NEXT, UNKNOWN),
    ("spark", 401, {"error": {"code": "11200", "message": "m"}}, PermissionDeniedError, NEXT, NO),
    ("spark", 400, {"code": 10163, "message": "m", "sid": "s"}, InvalidRequestError, STOP, NO),
    ("spark", 400, {"code": "10907", "msg": "m", "Sid": "s", "timeStamp": 1}, ContextLengthError, LONGER, NO),
    ("spark", 429, {"error": {"code": "11202", "message": "m"}}, RateLimitedError, NEXT, NO),
    ("spark", 500, {"code": 10110, "message": "m", "sid": "s"}, OverloadedError, RETRY, NO),
    ("baichuan", 400, kimi("invalid_request_error"), InvalidRequestError, STOP, NO),
    ("baichuan", 401, {"error": {"code": "invalid_api_key", "message": "m"}}, AuthenticationError, NEXT, NO),
    ("baichuan", 429, {"error": {"code": "rate_limit_exceeded", "message": "m"}}, RateLimitedError, NEXT, NO),
    ("baichuan", 500, kimi("server_error"), ServerError, RETRY, NO),
    ("stepfun", 400, kimi("request_params_invalid"), InvalidRequestError, STOP, NO),
    ("stepfun", 401, kimi("invalid_api_key", "Incorrect API key provided"), AuthenticationError, NEXT, NO),
    ("stepfun", 402, kimi("quota_exceeded"), QuotaExhaustedError, NEXT, UNKNOWN),
    ("stepfun", 429, kimi("rate_limit"), RateLimitedError, NEXT, NO),
    ("stepfun", 451, kimi("censorship_blocked"), ContentFilteredError, STOP, UNKNOWN),
    ("stepfun", 503, kimi("overloaded"), OverloadedError, RETRY, NO),
    ("siliconflow", 400, flow(20012, "Model does not exist."), ModelNotFoundError, NEXT, NO),
    ("siliconflow", 401, flow(30014, "Token is invalid."), AuthenticationError, NEXT, NO),
    ("siliconflow", 401, "Invalid token", AuthenticationError, NEXT, NO),
    ("siliconflow", 403, flow(30001, "balance is insufficient"), QuotaExhaustedError, NEXT, NO),
    ("siliconflow", 403, flow(30003, "identity verification"), PermissionDeniedError, NEXT, NO),
    ("siliconflow", 429, "System is really busy", RateLimitedError, NEXT, NO),
    ("siliconflow", 401, {"code": 30014, "message": "Token is invalid."}, AuthenticationError, NEXT, NO),
    ("siliconflow", 429, {"message": "TPM limit reached.", "data": None}, RateLimitedError, NEXT, NO),
    ("siliconflow", 503, flow(50505, "Model service overloaded."), OverloadedError, RETRY, NO),
    ("siliconflow", 504, "timeout", OverloadedError, RETRY, UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "status", "body", "cls", "then", "billed"), REFUSALS)
def test_refusal(vendor: str, status: int, body: Any, cls: Any, then: Then, billed: Billed) -> None:
    """The vendor's code before the status; billed by the closed list of statuses."""
    error = CODEC.decode_error(WireResponse(status, {}, json.dumps(body).encode()), target(vendor))
    assert (type(error), error.then, error.billed, error.status) == (cls, then, billed, status)


IN_AN_ANSWER = [
    (1000, ServerError, RETRY), (1001, ServerError, NEXT), (1002, RateLimitedError, NEXT),
    (1004, AuthenticationError, NEXT), (1008, QuotaExhaustedError, NEXT), (1013, ServerError, RETRY),
    (1026, ContentFilteredError, STOP), (1027, ContentFilteredError, STOP), (1033, ServerError, RETRY),
    (1039, RateLimitedError, NEXT), (1041, RateLimitedError, NEXT), (1042, InvalidRequestError, STOP),
    (2013, InvalidRequestError, STOP), (2049, AuthenticationError, NEXT), (2056, QuotaExhaustedError, NEXT),
]  # fmt: skip


@pytest.mark.parametrize(("code", "cls", "then"), IN_AN_ANSWER)
def test_minimax_refuses_with_a_good_status(code: int, cls: Any, then: Then) -> None:
    """Plain and streamed; nothing tells the bill, unless something came before."""
    content = json.dumps({"base_resp": {"status_code": code, "status_msg": "m"}}).encode()
    for attempt in (
        lambda: CODEC.decode(WireResponse(200, {}, content), target("minimax")),
        lambda: read(target("minimax"), [b"data: " + content + b"\n\n"]),
    ):
        with pytest.raises(cls) as caught:
            attempt()
        told = caught.value
        assert (told.then, told.billed, told.status, told.code) == (then, UNKNOWN, 200, str(code))
    with pytest.raises(cls) as late:
        read(target("minimax"), [data(delta({"content": "a"}), json.loads(content))])
    assert late.value.billed is YES


SPARK = [
    (10004, InvalidRequestError), (10007, RateLimitedError), (10008, OverloadedError), (10013, ContentFilteredError),
    (10014, ContentFilteredError), (10015, PermissionDeniedError), (10016, QuotaExhaustedError),
    (10222, ServerError), (11201, QuotaExhaustedError), (11203, RateLimitedError),
]  # fmt: skip


@pytest.mark.parametrize(("code", "cls"), SPARK)
def test_spark_refuses_with_a_good_status(code: int, cls: Any) -> None:
    """Plain, and in the middle of a stream, where the answer so far was billed."""
    told = {"code": code, "message": "m", "sid": "s-1"}
    with pytest.raises(cls) as plain:
        CODEC.decode(WireResponse(200, {}, json.dumps(told).encode()), target("spark"))
    assert (plain.value.billed, plain.value.request_id) == (UNKNOWN, "s-1")
    with pytest.raises(cls) as late:
        read(target("spark"), [data(bare({"content": "a"}), told)])
    assert late.value.billed is YES


def test_hunyuan_usage_of_an_answer_that_was_cut_is_kept() -> None:
    """It was told before the error."""
    pieces = data(delta({"content": "a"}, usage=counts(9, 3)), hub(451001, "content_filter_error"))
    with pytest.raises(ContentFilteredError) as caught:
        read(target("hunyuan"), [pieces])
    assert (caught.value.billed, caught.value.usage) == (YES, Usage(9, 3))


@pytest.mark.anyio
async def test_a_busy_siliconflow_keeps_no_money(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its refusal is a JSON string alone; that is its own word too, and nothing stays held."""
    monkeypatch.setenv("SILICONFLOW_API_KEY", "key")
    wire = Wire("System is really busy. Please try again later.", 429)
    async with wire.client(budgets={"all": {"limit": "1 CNY"}}) as client:
        with pytest.raises(RateLimitedError, match="really busy"):
            await client.chat("hi", model="siliconflow:zai-org/GLM-4.6", max_output_tokens=100)
        (balance,) = await client.balance("all")
    assert (balance.held_nanos, balance.left) == (0, minimill.Money.of("1 CNY"))


OTHER_KEYS = (
    "the API key and secret key of an application, the access keys of an account and the tokens made of them belong to"
    " the older interface; make an API key (bce-v3/…) in the Qianfan console"
)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("Abcdefghij-0123456789abc", f"; the key does not begin with bce-v3/: {OTHER_KEYS}"),
        ("bce-v3/ALTAK-abc/def", ""),
    ],
)
async def test_qianfan_refuses_a_key_of_its_older_interface(
    key: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which key is needed instead, and holds no key."""
    monkeypatch.setenv("QIANFAN_API_KEY", key)
    refusal = {"code": "invalid_iam_token", "message": f"no {key}", "type": "invalid_request_error"}
    async with Wire({"error": refusal, "id": "as-1"}, 401).client() as client:
        with pytest.raises(AuthenticationError) as caught:
            await client.chat("hi", model="ernie:ernie-5.1")
    assert caught.value.message == f"ernie answered 401 (invalid_iam_token): no ***{told}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "key", ["24.0123abcd.2592000.1485516651.282335-8574074", "Abcdefghij0123456789abcd", "sk-0123abcd"]
)
async def test_a_key_that_cannot_work_at_qianfan_is_not_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, and the key that is needed; in a route the next candidate is asked."""
    monkeypatch.setenv("QIANFAN_API_KEY", key)
    monkeypatch.setenv("SILICONFLOW_API_KEY", "key")
    wire = Wire({"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]})
    async with wire.client() as client:
        with pytest.raises(minimill.ConfigError, match=r"^QIANFAN_API_KEY holds .*bce-v3/") as caught:
            await client.chat("hi", model="ernie:ernie-5.1")
        assert wire.asked == [] and key not in str(caught.value)
        reply = await client.chat("hi", model=["ernie:ernie-5.1", "siliconflow:zai-org/GLM-4.6"])
    assert (reply.text, len(wire.asked)) == ("hello", 1)


@pytest.mark.anyio
async def test_a_pair_of_older_qianfan_keys_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; the variable that is set is named."""
    for name in ("QIANFAN_API_KEY", "QIANFAN_BEARER_TOKEN", "BAIDU_QIANFAN_API_KEY", "BAIDU_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QIANFAN_AK", "Abcdefghij0123456789abcd")
    monkeypatch.setenv("QIANFAN_SK", "Abcdefghij0123456789abcdefghij01")
    wire = Wire({})
    async with wire.client() as client:
        with pytest.raises(minimill.MissingKeyError, match="QIANFAN_AK is set, but the API key and") as caught:
            await client.chat("hi", model="ernie:ernie-5.1")
    assert wire.asked == [] and "Abcdef" not in str(caught.value)
