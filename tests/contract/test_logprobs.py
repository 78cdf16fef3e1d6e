"""Probabilities of tokens: the same types from every wire, plain and streamed.

https://platform.openai.com/docs/api-reference/chat/object and …/responses/object (`output_text.logprobs`);
https://ai.google.dev/api/generate-content#LogprobsResult.
"""

import json
from typing import Any

import pytest

import minimill
from minimill import TokenLogprob
from minimill.dialects._logprobs import gemini_logprobs, openai_logprobs
from tests.contract.openai_vendors import counts
from tests.contract.vendor_wire import Wire, chunk, stream_of, whole

pytestmark = pytest.mark.anyio

FIRST = {
    "token": "Hi", "logprob": -0.25, "bytes": [72, 105],
    "top_logprobs": [
        {"token": "Hi", "logprob": -0.25, "bytes": [72, 105]}, {"token": "Yo", "logprob": -1.5, "bytes": None},
    ],
}  # fmt: skip
SECOND = {"token": "!", "logprob": 0, "bytes": [33], "top_logprobs": []}
TOLD = (
    TokenLogprob("Hi", -0.25, b"Hi", (TokenLogprob("Hi", -0.25, b"Hi"), TokenLogprob("Yo", -1.5))),
    TokenLogprob("!", 0.0, b"!"),
)
CHAT = {"content": [FIRST, SECOND], "refusal": None}
RESPONSE_BEGUN = {"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []}
RESPONSE_ITEM = {
    "type": "message", "id": "i", "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi!", "annotations": [], "logprobs": [FIRST, SECOND]}],
}  # fmt: skip
RESPONSE = {
    **RESPONSE_BEGUN, "status": "completed", "output": [RESPONSE_ITEM],
    "usage": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
}  # fmt: skip
GEMINI_USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
GEMINI_TOLD = tuple(
    TokenLogprob(one.token, one.logprob, None, tuple(TokenLogprob(top.token, top.logprob) for top in one.top))
    for one in TOLD
)


def gemini(*tokens: dict[str, Any], text: str, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    def plain(token: dict[str, Any]) -> dict[str, Any]:
        return {"token": token["token"], "tokenId": 7, "logProbability": token["logprob"]}

    result = {
        "topCandidates": [{"candidates": [plain(top) for top in token["top_logprobs"]]} for token in tokens],
        "chosenCandidates": [plain(token) for token in tokens],
        "logProbabilitySum": -0.25,
    }
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, "logprobsResult": result}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": GEMINI_USAGE, **more}


def chat_chunk(text: str, finish: str | None, **logprobs: Any) -> dict[str, Any]:
    piece = chunk({"content": text}, finish)
    piece["choices"][0]["logprobs"] = logprobs
    return piece


def named(*events: dict[str, Any]) -> bytes:
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()


def delta(text: str, entry: dict[str, Any]) -> dict[str, Any]:
    about = {"item_id": "i", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", **about, "delta": text, "logprobs": [entry]}


CHAT_ANSWER = whole({"content": "Hi!"}, counts(10, 2))
CHAT_ANSWER["choices"][0]["logprobs"] = CHAT
ANSWERS = [
    pytest.param(
        "openai:gpt-4o-mini", CHAT_ANSWER,
        stream_of(
            chat_chunk("Hi", None, content=[FIRST], refusal=None),
            chat_chunk("!", "stop", content=[SECOND], refusal=None),
            {"id": "x", "choices": [], "usage": counts(10, 2)},
        ),
        TOLD, {"content": [FIRST, SECOND]},
        id="chat-completions",
    ),
    pytest.param(
        "openai:gpt-6-luna", RESPONSE,
        named(
            {"type": "response.created", "response": RESPONSE_BEGUN},
            delta("Hi", FIRST), delta("!", SECOND),
            {"type": "response.completed", "response": RESPONSE},
        ),
        TOLD, {"content": [FIRST, SECOND]},
        id="responses",
    ),
    pytest.param(
        "gemini:gemini-2.5-flash", gemini(FIRST, SECOND, text="Hi!"),
        b"".join(
            f"data: {json.dumps(one)}\n\n".encode()
            for one in (gemini(FIRST, text="Hi", finish=None), gemini(SECOND, text="!"))
        ),
        GEMINI_TOLD, gemini(FIRST, SECOND, text="")["candidates"][0]["logprobsResult"],
        id="gemini",
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("GEMINI_API_KEY", "key")


@pytest.mark.parametrize(("model", "body", "stream", "told", "raw"), ANSWERS)
async def test_of_a_plain_answer(model: str, body: Any, stream: bytes, told: Any, raw: Any) -> None:
    """Tokens, bytes where the vendor tells them, and the likeliest in each place; the vendor's own beside them."""
    async with Wire(body).client() as client:
        reply = await client.chat("hi", model=model, max_output_tokens=50)
    assert (reply.text, reply.logprobs) == ("Hi!", told)
    kept = reply.choices[0].logprobs_raw
    assert {**kept, "refusal": None} == {**raw, "refusal": None}


@pytest.mark.parametrize(("model", "body", "stream", "told", "raw"), ANSWERS)
async def test_of_a_streamed_answer(model: str, body: Any, stream: bytes, told: Any, raw: Any) -> None:
    """The pieces are joined, and none is counted twice."""
    wire = Wire(stream, kind="text/event-stream")
    async with wire.client() as client, client.stream("hi", model=model, max_output_tokens=50) as answer:
        _ = [event async for event in answer]
    assert (answer.reply.text, answer.reply.logprobs) == ("Hi!", told)
    assert answer.reply.choices[0].logprobs_raw == raw


async def test_none_where_nobody_asked() -> None:
    async with Wire(whole({"content": "Hi!"}, counts(10, 2))).client() as client:
        reply = await client.chat("hi", model="openai:gpt-4o-mini", max_output_tokens=50)
    assert (reply.logprobs, reply.choices[0].logprobs_raw) == (None, None)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"content": None, "refusal": [SECOND]}, (TokenLogprob("!", 0.0, b"!"),)),
        ({"content": [{"token": "a", "logprob": -9999.0}]}, (TokenLogprob("a", -9999.0),)),
        ({"content": [{"token": "a", "logprob": -1e300}]}, (TokenLogprob("a", float("-inf")),)),
        ({"content": [{"token": "a", "logprob": -1, "bytes": [1, 999]}]}, (TokenLogprob("a", -1.0),)),
        ({"content": [3, {"token": 5, "logprob": 1}, {"token": "a"}, {"token": "a", "logprob": True}]}, None),
        ({"content": []}, None),
        ({"content": "x"}, None),
        ([1], None),
        (None, None),
    ],
)
def test_odd_shapes(raw: Any, told: Any) -> None:
    """What has no token or no number is left out; the vendor's own stays."""
    assert openai_logprobs(raw) == told


@pytest.mark.parametrize(
    "raw",
    [
        {"chosenCandidates": [{"token": "a", "logProbability": -1}]},
        {"chosenCandidates": [{"token": "a", "logProbability": -1}], "topCandidates": [None, 3]},
        {"chosenCandidates": [{"token": "a", "logProbability": -1}], "topCandidates": {"candidates": []}},
    ],
)
def test_odd_shapes_of_gemini(raw: Any) -> None:
    """Others at a step may be missing."""
    assert gemini_logprobs(raw) == (TokenLogprob("a", -1.0),)


def test_a_token_is_a_value() -> None:
    assert minimill.TokenLogprob("a", -1.0) == TokenLogprob("a", -1.0, None, ())
