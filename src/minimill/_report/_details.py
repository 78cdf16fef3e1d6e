"""The arithmetic of one charge as plain JSON values, for the books and for `minimill explain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minimill._pricing import Bucket, Ceiling, Charge, PriceRow
from minimill._usage import Usage


def details(
    charge: Charge | None,
    usage: Usage | None,
    ceiling: Ceiling | None,
    rates: tuple[str, ...],
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything that is needed to do the sum again: counts, prices, row, conditions and rates.

    `asked` is what the request was like, from which later calls learn what to expect.
    """
    result: dict[str, Any] = {}
    if charge is not None and charge.row is None:
        result["billed"] = charge.money.currency
    elif charge is not None and charge.row is not None:
        result["buckets"] = _buckets(charge.buckets)
        result["row"] = _row(charge.row)
        result["conditions"] = list(charge.conditions)
        result["assumptions"] = list(charge.assumptions)
    if usage is not None and usage.oddities:
        result["oddities"] = list(usage.oddities)
    if usage is not None and usage.units:
        result["units"] = dict(usage.units)
    if ceiling is not None:
        same = charge is not None and charge.row is ceiling.row
        result["ceiling"] = {
            "input_tokens": ceiling.input_tokens,
            "output_tokens": ceiling.output_tokens,
            "buckets": _buckets(ceiling.buckets),
            "row": result["row"] if same else _row(ceiling.row),
            "assumptions": list(ceiling.assumptions),
        }
    if rates:
        result["rates"] = list(rates)
    if asked is not None:
        result["asked"] = dict(asked)
    return result


def _buckets(buckets: Iterable[Bucket]) -> list[dict[str, Any]]:
    return [
        {"name": b.name, "count": b.count, "price": str(b.price), "nanos": b.nanos_text}
        for b in buckets
    ]


def _row(row: PriceRow) -> dict[str, Any]:
    return {
        "currency": row.currency,
        "since": row.since.isoformat(),
        "source": row.source,
        "checked": row.checked.isoformat(),
        "certainty": row.certainty.value,
        "origin": row.origin,
        "free": row.free,
    }
