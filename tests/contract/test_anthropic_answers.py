"""Messages answers and refusals: the exact wire in, our words out.

Cases are written from https://platform.claude.com/docs/en/api/messages and https://platform.claude.com/docs/en/api/errors
"""

import datetime as dt
import json
from typing import Any

import pytest

from minimill._chat import Answer, FinishReason, Reasoning, Text, ToolCall
from minimill._errors import (
    AuthenticationError,
    Billed,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    Then,
)
from minimill._money import Money
from minimill._pricing import Situation, cost
from minimill._usage import Usage
from minimill.catalog import find_model, load_provider
from minimill.dialects import Target, WireResponse, get_dialect

CODEC = get_dialect("anthropic")
MODEL = "claude-opus-5-5"
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def target() -> Target:
    provider = load_provider("anthropic")
    return Target(
        "anthropic",
        MODEL,
        provider.models[MODEL].quirks,
        provider.errors,
        provider.request_id_headers,
        provider.retry_after_headers,
        provider.rate_reset_headers,
    )


def message(*content: Any, stop: Any = "end_turn", usage: Any = None, **rest: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 5} if usage is None else usage,
        **rest,
    }


def decode(body: Any) -> Answer:
    return CODEC.decode(WireResponse(200, {}, json.dumps(body).encode()), target())


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_every_kind_of_block() -> None:
    """Blocks keep their order; those of the vendor's own are sealed whole."""
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
    answer = decode(
        message(
            {"type": "thinking", "thinking": "hm", "signature": "SIG=="},
            {"type": "redacted_thinking", "data": "EuYB=="},
            search,
            {**text("a"), "citations": [{"type": "web_search_result_location", "url": "https://e.example"}]},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": [1, "é"]}},
            text(""),
            {"type": "brand_new", "x": 1},
            stop="tool_use",
        )
    )
    (choice,) = answer.choices
    assert choice.message.parts == (
        Reasoning("hm", "SIG==", "anthropic", MODEL),
        Reasoning("", '{"type":"redacted_thinking","data":"EuYB=="}', "anthropic", MODEL),
        Reasoning("", json.dumps(search, separators=(",", ":")), "anthropic"),
        Text("a"),
        ToolCall("toolu_1", "f", '{"b":[1,"é"]}'),
        Reasoning("", '{"type":"brand_new","x":1}', "anthropic"),
    )
    assert (choice.finish_reason, choice.finish_reason_raw) == (FinishReason.TOOL_CALLS, "tool_use")
    assert (answer.id, answer.model, answer.usage) == ("msg_1", MODEL, Usage(9, 5))
    assert answer.raw is not None and answer.raw["content"][3]["citations"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("pause_turn", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("refusal", FinishReason.CONTENT_FILTER),
        ("brand_new", FinishReason.UNKNOWN),
        (None, FinishReason.UNKNOWN),
    ],
)
def test_stop_reasons(word: str | None, reason: FinishReason) -> None:
    (choice,) = decode(message(text("a"), stop=word)).choices
    assert (choice.finish_reason, choice.finish_reason_raw) == (reason, word)


def test_a_refusal_without_content() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No exploits."}
    answer = decode(message(stop="refusal", stop_details=details))
    (choice,) = answer.choices
    assert (choice.message.parts, choice.refusal) == ((), "No exploits.")
    assert answer.usage == Usage(9, 5)


FULL = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 600,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 30},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    "service_tier": "standard",
    "inference_geo": "global",
}
NONE = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (FULL, Usage(1000, 50, 600, 300, 100, 30, units={"web_search": 2, "web_fetch": 1})),
        ({"input_tokens": 9, "output_tokens": 5, **NONE}, Usage(9, 5, 0, 0, 0)),
        # nothing said of caches: not known to be none
        ({"input_tokens": 9, "output_tokens": 5}, Usage(9, 5)),
        # no lifetimes: not known
        (
            {**FULL, "cache_creation": None},
            Usage(1000, 50, 600, 300, None, 30, units={"web_search": 2, "web_fetch": 1}),
        ),
        # lifetimes without their total
        (
            {"input_tokens": 1, "output_tokens": 5, "cache_read_input_tokens": 0,
             "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}},
            Usage(6, 5, 0, 5, 3),
        ),
        # lifetimes that exceed their total: the total wins
        (
            {"input_tokens": 1, "output_tokens": 5, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 0,
             "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}},
            Usage(5, 5, 0, 4, 3, oddities=("cache_creation_input_tokens 4 is not 2 + 3",)),
        ),
        # more thinking than output
        (
            {"input_tokens": 1, "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 6}, **NONE},
            Usage(1, 5, 0, 0, 0, 5, oddities=("reasoning_tokens 6 outside 0..5",)),
        ),
        # a summary made on the way is billed, but not in the totals
        (
            {"input_tokens": 10, "output_tokens": 5, **NONE,
             "iterations": [
                 {"type": "compaction", "input_tokens": 900, "output_tokens": 40, **NONE},
                 {"type": "message", "input_tokens": 10, "output_tokens": 5, **NONE},
             ]},
            Usage(910, 45, 0, 0),
        ),
        # another model worked too, at a price of its own
        (
            {"input_tokens": 10, "output_tokens": 5, **NONE,
             "iterations": [
                 {"type": "message", "input_tokens": 10, "output_tokens": 5, **NONE},
                 {"type": "advisor_message", "model": "claude-fable-5", "input_tokens": 9, "output_tokens": 9},
             ]},
            None,
        ),
        ({"output_tokens": 5}, None),
        ({"input_tokens": 9}, None),
        ({"input_tokens": -9, "output_tokens": 5}, None),
        ({"input_tokens": 0, "output_tokens": 5, **NONE}, None),
        ({"input_tokens": 9, "output_tokens": 0}, None),
        ("none", None),
    ],
)  # fmt: skip
def test_usage(usage: Any, expected: Usage | None) -> None:
    """The prompt is the sum of three counts; what is missing is unknown, and totals win over parts."""
    assert decode(message(text("a"), usage=usage)).usage == expected


def test_the_cost_of_caches_by_lifetime_and_of_searches() -> None:
    """100 fresh, 600 read, 200 and 100 written, 50 out, two searches, at 4, 0.20, 5, 8, 20 USD and 10 USD for 1,000."""
    answer = decode(message(text("a"), usage=FULL))
    assert answer.usage is not None
    when = Situation(NOW, NOW, service_tier=None, explicit_cache=True, long_cache=True)
    bill = cost(answer.usage, find_model(f"anthropic:{MODEL}").model.rows, when)
    assert bill.money == Money.of("0.02332 USD")
    assert bill.exact


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "standard"}, None),  # where is not said, and one place is dearer
        ({"service_tier": "standard", "inference_geo": "global"}, "standard"),
        ({"service_tier": "priority", "speed": "standard"}, "priority"),
        ({"service_tier": "standard", "inference_geo": "us"}, "us"),
        ({"service_tier": "standard", "inference_geo": "not_available"}, "standard"),
        ({"service_tier": "standard", "speed": "fast", "inference_geo": "us"}, "fast us"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"service_tier": "standard", "speed": "standard"}, None),
        ({"speed": "fast"}, "fast"),
        ({}, None),
    ],
)
def test_the_tier_that_was_billed(usage: dict[str, Any], tier: str | None) -> None:
    body = message(text("a"), usage={"input_tokens": 9, "output_tokens": 5, **usage})
    assert decode(body).service_tier == tier


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'"a"', b"<html>", b"{}", b'{"type":"message","content":null}', b'{"type":"message"}',
        b'{"content":"a"}',
    ],
)  # fmt: skip
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        CODEC.decode(WireResponse(200, {}, body), target())
    assert caught.value.billed is Billed.UNKNOWN


def test_an_unreadable_answer_still_says_what_it_cost() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode({**message(), "content": 7})
    assert (caught.value.usage, caught.value.billed) == (Usage(9, 5), Billed.YES)


def refusal(status: int, kind: str, words: str, headers: Any = None, **error: Any) -> ProviderError:
    body = {
        "type": "error",
        "error": {"type": kind, "message": words, **error},
        "request_id": "req_body",
    }
    return CODEC.decode_error(WireResponse(status, headers or {}, json.dumps(body).encode()), target())


ERRORS = [
    (400, "invalid_request_error", "max_tokens: required", InvalidRequestError, Then.STOP, Billed.NO),
    (400, "invalid_request_error", "prompt is too long: 1000001 tokens > 1000000 maximum", ContextLengthError,
     Then.LONGER_CONTEXT, Billed.NO),
    (400, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on"
     " 2026-12-01 at 00:00 UTC.", QuotaExhaustedError, Then.NEXT, Billed.NO),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
     QuotaExhaustedError, Then.NEXT, Billed.NO),
    (401, "authentication_error", "wrong credentials", AuthenticationError, Then.NEXT, Billed.NO),
    (402, "billing_error", "no credit", QuotaExhaustedError, Then.NEXT, Billed.UNKNOWN),
    (403, "permission_error", "not allowed", PermissionDeniedError, Then.NEXT, Billed.NO),
    (404, "not_found_error", "model: claude-x", ModelNotFoundError, Then.NEXT, Billed.NO),
    (409, "conflict_error", "conflict", InvalidRequestError, Then.NEXT, Billed.UNKNOWN),
    (413, "request_too_large", "Request exceeds the maximum size", InvalidRequestError, Then.NEXT, Billed.UNKNOWN),
    (429, "rate_limit_error", "slow down", RateLimitedError, Then.NEXT, Billed.NO),
    (500, "api_error", "Internal server error", ServerError, Then.RETRY, Billed.NO),
    (504, "timeout_error", "timed out", ServerError, Then.NEXT, Billed.UNKNOWN),
    (529, "overloaded_error", "Overloaded", OverloadedError, Then.RETRY, Billed.NO),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "words", "cls", "then", "billed"), ERRORS)
def test_errors(
    status: int, kind: str, words: str, cls: type[ProviderError], then: Then, billed: Billed
) -> None:
    """Each says what it is, what a route does next, and whether it was billed."""
    error = refusal(status, kind, words)
    assert type(error) is cls
    assert (error.then, error.billed) == (then, billed)
    assert (error.status, error.code, error.request_id) == (status, kind, "req_body")
    assert words.split(":")[0][:20] in error.message


def test_the_monthly_limit_of_the_tier_is_no_rate_limit() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    error = refusal(429, "rate_limit_error", "limit", details=details)
    assert isinstance(error, QuotaExhaustedError)
    assert error.code == "enforced_spend_limit_reached"
    assert error.billed is Billed.NO


def test_how_long_to_wait() -> None:
    """`retry-after` comes first; else the time at which a limit refills."""
    reset = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {"anthropic-ratelimit-input-tokens-reset": reset, "request-id": "req_head"}
    error = refusal(429, "rate_limit_error", "x", headers)
    assert error.retry_after_s is not None and 80 < error.retry_after_s <= 90
    assert error.request_id == "req_head"
    assert refusal(429, "rate_limit_error", "x", {**headers, "retry-after": "7"}).retry_after_s == 7
    assert refusal(529, "overloaded_error", "x", headers).retry_after_s is None


def test_an_error_in_a_good_status() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(OverloadedError) as caught:
        decode(body)
    assert (caught.value.status, caught.value.billed) == (200, Billed.UNKNOWN)
