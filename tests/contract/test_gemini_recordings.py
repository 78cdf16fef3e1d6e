"""Real exchanges with Gemini, read by the dialect and by a few lines of this file that know nothing of it.

`MINIMILL_RECORDINGS` names a folder of `*.gemini.jsonl`, one exchange a line.
"""

import json
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    Audio,
    ChatRequest,
    File,
    Finished,
    FinishReason,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    UsageReported,
    user,
)
from minimill._errors import InvalidRequestError, ModelNotFoundError, ProviderError, ServerError
from minimill.catalog import Quirks, load_provider
from minimill.dialects import Target, WireResponse, get_dialect

FOLDER = os.environ.get("MINIMILL_RECORDINGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="MINIMILL_RECORDINGS names no folder of recordings")

DIALECT = get_dialect("gemini")
FINISH = {"STOP": FinishReason.STOP, "MAX_TOKENS": FinishReason.LENGTH}
CHUNKS = (1, 7, 64, 1021, 1 << 20)
SHARE = 0.8
"""Least share of the requests that our own words express in full."""


def rows() -> Iterator[Any]:
    for file in sorted(Path(FOLDER or ".").glob("*.gemini.jsonl") if FOLDER else ()):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield pytest.param(row, id=f"{file.name.removesuffix('.gemini.jsonl')}:{row['id']}")


def is_stream(row: Any) -> bool:
    return bool(row["response"]["body"].lstrip().startswith("data:"))


ALL = list(rows())
GOOD = [p for p in ALL if p.values[0]["response"]["status"] < 300]
PLAIN = [p for p in GOOD if not is_stream(p.values[0])]
STREAMS = [p for p in GOOD if is_stream(p.values[0])]
FAILURES = [p for p in ALL if p.values[0]["response"]["status"] >= 300]
ASKED = [p for p in ALL if p.values[0]["request"] and p.values[0]["request"]["body"]]


def target_of(row: Any) -> Target:
    """The vendor as its file says, apart from settings that one of its models refuses."""
    path = (row["request"] or {}).get("path", "")
    model = path.rpartition("/")[2].partition(":")[0]
    provider = load_provider("gemini")
    listed = provider.models.get(model)
    quirks = listed.quirks if listed else Quirks(unsigned_call_mark=provider.quirks.unsigned_call_mark)
    return Target("gemini", model or "recorded", quirks, provider.errors)


def wire(row: Any) -> WireResponse:
    response = row["response"]
    headers = {key.lower(): str(value) for key, value in (response.get("headers") or {}).items()}
    return WireResponse(response["status"], headers, response["body"].encode())


def chunks_of(row: Any) -> list[Any]:
    body = row["response"]["body"]
    if not is_stream(row):
        return [json.loads(body)]
    return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]


def told(row: Any) -> dict[str, Any]:
    """What the raw JSON says, put together by hand."""
    found: dict[str, Any] = {"text": "", "thinking": "", "calls": [], "finish": None, "counts": None}
    for chunk in chunks_of(row):
        found["counts"] = chunk.get("usageMetadata") or found["counts"]
        candidate = chunk["candidates"][0]
        found["finish"] = candidate.get("finishReason") or found["finish"]
        for part in candidate.get("content", {}).get("parts", ()):
            if "functionCall" in part:
                take_call(found["calls"], part["functionCall"])
            else:
                found["thinking" if part.get("thought") else "text"] += part.get("text", "")
    return found


def take_call(found: list[Any], call: Any) -> None:
    """A call, or a piece of the last one; in the recordings all pieces are strings one level deep."""
    if "name" in call:
        found.append((call["name"], dict(call.get("args", {}))))
    for piece in call.get("partialArgs", ()):
        key, arguments = piece["jsonPath"].removeprefix("$."), found[-1][1]
        arguments[key] = arguments.get(key, "") + piece["stringValue"]


def check(answer: Answer, row: Any) -> None:
    expected = told(row)
    choice = answer.choices[0]
    assert choice.message.text == expected["text"]
    assert choice.message.reasoning == expected["thinking"]
    assert [(call.name, call.parsed()) for call in choice.message.tool_calls] == expected["calls"]
    assert all(call.id for call in choice.message.tool_calls)
    assert choice.finish_reason_raw == expected["finish"]
    reason = FINISH[expected["finish"]]
    assert choice.finish_reason is (FinishReason.TOOL_CALLS if expected["calls"] else reason)
    counts, usage = expected["counts"], answer.usage
    assert usage is not None
    assert usage.input_tokens == counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0)
    assert usage.total_tokens == counts["totalTokenCount"]
    assert usage.reasoning_tokens == counts.get("thoughtsTokenCount", 0)
    assert usage.cached_input_tokens == counts.get("cachedContentTokenCount", 0)
    assert usage.oddities == ()


@pytest.mark.parametrize("row", PLAIN)
def test_plain(row: Any) -> None:
    """Text, thinking, tool calls, finish reason and usage are those of the raw JSON."""
    raw = json.loads(row["response"]["body"])
    if raw["candidates"][0]["finishReason"] == "UNEXPECTED_TOOL_CALL":
        with pytest.raises(ServerError, match="UNEXPECTED_TOOL_CALL") as caught:
            DIALECT.decode(wire(row), target_of(row))
        assert caught.value.usage.total_tokens == raw["usageMetadata"]["totalTokenCount"]
        return
    answer = DIALECT.decode(wire(row), target_of(row))
    assert (answer.id, answer.model) == (raw["responseId"], raw["modelVersion"])
    check(answer, row)


def feed(row: Any, size: int) -> tuple[list[Any], Any]:
    body = wire(row).body
    decoder = DIALECT.stream_decoder(target_of(row), wire(row).headers)
    events: list[Any] = []
    try:
        for start in range(0, len(body), size):
            events += decoder.feed(body[start : start + size])
        return events + list(decoder.flush()), decoder.close()
    except ProviderError as error:
        return events, str(error)


@pytest.mark.parametrize("row", [*STREAMS, *PLAIN[::9]])
def test_stream(row: Any) -> None:
    """Streams, and bodies in place of them, give what they hold at every chunk size alike."""
    events, answer = feed(row, CHUNKS[-1])
    for size in CHUNKS[:-1]:
        assert feed(row, size) == (events, answer)
    assert isinstance(answer, Answer)
    check(answer, row)
    if not is_stream(row):
        return
    message = answer.choices[0].message
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == message.text
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == message.reasoning
    assert [e.id for e in events if isinstance(e, ToolCallDelta) and e.id] == [c.id for c in message.tool_calls]
    assert len([e for e in events if isinstance(e, Finished)]) == 1
    assert [e.usage for e in events if isinstance(e, UsageReported)][-1] == answer.usage


def camel(value: Any) -> Any:
    """One spelling of the wire's own keys; what users name themselves stays."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda found: found[1].upper(), key): inner for key, inner in value.items()}
    own = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "responseSchema")
    return {key: inner if key in own else camel(inner) for key, inner in named.items()}


@pytest.mark.parametrize("row", [*PLAIN, *STREAMS])
def test_a_models_turn_goes_back_as_it_came(row: Any) -> None:
    """Sealed parts and calls byte for byte, in their order; thoughts that nobody signed stay away."""
    try:
        answer = DIALECT.decode(wire(row), target_of(row))
    except ServerError:
        return
    request = ChatRequest((user("hi"), answer.choices[0].message))
    sent = json.loads(DIALECT.encode(request, target_of(row), stream=False).body)["contents"][1]["parts"]
    came = [part for chunk in chunks_of(row) for part in chunk["candidates"][0].get("content", {}).get("parts", ())]
    assert signatures(sent) == (signatures(came) or signatures(sent)[:1])
    assert "".join(part.get("text", "") for part in sent) == answer.choices[0].message.text
    rest = [part for part in came if "text" not in part and "functionCall" not in part]
    assert [part for part in sent if "text" not in part and "functionCall" not in part] == rest
    assert calls(sent) == calls(came)


def signatures(parts: list[Any]) -> list[str]:
    return [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]


def calls(parts: list[Any]) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        if "functionCall" in part:
            take_call(found, part["functionCall"])
    return found


class Foreign(Exception):
    """Something that our words do not hold."""


def in_our_words(body: Any, target: Target) -> tuple[ChatRequest, dict[str, Any]]:
    """Another client's request as ours; what has no word of ours is left as an extra."""
    rest = dict(body)
    messages = []
    if rest.get("systemInstruction"):
        texts = [Text(part["text"]) for part in rest.pop("systemInstruction")["parts"]]
        messages.append(Message("system", tuple(texts)))
    for content in rest.pop("contents"):
        role = {"model": "assistant"}.get(content["role"], "user")
        parts = [made for part in content["parts"] for made in part_of(part, target)]
        messages.append(Message(role, tuple(parts)))  # type: ignore[arg-type]
    fields: dict[str, Any] = {}
    tools = rest.pop("tools", [])
    for entry in tools:
        for declared in entry.get("functionDeclarations", ()):
            schema = declared.get("parametersJsonSchema", {"type": "object", "properties": {}})
            fields["tools"] = (*fields.get("tools", ()), Tool(declared["name"], declared["description"], schema))
    own = [entry for entry in tools if "functionDeclarations" not in entry]
    config = dict(rest.pop("generationConfig", {}))
    if config.pop("responseMimeType", None):
        schema = config.pop("responseJsonSchema", None)
        fields["response_format"] = JsonSchema(schema, strict=False) if schema else "json"
    for key, name in (("temperature", "temperature"), ("stopSequences", "stop"), ("logprobs", "top_logprobs")):
        if key in config:
            value = config.pop(key)
            fields[name] = tuple(value) if isinstance(value, list) else value
    if "responseLogprobs" in config:
        fields["logprobs"] = config.pop("responseLogprobs")
    calling = (rest.get("toolConfig") or {}).get("functionCallingConfig") or {}
    names = calling.get("allowedFunctionNames", [])
    if calling == {"mode": "VALIDATED"}:
        fields["tools"] = tuple(replace(one, strict=True) for one in fields["tools"])
        rest["toolConfig"] = {k: v for k, v in rest["toolConfig"].items() if k != "functionCallingConfig"}
    elif calling == {"mode": "AUTO"}:
        fields["tool_choice"] = "auto"
        rest["toolConfig"] = {k: v for k, v in rest["toolConfig"].items() if k != "functionCallingConfig"}
    if calling.get("mode") == "ANY" and len(names) < 2:
        fields["tool_choice"] = NamedTool(names[0]) if names else "required"
        rest["toolConfig"] = {k: v for k, v in rest["toolConfig"].items() if k != "functionCallingConfig"}
    extra = {key: value for key, value in rest.items() if value}
    if config.get("responseModalities") == ["TEXT"]:
        config.pop("responseModalities")  # what happens anyway
    if config:
        extra["generationConfig"] = config
    if own:
        extra["tools"] = own
    return ChatRequest(tuple(messages), extra=extra, **fields), extra


def part_of(part: Any, target: Target) -> Iterator[Part]:
    seal = part.get("thoughtSignature")
    if seal and ("functionCall" in part or part.get("text")):
        yield Reasoning("", seal, target.provider, target.model)
    if "functionCall" in part:
        call = part["functionCall"]
        yield ToolCall(call["id"], call["name"], json.dumps(call["args"]))
    elif "functionResponse" in part:
        result = part["functionResponse"]
        media = [made for inner in result.get("parts", ()) for made in part_of(inner, target)]
        yield ToolResult(result["id"], [json.dumps(result["response"]), *media], result["name"])
    elif "inlineData" in part:
        yield from media_of(part["inlineData"])
    elif "fileData" in part:
        yield File(url=part["fileData"]["fileUri"], media_type=part["fileData"]["mimeType"])
    elif part.keys() <= {"text", "thoughtSignature"} and (part["text"] or not seal):
        yield Text(part["text"])
    else:
        yield Reasoning("", json.dumps(part), target.provider, target.model)


def media_of(inline: Any) -> Iterator[Part]:
    data, kind = urlsafe_b64decode(inline["data"]), inline["mimeType"]
    family, _, form = kind.partition("/")
    if family == "image":
        yield Image(data=data, media_type=kind)
    else:
        yield Audio(data, form) if family == "audio" else File(data=data, media_type=kind)


def meaning(body: Any) -> Any:
    """A body without what means nothing: how turns are cut, spellings, alphabets of base64."""
    body = camel(body)
    turns: list[Any] = []
    for content in body["contents"]:
        if turns and turns[-1][0] == content["role"]:
            turns[-1][1].extend(content["parts"])
        else:
            turns.append((content["role"], list(content["parts"])))
    config = {k: v for k, v in body.get("generationConfig", {}).items() if v != ["TEXT"]}
    declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    return {
        "turns": json.loads(json.dumps(turns).replace("-", "+").replace("_", "/")),
        "system": [part["text"] for part in body.get("systemInstruction", {}).get("parts", ())],
        "tools": [{k: v for k, v in one.items() if v} for one in declared],
        "own tools": [tool for tool in body.get("tools", ()) if "functionDeclarations" not in tool],
        "config": config,
        "choice": {k: v for k, v in body.get("toolConfig", {}).items() if v},
        "cache": body.get("cachedContent"),
    }


def round_trip(row: Any) -> list[str]:
    """Compare a recorded request with itself after a turn through our types; what only extras carried."""
    target = target_of(row)
    body = camel(row["request"]["body"])
    request, extra = in_our_words(body, target)
    if "cachedContent" in extra:
        assert body.keys() <= {"contents", "cachedContent", "generationConfig"}
    sent = json.loads(DIALECT.encode(request, target, stream=False).body)
    ours, theirs = meaning(sent), meaning(body)
    if target.quirks.unsigned_call_mark:
        for turns in (ours["turns"], theirs["turns"]):
            for _, parts in turns:
                first = next((part for part in parts if "functionCall" in part), {})
                first.pop("thoughtSignature", None)
    assert ours == theirs
    tables = {key: value if isinstance(value, dict) else ["*"] for key, value in extra.items()}
    return sorted(f"{key}.{name}" for key, names in tables.items() for name in names)


def test_requests_of_other_clients_round_trip() -> None:
    """What our types can express means the same after a turn through them; what they cannot is counted."""
    foreign: dict[str, int] = {}
    whole = 0
    for param in ASKED:
        row = param.values[0]
        try:
            extras = round_trip(row)
        except Foreign as reason:
            extras = [str(reason)]
        except InvalidRequestError as refused:
            extras = [refused.message]
        whole += not extras
        for name in extras:
            foreign[name] = foreign.get(name, 0) + 1
    print(f"{whole} of {len(ASKED)} requests in our own words; others: {foreign}")
    assert whole / len(ASKED) > SHARE, foreign


@pytest.mark.parametrize("row", FAILURES)
def test_failure(row: Any) -> None:
    """Every refusal is a typed error with its status."""
    error = DIALECT.decode_error(wire(row), target_of(row))
    assert error.status == row["response"]["status"]
    assert isinstance(error, ModelNotFoundError if error.status == 404 else InvalidRequestError)
    assert len(error.message) < 500


def test_there_are_recordings() -> None:
    """An empty folder is a mistake, not a success."""
    assert PLAIN
    assert STREAMS
    assert FAILURES
    assert ASKED
