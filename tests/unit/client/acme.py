"""A small world for engine tests: simulated vendors with prices that are easy to multiply in one's head."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import minimill
from minimill._money import NANOS
from minimill.testing import CallRecord, Simulator, one_token_per_byte

INPUT, OUTPUT = 2_000, 8_000
"""Nanos for one token: 2 and 8 units per million."""
LIMIT = 50
"""Output limit of every call, unless a test says otherwise."""


def provider(
    sim: Simulator, vendor: str, *, currency: str = "CNY", times: int = 1, free: bool = False, **more: Any
) -> dict[str, Any]:
    """A provider of one model `m`, served by one of the simulator's vendors."""
    price = {
        "since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "currency": currency,
        "input_per_mtok": Decimal(2 * times),
        "output_per_mtok": Decimal(8 * times),
        "source": "https://acme.example/prices",
        "checked": dt.date(2026, 11, 20),
    }
    model: dict[str, Any] = {
        "id": "m",
        "abilities": ["streaming", "tools", "json_schema", "json_object", "n"],
    }
    if free:
        model["free"] = True
    else:
        model["prices"] = [price]
    os.environ["ACME_API_KEY"] = "sim-key"
    return {
        "dialect": "openai_chat",
        "base_url": sim.base_url(vendor),
        "key_env": "ACME_API_KEY",
        "currency": currency,
        "bounds": {"per_request_tokens": 3, "per_message_tokens": 4},
        "models": [model],
        **more,
    }


def config(
    sim: Simulator,
    vendors: Mapping[str, Mapping[str, Any]] | None = None,
    ledger: str = "memory:",
    **more: Any,
) -> dict[str, Any]:
    """A configuration in the shape of minimill.toml; without `vendors` one provider `acme`."""
    if vendors is None:
        vendors = {"acme": provider(sim, "openai")}
    return {"providers": dict(vendors), "ledger": ledger, **more}


def cap(units: str | int, **more: Any) -> dict[str, Any]:
    """A hard budget over everything, in CNY."""
    return {"all": {"limit": f"{units} CNY", **more}}


def nanos(units: str) -> int:
    """Units as nanos."""
    return int(Decimal(units) * NANOS)


def price(record: CallRecord) -> int:
    """What the simulated vendor charges for a call, in nanos."""
    return record.input_tokens * INPUT + record.output_tokens * OUTPUT


def ceiling(prompt: str, limit: int = LIMIT) -> int:
    """The ceiling of a one-message call, worked out by hand, in nanos."""
    return (len(prompt.encode()) + 3 + 4) * INPUT + limit * OUTPUT


def at_ceiling(body: Mapping[str, Any]) -> int:
    """An input count that meets the bound exactly."""
    return one_token_per_byte(per_message=4, per_request=3)(body)


async def spent(client: minimill.Client) -> tuple[int, int]:
    """(settled, held) of the budget `all`, in nanos."""
    await client._ledger.flush()
    (balance,) = await client.balance("all")
    return balance.settled_nanos, balance.held_nanos
