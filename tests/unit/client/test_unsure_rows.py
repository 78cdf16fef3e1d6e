"""A price that its sources leave unsure: refused under a hard budget, unless it is accepted or replaced."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

import minimill
from minimill import UnpricedModelError

pytestmark = pytest.mark.anyio

PRICE = {"input_per_mtok": Decimal(1), "output_per_mtok": Decimal(2), "certainty": "unsure"}
ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
}


async def sent(price: dict[str, Any], budgets: dict[str, Any], route: dict[str, Any]) -> tuple[int, str]:
    """How many requests left the machine for one chat, and what came of it."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=ANSWER)

    provider = {
        "dialect": "openai_chat",
        "base_url": "http://acme.example/v1",
        "currency": "CNY",
        "models": [{"id": "m", "prices": [price]}],
    }
    config = {
        "providers": {"acme": provider},
        "ledger": "memory:",
        "budgets": budgets,
        "routes": {"default": {"models": ["acme:m"], **route}},
    }
    async with minimill.Client(config, http_transport=httpx.MockTransport(answer)) as client:
        try:
            reply = await client.chat("hello")
        except UnpricedModelError as error:
            return len(requests), str(error)
    return len(requests), str(reply.cost.certainty)


HARD = {"all": {"limit": "1 CNY"}}
SOFT = {"all": {"limit": "1 CNY", "hard": False}}


async def test_it_is_refused_under_a_hard_budget_before_anything_is_sent() -> None:
    """The message says what to do."""
    count, said = await sent(PRICE, HARD, {})
    assert count == 0
    assert "acme:m" in said
    assert "the sources leave its price unsure" in said
    assert "give a price in the configuration, or set accept_unsure_prices = true on the route" in said


async def test_a_route_may_accept_it() -> None:
    """Held and booked at that price, then."""
    assert await sent(PRICE, HARD, {"accept_unsure_prices": True}) == (1, "exact")


async def test_a_price_of_ones_own_is_as_sure_as_one_says() -> None:
    """Without the mark it is the user's word."""
    own = {name: value for name, value in PRICE.items() if name != "certainty"}
    assert await sent(own, HARD, {}) == (1, "exact")


async def test_a_soft_budget_lets_it_pass() -> None:
    """It records and warns, and never blocks."""
    assert (await sent(PRICE, SOFT, {}))[0] == 1


async def test_without_a_budget_nothing_is_asked() -> None:
    """There is no cap to keep."""
    assert (await sent(PRICE, {}, {}))[0] == 1
