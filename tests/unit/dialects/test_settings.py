"""Settings that a model refuses or takes without effect: an error, or left out and named."""

import json
from typing import Any

import pytest

from minimill._chat import ChatRequest, Tool, user
from minimill._errors import InvalidRequestError
from minimill.catalog import Quirks
from minimill.dialects import Target, get_dialect

CODECS = ("openai_chat", "openai_responses")


def send(codec: str, fields: dict[str, Any], **quirks: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings that are sent, and those that are left out."""
    request = ChatRequest((user("hi"),), **fields)
    sent = get_dialect(codec).encode(request, Target("acme", "m-1", Quirks(**quirks)), stream=False)
    body = json.loads(sent.body)
    return {key: body[key] for key in body if key not in ("model", "messages", "input", "store")}, sent.dropped


@pytest.mark.parametrize("codec", CODECS)
def test_what_has_no_effect_is_left_out_and_named(codec: str) -> None:
    """Nobody is told that it works; nothing else changes."""
    asked = {"temperature": 0.5, "top_p": 0.9, "user": "u"}
    assert send(codec, asked, ignored_params=("temperature", "user")) == ({"top_p": 0.9}, ("temperature", "user"))


@pytest.mark.parametrize("codec", CODECS)
def test_what_has_no_effect_while_the_model_thinks(codec: str) -> None:
    """It is sent where the model does not think."""
    quirks: dict[str, Any] = {"thinking_ignored_params": ("temperature",), "thinking_switch": "enable_thinking"}
    on = send(codec, {"temperature": 0.5, "reasoning": True}, **quirks)
    assert on == ({"enable_thinking": True}, ("temperature",))
    off = send(codec, {"temperature": 0.5, "reasoning": False}, **quirks)
    assert off == ({"enable_thinking": False, "temperature": 0.5}, ())


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_refused(codec: str) -> None:
    """An error, unless the caller lets it go."""
    quirks: dict[str, Any] = {"refused_params": ("temperature",)}
    with pytest.raises(InvalidRequestError, match="does not take temperature at all"):
        send(codec, {"temperature": 0.5}, **quirks)
    assert send(codec, {"temperature": 0.5, "drop_refused": True}, **quirks) == ({}, ("temperature",))


@pytest.mark.parametrize("codec", CODECS)
def test_fields_of_the_vendors_own(codec: str) -> None:
    """One that is refused goes like a setting; one without effect is sent as it was given."""
    extra = {"logit_bias": {"1": 1}, "top_k": 3}
    asked = {"extra": extra, "drop_refused": True}
    assert send(codec, asked, refused_params=("logit_bias",)) == ({"top_k": 3}, ("logit_bias",))
    if codec == "openai_chat":
        assert send(codec, {"extra": extra}, ignored_params=("logit_bias",)) == (extra, ())


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ignored", [(), ("tools", "tool_choice")])
def test_tools_stay(codec: str, ignored: Any) -> None:
    """An answer without them is another answer."""
    asked = {"tools": (Tool("f"),), "tool_choice": "required", "drop_refused": True}
    settings, dropped = send(codec, asked, ignored_params=ignored)
    assert (settings["tool_choice"], dropped) == ("required", ())
    with pytest.raises(InvalidRequestError, match="does not take tool_choice"):
        send(codec, asked, refused_params=("tool_choice",))


def test_what_is_left_out_is_not_checked_further() -> None:
    """Four stop strings are too many only where they are sent."""
    asked = {"stop": ("a", "b"), "n": 3, "drop_refused": True}
    quirks: dict[str, Any] = {"refused_params": ("stop", "n"), "max_stop": 1, "max_n": 1}
    assert send("openai_chat", asked, **quirks) == ({}, ("stop", "n"))


def test_the_user_under_another_name() -> None:
    """The setting is known by its own name."""
    quirks: dict[str, Any] = {"user_field": "user_id", "refused_params": ("user",)}
    with pytest.raises(InvalidRequestError, match="does not take user "):
        send("openai_chat", {"user": "u"}, **quirks)
    assert send("openai_chat", {"user": "u", "drop_refused": True}, **quirks) == ({}, ("user",))


def test_by_messages_too() -> None:
    """What the wire has no field for, what the model refuses, and what it takes without effect."""
    quirks = Quirks(refused_params=("top_k", "top_p"), ignored_params=("stop",))
    target = Target("acme", "m-1", quirks)
    asked: dict[str, Any] = {
        "max_output_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ("a",),
        "seed": 7,
        "n": 2,
        "extra": {"top_k": 3, "inference": "x"},
    }
    sent = get_dialect("anthropic").encode(
        ChatRequest((user("hi"),), drop_refused=True, **asked), target, stream=False
    )
    body = json.loads(sent.body)
    assert {key: body[key] for key in body if key != "messages"} == {
        "model": "m-1",
        "max_tokens": 9,
        "temperature": 0.5,
        "inference": "x",
    }
    assert sent.dropped == ("top_p", "stop", "seed", "n", "top_k")
    with pytest.raises(InvalidRequestError, match="does not take seed at all"):
        get_dialect("anthropic").encode(
            ChatRequest((user("hi"),), max_output_tokens=9, seed=7), target, stream=False
        )


def test_by_generate_content_too() -> None:
    """What the model refuses, what it takes without effect, and calls one by one, which the wire cannot ask for."""
    quirks = Quirks(refused_params=("top_p", "presence_penalty"), ignored_params=("temperature",), max_n=1)
    asked: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "presence_penalty": 1.0,
        "seed": 7,
        "tools": (Tool("f"),),
        "parallel_tool_calls": False,
    }
    target, codec = Target("acme", "m-1", quirks), get_dialect("gemini")
    sent = codec.encode(ChatRequest((user("hi"),), drop_refused=True, **asked), target, stream=False)
    assert json.loads(sent.body)["generationConfig"] == {"seed": 7}
    assert sent.dropped == ("temperature", "top_p", "presence_penalty", "parallel_tool_calls")
    for name in ("top_p", "presence_penalty"):
        with pytest.raises(InvalidRequestError, match=f"does not take {name} at all"):
            codec.encode(ChatRequest((user("hi"),), **{name: 1.0}), target, stream=False)
