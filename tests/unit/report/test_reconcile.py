"""Lines of a usage export and attempts of the books: what must belong together, and what is left in doubt."""

from __future__ import annotations

import datetime as dt
from typing import Any

from minimill import Money
from minimill._report import BillLine, Reconciled, reconcile, waits
from minimill.ledger import AttemptMeta, AttemptRecord, SpendLine, SpendRow

START = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def attempt(
    name: str,
    *,
    seconds: float = 0,
    held: int | None = None,
    cost: int | None = None,
    provider: str = "glm",
    model: str = "g1",
    currency: str | None = "CNY",
    **fields: Any,
) -> SpendRow:
    """An attempt of one second that holds or cost so many nanos in the budget `all`; neither: unpriced."""
    at = START + dt.timedelta(seconds=seconds)
    certainty = "held" if held is not None else "unpriced" if cost is None else "exact"
    values: dict[str, Any] = {
        "status": "TransportError" if certainty == "held" else "ok",
        "certainty": certainty,
        "currency": currency,
        "charged_nanos": held if held is not None else cost,
        **fields,
    }
    record = AttemptRecord(
        name, AttemptMeta(name, provider, model), at, at + dt.timedelta(seconds=1), **values
    )
    line = SpendLine("all", "", "CNY", held or cost, held or 0, cost or 0)
    return SpendRow(record, lines=(line,))


def bill(
    number: int, nanos: int, *, seconds: float | None = None, tokens: Any = (None, None), **fields: Any
) -> BillLine:
    """A line of so many nanos of CNY for the model `g1`."""
    at = None if seconds is None else START + dt.timedelta(seconds=seconds)
    values: dict[str, Any] = {"model": "g1", "input_tokens": tokens[0], "output_tokens": tokens[1], **fields}
    return BillLine(number, Money(nanos, values.pop("currency", "CNY")), at=at, **values)


def compared(rows: list[SpendRow], lines: list[BillLine]) -> Reconciled:
    return reconcile(rows, lines, "glm", dt.timedelta(seconds=5))


def corrections(found: Reconciled) -> list[tuple[str, tuple[int, ...], int, bool]]:
    return [(m.row.record.attempt_id, m.lines, m.amount.nanos, m.by_id) for m in found.to_correct]


def doubts(found: Reconciled) -> list[tuple[str, tuple[int, ...], str]]:
    return [(doubt.row.record.attempt_id, doubt.lines, doubt.why) for doubt in found.doubts]


# -- by request id -------------------------------------------------------------------------------


def test_a_request_id_decides() -> None:
    """Whatever model and time say; lines of one id add up, as where input and output are billed apart."""
    rows = [attempt("a", held=100, request_id="r1"), attempt("b", held=100, request_id="r2")]
    found = compared(rows, [bill(2, 7, request_id="r2", seconds=9e6), bill(3, 30, request_id="r1"),
                            bill(4, 11, request_id="r2")])  # fmt: skip
    assert corrections(found) == [("a", (3,), 30, True), ("b", (2, 4), 18, True)]
    assert (found.agree, found.differ, found.doubts, found.missing, found.strangers) == (0, [], [], [], [])


def test_settled_attempts_agree_or_differ() -> None:
    """Neither is corrected; one that is not what the export says is told."""
    rows = [attempt("a", cost=30, request_id="r1"), attempt("b", cost=40, request_id="r2")]
    found = compared(rows, [bill(2, 30, request_id="r1"), bill(3, 41, request_id="r2")])
    assert (found.agree, corrections(found)) == (1, [])
    assert [(match.row.record.attempt_id, match.amount) for match in found.differ] == [("b", Money(41, "CNY"))]


def test_a_released_attempt_that_was_billed_is_told() -> None:
    """It was taken for free."""
    row = attempt("a", cost=0, request_id="r1", status="OverloadedError")
    found = compared([row], [bill(2, 5, request_id="r1")])
    assert [match.row.record.attempt_id for match in found.differ] == ["a"]


def test_an_id_of_two_attempts_is_in_doubt() -> None:
    """A vendor that uses an id again does not say which of the two it means."""
    rows = [attempt("a", held=100, request_id="r1"), attempt("b", held=100, request_id="r1")]
    why = "2 attempts have the request id of these lines"
    assert doubts(compared(rows, [bill(2, 7, request_id="r1")])) == [("a", (2,), why), ("b", (2,), why)]


def test_another_currency_is_in_doubt() -> None:
    """The books would take the number for one of their own."""
    found = compared([attempt("a", held=9, request_id="r1")], [bill(2, 7, request_id="r1", currency="USD")])
    assert doubts(found) == [("a", (2,), "the export is in USD, the books in CNY")]


def test_less_than_nothing_is_in_doubt() -> None:
    """A refund without its charge."""
    found = compared([attempt("a", held=9, request_id="r1")], [bill(2, -7, request_id="r1")])
    assert doubts(found) == [("a", (2,), "less than nothing is billed: -¥0.000000007")]


def test_a_bill_as_high_as_the_hold_still_closes_it() -> None:
    """The amount is the same; that it is known is new."""
    found = compared([attempt("a", held=9, request_id="r1")], [bill(2, 9, request_id="r1")])
    assert corrections(found) == [("a", (2,), 9, True)]


def test_what_is_in_flight_is_left_alone() -> None:
    """Its process will settle it."""
    found = compared([attempt("a", held=9, request_id="r1", status="open")], [bill(2, 7, request_id="r1")])
    assert (corrections(found), found.differ, found.agree, found.missing) == ([], [], 0, [])


def test_a_model_without_a_price_gets_one() -> None:
    """An unpriced attempt is corrected like a held one, in the currency of the export."""
    found = compared([attempt("a", request_id="r1", currency=None)], [bill(2, 7, request_id="r1", currency="USD")])
    assert corrections(found) == [("a", (2,), 7, True)]


# -- by model, time and tokens -------------------------------------------------------------------


def test_the_only_line_of_the_only_attempt() -> None:
    """Same model, within five seconds of the attempt."""
    found = compared([attempt("a", held=100)], [bill(2, 30, seconds=6)])
    assert corrections(found) == [("a", (2,), 30, False)]


def test_a_line_of_another_time_or_model() -> None:
    """More than five seconds after the attempt ended is too late; another model is another call."""
    found = compared([attempt("a", held=100)], [bill(2, 30, seconds=6.1), bill(3, 30, seconds=0, model="g2")])
    assert (corrections(found), found.strangers) == ([], [2, 3])
    assert [row.record.attempt_id for row in found.missing] == ["a"]


def test_attempts_of_other_vendors_are_none_of_its_business() -> None:
    """They are not missing in its export."""
    found = compared([attempt("a", held=100, provider="qwen")], [bill(2, 30, seconds=0)])
    assert (corrections(found), found.missing, found.strangers) == ([], [], [2])


def test_attempts_of_another_day_are_not_missing() -> None:
    """The export cannot know them."""
    found = compared([attempt("a", held=100, seconds=-86_400)], [bill(2, 30, seconds=0)])
    assert found.missing == []


def test_two_lines_that_fit_are_in_doubt() -> None:
    """Nothing says which."""
    found = compared([attempt("a", held=100)], [bill(2, 30, seconds=0), bill(3, 40, seconds=1)])
    assert doubts(found) == [("a", (2, 3), "several lines may be its own")]


def test_two_attempts_that_fit_are_in_doubt() -> None:
    """One of them was perhaps not billed at all."""
    found = compared([attempt("a", held=100), attempt("b", held=100, seconds=1)], [bill(2, 30, seconds=0)])
    why = "the line may be that of another attempt"
    assert doubts(found) == [("a", (2,), why), ("b", (2,), why)]


def test_tokens_decide_where_the_books_know_them() -> None:
    """An answer that came, and could not be priced, said what it used."""
    rows = [attempt("a", held=100, input_tokens=30, output_tokens=12),
            attempt("b", held=100, input_tokens=30, output_tokens=13)]  # fmt: skip
    found = compared(rows, [bill(2, 7, seconds=0, tokens=(30, 13)), bill(3, 6, seconds=0, tokens=(30, 12)),
                            bill(4, 5, seconds=0, tokens=(31, 12))])  # fmt: skip
    assert corrections(found) == [("a", (3,), 6, False), ("b", (2,), 7, False)]
    assert found.strangers == [4]


def test_more_tokens_than_the_ceiling_are_another_calls() -> None:
    """The attempt was bounded by 100 tokens in and 50 out."""
    row = attempt("a", held=100, details={"ceiling": {"input_tokens": 100, "output_tokens": 50}})
    found = compared([row], [bill(2, 7, seconds=0, tokens=(90, 51)), bill(3, 6, seconds=0, tokens=(90, 50))])
    assert (corrections(found), found.strangers) == ([("a", (3,), 6, False)], [2])


def test_lines_of_settled_attempts_are_not_taken_for_another() -> None:
    """Two settled calls own the lines with their tokens; what is left is that of the third."""
    rows = [attempt("s1", cost=5, input_tokens=10, output_tokens=5),
            attempt("s2", cost=6, input_tokens=10, output_tokens=6),
            attempt("a", held=100)]  # fmt: skip
    lines = [bill(2, 5, seconds=0, tokens=(10, 5)), bill(3, 6, seconds=0, tokens=(10, 6)),
             bill(4, 40, seconds=0, tokens=(10, 40))]  # fmt: skip
    found = compared(rows, lines)
    assert (corrections(found), found.agree) == ([("a", (4,), 40, False)], 2)


def test_a_settled_attempt_that_could_own_either_line_leaves_doubt() -> None:
    """Both lines have its tokens; one of them is that of the attempt whose tokens nobody knows."""
    rows = [attempt("s1", cost=5, input_tokens=10, output_tokens=5), attempt("a", held=100)]
    lines = [bill(2, 5, seconds=0, tokens=(10, 5)), bill(3, 5, seconds=0, tokens=(10, 5))]
    assert doubts(compared(rows, lines)) == [("a", (2, 3), "several lines may be its own")]


def test_two_settled_attempts_and_one_line_leave_doubt() -> None:
    """The export lacks a line: so it may lack the third attempt's as well."""
    rows = [attempt("s1", cost=5, input_tokens=10, output_tokens=5),
            attempt("s2", cost=5, input_tokens=10, output_tokens=5), attempt("a", held=100)]  # fmt: skip
    found = compared(rows, [bill(2, 5, seconds=0, tokens=(10, 5))])
    assert doubts(found) == [("a", (2,), "the line may be that of another attempt")]


def test_ids_that_differ_are_not_brought_together() -> None:
    """The vendor said what the attempt is called, and the line is called otherwise."""
    found = compared([attempt("a", held=100, request_id="r1")], [bill(2, 30, seconds=0, request_id="r9")])
    assert (corrections(found), found.strangers) == ([], [2])


def test_an_id_that_the_books_never_saw() -> None:
    """An attempt that timed out has none: model and time find it."""
    found = compared([attempt("a", held=100)], [bill(2, 30, seconds=0, request_id="r9")])
    assert corrections(found) == [("a", (2,), 30, False)]


def test_ten_thousand_lines_among_as_many_attempts() -> None:
    """Each of a crowd in one second has its own tokens; the one that waits is found."""
    rows = [attempt(f"s{n}", cost=n, input_tokens=n, output_tokens=1) for n in range(10_000)]
    seen: list[int] = []
    lines = [bill(n + 2, n, seconds=0, tokens=(n, 1)) for n in range(10_001)]
    found = reconcile([*rows, attempt("a", held=10**6)], lines, "glm", dt.timedelta(seconds=5), seen.append)
    assert corrections(found) == [("a", (10_002,), 10_000, False)]
    assert (found.agree, seen[-1]) == (10_000, 10_001)


def test_what_waits() -> None:
    """Held and unpriced attempts wait; open and settled ones do not."""
    assert [waits(row) for row in (attempt("a", held=1), attempt("b"), attempt("c", cost=1))] == [True, True, False]
    assert not waits(attempt("d", held=1, status="open"))
