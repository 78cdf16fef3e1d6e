"""Every error minimill raises.

    MinimillError
    ├── ConfigError               nothing was sent
    │   ├── CatalogError          a provider file is wrong
    │   ├── UnknownModelError     no provider sells a model of that name
    │   ├── MissingKeyError       the provider's key variable is not set
    │   └── PluginError           an entry point cannot be used
    ├── BudgetError               nothing was sent
    │   ├── BudgetExceededError   what is left does not cover the ceiling
    │   ├── AboveThresholdError   a budget is used so far that other models serve
    │   ├── UnpricedModelError    no price, or no bound, under a hard cap
    │   └── LedgerError           the books cannot be read or written
    ├── ProviderError             one attempt failed
    │   ├── TransportError        no usable answer: refused, reset, timed out, cut
    │   ├── AuthenticationError, PermissionDeniedError
    │   ├── RateLimitedError, QuotaExhaustedError, OverloadedError, ServerError
    │   ├── InvalidRequestError ← ContextLengthError, ContentFilteredError, ModelNotFoundError
    │   ├── ProtocolError         an answer the dialect cannot read
    │   └── SchemaMismatchError   an answer that does not follow the schema it was asked for
    └── AllAttemptsFailedError    every candidate failed; holds the attempts

It may import nothing of minimill.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Billed(enum.Enum):
    """Whether the vendor bills a failed attempt."""

    NO = "no"
    """Nothing left the machine, or the vendor refused in its own words: the hold is released."""
    UNKNOWN = "unknown"
    """Nobody can tell from here: the hold stays and counts as spent."""
    YES = "yes"
    """Usage was reported, or content arrived: it was billed."""


class Then(enum.Enum):
    """What a route does after a failed attempt."""

    RETRY = "retry"
    """Try the same candidate again, then the next."""
    NEXT = "next"
    """Go on to the next candidate."""
    LONGER_CONTEXT = "longer_context"
    """Go on, but only to candidates with a longer context window."""
    STOP = "stop"
    """Raise: the same request fails everywhere."""


def _rebuild(cls: type[MinimillError], message: str) -> MinimillError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    return error


class MinimillError(Exception):
    """Base of every error raised by minimill.

    Errors raised by a call carry what the call did before it failed. All fields survive pickling.
    """

    attempts: Sequence[Any] = ()
    """The attempts of the call, in order (`minimill.Attempt`); empty when nothing was tried."""
    cost: Any = None
    """What the call cost until it failed (`minimill.Cost`), or None when nothing was tried."""
    call_id: str | None = None
    """Names the call in the books."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """The text of the error, without the name of its class."""
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # The state comes third: attempts hold the error that holds them.
        return _rebuild, (type(self), self.message), self.__dict__


class ConfigError(MinimillError):
    """The configuration is wrong. Nothing was sent."""


class CatalogError(ConfigError):
    """A provider file is wrong. Nothing was sent."""


class UnknownModelError(ConfigError):
    """No provider sells a model of that name. Nothing was sent."""


class MissingKeyError(ConfigError):
    """The provider needs a key and none of its variables is set. Nothing was sent."""


class PluginError(ConfigError):
    """An entry point cannot be loaded, or two claim one name. Nothing was sent."""


class BudgetError(MinimillError):
    """The call may not be paid for. Nothing was sent."""


class BudgetExceededError(BudgetError):
    """What is left of a budget does not cover the ceiling of the call. Nothing was sent.

    Amounts are `minimill.Money` in the budget's currency.
    """

    def __init__(
        self,
        message: str,
        *,
        budget: str | None = None,
        key: str | None = None,
        limit: Any = None,
        settled: Any = None,
        held: Any = None,
        needed: Any = None,
        resets_at: Any = None,
        provider_silent: bool = False,
        provider_answers: bool = False,
    ) -> None:
        super().__init__(message)
        self.budget = budget
        """Name of the budget that refused."""
        self.key = key
        """The account inside the budget (the value of its `by` tag), or None."""
        self.limit = limit
        self.settled = settled
        self.held = held
        self.needed = needed
        self.resets_at = resets_at
        """When the window ends (aware datetime), or None for a total."""
        self.provider_silent = provider_silent
        """True when money is left, but the vendor owes answers for its share of it already."""
        self.provider_answers = provider_answers
        """True when that vendor has been answering lately: its share comes free."""


class AboveThresholdError(BudgetError):
    """A budget is used up to a threshold of its `narrow`, and the model is none that may serve then. Nothing was sent.

    Amounts are `minimill.Money` in the budget's currency.
    """

    def __init__(
        self,
        message: str,
        *,
        budget: str | None = None,
        key: str | None = None,
        limit: Any = None,
        used: Any = None,
        resets_at: Any = None,
    ) -> None:
        super().__init__(message)
        self.budget = budget
        """Name of the budget that refused."""
        self.key = key
        """The account inside the budget (the value of its `by` tag), or None."""
        self.limit = limit
        self.used = used
        """What is settled or unconfirmed."""
        self.resets_at = resets_at
        """When the window ends and every model serves again; None for a total."""


class UnpricedModelError(BudgetError):
    """No price is known, or no bound can be stated, under a hard cap. Nothing was sent."""

    def __init__(self, message: str, *, provider: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model


class LedgerError(BudgetError):
    """The books cannot be read or written.

    Raised before sending: nothing was sent, and a reservation that was under way is withdrawn.
    """


class ProviderError(MinimillError):
    """One attempt failed. Raised alone when the call had no other way to go on."""

    then: ClassVar[Then] = Then.NEXT
    partial: Any = None
    """What had arrived of the answer (`minimill.Answer`) when a stream failed."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        billed: Billed = Billed.UNKNOWN,
        then: Then | None = None,
        usage: Any = None,
        body: str | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.status = status
        """HTTP status, or None when no answer came."""
        self.code = code
        """The vendor's own error code or type."""
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        """Seconds the vendor asks to wait, or None."""
        self.billed = billed
        self.usage = usage
        """`minimill.Usage` when the failed answer still said what it used."""
        self.body = body
        """The start of the vendor's error body, keys removed; for looking at, not in the message."""
        if then is not None:
            self.then = then  # type: ignore[misc]  # an instance may narrow its class's default


class TransportError(ProviderError):
    """No usable answer came: connection refused or reset, a time limit, a stream cut short.

    `kind` says which; whether it was billed depends on whether bytes had left.
    """

    then = Then.RETRY

    def __init__(self, message: str, *, kind: str = "network", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.kind = kind
        """`connect`, `connect_timeout`, `pool_timeout`, `first_token_timeout`, `between_token_timeout`,
        `total_timeout`, `deadline`, `cut`, `too_large`, `protocol` or `network`."""


class AuthenticationError(ProviderError):
    """The vendor does not accept the key. Not billed."""


class PermissionDeniedError(ProviderError):
    """The key may not use this model, region or feature. Not billed."""


class RateLimitedError(ProviderError):
    """Too many requests or tokens at once; it passes. Not billed."""


class QuotaExhaustedError(ProviderError):
    """The vendor's balance, plan or quota is used up; waiting does not help. Not billed."""


class OverloadedError(ProviderError):
    """The vendor is overloaded."""

    then = Then.RETRY


class ServerError(ProviderError):
    """The vendor failed (5xx)."""

    then = Then.RETRY


class InvalidRequestError(ProviderError):
    """The vendor refuses the request as it stands. Not billed."""

    then = Then.STOP


class ContextLengthError(InvalidRequestError):
    """The prompt is longer than the model's context window. Not billed."""

    then = Then.LONGER_CONTEXT


class ContentFilteredError(InvalidRequestError):
    """The vendor's moderation refuses the prompt or the answer."""

    then = Then.STOP


class ModelNotFoundError(InvalidRequestError):
    """The vendor does not know the model, or has not opened it for this account. Not billed."""

    then = Then.NEXT


class ProtocolError(ProviderError):
    """An answer the dialect cannot read. It may have been billed; usage is kept where it was readable."""


class SchemaMismatchError(ProviderError):
    """An answer that departs from the schema, where only the prompt tells it. Billed; `partial` is the answer."""


class AllAttemptsFailedError(MinimillError):
    """Every candidate failed or was left out.

    `errors` holds what each attempt met, in order; `left_out` maps `provider:model` to the reason why a
    candidate was not tried; `cost` says what the failed attempts cost.
    """

    def __init__(
        self,
        message: str,
        *,
        errors: Sequence[MinimillError] = (),
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        self.left_out = dict(left_out or {})
