"""What an answer cost: usage × the row that applies, bucket by bucket, rounded up once.

No limits and no guesses about requests; those are `_ceiling`. It may import `_money`, `_usage` and
the rest of this package.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from minimill._money import Money
from minimill._usage import Usage, nested
from minimill._values import dataclass

from ._allot import (
    CLOSED,
    dearest_groups,
    dearest_matrix,
    doubts,
    fate_counts,
    kind_counts,
    spread,
    unknowns,
)
from ._clock import is_running
from ._rows import Clock, PriceRow, Situation
from ._select import PriceUnknown, find_rows, one_currency, rows_at
from ._sheet import FINE, FINE_DIGITS, Cell, Schedule, Sheet, schedule


@dataclass(frozen=True, slots=True)
class Bucket:
    """One line of a bill."""

    name: str
    """`input`, `cached_input`, `cache_write`, `output`, `request`, `unit:web_search`, …"""
    count: int
    """Tokens; pieces for `request` and `unit:…`."""
    price: Decimal
    """Per million tokens; for fees per piece. In units of the row's currency."""
    fine: int = field(repr=False)
    """What the line comes to, exact: in 10⁻¹⁵ nanos."""

    @property
    def nanos(self) -> Decimal:
        """What the line comes to, exact: not rounded."""
        return Decimal(self.nanos_text)

    @property
    def nanos_text(self) -> str:
        """The same in digits."""
        return f"{self.fine // FINE}.{self.fine % FINE:0{FINE_DIGITS}}"

    @property
    def is_fee(self) -> bool:
        """Whether pieces are counted, not tokens."""
        return self.name == "request" or self.name.startswith("unit:")


Item = tuple[str, int, Decimal, int]
"""A bucket's fields. Every call makes some that nobody looks at: these are cheap, also for the garbage collector."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What an answer cost, and how that was worked out."""

    money: Money
    """The sum of the buckets, rounded up once to a whole nano."""
    items: tuple[Item, ...] = field(repr=False)
    """What `buckets` is made of."""
    row: PriceRow | None
    """The price row that was used; None: the vendor's own bill was taken."""
    conditions: tuple[str, ...] = ()
    """The tiers that applied, in words: `input > 32,000`, `peak hours`."""
    exact: bool = True
    """False where something that decides the price is unknown and the dearer reading was taken."""
    assumptions: tuple[str, ...] = ()
    """What those readings were; empty when exact."""
    own_clocks: tuple[str, ...] = ()
    """Clocks of the user's own that the row goes by, and the file of each: `peak from minimill.toml`."""

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """What was counted; lines of nothing are left out, and a free row or the vendor's own bill has none."""
        return tuple(Bucket(*item) for item in self.items)

    def lines(self) -> list[str]:
        """The arithmetic as text: one line a bucket, then conditions, source and assumptions."""
        return _lines(self)


def cost(
    usage: Usage, rows: Sequence[PriceRow], situation: Situation, *, clocks: Mapping[str, Clock] | None = None
) -> Charge:
    """Return what `usage` cost. Whatever is unknown takes the dearer reading and is named in `assumptions`.

    Args:
        usage: What the vendor reported.
        rows: Every price row of the model.
        situation: When the answer was made, and with what. `service_tier` is the one the answer
            names; where it names none, the one that was asked for.
        clocks: The provider's clocks, by the names that tiers use.

    Raises:
        PriceUnknown: No row is in force, or the row has no price for something that was used. The
            cost is then unknown, which is not zero.
    """
    usage = _consistent(usage)
    readings = _readings(usage, rows, situation, clocks or {})
    priced = [_price(reading, usage, situation) for reading in readings]
    fines = [one.fine for one in priced]
    best = fines.index(max(fines))
    chosen = priced[best]
    doubts = _doubts(best, readings, priced) if len(priced) > 1 else ()
    assumptions = (*usage.oddities, *doubts, *chosen.assumptions)
    row = readings[best].plan.row
    return Charge(
        money=whole_nanos(chosen.fine, row.currency),
        items=items_of(chosen.items),
        row=row,
        conditions=() if row.free else readings[best].sheet.conditions,
        exact=row.free or not assumptions,
        assumptions=() if row.free else assumptions,
        own_clocks=own_clocks(row, clocks or {}),
    )


def own_clocks(row: PriceRow, clocks: Mapping[str, Clock]) -> tuple[str, ...]:
    """Name the clocks by which a row goes and that are not as the provider's file says."""
    named = schedule(row).clocks
    if not named:
        return ()
    found = [(name, clocks[name].origin) for name in named if name in clocks]
    return tuple(f"{name} from {origin}" for name, origin in found if origin != "catalog")


def as_billed(money: Money, computed: Charge | None) -> Charge:
    """The charge for what the vendor itself says that it billed.

    A bill of nothing is not believed where a price row comes to something: the row's charge stands, as an
    estimate.

    Args:
        money: The bill.
        computed: What the price rows come to; None: they do not tell.
    """
    if money or computed is None or not computed.money:
        return Charge(money, (), None)
    doubt = "the vendor billed nothing, by its answer: what the price row comes to"
    return replace(computed, exact=False, assumptions=(*computed.assumptions, doubt))


def items_of(counts: Iterable[tuple[Cell, int]]) -> tuple[Item, ...]:
    """Make the lines of so many tokens or pieces at each price; those of nothing are left out."""
    return tuple([(cell.name, count, cell.price, cell.fine * count) for cell, count in counts if count])


def _consistent(usage: Usage) -> Usage:
    """Nest the parts; what was written for long was written, and sound and pictures share the input."""
    if usage.cache_write_tokens is None and usage.cache_write_long_tokens is not None:
        usage = replace(usage, cache_write_tokens=usage.cache_write_long_tokens)
    usage = nested(usage)
    audio, image = usage.audio_input_tokens or 0, usage.image_input_tokens or 0
    if audio + image <= usage.input_tokens:
        return usage
    odd = f"audio_input_tokens {audio} and image_input_tokens {image} exceed {usage.input_tokens} together"
    return replace(usage, image_input_tokens=usage.input_tokens - audio, oddities=(*usage.oddities, odd))


class _Reading(NamedTuple):
    """One way to understand what is not known."""

    plan: Schedule
    sheet: Sheet
    when: str
    thinking: bool
    running: Mapping[str, bool]


_ONE_WAY = ((False, MappingProxyType[str, bool]({})),)
"""How an answer can be understood whose price depends neither on thinking nor on a clock."""


class _Priced(NamedTuple):
    fine: int
    items: list[tuple[Cell, int]]
    assumptions: list[str]


def _readings(
    usage: Usage, rows: Sequence[PriceRow], situation: Situation, clocks: Mapping[str, Clock]
) -> list[_Reading]:
    readings: list[_Reading] = []
    moments = _moments(rows, situation)
    if len(moments) > 1:
        one_currency(row for row, _, _ in moments)
    for row, instant, when in moments:
        plan = schedule(row)
        service = situation.service_tier
        if service not in plan.service_tiers and not row.free:
            raise PriceUnknown(
                f"the answer came on service tier {service!r}, for which its price row has no price"
            )
        ways: Iterable[tuple[bool, Mapping[str, bool]]] = _ONE_WAY
        if plan.thinks or plan.clocks:
            ways = product(_thinking(plan, usage, situation), _running(plan.clocks, clocks, instant))
        for thinking, running in ways:
            bits = 0
            if plan.tiers:
                bits = plan.holding(usage.input_tokens, usage.output_tokens, thinking, service, running)
            sheet = plan.sheet(bits, situation.explicit_cache)
            if not readings or not any(sheet is known.sheet for known in readings):
                readings.append(_Reading(plan, sheet, when, thinking, running))
    return readings


def _moments(rows: Sequence[PriceRow], situation: Situation) -> list[tuple[PriceRow, dt.datetime, str]]:
    """The rows that may decide, each with the instant that picks it and its clock."""
    started, finished, region = situation.started, situation.finished, situation.region
    begun = find_rows(rows, started, region)
    ended = begun if finished == started else find_rows(rows, finished, region)
    if not begun or not ended:
        _need_one(rows, begun, ended, situation)
    if begun == ended and all(row.priced_at == "request" or not schedule(row).clocks for row in begun):
        return [(row, started, "start") for row in begun]
    by_start = [(row, started, "start") for row in begun if row.priced_at != "completion"]
    by_end = [(row, finished, "end") for row in ended if row.priced_at != "request"]
    if by_start or by_end:
        return by_start + by_end
    return [(row, started, "start") for row in begun] + [(row, finished, "end") for row in ended]


def _need_one(
    rows: Sequence[PriceRow], begun: Sequence[PriceRow], ended: Sequence[PriceRow], situation: Situation
) -> None:
    """Refuse a call an end of which lies in a gap, unless the other end alone decides its price."""
    if not begun and not (ended and all(row.priced_at == "completion" for row in ended)):
        rows_at(rows, situation.started, situation.region)
    if not ended and not (begun and all(row.priced_at == "request" for row in begun)):
        rows_at(rows, situation.finished, situation.region)


def _thinking(plan: Schedule, usage: Usage, situation: Situation) -> tuple[bool, ...]:
    """Whether the answer was made with thinking: one value if known, else both."""
    if not plan.thinks:
        return (False,)
    thought = None if usage.reasoning_tokens is None else usage.reasoning_tokens > 0
    if situation.thinking is None:
        return (True, False) if thought is None else (thought,)
    return (True, False) if thought and not situation.thinking else (situation.thinking,)


def _running(
    names: Sequence[str], clocks: Mapping[str, Clock], instant: dt.datetime
) -> Iterator[Mapping[str, bool]]:
    """Whether each clock runs at `instant`; every combination where holidays are unknown."""
    if not names:
        yield {}
        return
    states = []
    for name in names:
        if name not in clocks:
            raise PriceUnknown(f"its price row names the clock {name!r}, which the provider does not define")
        state = is_running(clocks[name], instant)
        states.append((True, False) if state is None else (state,))
    for combination in product(*states):
        yield dict(zip(names, combination, strict=True))


def _doubts(best: int, readings: Sequence[_Reading], priced: Sequence[_Priced]) -> list[str]:
    """Say which open question makes a difference to the total."""
    chosen, most = readings[best], priced[best].fine
    found = {
        _difference(chosen, other)
        for other, result in zip(readings, priced, strict=True)
        if result.fine != most
    }
    return sorted(found - {""})


def _difference(chosen: _Reading, other: _Reading) -> str:
    if other.when != chosen.when:
        return f"whether start or end of the call decides its price is not known: the {chosen.when} is dearer"
    if other.plan is not chosen.plan:
        return "more than one price row may apply: the dearest"
    if other.running == chosen.running:
        return "whether the answer counts as thinking is not known: the dearer reading"
    if other.thinking == chosen.thinking:
        return "whether the day is a holiday is not known: the dearer reading"
    return ""


def _price(reading: _Reading, usage: Usage, situation: Situation) -> _Priced:
    row, sheet = reading.plan.row, reading.sheet
    if row.free:
        return _Priced(0, [], [])
    open_ = unknowns(usage, row, situation)
    if open_ == CLOSED and sheet.plain and not reading.plan.input_edges:
        return _plain_price(sheet, usage)
    bands = _bands(reading, usage, situation)
    prices = [(count, dearest_matrix(band, open_)) for count, band in bands]
    groups = dearest_groups(kind_counts(usage, sheet), fate_counts(usage), prices[-1][1])
    output, doubt = _output(sheet, usage, situation)
    counts: dict[Cell, int] = {}
    for cell, count in (*spread(groups, prices), *output, *_fees(sheet, usage)):
        if count:
            counts[cell] = counts.get(cell, 0) + count
    total = sum([cell.fine * count for cell, count in counts.items()])
    unsure = dict.fromkeys(words for _, band in bands for words in doubts(usage, band, open_))
    return _Priced(total, list(counts.items()), [*unsure, *doubt])


def _plain_price(sheet: Sheet, usage: Usage) -> _Priced:
    """The usual case: text in, text out, nothing open. The same as the longer way would find."""
    texts = zip(sheet.text, fate_counts(usage), strict=True)
    items = [item for item in (*texts, (sheet.output, usage.output_tokens), *_fees(sheet, usage)) if item[1]]
    return _Priced(sum([cell.fine * count for cell, count in items]), items, [])


def _bands(reading: _Reading, usage: Usage, situation: Situation) -> list[tuple[int, Sheet]]:
    """The bands of a marginal row up to the length of the input; else one for all of it."""
    plan, all_input = reading.plan, usage.input_tokens
    edges = [edge for edge in plan.input_edges if 0 < edge < all_input]
    if not edges:
        return [(all_input, reading.sheet)]
    bands = []
    for low, high in zip([0, *edges], [*edges, all_input], strict=True):
        bits = plan.holding(
            high, usage.output_tokens, reading.thinking, situation.service_tier, reading.running
        )
        bands.append((high - low, plan.sheet(bits, situation.explicit_cache)))
    return bands


def _output(sheet: Sheet, usage: Usage, situation: Situation) -> tuple[list[tuple[Cell, int]], list[str]]:
    text, sound = sheet.output, sheet.audio_output
    tokens, spoken = usage.output_tokens, usage.audio_output_tokens
    if sound is None or (spoken is None and not situation.audio_output):
        return [(text, tokens)], []
    if spoken is not None:
        return [(text, tokens - spoken), (sound, spoken)], []
    dearer = max(text, sound, key=lambda cell: cell.fine)
    doubt = "audio tokens of the output were not reported: the dearer reading"
    return [(dearer, tokens)], [doubt] if tokens and sound.fine != text.fine else []


def _fees(sheet: Sheet, usage: Usage) -> Iterator[tuple[Cell, int]]:
    if sheet.request is not None and sheet.request.fine:
        yield sheet.request, 1
    for name, count in sorted(usage.units.items()) if usage.units else ():
        if count < 0:
            raise PriceUnknown(f"the count of {name} was reported as {count}")
        if count and name not in sheet.units:
            raise PriceUnknown(f"{name} was used and has no price")
        if count:
            yield sheet.units[name], count


def whole_nanos(fine: int, currency: str) -> Money:
    """Round the sum of a bill up to whole nanos, once.

    Raises:
        PriceUnknown: It is beyond what the books can hold.
    """
    try:
        return Money(-(-fine // FINE), currency)
    except OverflowError:
        raise PriceUnknown("the counts that were reported cost more than the books can hold") from None


def _lines(charge: Charge) -> list[str]:
    row = charge.row
    if row is None:
        return [f"{charge.money} by the vendor's own bill, in its answer"]
    if row.free:
        return [f"free  {_origin(row)}"]
    table = [
        (
            bucket.name,
            f"{bucket.count:,}",
            f"{_plain(bucket.price)}{'' if bucket.is_fee else '/M'}",
            f"{_plain(bucket.nanos.scaleb(-9))} {row.currency}",
        )
        for bucket in charge.buckets
    ]
    widths = [max((len(line[column]) for line in table), default=0) for column in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {count:>{widths[1]}} × {price:<{widths[2]}} = {amount}"
        for name, count, price, amount in table
    ]
    if charge.conditions:
        lines.append(f"at {'; '.join(charge.conditions)}")
    own = [f"hours {words}" for words in charge.own_clocks]
    return [*lines, f"price {_origin(row)}", *own, *(f"assumed {words}" for words in charge.assumptions)]


def _origin(row: PriceRow) -> str:
    until = f" until {row.until.isoformat()}" if row.until is not None else ""
    where = "" if row.origin == "catalog" else f", from {row.origin}"
    return f"since {row.since.isoformat()}{until}, {row.source} (checked {row.checked.isoformat()}{where})"


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
