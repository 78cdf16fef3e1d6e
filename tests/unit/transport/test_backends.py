"""The other HTTP stacks under the same door: what a call gets, and what the books hold, is the same on all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

import minimill
from minimill._transport import BACKENDS
from minimill.testing import Fault, Simulator
from tests.proof.servers import PEM, tls
from tests.unit.client import acme

from .listening import listening

pytestmark = pytest.mark.anyio
HELD = acme.ceiling("hello")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai"], length=8) as running:
        yield running


STACKS = [(loop, http) for loop in ("asyncio", "trio") for http in BACKENDS if (loop, http) != ("trio", "aiohttp")]


@pytest.fixture(params=STACKS, ids="-".join)
def stack(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Every stack on every event loop that it runs on."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def anyio_backend(stack: tuple[str, str]) -> str:
    return stack[0]


@pytest.fixture
def http(stack: tuple[str, str]) -> str:
    return stack[1]


def world(sim: Simulator, http: str, **provider: Any) -> dict[str, Any]:
    vendors = {"acme": acme.provider(sim, "openai", **provider)}
    defaults = {"max_output_tokens": acme.LIMIT, "retries": 0}
    return acme.config(sim, vendors, http=http, budgets=acme.cap(10), defaults=defaults)


async def test_a_call_and_a_stream(sim: Simulator, http: str) -> None:
    """The same text and bill, plain and streamed, over one kept connection where HTTP/1.1 is spoken."""
    async with minimill.Client(world(sim, http)) as client:
        reply = await client.chat("hello", model="acme:m")
        async with client.stream("hello", model="acme:m") as stream:
            text = "".join([event.text async for event in stream if isinstance(event, minimill.TextDelta)])
        assert text
        assert stream.reply.text == text
        assert reply.text
        settled, held = await acme.spent(client)
        assert (settled, held) == (sum(acme.price(call) for call in sim.calls), 0)
    assert sim.connections_opened == 1


async def test_fifty_at_once(sim: Simulator, http: str) -> None:
    async with minimill.Client(world(sim, http)) as client:
        texts: list[str] = []

        async def one() -> None:
            texts.append((await client.chat("hello", model="acme:m")).text)

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(one)
        assert len(texts) == 50
        assert await acme.spent(client) == (sum(acme.price(call) for call in sim.calls), 0)


async def test_nobody_listens(sim: Simulator, http: str) -> None:
    """A refused connection is not billed."""
    config = world(sim, http, base_url="http://127.0.0.1:1/v1")
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model="acme:m")
        assert (caught.value.kind, caught.value.billed) == ("connect", minimill.Billed.NO)
        assert await acme.spent(client) == (0, 0)


BROKEN = {
    "closed before the reply": (Fault.close_before_reply(), None),
    "reset before the reply": (Fault.close_before_reply(reset=True), None),
    "silent": (Fault.silent(), "first_token_timeout"),
    "garbage": (Fault.garbage("text"), None),
    "cut": (Fault.cut_after(0), None),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("shape", ["chat", "stream"])
async def test_what_nobody_knows_stays_held(sim: Simulator, http: str, fault: str, shape: str) -> None:
    """The request left, no usage came back: the hold stands, whatever the stack calls the error."""
    broken, kind = BROKEN[fault]
    sim.always("openai", broken)
    config = world(sim, http)
    config["defaults"]["timeouts"] = {"first_token_s": 0.3}
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.ProviderError) as caught:
            if shape == "chat":
                await client.chat("hello", model="acme:m")
            else:
                async with client.stream("hello", model="acme:m") as stream:
                    async for _ in stream:
                        pass
        assert caught.value.billed is minimill.Billed.UNKNOWN
        if kind is not None:
            assert isinstance(caught.value, minimill.TransportError)
            assert caught.value.kind == kind
        assert await acme.spent(client) == (0, HELD)


async def test_a_second_call_under_which_the_server_closes(sim: Simulator, http: str) -> None:
    """On a kept connection: httpx-aiohttp calls it a connect timeout, but the request was sent."""
    async with minimill.Client(world(sim, http)) as client:
        await client.chat("hello", model="acme:m")
        sim.always("openai", Fault.close_before_reply())
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model="acme:m")
        assert caught.value.billed is minimill.Billed.UNKNOWN
        assert (await acme.spent(client))[1] == HELD


async def test_a_cancelled_call_stays_held(sim: Simulator, http: str) -> None:
    sim.always("openai", Fault.silent())
    async with minimill.Client(world(sim, http)) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.chat("hello", model="acme:m"))
            with anyio.fail_after(10):
                while not sim.calls:
                    await anyio.sleep(0.005)
            group.cancel_scope.cancel()
        assert await acme.spent(client) == (0, HELD)


async def test_a_cookie_is_not_kept_and_a_redirect_not_followed(http: str) -> None:
    """Nothing is remembered from one call to the next, and a key goes where it was meant to go."""
    seen: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        seen.append(sock.recv(65536))
        head = b"HTTP/1.1 307 Temporary Redirect\r\nSet-Cookie: a=b\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n"
        sock.sendall(head + b"Connection: close\r\n\r\n")

    with listening(serve) as port:
        local = {"local": {"dialect": "openai_chat", "base_url": f"http://127.0.0.1:{port}/v1", "free": True}}
        config = {"providers": local, "ledger": "memory:", "http": http, "defaults": {"retries": 0}}
        async with minimill.Client(config) as client:
            for _ in range(2):
                with pytest.raises(minimill.ProviderError) as caught:
                    await client.chat("hello", model="local:m")
                assert caught.value.status == 307
    assert [request.split(b" ")[1] for request in seen] == [b"/v1/chat/completions"] * 2
    assert all(b"cookie" not in request.lower() for request in seen)


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls(sim: Simulator, http: str, trusted: bool) -> None:
    """A certificate that nobody knows is refused, before anything is sent; with `ca_file` it is taken."""
    with tls(sim.port) as door:
        more: dict[str, Any] = {"ca_file": str(PEM)} if trusted else {}
        path = sim.base_url("openai").partition(str(sim.port))[2]
        config = world(sim, http, base_url=f"https://localhost:{door.port}{path}", **more)
        async with minimill.Client(config) as client:
            if trusted:
                assert (await client.chat("hello", model="acme:m")).text
                return
            with pytest.raises(minimill.TransportError) as caught:
                await client.chat("hello", model="acme:m")
            assert caught.value.billed is minimill.Billed.NO
            assert "CERTIFICATE" in str(caught.value).upper()
            assert await acme.spent(client) == (0, 0)
