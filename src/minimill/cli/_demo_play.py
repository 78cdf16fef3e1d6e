"""One run of the demo: vendors, client, calls, and the comparison at the end.

It may import `minimill.testing`, `_client`, `_config`, `ledger`, `catalog` and its neighbours.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import urllib.error
import urllib.request
from dataclasses import field
from typing import Any

import anyio
import anyio.to_thread

from minimill._client import Client
from minimill._config import load_settings
from minimill._errors import ConfigError
from minimill._money import Money
from minimill._pricing import Exchange
from minimill._values import dataclass
from minimill.catalog._files import folder
from minimill.cli import _demo_bill as bill
from minimill.cli import _demo_vendors as vendors
from minimill.cli._demo_live import progress
from minimill.cli._demo_questions import local_questions, questions
from minimill.cli._demo_report import DIM, report
from minimill.cli._demo_run import Group, Outcome, Tally, run
from minimill.cli._output import Output
from minimill.ledger import open_ledger
from minimill.testing import Simulator

PATIENCE_S = 1.5
"""Until the first token; a vendor that says nothing is left after it."""
WAIT_S = 1.0
"""How long a call waits for held money to come free."""
LOCAL_AT_ONCE, LOCAL_OUTPUT = 2, 48
LOCAL_PATIENCE_S, LOCAL_SECONDS = 15.0, 15.0
"""Until its first token, and until what still waits for the local server goes to the vendors instead."""


@dataclass(frozen=True, slots=True)
class Local:
    """A real server that costs nothing."""

    url: str
    calls: int
    key: str | None = field(default=None, repr=False)
    model: str | None = None

    @property
    def base_url(self) -> str:
        """The address with its version, which may be left out."""
        url = self.url.rstrip("/")
        return url if url.count("/") > 2 else f"{url}/v1"


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for."""

    calls: int
    concurrency: int
    seed: int
    cap: Money
    ledger: str | None = None
    """URL of books to keep; None: books in a folder that is deleted at the end."""
    local: Local | None = None


async def show(demand: Demand, out: Output, speed: vendors.Speed | None = None) -> int:
    """Play it, say everything, and return the exit code."""
    outcome, check = await play(demand, out, speed)
    report(out, outcome, check)
    if demand.ledger is not None:
        out.line(f"the books are kept: minimill spend --ledger {demand.ledger}", DIM)
    return 0 if check.holds else 1


async def play(demand: Demand, out: Output, speed: vendors.Speed | None = None) -> tuple[Outcome, bill.Check]:
    """One run, and how the books compare with the vendors' bill.

    Raises:
        ConfigError: the ledger's URL or the local server's address is none.
        LedgerError: the books cannot be written.
    """
    with (
        vendors.simulator(demand.seed, speed or vendors.Speed()) as running,
        vendors.environment(**_keys(running, demand.local)),
        tempfile.TemporaryDirectory(prefix="minimill-demo-") as temporary,
    ):
        url = demand.ledger or f"sqlite:///{temporary}/ledger.db"
        model = None if demand.local is None else await _local_model(demand.local, out)
        return await _played(demand, out, running, url, model)


async def _played(
    demand: Demand, out: Output, running: Simulator, url: str, local_model: str | None
) -> tuple[Outcome, bill.Check]:
    tag = secrets.token_hex(4)
    budget = "demo" if demand.ledger is None else f"demo-{tag}"
    local = 0 if demand.local is None else demand.local.calls
    asked = questions(demand.calls - local)
    groups = [Group(asked, "default", demand.concurrency)]
    if local:
        groups.insert(0, Group(local_questions(local), "local", LOCAL_AT_ONCE, LOCAL_SECONDS))
    settings = load_settings(_config(demand, running, budget, local_model), environ={})
    tally = Tally(demand.calls)
    names = [*(["local"] if local else []), *running.vendors]
    _opening(out, demand)
    ledger = open_ledger(url)
    try:
        async with Client(settings, ledger=ledger) as client, progress(out, tally, names):
            outcome = await run(client, ledger, groups, tally, tag)
    finally:
        await ledger.aclose()
    running.wait_idle()
    question_of = {one.text: str(one.number) for group in groups for one in group.questions}
    return outcome, checked(outcome, running, settings.exchange, question_of)


def _opening(out: Output, demand: Demand) -> None:
    out.line(
        f"{demand.calls} calls, {demand.concurrency} at once, over {len(vendors.MODELS)} models of "
        f"{len(vendors.VENDORS)} simulated vendors, under a hard cap of {demand.cap}",
        "bold",
    )
    for vendor, trouble in vendors.TROUBLES.items():
        out.line(f"  {vendor:<7} {trouble}", DIM)
    out.line()


def checked(
    outcome: Outcome, running: Simulator, exchange: Exchange, question_of: bill.QuestionOf
) -> bill.Check:
    """The books against the bill of every vendor."""
    prices = bill.PriceList(folder(), running.vendors)
    newest = max(
        (rate for rate in exchange.rates if (rate.base, rate.quote) == ("USD", "CNY")), key=lambda r: r.date
    )
    rate = bill.Rate(newest.mid, newest.margin)
    one_by_one, whole = bill.compare(
        running.calls, outcome.rows, prices.nanos, prices.currency, rate, question_of
    )
    balance = outcome.balance
    return bill.Check(
        one_by_one,
        whole,
        balance.settled_nanos + balance.held_nanos,
        balance.limit_nanos,
        [f"the books do not add up: {difference}" for difference in outcome.audit],
    )


# --- configuration ---


def _config(demand: Demand, running: Simulator, budget: str, local_model: str | None) -> dict[str, Any]:
    """A configuration as in minimill.toml: the shipped providers, at the simulator's addresses."""
    providers = vendors.providers(running)
    routes: dict[str, Any] = {"default": {"models": list(vendors.MODELS)}}
    if demand.local is not None:
        providers["local"] = _local_provider(demand.local)
        routes["local"] = {
            "models": [f"local:{local_model}", *vendors.MODELS],
            "max_output_tokens": LOCAL_OUTPUT,
            "timeouts": {"first_token_s": LOCAL_PATIENCE_S, "total_s": 2 * LOCAL_PATIENCE_S},
        }
    return {
        "providers": providers,
        "defaults": {
            "max_output_tokens": vendors.OUTPUT_LIMIT,
            "wait_s": WAIT_S,
            "timeouts": {"first_token_s": PATIENCE_S},
        },
        "routes": routes,
        "budgets": {budget: {"limit": f"{demand.cap.amount} {demand.cap.currency}"}},
        "max_rate_age_days": 36_500,
    }


def _local_provider(local: Local) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "dialect": "openai_chat",
        "base_url": local.base_url,
        "free": True,
        "quirks": {"output_limit_field": "max_tokens"},
    }
    return provider | ({"key_env": vendors.LOCAL_KEY_VARIABLE} if local.key else {})


def _keys(running: Simulator, local: Local | None) -> dict[str, str]:
    keys = {vendors.KEY_VARIABLE: running.key}
    return keys | ({vendors.LOCAL_KEY_VARIABLE: local.key} if local is not None and local.key else {})


async def _local_model(local: Local, out: Output) -> str:
    """The model that was named, or the first one that the server lists; any name where it does not answer."""
    if local.model is not None:
        return local.model
    try:
        return await anyio.to_thread.run_sync(_first_listed, local)
    except (OSError, LookupError, TypeError, ValueError) as error:
        out.line(
            f"the local server at {local.base_url} does not list its models ({error}): calls will fall back",
            "yellow",
        )
        return "any"


def _first_listed(local: Local) -> str:
    if not local.base_url.startswith(("http://", "https://")):
        raise ConfigError(f"--local: expected an http(s) address, found {local.url!r}")
    headers = {"Authorization": f"Bearer {local.key}"} if local.key else {}
    request = urllib.request.Request(f"{local.base_url}/models", headers=headers)
    with urllib.request.urlopen(request, timeout=3) as answer:
        return str(json.load(answer)["data"][0]["id"])
