"""Takes keys and account ids out of what vendors write. May import nothing of minimill."""

from __future__ import annotations

import re

_STARS = "***"
_BEARER = re.compile(r"\b(bearer)\s+\S+", re.IGNORECASE)
_TOKEN = re.compile(r"[\w.\-+/=*]{8,}", re.ASCII)
"""Runs in which a key may hide. Each is looked at by itself, so that the time grows with the length only."""
_PREFIX = re.compile(
    r"(?:^|[=/+])(sk|pk|rk|gsk|xai|ak|tgp|hf|nvapi|csk|pplx|fw|api|key|org|proj|acct)[-_]([\w.\-*]{8,})",
    re.ASCII,
)
_GOOGLE = re.compile(r"(?:^|[=/+])(?:AIza|AQ\.)[\w\-]{8}", re.ASCII)
_SEPARATORS = re.compile(r"[-./=+]")


def redact(text: str, limit: int) -> str:
    """`text` without what looks like a key or an organisation, cut to `limit` characters."""
    if len(text) > limit * 4:  # not inside a word, so that no half of a key stays
        text = text[: limit * 4].rpartition(" ")[0]
    text = _TOKEN.sub(_hidden, _BEARER.sub(rf"\1 {_STARS}", text))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _hidden(found: re.Match[str]) -> str:
    """Model names, codes and addresses have short pieces of one kind; keys have a long, mixed one."""
    token = found[0]
    if "**" in token or token.startswith("bce-v3/") or _GOOGLE.search(token) or _is_named(token):
        return _STARS
    return _STARS if any(map(_is_mixed, _SEPARATORS.split(token))) else token


def _is_named(token: str) -> bool:
    """Whether it begins like a key or an organisation, and goes on like neither a word nor a list of words."""
    named = _PREFIX.search(token)
    if named is None:
        return False
    prefix, rest = named[1], named[2].rstrip(".")
    words = rest.replace("_", "").replace("-", "")
    if not words.isalpha():
        return True
    return words == rest and (prefix in ("sk", "ak", "org", "proj") or not words.islower())


def _is_mixed(piece: str) -> bool:
    return len(piece) >= 16 and any(c.isdigit() for c in piece) and any(c.isalpha() for c in piece)
