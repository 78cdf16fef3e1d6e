"""The key that was sent is taken out of whatever the vendor says back; what is wrong with it is said.

Keys of known shapes are hidden where errors are read; a key of one's own choosing looks like any other word.
"""

from __future__ import annotations

from collections.abc import Sequence

from minimill._errors import AuthenticationError, ProviderError
from minimill.catalog import Provider

STARS = "***"
_SHORTEST = 4
"""Shorter ones are no secrets, and hiding them would hide half of the words."""
_FIELDS = ("code", "body", "request_id")


def without(text: str | None, secrets: Sequence[str]) -> str | None:
    """The text with each secret as stars."""
    for secret in secrets:
        if text and len(secret) >= _SHORTEST:
            text = text.replace(secret, STARS)
    return text


def tell_key(error: ProviderError, provider: Provider, secrets: Sequence[str]) -> None:
    """Say why a key was refused, where its beginning shows it."""
    hints = (provider.key_hint(secret) for secret in secrets)
    if isinstance(error, AuthenticationError) and (hint := next(filter(None, hints), None)):
        error.args = (f"{error.message}; {hint}", *error.args[1:])


def hide(error: ProviderError, secrets: Sequence[str]) -> None:
    """Take secrets out of every text of an error."""
    message = without(error.message, secrets)
    if message != error.message:
        error.args = (message, *error.args[1:])
    for name in _FIELDS:
        setattr(error, name, without(getattr(error, name), secrets))
