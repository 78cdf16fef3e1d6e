"""Price rows as plain data: what a model costs, from when, and under which conditions.

No reading of files (that is `catalog`), no arithmetic (that is `_cost` and `_ceiling`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from enum import Enum

from minimill._values import dataclass


class Certainty(Enum):
    """How sure a price is."""

    VENDOR = "vendor"
    """Read on the vendor's own page."""
    REPORTED = "reported"
    """Read in a data set or in two independent reports that cite the vendor."""
    UNSURE = "unsure"
    """One report, an inference, or sources that disagree: refused under a hard cap unless accepted."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices per million tokens in the row's currency. None: not said here (a tier then inherits)."""

    input_per_mtok: Decimal | None = None
    """Input tokens that no other price covers."""
    cached_input_per_mtok: Decimal | None = None
    """Input read from a cache the vendor keeps by itself (implicit)."""
    explicit_cached_input_per_mtok: Decimal | None = None
    """Input read from a cache that the request asked for; None: as implicit."""
    cache_write_per_mtok: Decimal | None = None
    """Input written to a cache, short lifetime; None: as input."""
    cache_write_long_per_mtok: Decimal | None = None
    """Input written to a cache, long lifetime; None: as the short one."""
    output_per_mtok: Decimal | None = None
    """Output tokens, reasoning included."""
    audio_input_per_mtok: Decimal | None = None
    cached_audio_input_per_mtok: Decimal | None = None
    image_input_per_mtok: Decimal | None = None
    audio_output_per_mtok: Decimal | None = None
    per_request: Decimal | None = None
    """A fee for each request, in units of the currency."""
    per_unit: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    """Fees in units of the currency for each counted thing, e.g. `web_search`."""
    cache_storage_per_mtok_hour: Decimal | None = None
    """Storage of an explicit cache, per million tokens and hour; billed outside the call, see `storage_cost`."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates that replace the row's where all stated conditions hold; later tiers win over earlier.

    With `no_price` it takes away every price that the row and earlier tiers state: under these conditions
    the vendor sells nothing, or nobody knows for how much.
    """

    rates: Rates
    input_over: int | None = None
    """Holds when all input tokens > this (the vendor's lower tier includes the boundary)."""
    input_from: int | None = None
    """Holds when all input tokens ≥ this (the vendor's lower tier excludes the boundary)."""
    output_over: int | None = None
    output_from: int | None = None
    thinking: bool | None = None
    """Holds when the answer was made with (True) or without (False) thinking."""
    service_tier: str | None = None
    """Holds for this service tier as the answer names it (`batch`, `flex`, `priority`, …)."""
    clock: str | None = None
    """Holds inside this clock of the provider (peak hours)."""
    no_price: bool = False
    """True: what these conditions cost is not known, which is neither zero nor the row's price."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Weekly hours of a provider, such as its peak hours."""

    zone: str
    """IANA name of the time zone."""
    weekdays: frozenset[int] = frozenset(range(7))
    """Monday is 0."""
    spans: tuple[tuple[dt.time, dt.time], ...] = ((dt.time(0), dt.time(0)),)
    """Start (inclusive) and end (exclusive); an end at 00:00 means midnight at the end of the day.

    A span whose end is before its start runs on into the next day and belongs to the day it began."""
    holidays: frozenset[dt.date] = frozenset()
    """Dates on which the clock does not run although the weekday says so."""
    holidays_known_until: dt.date | None = None
    """From the day after, a holiday cannot be told: the clock counts as running. None: no holidays apply."""
    origin: str = "catalog"
    """`catalog`, or the user's file that says its hours or holidays; named in every record of a price by it."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One dated price of one model. A new price is a new row; rows are never overwritten."""

    currency: str
    since: dt.datetime
    """In force from this instant (aware)."""
    source: str
    checked: dt.date
    """When somebody last looked at the source."""
    rates: Rates
    until: dt.datetime | None = None
    """Not in force from this instant on; None: until the next row."""
    tiers: tuple[Tier, ...] = ()
    marginal: bool = False
    """False: a tier reprices the whole request (cliff). True: input tiers are bands of tokens, each at its
    own input price; output and fees are priced by the whole length."""
    regions: frozenset[str] = frozenset()
    """Endpoints this row is for; empty: all."""
    priced_at: str | None = None
    """`request` or `completion`: the instant that picks the row and the clock; None: the dearer of both."""
    cache_writes: str = "none"
    """Who starts cache writes: `none`, `implicit` (the vendor, any request) or `explicit` (cache marks)."""
    certainty: Certainty = Certainty.VENDOR
    free: bool = False
    """True: costs nothing by the vendor's own word, or by the user's for a self-hosted model."""
    promotion: bool = False
    """A price the vendor calls temporary."""
    note: str = ""
    origin: str = "catalog"
    """`catalog`, or the user's file that overrides it; named in every record."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Assumptions from which the most that a call can use is computed. None: no bound can be stated."""

    per_request_tokens: int = 64
    """Template overhead of a request."""
    per_message_tokens: int = 16
    per_tool_tokens: int = 64
    """Beyond the bytes of the tool's JSON."""
    schema_tokens: int = 64
    """Beyond the bytes of the JSON Schema of a structured answer."""
    tokens_per_byte: Decimal = Decimal(1)
    """Byte-level BPE: a token is at least one byte of UTF-8 (the larger of raw and NFKC text)."""
    image_tokens: int | None = None
    """Most tokens of one image."""
    file_tokens: int | None = None
    audio_tokens: int | None = None
    output_overshoot_tokens: int = 0
    """How far an answer may pass the limit that was sent."""
    limit_covers_reasoning: bool = True
    """Whether the limit field that is sent bounds thinking as well."""
    max_reasoning_tokens: int | None = None
    """Most thinking beside the limit, where the limit does not cover it."""
    source: str = ""
    """Page or reasoning behind these numbers."""


@dataclass(frozen=True, slots=True)
class RequestSize:
    """How big a request is, counted once and used for every candidate."""

    text_bytes: int
    """max(UTF-8, UTF-8 after NFKC) of every text in the messages, names and tool calls included."""
    messages: int
    latin_bytes: int = 0
    """Of the text as it is sent: UTF-8 bytes in Latin letters and ASCII, for the expectation."""
    cjk_bytes: int = 0
    """Of it: bytes in Chinese, Japanese and Korean, their punctuation included."""
    other_bytes: int = 0
    """Of it: bytes in every other script, and in signs such as emoji."""
    tools: int = 0
    tool_bytes: int = 0
    schemas: int = 0
    schema_bytes: int = 0
    images: int = 0
    files: int = 0
    audio: int = 0
    tokens: int = 0
    """Tokens that come on top and are counted already, such as the beginning of an answer that goes on."""
    unknown: int = 0
    """Parts of which nothing is known but that they fit the model's window, such as a cache at the vendor."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What else a price depends on, known before (ceiling) or after (cost) the call."""

    started: dt.datetime
    """When the request was (or will be) sent, aware."""
    finished: dt.datetime
    """When the answer ended, or the latest instant at which it can end."""
    region: str | None = None
    service_tier: str | None = None
    """Asked for (ceiling) or named by the answer (cost); None: the default tier."""
    thinking: bool | None = None
    """True or False where known; None takes the dearer."""
    unasked_tiers: tuple[str, ...] = ()
    """Tiers on which the vendor may answer whatever was asked (ceiling)."""
    explicit_cache: bool = False
    """Whether the request carries cache marks."""
    long_cache: bool = False
    """Whether cache writes may take the vendor's longer lifetime."""
    images: bool = False
    """Whether the input may hold pictures."""
    audio: bool = False
    """Whether the input may hold sound."""
    audio_output: bool = False
    """Whether the answer may hold sound."""
    n: int = 1
    """Answers asked for."""
    unit_limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Most units of each counted fee (`web_search`: 5)."""
