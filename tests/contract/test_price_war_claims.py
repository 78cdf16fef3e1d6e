"""What was claimed in May 2024, computed from the dated rows: what follows from the prices, and what does not.

The page docs/explanation/price-war.md says it in words.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest

from minimill import UnpricedModelError, Usage
from minimill._pricing import PriceRow, find_rows
from minimill.catalog import find_model

BEIJING = dt.timezone(dt.timedelta(hours=8))
M = 1_000_000


def row(name: str, day: int, hour: int = 18) -> PriceRow:
    """The row in force on a day of May 2024."""
    at = dt.datetime(2024, 5, day, hour, tzinfo=BEIJING)
    offer = find_model(name)
    [found] = find_rows(offer.rows, at, offer.region)
    return found


def price(name: str, day: int, what: str = "input", hour: int = 18) -> Fraction:
    """A printed price per million tokens."""
    value = getattr(row(name, day, hour).rates, f"{what}_per_mtok")
    assert value is not None
    return Fraction(value)


def cut(after: Fraction, before: Fraction) -> Decimal:
    """By how many percent a price is lower, exact to a thousandth."""
    return Decimal(round((1 - after / before) * 100_000)) / 1_000


def test_doubao_is_993_per_mille_below_what_two_vendors_asked_for_their_best_model() -> None:
    """The slide compared it with ERNIE 4.0 and Qwen-Max, both at 120; against others it does not follow."""
    doubao = price("doubao:doubao-pro-32k", 15)
    assert cut(doubao, price("ernie:ernie-4.0-8k", 15)) == Decimal("99.333")
    assert cut(doubao, price("qwen:qwen-max", 15)) == Decimal("99.333")
    assert cut(doubao, price("qwen:qwen-long", 15)) == 96
    assert cut(doubao, price("deepseek:deepseek-chat", 15)) == 20
    assert cut(doubao, price("glm:glm-3-turbo", 15)) == 20


def test_and_the_answer_is_never_that_cheap() -> None:
    """One answer of 500 tokens to a question of 1,000: 99 % below, since the output was cut less."""
    work = Usage(1_000, 500)
    at = dt.datetime(2024, 5, 15, 18, tzinfo=BEIJING)
    doubao = find_model("doubao:doubao-pro-32k").charge(work, at).money.nanos
    ernie = find_model("ernie:ernie-4.0-8k").charge(work, at).money.nanos
    assert (doubao, ernie) == (1_800_000, 180_000_000)
    assert cut(Fraction(doubao), Fraction(ernie)) == 99


def test_the_version_for_128k_is_958_per_mille_below() -> None:
    """5 against 120."""
    assert cut(price("doubao:doubao-pro-128k", 15), price("ernie:ernie-4.0-8k", 15)) == Decimal("95.833")


def test_qwen_long_fell_by_975_per_mille_in_and_900_out() -> None:
    """97 % as printed is 97.5 % cut short; 90 % is exact. Qwen-Max's output price stayed."""
    before, after = 9, 10
    assert price("qwen:qwen-long", 21, hour=before) == 20
    assert cut(price("qwen:qwen-long", 21, hour=after), price("qwen:qwen-long", 21, hour=before)) == Decimal("97.5")
    assert cut(
        price("qwen:qwen-long", 21, "output", after), price("qwen:qwen-long", 21, "output", before)
    ) == 90
    assert price("qwen:qwen-max", 21, "output", before) == price("qwen:qwen-max", 21, "output", after) == 120


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("doubao:doubao-pro-32k", 1_250_000), ("qwen:qwen-long", 2_000_000), ("ernie:ernie-4.0-8k", 8_333)],
)
def test_what_one_yuan_buys(name: str, tokens: int) -> None:
    """1.25 million tokens of Doubao, more than 8,000 of a model at 120: true of what is read, not of answers."""
    assert int(M / price(name, 21)) == tokens
    at = dt.datetime(2024, 5, 21, 18, tzinfo=BEIJING)
    assert find_model(name).charge(Usage(tokens, 0), at).money.nanos <= 10**9
    assert find_model(name).charge(Usage(tokens + 1, 0), at).money.nanos > 10**9


def test_one_yuan_of_doubao_is_far_less_with_answers() -> None:
    """Half of it read and half written: 0.714 million tokens, not 1.25."""
    both = price("doubao:doubao-pro-32k", 15) + price("doubao:doubao-pro-32k", 15, "output")
    assert int(2 * M / both) == 714_285


def test_glm_3_turbo_fell_by_800_per_mille_and_half_again_in_batch() -> None:
    """5, 1, and 1 for two million."""
    now = row("glm:glm-3-turbo", 11)
    assert cut(price("glm:glm-3-turbo", 11), price("glm:glm-3-turbo", 10)) == 80
    [batch] = now.tiers
    assert (batch.service_tier, batch.rates.input_per_mtok) == ("batch", Decimal("0.5"))
    at = dt.datetime(2024, 5, 11, tzinfo=BEIJING)
    offer = find_model("glm:glm-3-turbo")
    assert offer.charge(Usage(2 * M, 0), at, service_tier="batch").money.nanos == 10**9


def test_gpt_4o_cost_half_of_gpt_4_turbo() -> None:
    """5 against 10 in, 15 against 30 out."""
    for what in ("input", "output"):
        assert cut(price("openai:gpt-4o", 14, what), price("openai:gpt-4-turbo", 14, what)) == 50


def test_deepseek_v2_cost_a_hundredth_of_gpt_4_turbo_only_where_it_answers() -> None:
    """With the rate of the day, 7.2069 CNY for a dollar: 72 times in, 108 times out."""
    rate = Fraction("7.7662") / Fraction("1.0776")  # European Central Bank, 2024-05-06
    ratios = [
        price("openai:gpt-4-turbo", 6, what) * rate / price("deepseek:deepseek-chat", 6, what)
        for what in ("input", "output")
    ]
    assert [round(ratio) for ratio in ratios] == [72, 108]


def test_hunyuan_fell_to_69_percent_of_a_list_price_that_was_not_what_it_had_cost() -> None:
    """The articles print 12 before and a list price of 10: 57.5 % of the one, 69 % of the other."""
    for name, before in (("hunyuan-standard-32k", 12), ("hunyuan-pro-32k", 120)):
        after = price(f"hunyuan:{name}", 17)
        assert price(f"hunyuan:{name}", 16) == before
        assert after / before == Fraction(575, 1_000)
        assert after / Fraction(before, 12) / 10 == Fraction(69, 100)


def test_what_was_printed_without_an_output_price_has_no_cost() -> None:
    """Unknown, not free, and not the input price alone."""
    at = dt.datetime(2024, 5, 21, 18, tzinfo=BEIJING)
    for model in (find_model("doubao:doubao-pro-128k"), find_model("hunyuan:hunyuan-pro")):
        with pytest.raises(UnpricedModelError, match=r"^its price row has no output price$"):
            model.charge(Usage(1_000, 0), at)


FREE = "free"
LINES: list[tuple[str, str | None, list[tuple[int, str, int | str, int | str | None]]]] = [
    # a line of the articles; why it is no row; day of May 2024, model, price in, price out, as printed
    ("2023-12 Together, Mixtral: 70 % cheaper than Mistral's own", "no price is printed", []),
    ("2024-04 Groq: 800, 500 and 300 tokens a second", "a speed", []),
    ("05-06 DeepSeek-V2: nearly one hundredth of GPT-4-Turbo", None, [(6, "deepseek:deepseek-chat", 1, 2)]),
    (
        "05-11 GLM-3-Turbo: 1 for a million, before 5",
        None,
        [(10, "glm:glm-3-turbo", 5, 5), (11, "glm:glm-3-turbo", 1, 1)],
    ),
    ("05-11 GLM-3-Turbo Batch: 1 for two million", None, [(11, "glm:glm-3-turbo batch", "0.5", "0.5")]),
    ("05-11 Zhipu, new accounts: 25 million tokens free, before 5 million", "a gift to an account", []),
    (
        "05-13 GPT-4o: 5 in; GPT-4 Turbo: 10 in, 30 out",
        None,
        [(14, "openai:gpt-4o", 5, 15), (13, "openai:gpt-4-turbo", 10, 30)],
    ),
    ("05-14 Gemini 1.5 Flash: 0.35 in", None, [(15, "gemini:gemini-1.5-flash", "0.35", "1.05")]),
    (
        "05-14 Hunyuan standard, advanced: 0.012, 0.12 in; 100,000 tokens free for a year",
        None,
        [(14, "hunyuan:hunyuan-standard", 12, None), (14, "hunyuan:hunyuan-pro", 120, None)],
    ),
    ("05-15 Doubao-pro-32k: 0.0008 in", None, [(15, "doubao:doubao-pro-32k", "0.8", 2)]),
    ("05-15 Doubao-pro-128k: 0.005", None, [(15, "doubao:doubao-pro-128k", 5, None)]),
    (
        "05-17 hunyuan-standard 32k, hunyuan-pro 32k: 0.0069, 0.069 in, before 0.012, 0.12",
        None,
        [
            (16, "hunyuan:hunyuan-standard-32k", 12, None),
            (17, "hunyuan:hunyuan-standard-32k", "6.9", None),
            (16, "hunyuan:hunyuan-pro-32k", 120, None),
            (17, "hunyuan:hunyuan-pro-32k", 69, None),
        ],
    ),
    (
        "05-21 Qwen-Long: 0.0005 in, 0.002 out, before 0.02 in, 0.02 out; Qwen-Max's output price unchanged",
        None,
        [(20, "qwen:qwen-long", 20, 20), (21, "qwen:qwen-long", "0.5", 2), (21, "qwen:qwen-max", 40, 120)],
    ),
    (
        "05-21 ERNIE Speed, ERNIE Lite: free, at once; ERNIE 4.0 not included",
        None,
        [
            (20, "ernie:ernie-speed-128k", 16, 32),
            (21, "ernie:ernie-speed-128k", FREE, FREE),
            (20, "ernie:ernie-speed-8k", 4, 8),
            (21, "ernie:ernie-speed-8k", FREE, FREE),
            (20, "ernie:ernie-lite-8k", 3, 6),
            (21, "ernie:ernie-lite-8k", FREE, FREE),
            (21, "ernie:ernie-4.0-8k", 120, 120),
        ],
    ),
    ("2024-05 Spark Lite: free for good", None, [(31, "spark:lite", FREE, FREE)]),
    ("2024-05 Spark 3.5 Max: 0.21 for 10,000", None, [(31, "spark:generalv3.5", 21, 21)]),
    ("2024-05 GLM-4: 0.1", None, [(31, "glm:glm-4", 100, 100)]),
    ("2024-05 qwen-72b-chat: 0.02", None, [(31, "qwen:qwen-72b-chat", 20, 20)]),
    ("one yuan buys 1.25 million tokens from Doubao", None, [(15, "doubao:doubao-pro-32k", "0.8", 2)]),
    ("one yuan buys more than 8,000 tokens from a Chinese model", None, [(21, "ernie:ernie-4.0-8k", 120, 120)]),
    ("one yuan buys about 2,400 tokens from GPT", None, [(21, "openai:gpt-4", 30, 60)]),
    ("one yuan buys about 30,000 tokens from self-hosted Llama", "no price is printed", []),
]
"""Every line of the four articles, in CNY for 1,000 tokens unless it says otherwise; rows are per million."""


@pytest.mark.parametrize(("line", "why_not", "rows"), LINES)
def test_every_printed_price_is_a_row_with_its_source(
    line: str, why_not: str | None, rows: list[tuple[int, str, int | str, int | str | None]]
) -> None:
    """In the currency it was printed in, with where it was read; and what is no price says why."""
    assert (why_not is None) == bool(rows)
    for day, name, price_in, price_out in rows:
        model, _, tier = name.partition(" ")
        found = row(model, day)
        rates = next(part.rates for part in found.tiers if part.service_tier == tier) if tier else found.rates
        told = (rates.input_per_mtok, rates.output_per_mtok)
        if price_in == FREE:
            assert (found.free, told) == (True, (None, None)), line
        else:
            assert told == (Decimal(price_in), None if price_out is None else Decimal(price_out)), line
        assert found.currency == ("USD" if name.startswith(("openai", "gemini")) else "CNY")
        assert found.source and found.since <= dt.datetime(2024, 5, day, 18, tzinfo=BEIJING)


def test_one_yuan_buys_2400_tokens_only_of_what_gpt_4_writes() -> None:
    """At 7.2069 CNY for a dollar: 2,312 written by GPT-4, 4,625 read. Of the GPT-4o of that month five times that."""
    rate = Fraction("7.7662") / Fraction("1.0776")  # European Central Bank, 2024-05-06

    def tokens(model: str, what: str) -> int:
        return int(M / (price(f"openai:{model}", 21, what) * rate))

    assert [tokens("gpt-4", what) for what in ("output", "input")] == [2_312, 4_625]
    assert [tokens("gpt-4-turbo", what) for what in ("output", "input")] == [4_625, 13_875]
    assert [tokens("gpt-4o", what) for what in ("output", "input")] == [9_250, 27_751]


@pytest.mark.parametrize(
    "name", ["ernie:ernie-speed-128k", "ernie:ernie-lite-8k", "spark:lite", "hunyuan:hunyuan-lite"]
)
def test_what_was_given_away_is_free_by_word(name: str) -> None:
    """Marked free, not missing."""
    assert row(name, 22).free
