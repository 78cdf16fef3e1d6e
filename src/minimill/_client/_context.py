"""App and tags of a call: by argument, by client, or for everything inside a `with` block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Any

from minimill._values import dataclass


@dataclass(frozen=True, slots=True)
class Labels:
    """Who a call is for."""

    app: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "app", checked_app(self.app))

    def under(self, app: str | None, tags: Mapping[str, str] | None) -> Labels:
        """These labels with nearer ones laid over them."""
        if app is None and not tags:
            return self
        return Labels(app if app is not None else self.app, {**self.tags, **checked(tags)})


RESERVED = ("app", "route", "provider", "model")


def checked_app(app: str | int | None) -> str | None:
    """The app as text; a whole number becomes its digits.

    Raises:
        TypeError: it is neither.
        ValueError: the text cannot be written down.
    """
    if app is None:
        return None
    if isinstance(app, str):
        return _writable(str.__str__(app), "app")
    if isinstance(app, int) and not isinstance(app, bool):
        return str(int(app))
    raise TypeError(f"app is text such as 'helpdesk', not {_kind(app)}")


def checked(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags as text; one whose value is None is left out.

    Raises:
        TypeError: the tags are no mapping.
        ValueError: a name means something else in a budget's scope, or a text cannot be written down.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise TypeError(f'tags is a mapping such as {{"user": "42"}}, not {_kind(tags)}')
    result = {}
    for key, value in tags.items():
        name = _writable(str(key), "a tag's name")
        if name in RESERVED:
            raise ValueError(f"a tag may not be called {name!r}: budgets use that word for the call's {name}")
        if value is not None:
            result[name] = _writable(str(value), f"tags[{name!r}]")
    return result


def _writable(text: str, what: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{what} holds half of a character (a lone surrogate), which cannot be written: {text!a}"
            ) from None
    return text


def _kind(value: object) -> str:
    return f"of type {type(value).__name__}"


_labels: ContextVar[Labels] = ContextVar("minimill_labels", default=Labels())  # noqa: B039  # frozen


def current() -> Labels:
    """The labels of the running context."""
    return _labels.get()


@contextmanager
def context(*, app: str | None = None, tags: Mapping[str, str] | None = None) -> Iterator[None]:
    """Label every call made inside the block, in this task and the tasks it starts.

    Arguments of a call win over the nearest block, blocks over the client, the client over the config file.
    """
    token = _labels.set(_labels.get().under(app, tags))
    try:
        yield
    finally:
        _labels.reset(token)
