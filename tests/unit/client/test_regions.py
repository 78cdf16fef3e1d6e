"""The address of a known vendor decides its price, and a hard budget refuses one that nobody knows."""

from typing import Any

import httpx
import pytest

import minimill
from minimill import UnpricedModelError

pytestmark = pytest.mark.anyio

ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 1_000, "completion_tokens": 1_000, "total_tokens": 2_000},
}
CAP = {"all": {"limit": "1 USD"}}


async def said(table: dict[str, Any], budgets: dict[str, Any]) -> tuple[int, str]:
    """How many requests left the machine for one chat with gpt-4o, and what it cost or why it was refused."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=ANSWER)

    config = {"providers": {"openai": table}, "ledger": "memory:", "budgets": budgets}
    async with minimill.Client(config, http_transport=httpx.MockTransport(answer)) as client:
        try:
            reply = await client.chat("hi", model="openai:gpt-4o", max_output_tokens=2_000)
        except UnpricedModelError as error:
            return len(sent), error.message
    return len(sent), str(reply.cost.total)


async def test_an_unknown_host_is_refused_under_a_hard_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, and the error says what to set. A region, a price, or a soft budget lets it through."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    gateway: dict[str, Any] = {"base_url": "https://gw.example/v1"}
    sent, why = await said(gateway, CAP)
    assert sent == 0
    assert "gw.example is no address of openai that is known" in why
    assert 'set region = "global" or "us" or "eu" under [providers.openai]' in why
    assert await said({**gateway, "region": "global"}, CAP) == (1, "$0.0125")
    own = [{"id": "gpt-4o", "prices": [{"input_per_mtok": 1, "output_per_mtok": 1}]}]
    assert await said({**gateway, "models": own}, CAP) == (1, "$0.002")
    assert await said(gateway, {"all": {"limit": "1 USD", "hard": False}}) == (1, "None")
    assert await said({"base_url": "https://eu.api.openai.com/v1"}, CAP) == (1, "$0.0125")
