"""The computer: its cores, who else uses them, and its name. Standard library only."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path


def pin(*, last: bool) -> int | None:
    """Keep this process on the last core (the server) or on the first (the client); None: it stays free."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    core = cores[-1 if last else 0]
    os.sched_setaffinity(0, {core})
    return core


def busy_s(core: int | None) -> float | None:
    """Seconds that a core has worked since the computer started, for anybody; None: it does not tell."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    row = next((line.split() for line in lines if core is not None and line.startswith(f"cpu{core} ")), None)
    if row is None:
        return None
    user, nice, system, _idle, _waiting, irq, soft, steal = (int(field) for field in row[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Wall and CPU time of this process, all threads, and what others took of its core meanwhile."""

    def __init__(self, core: int | None) -> None:
        self._core = core
        self._busy = busy_s(core)
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def wall_s(self) -> float:
        return time.perf_counter() - self._wall

    def cpu_s(self) -> float:
        return time.process_time() - self._cpu

    def others(self) -> float | None:
        """The share of the core that others had."""
        busy = busy_s(self._core)
        if busy is None or self._busy is None:
            return None
        return max(0.0, (busy - self._busy - self.cpu_s()) / self.wall_s())


def rss_bytes() -> int:
    """Memory of this process that is resident now; where the system does not tell, the most it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> dict[str, object]:
    """What a reader has to know about where figures come from."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
