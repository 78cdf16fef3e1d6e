"""What a plan knows of Anthropic's models before it asks them."""

from typing import Any

import pytest

from minimill._chat import ChatRequest, JsonSchema, Message, Text, user
from minimill._pricing import RequestSize
from minimill._routing import Candidate, Experience, Wishes, make_plan, measure
from minimill._routing._health import Health
from minimill.catalog import find_model


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")


def candidate(model: str, *parts: Text, **fields: Any) -> Candidate:
    messages = (Message("user", parts),) if parts else (user("hi"),)
    request = ChatRequest(messages, **fields)
    offers = [find_model(f"anthropic:{model}")]
    plan = make_plan(offers, request, measure(request), Wishes(), Health(), Experience(), lambda *_: None, stream=False)
    (found,) = plan.candidates
    return found


@pytest.mark.parametrize(
    ("model", "setting", "sure"),
    [
        ("claude-opus-5-5", None, True),
        ("claude-sonnet-5-5", False, None),
        ("claude-opus-4-8", False, False),
        ("claude-sonnet-4-5", False, False),
        ("claude-sonnet-4-5", None, None),
    ],
)
def test_whether_it_will_think_for_sure(model: str, setting: Any, sure: bool | None) -> None:
    """A model that may still think between tools is not sure to be quiet."""
    assert candidate(model, reasoning=setting).sure_thinking is sure


def test_marks_of_either_time() -> None:
    marks = [
        (found.explicit_cache, found.long_cache)
        for cache in (False, True, "long")
        for found in [candidate("claude-opus-5-5", Text("a", cache=cache), Text("b"))]  # type: ignore[arg-type]
    ]
    assert marks == [(False, False), (True, False), (True, True)]


@pytest.mark.parametrize(
    ("extra", "bounded"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, False),
        ({"tools": [{"type": "code_execution_20260120", "name": "code"}]}, False),
        ({"mcp_servers": []}, False),
        ({"context_management": {"edits": []}}, False),
        ({"tools": [{"type": "memory_20250818", "name": "memory"}]}, True),
        ({"tools": 7}, True),
        ({"metadata": {}}, True),
    ],
)
def test_what_runs_at_the_vendor_has_no_ceiling(extra: Any, bounded: bool) -> None:
    """Tools that the application runs are bounded; those that the vendor runs are not."""
    found = candidate("claude-opus-5-5", extra=extra)
    assert (found.ceiling is not None) is bounded
    assert (found.unpriced is None) is bounded


def test_schemas_are_measured_as_they_are_sent() -> None:
    """A bound that is told in words is longer than as a keyword."""

    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    sent = (
        '{"type":"object","properties":{"a":{"type":"integer","description":"{minimum: 1}"}},'
        '"additionalProperties":false}'
    )
    size: RequestSize = measure(ChatRequest((user("hi"),), response_format=JsonSchema(schema, strict=False)))
    assert size.schema_bytes == len(sent)
