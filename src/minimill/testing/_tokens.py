"""How the simulator counts tokens: pieces of text, and counters for prompts.

Nothing here knows a vendor's tokenizer; a token is a piece of text of at most six letters, or one CJK
character. Imports the standard library only.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from minimill._values import dataclass

__all__ = [
    "InputCounter",
    "Length",
    "estimate_input",
    "last_user_text",
    "message_texts",
    "one_token_per_byte",
    "pieces",
    "stretch",
]

Body = Mapping[str, Any]
InputCounter = Callable[[Body], int]
"""Takes a request body in the words of Chat Completions, gives the input tokens that the simulated vendor counts."""

_PIECE = re.compile(r"\s*[\u2e80-\uffff]|\s*[^\s\u2e80-\uffff]{1,6}|\s+")
_CONTENT_TEXTS = ("text", "refusal", "thinking", "signature")


def pieces(text: str) -> list[str]:
    """Split a text into the pieces that count as one token each; joined, they are the text again."""
    return _PIECE.findall(text)


def stretch(parts: list[str], tokens: int) -> list[str]:
    """Exactly `tokens` pieces: the first ones of `parts`, begun again as often as needed."""
    if tokens <= len(parts):
        return parts[:tokens]
    again = [" " + parts[0].lstrip(), *parts[1:]] if parts else [" more"]
    missing = tokens - len(parts)
    return parts + (again * (missing // len(again) + 1))[:missing]


@dataclass(frozen=True, slots=True)
class Length:
    """How long an answer is. Made by `fixed`, `fill`, `share` or `beyond`."""

    tokens: int = 0
    """Tokens of the answer, added to `part` of the limit."""
    part: Fraction = Fraction(0)
    """Share of the limit that the request carries in the field that the vendor honours."""
    obeys: bool = True
    """Whether the limit is kept when the length is greater."""

    @classmethod
    def fixed(cls, tokens: int) -> "Length":
        """`tokens` tokens, or as many as the limit allows when that is fewer."""
        return cls(tokens=tokens)

    @classmethod
    def fill(cls) -> "Length":
        """Exactly as many tokens as the limit allows; the vendor's own default limit when none was sent."""
        return cls(part=Fraction(1))

    @classmethod
    def share(cls, part: float | Fraction) -> "Length":
        """This part of the limit (0.2 is a fifth), rounded down, at least one token."""
        return cls(part=Fraction(part).limit_denominator(10**6))

    @classmethod
    def beyond(cls, extra: int) -> "Length":
        """`extra` tokens more than the limit allows: a vendor that overshoots."""
        return cls(tokens=extra, part=Fraction(1), obeys=False)

    def of(self, limit: int) -> int:
        """The number of tokens under a limit of `limit` tokens."""
        wanted = max(1, self.tokens + int(limit * self.part))
        return min(wanted, limit) if self.obeys else wanted


def message_texts(body: Body) -> Iterator[str]:
    """Every text of every message: contents, text parts, earlier reasoning, tool names, arguments and results."""
    yield from _content_texts(body.get("system"))
    for message in body.get("messages", ()):
        yield from _content_texts(message.get("content"))
        for key in ("reasoning_content", "reasoning"):
            if isinstance(message.get(key), str):
                yield message[key]
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            yield str(function.get("name", ""))
            yield str(function.get("arguments", ""))


def _content_texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            for key in _CONTENT_TEXTS:
                if isinstance(part.get(key), str):
                    yield part[key]
            if part.get("type") == "tool_use":
                yield str(part.get("name", ""))
                yield json.dumps(part.get("input"), ensure_ascii=False, separators=(",", ":"))
            elif part.get("type") == "tool_result":
                yield from _content_texts(part.get("content"))


def last_user_text(body: Body) -> str:
    """The text of the last user message; empty when there is none."""
    for message in reversed(body.get("messages", ())):
        if message.get("role") == "user" and not _only_results(message.get("content")):
            return " ".join(_content_texts(message.get("content")))
    return ""


def _only_results(content: Any) -> bool:
    """Whether a message of the user only hands back what tools returned, as the Messages wire has it."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(part.get("type") == "tool_result" for part in content)
    )


def estimate_input(body: Body) -> int:
    """A plausible count: UTF-8 bytes of all message texts divided by four, plus four per message."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in message_texts(body))
    return size // 4 + 4 * len(body.get("messages", ()))


def one_token_per_byte(
    *, per_message: int = 0, per_tool: int = 0, per_request: int = 0, nfkc: bool = False
) -> InputCounter:
    """The dearest count of a byte-level tokenizer: one token for each UTF-8 byte of the message texts.

    Args:
        per_message: Tokens added for each message.
        per_tool: Tokens added for each tool.
        per_request: Tokens added once.
        nfkc: Count a text after NFKC normalisation where that makes it longer.
    """

    def size(text: str) -> int:
        raw = len(text.encode("utf-8", "surrogatepass"))
        if not nfkc or text.isascii():
            return raw
        return max(raw, len(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")))

    def count(body: Body) -> int:
        overhead = per_message * len(body.get("messages", ())) + per_tool * len(body.get("tools") or ())
        return per_request + overhead + sum(map(size, message_texts(body)))

    return count
