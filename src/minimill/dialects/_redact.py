"""Takes keys and account ids out of what vendors write. May import nothing of minimill."""

from __future__ import annotations

import re

_STARS = "***"
_NAMED = re.compile(
    r"(?i:\bbearer\s+)\S+"
    r"|\b(?:sk|pk|rk|gsk|xai|ak|tgp|hf|nvapi|csk|pplx|fw|api|key|org|proj|acct)[-_][\w*.\-]{8,}"
    r"|\bbce-v3/[^\s\"',;]+"
    r"|[\w.\-]*\*{2,}[\w*.\-]*"
)
_LONG = re.compile(r"[\w.\-+/=]{20,}", re.ASCII)
_PIECE = re.compile(r"[-./]")


def redact(text: str, limit: int) -> str:
    """`text` without what looks like a key or an organisation, cut to `limit` characters."""
    if len(text) > limit * 4:  # not inside a word, so that no half of a key stays
        text = text[: limit * 4].rpartition(" ")[0]
    text = _LONG.sub(_hide_key, _NAMED.sub(_hide_named, text))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _hide_named(found: re.Match[str]) -> str:
    words = found[0]
    if words[:6].lower() == "bearer":
        return f"{words[:6]} {_STARS}"
    plain = words.replace("-", "").replace("_", "").isalpha()
    named = words.startswith(("org", "proj", "acct", "sk", "ak")) and "_" not in words[4:]
    return words if plain and not named else _STARS


def _hide_key(found: re.Match[str]) -> str:
    """Model names and addresses have short pieces; keys have a long one of letters and digits."""
    hidden = any(_is_key(piece) for piece in _PIECE.split(found[0]))
    return _STARS if hidden else found[0]


def _is_key(piece: str) -> bool:
    return len(piece) >= 16 and any(c.isdigit() for c in piece) and any(c.isalpha() for c in piece)
