"""The JSON Schema of provider files and of user tables, for editors, from the same dataclasses.

Descriptions are the docstrings under the fields. Loaded only when a schema is asked for.
"""

import ast
import dataclasses
import datetime as dt
import functools
import inspect
import sys
import types
import typing
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from minimill.catalog._entries import ProviderEntry
from minimill.catalog._marks import Above, AtLeast, AtMost, Matches, OneOrMany, Partial
from minimill.catalog._shape import hints

DRAFT = "http://json-schema.org/draft-07/schema#"


def provider_schema() -> dict[str, Any]:
    """The schema of a shipped provider file."""
    return schema_for(ProviderEntry, "A minimill provider file")


def schema_for(
    table: type, title: str, *, needed: Collection[tuple[type, str]] | None = None
) -> dict[str, Any]:
    """The schema of the file that the dataclass `table` describes.

    Args:
        table: The dataclass of the whole file.
        title: Title of the schema.
        needed: The only keys that may be demanded (users leave out what minimill fills in); None: all.
    """
    emitter = _Emitter(needed)
    top = emitter.table(table)
    return {"$schema": DRAFT, "title": title, **top, "definitions": dict(sorted(emitter.definitions.items()))}


class _Emitter:
    def __init__(self, needed: Collection[tuple[type, str]] | None) -> None:
        self.definitions: dict[str, Any] = {}
        self._needed = needed

    def table(self, table: type) -> dict[str, Any]:
        words = field_words(table)
        properties = {}
        for item in dataclasses.fields(table):
            text = words.get(item.name)
            schema = self._of(hints(table)[item.name], ())
            described = {"description": text, **schema} if text else schema
            properties[item.name] = described | _default(item)
        required = [item.name for item in dataclasses.fields(table) if self._required(table, item)]
        text = inspect.cleandoc(table.__doc__ or "")
        schema = {"type": "object", "description": text, "properties": properties}
        return {**schema, "additionalProperties": False, **({"required": required} if required else {})}

    def _required(self, table: type, item: "dataclasses.Field[Any]") -> bool:
        if item.default is not dataclasses.MISSING or item.default_factory is not dataclasses.MISSING:
            return False
        return self._needed is None or (table, item.name) in self._needed

    def _reference(self, table: type) -> dict[str, Any]:
        name = table.__name__.removesuffix("Entry")
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.table(table)
        return {"allOf": [{"$ref": f"#/definitions/{name}"}]}

    def _of(self, hint: Any, marks: tuple[Any, ...]) -> dict[str, Any]:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            return self._of(arguments[0], (*marks, *arguments[1:]))
        if isinstance(hint, Partial) or (partial := _mark(marks, Partial)):
            return self._reference(hint.of if isinstance(hint, Partial) else partial.of)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is types.UnionType or origin is typing.Union:
            return self._of(next(a for a in arguments if a is not types.NoneType), marks)
        if origin is tuple:
            many = {"type": "array", "items": self._of(arguments[0], ())}
            return {"anyOf": [many["items"], many]} if _mark(marks, OneOrMany) else many
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self._of(arguments[1], ())}
        if dataclasses.is_dataclass(hint):
            return self._reference(typing.cast(type, hint))
        return _leaf(hint, marks)


_TYPES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    Any: {},
}


def _leaf(hint: Any, marks: tuple[Any, ...]) -> dict[str, Any]:
    schema = dict(_TYPES[hint])
    if hint in (int, float, Decimal):
        least, most, above = _mark(marks, AtLeast), _mark(marks, AtMost), _mark(marks, Above)
        if above:
            schema["exclusiveMinimum"] = above.bound
        else:
            schema["minimum"] = least.least if least else 0
        if most:
            schema["maximum"] = most.most
    if pattern := _mark(marks, Matches):
        schema["pattern"] = f"^(?:{pattern.pattern.removeprefix('(?s)')})$"
    return schema


def _mark(marks: tuple[Any, ...], kind: type) -> Any:
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _default(item: "dataclasses.Field[Any]") -> dict[str, Any]:
    value = item.default
    if isinstance(value, tuple):
        return {"default": list(value)}
    if isinstance(value, Decimal):
        return {"default": int(value) if value == int(value) else str(value)}
    return {"default": value} if isinstance(value, (str, int, float)) else {}


_BESIDE = {
    "Bounds": {
        "per_message_tokens": "Template overhead of a message.",
        "file_tokens": "Most tokens of one file; left out: no bound can be stated.",
        "audio_tokens": "Most tokens of one piece of sound; left out: no bound can be stated.",
    }
}
"""Descriptions of fields that have no docstring of their own."""


@functools.cache
def field_words(table: type) -> dict[str, str]:
    """The docstring under each field of a dataclass, its bases' included."""
    words: dict[str, str] = dict(_BESIDE.get(table.__name__, {}))
    for base in reversed(table.__mro__):
        if dataclasses.is_dataclass(base):
            words |= _module_words(base.__module__).get(base.__name__, {})
    return words


@functools.cache
def _module_words(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _class_words(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class_words(node: ast.ClassDef) -> dict[str, str]:
    words = {}
    for line, following in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            words[line.target.id] = " ".join(str(following.value.value).split())
    return words
