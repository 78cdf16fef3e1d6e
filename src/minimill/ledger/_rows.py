"""Objects of the books as rows and text, and back.

No statements, no rules. It may import pydantic-core, `_money`, `_errors` and its neighbours `_base`, `_accounts`,
`_budgets`, `_windows`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

import pydantic_core

from minimill._money import Money
from minimill.ledger._accounts import Account, Attempt, Line
from minimill.ledger._base import AttemptMeta, AttemptRecord, BudgetDefinition
from minimill.ledger._budgets import Budget
from minimill.ledger._windows import from_us, to_us


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


_dump = pydantic_core.to_json
_dump_any = json.JSONEncoder(separators=(",", ":"), default=_plain).encode
_OWN_FIELDS = ("attempt_id", "meta", "started_at", "finished_at", "details")
_RECORD_FIELDS = tuple(f.name for f in fields(AttemptRecord) if f.name not in _OWN_FIELDS)
_record_values = attrgetter(*_RECORD_FIELDS)

ACCOUNT_COLUMNS = "id, budget, key, window, settled, held, kept, unpriced, owed"
ATTEMPT_COLUMNS = "id, state, reserved_us, expires_us, meta, lines, record, charged"
PROVIDER_COLUMNS = "name, answered_us, silent_us, doubted_us, probes"
BUDGET_COLUMNS = "id, name, currency, window, zone, scope, by, limit_nanos, hard, share_ppm, seen"


def _encode(value: object) -> str:
    """ASCII alone, so that a database of any encoding takes it. What is no plain text takes four times as long."""
    try:
        text = _dump(value, fallback=_plain)
    except ValueError:  # half a surrogate pair, or what holds itself
        return _dump_any(value)
    return text.decode("ascii") if text.isascii() else _dump_any(value)


def to_json(value: object) -> str:
    """Compact ASCII text; what JSON does not know is written as pydantic or `str` writes it, a mapping as an object."""
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, or a structure that holds itself
        return _encode(str(value))


# -- budgets and accounts ------------------------------------------------------------------------


def budget_row(budget: Budget) -> tuple[Any, ...]:
    """The columns of `BUDGET_COLUMNS`."""
    d = budget.definition
    scope = to_json(dict(d.scope))
    return (
        budget.id, d.name, d.currency, d.window, d.zone, scope, d.by,
        d.limit_nanos, int(d.hard), d.unconfirmed_share_ppm, to_json(list(budget.seen)),
    )  # fmt: skip


def budget_of(row: tuple[Any, ...]) -> Budget:
    """A budget from `BUDGET_COLUMNS`."""
    id_, name, currency, window, zone, scope, by, limit, hard, share, seen = row
    definition = BudgetDefinition(name, limit, currency, window, zone, json.loads(scope), by, bool(hard), share)
    return Budget(id_, definition, tuple(json.loads(seen)))


def account_of(row: tuple[Any, ...]) -> Account:
    """An account from `ACCOUNT_COLUMNS`."""
    id_, budget, key, window, settled, held, kept, unpriced, owed = row
    return Account(id_, budget, key, window, settled, held, kept, unpriced, _owed_of(owed))


def account_row(a: Account) -> tuple[Any, ...]:
    """The columns of `ACCOUNT_COLUMNS`."""
    return (a.id, a.budget, a.key, a.window_id, a.settled, a.held, a.kept, a.unpriced, _owed_text(a.owed))


def account_sums(a: Account) -> tuple[Any, ...]:
    """The columns that change, and the id."""
    return (a.settled, a.held, a.kept, a.unpriced, _owed_text(a.owed), a.id)


def _owed_text(owed: Mapping[str, int]) -> str:
    return to_json(owed) if owed else ""


def _owed_of(text: str) -> dict[str, int]:
    return json.loads(text) if text else {}


# -- attempts ------------------------------------------------------------------------------------


class Place:
    """Where an attempt is stored."""

    __slots__ = ("meta_text", "process", "seq")

    def __init__(self, seq: int | None, meta_text: str | None, process: str) -> None:
        self.seq = seq
        """Its row among the closed; None: among the open."""
        self.meta_text = meta_text
        self.process = process
        """Who opened it; empty once it is closed."""


def attempt_row(attempt: Attempt) -> tuple[Any, ...]:
    """The columns of `ATTEMPT_COLUMNS`."""
    place = attempt.place
    if isinstance(place, Place):
        who = place.meta_text
    else:
        who = None if attempt.meta is None else meta_text(attempt.meta)
    return (
        attempt.id,
        attempt.state,
        attempt.reserved_us,
        attempt.expires_us,
        who,
        _lines_text(attempt.lines),
        None if attempt.record is None else record_text(attempt.record, attempt.meta),
        None if attempt.charged is None else to_json([attempt.charged.nanos, attempt.charged.currency]),
    )


def attempt_of(row: tuple[Any, ...], account: Callable[[int], Account], seq: int | None, process: str) -> Attempt:
    """An attempt from `ATTEMPT_COLUMNS`; `seq`: its row among the closed; `process`: who opened it."""
    id_, state, reserved_us, expires_us, who, lines_text, told, charged_text = row
    meta = None if who is None else _meta_of(json.loads(who))
    record = None if told is None else _record_of(id_, json.loads(told), meta)
    lines = [
        Line(account(number), reserved, held, booked, bool(flags & 1), bool(flags & 2))
        for number, reserved, held, booked, flags in json.loads(lines_text)
    ]
    charged = None if charged_text is None else Money(*json.loads(charged_text))
    return Attempt(id_, state, meta, lines, reserved_us, expires_us, record, charged, Place(seq, who, process))


def account_ids(lines_text: str) -> list[int]:
    """The accounts that an attempt's lines name."""
    return [line[0] for line in json.loads(lines_text)]


def started_us(attempt: Attempt) -> int:
    """What reports sort an attempt by."""
    return attempt.reserved_us if attempt.record is None else to_us(attempt.record.started_at)


def _lines_text(lines: list[Line]) -> str:
    return f"[{','.join([_line_text(line) for line in lines])}]"


def _line_text(n: Line) -> str:
    reserved = "null" if n.reserved is None else n.reserved
    return f"[{n.account.id},{reserved},{n.held},{n.booked},{n.unpriced + 2 * n.corrected}]"


def meta_text(meta: AttemptMeta) -> str:
    """Who asks, as JSON."""
    return to_json(_meta_list(meta))


def _meta_list(meta: AttemptMeta) -> list[Any]:
    return [meta.call_id, meta.provider, meta.model, meta.app, meta.route, dict(meta.tags)]


def _meta_of(found: list[Any]) -> AttemptMeta:
    return AttemptMeta(*found)


def record_text(record: AttemptRecord, meta: AttemptMeta | None) -> str:
    """A record as JSON; `meta`: what is stored beside it and need not be repeated."""
    values = zip(_RECORD_FIELDS, _record_values(record), strict=True)
    found: dict[str, Any] = {name: value for name, value in values if value is not None}
    found["started_us"], found["finished_us"] = to_us(record.started_at), to_us(record.finished_at)
    if record.details:
        found["details"] = record.details
    if record.meta is not meta and record.meta != meta:
        found["meta"] = _meta_list(record.meta)
    try:
        return _encode(found)
    except (TypeError, ValueError, RecursionError):
        found["details"] = {"unreadable": str(record.details)}
        return to_json(found)


def _record_of(attempt_id: str, found: dict[str, Any], meta: AttemptMeta | None) -> AttemptRecord:
    started, finished = from_us(found.pop("started_us")), from_us(found.pop("finished_us"))
    own = found.pop("meta", None)
    meta = _meta_of(own) if own is not None else meta or AttemptMeta("", "", "")
    return AttemptRecord(attempt_id, meta, started, finished, **found)
