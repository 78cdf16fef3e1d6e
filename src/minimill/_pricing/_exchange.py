"""Money from one currency into another, by one dated rate with a margin, rounded up.

Rates are given or built in, never fetched. It may import `_money` and `_errors` only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from minimill._errors import ConfigError
from minimill._money import Money, check_currency
from minimill._values import dataclass

MAX_AGE_DAYS = 180
EASTERNMOST = dt.timedelta(hours=14)
"""How far the first time zone of a day is ahead of UTC, in which the day of a conversion is counted."""
MARGIN = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Rate:
    """One exchange rate of one day.

    Raises TypeError for a binary float, ValueError for what cannot be a rate.
    """

    base: str
    """One unit of this currency …"""
    quote: str
    """… is worth `mid` units of this one."""
    mid: Decimal
    """Middle rate."""
    date: dt.date
    """The day the rate is of."""
    source: str
    """Who published it."""
    margin: Decimal = MARGIN
    """What is added to be on the safe side, as a share: 0.02 is 2 %."""

    def __post_init__(self) -> None:
        check_currency(self.base)
        check_currency(self.quote)
        if self.base == self.quote:
            raise ValueError(f"a rate is between two currencies, not {self.base} and {self.quote}")
        for name, value in (("mid", self.mid), ("margin", self.margin)):
            if not isinstance(value, Decimal):
                raise TypeError(f"{name} is a Decimal, not {type(value).__name__}")
        if not self.mid.is_finite() or self.mid <= 0:
            raise ValueError(f"a rate is above zero, not {self.mid}")
        if not self.margin.is_finite() or self.margin < 0:
            raise ValueError(f"a margin is zero or more, not {self.margin}")

    def __str__(self) -> str:
        percent = format((self.margin * 100).normalize(), "f")
        day = self.date.isoformat()
        return f"1 {self.base} = {self.mid} {self.quote} on {day} ({self.source}) + {percent} %"


BUILT_IN = (
    Rate(
        "USD",
        "CNY",
        Decimal("6.6529"),
        dt.date(2026, 10, 30),
        "European Central Bank, euro reference rates",
    ),
)
"""Rates that ship with the package."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency, and how it got there."""

    money: Money
    """Rounded up to a whole nano, margin included."""
    rates: tuple[Rate, ...]
    """The rates used; empty where the currency was the same."""
    age_days: int
    """Age of the oldest of them on the day of conversion."""

    def __str__(self) -> str:
        """The rates in words, with their age; empty where none was needed."""
        if not self.rates:
            return ""
        return f"{', then '.join(str(rate) for rate in self.rates)}, {self.age_days} days old"


class Exchange:
    """The rates in use. Between two currencies the newest on the day counts, whichever way it is written."""

    __slots__ = ("_found", "max_age_days", "rates")

    def __init__(self, rates: Iterable[Rate] = BUILT_IN, *, max_age_days: int = MAX_AGE_DAYS) -> None:
        self.rates = tuple(rates)
        self.max_age_days = max_age_days
        self._found: dict[tuple[str, str, dt.date], tuple[Rate, ...]] = {}

    def find(self, base: str, quote: str, on: dt.date) -> tuple[Rate, ...]:
        """Return the rate that leads from `base` to `quote`, or two by way of one third currency.

        Raises:
            ConfigError: There is none on that day; the message says what to add.
        """
        key = (base, quote, on)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= 1_000:
                self._found.clear()
            found = self._found[key] = self._direct(base, quote, on) or self._by_way(base, quote, on)
        if not found:
            raise ConfigError(self._why_none(base, quote, on))
        return found

    def convert(self, money: Money, to: str, *, on: dt.date, max_age_days: int | None = None) -> Converted:
        """Return `money` in the currency `to`: mid × (1 + margin), rounded up.

        Args:
            money: What to convert.
            to: The currency wanted.
            on: The day, in UTC; later rates do not count, but for one of the day after where there is no other.
            max_age_days: Instead of the table's own.

        Raises:
            ConfigError: There is no rate, or it is too old, or the result is beyond what the books can
                hold; the message says what to do.
        """
        if money.currency == to:
            return Converted(money, (), 0)
        rates = self.find(money.currency, to, on)
        most = self.max_age_days if max_age_days is None else max_age_days
        age = max(0, *((on - rate.date).days for rate in rates))
        if age > most:
            raise ConfigError(_too_old(rates, age, most))
        from fractions import Fraction  # calls in one currency need none

        amount, currency = Fraction(money.nanos), money.currency
        for rate in rates:
            forward = rate.base == currency
            mid = Fraction(rate.mid)
            amount *= (mid if forward else 1 / mid) * (1 + Fraction(rate.margin))
            currency = rate.quote if forward else rate.base
        try:
            return Converted(Money(-(-amount.numerator // amount.denominator), to), rates, age)
        except OverflowError:
            raise ConfigError(f"{money} is more {to} than the books can hold; lower the limits") from None

    def _direct(self, base: str, quote: str, on: dt.date) -> tuple[Rate, ...]:
        both = [rate for rate in self.rates if {rate.base, rate.quote} == {base, quote}]
        # A rate of tomorrow is one of today, east of here; it counts where there is none of a day before.
        for last in (on, on + dt.timedelta(days=1)):
            if fitting := [rate for rate in both if rate.date <= last]:
                return (max(fitting, key=lambda rate: (rate.date, rate.base == base)),)
        return ()

    def _by_way(self, base: str, quote: str, on: dt.date) -> tuple[Rate, ...]:
        ways = []
        for third in sorted(
            {name for rate in self.rates for name in (rate.base, rate.quote)} - {base, quote}
        ):
            first, second = self._direct(base, third, on), self._direct(third, quote, on)
            if first and second:
                ways.append(first + second)
        return max(ways, key=lambda legs: min(rate.date for rate in legs), default=())

    def _why_none(self, base: str, quote: str, on: dt.date) -> str:
        later = [rate.date for rate in self.rates if {rate.base, rate.quote} == {base, quote}]
        known = f" (the first known is of {min(later).isoformat()})" if later else ""
        return (
            f"no exchange rate between {base} and {quote} is known on {on.isoformat()}{known}; "
            f"give one under rates in minimill.toml, or limit each currency by itself"
        )


def _too_old(rates: tuple[Rate, ...], age: int, most: int) -> str:
    oldest = min(rates, key=lambda rate: rate.date)
    return (
        f"the exchange rate 1 {oldest.base} = {oldest.mid} {oldest.quote} of {oldest.date.isoformat()} "
        f"is {age} days old, more than {most}; give a newer one under rates in minimill.toml, "
        f"or raise max_rate_age_days"
    )
