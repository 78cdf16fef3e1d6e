"""The error for an answer that makes no sense. It may import `_errors`, `_usage` and the helpers beside it."""

from __future__ import annotations

from typing import Any

from minimill._errors import Billed, ProtocolError, ProviderError
from minimill._usage import Usage
from minimill.dialects._base import Target


def unreadable(reason: str, target: Target, usage: Usage | None = None, **fields: Any) -> ProviderError:
    """The error of an answer that makes no sense; it may have been billed."""
    billed = Billed.YES if usage is not None else Billed.UNKNOWN
    text = f"{target.provider} sent an answer that cannot be read: {reason}"
    return ProtocolError(
        text, provider=target.provider, model=target.model, status=200, usage=usage, billed=billed, **fields
    )
