"""Peak hours that the user changes decide prices, and every record says whose they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

import minimill
from minimill._pricing import Bounds, Limits, RequestSize, Situation, ceiling
from minimill.catalog import Catalog, Offer
from minimill.testing import Simulator

from . import acme

PEAK = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
"""Ten o'clock of a Tuesday in Beijing."""
USED = minimill.Usage(1_000_000, 0, 0, 0)
HOURS = {"zone": "Asia/Shanghai", "hours": ["20:00-21:00"], "source": "mine", "checked": dt.date(2026, 11, 20)}
HOLIDAY = {"off": [dt.date(2026, 11, 24)], "known_until": dt.date(2026, 12, 31), "source": "m", "checked": PEAK.date()}


def deepseek(**table: Any) -> Offer:
    return Catalog({"deepseek": table} if table else {}, environ={}).find("deepseek:deepseek-v4-pro")


@pytest.mark.parametrize(
    ("table", "charged", "said"),
    [
        ({}, "¥9.00", ()),
        ({"clocks": {"peak": HOURS}}, "¥4.50", ("peak from minimill.toml",)),
        ({"clocks": {"peak": {"hours": ["09:00-24:00"]}}}, "¥9.00", ("peak from minimill.toml",)),
        ({"calendars": {"cn": HOLIDAY}}, "¥4.50", ("peak from minimill.toml",)),
        ({"clocks": {"mine": HOURS}}, "¥9.00", ()),
        ({"quirks": {"max_n": 2}}, "¥9.00", ()),
    ],
)
def test_a_charge_says_whose_hours_it_goes_by(table: dict[str, Any], charged: str, said: tuple[str, ...]) -> None:
    """Other clocks of the user's, and other changes, are not named."""
    offer = deepseek(**table)
    charge = offer.charge(USED, PEAK)
    assert (str(charge.money), charge.own_clocks) == (charged, said)
    lines = [line for line in charge.lines() if line.startswith("hours ")]
    assert lines == [f"hours {words}" for words in said]
    when = Situation(PEAK, PEAK, region="cny")
    most = ceiling(RequestSize(100, 1), offer.rows, Bounds(), Limits(10), when, offer.clocks)
    assert most.own_clocks == said


@pytest.mark.anyio
async def test_the_record_of_a_call_names_them(sim: Simulator) -> None:
    """Beside the row, and at the ceiling too."""
    vendor = acme.provider(sim, "openai", clocks={"peak": {**HOURS, "hours": ["00:00-24:00"]}})
    vendor["models"][0]["prices"][0]["tiers"] = [{"clock": "peak", "input_per_mtok": 4}]
    async with minimill.Client(acme.config(sim, {"acme": vendor}, budgets=acme.cap(1))) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        (row,) = await client.spend(call_id=reply.call_id)
    details = row.record.details
    assert details["own_clocks"] == ["peak from config"]
    assert details["ceiling"]["own_clocks"] == ["peak from config"]


@pytest.mark.anyio
async def test_the_record_names_the_regions_of_its_row(sim: Simulator) -> None:
    """Where prices differ by region."""
    vendor = acme.provider(sim, "openai", region="eu")
    address = vendor.pop("base_url")
    vendor["regions"] = {"eu": {"base_url": address, "source": "mine", "checked": dt.date(2026, 11, 20)}}
    vendor["models"][0]["prices"][0]["regions"] = ["eu"]
    async with minimill.Client(acme.config(sim, {"acme": vendor}, budgets=acme.cap(1))) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        (row,) = await client.spend(call_id=reply.call_id)
    assert row.record.details["row"]["regions"] == ["eu"]
