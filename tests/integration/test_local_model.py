"""The chat features against a real server with a real small model, named by MINIMILL_LOCAL_URL.

`scripts/local-model start` starts one (llama.cpp). Answers of a 135M model mean little, so only their
form, counts and limits are looked at.
"""

import json
import os

import anyio
import pytest

import minimill

URL = os.environ.get("MINIMILL_LOCAL_URL", "")
KEY = os.environ.get("MINIMILL_TEST_LOCAL_KEY", "test-key")
MODEL = os.environ.get("MINIMILL_TEST_LOCAL_MODEL", "smollm2-135m-instruct")
NAME = f"local:{MODEL}"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not URL, reason="MINIMILL_LOCAL_URL names no server; scripts/local-model start gives one"
    ),
]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The server as a provider of its own, at one and two units per million, under a cap."""
    monkeypatch.setenv("LOCAL_KEY", KEY)
    price = {"currency": "USD", "input_per_mtok": 1, "output_per_mtok": 2}
    local = {
        "dialect": "openai_chat",
        "base_url": URL,
        "key_env": "LOCAL_KEY",
        "quirks": {"usage_counts_one_choice": True},
        "models": [{"id": MODEL, "abilities": ["streaming", "json_schema", "n"], "prices": [price]}],
    }
    return {"providers": {"local": local}, "ledger": "memory:", "budgets": {"all": {"limit": "1 USD"}}}


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
        with anyio.move_on_after(0.3):
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
    """The server counts one of them only, so their usage is unknown and the hold stands."""
    async with minimill.Client(config) as client:
        reply = await client.chat("Say a word.", model=NAME, n=2, max_output_tokens=8, seed=1)
        assert [choice.index for choice in reply.choices] == [0, 1]
        assert reply.usage is None
        settled, held = await settled_and_held(client)
        assert (settled, held) == (0, reply.attempts[0].reserved.nanos)  # type: ignore[union-attr]


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
