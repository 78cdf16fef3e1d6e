"""Adding up the books anew, and small things every engine says alike.

It may import `_money`, `_errors` and its neighbours `_base`, `_accounts`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from minimill._errors import LedgerError
from minimill.ledger._accounts import DOUBTED, NEW, OLD, OPEN, SINCE, Account, Attempt, Owed
from minimill.ledger._base import SpendRow


def differences(
    accounts: Iterable[Account], entries: Mapping[int, tuple[int, int, int]], holds: Iterable[Attempt]
) -> list[str]:
    """A sentence for each sum that does not equal its entries (held, settled, unpriced) or its open holds."""
    held: dict[int, int] = {}
    kept: dict[int, int] = {}
    owed: dict[int, dict[str, int]] = {}
    for attempt in holds:
        for line in attempt.lines:
            place = line.account.id
            held[place] = held.get(place, 0) + line.held
            if attempt.state != OPEN:
                kept[place] = kept.get(place, 0) + line.held
            if line.held and attempt.meta is not None and attempt.state in (OPEN, DOUBTED):
                by_provider = owed.setdefault(place, {})
                name = attempt.meta.provider + (OLD if attempt.state == DOUBTED else "")
                by_provider[name] = by_provider.get(name, 0) + line.held
    said = []
    unseen = dict(entries)
    for account in accounts:
        place = account.id
        unseen.pop(place, None)
        sums = entries.get(place, (0, 0, 0))
        name = f"budget {account.budget!r}, account {account.key!r}, window {account.window_id}"
        for what, is_, should in (
            ("held", account.held, sums[0]),
            ("settled", account.settled, sums[1]),
            ("unpriced calls", account.unpriced, sums[2]),
            ("held by open attempts", held.get(place, 0), sums[0]),
            ("unconfirmed", account.kept, kept.get(place, 0)),
            ("in flight", _flights(account.owed), _flights(owed.get(place, {}))),
        ):
            if is_ != should:
                said.append(f"{name}: {what} is {is_}, the entries say {should}")
        for provider in {provider.rstrip(OLD + NEW + SINCE) for provider in account.owed}:
            doubt = Owed(account, provider).doubt  # answers take from it
            if doubt > owed.get(place, {}).get(provider + OLD, 0):
                said.append(f"{name}: {doubt} of {provider} is doubted, more than it holds")
    for place, sums in unseen.items():
        said.append(f"account {place} is missing; its entries say held {sums[0]}, settled {sums[1]}")
    return said


def _flights(owed: Mapping[str, int]) -> dict[str, int]:
    return {provider: nanos for provider, nanos in owed.items() if provider[-1:] not in (OLD, NEW, SINCE)}


def in_range(row: SpendRow, since: dt.datetime | None, until: dt.datetime | None, call_id: str | None) -> bool:
    """Whether a row belongs to a report."""
    started = row.record.started_at
    return (
        (since is None or started >= since)
        and (until is None or started < until)
        and (call_id is None or row.record.meta.call_id == call_id)
    )


def in_order(rows: Iterable[SpendRow], last: int | None) -> list[SpendRow]:
    """Rows in the order in which they started; of them only the `last` ones, if given."""
    ordered = sorted(rows, key=lambda row: (row.record.started_at, row.record.attempt_id))
    return ordered if last is None else ordered[max(len(ordered) - last, 0) :]


def unknown_budget(name: str, known: Iterable[str]) -> LedgerError:
    """The error for a budget that was never declared."""
    names = ", ".join(sorted(known)) or "none"
    return LedgerError(f"the ledger knows no budget {name!r}; it knows: {names}")


def unbooked(problems: list[str]) -> LedgerError:
    """The error `flush` raises for closings that could not be booked."""
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return LedgerError("; ".join(problems[:3]) + more)
