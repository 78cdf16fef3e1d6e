"""Token counts of the Gemini wire in our words.

The wire leaves zeros out, so that a part that is missing from counts that add up is zero, not unknown. It may
import `_usage` and `_json`.
"""

from __future__ import annotations

from typing import Any

from minimill._usage import Usage, nested
from minimill.dialects._json import count

COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")


def read_usage(raw: Any) -> Usage | None:
    """The counts, or None where they cannot be read: unknown, not zero.

    Thoughts are counted beside the candidates, and what the vendor's own tools read beside the prompt.
    """
    if not isinstance(raw, dict) or any(_broken(raw, name) for name in (*COUNTS, "toolUsePromptTokenCount")):
        return None
    prompt, total = count(raw.get("promptTokenCount")), count(raw.get("totalTokenCount"))
    shown, thought = count(raw.get("candidatesTokenCount")), count(raw.get("thoughtsTokenCount"))
    read = count(raw.get("toolUsePromptTokenCount")) or 0
    if not prompt:
        return None  # every prompt has tokens: none means that nobody counted
    if shown is None and thought is None and total is None:
        return None
    sent = prompt + read
    written = (shown or 0) + (thought or 0)
    output, odd = _output(sent, written, total)
    if thought is None and output == written:
        thought = 0
    return nested(
        Usage(
            input_tokens=sent,
            output_tokens=output,
            cached_input_tokens=count(raw.get("cachedContentTokenCount")) or 0,
            cache_write_tokens=0,
            reasoning_tokens=thought,
            audio_input_tokens=_modality("AUDIO", raw, "promptTokensDetails", "toolUsePromptTokensDetails"),
            image_input_tokens=_modality("IMAGE", raw, "promptTokensDetails", "toolUsePromptTokensDetails"),
            audio_output_tokens=_modality("AUDIO", raw, "candidatesTokensDetails"),
            oddities=odd,
        )
    )


def _broken(raw: dict[str, Any], name: str) -> bool:
    """Whether a count is there and is none."""
    value = raw.get(name)
    return value is not None and (count(value) is None or (count(value) or 0) < 0)


def _output(sent: int, written: int, total: int | None) -> tuple[int, tuple[str, ...]]:
    """All output tokens. Where the vendor's total is larger than its parts, the rest counts as output."""
    if total is None or total == sent + written:
        return written, ()
    if not written and total > sent:
        return total - sent, ()  # the parts of the output were not told
    odd = (f"totalTokenCount {total} is not {sent} + {written}",)
    return (total - sent if total > sent + written else written), odd


def _modality(word: str, raw: dict[str, Any], *places: str) -> int | None:
    """Tokens of one modality; None where the vendor gives no list of them."""
    lists = [raw[place] for place in places if isinstance(raw.get(place), list)]
    if not lists:
        return None
    items = [item for listed in lists for item in listed if isinstance(item, dict)]
    return sum(count(item.get("tokenCount")) or 0 for item in items if item.get("modality") == word)
