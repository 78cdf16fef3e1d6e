"""The first call of a fresh process: what is imported, and which provider files are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill.testing import Simulator

from . import world

FIRST_CALL = """
import json, sys

banned = sys.argv[1].split()
for name in banned:
    sys.modules[name] = None  # an import of it fails
opened = []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".toml"):
        opened.append(arguments[0].rpartition("/")[2])

sys.addaudithook(watch)
import minimill
imported = {name.partition(".")[0] for name, module in sys.modules.items() if module}
at_import = sorted(imported & set(sys.argv[2].split()))
opened_at_import = list(opened)

import asyncio

async def main():
    async with minimill.Client() as client:
        reply = await client.chat("hello", **json.loads(sys.argv[3]))
        async with client.stream("hello", **json.loads(sys.argv[3])) as stream:
            streamed = await stream.collect()
        return [reply.provider, reply.cost.certainty, streamed.cost.certainty]

print(json.dumps([at_import, opened_at_import, asyncio.run(main()), opened]))
"""
NOT_FOR_A_GOOD_CALL = "tenacity click rich trio pygments rich.console uvloop respx pytest"
"""Modules that a call which goes well does without."""
NOT_AT_IMPORT = "pydantic pydantic_core httpx httpcore h11 tomllib anyio sqlite3 ssl asyncio tenacity"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai", "qwen", "glm"], length=8) as running:
        yield running


def first_call(sim: Simulator, folder: Path, config: str, **options: Any) -> list[Any]:
    """What a fresh process saw: imported at import, files read then, outcomes, files read in all."""
    path = folder / "minimill.toml"
    path.write_text(config)
    process = world.start(
        FIRST_CALL,
        NOT_FOR_A_GOOD_CALL,
        NOT_AT_IMPORT,
        json.dumps(options),
        MINIMILL_CONFIG=str(path),
        OPENAI_API_KEY=sim.key,
        DASHSCOPE_API_KEY=sim.key,
        COVERAGE_PROCESS_CONFIG="",  # a process that is measured imports what measures it
        COVERAGE_PROCESS_START="",
    )
    found: list[Any] = world.last_line(world.ended(process))
    return found


def test_importing_minimill_imports_nothing_else(sim: Simulator, tmp_path: Path) -> None:
    """No validator, no HTTP, no TOML, no event loop, and no file is read."""
    config = f'ledger = "memory:"\n[providers.openai]\nbase_url = "{sim.base_url("openai")}"\n'
    at_import, opened, outcome, _ = first_call(sim, tmp_path, config, model="openai:gpt-5.4-mini")
    assert at_import == []
    assert opened == []
    assert outcome == ["openai", "exact", "exact"]


def test_one_vendor_is_one_provider_file(sim: Simulator, tmp_path: Path) -> None:
    """The cap and the books on disk included; what retries, terminals and trio need is not imported."""
    config = f"""
ledger = "sqlite:///{tmp_path}/ledger.db"
[providers.openai]
base_url = "{sim.base_url("openai")}"
[routes.default]
models = ["openai:gpt-5.4-mini"]
[budgets.all]
limit = "5 USD"
"""
    _, _, outcome, opened = first_call(sim, tmp_path, config)
    assert outcome == ["openai", "exact", "exact"]
    assert sorted(opened) == ["minimill.toml", "openai.toml"]


def test_a_vendor_of_the_users_own_needs_no_shipped_file(sim: Simulator, tmp_path: Path) -> None:
    """Nothing but the configuration is read."""
    config = f"""
ledger = "memory:"
[providers.acme]
dialect = "openai_chat"
base_url = "{sim.base_url("openai")}"
key_env = "OPENAI_API_KEY"
models = [{{ id = "m", free = true }}]
"""
    _, _, outcome, opened = first_call(sim, tmp_path, config, model="acme:m")
    assert outcome == ["acme", "exact", "exact"]
    assert opened == ["minimill.toml"]
