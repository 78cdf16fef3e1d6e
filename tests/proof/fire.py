"""Eight processes of a hundred callers on one ledger, while clients, servers, connections and disks fail."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import anyio

import minimill
from minimill.testing import Fault, Simulator
from tests.ledger.servers import Postgres, Relay, Valkey, quick_folder
from tests.unit.client import acme

from . import world

ENGINES = ("SQLite", "Valkey", "PostgreSQL")
PROCESSES, CALLERS, CALLS = 8, 100, 1_000
KILLED = 3
"""How many processes are killed in a run that kills."""

KINDS = {
    "SQLite": ("nothing", "kill -9", "disk full", "everything"),
    "Valkey": ("nothing", "kill -9", "server restart", "cut", "lost replies", "everything"),
    "PostgreSQL": ("nothing", "kill -9", "server restart", "cut", "lost replies", "everything"),
}
"""What can be injected, by engine; runs take turns with them."""

HELD_UP = "0.3"
"""How long, in seconds, the vendor takes for an answer: time for things to fail meanwhile."""

WORKER = """
import anyio, collections, json, sys, time
import minimill
from tests.proof.world import unpacked

async def main(config, callers):
    seen = collections.Counter()
    until = time.monotonic() + 60

    async def one(client):
        while time.monotonic() < until:
            try:
                await client.chat("hello")
            except minimill.BudgetExceededError:
                seen["refused"] += 1
                return
            except minimill.MinimillError as error:
                seen[type(error).__name__] += 1
                await anyio.sleep(0.1)
            else:
                seen["paid"] += 1
        seen["out of time"] += 1

    async with minimill.Client(config) as client:
        print("ready", flush=True)
        sys.stdin.readline()
        async with anyio.create_task_group() as group:
            for _ in range(callers):
                group.start_soon(one, client)
    print(json.dumps(seen), flush=True)

anyio.run(main, unpacked(sys.argv[1]), int(sys.argv[2]))
"""


@dataclass
class Run:
    """What one run came to. Money in nanos."""

    engine: str
    kind: str
    seed: int
    paid: int
    bill: int
    settled: int
    held: int
    differences: list[str]
    injected: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def wrong(self) -> list[str]:
        """What was promised and did not hold, in words."""
        limit = CALLS * world.CEILING
        found = list(self.differences)
        if self.paid > CALLS:
            found.append(f"{self.paid} calls were paid, the cap is worth {CALLS}")
        if self.settled + self.held > limit:
            found.append(f"the books hold {self.settled + self.held} nanos, the cap is {limit}")
        if self.settled + self.held < self.bill:
            found.append(f"the books say {self.settled + self.held} nanos, the bill {self.bill}")
        if not self.injected.get("kill -9") and (self.settled, self.held) != (self.bill, 0):
            found.append(f"nothing was killed, yet settled {self.settled}, held {self.held}, bill {self.bill}")
        if self.kind == "nothing" and self.paid != CALLS:
            found.append(f"nothing failed, yet {self.paid} calls were paid")
        if self.outcomes.get("out of time"):
            found.append(f"{self.outcomes['out of time']} callers came to no end within a minute")
        return found

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@contextlib.contextmanager
def places(engine: str) -> Iterator[Place]:
    """Where ledgers of an engine can be made; a server is started for it."""
    with tempfile.TemporaryDirectory(dir=quick_folder(), prefix="minimill-") as folder:
        if engine == "SQLite":
            yield Place(engine, Path(folder), None)
        else:
            with Valkey() if engine == "Valkey" else Postgres() as server:
                yield Place(engine, Path(folder), server)


@dataclass
class Place:
    """A folder, and a server if the engine has one."""

    engine: str
    folder: Path
    server: Valkey | Postgres | None

    @contextlib.contextmanager
    def ledger(self) -> Iterator[tuple[str, Relay | None]]:
        """A ledger of its own: its URL, and the relay through which a server is reached."""
        name = f"f{os.urandom(6).hex()}"
        if self.server is None:
            yield f"sqlite:///{self.folder}/{name}.db", None
            return
        url = self.server.url
        with Relay(f"{url}{'&' if '?' in url else '?'}ledger={name}") as relay:
            yield relay.url, relay


def run(place: Place, kind: str, seed: int) -> Run:
    """One race for the cap, with what `kind` says injected at moments that `seed` chooses."""
    began = time.monotonic()
    with Simulator(["openai"]) as sim, place.ledger() as (url, relay):
        world.at_ceiling(sim)
        sim.always("openai", Fault.delay(float(HELD_UP)))
        config = world.config(sim, url, CALLS)
        config["budgets"]["all"]["unconfirmed_share"] = 1
        race = Race(config, place, relay, random.Random(seed), str(place.folder / "state"), lambda: len(sim.calls))
        race.start(kind)
        outcomes = race.outcomes()
        sim.wait_idle(30)
        settled, held, differences = race.books()
        return Run(
            place.engine, kind, seed, len(sim.paid_calls), sim.bill(acme.price), settled, held, differences,
            dict(race.injected), outcomes, time.monotonic() - began,
        )  # fmt: skip


class Race:
    """The processes of one run, and what is done to them."""

    def __init__(
        self,
        config: dict[str, Any],
        place: Place,
        relay: Relay | None,
        chance: random.Random,
        state: str,
        calls: Callable[[], int],
    ) -> None:
        self._config, self._place, self._relay, self._chance, self._state = config, place, relay, chance, state
        self._calls = calls
        self._spares: list[subprocess.Popen[str]] = []
        self._all: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []
        self._failed: list[BaseException] = []
        self.injected: Counter[str] = Counter()

    def start(self, kind: str) -> None:
        chosen = self._chosen(kind)
        self._all = [self._process() for _ in range(PROCESSES)]
        if self._kill in chosen:
            self._spares = [self._process() for _ in range(KILLED)]
        world.go(*self._all)
        self._threads = [threading.Thread(target=self._guarded, args=(one,), daemon=True) for one in chosen]
        for thread in self._threads:
            thread.start()

    def _chosen(self, kind: str) -> list[Callable[[], None]]:
        known = {
            "kill -9": self._kill,
            "server restart": self._restart,
            "cut": self._cut,
            "lost replies": self._lose,
            "disk full": self._fill,
        }
        if kind == "everything":
            return [inject for name, inject in known.items() if name in KINDS[self._place.engine]]
        return [known[kind]] if kind in known else []

    def _process(self) -> subprocess.Popen[str]:
        return world.start(WORKER, world.packed(self._config), CALLERS, XDG_STATE_HOME=self._state)

    def _guarded(self, inject: Callable[[], None]) -> None:
        try:
            inject()
        except BaseException as error:
            self._failed.append(error)

    def _pause(self, most: float) -> None:
        time.sleep(self._chance.random() * most)

    def _reach(self, calls: int) -> None:
        """Wait until the vendor has been asked so often, or five seconds."""
        until = time.monotonic() + 5
        while self._calls() < calls and time.monotonic() < until:
            time.sleep(0.005)

    def _kill(self) -> None:
        """Kill some processes, each after so many calls of all, and let others go on in their place."""
        moments = sorted(self._chance.randrange(50, 950) for _ in range(KILLED))
        for victim, calls in zip(self._chance.sample(range(PROCESSES), KILLED), moments, strict=True):
            self._reach(calls)
            process, spare = self._all[victim], self._spares.pop()
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                self.injected["kill -9"] += 1
            world.go(spare)
            self._all.append(spare)

    def _restart(self) -> None:
        """End the server at once and start it again, twice."""
        self._reach(self._chance.randrange(600))
        assert self._place.server is not None
        for _ in range(2):
            self._pause(0.6)
            self._place.server.kill()
            self._pause(0.2)
            self._place.server.start()
            self.injected["server restart"] += 1

    def _cut(self) -> None:
        """Cut all connections, thrice, for up to a fifth of a second."""
        self._reach(self._chance.randrange(600))
        assert self._relay is not None
        for _ in range(3):
            self._pause(0.4)
            self._relay.cut()
            self._pause(0.2)
            self._relay.mend()
            self.injected["cut"] += 1

    def _lose(self) -> None:
        """Lose a reply that the server has sent after its commit, twenty times."""
        self._reach(self._chance.randrange(600))
        assert self._relay is not None
        for _ in range(20):
            self._relay.lose_next_reply()
            self._pause(0.1)
        self.injected["lost reply"] = self._relay.lost

    def _fill(self) -> None:
        """No file of a process may grow, as on a full disk, for up to 0.3 seconds; five times."""
        self._reach(self._chance.randrange(600))
        for _ in range(5):
            self._pause(0.3)
            victims = [one for one in self._all if one.poll() is None]
            victims = self._chance.sample(victims, min(4, len(victims)))
            for one in victims:
                _limit(one.pid, 4096)
            self._pause(0.3)
            for one in victims:
                _limit(one.pid, resource.RLIM_INFINITY)
            self.injected["disk full"] += len(victims)

    def outcomes(self) -> dict[str, int]:
        """What the callers of the processes that were not killed came to."""
        for thread in self._threads:
            thread.join(60)
        if self._failed:
            raise self._failed[0]
        found: Counter[str] = Counter()
        for process in self._all:
            out = world.ended(process, code=None, timeout=120)
            if process.returncode != -signal.SIGKILL:
                assert process.returncode == 0, out
                found.update(json.loads(out.strip().splitlines()[-1]))
        return dict(sorted(found.items()))

    def books(self) -> tuple[int, int, list[str]]:
        """(settled, held, differences), with what a killed process left in its journal."""
        before = os.environ.get("XDG_STATE_HOME")
        os.environ["XDG_STATE_HOME"] = self._state
        try:
            return anyio.run(_books, self._config)
        finally:
            if before is None:
                del os.environ["XDG_STATE_HOME"]
            else:
                os.environ["XDG_STATE_HOME"] = before


def _limit(pid: int, size: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _books(config: dict[str, Any]) -> tuple[int, int, list[str]]:
    async with minimill.Client(config) as client:
        settled, held = await acme.spent(client)
        return settled, held, await client._ledger.audit()
