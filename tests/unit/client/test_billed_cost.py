"""The vendor's own bill: booked in place of the price rows, believed within reason, and told in every record."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

import minimill
from minimill._report import Details
from minimill.catalog import Quirks
from minimill.dialects._openai_usage import billed_nanos

PRICE = {"input_per_mtok": Decimal(1), "output_per_mtok": Decimal(2)}
QUIRKS = {"billed_cost_path": "cost", "billed_cost_partial_path": "is_byok"}
ROWS = 10 * 1_000 + 10 * 2_000
"""Nanos that the price row comes to for 10 tokens in and 10 out."""


def config(prices: list[Any], **more: Any) -> dict[str, Any]:
    provider = {
        "dialect": "openai_chat",
        "base_url": "http://acme.example/v1",
        "currency": "USD",
        "quirks": QUIRKS,
        "models": [{"id": "m", "prices": prices}],
    }
    return {"providers": {"acme": provider}, "ledger": "memory:", **more}


def client_of(given: dict[str, Any], **usage: Any) -> minimill.Client:
    """A client of a vendor that answers with this usage."""
    body = {
        "id": "x",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20, **usage},
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=json.dumps(body)))
    return minimill.Client(given, http_transport=transport)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("usage", "nanos", "certainty"),
    [
        ({"cost": 0.000041}, 41_000, "exact"),
        ({"cost": "0.000041"}, 41_000, "exact"),
        ({"cost": 4.1e-05, "is_byok": False}, 41_000, "exact"),
        ({"cost": 0.00000000001}, 1, "exact"),
        ({"cost": 0.000041, "is_byok": True}, ROWS, "exact"),
        ({"cost": None}, ROWS, "exact"),
        ({"cost": -1}, ROWS, "exact"),
        ({"cost": True}, ROWS, "exact"),
        ({"cost": "a lot"}, ROWS, "exact"),
        ({"cost": 1e30}, ROWS, "exact"),
        ({}, ROWS, "exact"),
        ({"cost": 0}, ROWS, "estimated"),
    ],
)
async def test_what_is_booked(usage: dict[str, Any], nanos: int, certainty: str) -> None:
    """The bill where it is one and whole, else what the row comes to; a bill of nothing is not believed."""
    details = {"prompt_tokens_details": {"cached_tokens": 0}}
    budgets = {"all": {"limit": "1 USD"}}
    async with client_of(config([PRICE], budgets=budgets), **details, **usage) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        (balance,) = await client.balance("all")
    (attempt,) = reply.attempts
    assert (attempt.charged, attempt.certainty) == (minimill.Money(nanos, "USD"), certainty)
    assert (balance.settled.nanos, balance.held.nanos) == (nanos, 0)


@pytest.mark.anyio
async def test_a_model_without_a_price_costs_what_the_vendor_says() -> None:
    """And is refused under a hard cap all the same, since nothing bounds it before."""
    async with client_of(config([]), cost=0.000041) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
    assert (reply.cost.total, reply.cost.certainty) == (minimill.Money(41_000, "USD"), "exact")
    async with client_of(config([], budgets={"all": {"limit": "1 USD"}}), cost=0.000041) as client:
        with pytest.raises(minimill.UnpricedModelError):
            await client.chat("hello", model="acme:m", max_output_tokens=50)


@pytest.mark.anyio
async def test_nothing_is_a_bill_where_nobody_knows_better() -> None:
    """A free variant without a price row costs nothing, by the vendor's word."""
    async with client_of(config([]), cost=0) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
    assert (reply.cost.total, reply.cost.certainty) == (minimill.Money(0, "USD"), "exact")


@pytest.mark.anyio
async def test_a_bill_above_the_ceiling_is_booked_in_full(caplog: pytest.LogCaptureFixture) -> None:
    """And reported as a fault of the ceiling."""
    budgets = {"all": {"limit": "1 USD"}}
    async with client_of(config([PRICE], budgets=budgets), cost=0.5) as client:
        await client.chat("hello", model="acme:m", max_output_tokens=50)
        (balance,) = await client.balance("all")
    assert balance.settled == minimill.Money(500_000_000, "USD")
    assert "more than the ceiling" in caplog.text


@pytest.mark.anyio
async def test_the_report_names_whose_bill_it_is() -> None:
    """In the printed cost and in the record."""
    async with client_of(config([PRICE]), cost=0.000041) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
    assert str(reply.cost) == (
        "1. acme:m  $0.000041 (exact)\n"
        "   $0.000041 by the vendor's own bill, in its answer\n"
        "total $0.000041 (exact)"
    )
    assert Details(reply.attempts[0].charge, reply.usage, None, ()) == {"billed": "USD"}


@pytest.mark.parametrize(
    ("told", "digits", "nanos"),
    [(20_400_000, 10, 2_040_000), (1, 10, 1), (10, 10, 1), (11, 10, 2), ("37", 10, 4), (2, 0, 2_000_000_000)],
)
def test_units_of_a_bill(told: Any, digits: int, nanos: int) -> None:
    """A tenth of a nano rounds up."""
    quirks = Quirks(billed_cost_path="a.b", billed_cost_digits=digits)
    assert billed_nanos({"a": {"b": told}}, quirks) == nanos
