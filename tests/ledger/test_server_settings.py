"""Servers that are killed, full, newer, spread over nodes, or set up in ways that lose books."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from minimill import BudgetExceededError, LedgerError
from minimill.ledger import open_ledger
from minimill.ledger._server_desk import ServerDesk

from .conftest import fresh
from .made import budget, hold, record, sums
from .servers import Valkey, cluster

pytestmark = pytest.mark.anyio


async def test_a_server_that_is_killed_keeps_what_was_granted() -> None:
    """Valkey with an append-only file, killed and started again: the reservation is there, the ledger goes on."""
    with Valkey() as server:
        ledger = open_ledger(server.url)
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 60)
        server.kill()
        server.start()
        await hold(ledger, "a2", 40)
        with pytest.raises(BudgetExceededError):
            await hold(ledger, "a3", 1)
        await ledger.aclose()


async def test_a_server_that_forgets_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """Eviction and no append-only file: one line each, once."""
    with Valkey("--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as server:
        ledger = open_ledger(server.url)
        with caplog.at_level(logging.WARNING, "minimill.ledger"):
            await ledger.declare([budget()])
        await ledger.aclose()
    assert [record.message.partition(": ")[2][:30] for record in caplog.records] == [
        "maxmemory-policy is allkeys-lr",
        "appendonly is off: a crash or ",
    ]


async def test_a_server_without_room_refuses_and_loses_nothing() -> None:
    """At its memory limit the server writes nothing: reservations fail closed, a settlement waits for room."""
    with Valkey("--maxmemory", "100mb") as server:
        ledger = open_ledger(server.url)
        await ledger.declare([budget(limit=100)])
        await hold(ledger, "a1", 60)
        server.set("maxmemory", "1")
        with pytest.raises(LedgerError, match="nothing was sent"):
            await hold(ledger, "a2", 1)
        ledger.settle("a1", {"team": 50}, record("a1"))
        with pytest.raises(LedgerError, match="a1"):
            await ledger.flush()
        server.set("maxmemory", "0")
        await ledger.flush()
        assert await sums(ledger) == (50, 0, 0)
        await ledger.aclose()


async def test_in_a_cluster_a_ledger_is_found_wherever_its_slot_is() -> None:
    """Two nodes with half of the slots each: through either of them four ledgers work."""
    with cluster() as (one, other):
        for name in ("a", "b", "c", "d"):
            first, second = open_ledger(f"{one}?ledger={name}"), open_ledger(f"{other}?ledger={name}")
            await first.declare([budget(limit=100)])
            await hold(first, "a1", 60)
            with pytest.raises(BudgetExceededError):
                await hold(second, "a2", 60)
            second.settle("a1", {"team": 5}, record("a1"))
            await second.flush()
            assert [b.settled_nanos for b in await first.balances()] == [5]
            await first.aclose()
            await second.aclose()


async def test_newer_books_are_not_touched(server_url: str) -> None:
    """A schema of a later version: an error that says what to do."""
    ledger = open_ledger(server_url)
    await ledger.declare([budget()])
    await ledger.aclose()
    make_newer(server_url)
    ledger = open_ledger(server_url)
    with pytest.raises(LedgerError, match=r"newer minimill \(schema 99, this one knows \d\)"):
        await hold(ledger, "a1", 1)
    await ledger.aclose()


def make_newer(url: str) -> None:
    from minimill.ledger._url import take_name

    rest, name = take_name(url)
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(rest) as db:
            db.execute(f"UPDATE {name}.meta SET value = 99 WHERE name = 'schema'")  # type: ignore[arg-type]
    else:
        import redis

        client: Any = redis.Redis.from_url(rest)
        client.hset(f"{{{name}}}:ledger", "schema", 99)
        client.close()


async def test_a_commit_reaches_the_disk_whatever_the_session_says(postgres_url: str) -> None:
    """`synchronous_commit = off` would forget a grant in a crash: the function turns it on for its transaction."""
    import psycopg

    url = fresh(postgres_url)
    ledger = open_ledger(url)
    await ledger.declare([budget(limit=100)])
    await ledger.aclose()
    name = url.partition("ledger=")[2]
    with psycopg.connect(postgres_url) as db:
        db.execute("SET synchronous_commit = off")
        db.execute(f"SELECT {name}.book('x', NULL, '[]')")  # type: ignore[arg-type]
        assert db.execute("SHOW synchronous_commit").fetchall() == [("on",)]
        db.commit()
        assert db.execute("SHOW synchronous_commit").fetchall() == [("off",)]


async def test_another_isolation_level_is_refused(postgres_url: str) -> None:
    """The function would not see what others wrote while it waited."""
    ledger = open_ledger(f"{fresh(postgres_url)}&options=-c%20default_transaction_isolation%3Dserializable")
    with pytest.raises(LedgerError, match="needs 'read committed'"):
        await ledger.declare([budget()])
    await ledger.aclose()


async def test_connections_keep_no_state(postgres_url: str) -> None:
    """Behind a pooler each transaction may meet another connection: between two of them nothing is left behind."""
    ledger = open_ledger(fresh(postgres_url))
    await ledger.declare([budget(limit=100)])
    await hold(ledger, "a1", 60)
    desk: ServerDesk = ledger._writer._desk  # type: ignore[attr-defined]
    db = desk.server._db  # type: ignore[attr-defined]
    assert db.prepare_threshold is None
    assert db.execute("SELECT count(*) FROM pg_prepared_statements").fetchall() == [(0,)]
    assert db.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchall() == [(0,)]
    assert db.execute("SHOW lock_timeout").fetchall() == [("0",)]
    await ledger.aclose()
