"""The command itself: help, exit codes, errors of one line, what is imported when."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import click
import pytest

from minimill import __version__
from minimill.cli import _app
from minimill.testing import Fault, Simulator

from .conftest import Run, lines

COMMAND = [sys.executable, "-m", "minimill.cli"]


def process(*args: str, code: str | None = None, **options: object) -> subprocess.CompletedProcess[str]:
    """The command, or a piece of Python, in a process of its own."""
    line = [*COMMAND, *args] if code is None else [sys.executable, "-c", code, *args]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]


# --- help and version ---


def test_help_names_every_command(run: Run) -> None:
    """In the order in which somebody new needs them; also without any argument."""
    out = run("--help").stdout
    assert run("-h").stdout == run().stdout == out
    listed = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()]
    assert [name for name in listed if name != "demo"] == "chat plan models prices budget spend explain doctor".split()


@pytest.mark.parametrize("name", [name for name in _app.COMMANDS if name != "demo"])
def test_the_list_of_commands_says_what_they_say(name: str, run: Run) -> None:
    """The short help that needs no import is the command's own; each has a help page."""
    entry = _app.COMMANDS[name]
    command = getattr(import_module(entry.module), entry.attribute)
    assert isinstance(command, click.Command)
    assert command.short_help == entry.help
    assert run(name, "--help").stdout.startswith(f"Usage: minimill {name} ")


def test_the_version(run: Run) -> None:
    """One line."""
    assert run("--version").stdout == f"minimill {__version__}\n"


def test_help_imports_little() -> None:
    """No command, no terminal library, no HTTP library: help is quick."""
    code = """
        import sys
        from minimill.cli import main
        try:
            main(["--help"])
        except SystemExit as end:
            assert end.code == 0
        heavy = {"rich", "httpx", "pydantic", "anyio", "minimill._client", "minimill.cli._spend"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert process(code=lines(code).replace("\n        ", "\n").strip()).stdout.splitlines()[-1] == "[]"


def test_plain_spend_needs_neither_http_nor_terminal_library(books: str) -> None:
    """Reading the books into a pipe is quick too."""
    code = (
        "import sys\nfrom minimill.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'rich', 'httpx', 'minimill._client'} & set(sys.modules)))\n"
    )
    assert process("spend", "--ledger", books, code=code).stdout.splitlines()[-1] == "[]"


def test_a_command_that_is_not_there_is_not_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table entry without its module is no command."""
    monkeypatch.setitem(_app.COMMANDS, "fly", _app.Entry("minimill.cli._fly", "fly", "Up."))
    assert "fly" not in run("--help").stdout
    assert "there is no command 'fly'" in run("fly", code=2).stderr


def test_an_unknown_command(run: Run) -> None:
    """The nearest one, or all of them."""
    assert run("spned", code=2).stderr == "error: there is no command 'spned'; did you mean spend?\n"
    assert run("xyzzy", code=2).stderr.startswith("error: there is no command 'xyzzy'; there are chat, plan, ")


# --- common options ---


def test_the_configuration_before_or_after_the_command(run: Run, world: Path) -> None:
    """Both are read; the one after the command wins."""
    moved = world.rename(world.with_name("other.toml"))
    assert "acme:m" in run("--config", str(moved), "models", "--provider", "acme").stdout
    assert "acme:m" in run("models", "--provider", "acme", "--config", str(moved)).stdout
    assert "acme:m" in run("--config", "no.toml", "models", "--provider", "acme", "--config", str(moved)).stdout
    assert run("--config", "no.toml", "models", code=2).stderr == "error: no.toml: there is no such file\n"


# --- without the extra ---


@pytest.mark.parametrize("missing", [["click"], ["rich"], ["click", "rich"]])
def test_without_the_extra(missing: list[str]) -> None:
    """One line that says what to install; exit code 2, no traceback."""
    gone = "; ".join(f"sys.modules[{name!r}] = None" for name in missing)
    result = process("--help", code=f"import sys; {gone}\nfrom minimill.cli import main; main()")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: the command line needs {' and '.join(missing)}: pip install 'minimill[cli]'\n"
    )


# --- exit codes ---


def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    """File, key and nearest word; exit code 2."""
    (tmp_path / "minimill.toml").write_text('ledgr = "memory:"\n', encoding="utf-8")
    result = process("plan", "hello", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == 'error: minimill.toml: unknown key "ledgr", did you mean "ledger"?\n'


def test_a_failure_is_one_line(books: str) -> None:
    """Exit code 1."""
    result = process("explain", "c9", "--ledger", books)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)


def test_an_error_text_cannot_steer_a_terminal(run: Run) -> None:
    """Control characters are replaced, line ends are spaces."""
    result = run("explain", "x\x1b[2J\ny", "--ledger", "memory:", code=1)
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_interrupt_exits_with_130(world: Path, sim: Simulator) -> None:
    """^C while a vendor is silent: no traceback, and the hold stands."""
    sim.always("qwen", Fault.silent())
    running = subprocess.Popen(
        [*COMMAND, "chat", "hello"], cwd=world.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    while not sim.calls and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert err == "stopped; what was sent stays charged (minimill budget holds)\n"
    (hold,) = process("budget", "holds", cwd=world.parent).stdout.splitlines()[2:3]
    assert "unconfirmed" in hold
    assert "¥0.000424" in hold


def test_a_reader_that_leaves(books: str) -> None:
    """A closed pipe is no traceback."""
    read, write = os.pipe()
    os.close(read)
    running = subprocess.run([*COMMAND, "spend", "--ledger", books], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (running.returncode, running.stderr) == (1, b"")


def test_an_encoding_that_knows_no_yen(books: str) -> None:
    """Signs that cannot be written are replaced, not a crash."""
    result = process("spend", "--ledger", books, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert "?0.010138502" in result.stdout


def test_warnings_are_lines(run: Run, world: Path, books: str) -> None:
    """What minimill logs goes to standard error as `warning: …`; the logger is left as it was."""
    run("budget", "set-limit", "all", "0.5")
    result = run("budget")
    assert result.stderr.startswith("warning: budget 'all': ")
    log = logging.getLogger("minimill")
    assert (log.handlers, log.propagate) == ([], True)


def test_jsonl_goes_through_a_pipe(books: str) -> None:
    """Every line is an object."""
    out = process("spend", "--attempts", "--jsonl", "--ledger", books).stdout
    assert [json.loads(line)["attempt_id"] for line in out.splitlines()] == ["c1-1", "c1-2", "c2-1", "c3-1", "c4-1"]
