"""What a hard cap says to fields of Gemini's own that bring in input which the request does not hold."""

from typing import Any

import pytest

import minimill

pytestmark = pytest.mark.anyio
MODEL = "gemini:gemini-3.8-flash"
WINDOW = 1_048_576 * 750 + 100 * 3_750
"""A whole window of input and 100 tokens of output, in nanos, at the price until 2027."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "sim-key")


async def planned(**options: Any) -> Any:
    async with minimill.Client({"ledger": "memory:"}) as client:
        (candidate,) = client.plan("hi", model=MODEL, max_output_tokens=100, **options).candidates
        return candidate


@pytest.mark.parametrize("name", ["cachedContent", "cached_content"])
async def test_a_cache_may_fill_the_window(name: str) -> None:
    """Nobody here knows how big it is; the vendor takes no more than the window."""
    assert (await planned(extra={name: "cachedContents/x"})).ceiling.money.nanos >= WINDOW
    assert (await planned()).ceiling.money.nanos < 1_000_000


async def test_the_vendors_own_tools_have_no_ceiling() -> None:
    """They search and read as often as they like; under a hard cap they are refused before sending."""
    candidate = await planned(extra={"tools": [{"googleSearch": {}}]})
    assert candidate.ceiling is None
    assert candidate.unpriced == "nothing bounds what tools reads, which the vendor runs itself"
    config = {"ledger": "memory:", "budgets": {"all": {"limit": "1 USD"}}}
    async with minimill.Client(config) as client:
        with pytest.raises(minimill.UnpricedModelError):
            await client.chat("hi", model=MODEL, extra={"tools": [{"googleSearch": {}}]})


async def test_a_picture_has_a_bound_from_the_third_generation_on() -> None:
    """2,240 tokens; of older models the window."""
    async with minimill.Client({"ledger": "memory:"}) as client:
        ask = minimill.user([minimill.Image(data=b"x")])
        plan = client.plan([ask], model=[MODEL, "gemini:gemini-2.5-flash-lite"], max_output_tokens=100)
    new, old = sorted(plan.candidates, key=lambda candidate: candidate.name, reverse=True)
    assert new.ceiling.input_tokens == 2_240 + 64 + 16
    assert old.ceiling.input_tokens == 1_048_576
