"""The order by cost follows what answers turned out to use: in this client, and from the books of others."""

from pathlib import Path

import pytest

import minimill
from minimill.ledger import SpendRow, open_ledger
from minimill.testing import Simulator

from . import acme

pytestmark = pytest.mark.anyio

CALLS = 40


def chatty_and_terse(sim: Simulator, ledger: str = "memory:") -> dict[str, object]:
    """`chatty` answers with 400 tokens at 8 a million, `terse` with 10 at 16."""
    sim.configure("qwen", length=400)
    sim.configure("glm", length=10)
    vendors = {"chatty": acme.provider(sim, "qwen"), "terse": acme.provider(sim, "glm", times=2)}
    return acme.config(sim, vendors, ledger, budgets=acme.cap(100))


async def taught(client: minimill.Client) -> None:
    """Each of the two answers a few times."""
    for model in ("chatty:m", "terse:m"):
        for _ in range(CALLS):
            await client.chat("Why is the sky blue?", model=model)


async def test_a_chatty_model_loses_its_place(sim: Simulator) -> None:
    """Cheaper by the token, dearer by the answer: the order turns round once that is seen."""
    async with minimill.Client(chatty_and_terse(sim)) as client:
        models = ["chatty:m", "terse:m"]
        before = client.plan("Why is the sky blue?", model=models)
        assert [candidate.name for candidate in before.candidates] == ["chatty:m", "terse:m"]
        await taught(client)
        after = client.plan("Why is the sky blue?", model=models)
        assert [candidate.name for candidate in after.candidates] == ["terse:m", "chatty:m"]
        assert (await client.chat("Why is the sky blue?", model=models)).provider == "terse"
        assert all(type(candidate.expected.nanos) is int for candidate in after.candidates if candidate.expected)


async def test_streams_teach_as_well(sim: Simulator) -> None:
    """(5 × 500 + 10) ÷ 6 = 418.3, then (5 × 419 + 10) ÷ 6 = 350.8 tokens of output at 8, 8 + 4 + 5 of input at 2."""
    sim.configure("openai", length=10)
    async with minimill.Client(acme.config(sim)) as client:
        async with client.stream("Why is the sky blue?", model="acme:m") as stream:
            await stream.collect()
        (candidate,) = client.plan("Why is the sky blue?", model="acme:m").candidates
        assert candidate.expected == minimill.Money(351 * acme.OUTPUT + 17 * acme.INPUT, "CNY")


async def test_a_new_client_learns_from_the_books(sim: Simulator, tmp_path: Path) -> None:
    """What an earlier process paid for is known before the first call of the next."""
    config = chatty_and_terse(sim, f"sqlite:///{tmp_path}/books.db")
    async with minimill.Client(config) as first:
        await taught(first)
    async with minimill.Client(config) as second:
        reply = await second.chat("Why is the sky blue?", model=["chatty:m", "terse:m"])
        assert reply.provider == "terse"


async def test_books_that_cannot_tell_stop_no_call(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An estimate is not worth a call: it is said, and the usual holds."""
    ledger = open_ledger("memory:")

    async def records(**_: object) -> list[SpendRow]:
        raise minimill.LedgerError("the disk is away")

    monkeypatch.setattr(ledger, "records", records)
    async with minimill.Client(chatty_and_terse(sim), ledger=ledger) as client:
        reply = await client.chat("Why is the sky blue?", model=["chatty:m", "terse:m"], max_output_tokens=50)
    assert reply.provider == "chatty"
    assert "nothing was learned from the books: the disk is away" in caplog.text


async def test_the_books_say_what_was_asked_in_counts(sim: Simulator) -> None:
    """Bytes by script, messages, thinking; not a word of the prompt."""
    async with minimill.Client(acme.config(sim)) as client:
        reply = await client.chat("secret 你好", model="acme:m")
        (row,) = await client.spend(call_id=reply.call_id)
    assert row.record.details["asked"] == {"messages": 1, "thinking": False, "bytes": [7, 6, 0]}
    assert "secret" not in str(row.record)
