"""A Responses body as Chat Completions would write it, so that prompts are read in one way only.

Covers what counting tokens and deriving answers needs. Imports the standard library only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["chat_view"]


def chat_view(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Responses body in the words of Chat Completions."""
    view: dict[str, Any] = {key: body[key] for key in ("model", "stream") if key in body}
    view["messages"] = list(_joined(_messages(body)))
    if isinstance(body.get("tools"), list):
        view["tools"] = [{"type": "function", "function": tool} for tool in body["tools"]]
    choice = body.get("tool_choice")
    view["tool_choice"] = {"function": choice} if isinstance(choice, Mapping) else choice
    wanted = (body.get("text") or {}).get("format") or {}
    view["response_format"] = {**wanted, "json_schema": wanted}
    return view


def _messages(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(body.get("instructions"), str):
        yield {"role": "system", "content": body["instructions"]}
    given = body["input"]
    if isinstance(given, str):
        yield {"role": "user", "content": given}
        return
    for item in given:
        kind = item.get("type", "message")
        if kind == "message":
            yield {"role": item.get("role", "user"), "content": item.get("content")}
        elif kind in ("function_call", "custom_tool_call"):
            function = {"name": item.get("name"), "arguments": item.get("arguments", item.get("input"))}
            yield {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
        elif kind.endswith("_output"):
            yield {"role": "tool", "content": item.get("output")}
        elif kind == "reasoning":
            sealed = item.get("encrypted_content")
            yield {"role": "assistant", "content": None, "reasoning_content": sealed}


def _joined(messages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the model said in one turn as one message."""
    turn: dict[str, Any] | None = None
    for message in messages:
        if message["role"] != "assistant":
            if turn is not None:
                yield turn
            turn = None
            yield message
        elif turn is None:
            turn = {"tool_calls": [], **message}
        else:
            turn["content"] = turn["content"] or message["content"]
            turn["tool_calls"] = [*turn["tool_calls"], *message.get("tool_calls", ())]
            turn.setdefault("reasoning_content", message.get("reasoning_content"))
    if turn is not None:
        yield turn
