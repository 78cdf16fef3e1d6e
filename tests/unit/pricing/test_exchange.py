"""One dated rate with a margin, rounded up."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._errors import ConfigError
from minimill._money import Money
from minimill._pricing import BUILT_IN, Exchange, Rate

DAY = dt.date(2026, 11, 22)


def rate(
    base: str = "USD", quote: str = "CNY", mid: str = "7", date: dt.date = DAY, margin: str = "0.02"
) -> Rate:
    return Rate(base, quote, Decimal(mid), date, "test", Decimal(margin))


def test_the_built_in_rate() -> None:
    """European Central Bank, 2026-10-30: 100 × 6.6529 × 1.02 yuan for 100 dollars."""
    converted = Exchange().convert(Money.of("100 USD"), "CNY", on=DAY)
    assert converted.money == Money.of("678.5958 CNY")
    assert converted.rates == BUILT_IN
    assert converted.age_days == 23
    assert str(converted) == (
        "1 USD = 6.6529 CNY on 2026-10-30 (European Central Bank, euro reference rates) + 2 %, 23 days old"
    )


def test_a_rate_works_both_ways() -> None:
    """100 ÷ 6.6529 × 1.02 = 15.3316598775…, rounded up at the last nano."""
    converted = Exchange().convert(Money.of("100 CNY"), "USD", on=DAY)
    assert converted.money.nanos == 15_331_659_878


def test_one_nano_stays_at_least_one_nano() -> None:
    """Rounding never makes something free."""
    assert Exchange().convert(Money(1, "CNY"), "USD", on=DAY).money == Money(1, "USD")
    assert Exchange().convert(Money(0, "CNY"), "USD", on=DAY).money == Money(0, "USD")


def test_a_negative_amount_rounds_up_too() -> None:
    """A correction gives back no more than it should: −7.14 for −1."""
    exchange = Exchange([rate()])
    assert exchange.convert(Money.of("-1 USD"), "CNY", on=DAY).money == Money.of("-7.14 CNY")
    assert exchange.convert(Money(-1, "CNY"), "USD", on=DAY).money == Money(0, "USD")


def test_the_same_currency_needs_no_rate() -> None:
    """However empty the table."""
    converted = Exchange([]).convert(Money.of("1 EUR"), "EUR", on=DAY)
    assert (converted.money, converted.rates, converted.age_days, str(converted)) == (
        Money.of("1 EUR"),
        (),
        0,
        "",
    )


def test_what_the_books_cannot_hold_is_refused() -> None:
    """Nine billion dollars are more yuan than fit."""
    with pytest.raises(ConfigError, match="more CNY than the books can hold"):
        Exchange().convert(Money.of("9_000_000_000 USD"), "CNY", on=DAY)


def test_the_newest_rate_of_the_day_counts() -> None:
    """Later ones are not known yet; of one day the direct one."""
    old = rate(mid="6", date=DAY - dt.timedelta(days=9))
    new = rate("CNY", "USD", "0.125", DAY - dt.timedelta(days=1))
    late = rate(mid="9", date=DAY + dt.timedelta(days=1))
    exchange = Exchange([late, old, new])
    assert exchange.find("USD", "CNY", DAY) == (new,)
    assert exchange.find("USD", "CNY", DAY - dt.timedelta(days=2)) == (old,)
    assert exchange.convert(Money.of("1 USD"), "CNY", on=DAY).money == Money.of("8.16 CNY")
    direct, inverse = rate(mid="7"), rate("CNY", "USD", "0.1")
    assert Exchange([inverse, direct]).find("USD", "CNY", DAY) == (direct,)
    assert Exchange([inverse, direct]).find("CNY", "USD", DAY) == (inverse,)


def test_two_rates_by_way_of_a_third_currency() -> None:
    """1 euro = 1.1 dollars = 7.7 yuan, each with its margin; the older one gives the age."""
    first = rate("EUR", "USD", "1.1", DAY - dt.timedelta(days=5), "0.1")
    second = rate("USD", "CNY", "7", DAY - dt.timedelta(days=9), "0")
    converted = Exchange([first, second]).convert(Money.of("1 EUR"), "CNY", on=DAY)
    assert converted.money == Money.of("8.47 CNY")
    assert (converted.rates, converted.age_days) == ((first, second), 9)
    assert str(converted) == (
        "1 EUR = 1.1 USD on 2026-11-17 (test) + 10 %, then 1 USD = 7 CNY on 2026-11-13 (test) + 0 %, 9 days old"
    )


def test_the_fresher_way_wins() -> None:
    """Of several third currencies; and a direct rate over all of them."""
    stale = [rate("EUR", "GBP", "1", DAY - dt.timedelta(days=50)), rate("GBP", "CNY", "1")]
    fresh = [rate("EUR", "USD", "1"), rate("CNY", "USD", "1")]
    half = [rate("EUR", "JPY", "1")]
    exchange = Exchange([*stale, *fresh, *half])
    assert exchange.find("EUR", "CNY", DAY) == tuple(fresh)
    direct = rate("EUR", "CNY", "8", DAY - dt.timedelta(days=100))
    assert Exchange([*fresh, direct]).find("EUR", "CNY", DAY) == (direct,)


def test_a_missing_rate_says_what_to_do() -> None:
    """In one line."""
    with pytest.raises(ConfigError) as caught:
        Exchange().convert(Money.of("1 EUR"), "CNY", on=DAY)
    assert caught.value.message == (
        "no exchange rate between EUR and CNY is known on 2026-11-22; "
        "give one under rates in minimill.toml, or limit each currency by itself"
    )
    with pytest.raises(ConfigError, match=r"known on 2024-05-15 \(the first known is of 2026-10-30\)"):
        Exchange().convert(Money.of("1 USD"), "CNY", on=dt.date(2024, 5, 15))


@pytest.mark.parametrize(("age", "refused"), [(180, False), (181, True)])
def test_an_old_rate_is_refused(age: int, refused: bool) -> None:
    """After 180 days, unless that is overridden."""
    exchange = Exchange([rate(date=DAY - dt.timedelta(days=age))])
    dollar = Money.of("1 USD")
    if not refused:
        assert exchange.convert(dollar, "CNY", on=DAY).age_days == 180
        return
    with pytest.raises(ConfigError) as caught:
        exchange.convert(dollar, "CNY", on=DAY)
    assert caught.value.message == (
        "the exchange rate 1 USD = 7 CNY of 2026-05-25 is 181 days old, more than 180; "
        "give a newer one under rates in minimill.toml, or raise max_rate_age_days"
    )
    assert exchange.convert(dollar, "CNY", on=DAY, max_age_days=181).age_days == 181
    assert Exchange(exchange.rates, max_age_days=200).convert(dollar, "CNY", on=DAY).age_days == 181
    with pytest.raises(ConfigError, match="more than 5"):
        exchange.convert(dollar, "CNY", on=DAY, max_age_days=5)


def test_what_was_looked_up_is_remembered_but_not_without_end() -> None:
    """A thousand days, then again from the start."""
    exchange = Exchange([rate(date=dt.date(2020, 1, 1))])
    for days in range(1_100):
        exchange.find("USD", "CNY", DAY + dt.timedelta(days=days))
    assert len(exchange._found) <= 1_000


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"base": "usd"}, ValueError, "three capital letters"),
        ({"quote": "YUAN"}, ValueError, "three capital letters"),
        ({"quote": "USD"}, ValueError, "between two currencies"),
        ({"mid": 7.0}, TypeError, "mid is a Decimal, not float"),
        ({"mid": Decimal(0)}, ValueError, "above zero"),
        ({"mid": Decimal("NaN")}, ValueError, "above zero"),
        ({"margin": 0.02}, TypeError, "margin is a Decimal, not float"),
        ({"margin": Decimal("-0.01")}, ValueError, "zero or more"),
        ({"margin": Decimal("Infinity")}, ValueError, "zero or more"),
    ],
)
def test_what_cannot_be_a_rate_is_refused(fields, error, words) -> None:
    """When it is made."""
    good = {"base": "USD", "quote": "CNY", "mid": Decimal(7), "date": DAY, "source": "test"}
    with pytest.raises(error, match=words):
        Rate(**(good | fields))


@given(
    st.integers(0, 10**14),
    st.decimals("0.0001", "10000", places=4),
    st.decimals("0", "0.5", places=3),
    st.booleans(),
)
def test_there_and_back_never_loses(nanos: int, mid: Decimal, margin: Decimal, forward: bool) -> None:
    """Whatever the rate, converting both ways gives at least what was there."""
    pair = ("USD", "CNY") if forward else ("CNY", "USD")
    exchange = Exchange([Rate(*pair, mid, DAY, "test", margin)])
    there = exchange.convert(Money(nanos, "USD"), "CNY", on=DAY).money
    assert exchange.convert(there, "USD", on=DAY).money.nanos >= nanos


def test_a_rate_of_tomorrow_counts_where_there_is_no_other() -> None:
    """It is today's, east of here. The day after tomorrow's is nobody's, and today's own goes first."""
    day = dt.timedelta(days=1)
    tomorrow = Exchange([rate(mid="8", date=DAY + day)])
    converted = tomorrow.convert(Money.of("1 USD"), "CNY", on=DAY)
    assert (converted.money, converted.age_days) == (Money.of("8.16 CNY"), 0)
    both = Exchange([rate(mid="8", date=DAY + day), rate(mid="7", date=DAY)])
    assert both.convert(Money.of("1 USD"), "CNY", on=DAY).money == Money.of("7.14 CNY")
    with pytest.raises(ConfigError, match="no exchange rate between USD and CNY is known on 2026-11-22"):
        Exchange([rate(date=DAY + 2 * day)]).find("USD", "CNY", DAY)
