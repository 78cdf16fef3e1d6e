"""An interactive conversation: what is remembered, what it costs so far, and how it ends."""

import contextlib
import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill import UnknownModelError
from minimill._config import load_settings
from minimill.cli._chat import Voice
from minimill.cli._conversation import converse
from minimill.testing import Answer, Fault, Simulator

HEX = "[0-9a-f]{28}"


class Talked:
    """What was typed, said and noted."""

    def __init__(self, world: Path, *, stream: bool = True, system: str | None = None, **options: Any) -> None:
        self.world, self.stream, self.system, self.options = world, stream, system, options
        self.out, self.notes = io.StringIO(), io.StringIO()

    def type(self, *typed: str | type[BaseException]) -> None:
        """Type lines; an exception stands for the key that raises it. The end of the list is ^D."""
        waiting = iter(typed)

        def read(prompt: str) -> str:
            line = next(waiting, EOFError)
            if isinstance(line, str):
                return line
            raise line

        voice = Voice(self.out, self.notes)
        converse(load_settings(self.world), self.system, self.options, self.stream, voice, read)


@pytest.mark.parametrize("stream", [True, False])
def test_the_conversation_is_remembered(world: Path, sim: Simulator, stream: bool) -> None:
    """The second question carries the first and its answer; the running cost adds up."""
    sim.configure("qwen", answer=Answer("Blue."), length=None)
    talked = Talked(world, stream=stream, system="Be brief.")
    talked.type("What colour?", "  ", "Sure?")
    first, second = sim.calls
    assert second.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What colour?"},
        {"role": "assistant", "content": "Blue."},
        {"role": "user", "content": "Sure?"},
    ]
    each = 60_000 + 8_000 * first.output_tokens
    one, two = (f"{n / 10**9:.9f}".rstrip("0") for n in (each, 2 * each))
    notes = talked.notes.getvalue().splitlines()
    assert re.fullmatch(rf"cost ¥{one} .* · call {HEX} · conversation ¥{one}", notes[0])
    assert re.fullmatch(rf"cost ¥{one} .* · call {HEX} · conversation ¥{two}", notes[1])
    assert notes[2:] == [f"conversation ¥{two}"]
    assert talked.out.getvalue() == "Blue.\nBlue.\n\n"


def test_a_failed_turn_is_forgotten_and_paid(world: Path, sim: Simulator) -> None:
    """The error is a line, its hold counts, and the conversation goes on."""
    sim.program("qwen", [Fault.cut_after(2)])
    talked = Talked(world)
    talked.type("hello", "again")
    assert [len(call.body["messages"]) for call in sim.calls] == [1, 1]
    error, bill, last = talked.notes.getvalue().splitlines()
    assert error.startswith("error: ")
    assert bill.endswith("conversation ¥0.000564")
    assert last == "conversation ¥0.000564"


def test_two_currencies_are_told_apart(world: Path, sim: Simulator) -> None:
    """A held attempt in yuan, an answer in dollars."""
    sim.always("qwen", Fault.cut_after(0))
    talked = Talked(world, model=("acme:m", "other:m"), max_output_tokens=50)
    talked.type("hello")
    assert talked.notes.getvalue().splitlines()[-1] == "conversation ¥0.000424 + $0.000055"


def test_a_wrong_model_ends_before_anything_is_typed(world: Path) -> None:
    """The error comes out; nothing was asked."""
    talked = Talked(world, model="acme:x")
    with pytest.raises(UnknownModelError):
        talked.type("hello")
    assert talked.notes.getvalue() == "conversation nothing\n"


def test_an_interrupt_at_the_prompt_ends_it(world: Path, sim: Simulator) -> None:
    """^C is handed on, after the sum."""
    talked = Talked(world)
    with pytest.raises(KeyboardInterrupt):
        talked.type("hello", KeyboardInterrupt)
    assert talked.notes.getvalue().splitlines()[-1] == "conversation ¥0.00014"


# --- on a real terminal ---


class Terminal:
    """`minimill chat` on a pseudo-terminal."""

    def __init__(self, folder: Path) -> None:
        self.main, side = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minimill.cli", "chat"],
            cwd=folder,
            stdin=side,
            stdout=side,
            stderr=side,
            env={**os.environ, "NO_COLOR": "1", "TERM": "xterm"},
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(side)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.main, text.encode())

    def wait_for(self, done: Callable[[str], object], seconds: float = 30) -> str:
        """Read until what was seen satisfies; fails after so many seconds."""
        until = time.monotonic() + seconds
        while not done(self.seen):
            assert time.monotonic() < until, self.seen
            if select.select([self.main], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.main, 65_536).decode("utf-8", "replace")
                except OSError:  # the other side is closed
                    break
        return self.seen

    def leave(self) -> None:
        """Type ^C until it is heard: a prompt that is just being written may miss one."""
        said = len(self.seen)
        while self.process.poll() is None and "conversation" not in self.seen[said:]:
            self.type("\x03")
            with contextlib.suppress(AssertionError):
                self.wait_for(lambda seen: "conversation" in seen[said:], 0.5)

    def end(self) -> int:
        """The exit code."""
        self.wait_for(lambda seen: self.process.poll() is not None)
        return self.process.wait(30)


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(world: Path) -> Iterator[Terminal]:
    """A conversation with the default route."""
    started = Terminal(world.parent)
    yield started
    started.process.kill()
    started.process.wait()
    os.close(started.main)


def test_a_conversation_on_a_terminal(terminal: Terminal, sim: Simulator) -> None:
    """A prompt, an answer, its bill; ^D ends it well."""
    sim.configure("qwen", answer=Answer("Blue.\x1b[2J"), length=None)
    terminal.wait_for(lambda seen: "> " in seen)
    terminal.type("What colour?\n")
    terminal.wait_for(lambda seen: "conversation ¥" in seen and seen.endswith("> "))
    terminal.type("\x04")
    assert terminal.end() == 0
    assert "Blue.[2J\r\n" in terminal.seen
    assert "Traceback" not in terminal.seen


def test_interrupts_on_a_terminal(terminal: Terminal, sim: Simulator) -> None:
    """The first ^C stops the answer, the second, at the prompt, ends the conversation with 130."""
    sim.program("qwen", [Fault.silent()])
    terminal.wait_for(lambda seen: "> " in seen)
    terminal.type("hello\n")
    terminal.wait_for(lambda seen: sim.calls)
    terminal.type("\x03")
    terminal.wait_for(lambda seen: "stopped; what was sent stays charged" in seen and seen.endswith("> "))
    terminal.leave()
    assert terminal.end() == 130
    assert "conversation of unknown cost" in terminal.seen
    assert "Traceback" not in terminal.seen
