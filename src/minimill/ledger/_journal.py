"""Closings that could not be written to a server, kept on this machine's disk until they are.

Each process has a file of its own, locked as long as it lives. A file that nobody locks was left behind: whoever
opens the same ledger next writes what is in it. Doing that twice changes nothing. It may import `_errors` only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - only where there is no POSIX
    fcntl = None  # type: ignore[assignment]

_ours: set[Path] = set()
"""Files of this process: POSIX locks keep other processes away, not ourselves."""


def journal_folder() -> Path:
    """Where journals lie: beside the default ledger, in the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "minimill" / "journal"


class Journal:
    """One process's closings of one ledger that are still to be written. The file is there while there are any.

    Args:
        ledger: The ledger's name; journals of others are left alone.
        process: A name for this process that no other has.
    """

    def __init__(self, ledger: str, process: str) -> None:
        self._start = hashlib.sha256(ledger.encode()).hexdigest()[:16]
        self._process = process
        self._fd: int | None = None
        self._kept: set[str] = set()
        self.path: Path | None = None
        """The file; None while nothing is kept."""

    def keep(self, lines: Sequence[str]) -> None:
        """Have these lines on the disk. Raises OSError."""
        new = [line for line in dict.fromkeys(lines) if line not in self._kept]
        if not new:
            return
        fd = self._open()
        data = "".join(f"{line}\n" for line in new).encode()
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
        self._kept.update(new)

    def _open(self) -> int:
        if self._fd is None:
            folder = journal_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"{self._start}-{self._process}.jsonl"
            _ours.add(path)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self.path = path
            if fcntl is not None:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._fd

    def clear(self) -> None:
        """All of it was written: remove the file."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            self.close()

    def close(self) -> None:
        """Leave the file to whoever opens the ledger next."""
        if self._fd is not None and self.path is not None:
            os.close(self._fd)
            _ours.discard(self.path)
        self._fd = self.path = None
        self._kept.clear()

    def left_behind(self) -> Iterator[tuple[Path, list[str]]]:
        """Journals of this ledger whose processes are gone. Each stays locked until the next is asked for."""
        with contextlib.suppress(OSError):
            for path in sorted(journal_folder().glob(f"{self._start}-*.jsonl")):
                if path not in _ours:
                    yield from _taken(path)


def _taken(path: Path) -> Iterator[tuple[Path, list[str]]]:
    with contextlib.suppress(OSError), open(path, "r+b") as file:
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            lines = file.read().split(b"\n")[:-1]  # what follows the last end of line was not written to its end
            yield path, [line.decode(errors="replace") for line in lines if line]
