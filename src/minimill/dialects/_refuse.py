"""The error for what a vendor cannot be asked. It may import `_errors`."""

from __future__ import annotations

from typing import Any

from minimill._errors import Billed, InvalidRequestError, Then
from minimill.dialects._base import Target


def refuse(
    target: Target, setting: str, value: Any, accepted: str, *, then: Then = Then.NEXT
) -> InvalidRequestError:
    """A setting that this model does not take. Another candidate may take it."""
    text = f"{target.provider}:{target.model} does not take {setting} {value}; it takes {accepted}"
    return InvalidRequestError(
        f"{text}. Nothing was sent", provider=target.provider, model=target.model, billed=Billed.NO, then=then
    )


def forbid(target: Target, text: str) -> InvalidRequestError:
    """A request that is wrong whoever is asked."""
    return InvalidRequestError(
        f"{text}. Nothing was sent",
        provider=target.provider,
        model=target.model,
        billed=Billed.NO,
        then=Then.STOP,
    )
