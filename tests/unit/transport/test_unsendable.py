"""What cannot be sent is a failed connection that costs nothing, and no traceback shows the headers."""

import traceback
from time import monotonic

import httpx
import pytest

from minimill import TransportError
from minimill._errors import Billed
from minimill._transport import Endpoint, Limits, Progress, Transport
from minimill.testing import Simulator

pytestmark = pytest.mark.anyio


async def failed(url: str, headers: list[tuple[str, str]], transport: Transport) -> TransportError:
    by = monotonic() + 5
    with pytest.raises(TransportError) as caught:
        await transport.send(
            Endpoint(url),
            url,
            headers,
            b"{}",
            limits=Limits(1.0, by, 1.0, by, "total_timeout"),
            progress=Progress(),
        )
    await transport.aclose()
    assert caught.value.billed is Billed.NO
    return caught.value


@pytest.mark.parametrize("url", ["http://[::1", "http://a..b/v1", f"http://{'a' * 64}.b/v1"])
async def test_an_address_that_is_none(url: str) -> None:
    """So that the next candidate is asked."""
    assert (await failed(url, [], Transport())).kind == "connect"


async def test_an_address_that_is_none_through_your_own_client() -> None:
    """It was never handed over."""
    async with httpx.AsyncClient() as client:
        assert (await failed("http://[::1", [], Transport(client=client))).kind == "connect"


@pytest.mark.parametrize("key", ["sk-hidden\u4e2d", "sk-hidden\nx"])
@pytest.mark.parametrize("given", [None, httpx.AsyncHTTPTransport])
async def test_a_header_that_cannot_be_written_is_not_shown(key: str, given: type | None) -> None:
    """Neither by us nor by the libraries below."""
    with Simulator(["openai"]) as sim:
        transport = Transport(transport=given() if given else None)
        error = await failed(sim.base_url("openai"), [("authorization", key)], transport)
    assert "sk-hidden" not in "".join(traceback.format_exception(error))
