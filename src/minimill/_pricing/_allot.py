"""Which input token pays which price, where the parts a vendor reports leave that open.

A vendor says how many tokens were cached and how many were sound, rarely how many were both. Each
token is charged once, at a price that can be its own, and where there is a choice the dearest way is
taken. It may import `_sheet` and `_rows` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple, TypeAlias

from minimill._usage import Usage

from ._rows import PriceRow, Situation
from ._sheet import CACHED, PLAIN, WRITTEN, WRITTEN_LONG, Cell, Sheet

TEXT, AUDIO, IMAGE = range(3)

Cells: TypeAlias = tuple[Cell, Cell, Cell, Cell]
Matrix: TypeAlias = tuple[Cells, Cells, Cells]
"""Prices by kind of token (`TEXT`, `AUDIO`, `IMAGE`) and by what happened to it (`PLAIN`, …)."""


class Group(NamedTuple):
    """Tokens of one kind with one fate."""

    kind: int
    fate: int
    tokens: int


class Unknowns(NamedTuple):
    """Which parts of the input are not known."""

    cached: bool
    written: bool
    """Written tokens may hide in the plain ones."""
    long: bool
    """Those may have been written for the longer lifetime."""
    lifetime: bool
    """Of the reported writes, how many were for the longer lifetime."""
    audio: bool
    image: bool


CLOSED = Unknowns(cached=False, written=False, long=False, lifetime=False, audio=False, image=False)


def unknowns(usage: Usage, row: PriceRow, situation: Situation) -> Unknowns:
    """Tell which parts of the input `usage` leaves open in this situation."""
    may_write = can_write(row, situation)
    return Unknowns(
        cached=usage.cached_input_tokens is None,
        written=usage.cache_write_tokens is None and may_write,
        long=situation.long_cache,
        lifetime=usage.cache_write_long_tokens is None and situation.long_cache,
        audio=usage.audio_input_tokens is None and situation.audio,
        image=usage.image_input_tokens is None and situation.images,
    )


def can_write(row: PriceRow, situation: Situation) -> bool:
    """Whether a request in this situation can be charged for writing to a cache."""
    return row.cache_writes == "implicit" or (row.cache_writes == "explicit" and situation.explicit_cache)


def dearest_matrix(sheet: Sheet, open_: Unknowns) -> Matrix:
    """Return the prices, with the dearest possible one wherever a token's kind or fate is open."""
    if open_ == CLOSED:
        return sheet.text, sheet.audio or sheet.text, sheet.image or sheet.text
    text, audio, image = (
        _dearest_fates(cells or sheet.text, open_) for cells in (sheet.text, sheet.audio, sheet.image)
    )
    if open_.audio:
        text = _dearer(text, audio)
    if open_.image:
        text = _dearer(text, image)
    return text, audio, image


def doubts(usage: Usage, sheet: Sheet, open_: Unknowns) -> Iterator[str]:
    """Say which open part of the input makes a difference at these prices."""
    if open_ == CLOSED:
        return
    plain, cached, written, long = (cell.fine for cell in sheet.text)
    fates = fate_counts(usage)
    if open_.cached and fates[PLAIN] and cached != plain:
        yield "cached input was not reported: the dearer reading"
    if open_.written and fates[PLAIN] and (written != plain or (open_.long and long != plain)):
        yield "cache writes were not reported: the dearer reading"
    if open_.lifetime and fates[WRITTEN] and long != written:
        yield "the lifetime of cache writes was not reported: the dearer one"
    for word, is_open, cells in (("audio", open_.audio, sheet.audio), ("image", open_.image, sheet.image)):
        if is_open and cells is not None and usage.input_tokens:
            yield f"{word} tokens of the input were not reported: the dearer reading"


def fate_counts(usage: Usage) -> tuple[int, int, int, int]:
    """Split the input by what happened to it; its parts must fit their total."""
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    long = usage.cache_write_long_tokens or 0
    return usage.input_tokens - cached - written, cached, written - long, long


def kind_counts(usage: Usage, sheet: Sheet) -> tuple[int, int, int]:
    """Split the input by kind, as far as kinds have prices of their own."""
    audio = usage.audio_input_tokens or 0 if sheet.audio is not None else 0
    image = usage.image_input_tokens or 0 if sheet.image is not None else 0
    return usage.input_tokens - audio - image, audio, image


def dearest_groups(kinds: Sequence[int], fates: Sequence[int], prices: Matrix) -> list[Group]:
    """Combine kinds and fates, which have the same sum, in the dearest way."""
    if not kinds[AUDIO] and not kinds[IMAGE]:
        return [Group(TEXT, fate, count) for fate, count in enumerate(fates) if count]
    ways = (
        _fill([(kind, kinds[kind]) for kind in kind_order], [(fate, fates[fate]) for fate in fate_order])
        for kind_order in permutations(kind for kind in (TEXT, AUDIO, IMAGE) if kinds[kind])
        for fate_order in permutations(fate for fate in (PLAIN, CACHED, WRITTEN, WRITTEN_LONG) if fates[fate])
    )
    best = max(ways, key=lambda groups: sum(prices[kind][fate].fine * count for kind, fate, count in groups))
    return sorted(best)


def spread(groups: Sequence[Group], bands: Sequence[tuple[int, Matrix]]) -> Iterator[tuple[Cell, int]]:
    """Put groups into bands of a marginal row, which have the same sum: dear tokens into dear bands."""
    if len(bands) == 1:
        prices = bands[0][1]
        yield from ((prices[kind][fate], count) for kind, fate, count in groups)
        return
    top = bands[-1][1]
    dear_bands = sorted(bands, key=lambda band: -band[1][TEXT][PLAIN].fine)
    dear_groups = sorted(groups, key=lambda group: -top[group.kind][group.fate].fine)
    for band, place, count in _fill(
        [(place, count) for place, (count, _) in enumerate(dear_bands)],
        [(place, group.tokens) for place, group in enumerate(dear_groups)],
    ):
        yield dear_bands[band][1][dear_groups[place].kind][dear_groups[place].fate], count


def _fill(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> list[Group]:
    """Walk two lists of (key, count) with equal sums, pairing them in order."""
    pairs = []
    takers = iter(right)
    taker, room = -1, 0
    for giver, count in left:
        while count:
            while not room:
                taker, room = next(takers)
            step = min(count, room)
            pairs.append(Group(giver, taker, step))
            count, room = count - step, room - step
    return pairs


def _dearest_fates(cells: Cells, open_: Unknowns) -> Cells:
    plain, cached, written, long = cells
    choices = [plain]
    if open_.cached:
        choices.append(cached)
    if open_.written:
        choices += [written, long] if open_.long else [written]
    return max(choices, key=_fine), cached, max(written, long, key=_fine) if open_.lifetime else written, long


def _dearer(one: Cells, other: Cells) -> Cells:
    plain, cached, written, long = (max(pair, key=_fine) for pair in zip(one, other, strict=True))
    return plain, cached, written, long


def _fine(cell: Cell) -> int:
    return cell.fine
