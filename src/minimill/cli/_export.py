"""Spend as lines for other programs. Amounts are exact decimal text in units of their currency; unknown is empty.

It may import `_report`, `ledger` and click.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, TextIO

from minimill._report import SpendGroup, Tokens, certainty_of, charge_of
from minimill.ledger import SpendRow


class Exported(NamedTuple):
    """Lines of equal fields."""

    fields: Sequence[str]
    lines: Sequence[Mapping[str, Any]]


_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
_GROUP = (
    "currency", "calls", "attempts", *_COUNTS, "charged", "held", "estimated", "corrected",
    *(f"unknown_{name}" for name in _COUNTS), "unknown_charged",
)  # fmt: skip
_ATTEMPT = (
    "attempt_id", "call_id", "provider", "model", "app", "route", "tags", "started_at", "finished_at",
    "status", "certainty", "currency", "reserved", "charged", "corrected", "input_tokens", "cached_input_tokens",
    "cache_write_tokens", "output_tokens", "reasoning_tokens", "first_token_s", "finish_reason", "request_id",
    "http_status",
)  # fmt: skip


def group_table(groups: Sequence[SpendGroup], by: Sequence[str]) -> Exported:
    """One line a group and currency; `unknown_…` count the attempts that did not say."""
    return Exported((*by, *_GROUP), [_group_line(group, by) for group in groups])


def _group_line(group: SpendGroup, by: Sequence[str]) -> dict[str, Any]:
    counts: dict[str, Tokens] = {name: getattr(group, name) for name in _COUNTS}
    amounts = {name: units(getattr(group, f"{name}_nanos")) for name in ("held", "estimated", "corrected")}
    return {
        **dict(zip(by, group.keys, strict=True)),
        "currency": group.currency,
        "calls": group.calls,
        "attempts": group.attempts,
        **{name: tokens.known if tokens.told else None for name, tokens in counts.items()},
        "charged": units(None if group.unpriced == group.attempts else group.charged_nanos),
        **amounts,
        **{f"unknown_{name}": tokens.unknown for name, tokens in counts.items()},
        "unknown_charged": group.unpriced,
    }


def attempt_table(rows: Sequence[SpendRow]) -> Exported:
    """One line an attempt, with all that the books know apart from the arithmetic."""
    return Exported(_ATTEMPT, [_attempt_line(row) for row in rows])


def _attempt_line(row: SpendRow) -> dict[str, Any]:
    record, meta = row.record, row.record.meta
    charged = charge_of(row)
    line = {name: getattr(record, name, None) for name in _ATTEMPT}
    line |= {name: getattr(meta, name) for name in ("call_id", "provider", "model", "app", "route")}
    line |= {
        "tags": dict(meta.tags),
        "started_at": record.started_at.isoformat(),
        "finished_at": record.finished_at.isoformat(),
        "certainty": certainty_of(row),
        "reserved": units(record.reserved_nanos),
        "charged": units(0 if record.certainty == "released" else None) if charged is None else units(charged.nanos),
        "corrected": units(row.corrected_nanos),
    }
    return line


def units(nanos: int | None) -> str | None:
    """Nanos as exact decimal text in units."""
    return None if nanos is None else format(Decimal(nanos).scaleb(-9).normalize(), "f")


def write_jsonl(exported: Exported, path: str) -> None:
    """One JSON object a line."""
    with _opened(path) as file:
        for line in exported.lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def write_csv(exported: Exported, path: str) -> None:
    """Comma-separated values under a line of headings; a mapping is written as JSON."""
    import csv

    with _opened(path) as file:
        writer = csv.DictWriter(file, exported.fields, lineterminator="\n")
        writer.writeheader()
        for line in exported.lines:
            writer.writerow(
                {k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict) else v for k, v in line.items()}
            )


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == "-":
        yield sys.stdout
        return
    with open(path, "w", encoding="utf-8", newline="") as file:
        yield file
