"""Token counts of every vendor in one meaning."""

from typing import Any

import pytest

from minimill._usage import Usage
from minimill.catalog import Quirks
from minimill.dialects._openai_usage import find_usage, read_usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}, Usage(9, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2}, Usage(9, 2)),
        ({"prompt_tokens": 9, "total_tokens": 11}, Usage(9, 2)),
        ({"completion_tokens": 2, "total_tokens": 11}, Usage(9, 2)),
        ({"prompt_tokens": 9.0, "completion_tokens": "2", "total_tokens": "11"}, Usage(9, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 0}, Usage(9, 0)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            Usage(9, 2),
        ),
        (
            {
                "prompt_tokens": 90,
                "completion_tokens": 20,
                "prompt_tokens_details": {
                    "cached_tokens": 40,
                    "cache_write_tokens": 30,
                    "audio_tokens": 3,
                    "image_tokens": 4,
                },
                "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 5},
            },
            Usage(90, 20, 40, 30, None, 12, 3, 4, 5),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4}, Usage(9, 2, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "num_cached_tokens": 4}, Usage(9, 2, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, Usage(9, 2, 4)),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "reasoning_tokens": 1},
            Usage(9, 2, reasoning_tokens=1),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cached_tokens": 4,
            },
            Usage(9, 2, 0),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 40}},
            Usage(9, 2, 9, oddities=("cached_input_tokens 40 outside 0..9",)),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(9, 2, reasoning_tokens=2, oddities=("reasoning_tokens 5 outside 0..2",)),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 15},
            Usage(9, 6, oddities=("total_tokens 15 is not 9 + 2",)),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 10},
            Usage(9, 2, oddities=("total_tokens 10 is not 9 + 2",)),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "server_tool_use_details": {"web_search_requests": 3},
            },
            Usage(9, 2, units={"web_search": 3}),
        ),
    ],
)
def test_counts(raw: Any, usage: Usage) -> None:
    """Parts where they are found; a total wins over its parts."""
    assert read_usage(raw, Quirks()) == usage


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        [],
        "9",
        {"prompt_tokens": 9},
        {"completion_tokens": 2},
        {"total_tokens": 11},
        {"prompt_tokens": None, "completion_tokens": 2},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": 9, "completion_tokens": -2},
        {"prompt_tokens": 9, "total_tokens": 3},
        {"prompt_tokens": 9.5, "completion_tokens": 2},
        {"prompt_tokens": float("nan"), "completion_tokens": 2},
        {"prompt_tokens": float("inf"), "completion_tokens": 2},
        {"prompt_tokens": 10**30, "completion_tokens": 2},
        {"prompt_tokens": True, "completion_tokens": 2},
        {"prompt_tokens": "nine", "completion_tokens": 2},
        {"prompt_tokens": "9" * 40, "completion_tokens": 2},
        {"prompt_tokens": [9], "completion_tokens": 2},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 0, "completion_tokens": 2, "total_tokens": 2},
    ],
)
def test_unknown(raw: Any) -> None:
    """What cannot be read, or cannot be true, is unknown; it is never zero."""
    assert read_usage(raw, Quirks()) is None


def test_reasoning_outside_the_completion() -> None:
    """Where the completion leaves the thinking out, it is added; not where the total shows that it is in."""
    quirks = Quirks(reasoning_outside_completion=True)
    details = {"completion_tokens_details": {"reasoning_tokens": 50}}
    outside = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 61, **details}
    assert read_usage(outside, quirks) == Usage(9, 52, reasoning_tokens=50)
    untold = {"prompt_tokens": 9, "completion_tokens": 2, **details}
    assert read_usage(untold, quirks) == Usage(9, 52, reasoning_tokens=50)
    inside = {"prompt_tokens": 9, "completion_tokens": 52, "total_tokens": 61, **details}
    assert read_usage(inside, quirks) == Usage(9, 52, reasoning_tokens=50)


def test_paths_of_the_vendor() -> None:
    """Paths come from the provider file; no path for reasoning means that its count is not believed."""
    quirks = Quirks(
        cached_tokens_paths=("hit",),
        cache_write_tokens_paths=("made.all",),
        cache_write_long_tokens_paths=("made.1h",),
        reasoning_tokens_paths=(),
    )
    raw = {
        "prompt_tokens": 90,
        "completion_tokens": 2,
        "hit": 10,
        "made": {"all": 20, "1h": 5},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert read_usage(raw, quirks) == Usage(90, 2, 10, 20, 5)


COUNTS = {"prompt_tokens": 9, "completion_tokens": 2}


@pytest.mark.parametrize(
    ("body", "paths", "found"),
    [
        ({"usage": COUNTS}, ("usage",), COUNTS),
        ({"x": {"u": COUNTS}, "usage": {"a": 1}}, ("x.u", "usage"), COUNTS),
        ({"usage": None, "x_groq": {"usage": COUNTS}}, ("usage",), COUNTS),
        ({"choices": [{"usage": COUNTS}]}, ("usage",), COUNTS),
        ({"choices": [{"usage": COUNTS}]}, ("choices.0.usage",), COUNTS),
        ({"choices": []}, ("choices.0.usage",), None),
        ({"usage": {}}, ("usage",), None),
        (
            {"timings": {"prompt_n": 3, "cache_n": 6, "predicted_n": 2}},
            ("usage",),
            {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 6},
        ),
        ({"timings": {"prompt_n": 3}}, ("usage",), None),
    ],
)
def test_where_usage_sits(body: Any, paths: Any, found: Any) -> None:
    """Where the vendor puts it, else where others do; llama.cpp's timings stand in for it."""
    assert find_usage(body, Quirks(usage_paths=paths)) == found
