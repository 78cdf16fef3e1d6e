"""What a message is made of. No wire words here: dialects translate these into them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from minimill._values import SIZED, dataclass

Cache = bool | Literal["long"]
"""Whether to mark for a cache: no, for the vendor's usual time, or for its longer one."""


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text. Its `repr`, like that of other parts, says how long it is and not what it says."""

    text: str = field(metadata=SIZED)
    cache: Cache = False
    """Mark the prompt up to here as worth caching, where the vendor takes such marks. True: for its usual
    time; `long`: for the longer one, where it has two."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, by address or by content. minimill never downloads an address; the vendor does."""

    url: str | None = field(default=None, metadata=SIZED)
    """An http(s) address."""
    data: bytes | None = field(default=None, metadata=SIZED)
    """The content."""
    media_type: str = "image/png"
    """Of `data`."""
    detail: str | None = None
    """`low`, `high`, `auto`, or another word the vendor knows."""
    cache: Cache = False

    def __post_init__(self) -> None:
        if (self.url is None) == (self.data is None):
            raise ValueError("an image has either a url or data")

    @property
    def address(self) -> str:
        """The address, or the content as a data URL."""
        return self.url if self.url is not None else data_url(self.data or b"", self.media_type)


@dataclass(frozen=True, slots=True)
class File:
    """A document, by address, by content, or by the id the vendor gave it."""

    url: str | None = field(default=None, metadata=SIZED)
    data: bytes | None = field(default=None, metadata=SIZED)
    file_id: str | None = None
    media_type: str = "application/pdf"
    name: str | None = field(default=None, metadata=SIZED)
    cache: Cache = False

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.url, self.data, self.file_id)) != 1:
            raise ValueError("a file has one of url, data and file_id")


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound, by content."""

    data: bytes = field(metadata=SIZED)
    format: str = "wav"
    """`wav`, `mp3`, or another word the vendor knows."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks to run a function."""

    id: str
    """Names the call; the tool result repeats it."""
    name: str
    arguments: str = field(metadata=SIZED)
    """JSON text exactly as the model wrote it; it may be malformed."""

    def parsed(self) -> dict[str, Any]:
        """The arguments as a dict; empty text counts as no arguments.

        Raises:
            ValueError: the model wrote something that is no JSON object.
        """
        value = json.loads(self.arguments) if self.arguments.strip() else {}
        if not isinstance(value, dict):
            raise ValueError(f"the arguments of {self.name} are no JSON object")
        return value


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a function returned, for the model to read."""

    call_id: str
    content: str | Sequence[str | Text | Image | File] = field(metadata=SIZED)
    """Text, or texts, images and files, where the vendor takes these from functions."""
    name: str | None = None
    is_error: bool = False
    cache: Cache = False

    def __post_init__(self) -> None:
        if isinstance(self.content, str):
            return
        parts = tuple(Text(part) if isinstance(part, str) else part for part in self.content)
        if not all(isinstance(part, (Text, Image, File)) for part in parts):
            raise TypeError("the content of a tool result is text, or a list of texts, Images and Files")
        object.__setattr__(self, "content", parts)

    @property
    def parts(self) -> tuple[Text | Image | File, ...]:
        """The content as parts; none where it is empty text."""
        if isinstance(self.content, str):
            return (Text(self.content),) if self.content else ()
        return tuple(part for part in self.content if not isinstance(part, str))

    @property
    def text(self) -> str:
        """All its text joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def media(self) -> tuple[Image | File, ...]:
        """Its images and files."""
        return tuple(part for part in self.parts if not isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Thinking of the model. Kept in the message because some vendors want it back in the next turn."""

    text: str = field(default="", metadata=SIZED)
    """What the vendor shows of it; may be a summary or empty."""
    opaque: str | None = field(default=None, metadata=SIZED)
    """A signed or encrypted block that must be returned byte for byte."""
    provider: str | None = None
    """Who made it: it is sent back to no one else."""
    model: str | None = None
    """The model that made it, where it is sent back to no other; None: to every model of the provider."""


Part = Text | Image | File | Audio | ToolCall | ToolResult | Reasoning
Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask to run."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}}, hash=False
    )
    """JSON Schema of the arguments."""
    strict: bool | None = None
    """Whether the vendor shall hold the model to the schema; None: the vendor's default."""

    @classmethod
    def of(cls, model: type[Any], *, name: str | None = None, description: str | None = None) -> Tool:
        """Make a tool whose arguments are the fields of a pydantic model."""
        schema = model.model_json_schema()
        text = description if description is not None else (schema.get("description") or "")
        return cls(name or _name_of(model), text, schema)


@dataclass(frozen=True, slots=True)
class NamedTool:
    """A tool choice: the model must call this tool."""

    name: str


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A response format: the answer is JSON that follows this schema."""

    schema: Mapping[str, Any] = field(hash=False)
    name: str = "answer"
    strict: bool = True
    description: str | None = None

    @classmethod
    def of(cls, model: type[Any], *, strict: bool = True) -> JsonSchema:
        """The schema of a pydantic model."""
        return cls(model.model_json_schema(), name=_name_of(model), strict=strict)


_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME = 64


def _name_of(model: type[Any]) -> str:
    """The name of a model in letters that vendors take: that of `Page[int]` has others."""
    return _UNFIT.sub("_", model.__name__).rstrip("_")[:_LONGEST_NAME] or "answer"


def data_url(data: bytes, media_type: str) -> str:
    """Content as a `data:` URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
