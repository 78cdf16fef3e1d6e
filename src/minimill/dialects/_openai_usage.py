"""Token counts of the `openai_chat` wire in our words.

It may import the catalog's quirks, `_money`, `_usage` and `_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from minimill._money import MAX_NANOS, ceil_nanos
from minimill._usage import Usage, nested
from minimill.dialects._json import at, count, decimal

if TYPE_CHECKING:
    from minimill.catalog import Quirks

_ELSEWHERE = ("usage", "x_groq.usage", "choices.0.usage")
_CACHED = (
    "prompt_tokens_details.cached_tokens",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "num_cached_tokens",
)
_WRITTEN = ("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_input_tokens")
_REASONING = ("completion_tokens_details.reasoning_tokens", "reasoning_tokens")
_UNITS = {
    "web_search": ("server_tool_use_details.web_search_requests", "server_tool_use.web_search_requests"),
}
"""Things billed by count beside the tokens."""


def find_usage(body: dict[str, Any], quirks: Quirks) -> dict[str, Any] | None:
    """The usage object of a body or chunk: where the vendor puts it, else where others do."""
    for path in quirks.usage_paths:
        found = at(body, path)
        if isinstance(found, dict) and found:
            return found
    for path in _ELSEWHERE:
        found = at(body, path)
        if isinstance(found, dict) and found:
            return found
    return _from_timings(body.get("timings"))


def _from_timings(timings: Any) -> dict[str, Any] | None:
    """llama.cpp tells its work even where usage was not asked for."""
    if not isinstance(timings, dict):
        return None
    fresh, output = count(timings.get("prompt_n")), count(timings.get("predicted_n"))
    if fresh is None or output is None:
        return None
    cached = count(timings.get("cache_n"))
    prompt = fresh + (cached or 0)
    return {"prompt_tokens": prompt, "completion_tokens": output, "cached_tokens": cached}


def read_usage(raw: Any, quirks: Quirks, *, units: Mapping[str, int] | None = None) -> Usage | None:
    """The counts, or None where they cannot be read: unknown, not zero.

    `units` are things billed by count that are told elsewhere.
    """
    if not isinstance(raw, dict):
        return None
    prompt = count(raw.get("prompt_tokens"))
    completion = count(raw.get("completion_tokens"))
    total = count(raw.get("total_tokens"))
    if completion is None and prompt is not None and total is not None:
        completion = total - prompt
    if prompt is None and completion is not None and total is not None:
        prompt = total - completion
    if prompt is None or completion is None or prompt < 0 or completion < 0:
        return None
    if not prompt:
        return None  # every prompt has tokens: a zero means that nobody counted
    places = _places(quirks)
    reasoning = _first(raw, places.reasoning)
    output, oddities = _output(prompt, completion, total, reasoning or 0, quirks)
    return nested(
        Usage(
            input_tokens=prompt,
            output_tokens=output,
            cached_input_tokens=_first(raw, places.cached),
            cache_write_tokens=_first(raw, places.written),
            cache_write_long_tokens=_first(raw, places.written_long),
            reasoning_tokens=reasoning,
            audio_input_tokens=_first(raw, places.audio_input),
            image_input_tokens=_first(raw, places.image_input),
            audio_output_tokens=_first(raw, places.audio_output),
            units=_units(raw) if units is None else units,
            oddities=oddities,
            billed_nanos=billed_nanos(raw, quirks),
        )
    )


def billed_nanos(raw: dict[str, Any], quirks: Quirks) -> int | None:
    """The vendor's own bill; None where it tells none, or says that it is not the whole of it."""
    if quirks.billed_cost_path is None:
        return None
    told = decimal(at(raw, quirks.billed_cost_path))
    if told is None or told < 0:
        return None
    if quirks.billed_cost_partial_path is not None and at(raw, quirks.billed_cost_partial_path):
        return None
    nanos = ceil_nanos(told.scaleb(-quirks.billed_cost_digits))
    return nanos if nanos <= MAX_NANOS else None


def _output(
    prompt: int, completion: int, total: int | None, reasoning: int, quirks: Quirks
) -> tuple[int, tuple[str, ...]]:
    """All output tokens. Where the vendor's total is larger than its parts, the rest counts as output."""
    whole = prompt + completion
    if quirks.reasoning_outside_completion and total != whole:
        completion += max(reasoning, 0)
        whole = prompt + completion
    if total is None or total == whole:
        return completion, ()
    odd = (f"total_tokens {total} is not {prompt} + {completion}",)
    return (total - prompt if total > whole else completion), odd


Paths = tuple[tuple[str, str], ...]
"""Each path with its first key, so that most are done with one look."""


class _Places(NamedTuple):
    """Where one vendor may put each count, first found wins."""

    cached: Paths
    written: Paths
    written_long: Paths
    reasoning: Paths
    audio_input: Paths
    image_input: Paths
    audio_output: Paths


_known: dict[int, tuple[Quirks, _Places]] = {}
_MOST_KNOWN = 4_096


def _places(quirks: Quirks) -> _Places:
    known = _known.get(id(quirks))
    if known is None or known[0] is not quirks:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(quirks)] = quirks, _places_of(quirks)
    return known[1]


def _places_of(quirks: Quirks) -> _Places:
    return _Places(
        cached=_paths(*quirks.cached_tokens_paths, *_CACHED),
        written=_paths(*quirks.cache_write_tokens_paths, *_WRITTEN),
        written_long=_paths(*quirks.cache_write_long_tokens_paths),
        reasoning=_paths(*quirks.reasoning_tokens_paths, *(_REASONING if quirks.reasoning_tokens_paths else ())),
        audio_input=_paths(*quirks.audio_input_tokens_paths),
        image_input=_paths(*quirks.image_input_tokens_paths),
        audio_output=_paths(*quirks.audio_output_tokens_paths),
    )


def _paths(*paths: str) -> Paths:
    return tuple((path, path.partition(".")[0]) for path in dict.fromkeys(paths))


_UNIT_PATHS = {name: _paths(*paths) for name, paths in _UNITS.items()}


def _first(raw: dict[str, Any], paths: Paths) -> int | None:
    for path, top in paths:
        if top in raw:
            found = count(at(raw, path))
            if found is not None:
                return found
    return None


def _units(raw: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, paths in _UNIT_PATHS.items():
        number = _first(raw, paths)
        if number:
            found[name] = number
    return found
