"""What a usage cost at an instant, from a name to an amount."""

import datetime as dt

import pytest

from minimill import Money, UnpricedModelError, Usage
from minimill.catalog import find_model

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
KNOWN = {"cached_input_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0}


def test_a_charge_of_today() -> None:
    """With the row it was computed from."""
    charge = find_model("openai:gpt-5.4-mini").charge(Usage(1_000, 100, **KNOWN), NOW)
    assert charge.money == Money.of("0.0012 USD")
    assert charge.exact
    assert charge.row.since == dt.datetime(2026, 3, 17, tzinfo=dt.UTC)


def test_its_region_clock_and_mode_count() -> None:
    """DeepSeek's peak, qwen-plus with thinking, flex, and a cache that was asked for."""
    peak = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
    pro = find_model("deepseek:deepseek-v4-pro")
    assert [pro.charge(Usage(1_000_000, 0, **KNOWN), at).money for at in (NOW, peak)] == [
        Money.of("4.5 CNY"),
        Money.of("9 CNY"),
    ]
    qwen = find_model("qwen:qwen-plus")
    used = Usage(0, 1_000, cached_input_tokens=0, cache_write_tokens=0)
    assert [qwen.charge(used, NOW, thinking=thinks).money for thinks in (False, True, None)] == [
        Money.of("0.002 CNY"),
        Money.of("0.008 CNY"),
        Money.of("0.008 CNY"),
    ]
    read = Usage(1_000, 0, cached_input_tokens=1_000, cache_write_tokens=0, reasoning_tokens=0)
    assert qwen.charge(read, NOW, explicit_cache=True).money == Money.of("0.00008 CNY")
    flex = find_model("openai:gpt-5").charge(Usage(1_000, 0, **KNOWN), NOW, service_tier="flex")
    assert flex.money == Money.of("0.000625 USD")


def test_a_model_that_is_sold_no_longer_has_its_price_too() -> None:
    """0.21 CNY for 10,000 tokens of Spark 3.5 Max in May 2024."""
    at = dt.datetime(2024, 5, 25, tzinfo=dt.UTC)
    model = find_model("spark:generalv3.5")
    assert model.charge(Usage(5_000, 5_000), at).money == Money.of("0.21 CNY")
    with pytest.raises(UnpricedModelError, match="service tier 'batch'"):
        model.charge(Usage(1, 1), at, service_tier="batch")


def test_an_unknown_price_is_an_error() -> None:
    """Before the first row, and where there is none at all."""
    with pytest.raises(UnpricedModelError, match=r"^its first price begins 2026-03-17"):
        find_model("openai:gpt-5.4-mini").charge(Usage(1, 1), dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    with pytest.raises(UnpricedModelError, match=r"^it has no price row$"):
        find_model("ernie:ernie-5.5-flash-preview").charge(Usage(1, 1), NOW)


def test_keeping_a_cache_costs_by_the_hour() -> None:
    """Doubao: 0.017 CNY for a million tokens and hour; of OpenAI no price is known."""
    evening = NOW + dt.timedelta(hours=3)
    kept = find_model("doubao:doubao-seed-2-1-pro-260915").storage_charge(500_000, NOW, evening)
    assert (kept.money, kept.exact) == (Money.of("0.0255 CNY"), True)
    with pytest.raises(UnpricedModelError, match=r"^its price row has no price for keeping a cache$"):
        find_model("openai:gpt-5").storage_charge(500_000, NOW, evening)
