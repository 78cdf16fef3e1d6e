"""From vendor to vendor: who is asked next, what the failed attempts cost, and when it stops."""

import time

import httpx
import pytest

import minimill
from minimill.testing import Fault, Simulator

from . import acme

pytestmark = pytest.mark.anyio


def two(sim: Simulator, **more: object) -> dict[str, object]:
    """`first` (served by qwen) before `second` (served by glm), in one route."""
    vendors = {"first": acme.provider(sim, "qwen"), "second": acme.provider(sim, "glm", times=2)}
    route = {"models": ["first:m", "second:m"], "order": "listed", "max_output_tokens": 50, **more}
    return acme.config(sim, vendors, routes={"default": route}, budgets=acme.cap(1))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_refusal_in_the_vendors_words_is_not_billed(sim: Simulator, status: int) -> None:
    """The next vendor answers; the refused attempts are released."""
    sim.always("qwen", Fault.status(status))
    async with minimill.Client(two(sim)) as client:
        reply = await client.chat("hello")
        assert reply.provider == "second"
        assert {attempt.certainty for attempt in reply.attempts[:-1]} == {"released"}
        assert all(
            attempt.error is not None and attempt.error.status == status for attempt in reply.attempts[:-1]
        )
        settled, held = await acme.spent(client)
        assert (settled, held) == (reply.attempts[-1].charged.nanos, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.html_502(),
        Fault.close_before_reply(),
        Fault.close_before_reply(reset=True),
        Fault.garbage("text"),
        Fault.garbage("json"),
        Fault.cut_after(0),
        Fault.cut_after(2),
    ],
    ids=lambda fault: fault.name,
)
async def test_what_nobody_can_tell_keeps_its_hold(sim: Simulator, fault: Fault) -> None:
    """The next vendor answers; the failed attempt stays charged at its ceiling."""
    sim.always("qwen", fault)
    async with minimill.Client(two(sim, retries=0)) as client:
        reply = await client.chat("hello")
        assert [attempt.certainty for attempt in reply.attempts] == ["held", "exact"]
        assert reply.cost.certainty == "held"
        settled, held = await acme.spent(client)
        assert held == acme.ceiling("hello")
        assert settled + held >= sim.bill(acme.price)


async def test_a_dead_server_costs_nothing(sim: Simulator) -> None:
    """No connection, no bytes, no money; the next vendor answers."""
    config = two(sim)
    config["providers"]["first"]["base_url"] = "http://127.0.0.1:1/v1"  # type: ignore[index]
    async with minimill.Client(config) as client:
        reply = await client.chat("hello")
        assert reply.provider == "second"
        assert {attempt.certainty for attempt in reply.attempts[:-1]} == {"released"}
        assert isinstance(reply.attempts[0].error, minimill.TransportError)
        assert reply.attempts[0].error.kind == "connect"


async def test_a_silent_vendor_is_left_after_the_first_token_limit(sim: Simulator) -> None:
    """Its hold stands, the vendor cools down, and the next call does not wait for it."""
    sim.always("qwen", Fault.silent())
    config = two(sim, timeouts={"first_token_s": 0.05})
    async with minimill.Client(config) as client:
        reply = await client.chat("hello")
        assert [attempt.certainty for attempt in reply.attempts] == ["held", "exact"]
        assert reply.attempts[0].error.kind == "first_token_timeout"  # type: ignore[union-attr]
        again = await client.chat("hello")
        assert [attempt.provider for attempt in again.attempts] == ["second"]
        (left,) = client.plan("hello").left_out
        assert (left.name, left.reason) == ("first:m", "cooling down after TransportError")


async def test_signs_of_life_are_no_answer(sim: Simulator) -> None:
    """Keep-alive comments do not put off the first-token limit for ever."""
    sim.always("qwen", Fault.keepalive_comments(1000, 0.01))
    async with minimill.Client(two(sim, timeouts={"first_token_s": 0.05})) as client:
        async with client.stream("hello") as stream:
            reply = await stream.collect()
    assert reply.provider == "second"


async def test_an_invalid_request_stops_the_call(sim: Simulator) -> None:
    """The same request fails everywhere: no second vendor is asked, the error comes alone."""
    sim.always("qwen", Fault.status(400))
    async with minimill.Client(two(sim)) as client:
        with pytest.raises(minimill.InvalidRequestError) as caught:
            await client.chat("hello")
        assert len(sim.calls) == 1
        assert caught.value.attempts[0].certainty == "released"
        assert await acme.spent(client) == (0, 0)


async def test_a_stream_falls_back_before_its_first_token(sim: Simulator) -> None:
    """The caller sees only the second vendor's events."""
    sim.always("qwen", Fault.error_in_stream(0))
    async with minimill.Client(two(sim, retries=0)) as client:
        async with client.stream("hello") as stream:
            reply = await stream.collect()
    assert reply.provider == "second"
    assert [attempt.provider for attempt in reply.attempts] == ["first", "second"]


async def test_a_stream_that_breaks_raises_with_what_arrived(sim: Simulator) -> None:
    """After the first token the error comes out, with the partial answer and its charge."""
    sim.always("qwen", Fault.cut_after(2))
    async with minimill.Client(two(sim)) as client:
        pieces = []
        with pytest.raises(minimill.TransportError) as caught:
            async with client.stream("hello") as stream:
                async for event in stream:
                    if isinstance(event, minimill.TextDelta):
                        pieces.append(event.text)
        error = caught.value
        assert error.kind == "cut"
        assert error.partial.choices[0].message.text == "".join(pieces) != ""
        assert error.cost.total == minimill.Money(acme.ceiling("hello"), "CNY")
        assert await acme.spent(client) == (0, acme.ceiling("hello"))


async def test_every_vendor_failing_tells_all(sim: Simulator) -> None:
    """One error with each attempt, and the spend so far."""
    sim.always("qwen", Fault.status(503))
    sim.always("glm", Fault.html_502())
    async with minimill.Client(two(sim, retries=0)) as client:
        with pytest.raises(minimill.AllAttemptsFailedError) as caught:
            await client.chat("hello")
    error = caught.value
    assert [type(e).__name__ for e in error.errors] == ["OverloadedError", "ServerError"]
    assert [attempt.certainty for attempt in error.attempts] == ["released", "held"]
    assert error.cost.totals == (minimill.Money(2 * acme.ceiling("hello"), "CNY"),)


async def test_retries_happen_only_where_they_help(sim: Simulator) -> None:
    """A lone vendor's 500 is tried again, each time with a reservation of its own."""
    sim.program("openai", [Fault.status(500)])
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        reply = await client.chat("hello", model="acme:m")
        assert [attempt.certainty for attempt in reply.attempts] == ["released", "exact"]
        assert len({attempt.id for attempt in reply.attempts}) == 2


async def test_max_attempts_counts_them_all(sim: Simulator) -> None:
    """Two attempts and no more, whoever would be next."""
    sim.always("openai", Fault.status(500))
    async with minimill.Client(acme.config(sim)) as client:
        with pytest.raises(minimill.ServerError):
            await client.chat("hello", model="acme:m", max_attempts=2)
    assert len(sim.calls) == 2


async def test_a_deadline_ends_the_call(sim: Simulator) -> None:
    """The whole call is over in time, the hold stands."""
    sim.always("openai", Fault.silent())
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        began = time.monotonic()
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model="acme:m", deadline_s=0.1, max_output_tokens=50)
        assert caught.value.kind == "deadline"
        assert 0.1 <= time.monotonic() - began < 1
        assert await acme.spent(client) == (0, acme.ceiling("hello"))


async def test_retry_after_is_obeyed(sim: Simulator) -> None:
    """A lone vendor that asks for 0.2 s gets 0.2 s."""
    sim.program("openai", [Fault.status(429, retry_after=0.2)])
    async with minimill.Client(acme.config(sim)) as client:
        began = time.monotonic()
        reply = await client.chat("hello", model="acme:m")
    assert time.monotonic() - began >= 0.2
    assert reply.attempts[0].error.retry_after_s == 0.2  # type: ignore[union-attr]


async def test_a_redirect_is_not_followed(sim: Simulator) -> None:
    """The key goes to the configured address only."""
    sim.always("openai", Fault.redirect(sim.base_url("glm") + "/chat/completions"))
    async with minimill.Client(acme.config(sim)) as client:
        with pytest.raises(minimill.ProviderError):
            await client.chat("hello", model="acme:m", max_attempts=1)
    assert [call.vendor for call in sim.calls] == ["openai"]


async def test_a_wrong_key_is_named_without_showing_it(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says authentication; neither text nor repr holds the key."""
    config = acme.config(sim, budgets=acme.cap(1))
    monkeypatch.setenv("ACME_API_KEY", "sk-very-secret-key-123456")
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.AuthenticationError) as caught:
            await client.chat("hello", model="acme:m")
        assert "very-secret" not in f"{caught.value!r} {caught.value} {caught.value.__dict__}"
        assert await acme.spent(client) == (0, 0)


async def test_a_missing_key_sends_nothing(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    config = acme.config(sim)
    config["providers"]["acme"]["auth"] = {"optional": False}
    monkeypatch.delenv("ACME_API_KEY")
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.MissingKeyError, match="ACME_API_KEY"):
            await client.chat("hello", model="acme:m")
    assert sim.calls == ()


async def test_a_broken_stream_is_over(sim: Simulator) -> None:
    """Reading on after its error gives no more events, and no second attempt in the bill."""
    sim.always("openai", Fault.cut_after(2))
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        async with client.stream("hello", model="acme:m", max_output_tokens=50) as stream:
            with pytest.raises(minimill.TransportError):
                await stream.collect()
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            assert [attempt.certainty for attempt in stream.attempts] == ["held"]
        assert await acme.spent(client) == (0, acme.ceiling("hello"))


async def test_what_a_strangers_transport_did_cannot_be_seen(sim: Simulator) -> None:
    """A user's own transport that breaks the rules may have sent the request before: the hold stands."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("a stream was closed twice")

    config = acme.config(sim, budgets=acme.cap(1))
    async with minimill.Client(config, http_transport=httpx.MockTransport(broken)) as client:
        with pytest.raises(minimill.TransportError) as caught:
            await client.chat("hello", model="acme:m", max_output_tokens=50, max_attempts=1)
        assert caught.value.billed is minimill.Billed.UNKNOWN
        assert await acme.spent(client) == (0, acme.ceiling("hello"))
