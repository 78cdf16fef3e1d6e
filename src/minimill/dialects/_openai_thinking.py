"""The reasoning setting in the words of each vendor: a switch, an effort, or a budget of tokens.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minimill._chat import ChatRequest
from minimill.dialects._base import Target
from minimill.dialects._refuse import forbid, refuse

_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}
"""Tokens that stand for an effort where a vendor takes budgets only."""


def thinks(request: ChatRequest, target: Target) -> bool:
    """Whether the model will think about this request."""
    if target.quirks.thinking_default == "always":
        return True
    asked = request.thinking
    if asked is None and request.tools and target.quirks.effort_with_tools is not None:
        return target.quirks.effort_with_tools != "none"
    return target.quirks.thinking_default == "on" if asked is None else asked


def as_steered(request: ChatRequest, target: Target) -> tuple[ChatRequest, tuple[str, ...]]:
    """The request, without an effort or budget for a model that thinks as much as it likes; and what was left out.

    Raises:
        InvalidRequestError: there is one, and the request does not let it go.
    """
    setting, quirks = request.reasoning, target.quirks
    steered = quirks.efforts or quirks.thinking_budget_field or not _thinks_by_itself(target)
    if steered or setting is True or not request.thinking:
        return request, ()
    if not request.drop_refused:
        raise refuse(target, "reasoning", repr(setting), "True: how much it thinks cannot be set")
    return replace(request, reasoning=True), ("reasoning",)


def _thinks_by_itself(target: Target) -> bool:
    """Whether asking for thought changes nothing."""
    default = target.quirks.thinking_default
    return default == "always" or (default == "on" and target.quirks.thinking_switch == "none")


def encode_thinking(request: ChatRequest, target: Target) -> dict[str, Any]:
    """The fields that carry the reasoning setting; none where the caller leaves it to the model."""
    setting = request.reasoning
    needed = target.quirks.effort_with_tools if request.tools else None
    if needed is not None:
        return _with_tools(setting, needed, target)
    if setting is None:
        return {}
    if not request.thinking:
        return _off(target)
    if setting is True:
        return _on(target)
    return _effort(setting, target) if isinstance(setting, str) else _budget(setting, target)


def _with_tools(setting: Any, needed: str, target: Target) -> dict[str, Any]:
    off = needed == "none" and (setting is False or setting == 0)
    if setting is None or setting == needed or off:
        return {"reasoning_effort": needed}
    raise refuse(target, "reasoning", f"{setting!r} together with tools", f"{needed!r} with them")


def _switch(on: bool, target: Target) -> dict[str, Any]:
    kind = target.quirks.thinking_switch
    if kind in ("thinking_object", "adaptive"):
        awake = "adaptive" if kind == "adaptive" else "enabled"
        return {"thinking": {"type": awake if on else "disabled"}}
    if kind == "reasoning_object":
        return {"reasoning": {"enabled": on}}
    if kind == "enable_thinking":
        return {"enable_thinking": on}
    if kind == "chat_template":
        return {"chat_template_kwargs": {"enable_thinking": on}}
    return {}


def _off(target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_default == "always":
        raise refuse(target, "reasoning", "off", _accepted(target))
    if quirks.thinking_switch != "none":
        return _switch(False, target)
    if "none" in quirks.efforts:
        return {"reasoning_effort": "none"}
    if quirks.thinking_default == "on":
        raise refuse(target, "reasoning", "off", _accepted(target))
    return {}


def _on(target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if quirks.thinking_default == "always":
        return {}
    if quirks.thinking_switch != "none":
        return _switch(True, target)
    if quirks.default_effort not in (None, "none") or quirks.thinking_default == "on":
        return {"reasoning_effort": quirks.default_effort} if quirks.default_effort in quirks.efforts else {}
    words = [word for word in quirks.efforts if word != "none"]
    if not words:
        raise refuse(target, "reasoning", "on", _accepted(target))
    return {"reasoning_effort": "medium" if "medium" in words else words[0]}


def _effort(word: str, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if word in quirks.efforts:
        awake = _switch(True, target) if quirks.thinking_default == "off" else {}
        return {**awake, "reasoning_effort": word}
    if quirks.efforts:
        raise refuse(target, "reasoning", repr(word), _accepted(target))
    if quirks.thinking_budget_field:
        return _budget(_within(_BUDGETS[word], target), target)
    return _on(target)


def _within(tokens: int, target: Target) -> int:
    """The budget that the vendor takes and that is next to this one."""
    least, most = target.quirks.thinking_budget_min, target.quirks.thinking_budget_max
    tokens = max(tokens, least)
    return tokens if most is None else min(tokens, most)


def _budget(tokens: int, target: Target) -> dict[str, Any]:
    quirks = target.quirks
    if tokens < 0:
        raise forbid(target, f"reasoning {tokens} is below 0")
    if quirks.thinking_budget_field:
        if tokens != _within(tokens, target):
            raise refuse(target, "reasoning", f"{tokens} tokens", _accepted(target))
        awake = {} if quirks.thinking_default == "always" else _switch(True, target)
        return {**awake, quirks.thinking_budget_field: tokens}
    words = [word for word in quirks.efforts if word in _BUDGETS]
    if not words:
        return _on(target)
    within = [word for word in words if _BUDGETS[word] <= tokens]
    word = max(within, key=_BUDGETS.__getitem__) if within else min(words, key=_BUDGETS.__getitem__)
    return _effort(word, target)


def _budgets_taken(target: Target) -> str:
    least, most = target.quirks.thinking_budget_min, target.quirks.thinking_budget_max
    if not least and most is None:
        return "a number of tokens"
    return f"a number of tokens from {least:,} to {'any' if most is None else f'{most:,}'}"


def _accepted(target: Target) -> str:
    quirks = target.quirks
    words: list[str] = list(quirks.efforts)
    if quirks.thinking_budget_field:
        words.append(_budgets_taken(target))
    if not words and quirks.thinking_switch != "none":
        words = ["True" if quirks.thinking_default == "always" else "True or False"]
    return ", ".join(words) or "no reasoning setting"
