"""Answers in JSON that stand in a Markdown fence. It imports nothing of minimill."""

from __future__ import annotations

_MARKS = ("```", "~~~")
_LANGUAGES = ("jsonc", "json5", "json")


def unfenced(text: str) -> str:
    """What stands in the fence, where all of a text is one fenced block of JSON; any other text as it is.

    No JSON begins with a fence, so that nothing is lost. Models without a vendor who holds them to JSON like to
    write one, whatever they are told.
    """
    block = text.strip()
    for mark in _MARKS:
        if block.startswith(mark) and block.endswith(mark) and len(block) >= 2 * len(mark):
            inner = block.strip(mark[0]).lstrip()
            language = next((word for word in _LANGUAGES if inner[: len(word)].lower() == word), "")
            return inner[len(language) :].strip()
    return text
