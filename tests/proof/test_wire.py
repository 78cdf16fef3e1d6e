"""What happens on the wire: who is trusted, who gets the key, which connection is used, how much is read."""

from __future__ import annotations

import logging
import pickle
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

import minimill
from minimill.testing import Answer, Fault, Simulator
from tests.unit.client import acme

from . import servers, world

pytestmark = pytest.mark.anyio

KEY = "sk-proof-31415926535897932384"
SECRET = "a-prompt-that-nobody-may-see"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(["openai", "glm"], length=8, input_tokens=acme.at_ceiling) as running:
        yield running


def config(sim: Simulator, **provider: Any) -> dict[str, Any]:
    """One vendor behind the cap of 100 calls; `provider` changes its table."""
    found = world.config(sim, "memory:", 100, retries=0)
    found["providers"]["acme"].update(provider)
    return found


# --- TLS -------------------------------------------------------------------------------------------------------------


async def test_a_certificate_that_nobody_signed_is_refused(sim: Simulator) -> None:
    """Nothing is sent, nothing is held, and the error says why."""
    with servers.tls(sim.port) as front:
        address = f"https://localhost:{front.port}/openai/v1"
        async with minimill.Client(config(sim, base_url=address)) as client:
            with pytest.raises(minimill.TransportError, match=r"(?i)certificate.*verif") as caught:
                await client.chat(world.PROMPT)
            assert (caught.value.kind, caught.value.billed) == ("connect", minimill.Billed.NO)
            assert await acme.spent(client) == (0, 0)
        assert front.asked == []
    assert sim.calls == ()


async def test_a_certificate_is_accepted_with_its_ca_file(sim: Simulator) -> None:
    """Plain and streamed, over one connection."""
    with servers.tls(sim.port) as front:
        address = f"https://localhost:{front.port}/openai/v1"
        async with minimill.Client(config(sim, base_url=address, ca_file=str(servers.PEM))) as client:
            reply = await client.chat(world.PROMPT)
            async with client.stream(world.PROMPT) as stream:
                streamed = await stream.collect()
        assert reply.text == streamed.text != ""
        assert front.asked == ["tls"]


async def test_a_certificate_of_another_host_is_refused(sim: Simulator) -> None:
    """The name in the certificate counts, also with its ca_file."""
    with servers.tls(sim.port) as front:
        address = f"https://ip6-localhost:{front.port}/openai/v1".replace("ip6-localhost", "127.0.0.2")
        async with minimill.Client(config(sim, base_url=address, ca_file=str(servers.PEM))) as client:
            with pytest.raises(minimill.TransportError):
                await client.chat(world.PROMPT)
            assert await acme.spent(client) == (0, 0)
    assert sim.calls == ()


async def test_a_ca_file_that_is_not_there_is_named(sim: Simulator, tmp_path: Path) -> None:
    """A configuration error in one line; nothing is held."""
    missing = str(tmp_path / "none.pem")
    settings = config(sim, base_url="https://localhost:1/v1", ca_file=missing)
    async with minimill.Client(settings) as client:
        with pytest.raises(minimill.ConfigError, match="none.pem") as caught:
            await client.chat(world.PROMPT)
        assert "\n" not in caught.value.message
        assert await acme.spent(client) == (0, 0)


# --- redirects, proxies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("shape", ["chat", "stream"])
async def test_the_key_does_not_follow_a_redirect(sim: Simulator, status: int, shape: str) -> None:
    """To another host, or to another path of the same."""
    sim.always("openai", Fault.redirect(sim.base_url("glm") + "/chat/completions", status))
    async with minimill.Client(config(sim)) as client:
        with pytest.raises(minimill.ProviderError) as caught:
            if shape == "chat":
                await client.chat(world.PROMPT)
            else:
                async with client.stream(world.PROMPT):
                    pass
    assert caught.value.status == status
    assert [call.vendor for call in sim.calls] == ["openai"]


@pytest.mark.parametrize("shape", ["chat", "stream"])
async def test_a_proxy_of_the_environment_is_used(
    sim: Simulator, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http goes to HTTP_PROXY with the whole address; the vendor's name is not looked up here."""
    with servers.proxy(sim.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        async with minimill.Client(config(sim, base_url="http://vendor.example/openai/v1")) as client:
            if shape == "chat":
                await client.chat(world.PROMPT)
            else:
                async with client.stream(world.PROMPT) as stream:
                    await stream.collect()
            assert await acme.spent(client) == (sim.bill(acme.price), 0)
        assert proxy.asked == ["POST http://vendor.example/openai/v1/chat/completions"]
    assert len(sim.paid_calls) == 1


async def test_https_goes_through_a_tunnel(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONNECT to HTTPS_PROXY, TLS with the vendor inside."""
    with servers.tls(sim.port) as front, servers.proxy(front.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        settings = config(sim, base_url="https://vendor.example/openai/v1", ca_file=str(servers.PEM))
        async with minimill.Client(settings) as client:
            await client.chat(world.PROMPT)
            await client.chat(world.PROMPT)
        assert proxy.asked == ["CONNECT vendor.example:443"]
        assert front.asked == ["tls"]
    assert len(sim.paid_calls) == 2


async def test_no_proxy_leads_past_it(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY names the host."""
    with servers.proxy(sim.port) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "other.example,127.0.0.1")
        async with minimill.Client(config(sim)) as client:
            await client.chat(world.PROMPT)
        assert proxy.asked == []
    assert len(sim.paid_calls) == 1


async def test_a_proxy_that_is_not_there_costs_nothing(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, nothing is held."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with minimill.Client(config(sim)) as client:
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat(world.PROMPT)
        assert (caught.value.kind, caught.value.billed) == ("connect", minimill.Billed.NO)
        assert await acme.spent(client) == (0, 0)


# --- connections -----------------------------------------------------------------------------------------------------


async def test_twenty_calls_use_one_connection(sim: Simulator) -> None:
    """Plain and streamed ones in turn."""
    async with minimill.Client(config(sim)) as client:
        for n in range(20):
            if n % 2:
                async with client.stream(world.PROMPT) as stream:
                    await stream.collect()
            else:
                await client.chat(world.PROMPT)
    assert (len(sim.calls), sim.connections_opened) == (20, 1)


async def test_a_refusal_keeps_the_connection(sim: Simulator) -> None:
    """An error body is read to its end too."""
    sim.program("openai", [Fault.status(429), Fault.status(500), Fault.status(400), Fault.html_502()])
    async with minimill.Client(config(sim)) as client:
        for _ in range(4):
            with pytest.raises(minimill.ProviderError):
                await client.chat(world.PROMPT)
        await client.chat(world.PROMPT)
    assert (len(sim.calls), sim.connections_opened) == (5, 1)


async def test_a_connection_that_died_is_a_failed_attempt(sim: Simulator) -> None:
    """The request on it may have arrived: its hold stands, and another attempt is made with one of its own."""
    sim.program("openai", Fault.stale_keepalive())
    settings = world.config(sim, "memory:", 100)
    async with minimill.Client(settings) as client:
        await client.chat(world.PROMPT)
        reply = await client.chat(world.PROMPT)
        assert [attempt.certainty for attempt in reply.attempts] == ["held", "exact"]
        assert isinstance(reply.attempts[0].error, minimill.TransportError)
        assert len({attempt.id for attempt in reply.attempts}) == 2
        assert await acme.spent(client) == (sim.bill(acme.price), world.CEILING)
    assert (len(sim.calls), sim.connections_opened) == (2, 2)


@pytest.mark.parametrize("shape", ["chat", "stream"])
async def test_a_reply_has_a_greatest_size(sim: Simulator, shape: str) -> None:
    """What is larger is not read on: the attempt is held, the connection is closed."""
    sim.always("openai", Fault.oversized(1_000_000))
    async with minimill.Client(config(sim)) as client:
        client._engine.transport._max_reply_bytes = 100_000
        with pytest.raises(minimill.TransportError, match="larger than 100,000 bytes") as caught:
            if shape == "chat":
                await client.chat(world.PROMPT)
            else:
                async with client.stream(world.PROMPT) as stream:
                    await stream.collect()
        assert caught.value.kind == "too_large"
        assert await acme.spent(client) == (0, world.CEILING)
        sim.clear_faults()
        await client.chat(world.PROMPT)
    assert sim.connections_opened == 2


# --- pickles, secrets ------------------------------------------------------------------------------------------------


async def test_a_pickled_client_is_its_configuration(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no connection, no books; the copy makes calls of its own."""
    settings = config(sim)
    monkeypatch.setenv("ACME_API_KEY", sim.key)
    async with minimill.Client(settings, app="helpdesk", tags={"team": "a"}) as client:
        await client.chat(SECRET)
        data = pickle.dumps(client)
        assert sim.key.encode() not in data
        assert SECRET.encode() not in data
    async with pickle.loads(data) as copy:
        await copy.chat(world.PROMPT)
        (row,) = await copy.spend()
        assert (row.record.meta.app, dict(row.record.meta.tags)) == ("helpdesk", {"team": "a"})
        assert await acme.spent(copy) == (acme.price(sim.calls[-1]), 0)
    mine = minimill.Client(settings, http_transport=httpx.MockTransport(lambda request: httpx.Response(500)))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(mine)


FAILURES: dict[str, tuple[Fault | None, dict[str, Any]]] = {
    "refused": (Fault.status(400), {}),
    "rate limited": (Fault.status(429, retry_after=60), {}),
    "quota": (Fault.status(429, code="insufficient_quota"), {}),
    "unavailable": (Fault.status(503), {}),
    "gateway": (Fault.html_502(), {}),
    "garbage": (Fault.garbage("truncated"), {}),
    "cut": (Fault.cut_after(2), {}),
    "error in stream": (Fault.error_in_stream(2), {}),
    "silent": (Fault.silent(), {"deadline_s": 0.2}),
    "max_cost": (None, {"max_cost": "0.0001 CNY"}),
    "cap": (None, {"max_output_tokens": 60_000}),
}


async def failure(client: minimill.Client, options: dict[str, Any]) -> minimill.MinimillError:
    """The error of a streamed call."""
    with pytest.raises(minimill.MinimillError) as caught:
        async with client.stream(SECRET, **options) as stream:
            async for _ in stream:
                pass
    return caught.value


@pytest.mark.parametrize("what", FAILURES)
async def test_errors_survive_pickling_with_every_field(sim: Simulator, what: str) -> None:
    """Attempts, cost and partial answers included."""
    fault, options = FAILURES[what]
    sim.always("openai", fault)
    async with minimill.Client(config(sim)) as client:
        error = await failure(client, options)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert set(vars(copy)) == set(vars(error))
    assert plain(copy) == plain(error)


def plain(value: Any, inside: tuple[BaseException, ...] = ()) -> Any:
    """A value as nested tuples that can be compared, errors included, which may hold themselves."""
    if isinstance(value, BaseException):
        if any(value is error for error in inside):
            return type(value).__name__
        return type(value).__name__, str(value), plain(vars(value), (*inside, value))
    if isinstance(value, dict):
        return {key: plain(one, inside) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, inside) for one in value]
    names = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
    if type(value).__module__.startswith("minimill") and names:
        return type(value).__name__, {name: plain(getattr(value, name, None), inside) for name in names}
    return repr(value)


@pytest.mark.parametrize("what", ["answered", *FAILURES])
async def test_nothing_shows_the_key_or_the_prompt(
    sim: Simulator, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """With every logger at DEBUG: no log record, no repr, no text of an error, no traceback, no ledger file."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "minimill", "minimill.ledger", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    fault, options = FAILURES.get(what, (None, {}))
    monkeypatch.setattr(sim, "_key", KEY)
    sim.configure("openai", answer=Answer(text="one two three four five six"))
    sim.always("openai", fault)
    settings = {**config(sim), "ledger": f"sqlite:///{tmp_path}/ledger.db"}
    monkeypatch.setenv("ACME_API_KEY", KEY)
    shown = []
    async with minimill.Client(settings) as client:
        shown += [repr(client), repr(client.settings), repr(client.plan(SECRET)), str(client.plan(SECRET))]
        if what == "answered":
            reply = await client.chat(SECRET, tags={"user": "1"})
            shown += [repr(reply.attempts), repr(reply.cost), str(reply.cost), repr(reply.usage)]
        else:
            error = await failure(client, options)
            copy = pickle.loads(pickle.dumps(error))
            shown += [repr(error), str(error), repr(copy), repr(vars(error))]
            shown += traceback.format_exception(error)
        shown += [repr(await client.spend()), repr(await client.holds()), repr(await client.balance())]
    shown += [f"{record.getMessage()} {record.args!r} {record.__dict__!r}" for record in caplog.records]
    for text in shown:
        assert KEY not in text
        assert SECRET not in text
    for file in tmp_path.iterdir():
        data = file.read_bytes()
        assert KEY.encode() not in data and SECRET.encode() not in data, file
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    db.close()


# --- respx -----------------------------------------------------------------------------------------------------------

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
URL = "http://vendor.example/v1/chat/completions"


@respx.mock
async def test_respx_answers_for_the_vendor(sim: Simulator) -> None:
    """The default transport is intercepted; the request is there to look at."""
    route = respx.post(URL).mock(return_value=httpx.Response(200, json=ANSWER))
    async with minimill.Client(config(sim, base_url="http://vendor.example/v1")) as client:
        reply = await client.chat(world.PROMPT)
        assert (reply.text, reply.cost.total) == ("hi", minimill.Money(3 * 2_000 + 1 * 8_000, "CNY"))
        assert await acme.spent(client) == (14_000, 0)
    assert route.call_count == 1
    assert route.calls.last.request.headers["authorization"] == "Bearer sim-key"
    assert b"hello" in route.calls.last.request.content


@respx.mock
async def test_respx_answers_with_a_stream(sim: Simulator) -> None:
    """Server-sent events as one body."""
    chunk = '{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}'
    usage = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
    body = f"data: {chunk}\n\ndata: {usage}\n\ndata: [DONE]\n\n"
    head = {"content-type": "text/event-stream"}
    respx.post(URL).mock(return_value=httpx.Response(200, text=body, headers=head))
    async with minimill.Client(config(sim, base_url="http://vendor.example/v1")) as client:
        async with client.stream(world.PROMPT) as stream:
            assert (await stream.collect()).text == "hi"
        assert await acme.spent(client) == (14_000, 0)


SIDE_EFFECTS = {
    # what the mocked connection does, our kind, whether the hold stands
    httpx.ConnectError("refused"): ("connect", False),
    httpx.ConnectTimeout("slow"): ("connect_timeout", False),
    httpx.PoolTimeout("full"): ("pool_timeout", False),
    httpx.ReadTimeout("silent"): ("between_token_timeout", True),
    httpx.WriteError("broken"): ("network", True),
    httpx.ReadError("reset"): ("network", True),
    httpx.RemoteProtocolError("closed"): ("cut", True),
}


@pytest.mark.parametrize("error", SIDE_EFFECTS, ids=lambda error: type(error).__name__)
@respx.mock
async def test_respx_raises_errors_of_httpx(sim: Simulator, error: httpx.TransportError) -> None:
    """They come out in our words; what may have been sent is held."""
    kind, held = SIDE_EFFECTS[error]
    respx.post(URL).mock(side_effect=error)
    async with minimill.Client(config(sim, base_url="http://vendor.example/v1")) as client:
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat(world.PROMPT)
        assert caught.value.kind == kind
        assert await acme.spent(client) == (0, world.CEILING if held else 0)
