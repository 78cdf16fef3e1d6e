"""One call through everything: the answer, its bill, and the books."""

import json

import httpx
import pytest

import minimill
from minimill.testing import Answer, Fault, Simulator, ToolCall

from . import acme

pytestmark = pytest.mark.anyio


async def test_a_reply_carries_text_usage_and_an_exact_bill(sim: Simulator) -> None:
    """Ten output tokens and the counted input at 8 and 2 units per million."""
    sim.configure("openai", input_tokens=lambda body: 30)
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        reply = await client.chat("How are you?", model="acme:m", max_output_tokens=50)
        assert reply.usage is not None
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (30, 10)
        assert reply.cost.total == minimill.Money(30 * 2_000 + 10 * 8_000, "CNY")
        assert reply.cost.certainty == "exact"
        assert reply.text == "".join(
            part.text for part in reply.message.parts if isinstance(part, minimill.Text)
        )
        assert (reply.provider, reply.model) == ("acme", "m")
        assert await acme.spent(client) == (140_000, 0)


async def test_the_attempt_says_what_was_reserved(sim: Simulator) -> None:
    """The ceiling is bytes plus overhead at the input price, and the limit at the output price."""
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        reply = await client.chat("héllo", model="acme:m", max_output_tokens=50)
        (attempt,) = reply.attempts
        assert attempt.reserved == minimill.Money((6 + 3 + 4) * 2_000 + 50 * 8_000, "CNY")
        assert attempt.certainty == "exact"
        assert attempt.error is None
        assert 0 < (attempt.first_token_s or 0) <= attempt.total_s
        assert reply.request_id == attempt.request_id is not None


async def test_the_request_always_carries_an_output_limit(sim: Simulator) -> None:
    """Nobody asked for a limit: the model's default of 4,096 is sent."""
    async with minimill.Client(acme.config(sim)) as client:
        await client.chat("hello", model="acme:m")
    (call,) = sim.calls
    assert call.body["max_completion_tokens"] == 4_096


async def test_expected_costs_are_worked_out_for_who_looks_at_them(sim: Simulator) -> None:
    """A plan shows them; a call with one candidate has nothing to put in order and does without."""
    async with minimill.Client(acme.config(sim)) as client:
        (planned,) = client.plan("hello", model="acme:m", max_output_tokens=50).candidates
        assert planned.expected is not None
        prepared = await client._prepared("hello", {"model": "acme:m", "max_output_tokens": 50}, stream=False)
        (called,) = prepared.plan.candidates
        assert called.expected is None
        assert called.ceiling == planned.ceiling


async def test_the_books_keep_the_call(sim: Simulator) -> None:
    """One record with app, tags, route and counts, and no prompt in it."""
    config = acme.config(sim, routes={"default": {"models": ["acme:m"]}})
    async with minimill.Client(config, app="helpdesk") as client:
        reply = await client.chat("a secret prompt", tags={"user": "42"}, max_output_tokens=50)
        (row,) = await client.spend()
    record = row.record
    assert (record.meta.app, record.meta.route, dict(record.meta.tags)) == (
        "helpdesk",
        "default",
        {"user": "42"},
    )
    assert (record.status, record.certainty, record.output_tokens) == ("ok", "exact", 10)
    assert record.meta.call_id == reply.call_id
    assert record.charged_nanos == reply.cost.total.nanos  # type: ignore[union-attr]
    assert "secret" not in repr(row)


async def test_context_labels_reach_the_books(sim: Simulator) -> None:
    """The call's own labels win over the block's, and those over the client's."""
    async with minimill.Client(acme.config(sim), app="one", tags={"team": "a", "user": "1"}) as client:
        with minimill.context(app="two", tags={"user": "2"}):
            await client.chat("hello", model="acme:m", tags={"user": "3"})
            await client.chat("hello", model="acme:m", app="three")
        rows = await client.spend()
    assert [(row.record.meta.app, dict(row.record.meta.tags)) for row in rows] == [
        ("two", {"team": "a", "user": "3"}),
        ("three", {"team": "a", "user": "2"}),
    ]


async def test_a_conversation_goes_on_with_the_reply_message(sim: Simulator) -> None:
    """`reply.message` appended is what the vendor gets as the assistant's turn."""
    async with minimill.Client(acme.config(sim)) as client:
        history = [minimill.user("one")]
        reply = await client.chat(history, model="acme:m")
        history += [reply.message, minimill.user("two")]
        await client.chat(history, model="acme:m")
    sent = sim.calls[1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == reply.text


async def test_tools_come_back_as_calls(sim: Simulator) -> None:
    """Arguments arrive as the model wrote them; the result goes back under the call's id."""
    sim.configure("openai", answer=Answer(tool_calls=[ToolCall("weather", {"city": "Paris"})]))
    tool = minimill.Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {}}})
    async with minimill.Client(acme.config(sim)) as client:
        reply = await client.chat("Weather?", model="acme:m", tools=[tool], tool_choice="auto")
        assert reply.finish_reason is minimill.FinishReason.TOOL_CALLS
        (call,) = reply.tool_calls
        assert (call.name, call.parsed()) == ("weather", {"city": "Paris"})
        result = minimill.tool(minimill.ToolResult(call.id, "sunny"))
        sim.configure("openai", answer=Answer(text="It is sunny."), length=None)
        again = await client.chat(
            [minimill.user("Weather?"), reply.message, result], model="acme:m", tools=[tool]
        )
    assert again.text == "It is sunny."
    assert sim.calls[1].body["messages"][2] == {"role": "tool", "tool_call_id": call.id, "content": "sunny"}


async def test_structured_answers_parse(sim: Simulator) -> None:
    """A schema goes out, JSON comes back and is read."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    sim.configure("openai", answer=Answer(text='{"name": "Ada"}'), length=None)
    async with minimill.Client(acme.config(sim)) as client:
        reply = await client.chat("Who?", model="acme:m", response_format=minimill.JsonSchema(schema))
    assert reply.json() == {"name": "Ada"}
    assert reply.parse(dict[str, str]) == {"name": "Ada"}


async def test_a_stream_ends_with_the_same_reply(sim: Simulator) -> None:
    """Typed events in order, then the bill of a plain call."""
    sim.configure("openai", answer=Answer(text="one two three"), length=None, input_tokens=lambda body: 7)
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        async with client.stream("count", model="acme:m", max_output_tokens=50) as stream:
            events = [event async for event in stream]
        text = "".join(event.text for event in events if isinstance(event, minimill.TextDelta))
        assert text == stream.reply.text == "one two three"
        assert any(isinstance(event, minimill.Finished) for event in events)
        assert stream.reply.cost.total == minimill.Money(7 * 2_000 + 3 * 8_000, "CNY")
        assert await acme.spent(client) == (38_000, 0)


async def test_a_stream_not_read_to_its_end_has_no_reply(sim: Simulator) -> None:
    """Leaving early keeps the whole hold: nobody knows what the vendor bills."""
    sim.always("openai", Fault.slow_chunks(0.01))
    sim.configure("openai", length=50)
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        async with client.stream("count", model="acme:m", max_output_tokens=50) as stream:
            await anext(stream)
        with pytest.raises(RuntimeError, match="not been read to its end"):
            _ = stream.reply
        assert await acme.spent(client) == (0, acme.ceiling("count"))
        (hold,) = await client.holds()
        assert hold.unconfirmed


async def test_answers_without_usage_keep_the_hold(sim: Simulator) -> None:
    """Unknown usage is unknown, not zero."""
    sim.always("openai", Fault.no_usage())
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        assert reply.usage is None
        assert reply.cost.certainty == "held"
        assert reply.cost.total == minimill.Money(acme.ceiling("hello"), "CNY")
        assert await acme.spent(client) == (0, acme.ceiling("hello"))


async def test_a_correction_replaces_the_hold(sim: Simulator) -> None:
    """The truth from the vendor's bill, booked later."""
    sim.always("openai", Fault.no_usage())
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        await client.correct(reply.call_id, "0.0001 CNY", reason="vendor's usage export")
        assert await acme.spent(client) == (100_000, 0)
        assert await client.holds() == []


async def test_a_running_call_cannot_be_corrected(sim: Simulator) -> None:
    """It books its cost itself when it ends; a correction would be the last word, and open the cap meanwhile."""
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        async with client.stream("hello", model="acme:m", max_output_tokens=50) as stream:
            async for _ in stream:
                break
            (hold,) = await client.holds()
            with pytest.raises(minimill.LedgerError, match=r"is still running and books what it costs when it ends"):
                await client.correct(hold.call_id, "0 CNY", reason="impatience")
            assert await acme.spent(client) == (0, acme.ceiling("hello"))
        assert [found.unconfirmed for found in await client.holds()] == [True]
        await client.correct(hold.attempt_id, "0.0001 CNY", reason="vendor's usage export")
        assert await acme.spent(client) == (100_000, 0)


async def test_a_limit_can_be_changed(sim: Simulator) -> None:
    """Raised for the next call, in the budget's currency only."""
    async with minimill.Client(acme.config(sim, budgets=acme.cap(0))) as client:
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello", model="acme:m")
        await client.set_limit("all", "1 CNY")
        await client.chat("hello", model="acme:m")
        with pytest.raises(ValueError, match="is in CNY, not USD"):
            await client.set_limit("all", "1 USD")


async def test_plan_sends_nothing(sim: Simulator) -> None:
    """Cheapest expected answer first, ceilings, and the reason for each model left out."""
    vendors = {
        "dear": acme.provider(sim, "openai", times=3),
        "cheap": acme.provider(sim, "qwen"),
        "blind": acme.provider(sim, "glm", models=[{"id": "m", "abilities": ["streaming"]}]),
    }
    route = {"default": {"models": ["dear:m", "cheap:m", "blind:m"]}}
    client = minimill.Client(acme.config(sim, vendors, routes=route))
    plan = client.plan("hello", tools=[minimill.Tool("t")], max_output_tokens=50)
    assert [candidate.name for candidate in plan.candidates] == ["cheap:m", "dear:m"]
    assert [(left.name, left.reason) for left in plan.left_out] == [("blind:m", "cannot do tools")]
    assert sim.calls == ()
    listed = minimill.Client(
        acme.config(sim, vendors, routes={"default": {**route["default"], "order": "listed"}})
    )
    assert [c.name for c in listed.plan("hello").candidates] == ["dear:m", "cheap:m", "blind:m"]


async def test_your_own_httpx_client_is_used_and_left_open(sim: Simulator) -> None:
    """Headers of the user's client are sent; it still works afterwards."""
    async with httpx.AsyncClient(headers={"x-mine": "yes"}) as own:
        async with minimill.Client(acme.config(sim), http_client=own) as client:
            await client.chat("hello", model="acme:m")
        assert not own.is_closed
    assert sim.calls[0].headers["x-mine"] == "yes"


async def test_a_transport_of_your_own_is_used() -> None:
    """A mock transport answers, no socket is opened."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        assert body["model"] == "m"
        choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        return httpx.Response(200, json={"id": "x", "choices": [choice], "usage": usage})

    local = {"local": {"dialect": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "free": True}}
    async with minimill.Client(
        {"providers": local, "ledger": "memory:"}, http_transport=httpx.MockTransport(answer)
    ) as client:
        reply = await client.chat("hello", model="local:m")
    assert reply.text == "hi"
    assert reply.cost.total == minimill.Money(0, "USD")


async def test_unknown_options_and_models_teach(sim: Simulator) -> None:
    """The nearest valid word is offered; nothing is sent."""
    async with minimill.Client(acme.config(sim)) as client:
        with pytest.raises(TypeError, match="did you mean 'temperature'"):
            await client.chat("hello", model="acme:m", temprature=1)  # type: ignore[call-arg]
        with pytest.raises(minimill.UnknownModelError, match="acme"):
            await client.chat("hello", model="acne:m")
        with pytest.raises(minimill.ConfigError, match="say which model"):
            await client.chat("hello")
    assert sim.calls == ()
