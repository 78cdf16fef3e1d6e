"""What each vendor's replies look like, plain and streamed."""

import re
from typing import Any

import pytest

from minimill.testing import Answer, Counts, ToolCall

SAYS = Answer(text="one two three four five", reasoning="let me think")
ASKED = {"stream": True, "stream_options": {"include_usage": True}}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ALL = ("doubao", "qwen", "glm", "openai", "ernie", "deepseek", "vllm", "llamacpp")


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def test_doubao_plain(sim, call):
    """Ark's ids begin with 02, its choices have no null fields, its usage has both details."""
    sim.configure("doubao", answer=SAYS)
    response = call.post("doubao")
    reply = response.json()
    assert re.fullmatch(r"02\d{13}[0-9a-f]{32}", reply["id"])
    assert response.headers["x-request-id"] == reply["id"]
    assert without(reply, "id", "created") == {
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": "one two three four five",
                    "reasoning_content": "let me think",
                },
            }
        ],
        "model": "m-1",
        "service_tier": "default",
        "object": "chat.completion",
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 8,
            "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    }


def test_doubao_stream(sim, call):
    """The role is in every delta; usage is null but in a last chunk without choices."""
    sim.configure("doubao", answer=SAYS)
    chunks = call.chunks("doubao", stream_options={"include_usage": True})
    assert deltas(chunks) == [
        {"content": "", "reasoning_content": "let me think", "role": "assistant"},
        {"content": "one two three four", "role": "assistant"},
        {"content": " five", "role": "assistant"},
        {"content": "", "role": "assistant"},
    ]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 4
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 8
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert "finish_reason" not in chunks[0]["choices"][0]


def test_doubao_running_usage(sim, call):
    """With `chunk_include_usage` every chunk carries the usage so far."""
    sim.configure("doubao", answer=Answer(text="one two three four five"))
    chunks = call.chunks("doubao", stream_options={"include_usage": True, "chunk_include_usage": True})
    assert [chunk["usage"]["completion_tokens"] for chunk in chunks] == [4, 5, 5, 5]


def test_doubao_parallel_tool_calls(sim, call):
    """Both calls arrive whole, in the chunk with the finish reason."""
    calls = (ToolCall("weather", {"city": "Paris"}), ToolCall("weather", '{"city": "Rome"}'))
    sim.configure("doubao", answer=Answer(tool_calls=calls, reasoning="two cities"))
    chunks = call.chunks("doubao")
    assert len(chunks) == 2
    choice = chunks[1]["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert [one["function"]["arguments"] for one in choice["delta"]["tool_calls"]] == [
        '{"city":"Paris"}',
        '{"city": "Rome"}',
    ]
    assert [one["index"] for one in choice["delta"]["tool_calls"]] == [0, 1]


def test_qwen_plain(sim, call):
    """The id is `chatcmpl-` and the request id; reasoning tokens appear only where there are some."""
    response = call.post("qwen")
    reply = response.json()
    assert reply["id"] == "chatcmpl-" + response.headers["x-request-id"]
    assert reply["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 11,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert without(reply["choices"][0], "message") == {"finish_reason": "stop", "index": 0, "logprobs": None}
    assert list(reply)[:2] == ["choices", "object"]


def test_qwen_stream(sim, call):
    """The role is in the first delta only; content is null beside reasoning."""
    sim.configure("qwen", answer=SAYS)
    chunks = call.chunks("qwen", stream_options={"include_usage": True})
    assert deltas(chunks) == [
        {"content": None, "reasoning_content": "", "role": "assistant"},
        {"content": None, "reasoning_content": "let me think"},
        {"content": "one two three four"},
        {"content": " five"},
        {"content": ""},
    ]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 8,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_qwen_tool_fragments(sim, call):
    """The id is repeated once with an empty name, then ids are empty and the role is null."""
    sim.configure("qwen", answer=Answer(tool_calls=(ToolCall("weather", {"city": "Rome"}, id="call_7"),)))
    fragments = [one["tool_calls"][0] for one in deltas(call.chunks("qwen")) if "tool_calls" in one]
    assert [one["id"] for one in fragments] == ["call_7", "call_7", "", ""]
    assert [one["function"] for one in fragments] == [
        {"name": "weather", "arguments": ""},
        {"name": "", "arguments": ""},
        {"arguments": '{"city":'},
        {"arguments": '"Rome"}'},
    ]


def test_qwen_explicit_cache(sim, call):
    """A cache write is reported under three names."""
    counts = Counts(input_tokens=2000, cached_input_tokens=1486, cache_write_tokens=335)
    sim.configure("qwen", answer=Answer(text="ok", usage=counts))
    assert call.reply("qwen")["usage"]["prompt_tokens_details"] == {
        "cached_tokens": 1486,
        "cache_creation_input_tokens": 335,
        "cache_write_tokens": 335,
        "cache_creation": {"ephemeral_5m_input_tokens": 335},
        "cache_type": "ephemeral",
    }


def test_glm_plain(sim, call):
    """The reply carries its request id in the body."""
    reply = call.reply("glm")
    assert re.fullmatch(r"20\d{12}[0-9a-f]{14}", reply["id"])
    assert reply["request_id"] == reply["id"]
    assert reply["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_glm_stream(sim, call):
    """Usage comes unasked, with the finish reason; other chunks have no usage field at all."""
    sim.configure("glm", answer=SAYS)
    chunks = call.chunks("glm")
    assert deltas(chunks) == [
        {"role": "assistant", "reasoning_content": "let me think"},
        {"role": "assistant", "content": "one two three four"},
        {"role": "assistant", "content": " five"},
        {"role": "assistant", "content": ""},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] == 13
    assert ["usage" in chunk for chunk in chunks] == [False, False, False, True]


def test_glm_tool_call(sim, call):
    """A call comes whole, with an index and a negative number as id, plain and streamed."""
    sim.configure("glm", answer=Answer(tool_calls=(ToolCall("weather", {"city": "Rome"}),)))
    plain = call.reply("glm")["choices"][0]["message"]["tool_calls"][0]
    streamed = deltas(call.chunks("glm"))[0]["tool_calls"][0]
    for found in (plain, streamed):
        assert re.fullmatch(r"call_-\d+", found["id"])
        assert without(found, "id") == {
            "index": 0,
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
        }


def test_openai_plain(sim, call):
    """Reasoning is counted and not shown; limits are told in headers."""
    sim.configure("openai", answer=SAYS)
    response = call.post("openai")
    reply = response.json()
    assert re.fullmatch(r"chatcmpl-[0-9a-f]{29}", reply["id"])
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["x-ratelimit-remaining-requests"] == "9999"
    assert reply["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "one two three four five",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert reply["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 8,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 3,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def test_openai_stream(sim, call):
    """Usage is null until the last chunk when it was asked for, and absent when it was not."""
    sim.configure("openai", answer=Answer(text="one two three four five"))
    asked = call.chunks("openai", stream_options={"include_usage": True})
    assert deltas(asked) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "one two three four"},
        {"content": " five"},
        {},
    ]
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * 4
    assert (asked[-1]["choices"], asked[-1]["usage"]["completion_tokens"]) == ([], 5)
    assert all("usage" not in chunk for chunk in call.chunks("openai"))


def test_openai_tool_fragments(sim, call):
    """Name first, then pieces of the arguments that join to JSON."""
    sim.configure("openai", answer=Answer(tool_calls=(ToolCall("weather", {"city": "Rome"}),)))
    fragments = [one["tool_calls"][0] for one in deltas(call.chunks("openai")) if "tool_calls" in one]
    assert fragments[0]["function"] == {"name": "weather", "arguments": ""}
    assert "".join(one["function"]["arguments"] for one in fragments) == '{"city":"Rome"}'
    assert [one["index"] for one in fragments] == [0, 0, 0]
    assert ["id" in one for one in fragments] == [True, False, False]


def test_ernie_wire(sim, call):
    """Qianfan's ids begin with as-, its choices carry a moderation flag."""
    response = call.post("ernie")
    reply = response.json()
    assert reply["id"].startswith("as-")
    assert response.headers["x-baidu-request-id"]
    assert reply["choices"][0]["flag"] == 0
    chunks = call.chunks("ernie", stream_options={"include_usage": True})
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 11)
    assert all("usage" not in chunk for chunk in chunks[:-1])


def test_deepseek_wire(sim, call):
    """Cache hits and misses add up to the prompt; streamed usage rides on the finish chunk."""
    sim.configure(
        "deepseek", answer=Answer(text="ok", usage=Counts(input_tokens=100, cached_input_tokens=64))
    )
    usage = call.reply("deepseek")["usage"]
    assert (usage["prompt_cache_hit_tokens"], usage["prompt_cache_miss_tokens"]) == (64, 36)
    last = call.chunks("deepseek")[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["prompt_tokens"] == 100
    assert (
        call.http.post(sim.base_url("deepseek") + "/v1/chat/completions", json=call.body()).status_code == 200
    )


def test_vllm_wire(sim, call):
    """Reasoning is called `reasoning`; a cut answer has its finish reason beside the last text."""
    sim.configure("vllm", answer=SAYS)
    assert call.reply("vllm")["choices"][0]["message"]["reasoning"] == "let me think"
    chunks = call.chunks("vllm", max_tokens=5)
    assert deltas(chunks) == [
        {"role": "assistant", "content": ""},
        {"reasoning": "let me think"},
        {"content": "one two"},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    running = call.chunks("vllm", stream_options={"include_usage": True, "continuous_usage_stats": True})
    assert [chunk["usage"]["completion_tokens"] for chunk in running] == [0, 3, 7, 8, 8, 8]


def test_llamacpp_wire(sim, call):
    """Timings come with the usage; with n = 2 usage covers the first choice only, as the server does it."""
    sim.configure("llamacpp", answer=Answer(text="one two three"))
    reply = call.reply("llamacpp", n=2)
    assert "timings" in reply
    assert reply["usage"]["completion_tokens"] == 3
    assert sim.calls[0].output_tokens == 6


@pytest.mark.parametrize("vendor", ALL)
def test_no_usage_without_asking(vendor, sim, call):
    """A stream that did not ask gets no usage, but from the vendors that always send it."""
    chunks = call.chunks(vendor)
    always = vendor in ("glm", "deepseek")
    assert any(chunk.get("usage") for chunk in chunks) is always
    assert all(chunk["choices"] for chunk in chunks)


@pytest.mark.parametrize("vendor", ALL)
def test_stream_and_plain_say_the_same(vendor, sim, call):
    """The joined deltas are the plain answer, for a text with CJK and quotes."""
    text = 'Say "天空为什么是蓝色的" twice \\ and\nonce more'
    sim.configure(vendor, answer=lambda request: Answer(text=request.text))
    plain = call.reply(vendor, text)["choices"][0]["message"]["content"]
    streamed = "".join(delta.get("content") or "" for delta in deltas(call.chunks(vendor, text)))
    assert plain == streamed == text


@pytest.mark.parametrize("vendor", ["openai", "doubao", "qwen", "vllm"])
def test_n_choices(vendor, sim, call):
    """n answers are sent and all are counted; their chunks take turns."""
    sim.configure(vendor, answer=Answer(text="one two three four five"))
    reply = call.reply(vendor, n=3)
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2]
    assert reply["usage"]["completion_tokens"] == 15
    chunks = call.chunks(vendor, n=2)
    indexes = [chunk["choices"][0]["index"] for chunk in chunks]
    assert indexes[:4] == [0, 1, 0, 1]
    assert [record.choices for record in sim.calls] == [3, 2]


@pytest.mark.parametrize("vendor", ALL)
def test_forced_tool(vendor, sim, call):
    """A forced tool is called with the least arguments; OpenAI and vLLM then say stop."""
    forced = {"type": "function", "function": {"name": "weather"}}
    choice = call.reply(vendor, tools=[TOOL], tool_choice=forced)["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":""}'}
    assert choice["finish_reason"] == ("stop" if vendor in ("openai", "vllm") else "tool_calls")


def test_json_schema_answer(sim, call):
    """A schema gets its smallest instance."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "size": {"type": "integer", "minimum": 3}},
        "required": ["name", "size"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}
    content = call.reply("openai", response_format=wanted)["choices"][0]["message"]["content"]
    assert content == '{"name":"","size":3}'


def test_derived_answer_depends_on_the_prompt_alone(sim, call):
    """The same prompt gets the same answer, another one another."""
    first, again, other = (
        call.reply(vendor, text)["choices"][0]["message"]["content"]
        for vendor, text in (("openai", "one"), ("qwen", "one"), ("openai", "two"))
    )
    assert first == again == "You asked: one This is the simulated answer 7a6c86f1."
    assert other != first
