"""What a request will probably cost: an estimate for ordering and reports, never for holding money.

It counts in whole tokens from whole millionths of tokens: no float comes near money. What a model's habits
are is learned in `_learned`. It may import `_money`, `_usage`, `_errors` and the rest of this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from minimill._errors import UnpricedModelError
from minimill._money import Money
from minimill._usage import Usage
from minimill._values import dataclass

from ._ceiling import Limits
from ._cost import cost
from ._rows import Bounds, Clock, PriceRow, RequestSize, Situation
from ._select import PriceUnknown

PPM = 1_000_000

# Until settled calls have taught better, a token is four bytes in every script, on the safe side of:
# - Latin: about 4 characters of English a token, by https://help.openai.com/en/articles/4936856 and
#   https://ai.google.dev/gemini-api/docs/tokens; 0.19 to 0.27 tokens a byte measured in English, German, French.
# - Chinese, Japanese, Korean: 0.6 tokens for a Chinese character of three bytes, by
#   https://api-docs.deepseek.com/quick_start/token_usage; 0.19 to 0.30 a byte measured.
# - Others: 0.11 to 0.24 a byte measured in Russian, Arabic, Hindi and Thai; up to 0.46 in Greek, which older
#   vocabularies do not know well.
# Measured on article 1 of the Universal Declaration of Human Rights with the vocabularies o200k_base and Qwen's.
LATIN_PPM = CJK_PPM = OTHER_PPM = 250_000
ANSWER_TOKENS = 500
"""A usual answer, where nothing was learned yet. An assumption: chat answers run to a few hundred tokens."""
THINKING_TOKENS = 1_000
"""Its thinking, where the model thinks. An assumption: vendors publish no figure."""
EFFORT_TOKENS = {"minimal": 125, "low": 500, "medium": THINKING_TOKENS, "high": 2_000, "xhigh": 4_000, "max": 8_000}
"""The same by effort. An assumption: each step doubles it."""
REQUEST_TOKENS = 8
"""What a chat template adds to a request, and …"""
MESSAGE_TOKENS = 4
"""… to each of its messages."""
PART_TOKENS = 1_000
"""A usual picture, file or sound; less where the model's own maximum is lower."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a model counts text, and how much it says; the defaults hold where nothing was learned."""

    latin_ppm: int = LATIN_PPM
    """Millionths of a token for each byte of Latin text."""
    cjk_ppm: int = CJK_PPM
    other_ppm: int = OTHER_PPM
    answer_tokens: int = ANSWER_TOKENS
    """Of one answer, without its thinking."""
    thinking_tokens: int | None = None
    """Of its thinking; None: not learned."""


USUAL = Habits()


def expected_input_tokens(size: RequestSize, bounds: Bounds, habits: Habits = USUAL) -> int:
    """Estimate the input tokens of a request."""
    latin, cjk, other = size.latin_bytes, size.cjk_bytes, size.other_bytes
    if not latin + cjk + other:
        latin = size.text_bytes
    latin += size.tool_bytes + size.schema_bytes
    millionths = latin * habits.latin_ppm + cjk * habits.cjk_ppm + other * habits.other_ppm
    total = -(-millionths // PPM) + REQUEST_TOKENS + MESSAGE_TOKENS * size.messages
    for count, most in (
        (size.images, bounds.image_tokens),
        (size.files, bounds.file_tokens),
        (size.audio, bounds.audio_tokens),
    ):
        total += count * (PART_TOKENS if most is None else min(most, PART_TOKENS))
    return total


def longest_input_tokens(size: RequestSize) -> int:
    """Return what the expected input cannot pass, whatever was learned: no habit takes a byte for more than a token."""
    parts = size.images + size.files + size.audio
    text = size.text_bytes + size.tool_bytes + size.schema_bytes
    return text + REQUEST_TOKENS + MESSAGE_TOKENS * size.messages + PART_TOKENS * parts


def expected_output_tokens(limits: Limits, situation: Situation, habits: Habits = USUAL) -> int:
    """Estimate the output tokens of one answer, thinking included; never more than what may be sent back."""
    thinking = habits.thinking_tokens
    if thinking is None:
        thinking = THINKING_TOKENS if situation.thinking else 0
    if limits.thinking_tokens is not None:
        thinking = min(thinking, limits.thinking_tokens)
    tokens = habits.answer_tokens + thinking
    most = limits.output_tokens
    return tokens if most is None else min(tokens, most + (limits.thinking_tokens or 0))


def expected(
    size: RequestSize,
    rows: Sequence[PriceRow],
    bounds: Bounds,
    limits: Limits,
    situation: Situation,
    clocks: Mapping[str, Clock] | None = None,
    *,
    habits: Habits = USUAL,
    cached_input_tokens: int = 0,
) -> Money:
    """Return what a request will probably cost at the price of `situation.started`.

    Args:
        size: How big it is.
        rows: Every price row of the model.
        bounds: The model's assumptions; only its maxima for pictures, files and sound are used.
        limits: What will be sent to stop it.
        situation: When and how it will be sent.
        clocks: The provider's clocks.
        habits: What was learned of the model.
        cached_input_tokens: How much of the input the vendor probably still has in its cache.

    Raises:
        UnpricedModelError: There is no price; the message says why.
    """
    tokens_in = expected_input_tokens(size, bounds, habits)
    tokens_out = expected_output_tokens(limits, situation, habits)
    usage = Usage(
        tokens_in,
        tokens_out * situation.n,
        cached_input_tokens=min(cached_input_tokens, tokens_in),
        cache_write_tokens=0,
    )
    alike = situation.finished == situation.started
    now = situation if alike else replace(situation, finished=situation.started)
    try:
        return cost(usage, rows, now, clocks=clocks).money
    except PriceUnknown as unknown:
        raise UnpricedModelError(unknown.reason) from None
