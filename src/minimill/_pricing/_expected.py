"""What a request will probably cost: an estimate for ordering and reports, never for holding money.

Averages measured on mixed text: 5.2 bytes a token in English, 3.8 to 4.6 in Chinese (three bytes a
character), so that a quarter of the ASCII characters and three quarters of the others is on the safe
side. It may import `_money`, `_usage`, `_errors` and the rest of this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil

from minimill._errors import UnpricedModelError
from minimill._money import Money
from minimill._usage import Usage

from ._ceiling import Limits
from ._cost import cost
from ._rows import Bounds, Clock, PriceRow, RequestSize, Situation
from ._select import PriceUnknown

ASCII_CHARS_PER_TOKEN = 4
OTHER_TOKENS_PER_CHAR = Decimal("0.75")
OUTPUT_TOKENS = 500
"""A usual answer, where nothing was learned yet."""
THINKING_OUTPUT_TOKENS = 1_500
"""A usual answer with its thinking."""
_MESSAGE_TOKENS = 4
_REQUEST_TOKENS = 8
_PART_TOKENS = 1_000
"""A usual picture, file or sound; less where the model's own maximum is lower."""


def expected_input_tokens(size: RequestSize, bounds: Bounds, *, tokens_per_byte: float | None = None) -> int:
    """Estimate the input tokens; `tokens_per_byte` is the mean learned for this model, if any."""
    extra_bytes = size.tool_bytes + size.schema_bytes
    if tokens_per_byte is not None:
        text = ceil((size.text_bytes + extra_bytes) * tokens_per_byte)
    else:
        ascii_chars = size.ascii_chars if size.ascii_chars or size.other_chars else size.text_bytes
        other = ceil(size.other_chars * OTHER_TOKENS_PER_CHAR)
        text = (ascii_chars + extra_bytes) // ASCII_CHARS_PER_TOKEN + other
    total = text + _REQUEST_TOKENS + _MESSAGE_TOKENS * size.messages
    for count, most in (
        (size.images, bounds.image_tokens),
        (size.files, bounds.file_tokens),
        (size.audio, bounds.audio_tokens),
    ):
        total += count * (_PART_TOKENS if most is None else min(most, _PART_TOKENS))
    return total


def expected_output_tokens(
    limits: Limits, situation: Situation, *, mean_output_tokens: float | None = None
) -> int:
    """Estimate the output tokens of one answer, thinking included."""
    usual = THINKING_OUTPUT_TOKENS if situation.thinking else OUTPUT_TOKENS
    tokens = usual if mean_output_tokens is None else ceil(mean_output_tokens)
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
    mean_output_tokens: float | None = None,
    tokens_per_byte: float | None = None,
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
        mean_output_tokens: The mean length of this model's answers, thinking included, if learned.
        tokens_per_byte: The mean learned for this model's input.
        cached_input_tokens: How much of the input the vendor probably still has in its cache.

    Raises:
        UnpricedModelError: There is no price; the message says why.
    """
    tokens_in = expected_input_tokens(size, bounds, tokens_per_byte=tokens_per_byte)
    tokens_out = expected_output_tokens(limits, situation, mean_output_tokens=mean_output_tokens)
    usage = Usage(
        tokens_in,
        tokens_out * situation.n,
        cached_input_tokens=min(cached_input_tokens, tokens_in),
        cache_write_tokens=0,
    )
    now = replace(situation, finished=situation.started)
    try:
        return cost(usage, rows, now, clocks=clocks).money
    except PriceUnknown as unknown:
        raise UnpricedModelError(unknown.reason) from None
