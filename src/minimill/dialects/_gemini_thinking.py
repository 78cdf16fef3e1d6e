"""The reasoning setting in the words of `thinkingConfig`: a level, or a budget of tokens.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from typing import Any

from minimill._chat import ChatRequest
from minimill.dialects._base import Target
from minimill.dialects._refuse import forbid, refuse

_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768}
"""Tokens that stand for an effort, and an effort for tokens."""
_AS_NEEDED = -1


def thinks(request: ChatRequest, target: Target) -> bool:
    """Whether the model will think about this request."""
    if target.quirks.thinking_default == "always":
        return True
    return target.quirks.thinking_default == "on" if request.thinking is None else request.thinking


def encode_thinking(request: ChatRequest, target: Target) -> dict[str, Any]:
    """`thinkingConfig`, empty where the caller leaves it to the model. Who asks for thinking gets to see it.

    Raises:
        InvalidRequestError: the model takes no such setting; the text says what it takes.
    """
    setting = request.reasoning
    if setting is None:
        return {}
    if not request.thinking:
        return _off(target)
    if setting is True:
        chosen = _on(target)
    elif isinstance(setting, str):
        chosen = _effort(setting, target)
    else:
        chosen = _budget(setting, target)
    return {**chosen, "includeThoughts": True}


def _off(target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_default == "always":
        raise refuse(target, "reasoning", "off", _accepted(target))
    if quirks.thinking_switch == "zero_budget" and quirks.thinking_budget_field:
        return {quirks.thinking_budget_field: 0}
    if quirks.thinking_default == "on":
        raise refuse(target, "reasoning", "off", _accepted(target))
    return {}


def _on(target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_budget_field:
        return {quirks.thinking_budget_field: _AS_NEEDED}
    if quirks.default_effort in quirks.efforts:
        return {"thinkingLevel": str(quirks.default_effort).upper()}
    if quirks.thinking_default != "off":
        return {}
    raise refuse(target, "reasoning", "on", _accepted(target))


def _effort(word: str, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if word in quirks.efforts:
        return {"thinkingLevel": word.upper()}
    if quirks.efforts or not quirks.thinking_budget_field:
        raise refuse(target, "reasoning", repr(word), _accepted(target))
    most = quirks.thinking_budget_max or _BUDGETS["xhigh"]
    tokens = most if word == "max" else min(max(_BUDGETS[word], quirks.thinking_budget_min), most)
    return {quirks.thinking_budget_field: tokens}


def _budget(tokens: int, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if tokens < 0:
        raise forbid(target, f"reasoning {tokens} is below 0")
    if quirks.thinking_budget_field:
        most = quirks.thinking_budget_max
        if tokens < quirks.thinking_budget_min or (most is not None and tokens > most):
            raise refuse(target, "reasoning", tokens, _accepted(target))
        return {quirks.thinking_budget_field: tokens}
    words = [word for word in quirks.efforts if word in _BUDGETS]
    if not words:
        raise refuse(target, "reasoning", tokens, _accepted(target))
    within = [word for word in words if _BUDGETS[word] <= tokens]
    return {"thinkingLevel": (within[-1] if within else words[0]).upper()}


def _accepted(target: Target) -> str:
    quirks = target.quirks
    if quirks.efforts:
        return ", ".join(quirks.efforts)
    if not quirks.thinking_budget_field:
        return "no reasoning setting"
    most = "any number" if quirks.thinking_budget_max is None else f"{quirks.thinking_budget_max:,}"
    off = ", or False" if quirks.thinking_switch == "zero_budget" else ""
    return f"True, an effort, a number of tokens from {quirks.thinking_budget_min:,} to {most}{off}"
