"""Options and labels of the wrong type are refused with a text that says what is right; before anything is sent."""

from typing import Any

import pytest

import minimill
from minimill._client._context import Labels, checked
from minimill._client._options import make_request, normalised

LOOP: dict[str, Any] = {"type": "object"}
LOOP["properties"] = {"again": LOOP}
FUNCTION = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}

WRONG = [
    ({"n": True}, TypeError, "n is a whole number, not True"),
    ({"n": 0}, ValueError, "n is at least 1, not 0"),
    ({"max_output_tokens": 5.0}, TypeError, "max_output_tokens is a whole number, not 5.0"),
    ({"max_attempts": "3"}, TypeError, "max_attempts is a whole number, not of type str"),
    ({"deadline_s": float("inf")}, ValueError, "deadline_s is a finite number, not inf"),
    ({"deadline_s": 0}, ValueError, "deadline_s is a number of seconds above 0, not 0"),
    ({"wait_s": -1}, ValueError, "wait_s is a number of seconds, at least 0, not -1"),
    ({"temperature": float("nan")}, ValueError, "temperature is a finite number, not nan"),
    ({"temperature": "hot"}, TypeError, "temperature is a number, not of type str"),
    ({"timeouts": 5}, TypeError, 'timeouts is Timeouts or a mapping such as {"total_s": 60}, not 5'),
    ({"timeouts": {"total": 5}}, TypeError, "'total' is no field of timeouts; did you mean 'total_s'?"),
    ({"timeouts": {"total_s": -5}}, ValueError, "timeouts.total_s is a number of seconds above 0, not -5"),
    ({"timeouts": minimill.Timeouts(total_s=0)}, ValueError, "timeouts.total_s is a number of seconds"),
    ({"tools": [5]}, TypeError, 'tools[0] is a Tool or {"type": "function", "function": {…}}, not 5'),
    ({"tools": [{"function": {**FUNCTION, "parmeters": {}}}]}, TypeError, "did you mean 'parameters'?"),
    (
        {"tools": [minimill.Tool("a", parameters=LOOP)]},
        ValueError,
        "tools[0]: parameters cannot be written as",
    ),
    ({"model": []}, ValueError, "model is provider:model or a list of at least one"),
    ({"model": 5}, TypeError, "model is text or a list of text, not 5"),
    ({"model": ["a:b", None]}, TypeError, "model[1] is text, not None"),
    ({"app": ["x"]}, TypeError, "app is text such as 'helpdesk', not of type list"),
    ({"app": "\ud800"}, ValueError, "app holds half of a character (a lone surrogate)"),
    ({"tags": "x"}, TypeError, 'tags is a mapping such as {"user": "42"}, not of type str'),
    ({"tags": {"user": "\ud800"}}, ValueError, "tags['user'] holds half of a character"),
    ({"tags": {"model": "m"}}, ValueError, "a tag may not be called 'model'"),
    ({"max_cost": "cheap"}, ValueError, "max_cost: an amount is a number and a currency"),
    ({"temprature": 1}, TypeError, "did you mean 'temperature'?"),
]


@pytest.mark.parametrize(("options", "kind", "text"), WRONG)
def test_a_wrong_option_says_what_is_right(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    """The option by its name, what it is, and what it was."""
    with pytest.raises(kind) as caught:
        normalised(options)
    assert text in str(caught.value)


def test_shorter_ways_are_put_into_full() -> None:
    """Mappings become timeouts and tools; None stays left out."""
    options = normalised(
        {
            "timeouts": {"total_s": 60},
            "tools": [{"type": "function", "function": FUNCTION}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "n": None,
            "stop": "END",
        }
    )
    assert options["timeouts"] == minimill.Timeouts(total_s=60)
    request = make_request("hello", options)
    assert request.tools == (minimill.Tool("look", "Looks.", {"type": "object"}, True),)
    assert request.tool_choice == minimill.NamedTool("look")
    assert (request.n, request.stop) == (1, ("END",))


def test_labels_are_text() -> None:
    """Numbers become text, so that they match a budget's scope; a tag of None is absent."""
    assert Labels(5).app == "5"  # type: ignore[arg-type]
    assert Labels().under(5, {"user": 7, "team": None}) == Labels("5", {"user": "7"})  # type: ignore[arg-type,dict-item]
    assert checked(None) == {}


@pytest.mark.anyio
async def test_chat_stream_and_plan_refuse_alike() -> None:
    """And so does a client whose own app is no text."""
    async with minimill.Client({"ledger": "memory:"}) as client:
        with pytest.raises(TypeError, match="n is a whole number"):
            await client.chat("hello", model="openai:gpt-4o", n="2")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="n is a whole number"):
            async with client.stream("hello", model="openai:gpt-4o", n="2"):  # type: ignore[arg-type]
                pass
        with pytest.raises(TypeError, match="n is a whole number"):
            client.plan("hello", model="openai:gpt-4o", n="2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="app is text"):
        minimill.Client({"ledger": "memory:"}, app=["x"])  # type: ignore[arg-type]
