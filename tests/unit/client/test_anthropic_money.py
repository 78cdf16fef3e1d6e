"""Budgets on the Messages wire: ceilings with cache marks, bills by lifetime, and what cannot be bounded."""

import datetime as dt
from typing import Any

import httpx
import pytest

import minimill
from minimill.testing import Answer, Counts, Fault, Length, Simulator, ToolCall, one_token_per_byte

pytestmark = pytest.mark.anyio
MODEL = "anthropic:claude-opus-5-5"  # 4, cached 0.20, written 5 and 8, output 20 USD for a million
AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sim-key")
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    with Simulator(["anthropic"], input_tokens=one_token_per_byte(per_message=16, per_request=1024)) as sim:
        yield sim


def config(sim: Simulator, limit: str = "10 USD", **provider: Any) -> dict[str, Any]:
    return {
        "providers": {"anthropic": {"base_url": sim.base_url("anthropic"), **provider}},
        "ledger": "memory:",
        "budgets": {"all": {"limit": limit}},
    }


def bill(record: Any) -> int:
    """Nanos, by the price list of the model."""
    written, long = record.cache_write_tokens, record.cache_write_long_tokens
    fresh = record.input_tokens - record.cached_input_tokens - written
    return int(
        fresh * 4_000 + record.cached_input_tokens * 200 + (written - long) * 5_000 + long * 8_000
        + record.output_tokens * 20_000
    )  # fmt: skip


@pytest.mark.parametrize("cache", [False, True, "long"])
async def test_the_ceiling_covers_the_dearest_way_to_cache(world: Simulator, cache: Any) -> None:
    """All input written, at the dearest price that the marks allow, and all output: the ceiling, but for the
    place, which nobody knows beforehand."""
    text = "é" * 50
    world.configure("anthropic", length=Length.fill())
    per_token = {False: 4_400, True: 5_500, "long": 8_800}[cache]  # in the US
    tokens = 1024 + 16 + 100
    written = tokens if cache else 0
    counts = Counts(None, None, 0, written, written if cache == "long" else 0)
    world.configure("anthropic", answer=Answer(text="a", usage=counts), length=Length.fill())
    messages = [minimill.Message("user", (minimill.Text(text, cache=cache),))]
    async with minimill.Client(config(world)) as client:
        plan = client.plan(messages, model=MODEL, max_output_tokens=10)
        (candidate,) = plan.candidates
        assert candidate.ceiling is not None
        reply = await client.chat(messages, model=MODEL, max_output_tokens=10)
        (balance,) = await client.balance("all")
    assert candidate.ceiling.money.nanos == tokens * per_token + 10 * 22_000
    assert reply.cost.total is not None
    assert reply.cost.total.nanos * 11 == candidate.ceiling.money.nanos * 10
    assert reply.cost.certainty == "exact"
    assert balance.settled_nanos == world.bill(bill) == reply.cost.total.nanos


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_booked_is_what_is_billed(world: Simulator, stream: bool) -> None:
    """Reads, writes of both lifetimes and thinking, plain and streamed."""
    world.configure(
        "anthropic", answer=Answer(text="a b", reasoning="hm", usage=Counts(1000, 50, 600, 300, 100, 30))
    )
    parts = (minimill.Text("rules", cache="long"), minimill.Text("x" * 900, cache=True))
    async with minimill.Client(config(world)) as client:
        if stream:
            async with client.stream([minimill.Message("user", parts)], model=MODEL) as live:
                async for _ in live:
                    pass
            reply = live.reply
        else:
            reply = await client.chat([minimill.Message("user", parts)], model=MODEL)
        (balance,) = await client.balance("all")
    assert balance.settled_nanos == world.bill(bill)
    assert balance.settled_nanos == 100 * 4_000 + 600 * 200 + 200 * 5_000 + 100 * 8_000 + 50 * 20_000
    assert reply.cost.certainty == "exact"
    assert reply.message.reasoning == "hm"


async def test_a_stream_that_fails_keeps_its_hold(world: Simulator) -> None:
    """An error event after text: billed, nobody knows how much, so the hold counts."""
    world.configure("anthropic", answer=Answer(text="a b c d"), tokens_per_chunk=1)
    world.program("anthropic", Fault.error_in_stream(2, code="overloaded_error"))
    async with minimill.Client(config(world)) as client:
        with pytest.raises(minimill.OverloadedError) as caught:
            async with client.stream("hi", model=MODEL, max_output_tokens=50) as live:
                async for _ in live:
                    pass
        (balance,) = await client.balance("all")
    assert caught.value.partial.choices[0].message.text == "a b"
    assert balance.settled_nanos == 0
    assert balance.held_nanos >= world.bill(bill) > 0


async def test_an_overloaded_vendor_is_asked_again(world: Simulator) -> None:
    world.program("anthropic", Fault.status(529, retry_after=0))
    async with minimill.Client(config(world)) as client:
        reply = await client.chat("hi", model=MODEL)
    assert [attempt.certainty for attempt in reply.attempts] == ["released", "exact"]


async def test_tools_that_run_at_the_vendor_are_not_bounded(world: Simulator) -> None:
    """A hard budget refuses them before anything is sent; without one they go through."""
    search = {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]}
    async with minimill.Client(config(world)) as client:
        with pytest.raises(minimill.UnpricedModelError, match="web_search_20250305"):
            await client.chat("hi", model=MODEL, extra=search)
    assert world.calls == ()
    free = {key: value for key, value in config(world).items() if key != "budgets"}
    async with minimill.Client(free) as client:
        await client.chat("hi", model=MODEL, extra=search)
    assert world.calls[0].body["tools"] == search["tools"]


async def test_a_tool_loop(world: Simulator) -> None:
    """Thinking, call, result, answer: the vendor's checks of pairs and signatures are kept."""

    def model(request: Any) -> Answer:
        last = request.body["messages"][-1]["content"]
        results = [block for block in last if isinstance(block, dict) and block["type"] == "tool_result"]
        if results:
            return Answer(text=f"It is {results[0]['content']}.")
        return Answer(reasoning="hm", tool_calls=(ToolCall("weather", {"city": "A"}),))

    world.configure("anthropic", answer=model)
    tools = [minimill.Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}})]
    messages = [minimill.user("weather?")]
    async with minimill.Client(config(world)) as client:
        reply = await client.chat(messages, model=MODEL, tools=tools)
        (call,) = reply.tool_calls
        messages += [reply.message, minimill.tool(minimill.ToolResult(call.id, "sunny"))]
        reply = await client.chat(messages, model=MODEL, tools=tools)
    assert reply.text == "It is sunny."
    assert [block["type"] for block in world.calls[1].body["messages"][1]["content"]] == ["thinking", "tool_use"]


async def test_fast_answers_cost_twice(world: Simulator) -> None:
    """The tier is reserved; an answer that says it was standard costs the standard price."""
    async with minimill.Client(config(world)) as client:
        (fast,) = client.plan("hi", model=MODEL, service_tier="fast").candidates
        (usual,) = client.plan("hi", model=MODEL).candidates
        reply = await client.chat("hi", model=MODEL, service_tier="fast")
    assert fast.ceiling is not None and usual.ceiling is not None
    assert fast.ceiling.money.nanos == 2 * usual.ceiling.money.nanos  # both may be answered in the US
    assert world.calls[0].body["speed"] == "fast"
    assert reply.cost.total is not None and reply.cost.total.nanos == world.bill(bill)


async def test_a_provider_of_ones_own(world: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire's own path, newest version and limits hold where its file says nothing else."""
    monkeypatch.setenv("ACME_API_KEY", "sim-key")
    acme = {
        "dialect": "anthropic",
        "base_url": world.base_url("anthropic"),
        "key_env": "ACME_API_KEY",
        "auth": {"scheme": "header", "header": "x-api-key"},
        "currency": "CNY",
        "models": [{"id": "m", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2}]}],
    }
    settings = {"providers": {"acme": acme}, "ledger": "memory:", "budgets": {"all": {"limit": "1 CNY"}}}
    async with minimill.Client(settings) as client:
        marked = minimill.Message("user", (minimill.Text("hi", cache=True),))
        await client.chat([marked], model="acme:m", max_output_tokens=9)
    (call,) = world.calls
    assert (call.headers["x-api-key"], call.headers["anthropic-version"]) == ("sim-key", "2026-10-21")
    assert call.body == {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


async def test_a_refusal_is_an_answer_that_was_billed(world: Simulator) -> None:
    world.configure("anthropic", answer=Answer(text="", finish_reason="refusal", usage=Counts(10, 5)))
    async with minimill.Client(config(world)) as client:
        reply = await client.chat("hi", model=MODEL)
    assert reply.finish_reason is minimill.FinishReason.CONTENT_FILTER
    assert (reply.text, reply.finish_reason_raw) == ("", "refusal")
    assert reply.cost.total == minimill.Money(10 * 4_000 + 5 * 20_000, "USD")


@pytest.mark.parametrize(
    ("place", "nanos", "certainty"), [("global", 1_204_000, "exact"), (None, 1_324_400, "estimated")]
)
async def test_an_answer_that_does_not_say_where_it_was_made(
    monkeypatch: pytest.MonkeyPatch, place: str | None, nanos: int, certainty: str
) -> None:
    """The dearer place, and not exact: 1 token in at 4, 60 out at 20, in the US 1.1 times that."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sim-key")
    usage: dict[str, Any] = {
        "input_tokens": 1, "output_tokens": 60, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }  # fmt: skip
    if place is not None:
        usage["inference_geo"] = place
    body = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "usage": usage,
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
    }  # fmt: skip
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    async with minimill.Client({"ledger": "memory:"}, http_transport=transport) as client:
        reply = await client.chat("hello", model=MODEL, max_output_tokens=100)
    (attempt,) = reply.attempts
    assert attempt.charged == minimill.Money(nanos, "USD")
    assert attempt.certainty == certainty
