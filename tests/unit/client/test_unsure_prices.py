"""What decides the price and the answer does not say: the dearer reading is booked."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest

import minimill

pytestmark = pytest.mark.anyio

BASE = {"input_per_mtok": 1, "output_per_mtok": 2}
USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
PLAIN, DOUBLE, FOURFOLD = 30_000, 60_000, 120_000
"""Nanos of 10 tokens in and 10 out at the row's own prices, and at two and four times them."""


def times(factor: int) -> dict[str, int]:
    """The prices, so many times."""
    return {name: price * factor for name, price in BASE.items()}


TIERS = [
    {"service_tier": "flex", "input_per_mtok": 0.5, "output_per_mtok": 1},
    {"service_tier": "priority", **times(4)},
]
THINKS = [{"thinking": True, **times(2)}]


def reserved_factor(nanos: int) -> float:
    """By how much the ceiling's prices pass the row's own: 85 tokens in and 50 out are the most."""
    return nanos / (85 * 1_000 + 50 * 2_000)


async def booked(
    answer: Mapping[str, Any],
    tiers: list[dict[str, Any]],
    *,
    quirks: Mapping[str, Any] | None = None,
    thinks: str = "optional",
    **asked: Any,
) -> tuple[int, str]:
    """What one call is charged, in nanos, and how sure that is. The ceiling knew of the price."""
    row: dict[str, Any] = {**BASE, "tiers": tiers}
    row = json.loads(json.dumps(row), parse_float=Decimal)
    model = {"id": "m", "reasoning": thinks, "prices": [row]}
    message = {"role": "assistant", "content": "hi", **answer.get("message", {})}
    body = {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": USAGE | answer.get("usage", {}),
    }
    if "service_tier" in answer:
        body["service_tier"] = answer["service_tier"]
    provider = {
        "dialect": "openai_chat",
        "base_url": "http://acme.example/v1",
        "currency": "CNY",
        "quirks": dict(quirks or {}),
        "models": [model],
    }
    config = {"providers": {"acme": provider}, "ledger": "memory:", "budgets": {"all": {"limit": "1 CNY"}}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    async with minimill.Client(config, http_transport=transport) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50, **asked)
    (attempt,) = reply.attempts
    assert attempt.charged is not None
    assert attempt.reserved is not None
    assert attempt.charge is not None
    assert attempt.charge.exact == (attempt.certainty == "exact") == (not attempt.charge.assumptions)
    if not answer.get("message"):
        assert reserved_factor(attempt.reserved.nanos) >= attempt.charged.nanos / PLAIN
    return attempt.charged.nanos, attempt.certainty


TAKES = {"service_tiers": ["flex", "priority", "auto"]}


@pytest.mark.parametrize(
    ("asked", "answer", "charged"),
    [
        ("flex", {"service_tier": "flex"}, (PLAIN // 2, "exact")),
        ("flex", {"service_tier": "default"}, (PLAIN, "exact")),
        ("flex", {}, (PLAIN, "estimated")),
        ("flex", {"service_tier": None}, (PLAIN, "estimated")),
        ("flex", {"service_tier": 7}, (PLAIN, "estimated")),
        ("priority", {}, (FOURFOLD, "estimated")),
        ("priority", {"service_tier": "default"}, (PLAIN, "exact")),
        ("auto", {}, (FOURFOLD, "estimated")),
        ("auto", {"service_tier": "default"}, (PLAIN, "exact")),
        ("default", {}, (PLAIN, "exact")),
        (None, {}, (PLAIN, "exact")),
        (None, {"service_tier": "standard"}, (PLAIN, "exact")),
    ],
)
async def test_the_service_tier(asked: str | None, answer: dict[str, Any], charged: tuple[int, str]) -> None:
    """The one that the answer names; else the dearest that may have answered."""
    wish = {} if asked is None else {"service_tier": asked}
    assert await booked(answer, TIERS, quirks=TAKES, **wish) == charged


SWITCH = {"thinking_switch": "enable_thinking"}
SHOWN = {"message": {"reasoning_content": "hm"}}


def counted(tokens: int) -> dict[str, Any]:
    """A count of reasoning tokens in the usage."""
    return {"usage": {"completion_tokens_details": {"reasoning_tokens": tokens}}}


@pytest.mark.parametrize(
    ("quirks", "asked", "answer", "charged"),
    [
        ({}, {}, {}, (DOUBLE, "estimated")),
        ({}, {}, counted(0), (PLAIN, "exact")),
        ({}, {}, SHOWN, (DOUBLE, "exact")),
        ({}, {}, SHOWN | counted(0), (DOUBLE, "exact")),
        (SWITCH, {"reasoning": False}, {}, (PLAIN, "exact")),
        (SWITCH, {"reasoning": False}, SHOWN, (DOUBLE, "exact")),
        (SWITCH, {"reasoning": True}, {}, (DOUBLE, "estimated")),
        (SWITCH | {"extra_body": {"enable_thinking": False}}, {}, {}, (PLAIN, "exact")),
        ({}, {"reasoning": False}, {}, (DOUBLE, "estimated")),
        ({"thinking_default": "on"}, {}, {}, (DOUBLE, "estimated")),
        ({"thinking_default": "always"}, {}, {}, (DOUBLE, "exact")),
    ],
)
async def test_whether_it_thought(
    quirks: dict[str, Any], asked: dict[str, Any], answer: dict[str, Any], charged: tuple[int, str]
) -> None:
    """What the answer shows, else what the request said in so many words; else the dearer price."""
    assert await booked(answer, THINKS, quirks=quirks, **asked) == charged


async def test_a_model_that_never_thinks_has_one_price() -> None:
    """Nothing is unknown there."""
    assert await booked({}, THINKS, thinks="never") == (PLAIN, "exact")
