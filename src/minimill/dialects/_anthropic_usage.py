"""Token counts of the Messages wire in our words. It may import `_usage` and `_json`.

Here `input_tokens` leaves out what was read from a cache or written to one; a whole prompt is the sum of three.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from minimill._usage import Usage, nested
from minimill.dialects._json import at, count

INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_REQUESTS = "_requests"


def read_usage(raw: Any, models: Collection[str]) -> Usage | None:
    """The counts, or None where they cannot be read, or other `models` worked too: unknown, not zero.

    A message that was made in several steps lists them. Summaries that the vendor made on the way are billed, but
    are not in the totals; steps of another model have another price.
    """
    if not isinstance(raw, dict):
        return None
    steps = [step for step in _listed(raw.get("iterations")) if isinstance(step, dict)]
    if any(not _is_of(step.get("model"), models) for step in steps):
        return None
    parts = [raw, *(step for step in steps if step.get("type") == "compaction")]
    counted = [_counts(part) for part in parts]
    known = [part for part in counted if part is not None]
    if len(known) < len(parts):
        return None
    prompt = sum(fresh + read + written for fresh, read, written, _ in known)
    if not prompt:
        return None  # every prompt has tokens: a zero means that nobody counted
    cached = bool(_lives(raw)) or any(raw.get(key) is not None for key in INPUTS[1:])
    long, odd = _long(raw, known[0][2]) if cached and len(known) == 1 else (None, ())
    return nested(
        Usage(
            input_tokens=prompt,
            output_tokens=sum(output for *_, output in known),
            cached_input_tokens=sum(read for _, read, _, _ in known) if cached else None,
            cache_write_tokens=sum(written for _, _, written, _ in known) if cached else None,
            cache_write_long_tokens=long,
            reasoning_tokens=count(at(raw, "output_tokens_details.thinking_tokens")),
            units=dict(_units(raw.get("server_tool_use"))),
            oddities=odd,
        )
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_of(model: Any, models: Collection[str]) -> bool:
    """Whether a step is of the model that answers; ids may carry a date."""
    if model is None:
        return True
    return isinstance(model, str) and any(
        model.startswith(known) or known.startswith(model) for known in models if known
    )


def _counts(raw: dict[str, Any]) -> tuple[int, int, int, int] | None:
    """Fresh, read and written input, and output; None where they are not told."""
    fresh, output = count(raw.get("input_tokens")), count(raw.get("output_tokens"))
    read, written = (count(raw.get(key)) for key in (INPUTS[2], INPUTS[1]))
    if written is None:
        lives = [count(value) for value in _lives(raw).values()]
        written = sum(value or 0 for value in lives)
    numbers = (fresh, read or 0, written, output)
    if fresh is None or output is None or any(number is not None and number < 0 for number in numbers):
        return None
    return fresh, read or 0, written, output


def _lives(raw: dict[str, Any]) -> dict[str, Any]:
    lives = raw.get("cache_creation")
    return lives if isinstance(lives, dict) else {}


def _long(raw: dict[str, Any], written: int) -> tuple[int | None, tuple[str, ...]]:
    """Tokens written for an hour; None where the lifetimes do not add up to what was written."""
    lives = _lives(raw)
    long, short = (count(lives.get(f"ephemeral_{name}_input_tokens")) for name in ("1h", "5m"))
    if not written:
        return 0, ()
    if long is None or short is None:
        return None, ()
    if long + short == written:
        return long, ()
    odd = f"cache_creation_input_tokens {written} is not {short} + {long}"
    return (long if long + short > written else None), (odd,)


def _units(tools: Any) -> Iterator[tuple[str, int]]:
    for key, value in tools.items() if isinstance(tools, dict) else ():
        number = count(value)
        if number and isinstance(key, str) and key.endswith(_REQUESTS):
            yield key.removesuffix(_REQUESTS), number


def merged(before: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The usage of a stream after one more report: counts are of all so far, and what is left out stands.

    Counts of the input only grow, except where a list of steps accounts for what the totals leave out.
    """
    after = {**before, **{key: value for key, value in told.items() if value is not None}}
    if not isinstance(told.get("iterations"), list):
        for key in INPUTS:
            first, last = count(before.get(key)), count(after.get(key))
            if first is not None and last is not None:
                after[key] = max(first, last)
    if "cache_creation" not in told and after.get(INPUTS[1]) != before.get(INPUTS[1]):
        after.pop("cache_creation", None)  # lifetimes of what was written until then
    return after
