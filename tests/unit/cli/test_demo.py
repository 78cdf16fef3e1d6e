"""The demo with small numbers: what it says, what it checks, and that the check can fail."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from minimill._money import Money
from minimill.cli import _demo_bill, _demo_play, _demo_vendors
from minimill.cli._app import app
from minimill.cli._demo_play import Demand, Local, play, show
from minimill.cli._output import Output
from minimill.testing import CallRecord, Simulator

SMALL = ["demo", "--calls", "60", "--concurrency", "20", "--cap", "0.03 CNY"]
FAST = _demo_vendors.Speed(0.01, 0.05, 0.001)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The troubles of the demo within a few dozen calls and a few seconds."""
    monkeypatch.setattr(_demo_play, "PATIENCE_S", 1.0)
    monkeypatch.setattr(_demo_play, "WAIT_S", 0.2)
    monkeypatch.setattr(_demo_vendors, "_LAST_ANSWER", 4)
    monkeypatch.setattr(_demo_vendors, "_CUT_EVERY", 2)


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """The command, where nobody looks."""
    return CliRunner(env=dict(env or {})).invoke(app, arguments)


def small(**more: object) -> Demand:
    """A run of a second or two."""
    return Demand(**{"calls": 60, "concurrency": 20, "seed": 1, "cap": Money.of("0.03 CNY"), **more})  # type: ignore[arg-type]  # made of a mapping


def shown(demand: Demand) -> tuple[int, str]:
    """Exit code and output of one run."""
    written = io.StringIO()
    code = anyio.run(show, demand, Output(written, terminal=False), FAST)
    return code, written.getvalue()


def test_the_check_holds_and_the_cap_refuses() -> None:
    """The bill is at most what the books say, which is at most the cap; some calls were refused."""
    result = run(*SMALL)
    assert result.exit_code == 0, result.output
    line = re.search(r"never more than the cap: ¥([\d.]+) ≤ ¥([\d.]+) ≤ ¥([\d.]+)\n", result.output)
    assert line is not None
    bill, booked, cap = map(Decimal, line.groups())
    assert 0 < bill <= booked <= cap == Decimal("0.03")
    refused = re.search(r"(\d+) refused by the cap: .* ¥[\d.]+ was left, and it needed", result.output)
    assert refused is not None and int(refused[1]) > 0
    assert "failed" not in result.output
    equal = re.search(r"where usage was reported: (\d+) of (\d+) charges", result.output)
    assert equal is not None and equal[1] == equal[2] != "0"
    assert "\x1b" not in result.output


def test_a_vendor_that_bills_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One nano more for each billed call: no charge equals its bill, exit code 1."""
    honest = _demo_bill.PriceList.nanos
    monkeypatch.setattr(
        _demo_bill.PriceList, "nanos", lambda self, call: honest(self, call) + int(call.billed)
    )
    code, text = shown(small())
    assert code == 1
    assert "the check failed" in text
    assert "charges differ from the bill" in text
    assert "never less than the bill" not in text


def test_a_bill_above_the_books_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that bills its whole output limit for every request, refused ones too."""
    monkeypatch.setattr(_demo_bill.PriceList, "nanos", lambda self, call: 10**7)
    code, text = shown(small())
    assert code == 1
    assert re.search(r"doubao bills \d+, the books say \d+", text)


def test_books_above_the_cap_fail_the_check() -> None:
    """The check compares with the cap, not only with the bill."""
    assert _demo_bill.Check([], bill=1, booked=2, cap=2).holds
    assert not _demo_bill.Check([], bill=1, booked=3, cap=2).holds
    assert not _demo_bill.Check([], bill=3, booked=2, cap=2).holds
    assert not _demo_bill.Check([], bill=1, booked=2, cap=2, faults=["a sum differs"]).holds


def test_every_trouble_is_met_and_told() -> None:
    """Silence, streams that break, missing usage, users who leave: each with its hold and its reason."""
    code, text = shown(small(calls=160, cap=Money.of("0.4 CNY")))
    assert code == 0, text
    for words in (
        "nobody knows what it bills: the hold stands",
        "broke in mid-answer: the hold stands",
        "left in mid-answer: the hold stands",
        "429 rate limited",
    ):
        assert words in text


def test_kept_books_hold_several_runs(tmp_path: Path) -> None:
    """With --ledger the books stay, each run under a budget of its own, and other commands read them."""
    url = f"sqlite:///{tmp_path}/kept.db"
    few = ["demo", "--calls", "8", "--concurrency", "8", "--ledger", url]
    assert run(*few).exit_code == run(*few).exit_code == 0
    spend = run("spend", "--by", "tag:run", "--ledger", url)
    assert spend.exit_code == 0
    assert len(re.findall(r"^[0-9a-f]{8} ", spend.output, re.MULTILINE)) >= 2


def test_the_environment_stays_as_it_was_and_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, addresses and proxies of the user are neither used nor changed."""
    monkeypatch.setenv("OPENAI_API_KEY", "the user's own")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example.com/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("MINIMILL_LEDGER", "sqlite:////nowhere/at/all.db")
    before = dict(os.environ)
    code, text = shown(small(calls=12, cap=Money.of("1 CNY")))
    assert code == 0 and "failed" not in text
    assert dict(os.environ) == before


def test_a_local_server_is_the_free_candidate() -> None:
    """What it answers costs nothing and stays out of the vendors' bills."""
    with Simulator(["llamacpp"], key="local") as server:
        address = server.base_url("llamacpp").removesuffix("/v1")
        demand = small(calls=16, local=Local(f"{address}/v1", 6, "local"))
        written = io.StringIO()
        outcome, check = anyio.run(play, demand, Output(written, terminal=False), FAST)
        assert check.holds
        assert outcome.tally.served["local"] == 6
        assert len(server.paid_calls) == 6
        local = [row for row in outcome.rows if row.record.meta.provider == "local"]
        assert {(row.record.certainty, row.record.charged_nanos) for row in local} == {("exact", 0)}


def test_an_absent_local_server_is_fallen_back_from() -> None:
    """Its calls go to the vendors; the run says so and holds."""
    code, text = shown(small(calls=12, local=Local("http://127.0.0.1:9", 4)))
    assert code == 0, text
    assert "does not list its models" in text
    assert "not reached" in text


def test_on_a_terminal_bars_are_drawn_while_it_runs() -> None:
    """Live bars with money, then coloured tables."""

    class Screen(io.StringIO):
        encoding = "utf-8"

    written = Screen()
    code = anyio.run(show, small(calls=20), Output(written, terminal=True, width=100), FAST)
    assert code == 0
    assert "settled" in written.getvalue() and "█" in written.getvalue()
    assert "\x1b[" in written.getvalue()


@pytest.mark.parametrize("cap", ["0.05 USD", "0 CNY", "much"])
def test_a_cap_that_makes_no_sense_is_refused(cap: str) -> None:
    """Exit code 2, and nothing runs."""
    result = run("demo", "--cap", cap)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1


def test_a_local_address_that_is_none_is_refused() -> None:
    """Exit code 2 and one line."""
    result = run("demo", "--local", "localhost:8080")
    assert result.exit_code == 2
    assert "--local" in result.output


# --- the bill, by hand ---


def record(vendor: str, model: str, tokens: tuple[int, int, int]) -> CallRecord:
    """A billed call of (input, cached input, output) tokens."""
    started = 1_795_000_000.0  # 18 November 2026
    return CallRecord(
        0, vendor, model, {}, {}, False, started, input_tokens=tokens[0], cached_input_tokens=tokens[1],
        output_tokens=tokens[2], billed=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "model", "tokens", "nanos"),
    [
        ("doubao", "doubao-seed-1-8-251228", (100, 0, 200), 480_000),  # 100 × 0.8 + 200 × 2
        ("doubao", "doubao-seed-1-8-251228", (100, 0, 201), 1_688_000),  # above 200: 201 × 8
        ("doubao", "doubao-seed-2-0-lite-260428", (100, 50, 10), 72_000),  # 50 × 0.6 + 50 × 0.12 + 10 × 3.6
        ("glm", "glm-4.5-air", (100, 0, 199), 478_000),  # 100 × 0.8 + 199 × 2
        ("glm", "glm-4.5-air", (100, 0, 200), 1_280_000),  # from 200: 200 × 6
        ("qwen", "qwen3.7-plus", (100, 100, 1), 48_000),  # 100 × 0.4 + 8
        ("openai", "gpt-5.4-mini", (1, 0, 1), 5_250),  # 0.75 + 4.5
    ],
)
def test_prices_are_taken_from_the_page(
    vendor: str, model: str, tokens: tuple[int, int, int], nanos: int
) -> None:
    """The bill by hand, tiers of output length included."""
    prices = _demo_bill.PriceList(_demo_play.folder(), [vendor])
    assert prices.nanos(record(vendor, model, tokens)) == nanos


def test_dollars_become_yuan_rounded_up() -> None:
    """1 nano of a dollar at 6.6529 and 2 percent is 6.785958 nanos of a yuan."""
    rate = _demo_bill.Rate(Decimal("6.6529"), Decimal("0.02"))
    assert _demo_bill.in_yuan(1, "USD", rate) == 7
    assert _demo_bill.in_yuan(1_000_000, "USD", rate) == 6_785_958
    assert _demo_bill.in_yuan(5, "CNY", rate) == 5
