"""One writer at a time on a ledger file, over threads and processes.

SQLite before 3.51.3 can corrupt a WAL file when one connection checkpoints while another writes and a third
process resets the log (https://sqlite.org/wal.html#walresetbug). Every write, checkpoint and close of a ledger
happens under this lock, so that two of them never meet. It may import `_errors` only.
"""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Iterator

from minimill._errors import LedgerError

try:
    import fcntl
except ImportError:  # pragma: no cover - only where there is no POSIX
    fcntl = None  # type: ignore[assignment]

_NAPS_S = ((0.002, 0.0001), (0.05, 0.0005), (1e9, 0.002))
"""While younger than the first, sleep the second between two tries."""

_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """Two lock files beside the ledger: `.lock` is held while writing, `.turn` while waiting for it.

    Whoever lets go of `.lock` and wants it again must first get `.turn`, which the next one waiting holds. So a
    busy process cannot keep the others out.
    """

    def __init__(self, path: str, wait_s: float) -> None:
        self._paths = (path + ".turn", path + ".lock")
        self._fds: list[int] = []
        self._wait_s = wait_s
        _locks.add(self)

    def __enter__(self) -> None:
        if fcntl is None:
            raise LedgerError("a SQLite ledger needs POSIX file locks, which this platform does not have")
        until = time.monotonic() + self._wait_s
        self._open()
        turn, lock = self._fds
        self._take(turn, until)
        try:
            self._take(lock, until)
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def waiting(self, wait_s: float) -> Iterator[None]:
        """The same, with another bound on the wait."""
        usual, self._wait_s = self._wait_s, wait_s
        try:
            with self:
                yield
        finally:
            self._wait_s = usual

    def __exit__(self, *_: object) -> None:
        if self._fds:
            fcntl.flock(self._fds[1], fcntl.LOCK_UN)

    def _take(self, fd: int, until: float) -> None:
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                now = time.monotonic()
            if now >= until:
                raise LedgerError(
                    f"another process has held {self._paths[1]} for {self._wait_s:g} s; "
                    "nothing was written, nothing was sent"
                )
            time.sleep(next(nap for age, nap in _NAPS_S if now - began < age))

    def _open(self) -> None:
        if self._fds and all(os.fstat(fd).st_nlink for fd in self._fds):
            return
        self.close()
        for path in self._paths:
            self._fds.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def close(self) -> None:
        """Let go of the files."""
        fds, self._fds = self._fds, []
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)


def _after_fork() -> None:
    # A forked child shares the open files: it would go on holding a lock that its dead parent had.
    for lock in list(_locks):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
