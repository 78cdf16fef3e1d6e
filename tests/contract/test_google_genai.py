"""Google's own client talks to the simulated Gemini and reads the same as minimill does."""

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types

import minimill
from minimill.testing import Answer, Counts, Fault, Simulator, ToolCall

pytestmark = pytest.mark.anyio

MODEL = "gemini-3.8-flash"
SAYS = Answer(text="one two three four five six", reasoning="let me think", usage=Counts(100, 9, 90, 0, 3))
CALLS = Answer(tool_calls=[ToolCall("weather", {"city": "Rome"}), ToolCall("weather", {"city": "Oslo"})])
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
THINK = types.GenerateContentConfig(
    thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW)
)


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("GEMINI_API_KEY", "sim-key")
    with Simulator(["gemini"]) as running:
        yield running


@pytest.fixture
def google(sim: Simulator) -> Iterator[genai.Client]:
    client = genai.Client(
        api_key=sim.key,
        http_options=types.HttpOptions(base_url=sim.base_url("gemini"), api_version="v1beta"),
    )
    yield client
    client.close()


def ours(sim: Simulator) -> minimill.Client:
    return minimill.Client({"providers": {"gemini": {"base_url": sim.base_url("gemini")}}, "ledger": "memory:"})


def same_counts(usage: minimill.Usage | None, counts: types.GenerateContentResponseUsageMetadata | None) -> None:
    assert usage is not None and counts is not None
    assert usage.input_tokens == counts.prompt_token_count
    assert usage.output_tokens == (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
    assert usage.total_tokens == counts.total_token_count
    assert usage.reasoning_tokens == counts.thoughts_token_count
    assert usage.cached_input_tokens == counts.cached_content_token_count


def thoughts(response: types.GenerateContentResponse) -> str:
    assert response.candidates and response.candidates[0].content
    return "".join(part.text or "" for part in response.candidates[0].content.parts or () if part.thought)


async def test_plain(sim: Simulator, google: genai.Client) -> None:
    """Text, thoughts, counts, finish reason; both ask for the same, in either spelling of the wire."""
    sim.configure("gemini", answer=SAYS)
    theirs = google.models.generate_content(model=MODEL, contents="hello", config=THINK)
    async with ours(sim) as client:
        reply = await client.chat("hello", model=f"gemini:{MODEL}", reasoning="low", max_output_tokens=99)
    assert reply.text == theirs.text == SAYS.text
    assert reply.message.reasoning == thoughts(theirs) == SAYS.reasoning
    assert theirs.candidates
    assert theirs.candidates[0].finish_reason == types.FinishReason.STOP
    same_counts(reply.usage, theirs.usage_metadata)
    first, second = (dict(call.body) for call in sim.calls)
    assert first["contents"] == second["contents"]
    assert first["generationConfig"] == {
        "thinkingConfig": {"include_thoughts": True, "thinking_level": "LOW"}
    }
    assert second["generationConfig"] == {
        "maxOutputTokens": 99,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    }


async def test_stream(sim: Simulator, google: genai.Client) -> None:
    """The same pieces put together."""
    sim.configure("gemini", answer=SAYS)
    chunks = list(google.models.generate_content_stream(model=MODEL, contents="hello", config=THINK))
    async with ours(sim) as client, client.stream("hello", model=f"gemini:{MODEL}", reasoning="low") as stream:
        reply = await stream.collect()
    assert "".join(chunk.text or "" for chunk in chunks) == reply.text == SAYS.text
    assert "".join(map(thoughts, chunks)) == reply.message.reasoning
    same_counts(reply.usage, chunks[-1].usage_metadata)


async def test_tools_over_two_turns(sim: Simulator, google: genai.Client) -> None:
    """Calls with arguments and signatures, which both send back as the vendor wants them."""
    sim.configure("gemini", answer=CALLS)
    declared = types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    chat = google.chats.create(model=MODEL, config=config)
    theirs = chat.send_message("weather?")
    async with ours(sim) as client:
        tools = [minimill.Tool("weather", parameters=SCHEMA)]
        messages = [minimill.user("weather?")]
        reply = await client.chat(messages, model=f"gemini:{MODEL}", tools=tools)
        assert [(call.name, call.parsed()) for call in reply.message.tool_calls] == [
            (call.name, call.args) for call in theirs.function_calls or ()
        ]
        sim.configure("gemini", answer=None)
        results = [minimill.ToolResult(call.id, "sunny") for call in reply.message.tool_calls]
        messages += [reply.message, minimill.tool(*results)]
        last = await client.chat(messages, model=f"gemini:{MODEL}", tools=tools)
    made = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"}))
        for call in theirs.function_calls or ()
    ]
    answer = chat.send_message(made)
    assert last.text == answer.text
    turns = [call.body["contents"][1]["parts"] for call in sim.calls if len(call.body["contents"]) == 3]
    signed = [[part.get("thoughtSignature") for part in turn] for turn in turns]
    assert signed == [["c2lnbmVkIGJ5IGdlbWluaS0zLjgtZmxhc2g=", None]] * 2


async def test_structured(sim: Simulator, google: genai.Client) -> None:
    """An answer by a schema."""
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=SCHEMA)
    theirs = google.models.generate_content(model=MODEL, contents="hello", config=config)
    async with ours(sim) as client:
        reply = await client.chat("hello", model=f"gemini:{MODEL}", response_format=minimill.JsonSchema(SCHEMA))
    assert reply.text == theirs.text == '{"city":""}'
    bodies = [call.body["generationConfig"] for call in sim.calls]
    assert bodies[0].items() <= bodies[1].items()


async def test_long_answers(sim: Simulator, google: genai.Client) -> None:
    """Both go on with an answer that was broken off, and both add up what each part was billed."""
    sim.configure("gemini", answer=Answer(text="one two three four five six"), hop_tokens=2)
    theirs = google.models.generate_content(model="gemini-4-argon", contents="count")
    async with ours(sim) as client:
        reply = await client.chat("count", model="gemini:gemini-4-argon")
    assert reply.text == theirs.text == "one two three four five six"
    assert theirs.usage_metadata and reply.usage
    assert reply.usage.total_tokens == theirs.usage_metadata.total_token_count
    assert reply.usage.input_tokens == theirs.usage_metadata.prompt_token_count
    assert len(sim.calls) == 2 * len(reply.attempts) == 6


async def test_errors(sim: Simulator, google: genai.Client) -> None:
    """The vendor's code and word reach both; so does an error in the middle of a stream."""
    sim.program("gemini", [Fault.status(404), Fault.status(404)])
    with pytest.raises(genai.errors.ClientError) as theirs:
        google.models.generate_content(model=MODEL, contents="hello")
    async with ours(sim) as client:
        with pytest.raises(minimill.ModelNotFoundError) as mine:
            await client.chat("hello", model=f"gemini:{MODEL}")
        assert (theirs.value.code, theirs.value.status) == (mine.value.status, "NOT_FOUND") == (404, "NOT_FOUND")
        sim.program("gemini", [Fault.error_in_stream(after=1), Fault.error_in_stream(after=1)])
        with pytest.raises(genai.errors.APIError) as broken:
            list(google.models.generate_content_stream(model=MODEL, contents="hello"))
        assert broken.value.code == 500
        async with client.stream("hello", model=f"gemini:{MODEL}") as stream:
            with pytest.raises(minimill.ServerError) as failed:
                await stream.collect()
    assert failed.value.partial.choices[0].message.text == "You asked: hello This"
