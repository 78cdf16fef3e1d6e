"""What the cases of `openai_responses` share: targets, and events as the vendor writes them.

https://github.com/openai/openai-python/tree/HEAD/src/openai/types/responses, read 2026-11-22.
"""

import json
from typing import Any

from minimill._chat import Answer
from minimill.catalog import ErrorRule, Quirks, load_provider
from minimill.dialects import Target, get_dialect

CODEC = get_dialect("openai_responses")


def target(model: str = "gpt-5.6-luna") -> Target:
    """A shipped model of OpenAI."""
    provider = load_provider("openai")
    return Target(
        "openai", model, provider.models[model].quirks, provider.errors, provider.request_id_headers
    )


def plain_target(rules: tuple[ErrorRule, ...] = (), **quirks: Any) -> Target:
    """A server that keeps to the wire's own page but for these quirks."""
    return Target("acme", "m-1", Quirks(**quirks), rules)


def usage(used: int, out: int, **details: Any) -> dict[str, Any]:
    return {"input_tokens": used, "output_tokens": out, "total_tokens": used + out, **details}


def message(text: str, **fields: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content, **fields}


def call(call_id: str, name: str, arguments: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
        **fields,
    }


def thought(*summary: str, sealed: str = "gAAA==") -> dict[str, Any]:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {
        "type": "reasoning",
        "id": "rs_1",
        "summary": parts,
        "encrypted_content": sealed,
        "status": None,
    }


def response(*output: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "model": "m-1-2026",
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": usage(9, 2),
        **fields,
    }


def event(type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{type_}", "sequence_number": 0, **fields}


def end(*output: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return event(status, response=response(*output, status=status, **fields))


def data(*events: dict[str, Any], tail: str = "") -> bytes:
    """A stream with named events, as the vendor sends it."""
    lines = (f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    return ("".join(lines) + tail).encode()


def read(aim: Target, parts: list[bytes]) -> tuple[list[Any], Answer]:
    decoder = CODEC.stream_decoder(aim, {})
    events = [one for part in parts for one in decoder.feed(part)]
    return events + list(decoder.flush()), decoder.close()
