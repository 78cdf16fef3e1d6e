"""A price row made ready for arithmetic: conditions resolved, prices as integers, results kept.

It knows rows and conditions, no usage and no requests. It may import `_rows` and `_select` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from ._rows import PriceRow, Rates, Tier
from ._select import PriceUnknown

FINE_DIGITS = 15
FINE = 10**FINE_DIGITS
"""Prices are kept as integers of 10⁻¹⁵ nanos: exact for up to 18 decimals per million tokens."""

DEFAULT_TIERS = frozenset({None, "", "auto", "default", "standard"})
"""Names of the service tier that a price row's own rates are for."""

PLAIN, CACHED, WRITTEN, WRITTEN_LONG = range(4)
"""What can happen to an input token, as index into a `Sheet`'s rows of cells."""

_FIELDS = tuple(name for name in Rates.__slots__ if name != "per_unit")
_NEEDED = ("input_per_mtok", "output_per_mtok")


class Cell(NamedTuple):
    """One price: its bucket's name, as printed by the vendor, and as an integer."""

    name: str
    price: Decimal
    """Per million tokens; per piece for fees; in units of the currency."""
    fine: int
    """10⁻¹⁵ nanos for each token or piece."""


class Sheet(NamedTuple):
    """All prices that hold under one set of conditions."""

    text: tuple[Cell, Cell, Cell, Cell]
    """By what happened to the token: `PLAIN`, `CACHED`, `WRITTEN`, `WRITTEN_LONG`."""
    audio: tuple[Cell, Cell, Cell, Cell] | None
    """None: sound costs what text costs."""
    image: tuple[Cell, Cell, Cell, Cell] | None
    """None: pictures cost what text costs."""
    output: Cell
    audio_output: Cell | None
    request: Cell | None
    units: Mapping[str, Cell]
    conditions: tuple[str, ...]
    """The tiers that apply, in words."""

    @property
    def plain(self) -> bool:
        """Whether sound and pictures cost what text costs."""
        return self.audio is None and self.image is None and self.audio_output is None


class Schedule:
    """One row, and every sheet that was asked for."""

    __slots__ = ("_sheets", "clocks", "dearest", "input_edges", "row", "service_tiers", "thinks", "tiers")

    def __init__(self, row: PriceRow) -> None:
        self.row = row
        self.tiers = tiers = () if row.free else row.tiers
        self.clocks = tuple(sorted({tier.clock for tier in tiers if tier.clock is not None}))
        self.thinks = any(tier.thinking is not None for tier in tiers)
        self.service_tiers = frozenset(tier.service_tier for tier in tiers) | DEFAULT_TIERS
        edges = {tier.input_over for tier in tiers if tier.input_over is not None}
        edges |= {tier.input_from - 1 for tier in tiers if tier.input_from is not None}
        self.input_edges = tuple(sorted(edges)) if row.marginal else ()
        self.dearest: dict[tuple[object, ...], Any] = {}
        self._sheets: dict[tuple[int, bool], Sheet] = {}

    def sheet(self, holding: int, explicit_cache: bool) -> Sheet:
        """Return the prices when the tiers in the bit set `holding` apply."""
        key = (holding, explicit_cache)
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._sheets[key] = _sheet(self.row, holding, explicit_cache)
        return sheet

    def holding(
        self,
        input_tokens: int,
        output_tokens: int,
        thinking: bool,
        service_tier: str | None,
        running: Mapping[str, bool],
    ) -> int:
        """Return the bit set of the tiers whose stated conditions all hold."""
        bits = 0
        for place, tier in enumerate(self.tiers):
            if (
                (tier.input_over is None or input_tokens > tier.input_over)
                and (tier.input_from is None or input_tokens >= tier.input_from)
                and (tier.output_over is None or output_tokens > tier.output_over)
                and (tier.output_from is None or output_tokens >= tier.output_from)
                and (tier.thinking is None or tier.thinking == thinking)
                and (tier.service_tier is None or same_service(tier.service_tier, service_tier))
                and (tier.clock is None or running[tier.clock])
            ):
                bits |= 1 << place
        return bits


_schedules: dict[int, Schedule] = {}
_MOST_SCHEDULES = 4_096


def schedule(row: PriceRow) -> Schedule:
    """Return what is prepared for `row`: made on first use, kept while fewer than a few thousand rows are."""
    known = _schedules.get(id(row))
    if known is None or known.row is not row:
        if len(_schedules) >= _MOST_SCHEDULES:
            _schedules.clear()
        known = _schedules[id(row)] = Schedule(row)
    return known


def same_service(one: str | None, other: str | None) -> bool:
    """Tell whether two names mean the same service tier; every name of the default tier is one."""
    return one == other or (one in DEFAULT_TIERS and other in DEFAULT_TIERS)


def may_be_served(tier: str, asked: str | None, unasked: Sequence[str]) -> bool:
    """Whether a vendor may serve on a tier that nobody asked for: one of `unasked`, or the asked one with such a one.

    The tier of a row that stands for several says them with spaces between: `fast us`.
    """
    words = tier.split()
    return any(word in unasked for word in words) and all(word in unasked or word == asked for word in words)


def token_cell(name: str, price: Decimal) -> Cell:
    """Make the cell of a price per million tokens."""
    return Cell(name, price, _times(name, price, 1_000 * FINE))


def fee_cell(name: str, fee: Decimal) -> Cell:
    """Make the cell of a fee in units of the currency."""
    return Cell(name, fee, _times(name, fee, 10**9 * FINE))


def tier_words(tier: Tier) -> str:
    """Say when a tier holds: `input > 32,000 and thinking`."""
    words = [
        f"input > {tier.input_over:,}" if tier.input_over is not None else "",
        f"input ≥ {tier.input_from:,}" if tier.input_from is not None else "",
        f"output > {tier.output_over:,}" if tier.output_over is not None else "",
        f"output ≥ {tier.output_from:,}" if tier.output_from is not None else "",
        {True: "thinking", False: "no thinking", None: ""}[tier.thinking],
        f"service tier {tier.service_tier}" if tier.service_tier is not None else "",
        f"{tier.clock} hours" if tier.clock is not None else "",
    ]
    return " and ".join(word for word in words if word) + (": no price" if tier.no_price else "")


def no_price(tiers: Iterable[Tier]) -> str | None:
    """Say which of `tiers` has no price, if one has none."""
    last = next((tier for tier in reversed([*tiers]) if tier.no_price), None)
    if last is None:
        return None
    when = tier_words(last).removesuffix(": no price")
    return f"its price row has no price for {when}"


def _times(name: str, price: Decimal, factor: int) -> int:
    """Multiply exactly; what is finer than 10⁻¹⁵ nanos rounds up."""
    if not price.is_finite() or price < 0:
        raise PriceUnknown(f"its {name.replace('_', ' ')} price {price} is no price")
    top, bottom = price.as_integer_ratio()
    return -(-top * factor // bottom)


def _cascade(row: PriceRow, holding: int) -> tuple[dict[str, Decimal | None], dict[str, Decimal]]:
    """Start from the row's rates; each holding tier replaces what it names, or takes all of it away.

    A free row is priced at zero.
    """
    if row.free:
        return {name: Decimal(0) if name in _NEEDED else None for name in _FIELDS}, {}
    values: dict[str, Decimal | None] = {name: getattr(row.rates, name) for name in _FIELDS}
    units = dict(row.rates.per_unit)
    for place, tier in enumerate(row.tiers):
        if holding >> place & 1:
            if tier.no_price:
                values, units = dict.fromkeys(_FIELDS), {}
            named = {name: getattr(tier.rates, name) for name in _FIELDS}
            values.update({name: value for name, value in named.items() if value is not None})
            units.update(tier.rates.per_unit)
    return values, units


def _sheet(row: PriceRow, holding: int, explicit_cache: bool) -> Sheet:
    values, units = _cascade(row, holding)
    plain, output = values["input_per_mtok"], values["output_per_mtok"]
    if plain is None or output is None:
        missing = "input" if plain is None else "output"
        held = [tier for place, tier in enumerate(row.tiers) if holding >> place & 1]
        raise PriceUnknown(no_price(held) or f"its price row has no {missing} price")
    cached = _first(
        values["explicit_cached_input_per_mtok"] if explicit_cache else None,
        values["cached_input_per_mtok"],
        plain,
    )
    write = _first(values["cache_write_per_mtok"], plain)
    text = (
        token_cell("input", plain),
        token_cell("cached_input", cached),
        token_cell("cache_write", write),
        token_cell("cache_write_long", _first(values["cache_write_long_per_mtok"], write)),
    )
    audio_output, fee = values["audio_output_per_mtok"], values["per_request"]
    words = tuple(tier_words(tier) for place, tier in enumerate(row.tiers) if holding >> place & 1)
    return Sheet(
        text=text,
        audio=_special(
            text, "audio_input", values["audio_input_per_mtok"], values["cached_audio_input_per_mtok"]
        ),
        image=_special(text, "image_input", values["image_input_per_mtok"], None),
        output=token_cell("output", output),
        audio_output=None if audio_output is None else token_cell("audio_output", audio_output),
        request=None if fee is None else fee_cell("request", fee),
        units={name: fee_cell(f"unit:{name}", price) for name, price in units.items()},
        conditions=tuple(word for word in words if word),
    )


def _special(
    text: tuple[Cell, Cell, Cell, Cell], name: str, price: Decimal | None, cached: Decimal | None
) -> tuple[Cell, Cell, Cell, Cell] | None:
    """The cells of sound or pictures; a combination without its own price takes the dearer of its two."""
    if price is None and cached is None:
        return None
    plain = text[PLAIN] if price is None else token_cell(name, price)
    read = max(plain, text[CACHED], key=_fine) if cached is None else token_cell(f"cached_{name}", cached)
    return plain, read, max(plain, text[WRITTEN], key=_fine), max(plain, text[WRITTEN_LONG], key=_fine)


def _fine(cell: Cell) -> int:
    return cell.fine


def _first(*values: Decimal | None) -> Decimal:
    return next(value for value in values if value is not None)
