"""What a call came to: the answer, what was tried for it, and what each try cost.

It may import `_chat`, `_pricing`, `_money`, `_usage` and `_errors`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar

from minimill._chat import Answer, Choice, FinishReason, Message, TokenLogprob, ToolCall, unfenced
from minimill._errors import ProviderError
from minimill._money import Money
from minimill._usage import Usage
from minimill._values import dataclass

if TYPE_CHECKING:
    from minimill._pricing import Charge

M = TypeVar("M")
CERTAINTIES = ("exact", "estimated", "held", "released", "unpriced")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one vendor."""

    id: str
    """Names the attempt in the books."""
    provider: str
    model: str
    started_at: dt.datetime
    total_s: float
    """Seconds from the first step to the last byte."""
    first_token_s: float | None
    """Seconds until the answer began; None if it never did."""
    usage: Usage | None
    """None: the vendor did not say."""
    reserved: Money | None
    """The ceiling that was set aside, in the vendor's currency; None: it had no price or no bound."""
    charged: Money | None
    """What counts as spent; the hold while nothing better is known; None: unknown."""
    certainty: str
    """`exact`: computed from reported usage, or the vendor's own bill. `estimated`: some part took the dearer
    reading. `held`: the outcome is unknown and the whole hold counts. `released`: nothing was billed.
    `unpriced`: no price."""
    error: ProviderError | None = None
    """Why it failed; None for the attempt that answered, and for one that the caller left."""
    charge: Charge | None = None
    """The arithmetic, bucket by bucket; None where nothing was computed."""
    rates: tuple[str, ...] = ()
    """Exchange rates used to debit budgets in other currencies, in words."""
    request_id: str | None = None
    dropped: tuple[str, ...] = ()
    """Settings of the call that were left out: without effect at this model, or refused by it where
    `drop_refused` lets them go."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost, attempt by attempt. Prints as a table."""

    attempts: tuple[Attempt, ...]

    @property
    def totals(self) -> tuple[Money, ...]:
        """What counts as spent, one amount for each currency, in order of first use."""
        sums: dict[str, Money] = {}
        for attempt in self.attempts:
            if attempt.charged is not None:
                before = sums.get(attempt.charged.currency, Money.zero(attempt.charged.currency))
                sums[attempt.charged.currency] = before + attempt.charged
        return tuple(total for total in sums.values() if total) or tuple(sums.values())[:1]

    @property
    def total(self) -> Money | None:
        """The sum, where all of it is known and in one currency; None otherwise."""
        totals = self.totals
        return totals[0] if len(totals) == 1 and self.certainty != "unpriced" else None

    @property
    def certainty(self) -> str:
        """The weakest certainty among the attempts that count."""
        found = {attempt.certainty for attempt in self.attempts}
        return next((word for word in ("unpriced", "held", "estimated") if word in found), "exact")

    def __str__(self) -> str:
        lines = [line for number, attempt in enumerate(self.attempts, 1) for line in _lines(number, attempt)]
        totals = " + ".join(str(total) for total in self.totals) or "nothing known"
        return "\n".join([*lines, f"total {totals} ({self.certainty})"])


def _lines(number: int, attempt: Attempt) -> list[str]:
    charged = "unknown" if attempt.charged is None else str(attempt.charged)
    head = f"{number}. {attempt.provider}:{attempt.model}  {charged} ({attempt.certainty})"
    if attempt.error is not None:
        head += f"  {type(attempt.error).__name__}"
    if attempt.certainty in ("held", "released") and attempt.reserved is not None:
        head += f"  reserved {attempt.reserved}"
    body = [] if attempt.charge is None else attempt.charge.lines()
    return [head, *(f"   {line}" for line in (*body, *(f"rate {rate}" for rate in attempt.rates)))]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call, and its bill."""

    answer: Answer
    provider: str
    model: str
    """The model that was asked, by the vendor's id; `answer.model` is what the vendor says it used."""
    attempts: tuple[Attempt, ...]
    """Every try in order; the last one answered."""
    call_id: str
    """Names the call in the books."""
    request_id: str | None = None
    """The vendor's id of the exchange, for its support desk."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The `n` answers."""
        return self.answer.choices

    @property
    def message(self) -> Message:
        """The first answer as a message: append it to the conversation for the next turn."""
        return self.answer.choices[0].message

    @property
    def text(self) -> str:
        """The text of the first answer."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """The visible thinking of the first answer; may be empty though tokens were billed for it."""
        return self.message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Functions that the first answer asks to run."""
        return self.message.tool_calls

    @property
    def finish_reason(self) -> FinishReason:
        return self.answer.choices[0].finish_reason

    @property
    def finish_reason_raw(self) -> str | None:
        """The vendor's own word."""
        return self.answer.choices[0].finish_reason_raw

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...] | None:
        """How likely each token of the first answer was; None: nobody asked, or the vendor sent nothing."""
        return self.answer.choices[0].logprobs

    @property
    def usage(self) -> Usage | None:
        """What the answer used; None: the vendor did not say."""
        return self.answer.usage

    @property
    def cost(self) -> Cost:
        """What the call cost, failed attempts included."""
        return Cost(self.attempts)

    @property
    def raw(self) -> Mapping[str, Any] | None:
        """The body as the vendor sent it; of a stream, its chunk with the usage."""
        return self.answer.raw

    def json(self) -> Any:
        """The text read as JSON, also where all of it is one Markdown block of it. Raises ValueError if it is none."""
        return json.loads(unfenced(self.text))

    def parse(self, model: type[M]) -> M:
        """The text read as `json` does, into a pydantic model. Raises pydantic.ValidationError if it does not fit."""
        from pydantic import TypeAdapter

        return TypeAdapter(model).validate_json(unfenced(self.text))
