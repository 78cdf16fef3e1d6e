"""The arithmetic of one charge as plain JSON values, for the books and for `minimill explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minimill._pricing import Bucket, Ceiling, Charge, PriceRow
from minimill._usage import Usage


class Details(Mapping[str, Any]):
    """Everything that is needed to do the sum again: counts, prices, row, conditions and rates.

    Put into words when somebody first looks. `asked` is what the request was like, from which later calls learn
    what to expect.
    """

    __slots__ = ("_made", "asked", "ceiling", "charge", "rates", "usage")

    def __init__(
        self,
        charge: Charge | None,
        usage: Usage | None,
        ceiling: Ceiling | None,
        rates: tuple[str, ...],
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self.charge = charge
        self.usage = usage
        self.ceiling = ceiling
        self.rates = rates
        self.asked = asked
        self._made: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        if self._made is None:
            self._made = _told(self.charge, self.usage, self.ceiling, self.rates, self.asked)
        return self._made

    def __getitem__(self, key: str) -> Any:
        if key == "asked" and self.asked is not None:
            return self.asked  # every call learns from it: that is no reason to do the rest
        return self.told()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.told())

    def __len__(self) -> int:
        return len(self.told())

    def __repr__(self) -> str:
        return repr(self.told())


def _told(
    charge: Charge | None,
    usage: Usage | None,
    ceiling: Ceiling | None,
    rates: tuple[str, ...],
    asked: Mapping[str, Any] | None,
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if charge is not None and charge.row is None:
        result["billed"] = charge.money.currency
    elif charge is not None and charge.row is not None:
        result["buckets"] = _buckets(charge.buckets)
        result["row"] = _row(charge.row)
        result["conditions"] = list(charge.conditions)
        result["assumptions"] = list(charge.assumptions)
        if charge.own_clocks:
            result["own_clocks"] = list(charge.own_clocks)
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
        if ceiling.own_clocks:
            result["ceiling"]["own_clocks"] = list(ceiling.own_clocks)
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
        **({"regions": sorted(row.regions)} if row.regions else {}),
        "free": row.free,
    }
