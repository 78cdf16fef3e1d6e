"""For random requests to every shipped model: no usage within its vendor's rules costs more than the ceiling.

What a provider file says about its vendor (overhead, what the output limit covers, largest thinking) is taken
from it; how that adds up to the most that an answer can report is written out here once more: tokens in and out,
which of them can be written to a cache, which service tier can answer. Rows of every date take part, and hours at
which prices change.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill import UnpricedModelError
from minimill._pricing import Limits, RequestSize, Situation, ceiling, cost, find_rows
from minimill._usage import Usage
from minimill.catalog import Model, Provider, load_provider

VENDORS = (
    "baichuan", "deepseek", "doubao", "ernie", "glm", "hunyuan", "minimax", "moonshot", "openai", "qwen", "siliconflow",
    "spark", "stepfun",
)  # fmt: skip
OFFERS = [
    (provider, model, region)
    for provider in map(load_provider, VENDORS)
    for model in provider.models.values()
    for region in ([*provider.regions] or [None])
    if any(region is None or not row.regions or region in row.regions for row in model.rows)
]
LONGEST = dt.timedelta(minutes=30)


class Asked(NamedTuple):
    """A request as it is sent."""

    text_bytes: int
    messages: int
    images: int
    limit: int
    thinking_limit: int | None
    n: int
    tier: str | None
    thinks: bool | None
    """None: the vendor may think or not."""
    marked: bool


def most_input(model: Model, asked: Asked) -> float:
    """Byte-level BPE: no more tokens than bytes, 16 for a message's frame, 64 to begin; pictures by the page."""
    bounds = model.bounds
    images = math.inf if bounds.image_tokens is None else bounds.image_tokens
    total = asked.text_bytes + 16 * asked.messages + max(64, bounds.per_request_tokens)
    total = total if not asked.images else total + asked.images * images
    return min(total, model.max_input_tokens or model.context_tokens or math.inf)


def most_output(provider: Provider, model: Model, asked: Asked) -> float:
    """What stops each answer: the limit, how far it may be passed, and thinking where the limit does not cover it."""
    each: float = asked.limit + model.bounds.output_overshoot_tokens
    if not model.bounds.limit_covers_reasoning and asked.thinks is not False:
        beside = asked.thinking_limit if asked.thinking_limit is not None else model.bounds.max_reasoning_tokens
        each += math.inf if beside is None else beside
    return each * asked.n


@st.composite
def requests(draw: st.DrawFn) -> tuple[Provider, Model, str | None, Asked, dt.datetime]:
    """A model, what is asked of it, and when."""
    provider, model, region = draw(st.sampled_from(OFFERS))
    sizes = st.sampled_from([0, 1, 900, 31_000, 31_999, 32_000, 32_001, 127_900, 200_000, 271_900, 400_000])
    tiers = {tier.service_tier for row in model.rows for tier in row.tiers}
    asked = Asked(
        text_bytes=draw(sizes),
        messages=draw(st.integers(1, 3)),
        images=draw(st.sampled_from([0, 0, 0, 1])),
        limit=draw(st.sampled_from([1, 199, 200, 201, 4_096, 16_384])),
        thinking_limit=draw(st.sampled_from([None, None, 1_024])),
        n=draw(st.integers(1, 2)),
        tier=draw(st.sampled_from([None, "default", *sorted(tiers - {None})])),
        thinks=False if model.reasoning == "never" else draw(st.sampled_from([None, True, False])),
        marked=draw(st.booleans()),
    )
    rows = [row for row in model.rows if region is None or not row.regions or region in row.regions]
    row = draw(st.sampled_from(rows))
    shift = draw(st.sampled_from([0, -20, 10, 60 * 24 * 9]) | st.integers(0, 60 * 24 * 14))
    return provider, model, region, asked, row.since + dt.timedelta(minutes=shift)


def share(draw: st.DrawFn, most: int) -> int:
    """None of it, all, or something in between."""
    return draw(st.sampled_from([0, most]) | st.integers(0, most))


@st.composite
def answers(
    draw: st.DrawFn,
) -> tuple[Provider, Model, str | None, Asked, dt.datetime, Usage | None, Situation]:
    """A request and what its vendor may report about it; None where nothing bounds it."""
    provider, model, region, asked, start = draw(requests())
    ended = start + LONGEST * draw(st.sampled_from([0, 0.3, 1]))
    begun = draw(st.sampled_from([start, ended]))
    served = draw(st.sampled_from([asked.tier, None, "default"]))
    top_in, top_out = most_input(model, asked), most_output(provider, model, asked)
    told = Situation(
        begun,
        ended,
        region=region,
        service_tier=served,
        thinking=asked.thinks,
        explicit_cache=asked.marked,
        images=asked.images > 0,
    )
    if math.isinf(top_in) or math.isinf(top_out):
        return provider, model, region, asked, start, None, told
    tokens_in, tokens_out = share(draw, int(top_in)), share(draw, int(top_out))
    cached = share(draw, tokens_in)
    writes = {row.cache_writes for row in find_rows(model.rows, begun, region)}
    can_write = "implicit" in writes or ("explicit" in writes and asked.marked)
    known = draw(st.booleans())
    usage = Usage(
        tokens_in,
        tokens_out,
        cached_input_tokens=cached if known else None,
        cache_write_tokens=(share(draw, tokens_in - cached) if can_write else 0) if known else None,
        reasoning_tokens=draw(st.sampled_from([None, 0, 0 if asked.thinks is False else tokens_out])),
        image_input_tokens=share(draw, tokens_in) if asked.images else 0,
        audio_input_tokens=0,
    )
    return provider, model, region, asked, start, usage, told


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers())
def test_no_answer_costs_more_than_its_ceiling(
    drawn: tuple[Provider, Model, str | None, Asked, dt.datetime, Usage | None, Situation],
) -> None:
    """Whatever was cached, written, thought, or on whichever side of an hour or a day it ended."""
    provider, model, region, asked, start, usage, told = drawn
    size = RequestSize(asked.text_bytes, asked.messages, images=asked.images)
    limits = Limits(asked.limit, asked.thinking_limit, model.max_input_tokens or model.context_tokens)
    situation = Situation(
        start,
        start + LONGEST,
        region=region,
        service_tier=asked.tier,
        thinking=asked.thinks,
        explicit_cache=asked.marked,
        images=asked.images > 0,
        n=asked.n,
    )
    try:
        most = ceiling(size, model.rows, model.bounds, limits, situation, provider.clocks)
    except UnpricedModelError:
        return
    if usage is None:
        assert most.money.nanos == 0
        return
    assert cost(usage, model.rows, told, clocks=provider.clocks).money <= most.money


def test_most_shipped_models_have_a_ceiling() -> None:
    """Today, for a question without pictures: so that the test above is not empty."""
    today, without = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC), set()
    for provider, model, region in OFFERS:
        if model.status == "retired" or region != provider.region:
            continue
        limits = Limits(1_000, None, model.max_input_tokens or model.context_tokens)
        thinks = False if model.reasoning == "never" else None
        asked = Situation(today, today + LONGEST, region=region, thinking=thinks)
        try:
            ceiling(RequestSize(1_000, 1), model.rows, model.bounds, limits, asked, provider.clocks)
        except UnpricedModelError:
            without.add(f"{provider.id}:{model.id}")
    assert len(without) < len(OFFERS) / 4, without
