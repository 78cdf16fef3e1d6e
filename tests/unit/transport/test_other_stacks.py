"""HTTP/2, clients and transports of httpx2, and what is said when a stack cannot be had."""

from __future__ import annotations

import builtins
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import httpx2
import pytest

import minimill
from minimill._transport import BACKENDS
from minimill.testing import Simulator
from tests.proof.servers import PEM
from tests.unit.client import acme

from .listening import listening

ANSWER = (
    b'{"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, '
    b'"finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}'
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai"], length=8) as running:
        yield running


def world(sim: Simulator, http: str) -> dict[str, Any]:
    return acme.config(sim, http=http, budgets=acme.cap(10), defaults={"retries": 0})


def serve_h2(sock: socket.socket) -> None:
    """Answers every request with `ANSWER`."""
    assert isinstance(sock, ssl.SSLSocket)
    assert sock.selected_alpn_protocol() == "h2"
    wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    wire.initiate_connection()
    sock.sendall(wire.data_to_send())
    while data := sock.recv(65536):
        for event in wire.receive_data(data):
            if isinstance(event, h2.events.StreamEnded):
                wire.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                wire.send_data(event.stream_id, ANSWER, end_stream=True)
        sock.sendall(wire.data_to_send())


@pytest.mark.anyio
async def test_http2_is_spoken() -> None:
    """With a server that speaks nothing else."""
    with listening(serve_h2, alpn=["h2"]) as port:
        local = {
            "dialect": "openai_chat",
            "base_url": f"https://localhost:{port}/v1",
            "free": True,
            "ca_file": str(PEM),
        }
        config = {"providers": {"local": local}, "ledger": "memory:", "http": "http2"}
        async with minimill.Client(config) as client:
            replies = [await client.chat("hello", model="local:m") for _ in range(2)]
        assert [reply.text for reply in replies] == ["hi", "hi"]


@pytest.mark.anyio
async def test_an_httpx2_client_of_your_own(sim: Simulator) -> None:
    """Used as it is, and left open."""
    async with httpx2.AsyncClient(headers={"x-mine": "yes"}) as own:
        async with minimill.Client(world(sim, "default"), http_client=own) as client:
            assert (await client.chat("hello", model="acme:m")).text
        assert not own.is_closed
    assert sim.calls[0].headers["x-mine"] == "yes"


@pytest.mark.anyio
async def test_an_httpx2_transport_of_your_own(sim: Simulator) -> None:
    mock = httpx2.MockTransport(lambda request: httpx2.Response(200, content=ANSWER))
    async with minimill.Client(world(sim, "default"), http_transport=mock) as client:
        assert (await client.chat("hello", model="acme:m")).text == "hi"


@pytest.mark.anyio
async def test_an_httpx2_error_is_known(sim: Simulator) -> None:
    """By its name: httpx2 has the names of httpx."""

    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectTimeout("no")

    async with minimill.Client(world(sim, "default"), http_transport=httpx2.MockTransport(refuse)) as client:
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model="acme:m")
        assert (caught.value.kind, caught.value.billed) == ("connect_timeout", minimill.Billed.NO)


def test_an_unknown_stack_teaches() -> None:
    words = ", ".join(BACKENDS)
    with pytest.raises(minimill.ConfigError, match=rf'http: expected one of {words}, .* did you mean "httpx2"'):
        minimill.Client({"http": "htpx2"})


@pytest.mark.parametrize(("http", "module"), [("http2", "h2"), ("aiohttp", "httpx_aiohttp"), ("httpx2", "httpx2")])
def test_a_missing_extra_teaches(monkeypatch: pytest.MonkeyPatch, http: str, module: str) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == module:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(minimill.ConfigError, match=rf"pip install 'minimill\[{http}\]'"):
        minimill.Client({"http": http, "ledger": "memory:"})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_aiohttp_says_that_it_needs_asyncio(sim: Simulator) -> None:
    async with minimill.Client(world(sim, "aiohttp")) as client:
        with pytest.raises(minimill.ConfigError, match="works on asyncio"):
            await client.chat("hello", model="acme:m")
        assert await acme.spent(client) == (0, 0)
