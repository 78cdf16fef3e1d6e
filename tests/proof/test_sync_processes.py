"""The synchronous client in processes that end badly: nothing hangs, and the books hold what was asked."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from minimill.testing import Fault, Simulator
from tests.unit.client import acme

from . import world
from .test_crash import check_books, wait_for

HEAD = """
import os, sys
import minimill
from tests.proof.world import unpacked

client = minimill.SyncClient(unpacked(sys.argv[1]))
"""


def started(script: str, sim: Simulator, tmp_path: Path) -> tuple[subprocess.Popen[str], dict[str, object]]:
    config = world.config(sim, f"sqlite:///{tmp_path}/ledger.db", 100)
    return world.start(HEAD + script, world.packed(config)), config


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("print('made')", 0),
        ("client.chat('0', tags={'n': '0'})", 0),
        ("client.chat('0', tags={'n': '0'}); raise ValueError('mine')", 1),
        ("s = client.stream('0', tags={'n': '0'}); s.__enter__(); next(s)", 0),
    ],
    ids=["unused", "a call", "an error of the application's", "an open stream"],
)
def test_a_client_that_nobody_closes_lets_the_program_end(tmp_path: Path, script: str, code: int) -> None:
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=8) as sim:
        process, config = started(script, sim, tmp_path)
        world.ended(process, code=code, timeout=30)
        check_books(sim, config, limit=world.CEILING)


def test_a_forked_child_is_told(tmp_path: Path) -> None:
    """An error that says nothing was sent; closing there does nothing, and the parent goes on."""
    script = """
client.chat("0", tags={"n": "0"})
pid = os.fork()
if pid == 0:
    try:
        client.chat("1", tags={"n": "1"})
    except minimill.LedgerError as error:
        client.close()
        os._exit(7 if "nothing was sent" in str(error) else 8)
    os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
client.chat("2", tags={"n": "2"})
client.close()
"""
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=8) as sim:
        process, config = started(script, sim, tmp_path)
        assert world.ended(process, timeout=30).split() == ["7"]
        assert [call.body["messages"][0]["content"] for call in sim.calls] == ["0", "2"]
        check_books(sim, config, limit=2 * world.CEILING)


def test_ctrl_c_ends_the_call_as_well(tmp_path: Path) -> None:
    """The interrupted call is cancelled in its loop; its hold stands as unconfirmed, and the client works on."""
    script = """
try:
    client.chat("0", tags={"n": "0"})
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.readline()
(hold,) = client.holds()
print(hold.unconfirmed)
client.close()
"""
    with Simulator(["openai"], input_tokens=acme.at_ceiling, length=8) as sim:
        sim.always("openai", Fault.silent())
        process, config = started(script, sim, tmp_path)
        wait_for(lambda: len(sim.calls) == 1, process)
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "interrupted\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert world.ended(process, timeout=30).split() == ["True"]
        check_books(sim, config, limit=world.CEILING)


def test_an_interrupt_waits_for_the_end_of_what_it_cancels(tmp_path: Path) -> None:
    """What takes a while to end has ended when the application goes on."""
    script = """
import asyncio

async def slow():
    print("begun", flush=True)
    try:
        await asyncio.sleep(30)
    finally:
        await asyncio.sleep(0.3)
        print("ended", flush=True)

try:
    client._portal.call(slow)
except KeyboardInterrupt:
    print("interrupted", flush=True)
client.close()
"""
    with Simulator(["openai"]) as sim:
        process, _ = started(script, sim, tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        assert world.ended(process, timeout=30).split() == ["ended", "interrupted"]
