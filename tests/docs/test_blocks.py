"""Every block of code on every page: Python runs, TOML loads, commands exist."""

import re
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from minimill.cli._app import app
from minimill.testing import Simulator

from .pages import Page, all_pages, page
from .session import Session, lead_to

LANGUAGES = {"python", "toml", "sh", "text", "json", "mermaid"}
PAGES = [one for one in all_pages() if one.blocks]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Every simulated vendor."""
    with Simulator() as running:
        yield running


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_blocks_run(one: Page, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one session a page."""
    lead_to(sim, monkeypatch)
    monkeypatch.chdir(tmp_path)
    with Session(one, sim) as session:
        for block in one.blocks:
            session.take(block)


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_blocks_say_what_they_are(one: Page) -> None:
    """Each has a language that is known here, and one that is not run says why."""
    for block in one.blocks:
        where = f"{one.name}:{block.line}"
        assert block.language in LANGUAGES, where
        assert not block.mark.startswith("no-run") or len(block.mark) > len("no-run: ") + 10, where


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_commands_exist(one: Page) -> None:
    """Every `minimill …` in a shell block has a command and options that the command line knows."""
    for block in one.blocks:
        for line in block.text.splitlines() if block.language == "sh" else ():
            for found in re.finditer(r"(?:^|[\s/])minimill( [^&|>]*)", line):
                parse(app, shlex.split(found[1], comments=True))


def parse(command: click.Command, arguments: list[str]) -> None:
    """Let click read the arguments without running anything; raises where it does not know one."""
    context = command.make_context(command.name, list(arguments), resilient_parsing=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # click 9 puts all of them into args
        rest = [*getattr(context, "protected_args", []), *context.args]
    if isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        assert found is not None, rest
        parse(found, rest[1:])


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_readme_has_the_two_commands(name: str) -> None:
    """One line each, under the mark that CI looks for."""
    (block,) = [block for block in page("README.md").blocks if block.mark == f"command: {name}"]
    assert block.language == "sh"
    assert len(block.text.splitlines()) == 1
    assert "-m venv" in block.text
