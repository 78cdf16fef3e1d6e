"""Usage bodies at every edge of every price list, billed twice: by minimill and by a second calculator.

The body goes through the vendor's dialect; the amounts are whole nanos and must be equal.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from minimill._pricing import PriceUnknown, Situation, cost
from minimill.catalog import find_model, load_provider
from minimill.dialects._openai_usage import read_usage

from .golden_calculator import bill, is_peak
from .golden_prices import PRICES

MOMENT = dt.timedelta(microseconds=1)
RELEASE = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
TIERS = ("batch", "flex", "priority", "fast")


class Case(NamedTuple):
    """One answer of one model."""

    name: str
    at: dt.datetime
    tokens_in: int
    tokens_out: int
    hit: int = 0
    written: int = 0
    sound: int = 0
    thinks: bool = False
    tier: str | None = None
    marked: bool = False

    def body(self) -> dict[str, Any]:
        """The usage object as this vendor sends it."""
        details: dict[str, int] = {"cached_tokens": self.hit, "audio_tokens": self.sound}
        written = "cache_creation_input_tokens" if self.name.startswith("qwen") else "cache_write_tokens"
        body = {
            "prompt_tokens": self.tokens_in,
            "completion_tokens": self.tokens_out,
            "total_tokens": self.tokens_in + self.tokens_out,
            "prompt_tokens_details": details | {written: self.written},
            "completion_tokens_details": {"reasoning_tokens": self.tokens_out // 2 if self.thinks else 0},
        }
        if self.name.startswith("deepseek"):
            body |= {"prompt_cache_hit_tokens": self.hit, "prompt_cache_miss_tokens": self.tokens_in - self.hit}
        return body


def periods() -> Iterator[tuple[str, dt.datetime, dt.datetime | None, str]]:
    for name, (_, held) in PRICES.items():
        for since, until, lines in held:
            ends = None if until is None else dt.datetime.fromisoformat(until)
            yield name, dt.datetime.fromisoformat(since), ends, lines


def edge_cases() -> Iterator[Case]:
    """Every bound and its neighbours, with and without thinking, on every tier, with some tokens cached."""
    for name, since, _, lines in periods():
        inputs = {1_000} | {n + d for n in bounds("in", lines) for d in (-1, 0, 1)}
        outputs = {n + d for n in bounds("out", lines) for d in (-1, 0, 1)} or {1_237}
        thinking = (False, True) if "think" in lines else (False,)
        tiers = (None, *(tier for tier in TIERS if tier in lines))
        for place, (size, out, thinks, tier) in enumerate(
            itertools.product(sorted(inputs), sorted(outputs), thinking, tiers)
        ):
            at = since + dt.timedelta(hours=13 + place % 5, minutes=7)
            yield Case(name, at, size, out, hit=place % 3 * size // 3, thinks=thinks, tier=tier)
            if "x=" in lines:
                hit, written = size // 2, size // 4
                yield Case(name, at, size, out, hit, written, thinks=thinks, tier=tier, marked=True)
            elif "w=" in lines:
                yield Case(name, at, size, out, size // 5, size // 3, thinks=thinks, tier=tier)
            if "a=" in lines:
                yield Case(name, at, size, out, sound=size // 7, tier=tier)


def bounds(what: str, lines: str) -> set[int]:
    """The lengths at which a price list changes."""
    return {int(number) for number in re.findall(rf"\b{what}<=?(\d+)", lines)}


def date_cases() -> Iterator[Case]:
    """The last instant before each price list, its first, and those around its end."""
    for name, since, until, _ in periods():
        yield Case(name, since - MOMENT, 10_001, 999)
        yield Case(name, since, 10_001, 999)
        if until is not None:
            yield Case(name, until - MOMENT, 10_001, 999, hit=5_000)
            yield Case(name, until, 10_001, 999, hit=5_000)
        if until is None or until > RELEASE:
            yield Case(name, RELEASE, 10_001, 999, hit=5_000)


def clock_cases() -> Iterator[Case]:
    """Both sides of every hour at which DeepSeek's price changes, on days of every kind."""
    days = [
        "2026-08-18", "2026-08-22", "2026-08-23", "2026-09-10", "2026-09-11", "2026-09-24", "2026-09-25",
        "2026-09-28", "2026-10-01", "2026-10-07", "2026-10-08", "2026-10-10", "2026-11-24", "2026-12-31", "2027-01-04",
    ]  # fmt: skip
    for name, day, hour in itertools.product(
        ("deepseek:deepseek-v4-pro@cny", "deepseek:deepseek-v4-pro@usd", "deepseek:deepseek-flash@cny"),
        days,
        ("09:00", "12:00", "14:00", "18:00"),
    ):
        edge = dt.datetime.fromisoformat(f"{day}T{hour}+08:00")
        yield Case(name, edge - MOMENT, 9_999, 777, hit=3_333)
        yield Case(name, edge, 9_999, 777, hit=3_333)
    for name, hour in itertools.product(
        ("deepseek:deepseek-chat@cny", "deepseek:deepseek-reasoner@cny"), ("00:30", "08:30")
    ):
        edge = dt.datetime.fromisoformat(f"2025-05-05T{hour}+08:00")
        yield Case(name, edge - MOMENT, 9_999, 777, hit=3_333)
        yield Case(name, edge, 9_999, 777, hit=3_333)


CASES = list(dict.fromkeys([*edge_cases(), *date_cases(), *clock_cases()]))


def charged(case: Case, body: dict[str, Any]) -> tuple[int, str, bool] | None:
    """What minimill charges; None: it says that the price is unknown."""
    name, _, region = case.name.partition("@")
    offer = find_model(name)
    usage = read_usage(body, offer.quirks)
    assert usage is not None
    situation = Situation(
        started=case.at,
        finished=case.at,
        region=region or offer.region,
        service_tier=case.tier,
        thinking=case.thinks,
        explicit_cache=case.marked,
    )
    try:
        charge = cost(usage, offer.rows, situation, clocks=offer.clocks)
    except PriceUnknown:
        return None
    return charge.money.nanos, charge.money.currency, charge.exact


@pytest.mark.parametrize("name", PRICES)
def test_both_calculators_come_to_the_same(name: str) -> None:
    """Of every case of one price list, to the nano; an unknown price is unknown to both."""
    mine = [case for case in CASES if case.name == name]
    wrong = []
    for case in mine:
        nanos = bill(name, case.at, case.body(), thinks=case.thinks, tier=case.tier, marked=case.marked)
        holidays_known = case.at.year < 2027 or not is_peak(case.at)
        expected = None if nanos is None else (nanos, PRICES[name][0], holidays_known)
        found = charged(case, case.body())
        if found != expected:
            wrong.append((case, expected, found))
    assert len(mine) >= 3
    assert wrong == []


def test_there_are_enough_of_them() -> None:
    """Different bodies, on every hosted vendor; some of them without a price."""
    assert len(CASES) >= 1_000
    assert {case.name.partition(":")[0] for case in CASES} == {
        "azure", "baichuan", "deepseek", "doubao", "ernie", "glm", "hunyuan", "minimax", "moonshot", "openai", "qwen",
        "siliconflow", "spark", "stepfun", "xai",
    }  # fmt: skip
    priced = [case for case in CASES if charged(case, case.body()) is not None]
    assert len(CASES) - 100 > len(priced) > 900


def test_every_list_price_of_the_shipped_rows_is_typed_here_or_flat() -> None:
    """A model with tiers or clocks that is sold today has a list of its own, typed from the vendor's page."""
    tiered = {
        f"{provider_id}:{model.id}"
        for provider_id in sorted({name.partition(":")[0] for name in PRICES})
        for model in load_provider(provider_id).models.values()
        if model.status == "current"
        for row in model.rows
        if row.tiers and load_provider(provider_id).region in (row.regions or {load_provider(provider_id).region})
    }
    typed = {name.partition("@")[0] for name in PRICES}
    assert sorted(tiered - typed) == []


@pytest.mark.parametrize(
    ("name", "missing", "nanos"),
    [
        # 10,000 in and 1,000 out; what is not told takes the dearer reading
        ("doubao:doubao-seed-2-1-pro-260915", ["prompt_tokens_details"], 60_000_000 + 30_000_000),
        ("openai:gpt-5.6-sol", ["prompt_tokens_details"], 62_500_000 + 30_000_000),
        ("openai:gpt-5", ["prompt_tokens_details"], 12_500_000 + 10_000_000),
        ("ernie:ernie-4.5-turbo-128k", ["prompt_tokens_details"], 8_000_000 + 3_200_000),
    ],
)
def test_what_a_body_leaves_out_takes_the_dearer_reading(name: str, missing: list[str], nanos: int) -> None:
    """And the charge is not called exact."""
    case = Case(name, RELEASE, 10_000, 1_000)
    body = {key: value for key, value in case.body().items() if key not in missing}
    found = charged(case, body)
    assert found is not None
    assert (found[0], found[2]) == (nanos, False)
    assert bill(name, RELEASE, body) == nanos
