"""Vendors of the `openai_chat` wire: the exact request for each.

Cases are written from the pages named in the provider files.
"""

import json
from typing import Any

import pytest

from minimill._chat import (
    ChatRequest,
    Image,
    JsonSchema,
    NamedTool,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    system,
    tool,
    user,
)
from minimill._errors import (
    Billed,
    InvalidRequestError,
)
from tests.contract.openai_vendors import (
    CODEC,
    WEATHER,
    WIRE_WEATHER,
    target,
)

# --- request in, wire out ---

IMAGE = Image(data=b"\x89PNG")
THOUGHT = (
    user("q"),
    assistant(
        [
            Reasoning("hm", "SEAL==", "doubao"),
            Reasoning("hm", None, "deepseek"),
            ToolCall("c1", "weather", "{}"),
        ]
    ),
    tool(ToolResult("c1", "sunny")),
)
TURN = {"role": "assistant", "content": None}
TURN_CALLS = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
HI = [{"role": "user", "content": "hi"}]


def request(**fields: Any) -> ChatRequest:
    return ChatRequest(fields.pop("messages", (user("hi"),)), **fields)


@pytest.mark.parametrize(
    ("vendor", "model", "asked", "stream", "body"),
    [
        pytest.param(
            "openai",
            "gpt-4.1-mini",
            request(
                messages=(system("Be brief."), user("hi")), max_output_tokens=50, temperature=0.2, user="u"
            ),
            True,
            {
                "messages": [{"role": "system", "content": "Be brief."}, *HI],
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_completion_tokens": 50,
                "temperature": 0.2,
                "user": "u",
                "service_tier": "default",
            },
            id="openai",
        ),
        pytest.param(
            "openai",
            "gpt-5-mini",
            request(messages=(system("Be brief."), user("hi")), max_output_tokens=50, reasoning="minimal"),
            False,
            {
                "messages": [{"role": "developer", "content": "Be brief."}, *HI],
                "max_completion_tokens": 50,
                "service_tier": "default",
                "reasoning_effort": "minimal",
            },
            id="openai-reasoning",
        ),
        pytest.param(
            "openai",
            "gpt-5.4",
            request(tools=(WEATHER,), tool_choice=NamedTool("weather"), parallel_tool_calls=False),
            False,
            {
                "messages": HI,
                "tools": [WIRE_WEATHER],
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
                "parallel_tool_calls": False,
                "service_tier": "default",
                "reasoning_effort": "none",
            },
            id="openai-tools-need-effort-none",
        ),
        pytest.param(
            "openai",
            "gpt-5.6-sol",
            request(messages=(user([Text("long", cache=True), Text("q")]),), service_tier="flex"),
            False,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "text",
                                "text": "long",
                                "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"},
                            },
                            {"type": "text", "text": "q"},
                        ],
                    }
                ],
                "service_tier": "flex",
            },
            id="openai-cache-mark",
        ),
        pytest.param(
            "doubao",
            "doubao-seed-2-1-pro-260915",
            request(messages=THOUGHT, max_output_tokens=50, reasoning="low", tools=(WEATHER,)),
            True,
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {
                        **TURN,
                        "reasoning_content": "hm",
                        "encrypted_content": "SEAL==",
                        "tool_calls": TURN_CALLS,
                    },
                    RESULT,
                ],
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_completion_tokens": 50,
                "tools": [WIRE_WEATHER],
                "reasoning_effort": "low",
            },
            id="doubao",
        ),
        pytest.param(
            "doubao",
            "doubao-seed-2-1-turbo-260628",
            request(messages=(user([IMAGE]),), reasoning=False),
            False,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image_url",
                                "image_url": {"url": "data:image/png;base64,iVBORw=="},
                            }
                        ],
                    }
                ],
                "thinking": {"type": "disabled"},
            },
            id="doubao-image",
        ),
        pytest.param(
            "qwen",
            "qwen-plus",
            request(messages=(user(["a", "b"]),), max_output_tokens=50, reasoning=512),
            True,
            {
                "messages": [{"role": "user", "content": "ab"}],
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_tokens": 50,
                "enable_search": False,
                "enable_thinking": True,
                "thinking_budget": 512,
            },
            id="qwen",
        ),
        pytest.param(
            "qwen",
            "qwen-plus",
            request(messages=(user([Text("a", cache=True), Text("json b")]),), response_format="json"),
            False,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                            {"type": "text", "text": "json b"},
                        ],
                    }
                ],
                "response_format": {"type": "json_object"},
                "enable_search": False,
                "enable_thinking": False,
            },
            id="qwen-cache-mark-and-json",
        ),
        pytest.param(
            "glm",
            "glm-4.6",
            request(
                messages=(user(["q", IMAGE]),),
                max_output_tokens=50,
                tools=(WEATHER,),
                tool_choice="auto",
                user="u-1234",
            ),
            True,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "q"},
                            {"type": "image_url", "image_url": {"url": "iVBORw=="}},
                        ],
                    }
                ],
                "stream": True,
                "max_tokens": 50,
                "tools": [WIRE_WEATHER],
                "tool_choice": "auto",
                "user_id": "u-1234",
            },
            id="glm",
        ),
        pytest.param(
            "glm",
            "glm-5.3",
            request(reasoning="max"),
            False,
            {"messages": HI, "reasoning_effort": "max"},
            id="glm-effort",
        ),
        pytest.param(
            "ernie",
            "ernie-4.5-turbo-128k",
            request(max_output_tokens=50, response_format=JsonSchema({"type": "object"}, strict=False)),
            True,
            {
                "messages": HI,
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_tokens": 50,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": False},
                },
            },
            id="ernie",
        ),
        pytest.param(
            "deepseek",
            "deepseek-flash",
            request(messages=THOUGHT, max_output_tokens=50, tools=(WEATHER,), user="u"),
            True,
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {**TURN, "reasoning_content": "hm", "tool_calls": TURN_CALLS},
                    RESULT,
                ],
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_tokens": 50,
                "tools": [WIRE_WEATHER],
                "user_id": "u",
            },
            id="deepseek-reasoning-back-with-tools",
        ),
        pytest.param(
            "deepseek",
            "deepseek-flash",
            request(messages=THOUGHT, reasoning=False),
            False,
            {
                "messages": [{"role": "user", "content": "q"}, {**TURN, "tool_calls": TURN_CALLS}, RESULT],
                "thinking": {"type": "disabled"},
            },
            id="deepseek-no-reasoning-back-without-tools",
        ),
        pytest.param(
            "vllm",
            "any",
            request(max_output_tokens=50, reasoning=16, extra={"top_k": 5, "chat_template_kwargs": {"x": 1}}),
            False,
            {
                "messages": HI,
                "max_completion_tokens": 50,
                "chat_template_kwargs": {"enable_thinking": True, "x": 1},
                "thinking_token_budget": 16,
                "top_k": 5,
            },
            id="vllm",
        ),
        pytest.param(
            "llamacpp",
            "any",
            request(max_output_tokens=50, n=2, seed=3),
            True,
            {
                "messages": HI,
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_tokens": 50,
                "seed": 3,
                "n": 2,
            },
            id="llamacpp",
        ),
        pytest.param(
            "mistral",
            "",
            request(max_output_tokens=50),
            True,
            {"messages": HI, "stream": True, "max_tokens": 50},
            id="mistral-takes-no-stream-options",
        ),
        pytest.param(
            "openrouter",
            "",
            request(
                messages=(
                    user("q"),
                    assistant([Reasoning("h", '[{"data":"g"}]', "openrouter"), Text("a")]),
                    user("r"),
                )
            ),
            False,
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {
                        "role": "assistant",
                        "content": "a",
                        "reasoning": "h",
                        "reasoning_details": [{"data": "g"}],
                    },
                    {"role": "user", "content": "r"},
                ]
            },
            id="openrouter-sealed-items-back",
        ),
    ],
)
def test_request(vendor: str, model: str, asked: ChatRequest, stream: bool, body: Any) -> None:
    """The body is this one, to the field."""
    aim = target(vendor, model)
    sent = CODEC.encode(asked, aim, stream=stream)
    assert json.loads(sent.body) == {"model": aim.model, **body}
    assert sent.path == "/chat/completions"


@pytest.mark.parametrize(
    ("vendor", "model", "asked", "words"),
    [
        ("openai", "gpt-5-mini", request(stop=("x",)), "does not take stop"),
        ("openai", "gpt-5-mini", request(temperature=0.5), "does not take temperature"),
        ("openai", "gpt-5.4", request(tools=(WEATHER,), reasoning="high"), "'high' together with tools"),
        ("openai", "gpt-4.1", request(reasoning="high"), "does not take reasoning"),
        ("doubao", "doubao-seed-2-1-pro-260915", request(max_output_tokens=65_537), "it takes 1 to 65536"),
        ("doubao", "doubao-seed-2-0-pro-260215", request(presence_penalty=1.0), "presence_penalty"),
        ("qwen", "qwen-plus", request(temperature=2.0), "temperature 2.0"),
        (
            "qwen",
            "qwen-plus",
            request(tools=(WEATHER,), tool_choice="required"),
            "it takes one of auto, none, named",
        ),
        (
            "qwen",
            "qwen3.7-max",
            request(tools=(WEATHER,), tool_choice=NamedTool("weather")),
            "tool_choice 'named'; it takes one of auto, none",
        ),
        ("qwen", "qwen-plus", request(response_format="json"), "the word 'json'"),
        ("glm", "glm-4.6", request(tools=(WEATHER,), tool_choice="none"), "tool_choice 'none'"),
        ("glm", "glm-5.3", request(reasoning=False), "reasoning off; it takes low, high, max"),
        ("glm", "glm-4.6", request(temperature=1.5), "temperature 1.5; it takes 0 to 1"),
        ("deepseek", "deepseek-flash", request(n=2), "n 2; it takes at most 1"),
        ("llamacpp", "", request(tools=(WEATHER,), tool_choice="required"), "it takes one of auto, none"),
    ],
)
def test_request_that_the_model_refuses(vendor: str, model: str, asked: ChatRequest, words: str) -> None:
    """Said before anything is sent, with the model's name."""
    aim = target(vendor, model)
    with pytest.raises(InvalidRequestError) as caught:
        CODEC.encode(asked, aim, stream=False)
    assert words in caught.value.message
    assert f"{vendor}:{aim.model}" in caught.value.message
    assert caught.value.billed is Billed.NO
