"""Whether a model can serve a request at all, and with which output limit."""

from __future__ import annotations

from collections.abc import Iterable

from minimill._chat import Audio, ChatRequest, File, Image, JsonSchema, ToolResult
from minimill._pricing import USUAL, Habits, RequestSize, expected_input_tokens, longest_input_tokens
from minimill.catalog import Model, Offer

IN_WORDS = "json_schema or words"
"""Needed for a schema that a prompt may tell as well: a model that follows schemas has it, and JSON mode will do."""
ABILITIES = ("tools", "vision", "json_schema", "json_object", "audio", "files", "n", "streaming", "reasoning")


def needs(request: ChatRequest, required: Iterable[str] = (), *, stream: bool = False) -> frozenset[str]:
    """The abilities that serving `request` takes, and those that the route requires."""
    found = set(required)
    if request.tools:
        found.add("tools")
    if isinstance(request.response_format, JsonSchema):
        found.add(IN_WORDS)
    elif request.response_format == "json":
        found.add("json_object")
    if request.n > 1:
        found.add("n")
    if stream:
        found.add("streaming")
    if request.thinking:
        found.add("reasoning")
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Image):
                found.add("vision")
            elif isinstance(part, Audio):
                found.add("audio")
            elif isinstance(part, File):
                found.add("files")
            elif isinstance(part, ToolResult):
                found.update("vision" if isinstance(inner, Image) else "files" for inner in part.media)
    return frozenset(found)


def misfit(
    offer: Offer, needed: frozenset[str], size: RequestSize, today_retired: bool, habits: Habits | None = USUAL
) -> str | None:
    """Why the model cannot serve, in words; None: it can, as far as its file says.

    Without `habits` the length of the prompt is no question (see `is_short`).
    """
    model = offer.model
    if today_retired:
        return "retired by the vendor" + (f" on {model.retires_on}" if model.retires_on else "")
    known = model.abilities if model.listed else frozenset(ABILITIES)
    if not needed <= known:
        missing = set(needed - known)
        if IN_WORDS in missing:
            missing.remove(IN_WORDS)
            missing |= set() if {"json_schema", "json_object"} & known else {"json_schema"}
        if missing:
            return f"cannot do {', '.join(sorted(missing))}"
    if habits is None:
        return None
    tokens = expected_input_tokens(size, model.bounds, habits)
    most = model.max_input_tokens or model.context_tokens
    if most is not None and tokens > most:
        return f"the prompt of about {tokens:,} tokens is longer than its {most:,}"
    return None


def follows_schemas(model: Model) -> bool:
    """Whether the vendor holds the model to a schema, as far as is known."""
    return not model.listed or "json_schema" in model.abilities


def is_short(size: RequestSize, model: Model) -> bool:
    """Whether the prompt fits whatever the model's habits are."""
    most = model.max_input_tokens or model.context_tokens
    return most is None or longest_input_tokens(size) <= most


def output_limit(model: Model, asked: int | None, route: int | None) -> int:
    """The limit to send: the caller's, the route's, or the model's default, at most the model's maximum.

    Every request carries one: without it a single call would have to hold the model's maximum.
    """
    limit = asked if asked is not None else route if route is not None else model.default_output_tokens
    for most in (model.max_output_tokens, model.quirks.output_limit_max):
        if most is not None:
            limit = min(limit, most)
    return max(limit, model.quirks.output_limit_min)
