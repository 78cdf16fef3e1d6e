"""Answers that a vendor breaks off and goes on with: each part reserved, billed and reported by itself."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import minimill
from minimill.testing import Answer, Fault, Simulator, ToolCall

pytestmark = pytest.mark.anyio

MODEL = "gemini:gemini-4-argon"
SAYS = Answer(text="one two three four five six seven eight", reasoning="a b c")
"""Eleven tokens: three thoughts, eight words."""
USAGE = minimill.Usage(5 + 6 + 10, 11, 0, 0, None, 3, 0, 0)
"""Of parts of four tokens: thoughts and a word, four words, three words. Earlier words are input again."""
NANOS = 21 * 2_000 + 11 * 10_000
"""At 2 and 10 USD per million."""


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("GEMINI_API_KEY", "sim-key")
    with Simulator(["gemini"], answer=SAYS, hop_tokens=4) as running:
        yield running


def config(sim: Simulator, **more: Any) -> dict[str, Any]:
    """Gemini on the simulator, with one price of this test's own."""
    price = {
        "since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "currency": "USD",
        "input_per_mtok": 2,
        "output_per_mtok": 10,
        "source": "https://acme.example/prices",
        "checked": dt.date(2026, 11, 20),
    }
    gemini = {"base_url": sim.base_url("gemini"), "models": [{"id": "gemini-4-argon", "prices": [price]}]}
    return {"providers": {"gemini": gemini}, "ledger": "memory:", **more}


def prompts(sim: Simulator) -> list[Any]:
    return [call.body.get("continuationToken") for call in sim.calls]


async def test_a_plain_answer_in_parts(sim: Simulator) -> None:
    """One reply of all parts; the same request again with each mark; three attempts, each with its cost."""
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("count", model=MODEL, reasoning="low")
    assert reply.text == "one two three four five six seven eight"
    assert reply.message.reasoning == "a b c"
    assert (reply.finish_reason, reply.usage) == (minimill.FinishReason.STOP, USAGE)
    assert [attempt.charged.nanos for attempt in reply.attempts] == [50_000, 52_000, 50_000]
    assert reply.cost.total == minimill.Money(NANOS, "USD")
    bodies = [dict(call.body) for call in sim.calls]
    assert [body.pop("continuationToken", None) for body in bodies] == [None, "YWZ0ZXIgNA==", "YWZ0ZXIgOA=="]
    assert bodies[0] == bodies[1] == bodies[2]
    assert sum(call.input_tokens for call in sim.paid_calls) == 21


async def test_a_streamed_answer_in_parts(sim: Simulator) -> None:
    """One stream of events, with one end; counts and calls go on from part to part."""
    sim.configure("gemini", answer=Answer(text=SAYS.text, reasoning=SAYS.reasoning, tool_calls=[ToolCall("f")]))
    async with minimill.Client(config(sim)) as client, client.stream("count", model=MODEL, reasoning="low") as stream:
        events = [event async for event in stream]
        reply = stream.reply
    texts = [event.text for event in events if isinstance(event, minimill.TextDelta)]
    assert "".join(texts) == reply.text == SAYS.text
    ended = [event for event in events if isinstance(event, minimill.Finished)]
    assert ended == [minimill.Finished(minimill.FinishReason.TOOL_CALLS, "STOP")]
    told = [event.usage for event in events if isinstance(event, minimill.UsageReported)]
    assert told[-1] == reply.usage
    assert [usage.output_tokens for usage in told] == sorted(usage.output_tokens for usage in told)
    calls = [event for event in events if isinstance(event, minimill.ToolCallDelta)]
    assert [call.call for call in calls] == [0]
    assert len(reply.attempts) == 3
    assert len(prompts(sim)) == 3


async def test_probabilities_of_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, typed and as the vendor sent them."""
    monkeypatch.setenv("GEMINI_API_KEY", "k")

    def part(text: str, finish: str, **more: Any) -> dict[str, Any]:
        told = {"chosenCandidates": [{"token": text, "logProbability": -1.5}]}
        candidate = {"content": {"parts": [{"text": text}]}, "finishReason": finish, "logprobsResult": told, **more}
        usage = {"promptTokenCount": 4, "candidatesTokenCount": 1, "totalTokenCount": 5}
        return {"candidates": [candidate], "usageMetadata": usage}

    bodies = [part("a", "CONTINUATION", continuationToken="go"), part("b", "STOP")]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=bodies.pop(0)))
    async with minimill.Client({"ledger": "memory:"}, http_transport=transport) as client:
        reply = await client.chat("hi", model=MODEL, max_output_tokens=50)
    (choice,) = reply.choices
    assert (reply.text, choice.logprobs) == ("ab", (minimill.TokenLogprob("a", -1.5), minimill.TokenLogprob("b", -1.5)))
    assert [one["token"] for one in choice.logprobs_raw["chosenCandidates"]] == ["a", "b"]


async def test_each_part_is_reserved(sim: Simulator) -> None:
    """Earlier output counts as input of the next part, so that its ceiling is higher."""
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("count", model=MODEL, reasoning="low", max_output_tokens=50)
    ceilings = [attempt.reserved.nanos for attempt in reply.attempts]
    assert [after - before for before, after in itertools.pairwise(ceilings)] == [8_000, 8_000]


async def test_a_cap_ends_the_answer(sim: Simulator) -> None:
    """The cap covers one ceiling: the words that were paid for are handed out, with the reason `length`."""
    for stream in (False, True):
        sim.clear_calls()
        one = (5 + 64 + 16) * 2_000 + 50 * 10_000
        budget = {"all": {"limit": f"{(one + 1_000) / 10**9:.9f} USD"}}
        async with minimill.Client(config(sim, budgets=budget)) as client:
            options: dict[str, Any] = {"model": MODEL, "reasoning": "low", "max_output_tokens": 50}
            if stream:
                async with client.stream("count", **options) as live:
                    events = [event async for event in live]
                    reply = live.reply
                end = minimill.Finished(minimill.FinishReason.LENGTH, "CONTINUATION")
                assert [event for event in events if isinstance(event, minimill.Finished)] == [end]
            else:
                reply = await client.chat("count", **options)
            (balance,) = await client.balance("all")
        assert (reply.text, reply.finish_reason) == ("one", minimill.FinishReason.LENGTH)
        assert (balance.settled_nanos, balance.held_nanos) == (50_000, 0)
        assert len(sim.calls) == 1


async def test_a_part_that_fails_at_first_is_tried_again(sim: Simulator) -> None:
    """Only that part, not the whole answer; the failed try is in the report."""
    sim.program("gemini", [None, Fault.status(503), None, None])
    policy = {"routes": {"long": {"models": [MODEL]}}}
    async with minimill.Client(config(sim, **policy)) as client:
        reply = await client.chat("count", route="long", reasoning="low")
    assert reply.text == SAYS.text
    assert [attempt.certainty for attempt in reply.attempts] == ["exact", "released", "exact", "exact"]
    assert prompts(sim) == [None, "YWZ0ZXIgNA==", "YWZ0ZXIgNA==", "YWZ0ZXIgOA=="]


async def test_a_part_that_keeps_failing_ends_the_answer(sim: Simulator) -> None:
    """A short answer is better than none: it was paid for."""
    sim.program("gemini", [None, *[Fault.status(400)] * 3])
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("count", model=MODEL, reasoning="low")
    assert (reply.text, reply.finish_reason) == ("one", minimill.FinishReason.LENGTH)
    assert len(reply.attempts) == 2


async def test_a_part_that_breaks_off_is_an_error_with_what_came(sim: Simulator) -> None:
    """A stream that is cut in its second part: everything so far is in `partial`, and stays charged."""
    sim.program("gemini", [None, Fault.cut_after(1)])
    async with minimill.Client(config(sim)) as client, client.stream("count", model=MODEL, reasoning="low") as stream:
        with pytest.raises(minimill.TransportError) as caught:
            async for _ in stream:
                pass
    assert caught.value.partial.choices[0].message.text == "one two three four five"
    assert [attempt.certainty for attempt in caught.value.attempts] == ["exact", "held"]


async def test_attempts_are_limited(sim: Simulator) -> None:
    """Each part is an attempt."""
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("count", model=MODEL, reasoning="low", max_attempts=2)
    assert reply.text == "one two three four five"
    assert reply.finish_reason is minimill.FinishReason.LENGTH


async def test_parts_teach_nothing_about_the_length_of_answers(sim: Simulator) -> None:
    """A part is as long as the vendor makes it; a whole answer of the same client is learned from."""
    async with minimill.Client(config(sim)) as client:

        def expected() -> Any:
            (candidate,) = client.plan("count", model=MODEL, reasoning="low").candidates
            return candidate.expected

        before = expected()
        reply = await client.chat("count", model=MODEL, reasoning="low")
        assert len(reply.attempts) == 3
        rows = await client.spend(call_id=reply.call_id)
        assert all("asked" not in row.record.details for row in rows)
        assert expected() == before
        sim.configure("gemini", hop_tokens=100)
        reply = await client.chat("count", model=MODEL, reasoning="low")
        assert len(reply.attempts) == 1
        assert expected() < before
