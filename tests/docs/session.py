"""Runs the blocks of one page in order, as a reader would, against simulated vendors.

Python blocks share their names; `await` may stand at top level. A TOML block whose first line is
`# minimill.toml` becomes the configuration in the working folder, and one that begins `# NAME.toml` the file
of that name. Lines of `minimill …` in a shell block run in this process. A text block marked `output` is
compared with what the block before it printed, numbers and ids aside.
"""

import ast
import asyncio
import contextlib
import dataclasses
import inspect
import io
import re
import shlex
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import minimill
from minimill._config import _load, load_settings
from minimill._pricing import Exchange
from minimill.catalog import Provider
from minimill.catalog._catalog import Catalog, checked_provider
from minimill.cli._app import app
from minimill.testing import Simulator

from .pages import Block, Page

KEYS = "GEMINI OPENAI ANTHROPIC ARK DASHSCOPE ZHIPUAI QIANFAN DEEPSEEK VLLM LLAMA ACME GATEWAY"


class Session:
    """What the blocks of one page share."""

    def __init__(self, page: Page, sim: Simulator) -> None:
        self.page = page
        self.sim = sim
        self.names: dict[str, Any] = {"__name__": "__main__", "simulator": sim}
        self.printed = ""
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def take(self, block: Block) -> None:
        """Run, load or compare one block. Fails the test with the page and line."""
        if block.mark.startswith("no-run: "):
            return
        try:
            self._take(block)
        except BaseException as error:
            error.add_note(f"in {self.page.name}, the block at line {block.line}")
            raise

    def _take(self, block: Block) -> None:
        if block.mark == "output":
            assert shape(block.text) == shape(self.printed), f"printed was:\n{self.printed}"
        elif block.mark == "pytest":
            self._pytest(block)
        elif block.language == "python":
            self._python(block)
        elif block.language == "toml":
            self._toml(block)
        elif block.language == "sh" and block.text.startswith("minimill "):
            self._shell(block)

    def _python(self, block: Block) -> None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        source = "\n" * block.line + block.text  # lines in tracebacks are those of the page
        code = compile(source, str(self.page.path), "exec", flags)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            if code.co_flags & inspect.CO_COROUTINE:
                self._runner.run(eval(code, self.names))
            else:
                exec(code, self.names)
        self.printed = out.getvalue()

    def _pytest(self, block: Block) -> None:
        Path("test_app.py").write_text(block.text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def _toml(self, block: Block) -> None:
        tables = tomllib.loads(block.text, parse_float=Decimal)
        if "dialect" in tables:
            checked_provider(tables, f"providers/{tables['id']}.toml", tables["id"])
            return
        load_settings(tables)
        if named := re.match(r"# ([a-z-]+\.toml)", block.text):
            text = block.text.replace("sqlite:////", "sqlite:///")  # absolute paths stay inside this folder
            Path(named[1]).write_text(text, encoding="utf-8")

    def _shell(self, block: Block) -> None:
        self._runner.run(self._written())
        printed = ""
        for line in block.text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            program, *arguments = shlex.split(line, comments=True)
            assert program == "minimill", f"blocks are run line by line; {line!r} is no minimill command"
            arguments = [self._filled(argument) for argument in arguments]
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, result.output
            printed += result.output
        self.printed = printed

    async def _written(self) -> None:
        """What calls ended with is handed to the ledger's thread: a command that follows reads it a moment later."""
        for client in self.names.values():
            if isinstance(client, minimill.Client) and not getattr(client._ledger, "_closed", False):
                await client._ledger.flush()

    def _filled(self, argument: str) -> str:
        """Ids are made at run time: a page writes CALL_ID, and a block before it sets the name `call_id`."""
        return str(self.names["call_id"]) if argument == "CALL_ID" else argument


def shape(text: str) -> list[str]:
    """Lines without numbers, ids and widths: what must not drift is the wording."""
    text = re.sub(r"\b[0-9a-f]{20,}(-\d+)?\b", "ID", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "MARK", text)
    text = re.sub(r"\d[\d,.]*", "N", text)
    text = re.sub(r"-{3,}", "---", text)
    text = re.sub(r"[█▒·#=]{3,}", "BAR", text)
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def lead_to(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider, also one that a page invents, answers from the simulator; rates never grow old."""
    original = Catalog._at_address

    def at_address(self: Catalog, provider: Provider, own: Any) -> Provider:
        found = original(self, provider, own)
        vendor = found.id if found.id in sim.vendors else "openai"
        return dataclasses.replace(found, base_url=sim.base_url(vendor))

    def exchange(rates: Any, *, max_age_days: int) -> Exchange:
        return Exchange(rates, max_age_days=100_000)

    monkeypatch.setattr(Catalog, "_at_address", at_address)
    monkeypatch.setattr(_load, "Exchange", exchange)
    monkeypatch.setenv("COLUMNS", "140")
    for name in KEYS.split():
        monkeypatch.setenv(f"{name}_API_KEY", sim.key)
