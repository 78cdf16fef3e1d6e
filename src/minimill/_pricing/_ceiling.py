"""What a request can cost at most, and what it will probably cost, before it is sent.

The two are separate numbers: one is a promise with its assumptions, the other an estimate for
ordering. It may import `_money`, `_usage`, `_errors` and the rest of this package.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import NamedTuple

from minimill._errors import UnpricedModelError
from minimill._money import Money
from minimill._values import dataclass

from ._allot import can_write
from ._clock import run_between
from ._cost import Bucket, Item, items_of, own_clocks
from ._rows import Bounds, Certainty, Clock, PriceRow, Rates, RequestSize, Situation, Tier
from ._select import PriceUnknown, one_currency, rows_between
from ._sheet import DEFAULT_TIERS, FINE, Cell, fee_cell, may_be_served, no_price, schedule, token_cell

_NEVER, _MAYBE, _SURELY = range(3)
_DOUBT = {Certainty.VENDOR: 0, Certainty.REPORTED: 1, Certainty.UNSURE: 2}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is sent, or documented, to stop a call from growing."""

    output_tokens: int | None
    """The output limit that is sent in the field the model honours; None: none is sent."""
    thinking_tokens: int | None = None
    """The limit on thinking that is sent beside it; None: none is sent."""
    max_input_tokens: int | None = None
    """More input than this the vendor refuses, unbilled; None: not documented."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a call can cost, and what that rests on."""

    money: Money
    """Never less than the cost of any answer within the assumptions."""
    input_tokens: int | None
    """Most input; None where the model is free and nothing bounds it."""
    output_tokens: int | None
    """Most output, all `n` answers and their thinking; None where the model is free and nothing bounds it."""
    items: tuple[Item, ...] = field(repr=False)
    """What `buckets` is made of."""
    row: PriceRow
    """The dearest row that can apply."""
    certainty: Certainty
    """How sure the least sure row is that can apply. Whether `UNSURE` will do is the caller's decision."""
    assumptions: tuple[str, ...]
    """What was assumed, in words."""
    own_clocks: tuple[str, ...] = ()
    """Clocks of the user's own that the row goes by, and the file of each: `peak from minimill.toml`."""

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Tokens at the dearest prices that can apply, and fees; empty for a free model."""
        return tuple(Bucket(*item) for item in self.items)


def ceiling(
    size: RequestSize,
    rows: Sequence[PriceRow],
    bounds: Bounds,
    limits: Limits,
    situation: Situation,
    clocks: Mapping[str, Clock] | None = None,
) -> Ceiling:
    """Return the most that a request can cost when it is sent and answered within the situation's times.

    Every condition that cannot be excluded yet counts: longer inputs and outputs up to the bounds,
    thinking unless it is known to be off, every row and clock from `started` to `finished`.

    Raises:
        UnpricedModelError: There is no price or no bound; the message says why and what to do.
    """
    try:
        return _ceiling(size, rows, bounds, limits, situation, clocks or {})
    except PriceUnknown as unknown:
        raise UnpricedModelError(unknown.reason) from None


def input_bound(size: RequestSize, bounds: Bounds, limits: Limits) -> int | str:
    """Return the most tokens the input can have; or why there is no bound, in words."""
    top, bottom = bounds.tokens_per_byte.as_integer_ratio()
    added = size.tool_bytes + size.schema_bytes
    total = (
        -(-top * size.text_bytes // bottom)
        + max(added, -(-top * added // bottom))
        + bounds.per_request_tokens
        + bounds.per_message_tokens * size.messages
        + bounds.per_tool_tokens * size.tools
        + bounds.schema_tokens * size.schemas
        + size.tokens
    )
    if size.unknown:
        return limits.max_input_tokens or "nothing bounds the input that a field of extra brings in"
    for count, each, word in (
        (size.images, bounds.image_tokens, "picture"),
        (size.files, bounds.file_tokens, "file"),
        (size.audio, bounds.audio_tokens, "sound"),
    ):
        if count and each is None:
            if limits.max_input_tokens is not None:
                return limits.max_input_tokens
            return f"nothing bounds the tokens of a {word}; send none, or set its {_BOUND_FIELD[word]}"
        total += count * (each or 0)
    return total if limits.max_input_tokens is None else min(total, limits.max_input_tokens)


_BOUND_FIELD = {"picture": "image_tokens", "file": "file_tokens", "sound": "audio_tokens"}


def output_bound(bounds: Bounds, limits: Limits, situation: Situation) -> int | str:
    """Return the most tokens the output can have, all answers together; or why there is no bound."""
    if limits.output_tokens is None:
        return "no output limit is sent; give max_output_tokens"
    total = limits.output_tokens + bounds.output_overshoot_tokens
    if not bounds.limit_covers_reasoning and situation.thinking is not False:
        beside = limits.thinking_tokens if limits.thinking_tokens is not None else bounds.max_reasoning_tokens
        if beside is None:
            return "its output limit does not bound thinking; turn thinking off or give a thinking budget"
        total += beside
    return total * situation.n


def _ceiling(
    size: RequestSize,
    rows: Sequence[PriceRow],
    bounds: Bounds,
    limits: Limits,
    situation: Situation,
    clocks: Mapping[str, Clock],
) -> Ceiling:
    begin, end = situation.started, situation.finished
    if end < begin:
        begin, end = end, begin
    possible = rows_between(rows, begin, end, situation.region)
    alone = possible[0] if len(possible) == 1 else None
    currency = one_currency(possible) if alone is None else alone.currency
    most_in = input_bound(size, bounds, limits)
    most_out = output_bound(bounds, limits, situation)
    certainty = (
        max((row.certainty for row in possible), key=_DOUBT.__getitem__) if alone is None else alone.certainty
    )
    paid = [row for row in possible if not row.free]
    if not paid:
        tokens_in, tokens_out = (bound if isinstance(bound, int) else None for bound in (most_in, most_out))
        return Ceiling(
            Money.zero(currency), tokens_in, tokens_out, (), possible[0], certainty, ("free of charge",)
        )
    if isinstance(most_in, str) or isinstance(most_out, str):
        raise PriceUnknown(most_in if isinstance(most_in, str) else str(most_out))
    times = _Times(begin, end, clocks)
    priced = [(row, _items(row, most_in, most_out, size, situation, times)) for row in paid]
    totals = [sum([cell.fine * count for cell, count in items]) for _, items in priced]
    row, items = priced[totals.index(max(totals))]
    try:
        money = Money(-(-max(totals) // FINE), currency)
    except OverflowError:
        raise PriceUnknown(
            "the most it can cost is beyond what the books can hold; lower its limits"
        ) from None
    assumed = _assumptions(size, bounds, limits, situation)
    clocked = own_clocks(row, clocks)
    return Ceiling(money, most_in, most_out, items_of(items), row, certainty, assumed, clocked)


class _Times(NamedTuple):
    begin: dt.datetime
    end: dt.datetime
    clocks: Mapping[str, Clock]


class _Dearest(NamedTuple):
    """The dearest price that can apply to each thing that is counted."""

    input: Cell
    output: Cell
    request: Cell | None
    units: Mapping[str, Cell | None]
    """None: some condition that can hold leaves the unit without a price."""


class _Kinds(NamedTuple):
    """Which prices can come into play at all."""

    explicit: bool
    writes: bool
    long: bool
    audio: bool
    image: bool
    audio_output: bool


def _items(
    row: PriceRow, most_in: int, most_out: int, size: RequestSize, situation: Situation, times: _Times
) -> list[tuple[Cell, int]]:
    dearest = _dearest(row, most_in, most_out, size, situation, times)
    items = [(dearest.input, most_in), (dearest.output, most_out)]
    if dearest.request is not None:
        items.append((dearest.request, 1))
    for name, most in sorted(situation.unit_limits.items()) if situation.unit_limits else ():
        cell = dearest.units.get(name)
        if most and cell is None:
            raise PriceUnknown(f"{name} has no price; do not use it, or give its price")
        if cell is not None:
            items.append((cell, most))
    return items


def _dearest(
    row: PriceRow, most_in: int, most_out: int, size: RequestSize, situation: Situation, times: _Times
) -> _Dearest:
    plan = schedule(row)
    if situation.service_tier not in plan.service_tiers:
        raise PriceUnknown(
            f"service tier {situation.service_tier!r} has no price; ask for another, or give its price"
        )
    states: tuple[int, ...] = ()
    if plan.tiers:
        running = {name: _run(name, times) for name in plan.clocks}
        states = tuple([_state(tier, most_in, most_out, situation, running) for tier in plan.tiers])
    kinds = _Kinds(
        situation.explicit_cache,
        can_write(row, situation),
        situation.long_cache,
        situation.audio or size.audio > 0 or size.files > 0,
        situation.images or size.images > 0 or size.files > 0,
        situation.audio_output,
    )
    known: _Dearest | None = plan.dearest.get((states, kinds))
    if known is None:
        known = plan.dearest[states, kinds] = _search(row, states, kinds)
    return known


def _run(name: str, times: _Times) -> tuple[bool, bool]:
    if name not in times.clocks:
        raise PriceUnknown(f"its price row names the clock {name!r}, which the provider does not define")
    return run_between(times.clocks[name], times.begin, times.end)


def _state(
    tier: Tier, most_in: int, most_out: int, situation: Situation, running: Mapping[str, tuple[bool, bool]]
) -> int:
    """Whether the tier's conditions hold never, maybe or surely, for any answer within the bounds."""
    if (
        (tier.input_over is not None and most_in <= tier.input_over)
        or (tier.input_from is not None and most_in < tier.input_from)
        or (tier.output_over is not None and most_out <= tier.output_over)
        or (tier.output_from is not None and most_out < tier.output_from)
    ):
        return _NEVER
    by_length = (tier.input_over, tier.input_from, tier.output_over, tier.output_from) != (
        None,
        None,
        None,
        None,
    )
    states = [_MAYBE if by_length else _SURELY]
    if tier.thinking is not None:
        known = situation.thinking
        states.append(_MAYBE if known is None else _SURELY if known == tier.thinking else _NEVER)
    if tier.service_tier is not None:
        unasked = may_be_served(tier.service_tier, situation.service_tier, situation.unasked_tiers)
        states.append(_MAYBE if unasked else _service(tier.service_tier, situation.service_tier))
    if tier.clock is not None:
        ever, always = running[tier.clock]
        states.append(_SURELY if always else _MAYBE if ever else _NEVER)
    return min(states)


def _service(named: str, asked: str | None) -> int:
    """A vendor may answer on its default tier whatever was asked, and on any tier if left the choice."""
    if asked == "auto":
        return _MAYBE
    if asked in DEFAULT_TIERS:
        return _SURELY if named in DEFAULT_TIERS else _NEVER
    return _MAYBE if named == asked or named in DEFAULT_TIERS else _NEVER


def _search(row: PriceRow, states: Sequence[int], kinds: _Kinds) -> _Dearest:
    names = {
        "input": True,
        "cached_input": True,
        "explicit_cached_input": kinds.explicit,
        "cache_write": kinds.writes,
        "cache_write_long": kinds.writes and kinds.long,
        "audio_input": kinds.audio,
        "cached_audio_input": kinds.audio,
        "image_input": kinds.image,
    }
    inputs = [cell for name, counts in names.items() if counts for cell in _token_cells(row, states, name)]
    outputs = _token_cells(row, states, "output")
    if kinds.audio_output:
        outputs += _token_cells(row, states, "audio_output")
    fees = [
        fee
        for fee in _candidates(row, states, [rates.per_request for rates in _all_rates(row)])
        if fee is not None
    ]
    units = {name: _unit_cell(row, states, name) for rates in _all_rates(row) for name in rates.per_unit}
    request = max((fee_cell("request", fee) for fee in fees), key=_fine, default=None)
    return _Dearest(max(inputs, key=_fine), max(outputs, key=_fine), request, units)


def _all_rates(row: PriceRow) -> list[Rates]:
    return [row.rates, *(tier.rates for tier in row.tiers)]


def _candidates(
    row: PriceRow, states: Sequence[int], values: Sequence[Decimal | None]
) -> list[Decimal | None]:
    """Every value that the cascade can end with; `values` are the row's own and then each tier's."""
    found = [values[0]]
    for tier, state, value in zip(row.tiers, states, values[1:], strict=True):
        if tier.no_price and state != _NEVER:
            found = [None] if state == _SURELY else [*found, None]
        if value is not None and state == _SURELY:
            found = [value]
        elif value is not None and state == _MAYBE:
            found.append(value)
    return found


def _token_cells(row: PriceRow, states: Sequence[int], name: str) -> list[Cell]:
    found = _candidates(row, states, [getattr(rates, f"{name}_per_mtok") for rates in _all_rates(row)])
    if None in found and name in ("input", "output"):
        possible = [tier for tier, state in zip(row.tiers, states, strict=True) if state != _NEVER]
        raise PriceUnknown(no_price(possible) or f"its price row has no {name} price under every condition")
    return [token_cell(name.removeprefix("explicit_"), price) for price in found if price is not None]


def _unit_cell(row: PriceRow, states: Sequence[int], name: str) -> Cell | None:
    found = _candidates(row, states, [rates.per_unit.get(name) for rates in _all_rates(row)])
    prices = [price for price in found if price is not None]
    return (
        max((fee_cell(f"unit:{name}", price) for price in prices), key=_fine)
        if len(prices) == len(found)
        else None
    )


def _fine(cell: Cell) -> int:
    return cell.fine


def _assumptions(size: RequestSize, bounds: Bounds, limits: Limits, situation: Situation) -> tuple[str, ...]:
    words = [
        f"text: at most {bounds.tokens_per_byte} tokens a byte of UTF-8, {size.text_bytes:,} bytes",
        f"overhead: {bounds.per_request_tokens} tokens a request, {bounds.per_message_tokens} a message",
    ]
    if size.tools or size.schemas:
        words.append(
            f"tools and schema: their bytes, and {bounds.per_tool_tokens} tokens a tool, "
            f"{bounds.schema_tokens} a schema"
        )
    for count, each, word in (
        (size.images, bounds.image_tokens, "picture"),
        (size.files, bounds.file_tokens, "file"),
        (size.audio, bounds.audio_tokens, "sound"),
    ):
        if count:
            words.append(
                f"each {word}: at most {each:,} tokens" if each is not None else f"{word}: the input limit"
            )
    if size.tokens:
        words.append(f"the answer so far: {size.tokens:,} tokens")
    if limits.max_input_tokens is not None:
        words.append(f"input: the vendor refuses more than {limits.max_input_tokens:,} tokens")
    words.append(
        f"output: the vendor stops at {limits.output_tokens:,} tokens" + _beside(bounds, limits, situation)
    )
    return tuple(words)


def _beside(bounds: Bounds, limits: Limits, situation: Situation) -> str:
    words = f", or up to {bounds.output_overshoot_tokens} later" if bounds.output_overshoot_tokens else ""
    if not bounds.limit_covers_reasoning:
        if situation.thinking is False:
            words += ", and does not think"
        elif limits.thinking_tokens is not None:
            words += f", and thinks at most {limits.thinking_tokens:,} beside them"
        else:
            words += f", and thinks at most {bounds.max_reasoning_tokens:,} beside them"
    return f"{words}, in each of {situation.n} answers" if situation.n > 1 else words
