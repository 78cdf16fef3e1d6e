"""The shape of a provider file, table by table: what `_shape` checks and the JSON Schema tells.

Plain data as it stands in the file; `_convert` makes of it what the rest of minimill reads. Checks that
look at several keys are in `_checks`. It may import nothing above `_pricing`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Annotated, Any, Literal

from minimill._pricing._rows import Bounds
from minimill._values import dataclass
from minimill.catalog._marks import (
    Above,
    BaseUrl,
    Count,
    Currency,
    EnvName,
    Id,
    Instant,
    Matches,
    OneOrMany,
    Partial,
    Positive,
    Price,
    Text,
    UrlPath,
)
from minimill.catalog._quirks import ErrorKind, Quirks

Ability = Literal["streaming", "tools", "vision", "json_schema", "json_object", "audio", "files", "n"]
Requirement = Literal[
    "streaming", "tools", "vision", "json_schema", "json_object", "audio", "files", "n", "reasoning"
]
Thinks = Literal["never", "optional", "always"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
Factor = Annotated[Decimal, Above(0)]
Host = Annotated[
    str,
    Matches(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", "a host in small letters, such as a.acme.example or *.acme.example"),
]
Span = Annotated[str, Matches(rf"{_TIME}-({_TIME}|24:00)", "hours such as '09:00-12:00'")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongKey:
    """Keys that cannot work at the vendor, known by their shape: they are refused before anything is sent."""

    prefixes: tuple[Text, ...] = ()
    """How such keys begin; one matching is enough."""
    lengths: tuple[Positive, ...] = ()
    """How long such keys are, where they are letters and digits only; one matching is enough."""
    what: Text
    """What such a key is, and which one is needed instead."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""

    def fits(self, key: str) -> bool:
        """Whether a key has such a shape."""
        plain = key.isascii() and key.isalnum()
        return key.startswith(self.prefixes) or (plain and len(key) in self.lengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How a request proves who sends it."""

    env: tuple[EnvName, ...] = ()
    """Environment variables that hold the key; the first that is set wins."""
    scheme: Literal["bearer", "header", "none"] = "bearer"
    """`bearer`: `Authorization: Bearer KEY`; `header`: the bare key in `header`; `none`: no key is sent."""
    header: str = "authorization"
    """Header that carries the key where the scheme is `header`."""
    optional: bool = False
    """True: calls go out without a key when none is set (local servers)."""
    key_prefix: str = ""
    """How every key of the vendor begins; empty: not known. Keys that begin otherwise are sent all the same, but
    a refusal then says `other_keys`."""
    other_env: tuple[EnvName, ...] = ()
    """Environment variables that hold keys of another kind, which do not work here; where one is set and no key
    is, the error says `other_keys`."""
    other_keys: str = ""
    """What to tell those who have a key of another kind: which one is needed instead."""
    wrong_keys: tuple[WrongKey, ...] = ()
    """Shapes of keys that cannot work at the vendor's own addresses."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class RegionEntry:
    """One endpoint of a provider that has several, with its own keys and often its own prices."""

    base_url: BaseUrl | None = None
    """Address that the dialect's path is appended to; left out where it is the user's own."""
    key_env: tuple[EnvName, ...] = ()
    """Environment variables that hold this region's key; empty: the provider's."""
    hosts: tuple[Host, ...] = ()
    """Other hosts on which the region's prices hold; `*.acme.example` stands for every host below it."""
    note: str = ""
    """What to know about this region."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class PlanEntry:
    """A subscription of the vendor. Its calls are not billed by the token, so that no price of the file holds."""

    name: Text
    """Name for people."""
    addresses: Mapping[str, BaseUrl] = field(default_factory=dict)
    """Its own addresses, by region; empty: it is called where all others are, and the key alone tells."""
    key_prefixes: tuple[Text, ...] = ()
    """How its keys begin, where keys that pay by use begin otherwise."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""
    note: str = ""
    """Anything a reader should know."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ErrorEntry:
    """One line of the error table. It holds for an error where every condition given holds."""

    statuses: Annotated[tuple[Positive, ...], OneOrMany()] = ()
    """HTTP statuses; empty: any."""
    codes: Annotated[tuple[str, ...], OneOrMany()] = ()
    """The vendor's error codes, exact; empty: any."""
    code_prefixes: Annotated[tuple[str, ...], OneOrMany()] = ()
    """Beginnings of error codes that are families (`InvalidParameter.`); one matching is enough."""
    types: Annotated[tuple[str, ...], OneOrMany()] = ()
    """The vendor's error types, exact; empty: any."""
    params: Annotated[tuple[str, ...], OneOrMany()] = ()
    """Request fields that the error blames (`param`), or names of the limit that was passed, exact; empty: any."""
    message_contains: Annotated[tuple[str, ...], OneOrMany()] = ()
    """Last resort, for vendors whose code does not tell: words in the message, any case."""
    waits: bool = False
    """True: only where the error says how long to wait."""
    kind: ErrorKind
    """What the error is."""
    billed: bool | None = None
    """Whether such an attempt is billed, by the source; None: by the general list of refusals."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""
    note: str = ""
    """Anything a reader should know."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class CalendarEntry:
    """Public holidays on which a clock does not run."""

    off: tuple[dt.date, ...]
    """The dates."""
    known_until: dt.date
    """Last date for which the holidays are known; from the day after, the clock counts as running."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ClockEntry:
    """Weekly hours at which other prices hold, such as peak hours."""

    zone: Text
    """IANA time zone, such as `Asia/Shanghai`."""
    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """Weekdays on which the clock runs."""
    hours: tuple[Span, ...] = ("00:00-24:00",)
    """Spans of the day, start included, end excluded."""
    holidays: str | None = None
    """Name of a calendar of this file on whose dates the clock does not run; None: no holidays."""
    source: Text
    """Page on which this was read."""
    checked: dt.date
    """When somebody last looked at the source."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class RatesEntry:
    """Prices in units of the row's currency."""

    input_per_mtok: Price | None = None
    """Input tokens that no other price covers, per million."""
    cached_input_per_mtok: Price | None = None
    """Input read from a cache that the vendor keeps by itself, per million; left out: as input."""
    explicit_cached_input_per_mtok: Price | None = None
    """Input read from a cache that the request asked for, per million; left out: as the implicit one."""
    cache_write_per_mtok: Price | None = None
    """Input written to a cache, short lifetime, per million; left out: as input."""
    cache_write_long_per_mtok: Price | None = None
    """Input written to a cache, long lifetime, per million; left out: as the short one."""
    output_per_mtok: Price | None = None
    """Output tokens, reasoning included, per million."""
    audio_input_per_mtok: Price | None = None
    """Audio input, per million tokens; left out: as input."""
    cached_audio_input_per_mtok: Price | None = None
    """Audio input read from a cache, per million tokens."""
    image_input_per_mtok: Price | None = None
    """Image input, per million tokens; left out: as input."""
    audio_output_per_mtok: Price | None = None
    """Audio output, per million tokens; left out: as output."""
    per_request: Price | None = None
    """A fee for each request."""
    per_unit: Mapping[str, Price] = field(default_factory=dict)
    """Fees for each counted thing, such as `web_search`."""
    cache_storage_per_mtok_hour: Price | None = None
    """Storage of an explicit cache, per million tokens and hour; billed outside the call."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class TierEntry(RatesEntry):
    """Prices that replace the row's where all conditions given hold; later tiers win over earlier ones."""

    input_over: Count | None = None
    """Holds when all input tokens > this (the cheaper tier includes the boundary)."""
    input_from: Count | None = None
    """Holds when all input tokens ≥ this (the cheaper tier excludes the boundary)."""
    output_over: Count | None = None
    """Holds when all output tokens > this."""
    output_from: Count | None = None
    """Holds when all output tokens ≥ this."""
    thinking: bool | None = None
    """Holds when the answer was made with (true) or without (false) thinking."""
    service_tier: str | None = None
    """Holds for this service tier as the answer names it (`batch`, `flex`, `priority`, …); several at once have
    spaces between them (`fast us`)."""
    clock: str | None = None
    """Holds inside this clock of the file."""
    no_price: bool = False
    """True: under these conditions the price is not known, which is neither zero nor the row's; stands in the
    place of prices. Such a call is refused under a hard budget."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class PriceEntry(RatesEntry):
    """One dated price. A new price is a new entry; entries are never overwritten."""

    since: Instant
    """In force from this instant, with the offset of the vendor's zone."""
    until: Instant | None = None
    """No longer in force from this instant on; left out: until the next entry."""
    currency: Currency
    """What the vendor bills in."""
    tiers: tuple[TierEntry, ...] = ()
    """Prices under conditions."""
    marginal: bool = False
    """False: a tier reprices the whole request. True: each band of tokens has its own price."""
    regions: tuple[str, ...] = ()
    """Regions of this file that the entry is for; empty: all."""
    region_factors: Mapping[str, Factor] = field(default_factory=dict)
    """Regions of this file in which every price of the entry is so many times as high."""
    priced_at: Literal["request", "completion"] | None = None
    """The instant that picks entry and clock; left out: unknown, the dearer of both."""
    cache_writes: Literal["none", "implicit", "explicit"] = "none"
    """Who starts cache writes: nobody, the vendor (any request), or the request (cache marks)."""
    certainty: Literal["vendor", "reported", "unsure"] = "vendor"
    """`vendor`: read on the vendor's page; `reported`: in a data set or two reports that cite it; `unsure`:
    one report, an inference, or sources that disagree (refused under a hard cap unless accepted)."""
    free: bool = False
    """True: costs nothing, by the source."""
    promotion: bool = False
    """True: the vendor calls the price temporary."""
    source: Text
    """Page on which the price was read."""
    checked: dt.date
    """When somebody last looked at the source."""
    note: str = ""
    """Anything a reader should know."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ModelEntry:
    """One model as the vendor sells it."""

    id: Text
    """The id that is sent. `*` stands for every id that no other entry names (self-hosted servers)."""
    dialect: Text | None = None
    """Wire language in which this model is asked; left out: the provider's."""
    aliases: tuple[Text, ...] = ()
    """Other names by which users may ask for it; the id is what is sent."""
    context_tokens: Positive | None = None
    """Most input and output tokens together; left out: unknown."""
    max_input_tokens: Positive | None = None
    """Most input tokens, where the vendor limits them by themselves."""
    max_output_tokens: Positive | None = None
    """Most output tokens; left out: unknown."""
    default_output_tokens: Positive | None = None
    """Output limit sent where neither caller nor route gives one; left out: 4,096, or 16,384 for a model
    that can think, or the model's maximum where that is lower."""
    abilities: tuple[Ability, ...] = ("streaming",)
    """What the model can do."""
    reasoning: Thinks = "never"
    """Whether it thinks before it answers."""
    status: Literal["current", "deprecated", "retired"] = "current"
    """`deprecated`: works, but its end is announced; `retired`: no longer served, kept for its prices."""
    retires_on: dt.date | None = None
    """Date on which it ends or ended."""
    quirks: Annotated[Mapping[str, Any], Partial(Quirks)] = field(default_factory=dict)
    """Quirks of this model, over the provider's."""
    bounds: Annotated[Mapping[str, Any], Partial(Bounds)] = field(default_factory=dict)
    """Bounds of this model, over the provider's."""
    prices: tuple[PriceEntry, ...] = ()
    """Dated prices; none: no known price, refused under a hard cap."""
    source: Text
    """Page on which sizes and abilities were read."""
    checked: dt.date
    """When somebody last looked at the source."""
    note: str = ""
    """Anything a reader should know."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ProviderEntry:
    """One provider file. The file's name is the provider's id."""

    id: Id
    """Name before the colon in `provider:model`."""
    name: Text
    """Name for people."""
    dialect: Text
    """Wire language, such as `openai_chat`; a model may name another one."""
    base_url: BaseUrl | None = None
    """Address that the dialect's path is appended to; left out where `regions` says it, or where every user
    has an address of their own."""
    base_url_env: tuple[EnvName, ...] = ()
    """Environment variables that override the address; the first that is set wins."""
    base_path: UrlPath = ""
    """Appended to an address that the user or the environment gives, unless it ends so."""
    region: str | None = None
    """Region used where the user names none; needed where there are regions."""
    regions: Mapping[str, RegionEntry] = field(default_factory=dict)
    """Endpoints by name, where there are several."""
    auth: Auth = field(default_factory=Auth)
    """How requests prove who sends them."""
    plans: Mapping[str, PlanEntry] = field(default_factory=dict)
    """Subscriptions that the vendor sells beside pay as you go, by name."""
    currency: Currency
    """What the provider bills in; price entries say it again, since regions may differ."""
    docs: str = ""
    """Where the vendor's documentation begins."""
    status: Literal["verified", "documented"]
    """`verified`: tested against recordings or a real server; `documented`: from public pages."""
    verified_on: dt.date | None = None
    """When, for `verified`."""
    source: Text
    """Page on which endpoint, auth and quirks were read, unless a comment at the line names another."""
    checked: dt.date
    """When somebody last looked at the source."""
    note: str = ""
    """Anything a reader should know."""
    endpoint_prefixes: tuple[str, ...] = ()
    """Beginnings of ids (`ep-`) that name a user's own deployment and hide which model runs there; `""` where users
    name deployments as they like."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers sent with every request. Never keys."""
    request_id_headers: tuple[str, ...] = ("x-request-id",)
    """Answer headers that name the request for the vendor's support, first found wins."""
    retry_after_headers: tuple[str, ...] = ("retry-after-ms", "retry-after")
    """Answer headers that say how long to wait, first found wins; names in `-ms` count milliseconds, the
    others seconds or an HTTP date."""
    rate_reset_headers: tuple[str, ...] = ()
    """Answer headers that say when a rate limit refills, as a duration such as `6m0s`; used after 429."""
    quirks: Annotated[Mapping[str, Any], Partial(Quirks)] = field(default_factory=dict)
    """Departures from the dialect, a closed list."""
    bounds: Annotated[Mapping[str, Any], Partial(Bounds)] = field(default_factory=dict)
    """Assumptions from which the most that a call can use is computed."""
    errors: tuple[ErrorEntry, ...] = ()
    """Error table, first match wins; what no line matches goes by its HTTP status."""
    calendars: Mapping[str, CalendarEntry] = field(default_factory=dict)
    """Holidays, by name."""
    clocks: Mapping[str, ClockEntry] = field(default_factory=dict)
    """Weekly hours, by name."""
    models: tuple[ModelEntry, ...] = ()
    """What the provider sells."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UserModelEntry(ModelEntry):
    """A model in a user's own file: of a new id, or merged over the one of that id."""

    free: bool = False
    """True: this self-hosted model costs nothing."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UserProviderEntry(ProviderEntry):
    """A provider in a user's own file: a new one, or merged over the one of that name."""

    models: tuple[UserModelEntry, ...] = ()
    """Models of the user's own, or changes to listed ones; `prices` replace the listed prices."""
    key_env: Annotated[tuple[EnvName, ...], OneOrMany()] = ()
    """Environment variables that hold the key, in place of the provider's own."""
    free: bool = False
    """True: every model of this self-hosted server without prices of its own costs nothing."""
    plan: str | None = None
    """Subscription that your key belongs to, one of `plans`: its address is used, and no shipped price holds."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Deployment ids of the user's own (`ep-…`), to the ids of the models that run there."""
