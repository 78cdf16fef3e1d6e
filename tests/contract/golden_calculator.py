"""A second calculator, written another way: it reads a vendor's usage object by itself and picks a line.

It shares nothing with minimill: no usage model, no tiers that replace one another, no clocks. Prices are
fractions, time of day is seconds since midnight.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

from .golden_prices import PRICES

MAINLAND_HOLIDAYS = """
2026-01-01 2026-01-02 2026-01-03 2026-02-15 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-02-21
2026-02-22 2026-02-23 2026-04-04 2026-04-05 2026-04-06 2026-05-01 2026-05-02 2026-05-03 2026-05-04 2026-05-05
2026-06-19 2026-06-20 2026-06-21 2026-09-25 2026-09-26 2026-09-27 2026-10-01 2026-10-02 2026-10-03 2026-10-04
2026-10-05 2026-10-06 2026-10-07
""".split()
"""https://www.gov.cn/zhengce/content/202511/content_7047090.htm"""
WEEKENDS_OFF = "2026-08-23T00:00"
"""Beijing time from which DeepSeek's peak hours leave out weekends and holidays."""
HOUR = 3_600


def beijing(instant: dt.datetime) -> dt.datetime:
    """The local time there, without a zone: eight hours ahead, no summer time."""
    return (instant.astimezone(dt.UTC) + dt.timedelta(hours=8)).replace(tzinfo=None)


def is_peak(instant: dt.datetime) -> bool:
    """9 to 12 and 14 to 18 o'clock; from 2026-08-23 not on weekends and holidays; unknown holidays count."""
    local = beijing(instant)
    second = local.hour * HOUR + local.minute * 60 + local.second
    if not (9 * HOUR <= second < 12 * HOUR or 14 * HOUR <= second < 18 * HOUR):
        return False
    if local.isoformat() < WEEKENDS_OFF:
        return True
    return local.weekday() < 5 and local.date().isoformat() not in MAINLAND_HOLIDAYS


def is_night(instant: dt.datetime) -> bool:
    """Half past midnight to half past eight."""
    local = beijing(instant)
    return 1_800 <= local.hour * HOUR + local.minute * 60 + local.second < 8 * HOUR + 1_800


def lines_at(name: str, instant: dt.datetime) -> str | None:
    """The price list in force; None: there is none."""
    for since, until, lines in PRICES[name][1]:
        begins = dt.datetime.fromisoformat(since)
        if begins <= instant and (until is None or instant < dt.datetime.fromisoformat(until)):
            return lines
    return None


def bill(
    name: str,
    instant: dt.datetime,
    body: dict[str, Any],
    *,
    thinks: bool = False,
    tier: str | None = None,
    marked: bool = False,
) -> int | None:
    """Whole nanos, rounded up; None where no price is published.

    Args:
        name: The price list.
        instant: When the call was made and answered.
        body: The vendor's usage object.
        thinks: Whether the answer was made with thinking.
        tier: The service tier that answered.
        marked: Whether the request asked for a cache.
    """
    lines = lines_at(name, instant)
    if lines is None:
        return None
    all_in, all_out = body["prompt_tokens"], body["completion_tokens"]
    prices = _pick(lines, all_in, all_out, _words(instant, thinks, tier))
    if prices is None:
        return None
    told = body.get("prompt_tokens_details", {})
    hit = body.get("prompt_cache_hit_tokens", told.get("cached_tokens", 0))
    written = told.get("cache_creation_input_tokens", told.get("cache_write_tokens"))
    sound = told.get("audio_tokens", 0)
    if written is None:  # not told: where writing happens by itself and costs more, all that was not read
        written = all_in - hit if "W" in prices and not marked and "x" not in prices else 0
    read = prices["x"] if marked and "x" in prices else prices["hit"]
    if sound:
        if hit or written:
            raise ValueError("no list of these tests has a price for sound beside a cache")
        total = sound * prices["a"] + (all_in - sound) * prices["in"]
    else:
        total = (all_in - hit - written) * prices["in"] + hit * read + written * prices.get("w", prices["in"])
    total += all_out * prices["out"]
    nanos = total * 1_000
    return -(-nanos.numerator // nanos.denominator)


def _words(instant: dt.datetime, thinks: bool, tier: str | None) -> set[str]:
    words = {tier} if tier else set()
    if thinks:
        words.add("think")
    if is_peak(instant):
        words.add("peak")
    if is_night(instant):
        words.add("night")
    return words


_MOOD = {"think", "peak", "night"}


def _pick(lines: str, all_in: int, all_out: int, words: set[str]) -> dict[str, Fraction] | None:
    """The prices of the first line whose conditions hold; a line without a tier is for the ordinary one."""
    for line in lines.strip().splitlines():
        conditions, _, prices = line.partition(":")
        wanted = conditions.split()
        named = {word for word in wanted if "<" not in word}
        lengths = [word for word in wanted if "<" in word]
        if named - _MOOD != words - _MOOD or not named <= words:
            continue
        if all(_fits(word, all_in, all_out) for word in lengths):
            return _parse(prices)
    raise AssertionError(f"no line for {all_in}, {all_out}, {sorted(words)}")


def _fits(word: str, all_in: int, all_out: int) -> bool:
    what, _, bound = word.partition("<")
    count = {"in": all_in, "out": all_out}[what]
    return count <= int(bound[1:]) if bound.startswith("=") else count < int(bound)


def _parse(text: str) -> dict[str, Fraction] | None:
    plain, hit, out, *more = text.split()
    if plain == "none":
        return None
    found = {"in": Fraction(plain), "out": Fraction(out)}
    found["hit"] = found["in"] if hit == "-" else Fraction(hit)
    for word in more:
        key, _, price = word.partition("=")
        found[key] = Fraction(price)
    return found
