"""Token counts of one call, whose fields mean the same for every vendor.

Prices live in `_pricing`, wire names in the dialects. It may import `_errors` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from minimill._values import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer used. A part that the vendor did not report is None: unknown, not zero.

    Parts nest inside their totals: cached + cache_write ≤ input, reasoning ≤ output. Where a vendor
    sends more, the total wins and `oddities` says what was sent.
    """

    input_tokens: int
    """All input (prompt) tokens, cached ones included."""
    output_tokens: int
    """All output (completion) tokens, reasoning included."""
    cached_input_tokens: int | None = None
    """Part of the input: read from a cache that the vendor keeps by itself, or on request."""
    cache_write_tokens: int | None = None
    """Part of the input: written to a cache, any lifetime."""
    cache_write_long_tokens: int | None = None
    """Part of `cache_write_tokens`: written with the vendor's longer lifetime."""
    reasoning_tokens: int | None = None
    """Part of the output: thinking."""
    audio_input_tokens: int | None = None
    """Part of the input: sound."""
    image_input_tokens: int | None = None
    """Part of the input: pictures."""
    audio_output_tokens: int | None = None
    """Part of the output: sound."""
    units: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Other things billed by count, for instance `{"web_search": 2}`."""
    oddities: tuple[str, ...] = ()
    """What the vendor sent that cannot be true, in words."""
    billed_nanos: int | None = None
    """What the vendor itself says that it billed, in 10⁻⁹ of its currency; None: it does not say."""

    @property
    def total_tokens(self) -> int:
        """Input plus output."""
        return self.input_tokens + self.output_tokens


def nested(usage: Usage) -> Usage:
    """Return `usage` with every part inside its total; what did not fit is told in `oddities`."""
    return usage if _fits(usage) else _clipped(usage)


def _fits(usage: Usage) -> bool:
    all_input, all_output = usage.input_tokens, usage.output_tokens
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    rest = all_input - cached
    return (
        all_output >= 0
        and 0 <= cached <= all_input
        and 0 <= written <= rest
        and 0 <= (usage.cache_write_long_tokens or 0) <= (rest if usage.cache_write_tokens is None else written)
        and 0 <= (usage.audio_input_tokens or 0) <= all_input
        and 0 <= (usage.image_input_tokens or 0) <= all_input
        and 0 <= (usage.reasoning_tokens or 0) <= all_output
        and 0 <= (usage.audio_output_tokens or 0) <= all_output
    )


def _clipped(usage: Usage) -> Usage:
    odd: list[str] = list(usage.oddities)
    changes: dict[str, Any] = {}

    def clip(name: str, most: int) -> int:
        value = getattr(usage, name)
        if value is None:
            return 0
        if value < 0 or value > most:
            odd.append(f"{name} {value} outside 0..{most}")
            value = min(max(value, 0), most)
            changes[name] = value
        return int(value)

    for total in ("input_tokens", "output_tokens"):
        if getattr(usage, total) < 0:
            odd.append(f"{total} {getattr(usage, total)} below 0")
            changes[total] = 0
    all_input = max(usage.input_tokens, 0)
    all_output = max(usage.output_tokens, 0)
    cached = clip("cached_input_tokens", all_input)
    written = clip("cache_write_tokens", all_input - cached)
    clip("cache_write_long_tokens", all_input - cached if usage.cache_write_tokens is None else written)
    clip("audio_input_tokens", all_input)
    clip("image_input_tokens", all_input)
    clip("reasoning_tokens", all_output)
    clip("audio_output_tokens", all_output)
    return replace(usage, **changes, oddities=tuple(odd))
