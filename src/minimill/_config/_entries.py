"""The shape of `minimill.toml`, table by table: what is checked, and what its JSON Schema tells.

Checks that look at several keys are in `_build`. It may import `catalog` and `ledger`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Annotated, Any, Literal

from minimill._values import dataclass
from minimill.catalog._entries import Requirement, UserProviderEntry
from minimill.catalog._marks import (
    Above,
    AtMost,
    Count,
    Currency,
    Duration,
    Matches,
    OneOrMany,
    Partial,
    Positive,
    Seconds,
    Text,
)

Pair = r"[A-Z]{3}/[A-Z]{3}"
Share = Annotated[Decimal, AtMost(1)]
_NUMBER = r"[0-9_]*\.?[0-9]+"
MoneyText = Annotated[
    str,
    Matches(rf"\s*({_NUMBER}\s*[A-Z]{{3}}|[A-Z]{{3}}\s*{_NUMBER})\s*", "an amount such as '0.05 USD'"),
]
Percent = Annotated[str, Matches(r"\s*[0-9]{1,4}(\.[0-9]{1,4})?\s*%\s*", "a share such as '80%'")]
ProxyUrl = Annotated[str, Matches(r"(https?|socks5h?)://[^\s/@?#]+/?", "a proxy address without a password")]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class TimeoutsEntry:
    """Limits on one attempt, in seconds."""

    connect_s: Duration | None = None
    """Until the connection stands; left out: 10."""
    first_token_s: Duration | None = None
    """Until the first bytes of the answer; left out: 600. A call that does not stream waits as long for
    all of it."""
    between_token_s: Duration | None = None
    """Longest silence after that; left out: 120."""
    total_s: Duration | None = None
    """Until the answer is complete; left out: 1800."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class DefaultsEntry:
    """What holds for every call, unless its route or the call itself says otherwise."""

    order: Literal["cost", "listed"] | None = None
    """`cost`: the cheapest expected answer first (default); `listed`: as the models are listed."""
    max_output_tokens: Positive | None = None
    """Output limit that is sent; left out: the model's default."""
    min_output_tokens: Positive | None = None
    """Down to which the limit may be lowered to fit the money left; left out: never."""
    max_attempts: Positive | None = None
    """Most attempts of a call, over all candidates; left out: no limit."""
    max_cost: MoneyText | None = None
    """Most that a call may cost, retries and fallbacks included, such as `"0.05 USD"`."""
    deadline_s: Duration | None = None
    """Seconds until a call must be over; left out: no deadline."""
    wait_s: Seconds | None = None
    """Seconds to wait for held money to come free when a budget is full; left out: 0."""
    retries: Count | None = None
    """Most repetitions of one candidate; left out: 2."""
    timeouts: TimeoutsEntry = field(default_factory=TimeoutsEntry)
    """Limits on one attempt."""
    on_content_filter: Literal["stop", "next"] | None = None
    """After a content filter's refusal: `stop` (default), or `next` candidate."""
    drop_refused: bool | None = None
    """True: settings that a model refuses are left out, with a warning, in place of an error; left out:
    false."""
    accept_unsure_prices: bool | None = None
    """True: models whose price is marked unsure serve under hard budgets too; left out: false."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class RouteEntry(DefaultsEntry):
    """Candidate models, and how a call goes through them."""

    models: tuple[Text, ...]
    """Candidates: `provider:model`, or names of `[aliases]`."""
    requires: tuple[Requirement, ...] = ()
    """Abilities a candidate must have, beyond those that a request needs anyway."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class NarrowEntry:
    """Which models still serve a call once a budget that covers it is used so far."""

    above: Percent
    """From which share of the limit on, such as `"80%"`."""
    only: Annotated[tuple[Text, ...], OneOrMany()] = ()
    """`"free"`: models that cost nothing; or a list of `provider:model` and aliases."""
    max_cost: MoneyText | None = None
    """Most that one attempt may cost, such as `"0.01 CNY"`, in place of `only`."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class BudgetEntry:
    """A limit in one currency, on a scope, in a window."""

    limit: Any
    """The limit: `"50 CNY"`, or a number with `currency` beside it. 0 blocks every call that costs."""
    currency: Currency | None = None
    """Currency of a limit that is a number."""
    window: Literal["total", "hour", "day", "week", "month"] = "total"
    """`total`, or a calendar window in `zone` after which the limit is there again."""
    zone: Text = "UTC"
    """IANA time zone in which days, weeks and months begin."""
    scope: Mapping[str, str] = field(default_factory=dict)
    """Which calls it covers: app, route, provider, model or a tag, all equal; left out: every call."""
    by: str | None = None
    """Scope word or tag by whose values the budget is split, each with the whole limit."""
    hard: bool = True
    """False: records and warns, never blocks."""
    unconfirmed_share: Share = Decimal("0.2")
    """Most of the limit that may be out with one vendor at once, and be lost when it falls silent."""
    thresholds: tuple[Percent, ...] = ("50%", "80%", "100%")
    """Shares of the limit of which is told, once in a window, when they are used: in the log, and to `on_threshold`."""
    narrow: tuple[NarrowEntry, ...] = ()
    """Fewer models once so much is used."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class RateEntry:
    """One dated exchange rate: one unit of the first currency in units of the second."""

    rate: Annotated[Decimal, Above(0)]
    """Middle rate."""
    date: dt.date
    """The day the rate is of."""
    source: Text = "minimill.toml"
    """Who published it."""
    margin: Share = Decimal("0.02")
    """What is added to be on the safe side, as a share: 0.02 is 2 %."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UsageExportEntry:
    """How to read a vendor's usage export, for `minimill budget reconcile`: which column says what."""

    provider: Text
    """The provider whose export it is."""
    amount: Text
    """Column of what a line costs."""
    currency: Currency | None = None
    """Currency of all amounts; or:"""
    currency_column: Text | None = None
    """Column of each amount's currency."""
    request_id: Text | None = None
    """Column of the vendor's id of the request. Lines with the same one add up."""
    time: Text | None = None
    """Column of when the request was made."""
    model: Text | None = None
    """Column of the model."""
    input_tokens: Text | None = None
    """Column of the input tokens, cached ones included."""
    output_tokens: Text | None = None
    """Column of the output tokens, reasoning included."""
    time_format: Text | None = None
    """As `strptime` takes it, or `unix` or `unix_ms`; left out: ISO 8601."""
    zone: Text = "UTC"
    """IANA time zone of times that name none."""
    within_s: Seconds = 60
    """How far the export's time may be before the attempt began or after it ended."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Models that the export calls otherwise: its name to the name that is sent."""
    delimiter: Annotated[str, Matches(r"[^\r\n\"]", "one character")] = ","
    """What parts the columns."""
    encoding: Text = "utf-8"
    """Text encoding of the file."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ProviderTable(UserProviderEntry):
    """A provider in `minimill.toml`: a new one, or merged over the shipped one of that name. Never keys."""

    proxy: ProxyUrl | None = None
    """Proxy for this provider; left out: as the environment says (HTTPS_PROXY, where passwords may be)."""
    ca_file: Text | None = None
    """PEM file of trusted roots for this provider, from the folder of this file; left out: the usual ones."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ConfigEntry:
    """The whole of `minimill.toml`."""

    app: Text | None = None
    """Who calls are for unless they say so; budgets can be limited to an app. MINIMILL_APP wins."""
    ledger: Text | None = None
    """Where money is counted: `sqlite:///file.db` (from the folder of this file), `sqlite:////absolute.db`,
    `redis://…`, `postgresql://…` or `memory:`; left out: `ledger.db` in the user's state folder.
    MINIMILL_LEDGER wins."""
    http: Literal["default", "http2", "aiohttp", "httpx2"] = "default"
    """The HTTP stack; each but the default needs the extra of its name."""
    require_budget: bool = True
    """True: once any budget exists, a call that none covers is refused. MINIMILL_REQUIRE_BUDGET wins."""
    defaults: DefaultsEntry = field(default_factory=DefaultsEntry)
    """What holds for every call, unless its route or the call itself says otherwise."""
    routes: Mapping[str, RouteEntry] = field(default_factory=dict)
    """Routes by name; `default` serves calls that name neither route nor model."""
    budgets: Mapping[str, BudgetEntry] = field(default_factory=dict)
    """Budgets by name. A call counts against every one that covers it."""
    providers: Mapping[str, Annotated[Mapping[str, Any], Partial(ProviderTable, later=True)]] = field(
        default_factory=dict
    )
    """Providers by id: own ones, or changes to those that ship with minimill."""
    price_files: tuple[Text, ...] = ()
    """Files with prices of the user's own (`[[providers.ID.models]]` with `prices`), from the folder of this
    file; a later one wins over an earlier one, and this file over all."""
    rates: Mapping[str, RateEntry] = field(default_factory=dict)
    """Exchange rates by pair, such as `"USD/CNY"`; needed only across currencies."""
    max_rate_age_days: Positive = 180
    """A rate older than this is refused."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Names of the user's own for `provider:model`."""
    usage_exports: Mapping[str, UsageExportEntry] = field(default_factory=dict)
    """Shapes of vendors' usage exports by name, for `minimill budget reconcile`."""
