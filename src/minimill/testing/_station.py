"""One vendor on the server: what its requests ask for, what is wrong with them, and what it answers.

No I/O here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypedDict

from pydantic_core import from_json

from minimill._values import dataclass

from ._answers import Answer, Composed, SimulatedRequest, answer_for, compose
from ._faults import FaultPlan
from ._http import Request
from ._records import CallRecord
from ._tokens import InputCounter, Length
from ._vendor_base import Vendor
from ._vendor_errors import ErrorRow

__all__ = ["Asked", "Programmed", "Settings", "Station", "StationSettings", "read"]

Programmed = Answer | Callable[[SimulatedRequest], Answer] | None


@dataclass(frozen=True, slots=True)
class StationSettings:
    """How one vendor answers."""

    answer: Programmed
    length: Length | None
    input_tokens: InputCounter
    tokens_per_chunk: int
    models: tuple[str, ...] | None
    hop_tokens: int | None


class Settings(TypedDict, total=False):
    """What `Simulator.configure` takes; each means what it means to the constructor."""

    answer: Programmed
    length: Length | int | None
    input_tokens: InputCounter
    tokens_per_chunk: int
    models: Sequence[str] | None
    """The models of this vendor; None accepts any."""
    hop_tokens: int | None


class Asked(NamedTuple):
    """One chat request, as the vendor that gets it reads it."""

    vendor: Vendor
    raw: Mapping[str, Any] | None
    """The body as it came; None where it is no JSON object."""
    body: Mapping[str, Any]
    """The body as its vendor reads it, with `model` and `stream`; empty where it is no JSON object."""
    model: str
    stream: bool
    chat: Mapping[str, Any]
    """The body in the words of Chat Completions; empty where it is not well formed."""


def read(vendor: Vendor, request: Request) -> Asked:
    """What a chat request asks for."""
    try:
        parsed = from_json(request.body)
    except ValueError:
        parsed = None
    raw = parsed if isinstance(parsed, dict) else None
    body = vendor.read(request.path, raw or {})
    model = body.get("model")
    return Asked(
        vendor, raw, body, model if isinstance(model, str) else "", body.get("stream") is True, _chat(vendor, body)
    )


def _chat(vendor: Vendor, body: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return vendor.view(body)
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


class Station:
    """One vendor on the server: its wires, its settings, its faults."""

    def __init__(self, wires: Sequence[Vendor], settings: StationSettings) -> None:
        self.vendor = wires[0]
        self._wires = wires
        self.settings = settings
        self.plan = FaultPlan()
        self.accepted = 0

    def route(self, path: str) -> tuple[Vendor | None, Literal["chat", "models"] | None]:
        """By which of its wires the vendor answers at a path, and what is asked for there."""
        for vendor in self._wires:
            kind = vendor.kind_of(path)
            if kind is not None:
                return vendor, kind
        return None, None

    def problem(self, asked: Asked, headers: Mapping[str, str], key: str) -> ErrorRow | None:
        """The error for the first thing that is wrong with a request; None when it is to be answered."""
        vendor = asked.vendor
        problem = vendor.key_problem(vendor.credentials(headers), key)
        if problem is not None:
            return problem
        if asked.raw is None:
            return vendor.unreadable()
        found = vendor.malformed(asked.body)
        if found is not None:
            return vendor.bad_request(*found)
        return (
            vendor.problem(asked.body) or vendor.header_problem(headers, asked.body) or self._no_model(asked)
        )

    def _no_model(self, asked: Asked) -> ErrorRow | None:
        listed = self.settings.models
        return asked.vendor.no_such_model(asked.model) if listed is not None and asked.model not in listed else None

    def compose(self, asked: Asked, record: CallRecord, index: int) -> Composed:
        """The answer to the accepted request number `index`."""
        vendor, settings, chat = asked.vendor, self.settings, asked.chat
        request = SimulatedRequest(vendor.name, record.model, record.body, record.headers, index, chat)
        answer = answer_for(request, settings.answer)
        if not answer.finish_reason and isinstance(chat.get("tool_choice"), Mapping) and answer.tool_calls:
            answer = replace(answer, finish_reason=vendor.named_tool_finish)
        n = min(chat.get("n") or 1, vendor.max_choices)
        limits = vendor.limits(asked.body)
        said = compose(
            answer, settings.length, limits, vendor.default_limit, n, settings.input_tokens(chat)
        )
        return vendor.broken_off(said, asked.body, settings.hop_tokens)
