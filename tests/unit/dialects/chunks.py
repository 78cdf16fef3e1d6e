"""Pieces of streams, and what their tests need again and again."""

from collections.abc import Callable
from typing import Any

from minimill._chat import Finished, FinishReason
from minimill.dialects import Target

Make = Callable[..., Target]
Run = Callable[..., tuple[list[Any], Any]]
Sse = Callable[..., bytes]
STOP = Finished(FinishReason.STOP, "stop")
CALLS = Finished(FinishReason.TOOL_CALLS, "tool_calls")
COUNTS = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **rest: Any) -> dict[str, Any]:
    """One chunk with one choice."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "r-1", "model": "m-1", "choices": [choice], **rest}


def call(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """One tool call as a delta holds it."""
    function = {key: fields.pop(key) for key in ("name",) if key in fields}
    if arguments is not None:
        function["arguments"] = arguments
    return {**fields, "function": function}


def calls(*items: Any) -> dict[str, Any]:
    """A chunk of tool calls."""
    return chunk({"tool_calls": list(items)})
