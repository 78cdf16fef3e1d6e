"""Every dollar model that genai-prices knows too: the same bill, or a line here that says who is right.

Its data ship with it; nothing is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import genai_prices
import pytest

from minimill import UnpricedModelError, Usage
from minimill._pricing import Situation, cost
from minimill._pricing._select import PriceUnknown
from minimill.catalog import Model, load_provider

EVENING = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
"""A Tuesday, after DeepSeek's peak hours."""
MORNING = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
"""Inside them."""
SATURDAY = dt.datetime(2026, 11, 21, 2, tzinfo=dt.UTC)
"""At that hour of a Saturday."""

VENDORS = {
    "openai": ("openai", "global"),
    "anthropic": ("anthropic", None),
    "gemini": ("google", None),
    "deepseek": ("deepseek", "usd"),
    "glm": ("zai", "international"),
    "groq": ("groq", None),
    "mistral": ("mistral", None),
    "together": ("together", None),
    "openrouter": ("openrouter", None),
    "xai": ("x-ai", None),
    "moonshot": ("moonshotai", "international"),
    "minimax": ("minimax", "international"),
}
"""Our provider: theirs, and our region that bills in dollars."""
TIERS: dict[str | None, dict[str, str]] = {
    None: {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "batch": {"processing": "batch"},
}
BODIES = [
    # input, output, of the input read from a cache, written to one
    (10_000, 1_000, 0, 0),
    (10_000, 1_000, 5_000, 0),
    (272_000, 1_000, 0, 0),
    (272_001, 1_000, 100_000, 0),
    (100_000, 1_000, 20_000, 30_000),
]

REDUCED = "ours is dearer: the reduced price was promised until 2026-11-21, what holds since is not known; unsure"
NO_CACHED_BATCH = "ours is dearer: no cached price is published for batch; theirs is the standard one, ours batch input"
NO_TIER = "ours: no price; the vendor publishes none for this service tier, theirs falls back to the standard price"
NO_LONG_PRIORITY = "ours: no price; none is published above 272,000 tokens, theirs goes on with the short one"
LONG_REDUCED = "ours is dearer: half of the price above 272,000 tokens; theirs halves the short one there too"
RETIRED = "ours: no price; shut down (on 2026-10-23, gpt-4-32k on 2025-06-06), theirs has no end"
GONE = "ours: no price; shut down on 2025-09-29 (1.5) and 2026-06-01 (2.0), theirs has no end"
NOT_SERVED = "ours: no price; retired (4.1 on 2026-08-05, 3.x from February to April 2026), theirs has no end"
NO_WEEKDAYS = "ours: DeepSeek's peak hours leave out weekends since 2026-08-23; theirs knows hours of the day only"

DIFFERENCES: dict[tuple[str, str | None], str] = {
    **{("openai:gpt-5.6-sol", tier): REDUCED for tier in TIERS},
    ("openai:gpt-4.1", "batch"): NO_CACHED_BATCH,
    ("openai:gpt-4.1-mini", "batch"): NO_CACHED_BATCH,
    ("openai:o3", "batch"): NO_CACHED_BATCH,
    **{(f"openai:{model}", tier): NO_TIER for model in ("gpt-audio", "gpt-audio-mini") for tier in TIERS if tier},
    **{
        (f"openai:{model}", "flex"): NO_TIER
        for model in ("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")
    },
    **{(f"openai:{model}", "priority"): NO_TIER for model in ("gpt-5-nano", "gpt-5.4-nano")},
    **{("openai:gpt-5-pro", tier): NO_TIER for tier in ("flex", "priority")},
    **{("openai:gpt-5.2-pro", tier): NO_TIER for tier in ("flex", "priority")},
    **{(f"openai:{model}", "priority"): NO_TIER for model in ("gpt-5.4-pro", "gpt-5.5-pro")},
    **{("openai:gpt-5.5-pro", tier): LONG_REDUCED for tier in ("flex", "batch")},
    **{("openai:gpt-5.3-codex", tier): NO_TIER for tier in ("flex", "batch")},
    **{(f"openai:{model}", "priority"): NO_LONG_PRIORITY for model in ("gpt-5.4", "gpt-5.5")},
    **{
        (f"openai:{model}", tier): RETIRED
        for model in (
            "gpt-3.5-turbo gpt-4 gpt-4-32k gpt-4-turbo gpt-4o-2024-05-13 gpt-4.1-nano o1 o3-mini o4-mini"
        ).split()
        for tier in TIERS
    },
    **{(f"gemini:gemini-{model}", None): GONE for model in ("1.5-flash", "1.5-pro", "2.0-flash")},
    **{
        (f"anthropic:claude-{model}", None): NOT_SERVED
        for model in ("opus-4-1-20250805", "3-7-sonnet-20250219", "3-5-haiku-20241022", "3-haiku-20240307")
    },
    ("deepseek:deepseek-flash", None): NO_WEEKDAYS,
    ("deepseek:deepseek-v4-pro", None): NO_WEEKDAYS,
}  # fmt: skip
UNKNOWN_TO_THEM = {
    "glm:glm-4.7-flash", "glm:glm-5-turbo", "glm:glm-5v-turbo", "openai:gpt-6.2-astra", "openai:gpt-6.2-sol",
    "anthropic:claude-mythos-5", "anthropic:claude-mythos-5-1",
    "xai:grok-4.20-non-reasoning",
    "gemini:gemini-4-carbon", "gemini:gemini-4-hydrogen", "gemini:gemini-4-neon",
}  # fmt: skip


class Bill(NamedTuple):
    """One body, billed twice."""

    name: str
    tier: str | None
    at: dt.datetime
    body: tuple[int, int, int, int]
    ours: Decimal | None
    theirs: Decimal | None
    """None: they do not know the model."""


def models() -> Iterator[tuple[str, Model]]:
    """Those with a price in dollars that is or was charged by the vendor itself."""
    for vendor in VENDORS:
        for model in load_provider(vendor).models.values():
            if any(row.currency == "USD" for row in model.rows):
                yield f"{vendor}:{model.id}", model


def bills() -> Iterator[Bill]:
    for name, model in models():
        vendor = name.partition(":")[0]
        for tier in TIERS if vendor == "openai" else (None,):
            for at in (EVENING, MORNING, SATURDAY) if vendor == "deepseek" else (EVENING,):
                for body in BODIES:
                    yield Bill(name, tier, at, body, ours(name, model, tier, at, body), theirs(name, tier, at, body))


def ours(
    name: str, model: Model, tier: str | None, at: dt.datetime, body: tuple[int, int, int, int]
) -> Decimal | None:
    vendor = name.partition(":")[0]
    situation = Situation(at, at, region=VENDORS[vendor][1], service_tier=tier, thinking=False)
    try:
        charge = cost(Usage(*body, 0, 0, 0, 0, 0), model.rows, situation, clocks=load_provider(vendor).clocks)
    except PriceUnknown:
        return None
    assert charge.money.currency == "USD"
    return charge.money.amount


def theirs(
    name: str, tier: str | None, at: dt.datetime, body: tuple[int, int, int, int]
) -> Decimal | None:
    vendor, _, model = name.partition(":")
    used = genai_prices.Usage(
        input_tokens=body[0], output_tokens=body[1], cache_read_tokens=body[2], cache_write_tokens=body[3]
    )
    context: dict[str, Any] = {"price_context": TIERS[tier]} if tier else {}
    try:
        return genai_prices.calc_price(
            used, model, provider_id=VENDORS[vendor][0], genai_request_timestamp=at, **context
        ).total_price
    except LookupError:
        return None


@pytest.fixture(scope="module")
def billed() -> list[Bill]:
    return list(bills())


def test_they_agree_or_the_difference_has_a_reason(billed: list[Bill]) -> None:
    """Plain, cached, written and long; by service tier; inside and outside peak hours."""
    both = [bill for bill in billed if bill.theirs is not None]
    differing = {(bill.name, bill.tier) for bill in both if bill.ours != bill.theirs}
    assert differing == set(DIFFERENCES)
    assert len([bill for bill in both if bill.ours == bill.theirs]) > 490


def test_a_difference_is_what_its_reason_says(billed: list[Bill]) -> None:
    """Ours is never the cheaper one, but on DeepSeek's weekends."""
    for bill in billed:
        reason = DIFFERENCES.get((bill.name, bill.tier), "")
        if bill.theirs is None or bill.ours == bill.theirs:
            continue
        if reason.startswith("ours: no price"):
            assert bill.ours is None, bill
        elif reason == NO_WEEKDAYS:
            assert bill.at == SATURDAY and bill.ours is not None and 2 * bill.ours == bill.theirs, bill
        else:
            assert bill.ours is not None and bill.ours > bill.theirs, bill


def test_what_they_do_not_know_is_listed(billed: list[Bill]) -> None:
    """So that a typing error in a name is not taken for agreement."""
    missing = {bill.name for bill in billed if bill.theirs is None}
    assert missing == UNKNOWN_TO_THEM


def test_prices_of_the_past_agree_too() -> None:
    """Where their data have dates: deepseek-v4-flash and -pro before and after each change."""
    for name, instant, expected in [
        ("deepseek-v4-flash", "2026-06-01T12:00:00+00:00", "0.00028"),
        ("deepseek-v4-flash", "2026-09-01T12:00:00+00:00", "0.00044"),
        ("deepseek-v4-flash", "2026-09-11T12:00:00+00:00", "0.0003"),
        ("deepseek-v4-pro", "2026-08-01T12:00:00+00:00", "0.00087"),
        ("deepseek-v4-pro", "2026-09-01T12:00:00+00:00", "0.00132"),
    ]:
        at = dt.datetime.fromisoformat(instant)
        provider = load_provider("deepseek")
        model = provider.models[provider.names.get(name, name)]
        body = (2_000, 0, 0, 0)
        mine = ours(f"deepseek:{model.id}", model, None, at, body)
        assert mine == theirs(f"deepseek:{name}", None, at, body) == Decimal(expected)


def test_an_offer_says_so_when_it_has_no_price() -> None:
    """What stands as `ours: no price` above is an error to a user, never a zero."""
    from minimill.catalog import find_model

    with pytest.raises(UnpricedModelError, match="service tier 'flex'"):
        find_model("openai:gpt-4o").charge(Usage(1, 1), EVENING, service_tier="flex")
