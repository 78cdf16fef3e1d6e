"""What the configuration comes to: frozen plain data, without keys, that pickles.

Reading and checking are in the modules beside it. It may import `catalog`, `ledger` and below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from minimill._money import Money
from minimill._pricing import Exchange
from minimill._values import dataclass
from minimill.catalog import Catalog
from minimill.ledger import BudgetDefinition


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits on one attempt, in seconds. The defaults suit models that think for minutes in silence."""

    connect_s: float = 10.0
    """Until the connection stands."""
    first_token_s: float = 600.0
    """Until the first bytes of the answer; a call that does not stream waits as long for all of it."""
    between_token_s: float = 120.0
    """Longest silence after that."""
    total_s: float = 1800.0
    """Until the answer is complete."""


@dataclass(frozen=True, slots=True)
class Route:
    """Candidate models, and how a call goes through them."""

    name: str | None
    """None: made for one call that named its model."""
    models: tuple[str, ...]
    """`provider:model` or aliases."""
    order: str = "cost"
    """`cost`: cheapest expected answer first; `listed`."""
    requires: tuple[str, ...] = ()
    """Abilities beyond those the request itself needs."""
    max_output_tokens: int | None = None
    min_output_tokens: int | None = None
    max_attempts: int | None = None
    max_cost: Money | None = None
    deadline_s: float | None = None
    wait_s: float = 0.0
    retries: int = 2
    timeouts: Timeouts = Timeouts()
    on_content_filter: str = "stop"
    """`stop` or `next`."""
    drop_refused: bool = False
    """Whether settings that a model refuses are left out in place of an error."""
    accept_unsure_prices: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """How one provider is reached, where it differs from the environment."""

    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which models still serve once a budget is used so far. One of the three says it."""

    above_ppm: int
    """From how many millionths of the limit on."""
    free: bool = False
    """Models that cost nothing."""
    models: tuple[str, ...] = ()
    """`provider:model`, aliases resolved."""
    max_cost: Money | None = None
    """Models whose ceiling is at most this."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What happens as a budget is used up."""

    told_ppm: tuple[int, ...] = ()
    """Millionths of the limit of which is told, rising."""
    narrow: tuple[Narrowing, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageExport:
    """Which column of a vendor's usage export says what; None: none does."""

    name: str
    provider: str
    amount: str
    currency: str | None = None
    """Of all amounts; None: `currency_column` says it."""
    currency_column: str | None = None
    request_id: str | None = None
    time: str | None = None
    model: str | None = None
    input_tokens: str | None = None
    output_tokens: str | None = None
    time_format: str | None = None
    """As `strptime` takes it, `unix` or `unix_ms`; None: ISO 8601."""
    zone: str = "UTC"
    within_s: float = 60.0
    models: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The export's name to the name that is sent."""
    delimiter: str = ","
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Settings:
    """One configuration, checked. Holds no keys."""

    source: Path | None
    """The file it came from; None: a mapping, or no configuration."""
    ledger: str
    """URL of the books."""
    catalog: Catalog = field(repr=False)
    exchange: Exchange = field(repr=False)
    app: str | None = None
    http: str = "default"
    """The HTTP stack."""
    require_budget: bool = True
    routes: Mapping[str, Route] = field(default_factory=dict, hash=False)
    plain_route: Route = Route(None, ())
    """What holds for a call that names its model: the configuration's defaults."""
    budgets: tuple[BudgetDefinition, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    connections: Mapping[str, Connection] = field(default_factory=dict, hash=False)
    """By provider id."""
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict, hash=False)
    """By the name of a budget."""
    usage_exports: Mapping[str, UsageExport] = field(default_factory=dict, hash=False)
