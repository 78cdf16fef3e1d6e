"""`minimill explain`: the arithmetic of a charge, done again."""

import json
import sqlite3
from pathlib import Path

import pytest

from .conftest import Run, lines


def test_the_arithmetic_of_a_call(run: Run, books: str) -> None:
    """Buckets times prices, rounded up once; row, condition, rate, and what was reserved and why."""
    assert run("explain", "c1", "--ledger", books).stdout == lines(
        """
        call c1 · app helpdesk · route default · user 42

        1. qwen:q1  ¥0.00  (released)
           attempt c1-1 · 2026-11-23 10:00:00.000+00:00 · RateLimitedError after 0.50 s · HTTP 429
           not billed: nothing was sent, or the vendor refused in its own words

        2. glm:g1  ¥0.000138502  (exact)
           attempt c1-2 · 2026-11-23 10:00:03.600+00:00 · ok after 0.50 s · first token after 0.25 s · finish reason stop · HTTP 200 · vendor's request id req-7
             input               20  × 2 CNY per million tokens            = 0.00004 CNY
             cached input        10  × 0.25 CNY per million tokens       = 0.0000025 CNY
             output              12  × 8.0001 CNY per million tokens  = 0.0000960012 CNY
             ---------------  -----  -------------------------------  ------------------
             sum, rounded up                                           = 0.000138502 CNY
           price since 2026-01-01T00:00:00+08:00: https://glm.example/prices (checked 2026-11-20, the vendor's own page)
           because: input > 10
           rate: 1 USD = 7 CNY on 2026-11-01 (a bank) + 2 %, 22 days old
           reserved before sending: ¥0.000600005, the most it could cost
             input     100  × 2 CNY per million tokens            = 0.0002 CNY
             output     50  × 8.0001 CNY per million tokens  = 0.000400005 CNY
           price since 2026-01-01T00:00:00+08:00: https://glm.example/prices (checked 2026-11-20, the vendor's own page)
           assumed: text: at most 1 tokens a byte of UTF-8, 20 bytes
        """  # noqa: E501
    )


def test_a_price_of_ones_own(run: Run, world: Path) -> None:
    """Whose it is, in the books' own record: the file, since when, and the contract it names."""
    rows = """
[[providers.acme.models]]
id = "m"
prices = [{ input_per_mtok = 1, output_per_mtok = 5, checked = 2026-11-20 }]
[[providers.other.models]]
id = "m"
[[providers.other.models.prices]]
since = 2026-01-01T00:00:00Z
input_per_mtok = 1
output_per_mtok = 5
source = "contract 7"
checked = 2026-11-20
"""
    (world.parent / "contract.toml").write_text(rows, encoding="utf-8")
    text = world.read_text(encoding="utf-8")
    for name in ("acme", "other"):
        start = text.index(f"[[providers.{name}.models.prices]]")
        text = text[:start] + text[text.index("checked", start) :].partition("\n")[2]
    text = text.replace("limit = \"1 CNY\"", "limit = \"100 CNY\"")
    world.write_text(f'price_files = ["contract.toml"]\n{text}', encoding="utf-8")
    for name, said in (
        ("acme", "of your own, set in contract.toml (checked 2026-11-20)"),
        ("other", "of your own, set in contract.toml since 2026-01-01T00:00:00+00:00: contract 7 (checked 2026-11-20)"),
    ):
        run("chat", "hello", "--model", f"{name}:m")
        out = run("spend", "--attempts", "--jsonl").stdout
        call_id = json.loads(out.splitlines()[-1])["call_id"]
        told = run("explain", call_id).stdout
        assert told.count(f"   price {said}\n") == 2  # of the charge, and of what was reserved
        assert "vendor's own page" not in told


def test_one_attempt_of_a_call(run: Run, books: str) -> None:
    """The other is left out."""
    out = run("explain", "c1-1", "--ledger", books).stdout
    assert "1. qwen:q1" in out
    assert "glm" not in out


def test_a_hold_that_stands(run: Run, books: str) -> None:
    """What each budget reserved and still holds."""
    assert run("explain", "c3", "--ledger", books).stdout == lines(
        """
        call c3 · app batch

        1. glm:g1  ¥0.01  (held)
           attempt c3-1 · 2026-11-24 09:00:00.000+00:00 · TransportError after 0.50 s
           what it cost is unknown: the whole reservation counts as spent until somebody corrects it
           budget all: ¥0.01 reserved, ¥0.00 booked, ¥0.01 still held
        """
    )


def test_a_corrected_hold(run: Run, books: str) -> None:
    """What the correction changed."""
    run("budget", "correct", "c3", "0.004", "--reason", "bill", "--ledger", books)
    assert run("explain", "c3", "--ledger", books).stdout == lines(
        """
        call c3 · app batch

        1. glm:g1  ¥0.004  (corrected)
           attempt c3-1 · 2026-11-24 09:00:00.000+00:00 · TransportError after 0.50 s
           what it cost was unknown; a correction took the place of what was held
           corrections: -¥0.006
           budget all: ¥0.01 reserved, ¥0.004 booked
        """
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("c2", "the books hold no arithmetic for it"),
        ("c4", "what it cost is unknown: no price, or no bound, is known"),
    ],
)
def test_a_charge_without_arithmetic(run: Run, books: str, call: str, said: str) -> None:
    """Said why."""
    assert said in run("explain", call, "--ledger", books).stdout


@pytest.mark.parametrize(
    ("old", "new"), [('"charged_nanos":138502', '"charged_nanos":138501'), ('"nanos":"40000"', '"nanos":"40001"')]
)
def test_books_that_do_not_add_up(run: Run, books: str, old: str, new: str) -> None:
    """A sum that does not follow from its parts is told, with exit code 1."""
    db = sqlite3.connect(books.removeprefix("sqlite:///"))
    changed = db.execute("UPDATE attempts SET record = replace(record, ?, ?) WHERE id = 'c1-2'", (old, new))
    assert changed.rowcount == 1
    db.commit()
    db.close()
    assert "this does not add up: the books say" in run("explain", "c1", "--ledger", books, code=1).stdout


def test_the_vendors_own_bill(run: Run, books: str) -> None:
    """There is no arithmetic to do again, and nothing to complain of."""
    db = sqlite3.connect(books.removeprefix("sqlite:///"))
    (text,) = db.execute("SELECT record FROM attempts WHERE id = 'c1-2'").fetchone()
    record = json.loads(text)
    record["details"] = {"billed": "CNY"}
    db.execute("UPDATE attempts SET record = ? WHERE id = 'c1-2'", (json.dumps(record),))
    db.commit()
    db.close()
    assert "   the vendor's own bill, as its answer told it\n" in run("explain", "c1-2", "--ledger", books).stdout


def test_an_unknown_call(run: Run, books: str) -> None:
    """Where ids are to be found."""
    assert run("explain", "c9", "--ledger", books, code=1).stderr == (
        "error: the books know no call or attempt 'c9'; minimill spend --attempts lists them\n"
    )
