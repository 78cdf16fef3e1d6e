"""Operations that a server books together change the books as they do one after another."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from minimill import Money
from minimill.ledger import AttemptMeta, Claim, open_ledger
from minimill.ledger._base import Ending
from minimill.ledger._budgets import Budget
from minimill.ledger._closing import Closing, Keep, Release, Settle
from minimill.ledger._rows import budget_of
from minimill.ledger._server import Server
from minimill.ledger._server_wire import ALIVE, LABEL, closing_text, correct_text, merged, reserve_text
from minimill.ledger._waiting import Request

from .conftest import fresh
from .made import START, budget, record

pytestmark = pytest.mark.anyio

US = 1_000_000
PROCESS = "one"
LEVELS = [
    budget("team", 3_000),
    budget("user", 400, by="user"),
    budget("vendor", 2_000, by="provider", unconfirmed_share_ppm=200_000),
    budget("seen", 0, hard=False),
]
ENDINGS: tuple[Ending, ...] = ("silent", "given_up", "left", "answered")


@pytest.mark.parametrize("engine", ["redis", "postgres"])
@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_is_booked_as_its_operations_one_by_one(
    engine: str, seed: int, request: pytest.FixtureRequest
) -> None:
    """Random batches near the limits, with vendors that fall silent, ids that come twice and closings of all kinds."""
    server_url = request.getfixturevalue(f"{engine}_url")
    together, alone = [await opened(fresh(server_url)) for _ in range(2)]
    chance = random.Random(seed)
    budgets = {row[1]: budget_of(row) for row in together.budgets()[1]}
    now_us, known = int(START.timestamp()) * US, ["never"]
    kinds = set()
    for turn in range(25):
        now_us += chance.choice((1, US, 70 * US))
        batch = [ALIVE, *some(chance, budgets, turn, now_us, known)]
        for server in (together, alone):
            server.book(PROCESS, now_us, [LABEL])
        _, replies = together.book(PROCESS, now_us, batch)
        one_by_one = [alone.book(PROCESS, now_us, [operation])[1][0] for operation in batch]
        assert [outcome(reply) for reply in replies] == [outcome(reply) for reply in one_by_one]
        kinds |= {reply["r"] for reply in replies if isinstance(reply, dict) and "r" in reply}
        assert written(together) == written(alone)
    assert kinds >= {"held", "refused", "closed"}
    for server in (together, alone):
        server.close()


@pytest.mark.parametrize(("engine", "most"), [("redis", 2**53 - 1), ("postgres", 2**63 - 1)])
async def test_a_batch_books_no_more_than_can_be_counted(
    engine: str, most: int, request: pytest.FixtureRequest
) -> None:
    """Three settlements of almost half of all that can be counted: the third stands, as it does on its own."""
    server = await opened(fresh(request.getfixturevalue(f"{engine}_url")))
    budgets = {row[1]: budget_of(row) for row in server.budgets()[1]}
    now_us, ids, half = int(START.timestamp()) * US, ("a1-1", "a2-1", "a3-1"), most // 2 - 10
    claims = [Claim("seen", "", 1)]
    server.book(PROCESS, now_us, [reserving(name, claims, "v0", budgets, now_us, again=False) for name in ids])
    closings = [closing_text(Settle(name, {"seen": half}, record(name)), most) for name in ids]
    _, replies = server.book(PROCESS, now_us, closings)
    assert [list(reply["bad"]) for reply in replies] == [[], [], ["seen"]]
    (sums,) = [sums for place, sums in written(server)["balances"].items() if place[0] == "seen"]
    assert [int(nanos) for nanos in sums[:2]] == [2 * half, 1]  # settled, held
    server.close()


async def test_each_of_a_batch_is_told_the_balance_after_it(server_url: str) -> None:
    """Three reservations in one call: the sums grow from one to the next."""
    server = await opened(server_url)
    budgets = {row[1]: budget_of(row) for row in server.budgets()[1]}
    now_us = int(START.timestamp()) * US
    batch = [reserving(f"a{n}-1", [Claim("team", "", 100 * n)], "v0", budgets, now_us, again=False) for n in (1, 2, 3)]
    _, replies = server.book(PROCESS, now_us, batch)
    assert [reply["b"][0][5] for reply in replies] == ["100", "300", "600"]
    server.close()


async def opened(url: str) -> Server:
    ledger = open_ledger(url)
    await ledger.declare(LEVELS)
    await ledger.aclose()
    server: Server = ledger._server  # type: ignore[attr-defined]  # the books without the thread that writes them
    server.open()
    return server


def some(
    chance: random.Random, budgets: dict[str, Budget], turn: int, now_us: int, known: list[str]
) -> list[str]:
    """Closings, then reservations, as a writer sends them."""
    closings = [closing(chance, chance.choice(known)) for _ in range(chance.randrange(12))]
    found = [closing_text(one, 10**15) for one in closings]
    if chance.random() < 0.2:
        charged = Money(3, "USD") if chance.random() < 0.5 else None
        found.append(correct_text(chance.choice(known), {"team": chance.randrange(50)}, charged, "bill"))
    for number in range(chance.randrange(1, 14)):
        vendor, user = f"v{chance.randrange(3)}", f"u{chance.randrange(5)}"
        attempt = chance.choice(known) if chance.random() < 0.1 else f"a{turn}.{number}-1"
        known.append(attempt)
        claims = [Claim(*claim) for claim in (
            ("team", "", chance.randrange(40)), ("user", user, chance.randrange(60)),
            ("vendor", vendor, chance.randrange(60)), ("seen", "", chance.choice((None, 5))),
        ) if chance.random() < 0.6]  # fmt: skip
        found.append(reserving(attempt, claims, vendor, budgets, now_us, again=chance.random() < 0.3))
    return found


def closing(chance: random.Random, attempt: str) -> Closing:
    kind = chance.choice(("settle", "settle", "settle", "settle", "release", "keep"))
    if kind == "release":
        return Release(attempt, record(attempt) if chance.random() < 0.5 else None)
    if kind == "keep":
        return Keep(attempt, record(attempt), chance.choice(ENDINGS))
    names = [name for name in ("team", "user", "vendor", "seen") if chance.random() < 0.95]
    return Settle(attempt, {name: chance.randrange(60) for name in names}, record(attempt))


def reserving(
    attempt: str, claims: Sequence[Claim], vendor: str, budgets: dict[str, Budget], now_us: int, *, again: bool
) -> str:
    meta = AttemptMeta(attempt, vendor, "m")
    asked = Request(attempt, claims, meta, now_us, None, None)
    wanted = merged(claims, budgets, 10**15)
    return reserve_text(asked, wanted, now_us, 60 * US, again=again, monotonic=0.0)


def outcome(reply: Any) -> Any:
    """Without balances, which tell what else was booked by then."""
    if isinstance(reply, dict) and reply.get("r") == "held":
        return {**reply, "b": [[*place[:4], place[8]] for place in reply["b"]]}
    if isinstance(reply, dict) and reply.get("r") == "refused":
        return {**reply, "settled": None, "held": None}
    return reply


def written(server: Server) -> dict[str, Any]:
    """Everything in the books, whatever number an account was given."""
    with server.reading() as moment:
        accounts = {row[0]: tuple(row[1:4]) for row in moment.all_accounts()}
        sums = {accounts[number]: changes for number, changes in moment.sums().items()}
        balances = {tuple(row[1:4]): (*row[4:8], json.loads(row[8])) for row in moment.all_accounts()}
        rows = [*moment.open(), *moment.closed_between(-(2**62), 2**62, None)]
    attempts = {
        (name, state, *times, meta, text, charged): [(accounts[line[0]], *line[1:]) for line in json.loads(lines)]
        for name, state, *times, meta, lines, text, charged in rows
    }
    return {"sums": sums, "balances": balances, "attempts": attempts}
