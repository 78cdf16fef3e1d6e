"""Adding up attempts: by whom, where and when; never across currencies, and never an unknown as zero."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from minimill import Money
from minimill._report import Tokens, certainty_of, charge_of, group_spend, key_of
from minimill.ledger import AttemptMeta, AttemptRecord, SpendLine, SpendRow

MORNING = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
EVENING = dt.datetime(2026, 11, 23, 20, tzinfo=dt.UTC)


def row(
    attempt: str = "c1-1",
    provider: str = "glm",
    model: str = "g1",
    *,
    charged: int | None = 100,
    currency: str | None = "CNY",
    certainty: str = "exact",
    at: dt.datetime = MORNING,
    app: str | None = None,
    tags: dict[str, str] | None = None,
    corrected: int = 0,
    lines: tuple[SpendLine, ...] = (),
    **counts: Any,
) -> SpendRow:
    """One attempt."""
    meta = AttemptMeta(attempt.partition("-")[0], provider, model, app, None, tags or {})
    record = AttemptRecord(
        attempt, meta, at, at, counts.pop("status", "ok"), certainty, currency, charged, charged, **counts
    )
    return SpendRow(record, corrected, lines)


def test_attempts_of_one_model_add_up() -> None:
    """Calls are counted once, attempts each; tokens and charges are summed."""
    first = row("c1-1", input_tokens=30, cached_input_tokens=10, output_tokens=20, reasoning_tokens=0)
    second = row("c1-2", charged=7, input_tokens=3, cached_input_tokens=0, output_tokens=2, reasoning_tokens=1)
    (group,) = group_spend([first, second], ["model"])
    assert group.keys == ("glm:g1",)
    assert (group.calls, group.attempts, group.charged) == (1, 2, Money(107, "CNY"))
    assert group.input_tokens == Tokens(33, 0, 2)
    assert group.cached_input_tokens == Tokens(10, 0, 2)
    assert group.output_tokens == Tokens(22, 0, 2)
    assert group.reasoning_tokens == Tokens(1, 0, 2)


def test_currencies_are_never_added() -> None:
    """A group in two currencies has a line for each."""
    groups = group_spend([row("c1-1"), row("c2-1", currency="USD", charged=3)], ["app"])
    assert [(group.keys, group.charged) for group in groups] == [
        (("(none)",), Money(100, "CNY")),
        (("(none)",), Money(3, "USD")),
    ]


def test_unknown_tokens_are_counted_and_not_taken_for_zero() -> None:
    """One attempt said 5, one did not say; what was refused used nothing."""
    rows = [row("c1-1", input_tokens=5), row("c2-1"), row("c3-1", charged=0, certainty="released")]
    (group,) = group_spend(rows)
    assert group.input_tokens == Tokens(5, 1, 2)
    assert group.output_tokens == Tokens(0, 2, 1)


def test_an_unknown_cost_is_counted() -> None:
    """Its line has no charge; one that was not billed has one of zero."""
    unpriced = row("c1-1", charged=None, currency=None, certainty="unpriced")
    refused = row("c2-1", charged=None, currency=None, certainty="released")
    (group,) = group_spend([unpriced, refused])
    assert (group.charged, group.unpriced, group.charged_nanos) == (None, 1, 0)
    assert charge_of(unpriced) is None


def test_the_parts_of_a_charge() -> None:
    """Held and estimated are parts of it; corrections are in it already."""
    rows = [
        row("c1-1", charged=10, certainty="held"),
        row("c2-1", charged=20, certainty="estimated"),
        row("c3-1", charged=40, certainty="held", corrected=-15),
    ]
    (group,) = group_spend(rows)
    assert (group.charged_nanos, group.held_nanos, group.estimated_nanos, group.corrected_nanos) == (55, 10, 20, -15)


@pytest.mark.parametrize(
    ("held", "corrected", "said"),
    [(10, 0, "held"), (0, 0, "corrected"), (0, -3, "corrected")],
    ids=["stands", "corrected to the same amount", "corrected"],
)
def test_a_hold_is_one_until_it_is_corrected(held: int, corrected: int, said: str) -> None:
    """The accounts know whether anything is held still."""
    line = SpendLine("all", "", "CNY", 10, held, 10 - held)
    assert certainty_of(row(charged=10, certainty="held", corrected=corrected, lines=(line,))) == said


def test_a_correction_of_an_unknown_cost_is_the_cost() -> None:
    """Unpriced, then corrected to 12 nanos."""
    told = row(charged=None, certainty="unpriced", corrected=12)
    assert (charge_of(told), certainty_of(told)) == (Money(12, "CNY"), "corrected")


def test_days_begin_where_the_reader_is() -> None:
    """20:00 UTC is the next day in Shanghai; months as well as days."""
    record = row(at=EVENING).record
    assert key_of(record, "day", dt.UTC) == "2026-11-23"
    assert key_of(record, "day", ZoneInfo("Asia/Shanghai")) == "2026-11-24"
    assert key_of(record, "month", dt.UTC) == "2026-11"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("app", "helpdesk"),
        ("route", "(none)"),
        ("provider", "glm"),
        ("model", "glm:g1"),
        ("status", "ok"),
        ("tag:user", "42"),
        ("tag:team", "(none)"),
    ],
)
def test_what_attempts_are_grouped_by(word: str, value: str) -> None:
    """Each word's value; what is missing is named so."""
    assert key_of(row(app="helpdesk", tags={"user": "42"}).record, word) == value


def test_the_dearest_comes_first() -> None:
    """By charge inside a currency, currencies in order, unknown ones last."""
    rows = [
        row("c1-1", model="cheap", charged=1),
        row("c2-1", model="dear", charged=9),
        row("c3-1", model="dollars", charged=5, currency="USD"),
        row("c4-1", model="free", charged=None, currency=None, certainty="unpriced"),
    ]
    assert [group.keys[0] for group in group_spend(rows, ["model"])] == [
        "glm:dear",
        "glm:cheap",
        "glm:dollars",
        "glm:free",
    ]


def test_days_come_in_order_of_time() -> None:
    """Providers by name, inside each the days, whatever they cost."""
    later = EVENING + dt.timedelta(days=1)
    rows = [row("c1-1", "qwen", at=later, charged=9), row("c2-1", "qwen"), row("c3-1", "glm", at=later)]
    assert [group.keys for group in group_spend(rows, ["provider", "day"], zone=dt.UTC)] == [
        ("glm", "2026-11-24"),
        ("qwen", "2026-11-23"),
        ("qwen", "2026-11-24"),
    ]


@pytest.mark.parametrize("word", ["colour", "tag:", "tag"])
def test_an_unknown_word_is_refused(word: str) -> None:
    """The text names what there is."""
    with pytest.raises(ValueError, match=r"app, route, provider, model, day, month, status or tag:NAME, not by"):
        group_spend([], [word])


def test_no_attempts_no_groups() -> None:
    """Nothing was spent in no currency."""
    assert group_spend([], ["model"]) == group_spend([]) == []
