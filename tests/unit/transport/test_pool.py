"""Kept connections: reuse, limits, first come first served, and what happens when a turn is given up."""

import ssl
from time import monotonic

import anyio
import httpcore
import pytest

from minimill._transport import Progress
from minimill._transport._pool import Lane
from minimill._transport._slot import Slot
from minimill.testing import Simulator

pytestmark = pytest.mark.anyio


def lane_to(sim: Simulator, *, most: int = 10, most_idle: int = 10, keep_alive_s: float = 30.0) -> Lane:
    origin = httpcore.Origin(b"http", b"127.0.0.1", sim.port)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Lane(origin, context, keep_alive_s=keep_alive_s, most=most, most_idle=most_idle)


async def use(lane: Lane, sim: Simulator) -> None:
    """One request on one connection, given back after."""
    connection = await lane.take(Progress(), monotonic() + 5)
    url = httpcore.URL(sim.base_url("openai") + "/models")
    headers = [(b"Host", b"127.0.0.1"), (b"Authorization", b"Bearer sim-key")]
    response = await connection.http.handle_async_request(httpcore.Request("GET", url, headers=headers))
    await response.aread()
    await response.aclose()
    await connection.give_back()


@pytest.fixture
def sim():
    with Simulator(["openai"]) as running:
        yield running


async def test_one_connection_serves_one_after_another(sim: Simulator) -> None:
    """Twenty requests in a row open one connection."""
    lane = lane_to(sim)
    for _ in range(20):
        await use(lane, sim)
    assert sim.connections_opened == 1
    await lane.aclose()


async def test_no_more_connections_than_allowed(sim: Simulator) -> None:
    """Thirty at once over three connections: all are served, by three."""
    lane = lane_to(sim, most=3)
    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(use, lane, sim)
    assert sim.connections_opened == 3
    await lane.aclose()


async def test_turns_come_in_order(sim: Simulator) -> None:
    """Who asked first gets the connection first."""
    lane = lane_to(sim, most=1)
    first = await lane.take(Progress(), monotonic() + 5)
    served: list[int] = []

    async def wait(number: int) -> None:
        connection = await lane.take(Progress(), monotonic() + 5)
        served.append(number)
        await connection.give_back()

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
        await first.give_back()
    assert served == [0, 1, 2, 3, 4]


async def test_waiting_too_long_is_a_pool_timeout(sim: Simulator) -> None:
    """The limit holds, and the place in line is given up."""
    lane = lane_to(sim, most=1)
    first = await lane.take(Progress(), monotonic() + 5)
    with pytest.raises(httpcore.PoolTimeout):
        await lane.take(Progress(), monotonic() + 0.01)
    await first.give_back()
    second = await lane.take(Progress(), monotonic() + 0.01)
    await second.give_back()


async def test_a_cancelled_turn_goes_to_the_next(sim: Simulator) -> None:
    """Cancelling one who waits, even one whose turn has just come, starves nobody."""
    lane = lane_to(sim, most=1)
    first = await lane.take(Progress(), monotonic() + 5)
    served: list[str] = []

    async def wait(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            connection = await lane.take(Progress(), monotonic() + 5)
            served.append(name)
            await connection.give_back()

    gone, stays = anyio.CancelScope(), anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(wait, "gone", gone)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(wait, "stays", stays)
        await anyio.wait_all_tasks_blocked()
        await first.give_back()
        gone.cancel()
    assert "stays" in served


async def test_an_expired_connection_is_not_used(sim: Simulator) -> None:
    """After its keep-alive time a new one is opened."""
    lane = lane_to(sim, keep_alive_s=0.0)
    await use(lane, sim)
    await anyio.sleep(0.01)
    await use(lane, sim)
    assert sim.connections_opened == 2
    await lane.aclose()


async def test_a_connection_the_server_closed_is_not_used(sim: Simulator) -> None:
    """The close is seen while the connection is idle; nothing is sent on it."""
    lane = lane_to(sim)
    await use(lane, sim)
    port = sim.port
    sim.close()
    with Simulator(["openai"], port=port) as again:
        await anyio.sleep(0.05)
        await use(lane, again)
        assert again.connections_opened == 1
        await lane.aclose()




async def test_what_comes_back_after_closing_is_closed(sim: Simulator) -> None:
    """A connection that was in use while its lane closed is not kept by anybody."""
    lane = lane_to(sim)
    await use(lane, sim)
    connection = await lane.take(Progress(), monotonic() + 5)
    assert connection.http.is_idle()
    await lane.aclose()
    await connection.give_back()
    assert connection.http.is_closed()


async def test_more_idle_connections_than_wanted_are_closed(sim: Simulator) -> None:
    """Of three that come back one is kept."""
    lane = lane_to(sim, most_idle=1)
    for _ in range(2):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(use, lane, sim)
    assert sim.connections_opened == 5
    await lane.aclose()


async def test_a_request_leaves_in_one_piece(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body in one write: no cancellation can fall between them, and it saves a system call."""
    pieces: list[bytes] = []
    before = Slot.whole

    def whole(self: Slot, data: bytes) -> bytes:
        found = before(self, data)
        pieces.append(found)
        return found

    monkeypatch.setattr(Slot, "whole", whole)
    lane = lane_to(sim)
    connection = await lane.take(Progress(), monotonic() + 5)
    for body in (b"", b"{}"):
        pieces.clear()
        connection.slot.begin(body=bool(body))
        request = httpcore.Request(
            "POST",
            httpcore.URL(sim.base_url("openai") + "/chat/completions"),
            headers=[(b"Host", b"127.0.0.1"), (b"Content-Length", b"%d" % len(body))],
            content=body,
        )
        response = await connection.http.handle_async_request(request)
        await response.aread()
        await response.aclose()
        (wire,) = filter(None, pieces)
        assert wire.startswith(b"POST ")
        assert wire.endswith(b"\r\n\r\n" + body)
    await connection.give_back()
    await lane.aclose()
