"""Messages, and the shorter ways in which users write them."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from minimill._chat._parts import Audio, Cache, File, Image, Part, Reasoning, Role, Text, ToolCall, ToolResult
from minimill._values import dataclass

_ROLES = get_args(Role)
_PARTS = get_args(Part)
_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: who speaks, and the parts of what is said."""

    role: Role
    """`system`, `user`, `assistant`, or `tool` (tool results)."""
    parts: tuple[Part, ...]
    name: str | None = None
    """Tells speakers of one role apart, where the vendor takes it."""

    def __post_init__(self) -> None:
        if self.role not in _ROLES:
            raise ValueError(f"a role is one of {', '.join(_ROLES)}, not {self.role!r}")
        object.__setattr__(self, "parts", as_parts(self.parts))

    @property
    def text(self) -> str:
        """All text parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """All visible thinking joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


PartsLike = str | Part | Iterable[str | Part]
MessagesLike = str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]]


def as_parts(content: PartsLike) -> tuple[Part, ...]:
    """Text becomes a text part; parts stay."""
    if isinstance(content, tuple) and all(isinstance(part, _PARTS) for part in content):
        return content
    if isinstance(content, (str, *_PARTS)):
        return (_as_part(content),)
    if not isinstance(content, Iterable) or isinstance(content, (bytes, Mapping)):
        raise TypeError(f"content is text, an Image, a File, … or a list of these, not {_kind(content)}")
    return tuple(_as_part(item) for item in content)


def _as_part(item: Any) -> Part:
    if isinstance(item, str):
        return Text(item)
    if isinstance(item, _PARTS):
        return item  # type: ignore[no-any-return]  # one of the union's members
    raise TypeError(f"a part is text, an Image, a File, …, not {type(item).__name__}")


def system(content: PartsLike) -> Message:
    """Instructions to the model."""
    return Message("system", as_parts(content))


def user(content: PartsLike) -> Message:
    """What the user says."""
    return Message("user", as_parts(content))


def assistant(content: PartsLike) -> Message:
    """What the model said in an earlier turn."""
    return Message("assistant", as_parts(content))


def tool(*results: ToolResult) -> Message:
    """What functions returned."""
    return Message("tool", results)


def as_messages(value: MessagesLike) -> tuple[Message, ...]:
    """Text, a message, or a list of messages or of `{"role": …, "content": …}` mappings.

    Raises:
        ValueError, TypeError: the value cannot be read as messages; the text says which item and why.
    """
    if isinstance(value, str):
        return (user(value),)
    if isinstance(value, (Message, Mapping)):
        value = [value]
    items: Any = value
    if not isinstance(items, Iterable) or isinstance(items, (bytes, bytearray)):
        raise TypeError(
            "messages is text, a Message, or a list of messages such as "
            f'{{"role": "user", "content": "Hello"}}, not {_kind(items)}'
        )
    messages = tuple(_as_message(item, number) for number, item in enumerate(items))
    if not messages:
        raise ValueError("a chat needs at least one message")
    return messages


def _as_message(item: Any, number: int) -> Message:
    if isinstance(item, Message):
        return item
    if not isinstance(item, Mapping):
        raise TypeError(f"messages[{number}] is a Message or a mapping, not {type(item).__name__}")
    try:
        return _from_mapping(item)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"messages[{number}]: {reason}") from error


def _from_mapping(item: Mapping[str, Any]) -> Message:
    if not _KEYS.issuperset(item):
        raise ValueError(f"unknown key {sorted(set(item) - _KEYS)[0]!r}")
    role: Any = "system" if item["role"] == "developer" else item["role"]
    content = item.get("content")
    if role == "tool":
        result = ToolResult(item["tool_call_id"], _returned(content), item.get("name"), cache=_mark(content))
        return Message("tool", (result,))
    parts: list[Part] = []
    if item.get("reasoning_content"):
        parts.append(Reasoning(item["reasoning_content"]))
    parts += [Text(content)] if isinstance(content, str) else map(_part_from_mapping, _listed(content))
    for call in item.get("tool_calls") or ():
        function = call["function"]
        parts.append(ToolCall(call["id"], function["name"], _arguments(function["arguments"])))
    return Message(role, tuple(parts), item.get("name"))


def _returned(content: Any) -> Any:
    """What a function returned: text where the content is only that."""
    if isinstance(content, str):
        return content
    parts = [_part_from_mapping(part) for part in _listed(content)]
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return parts


def _mark(content: Any) -> Cache:
    """The mark for a cache on the last part, where the content is a list of parts."""
    last = None if isinstance(content, str) or not content else list(content)[-1]
    return _cache(last.get("cache_control")) if isinstance(last, Mapping) else False


def _listed(content: Any) -> Iterable[Any]:
    if content is None or (isinstance(content, Iterable) and not isinstance(content, (bytes, Mapping))):
        return content or ()
    raise TypeError(f"content is text or a list of parts, not {_kind(content)}")


def _arguments(value: Any) -> str:
    """The arguments of a tool call as JSON text; some libraries keep them as a mapping."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    raise TypeError(f"the arguments of a tool call are JSON text or a mapping, not {_kind(value)}")


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _part_from_mapping(part: Any) -> Part:
    """A content part in the words of Chat Completions, its mark for a cache included."""
    if not isinstance(part, Mapping):
        return _as_part(part)
    kind, cache = part.get("type"), _cache(part.get("cache_control"))
    if kind == "text":
        if not isinstance(part["text"], str):
            raise TypeError(f"the text of a content part is text, not {_kind(part['text'])}")
        return Text(part["text"], cache)
    if kind == "image_url":
        image = part["image_url"] if isinstance(part["image_url"], Mapping) else {"url": part["image_url"]}
        return Image(url=image["url"], detail=image.get("detail"), cache=cache)
    if kind == "input_audio":
        return Audio(b64decode(part["input_audio"]["data"]), part["input_audio"]["format"])
    if kind == "file":
        return _file(part["file"], cache)
    raise ValueError(f"a content part of type {kind!r} is not known; use minimill.Image, minimill.File, …")


def _cache(mark: Any) -> Cache:
    if mark is None:
        return False
    return "long" if isinstance(mark, Mapping) and mark.get("ttl") == "1h" else True


def _file(told: Any, cache: Cache) -> File:
    if "file_id" in told:
        return File(file_id=told["file_id"], cache=cache)
    head, comma, content = told["file_data"].partition(";base64,")
    if not comma or not head.startswith("data:"):
        raise ValueError("file_data is a data URL such as data:application/pdf;base64,…")
    return File(
        data=b64decode(content), media_type=head.removeprefix("data:"), name=told.get("filename"), cache=cache
    )
