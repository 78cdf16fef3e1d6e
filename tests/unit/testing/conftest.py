"""A simulator for each test, and a client that knows its key."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from minimill.testing import Simulator


class Caller:
    """Sends chat requests to one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = httpx.Client(
            headers={"Authorization": "Bearer sim-key"}, timeout=5, trust_env=False, verify=False
        )

    def url(self, vendor: str) -> str:
        return self.sim.base_url(vendor) + "/chat/completions"

    def body(self, text: str = "hello", **fields: Any) -> dict[str, Any]:
        return {"model": "m-1", "messages": [{"role": "user", "content": text}], **fields}

    def post(self, vendor: str, text: str = "hello", **fields: Any) -> httpx.Response:
        return self.http.post(self.url(vendor), json=self.body(text, **fields))

    def reply(self, vendor: str, text: str = "hello", **fields: Any) -> dict[str, Any]:
        response = self.post(vendor, text, **fields)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def chunks(self, vendor: str, text: str = "hello", **fields: Any) -> list[dict[str, Any]]:
        response = self.post(vendor, text, stream=True, **fields)
        assert response.status_code == 200, response.text
        lines = [line for line in response.text.split("\n") if line]
        assert lines[-1] == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as started:
        yield started


@pytest.fixture
def call(sim: Simulator) -> Iterator[Caller]:
    caller = Caller(sim)
    with caller.http:
        yield caller
