"""Averages that settled calls teach: tokens for each byte of a script, and how long answers are.

Whole numbers only, and little memory: a sum that has grown old is halved, so that what is new counts more.
It knows no models and no records. It may import its siblings only.
"""

from __future__ import annotations

from ._expected import CJK_PPM, LATIN_PPM, MESSAGE_TOKENS, OTHER_PPM, PPM, REQUEST_TOKENS

PRIOR_BYTES = 2_000
"""How much text the usual ratio weighs against what was seen."""
PRIOR_CALLS = 5
"""How many calls the usual length weighs."""
SHORTEST_BYTES = 200
"""Of a shorter prompt nobody can tell the text from what the chat template added."""
_MOST_BYTES = 1_000_000
_MOST_CALLS = 64
_USUAL = (LATIN_PPM, CJK_PPM, OTHER_PPM)

Bytes = tuple[int, int, int]
"""Of Latin text, of Chinese, Japanese and Korean, and of other scripts."""


class TextRatio:
    """Millionths of a token for each byte, by script.

    A vendor reports one sum for a prompt in several scripts. It is shared out by what each script was
    expected to take; over prompts of different mixtures that finds each script's own ratio.
    """

    __slots__ = ("_bytes", "_millionths")

    def __init__(self) -> None:
        self._bytes = [0, 0, 0]
        self._millionths = [0, 0, 0]

    def ppm(self) -> tuple[int, int, int]:
        """The ratios of the three scripts, at most one token a byte."""
        latin, cjk, other = (self._of(script) for script in range(3))
        return latin, cjk, other

    def _of(self, script: int) -> int:
        seen = PRIOR_BYTES * _USUAL[script] + self._millionths[script]
        return seen // (PRIOR_BYTES + self._bytes[script])

    def add(self, text: Bytes, messages: int, input_tokens: int) -> None:
        """Learn from a prompt of text alone and the input tokens that were billed for it."""
        size = sum(text)
        if size < SHORTEST_BYTES:
            return
        tokens = input_tokens - REQUEST_TOKENS - MESSAGE_TOKENS * messages
        tokens = min(max(tokens, 1), size)  # a token is at least a byte
        shares = [count * ratio for count, ratio in zip(text, self.ppm(), strict=True)]
        whole = max(sum(shares), 1)
        for script in range(3):
            self._bytes[script] += text[script]
            self._millionths[script] += min(tokens * PPM * shares[script] // whole, text[script] * PPM)
            if self._bytes[script] > _MOST_BYTES:
                self._bytes[script] //= 2
                self._millionths[script] //= 2


class Length:
    """The mean of a number of tokens, drawn towards what is usual while few calls were seen."""

    __slots__ = ("_calls", "_tokens")

    def __init__(self) -> None:
        self._calls = 0
        self._tokens = 0

    def mean(self, usual: int) -> int:
        """The mean, rounded up."""
        return -(-(PRIOR_CALLS * usual + self._tokens) // (PRIOR_CALLS + self._calls))

    def add(self, tokens: int, calls: int = 1) -> None:
        """Learn from `calls` answers that had so many tokens together."""
        self._calls += calls
        self._tokens += tokens
        while self._calls > _MOST_CALLS:
            self._calls //= 2
            self._tokens //= 2
