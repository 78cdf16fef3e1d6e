"""Real exchanges of `openai_responses`, read by the dialect and by a few lines that know nothing of it."""

import json
from base64 import b64decode
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    ChatRequest,
    File,
    Finished,
    FinishReason,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UsageReported,
    assistant,
    system,
    tool,
    user,
)
from minimill._errors import ProviderError
from minimill.catalog import Quirks
from minimill.dialects import Target, get_dialect
from tests.contract.recordings import (
    CHUNKS,
    NEEDS_RECORDINGS,
    check_failure,
    chunks_of,
    feed,
    is_stream,
    rows,
    target_of,
    wire,
)

pytestmark = NEEDS_RECORDINGS
DIALECT = get_dialect("openai_responses")
ENDS = ("response.completed", "response.incomplete", "response.failed")
FINISH = {"completed": FinishReason.STOP, "max_output_tokens": FinishReason.LENGTH}


def is_response(row: Any) -> bool:
    body = row["response"]["body"] or ""
    return row["response"]["status"] < 300 and ('"output"' in body or "response.created" in body)


ALL = rows("openai-responses")
ANSWERS = [p for p in ALL if is_response(p.values[1])]
PLAIN = [p for p in ANSWERS if not is_stream(p.values[1])]
STREAMS = [p for p in ANSWERS if is_stream(p.values[1])]
FAILURES = [p for p in ALL if p.values[1]["response"]["status"] >= 300]
ERRORS_WITH_200 = [p for p in ALL if p not in ANSWERS and p not in FAILURES]
REQUESTS = [p for p in ALL if (p.values[1].get("request") or {}).get("body")]


def text_in(item: Any) -> str:
    return "".join(part.get("text") or "" for part in item["content"])


def read(response: Any) -> dict[str, Any]:
    """What a response says, straight from its JSON."""
    output = response["output"]
    return {
        "text": "".join(text_in(item) for item in output if item["type"] == "message"),
        "thoughts": [
            "\n\n".join(part["text"] for part in item["summary"])
            for item in output
            if item["type"] == "reasoning"
        ],
        "calls": [
            (item["call_id"], item["name"], item.get("arguments", item.get("input")))
            for item in output
            if item["type"] in ("function_call", "custom_tool_call")
        ],
        "sealed": [item["encrypted_content"] for item in output if item.get("encrypted_content")],
        "finish": (response.get("incomplete_details") or {}).get("reason") or response["status"],
    }


def check(answer: Answer, response: Any) -> None:
    """The answer says what the response says; its message holds every sealed thought byte for byte."""
    expected = read(response)
    (choice,) = answer.choices
    assert (answer.id, answer.model) == (response["id"], response["model"])
    assert choice.message.text == expected["text"]
    assert choice.message.reasoning == "".join(expected["thoughts"])
    assert [(call.id, call.name, call.arguments) for call in choice.message.tool_calls] == expected["calls"]
    kept = [json.loads(part.opaque) for part in choice.message.parts if getattr(part, "opaque", None)]
    assert [item["encrypted_content"] for item in kept if item.get("encrypted_content")] == expected["sealed"]
    assert choice.finish_reason_raw == expected["finish"]
    reason = FINISH.get(expected["finish"], choice.finish_reason)
    assert choice.finish_reason is (FinishReason.TOOL_CALLS if expected["calls"] else reason)
    check_usage(answer, response.get("usage"))


def check_usage(answer: Answer, raw: Any) -> None:
    if raw is None:
        assert answer.usage is None
        return
    if not raw["input_tokens"] or not raw["output_tokens"]:
        assert answer.usage is None  # nobody counted
        return
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (
        raw["input_tokens"],
        raw["output_tokens"],
    )
    assert answer.usage.cached_input_tokens == raw["input_tokens_details"].get("cached_tokens")
    assert answer.usage.reasoning_tokens == raw["output_tokens_details"].get("reasoning_tokens")
    assert answer.usage.oddities == ()


@pytest.mark.parametrize(("name", "row"), PLAIN)
def test_plain(name: str, row: Any) -> None:
    """Text, thinking, tool calls, finish reason and usage are those of the raw JSON."""
    check(DIALECT.decode(wire(row), target_of(name)), json.loads(row["response"]["body"]))


@pytest.mark.parametrize(("name", "row"), STREAMS)
def test_stream(name: str, row: Any) -> None:
    """A stream gives what its last event holds, in events that add up to it, at every chunk size alike."""
    target = target_of(name)
    chunks = chunks_of(row["response"]["body"])
    events, answer = feed(DIALECT, row, target, CHUNKS[-1])
    for size in CHUNKS[:-1]:
        again, other = feed(DIALECT, row, target, size)
        assert again == events
        assert other == answer or str(other) == str(answer)
    if any(chunk["type"] == "error" for chunk in chunks):
        assert isinstance(answer, ProviderError)
        assert (answer.status, events) == (200, [])
        return
    ends = [chunk["response"] for chunk in chunks if chunk["type"] in ENDS]
    if not ends:
        assert getattr(answer, "kind", "") == "cut"
        return
    assert isinstance(answer, Answer)
    check(answer, ends[0])
    check_events(answer, events)


def check_events(answer: Answer, events: list[Any]) -> None:
    message = answer.choices[0].message
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == message.text
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == message.reasoning
    for position, call in enumerate(message.tool_calls):
        pieces = [event for event in events if isinstance(event, ToolCallDelta) and event.call == position]
        assert [piece.id for piece in pieces if piece.id] == [call.id]
        assert [piece.name for piece in pieces if piece.name] == [call.name]
        assert "".join(piece.arguments for piece in pieces) == call.arguments
    assert len([event for event in events if isinstance(event, Finished)]) == 1
    reported = [event.usage for event in events if isinstance(event, UsageReported)]
    assert reported == ([answer.usage] if answer.usage else [])


def is_unabridged(row: Any) -> bool:
    """Whether the pieces of text add up; some who recorded left pieces out."""
    chunks = chunks_of(row["response"]["body"])
    pieces = [chunk["delta"] for chunk in chunks if chunk["type"] == "response.output_text.delta"]
    ends = [chunk["response"] for chunk in chunks if chunk["type"] in ENDS]
    return bool(ends) and not ends[0].get("error") and read(ends[0])["text"] == "".join(pieces)


@pytest.mark.parametrize(("name", "row"), [p for p in STREAMS if is_unabridged(p.values[1])])
def test_pieces_alone_tell_the_same(name: str, row: Any) -> None:
    """Without the events that repeat what came, the pieces give the same text, calls and thoughts."""
    repeats = (".done", ".completed")
    lines = [
        json.dumps({**chunk, "response": {**chunk["response"], "output": []}} if chunk["type"] in ENDS else chunk)
        for chunk in chunks_of(row["response"]["body"])
        if chunk["type"] in ENDS or not chunk["type"].endswith(repeats)
    ]
    bare = {"response": {**row["response"], "body": "".join(f"data: {line}\n\n" for line in lines)}}
    target = target_of(name)
    _, answer = feed(DIALECT, row, target, CHUNKS[-1])
    _, other = feed(DIALECT, bare, target, CHUNKS[-1])
    assert isinstance(answer, Answer)
    assert isinstance(other, Answer)
    message, same = answer.choices[0].message, other.choices[0].message
    assert (same.text, same.tool_calls, same.reasoning) == (message.text, message.tool_calls, message.reasoning)


@pytest.mark.parametrize(("name", "row"), FAILURES)
def test_failure(name: str, row: Any) -> None:
    """Every refusal is a typed error with its status, in the class that the status asks for."""
    check_failure(DIALECT, name, row)


@pytest.mark.parametrize(("name", "row"), ERRORS_WITH_200)
def test_error_with_a_good_status(name: str, row: Any) -> None:
    """An error body is an error whatever its status."""
    with pytest.raises(ProviderError):
        DIALECT.decode(wire(row), target_of(name))


# --- requests that another client sent ---

REFUSED = {
    "previous_response_id": "bills what was said before, of which we know nothing",
    "conversation": "the same",
    "background": "the answer would not come",
    "reasoning.mode": "decides how long a model thinks",
    "additional_tools": "an item of the vendor's own with a role",
    "image.file_id": "a picture by the id that the vendor gave it",
}
"""What cannot be said, and why."""
BY_NAME = frozenset({
    "context_management", "moderation", "store", "include", "text.verbosity", "reasoning.context",
    "reasoning.summary", "tools.hosted", "tools.deferred",
})  # fmt: skip
"""What goes through by its own name only, as `extra`."""
SERVED = {"include": ["reasoning.encrypted_content"]}
"""What is sent anyway."""


def is_ours(told: Any) -> bool:
    return told["type"] == "function" and "defer_loading" not in told


def unsaid(body: Any) -> set[str]:
    """What of a request our own types do not say."""
    found = {key for key in (*REFUSED, *BY_NAME) if key in body and body[key] != SERVED.get(key)}
    found |= {f"reasoning.{key}" for key in body.get("reasoning") or {} if key != "effort"}
    found |= {f"text.{key}" for key in body.get("text") or {} if key != "format"}
    for told in body.get("tools") or ():
        if not is_ours(told):
            found.add("tools.deferred" if told["type"] == "function" else "tools.hosted")
    for item in body["input"] if isinstance(body["input"], list) else ():
        if any(part["type"] == "input_image" and "image_url" not in part for part in pieces_of(item)):
            found.add("image.file_id")
        if item.get("type") == "additional_tools":
            found.add("additional_tools")
    return found


def pieces_of(item: Any) -> list[Any]:
    """The parts of a message or of a result, where it has parts."""
    return [part for key in ("content", "output") if isinstance(item.get(key), list) for part in item[key]]


SENDABLE = [p for p in REQUESTS if not unsaid(p.values[1]["request"]["body"]) & set(REFUSED)]


def part_of(part: Any) -> Any:
    if part["type"] in ("input_text", "output_text"):
        return Text(part["text"])
    if part["type"] == "input_image":
        return Image(url=part["image_url"], detail=part.get("detail"))
    if "file_data" not in part:
        return File(url=part.get("file_url"), file_id=part.get("file_id"))
    kind, _, data = part["file_data"].removeprefix("data:").partition(";base64,")
    return File(data=b64decode(data), media_type=kind, name=part["filename"])


def messages_of(body: Any) -> list[Message]:
    told = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    messages = [system(body["instructions"])] if body.get("instructions") else []
    for item in told:
        kind, content = item.get("type", "message"), item.get("content")
        sealed = Reasoning("", json.dumps({"type": kind, **item}), "openai")
        if kind == "function_call_output":
            output = item["output"] if isinstance(item["output"], str) else [part_of(part) for part in item["output"]]
            messages.append(tool(ToolResult(item["call_id"], output)))
        elif kind == "function_call":
            call = ToolCall(item["call_id"], item["name"], item["arguments"])
            messages.append(assistant([sealed, call] if item.get("namespace") else [call]))
        elif kind == "message" and item["role"] == "assistant":
            texts = [content] if isinstance(content, str) else [part["text"] for part in content]
            messages.append(assistant([*([sealed] if item.get("phase") else []), *texts]))
        elif kind == "message":
            parts = content if isinstance(content, str) else [part_of(part) for part in content]
            messages.append({"user": user}.get(item["role"], system)(parts))
        else:
            messages.append(assistant([sealed]))
    return messages


def request_of(body: Any) -> ChatRequest:
    own_tools = any(map(is_ours, body.get("tools") or ()))
    choice, wanted = body.get("tool_choice") if own_tools else None, (body.get("text") or {}).get("format") or {}
    formats: dict[Any, Any] = {None: None, "text": "text", "json_object": "json"}
    return ChatRequest(
        tuple(messages_of(body)),
        tools=tuple(
            Tool(told["name"], told.get("description") or "", told["parameters"], told.get("strict"))
            for told in body.get("tools") or ()
            if is_ours(told)
        ),
        tool_choice=NamedTool(choice["name"]) if isinstance(choice, dict) else choice,
        parallel_tool_calls=body.get("parallel_tool_calls"),
        response_format=formats[wanted.get("type")]
        if wanted.get("type") in formats
        else JsonSchema(wanted["schema"], wanted["name"], wanted["strict"], wanted.get("description")),
        reasoning=(body.get("reasoning") or {}).get("effort"),
        service_tier=body.get("service_tier"),
        extra=extra_of(body),
    )


def extra_of(body: Any) -> dict[str, Any]:
    """What goes through by name."""
    extra = {key: body[key] for key in ("context_management", "moderation", "store", "include") if key in body}
    thinking = {key: value for key, value in (body.get("reasoning") or {}).items() if key != "effort"}
    text = {key: value for key, value in (body.get("text") or {}).items() if key != "format"}
    tools = [told for told in body.get("tools") or () if not is_ours(told)]
    extra |= {"reasoning": thinking} if thinking else {}
    extra |= {"text": text} if text else {}
    if tools and len(tools) == len(body["tools"]):  # settings for tools of the vendor's own alone
        extra |= {key: body[key] for key in ("tool_choice", "parallel_tool_calls") if key in body}
    return extra | ({"tools": tools} if tools else {})


def meaning(item: Any) -> Any:
    """An item without what says the same twice: ids, states, and the longer of two ways to write a text."""
    content = item.get("content")
    if item.get("role"):
        if isinstance(content, list) and all("text" in part for part in content):
            content = "".join(part["text"] for part in content)
        return item["role"].replace("developer", "system"), content, item.get("phase")
    kept = {key: value for key, value in item.items() if value is not None}
    if item["type"] == "function_call":
        kept = {key: value for key, value in kept.items() if key not in ("id", "status")}
    return kept


@pytest.mark.parametrize(("name", "row"), SENDABLE)
def test_request(name: str, row: Any) -> None:
    """What another client sent, read into our types and written again, means the same."""
    body = row["request"]["body"]
    target = Target("openai", body["model"], Quirks(efforts=("low", "high"), service_tiers=("flex",)))
    sent = json.loads(DIALECT.encode(request_of(body), target, stream=bool(body.get("stream"))).body)
    told = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    first = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    assert [meaning(item) for item in sent["input"]] == [meaning(item) for item in [*first, *told]]
    key = lambda tool: (tool["type"], tool.get("name", ""))  # noqa: E731  # two sides, one key
    assert sorted(map(key, sent.get("tools", ()))) == sorted(map(key, body.get("tools") or ()))
    for name in ("model", "tool_choice", "parallel_tool_calls", "service_tier", "moderation"):
        assert sent.get(name) == body.get(name)
    assert sent.get("reasoning", {}) == (body.get("reasoning") or {})
    assert sent.get("stream", False) == body.get("stream", False)
    assert set(body.get("include") or ()) <= set(sent.get("include", ()))
    assert sent["store"] is body.get("store", False)


def test_what_requests_say_beyond_our_types() -> None:
    """What was recorded and cannot be said is known, with a reason; most of the rest needs no `extra`."""
    lists = [unsaid(p.values[1]["request"]["body"]) for p in REQUESTS]
    assert set().union(*lists) <= {*REFUSED, *BY_NAME}
    own, by_name = [said for said in lists if not said], [said for said in lists if said and said <= BY_NAME]
    assert (len(own), len(by_name), len(REQUESTS)) >= (60, 70, 150)


def test_there_are_recordings() -> None:
    """An empty folder is a mistake, not a success."""
    assert PLAIN
    assert STREAMS
    assert FAILURES
