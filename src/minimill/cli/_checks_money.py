"""What `doctor` looks at about money: prices of the routes' models, exchange rates, the ledger and its budgets.

It may import `_config`, `ledger`, `_pricing` and below.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import anyio

from minimill._config import Route, Settings
from minimill._errors import ConfigError, LedgerError, MinimillError
from minimill._money import Money
from minimill._pricing import Certainty, Rate
from minimill.catalog import Offer
from minimill.cli._checks import Finding, offers
from minimill.cli._models import price_now
from minimill.ledger import Balance, BudgetDefinition, Ledger, open_ledger

STALE_DAYS = 90
"""A price, or a rate, that nobody looked at for longer is worth looking at."""
LOW_BYTES = 50_000_000
"""With less free space the books may soon be unable to grow."""


# --- prices ---


def prices(settings: Settings) -> Iterator[Finding]:
    """What is known about the prices of models named in routes."""
    hard = any(definition.hard for definition in settings.budgets)
    seen: dict[str, tuple[Offer, Route]] = {}
    for route in settings.routes.values():
        for offer in offers(settings, route):
            seen.setdefault(offer.name, (offer, route))
    found = [finding for offer, route in seen.values() for finding in _price(offer, route, hard)]
    if seen and not found:
        found = [Finding("ok", "prices", f"{_models(len(seen))} in routes: checked in the last {STALE_DAYS} days")]
    yield from found


def _price(offer: Offer, route: Route, hard: bool) -> Iterator[Finding]:
    now = dt.datetime.now(dt.UTC)
    row = price_now(offer.provider, offer.model, now)
    consequence = "hard budgets refuse it" if hard else "its cost is unknown"
    level = "wrong" if hard else "note"
    if row is None:
        yield Finding(level, f"price {offer.name}", f"no price is known today: {consequence}")
        return
    if row.certainty is Certainty.UNSURE and not route.accept_unsure_prices:
        yield Finding(level, f"price {offer.name}", f"its sources leave it unsure: {consequence}")
    age = (now.date() - row.checked).days
    if age > STALE_DAYS:
        text = f"last checked {row.checked.isoformat()}, {age} days ago: {row.source}"
        yield Finding("note", f"price {offer.name}", text)


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"


# --- exchange rates ---


def rates(settings: Settings) -> Iterator[Finding]:
    """The age of each rate, and pairs that routes and budgets need and nobody gives."""
    today = dt.datetime.now(dt.UTC).date()
    for rate in settings.exchange.rates:
        yield _rate(rate, today, settings.exchange.max_age_days)
    for base, quote in sorted(_needed(settings)):
        try:
            settings.exchange.convert(Money(1, base), quote, on=today)
        except ConfigError as error:
            yield Finding("wrong", f"rate {base}/{quote}", error.message)


def _rate(rate: Rate, today: dt.date, most: int) -> Finding:
    age = (today - rate.date).days
    level = "note" if age > STALE_DAYS or age < 0 else "ok"
    refused = f"; refused from {most} days on" if level == "note" else ""
    text = f"{rate.mid} of {rate.date.isoformat()}, {age} days old{refused} ({rate.source})"
    return Finding(level, f"rate {rate.base}/{rate.quote}", text)


def _needed(settings: Settings) -> set[tuple[str, str]]:
    """Pairs of the currency a route's model is billed in and that of a budget."""
    billed = set()
    for route in settings.routes.values():
        for offer in offers(settings, route):
            row = price_now(offer.provider, offer.model, dt.datetime.now(dt.UTC))
            if row is not None and not row.free:
                billed.add(row.currency)
    limited = {definition.currency for definition in settings.budgets}
    return {(one, other) for one in billed for other in limited if one != other}


# --- the ledger and its budgets ---


def ledger(url: str, settings: Settings | None) -> Iterator[Finding]:
    """Whether the books can be opened, and what the budgets say. A file that does not exist is not made."""
    try:
        opened = open_ledger(url)
    except ConfigError as error:
        yield Finding("wrong", "ledger", error.message)
        return
    wanted = settings.budgets if settings is not None else ()
    path: str | None = getattr(opened, "path", None)
    if opened.url == "memory:" or (path is not None and not Path(path).exists()):
        lasting = Finding("note", "ledger", f"{url}: its caps and records end with each process")
        yield lasting if path is None else _not_yet(Path(path))
        yield from _budgets([], wanted)
        return
    try:
        balances, held = anyio.run(_state, opened)
    except MinimillError as error:
        yield Finding("wrong", "ledger", error.message)
        return
    yield Finding("ok", "ledger", opened.url) if path is None else _file(opened.url, Path(path))
    yield from _budgets(balances, wanted)
    if held:
        text = f"{held} unconfirmed: they count as spent until corrected (minimill budget holds)"
        yield Finding("note", "holds", text)


async def _state(opened: Ledger) -> tuple[list[Balance], int]:
    try:
        holds = await opened.holds()
        return await opened.balances(), sum(hold.unconfirmed for hold in holds)
    finally:
        with contextlib.suppress(LedgerError):
            await opened.aclose()


def _not_yet(path: Path) -> Finding:
    folder = next(parent for parent in path.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("wrong", "ledger", f"{path} does not exist, and {folder} cannot be written to")
    return Finding("ok", "ledger", f"{path} does not exist yet: the first call makes it")


def _file(url: str, path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free
    words = f"{url} · schema {_schema(path)} · {_bytes(path.stat().st_size)}, {_bytes(free)} free"
    return Finding("wrong" if free < LOW_BYTES else "ok", "ledger", words)


def _schema(path: Path) -> str:
    from minimill.ledger._sqlite_file import connect_reader

    with contextlib.closing(connect_reader(str(path))) as db:
        try:
            return str(db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error:
            return "unknown"


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _budgets(balances: list[Balance], wanted: tuple[BudgetDefinition, ...]) -> Iterator[Finding]:
    known = {balance.budget: balance for balance in balances}
    for definition in wanted:
        known_one = known.get(definition.name)
        if known_one is None:
            limit = Money(definition.limit_nanos, definition.currency)
            yield Finding("ok", f"budget {definition.name}", f"{limit}, not used yet")
        elif (difference := _difference(known_one, definition)) is not None:
            yield difference
    for balance in balances:
        yield _balance(balance)
    if not wanted and not balances:
        yield Finding("note", "budgets", "there is none: nothing limits what calls cost")


def _difference(balance: Balance, definition: BudgetDefinition) -> Finding | None:
    what = f"budget {definition.name}"
    if balance.currency != definition.currency:
        text = f"the ledger has it in {balance.currency}, the configuration in {definition.currency}"
        return Finding("wrong", what, text)
    if balance.limit_nanos != definition.limit_nanos:
        there, here = (Money(n, balance.currency) for n in (balance.limit_nanos, definition.limit_nanos))
        return Finding("note", what, f"its limit in the ledger is {there}, in the configuration {here}")
    return None


def _balance(balance: Balance) -> Finding:
    left, limit = (Money(n, balance.currency) for n in (balance.left_nanos, balance.limit_nanos))
    account = f" of {balance.key}" if balance.key else ""
    text = f"{left} left of {limit}, window {balance.window_id}{'' if balance.hard else ', soft'}"
    if balance.unconfirmed_nanos:
        text += f", {Money(balance.unconfirmed_nanos, balance.currency)} unconfirmed"
    level = "note" if balance.left_nanos <= 0 or balance.unconfirmed_nanos else "ok"
    return Finding(level, f"budget {balance.budget}{account}", text)
