"""Vendors of the `openai_chat` wire: the exact answer for what each sends.

Cases are written from the pages named in the provider files.
"""

import json
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    FinishReason,
    Reasoning,
    Text,
    ToolCall,
)
from minimill._errors import (
    Billed,
    OverloadedError,
    ServerError,
)
from minimill._usage import Usage
from minimill.dialects import WireResponse
from tests.contract.openai_vendors import (
    CODEC,
    counts,
    target,
)

# --- answers ---


def answer(vendor: str, body: Any, model: str = "") -> Answer:
    return CODEC.decode(WireResponse(200, {}, json.dumps(body).encode()), target(vendor, model))


def body_of(message: Any, usage: Any, finish: Any = "stop", **rest: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "x", "model": "m", "choices": [choice], "usage": usage, **rest}


@pytest.mark.parametrize(
    ("vendor", "usage", "expected"),
    [
        (
            "openai",
            counts(
                900,
                50,
                prompt_tokens_details={"cached_tokens": 512, "cache_write_tokens": 300, "audio_tokens": 0},
                completion_tokens_details={
                    "reasoning_tokens": 40,
                    "audio_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            ),
            Usage(900, 50, 512, 300, None, 40, 0, None, 0),
        ),
        (
            "doubao",
            counts(
                90,
                50,
                prompt_tokens_details={"cached_tokens": 0},
                completion_tokens_details={"reasoning_tokens": 44},
            ),
            Usage(90, 50, 0, reasoning_tokens=44),
        ),
        (
            "qwen",
            counts(
                1900,
                50,
                prompt_tokens_details={
                    "cached_tokens": 1486,
                    "cache_creation_input_tokens": 335,
                    "cache_write_tokens": 335,
                    "cache_creation": {"ephemeral_5m_input_tokens": 335},
                    "cache_type": "ephemeral",
                },
                completion_tokens_details=None,
            ),
            Usage(1900, 50, 1486, 335),
        ),
        ("glm", counts(90, 50, prompt_tokens_details={"cached_tokens": 40}), Usage(90, 50, 40)),
        ("ernie", counts(90, 50, cached_tokens=40), Usage(90, 50, 40)),
        ("ernie", counts(90, 50, prompt_tokens_details={"cached_tokens": 30}), Usage(90, 50, 30)),
        (
            "deepseek",
            counts(
                90,
                50,
                prompt_cache_hit_tokens=64,
                prompt_cache_miss_tokens=26,
                prompt_tokens_details={"cached_tokens": 64},
                completion_tokens_details={"reasoning_tokens": 44},
            ),
            Usage(90, 50, 64, reasoning_tokens=44),
        ),
        (
            "vllm",
            counts(
                256,
                17,
                prompt_tokens_details={
                    "cached_tokens": 128,
                    "created_cache_tokens": 128,
                    "multimodal_tokens": None,
                },
                completion_tokens_details={"reasoning_tokens": 0},
            ),
            Usage(256, 17, 128),
        ),
        ("llamacpp", counts(42, 8, prompt_tokens_details={"cached_tokens": 41}), Usage(42, 8, 41)),
        ("moonshot", counts(90, 50, cached_tokens=10), Usage(90, 50, 10)),
        (
            "xai",
            {
                "prompt_tokens": 90,
                "completion_tokens": 10,
                "total_tokens": 400,
                "completion_tokens_details": {"reasoning_tokens": 300},
            },
            Usage(90, 310, reasoning_tokens=300),
        ),
        ("openrouter", counts(90, 50, cost=0.001, is_byok=False), Usage(90, 50, billed_nanos=1_000_000)),
        ("mistral", counts(90, 50, num_cached_tokens=64), Usage(90, 50, 64)),
    ],
)
def test_usage(vendor: str, usage: Any, expected: Usage) -> None:
    """Parts sit in different places and mean the same."""
    assert answer(vendor, body_of({"content": "a"}, usage)).usage == expected


@pytest.mark.parametrize(
    ("vendor", "message", "parts"),
    [
        (
            "doubao",
            {"content": "a", "reasoning_content": "h", "encrypted_content": "SEAL=="},
            (Reasoning("h", "SEAL==", "doubao"), Text("a")),
        ),
        (
            "glm",
            {
                "content": "\n",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_-1234567890123456789",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"北京"}'},
                    }
                ],
            },
            (Text("\n"), ToolCall("call_-1234567890123456789", "weather", '{"city":"北京"}')),
        ),
        ("vllm", {"content": None, "reasoning": "h", "refusal": None}, (Reasoning("h", None, "vllm"),)),
        ("deepseek", {"content": "", "reasoning_content": "h"}, (Reasoning("h", None, "deepseek"),)),
        (
            "mistral",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "h"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Reasoning("h", None, "mistral"), Text("a")),
        ),
        (
            "openrouter",
            {
                "content": "a",
                "reasoning": None,
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "g"}],
            },
            (Reasoning("", '[{"type":"reasoning.encrypted","data":"g"}]', "openrouter", "m"), Text("a")),
        ),
    ],
)
def test_message(vendor: str, message: Any, parts: Any) -> None:
    """Content, thinking and calls, as each vendor writes them."""
    assert answer(vendor, body_of(message, None)).choices[0].message.parts == parts


@pytest.mark.parametrize(
    ("vendor", "choice", "reason"),
    [
        ("glm", {"finish_reason": "sensitive"}, FinishReason.CONTENT_FILTER),
        ("glm", {"finish_reason": "model_context_window_exceeded"}, FinishReason.LENGTH),
        ("ernie", {"finish_reason": "stop", "flag": 0, "ban_round": 0}, FinishReason.STOP),
        ("ernie", {"finish_reason": "stop", "flag": 1, "ban_round": -1}, FinishReason.CONTENT_FILTER),
        (
            "doubao",
            {"finish_reason": "content_filter", "moderation_hit_type": "violence"},
            FinishReason.CONTENT_FILTER,
        ),
        ("vllm", {"finish_reason": "repetition", "stop_reason": None}, FinishReason.UNKNOWN),
    ],
)
def test_finish(vendor: str, choice: Any, reason: FinishReason) -> None:
    """The vendor's words in ours."""
    body = body_of({"content": "a"}, None)
    body["choices"][0].update(choice)
    got = answer(vendor, body).choices[0]
    assert (got.finish_reason, got.finish_reason_raw) == (reason, choice["finish_reason"])


@pytest.mark.parametrize(
    ("vendor", "word", "cls"),
    [
        ("glm", "network_error", ServerError),
        ("deepseek", "insufficient_system_resource", OverloadedError),
        ("vllm", "abort", ServerError),
    ],
)
def test_finish_that_is_a_failure(vendor: str, word: str, cls: Any) -> None:
    """Some vendors say in the finish word that they failed; it is billed as the usage says."""
    with pytest.raises(cls) as caught:
        answer(vendor, body_of({"content": "a"}, counts(9, 1), word))
    assert (caught.value.billed, caught.value.usage) == (Billed.YES, Usage(9, 1))


def test_llamacpp_counts_one_of_several() -> None:
    """With `n` = 2 it counts one answer only; so nobody knows what both used."""
    body = body_of({"content": "a"}, counts(42, 8), "length")
    body["choices"].append({**body["choices"][0], "index": 1})
    assert answer("llamacpp", body).usage is None
    assert answer("vllm", body).usage == Usage(42, 8)


def test_openai_names_the_tier_that_was_billed() -> None:
    """`fast` is billed as priority."""
    assert answer("openai", body_of({"content": "a"}, None, service_tier="fast")).service_tier == "priority"
