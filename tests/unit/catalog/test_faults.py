"""What a fault shows of a value, and what it keeps to itself."""

import datetime as dt
from decimal import Decimal

import pytest

from minimill.catalog._faults import path_words, shown


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-abc",
        "bce-v3/ALTAK-abc/def",
        "Bearer abc",
        "0123456789abcdef0123456789abcdef.AbCdEf0123456789",
        "01234567-89ab-cdef-0123-456789abcdef",
        "AbCdEfGhIjKlMnOp0123456789",
        "https://me:secret@host/v1",
    ],
)
def test_what_looks_like_a_key_is_not_shown(value: str) -> None:
    """Wherever it was written."""
    assert shown(value, ("quirks", "system_role")) == "a text (not shown)"


@pytest.mark.parametrize("key", ["api_key", "X-Api-Key", "secret", "token", "password", "key_env", "env"])
def test_what_stands_under_a_secret_key_is_not_shown(key: str) -> None:
    """Whatever it looks like."""
    assert shown("abc", ("headers", key)) == "a text (not shown)"
    assert shown("abc", (key, 0)) == "a text (not shown)"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("doubao-seed-2-1-pro-260915", '"doubao-seed-2-1-pro-260915"'),
        ("x" * 70, f'"{"x" * 57}..."'),
        ("é\n", '"é\\n"'),
        ([1], "a list"),
        ({}, "a table"),
        (dt.time(9), "09:00:00"),
        (Decimal("1.50"), "1.50"),
        (2.5, "2.5"),
        (b"x", "a bytes"),
    ],
)
def test_what_is_shown(value: object, words: str) -> None:
    """As the reader of a file knows it, on one line."""
    assert shown(value, ("max_output_tokens",)) == words


@pytest.mark.parametrize(
    "key", ["max_output_tokens", "first_token_s", "input_per_mtok", "cached_tokens_paths"]
)
def test_tokens_are_no_secret(key: str) -> None:
    """Only the singular kind is."""
    assert shown("abc", (key,)) == '"abc"'


def test_paths_are_written_as_in_toml() -> None:
    """Keys that need quotes get them."""
    assert path_words(("models", 3, "prices", 0, "since")) == "models[3].prices[0].since"
    assert path_words(("endpoints", "a.b", "x")) == 'endpoints."a.b".x'
