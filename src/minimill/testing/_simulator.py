"""The simulator: a server on loopback with several vendors on it, in a thread of its own.

Routes requests, and hands what is to be answered to an exchange. Knows no wire shapes.
"""

import asyncio
import concurrent.futures
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, Unpack

from pydantic_core import to_json

from ._answers import Composed
from ._exchange import Exchange, Script, answer_script, canned_script, refusal_script
from ._faults import Fault, FaultSource, sometimes
from ._http import Connection, Request, raise_file_limit
from ._records import CallBook, CallRecord, Price, cost
from ._station import Asked, Programmed, Settings, Station, StationSettings, read
from ._tokens import InputCounter, Length, estimate_input
from ._vendor_base import Ids, Vendor
from ._vendors import VENDORS, wires_of

__all__ = ["Simulator"]

_BACKLOG = 4096
_START_TIMEOUT_S = 10.0


class Simulator:
    """Simulated vendors on 127.0.0.1 that speak the real wire, count tokens, and fail on command.

    The server runs in a daemon thread with an event loop of its own, so that asyncio, trio and plain code can
    use it, and so can other processes. Start it with `start` or as a context manager; settings and faults may
    be changed at any time from any thread.

    A plain answer is generated as soon as its request is taken, and so is a stream, unless a fault slows it
    down; a client that leaves is billed for what was generated until then.

    Without settings an answer depends on the prompt alone. The record of a call exists, and is marked as
    billed, before the first byte of its answer leaves.

    Args:
        vendors: Names of the vendors to serve; all that there are by default.
        key: The key that every vendor accepts.
        answer: What the models say: an `Answer`, or a function from a `SimulatedRequest` to one.
        length: How long answers are: a `Length`, or a number of tokens; None leaves them as they are.
        input_tokens: Counts the input tokens of a request body, which comes in the words of Chat Completions.
        tokens_per_chunk: Tokens in one content chunk of a stream.
        models: The models a vendor has, by vendor; any model is accepted for a vendor that is not named.
        hop_tokens: Output tokens after which a vendor breaks a long answer off, to go on when asked again;
            None takes the vendor's own number. Of Gemini's models those of the fourth generation do so.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(
        self,
        vendors: Iterable[str] | None = None,
        *,
        key: str = "sim-key",
        answer: Programmed = None,
        length: Length | int | None = None,
        input_tokens: InputCounter = estimate_input,
        tokens_per_chunk: int = 4,
        models: Mapping[str, Sequence[str]] | None = None,
        hop_tokens: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        names = list(VENDORS) if vendors is None else [vendors] if isinstance(vendors, str) else list(vendors)
        settings = StationSettings(
            answer, _as_length(length), input_tokens, tokens_per_chunk, None, hop_tokens
        )
        self._stations = {name: Station(wires_of(name), settings) for name in names}
        for name, listed in (models or {}).items():
            self.configure(name, models=listed)
        self._key = key
        self._host, self._wanted_port = host, port
        self._port = 0
        self._book = CallBook()
        self._connections: set[Connection] = set()
        self._opened = 0
        self._problems: list[Exception] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._pid = os.getpid()

    # -- life ------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to listen; returns when connections are accepted.

        Raises the process's soft limit of open files where that is low, so that thousands can connect.

        Raises:
            OSError: The address cannot be listened on.
            RuntimeError: It is already running.
        """
        if self._thread is not None:
            raise RuntimeError("the simulator is already running")
        raise_file_limit()
        ready = threading.Event()
        failed: list[BaseException] = []
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, args=(ready, failed), name="simulator", daemon=True)
        self._thread.start()
        if not ready.wait(_START_TIMEOUT_S) or failed:
            self._thread = None
            raise failed[0] if failed else RuntimeError("the simulator did not start in time")
        return self

    def close(self) -> None:
        """Break all connections and stop. Records stay readable. Again, or in a fork: does nothing."""
        loop, stop, thread = self._loop, self._stop, self._thread
        if thread is None or loop is None or stop is None or os.getpid() != self._pid:
            return
        loop.call_soon_threadsafe(stop.set)
        thread.join(_START_TIMEOUT_S)
        self._thread = self._loop = self._stop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and self._problems:
            raise RuntimeError("a function given to the simulator failed") from self._problems[0]

    def _run(self, ready: threading.Event, failed: list[BaseException]) -> None:
        try:
            asyncio.run(self._listen(ready))
        except BaseException as error:
            failed.append(error)
            ready.set()

    async def _listen(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(
            self._connect, self._host, self._wanted_port, backlog=_BACKLOG
        )
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        # A connection accepted just now needs some passes of the loop to appear, and an open server.
        for _ in range(10):
            for connection in list(self._connections):
                connection.reset()
            await asyncio.sleep(0)
        server.close()

    def _connect(self) -> Connection:
        self._opened += 1
        return Connection(self._serve, self._connections)

    # -- addresses -------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it was started."""
        return self._port

    @property
    def key(self) -> str:
        """The key that every vendor accepts."""
        return self._key

    @property
    def vendors(self) -> tuple[str, ...]:
        """Names of the vendors that are served."""
        return tuple(self._stations)

    def base_url(self, vendor: str) -> str:
        """The base URL of a vendor, without a slash at the end, as a client of the vendor wants it."""
        return f"http://{self._host}:{self._port}/{vendor}{self._station(vendor).vendor.base_path}"

    def base_urls(self) -> dict[str, str]:
        """The base URLs of all vendors that are served."""
        return {name: self.base_url(name) for name in self._stations}

    # -- settings --------------------------------------------------------------------------------------------

    def configure(self, vendor: str, **settings: Unpack[Settings]) -> None:
        """Change how one vendor answers from the next request on.

        Args:
            vendor: Name of the vendor.
            settings: `answer`, `length`, `input_tokens`, `tokens_per_chunk`, `hop_tokens` or `models` (of this
                vendor; None accepts any), as in the constructor. What is not named stays.

        Raises:
            TypeError: There is no such setting.
            ValueError: The vendor is not served.
        """
        changed: dict[str, Any] = dict(settings)
        if "length" in settings:
            changed["length"] = _as_length(settings["length"])
        if settings.get("models") is not None:
            changed["models"] = tuple(changed["models"])
        station = self._station(vendor)
        station.settings = replace(station.settings, **changed)

    def program(self, vendor: str, faults: Fault | Iterable[Fault | None] | FaultSource) -> None:
        """Let the next requests of a vendor go wrong.

        Only requests that the vendor would have answered count: those with a wrong key or a bad body use up
        nothing.

        Args:
            vendor: Name of the vendor.
            faults: A fault, or faults for the next requests, one each and in order, added to those that wait
                (None lets one pass); or a function from the request's index and body to a `Fault` or None,
                asked for every request that has no waiting fault.
        """
        plan = self._station(vendor).plan
        if isinstance(faults, Fault):
            plan.add([faults])
        elif callable(faults):
            plan.always(faults)
        else:
            plan.add(faults)

    def always(self, vendor: str, fault: Fault | None) -> None:
        """Let every request of a vendor go wrong once its waiting faults are used up; None ends that."""
        self._station(vendor).plan.always(None if fault is None else lambda _index, _body: fault)

    def sometimes(self, vendor: str, odds: Mapping[Fault, float], *, seed: int = 0) -> None:
        """Let requests of a vendor go wrong by chance, once its waiting faults are used up.

        Args:
            vendor: Name of the vendor.
            odds: Probability of each fault; together at most 1.
            seed: The same seed gives the same sequence of faults.
        """
        self._station(vendor).plan.always(sometimes(odds, seed))

    def clear_faults(self, vendor: str | None = None) -> None:
        """Forget the faults of a vendor, or of all."""
        for station in self._stations.values() if vendor is None else (self._station(vendor),):
            station.plan.clear()

    def _station(self, vendor: str) -> Station:
        try:
            return self._stations[vendor]
        except KeyError:
            raise ValueError(
                f"vendor {vendor!r} is not served; served are {', '.join(self._stations)}"
            ) from None

    # -- what happened ---------------------------------------------------------------------------------------

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """Copies of the records of all chat requests, in the order of their arrival."""
        return self._book.snapshot()

    @property
    def paid_calls(self) -> tuple[CallRecord, ...]:
        """Copies of the records of those chat requests that are billed."""
        return tuple(record for record in self._book.snapshot() if record.billed)

    def clear_calls(self) -> None:
        """Forget the records of calls that ended."""
        self._book.clear()

    def bill(self, price: Price, *, vendor: str | None = None) -> int:
        """What the vendors charge for all billed calls, in nano-units; each call is rounded up.

        Args:
            price: A function from a record to nano-units, or a mapping from a model, or `vendor:model`, to
                the nano-units of one input and of one output token.
            vendor: Count the calls of this vendor only.

        Raises:
            KeyError: A billed call's model has no price.
        """
        return sum(cost(record, price) for record in self._book.snapshot() if vendor in (None, record.vendor))

    def wait_idle(self, timeout: float = 5.0) -> None:
        """Wait until everything that arrived was read and no call is running.

        Raises:
            TimeoutError: Calls are still running after `timeout` seconds.
        """
        until = time.monotonic() + timeout
        if not (self._read_all(timeout) and self._book.wait_idle(max(0.0, until - time.monotonic()))):
            raise TimeoutError(f"{self._book.running} simulated calls are still running after {timeout} s")

    def _read_all(self, timeout: float) -> bool:
        """Let the server read what arrived; whether it got to that in time."""
        loop = self._loop
        if loop is None:
            return True
        passed = asyncio.run_coroutine_threadsafe(_some_passes(), loop)
        return bool(concurrent.futures.wait([passed], timeout).done)

    @property
    def running(self) -> int:
        """How many calls are running."""
        return self._book.running

    @property
    def connections_opened(self) -> int:
        """How many connections were accepted since the start."""
        return self._opened

    @property
    def problems(self) -> tuple[Exception, ...]:
        """Errors raised by functions given to the simulator; such a request is answered with status 500."""
        return tuple(self._problems)

    # -- serving (in the server's thread) --------------------------------------------------------------------

    def _serve(self, connection: Connection, request: Request) -> None:
        name, _, rest = request.path.removeprefix("/").partition("/")
        station = self._stations.get(name)
        vendor, kind = station.route(f"/{rest}") if station is not None else (None, None)
        if station is None or vendor is None:
            self._unknown(connection, request, station)
        elif kind == "chat" and request.method == "POST":
            self._chat(connection, request, station, vendor)
        elif kind == "models" and request.method == "GET":
            self._models(connection, request, station)
        else:
            row = vendor.row(405, message="Method Not Allowed")
            _send(connection, refusal_script(vendor, _no_ids(vendor), row, False))

    def _unknown(self, connection: Connection, request: Request, station: Station | None) -> None:
        vendor = station.vendor if station is not None else VENDORS["openai"]
        row = vendor.unknown_path(request.method, request.path)
        _send(connection, refusal_script(vendor, _no_ids(vendor), row, False))

    def _models(self, connection: Connection, request: Request, station: Station) -> None:
        vendor = station.vendor
        ids = _no_ids(vendor)
        problem = vendor.key_problem(vendor.credentials(request.headers), self._key)
        if problem is not None:
            _send(connection, refusal_script(vendor, ids, problem, False))
            return
        names = station.settings.models or vendor.sample_models
        connection.reply(
            200, vendor.headers(ids) + vendor.error_headers(problem), to_json(vendor.models(names))
        )

    def _chat(self, connection: Connection, request: Request, station: Station, vendor: Vendor) -> None:
        asked = read(vendor, request)

        def make(number: int) -> CallRecord:
            return CallRecord(
                number,
                vendor.name,
                asked.model,
                asked.raw or {},
                request.headers,
                asked.stream,
                started=time.time(),
                chat=asked.chat,
            )

        record = self._book.open(make)
        ids = vendor.ids(record.number, asked.model)
        record.request_id = ids.request_id
        problem = station.problem(asked, request.headers, self._key)
        if problem is not None:
            script = refusal_script(vendor, ids, problem, asked.stream)
            Exchange(connection, self._book, record, script).run(None)
            return
        self._answer(connection, station, record, ids, asked)

    def _answer(
        self, connection: Connection, station: Station, record: CallRecord, ids: Ids, asked: Asked
    ) -> None:
        index, station.accepted = station.accepted, station.accepted + 1
        try:
            script, said = self._decide(station, record, ids, asked, index)
        except Exception as error:
            self._problems.append(error)
            row = asked.vendor.row(500, message=f"a function given to the simulator failed: {error!r}")
            script, said = refusal_script(asked.vendor, ids, row, record.stream), None
        Exchange(connection, self._book, record, script).run(said)

    def _decide(
        self, station: Station, record: CallRecord, ids: Ids, asked: Asked, index: int
    ) -> tuple[Script, Composed]:
        vendor = asked.vendor
        fault = station.plan.take(index, record.body)
        record.fault = fault.name if fault is not None else ""
        said = station.compose(asked, record, index)
        record.choices = len(said.choices)
        if fault is not None and fault.http_status is not None:
            return canned_script(vendor, ids, fault, record.stream), said
        return answer_script(
            vendor, ids, said, asked.body, fault, station.settings.tokens_per_chunk
        ), said


def _no_ids(vendor: Vendor) -> Ids:
    return vendor.ids(0, "")


def _send(connection: Connection, script: Script) -> None:
    connection.reply(script.status, script.headers, script.frames[0].data)


def _as_length(length: Length | int | None) -> Length | None:
    return Length.fixed(length) if isinstance(length, int) else length


async def _some_passes() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
