"""Commands in this process, over books made by hand or over simulated vendors."""

import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from minimill.cli._app import app
from minimill.testing import Simulator

from . import made

Run = Callable[..., Result]


@pytest.fixture
def utc() -> Iterator[None]:
    """This computer is in UTC, whatever else it says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, utc: None) -> Run:
    """Runs a command in a folder of its own, in UTC, with empty standard input unless `input` is given."""
    monkeypatch.chdir(tmp_path)

    def ran(*args: str, input: str | bytes | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(args), input=input, prog_name="minimill")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result

    return ran


@pytest.fixture
def books(tmp_path: Path) -> str:
    """The URL of a ledger with a few attempts of two days."""
    url = f"sqlite:///{tmp_path}/made.db"
    made.fill(url)
    return url


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Two vendors on loopback; answers have 10 tokens, questions 30."""
    with Simulator(["openai", "qwen"], length=10, input_tokens=lambda body: 30) as running:
        yield running


@pytest.fixture
def world(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file in the working folder: providers `acme` (CNY) and `other` (USD), books on disk."""
    monkeypatch.setenv("ACME_API_KEY", sim.key)
    path = tmp_path / "minimill.toml"
    path.write_text(
        made.config(made.provider("acme", sim.base_url("qwen"), "CNY", "2", "8"))
        + made.provider("other", sim.base_url("openai"), "USD", "0.5", "4"),
        encoding="utf-8",
    )
    return path


def lines(text: str) -> str:
    """An expected output as it stands in a test."""
    return textwrap.dedent(text).lstrip("\n")
