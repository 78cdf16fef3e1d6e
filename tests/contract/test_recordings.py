"""Real exchanges, read by the dialect and by a few lines of this file that know nothing of it.

`MINIMILL_RECORDINGS` names a folder of `*.openai-chat.jsonl`, one exchange a line.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import (
    AuthenticationError,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
)
from minimill.catalog import Catalog, Quirks
from minimill.dialects import Target, WireResponse, get_dialect

FOLDER = os.environ.get("MINIMILL_RECORDINGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="MINIMILL_RECORDINGS names no folder of recordings")

DIALECT = get_dialect("openai_chat")
PROVIDERS = {"llamacpp": "llamacpp", "qwen-dashscope": "qwen"}
REFUSED = (InvalidRequestError, AuthenticationError, QuotaExhaustedError, PermissionDeniedError)
STATUS_CLASSES: dict[int, tuple[type[ProviderError], ...]] = {
    400: REFUSED,
    401: (AuthenticationError, ModelNotFoundError),
    402: (QuotaExhaustedError,),
    403: REFUSED,
    404: (ModelNotFoundError,),
    429: (RateLimitedError, QuotaExhaustedError, OverloadedError, PermissionDeniedError),
    500: (ServerError, OverloadedError),
    503: (OverloadedError, ServerError),
}
"""Classes that fit a status; every other 4xx is a refusal, every other 5xx a failure of the server."""
FINISH = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
CHUNKS = (1, 7, 64, 1021, 1 << 20)


def rows() -> Iterator[Any]:
    for file in sorted(Path(FOLDER or ".").glob("*.openai-chat.jsonl") if FOLDER else ()):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            name = file.name.removesuffix(".openai-chat.jsonl")
            yield pytest.param(name, row, id=f"{name}:{row['id']}")


def is_chat(row: Any) -> bool:
    request = row.get("request") or {}
    path = request.get("path")
    body = row["response"]["body"] or ""
    return (path is None or path.endswith("/chat/completions")) and '"choices"' in body


def is_stream(row: Any) -> bool:
    return "data:" in row["response"]["body"][:2000] and not row["response"]["body"].lstrip().startswith("{")


ALL = list(rows())
CHATS = [p for p in ALL if p.values[1]["response"]["status"] < 300 and is_chat(p.values[1])]
PLAIN = [p for p in CHATS if not is_stream(p.values[1])]
STREAMS = [p for p in CHATS if is_stream(p.values[1])]
FAILURES = [p for p in ALL if p.values[1]["response"]["status"] >= 300]


def target_of(name: str) -> Target:
    catalog = Catalog()
    provider_id = PROVIDERS.get(name, name)
    if provider_id not in catalog.provider_ids():
        return Target(name, "recorded", Quirks())
    provider = catalog.provider(provider_id)
    return Target(name, "recorded", provider.quirks, provider.errors, provider.request_id_headers)


def wire(row: Any) -> WireResponse:
    response = row["response"]
    headers = {key.lower(): str(value) for key, value in (response.get("headers") or {}).items()}
    return WireResponse(response["status"], headers, response["body"].encode())


def text_in(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


def thinking_in(message: Any) -> str:
    for field in ("reasoning_content", "reasoning"):
        if message.get(field):
            return str(message[field])
    if isinstance(message.get("content"), list):
        return "".join(text_in(part.get("thinking")) for part in message["content"])
    return ""


def calls_in(calls: Any) -> list[tuple[str, str]]:
    return [(call["function"]["name"], call["function"]["arguments"] or "") for call in calls or ()]


def check_usage(answer: Answer, raw: Any, target: Target) -> None:
    """Totals and the usual parts are as the vendor wrote them."""
    if raw is None or (target.quirks.usage_counts_one_choice and len(answer.choices) > 1):
        assert answer.usage is None
        return
    assert answer.usage is not None
    assert answer.usage.input_tokens == raw["prompt_tokens"]
    assert answer.usage.output_tokens == raw["completion_tokens"]
    parts = raw.get("prompt_tokens_details") or {}
    cached, written = parts.get("cached_tokens"), parts.get("cache_write_tokens") or 0
    if cached is not None:
        assert answer.usage.cached_input_tokens == cached
    assert bool(answer.usage.oddities) is ((cached or 0) + written > raw["prompt_tokens"])
    thought = (raw.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if thought is not None and target.quirks.reasoning_tokens_paths:
        assert answer.usage.reasoning_tokens == thought


@pytest.mark.parametrize(("name", "row"), PLAIN)
def test_plain(name: str, row: Any) -> None:
    """Text, thinking, tool calls, finish reason and usage are those of the raw JSON."""
    target = target_of(name)
    raw = json.loads(row["response"]["body"])
    answer = DIALECT.decode(wire(row), target)
    assert (answer.id, answer.model) == (raw.get("id"), raw.get("model"))
    assert len(answer.choices) == len(raw["choices"])
    for choice, told in zip(answer.choices, raw["choices"], strict=True):
        message = told["message"]
        assert choice.message.text == text_in(message.get("content"))
        assert choice.message.reasoning == thinking_in(message)
        calls = [(call.name, call.arguments) for call in choice.message.tool_calls]
        assert calls == calls_in(message.get("tool_calls"))
        assert [call.id for call in choice.message.tool_calls if not call.id] == []
        assert choice.finish_reason_raw == told.get("finish_reason")
        expected = FINISH.get(told.get("finish_reason"), choice.finish_reason)
        assert choice.finish_reason in (expected, FinishReason.TOOL_CALLS if calls else expected)
    check_usage(answer, raw.get("usage"), target)


def chunks_of(body: str) -> list[Any]:
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def joined(chunks: list[Any]) -> dict[int, dict[str, Any]]:
    """Every choice of a stream, put together by index."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for told in chunk.get("choices") or ():
            index = told.get("index", 0)
            choice = choices.setdefault(index, {"text": "", "thinking": "", "calls": {}, "finish": None})
            delta = told.get("delta") or {}
            choice["text"] += text_in(delta.get("content"))
            choice["thinking"] += thinking_in(delta)
            choice["finish"] = choice["finish"] or told.get("finish_reason")
            for call in delta.get("tool_calls") or ():
                known = choice["calls"].setdefault(call.get("index", len(choice["calls"])), ["", ""])
                known[0] = known[0] or call["function"].get("name") or ""
                known[1] += call["function"].get("arguments") or ""
    return choices


def last_usage(chunks: list[Any]) -> Any:
    found = None
    for chunk in chunks:
        timings = chunk.get("timings")
        inner = [choice.get("usage") for choice in chunk.get("choices") or ()]
        if chunk.get("usage") or any(inner):
            found = chunk.get("usage") or next(filter(None, inner))
        elif timings and not found:
            prompt = timings["prompt_n"] + timings.get("cache_n", 0)
            found = {"prompt_tokens": prompt, "completion_tokens": timings["predicted_n"]}
    return found


def feed(row: Any, target: Target, size: int) -> tuple[list[Any], Answer | ProviderError]:
    body = wire(row).body
    decoder = DIALECT.stream_decoder(target, wire(row).headers)
    events: list[Any] = []
    try:
        for start in range(0, len(body), size):
            events += decoder.feed(body[start : start + size])
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        return events, error


@pytest.mark.parametrize(("name", "row"), STREAMS)
def test_stream(name: str, row: Any) -> None:
    """A stream gives what its chunks hold when put together by hand, at every chunk size alike."""
    target = target_of(name)
    chunks = chunks_of(row["response"]["body"])
    told = joined(chunks)
    first, answer = feed(row, target, CHUNKS[-1])
    for size in CHUNKS[:-1]:
        events, again = feed(row, target, size)
        assert events == first
        assert again == answer or str(again) == str(answer)
    if any(chunk.get("error") for chunk in chunks):
        assert isinstance(answer, ProviderError)
        assert answer.status == 200
        return
    if any(choice["finish"] is None for choice in told.values()):
        assert isinstance(answer, ProviderError)
        assert getattr(answer, "kind", "") == "cut"
        return
    assert isinstance(answer, Answer)
    check_answer(answer, told, first)
    check_usage(answer, last_usage(chunks), target)
    reported = [event.usage for event in first if isinstance(event, UsageReported)]
    assert reported[-1:] == ([answer.usage] if answer.usage else [])


def check_answer(answer: Answer, told: dict[int, dict[str, Any]], events: list[Any]) -> None:
    assert [choice.index for choice in answer.choices] == sorted(told)
    for choice in answer.choices:
        expected = told[choice.index]
        own = [event for event in events if getattr(event, "index", None) == choice.index]
        texts = [event.text for event in own if isinstance(event, TextDelta)]
        thoughts = [event.text for event in own if isinstance(event, ReasoningDelta)]
        calls = [[call.name, call.arguments] for call in choice.message.tool_calls]
        assert "".join(texts) == choice.message.text == expected["text"]
        assert "".join(thoughts) == choice.message.reasoning == expected["thinking"]
        assert calls == list(expected["calls"].values())
        assert choice.finish_reason_raw == expected["finish"]
        reason = FINISH.get(expected["finish"], choice.finish_reason)
        assert reason in (choice.finish_reason, FinishReason.STOP)
        assert len([event for event in own if isinstance(event, Finished)]) == 1
        ids = [event.id for event in own if isinstance(event, ToolCallDelta) and event.id]
        assert ids == [call.id for call in choice.message.tool_calls]


@pytest.mark.parametrize(("name", "row"), FAILURES)
def test_failure(name: str, row: Any) -> None:
    """Every refusal is a typed error with its status, in the class that the status asks for."""
    target = target_of(name)
    error = DIALECT.decode_error(wire(row), target)
    assert error.status == row["response"]["status"]
    assert error.provider == name
    failed = (ServerError, OverloadedError)
    assert isinstance(error, STATUS_CLASSES.get(error.status, failed if error.status >= 500 else REFUSED))
    assert len(error.message) < 500
    if "context_too_long" in row["id"]:
        assert isinstance(error, ContextLengthError)


@pytest.mark.parametrize(("name", "row"), PLAIN[::7])
def test_plain_body_in_place_of_a_stream(name: str, row: Any) -> None:
    """A plain body where a stream was asked for gives the same answer, with events."""
    target = target_of(name)
    for size in (64, 1 << 20):
        events, answer = feed(row, target, size)
        assert answer == DIALECT.decode(wire(row), target)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "".join(
            choice.message.text for choice in answer.choices
        )


def test_there_are_recordings() -> None:
    """An empty folder is a mistake, not a success."""
    assert PLAIN
    assert STREAMS
    assert FAILURES
