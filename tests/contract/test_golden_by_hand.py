"""Bills worked out by hand from the printed prices: 100,000 tokens at 6 CNY per million are 0.6 CNY.

The first part is about shipped models, the second about conditions that no shipped row has, on an invented
vendor. What a line checks stands at its end.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from minimill._money import Money
from minimill._pricing import PriceUnknown, Situation, cost
from minimill._usage import Usage
from minimill.catalog import find_model
from minimill.catalog._catalog import checked_provider

M = 1_000_000
K = 1_000


def usage(tokens_in: int, tokens_out: int, **parts: Any) -> Usage:
    """All parts told: none cached, written, thought or spoken unless said."""
    told: dict[str, Any] = {
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "cache_write_long_tokens": 0,
        "reasoning_tokens": 0,
        "audio_input_tokens": 0,
        "image_input_tokens": 0,
        "audio_output_tokens": 0,
    }
    return Usage(tokens_in, tokens_out, **{**told, **parts})


def situation(at: str, **known: Any) -> Situation:
    instant = dt.datetime.fromisoformat(at)
    return Situation(instant, instant, **known)


NOW = "2026-11-24T20:00:00+08:00"
PRO, FLASH, USD = "deepseek:deepseek-v4-pro@cny", "deepseek:deepseek-flash@cny", "deepseek:deepseek-v4-pro@usd"

CLOCK = [
    # a million in and a million out of deepseek-v4-pro: 4.5 + 13.5 off-peak, 9 + 27 in peak hours
    (PRO, "2026-08-17T00:00:00+08:00", "18 CNY"),  # the first instant of these prices
    (PRO, "2026-08-17T08:59:59.999999+08:00", "18 CNY"),  # Monday
    (PRO, "2026-08-17T09:00:00+08:00", "36 CNY"),
    (PRO, "2026-08-17T11:59:59.999999+08:00", "36 CNY"),
    (PRO, "2026-08-17T12:00:00+08:00", "18 CNY"),
    (PRO, "2026-08-17T13:59:59.999999+08:00", "18 CNY"),
    (PRO, "2026-08-17T14:00:00+08:00", "36 CNY"),
    (PRO, "2026-08-17T17:59:59.999999+08:00", "36 CNY"),
    (PRO, "2026-08-17T18:00:00+08:00", "18 CNY"),
    (PRO, "2026-08-17T01:00:00+00:00", "36 CNY"),  # nine o'clock in Beijing, said in UTC
    (PRO, "2026-08-16T21:00:00-04:00", "36 CNY"),  # and in New York, the day before
    (PRO, "2026-08-22T09:00:00+08:00", "36 CNY"),  # the last Saturday with peak hours
    (PRO, "2026-08-23T09:00:00+08:00", "18 CNY"),  # the first Sunday without
    (PRO, "2026-08-24T09:00:00+08:00", "36 CNY"),  # Monday
    (PRO, "2026-08-28T17:59:59+08:00", "36 CNY"),  # Friday
    (PRO, "2026-08-29T14:00:00+08:00", "18 CNY"),  # Saturday
    (PRO, "2026-09-24T10:00:00+08:00", "36 CNY"),  # Thursday before the mid-autumn festival
    (PRO, "2026-09-25T10:00:00+08:00", "18 CNY"),  # the festival, a Friday
    (PRO, "2026-09-28T10:00:00+08:00", "36 CNY"),  # Monday after it
    (PRO, "2026-10-01T10:00:00+08:00", "18 CNY"),  # National Day, a Thursday
    (PRO, "2026-10-07T10:00:00+08:00", "18 CNY"),  # the last day of that holiday, a Wednesday
    (PRO, "2026-10-08T10:00:00+08:00", "36 CNY"),  # Thursday
    (PRO, "2026-10-10T10:00:00+08:00", "18 CNY"),  # Saturday on which people work: a weekend all the same
    (PRO, "2026-12-31T10:00:00+08:00", "36 CNY"),  # the last day of which the holidays are known
    (PRO, "2027-01-01T10:00:00+08:00", "36 CNY"),  # a holiday surely, but nobody has published it: peak
    (PRO, "2027-01-02T10:00:00+08:00", "18 CNY"),  # Saturday
    (FLASH, "2026-09-10T11:59:59+08:00", None),  # the list in CNY before is not known
    (FLASH, "2026-09-10T12:00:00+08:00", "5 CNY"),  # 1 + 4
    (FLASH, "2026-09-10T14:00:00+08:00", "10 CNY"),  # 2 + 8
    (FLASH, "2026-08-16T23:59:59+08:00", "3 CNY"),  # 1 + 2, without peak hours
    (FLASH, "2026-08-17T00:00:00+08:00", None),
    (USD, "2026-05-25T05:18:17Z", "5.22 USD"),  # 1.74 + 3.48
    (USD, "2026-05-25T05:18:18Z", "1.305 USD"),  # 0.435 + 0.87
    (USD, "2026-08-17T10:00:00+08:00", "5.28 USD"),  # 1.32 + 3.96
    (USD, "2026-08-17T20:00:00+08:00", "2.64 USD"),  # 0.66 + 1.98
    ("deepseek:deepseek-chat@cny", "2024-05-06T00:00:00+08:00", "3 CNY"),  # V2: 1 + 2
    ("deepseek:deepseek-chat@cny", "2025-03-01T00:29:59+08:00", "10 CNY"),  # V3: 2 + 8
    ("deepseek:deepseek-chat@cny", "2025-03-01T00:30:00+08:00", "5 CNY"),  # half at night
    ("deepseek:deepseek-chat@cny", "2025-03-01T08:29:59+08:00", "5 CNY"),
    ("deepseek:deepseek-chat@cny", "2025-03-01T08:30:00+08:00", "10 CNY"),
    ("deepseek:deepseek-reasoner@cny", "2025-03-01T08:30:00+08:00", "20 CNY"),  # R1: 4 + 16
    ("deepseek:deepseek-reasoner@cny", "2025-03-01T03:00:00+08:00", "5 CNY"),  # a quarter at night
]

DATES = [
    # a million in and a million out, around announced days
    ("glm:glm-3-turbo@mainland", "2024-05-10T23:59:59+08:00", "10 CNY"),  # 5 + 5
    ("glm:glm-3-turbo@mainland", "2024-05-11T00:00:00+08:00", "2 CNY"),  # 1 + 1
    ("glm:glm-3-turbo@mainland", NOW, "2 CNY"),
    ("glm:glm-4@mainland", "2024-05-20T00:00:00+08:00", "200 CNY"),
    ("glm:glm-5.3-flash@mainland", "2026-09-09T23:59:59+08:00", "1.8 CNY"),  # 0.4 + 1.4
    ("glm:glm-5.3-flash@mainland", "2026-09-10T00:00:00+08:00", "3.6 CNY"),  # 0.8 + 2.8
    ("glm:glm-5.3-flash@international", "2026-09-09T23:59:59+08:00", "0.325 USD"),  # 0.075 + 0.25
    ("glm:glm-5.3-flash@international", "2026-09-10T00:00:00+08:00", "0.65 USD"),
    ("qwen:qwen-long@cn-beijing", "2024-05-21T09:59:59+08:00", "40 CNY"),  # 20 + 20
    ("qwen:qwen-long@cn-beijing", "2024-05-21T10:00:00+08:00", "2.5 CNY"),  # 0.5 + 2
    ("qwen:qwen-max@cn-beijing", "2024-05-21T09:59:59+08:00", "240 CNY"),  # 120 + 120
    ("qwen:qwen-max@cn-beijing", "2024-05-21T10:00:00+08:00", "160 CNY"),  # 40 + 120
    ("qwen:qwen-max@cn-beijing", "2024-08-01T00:00:00+08:00", None),  # not known
    ("qwen:qwen-max@cn-beijing", "2026-07-12T23:59:59+08:00", "12 CNY"),  # 2.4 + 9.6
    ("qwen:qwen-max@cn-beijing", "2026-07-13T00:00:00+08:00", None),  # retired
    ("qwen:qwen3-max-2025-09-23@cn-beijing", NOW, "75 CNY"),  # above 128,000: 15 + 60
    ("qwen:qwen-72b-chat@cn-beijing", "2024-05-15T00:00:00+08:00", "40 CNY"),
    ("ernie:ernie-speed-128k", "2024-04-30T23:59:59+08:00", None),  # not known
    ("ernie:ernie-speed-128k", "2024-05-21T13:59:59+08:00", "48 CNY"),  # 16 + 32
    ("ernie:ernie-speed-8k", "2024-05-21T13:59:59+08:00", "12 CNY"),  # 4 + 8
    ("ernie:ernie-speed-8k", "2024-05-21T14:00:00+08:00", "0 CNY"),
    ("ernie:ernie-lite-8k", "2024-05-21T13:59:59+08:00", "9 CNY"),  # 3 + 6
    ("ernie:ernie-tiny-8k", "2024-05-21T13:59:59+08:00", "2 CNY"),
    ("ernie:ernie-tiny-8k", "2024-05-21T14:00:00+08:00", "0 CNY"),
    ("ernie:ernie-bot", "2024-01-18T23:59:59+08:00", None),
    ("ernie:ernie-bot", "2024-01-19T00:00:00+08:00", "24 CNY"),
    ("ernie:ernie-bot-8k", "2024-05-01T00:00:00+08:00", "72 CNY"),  # 24 + 48
    ("ernie:ernie-bot-turbo", "2024-05-01T00:00:00+08:00", "16 CNY"),
    ("ernie:ernie-4.0-8k", "2024-12-31T23:59:59+08:00", None),
    ("ernie:ernie-4.0-8k", "2025-01-01T00:00:00+08:00", "120 CNY"),  # 30 + 90
    ("ernie:ernie-4.0-8k", "2026-06-30T00:00:00+08:00", None),
    ("doubao:doubao-pro-256k", "2024-11-14T23:59:59+08:00", None),
    ("doubao:doubao-pro-256k", "2024-11-15T00:00:00+08:00", "14 CNY"),  # 5 + 9
    ("doubao:doubao-pro-256k", "2026-09-19T00:00:00+08:00", None),
    ("doubao:doubao-1-5-pro-32k", NOW, "2.8 CNY"),  # 0.8 + 2
    ("doubao:doubao-1-5-lite-32k", NOW, "0.9 CNY"),  # 0.3 + 0.6
    ("doubao:doubao-seed-1-6-lite", NOW, "13.2 CNY"),  # 1.2 + 12, above 128,000
    ("openai:o3", "2025-06-09T23:59:59Z", "50 USD"),
    ("openai:o3", "2025-06-10T00:00:00Z", "10 USD"),
    ("openai:o3", "2025-04-15T23:59:59Z", None),
    ("openai:gpt-4-32k", "2024-05-01T00:00:00Z", "180 USD"),  # 60 + 120
    ("openai:gpt-4-32k", "2025-06-06T00:00:00Z", None),
    ("openai:gpt-audio", NOW, "12.5 USD"),
    ("openai:gpt-audio-mini", NOW, "3 USD"),
    ("anthropic:claude-opus-4-1", "2026-08-04T23:59:59Z", "90 USD"),  # 15 + 75
    ("anthropic:claude-opus-4-1", "2026-08-05T00:00:00Z", None),
    ("anthropic:claude-3-7-sonnet", "2026-02-18T23:59:59Z", "18 USD"),
    ("anthropic:claude-3-7-sonnet", "2026-02-19T00:00:00Z", None),
    ("anthropic:claude-3-5-haiku", "2026-02-18T23:59:59Z", "4.8 USD"),
    ("anthropic:claude-3-haiku", "2026-04-19T23:59:59Z", "1.5 USD"),
    ("anthropic:claude-3-haiku", "2026-04-20T00:00:00Z", None),
    ("ernie:ernie-speed-128k", "2024-05-21T14:00:00+08:00", "0 CNY"),
    ("ernie:ernie-lite-8k", "2026-06-08T23:59:59+08:00", "0 CNY"),
    ("ernie:ernie-lite-8k", "2026-06-09T00:00:00+08:00", None),  # retired, and so no longer free
    ("ernie:ernie-4.0-8k", "2024-05-21T14:00:00+08:00", "240 CNY"),
    ("doubao:doubao-pro-32k", "2024-05-14T23:59:59+08:00", None),
    ("doubao:doubao-pro-32k", "2024-05-15T00:00:00+08:00", "2.8 CNY"),  # 0.8 + 2
    ("doubao:doubao-pro-128k", "2024-05-15T00:00:00+08:00", None),  # its output price was not printed
    ("openai:gpt-4", "2024-05-01T00:00:00Z", "90 USD"),
    ("openai:gpt-4-turbo", "2024-05-01T00:00:00Z", "40 USD"),
    ("openai:gpt-4-turbo", "2026-10-22T23:59:59Z", "40 USD"),
    ("openai:gpt-4-turbo", "2026-10-23T00:00:00Z", None),
    ("openai:gpt-3.5-turbo", "2023-11-05T23:59:59Z", "3.5 USD"),
    ("openai:gpt-3.5-turbo", "2023-11-06T00:00:00Z", "3 USD"),
    ("openai:gpt-3.5-turbo", "2024-01-25T00:00:00Z", "2 USD"),
    ("openai:gpt-4o", "2024-10-01T23:59:59Z", "20 USD"),  # 5 + 15
    ("openai:gpt-4o", "2024-10-02T00:00:00Z", "12.5 USD"),  # 2.5 + 10
]

BILLS: list[tuple[str, Usage, dict[str, Any], str | None]] = [
    # the edge of a tier, and one more
    ("doubao:doubao-seed-1-8-251228", usage(32 * K, 200), {}, "0.026 CNY"),  # 0.0256 + 0.0004
    ("doubao:doubao-seed-1-8-251228", usage(32 * K, 201), {}, "0.027208 CNY"),  # 0.0256 + 0.001608
    ("doubao:doubao-seed-1-8-251228", usage(32_001, 200), {}, "0.0416012 CNY"),  # 0.0384012 + 0.0032
    ("doubao:doubao-seed-1-8-251228", usage(128 * K, 100), {}, "0.1552 CNY"),  # 0.1536 + 0.0016
    ("doubao:doubao-seed-1-8-251228", usage(128_001, 100), {}, "0.3096024 CNY"),  # 0.3072024 + 0.0024
    ("doubao:doubao-seed-2-0-pro-260215", usage(32 * K, K), {"service_tier": "fast"}, "0.3552 CNY"),  # .3072 + .048
    ("doubao:doubao-seed-2-0-pro-260215", usage(32_001, K), {"service_tier": "fast"}, "0.5328144 CNY"),
    ("glm:glm-4.7@mainland", usage(31_999, 199), {}, "0.06559 CNY"),  # 0.063998 + 0.001592
    ("glm:glm-4.7@mainland", usage(31_999, 200), {}, "0.098797 CNY"),  # 0.095997 + 0.0028
    ("glm:glm-4.7@mainland", usage(32_000, 199), {}, "0.131184 CNY"),  # 0.128 + 0.003184
    ("glm:glm-4.7@mainland", usage(20 * K, 100, cached_input_tokens=10 * K), {}, "0.0248 CNY"),  # .02 + .004 + .0008
    ("glm:glm-5@mainland", usage(31_999, K), {}, "0.145996 CNY"),  # 0.127996 + 0.018
    ("glm:glm-5@mainland", usage(32_000, K), {}, "0.214 CNY"),  # 0.192 + 0.022
    ("ernie:ernie-5.1", usage(32 * K, K), {}, "0.146 CNY"),  # 0.128 + 0.018
    ("ernie:ernie-5.1", usage(32_001, K), {}, "0.214006 CNY"),  # 0.192006 + 0.022
    ("openai:gpt-5.4", usage(272 * K, K), {}, "0.695 USD"),  # 0.68 + 0.015
    ("openai:gpt-5.4", usage(272_001, K), {}, "1.382505 USD"),  # 1.360005 + 0.0225
    ("openai:gpt-5.4", usage(272 * K, K), {"service_tier": "priority"}, "1.39 USD"),  # 1.36 + 0.03
    ("openai:gpt-5.4", usage(272_001, K), {"service_tier": "priority"}, None),  # published nowhere
    ("openai:gpt-5.5", usage(100 * K, K), {"service_tier": "priority"}, "1.325 USD"),  # 1.25 + 0.075
    ("openai:gpt-5.5", usage(272_001, 0), {"service_tier": "priority"}, None),
    ("openai:gpt-5.5", usage(100 * K, K), {"service_tier": "scale"}, None),  # a tier without any price
    # thinking
    ("qwen:qwen-plus@cn-beijing", usage(100 * K, 10 * K), {"thinking": False}, "0.1 CNY"),  # 0.08 + 0.02
    ("qwen:qwen-plus@cn-beijing", usage(100 * K, 10 * K), {"thinking": True}, "0.16 CNY"),  # 0.08 + 0.08
    ("qwen:qwen-plus@cn-beijing", usage(100 * K, 10 * K, reasoning_tokens=1), {}, "0.16 CNY"),
    ("qwen:qwen-plus@cn-beijing", usage(128_000, 0), {"thinking": True}, "0.1024 CNY"),
    ("qwen:qwen-plus@cn-beijing", usage(128_001, 0), {"thinking": True}, "0.3072024 CNY"),
    ("qwen:qwen-plus@cn-beijing", usage(256_001, K), {"thinking": True}, "1.2928048 CNY"),  # 1.2288048 + 0.064
    ("qwen:qwen-plus@singapore", usage(256_000, K), {"thinking": False}, "0.1036 USD"),  # 0.1024 + 0.0012
    ("qwen:qwen-plus@singapore", usage(256_001, K), {"thinking": False}, "0.3108012 USD"),  # 0.3072012 + 0.0036
    # caches: read without asking, read and written on request, written without asking
    ("qwen:qwen3.8-max@cn-beijing", usage(20 * K, 0, cached_input_tokens=10 * K), {}, "0.135 CNY"),  # 0.12 + 0.015
    (
        "qwen:qwen3.8-max@cn-beijing",
        usage(20 * K, 0, cached_input_tokens=10 * K, cache_write_tokens=8 * K),
        {"explicit_cache": True},
        "0.154 CNY",  # 2,000 × 12 + 10,000 × 1 + 8,000 × 15
    ),
    ("qwen:qwen3.6-plus@cn-beijing", usage(100 * K, 0, cached_input_tokens=100 * K), {}, "0.2 CNY"),  # no discount
    (
        "qwen:qwen3.6-plus@cn-beijing",
        usage(100 * K, 0, cached_input_tokens=100 * K),
        {"explicit_cache": True},
        "0.02 CNY",
    ),
    (
        "qwen:qwen4-max@singapore",
        usage(M, 0, cache_write_tokens=M, cache_write_long_tokens=400 * K),
        {"explicit_cache": True, "long_cache": True},
        "2.325 USD",  # 600,000 × 1.875 + 400,000 × 3
    ),
    ("openai:gpt-6-sol", usage(100 * K, 0, cache_write_tokens=100 * K), {}, "0.25 USD"),
    ("openai:gpt-6-sol", usage(100 * K, 0, cache_write_tokens=100 * K, cache_write_long_tokens=100 * K), {}, "0.5 USD"),
    ("openai:gpt-6-sol", usage(300 * K, K, cached_input_tokens=300 * K), {}, "0.135 USD"),  # 0.12 + 0.015
    ("openai:gpt-5.6-luna", usage(100 * K, 10 * K, cached_input_tokens=50 * K), {}, "0.023 USD"),  # .01 + .001 + .012
    ("deepseek:deepseek-flash@cny", usage(M, M, cached_input_tokens=M), {}, "4.02 CNY"),
    ("doubao:doubao-seed-1-8-251228", usage(200 * K, 0, cached_input_tokens=200 * K), {}, "0.032 CNY"),  # flat 0.16
    # service tiers
    ("openai:gpt-5", usage(100 * K, 10 * K), {"service_tier": "flex"}, "0.1125 USD"),  # 0.0625 + 0.05
    ("openai:gpt-5", usage(100 * K, 10 * K), {"service_tier": "priority"}, "0.45 USD"),  # 0.25 + 0.2
    ("openai:gpt-5", usage(100 * K, 10 * K), {"service_tier": "default"}, "0.225 USD"),  # 0.125 + 0.1
    ("openai:gpt-4o", usage(100 * K, 10 * K, cached_input_tokens=100 * K), {"service_tier": "batch"}, "0.175 USD"),
    ("openai:gpt-6-luna", usage(M, M), {"service_tier": "batch"}, "0.475 USD"),  # above 272,000: 0.1 + 0.375
    ("glm:glm-3-turbo@mainland", usage(M, M), {"service_tier": "batch"}, "1 CNY"),
    # sound
    ("doubao:doubao-seed-2-1-lite-260915", usage(10 * K, 0, audio_input_tokens=4 * K), {}, "0.0528 CNY"),
    (
        "doubao:doubao-seed-2-1-lite-260915",
        usage(10 * K, 0, audio_input_tokens=10 * K, cached_input_tokens=10 * K),
        {},
        "0.024 CNY",
    ),
    ("doubao:doubao-seed-2-0-lite-260428", usage(32_001, 0, audio_input_tokens=32_001), {}, "0.4320135 CNY"),
    # free, and one token at a time: less than a nano rounds up, once
    ("glm:glm-4.7-flash@mainland", usage(100 * K, 100 * K), {}, "0 CNY"),
    ("deepseek:deepseek-flash@cny", usage(1, 0), {}, "0.000001 CNY"),
    ("openai:gpt-6-luna", usage(1, 0, cached_input_tokens=1), {"service_tier": "batch"}, "0.000000005 USD"),
    ("openai:gpt-6-luna", usage(1, 0, cache_write_tokens=1), {"service_tier": "batch"}, "0.000000063 USD"),  # 62.5
    ("openai:gpt-6-luna", usage(2, 0, cache_write_tokens=2), {"service_tier": "batch"}, "0.000000125 USD"),
]


def billed(name: str, used: Usage, known: Situation) -> Money | None:
    """What minimill charges; None: the price is unknown."""
    model, _, region = name.partition("@")
    offer = find_model(model)
    try:
        charge = cost(used, offer.rows, replace(known, region=region or offer.region), clocks=offer.clocks)
    except PriceUnknown:
        return None
    return charge.money


def amount(expected: str | None) -> Money | None:
    return None if expected is None else Money.of(expected)


@pytest.mark.parametrize(("name", "at", "expected"), [*CLOCK, *DATES])
def test_days_and_hours(name: str, at: str, expected: str | None) -> None:
    """A million tokens in and a million out at that instant."""
    assert billed(name, usage(M, M), situation(at)) == amount(expected)


@pytest.mark.parametrize(("name", "used", "known", "expected"), BILLS)
def test_bills(name: str, used: Usage, known: dict[str, Any], expected: str | None) -> None:
    """On the day of the release, in the evening in Beijing."""
    assert billed(name, used, situation(NOW, **known)) == amount(expected)


ACME = """
id = "acme"
name = "Acme AI"
dialect = "openai_chat"
base_url = "https://api.acme.example/v1"
currency = "EUR"
status = "documented"
source = "https://docs.acme.example"
checked = 2026-11-20

[clocks.lunch]
zone = "Europe/Berlin"
days = ["mon", "tue", "wed", "thu", "fri"]
hours = ["12:00-13:30"]
source = "https://acme.example/pricing"
checked = 2026-11-20

[[models]]
id = "all"
source = "https://acme.example/models"
checked = 2026-11-20

[[models.prices]]
since = 2026-01-01T00:00:00+01:00
currency = "EUR"
input_per_mtok = 1
cached_input_per_mtok = 0.1
explicit_cached_input_per_mtok = 0.05
cache_write_per_mtok = 1.25
cache_write_long_per_mtok = 2
output_per_mtok = 4
audio_input_per_mtok = 10
cached_audio_input_per_mtok = 2.5
image_input_per_mtok = 3
audio_output_per_mtok = 20
per_request = 0.002
per_unit = { web_search = 0.01, page = 0.02 }
tiers = [
  { output_over = 1_000, output_per_mtok = 5 },
  { service_tier = "batch", input_per_mtok = 0.5, output_per_mtok = 2, per_request = 0 },
  { clock = "lunch", output_per_mtok = 8, per_unit = { web_search = 0.03 } },
  { thinking = true, clock = "lunch", per_request = 0.004 },
]
cache_writes = "explicit"
source = "https://acme.example/pricing"
checked = 2026-11-20

[[models]]
id = "bands"
source = "https://acme.example/models"
checked = 2026-11-20

[[models.prices]]
since = 2026-01-01T00:00:00+01:00
currency = "EUR"
input_per_mtok = 10
output_per_mtok = 4
tiers = [
  { input_over = 1_000, input_per_mtok = 5 },
  { input_from = 5_001, input_per_mtok = 1, output_per_mtok = 2 },
]
marginal = true
source = "https://acme.example/pricing"
checked = 2026-11-20
"""

QUIET, LUNCH = "2026-11-24T15:00:00+01:00", "2026-11-24T12:00:00+01:00"
FEES: list[tuple[str, str, Usage, dict[str, Any], int]] = [
    # nanos; the fee of a request is 2,000,000
    ("all", QUIET, usage(1_000, 1_000), {}, 1_000_000 + 4_000_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 1_001), {}, 1_000_000 + 5_005_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 1_000), {"service_tier": "batch"}, 500_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 1_001), {"service_tier": "batch"}, 500_000 + 2_002_000),
    ("all", LUNCH, usage(1_000, 1_000), {"thinking": False}, 1_000_000 + 8_000_000 + 2_000_000),
    ("all", LUNCH, usage(1_000, 1_000), {"thinking": True}, 1_000_000 + 8_000_000 + 4_000_000),
    ("all", LUNCH, usage(1_000, 2_000), {"service_tier": "batch", "thinking": False}, 500_000 + 16_000_000),
    ("all", "2026-11-24T13:29:59.9+01:00", usage(0, 1_000), {"thinking": False}, 10_000_000),
    ("all", "2026-11-24T13:30:00+01:00", usage(0, 1_000), {"thinking": False}, 6_000_000),
    ("all", "2026-07-01T12:00:00+02:00", usage(0, 1_000), {"thinking": False}, 10_000_000),  # in summer time
    ("all", "2026-07-01T12:00:00+01:00", usage(0, 1_000), {"thinking": False}, 10_000_000),  # 13:00 there
    ("all", "2026-07-01T13:00:00+01:00", usage(0, 1_000), {"thinking": False}, 6_000_000),  # 14:00 there
    ("all", "2026-11-22T12:00:00+01:00", usage(0, 1_000), {"thinking": False}, 6_000_000),  # Sunday
    ("all", QUIET, usage(0, 0, units={"web_search": 3}), {}, 30_000_000 + 2_000_000),
    ("all", QUIET, usage(0, 0, units={"web_search": 3, "page": 2}), {}, 30_000_000 + 40_000_000 + 2_000_000),
    ("all", LUNCH, usage(0, 0, units={"web_search": 3}), {"thinking": False}, 90_000_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, cached_input_tokens=1_000), {}, 100_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, cached_input_tokens=1_000), {"explicit_cache": True}, 50_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, cache_write_tokens=1_000), {}, 1_250_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, cache_write_tokens=1_000, cache_write_long_tokens=600), {}, 1_700_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, audio_input_tokens=400), {}, 600_000 + 4_000_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, audio_input_tokens=1_000, cached_input_tokens=1_000), {}, 2_500_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, image_input_tokens=250), {}, 750_000 + 750_000 + 2_000_000),
    ("all", QUIET, usage(1_000, 0, image_input_tokens=250, audio_input_tokens=250), {}, 3_750_000 + 2_000_000),
    ("all", QUIET, usage(0, 1_000, audio_output_tokens=300), {}, 2_800_000 + 6_000_000 + 2_000_000),
    ("bands", QUIET, usage(1_000, 0), {}, 10_000_000),
    ("bands", QUIET, usage(1_001, 0), {}, 10_000_000 + 5_000),
    ("bands", QUIET, usage(5_000, 0), {}, 10_000_000 + 20_000_000),
    ("bands", QUIET, usage(5_001, 0), {}, 10_000_000 + 20_000_000 + 1_000),
    ("bands", QUIET, usage(6_000, 1_000), {}, 10_000_000 + 20_000_000 + 1_000_000 + 2_000_000),
    ("bands", QUIET, usage(5_000, 1_000), {}, 10_000_000 + 20_000_000 + 4_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("model", "at", "used", "known", "nanos"), FEES)
def test_conditions_that_no_shipped_row_has(
    model: str, at: str, used: Usage, known: dict[str, Any], nanos: int
) -> None:
    """Fees, sound, pictures, bands, and all of them together with tiers and hours."""
    acme = checked_provider(tomllib.loads(ACME, parse_float=Decimal), "acme.toml", "acme")
    charge = cost(used, acme.models[model].rows, situation(at, **known), clocks=acme.clocks)
    assert charge.money == Money(nanos, "EUR")
    assert charge.exact
