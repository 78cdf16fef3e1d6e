"""The id of the end user, for every vendor: under its own field, or refused as any other setting."""

import pytest

import minimill
from minimill.catalog import load_provider
from tests.contract.openai_vendors import counts
from tests.contract.vendor_wire import Wire, whole

pytestmark = pytest.mark.anyio

WITHOUT = [
    "baichuan:Baichuan4-Turbo", "hunyuan:hy4", "minimax:MiniMax-M3", "mistral:mistral-small-2603", "ollama:qwen3",
    "qwen:qwen3.7-max", "sambanova:DeepSeek-V3.1", "siliconflow:zai-org/GLM-4.6", "stepfun:step-3.7-flash",
    "together:moonshotai/Kimi-K3",
]  # fmt: skip
GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
}
OK = whole({"content": "hello"}, counts(10, 5))


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (*WITHOUT, "gemini:", "deepseek:"):
        for name in load_provider(model.partition(":")[0]).auth.env[:1]:
            monkeypatch.setenv(name, "key")


@pytest.mark.parametrize("model", [*WITHOUT, "gemini:gemini-3.5-flash"])
async def test_a_vendor_without_a_field_for_it(model: str) -> None:
    """Nothing is sent; or, where the caller lets it go, the call without it, whose attempt names it."""
    wire = Wire(GEMINI if model.startswith("gemini") else OK)
    async with wire.client() as client:
        with pytest.raises(minimill.InvalidRequestError, match="does not take user at all"):
            await client.chat("hi", model=model, user="u-17", max_output_tokens=50)
        assert wire.asked == []
        reply = await client.chat("hi", model=model, user="u-17", max_output_tokens=50, drop_refused=True)
    assert (reply.text, reply.attempts[0].dropped) == ("hello", ("user",))
    assert b"u-17" not in wire.asked[0].content


async def test_a_vendor_with_one() -> None:
    """Under the vendor's name."""
    wire = Wire(OK)
    async with wire.client() as client:
        reply = await client.chat("hi", model="deepseek:deepseek-flash", user="u-17", max_output_tokens=50)
    assert (wire.body()["user_id"], reply.attempts[0].dropped) == ("u-17", ())
