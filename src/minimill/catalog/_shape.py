"""Plain dataclasses as strict pydantic-core schemas, built from their annotations.

Building them here instead of deriving from `pydantic.BaseModel` keeps some 50 ms of pydantic's schema
generator out of every start; the checks are done by the same pydantic-core. It knows `_marks`, and
nothing of what the tables mean.
"""

import dataclasses
import datetime as dt
import functools
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from minimill.catalog._marks import Above, AtLeast, AtMost, Matches, OneOrMany, Partial, Zoned

Schema = core_schema.CoreSchema
LARGEST = 1_000_000_000
"""No number in a file means anything beyond this; a slip of many digits shall not become arithmetic."""


@functools.cache
def validator(shape: Any) -> SchemaValidator:
    """A strict validator that turns tables into instances of the dataclass `shape` (or a `Partial`)."""
    return SchemaValidator(partial_schema(shape.of) if isinstance(shape, Partial) else table_schema(shape))


@functools.cache
def hints(table: type) -> dict[str, Any]:
    """The annotations of a dataclass, marks included."""
    return typing.get_type_hints(table, include_extras=True)


@functools.cache
def table_schema(table: type) -> Schema:
    """A table of which every key is a field of the dataclass `table`."""
    found = hints(table)
    fields = [
        core_schema.dataclass_field(item.name, _with_default(schema_of(found[item.name]), item), kw_only=True)
        for item in dataclasses.fields(table)
    ]
    arguments = core_schema.dataclass_args_schema(table.__name__, fields, extra_behavior="forbid")
    names = [item.name for item in dataclasses.fields(table)]
    return core_schema.dataclass_schema(table, arguments, names, slots=True)


@functools.cache
def partial_schema(table: type) -> Schema:
    """A table of some of the fields of the dataclass `table`; gives a dict of those that are there."""
    fields = {
        name: core_schema.typed_dict_field(schema_of(hint), required=False)
        for name, hint in hints(table).items()
    }
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


def _with_default(schema: Schema, item: "dataclasses.Field[Any]") -> Schema:
    if item.default is not dataclasses.MISSING:
        return core_schema.with_default_schema(schema, default=item.default)
    if item.default_factory is not dataclasses.MISSING:
        return core_schema.with_default_schema(schema, default_factory=item.default_factory)
    return schema


def schema_of(hint: Any, marks: tuple[Any, ...] = ()) -> Schema:
    """The strict schema of one annotation."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is Annotated:
        return schema_of(arguments[0], (*marks, *arguments[1:]))
    if partial := _mark(marks, Partial):
        return core_schema.dict_schema(strict=True) if partial.later else partial_schema(partial.of)
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    if origin is types.UnionType or origin is typing.Union:
        return schema_of(next(a for a in arguments if a is not types.NoneType), marks)
    if origin is tuple:
        return _list_schema(arguments[0], marks)
    if origin is Mapping:
        return core_schema.dict_schema(
            core_schema.str_schema(strict=True), schema_of(arguments[1]), strict=True
        )
    if dataclasses.is_dataclass(hint):
        return table_schema(typing.cast(type, hint))
    leaf: Schema = _LEAVES[hint](marks)
    return leaf


def _mark(marks: tuple[Any, ...], kind: type) -> Any:
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _list_schema(item: Any, marks: tuple[Any, ...]) -> Schema:
    schema: Schema = core_schema.tuple_variable_schema(schema_of(item))
    if _mark(marks, OneOrMany):
        return core_schema.no_info_before_validator_function(_as_list, schema)
    return schema


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple, dict)) else (value,)


def _text(marks: tuple[Any, ...]) -> Schema:
    pattern = _mark(marks, Matches)
    if pattern is None:
        return core_schema.str_schema(strict=True)
    schema = core_schema.str_schema(strict=True, pattern=f"^(?:{pattern.pattern})$")
    if pattern.fault is None:
        return schema
    return core_schema.no_info_after_validator_function(functools.partial(_faultless, pattern.fault), schema)


def _faultless(fault: Callable[[str], str | None], value: str) -> str:
    if expected := fault(value):
        raise PydanticCustomError("fault", "{expected}", {"expected": expected})
    return value


def _whole(marks: tuple[Any, ...]) -> Schema:
    least, most = _mark(marks, AtLeast), _mark(marks, AtMost)
    return core_schema.int_schema(
        strict=True, ge=least.least if least else 0, le=most.most if most else LARGEST
    )


def _exact(marks: tuple[Any, ...]) -> Schema:
    most, above = _mark(marks, AtMost), _mark(marks, Above)
    schema = core_schema.decimal_schema(
        strict=True,
        ge=None if above else Decimal(0),
        gt=Decimal(above.bound) if above else None,
        le=Decimal(most.most if most else LARGEST),
    )
    return core_schema.no_info_before_validator_function(_as_decimal, schema)


def _as_decimal(value: Any) -> Any:
    return Decimal(value) if type(value) is int else value


def _real(marks: tuple[Any, ...]) -> Schema:
    above = _mark(marks, Above)
    schema = core_schema.float_schema(
        strict=True, ge=None if above else 0, gt=above.bound if above else None, allow_inf_nan=False
    )
    return core_schema.no_info_before_validator_function(_as_float, schema)


def _as_float(value: Any) -> Any:
    return float(value) if type(value) in (int, Decimal) else value


def _instant(marks: tuple[Any, ...]) -> Schema:
    zoned: Literal["aware"] | None = "aware" if _mark(marks, Zoned) else None
    return core_schema.datetime_schema(strict=True, tz_constraint=zoned)


def _day(marks: tuple[Any, ...]) -> Schema:
    return core_schema.no_info_before_validator_function(_only_day, core_schema.date_schema(strict=True))


def _only_day(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        raise PydanticCustomError("date_type", "a date without a time")
    return value


_LEAVES: dict[Any, Any] = {
    str: _text,
    int: _whole,
    bool: lambda marks: core_schema.bool_schema(strict=True),
    float: _real,
    Decimal: _exact,
    dt.datetime: _instant,
    dt.date: _day,
    Any: lambda marks: core_schema.any_schema(),
}


def hint_at(shape: Any, path: tuple[Any, ...]) -> Any:
    """The annotation of the key at `path` below `shape`, or None."""
    hint: Any = shape
    for step in path:
        hint = _below(_bare(hint), step)
    return hint


def table_at(shape: Any, path: tuple[Any, ...]) -> type | None:
    """The dataclass whose table stands at `path` below `shape`, or None."""
    hint = _bare(hint_at(shape, path))
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def _bare(hint: Any) -> Any:
    """The dataclass or container behind marks and `| None`."""
    if isinstance(hint, Partial):
        return hint.of
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        partial = _mark(arguments[1:], Partial)
        return partial.of if partial else _bare(arguments[0])
    if origin is types.UnionType or origin is typing.Union:
        return _bare(next(a for a in arguments if a is not types.NoneType))
    return hint


def _below(hint: Any, step: Any) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hints(hint).get(step)
    places = {tuple: 0, Mapping: 1}
    place = places.get(typing.get_origin(hint))
    return None if place is None else typing.get_args(hint)[place]
