"""Whether a value follows a JSON Schema, as far as its shape goes.

Types, `enum`, `const`, properties, items, combinations, references within the schema, bounds and lengths. Patterns and
formats are left out: they are what a reader of the answer checks, and a pattern may take for ever.
https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DEEPEST = 64
"""Schemas within schemas; deeper ones are not looked at."""
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and value == value // 1,
    "number": lambda value: _is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def breach(value: Any, schema: Any) -> str | None:
    """Where a value first departs from a schema, without the value itself; None: it follows it."""
    return _Look(schema).first(value, schema, "", 0)


class _Look:
    """One look at one value. What was found about a part of it by a part of the schema is kept: where schemas refer to
    each other in several ways, the number of ways grows with every level."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._found: dict[tuple[int, int], str | None] = {}

    def first(self, value: Any, schema: Any, place: str, depth: int) -> str | None:
        """Where a part first departs from a schema."""
        key = id(value), id(schema)
        if not isinstance(value, (dict, list)):
            return next(_breaches(value, schema, self, place, depth), None)
        if key not in self._found:
            self._found[key] = None  # a schema that comes back to itself asks nothing new
            self._found[key] = next(_breaches(value, schema, self, place, depth), None)
        return self._found[key]


def _breaches(value: Any, schema: Any, root: _Look, place: str, depth: int) -> Iterator[str]:
    if schema is False:
        yield f"{place or '/'} should not be there"
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    if isinstance(schema.get("$ref"), str):
        yield from _told(root.first(value, _referred(schema["$ref"], root.root), place, depth + 1))
    yield from _of_its_own(value, schema, place or "/")
    yield from _combined(value, schema, root, place, depth + 1)
    if isinstance(value, dict):
        yield from _in_object(value, schema, root, place, depth + 1)
    elif isinstance(value, list):
        yield from _in_list(value, schema, root, place, depth + 1)


def _told(text: str | None) -> Iterator[str]:
    if text is not None:
        yield text


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _referred(ref: str, root: Any) -> Any:
    """The schema at a JSON pointer; True, which allows everything, where there is none."""
    found = root
    for step in ref.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            return True
        found = found[name]
    return found if ref.startswith("#") else True


def _of_its_own(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    wanted = schema.get("type")
    kinds = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    if kinds and not any(_TYPES.get(kind, lambda _: True)(value) for kind in kinds):
        yield f"{place} is no {' or '.join(map(str, kinds))}"
    if isinstance(schema.get("enum"), list) and not any(_same(value, one) for one in schema["enum"]):
        yield f"{place} is none of the values that are allowed"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{place} is not the value that is allowed"
    if _is_number(value):
        yield from _within(value, schema, place, ("minimum", "maximum"), "is a number")
        low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if (_is_number(low) and value <= low) or (_is_number(high) and value >= high):
            yield f"{place} is a number outside its bounds"
    elif isinstance(value, str):
        yield from _within(len(value), schema, place, ("minLength", "maxLength"), "has a length")
    elif isinstance(value, list):
        yield from _within(len(value), schema, place, ("minItems", "maxItems"), "has a length")
    elif isinstance(value, dict):
        yield from _within(len(value), schema, place, ("minProperties", "maxProperties"), "has a number of properties")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and 1.0 is 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _within(number: Any, schema: Mapping[str, Any], place: str, names: tuple[str, str], what: str) -> Iterator[str]:
    low, high = (schema.get(name) for name in names)
    if (_is_number(low) and number < low) or (_is_number(high) and number > high):
        yield f"{place} {what} outside its bounds"


def _combined(value: Any, schema: Mapping[str, Any], root: _Look, place: str, depth: int) -> Iterator[str]:
    for name in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(name)
        if not isinstance(parts, list) or not parts:
            continue
        failed = [root.first(value, part, place, depth) for part in parts]
        fitting = failed.count(None)
        if name == "allOf" and fitting < len(parts):
            yield next(text for text in failed if text is not None)
        elif name == "anyOf" and not fitting:
            yield f"{place or '/'} fits none of the forms that are allowed"
        elif name == "oneOf" and fitting != 1:
            yield f"{place or '/'} fits {'none' if not fitting else 'several'} of the forms of which it should be one"
    if "not" in schema and root.first(value, schema["not"], place, depth) is None:
        yield f"{place or '/'} has the form that is not allowed"


def _in_object(value: dict[str, Any], schema: Mapping[str, Any], root: _Look, place: str, depth: int) -> Iterator[str]:
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in value:
            yield f"{place}/{name} is missing"
    known = schema.get("properties")
    known = known if isinstance(known, Mapping) else {}
    others = schema.get("additionalProperties", True)
    if schema.get("patternProperties"):
        others = True
    for name, inner in value.items():
        if name in known:
            yield from _told(root.first(inner, known[name], f"{place}/{name}", depth))
        elif others is False:
            yield f"{place or '/'} has a property that is not allowed"
        else:
            yield from _told(root.first(inner, others, f"{place}/…", depth))


def _in_list(value: list[Any], schema: Mapping[str, Any], root: _Look, place: str, depth: int) -> Iterator[str]:
    first = schema.get("prefixItems")
    first = first if isinstance(first, list) else []
    rest = schema.get("items", True)
    for number, inner in enumerate(value):
        part = first[number] if number < len(first) else rest
        yield from _told(root.first(inner, part, f"{place}/{number}", depth))
