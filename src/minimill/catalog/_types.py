"""What the rest of minimill reads of the catalog: providers, models and offers as frozen plain data.

No reading of files, no checks. It may import `_errors`, `_pricing` and its siblings `_marks`, `_quirks`.
"""

import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import field

from minimill._errors import ConfigError, MissingKeyError, UnpricedModelError
from minimill._pricing import (
    Bounds,
    Charge,
    Clock,
    PriceRow,
    PriceUnknown,
    Situation,
    StorageCharge,
    cost,
    storage_cost,
)
from minimill._usage import Usage
from minimill._values import dataclass
from minimill.catalog._entries import Auth
from minimill.catalog._quirks import ErrorKind, Quirks

_KEY = re.compile(r"[!#-&(-~]([!-~]*[!#-&(-~])?")
"""Visible ASCII, no quotes around it."""


@dataclass(frozen=True, slots=True)
class Region:
    """One endpoint of a provider that has several."""

    name: str
    base_url: str
    key_env: tuple[str, ...] = ()
    """Variables that hold this region's key; empty: the provider's."""
    hosts: tuple[str, ...] = ()
    """Other hosts of the region; `*.acme.example` stands for all below it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription of a provider, whose calls are not billed by the token."""

    id: str
    name: str
    addresses: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Its own addresses, by region; empty: it is called where all others are."""
    key_prefixes: tuple[str, ...] = ()
    """How its keys begin; empty: they look like all others."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One line of a provider's error table; holds where every condition given holds."""

    kind: ErrorKind
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    code_prefixes: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    message_contains: tuple[str, ...] = ()
    """Small letters; one of them occurring is enough."""
    waits: bool = False
    """Whether it holds only where the vendor says how long to wait."""
    billed: bool | None = None
    """Whether such an attempt is billed, by `source`; None: by the general list of refusals."""
    source: str = ""

    def matches(
        self,
        status: int | None,
        code: str | None,
        type: str | None,
        param: str | None,
        message: str,
        *,
        waits: bool = False,
    ) -> bool:
        """Whether the line holds for an error with these properties; `waits`: it says how long to wait."""
        return (
            (not self.statuses or status in self.statuses)
            and (waits or not self.waits)
            and (not self.types or type in self.types)
            and (not self.params or param in self.params)
            and self._code_holds(code)
            and self._words_occur(message)
        )

    def _words_occur(self, message: str) -> bool:
        if not self.message_contains:
            return True
        low = message.lower()
        return any(words in low for words in self.message_contains)

    def _code_holds(self, code: str | None) -> bool:
        if not self.codes and not self.code_prefixes:
            return True
        return code is not None and (code in self.codes or code.startswith(self.code_prefixes))


@dataclass(frozen=True, slots=True)
class Model:
    """One model as a provider sells it."""

    id: str
    """The id that is sent."""
    quirks: Quirks = field(repr=False, hash=False)
    """The provider's quirks with the model's own over them."""
    bounds: Bounds = field(repr=False)
    """The provider's bounds with the model's own over them."""
    default_output_tokens: int
    """Output limit sent where neither caller nor route gives one."""
    aliases: tuple[str, ...] = ()
    context_tokens: int | None = None
    """Most input and output tokens together; None: unknown."""
    max_input_tokens: int | None = None
    """Most input tokens, where the vendor limits them by themselves."""
    max_output_tokens: int | None = None
    """Most output tokens; None: unknown."""
    abilities: frozenset[str] = frozenset({"streaming"})
    """Words: streaming, tools, vision, json_schema, json_object, audio, files, n; and reasoning."""
    reasoning: str = "never"
    """`never`, `optional` or `always`."""
    status: str = "current"
    """`current`, `deprecated` or `retired`."""
    retires_on: dt.date | None = None
    listed: bool = True
    """False: stands for an id that no file names; sizes and abilities are a guess."""
    rows: tuple[PriceRow, ...] = field(default=(), repr=False)
    """Prices by date; empty: no known price, which is not free."""
    source: str = ""
    checked: dt.date | None = None
    note: str = ""
    dialect: str | None = None
    """Wire language in which it is asked; None: the provider's."""
    unpriced: str = ""
    """Why the prices of the provider's file do not count, where there are some."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One vendor or self-hosted server."""

    id: str
    name: str
    dialect: str
    """Wire language of the models that name no other."""
    base_url: str
    """Address that the dialect's path is appended to, without a slash at its end: the first variable of
    `base_url_env` that was set, else the user's, the region's or the provider's own; empty: every user has one
    of their own, and nobody has said it."""
    currency: str
    region: str | None = None
    """Region in use, which picks the price rows; None: the provider has no regions."""
    regions: Mapping[str, Region] = field(default_factory=dict, repr=False, hash=False)
    auth: Auth = field(default_factory=Auth)
    plans: Mapping[str, Plan] = field(default_factory=dict, repr=False, hash=False)
    """Subscriptions that the vendor sells, by id."""
    plan: str | None = None
    """The one in use, named by the user or told by the address; None: pay as you go."""
    checks_keys: bool = True
    """Whether the shape of a key is looked at: not where the address is none of the vendor's."""
    base_url_env: tuple[str, ...] = ()
    base_path: str = ""
    """Appended to an address that the user or the environment gives, unless it ends so."""
    docs: str = ""
    status: str = "documented"
    verified_on: dt.date | None = None
    source: str = ""
    checked: dt.date | None = None
    note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    request_id_headers: tuple[str, ...] = ("x-request-id",)
    retry_after_headers: tuple[str, ...] = ("retry-after-ms", "retry-after")
    rate_reset_headers: tuple[str, ...] = ()
    quirks: Quirks = field(default_factory=Quirks, repr=False, hash=False)
    bounds: Bounds = field(default_factory=Bounds, repr=False)
    errors: tuple[ErrorRule, ...] = field(default=(), repr=False)
    clocks: Mapping[str, Clock] = field(default_factory=dict, repr=False, hash=False)
    models: Mapping[str, Model] = field(default_factory=dict, repr=False, hash=False)
    """By id, in the order of the file; `*` is left out."""
    names: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Aliases to ids."""
    any_model: Model | None = field(default=None, repr=False)
    """Stands for every id that is not listed; None: only listed models are sold."""
    endpoint_prefixes: tuple[str, ...] = ()
    """Beginnings of ids that name a user's own deployment and hide which model runs there; `""`: any id may."""
    endpoints: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """The user's own deployment ids (`ep-…`) to the ids of the models behind them."""
    origin: str = "catalog"
    """`catalog`, or the user's file that defines or changes the provider."""

    @property
    def accepts_any_model(self) -> bool:
        """Whether ids that are not listed may be asked for."""
        return self.any_model is not None

    def check_address(self) -> None:
        """Say so where nobody has given the address.

        Raises:
            ConfigError: there is none. Nothing was sent.
        """
        if not self.base_url:
            where = f"base_url in [providers.{self.id}] of minimill.toml"
            raise ConfigError(f"{self.id} needs your address: set {' or '.join((*self.base_url_env, where))}")

    def key_names(self) -> tuple[str, ...]:
        """Variables that may hold the key, in order."""
        region = self.regions.get(self.region or "")
        return (region.key_env if region else ()) or self.auth.env

    def key(self, environ: Mapping[str, str] | None = None) -> str | None:
        """The key, or None where the provider is called without one.

        Raises:
            MissingKeyError: a key is needed and none of its variables is set. Nothing was sent.
            ConfigError: the variable's value can be no key, or none that works here. Nothing was sent.
        """
        if self.auth.scheme == "none":
            return None
        environ = os.environ if environ is None else environ
        names = self.key_names()
        for name in names:
            value = environ.get(name, "").strip()
            if value and not _KEY.fullmatch(value):
                raise ConfigError(
                    f"the value of {name} holds characters that cannot be in a key (spaces, quotes around it, "
                    "letters beyond ASCII); copy the key again"
                )
            if value and (wrong := self._wrong_key(value)):
                raise ConfigError(f"{name} holds {wrong}")
            if value:
                return value
        if self.auth.optional:
            return None
        wanted = " or ".join(names) or "no variable is named: say key_env"
        hint = self.other_key_hint(environ)
        more = f"; {hint}" if hint else ""
        raise MissingKeyError(f"{self.id} needs a key: set the environment variable {wanted}{more}")

    def _wrong_key(self, key: str) -> str | None:
        """What a key is that cannot work here, by its shape; None: it may be right."""
        if not self.checks_keys:
            return None
        if wrong := next((wrong for wrong in self.auth.wrong_keys if wrong.fits(key)), None):
            return wrong.what
        plans = [plan for plan in self.plans.values() if key.startswith(plan.key_prefixes)]
        if not plans or any(plan.id == self.plan for plan in plans):
            return None
        names, ids = " or ".join(plan.name for plan in plans), " or ".join(f'"{plan.id}"' for plan in plans)
        return (
            f"a key of a subscription ({names}), whose calls are not billed by the token: say plan = {ids} under "
            f"[providers.{self.id}] in minimill.toml, and what its calls cost (free = true, or prices of your own); or "
            "set a key that pays by use"
        )

    def other_key_hint(self, environ: Mapping[str, str]) -> str | None:
        """What to tell who has set a variable of another kind of key; None: there is none."""
        other = next((name for name in self.auth.other_env if environ.get(name, "").strip()), None)
        return f"{other} is set, but {self.auth.other_keys}" if other else None

    def key_hint(self, key: str) -> str | None:
        """What to tell who has `key`, where it is of another kind than this vendor's; None: it may be right."""
        begins = self.auth.key_prefix
        return f"the key does not begin with {begins}: {self.auth.other_keys}" if not key.startswith(begins) else None

    def auth_header(self, key: str) -> tuple[str, str]:
        """Name and value of the header that carries `key`, without spaces around it."""
        key = key.strip()
        if self.auth.scheme == "header":
            return self.auth.header, key
        return "authorization", f"Bearer {key}"

    def error_rule(
        self,
        status: int | None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        message: str = "",
        *,
        waits: bool = False,
    ) -> ErrorRule | None:
        """The first line of the error table that holds, or None."""
        told = (status, code, type, param, message)
        return next((rule for rule in self.errors if rule.matches(*told, waits=waits)), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """One model of one provider: what a name such as `doubao:doubao-seed-2-1-pro-260915` stands for."""

    provider: Provider
    model: Model
    wire_model: str
    """The id to send: the model's, or the user's endpoint id."""

    @property
    def name(self) -> str:
        """`provider:model`, with the id that is sent."""
        return f"{self.provider.id}:{self.wire_model}"

    @property
    def rows(self) -> tuple[PriceRow, ...]:
        """The model's prices."""
        return self.model.rows

    @property
    def dialect(self) -> str:
        """Name of the wire language: the model's own, else the provider's."""
        return self.model.dialect or self.provider.dialect

    @property
    def quirks(self) -> Quirks:
        """The model's quirks, over the provider's."""
        return self.model.quirks

    @property
    def bounds(self) -> Bounds:
        """The model's bounds, over the provider's."""
        return self.model.bounds

    @property
    def clocks(self) -> Mapping[str, Clock]:
        """The provider's clocks, which price tiers name."""
        return self.provider.clocks

    @property
    def region(self) -> str | None:
        """The region in use."""
        return self.provider.region

    @property
    def unpriced(self) -> str:
        """Why no price that is known holds at this address or in this region, and what to write; empty: one may."""
        elsewhere = {name for row in self.rows for name in row.regions}
        anywhere = any(not row.regions for row in self.rows)
        if self.model.unpriced or not elsewhere or anywhere or self.region in elsewhere:
            return self.model.unpriced
        known = " or ".join(f'"{name}"' for name in self.provider.regions if name in elsewhere)
        return (
            f'no price of it is known in the region "{self.region}", only in {known}: set region = {known} under '
            f"[providers.{self.provider.id}], which has keys and prices of its own, or give a price of your own"
        )

    def is_ordinary_tier(self, word: str | None) -> bool:
        """Whether a word names the service tier that price rows leave out."""
        priced = any(tier.service_tier == word for row in self.rows for tier in row.tiers)
        return word in self.quirks.default_service_tiers and not priced

    def charge(
        self,
        usage: Usage,
        at: dt.datetime,
        *,
        service_tier: str | None = None,
        thinking: bool | None = None,
        explicit_cache: bool = False,
    ) -> Charge:
        """What `usage` cost, or will cost, for a call made and answered at the instant `at`.

        Nothing is sent and nothing is booked. What is not known takes the dearer reading, named in the
        charge's `assumptions`.

        Args:
            usage: The counts; a part that is None is unknown.
            at: An instant, aware; past prices are kept.
            service_tier: The service tier that answered; None: the ordinary one.
            thinking: Whether the answer was made with thinking; None: as `usage` tells, else the dearer.
            explicit_cache: Whether the request carried cache marks.

        Raises:
            UnpricedModelError: the price is unknown, which is not zero; the text says why.
        """
        situation = Situation(
            at,
            at,
            region=self.region,
            service_tier=service_tier,
            thinking=thinking,
            explicit_cache=explicit_cache,
        )
        try:
            return _charge(usage, self.rows, situation, self.clocks)
        except UnpricedModelError:
            if self.unpriced:
                raise UnpricedModelError(self.unpriced) from None
            raise

    def storage_charge(self, tokens: int, begin: dt.datetime, end: dt.datetime) -> StorageCharge:
        """What it costs to keep `tokens` in an explicit cache from `begin` to `end`, in hours begun.

        Vendors bill it outside of calls, so that no ceiling, bill or book of minimill contains it.

        Raises:
            UnpricedModelError: its price is unknown, which is not zero; the text says why.
            ValueError: `end` lies before `begin`, or there are fewer than no tokens.
        """
        try:
            return storage_cost(tokens, self.rows, begin, end, region=self.region)
        except PriceUnknown as unknown:
            raise UnpricedModelError(unknown.reason) from None


def _charge(
    usage: Usage, rows: tuple[PriceRow, ...], situation: Situation, clocks: Mapping[str, Clock]
) -> Charge:
    try:
        return cost(usage, rows, situation, clocks=clocks)
    except PriceUnknown as unknown:
        raise UnpricedModelError(unknown.reason) from None
