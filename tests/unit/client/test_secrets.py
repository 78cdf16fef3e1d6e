"""A key of one's own choosing does not come back in an error, wherever the vendor repeats it."""

from __future__ import annotations

import pickle

import pytest

import minimill
from minimill.testing import Fault, Simulator

from . import acme

pytestmark = pytest.mark.anyio
KEY = "team-password-2026"


@pytest.mark.parametrize("shape", ["chat", "stream"])
async def test_a_key_that_the_vendor_repeats(monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    """In the message, the code, the body and the request id, also in the books."""
    body = f'{{"error": {{"message": "no such key: {KEY}", "code": "bad-{KEY}", "type": "auth"}}, "id": "{KEY}"}}'
    with Simulator(["openai"], key=KEY) as sim:
        config = acme.config(sim, budgets=acme.cap(1))
        monkeypatch.setenv("ACME_API_KEY", KEY)
        sim.always("openai", Fault.status(401, body=body))
        async with minimill.Client(config) as client:
            with pytest.raises(minimill.AuthenticationError) as caught:
                if shape == "chat":
                    await client.chat("hello", model="acme:m")
                else:
                    async with client.stream("hello", model="acme:m"):
                        pass
            error = caught.value
            assert "no such key: ***" in str(error)
            assert error.code == "bad-***"
            everything = [str(error), repr(error), repr(error.attempts), repr(vars(error)), repr(await client.spend())]
            assert not [text for text in everything if KEY in text]
            assert KEY.encode() not in pickle.dumps(error)
