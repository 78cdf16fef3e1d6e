"""What went wrong, typed: by the vendor's table, then by general codes, then by status."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

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
from minimill.catalog import ErrorRule, Quirks
from minimill.dialects import Dialect, Target, WireResponse
from minimill.dialects._redact import redact
from minimill.dialects._retry_after import retry_after_s, seconds, until_reset_s

Make = Callable[..., Target]


def fail(codec: Dialect, target: Target, status: int, body: Any, headers: Any = None) -> ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return codec.decode_error(WireResponse(status, headers or {}, data), target)


@pytest.mark.parametrize(
    ("status", "cls", "billed", "then"),
    [
        (400, InvalidRequestError, Billed.NO, Then.STOP),
        (401, AuthenticationError, Billed.NO, Then.NEXT),
        (402, QuotaExhaustedError, Billed.UNKNOWN, Then.NEXT),
        (403, PermissionDeniedError, Billed.NO, Then.NEXT),
        (404, ModelNotFoundError, Billed.NO, Then.NEXT),
        (405, InvalidRequestError, Billed.UNKNOWN, Then.STOP),
        (408, ServerError, Billed.UNKNOWN, Then.NEXT),
        (409, InvalidRequestError, Billed.UNKNOWN, Then.NEXT),
        (413, InvalidRequestError, Billed.UNKNOWN, Then.NEXT),
        (422, InvalidRequestError, Billed.NO, Then.STOP),
        (429, RateLimitedError, Billed.NO, Then.NEXT),
        (451, ContentFilteredError, Billed.UNKNOWN, Then.STOP),
        (498, OverloadedError, Billed.UNKNOWN, Then.RETRY),
        (499, ServerError, Billed.UNKNOWN, Then.NEXT),
        (500, ServerError, Billed.NO, Then.RETRY),
        (501, InvalidRequestError, Billed.UNKNOWN, Then.NEXT),
        (502, ServerError, Billed.UNKNOWN, Then.NEXT),
        (503, OverloadedError, Billed.NO, Then.RETRY),
        (504, ServerError, Billed.UNKNOWN, Then.NEXT),
        (524, ServerError, Billed.UNKNOWN, Then.NEXT),
        (529, OverloadedError, Billed.NO, Then.RETRY),
        (302, ServerError, Billed.UNKNOWN, Then.NEXT),
    ],
)
def test_status(codec: Dialect, target: Make, status: int, cls: Any, billed: Any, then: Any) -> None:
    """With the vendor's own body; whether it was billed goes by a closed list."""
    error = fail(
        codec, target(), status, {"error": {"message": "no", "type": "t", "param": None, "code": None}}
    )
    assert (type(error), error.billed, error.then) == (cls, billed, then)
    assert (error.status, error.code, error.provider, error.model) == (status, "t", "acme", "m-1")


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"upstream connect error",
        b"null",
        b"3",
        b'{"message":"no route"}',
        b'{"a":1}',
        b'{"error":{}}',
    ],
)
def test_a_body_that_is_not_the_vendors(codec: Dialect, target: Make, status: int, body: bytes) -> None:
    """A gateway may have answered after the vendor had worked: nobody knows whether it was billed."""
    assert fail(codec, target(), status, body).billed is Billed.UNKNOWN


@pytest.mark.parametrize(
    ("shape", "body", "code", "words"),
    [
        ("openai", {"error": {"message": "m", "code": "c", "type": "t"}}, "c", "m"),
        ("openai", {"error": {"message": "m", "code": 7}}, "7", "m"),
        ("openai", {"error": {"message": {"detail": "m"}, "code": "c"}}, "c", '{"detail":"m"}'),
        ("openai", [{"error": {"message": "m", "code": "c"}}], "c", "m"),
        ("openai", b'data: {"error":{"message":"m","code":"c"}}\n\n', "c", "m"),
        ("openai", b'data:{"error":{"message":"m","code":"c"}}', "c", "m"),
        ("string", {"error": "m"}, None, "m"),
        ("string", {"error": "m", "code": "c"}, "c", "m"),
        ("flat", {"object": "error", "message": "m", "type": "t", "code": None}, "t", "m"),
        ("flat", {"object": "error", "message": {"detail": [1]}, "code": "c"}, "c", '{"detail":[1]}'),
        ("detail", {"detail": "m"}, None, "m"),
        ("detail", {"detail": [{"msg": "m"}]}, None, '[{"msg":"m"}]'),
        ("base_resp", {"base_resp": {"status_code": 1004, "status_msg": "m"}}, "1004", "m"),
        ("code_message_sid", {"code": 10013, "message": "m", "sid": "s"}, "10013", "m"),
        ("code_message_sid", {"code": "11200", "msg": "m", "Sid": "s", "timeStamp": 1}, "11200", "m"),
        ("code_message_sid", {"code": 20012, "message": "m", "data": None}, "20012", "m"),
        ("error_code_msg", {"error_code": 17, "error_msg": "m", "id": "as-1"}, "17", "m"),
    ],
)
def test_shapes(codec: Dialect, target: Make, shape: str, body: Any, code: Any, words: str) -> None:
    """Every shape is read; it proves a refusal only where it is the vendor's own."""
    error = fail(codec, target(error_shapes=(shape,)), 400, body)
    assert (error.code, error.billed) == (code, Billed.NO)
    assert error.message.endswith(f": {words}")
    other = "detail" if shape == "openai" else "openai"
    assert fail(codec, target(error_shapes=(other,)), 400, body).billed is Billed.UNKNOWN


@pytest.mark.parametrize(
    ("status", "inner", "cls"),
    [
        (400, {"code": "context_length_exceeded"}, ContextLengthError),
        (400, {"type": "exceed_context_size_error", "code": 400}, ContextLengthError),
        (400, {"param": "input_tokens", "code": 400}, ContextLengthError),
        (400, {"message": "This model's maximum context length is 8 tokens"}, ContextLengthError),
        (400, {"code": "content_filter"}, ContentFilteredError),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "m"}, ContentFilteredError),
        (400, {"code": "invalid_api_key"}, AuthenticationError),
        (400, {"code": "Arrearage"}, QuotaExhaustedError),
        (400, {"type": "server_error"}, InvalidRequestError),
        (401, {"code": "model_not_found"}, ModelNotFoundError),
        (429, {"code": "insufficient_quota"}, QuotaExhaustedError),
        (429, {"code": "credit_balance_exhausted", "type": "t"}, QuotaExhaustedError),
        (429, {"code": "x", "type": "insufficient_quota"}, QuotaExhaustedError),
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, RateLimitedError),
        (429, {"code": "engine_overloaded_error"}, OverloadedError),
        (503, {"code": "slow_down"}, OverloadedError),
        (500, {"code": "rate_limit_exceeded"}, ServerError),
    ],
)
def test_general_codes(codec: Dialect, target: Make, status: int, inner: Any, cls: Any) -> None:
    """Codes that mean the same at every vendor win over the status, unless they are vague."""
    assert type(fail(codec, target(), status, {"error": {"message": "m", **inner}})) is cls


def test_vendors_own_table_wins(codec: Dialect, target: Make) -> None:
    """The first line that holds decides the kind, and may say whether it was billed."""
    rules = (
        ErrorRule(
            "quota_exhausted", frozenset({429}), frozenset({"insufficient_quota"}), message_contains=("free",)
        ),
        ErrorRule("rate_limited", frozenset({429}), frozenset({"insufficient_quota"})),
        ErrorRule("content_filtered", codes=frozenset({"1301"}), billed=True),
        ErrorRule("quota_exhausted", frozenset({402}), billed=False),
        ErrorRule("timeout", code_prefixes=("Time.",)),
    )
    quirky = target(errors=rules)

    def error(status: int, code: str, message: str = "m") -> ProviderError:
        return fail(codec, quirky, status, {"error": {"message": message, "code": code}})

    assert type(error(429, "insufficient_quota", "Free quota used up")) is QuotaExhaustedError
    assert type(error(429, "insufficient_quota")) is RateLimitedError
    assert (type(error(400, "1301")), error(400, "1301").billed) == (ContentFilteredError, Billed.YES)
    assert error(402, "x").billed is Billed.NO
    assert (type(error(500, "Time.Out")), error(500, "Time.Out").then) == (ServerError, Then.NEXT)


@pytest.mark.parametrize(
    ("status", "told", "then"),
    [
        (429, "true", Then.RETRY),
        (429, "false", Then.NEXT),
        (500, "false", Then.NEXT),
        (503, "false", Then.NEXT),
        (504, "true", Then.RETRY),
        (400, "true", Then.STOP),
        (401, "true", Then.NEXT),
    ],
)
def test_should_retry(codec: Dialect, target: Make, status: int, told: str, then: Then) -> None:
    """The vendor's word on trying again is heard where trying again makes sense."""
    error = fail(codec, target(), status, {"error": {"message": "m"}}, {"x-should-retry": told})
    assert error.then is then


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({}, {}, None),
        ({"retry-after": "7"}, {}, 7.0),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, {}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, {}, 7.0),
        ({"retry-after-ms": "1.5s"}, {}, 1.5),
        ({"retry-after-ms": "90ms"}, {}, 0.09),
        ({"retry-after-ms": "-5", "retry-after": "7"}, {}, 7.0),
        ({"retry-after": "-3"}, {}, None),
        ({"retry-after": "0"}, {}, 0.0),
        ({"retry-after": "1m30s"}, {}, 90.0),
        ({}, {"metadata": {"headers": {"Retry-After": "17"}}}, 17.0),
        ({"retry-after": "3"}, {"metadata": {"headers": {"Retry-After": 17}}}, 3.0),
        ({}, {"metadata": {"headers": {"X-Reset": "60s"}}}, 60.0),
        ({}, {"metadata": {"headers": ["retry-after"]}}, None),
        ({}, {"retry_after": 3}, 3.0),
        ({}, {"retry_after": "2.5s"}, 2.5),
        ({"x-reset": "6m1s"}, {}, 361.0),
        ({"x-reset": "6m1s", "retry-after": "2"}, {}, 2.0),
    ],
)
def test_waits(codec: Dialect, headers: Any, body: Any, wait: float | None) -> None:
    """Headers first, then the body, then the reset of the rate limit."""
    target = Target("acme", "m-1", Quirks(), rate_reset_headers=("x-reset",))
    assert fail(codec, target, 429, {"error": {"message": "m", **body}}, headers).retry_after_s == wait
    if "x-reset" in headers and "retry-after" not in headers:
        assert fail(codec, target, 503, {"error": {"message": "m"}}, headers).retry_after_s is None


def test_waits_until_a_date() -> None:
    """A date is taken against the given time; one that has passed asks for no wait."""
    headers = {"retry-after": "Sun, 22 Nov 2026 03:32:00 GMT"}
    assert retry_after_s(headers, now=1_795_318_310.0) == 10.0
    assert retry_after_s(headers, now=1_800_000_000.0) == 0.0
    assert seconds("Sun, 22 Nov 2099 03:32:00 GMT") is not None


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 22 Nov 2026 03:32:00 GMT",
        "Sun, 22 Nov 2026 03:32:00 -0000",
        "Sun, 22 Nov 2026 03:32:00",
        "Sunday, 22-Nov-26 03:32:00 GMT",
        "Sun Nov 22 03:32:00 2026",
        "Sun, 22 Nov 2026 11:32:00 +0800",
        "1795318320",
        "1795318320000",
    ],
)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_every_way_to_write_a_date(name: str, date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP's three, with or without a zone, which is UTC then, and Unix time; also under a name that counts
    milliseconds, where a bare number is the only thing that is counted so."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        wait = retry_after_s({name: date}, now=1_795_318_310.0)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert wait == (1_795_318.32 if (name, date) == ("retry-after-ms", "1795318320") else 10.0)


@pytest.mark.parametrize(
    "moment",
    ["2026-11-22T03:32:00Z", "2026-11-22T03:32:00+00:00", "2026-11-22T11:32:00+08:00", "2026-11-22T03:32:00"],
)
def test_waits_until_an_rfc_3339_time(moment: str) -> None:
    """With or without an offset; without one it is UTC."""
    assert seconds(moment, now=1_795_318_310.0) == 10.0
    assert seconds(moment, now=1_800_000_000.0) == 0.0


@pytest.mark.parametrize(
    "value",
    ["", "soon", "nan", "inf", "1e400", "s", "-1", -1, True, None, [1], "9" * 70, float("nan"), 10**400,
     "2026-99-22T03:32:00Z", "2026-11-22T99"],
)  # fmt: skip
def test_waits_that_say_nothing(value: Any) -> None:
    """They are no wait."""
    assert seconds(value) is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("1d2h3m4s", 93784.0),
        ("20", 20.0),
        (3, 3.0),
        (" 1.5s ", 1.5),
        ("2m", 120.0),
    ],
)
def test_durations(value: Any, wait: float) -> None:
    """Numbers are seconds; durations have units."""
    assert seconds(value) == wait


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"x-request-id": "h-1"}, {"request_id": "b-1"}, "h-1"),
        ({"x-own": "o-1", "x-request-id": "h-1"}, {}, "o-1"),
        ({"x-dashscope-request-id": "h-1"}, {}, "h-1"),
        ({}, {"request_id": "b-1"}, "b-1"),
        ({}, {"error": {"message": "m", "request_id": "e-1"}}, "e-1"),
        ({}, {"id": "as-1"}, "as-1"),
        ({}, {"code": 1, "message": "m", "Sid": "s-1"}, "s-1"),
        ({}, {}, None),
    ],
)
def test_request_id(codec: Dialect, headers: Any, body: Any, request_id: str | None) -> None:
    """What names the request for the vendor's support."""
    target = Target("acme", "m-1", Quirks(), request_id_headers=("x-own",))
    assert fail(codec, target, 400, {"error": {"message": "m"}, **body}, headers).request_id == request_id


def test_message(codec: Dialect, target: Make) -> None:
    """Vendor, status, code and the vendor's words, cut short and on one line."""
    error = fail(codec, target(), 400, {"error": {"message": "bad\n  thing", "code": "c"}})
    assert error.message == "acme answered 400 (c): bad thing"
    assert error.body == '{"error": {"message": "bad\\n thing", "code": "c"}}'
    assert fail(codec, target(), 502, b"").message == "acme answered 502"
    assert fail(codec, target(), 502, b"").body is None
    long = fail(codec, target(), 400, {"error": {"message": "word " * 200, "code": 400}})
    assert len(long.message) == len("acme answered 400: ") + 300
    assert long.message.endswith("…")


SECRET = "sk-proj-Ab12Cd34Ef56Gh78Ij90"


def test_keys_are_taken_out(codec: Dialect, target: Make) -> None:
    """Neither the message nor the kept body holds what looks like a key."""
    words = f"Incorrect API key provided: {SECRET}, organization org-AbCdEfGhIj, Bearer abc.def"
    error = fail(codec, target(), 401, {"error": {"message": words}})
    for text in (error.message, error.body or ""):
        assert "Ab12" not in text
        assert "org-Ab" not in text
        assert "abc.def" not in text
    assert "Incorrect API key provided: ***" in error.message


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-abc...wxyz12 is bad", "key *** is bad"),
        ("key ab12****yz is bad", "key *** is bad"),
        ("0123456789abcdef0123456789abcdef.AbCd1234EfGh5678", "***"),
        ("bce-v3/ALTAK-abc/def123 expired", "*** expired"),
        ("Authorization: bearer xyz", "Authorization: bearer ***"),
        ("of org-abcdefghijkl, key=hf_AbCdEfGhIj", "of ***, ***"),
        ("see api-reference and key_id_not_found", "see api-reference and key_id_not_found"),
        ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA", "data:image/png;base64,***"),
        ("model doubao-seed-2-1-pro-260915 is not open", "model doubao-seed-2-1-pro-260915 is not open"),
        ("InvalidEndpointOrModel.ModelIDAccessDisabled", "InvalidEndpointOrModel.ModelIDAccessDisabled"),
        (
            "see https://platform.example.com/account/api-keys",
            "see https://platform.example.com/account/api-keys",
        ),
        ("id 3e1ae270-471f-9bef-a10e-add2239b0270", "id 3e1ae270-471f-9bef-a10e-add2239b0270"),
        ("call_-1234567890123456789", "call_-1234567890123456789"),
        ("organization_spend_limit_exceeded", "organization_spend_limit_exceeded"),
        ("max_tokens must be at least 1", "max_tokens must be at least 1"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    """Keys go; model names, codes, addresses and request ids stay."""
    assert redact(text, 300) == clean


def test_redact_leaves_no_half_of_a_key() -> None:
    """Where the text is cut, it is not cut inside a key."""
    assert "Ab12" not in redact("x " * 590 + SECRET + " y", 300)
    assert redact("a" * 2000, 300) == ""


@pytest.mark.parametrize("text", ["a", "*", "sk-", "bearer ", "=sk-a", "1a", "-", "sk-abcdefgh "])
def test_redact_takes_time_in_proportion(text: str) -> None:
    """No text makes it slow."""
    start = time.perf_counter()
    redact(text * (8000 // len(text)), 2000)
    assert time.perf_counter() - start < 0.5


def test_everything_survives_pickling(codec: Dialect, target: Make) -> None:
    """An error may cross processes."""
    import pickle

    error = fail(codec, target(), 429, {"error": {"message": "m", "code": "slow_down"}}, {"retry-after": "3"})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


@pytest.mark.parametrize(
    ("left", "wait"),
    [(("499", "0"), 20.0), (("0", "900"), 0.02), (("0", "0"), 20.0), (("499", "900"), 20.0)],
)
def test_the_limit_that_is_used_up_says_how_long_to_wait(left: tuple[str, str], wait: float) -> None:
    """Several limits, each with its own reset: requests after 20 ms, tokens after 20 s."""
    headers = {
        "x-ratelimit-reset-requests": "20ms",
        "x-ratelimit-reset-tokens": "20s",
        "x-ratelimit-remaining-requests": left[0],
        "x-ratelimit-remaining-tokens": left[1],
    }
    names = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")
    assert until_reset_s(headers, names) == wait


def test_a_redirect_is_named(codec: Dialect, target: Make) -> None:
    """It is never followed, since the key would go with it; the status says what is wrong with the address."""
    error = codec.decode_error(WireResponse(302, {"location": "http://elsewhere.example/"}, b""), target())
    assert (error.message, error.status) == ("acme answered 302", 302)
