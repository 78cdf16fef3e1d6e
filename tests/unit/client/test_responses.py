"""Calls of models that are asked by Responses, beside others of the same provider that are not."""

import logging
from typing import Any

import pytest

import minimill
from minimill.testing import Answer, Counts, Fault, Simulator, ToolCall

from . import acme

pytestmark = pytest.mark.anyio

THINKS = {"thinking_default": "on", "efforts": ["none", "low", "high"], "system_role": "developer"}


def config(sim: Simulator, **more: Any) -> dict[str, Any]:
    """A provider of two models: `m` on the older wire, `r` on Responses; both at 2 and 8 units."""
    provider = acme.provider(sim, "openai")
    (model,) = provider["models"]
    abilities = ["streaming", "tools", "json_schema"]
    responses = {
        **model,
        "id": "r",
        "dialect": "openai_responses",
        "abilities": abilities,
        "reasoning": "optional",
        "quirks": THINKS,
    }
    return acme.config(sim, {"acme": {**provider, "models": [model, responses]}}, **more)


async def test_each_model_is_asked_in_its_own_wire(sim: Simulator) -> None:
    """One provider, two bodies; both are settled to what the vendor bills."""
    async with minimill.Client(config(sim, budgets=acme.cap(1))) as client:
        older = await client.chat("hello", model="acme:m", max_output_tokens=50)
        newer = await client.chat("hello", model="acme:r", max_output_tokens=50, reasoning="low")
        assert older.cost.certainty == newer.cost.certainty == "exact"
        assert await acme.spent(client) == (sim.bill(acme.price), 0)
    first, second = sim.calls
    assert "messages" in first.body
    assert second.body == {
        "model": "r",
        "input": [{"role": "user", "content": "hello"}],
        "store": False,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
    }
    assert newer.request_id == second.request_id


async def test_a_stream_is_the_same_reply(sim: Simulator) -> None:
    """Events, text, usage and cost."""
    sim.configure("openai", answer=Answer(text="one two three", reasoning="hm"), length=None)
    options: dict[str, Any] = {"model": "acme:r", "max_output_tokens": 50, "extra": {"reasoning": {"summary": "auto"}}}
    async with minimill.Client(config(sim)) as client:
        plain = await client.chat("hello", **options)
        async with client.stream("hello", **options) as stream:
            events = [event async for event in stream]
        streamed = stream.reply
    assert streamed is not None
    assert [type(event).__name__ for event in events] == [
        "ReasoningDelta",
        "TextDelta",
        "Finished",
        "UsageReported",
    ]
    assert (streamed.text, streamed.reasoning) == (plain.text, plain.reasoning) == ("one two three", "hm")
    assert streamed.usage == plain.usage
    assert streamed.cost.total == plain.cost.total


async def test_thoughts_go_back_with_the_results_of_tools(sim: Simulator) -> None:
    """Sealed, in their place before the calls, and to nobody else."""

    def model(request: Any) -> Answer:
        items = request.body.get("input") or []
        if any(item.get("type") == "function_call_output" for item in items):
            return Answer(text="It is 21.")
        return Answer(reasoning="I should ask", tool_calls=[ToolCall("weather", {"city": "Lyon"}, id="c1")])

    sim.configure("openai", answer=model, length=None)
    tools = [minimill.Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}})]
    messages: list[Any] = [minimill.user("How warm is it in Lyon?")]
    async with minimill.Client(config(sim)) as client:
        first = await client.chat(messages, model="acme:r", tools=tools, max_output_tokens=50)
        (call,) = first.tool_calls
        messages += [first.message, minimill.tool(minimill.ToolResult(call.id, "21"))]
        second = await client.chat(messages, model="acme:r", tools=tools, max_output_tokens=50)
        await client.chat(messages, model="acme:m", tools=tools, max_output_tokens=50)
    assert second.text == "It is 21."
    assert [item.get("type", item.get("role")) for item in sim.calls[1].body["input"]] == [
        "user",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    sealed = sim.calls[1].body["input"][1]["encrypted_content"]
    assert sealed.startswith("gAAAA")
    assert sealed not in str(sim.calls[2].body)


async def test_cached_and_written_tokens_are_counted(sim: Simulator) -> None:
    """In the words of the newer wire."""
    sim.configure("openai", answer=Answer(text="x", usage=Counts(100, 7, 40, 50, reasoning_tokens=3)), length=None)
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("hello", model="acme:r", max_output_tokens=50)
    usage = reply.usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (100, 40, 50)
    assert (usage.output_tokens, usage.reasoning_tokens) == (7, 3)


async def test_a_response_that_fails_in_mid_stream_stays_charged(sim: Simulator) -> None:
    """It said something before, so that it was billed; without usage the hold stands."""
    sim.always("openai", Fault.error_in_stream(after=1))
    async with minimill.Client(config(sim, budgets=acme.cap(1))) as client:
        with pytest.raises(minimill.ServerError) as caught:
            async with client.stream("hello", model="acme:r", max_output_tokens=50) as stream:
                async for _ in stream:
                    pass
        assert caught.value.partial is not None
        settled, held = await acme.spent(client)
    assert settled + held >= sim.bill(acme.price) > 0


async def test_what_a_model_refuses_is_an_error_or_left_out(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """By an argument of the call; the attempt names it, and the log tells once."""
    options: dict[str, Any] = {"model": "acme:r", "max_output_tokens": 50, "stop": "x", "seed": 1}
    async with minimill.Client(config(sim)) as client:
        with pytest.raises(minimill.InvalidRequestError, match="does not take stop"):
            await client.chat("hello", **options)
        assert sim.calls == ()
        with caplog.at_level(logging.WARNING, "minimill"):
            for _ in range(2):
                reply = await client.chat("hello", drop_refused=True, **options)
    assert reply.attempts[0].dropped == ("stop", "seed")
    assert [record.getMessage() for record in caplog.records] == [
        "acme:r: stop is left out, which it refuses or takes without effect",
        "acme:r: seed is left out, which it refuses or takes without effect",
    ]


async def test_a_route_may_let_refused_settings_go(sim: Simulator) -> None:
    """A call may insist."""
    routes = {"default": {"models": ["acme:r"], "drop_refused": True, "max_output_tokens": 50}}
    async with minimill.Client(config(sim, routes=routes)) as client:
        reply = await client.chat("hello", stop="x")
        assert reply.attempts[0].dropped == ("stop",)
        with pytest.raises(minimill.InvalidRequestError):
            await client.chat("hello", stop="x", drop_refused=False)


async def test_several_answers_are_asked_of_the_older_wire(sim: Simulator) -> None:
    """A route with both kinds of models finds the one that can."""
    routes = {"default": {"models": ["acme:r", "acme:m"], "max_output_tokens": 50}}
    async with minimill.Client(config(sim, routes=routes)) as client:
        reply = await client.chat("hello", n=2)
        plan = client.plan("hello", n=2)
    assert (reply.model, len(reply.choices)) == ("m", 2)
    assert [(left.name, left.reason) for left in plan.left_out] == [("acme:r", "cannot do n")]
