"""JSON in a Markdown fence."""

import pytest

from minimill._chat import unfenced


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\n{"a": 1}\n```\n', '{"a": 1}'),
        ('\n  ```JSON\r\n{"a": 1}\r\n```  ', '{"a": 1}'),
        ('```json {"a": 1} ```', '{"a": 1}'),
        ('```{"a": 1}```', '{"a": 1}'),
        ('````json5\n{"a": 1}\n````', '{"a": 1}'),
        ('~~~jsonc\n[1]\n~~~', "[1]"),
        ('```json\n{"code": "```sh\\nls\\n```"}\n```', '{"code": "```sh\\nls\\n```"}'),
        ("```json\n```", ""),
    ],
)
def test_what_stands_in_the_fence(text: str, inner: str) -> None:
    """Of any length and with any name of JSON; fences inside strings stay."""
    assert unfenced(text) == inner


@pytest.mark.parametrize(
    "text", ["", "```", "`````", ' {"a": 1} ', '{"a": "```"}', "so: ```json\n{}\n```", "```json\n{}", "a"]
)
def test_any_other_text_stays(text: str) -> None:
    assert unfenced(text) == text


def test_two_blocks_are_no_json() -> None:
    """What stands between the outermost fences is handed over, and is no JSON."""
    assert unfenced("```json\n{}\n```\nor\n```json\n[]\n```") == "{}\n```\nor\n```json\n[]"
