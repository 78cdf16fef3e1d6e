"""The keyword arguments of `chat`, `stream` and `plan`, and the request they make."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import index
from typing import Any, TypedDict

from minimill._chat import (
    ChatRequest,
    Effort,
    JsonSchema,
    MessagesLike,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
    as_messages,
)
from minimill._client._context import checked, checked_app
from minimill._config import Timeouts
from minimill._money import Money


class ChatOptions(TypedDict, total=False):
    """What a call may say beside its messages. Left out: the route's, the configuration's, the vendor's default."""

    model: str | Sequence[str]
    """`provider:model`, an alias, or a list of them to choose from. Instead of a route."""
    route: str
    """Name of a route in the configuration; left out: `default`."""
    app: str
    """Who the call is for; budgets can be limited to an app."""
    tags: Mapping[str, str]
    """More about who it is for, such as `{"user": "42"}`; budgets and reports can tell them apart."""
    tools: Sequence[Tool | Mapping[str, Any]]
    """Functions that the model may ask to run: `Tool`, or mappings as Chat Completions writes them."""
    tool_choice: ToolChoice
    """`auto`, `none`, `required`, or `NamedTool(name)`."""
    parallel_tool_calls: bool
    response_format: ResponseFormat | type[Any] | Mapping[str, Any]
    """`json`, a `JsonSchema`, a pydantic model, or a JSON Schema."""
    max_output_tokens: int
    """Most output tokens. Some limit is always sent; see the configuration reference for the default."""
    reasoning: Effort | bool | int
    """Thinking: False or `none`, True, an effort word, or a budget in tokens."""
    temperature: float
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    stop: str | Sequence[str]
    seed: int
    n: int
    """Answers asked for; each is billed."""
    logprobs: bool
    top_logprobs: int
    service_tier: str
    user: str
    """An opaque id of the end user, passed to the vendor."""
    extra: Mapping[str, Any]
    """Fields of the vendor's own, put into the body by name."""
    drop_refused: bool
    """Leave out settings that a model refuses, with a warning, in place of an error."""
    max_cost: Money | str
    """Most that the whole call may cost, retries and fallbacks included; `"0.05 USD"`."""
    max_attempts: int
    """Most attempts, over all candidates."""
    deadline_s: float
    """Seconds until the call must be over."""
    wait_s: float
    """Seconds to wait for held money to come free when a budget is full."""
    timeouts: Timeouts | Mapping[str, float]
    """Limits on each attempt; as a mapping, those not named keep their defaults."""


_SETTINGS = frozenset(
    "tool_choice parallel_tool_calls max_output_tokens reasoning temperature top_p presence_penalty "
    "frequency_penalty seed n logprobs top_logprobs service_tier user extra drop_refused".split()
)


def make_request(messages: MessagesLike, options: Mapping[str, Any]) -> ChatRequest:
    """The request apart from who serves it, of options that `normalised` returned.

    Raises:
        TypeError, ValueError: the messages, or an option's value, make no sense.
    """
    settings = {name: value for name, value in options.items() if name in _SETTINGS and value is not None}
    return ChatRequest(
        as_messages(messages),
        tools=options.get("tools") or (),
        response_format=_format(options.get("response_format")),
        stop=options.get("stop") or (),
        **settings,
    )


def normalised(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call, each of its own type: shorter ways of writing them are put into full.

    Raises:
        TypeError: an option is not known, or its value is of a wrong type; the text offers the nearest
            word or says what is expected.
        ValueError: an option's value makes no sense.
    """
    result = {}
    for name, value in options.items():
        check = _CHECKS.get(name)
        if check is None:
            raise TypeError(f"{name!r} is no option of a chat call{_nearest(name, _CHECKS)}")
        result[name] = None if value is None else check(name, value)
    return result


def _nearest(word: object, words: Iterable[str]) -> str:
    import difflib  # only mistakes need it

    near = difflib.get_close_matches(str(word), words, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _wrong(name: str, what: str, value: object) -> TypeError:
    return TypeError(f"{name} is {what}, not {_told(value)}")


def _told(value: object) -> str:
    """A value where it is short and plain, else its type."""
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**18):
        return repr(value)
    return f"of type {type(value).__name__}"


def _whole(name: str, value: Any, least: int | None = 1) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise _wrong(name, "a whole number", value)
    number = index(value)
    if least is not None and number < least:
        raise ValueError(f"{name} is at least {least}, not {_told(number)}")
    return number


def _count(name: str, value: Any) -> int:
    return _whole(name, value, 0)


def _any_whole(name: str, value: Any) -> int:
    return _whole(name, value, None)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(name, "a number", value)
    if not -1e18 < value < 1e18:
        raise ValueError(f"{name} is a finite number, not {_told(value)}")
    return value


def _seconds(name: str, value: Any) -> Any:
    if _number(name, value) <= 0:
        raise ValueError(f"{name} is a number of seconds above 0, not {value!r}")
    return value


def _wait(name: str, value: Any) -> Any:
    if _number(name, value) < 0:
        raise ValueError(f"{name} is a number of seconds, at least 0, not {value!r}")
    return value


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "True or False", value)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "text", value)
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or isinstance(value, (bytes, bytearray)):
        raise _wrong(name, "text or a list of text", value)
    return tuple(_text(f"{name}[{number}]", item) for number, item in enumerate(value))


def _models(name: str, value: Any) -> tuple[str, ...]:
    models = _texts(name, value)
    if not models:
        raise ValueError(f"{name} is provider:model or a list of at least one, not an empty list")
    return models


def _stop(name: str, value: Any) -> tuple[str, ...]:
    return () if value == "" else _texts(name, value)


def _app(name: str, value: Any) -> str | None:
    return checked_app(value)


def _tags(name: str, value: Any) -> dict[str, str]:
    return checked(value)


def _reasoning(name: str, value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value  # the words are checked with the request
    if not hasattr(value, "__index__"):
        raise _wrong(name, "True, False, an effort such as 'low', or a number of tokens", value)
    return _whole(name, value, 0)


def _tool_choice(name: str, value: Any) -> ToolChoice:
    if isinstance(value, NamedTool):
        return value
    what = "'auto', 'none', 'required' or NamedTool(name)"
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise ValueError(f"{name} is {what}, not {value!r}")
        return value  # type: ignore[return-value]  # one of the three words
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        return NamedTool(_text("tool_choice['function']['name']", value["function"].get("name")))
    raise _wrong(name, what, value)


def _response_format(name: str, value: Any) -> Any:
    schema = value.schema if isinstance(value, JsonSchema) else value
    if isinstance(schema, Mapping):
        _check_ends(name, schema)
    return value  # the rest is checked with the request


def _extra(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, "a mapping of the vendor's fields", value)
    for key in value:
        _text(f"a key of {name}", key)
    _check_ends(name, value)
    return value


def _tools(name: str, value: Any) -> tuple[Tool, ...]:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        raise _wrong(name, "a list of Tool", value)
    return tuple(_tool(f"{name}[{number}]", item) for number, item in enumerate(value))


_TOOL_KEYS = ("name", "description", "parameters", "strict")


def _tool(where: str, value: Any) -> Tool:
    tool = _tool_of(where, value) if isinstance(value, Mapping) else value
    if not isinstance(tool, Tool):
        hint = f"; say Tool.of({tool.__name__})" if hasattr(tool, "model_json_schema") else ""
        raise TypeError(
            f'{where} is a Tool or {{"type": "function", "function": {{…}}}}, not {_told(value)}{hint}'
        )
    _text(f"{where}: the name", tool.name)
    _text(f"{where}: the description", tool.description)
    if not isinstance(tool.parameters, Mapping):
        raise _wrong(f"{where}: parameters", "a JSON Schema as a mapping", tool.parameters)
    _check_ends(f"{where}: parameters", tool.parameters)
    return tool


def _tool_of(where: str, value: Mapping[str, Any]) -> Tool:
    """A tool as Chat Completions writes it."""
    function = value.get("function")
    if value.get("type", "function") != "function" or not isinstance(function, Mapping):
        raise TypeError(f'{where} as a mapping looks like {{"type": "function", "function": {{…}}}}')
    for key in function:
        if key not in _TOOL_KEYS:
            raise TypeError(f"{where}: {key!r} is no key of a function{_nearest(key, _TOOL_KEYS)}")
    if "name" not in function:
        raise TypeError(f"{where}: the function has no name")
    if function.get("strict") is not None:
        _yes_or_no(f"{where}: strict", function["strict"])
    return Tool(**{key: given for key, given in function.items() if given is not None or key == "name"})


def _check_ends(where: str, value: Mapping[str, Any]) -> None:
    """Raises ValueError for a mapping that holds itself, or goes too deep to be written."""
    try:
        json.dumps(value, skipkeys=True, default=_inside)
    except (ValueError, RecursionError):
        raise ValueError(f"{where} cannot be written as JSON: it holds itself, or goes too deep") from None


def _inside(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else None


_TIMES = tuple(field.name for field in fields(Timeouts))


def _timeouts(name: str, value: Any) -> Timeouts:
    if isinstance(value, Mapping):
        for key in value:
            if key not in _TIMES:
                hint = _nearest(key, _TIMES) or f"; known: {', '.join(_TIMES)}"
                raise TypeError(f"{key!r} is no field of {name}{hint}")
        times = Timeouts(**{key: time for key, time in value.items() if time is not None})
    elif isinstance(value, Timeouts):
        times = value
    else:
        raise _wrong(name, 'Timeouts or a mapping such as {"total_s": 60}', value)
    for key in _TIMES:
        _seconds(f"{name}.{key}", getattr(times, key))
    return times


def _max_cost(name: str, value: Any) -> Money:
    return as_money(value, name)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "model": _models,
    "route": _text,
    "app": _app,
    "tags": _tags,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _yes_or_no,
    "response_format": _response_format,
    "max_output_tokens": _whole,
    "reasoning": _reasoning,
    "temperature": _number,
    "top_p": _number,
    "presence_penalty": _number,
    "frequency_penalty": _number,
    "stop": _stop,
    "seed": _any_whole,
    "n": _whole,
    "logprobs": _yes_or_no,
    "top_logprobs": _count,
    "service_tier": _text,
    "user": _text,
    "extra": _extra,
    "drop_refused": _yes_or_no,
    "max_cost": _max_cost,
    "max_attempts": _whole,
    "deadline_s": _seconds,
    "wait_s": _wait,
    "timeouts": _timeouts,
}


def _format(value: Any) -> ResponseFormat | None:
    if value is None or isinstance(value, (str, JsonSchema)):
        if value in (None, "text", "json") or isinstance(value, JsonSchema):
            return value  # type: ignore[return-value]  # one of the two words
        raise ValueError(
            f"response_format is 'text', 'json', a JsonSchema or a pydantic model, not {value!r}"
        )
    if hasattr(value, "model_json_schema"):
        return JsonSchema.of(value)
    if isinstance(value, Mapping):
        return JsonSchema(value)
    raise ValueError(f"response_format is 'text', 'json', a JsonSchema or a pydantic model, not {value!r}")


def as_money(value: Money | str, name: str) -> Money:
    """Money, or text such as `0.05 USD`. Raises ValueError naming the option."""
    if isinstance(value, Money):
        return value
    try:
        return Money.of(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from None
