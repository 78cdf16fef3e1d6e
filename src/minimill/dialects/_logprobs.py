"""Reads the probabilities of tokens in the shapes of each wire. It may import `_chat`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from minimill._chat import TokenLogprob

_MOST = 1e9
"""Beyond this a number is a way to say "impossible"."""
Logprobs = tuple[TokenLogprob, ...] | None


def openai_logprobs(raw: Any) -> Logprobs:
    """Of `{"content": [...], "refusal": [...]}`: of the text, or where there is none, of the refusal."""
    if not isinstance(raw, dict):
        return None
    return _read(raw.get("content"), "logprob") or _read(raw.get("refusal"), "logprob")


def gemini_logprobs(raw: Any) -> Logprobs:
    """Of a `logprobsResult`: what was chosen, with what else was likely at each step."""
    if not isinstance(raw, dict):
        return None
    steps = raw.get("topCandidates")
    others = [step.get("candidates") if isinstance(step, dict) else None for step in _list(steps)]
    chosen = _list(raw.get("chosenCandidates"))
    tops = [*others, *[None] * len(chosen)]
    entries = [{**one, "top_logprobs": top} for one, top in zip(chosen, tops, strict=False) if isinstance(one, dict)]
    return _read(entries, "logProbability")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _read(entries: Any, name: str) -> Logprobs:
    """The entries that have a token and a number; None where there are none."""
    return tuple(_tokens(entries, name, others=True)) or None


def _tokens(entries: Any, name: str, *, others: bool) -> Iterator[TokenLogprob]:
    for entry in _list(entries):
        token, logprob = (entry.get("token"), entry.get(name)) if isinstance(entry, dict) else (None, None)
        if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            continue
        number = float(logprob) if abs(logprob) <= _MOST else -math.inf
        top = tuple(_tokens(entry.get("top_logprobs"), name, others=False)) if others else ()
        yield TokenLogprob(token, number, _bytes(entry.get("bytes")), top)


def _bytes(value: Any) -> bytes | None:
    whole = isinstance(value, list) and all(type(one) is int and 0 <= one < 256 for one in value)
    return bytes(value) if whole else None
