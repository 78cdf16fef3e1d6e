"""One kind of client in a process of its own: reads a task as a line of JSON, prints its figures as another."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Coroutine
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from _kinds import KINDS, Asker
from _load import quantile, together
from _machine import Stopwatch, pin

PACKAGES = ("minimill", "httpx", "httpcore", "httpx2", "aiohttp", "openai", "litellm")


def main() -> None:
    kind, core = sys.argv[1], pin(last=False)
    with asyncio.Runner() as runner:
        print(json.dumps({"versions": versions()}), flush=True)
        for line in sys.stdin:
            task = json.loads(line)
            try:
                found = runner.run(TASKS[task.pop("do")](kind, core, **task))
            except Exception as error:
                traceback.print_exc()
                found = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
            print(json.dumps(found), flush=True)


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


async def calls(
    kind: str,
    core: int | None,
    *,
    address: str,
    delay_ms: float,
    at_once: int,
    seconds: float,
    patience_s: float,
    chars: int = 0,
    idle: int = 0,
) -> dict[str, Any]:
    """Figures of plain calls; with `idle`, so many connections are opened first."""
    async with KINDS[kind](address, chars) as asker:
        if idle:
            tell(address, delay_ms=500)
            await asyncio.gather(*[asker.call() for _ in range(idle)])
            await quiet()
        tell(address, delay_ms=delay_ms)
        found: dict[str, Any] = await together(
            asker.call,
            at_once=at_once,
            seconds=seconds,
            patience_s=patience_s,
            core=core,
            settled=asker.settled,
        )
        found["connections"] = tell(address)["connections"] - 1
        return found


async def quiet() -> None:
    """Let a client finish what it does after its calls, such as logging them: ten seconds at most."""
    for _ in range(100):
        before = time.process_time()
        await asyncio.sleep(0.1)
        if time.process_time() - before < 0.005:
            return


async def streams(
    kind: str, core: int | None, *, address: str, chunks: int, flush: bool, seconds: float
) -> dict[str, Any]:
    """CPU of one chunk, in streams that follow one another."""
    tell(address, delay_ms=0, chunks=chunks, flush=int(flush))
    async with KINDS[kind](address, 0) as asker:
        assert await asker.stream(lambda: None) >= chunks
        await asker.settled()
        watch, done = Stopwatch(core), 0
        while done == 0 or watch.wall_s() < seconds:
            await asker.stream(lambda: None)
            done += 1
        wall_s = watch.wall_s()
        await asker.settled()
        return {
            "cpu_us": watch.cpu_s() / (done * chunks) * 1e6,
            "chunks_s": done * chunks / wall_s,
            "streams": done,
            "others": watch.others(),
        }


async def first(kind: str, core: int | None, *, address: str, chunks: int, times: int) -> dict[str, Any]:
    """Time to the first words of a stream."""
    tell(address, delay_ms=0, chunks=chunks, flush=0)
    async with KINDS[kind](address, 0) as asker:
        await _first(asker)
        watch = Stopwatch(core)
        took = [await _first(asker) for _ in range(times)]
        return {
            "p50_ms": quantile(took, 0.5) * 1e3,
            "p99_ms": quantile(took, 0.99) * 1e3,
            "others": watch.others(),
        }


async def _first(asker: Asker) -> float:
    at: list[float] = []
    began = time.perf_counter()
    await asker.stream(lambda: at.append(time.perf_counter()))
    return at[0] - began


Task = Callable[..., Coroutine[Any, Any, dict[str, Any]]]
TASKS: dict[str, Task] = {"calls": calls, "streams": streams, "first": first}


def tell(address: str, **wanted: float) -> dict[str, Any]:
    """Change what the server does; what it has seen."""
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{address.removesuffix('/v1')}/set?{query}", timeout=30) as reply:
        found: dict[str, Any] = json.load(reply)
        return found


if __name__ == "__main__":
    main()
