"""Dataclasses that cost little to define: what every module of minimill makes its value classes with.

`dataclasses.dataclass` writes and compiles up to seven methods for each class, which took a fifth of the time
from `import minimill` to the first answer. Here only `__init__` is compiled; the others are functions that all
classes share. Everything else is as in the standard library, whose `fields`, `replace` and `field` work on
these classes as on any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")
_FIELDS = "__dataclass_fields__"
SIZED = {"minimill.sized": True}
"""Metadata of a field whose content is nobody's business: `repr` shows how long it is."""


def _made(cls: type[T], *, frozen: bool, slots: bool, eq: bool, repr: bool, kw_only: bool) -> type[T]:
    own = vars(cls)
    post_init = hasattr(cls, "__post_init__")
    init = "__init__" not in own and frozen
    made = dataclasses.dataclass(init=not frozen, eq=False, repr=False, slots=slots, kw_only=kw_only)(cls)
    parameters = vars(made)["__dataclass_params__"]
    parameters.init, parameters.eq, parameters.repr, parameters.frozen = True, eq, repr, frozen
    known: dict[str, dataclasses.Field[Any]] = getattr(made, _FIELDS)
    if repr and "__repr__" not in own:
        _set(made, "__repr__", _repr)
    if eq and "__eq__" not in own:
        _compare(made, known.values())
        if not frozen:
            setattr(made, "__hash__", None)  # noqa: B010 - mypy knows it as a method
        elif "__hash__" not in own:
            _hash(made, known.values())
    if frozen:
        if init:
            _set(made, "__init__", _frozen_init(made, list(known.values()), post_init, cls))
        for method in (_setattr, _delattr, _getstate, _setstate):
            _set(made, f"_{method.__name__}__", method)
    return made


def _set(made: type[Any], name: str, method: Callable[..., Any]) -> None:
    setattr(made, name, method)


def _frozen_init(
    made: type[Any], known: list[dataclasses.Field[Any]], post_init: bool, cls: type[Any]
) -> Callable[..., None]:
    names: dict[str, Any] = {"put": object.__setattr__, "missing": dataclasses.MISSING}
    lines: list[str] = []
    plain: list[str] = []
    by_name: list[str] = []
    for number, known_field in enumerate(known):
        name, value, argument = known_field.name, known_field.name, known_field.name
        slot = getattr(made, name, None)
        if known_field.default_factory is not dataclasses.MISSING:
            names[f"d{number}"] = known_field.default_factory
            value = f"d{number}() if {name} is missing else {name}"
            argument += "=missing"
        elif known_field.default is not dataclasses.MISSING:
            names[f"d{number}"] = known_field.default
            argument += f"=d{number}"
        (by_name if known_field.kw_only else plain).append(argument)
        if isinstance(slot, MemberDescriptorType):  # a third less time than by name
            names[f"p{number}"] = slot.__set__
            lines.append(f"  p{number}(self, {value})")
        else:
            lines.append(f"  put(self, {name!r}, {value})")
    if post_init:
        lines.append("  self.__post_init__()")
    arguments = ", ".join(["self", *plain, *(["*", *by_name] if by_name else [])])
    exec("\n".join([f"def __init__({arguments}):", *(lines or ["  pass"])]), names)
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    init.__annotations__ = {f.name: f.type for f in known} | {"return": None}
    return init


def _compare(made: type[Any], known: Iterable[dataclasses.Field[Any]]) -> None:
    compared = _values([f.name for f in known if f.compare])

    def __eq__(self: Any, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(compared(self) == compared(other))

    _set(made, "__eq__", __eq__)


def _hash(made: type[Any], known: Iterable[dataclasses.Field[Any]]) -> None:
    hashed = _values([f.name for f in known if (f.compare if f.hash is None else f.hash)])

    def __hash__(self: Any) -> int:
        return hash(hashed(self))

    _set(made, "__hash__", __hash__)


def _values(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _repr(self: Any) -> str:
    shown = [f"{f.name}={_shown(f, getattr(self, f.name))}" for f in getattr(self, _FIELDS).values() if f.repr]
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _shown(known: dataclasses.Field[Any], value: object) -> str:
    if "minimill.sized" not in known.metadata:
        return repr(value)
    if isinstance(value, str):
        return f"<{len(value)} characters>"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else repr(value)


def _setattr(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in getattr(self, _FIELDS)]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(getattr(self, _FIELDS), state, strict=True):
        object.__setattr__(self, name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, repr=True, kw_only=False):
        """`dataclasses.dataclass`, for the options that are named here."""
        options = {"frozen": frozen, "slots": slots, "eq": eq, "repr": repr, "kw_only": kw_only}
        return (lambda given: _made(given, **options)) if cls is None else _made(cls, **options)
