"""Dialects and providers that other packages bring, through entry points. Loaded when a name is asked for.

Groups: `minimill.dialects` (an object that is a `Dialect`, or a class of one) and `minimill.providers`
(the path of a TOML file, or a function that returns one).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from minimill._errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DIALECTS = "minimill.dialects"
PROVIDERS = "minimill.providers"


def _found(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # costs more to import than most calls need

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise PluginError(
                f"two packages claim {point.name!r} in {group}: {_owner(other)} and {_owner(point)}"
            )
        found[point.name] = point
    return found


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def plugin_names(group: str) -> tuple[str, ...]:
    """Names that installed packages offer in a group. Raises PluginError if two claim one name."""
    return tuple(sorted(_found(group)))


def load_dialect(name: str) -> Any:
    """The dialect that a package offers under `name`; None if nobody does.

    Raises:
        PluginError: it cannot be imported, or is no dialect.
    """
    value = _load(DIALECTS, name)
    if isinstance(value, type):
        value = value()
    if value is not None and not all(hasattr(value, part) for part in ("encode", "decode", "decode_error")):
        raise PluginError(
            f"the entry point {name!r} in {DIALECTS} is no dialect: see minimill.dialects.Dialect"
        )
    return value


def load_provider_file(name: str) -> Path | None:
    """The TOML file that a package offers for provider `name`; None if nobody does.

    Raises:
        PluginError: it cannot be imported, or names no file.
    """
    value = _load(PROVIDERS, name)
    if value is None:
        return None
    path = Path(value() if callable(value) else value)
    if not path.is_file():
        raise PluginError(f"the entry point {name!r} in {PROVIDERS} names no file: {path}")
    return path


def _load(group: str, name: str) -> Any:
    point = _found(group).get(name)
    if point is None:
        return None
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"the entry point {name!r} in {group} ({point.value}) cannot be loaded: {error}"
        ) from error
