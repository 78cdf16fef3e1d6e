"""Fields of a vendor's own: each is harmless, in the ceiling, or leaves the call without one under a hard cap."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minimill import ConfigError, InvalidRequestError, Usage
from minimill._chat import ChatRequest, Message, Reasoning, Text, user
from minimill._routing import Candidate, Experience, Wishes, make_plan, measure
from minimill._routing._health import Health
from minimill.catalog import Catalog, Offer, find_model, load_provider
from minimill.dialects import Target, get_dialect

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
VENDORS = ("anthropic", "deepseek", "doubao", "ernie", "gemini", "glm", "openai", "qwen")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in VENDORS:
        monkeypatch.setenv(load_provider(vendor).key_names()[0], "bce-v3/ALTAK-x/y" if vendor == "ernie" else "sk-x")


def plan_of(offer: Offer, request: ChatRequest) -> Candidate:
    wishes = Wishes(accept_unsure_prices=True)
    plan = make_plan(
        [offer], request, measure(request), wishes, Health(), Experience(), lambda *_: None, stream=False
    )
    (found,) = plan.candidates
    return found


def asked(name: str, extra: Mapping[str, Any], table: dict[str, Any] | None = None, **fields: Any) -> Candidate:
    """A plan for one model, the user's table over its provider."""
    provider = name.partition(":")[0]
    offer = Catalog({provider: table}, environ={}).find(name) if table else find_model(name)
    return plan_of(offer, ChatRequest((user("hi"),), max_output_tokens=100, extra=extra, **fields))


COSTLY: list[dict[str, Any]] = [
    # audio answers, predicted text (rejected tokens are billed), moderation
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"prediction": {"type": "content", "content": "x"}},
    {"moderation": {"model": "m"}},
    # more answers or longer ones than the arguments say
    {"n": 9}, {"best_of": 9}, {"max_tokens": 99_999}, {"max_completion_tokens": 99_999},
    {"max_output_tokens": 99_999}, {"generationConfig": {"candidateCount": 8}},
    {"generation_config": {"max_output_tokens": 99_999}}, {"generationConfig": {"responseModalities": ["AUDIO"]}},
    {"generationConfig": {"imageConfig": {}}}, {"generationConfig": {"speechConfig": {}}},
    {"options": {"num_predict": 99_999}},
    # dearer service, or another place
    {"service_tier": "priority"}, {"serviceTier": "priority"}, {"speed": "fast"}, {"inference_geo": "us"},
    # more thinking
    {"thinking": {"type": "enabled", "budget_tokens": 99_999}}, {"enable_thinking": True},
    {"reasoning_effort": "max"}, {"reasoning": {"effort": "max"}}, {"thinking_budget": 99_999},
    {"output_config": {"effort": "max"}}, {"output_config": {"task_budget": 9}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": 99_999}}},
    # input that is not in the request
    {"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"prompt": {"id": "p"}}, {"context_id": "c"},
    {"container": "c", "skills": ["pdf"]}, {"documents": [{"id": 1}]}, {"background": True},
    {"context_management": {"edits": []}}, {"betas": ["context-1m-2025-08-07"]}, {"system": "x"},
    {"vl_high_resolution_images": True},
    # what the vendor runs itself
    {"web_search_options": {}}, {"enable_search": True}, {"plugins": [{"id": "web"}]}, {"mcp_servers": [{}]},
    {"tools": [{"type": "web_search"}]}, {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, {"tools": [{"type": "x_search"}]},
    {"tools": [{"googleSearch": {}}]} | {"web_search": True}, {"tools": [{"type": 7}]},
    # other models, other prices
    {"models": ["other"]}, {"route": "fallback"}, {"fallbacks": ["m"]}, {"provider": {"order": ["x"]}},
    # caches kept for so long that nobody says what it costs
    {"prompt_cache_options": {"ttl": "7d"}, "web_search": True},
    {"prompt_cache_options": {"eviction": "never"}},
]  # fmt: skip
"""What vendors' pages offer beyond the arguments of a call, each able to raise its price."""

HARMLESS: list[dict[str, Any]] = [
    {"top_k": 5}, {"min_p": 0.1}, {"metadata": {"run": "1"}}, {"store": True}, {"store": False}, {"seed": 7},
    {"prompt_cache_key": "k"}, {"safety_identifier": "u"}, {"enable_search": False}, {"web_search_options": None},
    {"verbosity": "low"}, {"include": ["x"]}, {"text": {"verbosity": "low"}},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, {"tools": []}, {"tools": "none"},
    {"safetySettings": []}, {"safety_settings": []}, {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}},
]  # fmt: skip


WIRES = ["anthropic:claude-opus-5-5", "gemini:gemini-3.8-flash", "openai:gpt-4o", "openai:gpt-5.5", "qwen:qwen-plus"]
MORE = [*WIRES, "glm:glm-4.7", "doubao:doubao-seed-1-8-251228", "ernie:ernie-4.5-turbo-128k", "deepseek:deepseek-flash"]


def goes_out(found: Candidate) -> bool:
    """Whether a hard cap lets the request out, and the dialect too."""
    if found.ceiling is None:
        return False
    offer = found.offer
    target = Target(offer.provider.id, offer.wire_model, offer.quirks)
    try:
        get_dialect(offer.dialect).encode(found.request, target, stream=False)
    except InvalidRequestError:
        return False
    return True


@pytest.mark.parametrize("name", MORE)
def test_nothing_costly_goes_out(name: str) -> None:
    """On every wire: refused by the dialect, or without a ceiling."""
    assert [extra for extra in COSTLY if goes_out(asked(name, extra))] == []


@pytest.mark.parametrize("name", MORE)
def test_the_harmless_has_a_ceiling(name: str) -> None:
    """And no more than the bytes and tools that it brings along: under a tenth of a unit."""
    found = [asked(name, extra).ceiling for extra in HARMLESS if not {"tools", "cachedContent"} & extra.keys()]
    assert [ceiling for ceiling in found if ceiling is None or ceiling.input_tokens > 2_000] == []


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(MORE),
    st.lists(st.sampled_from(HARMLESS), max_size=3),
    st.sampled_from(COSTLY) | st.dictionaries(st.text("abcxyz_", min_size=1), st.just(1), min_size=1, max_size=2),
    st.booleans(),
)
def test_one_costly_field_among_any_others(
    name: str, harmless: list[dict[str, Any]], costly: dict[str, Any], always: bool
) -> None:
    """What nobody knows counts as costly; said in the request, or always sent by the configuration."""
    rest = {key: value for item in harmless for key, value in item.items() if key not in costly}
    if always and costly.keys().isdisjoint({"tools"}):
        try:
            found = asked(name, rest, {"quirks": {"extra_body": costly}})
        except ConfigError:
            return  # refused when the file is read
        assert not goes_out(found)
    else:
        assert not goes_out(asked(name, {**rest, **costly}))


def test_the_reason_names_the_field_and_what_to_do() -> None:
    """Fields inside a table with their path."""
    assert asked("openai:gpt-4o", {"prediction": {"type": "content"}}).unpriced == (
        "nothing bounds what the field prediction can cost; leave it out, or list it in "
        "providers.openai.quirks.harmless_fields if you know that it costs nothing"
    )
    inner = asked("gemini:gemini-3.8-flash", {"generationConfig": {"topK": 4, "imageConfig": {}}}).unpriced
    assert inner is not None and inner.startswith("nothing bounds what the field generationConfig.imageConfig can cost")
    assert asked("openai:gpt-4o", {"tools": [{"type": "x_search"}]}).unpriced == (
        "nothing bounds what x_search reads, which the vendor runs itself"
    )
    assert asked("openai:gpt-5.6-sol", {"prompt_cache_options": {"ttl": "7d"}}).unpriced == (
        "no price is known for a cache that is kept so long; name another lifetime"
    )


@pytest.mark.parametrize("name", ["prediction", "generationConfig.imageConfig"])
def test_the_user_may_know_better(name: str) -> None:
    """One field by name, or everything."""
    extra: dict[str, Any] = {"prediction": {}} if "." not in name else {"generation_config": {"image_config": {}}}
    model = "openai:gpt-4o" if "." not in name else "gemini:gemini-3.8-flash"
    assert asked(model, extra).ceiling is None
    assert asked(model, extra, {"quirks": {"harmless_fields": [name]}}).ceiling is not None
    assert asked(model, {"x": 1}, {"quirks": {"harmless_fields": [name]}}).ceiling is None
    assert asked(model, {"x": 1}, {"quirks": {"server_tools": []}}).ceiling is not None


@pytest.mark.parametrize(
    ("extra", "price"),
    [
        ({}, "6.25"),
        ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, "6.25"),
        ({"prompt_cache_options": {"ttl": "12h"}}, "12.5"),
        ({"promptCacheOptions": {"ttl": "12h"}}, "12.5"),
        ({"tools": [{"type": "function", "name": "f", "prompt_cache_breakpoint": {"ttl": "12h"}}]}, "12.5"),
    ],
)
def test_a_cache_kept_for_long_is_in_the_ceiling(extra: dict[str, Any], price: str) -> None:
    """gpt-5.6-sol: a write costs 6.25 a million, or 12.50 for twelve hours; and the bill says the same."""
    found = asked("openai:gpt-5.6-sol", extra)
    assert found.ceiling is not None
    assert str(found.ceiling.buckets[0].price) == price
    tokens = found.ceiling.input_tokens
    assert tokens is not None
    used = Usage(tokens, 100, 0, tokens, None if price == "6.25" else tokens, reasoning_tokens=0)
    assert found.offer.charge(used, NOW).money <= found.ceiling.money


@pytest.mark.parametrize(
    ("extra", "has_price"),
    [
        ({"prompt_cache_retention": "in_memory"}, True),
        ({"prompt_cache_retention": "24h"}, False),
        ({"prompt_cache_options": {"ttl": 30}}, False),
    ],
)
def test_how_long_a_cache_is_kept_where_writes_cost(extra: dict[str, Any], has_price: bool) -> None:
    """Where the vendor charges nothing for a write, its time does not matter."""
    assert (asked("openai:gpt-5.6-sol", extra).ceiling is not None) is has_price
    assert asked("openai:gpt-5", extra).ceiling is not None


@pytest.mark.parametrize(("ttl", "price"), [(None, "1.25"), ("5m", "1.25"), ("1h", "2")])
def test_a_cache_mark_inside_a_tool_is_a_cache_mark(ttl: str | None, price: str) -> None:
    """Anthropic: on the definition of a tool; a write costs more than plain input."""
    mark = {"type": "ephemeral", **({} if ttl is None else {"ttl": ttl})}
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": mark}
    plain, marked = (asked("anthropic:claude-opus-5-5", {"tools": [t]}) for t in ({"name": "f"}, tool))
    assert plain.ceiling is not None and marked.ceiling is not None
    assert (plain.explicit_cache, marked.explicit_cache, marked.long_cache) == (False, True, ttl == "1h")
    base = plain.ceiling.buckets[0].price
    assert marked.ceiling.buckets[0].price == base * Decimal(price)


def test_fields_that_are_always_sent_count_as_text() -> None:
    """A tool in extra_body is read by the model in every call."""
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 5_000}}
    found = asked("openai:gpt-4o", {}, {"quirks": {"extra_body": {"tools": [tool]}}})
    assert found.ceiling is not None and found.ceiling.input_tokens is not None
    assert found.ceiling.input_tokens > 5_000


def test_tools_of_the_vendors_making_that_the_application_runs() -> None:
    """Their instructions fit the window, which is all that is known of them."""
    found = asked("anthropic:claude-opus-5-5", {"tools": [{"type": "bash_20250124", "name": "bash"}]})
    assert found.ceiling is not None and found.ceiling.input_tokens == 1_000_000


def test_thoughts_that_the_vendor_keeps() -> None:
    """Sent back by their name they may be of any length; sealed ones are counted as they stand."""
    offer = find_model("openai:gpt-5.5")
    thought = Message("assistant", (Reasoning("", opaque='{"type": "reasoning"}', provider="openai"), Text("a")))
    kept, sent = (
        plan_of(offer, ChatRequest((thought, user("b")), max_output_tokens=9, extra={"store": store})).ceiling
        for store in (True, False)
    )
    assert kept is not None and sent is not None
    assert (kept.input_tokens, sent.input_tokens) == (1_050_000, 64 + 2 * 16 + 23 + len('{"store":false}'))


@pytest.mark.parametrize("field", ["user_field", "thinking_budget_field"])
@pytest.mark.parametrize("value", ["n", "max_tokens", "max_completion_tokens", "previous_response_id"])
def test_a_callers_words_go_to_no_field_that_sets_the_cost(field: str, value: str) -> None:
    """An opaque user id in the place of the output limit would lift it."""
    for table, place in (
        ({"quirks": {field: value}}, ""),
        ({"models": [{"id": "gpt-4o", "quirks": {field: value}}]}, "models[0]."),
    ):
        with pytest.raises(ConfigError) as caught:
            asked("openai:gpt-4o", {}, table)
        assert str(caught.value) == (
            f'minimill.toml: providers.openai.{place}quirks.{field}: "{value}" decides what a call can cost; '
            "only arguments of a call set it"
        )


def test_what_stands_between_texts_counts() -> None:
    """A thousand texts of one letter in one message, each framed like a message."""
    offer = find_model("openai:gpt-4o")
    many = Message("user", tuple(Text("a") for _ in range(1_000)))
    found = plan_of(offer, ChatRequest((many,), max_output_tokens=9)).ceiling
    assert found is not None and found.input_tokens == 64 + 1_000 + 16 * 1_000


def test_answers_in_text_alone_are_what_happens_anyway() -> None:
    """Gemini: any other list of modalities has no ceiling."""
    for modalities, bounded in ((["TEXT"], True), (["TEXT", "IMAGE"], False), ("TEXT", False)):
        found = asked("gemini:gemini-3.8-flash", {"generationConfig": {"responseModalities": modalities}})
        assert (found.ceiling is not None) is bounded
