"""The reasoning setting in the words of the Messages wire: a thinking mode, an effort, or a budget of tokens.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from typing import Any

from minimill._chat import ChatRequest
from minimill.dialects._base import Target
from minimill.dialects._refuse import forbid, refuse

LEAST_BUDGET = 1024
"""Smallest `thinking.budget_tokens`: https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}
"""Tokens that stand for an effort where a model takes budgets only."""


def thinks(request: ChatRequest, target: Target) -> bool:
    """Whether the model will think about this request."""
    if target.quirks.thinking_default == "always":
        return True
    asked = request.thinking
    return target.quirks.thinking_default == "on" if asked is None else asked


def encode_thinking(request: ChatRequest, target: Target) -> dict[str, Any]:
    """`thinking` and `output_config.effort`; nothing where the caller leaves it to the model.

    Raises:
        InvalidRequestError: the model does not think like that.
    """
    setting = request.reasoning
    if setting is None:
        return {}
    if not request.thinking:
        return _off(target)
    if setting is True:
        asked = _on(request, target)
    elif isinstance(setting, str):
        asked = _effort(setting, request, target)
    else:
        asked = _budget(setting, request, target)
    return _shown(asked, target)


def _shown(asked: dict[str, Any], target: Target) -> dict[str, Any]:
    """Who asks for thinking gets to see it, in summary: it costs the same."""
    if not target.quirks.thinking_hidden:
        return asked
    return {**asked, "thinking": {"type": "adaptive", **asked.get("thinking", {}), "display": "summarized"}}


def _off(target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_default == "always" or (
        quirks.thinking_default == "on" and quirks.thinking_switch == "none"
    ):
        raise refuse(target, "reasoning", "off", _accepted(target))
    if quirks.thinking_switch == "none":
        return {}
    word = "between_tools" if quirks.thinking_switch == "between_tools" else "disabled"
    return {"thinking": {"type": word}}


def _on(request: ChatRequest, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_default == "always" or _is_adaptive(target):
        return _awake(target)
    if quirks.thinking_budget_field:
        return _enabled(_fitting("medium", request, target))
    raise refuse(target, "reasoning", "on", _accepted(target))


def _effort(word: str, request: ChatRequest, target: Target) -> dict[str, Any]:
    efforts = target.quirks.efforts
    if word == "minimal" and word not in efforts and "low" in efforts:
        word = "low"  # the least there is
    if word in efforts:
        return {**_awake(target), "output_config": {"effort": word}}
    if not efforts and target.quirks.thinking_budget_field:
        return _enabled(_fitting(word, request, target))
    raise refuse(target, "reasoning", repr(word), _accepted(target))


def _budget(tokens: int, request: ChatRequest, target: Target) -> dict[str, Any]:
    if tokens < 0:
        raise forbid(target, f"reasoning {tokens} is below 0")
    if target.quirks.thinking_budget_field:
        most = (request.max_output_tokens or 0) - 1
        if not LEAST_BUDGET <= tokens <= most:
            accepted = f"{LEAST_BUDGET} or more, and less than max_output_tokens ({most + 1})"
            raise refuse(target, "reasoning", tokens, accepted)
        return _enabled(tokens)
    words = [word for word in target.quirks.efforts if word in _BUDGETS]
    if not words:
        return _on(request, target)
    within = [word for word in words if _BUDGETS[word] <= tokens]
    word = max(within, key=_BUDGETS.__getitem__) if within else min(words, key=_BUDGETS.__getitem__)
    return _effort(word, request, target)


def _fitting(word: str, request: ChatRequest, target: Target) -> int:
    """The budget that stands for an effort, with a quarter of the output limit left for the answer."""
    limit = request.max_output_tokens or 0
    if limit <= LEAST_BUDGET:
        raise refuse(target, "max_output_tokens", limit, f"more than {LEAST_BUDGET} when it shall think")
    return max(min(_BUDGETS[word], limit * 3 // 4), LEAST_BUDGET)


def _enabled(tokens: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def _is_adaptive(target: Target) -> bool:
    return target.quirks.thinking_switch in ("adaptive", "between_tools")


def _awake(target: Target) -> dict[str, Any]:
    """What makes the model think; nothing where it always does."""
    always = target.quirks.thinking_default == "always"
    return {"thinking": {"type": "adaptive"}} if _is_adaptive(target) and not always else {}


def _accepted(target: Target) -> str:
    quirks = target.quirks
    words: list[str] = list(quirks.efforts)
    if quirks.thinking_budget_field:
        words.append("a number of tokens")
    if not words and quirks.thinking_switch != "none":
        words = ["True or False"]
    return ", ".join(words) or "no reasoning setting"
