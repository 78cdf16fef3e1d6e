"""Real exchanges, read by the dialect and by a few lines of this file that know nothing of it.

Those of `openai_chat`.
"""

import json
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
from minimill._errors import ContextLengthError, ProviderError
from minimill.catalog import Catalog
from minimill.dialects import Target, get_dialect
from tests.contract.recordings import (
    CHUNKS,
    NEEDS_RECORDINGS,
    PROVIDERS,
    check_failure,
    chunks_of,
    feed,
    is_stream,
    rows,
    target_of,
    wire,
)

pytestmark = NEEDS_RECORDINGS
DIALECT = get_dialect("openai_chat")
FINISH = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}


def is_chat(row: Any) -> bool:
    request = row.get("request") or {}
    path = request.get("path")
    body = row["response"]["body"] or ""
    return (path is None or path.endswith("/chat/completions")) and '"choices"' in body


ALL = rows("openai-chat")
CHATS = [p for p in ALL if p.values[1]["response"]["status"] < 300 and is_chat(p.values[1])]
PLAIN = [p for p in CHATS if not is_stream(p.values[1])]
STREAMS = [p for p in CHATS if is_stream(p.values[1])]
FAILURES = [p for p in ALL if p.values[1]["response"]["status"] >= 300]


def test_every_vendor_that_is_called_verified_is_replayed() -> None:
    """Plain and streamed; servers of one's own are proved against real ones (`tests/integration`) as well."""
    catalog = Catalog(environ={})
    claimed = {name for name in catalog.provider_ids() if catalog.provider(name).status == "verified"}
    found: dict[str, set[bool]] = {}
    for dialect in ("openai-chat", "anthropic", "gemini"):
        for exchange in rows(dialect):
            name, row = exchange.values
            if row["response"]["status"] == 200:
                found.setdefault(PROVIDERS.get(name, name), set()).add(is_stream(row))
    assert {name for name in claimed if found.get(name) != {False, True}} == set()


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


@pytest.mark.parametrize(("name", "row"), STREAMS)
def test_stream(name: str, row: Any) -> None:
    """A stream gives what its chunks hold when put together by hand, at every chunk size alike."""
    target = target_of(name)
    chunks = chunks_of(row["response"]["body"])
    told = joined(chunks)
    first, answer = feed(DIALECT, row, target, CHUNKS[-1])
    for size in CHUNKS[:-1]:
        events, again = feed(DIALECT, row, target, size)
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
    error = check_failure(DIALECT, name, row)
    if "context_too_long" in row["id"]:
        assert isinstance(error, ContextLengthError)


@pytest.mark.parametrize(("name", "row"), PLAIN[::7])
def test_plain_body_in_place_of_a_stream(name: str, row: Any) -> None:
    """A plain body where a stream was asked for gives the same answer, with events."""
    target = target_of(name)
    for size in (64, 1 << 20):
        events, answer = feed(DIALECT, row, target, size)
        assert answer == DIALECT.decode(wire(row), target)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "".join(
            choice.message.text for choice in answer.choices
        )


def test_there_are_recordings() -> None:
    """An empty folder is a mistake, not a success."""
    assert PLAIN
    assert STREAMS
    assert FAILURES
