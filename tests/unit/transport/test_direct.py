"""The default stack: what a kept connection does without waiting, and what a cancellation still stops."""

import anyio
import pytest

from minimill._transport import Endpoint, Exchange, Limits, Progress, Transport
from minimill.testing import Simulator

pytestmark = pytest.mark.anyio
BODY = b'{"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hello"}]}'
HEADERS = [("content-type", "application/json"), ("authorization", "Bearer sim-key")]
LIMITS = Limits(5.0, float("inf"), 5.0, float("inf"))


@pytest.fixture
def sim():
    with Simulator(["openai"], length=8) as running:
        yield running


@pytest.fixture
async def transport():
    made = Transport()
    yield made
    await made.aclose()


async def sent(transport: Transport, sim: Simulator, progress: Progress) -> Exchange:
    base = sim.base_url("openai")
    return await transport.send(
        Endpoint(base), f"{base}/chat/completions", HEADERS, BODY, limits=LIMITS, progress=progress
    )


async def read(transport: Transport, sim: Simulator) -> Exchange:
    """One request whose answer was read to its end."""
    exchange = await sent(transport, sim, Progress())
    assert b"choices" in await exchange.read_all()
    return exchange


async def test_an_answer_that_was_read_is_closed_without_waiting(transport: Transport, sim: Simulator) -> None:
    """So that no cancellation can fall into it; the connection serves the next request."""
    for _ in range(3):
        exchange = await read(transport, sim)
        closing = exchange.aclose()
        with pytest.raises(StopIteration):
            closing.send(None)  # type: ignore[attr-defined]  # a coroutine that ends at once
    assert sim.connections_opened == 1


async def test_a_cancelled_caller_sends_nothing_on_a_kept_connection(transport: Transport, sim: Simulator) -> None:
    """The cancellation is noticed before bytes leave, and the connection is kept."""
    await (await read(transport, sim)).aclose()
    progress = Progress()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await sent(transport, sim, progress)
    assert scope.cancelled_caught
    assert not progress.sent
    await (await read(transport, sim)).aclose()
    assert sim.connections_opened == 1
