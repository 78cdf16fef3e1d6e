"""Exact amounts: text, arithmetic, and what is refused."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._money import MAX_NANOS, Money, ceil_nanos, check_currency


@pytest.mark.parametrize(
    ("text", "nanos", "currency"),
    [
        ("50 CNY", 50_000_000_000, "CNY"),
        ("50CNY", 50_000_000_000, "CNY"),
        ("CNY 50", 50_000_000_000, "CNY"),
        ("  1.5 USD ", 1_500_000_000, "USD"),
        (".5 USD", 500_000_000, "USD"),
        ("-0.000000001 EUR", -1, "EUR"),
        ("+2 GBP", 2_000_000_000, "GBP"),
        ("1_000 JPY", 1_000_000_000_000, "JPY"),
    ],
)
def test_an_amount_is_read_from_text(text: str, nanos: int, currency: str) -> None:
    """Number and currency stand in either order."""
    assert Money.of(text) == Money(nanos, currency)


@pytest.mark.parametrize(
    "text", ["", "50", "CNY", "50 yuan", "1,5 CNY", "1.2.3 CNY", "5 cny", "_ CNY", "1e3 CNY"]
)
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="number"):
        Money.of(text)


@pytest.mark.parametrize(
    ("amount", "nanos"),
    [
        (Decimal("1.0000000001"), 1_000_000_001),
        (Decimal("-1.0000000001"), -1_000_000_000),
        (Decimal("0.1"), 100_000_000),
        ("0.0000000001", 1),
        (3, 3_000_000_000),
    ],
)
def test_fractions_of_a_nano_round_up(amount: Decimal | int | str, nanos: int) -> None:
    """Up means towards more, for negative amounts too."""
    assert Money.of(amount, "CNY").nanos == nanos


@pytest.mark.parametrize("amount", [0.1, 1.0, True, None])
def test_binary_floats_and_other_types_are_refused(amount: object) -> None:
    """A float is rarely the number that was written."""
    with pytest.raises(TypeError, match="Decimal, an int or text"):
        Money.of(amount, "CNY")  # type: ignore[arg-type]


@pytest.mark.parametrize("nanos", [1.0, True, "1", Decimal(1)])
def test_nanos_are_an_int(nanos: object) -> None:
    """Whatever only looks like an int is refused."""
    with pytest.raises(TypeError, match="nanos is an int"):
        Money(nanos, "CNY")  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["abc", "NaN", "Infinity", "-Infinity", Decimal("NaN")])
def test_what_is_no_finite_number_is_refused(amount: str | Decimal) -> None:
    """Not a number, and not without end."""
    with pytest.raises(ValueError, match="no number"):
        Money.of(amount, "CNY")


def test_an_amount_needs_a_currency() -> None:
    """A bare number could be anything."""
    with pytest.raises(ValueError, match="needs a currency"):
        Money.of(5)


@pytest.mark.parametrize("code", ["", "cny", "RMB ", "¥", "CN", "CNYX", "CN1", 5, None])
def test_currency_codes_are_three_capitals(code: object) -> None:
    """Money of an unknown kind never enters the books."""
    with pytest.raises(ValueError, match="three capital letters"):
        check_currency(code)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="three capital letters"):
        Money(1, code)  # type: ignore[arg-type]


def test_a_good_currency_code_comes_back() -> None:
    """So that it can be used in an expression."""
    assert check_currency("CNY") == "CNY"


@pytest.mark.parametrize("nanos", [MAX_NANOS + 1, -MAX_NANOS - 1])
def test_amounts_beyond_a_database_integer_are_refused(nanos: int) -> None:
    """2⁶³ − 1 nanos are about 9.2 billion units."""
    with pytest.raises(OverflowError, match=r"9\.2 billion"):
        Money(nanos, "CNY")


@pytest.mark.parametrize("amount", [10**10, "9223372037", Decimal("-1e30")])
def test_units_beyond_a_database_integer_are_refused(amount: int | str | Decimal) -> None:
    """Also when they come as units."""
    with pytest.raises(OverflowError, match=r"9\.2 billion"):
        Money.of(amount, "CNY")


def test_the_largest_amount_fits() -> None:
    """The bound itself is allowed, both ways."""
    assert Money(MAX_NANOS, "CNY").nanos == 9_223_372_036_854_775_807
    assert (-Money(MAX_NANOS, "CNY")).nanos == -9_223_372_036_854_775_807


def test_a_sum_beyond_the_books_is_refused() -> None:
    """Arithmetic does not wrap around."""
    with pytest.raises(OverflowError):
        Money(MAX_NANOS, "CNY") + Money(1, "CNY")


def test_arithmetic_is_exact() -> None:
    """Ten times a tenth is one."""
    tenth = Money.of("0.1", "USD")
    total = Money.zero("USD")
    for _ in range(10):
        total += tenth
    assert total == Money.of(1, "USD")
    assert total - Money.of("0.999999999", "USD") == Money(1, "USD")
    assert -tenth == Money.of("-0.1 USD")


def test_amounts_compare_within_a_currency() -> None:
    """All six comparisons, and the truth of an amount."""
    one, two = Money.of("1 CNY"), Money.of("2 CNY")
    assert one < two
    assert one <= two
    assert two > one
    assert two >= one
    assert one != two
    assert max(one, two) is two
    assert one
    assert not Money.zero("CNY")


def test_currencies_do_not_mix() -> None:
    """Adding or comparing them needs a rate; they are simply not equal."""
    yuan, dollar = Money.of("1 CNY"), Money.of("1 USD")
    assert yuan != dollar
    for mix in (lambda: yuan + dollar, lambda: yuan - dollar, lambda: yuan < dollar, lambda: yuan >= dollar):
        with pytest.raises(ValueError, match="CNY and USD do not add or compare without a rate"):
            mix()


def test_money_and_numbers_do_not_mix() -> None:
    """An amount plus a bare number is a mistake."""
    yuan = Money.of("1 CNY")
    for mix in (lambda: yuan + 1, lambda: yuan - 1, lambda: yuan < 1):  # type: ignore[operator]
        with pytest.raises(TypeError):
            mix()
    assert yuan != 1_000_000_000


@pytest.mark.parametrize(
    ("nanos", "currency", "text"),
    [
        (0, "CNY", "¥0.00"),
        (1, "CNY", "¥0.000000001"),
        (-1, "CNY", "-¥0.000000001"),
        (1_500_000_000, "USD", "$1.50"),
        (-1_500_000_000, "USD", "-$1.50"),
        (1_234_567_890_000_000, "EUR", "€1,234,567.89"),
        (-1_234_567_000_000_000, "GBP", "-£1,234,567.00"),
        (100_000_000_000, "CNY", "¥100.00"),
        (12_345_000_000, "JPY", "12.345 JPY"),
        (-12_000_000_000, "JPY", "-12.00 JPY"),
        (20_000_000, "USD", "$0.02"),
    ],
)
def test_an_amount_prints_with_all_its_digits(nanos: int, currency: str, text: str) -> None:
    """At least two decimals, thousands apart, the sign first."""
    assert str(Money(nanos, currency)) == text


def test_the_amount_in_units_is_exact() -> None:
    """As a Decimal."""
    assert Money(1_234_567_891, "CNY").amount == Decimal("1.234567891")


def test_an_amount_is_a_value() -> None:
    """Equal amounts hash alike, and survive pickling."""
    one = Money.of("1.25 CNY")
    assert hash(one) == hash(Money(1_250_000_000, "CNY"))
    assert pickle.loads(pickle.dumps(one)) == one


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=12))
def test_rounding_up_is_never_below_and_less_than_one_nano_above(units: Decimal) -> None:
    """For any number of units."""
    above = Decimal(ceil_nanos(units)) - units * 1_000_000_000
    assert 0 <= above < 1


@given(st.integers(-(10**18), 10**18), st.sampled_from(["CNY", "USD", "JPY"]))
def test_units_and_nanos_lead_back_to_each_other(nanos: int, currency: str) -> None:
    """Nothing is lost between the two ways to write an amount."""
    money = Money(nanos, currency)
    assert Money.of(money.amount, currency) == money


@pytest.mark.parametrize("text", ["__1 CNY", "1__0 CNY", "1_ CNY", "_1 CNY", "١٢ CNY", "１ CNY", "1. CNY"])
def test_only_plain_digits_are_a_number(text: str) -> None:
    """ASCII digits, with single underscores between them."""
    with pytest.raises(ValueError, match="an amount is a number and a currency"):
        Money.of(text)
    with pytest.raises(ValueError, match="is no number"):
        Money.of(text.removesuffix(" CNY").replace("1.", "1.x"), "CNY")
    assert Money.of("1_000.5 CNY") == Money.of("1_000.5", "CNY") == Money.of("100050e-2", "CNY")


@pytest.mark.parametrize(
    ("spec", "text"),
    [(">10", "     ¥1.50"), ("<7", "¥1.50  "), ("^9", "  ¥1.50  "), ("*>8s", "***¥1.50"), ("6", "¥1.50 ")],
)
def test_money_in_a_column(spec: str, text: str) -> None:
    """A width, with what fills it up."""
    assert format(Money.of("1.5 CNY"), spec) == text


@pytest.mark.parametrize("spec", [".2f", ".3", "020", "0<12", ",", "f", "e", ".>9", "->9", "d"])
def test_no_format_changes_what_an_amount_looks_like(spec: str) -> None:
    """Cutting digits off, or filling with them, would show another amount."""
    with pytest.raises(ValueError, match="money takes a width such as '>20', not .*; format its amount"):
        format(Money.of("1.5 CNY"), spec)
    assert f"{Money.of('1.5 CNY').amount:.1f}" == "1.5"
