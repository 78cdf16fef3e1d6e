"""What a plan expects of thinking follows what the request asks for."""

from __future__ import annotations

from typing import Any

import pytest

from minimill._chat import ChatRequest, user
from minimill._routing import Experience, Wishes, make_plan, measure
from minimill._routing._health import Health
from minimill.catalog import find_model


def expected(model: str, reasoning: Any) -> int:
    request = ChatRequest((user("hi"),), max_output_tokens=20_000, reasoning=reasoning)
    plan = make_plan(
        [find_model(model)], request, measure(request), Wishes(), Health(), Experience(), lambda *_: None, stream=False
    )
    (found,) = plan.candidates
    assert found.expected is not None
    return found.expected.nanos


@pytest.mark.parametrize(
    ("model", "key", "output_price", "thinking"),
    [
        # tokens of thinking beyond the 500 of an answer, at the price of an output token in nanos
        ("openai:gpt-5", "OPENAI_API_KEY", 10_000, {None: 1_000, "low": 500, "high": 2_000}),
        ("qwen:qwen3.6-plus", "DASHSCOPE_API_KEY", 12_000, {False: 0, 4_096: 2_048, 100: 64}),
        ("anthropic:claude-opus-4-8", "ANTHROPIC_API_KEY", 25_000, {False: 0, "low": 500, "max": 8_000, True: 2_000}),
    ],
)
def test_a_plan_expects_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, model: str, key: str, output_price: int, thinking: dict[Any, int]
) -> None:
    """By effort, by budget, and the model's own effort where the request says only on."""
    monkeypatch.setenv(key, "sk-x")
    found = {said: expected(model, said) for said in thinking}
    base = min(found.values()) - min(thinking.values()) * output_price
    assert {said: (nanos - base) // output_price for said, nanos in found.items()} == thinking
