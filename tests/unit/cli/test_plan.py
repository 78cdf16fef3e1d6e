"""`minimill plan`: candidates in order, ceilings, and why others are left out."""

import re
from pathlib import Path

import pytest

from minimill.testing import Simulator

from .conftest import Run, lines


def test_candidates_and_those_left_out(run: Run, world: Path, sim: Simulator) -> None:
    """In order of cost; an unknown model is left out with the reason. Nothing is sent, no books are made."""
    out = run("plan", "How", "are", "you?", "--model", "other:m", "--model", "acme:m", "--model", "acme:n").stdout
    assert out == lines(
        """
            candidate    expected     at most  output limit  input at most  context  thinks
        --  ---------  ----------  ----------  ------------  -------------  -------  ------
        1.  acme:m       ¥0.00403   ¥0.016038         2,000             19    8,000  no
        2.  other:m    $0.0020075  $0.0080095         2,000             19    8,000  no

        left out  because
        --------  ---------------------
        acme:n    acme has no model "n"
        """
    )
    assert sim.calls == ()
    assert not (world.parent / "books.db").exists()


def test_what_a_ceiling_is_made_of(run: Run, world: Path) -> None:
    """Buckets at the dearest prices, the row, and the assumptions, for the route's limit of 50."""
    out = run("plan", "--details", "hello").stdout
    assert "1.  acme:m     ¥0.000424  ¥0.000424            50             12    8,000  no" in out
    assert "     input      12  × 2 CNY per million tokens  = 0.000024 CNY\n" in out
    assert "     output     50  × 8 CNY per million tokens    = 0.0004 CNY\n" in out
    assert "   assumed: output: the vendor stops at 50 tokens\n" in out
    assert "https://acme.example/prices" in out


def test_the_message_on_standard_input(run: Run, world: Path) -> None:
    """A dash, or no message where standard input is no terminal; a system message counts."""
    asked = run("plan", "hello").stdout
    assert run("plan", "-", input="hello").stdout == asked
    assert run("plan", input="hello").stdout == asked
    assert run("plan", "--system", "Be brief.", "hello").stdout != asked


def test_no_candidate_is_left(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the variable; exit code 1."""
    monkeypatch.delenv("ACME_API_KEY")
    assert run("plan", "hello", code=1).stdout == lines(
        """
        left out  because
        --------  -----------------------------------------------------------
        acme:m    acme needs a key: set the environment variable ACME_API_KEY
        """
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["hello", "--route", "defualt"], "no route is called 'defualt'; did you mean 'default'?"),
        (["hello", "--model", "acme:n"], 'acme has no model "n"'),
        (["hello", "--model", "acme:m", "--route", "default"], "say either --model or --route, not both"),
        (["hello", "--reasoning", "hard"], "expected on, off, none, minimal, low, medium, high, xhigh, max or a"),
        (["hello", "--max-tokens", "0"], "0 is not in the range x>=1"),
        (["hello", "--config", "other.toml"], "other.toml: there is no such file"),
        ([], "the message is empty"),
        (["-"], "the message is empty"),
    ],
)
def test_a_wrong_use_is_one_line(run: Run, world: Path, args: list[str], said: str) -> None:
    """Exit code 2, nothing on standard output."""
    result = run("plan", *args, code=2)
    assert said in result.stderr
    assert result.stderr.startswith("error: ")
    assert (result.stderr.count("\n"), result.stdout) == (1, "")


def test_a_message_that_is_no_text(run: Run, world: Path) -> None:
    """Bytes that are no UTF-8 are refused, not guessed at."""
    result = run("plan", "-", input=b"\xff\xfe", code=2)
    assert result.stderr == "error: the message on standard input is not UTF-8\n"


def test_what_is_probable_is_learned_from_the_books(run: Run, world: Path) -> None:
    """Ten tokens of an answer make the next cheaper: (5 × 500 + 10) ÷ 6 = 419, and (5 × 419 + 10) ÷ 6 = 351."""
    before = run("plan", "hello", "--max-output-tokens", "2000").stdout
    assert "1.  acme:m     ¥0.004028  ¥0.016024" in before
    run("chat", "hello", "--model", "acme:m")
    run("chat", "hello", "--route", "default")
    after = run("plan", "hello", "--max-output-tokens", "2000").stdout
    assert "1.  acme:m     ¥0.002836  ¥0.016024" in after


def test_budgets_that_narrow_the_choice(run: Run, world: Path) -> None:
    """From which use on a candidate serves no longer, and that it does not any more, as the books say."""
    text = world.read_text("utf-8")
    assert "[budgets.all]\n" in text
    narrow = '[budgets.all]\nnarrow = [{ above = "0.0001%", only = "free" }]\n'
    world.write_text(text.replace("[budgets.all]\n", narrow), encoding="utf-8")
    assert "\nacme:m: from 0.0001 % of budget 'all' on only free models may serve\n" in run("plan", "hello").stdout
    run("chat", "hello")
    out = run("plan", "hello", code=1).stdout
    assert re.search(r"^acme:m +budget 'all' has used ¥0\.\d+ of ¥1\.00: above 0\.0001 % only free", out, re.M)
