"""What a type checker sees of the public names. Read by mypy, never run.

A `type: ignore` marks code that must be refused: strict mypy complains about one that is not needed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never, assert_type

import minimill


async def a_chat(client: minimill.Client) -> None:
    """A reply, its parts and its bill."""
    reply = await client.chat("Why is the sky blue?", route="default", app="helpdesk", tags={"user": "42"})
    assert_type(reply, minimill.Reply)
    assert_type(reply.text, str)
    assert_type(reply.usage, minimill.Usage | None)
    assert_type(reply.cost, minimill.Cost)
    assert_type(reply.cost.total, minimill.Money | None)
    assert_type(reply.cost.totals, tuple[minimill.Money, ...])
    assert_type(reply.attempts, tuple[minimill.Attempt, ...])
    assert_type(reply.attempts[0].charged, minimill.Money | None)
    assert_type(reply.attempts[0].error, minimill.ProviderError | None)
    assert_type(reply.message, minimill.Message)
    assert_type(reply.tool_calls, tuple[minimill.ToolCall, ...])
    assert_type(reply.finish_reason, minimill.FinishReason)
    assert_type(reply.request_id, str | None)
    assert_type(reply.raw, Mapping[str, Any] | None)


async def ways_to_write_messages(client: minimill.Client) -> None:
    """Text, messages and mappings, alone or in a list."""
    await client.chat("text", model="openai:gpt-4o-mini")
    await client.chat(minimill.user("text"))
    await client.chat([minimill.system("Be short."), minimill.user(["Look:", minimill.Image(url="data:,")])])
    await client.chat([{"role": "user", "content": "text"}])
    await client.chat(42)  # type: ignore[arg-type]


async def options_are_known(client: minimill.Client) -> None:
    """A misspelt or wrongly typed option is refused before anything runs."""
    await client.chat("text", max_output_tokens=100, temperature=0.5, max_attempts=2, deadline_s=30.0)
    await client.chat("text", max_output_token=100)  # type: ignore[call-arg]
    await client.chat("text", max_output_tokens="100")  # type: ignore[arg-type]


async def a_stream(client: minimill.Client) -> None:
    """Events are one union; a match over all of them needs no default."""
    async with client.stream([minimill.user("text")], route="default") as stream:
        assert_type(stream, minimill.ChatStream)
        async for event in stream:
            assert_type(name_of(event), str)
    assert_type(stream.reply, minimill.Reply)


def name_of(event: minimill.StreamEvent) -> str:
    match event:
        case minimill.TextDelta() | minimill.ReasoningDelta() | minimill.RefusalDelta():
            return event.text
        case minimill.ToolCallDelta():
            return event.arguments
        case minimill.Finished():
            return event.finish_reason.value
        case minimill.UsageReported():
            return str(event.usage.total_tokens)
        case _:
            assert_never(event)


async def a_plan_and_the_books(client: minimill.Client) -> None:
    """Planning needs no await; the books do."""
    plan = client.plan("text", route="default")
    assert_type(plan, minimill.Plan)
    assert_type(plan.candidates, tuple[minimill.Candidate, ...])
    assert_type(plan.left_out, tuple[minimill.LeftOut, ...])
    assert_type(await client.balance(), list[minimill.Balance])
    assert_type(await client.holds(), list[minimill.HoldInfo])
    await client.correct("attempt", minimill.Money.of("0.01 CNY"), reason="the invoice")
    await client.set_limit("team", "50 CNY")


def without_await(client: minimill.SyncClient) -> None:
    """The synchronous client returns the same types."""
    with client:
        assert_type(client.chat("text", model="openai:gpt-4o-mini"), minimill.Reply)
        assert_type(client.plan("text"), minimill.Plan)
        assert_type(client.balance(), list[minimill.Balance])
        with client.stream("text") as stream:
            for event in stream:
                assert_type(event, minimill.StreamEvent)


def money() -> None:
    """Amounts are exact: a float is refused, a sum stays money."""
    amount = minimill.Money.of("1.5", "CNY") + minimill.Money.of(Decimal(2), "CNY")
    assert_type(amount, minimill.Money)
    assert_type(amount.amount, Decimal)
    minimill.Money.of(1.5, "CNY")  # type: ignore[arg-type]
    amount + 1  # type: ignore[operator]


def errors(error: minimill.MinimillError) -> None:
    """What each branch of the error tree tells."""
    if isinstance(error, minimill.ProviderError):
        assert_type(error.billed, minimill.Billed)
        assert_type(error.retry_after_s, float | None)
    elif isinstance(error, minimill.AllAttemptsFailedError):
        assert_type(str(error), str)


async def labels(client: minimill.Client) -> None:
    """App and tags for a whole block."""
    with minimill.context(app="helpdesk", tags={"team": "north"}):
        await client.chat("text")
