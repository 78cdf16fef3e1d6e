"""What routing hands to a ceiling: thinking that nobody switched off, sound, and words for the ordinary tier."""

from typing import Any

import pytest

import minimill
from minimill import BudgetExceededError, Money
from tests.contract.vendor_wire import Wire, whole

pytestmark = pytest.mark.anyio

OK = whole({"content": "ok"}, {"prompt_tokens": 10, "completion_tokens": 1})


def client_of(model: dict[str, Any], **provider: Any) -> minimill.Client:
    mine = {
        "dialect": "openai_chat",
        "base_url": "http://127.0.0.1:1/v1",
        "currency": "CNY",
        "models": [{"id": "m", **model}],
        **provider,
    }
    return Wire(OK).client(providers={"mine": mine}, budgets={"all": {"limit": "2 CNY"}})


async def test_thinking_outside_the_limit_counts_unless_it_is_switched_off() -> None:
    """1,000 tokens of answer and 5,000 of thought at 1,000 per million: 6, and some for the prompt."""
    model = {"reasoning": "optional", "prices": [{"input_per_mtok": 1, "output_per_mtok": 1000}]}
    bounds = {"limit_covers_reasoning": False, "max_reasoning_tokens": 5000}
    async with client_of(model, bounds=bounds) as client:
        (candidate,) = client.plan("hi", model="mine:m", max_output_tokens=1000).candidates
        assert candidate.ceiling is not None
        assert candidate.ceiling.output_tokens == 6_000
        assert candidate.ceiling.money > Money.of("6 CNY")
        with pytest.raises(BudgetExceededError):
            await client.chat("hi", model="mine:m", max_output_tokens=1000)
    quirks = {"thinking_switch": "enable_thinking"}
    async with client_of(model, bounds=bounds, quirks=quirks) as client:
        (candidate,) = client.plan("hi", model="mine:m", max_output_tokens=1000, reasoning=False).candidates
        assert candidate.ceiling is not None
        assert candidate.ceiling.output_tokens == 1_000


async def test_an_answer_may_be_sound_where_sound_has_a_price() -> None:
    """1,000 tokens at 3,000 per million."""
    prices = [{"input_per_mtok": 1, "output_per_mtok": 2, "audio_output_per_mtok": 3000}]
    async with client_of({"prices": prices}) as client:
        (candidate,) = client.plan("hi", model="mine:m", max_output_tokens=1000).candidates
    assert candidate.ceiling is not None
    assert candidate.ceiling.money > Money.of("3 CNY")


async def test_a_vendors_word_for_its_ordinary_tier_has_the_ordinary_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "not-a-key")
    async with Wire(OK).client(budgets={"all": {"limit": "2 CNY"}}) as client:
        name = "groq:openai/gpt-oss-120b"
        plans = [client.plan("hi", model=name, max_output_tokens=9, service_tier=tier) for tier in (None, "on_demand")]
    usual, named = (plan.candidates[0].ceiling for plan in plans)
    assert usual is not None
    assert named is not None
    assert usual.money == named.money
