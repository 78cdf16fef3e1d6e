"""Every model that the vendors' pages and the public data sets name with a price is in the files.

The names were collected by hand, vendor by vendor, on the day that stands at the list; a file that loses a model, or
its prices, is noticed here.
"""

from __future__ import annotations

import datetime as dt

import pytest

from minimill.catalog import load_provider

NAMED = {
    "anthropic": """
        claude-mythos-5
        claude-fable-5-2 claude-mythos-5-2 claude-fable-5-1 claude-mythos-5-1 claude-fable-5 claude-opus-5-5
        claude-opus-5 claude-opus-4-8 claude-opus-4-7 claude-opus-4-6 claude-opus-4-5 claude-sonnet-5-5
        claude-sonnet-5 claude-sonnet-4-6 claude-sonnet-4-5 claude-haiku-5-5 claude-haiku-4-5 claude-opus-4-1
        claude-3-7-sonnet claude-3-5-haiku claude-3-haiku
    """,
    "deepseek": """
        deepseek-flash deepseek-v4-pro deepseek-chat deepseek-reasoner
    """,
    "doubao": """
        doubao-seed-2-1-pro-260915 doubao-seed-2-1-pro-260628 doubao-seed-evolving doubao-seed-2-1-turbo-260628
        doubao-seed-2-1-lite-260915 doubao-seed-2-0-pro-260215 doubao-seed-2-0-code-preview-260215
        doubao-seed-2-0-lite-260428 doubao-seed-2-0-mini-260428 doubao-seed-1-8-251228 doubao-seed-1-6-251015
        doubao-seed-1-6-lite doubao-seed-1-6-flash-250828 doubao-seed-1-6-vision-250815 doubao-seed-character-260628
        doubao-1-5-pro-32k doubao-1-5-lite-32k glm-5-2-260617 doubao-pro-32k doubao-lite-32k doubao-pro-128k
        doubao-pro-256k doubao-seed-code doubao-1-5-vision-pro
    """,
    "ernie": """
        ernie-5.5-flash-preview ernie-5.1 ernie-5.0 ernie-5.0-thinking-preview ernie-x1.1 ernie-4.5-turbo-128k
        ernie-4.5-turbo-32k ernie-4.5-turbo-vl ernie-4.5-21b-a3b ernie-4.5-0.3b ernie-speed-128k ernie-lite-8k
        deepseek-v3.2 ernie-speed-8k ernie-tiny-8k ernie-bot ernie-bot-8k ernie-bot-turbo ernie-bot-4.0 ernie-4.0-8k
    """,
    "gemini": """
        gemini-4-neon gemini-4-hydrogen gemini-4-carbon gemini-4-argon gemini-3.8-flash gemini-3.7-flash
        gemini-3.6-flash gemini-3.5-flash gemini-3.5-flash-lite gemini-3.1-flash-lite gemini-3.1-pro-preview
        gemini-3-flash-preview gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-2.0-flash
        gemini-1.5-flash gemini-1.5-pro
    """,
    "glm": """
        glm-4-airx glm-4.6v-flashx
        glm-5.3 glm-5.3-flash glm-5.3-flashx glm-5.2 glm-5.1 glm-5-turbo glm-5v-turbo glm-5 glm-4.7 glm-4.6 glm-4.5
        glm-4.5-x glm-4.5-air glm-4.5-airx glm-4.7-flashx glm-4.6v glm-4.5v glm-4.7-flash glm-4.6v-flash
        glm-4-flash-250414 glm-4-plus glm-4-air-250414 glm-4-long glm-4-flashx-250414 glm-3-turbo glm-4
    """,
    "openai": """
        gpt-6.2-astra gpt-6.2-sol gpt-6.1-terra gpt-6.1-sol gpt-6-sol gpt-6-luna gpt-6-astra gpt-5.6-sol gpt-5.6
        gpt-5.6-terra gpt-5.6-luna gpt-5.5 gpt-5.5-pro gpt-5.4 gpt-5.4-pro gpt-5.4-mini gpt-5.4-nano gpt-5.3-codex
        gpt-5.2 gpt-5.2-pro gpt-5.1 gpt-5 gpt-5-mini gpt-5-nano gpt-5-pro gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-4o
        gpt-4o-2024-05-13 gpt-4o-2024-08-06 gpt-4o-mini gpt-4-turbo gpt-4 gpt-4-32k gpt-3.5-turbo o3 o4-mini o3-mini
        o1 gpt-audio gpt-audio-mini
    """,
    "qwen": """
        qwen-flash-us qwen-plus-us
        qwen4-max qwen3.8-max qwen3.8-max-prime qwen3.8-flash qwen3.7-max qwen3.7-plus qwen3.7-flash qwen3.6-plus
        qwen3.6-flash qwen3.6-max-preview qwen3.5-plus qwen3.5-flash qwen3-max qwen3-max-2025-09-23 qwen-plus
        qwen-flash qwen-turbo qwen-max qwen-long qwen3-coder-plus qwen3-coder-flash qwen3-vl-plus qwen3-vl-flash
        qwen-72b-chat
    """,
}
"""As of 2026-11-24: by vendor, ids as they are sold, or the name under which they were."""
WITHOUT_A_PRICE = {"ernie:ernie-5.5-flash-preview"}
"""Released, and no price of it was found."""


@pytest.mark.parametrize("vendor", NAMED)
def test_every_named_model_is_there_with_a_dated_price(vendor: str) -> None:
    """By its id or an alias, with a page and a day at every row."""
    provider = load_provider(vendor)
    found = {name: provider.models.get(provider.names.get(name, name)) for name in NAMED[vendor].split()}
    assert [name for name, model in found.items() if model is None] == []
    bare = {f"{vendor}:{name}" for name, model in found.items() if model is not None and not model.rows}
    assert bare == {name for name in WITHOUT_A_PRICE if name.startswith(f"{vendor}:")}
    for model in found.values():
        assert model is not None
        assert all(row.source.startswith("https://") and row.checked <= dt.date(2026, 11, 24) for row in model.rows)


def test_there_is_no_model_that_the_list_forgot() -> None:
    """Whoever adds a model writes its name here too."""
    for vendor, names in NAMED.items():
        provider = load_provider(vendor)
        listed = {provider.names.get(name, name) for name in names.split()}
        assert (vendor, sorted({*provider.models} - listed)) == (vendor, [])
