"""The keyword arguments of `chat`, `stream` and `plan`, and the request they make."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from minimill._chat import (
    ChatRequest,
    Effort,
    JsonSchema,
    MessagesLike,
    ResponseFormat,
    Tool,
    ToolChoice,
    as_messages,
)
from minimill._client._call import Timeouts
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
    tools: Sequence[Tool]
    """Functions that the model may ask to run."""
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
    max_cost: Money | str
    """Most that the whole call may cost, retries and fallbacks included; `"0.05 USD"`."""
    max_attempts: int
    """Most attempts, over all candidates."""
    deadline_s: float
    """Seconds until the call must be over."""
    wait_s: float
    """Seconds to wait for held money to come free when a budget is full."""
    timeouts: Timeouts
    """Limits on each attempt."""


_SETTINGS = frozenset(
    "tool_choice parallel_tool_calls max_output_tokens reasoning temperature top_p presence_penalty "
    "frequency_penalty seed n logprobs top_logprobs service_tier user extra".split()
)
_OTHERS = frozenset(
    "model route app tags tools response_format stop max_cost max_attempts deadline_s wait_s timeouts".split()
)


def make_request(messages: MessagesLike, options: Mapping[str, Any]) -> ChatRequest:
    """The request apart from who serves it.

    Raises:
        TypeError: an option is not known; the text offers the nearest word.
        ValueError: an option's value makes no sense.
    """
    for name in options:
        if name not in _SETTINGS and name not in _OTHERS:
            near = difflib.get_close_matches(name, _SETTINGS | _OTHERS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{name!r} is no option of a chat call{hint}")
    settings = {name: value for name, value in options.items() if name in _SETTINGS and value is not None}
    stop = options.get("stop") or ()
    return ChatRequest(
        as_messages(messages),
        tools=tuple(options.get("tools") or ()),
        response_format=_format(options.get("response_format")),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        **settings,
    )


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
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
