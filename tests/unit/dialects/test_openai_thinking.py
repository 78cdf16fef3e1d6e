"""One reasoning setting in the words of each vendor."""

from collections.abc import Callable
from typing import Any

import pytest

from minimill._chat import ChatRequest, Tool, user
from minimill._errors import Billed, InvalidRequestError, Then
from minimill.dialects import Target, get_dialect

Make = Callable[..., Target]
BodyOf = Callable[..., dict[str, Any]]
EFFORT = {"efforts": ("low", "medium", "high")}
OPENAI = {"efforts": ("none", "low", "medium", "high"), "thinking_default": "on", "default_effort": "medium"}
ARK = {
    "thinking_switch": "thinking_object",
    "thinking_default": "on",
    "efforts": ("minimal", "low", "medium", "high"),
}
QWEN = {"thinking_switch": "enable_thinking", "thinking_budget_field": "thinking_budget"}
GLM45 = {"thinking_switch": "thinking_object", "thinking_default": "on"}
GLM53 = {**GLM45, "thinking_default": "always", "efforts": ("low", "high", "max")}
BOUNDED: dict[str, Any] = {
    "thinking_switch": "enable_thinking",
    "thinking_budget_field": "thinking_budget",
    "thinking_budget_min": 128,
    "thinking_budget_max": 32_768,
}
VLLM = {
    "thinking_switch": "chat_template",
    "thinking_budget_field": "thinking_token_budget",
    "efforts": ("none", "low", "high"),
}


@pytest.mark.parametrize(
    ("quirks", "setting", "expected"),
    [
        ({}, None, {}),
        ({}, False, {}),
        ({}, "none", {}),
        ({}, 0, {}),
        (EFFORT, "high", {"reasoning_effort": "high"}),
        (EFFORT, True, {"reasoning_effort": "medium"}),
        (EFFORT, False, {}),
        (EFFORT, 9000, {"reasoning_effort": "medium"}),
        (EFFORT, 100, {"reasoning_effort": "low"}),
        (EFFORT, 10**6, {"reasoning_effort": "high"}),
        ({"efforts": ("low", "high")}, True, {"reasoning_effort": "low"}),
        (OPENAI, "none", {"reasoning_effort": "none"}),
        (OPENAI, False, {"reasoning_effort": "none"}),
        (OPENAI, True, {"reasoning_effort": "medium"}),
        (ARK, True, {"thinking": {"type": "enabled"}}),
        (ARK, False, {"thinking": {"type": "disabled"}}),
        (ARK, "low", {"reasoning_effort": "low"}),
        (QWEN, True, {"enable_thinking": True}),
        (QWEN, False, {"enable_thinking": False}),
        (QWEN, 500, {"enable_thinking": True, "thinking_budget": 500}),
        (QWEN, "medium", {"enable_thinking": True, "thinking_budget": 8192}),
        ({**QWEN, "thinking_default": "always"}, 500, {"thinking_budget": 500}),
        (GLM45, "high", {"thinking": {"type": "enabled"}}),
        (GLM45, 4000, {"thinking": {"type": "enabled"}}),
        (GLM53, "max", {"reasoning_effort": "max"}),
        (GLM53, True, {}),
        (VLLM, "high", {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "high"}),
        (VLLM, False, {"chat_template_kwargs": {"enable_thinking": False}}),
        (VLLM, 16, {"chat_template_kwargs": {"enable_thinking": True}, "thinking_token_budget": 16}),
        ({"thinking_default": "on"}, True, {}),
        (BOUNDED, 128, {"enable_thinking": True, "thinking_budget": 128}),
        (BOUNDED, 32_768, {"enable_thinking": True, "thinking_budget": 32_768}),
        (BOUNDED, 0, {"enable_thinking": False}),
        (BOUNDED, "max", {"enable_thinking": True, "thinking_budget": 32_768}),
        ({**BOUNDED, "thinking_budget_min": 600}, "minimal", {"enable_thinking": True, "thinking_budget": 600}),
    ],
)
def test_setting(body_of: BodyOf, target: Make, quirks: Any, setting: Any, expected: Any) -> None:
    """A switch, an effort, or a budget, as the vendor has it."""
    assert body_of(target(**quirks), reasoning=setting) == expected


@pytest.mark.parametrize(
    ("quirks", "setting", "words"),
    [
        ({}, True, "reasoning on; it takes no reasoning setting"),
        ({}, "high", "reasoning on"),
        (EFFORT, "max", "reasoning 'max'; it takes low, medium, high"),
        (GLM53, False, "reasoning off; it takes low, high, max"),
        ({"thinking_default": "on", **EFFORT}, False, "reasoning off"),
        ({"thinking_default": "always", "thinking_switch": "enable_thinking"}, False, "it takes True"),
        ({"thinking_default": "always"}, "high", "reasoning 'high'; it takes True: how much it thinks cannot be set"),
        ({"thinking_default": "always"}, 4000, "reasoning 4000; it takes True"),
        ({"thinking_default": "on"}, "low", "reasoning 'low'; it takes True"),
        (BOUNDED, 100, "reasoning 100 tokens; it takes a number of tokens from 128 to 32,768"),
        (BOUNDED, 32_769, "reasoning 32769 tokens; it takes a number of tokens from 128 to 32,768"),
        ({**BOUNDED, "thinking_budget_max": None}, 100, "it takes a number of tokens from 128 to any"),
    ],
)
def test_refused(body_of: BodyOf, target: Make, quirks: Any, setting: Any, words: str) -> None:
    """What the model cannot do is said before anything is sent."""
    with pytest.raises(InvalidRequestError) as caught:
        body_of(target(**quirks), reasoning=setting)
    assert words in caught.value.message
    assert (caught.value.then, caught.value.billed) == (Then.NEXT, Billed.NO)


@pytest.mark.parametrize("default", ["always", "on"])
@pytest.mark.parametrize("setting", ["low", 4000])
@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
def test_an_effort_without_effect_may_be_left_out(
    target: Make, dialect: str, setting: Any, default: str
) -> None:
    """Where the caller lets go what a model refuses; the request names it."""
    asked = ChatRequest((user("hi"),), reasoning=setting, drop_refused=True)
    sent = get_dialect(dialect).encode(asked, target(thinking_default=default), stream=False)
    assert sent.dropped == ("reasoning",)
    assert b"effort" not in sent.body and b"4000" not in sent.body


def test_tools_may_need_an_effort(body_of: BodyOf, target: Make) -> None:
    """Where tools are taken with one effort only, it is sent with them, and no other."""
    quirky = target(**OPENAI, effort_with_tools="none")
    for setting in (None, False, "none"):
        assert body_of(quirky, tools=(Tool("f"),), reasoning=setting)["reasoning_effort"] == "none"
    assert body_of(quirky, reasoning="high") == {"reasoning_effort": "high"}
    with pytest.raises(InvalidRequestError, match="'high' together with tools; it takes 'none' with them"):
        body_of(quirky, tools=(Tool("f"),), reasoning="high")


def test_sampling_is_taken_while_it_does_not_think(body_of: BodyOf, target: Make) -> None:
    """A setting refused while thinking passes where thinking is off, also by the effort that tools need."""
    quirky = target(**OPENAI, effort_with_tools="none", thinking_refused_params=("temperature",))
    assert body_of(quirky, reasoning="none", temperature=0.1) == {
        "reasoning_effort": "none",
        "temperature": 0.1,
    }
    assert body_of(quirky, tools=(Tool("f"),), temperature=0.1)["temperature"] == 0.1
    with pytest.raises(InvalidRequestError, match="while it thinks"):
        body_of(quirky, temperature=0.1)
