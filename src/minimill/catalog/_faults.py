"""What is wrong with a file, in one clear line: file, key, what was expected, what was found.

Values under keys that look like secrets, and values that look like secrets, are never shown. Used for
provider files and for `minimill.toml`. It may import `_errors` and `_shape`.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from pydantic_core import ErrorDetails, ValidationError

from minimill._errors import ConfigError
from minimill.catalog._marks import Matches, OneOrMany
from minimill.catalog._shape import hint_at, hints, table_at

Path = tuple[str | int, ...]
M = TypeVar("M")


class Fault(NamedTuple):
    """One thing that is wrong."""

    path: Path
    """Keys and list positions from the top of the file."""
    text: str


def problem(file: str, faults: Sequence[Fault], kind: type[ConfigError]) -> ConfigError:
    """The error of `kind` that tells the first fault, and how many more there are."""
    first, rest = faults[0], len(faults) - 1
    more = f" (and {rest} more)" if rest else ""
    where = f"{file}: {path_words(first.path)}: " if first.path else f"{file}: "
    return kind(f"{where}{first.text}{more}")


def path_words(path: Iterable[str | int]) -> str:
    """A path as TOML people write it: `models[3].prices[0].since`."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            key = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else json.dumps(step, ensure_ascii=False)
            words += f".{key}" if words else key
    return words


def nearest(word: str, words: Iterable[str]) -> str:
    """`, did you mean "…"?` with the nearest of `words`, or nothing."""
    found = nearest_word(word, words)
    return f', did you mean "{found}"?' if found else ""


def nearest_word(word: str, words: Iterable[str]) -> str | None:
    """The nearest of `words`; None: none is near."""
    import difflib

    small = {w.lower(): w for w in words}
    found = difflib.get_close_matches(word.lower(), list(small), n=1, cutoff=0.6)
    return small[found[0]] if found else None


def unknown_word(what: str, word: str, words: Iterable[str]) -> str:
    """`unknown …`, with the nearest valid word, or all of them where they are few."""
    known = sorted(words)
    hint = nearest(word, known)
    if not hint and known and len(known) <= 16:
        hint = f"; known: {', '.join(known)}"
    return f"unknown {what} {shown(word)}{hint}"


def faults_of(error: ValidationError, shape: Any) -> list[Fault]:
    """The faults that pydantic-core found, in the order of the schema, unknown keys first."""
    details = error.errors(include_url=False, include_context=True)
    faults = [_fault(detail, shape) for detail in details]
    unknown = [f for f, d in zip(faults, details, strict=True) if d["type"] in _UNKNOWN_KEY]
    return unknown + [f for f in faults if f not in unknown]


_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def _fault(detail: ErrorDetails, shape: Any) -> Fault:
    path, kind = detail["loc"], detail["type"]
    if path[-1:] == (0,) and _mark(hint_at(shape, path[:-1]), OneOrMany) is not None:
        path = path[:-1]
    if kind in _UNKNOWN_KEY:
        table = table_at(shape, path[:-1])
        return Fault(path[:-1], unknown_word("key", str(path[-1]), hints(table) if table else ()))
    if kind == "missing":
        return Fault(path[:-1], f'the key "{path[-1]}" is missing')
    found = shown(detail["input"], path)
    if kind == "is_instance_of" and isinstance(detail["input"], float):
        found = inexact(detail["input"])
    return Fault(path, f"expected {_expected(detail, shape)}, found {found}{_near_word(detail)}")


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "is_instance_of": "an exact number",
    "decimal_type": "an exact number",
    "finite_number": "a finite number",
    "datetime_type": "a date and time with offset such as 2026-03-01T00:00:00+08:00",
    "timezone_aware": "a date and time with offset such as 2026-03-01T00:00:00+08:00",
    "date_type": "a date such as 2026-11-20",
    "tuple_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
}


def _expected(detail: ErrorDetails, shape: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "literal_error":
        return "one of " + ", ".join(_words(context))
    if kind == "greater_than_equal":
        return f"at least {context['ge']:g}"
    if kind == "greater_than":
        return f"more than {context['gt']:g}"
    if kind == "less_than_equal":
        return f"at most {context['le']}"
    if kind == "string_pattern_mismatch":
        return _meaning(hint_at(shape, detail["loc"])) or f"text like {context['pattern']}"
    return _KINDS.get(kind) or detail["msg"]


def _words(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", str(context.get("expected", "")))


def _near_word(detail: ErrorDetails) -> str:
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return ""
    return nearest(detail["input"], _words(detail.get("ctx", {})))


def inexact(value: float) -> str:
    """A binary float where an exact number belongs, and what to write instead."""
    return f'the binary float {value!r}: write Decimal("{value!r}")'


def _meaning(hint: Any) -> str | None:
    mark = _mark(hint, Matches)
    return mark.meaning if mark is not None else None


def _mark(hint: Any, kind: type[M]) -> M | None:
    """The first mark of a kind in an annotation, also below `| None`."""
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, kind):
            return mark
    inner = (_mark(argument, kind) for argument in getattr(hint, "__args__", ()))
    return next((mark for mark in inner if mark is not None), None)


# Patterns are compiled when a fault is told, not when the module is imported.
_SECRET_WORD = (
    r"(api)?(keys?|tokens?|secrets?|passwords?|passwd|authorization|auth|credentials?|cookie|bearer)"
)
_SECRET_KEY = rf"(?i)(^|[-_]){_SECRET_WORD}([-_]|$)|^env$"
_NOT_SECRET = r"(?i)_tokens$|_token_s$|_mtok$|^tokens_per|_tokens_paths$"
_SECRET_VALUES = (
    r"^(sk|ak|pk|rk|gsk|xai)-|^(AIza|eyJ|bce-v3/|(?i:bearer|basic) )|://\S*@",
    r"^[0-9a-fA-F-]{32,}",
    r"^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_\-./+=]{24,}$",
)


def shown(value: Any, path: Path = ()) -> str:
    """A value as a reader of the file knows it, shortened; a secret is not shown."""
    if isinstance(value, str):
        return (
            "a text (not shown)"
            if _hidden(value, path)
            else json.dumps(_short(_bare(value, path)), ensure_ascii=False)
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (int, Decimal)):
        return _short(str(value))
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return "nothing" if value is None else f"a {type(value).__name__}"


def _hidden(value: str, path: Path) -> bool:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if re.search(_SECRET_KEY, key) and not re.search(_NOT_SECRET, key):
        return True
    if key in _ADDRESSES and "@" in value:
        return True
    return any(re.search(pattern, value) for pattern in _SECRET_VALUES)


_ADDRESSES = ("base_url", "proxy")


def _bare(value: str, path: Path) -> str:
    """An address without its query and fragment, in which keys are passed; other text as it is."""
    if "://" in value or (path and path[-1] in _ADDRESSES):
        return re.sub(r"(?s)([?#]).*", r"\1...", value)
    return value


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
