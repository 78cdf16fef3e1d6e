"""A whole body becomes exactly this answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from minimill._chat import Answer, FinishReason, Message, Reasoning, Text, TokenLogprob, ToolCall
from minimill._errors import Billed, ContentFilteredError, ProtocolError, ProviderError, ServerError
from minimill._usage import Usage
from minimill.dialects import Target

Make = Callable[..., Target]
Decode = Callable[..., Answer]


def reply(message: Any, finish: Any = "stop", **rest: Any) -> dict[str, Any]:
    return {
        "id": "r-1",
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **rest,
    }


def test_plain_answer(decode: Decode, target: Make) -> None:
    """Text, ids, tier, log probabilities and the raw body."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m-1-2026",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None},
                "logprobs": {"content": [{"token": "Hi", "logprob": -0.1}]},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }
    answer = decode(body, target())
    (choice,) = answer.choices
    assert choice.message == Message("assistant", (Text("Hi."),))
    assert (choice.finish_reason, choice.finish_reason_raw) == (FinishReason.STOP, "stop")
    assert choice.logprobs == (TokenLogprob("Hi", -0.1),)
    assert choice.logprobs_raw == {"content": [{"token": "Hi", "logprob": -0.1}]}
    assert (answer.id, answer.model, answer.service_tier) == ("chatcmpl-1", "m-1-2026", "default")
    assert answer.usage == Usage(9, 2)
    assert answer.raw == body


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": None}, ()),
        ({"content": ""}, ()),
        ({}, ()),
        ({"content": 7}, ()),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, (Text("ab"),)),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "a"}]},
            (Reasoning("hm", None, "acme"), Text("a")),
        ),
        ({"content": ["a", {"x": 1}, None, 3]}, (Text("a"),)),
        ({"content": "a", "reasoning_content": "hm"}, (Reasoning("hm", None, "acme"), Text("a"))),
        ({"content": "a", "reasoning": "hm"}, (Reasoning("hm", None, "acme"), Text("a"))),
        (
            {"content": "a", "reasoning": "hm", "reasoning_content": "hm"},
            (Reasoning("hm", None, "acme"), Text("a")),
        ),
        (
            {"content": "a", "reasoning": "hm", "reasoning_content": ""},
            (Reasoning("hm", None, "acme"), Text("a")),
        ),
        ({"content": "a", "reasoning": {"x": 1}}, (Text("a"),)),
        (
            {
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}],
            },
            (ToolCall("c1", "f", '{"a":1}'),),
        ),
        (
            {
                "tool_calls": [
                    {"function": {"name": "f", "arguments": {"a": "价"}}},
                    {"id": "", "function": {"name": "g"}},
                ]
            },
            (ToolCall("call_r1_0_0", "f", '{"a":"价"}'), ToolCall("call_r1_0_1", "g", "")),
        ),
        ({"tool_calls": []}, ()),
        ({"tool_calls": [None, 3, {}, {"function": None}]}, ()),
        (
            {"tool_calls": {"id": "c1", "function": {"name": "f", "arguments": None}}},
            (ToolCall("c1", "f", ""),),
        ),
        (
            {"tool_calls": [{"id": 7, "function": {"name": "f", "arguments": "{}"}}]},
            (ToolCall("7", "f", "{}"),),
        ),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("call_r1_0_0", "f", "{}"),)),
        (
            {"tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "f", "input": "raw"}}]},
            (ToolCall("c1", "f", "raw"),),
        ),
    ],
)
def test_message(decode: Decode, target: Make, message: Any, parts: Any) -> None:
    """Every form of content, reasoning and tool calls."""
    assert decode(reply(message), target()).choices[0].message == Message("assistant", parts)


def test_sealed_reasoning(decode: Decode, target: Make) -> None:
    """A sealed block is kept with its maker; items are kept as JSON."""
    sealed = target(opaque_reasoning_field="encrypted_content")
    answer = decode(reply({"content": "a", "encrypted_content": "SEAL=="}), sealed)
    assert answer.choices[0].message.parts[0] == Reasoning("", "SEAL==", "acme")
    items = target(opaque_reasoning_field="reasoning_details")
    answer = decode(reply({"reasoning_details": [{"type": "x", "data": "g"}]}), items)
    assert answer.choices[0].message.parts == (Reasoning("", '[{"type":"x","data":"g"}]', "acme"),)


def test_refusal(decode: Decode, target: Make) -> None:
    """The model's words where it declines, in either place."""
    assert decode(reply({"content": None, "refusal": "No."}), target()).choices[0].refusal == "No."
    parts = [{"type": "refusal", "refusal": "No."}]
    assert decode(reply({"content": parts}), target()).choices[0].refusal == "No."


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("repetition", FinishReason.UNKNOWN),
    ],
)
def test_finish_reason(decode: Decode, target: Make, word: str, reason: FinishReason) -> None:
    """Our word, with the vendor's beside it."""
    choice = decode(reply({"content": "a"}, word), target()).choices[0]
    assert (choice.finish_reason, choice.finish_reason_raw) == (reason, word)


@pytest.mark.parametrize("word", [None, "", "null", 3, {"a": 1}])
def test_no_finish_reason(decode: Decode, target: Make, word: Any) -> None:
    """Where none was sent it is unknown, and that is said."""
    choice = decode(reply({"content": "a"}, word), target()).choices[0]
    assert (choice.finish_reason, choice.finish_reason_raw) == (FinishReason.UNKNOWN, None)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", FinishReason.TOOL_CALLS), (None, FinishReason.TOOL_CALLS), ("length", FinishReason.LENGTH)],
)
def test_finish_with_tool_calls(decode: Decode, target: Make, word: Any, reason: FinishReason) -> None:
    """An answer that just stopped with calls waits for their results; one that was cut does not."""
    message = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    choice = decode(reply(message, word), target()).choices[0]
    assert (choice.finish_reason, choice.finish_reason_raw) == (reason, word)


def test_finish_words_of_the_vendor(decode: Decode, target: Make) -> None:
    """The vendor's own words, and the flag of its moderation."""
    quirky = target(finish_reasons={"done": "stop"}, moderation_flag_field="flag")
    assert decode(reply({"content": "a"}, "done"), quirky).choices[0].finish_reason is FinishReason.STOP
    body = reply({"content": "a"})
    body["choices"][0]["flag"] = 1
    assert decode(body, quirky).choices[0].finish_reason is FinishReason.CONTENT_FILTER
    body["choices"][0]["flag"] = 0
    assert decode(body, quirky).choices[0].finish_reason is FinishReason.STOP


def test_finish_word_that_is_an_error(decode: Decode, target: Make) -> None:
    """The vendor failed in the middle: an error, billed as the usage says."""
    quirky = target(finish_errors={"network_error": "server"})
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    with pytest.raises(ServerError, match="network_error") as caught:
        decode(reply({"content": "a"}, "network_error", usage=usage), quirky)
    assert (caught.value.billed, caught.value.usage) == (Billed.YES, Usage(9, 2))


def test_several_answers(decode: Decode, target: Make) -> None:
    """Each with its index; usage that counts one of them only is unknown."""
    body = reply({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 2})
    body["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "length"})
    answer = decode(body, target())
    assert [(c.index, c.message.text) for c in answer.choices] == [(0, "a"), (1, "b")]
    assert answer.usage == Usage(9, 2)
    assert decode(body, target(usage_counts_one_choice=True)).usage is None


def test_tier_names(decode: Decode, target: Make) -> None:
    """The tier that was billed, in the word of the price rows, from the vendor's field."""
    body = reply({"content": "a"}, service_tier="fast", tier="x")
    assert decode(body, target(service_tier_names={"fast": "priority"})).service_tier == "priority"
    assert decode(body, target(service_tier_field="tier")).service_tier == "x"
    assert decode(body, target(service_tier_field=None)).service_tier is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":[null,3]}',
        b'{"choices":{"a":1}}',
        b'{"choices":[{"message":',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_unreadable(decode: Decode, target: Make, body: bytes) -> None:
    """What is no answer is an error whose bill nobody knows."""
    with pytest.raises(ProtocolError) as caught:
        decode(body, target())
    assert caught.value.billed is Billed.UNKNOWN


def test_usage_of_an_unreadable_answer(decode: Decode, target: Make) -> None:
    """It has been paid for, and the error says how much."""
    with pytest.raises(ProtocolError) as caught:
        decode({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}, target())
    assert (caught.value.billed, caught.value.usage) == (Billed.YES, Usage(9, 2))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'\xef\xbb\xbf{"choices":[{"message":{"content":"a"}}]}', "a"),
        (b'\r\n\r\n\n{"choices":[{"message":{"content":"a"}}]}\n', "a"),
        (b'{"choices":[{"message":{"content":"\\ud83d!"}}]}', "\ufffd!"),
        (b'{"choices":[{"message":{"content":"\xff!"}}]}', "\ufffd!"),
        (b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', "a"),
        (b': hi\n\ndata: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n', "a"),
    ],
)
def test_damaged_and_streamed_bodies(decode: Decode, target: Make, body: bytes, text: str) -> None:
    """Byte order marks, keep-alive lines, broken characters and streams do not lose an answer."""
    assert decode(body, target()).choices[0].message.text == text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "no", "code": "boom"}}, "boom"),
        ({"error": "no"}, None),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "1004"),
        ({"code": 10013, "message": "no", "sid": "s"}, "10013"),
        ({"error_code": 336001, "error_msg": "no", "id": "as-1"}, "336001"),
        ({"object": "error", "message": "no", "type": "t", "code": 7}, "7"),
        (
            {"choices": [{"error": {"code": 502, "message": "up"}, "message": {}, "finish_reason": "error"}]},
            "502",
        ),
    ],
)
def test_errors_in_disguise(decode: Decode, target: Make, body: Any, code: str | None) -> None:
    """An error with a good status is an error, and nobody knows whether it was billed."""
    with pytest.raises(ProviderError) as caught:
        decode(body, target())
    assert (caught.value.code, caught.value.status) == (code, 200)
    assert not isinstance(caught.value, ProtocolError)


def test_error_in_disguise_with_usage(decode: Decode, target: Make) -> None:
    """Usage beside the error was billed."""
    body = {
        "error": {"message": "no", "code": "content_filter"},
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
    with pytest.raises(ContentFilteredError) as caught:
        decode(body, target())
    assert (caught.value.billed, caught.value.usage) == (Billed.YES, Usage(9, 2))


def test_status_fields_of_good_answers(decode: Decode, target: Make) -> None:
    """Codes that say all is well are no errors."""
    well = {"code": 0, "message": "Success", "sid": "s", "base_resp": {"status_code": 0}, "error": None}
    body = {**reply({"content": "a"}), **well}
    assert decode(json.dumps(body), target()).choices[0].message.text == "a"
