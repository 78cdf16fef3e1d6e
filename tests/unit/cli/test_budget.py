"""`minimill budget`: balances, holds, corrections, limits, audit."""

import sqlite3
from pathlib import Path

import pytest

from .conftest import Run, lines


def test_balances_with_bars(run: Run, books: str) -> None:
    """A fifth is held, and unconfirmed."""
    assert run("budget", "--ledger", books).stdout == lines(
        """
        budget  window  limit  settled   held  unconfirmed   left  used
        ------  ------  -----  -------  -----  -----------  -----  ----------------
        all     total   ¥0.05    ¥0.00  ¥0.01        ¥0.01  ¥0.04  ▒▒········  20 %
        """
    )


def test_budgets_nobody_has_used(run: Run, tmp_path: Path) -> None:
    """Of a split budget the configuration's limit is shown; a soft one says so."""
    (tmp_path / "minimill.toml").write_text(
        """
        ledger = "sqlite:///books.db"
        [budgets.all]
        limit = "50 CNY"
        hard = false
        [budgets.people]
        limit = "1 USD"
        by = "user"
        """,
        encoding="utf-8",
    )
    assert run("budget").stdout == lines(
        """
        budget  account      window   limit  settled   held    left  used              note
        ------  -----------  ------  ------  -------  -----  ------  ----------------  ------------
        all                  total   ¥50.00    ¥0.00  ¥0.00  ¥50.00  ··········   0 %  soft
        people  (each user)  total    $1.00                   $1.00                    not used yet
        """
    )


def test_no_budget_at_all(run: Run) -> None:
    """Said aloud."""
    assert run("budget").stdout == "there is no budget: nothing limits what calls cost\n"


def test_holds(run: Run, books: str) -> None:
    """Whose hold it is, since when, and in which budget."""
    assert run("budget", "holds", "--ledger", books).stdout == lines(
        """
        attempt  model   app    since                state        budget   held
        -------  ------  -----  -------------------  -----------  ------  -----
        c3-1     glm:g1  batch  2026-11-24 09:00:00  unconfirmed  all     ¥0.01
        minimill budget correct ATTEMPT AMOUNT --reason TEXT books what one really cost
        """
    )


@pytest.mark.parametrize("name", ["c3", "c3-1"])
@pytest.mark.parametrize("amount", ["0.004", "0.004 CNY", "CNY 0.004"])
def test_a_correction_takes_the_place_of_the_hold(run: Run, books: str, name: str, amount: str) -> None:
    """By call or attempt; a bare number is in the currency the vendor bills in."""
    result = run("budget", "correct", name, amount, "--reason", "the vendor's bill", "--ledger", books)
    assert result.stdout == "c3-1: ¥0.01 (held) is now ¥0.004\n"
    assert run("budget", "holds", "--ledger", books).stdout == "nothing is held\n"
    assert "¥0.004  ¥0.00  ¥0.046" in run("budget", "--ledger", books).stdout
    by_day = run("spend", "--by", "day", "--since", "2026-11-24", "--ledger", books).stdout
    assert "¥0.004      -¥0.006" in by_day


def test_not_billed_after_all(run: Run, books: str) -> None:
    """A correction to zero."""
    result = run("budget", "correct", "c3-1", "0", "--reason", "not on the bill", "--ledger", books)
    assert result.stdout == "c3-1: ¥0.01 (held) is now ¥0.00\n"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["c9", "0", "--reason", "x"], 1, "the books know no attempt or call 'c9'; nothing was corrected"),
        (["c3-1", "1 USD", "--reason", "x"], 1, "c3-1 was billed in CNY, not USD"),
        (["c4-1", "1", "--reason", "x"], 2, "say the currency that the vendor bills in, such as '1 CNY'"),
        (["c3-1", "much", "--reason", "x"], 2, "an amount is a number and a currency such as '50 CNY', not 'much'"),
        (["c3-1", "0"], 2, "Missing option '--reason'."),
        (["c3-1", "0", "--reason", " "], 2, "--reason says where the truth was found"),
    ],
)
def test_a_correction_that_is_refused(run: Run, books: str, args: list[str], code: int, said: str) -> None:
    """One line, and the hold stands."""
    result = run("budget", "correct", *args, "--ledger", books, code=code)
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "unconfirmed" in run("budget", "holds", "--ledger", books).stdout


@pytest.mark.parametrize("amount", ["0.08", "0.08 CNY"])
def test_a_new_limit(run: Run, books: str, amount: str) -> None:
    """For every process; the balance is shown."""
    assert run("budget", "set-limit", "all", amount, "--ledger", books).stdout == lines(
        """
        budget all is limited to ¥0.08
        budget  window  limit  settled   held  unconfirmed   left  used
        ------  ------  -----  -------  -----  -----------  -----  ----------------
        all     total   ¥0.08    ¥0.00  ¥0.01        ¥0.01  ¥0.07  ▒▒········  12 %
        """
    )


def test_a_limit_below_what_was_spent(run: Run, books: str) -> None:
    """Over by what is held."""
    out = run("budget", "set-limit", "all", "0.004", "--ledger", books).stdout
    assert out.splitlines()[-1] == (
        "all     total   ¥0.004    ¥0.00  ¥0.01        ¥0.01  -¥0.006  ▒▒▒▒▒▒▒▒▒▒ 250 %  over"
    )


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["alll", "1"], 1, "the ledger knows no budget 'alll'; it knows: all"),
        (["all", "1 USD"], 2, "budget 'all' is in CNY, not USD"),
        (["all", "-1 CNY"], 2, "No such option '-1'"),
    ],
)
def test_a_limit_that_is_refused(run: Run, books: str, args: list[str], code: int, said: str) -> None:
    """One line, nothing changed."""
    result = run("budget", "set-limit", *args, "--ledger", books, code=code)
    assert said in result.stderr
    assert "¥0.05" in run("budget", "--ledger", books).stdout


def test_an_unused_split_budget_keeps_its_currency(run: Run, tmp_path: Path) -> None:
    """Nobody has an account yet, and the limit is still in dollars."""
    (tmp_path / "minimill.toml").write_text(
        'ledger = "sqlite:///books.db"\n[budgets.people]\nlimit = "1 USD"\nby = "user"\n', encoding="utf-8"
    )
    assert "is in USD, not CNY" in run("budget", "set-limit", "people", "5 CNY", code=2).stderr
    assert run("budget", "set-limit", "people", "5").stdout == "budget people is limited to $5.00\n"


def test_looking_at_other_books_leaves_them_alone(run: Run, books: str, tmp_path: Path) -> None:
    """The budgets of the configuration in this folder are not declared in a ledger named by --ledger."""
    (tmp_path / "minimill.toml").write_text('[budgets.mine]\nlimit = "1 CNY"\n', encoding="utf-8")
    assert "mine" not in run("budget", "--ledger", books).stdout


def test_an_audit_of_sound_books(run: Run, books: str) -> None:
    """Every sum equals its entries."""
    assert run("budget", "audit", "--ledger", books).stdout.startswith("every sum in the books equals its entries (")


def test_an_audit_of_books_that_were_tampered_with(run: Run, books: str) -> None:
    """A sentence for each sum that differs, and exit code 1."""
    db = sqlite3.connect(books.removeprefix("sqlite:///"))
    db.execute("UPDATE accounts SET settled = settled + 7")
    db.commit()
    db.close()
    assert run("budget", "audit", "--ledger", books, code=1).stdout == (
        "budget 'all', account '', window total: settled is 7, the entries say 0\n"
    )
