"""Vendors of the `openai_chat` wire: the exact events of their streams, at every cut.

Cases are written from the pages named in the provider files.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from minimill._chat import (
    ChatRequest,
    Finished,
    FinishReason,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReported,
    user,
)
from minimill._usage import Usage
from minimill.dialects import WireResponse
from tests.contract.openai_vendors import (
    CALLS,
    CODEC,
    STOP,
    bare,
    call,
    counts,
    data,
    delta,
    pieces,
    read,
    target,
)

STREAMS = [
    pytest.param(
        "doubao",
        data(
            delta({"role": "assistant", "content": "", "reasoning_content": "h"}),
            delta({"role": "assistant", "content": "", "encrypted_content": "SEAL=="}),
            delta(
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        call(0, "c1", "weather", '{"city":"A"}'),
                        call(1, "c2", "weather", '{"city":"B"}'),
                    ],
                },
                "tool_calls",
                service_tier="default",
            ),
            {
                "id": "x",
                "choices": [],
                "usage": counts(90, 50, completion_tokens_details={"reasoning_tokens": 30}),
            },
        ),
        [
            ReasoningDelta("h"),
            ToolCallDelta(0, "c1", "weather", '{"city":"A"}'),
            ToolCallDelta(1, "c2", "weather", '{"city":"B"}'),
            CALLS,
            UsageReported(Usage(90, 50, reasoning_tokens=30)),
        ],
        (
            Reasoning("h", "SEAL==", "doubao"),
            ToolCall("c1", "weather", '{"city":"A"}'),
            ToolCall("c2", "weather", '{"city":"B"}'),
        ),
        id="doubao-two-complete-calls-with-the-finish",
    ),
    pytest.param(
        "qwen",
        data(
            delta(
                {"role": "assistant", "content": "", "tool_calls": [call(0, "c1", "weather", "")]}, usage=None
            ),
            delta({"role": None, "content": "", "tool_calls": [call(0, "c1", "", "")]}, usage=None),
            delta({"role": None, "content": "", "tool_calls": [call(0, "", None, '{"city":')]}, usage=None),
            delta({"role": None, "content": "", "tool_calls": [call(0, "", None, ' "A"}')]}, usage=None),
            delta({"role": None, "content": "", "tool_calls": [call(0, "", None, None)]}, usage=None),
            delta({"content": ""}, "tool_calls", usage=None),
            {"id": "x", "choices": [], "usage": counts(90, 50, prompt_tokens_details={"cached_tokens": 0})},
        ),
        [
            ToolCallDelta(0, "c1", "weather"),
            ToolCallDelta(0, arguments='{"city":'),
            ToolCallDelta(0, arguments=' "A"}'),
            CALLS,
            UsageReported(Usage(90, 50, 0)),
        ],
        (ToolCall("c1", "weather", '{"city": "A"}'),),
        id="qwen-repeated-and-empty-ids",
    ),
    pytest.param(
        "glm",
        data(
            {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "h"}}]},
            {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}}]},
            delta(
                {"role": "assistant", "tool_calls": [call(0, "call_-78", "weather", "{}")]},
                "tool_calls",
                usage=counts(9, 5),
            ),
        ),
        [
            ReasoningDelta("h"),
            TextDelta("a"),
            ToolCallDelta(0, "call_-78", "weather", "{}"),
            CALLS,
            UsageReported(Usage(9, 5)),
        ],
        (Reasoning("h", None, "glm"), Text("a"), ToolCall("call_-78", "weather", "{}")),
        id="glm-usage-with-the-finish-and-whole-calls",
    ),
    pytest.param(
        "ernie",
        data(
            {
                "id": "as-1",
                "choices": [{"index": 0, "delta": {"content": "a", "role": "assistant"}, "flag": 0}],
            },
            {
                "id": "as-1",
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop", "flag": 0}],
            },
            {"id": "as-1", "choices": [], "usage": counts(9, 5)},
        ),
        [TextDelta("a"), STOP, UsageReported(Usage(9, 5))],
        (Text("a"),),
        id="ernie",
    ),
    pytest.param(
        "deepseek",
        data(
            ": keep-alive\n\n",
            "\n\n",
            delta({"role": "assistant", "content": None, "reasoning_content": ""}, usage=None),
            delta({"content": None, "reasoning_content": "h"}, usage=None),
            ": keep-alive\n\n",
            delta({"content": "a", "reasoning_content": None}, usage=None),
            delta(
                {"content": "", "reasoning_content": None},
                "stop",
                usage=counts(9, 5, prompt_cache_hit_tokens=0),
            ),
        ),
        [ReasoningDelta("h"), TextDelta("a"), STOP, UsageReported(Usage(9, 5, 0))],
        (Reasoning("h", None, "deepseek"), Text("a")),
        id="deepseek-keep-alive",
    ),
    pytest.param(
        "vllm",
        data(
            delta({"role": "assistant", "content": ""}, usage=counts(9, 0)),
            delta({"reasoning": "h"}, usage=counts(9, 1)),
            delta(
                {
                    "tool_calls": [
                        {"id": "c1", "type": "function", "index": 0, "function": {"name": "weather"}}
                    ]
                }
            ),
            delta({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, usage=counts(9, 4)),
            delta({"content": ""}, "tool_calls", usage=counts(9, 5)),
            {"id": "x", "choices": [], "usage": counts(9, 5, prompt_tokens_details={"cached_tokens": 0})},
        ),
        [
            UsageReported(Usage(9, 0)),
            ReasoningDelta("h"),
            UsageReported(Usage(9, 1)),
            ToolCallDelta(0, "c1", "weather"),
            ToolCallDelta(0, arguments="{}"),
            UsageReported(Usage(9, 4)),
            CALLS,
            UsageReported(Usage(9, 5)),
            UsageReported(Usage(9, 5, 0)),
        ],
        (Reasoning("h", None, "vllm"), ToolCall("c1", "weather", "{}")),
        id="vllm-running-usage",
    ),
    pytest.param(
        "llamacpp",
        data(
            delta({"role": "assistant", "content": None}),
            delta({"content": "a"}),
            delta({}, "length", timings={"cache_n": 5, "prompt_n": 4, "predicted_n": 2, "predicted_ms": 1.5}),
        ),
        [TextDelta("a"), Finished(FinishReason.LENGTH, "length"), UsageReported(Usage(9, 2, 5))],
        (Text("a"),),
        id="llamacpp-timings-stand-in-for-usage",
    ),
    pytest.param(
        "moonshot",
        data(
            delta({"role": "assistant", "content": ""}),
            delta({"content": "a"}),
            {
                "id": "x",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": counts(9, 5)}],
            },
        ),
        [TextDelta("a"), STOP, UsageReported(Usage(9, 5))],
        (Text("a"),),
        id="moonshot-usage-inside-the-choice",
    ),
    pytest.param(
        "minimax",
        data(
            delta({"role": "assistant", "reasoning_content": "h", "reasoning_details": [{"text": "h"}]}),
            delta({"reasoning_content": "hm"}),
            delta({"content": "a"}),
            delta({"content": "b"}, "stop"),
            {
                "id": "x",
                "choices": [],
                "usage": counts(9, 5),
                "base_resp": {"status_code": 0, "status_msg": ""},
            },
        ),
        [
            ReasoningDelta("h"),
            ReasoningDelta("m"),
            TextDelta("a"),
            TextDelta("b"),
            STOP,
            UsageReported(Usage(9, 5)),
        ],
        (Reasoning("hm", '[{"text":"h"}]', "minimax"), Text("ab")),
        id="minimax-content-with-the-finish",
    ),
    pytest.param(
        "minimax",
        data(
            delta({"role": "assistant", "content": "a"}),
            {
                "id": "x",
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "ab", "reasoning_content": "h"},
                    }
                ],
                "usage": counts(9, 5),
            },
            end="",
        ),
        [TextDelta("a"), ReasoningDelta("h"), TextDelta("b"), STOP, UsageReported(Usage(9, 5))],
        (Reasoning("h", None, "minimax"), Text("ab")),
        id="minimax-whole-message-at-the-end",
    ),
    pytest.param(
        "spark",
        data(
            f"data:{json.dumps(bare({'role': 'assistant', 'content': 'a'}, created=1))}\n\n",
            f"data:{json.dumps(bare({'role': 'assistant', 'content': 'b'}, created=2, usage=counts(9, 5)))}\n\n",
            end="data:[DONE]\n\n",
        ),
        [TextDelta("a"), TextDelta("b"), UsageReported(Usage(9, 5))],
        (Text("ab"),),
        id="spark-no-finish-reason",
    ),
    pytest.param(
        "hunyuan",
        data(
            delta({"role": "assistant", "content": "", "reasoning_content": ""}, "", note="n"),
            delta({"reasoning_content": "", "tool_calls": [call(0, "c1", "weather", "")]}, "", note="n"),
            delta({"reasoning_content": "", "tool_calls": [call(0, "c1", "", "{}")]}, "", note="n"),
            delta({"content": "Using a tool.", "reasoning_content": ""}, "", note="n"),
            delta({"reasoning_content": ""}, "tool_calls", note="n"),
        ),
        [
            ToolCallDelta(0, "c1", "weather"),
            ToolCallDelta(0, arguments="{}"),
            TextDelta("Using a tool."),
            CALLS,
        ],
        (Text("Using a tool."), ToolCall("c1", "weather", "{}")),
        id="hunyuan-text-after-the-call-and-no-usage",
    ),
    pytest.param(
        "siliconflow",
        data(
            delta({"role": "assistant", "content": "a"}, usage=counts(9, 1)),
            delta({"content": "b"}, usage=counts(9, 2)),
            delta({"content": ""}, "stop", usage=counts(9, 3)),
        ),
        [
            TextDelta("a"),
            UsageReported(Usage(9, 1)),
            TextDelta("b"),
            UsageReported(Usage(9, 2)),
            STOP,
            UsageReported(Usage(9, 3)),
        ],
        (Text("ab"),),
        id="siliconflow-running-total",
    ),
    pytest.param(
        "groq",
        data(
            delta({"role": "assistant", "content": ""}, x_groq={"id": "q"}),
            delta({"reasoning": "h", "channel": "analysis"}),
            delta({"content": "a"}),
            delta({}, "stop", x_groq={"id": "q", "usage": counts(9, 5)}),
        ),
        [ReasoningDelta("h"), TextDelta("a"), STOP, UsageReported(Usage(9, 5))],
        (Reasoning("h", None, "groq"), Text("a")),
        id="groq-usage-in-its-own-table",
    ),
    pytest.param(
        "openrouter",
        data(
            ": OPENROUTER PROCESSING\n\n",
            delta(
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning": "h",
                    "reasoning_details": [{"type": "t", "text": "h"}],
                }
            ),
            delta({"role": "assistant", "content": "a"}),
            delta({"role": "assistant", "content": ""}, "stop"),
            delta({"role": "assistant", "content": ""}, "stop", usage=counts(9, 5, cost=0.1)),
        ),
        [ReasoningDelta("h"), TextDelta("a"), STOP, UsageReported(Usage(9, 5, billed_nanos=100_000_000))],
        (Reasoning("h", '[{"type":"t","text":"h"}]', "openrouter", "m"), Text("a")),
        id="openrouter-finish-repeated",
    ),
]


@pytest.mark.parametrize(("vendor", "stream", "events", "message"), STREAMS)
def test_stream(vendor: str, stream: bytes, events: Any, message: Any) -> None:
    """The events and the answer are these at every cut."""
    aim = target(vendor)
    for parts in pieces(stream):
        got, whole = read(aim, parts)
        assert got == events
        assert whole.choices[0].message.parts == message
        reported = [event.usage for event in events if isinstance(event, UsageReported)]
        assert whole.usage == (reported[-1] if reported else None)


def test_spark_ends_for_reasons_of_its_own() -> None:
    """No finish reason was sent: that is said."""
    stream = next(case.values[1] for case in STREAMS if case.id == "spark-no-finish-reason")
    _, whole = read(target("spark"), [stream])
    assert (whole.choices[0].finish_reason, whole.choices[0].finish_reason_raw) == (
        FinishReason.UNKNOWN,
        None,
    )


def test_a_vendor_that_only_streams_is_collected() -> None:
    """A plain call asks for a stream, and its answer is put together."""
    aim = replace(target("qwen", "qwen-plus"), quirks=replace(target("qwen").quirks, stream_only=True))
    assert json.loads(CODEC.encode(ChatRequest((user("hi"),)), aim, stream=False).body)["stream"] is True
    body = data(
        delta({"content": "a"}), delta({"content": "b"}, "stop"), {"choices": [], "usage": counts(9, 5)}
    )
    whole = CODEC.decode(WireResponse(200, {"content-type": "text/event-stream"}, body), aim)
    assert (whole.choices[0].message.text, whole.usage) == ("ab", Usage(9, 5))
