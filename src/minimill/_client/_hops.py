"""Answers that a vendor breaks off and goes on with when it is asked again: each part is an attempt of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from minimill._chat import Answer, Choice, Message, StreamEvent, ToolCallDelta, UsageReported
from minimill._routing import Candidate
from minimill._usage import Usage

_TOTALS = ("input_tokens", "output_tokens")
_WORDS = ("units", "oddities")
_PARTS = tuple(f.name for f in fields(Usage) if f.name not in (*_TOTALS, *_WORDS))


def next_part(candidate: Candidate, parts: Sequence[Answer]) -> Candidate | None:
    """Who is asked for the next part, priced with what was said so far as input.

    None where the answer is over, or does not move on: the same mark again, or a part of no tokens.
    """
    last = parts[-1]
    mark, limit = last.continuation, candidate.request.max_output_tokens or 0
    if mark is None or (len(parts) > 1 and mark == parts[-2].continuation):
        return None
    if last.usage is not None and not last.usage.output_tokens:
        return None
    told = [part.usage.output_tokens if part.usage is not None else limit for part in parts]
    if sum(told) >= limit and all(part.usage is not None for part in parts):
        return None  # the limit holds for all parts together
    return candidate.going_on(mark, min(sum(told), limit))


def joined(parts: Sequence[Answer]) -> Answer:
    """One answer of all its parts. Each part is billed, its prompt too, so that the counts add up."""
    if len(parts) == 1:
        return parts[0]
    indexes = dict.fromkeys(choice.index for part in parts for choice in part.choices)
    choices = tuple(
        _joined_choice([choice for part in parts for choice in part.choices if choice.index == index])
        for index in indexes
    )
    return replace(parts[-1], id=parts[0].id, choices=choices, usage=added([part.usage for part in parts]))


def _joined_choice(pieces: Sequence[Choice]) -> Choice:
    message = Message("assistant", tuple(part for piece in pieces for part in piece.message.parts))
    tokens = tuple(token for piece in pieces for token in piece.logprobs or ())
    found = [piece.logprobs_raw for piece in pieces if piece.logprobs_raw]
    raw = _joined_logprobs(found) if found else None
    return replace(pieces[-1], message=message, logprobs=tokens or None, logprobs_raw=raw)


def _joined_logprobs(found: Sequence[Any]) -> Any:
    if not all(isinstance(item, Mapping) for item in found):
        return found[-1]
    result: dict[str, Any] = {}
    for item in found:
        for key, value in item.items():
            known = result.get(key)
            result[key] = (
                [*known, *value] if isinstance(known, list) and isinstance(value, list) else value
            )
    return result


def added(usages: Sequence[Usage | None]) -> Usage | None:
    """The sum; a part that one of them does not tell is unknown in all, and so is the whole."""
    known = [usage for usage in usages if usage is not None]
    if not known or len(known) < len(usages):
        return None
    counts: dict[str, Any] = {name: sum(getattr(usage, name) for usage in known) for name in _TOTALS}
    for name in _PARTS:
        values = [getattr(usage, name) for usage in known]
        counts[name] = None if None in values else sum(values)
    units = dict.fromkeys(name for usage in known for name in usage.units)
    return Usage(
        **counts,
        units={name: sum(usage.units.get(name, 0) for usage in known) for name in units},
        oddities=tuple(odd for usage in known for odd in usage.oddities),
    )


def continued(event: StreamEvent, parts: Sequence[Answer]) -> StreamEvent:
    """An event of a later part as one of the whole answer: its calls and counts follow those of the earlier."""
    if isinstance(event, ToolCallDelta):
        before = sum(
            len(choice.message.tool_calls)
            for part in parts
            for choice in part.choices
            if choice.index == event.index
        )
        return replace(event, call=event.call + before)
    if isinstance(event, UsageReported):
        usage = added([*(part.usage for part in parts), event.usage])
        return event if usage is None else UsageReported(usage)
    return event
