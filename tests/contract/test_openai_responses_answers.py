"""Whole answers of `openai_responses`: the exact message, usage, finish reason and error.

https://github.com/openai/openai-python/blob/HEAD/src/openai/types/responses/response.py
"""

import datetime as dt
import json
from typing import Any

import pytest

from minimill._chat import Answer, ChatRequest, FinishReason, Reasoning, Text, TokenLogprob, ToolCall, user
from minimill._errors import (
    AuthenticationError,
    Billed,
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    ProtocolError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    UnpricedModelError,
)
from minimill._usage import Usage
from minimill.catalog import find_model
from minimill.dialects import Target, WireResponse
from minimill.dialects._responses_usage import usage_in
from tests.contract.openai_responses import (
    CODEC,
    call,
    data,
    end,
    message,
    plain_target,
    response,
    target,
    thought,
    usage,
)


def decode(body: Any, aim: Target | None = None) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CODEC.decode(WireResponse(200, {}, sent), aim or plain_target())


def failed(body: Any, aim: Target | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        decode(body, aim)
    return caught.value


def test_a_plain_answer() -> None:
    """Text, id, model, tier, usage and the body."""
    body = response(message("hello"), service_tier="priority")
    answer = decode(body)
    (choice,) = answer.choices
    assert choice.message.parts == (Text("hello"),)
    assert (choice.finish_reason, choice.finish_reason_raw) == (FinishReason.STOP, "completed")
    assert (answer.id, answer.model, answer.service_tier) == ("resp_1", "m-1-2026", "priority")
    assert answer.usage == Usage(9, 2)
    assert answer.raw == body


def test_thoughts_words_and_calls_keep_their_order() -> None:
    """Each thought is its own sealed part: shown as its summary, kept whole but for null fields."""
    body = response(
        thought("First.", "Second."),
        message("Looking.", phase="commentary"),
        thought(sealed="gBBB"),
        call("c1", "f", '{"a": 1}'),
        call("c2", "g", ""),
    )
    (choice,) = decode(body).choices
    sealed = (
        '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"First."},'
        '{"type":"summary_text","text":"Second."}],"encrypted_content":"gAAA=="}'
    )
    assert choice.message.parts == (
        Reasoning("First.\n\nSecond.", sealed, "acme"),
        Reasoning("", '{"type":"message","phase":"commentary"}', "acme"),
        Text("Looking."),
        Reasoning("", '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gBBB"}', "acme"),
        ToolCall("c1", "f", '{"a": 1}'),
        ToolCall("c2", "g", ""),
    )
    assert choice.finish_reason is FinishReason.TOOL_CALLS
    assert choice.finish_reason_raw == "completed"


def test_the_next_turn_carries_the_answer_back() -> None:
    """What was decoded is encoded to the same items, but for ids that the vendor did not store."""
    items = [
        thought("s"),
        message("Looking.", phase="commentary"),
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        call("c1", "f", "{}", namespace="n"),
        {"type": "custom_tool_call", "id": "ct_1", "call_id": "c2", "name": "sql", "input": "SELECT 1"},
    ]
    answer = decode(response(*items), target())
    assert answer.choices[0].message.tool_calls == (ToolCall("c1", "f", "{}"), ToolCall("c2", "sql", "SELECT 1"))
    sent = CODEC.encode(ChatRequest((user("hi"), answer.choices[0].message)), target(), stream=False)
    assert json.loads(sent.body)["input"][1:] == [
        {key: value for key, value in items[0].items() if value is not None},
        {"role": "assistant", "content": "Looking.", "phase": "commentary"},
        items[2],
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "namespace": "n"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "sql", "input": "SELECT 1"},
    ]


def test_thoughts_in_full_where_there_is_no_summary() -> None:
    """As open models send them."""
    item = {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    (choice,) = decode(response(item, message("a"))).choices
    assert choice.message.reasoning == "hm"


def test_a_refusal() -> None:
    """It is no text; the response is complete."""
    item = {"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "I won't."}]}
    (choice,) = decode(response(item)).choices
    assert (choice.message.text, choice.refusal) == ("", "I won't.")
    assert choice.finish_reason is FinishReason.STOP


def test_logprobs_have_the_shape_of_chat_completions() -> None:
    """A list under `content`."""
    entry = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    item = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "a", "logprobs": [entry]}]}
    (choice,) = decode(response(item)).choices
    assert choice.logprobs == (TokenLogprob("a", -0.1, b"a"),)
    assert choice.logprobs_raw == {"content": [entry]}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("steered", FinishReason.UNKNOWN),
    ],
)
def test_an_incomplete_response(reason: str, finish: FinishReason) -> None:
    """Its reason is the vendor's word; thinking may have used up all of the limit."""
    body = response(thought(), status="incomplete", incomplete_details={"reason": reason}, usage=usage(9, 64))
    answer = decode(body)
    assert (answer.choices[0].finish_reason, answer.choices[0].finish_reason_raw) == (finish, reason)
    assert answer.choices[0].message.text == ""
    assert answer.usage == Usage(9, 64)


def test_calls_that_were_cut_are_not_asked_for() -> None:
    """The last one may be half a call."""
    body = response(call("c", "f", "{"), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert decode(body).choices[0].finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            usage(
                100, 30,
                input_tokens_details={
                    "cached_tokens": 40, "cache_write_tokens": 50,
                    "cache_write_tokens_details": {"ttl_30m_tokens": 20, "ttl_12h_tokens": 30},
                },
                output_tokens_details={"reasoning_tokens": 25},
            ),
            Usage(100, 30, 40, 50, 30, 25),
        ),
        (usage(100, 30, input_tokens_details={"cached_tokens": 0}), Usage(100, 30, 0)),
        ({"input_tokens": 9, "total_tokens": 11}, Usage(9, 2)),
        (
            {"input_tokens": 9, "output_tokens": 2, "total_tokens": 20},
            Usage(9, 11, oddities=("total_tokens 20 is not 9 + 2",)),
        ),
        (
            usage(9, 2, output_tokens_details={"reasoning_tokens": 5}),
            Usage(9, 2, reasoning_tokens=2, oddities=("reasoning_tokens 5 outside 0..2",)),
        ),
        (None, None),
        ({}, None),
        (usage(0, 0), None),
        (usage(9, 0), None),
        ({"input_tokens": "x", "output_tokens": 2}, None),
    ],
)  # fmt: skip
def test_usage(raw: Any, expected: Usage | None) -> None:
    """Parts by lifetime; a missing part is unknown; totals win; an answer counted as nothing was not counted."""
    assert decode(response(message("a"), usage=raw)).usage == expected


def test_searches_are_counted() -> None:
    """They are billed a call."""
    answer = decode(response(message("a"), tool_usage={"web_search": {"num_requests": 2}}))
    assert answer.usage == Usage(9, 2, units={"web_search": 2})


ERRORS = [
    ({"code": "server_error", "message": "m"}, ServerError),
    ({"code": "rate_limit_exceeded", "message": "m"}, RateLimitedError),
    ({"code": "insufficient_quota", "message": "m"}, QuotaExhaustedError),
    ({"code": "invalid_prompt", "message": "m"}, InvalidRequestError),
    ({"code": "data_residency_mismatch", "message": "m"}, InvalidRequestError),
    ({"code": "bio_policy", "message": "m"}, ContentFilteredError),
    ({"code": "misalignment_policy_violation", "message": "m"}, ContentFilteredError),
    ({"code": "image_content_policy_violation", "message": "m"}, ContentFilteredError),
    ({"code": "image_too_large", "message": "m"}, InvalidRequestError),
    ({"code": "vector_store_timeout", "message": "m"}, ServerError),
    ({"code": "context_length_exceeded", "message": "m"}, ContextLengthError),
    ({"message": "m"}, ServerError),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_a_failed_response(error: Any, kind: type[ProviderError]) -> None:
    """By its code; without usage nobody can tell whether it was billed."""
    raised = failed(response(status="failed", error=error, usage=None), target())
    assert type(raised) is kind
    assert (raised.status, raised.billed, raised.request_id) == (200, Billed.UNKNOWN, "resp_1")


def test_a_failed_response_that_was_billed() -> None:
    """It tells usage, or said something before it failed."""
    error = {"code": "server_error", "message": "m"}
    raised = failed(response(status="failed", error=error), target())
    assert (raised.billed, raised.usage) == (Billed.YES, Usage(9, 2))
    raised = failed(response(message("he"), status="failed", error=error, usage=None), target())
    assert (raised.billed, raised.usage) == (Billed.YES, None)


def test_failed_without_an_error() -> None:
    """The status is enough."""
    assert type(failed(response(status="failed", usage=None))) is ServerError


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_response_that_is_not_over(status: str) -> None:
    """The beginning of an answer is none; its usage is kept."""
    error = failed(response(message("a"), status=status))
    assert type(error) is ProtocolError
    assert status in error.message
    assert error.usage == Usage(9, 2)


@pytest.mark.parametrize(
    "body", [b"", b"no", b"[]", b'"x"', b"{}", b'{"status":"completed","output":null}', b'{"choices":[]}']
)
def test_no_answer(body: bytes) -> None:
    """It may have been billed."""
    error = failed(body)
    assert type(error) is ProtocolError
    assert error.billed is Billed.UNKNOWN


def test_a_stream_where_a_body_was_expected() -> None:
    """It is collected."""
    assert decode(data(end(message("hello")))).choices[0].message.text == "hello"


def test_odd_items() -> None:
    """What is no item is passed over; an unknown kind is kept for the next turn; a content may be text."""
    body = response(None, "x", {"no": "type"}, {"type": "new_kind", "x": 1}, {**message("a"), "content": "plain"})
    (choice,) = decode(body).choices
    assert choice.message.parts == (Reasoning("", '{"type":"new_kind","x":1}', "acme"), Text("plain"))


def test_arguments_that_are_no_text_and_calls_without_an_id() -> None:
    """As JSON; the id is made of the response's, and lasts."""
    items = [{"type": "function_call", "name": "f", "arguments": {"a": 1}}]
    assert decode(response(*items)).choices[0].message.tool_calls == (ToolCall("call_resp1_0_0", "f", '{"a":1}'),)


@pytest.mark.parametrize(
    ("status", "error", "kind", "billed"),
    [
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error"}, ContextLengthError, Billed.NO),
        (400, {"code": "unsupported_parameter", "type": "invalid_request_error"}, InvalidRequestError, Billed.NO),
        (400, {"code": "model_not_found", "type": "invalid_request_error"}, ModelNotFoundError, Billed.NO),
        (401, {"code": "invalid_api_key", "type": "invalid_request_error"}, AuthenticationError, Billed.NO),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, QuotaExhaustedError, Billed.NO),
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, RateLimitedError, Billed.NO),
        (500, {"code": None, "type": "server_error"}, ServerError, Billed.NO),
        (502, {"code": None, "type": "server_error"}, ServerError, Billed.UNKNOWN),
    ],
)
def test_refusals(status: int, error: Any, kind: type[ProviderError], billed: Billed) -> None:
    """By status and code, as on the vendor's other wire."""
    sent = json.dumps({"error": {"message": "m", "param": None, **error}}).encode()
    headers = {"x-request-id": "req_1", "retry-after": "2"}
    raised = CODEC.decode_error(WireResponse(status, headers, sent), target())
    assert type(raised) is kind
    assert (raised.billed, raised.status, raised.request_id) == (billed, status, "req_1")
    assert raised.retry_after_s == 2.0


@pytest.mark.parametrize(
    ("kinds", "told", "units"),
    [
        (["file_search_call", "file_search_call"], {}, {"file_search": 2}),
        (["code_interpreter_call"], {}, {"code_interpreter": 1}),
        (["image_generation_call"], {}, {"image_generation": 1}),
        (["web_search_call"], {}, {"web_search": 1}),
        (["web_search_call"], {"web_search": {"num_requests": 3}}, {"web_search": 3}),
        (["web_search_call"], {"web_search": {"num_requests": 0}}, {}),
        (["function_call", 7, None], {}, {}),
    ],
)
def test_what_the_vendor_ran_is_counted(kinds: list[Any], told: dict[str, Any], units: dict[str, int]) -> None:
    """By the vendor's own count, else item by item. What has no price makes the cost unknown, never nothing."""
    body = response(message("a"), tool_usage=told)
    body["output"] = [*body["output"], *({"type": kind} if isinstance(kind, str) else kind for kind in kinds)]
    usage = usage_in(body, answered=True)
    assert usage is not None
    assert usage.units == units


def test_fees_of_searches_are_in_the_bill() -> None:
    """gpt-5.5: 10 dollars for a thousand searches of the web, 2.50 of files; a code interpreter has no price here."""
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    offer = find_model("openai:gpt-5.5")

    def cost(**units: int) -> str:
        return str(offer.charge(Usage(0, 0, 0, 0, 0, reasoning_tokens=0, units=units), at).money)

    assert (cost(web_search=3), cost(file_search=2), cost(web_search=1, file_search=1)) == (
        "$0.03", "$0.005", "$0.0125",
    )  # fmt: skip
    with pytest.raises(UnpricedModelError, match="code_interpreter was used and has no price"):
        cost(code_interpreter=1)
