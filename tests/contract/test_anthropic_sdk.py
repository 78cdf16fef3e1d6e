"""The vendor's own client reads from the simulator what minimill reads from it."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

import minimill
from minimill.testing import Answer, Counts, Fault, Simulator, ToolCall

MODEL = "claude-opus-5-5"
TOOL = {
    "name": "weather",
    "description": "",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
SAYS = Answer(
    text="It is sunny.",
    reasoning="let me look",
    tool_calls=(ToolCall("weather", {"city": "Ä"}), ToolCall("weather", {})),
    usage=Counts(1000, 50, 600, 300, 100, 30),
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["anthropic"], answer=SAYS) as running:
        yield running


@pytest.fixture
def sdk(sim: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=sim.key, base_url=sim.base_url("anthropic"), max_retries=0) as client:
        yield client


def asked() -> dict[str, Any]:
    return {
        "model": MODEL,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "weather?"}],
        "tools": [TOOL],
    }


def config(sim: Simulator) -> dict[str, Any]:
    return {"providers": {"anthropic": {"base_url": sim.base_url("anthropic")}}, "ledger": "memory:"}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, sim: Simulator) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", sim.key)


def meaning(message: Any) -> tuple[Any, ...]:
    """Text, thinking, calls, stop reason and counts of the vendor client's message."""
    usage = message.usage
    return (
        "".join(block.text for block in message.content if block.type == "text"),
        "".join(block.thinking for block in message.content if block.type == "thinking"),
        [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
        message.stop_reason,
        usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation.ephemeral_1h_input_tokens,
        usage.output_tokens,
        usage.output_tokens_details.thinking_tokens,
    )


def ours(reply: minimill.Reply) -> tuple[Any, ...]:
    usage = reply.usage
    assert usage is not None
    calls = reply.message.tool_calls
    return (
        reply.text,
        reply.message.reasoning,
        [(call.id, call.name, call.parsed()) for call in calls],
        reply.finish_reason_raw,
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_long_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )


def same_ids(told: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ids of calls differ from request to request."""
    return (*told[:2], [call[1:] for call in told[2]], *told[3:])


EXPECTED = (
    "It is sunny.", "let me look", [("weather", {"city": "Ä"}), ("weather", {})], "tool_use",
    1000, 600, 100, 50, 30,
)  # fmt: skip


@pytest.mark.anyio
@pytest.mark.usefixtures("key")
async def test_plain(sim: Simulator, sdk: anthropic.Anthropic) -> None:
    assert same_ids(meaning(sdk.messages.create(**asked()))) == EXPECTED
    tools = [minimill.Tool(TOOL["name"], "", TOOL["input_schema"])]
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("weather?", model=f"anthropic:{MODEL}", tools=tools, max_output_tokens=100)
    assert same_ids(ours(reply)) == EXPECTED


@pytest.mark.anyio
@pytest.mark.usefixtures("key")
async def test_stream(sim: Simulator, sdk: anthropic.Anthropic) -> None:
    with sdk.messages.stream(**asked()) as stream:
        words = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert words == "It is sunny."
    assert same_ids(meaning(message)) == EXPECTED
    tools = [minimill.Tool(TOOL["name"], "", TOOL["input_schema"])]
    async with (
        minimill.Client(config(sim)) as client,
        client.stream("weather?", model=f"anthropic:{MODEL}", tools=tools, max_output_tokens=100) as live,
    ):
        events = [event async for event in live]
    assert "".join(event.text for event in events if isinstance(event, minimill.TextDelta)) == words
    assert same_ids(ours(live.reply)) == EXPECTED


@pytest.mark.anyio
@pytest.mark.usefixtures("key")
async def test_the_next_turn(sim: Simulator, sdk: anthropic.Anthropic) -> None:
    """What goes back after a tool ran is what the vendor's client sends back."""
    first = sdk.messages.create(**asked())
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sun"}
        for block in first.content
        if block.type == "tool_use"
    ]
    again = asked()
    again["messages"] += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    sdk.messages.create(**again)
    tools = [minimill.Tool(TOOL["name"], "", TOOL["input_schema"])]
    async with minimill.Client(config(sim)) as client:
        reply = await client.chat("weather?", model=f"anthropic:{MODEL}", tools=tools, max_output_tokens=100)
        answers = minimill.tool(*(minimill.ToolResult(call.id, "sun") for call in reply.message.tool_calls))
        await client.chat(
            [minimill.user("weather?"), reply.message, answers],
            model=f"anthropic:{MODEL}",
            tools=tools,
            max_output_tokens=100,
        )
    theirs, own = sim.calls[1].body["messages"], sim.calls[3].body["messages"]
    assert [message["role"] for message in own] == ["user", "assistant", "user"]
    assert shape(own) == shape(theirs)


def shape(messages: Any) -> Any:
    """Messages without what differs from answer to answer: ids and signatures."""
    if isinstance(messages, list):
        return [shape(item) for item in messages]
    if isinstance(messages, dict):
        changing = ("id", "tool_use_id", "signature")
        return {k: ... if k in changing else shape(v) for k, v in messages.items() if v is not None}
    return messages


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.status(401), anthropic.AuthenticationError),
        (Fault.status(403), anthropic.PermissionDeniedError),
        (Fault.status(404), anthropic.NotFoundError),
        (Fault.status(429, retry_after=1), anthropic.RateLimitError),
        (Fault.status(529), anthropic.InternalServerError),
    ],
)
def test_errors(sim: Simulator, sdk: anthropic.Anthropic, fault: Fault, kind: type[Exception]) -> None:
    """The vendor's client knows the errors, and their request id."""
    sim.program("anthropic", fault)
    with pytest.raises(kind) as caught:
        sdk.messages.create(**asked())
    assert caught.value.request_id == sim.calls[0].request_id  # type: ignore[attr-defined]
