"""Every model that is sold has a price with a source, on the day of the release and on each announced day after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from minimill import UnpricedModelError, Usage
from minimill._pricing import Bounds, Certainty, Limits, RequestSize, Situation, ceiling, find_rows
from minimill.catalog import Model, Offer, Provider, load_provider, provider_ids

RELEASE = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
BEIJING = dt.timezone(dt.timedelta(hours=8))
ANNOUNCED = {
    "release": RELEASE,
    "last instant of the price that OpenAI promised": dt.datetime(2026, 11, 20, 23, 59, 59, tzinfo=dt.UTC),
    "its end": dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
    "claude-sonnet-4-5 is shut down": dt.datetime(2026, 11, 30, tzinfo=dt.UTC),
    "gemini-2.5-pro is shut down, Gemini 4 and claude-opus-4-8 change": dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
    "gpt-5 is shut down": dt.datetime(2026, 12, 11, tzinfo=dt.UTC),
    "the last day of which holidays are known": dt.datetime(2026, 12, 31, 10, tzinfo=BEIJING),
    "Gemini 3.6 to 3.8 Flash double": dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
    "first workday of unknown ones": dt.datetime(2027, 1, 4, 10, tzinfo=BEIJING),
    "gpt-4o and gpt-4.1 are shut down": dt.datetime(2027, 1, 14, tzinfo=dt.UTC),
    "gpt-audio is shut down": dt.datetime(2027, 1, 20, tzinfo=dt.UTC),
    "gpt-5.1 is shut down": dt.datetime(2027, 4, 1, tzinfo=dt.UTC),
    "gemini-3.1-flash-lite is shut down": dt.datetime(2027, 5, 7, tzinfo=dt.UTC),
    "prices of Azure and SambaNova were first read": dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
    "Azure's gpt-5 is shut down": dt.datetime(2027, 2, 9, tzinfo=dt.UTC),
    "its gpt-4o and gpt-4.1": dt.datetime(2027, 4, 14, tzinfo=dt.UTC),
    "Mistral Large 3 and Medium 3.5": dt.datetime(2027, 4, 30, tzinfo=dt.UTC),
    "Azure's gpt-5.2": dt.datetime(2027, 6, 8, tzinfo=dt.UTC),
    "its gpt-5-mini and gpt-5.1": dt.datetime(2027, 7, 13, tzinfo=dt.UTC),
    "its gpt-5.4": dt.datetime(2027, 9, 2, tzinfo=dt.UTC),
    "its gpt-5.4-mini and -nano": dt.datetime(2027, 9, 21, tzinfo=dt.UTC),
    "its gpt-5.5": dt.datetime(2027, 10, 26, tzinfo=dt.UTC),
    "its gpt-5.6 and gpt-6-astra": dt.datetime(2028, 1, 11, tzinfo=dt.UTC),
    "its gpt-6": dt.datetime(2028, 3, 11, tzinfo=dt.UTC),
}

WITHOUT = {
    "ernie:ernie-5.5-flash-preview": "no price has been published",
    "sambanova:MiniMax-M3": "no price has been found",
    **dict.fromkeys(
        ["spark:4.0Ultra", "spark:max-32k", "spark:pro-128k", "spark:generalv3"], "sold in packages; the lists disagree"
    ),
    "moonshot:kimi-k3.1-pro": "no price in CNY has been found; it has one in USD",
    "moonshot:kimi-k3.1-pro-highspeed": "no price in CNY has been found; it has one in USD",
    "siliconflow:deepseek-ai/DeepSeek-V4-Pro": "no price in CNY has been found; it has one in USD",
    "siliconflow:deepseek-ai/DeepSeek-V4-Flash": "no price in CNY has been found; it has one in USD",
    "siliconflow:moonshotai/Kimi-K3": "no price in CNY has been found; it has one in USD",
    "siliconflow:zai-org/GLM-5.2": "no price in CNY has been found; it has one in USD",
    "qwen:qwen4-max": "no price of the mainland has been found; it has one in Singapore",
    "qwen:qwen-plus-us": "sold in the United States only, and has its price there",
    "qwen:qwen-flash-us": "sold in the United States only, and has its price there",
}
"""Models that cost an unknown amount where calls go by default, and are refused under a hard budget there."""
UNSURE = {
    "openai:gpt-5.6-sol", "openai:gpt-6.2-astra", "openai:gpt-6.2-sol", "baichuan:Baichuan-M3-Plus",
    "minimax:MiniMax-M3.1-Flash", "siliconflow:Qwen/Qwen3-8B", "spark:lite", "spark:spark-x",
}  # fmt: skip


def sold(at: dt.datetime) -> Iterator[tuple[Provider, Model]]:
    """The models of hosted vendors that are not retired on that day, and whose prices were read by then."""
    for provider in map(load_provider, provider_ids()):
        for model in provider.models.values():
            ended = model.retires_on is not None and model.retires_on <= at.date()
            unread = bool(model.rows) and min(row.since for row in model.rows) > at
            if model.status != "retired" and not ended and not unread:
                yield provider, model


@pytest.mark.parametrize("at", ANNOUNCED.values(), ids=list(ANNOUNCED))
def test_what_is_sold_has_one_price_with_a_source(at: dt.datetime) -> None:
    """One row in the default region, read on a page, on a day before that; or a reason why there is none."""
    missing = set()
    for provider, model in sold(at):
        rows = find_rows(model.rows, at, provider.region)
        if not rows:
            missing.add(f"{provider.id}:{model.id}")
            continue
        [row] = rows
        assert row.source.startswith("https://")
        assert row.since.date() <= at.astimezone(dt.UTC).date() and row.checked <= RELEASE.date()
    assert missing == set(WITHOUT)


@pytest.mark.parametrize("at", ANNOUNCED.values(), ids=list(ANNOUNCED))
def test_and_that_price_makes_a_bill_and_a_ceiling(at: dt.datetime) -> None:
    """A question and its answer cost something, at most the ceiling, unless the row says free."""
    size, bounds = RequestSize(1_000, 1), Bounds(per_request_tokens=0, per_message_tokens=0)
    used = Usage(1_000, 500)
    for provider, model in sold(at):
        name = f"{provider.id}:{model.id}"
        offer = Offer(provider, model, model.id)
        if name in WITHOUT:
            with pytest.raises(UnpricedModelError):
                offer.charge(used, at)
            continue
        asked = Situation(at, at + dt.timedelta(minutes=30), region=provider.region)
        most = ceiling(size, model.rows, bounds, Limits(500), asked, provider.clocks)
        charge = offer.charge(used, at)
        assert charge.money <= most.money, name
        assert (charge.money.nanos == 0) == charge.row.free, name


@pytest.mark.parametrize(
    ("instant", "certainty"),
    [
        ("2026-11-20T23:59:59Z", Certainty.REPORTED),
        ("2026-11-21T00:00:00Z", Certainty.UNSURE),
        ("2026-11-24T12:00:00Z", Certainty.UNSURE),
    ],
)
def test_what_the_sources_leave_unsure_is_marked_from_that_day_on(instant: str, certainty: Certainty) -> None:
    """gpt-5.6-sol: what it costs after the promised day."""
    rows = load_provider("openai").models["gpt-5.6-sol"].rows
    [row] = find_rows(rows, dt.datetime.fromisoformat(instant), "global")
    assert row.certainty is certainty


def test_everything_else_that_is_offered_by_default_is_sure_enough() -> None:
    """Read on the vendor's page or reported."""
    unsure = {
        f"{provider.id}:{model.id}"
        for provider, model in sold(RELEASE)
        for row in find_rows(model.rows, RELEASE, provider.region)
        if row.certainty is Certainty.UNSURE
    }
    assert unsure == UNSURE


def test_what_has_not_been_looked_at_for_long_is_known() -> None:
    """More than 90 days before the release: lists that are read through others: ERNIE's, some of SiliconFlow's."""
    ages = {
        f"{provider.id}:{model.id}": (RELEASE.date() - row.checked).days
        for provider, model in sold(RELEASE)
        for row in find_rows(model.rows, RELEASE, provider.region)
    }
    assert {name.partition(":")[0] for name, age in ages.items() if age > 90} == {"ernie", "siliconflow"}
    assert {name for name, age in ages.items() if age > 200} == {
        "ernie:ernie-5.0-thinking-preview", "siliconflow:Qwen/Qwen3-235B-A22B-Instruct-2507",
        "siliconflow:Qwen/Qwen3-8B",
    }  # fmt: skip


def test_the_announced_days_are_those_of_the_files() -> None:
    """A day on which a row ends or a model is shut down stands in the list above."""
    after = RELEASE - dt.timedelta(days=5)
    days = set()
    for provider, model in sold(after):
        days |= {row.until.date() for row in model.rows if row.until is not None and row.until > after}
        days |= {row.since.date() for row in model.rows if row.since > after}
        if model.retires_on is not None:
            days.add(model.retires_on)
        assert provider.checked is not None
    assert days <= {at.astimezone(dt.UTC).date() for at in ANNOUNCED.values()}, days
