"""One attempt: encode, reserve, send, read, settle. The same steps for plain and streamed answers."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import field
from time import monotonic

from minimill import __version__
from minimill._chat import Answer
from minimill._client._budgets import Budgets
from minimill._client._call import Call, Waits
from minimill._client._hops import joined, next_part
from minimill._client._live import Live, reply_of
from minimill._client._secrets import without
from minimill._client._spending import Spending
from minimill._client._thresholds import Watch
from minimill._errors import (
    AboveThresholdError,
    Billed,
    BudgetExceededError,
    InvalidRequestError,
    ProviderError,
    Then,
    UnpricedModelError,
)
from minimill._report import Reply
from minimill._routing import Candidate, Experience
from minimill._transport import Endpoint, Exchange, Headers, Limits, Transport
from minimill._values import dataclass
from minimill.catalog import Offer, Provider
from minimill.dialects import Dialect, Target, WireRequest, WireResponse
from minimill.ledger import AttemptMeta, Balance, Ledger

log = logging.getLogger("minimill")
STALE_S = 30.0
"""After this long into a call a ceiling is worked out anew: prices change by the clock."""
HOLD_GRACE_S = 60.0
"""How long after its last possible answer a hold is labelled unconfirmed."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What never changes about one model of one provider: prepared once."""

    dialect: Dialect
    target: Target
    endpoint: Endpoint
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Got:
    """What one attempt brought."""

    answer: Answer
    spending: Spending
    exchange: Exchange


class Engine:
    """Makes attempts. Holds no state of a call."""

    def __init__(
        self,
        ledger: Ledger,
        transport: Transport,
        budgets: Budgets,
        dialects: Mapping[str, Dialect],
        endpoints: Mapping[str, Endpoint],
        experience: Experience,
        watch: Watch,
    ) -> None:
        self.ledger = ledger
        self.transport = transport
        self.budgets = budgets
        self._dialects = dialects
        self._endpoints = endpoints
        self._experience = experience
        self._watch = watch
        self._sendings: dict[tuple[str, str, str], Sending] = {}
        self._told: set[tuple[str, str]] = set()

    async def plain(self, call: Call, candidate: Candidate, waits: Waits) -> Reply:
        """One attempt whose answer comes whole, and as many more as the vendor breaks it into."""
        got = await self._part(call, candidate, waits)
        parts = [got.answer]
        while call.may_try() and (further := next_part(candidate, parts)) is not None:
            try:
                got = await call.with_retries(further, self._part, call.waits_for_more(), alone=True)
            except (BudgetExceededError, UnpricedModelError, ProviderError) as error:
                log.warning("%s: a long answer ends early: %s", candidate.offer.name, error)
                break  # what has come is paid for: a short answer is better than none
            parts.append(got.answer)
        return reply_of(joined(parts), call, got.spending, got.exchange)

    async def _part(self, call: Call, candidate: Candidate, waits: Waits) -> Got:
        """One attempt, and what one answer of the vendor holds."""
        sending = self._sending(candidate.offer)
        wire = _encoded(sending, candidate, stream=False)
        spending = await self._reserve(call, candidate, waits)
        with spending:
            exchange = await self._send(call, candidate, sending, wire, spending)
            try:
                body = await _read_all(exchange, spending)
            except BaseException as error:
                spending.close_on(error)
                await _closed(exchange, error)
                raise
            response = WireResponse(exchange.status, exchange.headers, body)
            try:
                answer = _decoded(response, sending)
                spending.ended(answer)
            except BaseException as error:
                spending.close_on(error)
                raise
            finally:
                await exchange.aclose()
        return Got(answer, spending, exchange)

    async def streamed(self, call: Call, candidate: Candidate, waits: Waits) -> Live:
        """One attempt up to its first event; the rest is read through the `Live` that comes back."""
        sending = self._sending(candidate.offer)
        spending, exchange = await self._opened(call, candidate, waits)

        async def further(parts: Sequence[Answer]) -> tuple[Spending, Exchange] | None:
            return await self._further(call, candidate, parts)

        live = Live(call, sending, spending, exchange, further)
        try:
            await live.begin()
        except BaseException as error:
            live.close_on(error)
            await _closed(live.exchange, error)
            raise
        return live

    async def _opened(self, call: Call, candidate: Candidate, waits: Waits) -> tuple[Spending, Exchange]:
        """One attempt at a stream, up to the headers of its answer."""
        sending = self._sending(candidate.offer)
        wire = _encoded(sending, candidate, stream=True)
        spending = await self._reserve(call, candidate, waits)
        spending.streams = True
        try:
            return spending, await self._send(call, candidate, sending, wire, spending)
        except BaseException as error:
            spending.close_on(error)
            raise

    async def _accepted(self, call: Call, candidate: Candidate, waits: Waits) -> tuple[Spending, Exchange]:
        """As `_opened`; a refusal is an error already."""
        sending = self._sending(candidate.offer)
        spending, exchange = await self._opened(call, candidate, waits)
        if 200 <= exchange.status < 300:
            return spending, exchange
        try:
            body = await exchange.read_all()
            response = WireResponse(exchange.status, exchange.headers, body)
            raise sending.dialect.decode_error(response, sending.target)
        except BaseException as error:
            spending.close_on(error)
            await _closed(exchange, error)
            raise

    async def _further(
        self, call: Call, candidate: Candidate, parts: Sequence[Answer]
    ) -> tuple[Spending, Exchange] | None:
        """The stream of the next part of a long answer; None where it ends here."""
        further = next_part(candidate, parts) if call.may_try() else None
        if further is None:
            return None
        try:
            return await call.with_retries(further, self._accepted, call.waits_for_more(), alone=True)
        except (BudgetExceededError, UnpricedModelError, ProviderError) as error:
            log.warning("%s: a long answer ends early: %s", candidate.offer.name, error)
            return None

    async def _reserve(self, call: Call, candidate: Candidate, waits: Waits) -> Spending:
        if monotonic() - call.started > STALE_S:
            candidate = candidate.with_limit()
        offer = candidate.offer
        now = dt.datetime.now(dt.UTC)
        debits = self.budgets.debits(offer, call.labels, call.terms.route)
        most = candidate.ceiling.money if candidate.ceiling is not None else None
        if call.terms.max_cost is not None:
            self.budgets.check_max_cost(call.terms.max_cost, call.attempts, candidate, now.date())
        claims, rates = self.budgets.claims(most, candidate.unpriced, debits, offer, now.date())
        meta = AttemptMeta(
            call_id=call.id,
            provider=offer.provider.id,
            model=offer.wire_model,
            app=call.labels.app,
            route=call.terms.route,
            tags=call.labels.tags,
        )
        attempt_id = call.next_attempt_id()
        try:
            balances = await self.ledger.reserve(
                attempt_id,
                claims,
                meta,
                expires_at=now + dt.timedelta(seconds=call.terms.timeouts.total_s + HOLD_GRACE_S),
                wait_until=waits.money,
                wait_silent_until=waits.silent,
                wait_busy_until=waits.busy,
            )
        except BudgetExceededError as error:
            self._watch.refused(error)
            raise
        self._watch.reserved(balances)
        if candidate.request.continuation is None:  # an answer that was begun goes on
            self._check_thresholds(attempt_id, balances, candidate, now.date())
        call.tried += 1
        return Spending(
            id=attempt_id,
            candidate=candidate,
            meta=meta,
            ledger=self.ledger,
            budgets=self.budgets,
            debits=debits,
            rates=rates,
            sink=call.attempts,
            experience=self._experience,
            balances=balances,
            watch=self._watch,
        )

    def _check_thresholds(
        self, attempt_id: str, balances: Sequence[Balance], candidate: Candidate, on: dt.date
    ) -> None:
        try:
            self._watch.check(balances, candidate, self.budgets, on)
        except AboveThresholdError:
            self.ledger.release(attempt_id)
            raise

    async def _send(
        self, call: Call, candidate: Candidate, sending: Sending, wire: WireRequest, spending: Spending
    ) -> Exchange:
        provider = candidate.offer.provider
        headers: Headers = [*sending.headers, *wire.headers]
        key = provider.key()
        if key is not None:
            headers.append(provider.auth_header(key))
            spending.secrets = (key,)
        if wire.dropped:
            spending.dropped = wire.dropped
            self._tell_dropped(candidate.name, wire.dropped)
        exchange = await self.transport.send(
            sending.endpoint,
            sending.endpoint.base_url + wire.path,
            headers,
            wire.body,
            limits=_limits(call),
            progress=spending.progress,
        )
        spending.http_status = exchange.status
        spending.request_id = without(_request_id(provider, exchange.headers), spending.secrets)
        return exchange

    def _tell_dropped(self, name: str, dropped: tuple[str, ...]) -> None:
        """Log what is left out: once for each model and setting."""
        for setting in dropped:
            if (name, setting) not in self._told:
                self._told.add((name, setting))
                log.warning("%s: %s is left out, which it refuses or takes without effect", name, setting)

    def _sending(self, offer: Offer) -> Sending:
        provider = offer.provider
        base_url = provider.base_url.rstrip("/")
        key = (provider.id, offer.wire_model, base_url)
        sending = self._sendings.get(key)
        if sending is None:
            sending = self._sendings[key] = self._prepared(offer, base_url)
        return sending

    def _prepared(self, offer: Offer, base_url: str) -> Sending:
        provider = offer.provider
        target = Target(
            provider.id,
            offer.wire_model,
            offer.quirks,
            errors=provider.errors,
            request_id_headers=provider.request_id_headers,
            retry_after_headers=provider.retry_after_headers,
            rate_reset_headers=provider.rate_reset_headers,
        )
        given = self._endpoints.get(provider.id)
        endpoint = Endpoint(base_url, given.proxy if given else None, given.ca_file if given else None)
        headers = (
            ("content-type", "application/json"),
            ("accept-encoding", "identity"),
            ("user-agent", f"minimill/{__version__}"),
            *provider.headers.items(),
        )
        return Sending(self._dialects[offer.dialect], target, endpoint, headers)


def _encoded(sending: Sending, candidate: Candidate, *, stream: bool) -> WireRequest:
    try:
        return sending.dialect.encode(candidate.request, sending.target, stream=stream)
    except (ValueError, TypeError) as error:
        # For instance a lone surrogate in a text, or an extra that is no JSON value.
        raise InvalidRequestError(
            f"the request cannot be written as JSON: {type(error).__name__}", billed=Billed.NO, then=Then.STOP
        ) from error


def _decoded(response: WireResponse, sending: Sending) -> Answer:
    if 200 <= response.status < 300:
        return sending.dialect.decode(response, sending.target)
    raise sending.dialect.decode_error(response, sending.target)


async def _closed(exchange: Exchange, error: BaseException) -> None:
    """Close after `error`; a coroutine that is being thrown away may not await any more."""
    if isinstance(error, GeneratorExit):
        exchange.abort()
    else:
        await exchange.aclose()


async def _read_all(exchange: Exchange, spending: Spending) -> bytes:
    parts = []
    while data := await exchange.read():
        if not exchange.begun:
            exchange.begun = True
            spending.first_token = monotonic()
        parts.append(data)
    return b"".join(parts)


def _limits(call: Call) -> Limits:
    now = monotonic()
    timeouts = call.terms.timeouts
    total_by, kind = now + timeouts.total_s, "total_timeout"
    if call.deadline is not None and call.deadline < total_by:
        total_by, kind = call.deadline, "deadline"
    return Limits(timeouts.connect_s, now + timeouts.first_token_s, timeouts.between_token_s, total_by, kind)


def _request_id(provider: Provider, headers: Mapping[str, str]) -> str | None:
    return next((headers[name] for name in provider.request_id_headers if name in headers), None)
