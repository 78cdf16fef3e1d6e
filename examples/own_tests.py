"""Tests of an application that chats, without keys and without a network: `pytest examples/own_tests.py`.

`minimill_simulator` and `minimill_config` are pytest fixtures that come with minimill.
"""

import asyncio
from typing import Any

import pytest

import minimill
from minimill.testing import Answer, Fault, Simulator

MODELS = ["doubao:doubao-seed-2-1-lite-260915", "openai:gpt-5.6-luna"]


async def summarise(client: minimill.Client, text: str) -> str:
    """The application: what is tested below."""
    try:
        reply = await client.chat(f"Sum up:\n{text}", model=MODELS, max_output_tokens=300)
    except minimill.BudgetExceededError:
        return "(no money left today)"
    return reply.text.strip()


def run(config: dict[str, Any]) -> str:
    async def inside() -> str:
        async with minimill.Client(config) as client:
            return await summarise(client, "a long text")

    return asyncio.run(inside())


def test_the_answer_is_trimmed(minimill_simulator: Simulator, minimill_config: dict[str, Any]) -> None:
    minimill_simulator.configure("doubao", answer=Answer(text=" short \n"))
    assert run(minimill_config) == "short"


def test_a_rate_limit_leads_to_the_next_vendor(
    minimill_simulator: Simulator, minimill_config: dict[str, Any]
) -> None:
    minimill_simulator.always("doubao", Fault.status(429))
    minimill_simulator.configure("openai", answer=Answer(text="from the other one"))
    assert run(minimill_config) == "from the other one"
    assert [call.vendor for call in minimill_simulator.paid_calls] == ["openai"]


def test_an_empty_budget_sends_nothing(
    minimill_simulator: Simulator, minimill_config: dict[str, Any]
) -> None:
    minimill_config["budgets"] = {"all": {"limit": "0 CNY"}}
    assert run(minimill_config) == "(no money left today)"
    assert minimill_simulator.calls == ()


def test_a_stream_that_breaks_stays_charged(
    minimill_simulator: Simulator, minimill_config: dict[str, Any]
) -> None:
    minimill_simulator.always("openai", Fault.cut_after(2))

    async def inside() -> minimill.MinimillError:
        async with minimill.Client(minimill_config) as client:
            async with client.stream("Hello", model="openai:gpt-5.6-luna") as stream:
                with pytest.raises(minimill.TransportError) as caught:
                    await stream.collect()
            return caught.value

    error = asyncio.run(inside())
    assert error.cost.certainty == "held"
