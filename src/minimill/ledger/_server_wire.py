"""What is asked of a ledger's server, as JSON. Amounts and times are text, so that no number loses a digit.

A closing's text is also what the journal keeps of it. It may import `_money`, `_errors` and its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minimill._money import Money
from minimill.ledger._base import AttemptMeta, AttemptRecord, Claim
from minimill.ledger._books import check_claim, two_keys, unbookable, unclaimed, undeclared
from minimill.ledger._budgets import Budget
from minimill.ledger._closing import Closing, Keep, Release, Settle
from minimill.ledger._rows import meta_text, record_text, to_json
from minimill.ledger._waiting import Request
from minimill.ledger._windows import FOREVER_US, to_us

_EDGE_US = 5_000_000
"""So near to the end or the start of a window the neighbouring one is sent as well: clocks differ."""


def writable(text: str) -> bool:
    """Whether every store can keep this text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _written(text: str) -> str:
    return text if writable(text) else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


# -- closings ------------------------------------------------------------------------------------


def closing_text(closing: Closing, most: int) -> str:
    """A closing as the server takes it. `most`: what the store can count."""
    fields: dict[str, Any] = {"id": _written(closing.attempt_id)}
    record = getattr(closing, "record", None)
    if record is not None:
        fields |= _record_fields(record)
    if isinstance(closing, Settle):
        amounts = {_written(name): str(n) for name, n in closing.amounts.items() if is_count(n, most)}
        fields |= {"op": "settle", "amounts": amounts}
    elif isinstance(closing, Release):
        fields |= {"op": "release"}
    elif isinstance(closing, Keep):
        fields |= {"op": "keep", "ending": closing.ending}
    else:
        raise TypeError(f"no way to close an attempt: {closing!r}")
    return to_json(fields)


def _record_fields(record: AttemptRecord) -> dict[str, Any]:
    return {
        **_who(record.meta),
        "record": record_text(record, None),
        "currency": record.currency,
        "started": str(to_us(record.started_at)),
    }


def _who(meta: AttemptMeta) -> dict[str, Any]:
    return {"provider": _written(meta.provider), "call": _written(meta.call_id), "meta": meta_text(meta)}


def is_count(amount: object, most: int) -> bool:
    """Whether it is a count of nanos that the store can keep."""
    return type(amount) is int and 0 <= amount <= most


def problem_of(closing: Closing, reply: Any, most: int) -> str | None:
    """A sentence about what a settlement could not book; None: there is nothing to say."""
    if not isinstance(closing, Settle) or reply is None:
        return None
    problem = unclaimed(closing.attempt_id, reply["claimed"], closing.amounts, reply["unknown"])
    for budget in reply["claimed"]:
        amount = closing.amounts.get(budget)
        if problem is None and amount is not None and (budget in reply["bad"] or not is_count(amount, most)):
            problem = unbookable(closing.attempt_id, budget, amount)
    return problem


def replay_problem(line: str, reply: Any) -> str | None:
    """The same for a closing of which only its text is left."""
    asked = json.loads(line)
    if asked["op"] != "settle":
        return None
    amounts = {name: int(amount) for name, amount in asked["amounts"].items()}
    return unclaimed(asked["id"], reply["claimed"], amounts, reply["unknown"])


# -- reservations --------------------------------------------------------------------------------


def merged(claims: Iterable[Claim], budgets: Mapping[str, Budget], most: int) -> list[tuple[Budget, str, int | None]]:
    """(budget, key, amount) for each budget. Raises LedgerError or ValueError where it cannot be booked."""
    found: dict[str, tuple[Budget, str, int | None]] = {}
    for claim in claims:
        budget = budgets.get(claim.budget)
        if budget is None:
            raise undeclared(claim.budget)
        amount = check_claim(claim, hard=budget.hard, most=most)
        if "\0" in claim.key:
            raise ValueError(f"a key of budget {claim.budget!r} cannot contain the character NUL: {claim.key!r}")
        _, key, earlier = found.get(claim.budget, (budget, claim.key, 0))
        if key != claim.key:
            raise two_keys(claim.budget, key, claim.key)
        total = None if amount is None or earlier is None else earlier + amount
        if total is not None and total > most:
            raise ValueError(f"the claims on {claim.budget!r} add up to more than the books can count")
        found[claim.budget] = (budget, key, total)
    return list(found.values())


def reserve_text(
    request: Request,
    wanted: Sequence[tuple[Budget, str, int | None]],
    now_us: int,
    lasts_us: int,
    *,
    again: bool,
    monotonic: float,
) -> str:
    """A reservation as the server takes it.

    `now_us`: about what the server's clock shows. `lasts_us`: until it expires, since clocks differ. `monotonic`: what
    its deadlines are compared with.
    """
    if not all(map(writable, (request.attempt_id, request.meta.provider, request.meta.call_id))):
        raise ValueError("the id, call and provider of an attempt are text without NUL and half surrogate pairs")
    return to_json(
        {
            "op": "reserve",
            "id": request.attempt_id,
            **_who(request.meta),
            "lasts": str(lasts_us),
            "came": str(request.came_us),
            "again": again,
            "waits": {
                "money": _is_later(request.deadline_for(silent=False, answering=False), monotonic),
                "silent": _is_later(request.deadline_for(silent=True, answering=False), monotonic),
                "busy": _is_later(request.deadline_for(silent=True, answering=True), monotonic),
            },
            "group": to_json(request.group),
            "claims": [
                [budget.name, key, None if amount is None else str(amount), _windows(budget, now_us)]
                for budget, key, amount in wanted
            ],
        }
    )


def _is_later(deadline: float | None, monotonic: float) -> bool:
    """Whether there is a deadline, and it is still to come."""
    return deadline is not None and deadline > monotonic


def _windows(budget: Budget, now_us: int) -> list[list[str]]:
    now = budget.window(now_us)
    found = [now]
    if now.end_us != FOREVER_US:
        if now.end_us - now_us < _EDGE_US:
            found.append(budget.window(now.end_us))
        if now_us - now.start_us < _EDGE_US:
            found.append(budget.window(now.start_us - 1))
    return [[window.id, str(window.start_us), str(window.end_us)] for window in found]


# -- the rest ------------------------------------------------------------------------------------


def correct_text(attempt_id: str, amounts: Mapping[str, int], charged: Money | None, reason: str) -> str:
    """A correction as the server takes it."""
    return to_json(
        {
            "op": "correct",
            "id": _written(attempt_id),
            "amounts": {_written(name): str(nanos) for name, nanos in amounts.items()},
            "charged": None if charged is None else [str(charged.nanos), charged.currency],
            "reason": _written(reason),
        }
    )


def wait_text(tickets: Mapping[tuple[str, str, str], int]) -> str:
    """That this process's callers wait in these places, since then, and in no others.

    A place is a budget, a key, and the provider whose share is waited for; empty where it is money.
    """
    return to_json({"op": "wait", "tickets": [[*place, str(since)] for place, since in tickets.items()]})


ALIVE = to_json({"op": "alive"})
LABEL = to_json({"op": "label"})
