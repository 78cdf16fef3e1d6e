"""App and tags of a call: by argument, by client, or for everything inside a `with` block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Labels:
    """Who a call is for."""

    app: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    def under(self, app: str | None, tags: Mapping[str, str] | None) -> Labels:
        """These labels with nearer ones laid over them."""
        if app is None and not tags:
            return self
        return Labels(app if app is not None else self.app, {**self.tags, **checked(tags)})


_labels: ContextVar[Labels] = ContextVar("minimill_labels", default=Labels())  # noqa: B039  # frozen
RESERVED = ("app", "route", "provider", "model")


def checked(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Tags as text; raises ValueError for names that mean something else in a budget's scope."""
    result = {}
    for name, value in (tags or {}).items():
        if name in RESERVED:
            raise ValueError(f"a tag may not be called {name!r}: budgets use that word for the call's {name}")
        result[str(name)] = str(value)
    return result


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
