"""Every script in examples/, run as a user runs it, against simulated vendors."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import minimill
from minimill.catalog import load_provider
from minimill.testing import Answer, Fault, SimulatedRequest, Simulator, ToolCall

EXAMPLES = Path(__file__).parents[2] / "examples"
ADDRESSES = {"openai": "OPENAI_BASE_URL", "doubao": "ARK_BASE_URL", "llamacpp": "LLAMACPP_BASE_URL"}
KEYS = {"openai": "OPENAI_API_KEY", "doubao": "ARK_API_KEY", "llamacpp": "LLAMA_API_KEY"}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """The vendors that the examples name."""
    with Simulator(ADDRESSES) as running:
        yield running


def run(environ: dict[str, str], tmp_path: Path, *command: str) -> str:
    """Run Python in an empty folder; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=tmp_path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def script(sim: Simulator, tmp_path: Path, name: str, *arguments: str) -> str:
    """Run one example, led to the simulator by the environment alone."""
    environ = {variable: sim.base_url(vendor) for vendor, variable in ADDRESSES.items()}
    return run(
        {**environ, **dict.fromkeys(KEYS.values(), sim.key)}, tmp_path, str(EXAMPLES / name), *arguments
    )


def vendors(sim: Simulator) -> list[str]:
    """Who was asked, in order."""
    return [call.vendor for call in sim.calls]


def test_every_example_is_run_here() -> None:
    """A script that no test names would rot."""
    tested = Path(__file__).read_text(encoding="utf-8")
    scripts = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert [name for name in scripts if f'"{name}"' not in tested] == []
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in scripts if f"]({name})" not in listed] == []


def test_the_models_of_the_examples_are_sold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shipped ids, not retired and with a price that a hard budget takes."""
    names = set()
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.toml")]:
        names |= set(re.findall(r'"((?:doubao|openai):[^"]+)"', path.read_text(encoding="utf-8")))
    for variable in KEYS.values():
        monkeypatch.setenv(variable, "key")
    plan = minimill.Client({"ledger": "memory:"}).plan("hello", model=sorted(names))
    assert sorted(candidate.name for candidate in plan.candidates) == sorted(names)
    assert [candidate.unpriced for candidate in plan.candidates] == [None] * len(names)


def test_the_configuration_files_load() -> None:
    """Checked as a client checks them."""
    files = sorted(EXAMPLES.glob("*.toml"))
    assert len(files) == 3
    for path in files:
        assert minimill.Client(path).settings.source == path


def test_quickstart(sim: Simulator, tmp_path: Path) -> None:
    """The cheaper of the two answers; without any configuration the books lie in the state folder."""
    printed = script(sim, tmp_path, "quickstart.py")
    assert "You asked: Why is the sky blue?" in printed
    assert "(exact)" in printed.splitlines()[-1]
    assert vendors(sim) == ["doubao"]
    assert list(Path(os.environ["XDG_STATE_HOME"]).rglob("ledger.db"))


def test_swapping_the_vendor_is_one_line(sim: Simulator, tmp_path: Path) -> None:
    """The files differ in exactly one line, and each leads to its vendor."""
    first, second = (
        (EXAMPLES / f"swap_vendor.{name}.toml").read_text(encoding="utf-8").splitlines()
        for name in ("doubao", "openai")
    )
    assert len(first) == len(second)
    assert sum(one != other for one, other in zip(first, second, strict=True)) == 1
    for name in ("doubao", "openai"):
        printed = script(sim, tmp_path, "swap_vendor.py", f"swap_vendor.{name}.toml")
        assert printed.startswith(f"{name}:")
    assert vendors(sim) == ["doubao", "openai"]


def test_streaming(sim: Simulator, tmp_path: Path) -> None:
    """The text comes whole, and the stream that was left keeps its hold."""
    sim.always("doubao", Fault.slow_chunks(0.01))
    printed = script(sim, tmp_path, "streaming.py")
    assert "You asked: Count from one to five" in printed
    assert "total" in printed
    assert re.search(r"^held: \S+-1 unconfirmed$", printed, re.M)


def test_tools(sim: Simulator, tmp_path: Path) -> None:
    """The function runs for each call, a wrong argument goes back as text, and the answer ends the loop."""

    def said(request: SimulatedRequest) -> Answer:
        results = [message["content"] for message in request.body["messages"] if message["role"] == "tool"]
        if results:
            return Answer(text=" / ".join(results))
        return Answer(tool_calls=[ToolCall("weather", {"city": "Paris"}), ToolCall("weather", "{}")])

    sim.configure("doubao", answer=said)
    printed = script(sim, tmp_path, "tools.py")
    assert 'asked for: weather {"city":"Paris"}' in printed
    assert "21 °C and clear in Paris" in printed


def test_structured(sim: Simulator, tmp_path: Path) -> None:
    """The answer becomes an Invoice; one that is no invoice is told and still has its bill."""
    good = '{"number": "2026-117", "total": 1480, "currency": "EUR"}'
    sim.configure("doubao", answer=Answer(text=good))
    assert "number='2026-117' total=1480.0 currency='EUR'" in script(sim, tmp_path, "structured.py")
    sim.configure("doubao", answer=Answer(text='{"number": "2026-117"}'))
    printed = script(sim, tmp_path, "structured.py")
    assert "not an invoice: Field required" in printed
    assert "(exact)" in printed


def test_budget(sim: Simulator, tmp_path: Path) -> None:
    """Of four calls at once two are refused; those that wait are all answered; a closed budget sends nothing."""
    sim.always("doubao", Fault.delay(0.1))
    printed = script(sim, tmp_path, "budget.py")
    at_once = printed.partition("four at once:")[2].partition("four at once, waiting:")
    assert at_once[0].count("refused by each-user") == 2
    assert at_once[0].count("answered") == 2
    assert at_once[2].count("answered") == 4
    assert "closed: refused by each-user" in printed
    assert len(sim.calls) == 1 + 2 + 4


def test_fallback(sim: Simulator, tmp_path: Path) -> None:
    """The rate-limited vendor is left for the next, free of charge, and rests afterwards."""
    sim.always("doubao", Fault.status(429))
    printed = script(sim, tmp_path, "fallback.py")
    assert "doubao: RateLimitedError, ¥0.00 (released)" in printed
    assert re.search(r"^openai: answered, \$[0-9.]+ \((exact|estimated)\)$", printed, re.M)
    assert "cooling down after RateLimitedError" in printed
    sim.always("openai", Fault.status(401))
    assert "charged all the same" in script(sim, tmp_path, "fallback.py")


def test_sync(sim: Simulator, tmp_path: Path) -> None:
    """A plain call, a conversation that streams, a balance."""
    printed = script(sim, tmp_path, "sync_and_notebook.py")
    assert printed.startswith("You asked: Say hello.")
    assert "You asked: Another." in printed
    assert "yuan ¥" in printed
    assert [len(call.body["messages"]) for call in sim.calls] == [1, 3]


def test_own_tests(tmp_path: Path) -> None:
    """The fixtures that come with minimill are all an application's tests need."""
    printed = run(
        {}, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "own_tests.py")
    )
    assert "4 passed" in printed


def test_local_model(sim: Simulator, tmp_path: Path) -> None:
    """The free candidate comes first; when it is down the paid one answers."""
    printed = script(sim, tmp_path, "local_model.py")
    assert "llamacpp (local): You asked: Say hello." in printed
    assert "total $0.00 (exact)" in printed
    sim.always("llamacpp", Fault.status(503))
    assert "openai (gpt-5.6-luna): You asked: Say hello." in script(sim, tmp_path, "local_model.py")


def test_price_war(tmp_path: Path) -> None:
    """Who was cheapest on each day, from the rows alone; the pictures of the documentation are these."""
    printed = run({}, tmp_path, str(EXAMPLES / "price_war.py"), str(tmp_path))
    assert printed.splitlines() == [
        "from    CNY a day  cheapest                  that is not given away",
        "01 May      46.50  ernie:ernie-lite-8k",
        "06 May      15.50  deepseek:deepseek-chat",
        "11 May      13.25  glm:glm-3-turbo",
        "15 May       4.65  doubao:doubao-lite-32k",
        "21 May       0.00  ernie:ernie-speed-128k    doubao:doubao-lite-32k, 4.65",
        "what they cost is not known: doubao:doubao-pro-128k, hunyuan:hunyuan-standard-32k, hunyuan:hunyuan-pro-32k",
    ]
    for name, ground in (("price_war.svg", "#ffffff"), ("price_war-dark.svg", "#0d1117")):
        drawn = (tmp_path / name).read_text(encoding="utf-8")
        assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
        assert f'fill="{ground}"' in drawn
        assert drawn == (EXAMPLES.parent / "docs" / "images" / name).read_text(encoding="utf-8"), (
            "the picture is out of date: python examples/price_war.py docs/images"
        )


def test_the_keys_named_here_are_the_vendors_own() -> None:
    """The variables that the examples speak of are those that the provider files name."""
    for vendor, variable in KEYS.items():
        assert variable in load_provider(vendor).key_names()
    for vendor, variable in ADDRESSES.items():
        assert variable in load_provider(vendor).base_url_env


def test_no_example_holds_a_key() -> None:
    """Keys are read from the environment only."""
    for path in EXAMPLES.glob("*.toml"):
        assert "api_key" not in str(tomllib.loads(path.read_text(encoding="utf-8"))).lower()
