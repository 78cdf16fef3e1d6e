"""The demo's calls: many at once, through one client, and what became of each.

It may import `_client`, `_errors`, `ledger` and its neighbours.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any

import anyio

from minimill._chat import TextDelta
from minimill._client import Client
from minimill._errors import (
    AllAttemptsFailedError,
    BudgetExceededError,
    MinimillError,
    ProviderError,
    RateLimitedError,
    TransportError,
)
from minimill._report import Attempt
from minimill._values import dataclass
from minimill.cli._demo_questions import Question
from minimill.ledger import Balance, Ledger, SpendRow

_PATIENCE = 4
"""Pieces of text after which a user who leaves has seen enough."""


@dataclass(slots=True)
class Tally:
    """What became of the calls so far."""

    calls: int
    done: int = 0
    answered: int = 0
    left: int = 0
    """Cancelled by their users in the middle of the answer."""
    cut: int = 0
    """Failed in the middle of the answer; what had arrived was kept."""
    failed: int = 0
    refused: int = 0
    fallbacks: int = 0
    """Answered by another candidate than the first one tried."""
    served: Counter[str] = field(default_factory=Counter)
    """Answers by provider."""
    limited: Counter[str] = field(default_factory=Counter)
    """Attempts answered 429, by provider."""
    lost: Counter[str] = field(default_factory=Counter)
    """Attempts without an answer or with half of one, by provider."""
    refusal: BudgetExceededError | None = None
    """The first refusal."""
    problems: Counter[str] = field(default_factory=Counter)
    """Failures that are neither refusals nor cut streams, in words."""
    balance: Balance | None = None
    began: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Since the first call."""
        return time.monotonic() - self.began


@dataclass(slots=True)
class Outcome:
    """Everything that the report is made of."""

    tally: Tally
    balance: Balance
    rows: Sequence[SpendRow]
    audit: Sequence[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that go one way."""

    questions: Sequence[Question]
    route: str
    at_once: int
    seconds: float = float("inf")
    """After so long its remaining questions go the way `otherwise`."""
    otherwise: str = "default"


async def run(client: Client, ledger: Ledger, groups: Iterable[Group], tally: Tally, tag: str) -> Outcome:
    """Ask everything, all groups side by side; calls are tagged `run = tag`."""
    (budget,) = (definition.name for definition in client.settings.budgets)
    async with anyio.create_task_group() as tasks:
        for group in groups:
            waiting = iter(group.questions)
            for _ in range(min(group.at_once, len(group.questions))):
                tasks.start_soon(_worker, client, group, waiting, tally, tag)
        tasks.start_soon(_watch_balance, client, budget, tally)
    seconds = tally.seconds()
    rows = [row for row in await client.spend() if row.record.meta.tags.get("run") == tag]
    (balance,) = await client.balance(budget)
    return Outcome(tally, balance, rows, await ledger.audit(), seconds)


async def _worker(client: Client, group: Group, waiting: Iterator[Question], tally: Tally, tag: str) -> None:
    for question in waiting:
        options: dict[str, Any] = {
            "route": group.route if tally.seconds() < group.seconds else group.otherwise,
            "app": question.app,
            "tags": {"user": question.user, "question": str(question.number), "run": tag},
            "reasoning": False,
        }
        try:
            await _ask(client, question, options, tally)
        except MinimillError as error:
            _note_failure(tally, error)
        tally.done += 1


async def _ask(client: Client, question: Question, options: dict[str, Any], tally: Tally) -> None:
    if question.leaves:
        await _ask_and_leave(client, question, options, tally)
        return
    if question.stream:
        async with client.stream(question.text, **options) as stream:
            reply = await stream.collect()
    else:
        reply = await client.chat(question.text, **options)
    tally.answered += 1
    tally.served[reply.provider] += 1
    tally.fallbacks += len({(one.provider, one.model) for one in reply.attempts}) > 1
    _note_attempts(tally, reply.attempts)


async def _ask_and_leave(client: Client, question: Question, options: dict[str, Any], tally: Tally) -> None:
    """Half of those who leave close the stream, the others have their task cancelled."""
    cancels = question.number % 2 == 0
    seen = 0
    left = False
    with anyio.CancelScope() as scope:
        async with client.stream(question.text, **options) as stream:
            async for event in stream:
                seen += isinstance(event, TextDelta)
                if seen < _PATIENCE:
                    continue
                left = True
                if not cancels:
                    break
                scope.cancel()
    if left:
        tally.left += 1
    else:
        tally.answered += 1
        tally.served[stream.reply.provider] += 1


def _note_failure(tally: Tally, error: MinimillError) -> None:
    _note_attempts(tally, error.attempts)
    met = error.errors if isinstance(error, AllAttemptsFailedError) else (error,)
    refusal = next((one for one in met if isinstance(one, BudgetExceededError)), None)
    if refusal is not None:
        tally.refused += 1
        tally.refusal = tally.refusal or refusal
    elif isinstance(error, ProviderError) and error.partial is not None:
        tally.cut += 1
    else:
        tally.failed += 1
        tally.problems[f"{type(error).__name__}: {error.message}"] += 1


def _note_attempts(tally: Tally, attempts: Sequence[Attempt]) -> None:
    for attempt in attempts:
        if isinstance(attempt.error, RateLimitedError):
            tally.limited[attempt.provider] += 1
        elif isinstance(attempt.error, TransportError):
            tally.lost[attempt.provider] += 1


async def _watch_balance(client: Client, budget: str, tally: Tally) -> None:
    while tally.done < tally.calls:
        (tally.balance,) = await client.balance(budget)
        await anyio.sleep(0.1)
