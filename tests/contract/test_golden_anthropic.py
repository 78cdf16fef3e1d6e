"""Anthropic's prices, typed from its page by hand, and bills worked out from them by a second calculator.

https://platform.claude.com/docs/en/about-claude/pricing. A list reads `input, written for 5 minutes, written for an
hour, read, output`, in dollars per million tokens; batch costs half of it, answers made in the US 1.1 times, fast ones
twice. The amounts are whole nanos and must be equal.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest

from minimill import Money
from minimill._pricing import PriceUnknown, Situation, cost
from minimill.catalog import find_model, load_provider
from minimill.dialects._anthropic_usage import read_usage

List = tuple[str, str, str, str, str]
OPUS: List = ("5", "6.25", "10", "0.50", "25")
SONNET: List = ("3", "3.75", "6", "0.30", "15")
SONNET_LONG: List = ("6", "7.50", "12", "0.60", "22.50")
"""Above 200,000 tokens of input, of the whole request."""
FABLE: List = ("10", "12.50", "20", "1", "50")

LISTS: dict[str, tuple[str, str | None, str, List, tuple[int, List] | None]] = {
    # first day and last, the ways to be served, prices, prices above a length
    "claude-fable-5-2": ("2026-11-01", None, "batch us fast", ("8", "10", "16", "0.20", "40"), None),
    "claude-mythos-5-2": ("2026-11-01", None, "batch us fast", ("8", "10", "16", "0.20", "40"), None),
    "claude-fable-5-1": ("2026-09-01", None, "batch us", ("10", "12.50", "20", "0.25", "50"), None),
    "claude-mythos-5-1": ("2026-09-01", None, "batch us", ("10", "12.50", "20", "0.25", "50"), None),
    "claude-fable-5": ("2026-06-09", None, "batch us", FABLE, None),
    "claude-mythos-5": ("2026-06-09", None, "batch us", FABLE, None),
    "claude-opus-5-5": ("2026-09-22", None, "batch us fast", ("4", "5", "8", "0.20", "20"), None),
    "claude-opus-5": ("2026-07-24", None, "batch us fast", OPUS, None),
    "claude-opus-4-8": ("2026-05-28", "2026-11-30", "batch us fast", OPUS, None),
    "claude-opus-4-7": ("2026-04-16", None, "batch us", OPUS, None),
    "claude-opus-4-6": ("2026-03-13", None, "batch us", OPUS, None),
    "claude-opus-4-5": ("2025-11-24", None, "batch", OPUS, None),
    "claude-opus-4-1": ("2025-08-05", "2026-08-04", "batch", ("15", "18.75", "30", "1.50", "75"), None),
    "claude-sonnet-5-5": ("2026-10-07", None, "batch us", ("2", "2.50", "4", "0.10", "10"), None),
    "claude-sonnet-5": ("2026-06-30", None, "batch us", ("2", "2.50", "4", "0.20", "10"), None),
    "claude-sonnet-4-6": ("2026-03-13", None, "batch us", SONNET, None),
    "claude-sonnet-4-5": ("2025-09-29", None, "batch", SONNET, (200_000, SONNET_LONG)),
    "claude-3-7-sonnet": ("2025-02-24", "2026-02-18", "batch", SONNET, None),
    "claude-haiku-5-5": (
        "2026-10-07",
        None,
        "batch us",
        ("0.10", "0.125", "0.20", "0.01", "0.50"),
        (100_000, ("0.50", "0.625", "1", "0.05", "2.50")),
    ),
    "claude-haiku-4-5": ("2025-10-15", None, "batch", ("1", "1.25", "2", "0.10", "5"), None),
    "claude-3-5-haiku": ("2024-11-04", "2026-02-18", "batch", ("0.80", "1", "1.60", "0.08", "4"), None),
    "claude-3-haiku": ("2024-03-13", "2026-04-19", "", ("0.25", "0.30", "0.50", "0.03", "1.25"), None),
}
TIMES = {
    None: Fraction(1), "batch": Fraction(1, 2), "us": Fraction(11, 10), "fast": Fraction(2), "fast us": Fraction(11, 5),
}  # fmt: skip
SEARCH = Fraction(10, 1_000)
"""Dollars for each web search: 10 for a thousand, on every tier. Fetching a page costs its tokens alone."""
WITHOUT_SEARCH = {"claude-3-7-sonnet", "claude-3-5-haiku", "claude-3-haiku"}
BODIES: list[tuple[int, int, int, int, int, int]] = [
    # fresh, written for 5 minutes, for an hour, read, output, searches
    (1, 0, 0, 0, 1, 0),
    (10_000, 0, 0, 0, 1_000, 0),
    (10_000, 5_000, 0, 0, 1_000, 0),
    (10_000, 0, 5_000, 0, 1_000, 0),
    (10_000, 5_000, 3_000, 20_000, 1_000, 0),
    (3, 0, 0, 9_997, 7, 0),
    (10_000, 0, 0, 0, 1_000, 3),
    (99_000, 500, 250, 250, 1_237, 0),
    (99_000, 500, 250, 251, 1_237, 0),
    (199_000, 500, 250, 250, 1_237, 0),
    (199_000, 500, 250, 251, 1_237, 1),
]
CASES = [
    (model, tier, body)
    for model, (_, _, ways, _, _) in LISTS.items()
    for tier in (None, *ways.split(), *(["fast us"] if "fast" in ways else []))
    for body in BODIES
    if not body[5] or model not in WITHOUT_SEARCH
]


def on_paper(model: str, tier: str | None, body: tuple[int, int, int, int, int, int]) -> int:
    """Whole nanos, rounded up."""
    *counts, searches = body
    prices, longer = LISTS[model][3:]
    if longer is not None and sum(counts[:4]) > longer[0]:
        prices = longer[1]
    tokens = sum(Fraction(price) * count * 1_000 for price, count in zip(prices, counts, strict=True))
    exact = tokens * TIMES[tier] + SEARCH * searches * 10**9
    return -(-exact.numerator // exact.denominator)


def wire(body: tuple[int, int, int, int, int, int]) -> dict[str, Any]:
    """The usage as the vendor sends it."""
    fresh, short, long, read, output, searches = body
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "cache_read_input_tokens": read,
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": {"web_search_requests": searches},
    }


def charged(name: str, tier: str | None, raw: dict[str, Any], at: dt.datetime) -> Money | None:
    """What minimill charges; None: it says that the price is unknown."""
    offer = find_model(f"anthropic:{name}")
    usage = read_usage(raw, (offer.model.id,))
    assert usage is not None
    asked = Situation(at, at, region=offer.region, service_tier=tier, explicit_cache=True, long_cache=True)
    try:
        return cost(usage, offer.rows, asked).money
    except PriceUnknown:
        return None


def noon(day: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day}T12:00:00+00:00")


@pytest.mark.parametrize("model", LISTS)
def test_every_bucket_of_every_model_on_every_tier(model: str) -> None:
    """Of the first day of the list and of a later one."""
    first, last, *_ = LISTS[model]
    for day in (first, last or "2026-11-24"):
        for name, tier, body in CASES:
            if name == model:
                found = charged(model, tier, wire(body), noon(day))
                assert found == Money(on_paper(model, tier, body), "USD"), (tier, body, day)


def test_there_are_enough_of_them() -> None:
    """More than three hundred different bills, on every model that has a price."""
    assert len(CASES) > 600
    provider = load_provider("anthropic")
    assert {provider.names.get(name, name) for name in LISTS} == {*provider.models}


@pytest.mark.parametrize("model", LISTS)
def test_what_is_not_sold_has_no_price(model: str) -> None:
    """A way of being served that is not on the list, and the day before the first and after the last."""
    first, last, ways, *_ = LISTS[model]
    inside = noon(first)
    for tier in ("batch", "us", "fast", "fast us", "priority"):
        if not {*tier.split()} <= {*ways.split()}:
            assert charged(model, tier, wire(BODIES[1]), inside) is None, tier
    if model not in ("claude-opus-4-6", "claude-sonnet-5-5", "claude-sonnet-4-6"):  # they had another list before
        assert charged(model, None, wire(BODIES[1]), noon(first) - dt.timedelta(days=1)) is None
    if last is not None:
        usual = None if model != "claude-opus-4-8" else charged(model, None, wire(BODIES[1]), inside)
        after = noon(last) + dt.timedelta(days=1)
        assert charged(model, None, wire(BODIES[1]), after) == usual
        assert charged(model, "fast", wire(BODIES[1]), after) is None


@pytest.mark.parametrize(
    ("model", "tier", "day", "body", "expected"),
    [
        # 10,000 × 4 + 5,000 × 5 + 3,000 × 8 + 20,000 × 0.20 + 1,000 × 20, in millionths
        ("claude-opus-5-5", None, "2026-11-24", BODIES[4], "0.113 USD"),
        ("claude-opus-5-5", "batch", "2026-11-24", BODIES[4], "0.0565 USD"),
        ("claude-opus-5-5", "us", "2026-11-24", BODIES[4], "0.1243 USD"),
        ("claude-opus-5-5", "fast", "2026-11-24", BODIES[4], "0.226 USD"),
        ("claude-opus-5-5", "fast us", "2026-11-24", BODIES[4], "0.2486 USD"),
        # three searches more than 10,000 × 2 + 1,000 × 10
        ("claude-sonnet-5-5", None, "2026-11-24", BODIES[6], "0.06 USD"),
        ("claude-sonnet-5-5", None, "2026-10-06", (0, 0, 0, 10_000, 0, 0), "0.002 USD"),  # read at 0.20 until then
        ("claude-sonnet-5-5", None, "2026-10-07", (0, 0, 0, 10_000, 0, 0), "0.001 USD"),
        # the long context of sonnet 4.6 and opus 4.6, until 2026-03-12
        ("claude-sonnet-4-6", None, "2026-03-12", (200_001, 0, 0, 0, 0, 0), "1.200006 USD"),
        ("claude-sonnet-4-6", None, "2026-03-13", (200_001, 0, 0, 0, 0, 0), "0.600003 USD"),
        ("claude-opus-4-6", "us", "2026-03-12", (0, 200_001, 0, 0, 1_000, 0), "2.79126375 USD"),
        ("claude-opus-4-6", "batch", "2026-03-12", (0, 0, 200_001, 0, 1_000, 0), "2.01876 USD"),
        # haiku 5.5 around 100,000, where reads and writes count
        ("claude-haiku-5-5", None, "2026-11-24", (99_999, 0, 0, 1, 0, 0), "0.00999991 USD"),
        ("claude-haiku-5-5", None, "2026-11-24", (99_999, 0, 0, 2, 0, 0), "0.0499996 USD"),
    ],
)
def test_bills_by_hand(model: str, tier: str | None, day: str, body: Any, expected: str) -> None:
    """What the second calculator could get wrong in the same way."""
    assert charged(model, tier, wire(body), noon(day)) == Money.of(expected)


def test_a_lifetime_that_is_not_told_takes_the_dearer_reading() -> None:
    """Written for an hour: 10,000 × 4 + 8,000 × 8 + 20,000 × 0.20 + 1,000 × 20, in millionths."""
    body = {key: value for key, value in wire(BODIES[4]).items() if key != "cache_creation"}
    assert charged("claude-opus-5-5", None, body, noon("2026-11-24")) == Money.of("0.128 USD")
