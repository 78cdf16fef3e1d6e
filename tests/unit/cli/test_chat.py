"""`minimill chat`: text to standard output, money to standard error."""

import re
from pathlib import Path

import pytest

from minimill.testing import Answer, Fault, Simulator

from .conftest import Run

HEX = "[0-9a-f]{28}"


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_an_answer_and_its_bill(run: Run, world: Path, sim: Simulator, how: str) -> None:
    """30 tokens at 2 and 10 at 8 a million; the request streams unless told otherwise."""
    sim.configure("qwen", answer=Answer("Because it scatters."), length=None)
    result = run("chat", "Why is the sky blue?", how)
    assert result.stdout == "Because it scatters.\n"
    (call,) = sim.calls
    tokens = call.output_tokens
    cost = f"{(60_000 + 8_000 * tokens) / 10**9:.9f}".rstrip("0")
    assert re.fullmatch(
        rf"cost ¥{cost} \(exact\) · acme:m · 30 \+ {tokens} tokens · call {HEX}\n", result.stderr
    ), result.stderr
    assert call.stream is (how == "--stream")


def test_everything_that_can_be_said(run: Run, world: Path, sim: Simulator) -> None:
    """System, limit, temperature reach the vendor; app and tags reach the books."""
    run("chat", "--system", "Be brief.", "--max-output-tokens", "7", "--temperature", "0.5", "--app", "helpdesk",
        "--tag", "user=42", "--max-cost", "1 CNY", "--deadline", "20", "--wait", "1", "-", input="hello")  # fmt: skip
    (call,) = sim.calls
    assert call.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]
    assert (call.body["max_completion_tokens"], call.body["temperature"]) == (7, 0.5)
    assert "42" in run("spend", "--by", "app", "--by", "tag:user").stdout.splitlines()[2]


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ("off", {"enable_thinking": False}),
        ("none", {"enable_thinking": False}),
        ("on", {"enable_thinking": True}),
        ("512", {"enable_thinking": True, "thinking_budget": 512}),
    ],
)
def test_ways_to_ask_for_thinking(
    run: Run, world: Path, sim: Simulator, how: str, sent: dict[str, object]
) -> None:
    """A switch or a number of tokens, put the way the vendor wants it."""
    text = world.read_text("utf-8")
    text = text.replace('abilities = ["streaming", "tools"]', 'abilities = ["streaming"]\nreasoning = "optional"')
    quirks = 'quirks = { thinking_switch = "enable_thinking", thinking_budget_field = "thinking_budget" }'
    world.write_text(text.replace("bounds = ", f"{quirks}\nbounds = ", 1), encoding="utf-8")
    run("chat", "hello", "--reasoning", how)
    (call,) = sim.calls
    assert {name: value for name, value in call.body.items() if "thinking" in name} == sent


def test_the_end_at_the_limit_is_told(run: Run, world: Path, sim: Simulator) -> None:
    """The answer is longer than 3 tokens."""
    result = run("chat", "hello", "--max-tokens", "3")
    assert "stopped at the output limit" in result.stderr


def test_thinking_is_shown_when_asked_for(run: Run, world: Path, sim: Simulator) -> None:
    """On standard error, apart from the text."""
    sim.configure("qwen", answer=Answer("Blue.", reasoning="Let me see."), length=None)
    assert "Let me see." not in run("chat", "hello").stderr
    result = run("chat", "hello", "--show-reasoning")
    assert result.stdout == "Blue.\n"
    assert result.stderr.startswith("Let me see.\n\n")


def test_a_fallback_is_counted(run: Run, world: Path, sim: Simulator) -> None:
    """The refused attempt is told of; its currency too where it cost something."""
    sim.always("qwen", Fault.status(429))
    result = run("chat", "hello", "--model", "acme:m", "--model", "other:m", "--no-stream")
    assert "other:m" in result.stderr
    assert "2 attempts" in result.stderr or "3 attempts" in result.stderr or "4 attempts" in result.stderr


def test_a_stream_that_breaks(run: Run, world: Path, sim: Simulator) -> None:
    """What arrived stays on the screen; its whole hold is charged, and the error is one line."""
    sim.always("qwen", Fault.cut_after(2))
    result = run("chat", "hello", code=1)
    assert result.stdout.startswith("You asked:")
    assert result.stdout.endswith("\n")
    cost, error, rest = result.stderr.split("\n")
    assert re.fullmatch(rf"cost ¥0\.000424 \(held\) · 1 attempt · call {HEX}", cost)
    assert error.startswith("error: ")
    assert rest == ""


def test_a_budget_that_is_too_small(run: Run, world: Path, sim: Simulator) -> None:
    """Refused before anything is sent; exit code 1."""
    world.write_text(world.read_text(encoding="utf-8").replace('"1 CNY"', '"0.0001 CNY"'), encoding="utf-8")
    result = run("chat", "hello", code=1)
    assert result.stderr == (
        "error: budget 'all' has ¥0.0001 left of ¥0.0001 (¥0.00 spent, ¥0.00 held); this call needs up to ¥0.000424\n"
    )
    assert sim.calls == ()


def test_a_missing_key(run: Run, world: Path, sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2: nothing was sent."""
    monkeypatch.delenv("ACME_API_KEY")
    result = run("chat", "hello", code=2)
    assert result.stderr == "error: acme needs a key: set the environment variable ACME_API_KEY\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--tag", "user", "hello"], "expected NAME=VALUE, found 'user'"),
        (["--tag", "app=x", "hello"], "a tag may not be called 'app'"),
        (["--max-cost", "0.05", "hello"], "an amount is a number and a currency such as '50 CNY', not '0.05'"),
        (["--max-cost", "-1 CNY", "hello"], "an amount is zero or more, not '-1 CNY'"),
        (["--model", "m", "hello"], '"m" names no provider: write it as provider:model'),
    ],
)
def test_a_wrong_use_is_one_line(run: Run, world: Path, sim: Simulator, args: list[str], said: str) -> None:
    """Exit code 2, nothing sent, and the prompt is not repeated."""
    result = run("chat", *args, code=2)
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "hello" not in result.stderr
    assert sim.calls == ()


def test_an_explanation_of_a_real_call(run: Run, world: Path) -> None:
    """The id on standard error leads to the arithmetic."""
    call = run("chat", "hello").stderr.split()[-1]
    out = run("explain", call).stdout
    assert "     input               30  × 2 CNY per million tokens  = 0.00006 CNY\n" in out
    assert "     sum, rounded up                                     = 0.00014 CNY\n" in out
    assert "   budget all: ¥0.000424 reserved, ¥0.00014 booked\n" in out
    assert "   reserved before sending: ¥0.000424, the most it could cost\n" in out
