"""One function call whose arguments come in pieces, each with its place as a JSON path.

Only asked for by name (`streamFunctionCallArguments`). It may import `_chat` and `_json`.
"""

from __future__ import annotations

import re
from typing import Any

from minimill._chat import ToolCall
from minimill.dialects._json import dump_text

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\[['\"]([^'\"]*)['\"]\]")
_VALUES = ("stringValue", "numberValue", "boolValue")
_MOST_ITEMS = 10_000
_MOST_STEPS = 100


class GrowingCall:
    """A call that has begun."""

    __slots__ = ("_arguments", "_open", "_pieces", "_place", "id", "name", "position")

    def __init__(self, position: int, call_id: str, name: str) -> None:
        self.position = position
        self.id = call_id
        self.name = name
        self._arguments: Any = {}
        self._open: str | None = None
        """Path of a string of which more comes."""
        self._pieces: list[str] = []
        """The string so far, put together once: strings may be long, and pieces short."""
        self._place: tuple[Any, Any] = (None, None)

    def add(self, pieces: Any) -> None:
        """Take in the next pieces; one whose path cannot be read is left out."""
        for piece in pieces if isinstance(pieces, list) else ():
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if isinstance(path, str) and (steps := _steps(path)):
                self._put(path, steps, piece)

    def _put(self, path: str, steps: list[str | int], piece: dict[str, Any]) -> None:
        value = next((piece[key] for key in _VALUES if key in piece), None)
        more = piece.get("willContinue") is True
        if path == self._open and self._pieces and isinstance(value, str):
            self._pieces.append(value)
        else:
            self._settle()
            holder, key = self._holder(steps)
            if holder is None:
                return
            holder[key] = value
            self._pieces = [value] if isinstance(value, str) else []
            self._place = holder, key
        self._open = path if more else None
        if not more:
            self._settle()
            self._pieces = []

    def _settle(self) -> None:
        """Put the string that grows into its place."""
        if self._pieces:
            holder, key = self._place
            holder[key] = text = "".join(self._pieces)
            self._pieces = [text]

    def _holder(self, steps: list[str | int]) -> tuple[Any, Any]:
        """The table or list that a path ends in, and the last step; made where it was not."""
        holder = self._arguments
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if isinstance(step, int) is not isinstance(holder, list) or not _reach(holder, step):
                return None, None
            if following is None:
                return holder, step
            if not isinstance(holder[step], (dict, list)):
                holder[step] = [] if isinstance(following, int) else {}
            holder = holder[step]
        return None, None

    @property
    def arguments(self) -> str:
        """The arguments so far, as JSON text."""
        self._settle()
        return dump_text(self._arguments)

    def part(self) -> ToolCall:
        """The call as far as it has come."""
        return ToolCall(self.id, self.name, self.arguments)


def _steps(path: str) -> list[str | int]:
    """The keys and places of a path such as `$.towns[0].name`; empty where it cannot be read."""
    if not path.startswith("$"):
        return []
    steps: list[str | int] = []
    end = 1
    for found in _STEP.finditer(path, 1):
        if found.start() != end:
            return []
        end = found.end()
        steps.append(int(found[2]) if found[2] else found[1] or found[3] or "")
    return steps if end == len(path) and len(steps) <= _MOST_STEPS else []


def _reach(holder: Any, step: str | int) -> bool:
    """Make sure that there is something at a step; False where it lies too far off."""
    if isinstance(holder, dict):
        holder.setdefault(step, None)
        return True
    if not isinstance(step, int) or step >= _MOST_ITEMS or step > len(holder):
        return False
    if step == len(holder):
        holder.append(None)
    return True
