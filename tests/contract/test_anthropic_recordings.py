"""Real exchanges of the Messages wire, read by the dialect and by a few lines that know nothing of it.

`MINIMILL_RECORDINGS` names a folder of `*.anthropic.jsonl`, one exchange a line.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    ChatRequest,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from minimill._errors import InvalidRequestError, ModelNotFoundError, ProviderError
from minimill._pricing import Limits, input_bound
from minimill._routing import measure
from minimill.catalog import load_provider
from minimill.dialects import Target, WireResponse, get_dialect
from tests.contract.anthropic_wire import Unsaid, expressed, request_of

FOLDER = os.environ.get("MINIMILL_RECORDINGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="MINIMILL_RECORDINGS names no folder of recordings")

CODEC = get_dialect("anthropic")
CHUNKS = (1, 7, 64, 1021, 1 << 20)
FINISH = {
    "end_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


def rows() -> Iterator[Any]:
    for file in sorted(Path(FOLDER or ".").glob("*.anthropic.jsonl") if FOLDER else ()):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield pytest.param(row, id=row["id"])


ALL = list(rows())
STREAMS = [p for p in ALL if "message_start" in p.values[0]["response"]["body"]]
PLAIN = [p for p in ALL if p.values[0]["response"]["status"] == 200 and p not in STREAMS]
MESSAGES = [p for p in PLAIN if json.loads(p.values[0]["response"]["body"]).get("type") == "message"]
FAILURES = [p for p in ALL if p.values[0]["response"]["status"] != 200]
REQUESTS = [p for p in ALL if (p.values[0]["request"] or {}).get("body")]


def unsaid(param: Any) -> str | None:
    """What of a body our types cannot say; None: all can be said."""
    try:
        request_of(param.values[0]["request"]["body"])
    except Unsaid as reason:
        return str(reason)
    return None


SAID = [p for p in REQUESTS if unsaid(p) is None]


def target(model: str = "recorded") -> Target:
    provider = load_provider("anthropic")
    quirks = provider.models[model].quirks if model in provider.models else provider.quirks
    return Target("anthropic", model, quirks, provider.errors, provider.request_id_headers)


def wire(row: Any) -> WireResponse:
    response = row["response"]
    headers = {key.lower(): str(value) for key, value in (response.get("headers") or {}).items()}
    return WireResponse(response["status"], headers, response["body"].encode())


def check_usage(answer: Answer, raw: Any, model: str) -> None:
    """The whole prompt is the sum of three counts, over the steps that the totals leave out too."""
    steps = raw.get("iterations") or []
    if any(step.get("model") not in (None, model) for step in steps):
        assert answer.usage is None
        return
    parts = [raw, *(step for step in steps if step["type"] == "compaction")]
    prompt = sum(
        part["input_tokens"]
        + (part.get("cache_creation_input_tokens") or 0)
        + (part.get("cache_read_input_tokens") or 0)
        for part in parts
    )
    assert answer.usage is not None
    assert answer.usage.input_tokens == prompt
    assert answer.usage.output_tokens == sum(part["output_tokens"] for part in parts)
    assert (answer.usage.cached_input_tokens or 0) == (raw.get("cache_read_input_tokens") or 0)
    assert (answer.usage.cache_write_tokens or 0) == (raw.get("cache_creation_input_tokens") or 0)
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens")
    assert answer.usage.reasoning_tokens == thought
    searched = (raw.get("server_tool_use") or {}).get("web_search_requests") or 0
    assert answer.usage.units.get("web_search", 0) == searched
    assert answer.usage.oddities == ()


def check_message(answer: Answer, content: list[Any], stop: str) -> None:
    (choice,) = answer.choices
    message = choice.message
    assert message.text == "".join(block["text"] for block in content if block["type"] == "text")
    assert message.reasoning == "".join(b["thinking"] for b in content if b["type"] == "thinking")
    calls = [(call.id, call.name, call.parsed()) for call in message.tool_calls]
    assert calls == [(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
    assert choice.finish_reason_raw == stop
    assert choice.finish_reason is FINISH[stop]


@pytest.mark.parametrize("row", MESSAGES)
def test_plain(row: Any) -> None:
    """Text, thinking, tool calls, finish reason and usage are those of the raw JSON."""
    raw = json.loads(row["response"]["body"])
    answer = CODEC.decode(wire(row), target())
    assert (answer.id, answer.model) == (raw["id"], raw["model"])
    check_message(answer, raw["content"], raw["stop_reason"])
    check_usage(answer, raw["usage"], raw["model"])


@pytest.mark.parametrize("row", [p for p in PLAIN if p not in MESSAGES])
def test_what_is_no_message(row: Any) -> None:
    """Another endpoint's body is an error of ours."""
    with pytest.raises(ProviderError):
        CODEC.decode(wire(row), target())


def joined(body: str) -> tuple[list[Any], Any, dict[str, Any], str]:
    """The first message of a stream put together by hand: content, stop reason, usage, model."""
    blocks: dict[int, Any] = {}
    stop, usage, model = None, {}, ""
    for line in body.splitlines():
        event = json.loads(line[5:]) if line.startswith("data:") else {"type": None}
        if event["type"] == "message_start" and not model:
            usage, model = dict(event["message"]["usage"]), event["message"]["model"]
        elif event["type"] == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "json": ""}
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for name in ("text", "thinking", "signature"):
                if name in delta:
                    block[name] = (block.get(name) or "") + delta[name]
            block["json"] += delta.get("partial_json", "")
        elif event["type"] == "message_delta":
            stop = event["delta"]["stop_reason"]
            usage |= event["usage"]
        elif event["type"] == "message_stop":
            break
    for block in blocks.values():
        if block["json"]:
            block["input"] = json.loads(block["json"])
    return list(blocks.values()), stop, usage, model


def feed(row: Any, size: int) -> tuple[list[Any], Answer | ProviderError]:
    body = wire(row).body
    decoder = CODEC.stream_decoder(target(), wire(row).headers)
    events: list[Any] = []
    try:
        for start in range(0, len(body), size):
            events += decoder.feed(body[start : start + size])
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        return events, error


@pytest.mark.parametrize("row", STREAMS)
def test_stream(row: Any) -> None:
    """A stream gives what its events hold when put together by hand, at every chunk size alike."""
    first, answer = feed(row, CHUNKS[-1])
    for size in CHUNKS[:-1]:
        events, again = feed(row, size)
        assert events == first
        assert again == answer or str(again) == str(answer)
    content, stop, usage, model = joined(row["response"]["body"])
    if stop is None:
        assert isinstance(answer, ProviderError)
        assert getattr(answer, "kind", "") == "cut"
        return
    assert isinstance(answer, Answer)
    check_message(answer, content, stop)
    check_usage(answer, usage, model)
    message = answer.choices[0].message
    assert "".join(event.text for event in first if isinstance(event, TextDelta)) == message.text
    assert "".join(event.text for event in first if isinstance(event, ReasoningDelta)) == message.reasoning
    for position, call in enumerate(message.tool_calls):
        own = [event for event in first if isinstance(event, ToolCallDelta) and event.call == position]
        assert [event.id for event in own if event.id] == [call.id]
        assert "".join(event.arguments for event in own) == call.arguments
    assert len([event for event in first if isinstance(event, Finished)]) == 1
    reported = [event.usage for event in first if isinstance(event, UsageReported)]
    assert reported[-1:] == ([answer.usage] if answer.usage else [])


@pytest.mark.parametrize("row", FAILURES)
def test_failure(row: Any) -> None:
    """Every refusal is a typed error with its status and request id."""
    error = CODEC.decode_error(wire(row), target())
    raw = json.loads(row["response"]["body"])
    assert error.status == row["response"]["status"]
    assert isinstance(error, ModelNotFoundError if error.status == 404 else InvalidRequestError)
    assert error.code == raw["error"]["type"]
    assert error.request_id == raw["request_id"]


@pytest.mark.parametrize("row", [p for p in MESSAGES if p.values[0]["request"]])
def test_an_answer_goes_back_as_it_came(row: Any) -> None:
    """Every block of an answer is sent back unchanged in the next turn, but for what only tells about it."""
    raw = json.loads(row["response"]["body"])
    answer = CODEC.decode(wire(row), target())
    if not answer.choices[0].message.parts:
        return
    request = ChatRequest(
        (*request_of({"messages": [{"role": "user", "content": "hi"}]}).messages, answer.choices[0].message),
        max_output_tokens=8,
    )
    plain = Target("anthropic", "recorded", load_provider("anthropic").models["claude-sonnet-4-5"].quirks)
    sent = json.loads(CODEC.encode(request, plain, stream=False).body)["messages"][1]["content"]
    content = [{"type": "text", "text": sent}] if isinstance(sent, str) else sent
    told = [
        {key: value for key, value in block.items() if not _only_tells(key, block)}
        for block in raw["content"]
        if block.get("text") != ""
    ]
    assert content == told


def _only_tells(key: str, block: Any) -> bool:
    """Citations and the caller of a tool have no place in our types; the raw answer holds them."""
    return (block["type"], key) in (("text", "citations"), ("tool_use", "caller"))


@pytest.mark.parametrize("row", SAID)
def test_request(row: Any) -> None:
    """What another client sent becomes our types and the same request again, as far as they can say it."""
    body = row["request"]["body"]
    extra_free = expressed(body)
    request = request_of(body)
    model = "claude-sonnet-4-5" if "sonet" in body["model"] else body["model"]
    aim = Target("anthropic", body["model"], _quirks(model))
    if body.get("output_config", {}).get("effort") == "xhigh" and "opus-4-6" in model:
        with pytest.raises(InvalidRequestError, match="xhigh"):
            CODEC.encode(request, aim, stream=False)
        return
    sent = json.loads(CODEC.encode(request, aim, stream=bool(body.get("stream"))).body)
    assert expressed(sent) == extra_free


def _quirks(model: str) -> Any:
    models = load_provider("anthropic").models
    older = "claude-sonnet-4-5"
    return models[model if model in models else older].quirks


def own_prompt(param: Any) -> bool:
    """Whether all that the vendor counted is in the request: no tools of its own, no files by address."""
    row = param.values[0]
    body, answer = row["request"]["body"], row["response"]["body"]
    text = json.dumps(body)
    return row["response"]["status"] == 200 and not (
        {"tools", "mcp_servers", "container"} & set(request_of(body).extra)
        or '"url"' in text
        or '"document"' in text
        or "server_tool_use" in answer.split('"usage"')[0]
    )


@pytest.mark.parametrize("row", [p for p in SAID if own_prompt(p)])
def test_prompts_stay_within_the_bound(row: Any) -> None:
    """No prompt had more tokens than the ceiling of its request counts."""
    body, response = row["request"]["body"], wire(row)
    if "message_start" in row["response"]["body"]:
        decoder = CODEC.stream_decoder(target(), {})
        decoder.feed(response.body)
        answer = decoder.close()
    else:
        answer = CODEC.decode(response, target())
    bounds = load_provider("anthropic").bounds
    most = input_bound(measure(request_of(body)), bounds, Limits(body["max_tokens"]))
    assert isinstance(most, int)
    assert answer.usage is not None
    assert answer.usage.input_tokens <= most


def test_there_are_recordings() -> None:
    """An empty folder is a mistake, not a success."""
    assert MESSAGES
    assert STREAMS
    assert FAILURES
    assert REQUESTS


def test_how_much_of_the_requests_our_types_say() -> None:
    """Of most bodies all; what needs fields of the vendor's own, and what cannot be said at all, is known."""
    reasons = {reason for p in REQUESTS if (reason := unsaid(p)) is not None}
    assert reasons == {
        "container_upload",
        "tool_addition",
        "tool_reference in a tool result",
    }
    fields = {name for p in SAID for name in request_of(p.values[0]["request"]["body"]).extra}
    assert fields == {"mcp_servers", "thinking", "tools", "top_k"}
    plain = [p for p in SAID if not request_of(p.values[0]["request"]["body"]).extra]
    assert len(SAID) >= len(REQUESTS) * 3 // 4
    assert len(plain) >= len(REQUESTS) // 2
