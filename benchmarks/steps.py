#!/usr/bin/env python3
"""Where the time of one call goes: CPU of each step, calls one after another.

    benchmarks/steps.py [--quick] [--rounds 5] [--json FILE] [--candidates 1] [--profile]

A step's own time is without the steps inside it. Waiting costs nothing here: it is the CPU of the event loop's
thread that is counted, and that of the thread that writes the SQLite file beside it. `--profile` prints the dearest
functions instead.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from _bench import parse, rounds_of, server
from _kinds import KINDS, LIMIT, messages
from _kinds import config as configuration
from _machine import pin
from _report import Results, number, spread, table

ELSE, WRITER, ALL = "everything between the steps", "the thread that writes the file", "all"
BARE = "the bare transport's call"


class Steps:
    """Own CPU time of each step, by name, while it runs."""

    def __init__(self) -> None:
        self.own: dict[str, float] = defaultdict(float)
        self._open: list[str] = [ELSE]
        self._since = time.thread_time()

    def _turn(self) -> None:
        now = time.thread_time()
        self.own[self._open[-1]] += now - self._since
        self._since = now

    def enter(self, name: str) -> None:
        self._turn()
        self._open.append(name)

    def leave(self) -> None:
        self._turn()
        self._open.pop()

    def start(self) -> None:
        """Forget what was so far."""
        self.own.clear()
        self._since = time.thread_time()

    def stop(self) -> None:
        """Count up to now."""
        self._turn()

    def around(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, measured."""
        if inspect.iscoroutinefunction(step):

            @functools.wraps(step)
            async def waited(*args: Any, **kwargs: Any) -> Any:
                self.enter(name)
                try:
                    return await step(*args, **kwargs)
                finally:
                    self.leave()

            return waited

        @functools.wraps(step)
        def called(*args: Any, **kwargs: Any) -> Any:
            self.enter(name)
            try:
                return step(*args, **kwargs)
            finally:
                self.leave()

        return called


def watch(steps: Steps) -> None:
    """Put a clock around each step of a call."""
    from minimill._client import _client, _engine
    from minimill._client._spending import Spending
    from minimill._routing import _plan
    from minimill._transport import Exchange, Transport
    from minimill.ledger.memory import MemoryLedger
    from minimill.ledger.sqlite import SqliteLedger

    places: list[tuple[str, Any, str]] = [
        ("request: check options and messages", _client, "make_request"),
        ("plan: which candidates fit", _client, "make_plan"),
        ("plan: size of the prompt", _client, "measure"),
        ("plan: ceiling", _plan, "_ceiling"),
        ("plan: expected cost", _plan, "_expected"),
        ("encode", _engine, "_encoded"),
        ("reserve: which budgets, how much", _engine.Engine, "_reserve"),
        ("reserve: the ledger", MemoryLedger, "reserve"),
        ("reserve: the ledger", SqliteLedger, "reserve"),
        ("send: headers, limits", _engine.Engine, "_send"),
        ("send: the transport", Transport, "send"),
        ("read: the transport", Exchange, "read"),
        ("read: give the connection back", Exchange, "aclose"),
        ("decode", _engine, "_decoded"),
        ("cost of the answer", Spending, "_charge"),
        ("settle: convert, report", Spending, "_settle"),
        ("settle: the record", Spending, "_record"),
        ("settle: the ledger", MemoryLedger, "settle"),
        ("settle: the ledger", SqliteLedger, "settle"),
    ]
    for name, where, attribute in places:
        setattr(where, attribute, steps.around(name, getattr(where, attribute)))


def main() -> None:
    parser = parse(__doc__)
    parser.add_argument("--calls", type=int, help="in one round, default: 3000, with --quick 500")
    parser.add_argument("--candidates", type=int, default=1, choices=range(1, 5), help="of the route, default: 1")
    parser.add_argument("--profile", action="store_true", help="print the dearest functions instead")
    options = parser.parse_args()
    calls = options.calls or (500 if options.quick else 3000)
    pin(last=False)
    results = Results("steps", {**vars(options), "json": None})
    home = os.getcwd()
    with server() as address, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            if options.profile:
                asyncio.run(profiled(address, "memory:", options.candidates, calls))
                return
            asyncio.run(measured(results, address, options.candidates, calls, rounds_of(options)))
        finally:
            os.chdir(home)
    results.write(options.json)
    show(results)


def show(results: Results) -> None:
    """Print what was found."""
    print_table(results)
    results.print_foot()


MODELS = ("gpt-5.4-mini", "gpt-5.4", "gpt-5.4-nano", "gpt-5.6-luna")


def config(address: str, ledger: str, candidates: int) -> dict[str, Any]:
    models = [f"openai:{name}" for name in MODELS[:candidates]]
    return {**configuration(address, ledger), "routes": {"default": {"models": models}}}


async def measured(results: Results, address: str, candidates: int, calls: int, rounds: int) -> None:
    """First the bare transport without clocks around its steps, then both ledgers in turn."""
    for _ in range(rounds):
        async with KINDS["bare transport"](address, 0) as asker:
            results.add(BARE, "CPU", {"us": await cpu_us(asker.call, calls)})
    steps = Steps()
    watch(steps)
    for number_ in range(rounds):
        for kind, ledger in (("memory", "memory:"), ("SQLite", f"sqlite:///{number_}.db")):
            found = await one_round(steps, config(address, ledger, candidates), calls)
            for name, us in found.items():
                results.add(name, kind, {"us": us})


async def cpu_us(call: Callable[[], Any], calls: int) -> float:
    await call()
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls * 1e6


async def one_round(steps: Steps, settings: dict[str, Any], calls: int) -> dict[str, float]:
    import minimill

    os.environ["OPENAI_API_KEY"] = "sk-loopback"
    asked: Any = messages(0)
    async with minimill.Client(settings) as client:
        for _ in range(20):
            await client.chat(asked, max_output_tokens=LIMIT)
        await client._ledger.flush()
        steps.start()
        whole, own = time.process_time(), time.thread_time()
        for _ in range(calls):
            await client.chat(asked, max_output_tokens=LIMIT)
        steps.stop()
        own = time.thread_time() - own
        await client._ledger.flush()
        whole = time.process_time() - whole
    found = {name: seconds / calls * 1e6 for name, seconds in steps.own.items()}
    return {**found, WRITER: (whole - own) / calls * 1e6, ALL: whole / calls * 1e6}


def print_table(results: Results) -> None:
    rows = [
        (case, *(spread(results.values(case, kind, "us"), number) for kind in ("memory", "SQLite")))
        for case in sorted(results.cases, key=order)
        if case != BARE
    ]
    print(table(("µs of CPU a call", "memory", "SQLite"), rows))
    print(f"\n{BARE}: {spread(results.values(BARE, 'CPU', 'us'), number)} µs")


WORDS = ("request", "plan", "encode", "reserve", "send", "read", "decode", "cost", "settle", "everything", "the", "all")


def order(case: str) -> int:
    """As the steps follow one another."""
    return WORDS.index(case.partition(":")[0].split(" ")[0])


async def profiled(address: str, ledger: str, candidates: int, calls: int) -> None:
    import cProfile
    import pstats

    import minimill

    os.environ["OPENAI_API_KEY"] = "sk-loopback"
    asked: Any = messages(0)
    async with minimill.Client(config(address, ledger, candidates)) as client:
        await client.chat(asked, max_output_tokens=LIMIT)
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(calls):
            await client.chat(asked, max_output_tokens=LIMIT)
        profile.disable()
        for by in ("tottime", "cumulative"):
            pstats.Stats(profile).sort_stats(by).print_stats(60)


if __name__ == "__main__":
    main()
