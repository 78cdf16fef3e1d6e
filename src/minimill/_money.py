"""Exact amounts: an integer count of nano-units (10⁻⁹) of one currency.

No prices, no rates, no rounding rules of vendors. It may import `_errors` only.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import total_ordering

from minimill._values import dataclass

NANOS = 1_000_000_000
MAX_NANOS = 2**63 - 1
"""Largest count that a database integer holds: about 9.2 billion units."""

_SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
_CURRENCY = re.compile(r"[A-Z]{3}")
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"[-+]?(?:{_DIGITS}(?:\.{_DIGITS})?|\.{_DIGITS})"
_AMOUNT = re.compile(
    rf"\s*(?:(?P<n1>{_NUMBER})\s*(?P<c1>[A-Z]{{3}})|(?P<c2>[A-Z]{{3}})\s*(?P<n2>{_NUMBER}))\s*"
)
_UNITS = re.compile(rf"\s*{_NUMBER}(?:[eE][-+]?[0-9]{{1,3}})?\s*")
_WIDTH = re.compile(r"([^0-9.,-]?[<>^])?([1-9][0-9]{0,3})?s?", re.DOTALL)
"""A fill that is no digit, and no number of places: neither may change what the amount looks like."""


_seen: set[str] = set()
"""Codes that were checked; there are not many that can be right."""


def check_currency(code: str) -> str:
    """Return `code` if it looks like an ISO 4217 code; raise ValueError otherwise."""
    if not isinstance(code, str) or not _CURRENCY.fullmatch(code):
        raise ValueError(f"a currency is three capital letters such as CNY or USD, not {code!r}")
    return code


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `nanos` × 10⁻⁹ of `currency`.

    Arithmetic and comparison need equal currencies and raise ValueError otherwise. Binary floats are
    refused with TypeError; amounts beyond 2⁶³ − 1 nanos raise OverflowError.
    """

    nanos: int
    """Integer count of 10⁻⁹ units; may be negative (a correction)."""
    currency: str
    """ISO 4217 code."""

    def __post_init__(self) -> None:
        if type(self.nanos) is not int:
            raise TypeError(f"nanos is an int, not {type(self.nanos).__name__}")
        if type(self.currency) is not str or self.currency not in _seen:
            _seen.add(check_currency(self.currency))
        if abs(self.nanos) > MAX_NANOS:
            raise OverflowError("an amount beyond 9.2 billion units does not fit the books")

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str | None = None) -> Money:
        """Make an amount from units: `Money.of("1.5", "CNY")`, or `Money.of("1.5 CNY")`.

        Fractions below a nano round up.

        Raises:
            TypeError: for a float, whose value is rarely the one that was written.
            ValueError: for text that is no number, or without a currency.
        """
        if isinstance(amount, str) and currency is None:
            match = _AMOUNT.fullmatch(amount)
            if not match:
                raise ValueError(f"an amount is a number and a currency such as '50 CNY', not {amount!r}")
            amount, currency = match["n1"] or match["n2"], match["c1"] or match["c2"]
        if isinstance(amount, bool) or not isinstance(amount, (Decimal, int, str)):
            raise TypeError(f"an amount is a Decimal, an int or text, not {type(amount).__name__}")
        if currency is None:
            raise ValueError("an amount needs a currency")
        if isinstance(amount, str) and not _UNITS.fullmatch(amount):
            raise ValueError(f"{amount!r} is no number")
        try:
            exact = Decimal(amount)
            if not exact.is_finite():
                raise InvalidOperation
        except InvalidOperation:
            raise ValueError(f"{amount!r} is no number") from None
        if abs(exact) > MAX_NANOS // NANOS:
            raise OverflowError("an amount beyond 9.2 billion units does not fit the books")
        return cls(ceil_nanos(exact), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in `currency`."""
        return cls(0, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in units, exact."""
        return Decimal(f"{self.nanos}E-9")

    def _same(self, other: object) -> Money | None:
        if not isinstance(other, Money):
            return None
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add or compare without a rate")
        return other

    def __add__(self, other: Money) -> Money:
        same = self._same(other)
        return NotImplemented if same is None else Money(self.nanos + same.nanos, self.currency)

    def __sub__(self, other: Money) -> Money:
        same = self._same(other)
        return NotImplemented if same is None else Money(self.nanos - same.nanos, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.nanos, self.currency)

    def __lt__(self, other: Money) -> bool:
        same = self._same(other)
        return NotImplemented if same is None else self.nanos < same.nanos

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __str__(self) -> str:
        whole, fraction = divmod(abs(self.nanos), NANOS)
        sign = "-" if self.nanos < 0 else ""
        symbol = _SYMBOLS.get(self.currency)
        digits = f"{fraction:09}".rstrip("0").ljust(2, "0")
        body = f"{whole:,}.{digits}"
        return f"{sign}{symbol}{body}" if symbol else f"{sign}{body} {self.currency}"

    def __format__(self, spec: str) -> str:
        """The text, filled up to a width: `f"{money:>20}"`. Digits are never cut off.

        Raises ValueError for other formats; `amount` is the number to write in one's own way.
        """
        if not _WIDTH.fullmatch(spec):
            raise ValueError(f"money takes a width such as '>20', not {spec!r}; format its amount for anything else")
        return format(str(self), spec)


def ceil_nanos(units: Decimal) -> int:
    """Units to nanos, rounded up: the only rounding that money sees."""
    top, bottom = units.as_integer_ratio()  # exact, whatever the caller's decimal context says
    return -(-top * NANOS // bottom)
