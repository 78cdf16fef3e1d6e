"""The provider files that ship: what each must hold, and bills worked out by hand from the vendors' pages.

Files are found in the folder, so that a new one is checked without a word here.
"""

import datetime as dt
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from minimill._money import Money
from minimill._pricing import Certainty, PriceRow, Situation, cost, find_rows
from minimill._usage import Usage
from minimill.catalog import Model, Provider, find_model, load_provider, provider_ids
from minimill.catalog._files import folder

TODAY = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
"""The day of the release; prices of later days are not tested here."""

NO_PRICE = {
    "ernie:ernie-5.5-flash-preview", "sambanova:MiniMax-M3",
    "spark:4.0Ultra", "spark:max-32k", "spark:pro-128k", "spark:generalv3",
}  # fmt: skip
"""Current models of which no price is known anywhere."""
PRICED_ELSEWHERE = {
    "qwen:qwen4-max", "qwen:qwen-plus-us", "qwen:qwen-flash-us", "moonshot:kimi-k3.1-pro",
    "moonshot:kimi-k3.1-pro-highspeed", "siliconflow:deepseek-ai/DeepSeek-V4-Pro",
    "siliconflow:deepseek-ai/DeepSeek-V4-Flash", "siliconflow:moonshotai/Kimi-K3", "siliconflow:zai-org/GLM-5.2",
}  # fmt: skip
"""Current models without a price in the region that is used by default."""
INPUT_PRICE_ALONE = {
    "doubao:doubao-pro-128k", "hunyuan:hunyuan-standard", "hunyuan:hunyuan-pro", "hunyuan:hunyuan-standard-32k",
    "hunyuan:hunyuan-pro-32k",
}  # fmt: skip
"""Retired models whose output price was printed nowhere."""
ARTICLES = {"科技有零态, 2024-06-25"}
"""Of which no address is known: named by title and day, and only a past price may rest on one."""
SELF_HOSTED = {"llamacpp", "ollama", "sglang", "vllm"}

FILES = provider_ids()


def models() -> list[Any]:
    return [
        pytest.param(provider, model, id=f"{provider.id}:{model.id}")
        for provider in map(load_provider, FILES)
        for model in provider.models.values()
    ]


def regions_of(provider: Provider) -> list[str | None]:
    return [*provider.regions] or [None]


def tables(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, below in value.items():
            yield from tables(below, f"{path}.{key}")
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from tables(below, f"{path}[{number}]")


@pytest.mark.parametrize("name", FILES)
def test_every_fact_has_a_page_and_a_day(name: str) -> None:
    text = (folder() / f"{name}.toml").read_text(encoding="utf-8")
    found = dict(tables(tomllib.loads(text, parse_float=Decimal)))
    dated = {path: table for path, table in found.items() if "checked" in table}
    assert "" in dated and found[""]["id"] == name
    for path, table in dated.items():
        assert table["source"].startswith("https://") or (table["source"] in ARTICLES and "until" in table), path
        assert dt.date(2023, 1, 1) <= table["checked"] <= TODAY.date(), path
    for path, table in found.items():
        if "since" in table or "kind" in table or ("id" in table and path):
            assert path in dated, path


@pytest.mark.parametrize("name", FILES)
def test_names_are_unique_and_bounds_have_a_reason(name: str) -> None:
    provider = load_provider(name)
    spoken = [*provider.models, *provider.names]
    assert len(spoken) == len(set(spoken))
    assert all(model.bounds.source for model in provider.models.values())
    assert provider.models or provider.any_model
    assert provider.auth.env or provider.auth.optional


@pytest.mark.parametrize("name", sorted(SELF_HOSTED))
def test_a_server_of_ones_own_takes_any_id_and_has_no_price(name: str) -> None:
    provider = load_provider(name)
    assert provider.any_model is not None and not provider.any_model.rows and not provider.models


@pytest.mark.parametrize(("provider", "model"), models())
def test_rows_follow_one_another(provider: Provider, model: Model) -> None:
    """They stand in order, each is alone in force from its first instant, and none outlives its end."""
    for region in regions_of(provider):
        rows = [row for row in model.rows if not row.regions or region in row.regions]
        assert rows == sorted(rows, key=lambda row: row.since)
        for row in rows:
            assert find_rows(model.rows, row.since, region) == (row,)
            if row.until is not None:
                assert row not in find_rows(model.rows, row.until, region)
        assert rows == [] or find_rows(model.rows, rows[0].since - dt.timedelta(microseconds=1), region) == ()


@pytest.mark.parametrize(("provider", "model"), models())
def test_what_is_sold_has_one_price_today(provider: Provider, model: Model) -> None:
    """One row for each region with a price; none for what is retired; and what has none says so."""
    name = f"{provider.id}:{model.id}"
    found = {region: find_rows(model.rows, TODAY, region) for region in regions_of(provider)}
    priced = {region for region, rows in found.items() if len(rows) == 1}
    assert all(len(rows) <= 1 for rows in found.values())
    if model.status == "retired":
        assert not priced and model.rows
    elif name in NO_PRICE:
        assert not priced and "price" in model.note
    else:
        assert (provider.region not in priced) == (name in PRICED_ELSEWHERE) and priced
    if model.retires_on is not None:
        assert (model.retires_on <= TODAY.date()) == (model.status == "retired")


@pytest.mark.parametrize(("provider", "model"), models())
def test_a_row_prices_whatever_it_may_be_asked(provider: Provider, model: Model) -> None:
    """Every row has a price for input and output under each of its tiers, and thinking is never cheaper."""
    if f"{provider.id}:{model.id}" in INPUT_PRICE_ALONE:
        assert model.status == "retired"
        assert {row.rates.output_per_mtok for row in model.rows} == {None}
        return
    for row in model.rows:
        for used in (1, 40_000, 140_000, 300_000):
            bills = [_cost(provider, row, used, used // 2, thinking=thinking) for thinking in (False, True)]
            assert bills[0] <= bills[1]
            assert (bills[1].nanos == 0) == row.free


def _cost(provider: Provider, row: PriceRow, used: int, out: int, thinking: bool) -> Money:
    region = next(iter(row.regions), None)
    when = Situation(started=row.since, finished=row.since, region=region, thinking=thinking)
    return cost(Usage(used, out, 0, 0), [row], when, clocks=provider.clocks).money


BILLS = [
    # model, region, instant, input, cached input, output, thinking, tier of service: expected
    ("anthropic:claude-fable-5-2", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0888 USD"),
    ("anthropic:claude-fable-5-2", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, "fast", "0.1776 USD"),
    ("anthropic:claude-opus-5-5", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0448 USD"),
    ("anthropic:claude-opus-5-5", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, "us", "0.04928 USD"),
    ("anthropic:claude-haiku-5-5", None, "2026-11-24T00:00:00Z", 100_001, 0, 1_000, None, "us", "0.05775055 USD"),
    ("anthropic:claude-opus-4-6", None, "2026-03-12T23:59:59Z", 200_001, 0, 1_000, None, None, "2.03751 USD"),
    ("anthropic:claude-opus-4-6", None, "2026-03-13T00:00:00Z", 200_001, 0, 1_000, None, None, "1.025005 USD"),
    ("anthropic:claude-sonnet-5-5", None, "2026-10-06T23:59:59Z", 10_000, 5_000, 1_000, None, None, "0.021 USD"),
    ("anthropic:claude-sonnet-5-5", None, "2026-10-07T00:00:00Z", 10_000, 5_000, 1_000, None, None, "0.0205 USD"),
    ("anthropic:claude-haiku-5-5", None, "2026-11-24T00:00:00Z", 100_000, 0, 1_000, None, None, "0.0105 USD"),
    ("anthropic:claude-haiku-5-5", None, "2026-11-24T00:00:00Z", 100_001, 0, 1_000, None, None, "0.0525005 USD"),
    ("anthropic:claude-haiku-4-5", None, "2026-11-24T00:00:00Z", 10_000, 0, 1_000, None, "batch", "0.0075 USD"),
    ("openai:gpt-4o", None, "2024-10-01T23:59:59Z", 1_000_000, 0, 100_000, None, None, "6.5 USD"),
    ("openai:gpt-4o", None, "2024-10-02T00:00:00Z", 1_000_000, 0, 100_000, None, None, "3.5 USD"),
    ("openai:gpt-4o", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, None, "priority", "0.051 USD"),
    ("openai:gpt-5-mini", None, "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0036 USD"),
    ("openai:gpt-5.2", None, "2026-11-24T00:00:00Z", 10_000, 0, 1_000, None, "flex", "0.01575 USD"),
    ("openai:gpt-5.6", None, "2026-08-20T23:59:59Z", 100_000, 0, 10_000, None, None, "0.8 USD"),
    ("openai:gpt-5.6", None, "2026-08-21T00:00:00Z", 100_000, 0, 10_000, None, None, "0.6 USD"),
    ("openai:gpt-5.6", None, "2026-11-21T00:00:00Z", 100_000, 0, 10_000, None, None, "0.8 USD"),
    ("openai:gpt-5.6-terra", None, "2026-07-29T23:59:59Z", 272_000, 0, 1_000, None, None, "0.695 USD"),
    ("openai:gpt-5.6-terra", None, "2026-07-30T00:00:00Z", 272_000, 0, 1_000, None, None, "0.556 USD"),
    ("openai:gpt-5.6-terra", None, "2026-07-30T00:00:00Z", 272_001, 0, 1_000, None, None, "1.106004 USD"),
    ("openai:gpt-6-luna", None, "2026-11-24T00:00:00Z", 300_000, 100_000, 1_000, None, "batch", "0.021375 USD"),
    ("doubao:doubao-pro-32k", None, "2024-05-15T00:00:00+08:00", 1_250_000, 0, 0, None, None, "1 CNY"),
    ("doubao:doubao-seed-1-8-251228", None, "2026-11-24T00:00:00Z", 10_000, 0, 200, None, None, "0.0084 CNY"),
    ("doubao:doubao-seed-1-8-251228", None, "2026-11-24T00:00:00Z", 10_000, 0, 201, None, None, "0.009608 CNY"),
    ("doubao:doubao-seed-2-0-pro-260215", None, "2026-11-24T00:00:00Z", 32_000, 0, 1_000, None, None, "0.1184 CNY"),
    ("doubao:doubao-seed-2-0-pro-260215", None, "2026-11-24T00:00:00Z", 32_001, 0, 1_000, None, None, "0.1776048 CNY"),
    ("doubao:doubao-seed-2-1-pro-260915", None, "2026-11-24T00:00:00Z", 10_000, 5_000, 1_000, None, None, "0.066 CNY"),
    ("qwen:qwen-long", "cn-beijing", "2024-05-21T10:00:00+08:00", 1_000_000, 0, 500_000, None, None, "1.5 CNY"),
    ("qwen:qwen-plus", "cn-beijing", "2026-11-24T00:00:00Z", 128_000, 28_000, 1_000, False, None, "0.08648 CNY"),
    ("qwen:qwen-plus", "cn-beijing", "2026-11-24T00:00:00Z", 128_000, 28_000, 1_000, True, None, "0.09248 CNY"),
    ("qwen:qwen-plus", "cn-beijing", "2026-11-24T00:00:00Z", 128_001, 0, 1_000, True, None, "0.3312024 CNY"),
    ("qwen:qwen-plus", "singapore", "2026-11-24T00:00:00Z", 128_001, 0, 1_000, True, None, "0.0552004 USD"),
    ("qwen:qwen-plus-us", "us", "2026-11-24T00:00:00Z", 10_000, 0, 1_000, False, None, "0.0052 USD"),
    ("qwen:qwen3.8-max", "cn-beijing", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, None, None, "0.114 CNY"),
    ("qwen:qwen3.8-max", "singapore", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, None, None, "0.019 USD"),
    ("qwen:qwen3-max", "cn-beijing", "2026-10-10T00:00:00Z", 32_001, 0, 1_000, None, None, "0.144004 CNY"),
    ("qwen:qwen4-max", "singapore", "2026-11-24T00:00:00Z", 10_000, 0, 1_000, None, None, "0.0195 USD"),
    ("glm:glm-3-turbo", "mainland", "2024-05-10T23:59:59+08:00", 1_000_000, 0, 0, None, None, "5 CNY"),
    ("glm:glm-3-turbo", "mainland", "2024-05-11T00:00:00+08:00", 1_000_000, 0, 0, None, None, "1 CNY"),
    ("glm:glm-5.3-flash", "mainland", "2026-09-09T23:59:59+08:00", 10_000, 0, 1_000, None, None, "0.0054 CNY"),
    ("glm:glm-5.3-flash", "mainland", "2026-09-10T00:00:00+08:00", 10_000, 0, 1_000, None, None, "0.0108 CNY"),
    ("glm:glm-4.7", "mainland", "2026-11-24T00:00:00Z", 31_999, 0, 199, None, None, "0.06559 CNY"),
    ("glm:glm-4.7", "mainland", "2026-11-24T00:00:00Z", 31_999, 0, 200, None, None, "0.098797 CNY"),
    ("glm:glm-4.7", "mainland", "2026-11-24T00:00:00Z", 32_000, 0, 199, None, None, "0.131184 CNY"),
    ("glm:glm-4.7", "international", "2026-11-24T00:00:00Z", 32_000, 2_000, 1_000, None, None, "0.02042 USD"),
    ("glm:glm-4.7-flash", "mainland", "2026-11-24T00:00:00Z", 32_000, 0, 1_000, None, None, "0 CNY"),
    ("ernie:ernie-speed-128k", None, "2024-05-21T14:00:00+08:00", 32_000, 0, 1_000, None, None, "0 CNY"),
    ("ernie:ernie-5.1", None, "2026-11-24T00:00:00Z", 32_000, 0, 1_000, None, None, "0.146 CNY"),
    ("ernie:ernie-5.1", None, "2026-11-24T00:00:00Z", 32_001, 0, 1_000, None, None, "0.214006 CNY"),
    ("ernie:ernie-4.5-turbo-128k", None, "2026-11-24T00:00:00Z", 10_000, 5_000, 1_000, None, None, "0.0082 CNY"),
    # a Tuesday, hour by hour
    ("deepseek:deepseek-v4-pro", "cny", "2026-11-24T08:59:59+08:00", 10_000, 4_000, 1_000, None, None, "0.0411 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-11-24T09:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0822 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-11-24T12:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0411 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-11-24T17:59:59+08:00", 10_000, 4_000, 1_000, None, None, "0.0822 CNY"),
    # the last Saturday with peak hours, the Sunday after; a holiday, the working day after; an unknown year
    ("deepseek:deepseek-v4-pro", "cny", "2026-08-22T10:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0822 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-08-23T10:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0411 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-10-07T10:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0411 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2026-10-08T10:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0822 CNY"),
    ("deepseek:deepseek-v4-pro", "cny", "2027-01-01T10:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.0822 CNY"),
    ("deepseek:deepseek-v4-pro", "usd", "2026-11-24T09:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.012056 USD"),
    ("deepseek:deepseek-flash", "cny", "2026-11-24T20:00:00+08:00", 10_000, 4_000, 1_000, None, None, "0.01008 CNY"),
    ("deepseek:deepseek-flash", "usd", "2026-09-10T11:59:59+08:00", 10_000, 0, 1_000, None, None, "0.00572 USD"),
    ("deepseek:deepseek-flash", "usd", "2026-09-10T12:00:00+08:00", 10_000, 0, 1_000, None, None, "0.0021 USD"),
    ("deepseek:deepseek-chat", "cny", "2025-03-03T00:30:00+08:00", 10_000, 0, 1_000, None, None, "0.014 CNY"),
    ("deepseek:deepseek-chat", "cny", "2025-03-03T08:30:00+08:00", 10_000, 0, 1_000, None, None, "0.028 CNY"),
    ("moonshot:kimi-k3", "mainland", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.228 CNY"),
    ("moonshot:kimi-k3", "international", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0342 USD"),
    ("moonshot:kimi-k3.1-pro", "international", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0228 USD"),
    ("moonshot:kimi-k2.5", "mainland", "2026-08-30T23:59:59+08:00", 10_000, 0, 1_000, None, None, "0.061 CNY"),
    ("minimax:MiniMax-M3", "mainland", "2026-11-24T00:00:00Z", 512_000, 0, 1_000, None, None, "1.0836 CNY"),
    ("minimax:MiniMax-M3", "mainland", "2026-11-24T00:00:00Z", 512_001, 0, 1_000, None, None, "2.1672042 CNY"),
    ("minimax:MiniMax-M3", "international", "2026-11-24T00:00Z", 512_001, 12_001, 1_000, None, None, "0.30384012 USD"),
    ("minimax:MiniMax-M2.7", "mainland", "2026-11-24T00:00:00Z", 10_000, 5_000, 1_000, True, None, "0.021 CNY"),
    ("minimax:MiniMax-M3.1-Flash", "international", "2026-11-24T00Z", 10_000, 4_000, 1_000, True, None, "0.00156 USD"),
    ("hunyuan:hy4", "mainland", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, None, None, "0.0552 CNY"),
    ("hunyuan:hy3", "mainland", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, None, None, "0.011 CNY"),
    ("hunyuan:hunyuan-lite", "mainland", "2024-05-25T00:00:00Z", 10_000, 0, 1_000, None, None, "0 CNY"),
    ("spark:generalv3.5", None, "2024-05-25T00:00:00Z", 5_000, 0, 5_000, None, None, "0.21 CNY"),
    ("spark:spark-x", None, "2026-11-24T00:00:00Z", 10_000, 0, 1_000, True, None, "0.023 CNY"),
    ("baichuan:Baichuan4-Turbo", None, "2026-11-24T00:00:00Z", 10_000, 0, 1_000, None, None, "0.165 CNY"),
    ("baichuan:Baichuan4-Air", None, "2026-11-24T00:00:00Z", 10_000, 0, 1_000, None, None, "0.01078 CNY"),
    ("stepfun:step-3.7-flash", "mainland", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.01728 CNY"),
    ("stepfun:step-5-preview", "international", "2026-11-24T00:00:00Z", 10_000, 4_000, 1_000, True, None, "0.0091 USD"),
    ("siliconflow:deepseek-ai/DeepSeek-V3.2", "mainland", "2026-11-24T00Z", 10_000, 0, 1_000, None, None, "0.023 CNY"),
    ("siliconflow:moonshotai/Kimi-K3", "international", "2026-11-24T00Z", 10_000, 0, 1_000, None, None, "0.045 USD"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "region", "at", "used", "cached", "out", "thinking", "tier", "expected"), BILLS
)
def test_bills_worked_out_by_hand(
    name: str, region: str | None, at: str, used: int, cached: int, out: int,
    thinking: bool | None, tier: str | None, expected: str,
) -> None:  # fmt: skip
    offer = find_model(name)
    instant = dt.datetime.fromisoformat(at)
    region = offer.region if region is None else region
    when = Situation(started=instant, finished=instant, region=region, service_tier=tier, thinking=thinking)
    bill = cost(Usage(used, out, cached, 0), offer.model.rows, when, clocks=offer.clocks)
    assert bill.money == Money.of(expected)


def test_what_the_sources_leave_open_is_marked_unsure() -> None:
    found = {
        f"{provider.id}:{model.id} {' '.join(sorted(row.regions))}".strip()
        for provider in map(load_provider, FILES)
        for model in provider.models.values()
        for region in regions_of(provider)
        for row in find_rows(model.rows, TODAY, region)
        if row.certainty is Certainty.UNSURE
    }
    assert found == {
        "baichuan:Baichuan-M3-Plus",
        "minimax:MiniMax-M3.1-Flash mainland",
        "openai:gpt-5.6-sol eu us",
        "openai:gpt-5.6-sol global",
        "openai:gpt-6.2-astra eu us",
        "openai:gpt-6.2-astra global",
        "openai:gpt-6.2-sol eu us",
        "openai:gpt-6.2-sol global",
        "qwen:qwen3-vl-plus singapore",
        "siliconflow:Qwen/Qwen3-8B mainland",
        "spark:lite",
        "spark:spark-x",
    }
