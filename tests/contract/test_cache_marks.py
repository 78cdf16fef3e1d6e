"""Cache marks in chat completions: what is sent for the usual time and the longer one, and what a write costs.

https://openrouter.ai/docs/guides/best-practices/prompt-caching: an hour is for Claude, at twice the price of input.
"""

from typing import Any

import pytest

import minimill
from minimill.catalog import Catalog, Offer
from tests.contract.openai_vendors import counts
from tests.contract.vendor_wire import Wire, whole

pytestmark = pytest.mark.anyio

RULES = "r" * 9_000
CAP: dict[str, Any] = {"budgets": {"all": {"limit": "9 USD"}}}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "key")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "key")


def answer(**more: Any) -> dict[str, Any]:
    details = {"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 2_000}}
    return whole({"content": "ok"}, counts(2_010, 5, **details, **more))


def asked(cache: Any) -> list[minimill.Message]:
    return [minimill.system([minimill.Text(RULES, cache=cache)]), minimill.user("hi")]


@pytest.mark.parametrize(
    ("model", "cache", "mark"),
    [
        ("openrouter:anthropic/claude-haiku-4.5", True, {"type": "ephemeral"}),
        ("openrouter:anthropic/claude-haiku-4.5", "long", {"type": "ephemeral", "ttl": "1h"}),
        ("openrouter:anthropic/claude-sonnet-5.5", "long", {"type": "ephemeral", "ttl": "1h"}),
        # five minutes is all that Alibaba has, there as here
        ("openrouter:qwen/qwen3.8-flash", "long", {"type": "ephemeral"}),
        ("qwen:qwen3.8-flash", "long", {"type": "ephemeral"}),
    ],
)
async def test_the_mark(model: str, cache: Any, mark: dict[str, str]) -> None:
    wire = Wire(answer(cost=0.001, is_byok=False))
    async with wire.client() as client:
        await client.chat(asked(cache), model=model, max_output_tokens=50)
    assert wire.body()["messages"][0]["content"] == [{"type": "text", "text": RULES, "cache_control": mark}]


@pytest.mark.parametrize(("cache", "per_mtok"), [(False, 1), (True, "1.25"), ("long", 2)])
async def test_the_ceiling_counts_the_write_by_its_time(cache: Any, per_mtok: Any) -> None:
    """Claude Haiku 4.5: a dollar for input, 1.25 for five minutes, 2 for an hour."""
    client = Wire(answer()).client(**CAP)
    async with client:
        plan = client.plan(asked(cache), model="openrouter:anthropic/claude-haiku-4.5", max_output_tokens=50)
    ceiling = plan.candidates[0].ceiling
    assert ceiling is not None
    assert str(ceiling.buckets[0].price) == str(per_mtok)


async def test_without_a_bill_the_write_costs_what_its_time_costs() -> None:
    """A key of one's own at the vendor: 10 tokens at 1 dollar, 2,000 written at 2, 5 at 5; the lifetime is not told."""
    async with Wire(answer(cost=0.0001, is_byok=True)).client(**CAP) as client:
        reply = await client.chat(asked("long"), model="openrouter:anthropic/claude-haiku-4.5", max_output_tokens=50)
    assert reply.cost.total == minimill.Money(10 * 1_000 + 2_000 * 2_000 + 5 * 5_000, "USD")


async def test_a_longer_time_without_a_price_is_refused_under_a_cap() -> None:
    """With what to do about it; without a cap it is sent."""
    price = {"input_per_mtok": 1, "cache_write_per_mtok": 2, "output_per_mtok": 5, "cache_writes": "explicit"}
    model = {"id": "anthropic/claude-next", "prices": [price], "quirks": {"cache_long_ttl": "1h"}}
    providers = {"openrouter": {"models": [model]}}
    wire = Wire(answer(cost=0.001, is_byok=False))
    async with wire.client(providers=providers, **CAP) as client:
        with pytest.raises(minimill.UnpricedModelError, match="use cache=True, or give cache_write_long_per_mtok"):
            await client.chat(asked("long"), model="openrouter:anthropic/claude-next", max_output_tokens=50)
        await client.chat(asked(True), model="openrouter:anthropic/claude-next", max_output_tokens=50)
    async with wire.client(providers=providers) as client:
        await client.chat(asked("long"), model="openrouter:anthropic/claude-next", max_output_tokens=50)
    assert [b'"ttl":"1h"' in request.content for request in wire.asked] == [False, True]


def test_every_model_with_a_longer_time_has_a_price_for_it() -> None:
    """So that none is refused that is sold."""
    catalog = Catalog()
    lacking = [
        f"{provider.id}:{model.id}"
        for provider in map(catalog.provider, ("openrouter", "openai", "azure", "anthropic"))
        for model in provider.models.values()
        if _takes_longer(Offer(provider, model, model.id))
        and any(
            row.cache_writes != "none" and row.rates.cache_write_long_per_mtok is None for row in model.rows
        )
    ]
    assert lacking == []


def _takes_longer(offer: Offer) -> bool:
    quirks = offer.quirks
    own = quirks.cache_marks == "prompt_cache_breakpoint" or offer.dialect == "anthropic"
    return own or bool(quirks.cache_long_ttl)
