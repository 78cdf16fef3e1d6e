"""Wire languages: codecs without I/O, for those who add one.

`get_dialect` gives the built-in ones, each imported when it is first asked for.
"""

from importlib import import_module
from typing import cast

from minimill.dialects._base import Dialect, StreamDecoder, Target, WireRequest, WireResponse, text_of
from minimill.dialects._sse import SseEvent, SseParser

__all__ = [
    "BUILT_IN",
    "Dialect",
    "SseEvent",
    "SseParser",
    "StreamDecoder",
    "Target",
    "WireRequest",
    "WireResponse",
    "get_dialect",
    "text_of",
]

BUILT_IN = {
    "anthropic": ("minimill.dialects.anthropic", "Anthropic"),
    "gemini": ("minimill.dialects.gemini", "Gemini"),
    "openai_chat": ("minimill.dialects.openai_chat", "OpenAIChat"),
    "openai_responses": ("minimill.dialects.openai_responses", "OpenAIResponses"),
}
"""Names of the built-in dialects, to the module and class of each."""

_made: dict[str, Dialect] = {}


def get_dialect(name: str) -> Dialect:
    """The built-in dialect of that name; the same object every time.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in _made:
        module, cls = BUILT_IN[name]
        _made[name] = cast(Dialect, getattr(import_module(module), cls)())
    return _made[name]
