"""Books and configurations made by hand, with figures that are easy to check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import anyio

from minimill.ledger import AttemptMeta, AttemptRecord, BudgetDefinition, Claim, open_ledger

START = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)

BUCKETS = [
    {"name": "input", "count": 20, "price": "2", "nanos": "40000"},
    {"name": "cached_input", "count": 10, "price": "0.25", "nanos": "2500"},
    {"name": "output", "count": 12, "price": "8.0001", "nanos": "96001.2"},
]
PRICE_ROW = {
    "currency": "CNY",
    "since": "2026-01-01T00:00:00+08:00",
    "source": "https://glm.example/prices",
    "checked": "2026-11-20",
    "certainty": "vendor",
    "origin": "catalog",
    "free": False,
}
CEILING = {
    "input_tokens": 100,
    "output_tokens": 50,
    "buckets": [
        {"name": "input", "count": 100, "price": "2", "nanos": "200000"},
        {"name": "output", "count": 50, "price": "8.0001", "nanos": "400005"},
    ],
    "row": PRICE_ROW,
    "assumptions": ["text: at most 1 tokens a byte of UTF-8, 20 bytes"],
}
EXPLAINED = {
    "buckets": BUCKETS,
    "row": PRICE_ROW,
    "conditions": ["input > 10"],
    "assumptions": [],
    "ceiling": CEILING,
    "rates": ["1 USD = 7 CNY on 2026-11-01 (a bank) + 2 %, 22 days old"],
}
"""An arithmetic whose sum, 138501.2 nanos, rounds up to 138502."""


def record(
    attempt: str,
    provider: str,
    model: str,
    hours: float,
    *,
    app: str | None = None,
    route: str | None = None,
    tags: Mapping[str, str] | None = None,
    **fields: Any,
) -> AttemptRecord:
    """One attempt that started so many hours after `START` and took half a second."""
    at = START + dt.timedelta(hours=hours)
    meta = AttemptMeta(attempt.partition("-")[0], provider, model, app, route, tags or {})
    status, certainty = fields.pop("status", "ok"), fields.pop("certainty", "exact")
    return AttemptRecord(attempt, meta, at, at + dt.timedelta(seconds=0.5), status, certainty, **fields)


def records() -> list[AttemptRecord]:
    """Four calls, five attempts: refused, exact, estimated, held, unpriced."""
    helpdesk = {"app": "helpdesk", "route": "default", "tags": {"user": "42"}}
    counts = {"input_tokens": 30, "cached_input_tokens": 10, "output_tokens": 12, "reasoning_tokens": 0}
    return [
        record("c1-1", "qwen", "q1", 0, **helpdesk, status="RateLimitedError", certainty="released",
               currency="CNY", reserved_nanos=700_000, charged_nanos=0, http_status=429),
        record("c1-2", "glm", "g1", 0.001, **helpdesk, currency="CNY", reserved_nanos=600_005,
               charged_nanos=138_502, **counts, first_token_s=0.25, finish_reason="stop", request_id="req-7",
               http_status=200, details=EXPLAINED),
        record("c2-1", "openai", "o1", 10, app="batch", certainty="estimated", currency="USD",
               reserved_nanos=9_000_000, charged_nanos=3_000_000, input_tokens=1_100, output_tokens=50),
        record("c3-1", "glm", "g1", 23, app="batch", status="TransportError", certainty="held", currency="CNY",
               reserved_nanos=10_000_000, charged_nanos=10_000_000),
        record("c4-1", "vllm", "own", 24, certainty="unpriced", input_tokens=5, output_tokens=7),
    ]  # fmt: skip


def fill(url: str) -> None:
    """Write the records, and hold the money of `c3-1` in a budget of 0.05 CNY."""
    anyio.run(_fill, url)


async def _fill(url: str) -> None:
    ledger = open_ledger(url, clock=lambda: (START + dt.timedelta(hours=23)).timestamp())
    await ledger.declare([BudgetDefinition("all", 50_000_000, "CNY")])
    for told in records():
        if told.certainty == "held":
            claims = [Claim("all", "", told.charged_nanos)]
            await ledger.reserve(told.attempt_id, claims, told.meta, expires_at=told.started_at)
            ledger.keep(told.attempt_id, told)
        else:
            ledger.settle(told.attempt_id, {}, told)
    await ledger.aclose()


def today() -> str:
    """The date, as prices are checked today."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def provider(name: str, base_url: str, currency: str, input_price: str, output_price: str) -> str:
    """A provider of one model `m`, as TOML."""
    return f"""
[providers.{name}]
dialect = "openai_chat"
base_url = "{base_url}"
key_env = "ACME_API_KEY"
currency = "{currency}"
bounds = {{ per_request_tokens = 3, per_message_tokens = 4 }}

[[providers.{name}.models]]
id = "m"
context_tokens = 8_000
max_output_tokens = 2_000
abilities = ["streaming", "tools"]

[[providers.{name}.models.prices]]
since = 2024-01-01T00:00:00Z
currency = "{currency}"
input_per_mtok = {input_price}
output_per_mtok = {output_price}
source = "https://{name}.example/prices"
checked = {today()}
"""


def config(*tables: str) -> str:
    """A route `default` over `acme:m`, a budget of 1 CNY, books beside the file."""
    head = """
ledger = "sqlite:///books.db"

[routes.default]
models = ["acme:m"]
max_output_tokens = 50
retries = 0

[budgets.all]
limit = "1 CNY"
"""
    return head + "".join(tables)
