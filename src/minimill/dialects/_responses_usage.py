"""Token counts of the `openai_responses` wire in our words. It may import `_usage` and the helpers beside it."""

from __future__ import annotations

from typing import Any

from minimill._usage import Usage
from minimill.catalog._quirks import Quirks
from minimill.dialects._json import at, count
from minimill.dialects._openai_usage import read_usage

_PLACES = Quirks(
    cached_tokens_paths=("input_tokens_details.cached_tokens",),
    cache_write_tokens_paths=("input_tokens_details.cache_write_tokens",),
    cache_write_long_tokens_paths=("input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",),
    reasoning_tokens_paths=("output_tokens_details.reasoning_tokens",),
    audio_input_tokens_paths=("input_tokens_details.audio_tokens",),
    image_input_tokens_paths=("input_tokens_details.image_tokens",),
    audio_output_tokens_paths=("output_tokens_details.audio_tokens",),
)
_UNITS = {"web_search": "tool_usage.web_search.num_requests"}
"""Things billed by count beside the tokens, and where the body tells them."""
_CALLS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
}
"""Items of an answer for something that the vendor ran itself, to the thing that is billed where the body has no count.
One without a price makes the cost unknown."""


def usage_in(body: dict[str, Any], *, answered: bool) -> Usage | None:
    """The counts of a response; None where they cannot be read, or where an answer is counted as nothing."""
    raw = body.get("usage")
    if not isinstance(raw, dict):
        return None
    named = {**raw, "prompt_tokens": raw.get("input_tokens"), "completion_tokens": raw.get("output_tokens")}
    usage = read_usage(named, _PLACES, units=_units(body))
    if usage is not None and answered and not usage.output_tokens:
        return None  # an answer has tokens: a zero means that nobody counted
    return usage


def _units(body: dict[str, Any]) -> dict[str, int]:
    items = body.get("output")
    ran = [item.get("type") for item in (items if isinstance(items, list) else ()) if isinstance(item, dict)]
    found: dict[str, int] = {}
    for kind in ran:
        if isinstance(kind, str) and kind in _CALLS:
            found[_CALLS[kind]] = found.get(_CALLS[kind], 0) + 1
    told = {name: count(at(body, path)) for name, path in _UNITS.items()}
    found |= {name: number for name, number in told.items() if number is not None}
    return {name: number for name, number in found.items() if number > 0}
