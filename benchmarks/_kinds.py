"""One way of asking a vendor each: minimill, the transport under it, and what people use instead.

Each is an async context manager that gives an `Asker`. Only what is asked for is imported, since this runs in
the environments of others, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

MODEL = "gpt-5.4-mini"
LIMIT = 200
KEY = "sk-loopback"
PATIENCE_S = 120.0
BOOKS = "books.db"


async def _nothing() -> None:
    pass


@dataclass
class Asker:
    """How one kind asks."""

    call: Callable[[], Awaitable[None]]
    """One call, answered and read."""
    stream: Callable[[Callable[[], None]], Awaitable[int]]
    """One stream, read to its end; tells when the first words are there and returns how many bytes or events came."""
    settled: Callable[[], Awaitable[None]] = _nothing
    """Wait until the books are written."""
    client: Any = None


def messages(chars: int) -> list[dict[str, str]]:
    """A short question, or a conversation of forty messages with so many characters."""
    if chars <= 100:
        return [{"role": "user", "content": "Why is the sky blue?"}]
    text = ("Rayleigh scattering goes with the fourth power of the frequency. " * (chars // 40 // 65 + 1))[
        : chars // 40
    ]
    return [{"role": "user" if number % 2 else "assistant", "content": text} for number in range(1, 40)] + [
        {"role": "user", "content": text}
    ]


def body(chars: int, *, stream: bool) -> dict[str, Any]:
    """The request as a vendor wants it."""
    asked: dict[str, Any] = {"model": MODEL, "messages": messages(chars), "max_completion_tokens": LIMIT}
    return {**asked, "stream": True, "stream_options": {"include_usage": True}} if stream else asked


@asynccontextmanager
async def minimill_memory(address: str, chars: int) -> AsyncIterator[Asker]:
    """Cap, books in memory, record."""
    async with _minimill(address, chars, "memory:") as asker:
        yield asker


@asynccontextmanager
async def minimill_sqlite(address: str, chars: int) -> AsyncIterator[Asker]:
    """Cap, books in a SQLite file of the working folder, record."""
    _forget(BOOKS)
    async with _minimill(address, chars, f"sqlite:///{BOOKS}") as asker:
        yield asker


def _forget(books: str) -> None:
    """Remove a SQLite file with its companions."""
    for path in Path.cwd().glob(f"{books}*"):
        path.unlink()


def config(address: str, ledger: str, http: str = "default") -> dict[str, Any]:
    """A configuration with one candidate and one cap that is never reached."""
    return {
        "ledger": ledger,
        "http": http,
        "providers": {"openai": {"base_url": address, "dialect": "openai_chat"}},  # as the others are measured
        "routes": {"default": {"models": [f"openai:{MODEL}"]}},
        "budgets": {"all": {"limit": "1000000 USD"}},
    }


@asynccontextmanager
async def _minimill(address: str, chars: int, ledger: str, http: str = "default") -> AsyncIterator[Asker]:
    import minimill

    os.environ["OPENAI_API_KEY"] = KEY
    asked: Any = messages(chars)
    async with minimill.Client(config(address, ledger, http)) as client:

        async def call() -> None:
            reply = await client.chat(asked, max_output_tokens=LIMIT)
            assert reply.text

        async def stream(first: Callable[[], None]) -> int:
            events = 0
            async with client.stream(asked, max_output_tokens=LIMIT) as streamed:
                async for _ in streamed:
                    if not events:
                        first()
                    events += 1
            assert streamed.reply.text
            return events

        yield Asker(call, stream, client._ledger.flush, client)


def minimill_aiohttp(address: str, chars: int) -> AbstractAsyncContextManager[Asker]:
    """minimill with books in memory, `http = "aiohttp"`."""
    return _minimill(address, chars, "memory:", "aiohttp")


def minimill_httpx2(address: str, chars: int) -> AbstractAsyncContextManager[Asker]:
    """minimill with books in memory, `http = "httpx2"`."""
    return _minimill(address, chars, "memory:", "httpx2")


@asynccontextmanager
async def transport(address: str, chars: int) -> AsyncIterator[Asker]:
    """minimill's own transport alone: the bytes of a request that is ready, and the bytes of its answer."""
    from minimill._transport import Endpoint, Exchange, Limits, Progress, Transport

    over = Transport()
    endpoint, url = Endpoint(address), address + "/chat/completions"
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {KEY}")]
    plain = json.dumps(body(chars, stream=False)).encode()
    streamed = json.dumps(body(chars, stream=True)).encode()

    async def send(data: bytes) -> Exchange:
        now = monotonic()
        limits = Limits(10.0, now + PATIENCE_S, PATIENCE_S, now + PATIENCE_S)
        return await over.send(endpoint, url, headers, data, limits=limits, progress=Progress())

    async def call() -> None:
        exchange = await send(plain)
        assert await exchange.read_all()
        await exchange.aclose()

    async def stream(first: Callable[[], None]) -> int:
        exchange = await send(streamed)
        got = len(await exchange.read())
        first()
        while data := await exchange.read():
            got += len(data)
        await exchange.aclose()
        return got

    try:
        yield Asker(call, stream)
    finally:
        await over.aclose()


@asynccontextmanager
async def httpx(address: str, chars: int) -> AsyncIterator[Asker]:
    """httpx alone, its limits lifted."""
    import httpx as http

    url, headers = address + "/chat/completions", {"Authorization": f"Bearer {KEY}"}
    plain, streamed = body(chars, stream=False), body(chars, stream=True)
    limits = http.Limits(max_connections=None, max_keepalive_connections=None)
    async with http.AsyncClient(timeout=PATIENCE_S, limits=limits, trust_env=False) as client:

        async def call() -> None:
            reply = await client.post(url, json=plain, headers=headers)
            assert reply.json()["choices"]

        async def stream(first: Callable[[], None]) -> int:
            got = 0
            async with client.stream("POST", url, json=streamed, headers=headers) as reply:
                async for data in reply.aiter_bytes():
                    if not got:
                        first()
                    got += len(data)
            return got

        yield Asker(call, stream)


@asynccontextmanager
async def aiohttp(address: str, chars: int) -> AsyncIterator[Asker]:
    """aiohttp alone, its limits lifted."""
    import aiohttp as http

    url, headers = address + "/chat/completions", {"Authorization": f"Bearer {KEY}"}
    plain, streamed = body(chars, stream=False), body(chars, stream=True)
    connector = http.TCPConnector(limit=0)
    async with http.ClientSession(connector=connector, timeout=http.ClientTimeout(PATIENCE_S)) as session:

        async def call() -> None:
            async with session.post(url, json=plain, headers=headers) as reply:
                assert (await reply.json())["choices"]

        async def stream(first: Callable[[], None]) -> int:
            got = 0
            async with session.post(url, json=streamed, headers=headers) as reply:
                async for data in reply.content.iter_any():
                    if not got:
                        first()
                    got += len(data)
            return got

        yield Asker(call, stream)


@asynccontextmanager
async def openai(address: str, chars: int) -> AsyncIterator[Asker]:
    """The openai package, as it comes."""
    from openai import AsyncOpenAI

    asked: Any = messages(chars)
    async with AsyncOpenAI(base_url=address, api_key=KEY, max_retries=0, timeout=PATIENCE_S) as client:
        create: Any = client.chat.completions.create

        async def call() -> None:
            reply = await create(model=MODEL, messages=asked, max_completion_tokens=LIMIT)
            assert reply.choices[0].message.content

        async def stream(first: Callable[[], None]) -> int:
            events = 0
            options = {"include_usage": True}
            async for _ in await create(
                model=MODEL, messages=asked, max_completion_tokens=LIMIT, stream=True, stream_options=options
            ):
                if not events:
                    first()
                events += 1
            return events

        yield Asker(call, stream)


@asynccontextmanager
async def litellm(address: str, chars: int) -> AsyncIterator[Asker]:
    """LiteLLM's acompletion, with its price table from the package and not from the network."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as lite

    asked: Any = messages(chars)
    given = {"model": f"openai/{MODEL}", "api_base": address, "api_key": KEY, "max_completion_tokens": LIMIT}
    given |= {"num_retries": 0, "timeout": PATIENCE_S}

    async def call() -> None:
        reply = await lite.acompletion(messages=asked, **given)
        assert reply.choices[0].message.content

    async def stream(first: Callable[[], None]) -> int:
        events = 0
        options = {"include_usage": True}
        async for _ in await lite.acompletion(messages=asked, stream=True, stream_options=options, **given):
            if not events:
                first()
            events += 1
        return events

    yield Asker(call, stream)


KINDS = {
    "minimill, memory": minimill_memory,
    "minimill, SQLite": minimill_sqlite,
    "minimill over aiohttp": minimill_aiohttp,
    "minimill over httpx2": minimill_httpx2,
    "bare transport": transport,
    "httpx": httpx,
    "aiohttp": aiohttp,
    "openai": openai,
    "LiteLLM": litellm,
}
"""In the order of the tables."""
