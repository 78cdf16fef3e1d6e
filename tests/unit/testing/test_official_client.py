"""The vendor's own client talks to the simulator on both wires, and reads what minimill reads."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

import minimill
from minimill.testing import Answer, Fault, Simulator, ToolCall

SAYS = Answer(text="It is warm in Lyon.", reasoning="let me think")
CALLS = Answer(tool_calls=[ToolCall("weather", {"city": "Lyon"}), ToolCall("weather", {"city": "Nice"})])
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}
ASKED = "How warm is it?"
ARGUMENTS = [("weather", {"city": "Lyon"}), ("weather", {"city": "Nice"})]


@pytest.fixture
def official(sim: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sim.base_url("openai"), api_key=sim.key, max_retries=0) as client:
        yield client


def config(sim: Simulator, dialect: str) -> dict[str, Any]:
    table = {"base_url": sim.base_url("openai"), "dialect": dialect}
    return {"ledger": "memory:", "providers": {"openai": table}}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, sim: Simulator) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", sim.key)


def ours(sim: Simulator, dialect: str, *, stream: bool, tools: bool) -> minimill.Reply:
    """What minimill reads."""
    options: dict[str, Any] = {"model": "openai:gpt-6-luna", "max_output_tokens": 100}
    if tools:
        options["tools"] = [minimill.Tool("weather", "", PARAMETERS)]
    with minimill.SyncClient(config(sim, dialect)) as client:
        if not stream:
            return client.chat(ASKED, **options)
        with client.stream(ASKED, **options) as events:
            for _ in events:
                pass
            reply = events.reply
    assert reply is not None
    return reply


def calls_of(reply: minimill.Reply) -> list[tuple[str, Any]]:
    return [(call.name, call.parsed()) for call in reply.tool_calls]


def test_responses(sim: Simulator, official: openai.OpenAI, key: None) -> None:
    """Text and usage, plain and streamed."""
    sim.configure("openai", answer=SAYS)
    plain = official.responses.create(model="gpt-6-luna", input=ASKED)
    assert plain.output_text == "It is warm in Lyon."
    assert plain.usage is not None
    pieces, last = [], None
    for event in official.responses.create(model="gpt-6-luna", input=ASKED, stream=True):
        if event.type == "response.output_text.delta":
            pieces.append(event.delta)
        if event.type == "response.completed":
            last = event.response
    assert last is not None
    assert "".join(pieces) == last.output_text == plain.output_text
    assert last.usage == plain.usage
    for stream in (False, True):
        reply = ours(sim, "openai_responses", stream=stream, tools=False)
        assert reply.text == plain.output_text
        assert reply.usage is not None
        assert reply.usage.input_tokens == plain.usage.input_tokens
        assert reply.usage.output_tokens == plain.usage.output_tokens
        assert reply.usage.reasoning_tokens == plain.usage.output_tokens_details.reasoning_tokens == 3


def test_tools_by_responses(sim: Simulator, official: openai.OpenAI, key: None) -> None:
    """Two calls at once, and the turn after them."""
    sim.configure("openai", answer=CALLS)
    reply = official.responses.create(model="gpt-6-luna", input=ASKED, tools=[TOOL])  # type: ignore[list-item]
    items = [item for item in reply.output if item.type == "function_call"]
    assert [(item.name, json.loads(item.arguments)) for item in items] == ARGUMENTS
    with official.responses.stream(model="gpt-6-luna", input=ASKED, tools=[TOOL]) as events:  # type: ignore[list-item]
        final = events.get_final_response()
    streamed = [item for item in final.output if item.type == "function_call"]
    assert [(item.name, json.loads(item.arguments)) for item in streamed] == ARGUMENTS
    for stream in (False, True):
        assert calls_of(ours(sim, "openai_responses", stream=stream, tools=True)) == ARGUMENTS
    sim.configure("openai", answer=SAYS)
    results = [{"type": "function_call_output", "call_id": item.call_id, "output": "21"} for item in items]
    again = official.responses.create(
        model="gpt-6-luna",
        input=[{"role": "user", "content": ASKED}, *reply.output, *results],  # type: ignore[list-item]
    )
    assert again.output_text == "It is warm in Lyon."


def test_chat_completions(sim: Simulator, official: openai.OpenAI, key: None) -> None:
    """The same on the older wire."""
    sim.configure("openai", answer=SAYS)
    messages: Any = [{"role": "user", "content": ASKED}]
    plain = official.chat.completions.create(model="gpt-6-luna", messages=messages)
    assert plain.choices[0].message.content == "It is warm in Lyon."
    assert plain.usage is not None
    chunks = list(
        official.chat.completions.create(
            model="gpt-6-luna", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[-1].usage == plain.usage
    for stream in (False, True):
        reply = ours(sim, "openai_chat", stream=stream, tools=False)
        assert reply.text == text
        assert reply.usage is not None
        assert reply.usage.output_tokens == plain.usage.completion_tokens == 8


def test_tools_by_chat_completions(sim: Simulator, official: openai.OpenAI, key: None) -> None:
    """The same calls on the older wire."""
    sim.configure("openai", answer=CALLS)
    messages: Any = [{"role": "user", "content": ASKED}]
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
    reply = official.chat.completions.create(model="gpt-6-luna", messages=messages, tools=tools)
    calls = reply.choices[0].message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == ARGUMENTS
    for stream in (False, True):
        assert calls_of(ours(sim, "openai_chat", stream=stream, tools=True)) == ARGUMENTS


def test_errors(sim: Simulator, official: openai.OpenAI) -> None:
    """Refusals, and a response that fails in mid-stream, are errors to the vendor's client too."""
    sim.program("openai", [Fault.status(429), Fault.error_in_stream(after=1, message="it broke")])
    with pytest.raises(openai.RateLimitError) as limited:
        official.responses.create(model="gpt-6-luna", input=ASKED)
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.APIError, match="it broke"):
        list(official.responses.create(model="gpt-6-luna", input=ASKED, stream=True))
    with pytest.raises(openai.BadRequestError, match="Unknown parameter"):
        official.responses.create(model="gpt-6-luna", input=ASKED, extra_body={"stop": "x"})
