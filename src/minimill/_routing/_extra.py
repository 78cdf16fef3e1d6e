"""What fields of a vendor's own (`extra`, `extra_body`) can do to the price of a call.

A field is harmless, has a share in the ceiling, or leaves the call without one. What is not known is not harmless.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from minimill._chat import ChatRequest, Reasoning
from minimill._pricing import RequestSize
from minimill._routing._size import wide_bytes
from minimill.catalog import Offer
from minimill.catalog._quirks import HARMLESS_FIELDS, THINKING_FIELDS

_OWN_TOOLS = frozenset({None, "function", "custom"})
"""Types of tools that are sent as they are and that the application runs."""
_MARKS = frozenset({"cachecontrol", "promptcachebreakpoint"})
_SHORT = frozenset({None, "5m", "30m", "in_memory", "in-memory"})
"""Lifetimes of a cache at the price of a short write."""
LONGER_TIME = "1h"
_LONG = frozenset({LONGER_TIME, "12h"})
_LIFETIMES = frozenset({"promptcacheoptions.ttl", "promptcacheretention"})
_HELD = THINKING_FIELDS | {"service_tier"}
"""In `extra_body` these only turn thinking off, or name the ordinary tier: that is checked when the file is read."""


class Extra(NamedTuple):
    """What the vendor's own fields come to."""

    unbounded: str | None = None
    """Why nothing bounds the call, in words; None: something does."""
    unknown: int = 0
    """Parts of which nothing is known but that they fit the model's window."""
    tools: int = 0
    """Tools beside those of the request."""
    sent_bytes: int = 0
    """Of the fields that are always sent, which the request does not count."""
    explicit_cache: bool = False
    long_cache: bool = False

    def added(self, size: RequestSize) -> RequestSize:
        """The size of the request with what the fields bring in."""
        if not (self.unknown or self.tools or self.sent_bytes):
            return size
        return replace(
            size,
            unknown=size.unknown + self.unknown,
            tools=size.tools + self.tools,
            tool_bytes=size.tool_bytes + self.sent_bytes,
        )


NOTHING = Extra()


def read_extra(offer: Offer, request: ChatRequest) -> Extra:
    """Tell what the fields of a request, and those that are always sent, can do to its price."""
    always = offer.quirks.extra_body
    if not always and not request.extra:
        return NOTHING
    fields = {**always, **request.extra}
    tools = _list(fields.get("tools"))
    marks = list(_marks(fields))
    lifetimes = [*marks, *_lifetimes(fields)]
    return Extra(
        unbounded=_unbounded(offer, request, fields, tools, lifetimes),
        unknown=_stored(offer, request, fields) + sum(_is_client_tool(offer, tool) for tool in tools),
        tools=len(tools),
        sent_bytes=sum(_text_bytes(value) for name, value in always.items() if name not in _HELD),
        explicit_cache=bool(marks),
        long_cache=any(lifetime in _LONG for lifetime in lifetimes),
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else []


def _text_bytes(value: Any) -> int:
    """What may be read of a value: of a switch or a number nothing."""
    text = isinstance(value, (str, Mapping, list, tuple))
    return wide_bytes(json.dumps(value, ensure_ascii=False, default=str)) if text else 0


def _kind(tool: Any) -> Any:
    return tool.get("type") if isinstance(tool, Mapping) else None


def _is_client_tool(offer: Offer, tool: Any) -> bool:
    kind = _kind(tool)
    return isinstance(kind, str) and kind.startswith(offer.quirks.client_tools or ("\0",))


def _unbounded(
    offer: Offer, request: ChatRequest, fields: Mapping[str, Any], tools: Sequence[Any], lifetimes: Sequence[Any]
) -> str | None:
    known = offer.quirks.server_tools
    if not known:
        return None
    named = [name for name, value in fields.items() if value not in (None, False)]
    kinds = [str(kind) for kind in map(_kind, tools) if kind is not None]
    runs = next((name for name in (*kinds, *named) if name.startswith(known)), None)
    if runs is None:
        runs = next((str(_kind(tool)) for tool in tools if not _is_ours(offer, tool)), None)
    if runs is not None:
        return f"nothing bounds what {runs} reads, which the vendor runs itself"
    if any(not has_price(offer, lifetime) for lifetime in lifetimes):
        return "no price is known for a cache that is kept so long; name another lifetime"
    strange = next(_strange(offer, request, named), None)
    if strange is None:
        return None
    return (
        f"nothing bounds what the field {strange} can cost; leave it out, or list it in "
        f"providers.{offer.provider.id}.quirks.harmless_fields if you know that it costs nothing"
    )


def _is_ours(offer: Offer, tool: Any) -> bool:
    kind = _kind(tool)
    return (kind is None or isinstance(kind, str)) and (kind in _OWN_TOOLS or _is_client_tool(offer, tool))


def has_price(offer: Offer, lifetime: Any) -> bool:
    """Whether the model's rows say what a cache costs that is kept so long."""
    if lifetime is None or (isinstance(lifetime, str) and lifetime in _SHORT):
        return True
    if all(row.cache_writes == "none" for row in offer.rows):
        return True  # nothing is charged for writing, however long it is kept
    rates = [rates for row in offer.rows for rates in (row.rates, *(tier.rates for tier in row.tiers))]
    return lifetime in _LONG and any(rate.cache_write_long_per_mtok is not None for rate in rates)


def _strange(offer: Offer, request: ChatRequest, named: Sequence[str]) -> Iterator[str]:
    """The fields of which nobody knows that they are harmless."""
    quirks = offer.quirks
    harmless = HARMLESS_FIELDS | {_plain(name) for name in (*quirks.harmless_fields, *quirks.stored_input)}
    for name in named:
        if name in request.extra:
            yield from _strange_in(request.extra[name], name, harmless)
        elif name not in _HELD:
            yield from _strange_in(quirks.extra_body[name], name, harmless)


def _strange_in(value: Any, name: str, harmless: frozenset[str]) -> Iterator[str]:
    plain = _plain(name)
    if plain == "generationconfig.responsemodalities" and value == ["TEXT"]:
        return
    if plain in harmless or name == "tools" or plain in _LIFETIMES or plain.rpartition(".")[2] in _MARKS:
        return
    if isinstance(value, Mapping) and any(known.startswith(f"{plain}.") for known in (*harmless, *_LIFETIMES)):
        for inner, below in value.items():
            yield from _strange_in(below, f"{name}.{inner}", harmless)
        return
    yield name


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _lifetimes(fields: Mapping[str, Any]) -> Iterator[Any]:
    """How long caches shall be kept that the vendor makes by itself."""
    for name, value in fields.items():
        if _plain(name) == "promptcacheretention":
            yield value
        elif _plain(name) == "promptcacheoptions" and isinstance(value, Mapping):
            yield from (below for inner, below in value.items() if _plain(str(inner)) == "ttl")


def _marks(value: Any) -> Iterator[Any]:
    """The lifetimes of every cache mark inside the fields, such as one on a tool."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            if _plain(str(name)) in _MARKS and below not in (None, False):
                yield below.get("ttl") if isinstance(below, Mapping) else None
            yield from _marks(below)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _marks(item)


def _stored(offer: Offer, request: ChatRequest, fields: Mapping[str, Any]) -> int:
    """How many fields bring in input that the vendor keeps: named by its quirks, or thoughts it has stored."""
    names = {_plain(name) for name in offer.quirks.stored_input}
    kept = sum(_plain(name) in names for name, value in fields.items() if value is not None)
    thoughts = fields.get("store") is True and any(
        isinstance(part, Reasoning) for message in request.messages for part in message.parts
    )
    return kept + thoughts
