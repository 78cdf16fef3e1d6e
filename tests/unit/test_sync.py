"""The client without await: the same answers, also inside a running loop."""

import asyncio
import pickle

import pytest

import minimill
from minimill.testing import Simulator
from tests.unit.client import acme


@pytest.fixture
def sim():
    with Simulator(["openai"], length=10) as running:
        yield running


def test_chat_stream_and_books(sim: Simulator) -> None:
    """Everything the async client gives."""
    with minimill.SyncClient(acme.config(sim, budgets=acme.cap(1)), app="script") as client:
        reply = client.chat("hello", model="acme:m", max_output_tokens=50)
        assert reply.cost.certainty == "exact"
        with client.stream("hello", model="acme:m", max_output_tokens=50) as stream:
            text = "".join(stream.text())
        assert text == stream.reply.text != ""
        forgotten = client.stream("hello", model="acme:m").__enter__()
        assert forgotten.collect().cost.totals == forgotten.cost.totals
        assert len(client.spend(call_id=forgotten.call_id)) == 1
        assert [c.name for c in client.plan("hello", model="acme:m").candidates] == ["acme:m"]
        client.set_limit("all", "2 CNY")
        (balance,) = client.balance()
        assert balance.limit_nanos == 2_000_000_000
        assert client.holds() == []
    client.close()


def test_errors_come_through(sim: Simulator) -> None:
    """With their own class."""
    with minimill.SyncClient(acme.config(sim, budgets=acme.cap(0))) as client:
        with pytest.raises(minimill.BudgetExceededError):
            client.chat("hello", model="acme:m")
    with pytest.raises(minimill.ConfigError):
        minimill.SyncClient("/nowhere/minimill.toml")


def test_inside_a_running_loop(sim: Simulator) -> None:
    """As in a notebook."""

    async def cell() -> str:
        with minimill.SyncClient(acme.config(sim)) as client:
            return client.chat("hello", model="acme:m").text

    assert asyncio.run(cell()) != ""


def test_a_closed_client_says_so(sim: Simulator) -> None:
    """Every way of using it, and a stream that was left open."""
    with minimill.SyncClient(acme.config(sim)) as client:
        stream = client.stream("hello", model="acme:m").__enter__()
    with pytest.raises(RuntimeError, match="this client is closed; make a new one"):
        client.chat("hello", model="acme:m")
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.stream("hello", model="acme:m")
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.plan("hello", model="acme:m")
    with pytest.raises(RuntimeError, match="this client is closed"):
        next(stream)
    stream.__exit__(None, None, None)


def test_a_pickled_client_is_its_configuration() -> None:
    """Like the asynchronous one: no thread, no connection and no key travels with it."""
    with minimill.SyncClient({"ledger": "memory:", "app": "helpdesk"}) as client:
        copy = pickle.loads(pickle.dumps(client))
    with copy:
        assert isinstance(copy, minimill.SyncClient)
        assert copy.holds() == []
        assert copy._client.settings.app == "helpdesk"
