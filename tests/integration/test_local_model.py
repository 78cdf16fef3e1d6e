"""The chat features against a real server with a real small model, named by MINIMILL_LOCAL_URL.

`scripts/local-model start` starts one (llama.cpp); MINIMILL_TEST_LOCAL_SERVER=vllm says that it is vLLM, started with
`--enable-auto-tool-choice --tool-call-parser hermes`. Answers of a 135M model mean little, so only their form, counts
and limits are looked at.
"""

import json
import os

import anyio
import pytest

import minimill

URL = os.environ.get("MINIMILL_LOCAL_URL", "")
KEY = os.environ.get("MINIMILL_TEST_LOCAL_KEY", "test-key")
MODEL = os.environ.get("MINIMILL_TEST_LOCAL_MODEL", "smollm2-135m-instruct")
SERVER = os.environ.get("MINIMILL_TEST_LOCAL_SERVER", "llamacpp")
"""Whose provider file is used."""
NAME = f"{SERVER}:{MODEL}"
HOLDS_TO_TOOLS = SERVER == "vllm"
"""Whether the server makes a model call a tool; the other answers in plain text, as its provider file says."""
COUNTS_ALL = SERVER == "vllm"
"""Whether usage counts all answers of a request."""
WEATHER = minimill.Tool(
    "get_weather",
    "The weather of a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
    strict=True,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not URL, reason="MINIMILL_LOCAL_URL names no server; scripts/local-model start gives one"
    ),
]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The server by its provider file, at one and two units per million, under a cap."""
    monkeypatch.setenv("LOCAL_KEY", KEY)
    price = {"currency": "USD", "input_per_mtok": 1, "output_per_mtok": 2}
    local = {"base_url": URL, "key_env": "LOCAL_KEY", "models": [{"id": MODEL, "prices": [price]}]}
    return {"providers": {SERVER: local}, "ledger": "memory:", "budgets": {"all": {"limit": "1 USD"}}}


async def settled_and_held(client: minimill.Client) -> tuple[int, int]:
    await client.spend()
    (balance,) = await client.balance("all")
    return balance.settled_nanos, balance.held_nanos


async def test_a_plain_answer_is_billed_by_its_usage(config: dict[str, object]) -> None:
    """Tokens counted by the server, inside the ceiling worked out before."""
    async with minimill.Client(config) as client:
        reply = await client.chat("Say hello.", model=NAME, max_output_tokens=16)
        assert reply.text
        assert reply.usage is not None and 0 < reply.usage.output_tokens <= 16
        bill = reply.usage.input_tokens * 1_000 + reply.usage.output_tokens * 2_000
        assert await settled_and_held(client) == (bill, 0)
        (attempt,) = reply.attempts
        assert attempt.reserved is not None and attempt.charged is not None
        assert attempt.charged <= attempt.reserved


async def test_a_stream_gives_the_same_kind_of_reply(config: dict[str, object]) -> None:
    """Deltas joined are the text; usage comes at the end."""
    async with minimill.Client(config) as client:
        async with client.stream("Count to five.", model=NAME, max_output_tokens=24) as stream:
            pieces = [event.text async for event in stream if isinstance(event, minimill.TextDelta)]
        assert len(pieces) > 1
        assert "".join(pieces) == stream.reply.text
        assert stream.reply.usage is not None and stream.reply.usage.output_tokens <= 24
        assert (await settled_and_held(client))[1] == 0


async def test_the_limit_ends_the_answer(config: dict[str, object]) -> None:
    """Cut by the limit, and said so."""
    async with minimill.Client(config) as client:
        reply = await client.chat("Write a long story about the sea.", model=NAME, max_output_tokens=8)
    assert reply.finish_reason is minimill.FinishReason.LENGTH
    assert reply.usage is not None and reply.usage.output_tokens == 8


async def test_a_cancelled_call_stays_charged(config: dict[str, object]) -> None:
    """Nobody knows what a vendor bills for half an answer: the hold stands."""
    async with minimill.Client(config) as client:
        with anyio.move_on_after(1.0):
            async with client.stream(
                "Write a very long story.", model=NAME, max_output_tokens=1_000
            ) as stream:
                async for _ in stream:
                    pass
        settled, held = await settled_and_held(client)
        assert (settled, held > 0) == (0, True)
        (hold,) = await client.holds()
        assert hold.unconfirmed


async def test_a_schema_is_followed(config: dict[str, object]) -> None:
    """JSON with the asked-for keys, from a model too small to be trusted with it."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "maximum": 120},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    async with minimill.Client(config) as client:
        reply = await client.chat(
            "Ada is 36 years old.",
            model=NAME,
            response_format=minimill.JsonSchema(schema),
            max_output_tokens=100,
            temperature=0,
        )
    assert set(json.loads(reply.text)) == {"name", "age"}


async def test_several_answers(config: dict[str, object]) -> None:
    """Where the server counts one of them only, their usage is unknown and the hold stands."""
    async with minimill.Client(config) as client:
        reply = await client.chat("Say a word.", model=NAME, n=2, max_output_tokens=8, seed=1)
        assert [choice.index for choice in reply.choices] == [0, 1]
        settled, held = await settled_and_held(client)
        (attempt,) = reply.attempts
        assert attempt.reserved is not None and attempt.charged is not None
        if COUNTS_ALL:
            assert reply.usage is not None and 2 < reply.usage.output_tokens <= 16
            assert (settled, held) == (attempt.charged.nanos, 0)
        else:
            assert reply.usage is None
            assert (settled, held) == (0, attempt.reserved.nanos)


async def test_json_without_a_schema(config: dict[str, object]) -> None:
    """It parses, if the limit leaves it time to end."""
    async with minimill.Client(config) as client:
        reply = await client.chat(
            'Answer in JSON such as {"name": "Ada"}.',
            model=NAME,
            response_format="json",
            max_output_tokens=200,
            temperature=0,
        )
    if reply.finish_reason is minimill.FinishReason.STOP:
        assert isinstance(json.loads(reply.text), dict)
    else:
        assert reply.text.lstrip().startswith("{")


async def test_a_stop_string_ends_the_answer(config: dict[str, object]) -> None:
    """And is not part of it."""
    async with minimill.Client(config) as client:
        reply = await client.chat(
            "Repeat: one two three four five", model=NAME, stop=[" "], max_output_tokens=64, temperature=0
        )
    assert " " not in reply.text
    assert reply.finish_reason is minimill.FinishReason.STOP


async def test_a_seed_repeats_the_answer(config: dict[str, object]) -> None:
    async with minimill.Client(config) as client:
        texts = {
            (
                await client.chat("Tell me a story.", model=NAME, seed=7, temperature=1.0, max_output_tokens=12)
            ).text
            for _ in range(2)
        }
    assert len(texts) == 1


async def test_logprobs(config: dict[str, object]) -> None:
    """One for each token of the answer, none above 0, with as many others as were asked for."""
    async with minimill.Client(config) as client:
        reply = await client.chat("Say hello.", model=NAME, top_logprobs=2, max_output_tokens=4)
    found = reply.logprobs
    assert found is not None and 0 < len(found) <= 4
    assert all(token.logprob <= 0 and len(token.top) == 2 for token in found)


async def test_a_tool_that_has_to_be_called(config: dict[str, object]) -> None:
    """Arguments follow the schema, plain and streamed; a server that does not hold to it is not asked."""
    question = {
        "messages": "What is the weather in Paris?",
        "model": NAME,
        "tools": [WEATHER],
        "tool_choice": "required",
        "max_output_tokens": 100,
        "temperature": 0,
    }
    async with minimill.Client(config) as client:
        if not HOLDS_TO_TOOLS:
            with pytest.raises(minimill.InvalidRequestError, match="tool_choice"):
                await client.chat(**question)  # type: ignore[arg-type]
            return
        reply = await client.chat(**question)  # type: ignore[arg-type]
        async with client.stream(**question) as stream:  # type: ignore[arg-type]
            events = [event async for event in stream]
        (call,) = reply.message.tool_calls
        assert (call.name, set(call.parsed())) == ("get_weather", {"city"})
        (streamed,) = stream.reply.message.tool_calls
        assert (streamed.name, streamed.parsed()) == (call.name, call.parsed())
        assert any(isinstance(event, minimill.ToolCallDelta) for event in events)
        result = minimill.tool(minimill.ToolResult(call.id, "18 degrees and sun"))
        turns = [minimill.user("What is the weather in Paris?"), reply.message, result]
        answer = await client.chat(turns, model=NAME, tools=[WEATHER], max_output_tokens=16)
        assert answer.usage is not None and reply.usage is not None
        assert answer.usage.input_tokens > reply.usage.input_tokens


async def test_a_conversation_with_a_tool_in_it(config: dict[str, object]) -> None:
    """Calls and results of earlier turns are taken, whoever made them."""
    call = minimill.ToolCall("call-1", "get_weather", '{"city": "Paris"}')
    turns = [
        minimill.user("What is the weather in Paris?"),
        minimill.assistant([call]),
        minimill.tool(minimill.ToolResult("call-1", "18 degrees and sun")),
    ]
    async with minimill.Client(config) as client:
        reply = await client.chat(turns, model=NAME, tools=[WEATHER], max_output_tokens=16)
    assert reply.usage is not None and reply.usage.output_tokens <= 16


async def test_a_conversation(config: dict[str, object]) -> None:
    """System words, an earlier turn, and the next question."""
    async with minimill.Client(config) as client:
        turns = [minimill.system("You answer briefly."), minimill.user("Hello, I am Ada.")]
        first = await client.chat(turns, model=NAME, max_output_tokens=16)
        second = await client.chat(
            [*turns, first.message, minimill.user("Who am I?")], model=NAME, max_output_tokens=16
        )
    assert first.usage is not None and second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens


async def test_a_prompt_beyond_the_window(config: dict[str, object]) -> None:
    """The server's own error, typed, and not billed."""
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.ContextLengthError):
            await client.chat("word " * 4_000, model=NAME, max_output_tokens=8)
        assert await settled_and_held(client) == (0, 0)


async def test_a_wrong_key(config: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, not billed, and the key is not in the error."""
    monkeypatch.setenv("LOCAL_KEY", "wrong-key-0123456789")
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.AuthenticationError) as caught:
            await client.chat("hello", model=NAME, max_output_tokens=8)
        assert "wrong-key" not in repr(caught.value.__dict__) + str(caught.value)
        assert await settled_and_held(client) == (0, 0)


async def test_the_first_token_limit(config: dict[str, object]) -> None:
    """A limit that no model can keep ends the call, and the hold stands."""
    async with minimill.Client(config) as client:
        limits = minimill.Timeouts(first_token_s=0.001)
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model=NAME, max_output_tokens=8, timeouts=limits, max_attempts=1)
        assert caught.value.kind == "first_token_timeout"
