"""A schema for models whose vendor does not hold them to one: told in the prompt, and looked for in the answer."""

from __future__ import annotations

import json
from dataclasses import replace

from minimill._chat import Answer, ChatRequest, Choice, FinishReason, JsonSchema, Message, Text, unfenced
from minimill._pricing import RequestSize
from minimill._routing._follows import breach

_TOLD = (
    "Answer with one JSON value that follows this JSON Schema, and with nothing else: no explanation, no Markdown.\n"
)
_BETWEEN = "\n\n"


def in_words(request: ChatRequest, schema: JsonSchema) -> ChatRequest:
    """The same request in the vendor's JSON mode, with the schema at the end of its instructions."""
    text = json.dumps(schema.schema, ensure_ascii=False, separators=(",", ":"))
    told = _TOLD + (f"{schema.description}\n" if schema.description else "") + text
    first, *others = request.messages
    if first.role == "system" and first.parts and isinstance(first.parts[-1], Text):
        last = first.parts[-1]
        longer = replace(last, text=last.text + _BETWEEN + told)
        messages = (replace(first, parts=(*first.parts[:-1], longer)), *others)
    else:
        messages = (Message("system", (Text(told),)), *request.messages)
    return replace(request, messages=messages, response_format="json")


def longer(size: RequestSize) -> RequestSize:
    """The size with what `in_words` adds; the schema is counted in it already."""
    more = len(_TOLD) + len(_BETWEEN) + 1
    return replace(
        size, text_bytes=size.text_bytes + more, latin_bytes=size.latin_bytes + more, messages=size.messages + 1
    )


def fault(answer: Answer, schema: JsonSchema) -> str | None:
    """Where an answer departs from the schema; None: it follows it, or broke off before it could."""
    return next((found for choice in answer.choices if (found := _fault(choice, schema)) is not None), None)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _fault(choice: Choice, schema: JsonSchema) -> str | None:
    ended = choice.finish_reason in (FinishReason.STOP, FinishReason.UNKNOWN)
    if not ended or choice.refusal or choice.message.tool_calls:
        return None
    try:
        value = json.loads(unfenced(choice.message.text), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return "it is no JSON"
    return breach(value, schema.schema)
