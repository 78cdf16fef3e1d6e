"""`Client`: what applications hold. It prepares calls; `_call` runs them, `_engine` makes the attempts."""

from __future__ import annotations

import datetime as dt
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from minimill._chat import ChatRequest, MessagesLike
from minimill._client._budgets import Budgets, Debit
from minimill._client._call import BUSY_S, Call, Terms
from minimill._client._context import Labels, checked, current
from minimill._client._engine import STALE_S, Engine
from minimill._client._ids import new_call_id
from minimill._client._live import Live
from minimill._client._offers import Offers
from minimill._client._options import ChatOptions, as_money, make_request, normalised
from minimill._client._stream import ChatStream
from minimill._client._teller import Teller
from minimill._client._thresholds import ThresholdReached, Watch
from minimill._config import Route, Settings, Timeouts, load_settings
from minimill._errors import BudgetExceededError, ConfigError, LedgerError
from minimill._money import Money
from minimill._plugins import load_provider_file
from minimill._report import Reply
from minimill._retry import RetryPolicy
from minimill._routing import Candidate, Experience, Health, Plan, Wishes, make_plan, measure
from minimill._transport import Endpoint, Transport
from minimill.ledger import Balance, HoldInfo, Ledger, SpendRow, open_ledger

if TYPE_CHECKING:
    import httpx
    import httpx2

log = logging.getLogger("minimill")

ADOPT_S = 2.0
"""How soon budgets that other processes declare bind this one."""

TOLD_S = 5.0
"""How long closing waits until reached thresholds were told."""
LEARN_DAYS, LEARN_RECORDS = 30, 500
"""How far back, and from how many attempts, a new client learns what calls use."""


class Client:
    """Chat over many vendors: the cheapest first, never above a budget, every call with its bill.

    One client serves any number of concurrent calls, on asyncio or trio. Use it in an `async with` block,
    or call `aclose`. It holds no keys: they are read from the environment when a call is sent.

    Args:
        config: A path, a mapping in the shape of `minimill.toml`, or loaded `Settings`; left out: the file
            named by MINIMILL_CONFIG, `minimill.toml` in the working folder or the user's configuration
            folder, or no configuration at all.
        app: Who the calls are for, unless a call says otherwise.
        tags: More about who they are for.
        ledger: A ledger URL or object instead of the configured one. An object is not closed.
        http_client, http_transport: Your own httpx objects instead of the default. They are not closed.
        on_threshold: Called, in a thread of its own, when a budget is first used up to one of its
            `thresholds` in a window; of all processes on the ledger one calls it. No call waits for it.

    Raises:
        ConfigError: the configuration is wrong; the text names file, key and what was expected.
        TypeError: `on_threshold` is a coroutine function.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any] | Settings | None = None,
        *,
        app: str | None = None,
        tags: Mapping[str, str] | None = None,
        ledger: str | Ledger | None = None,
        http_client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        http_transport: httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport | None = None,
        on_threshold: Callable[[ThresholdReached], object] | None = None,
    ) -> None:
        if inspect.iscoroutinefunction(on_threshold):
            raise TypeError("on_threshold is a plain function: it is called in a thread that has no event loop")
        self.settings = (
            config if isinstance(config, Settings) else load_settings(config, finder=load_provider_file)
        )
        self._labels = Labels(app if app is not None else self.settings.app, checked(tags))
        self._pickled = (self.settings, app, dict(tags or {}), ledger, on_threshold)
        self._injected = http_client is not None or http_transport is not None
        self._own_ledger = ledger is None or isinstance(ledger, str)
        if isinstance(ledger, (str, type(None))):
            self._ledger = open_ledger(ledger if ledger is not None else self.settings.ledger)
        else:
            self._ledger = ledger
        settings = self.settings
        budgets = Budgets(
            settings.budgets, settings.exchange, require=settings.require_budget, aliases=settings.aliases
        )
        endpoints = {
            name: Endpoint("", connection.proxy, connection.ca_file)
            for name, connection in settings.connections.items()
        }
        self._offers = Offers(settings)
        transport = Transport(client=http_client, transport=http_transport, backend=settings.http)
        self._experience = Experience()
        self._teller = Teller(self._ledger, on_threshold)
        self._watch = Watch(settings.thresholds, settings.budgets, self._teller)
        self._engine = Engine(
            self._ledger, transport, budgets, self._offers.dialects, endpoints, self._experience, self._watch
        )
        self._health = Health()
        self._declared = self._learned = False
        self._adopted = 0.0
        self._made_at = dt.datetime.now(dt.UTC)
        self._usual: dict[int, tuple[Route, tuple[Terms, Wishes]]] = {}
        self._locks: RunVar[anyio.Lock] = RunVar("minimill_declare")
        self._pid = os.getpid()

    def __reduce__(self) -> tuple[Any, ...]:
        settings, app, tags, ledger, on_threshold = self._pickled
        if self._injected or not self._own_ledger:
            raise TypeError("a client with your own ledger or httpx object cannot be pickled")
        return _unpickled, (settings, app, tags, ledger, on_threshold)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close this event loop's connections, write what is still to be written, and close the ledger.

        Raises:
            LedgerError: something could not be written; its hold stands.
        """
        await self._engine.transport.aclose()
        try:
            if not self._teller.idle:
                await anyio.to_thread.run_sync(self._teller.wait, TOLD_S, abandon_on_cancel=True)
        finally:
            if self._own_ledger:
                await self._ledger.aclose()
            else:
                await self._ledger.flush()

    async def chat(self, messages: MessagesLike, **options: Unpack[ChatOptions]) -> Reply:
        """Send a chat and return the whole answer with its bill.

        Args:
            messages: Text, a `Message`, or a list of messages or `{"role": …, "content": …}` mappings.
            **options: See `ChatOptions`.

        Raises:
            BudgetExceededError, AboveThresholdError, UnpricedModelError: money refuses every candidate. Nothing
                was sent.
            LedgerError: the books cannot be written. Nothing more was sent.
            ProviderError: the only candidate failed, or the request would fail everywhere. `billed` and
                `cost` say what it is charged.
            AllAttemptsFailedError: no candidate could serve the call; it holds every attempt.
            ConfigError: an unknown model or route, or a missing key. Nothing was sent.
            ValueError, TypeError: an option or a message makes no sense. Nothing was sent.
        """
        call = await self._prepared(messages, options, stream=False)
        return await call.run(self._engine.plain)

    def stream(self, messages: MessagesLike, **options: Unpack[ChatOptions]) -> ChatStream:
        """Stream a chat: `async with client.stream(…) as stream: async for event in stream: …`.

        Nothing is sent before the block is entered; entering raises what `chat` raises.
        """

        async def opened() -> Live:
            call = await self._prepared(messages, options, stream=True)
            return await call.run(self._engine.streamed)

        return ChatStream(opened)

    def plan(self, messages: MessagesLike, **options: Unpack[ChatOptions]) -> Plan:
        """What a call would do: candidates in order, expected cost and ceiling, and why others are left out.

        Nothing is sent and nothing is reserved. It goes by what this client has learned, of costs and of budgets
        that narrow the choice: see `learn`. Raises as `chat` before sending.
        """
        given = normalised(options)
        request, route = make_request(messages, given), self._route(given)
        labels, budgets = self._labels_of(given), self._engine.budgets

        def debits(candidate: Candidate) -> tuple[Debit, ...]:
            try:
                return budgets.debits(candidate.offer, labels, route.name)
            except BudgetExceededError:  # none covers it, which narrows nothing
                return ()

        return self._watch.narrowed(self._plan(request, route, given, stream=False, shown=True), debits, budgets)

    async def learn(self) -> None:
        """Take from the books what earlier calls used, and how far budgets are used up that narrow the choice.

        Call this before `plan`. Calls learn what calls use by themselves, the first time they have to choose between
        models; repeating it reads the budgets again. Books that cannot be read are logged, and the usual averages
        hold.
        """
        await self._learn()
        for name in self._watch.narrowing:
            try:
                for balance in await self._ledger.balances(name):
                    self._watch.saw(balance)
            except LedgerError as error:
                log.info("how far budget %r is used up was not learned: %s", name, error)

    async def _learn(self) -> None:
        if self._learned:
            return
        self._learned = True  # calls that come meanwhile do not wait for an estimate
        since = self._made_at - dt.timedelta(days=LEARN_DAYS)
        try:
            for row in await self._ledger.records(since=since, until=self._made_at, last=LEARN_RECORDS):
                self._experience.note(row.record)
        except LedgerError as error:
            log.warning("nothing was learned from the books: %s", error)

    async def balance(self, budget: str | None = None) -> list[Balance]:
        """What the current window of each budget account holds; of one budget, or of all.

        Raises:
            LedgerError: the books cannot be read, or there is no such budget.
        """
        await self._ready()
        return await self._ledger.balances(budget)

    async def holds(self) -> list[HoldInfo]:
        """Every open hold, oldest first. Those marked `unconfirmed` wait for a correction."""
        await self._ready()
        return await self._ledger.holds()

    async def spend(self, *, call_id: str | None = None) -> list[SpendRow]:
        """The books' records of attempts, in order of time; of one call, or of all."""
        await self._ready()
        await self._ledger.flush()
        return await self._ledger.records(call_id=call_id)

    async def correct(self, attempt: str, amount: Money | str, *, reason: str) -> None:
        """Book what an attempt really cost, found out from the vendor, in place of its hold.

        Args:
            attempt: An attempt id, or the id of a call of which one attempt is held.
            amount: The truth, in the vendor's currency; `0` of it for "was not billed".
            reason: Kept in the books.

        Raises:
            LedgerError: no such attempt, or several attempts of the call are held.
            ConfigError: a budget has another currency and no exchange rate is known.
        """
        from minimill._client._correct import correct

        await self._ready()
        await correct(self._ledger, self._engine.budgets, attempt, as_money(amount, "amount"), reason)

    async def set_limit(self, budget: str, limit: Money | str) -> None:
        """Change a budget's limit for every process, up or down.

        Raises:
            LedgerError: there is no such budget.
            ValueError: the limit is in another currency.
        """
        await self._ready()
        money = as_money(limit, "limit")
        currencies = {known.currency for known in self.settings.budgets if known.name == budget}
        currencies |= {balance.currency for balance in await self._ledger.balances(budget)}
        if currencies - {money.currency}:
            raise ValueError(f"budget {budget!r} is in {', '.join(currencies)}, not {money.currency}")
        await self._ledger.set_limit(budget, money.nanos)

    # --- preparing a call ---

    async def _prepared(self, messages: MessagesLike, options: Mapping[str, Any], *, stream: bool) -> Call:
        self._check_process()
        options = normalised(options)
        request = make_request(messages, options)
        route = self._route(options)
        if not self._declared:
            await self._ready()
        elif monotonic() - self._adopted >= ADOPT_S:
            await self._adopt()
        if not self._learned and len(route.models) > 1:
            await self._learn()
        plan = self._plan(request, route, options, stream=stream, shown=False)
        terms, _ = self._agreed(route, options)
        return Call(new_call_id(), self._labels_of(options), terms, plan, self._health)

    def _labels_of(self, options: Mapping[str, Any]) -> Labels:
        here = current()
        return self._labels.under(here.app, here.tags).under(options.get("app"), options.get("tags"))

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(
                "this client was made in another process; a forked child makes its own, so that nothing is spent twice"
            )

    async def _ready(self) -> None:
        self._check_process()
        if self._declared:
            return
        lock = self._locks.get(None)
        if lock is None:
            lock = anyio.Lock(fast_acquire=True)
            self._locks.set(lock)
        async with lock:
            if not self._declared:
                for difference in await self._ledger.declare(self.settings.budgets):
                    log.warning("%s", difference)
                await self._adopt()
                self._declared = True

    async def _adopt(self) -> None:
        """Obey the budgets that others have declared in the same ledger meanwhile."""
        self._adopted = monotonic()  # calls that come meanwhile do not ask again
        self._engine.budgets.adopt(await self._ledger.budgets())

    def _route(self, options: Mapping[str, Any]) -> Route:
        return self._offers.route(options.get("model"), options.get("route"))

    def _plan(
        self, request: ChatRequest, route: Route, options: Mapping[str, Any], *, stream: bool, shown: bool
    ) -> Plan:
        _, wishes = self._agreed(route, options)
        if route.drop_refused and options.get("drop_refused") is None:
            request = replace(request, drop_refused=True)
        offers = self._offers.of(route)
        return make_plan(
            offers,
            request,
            measure(request),
            wishes,
            self._health,
            self._experience,
            self._comparable,
            stream=stream,
            shown=shown,
        )

    def _comparable(self, amount: Money, currency: str) -> Decimal | None:
        if amount.currency == currency:
            return Decimal(amount.nanos)
        today = dt.datetime.now(dt.UTC).date()
        try:
            return Decimal(self.settings.exchange.convert(amount, currency, on=today).money.nanos)
        except ConfigError:
            return None

    def _agreed(self, route: Route, options: Mapping[str, Any]) -> tuple[Terms, Wishes]:
        """What a route and the options of a call say together; kept for calls that leave it to the route."""
        if not _OWN_TERMS.isdisjoint(options):
            return _agreed(route, options)
        known = self._usual.get(id(route))
        if known is None or known[0] is not route:
            if len(self._usual) >= _MOST_USUAL:
                self._usual.clear()
            known = self._usual[id(route)] = route, _agreed(route, {})
        return known[1]


_OWN_TERMS = frozenset({"timeouts", "max_attempts", "max_cost", "deadline_s", "wait_s"})
_MOST_USUAL = 256


def _agreed(route: Route, options: Mapping[str, Any]) -> tuple[Terms, Wishes]:
    timeouts: Timeouts = options.get("timeouts") or route.timeouts
    wait_s = _either(options.get("wait_s"), route.wait_s) or 0.0
    max_cost = options.get("max_cost")
    terms = Terms(
        route=route.name,
        timeouts=timeouts,
        retry=RetryPolicy(retries=route.retries),
        max_attempts=_either(options.get("max_attempts"), route.max_attempts),
        max_cost=as_money(max_cost, "max_cost") if max_cost is not None else route.max_cost,
        deadline_s=_either(options.get("deadline_s"), route.deadline_s),
        wait_s=wait_s,
        min_output_tokens=route.min_output_tokens,
        filtered_goes_on=route.on_content_filter == "next",
    )
    wishes = Wishes(
        route=route.name,
        order=route.order,
        requires=route.requires,
        max_output_tokens=route.max_output_tokens,
        accept_unsure_prices=route.accept_unsure_prices,
        lasts_s=_longest_s(timeouts, wait_s),
    )
    return terms, wishes


def _longest_s(times: Timeouts, wait_s: float) -> float:
    """How long after planning an answer can still end: waiting for money, for a vendor's turn, and the attempt."""
    return STALE_S + BUSY_S + wait_s + times.first_token_s + times.total_s


def _either(call: Any, route: Any) -> Any:
    return route if call is None else call


def _unpickled(
    settings: Settings,
    app: str | None,
    tags: dict[str, str],
    ledger: str | None,
    on_threshold: Callable[[ThresholdReached], object] | None,
) -> Client:
    return Client(settings, app=app, tags=tags, ledger=ledger, on_threshold=on_threshold)
