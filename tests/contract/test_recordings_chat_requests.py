"""Requests that other clients sent by `openai_chat`, read into our types and written again, mean the same."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from minimill._chat import ChatRequest, JsonSchema, NamedTool, Tool, as_messages
from minimill.catalog._quirks import Quirks
from minimill.dialects import Target, get_dialect
from tests.contract.recordings import NEEDS_RECORDINGS, rows, target_of

pytestmark = NEEDS_RECORDINGS
DIALECT = get_dialect("openai_chat")
EFFORTS: Any = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SAME = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "logprobs", "top_logprobs",
    "parallel_tool_calls", "reasoning_effort", "service_tier", "user",
)  # fmt: skip
OWN = {
    *SAME, "model", "messages", "stream", "stream_options", "tools", "tool_choice", "response_format", "n",
    "max_tokens", "max_completion_tokens", "stop",
}  # fmt: skip
"""Fields that our types say; others go through by name, as `extra`."""
REFUSED = {
    "thinking": "the argument `reasoning` says it, in the words of each model",
    "reasoning": "the same",
    "thinking_token_budget": "the same",
    "message.prefix": "a vendor's mark on one message",
    "message.provider_specific_fields": "another client's own notes on a message",
    "role.wizard": "no vendor knows this role",
    "part.document_url": "a file by address, which most vendors of this wire refuse",
    "tools.cache_control": "a mark on one tool",
    "tools.eager_input_streaming": "the same",
    "tools.repeated": "two tools of one name",
    "tool_choice.unknown": "names none of the tools, or there are none",
    "model": "the request names no model",
    "value": "a limit of 0, an effort that no vendor has, or no message at all",
}
"""What cannot be said, and why."""


def body_of(row: Any) -> Any:
    """The body of a request, where it is one of a chat."""
    body = (row.get("request") or {}).get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return None
    return body if isinstance(body, dict) and isinstance(body.get("messages"), list) else None


REQUESTS = [p for p in rows("openai-chat") if body_of(p.values[1])]


def own_tools(body: Any) -> list[Any]:
    return [tool for tool in body.get("tools") or () if "function" in tool]


def unsaid(body: Any) -> set[str]:
    """What of a request cannot be said."""
    found = {key for key in ("thinking", "reasoning", "thinking_token_budget") if key in body}
    found |= set() if body.get("model") else {"model"}
    if not body["messages"] or body.get("max_tokens", 1) < 1 or body.get("reasoning_effort", "low") not in EFFORTS:
        found.add("value")
    for message in body["messages"]:
        found |= {f"message.{key}" for key in ("prefix", "provider_specific_fields") if key in message}
        if message["role"] not in ("system", "developer", "user", "assistant", "tool"):
            found.add(f"role.{message['role']}")
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            found |= {"part.document_url"} if part["type"] == "document_url" else set()
    for tool in own_tools(body):
        found |= {f"tools.{key}" for key in tool if key not in ("type", "function")}
    names = [tool["function"]["name"] for tool in own_tools(body)]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["function"]["name"] not in names:
        found.add("tool_choice.unknown")
    if choice in ("required", "any") and not names:
        found.add("tool_choice.unknown")
    return found


def by_name(body: Any) -> dict[str, Any]:
    """What goes through as `extra`."""
    extra = {key: value for key, value in body.items() if key not in OWN and key not in REFUSED}
    hosted = [tool for tool in body.get("tools") or () if "function" not in tool]
    return extra | ({"tools": hosted} if hosted else {})


def request_of(body: Any) -> ChatRequest:
    choice, wanted = body.get("tool_choice"), body.get("response_format") or {"type": None}
    stop = body.get("stop") or ()
    formats: dict[Any, Any] = {None: None, "text": "text", "json_object": "json"}
    schema = wanted.get("json_schema") or {}
    messages = [{k: v for k, v in message.items() if v is not None} for message in body["messages"]]
    return ChatRequest(
        as_messages(messages),
        tools=tuple(
            Tool(f["name"], f.get("description") or "", f["parameters"], f.get("strict"))
            for f in (tool["function"] for tool in own_tools(body))
        ),
        tool_choice=NamedTool(choice["function"]["name"])
        if isinstance(choice, dict)
        else {"any": "required"}.get(choice, choice),
        parallel_tool_calls=body.get("parallel_tool_calls"),
        response_format=formats[wanted["type"]]
        if wanted["type"] in formats
        else JsonSchema(
            schema["schema"], schema["name"], schema.get("strict", False), schema.get("description")
        ),
        max_output_tokens=body.get("max_tokens", body.get("max_completion_tokens")),
        reasoning=body.get("reasoning_effort"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        presence_penalty=body.get("presence_penalty"),
        frequency_penalty=body.get("frequency_penalty"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.get("seed"),
        n=body.get("n") or 1,
        logprobs=body.get("logprobs"),
        top_logprobs=body.get("top_logprobs"),
        service_tier=body.get("service_tier"),
        user=body.get("user"),
        extra=by_name(body),
    )


def content(told: Any) -> Any:
    """Content as a list of parts, neighbouring plain texts as one."""
    if told is None or isinstance(told, str):
        told = [{"type": "text", "text": told}] if told else []
    if all(set(part) == {"type", "text"} for part in told):
        return "".join(part["text"] for part in told)
    return [{**part, **({"cache_control": True} if "cache_control" in part else {})} for part in told]


def meaning(message: Any) -> Any:
    calls = [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    ]
    role = message["role"].replace("developer", "system")
    return role, content(message.get("content")), calls, message.get("tool_call_id"), message.get("name")


def tool_meaning(tool: Any) -> Any:
    function = tool.get("function")
    return {"description": "", **function, "parameters": shape(function["parameters"])} if function else tool


def shape(schema: Any) -> Any:
    """A schema without what is added for vendors that hold the model to it."""
    if isinstance(schema, list):
        return [shape(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: shape(v) for k, v in schema.items() if k not in ("additionalProperties", "required")}


def target_for(name: str, body: Any) -> Target:
    """The vendor, with every setting taken: what single models refuse is another test's."""
    quirks = replace(
        Quirks(),
        cache_marks="cache_control",
        reasoning_history="always",
        efforts=EFFORTS,
        service_tiers=("flex", "priority"),
        output_limit_field=target_of(name).quirks.output_limit_field,
    )
    return Target(name, body["model"], quirks)


@pytest.mark.parametrize(
    ("name", "row"), [p for p in REQUESTS if not unsaid(body_of(p.values[1]))]
)
def test_request(name: str, row: Any) -> None:
    """Messages, tools and settings are those of the other client; what is the vendor's own stands by its name."""
    body = body_of(row)
    target = target_for(name, body)
    sent = json.loads(DIALECT.encode(request_of(body), target, stream=bool(body.get("stream"))).body)
    assert list(map(meaning, sent["messages"])) == list(map(meaning, body["messages"]))
    assert [m["reasoning_content"] for m in sent["messages"] if "reasoning_content" in m] == [
        m["reasoning_content"] for m in body["messages"] if m.get("reasoning_content")
    ]
    hosted = [tool for tool in body.get("tools") or () if "function" not in tool]
    assert list(map(tool_meaning, sent.get("tools") or ())) == list(
        map(tool_meaning, [*own_tools(body), *hosted])
    )
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    assert sent.get(target.quirks.output_limit_field) == limit
    assert {key: sent[key] for key in SAME if key in sent} == {
        key: body[key] for key in SAME if body.get(key) is not None
    }
    choice = body.get("tool_choice") if own_tools(body) else None
    assert sent.get("tool_choice") == ("required" if choice == "any" else choice)
    stop = body.get("stop")
    assert sent.get("stop") == ([stop] if isinstance(stop, str) else stop)
    assert sent.get("n", 1) == (body.get("n") or 1)
    assert bool(sent.get("stream")) is bool(body.get("stream"))
    check_format(sent.get("response_format"), body.get("response_format"))
    assert set(sent) - OWN == set(by_name(body)) - {"tools"}


def check_format(sent: Any, told: Any) -> None:
    if told is None or told["type"] != "json_schema":
        assert sent == told
        return
    schema = told["json_schema"]
    assert (sent["type"], sent["json_schema"]["name"]) == ("json_schema", schema["name"])
    assert sent["json_schema"]["strict"] is schema.get("strict", False)
    assert shape(sent["json_schema"]["schema"]) == shape(schema["schema"])


def test_how_much_of_the_requests_our_types_say() -> None:
    """What was recorded and cannot be said is known, with a reason; most of the rest needs no `extra`."""
    lists = [unsaid(body_of(p.values[1])) for p in REQUESTS]
    assert set().union(*lists) <= set(REFUSED)
    own = sum(not said and not by_name(body_of(p.values[1])) for said, p in zip(lists, REQUESTS, strict=True))
    passed_on = sum(not said for said in lists) - own
    counted = Counter(key for said in lists for key in said)
    print(f"{len(REQUESTS)} requests: {own} in our words, {passed_on} with fields by name, not said: {counted}")
    assert own / len(REQUESTS) >= 0.8
    assert (own + passed_on) / len(REQUESTS) >= 0.9
