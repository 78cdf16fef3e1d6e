"""Finds the end of one JSON object that comes in pieces. May import nothing of minimill."""

from __future__ import annotations

import re

_MARKS = re.compile(rb'["{}\\]')
_QUOTE, _OPEN, _CLOSE, _ESCAPE = b'"{}\\'


class PlainBody:
    """A body that was sent whole where a stream was asked for. Each byte is looked at once."""

    __slots__ = ("_data", "_depth", "_escaped_at", "_in_string")

    def __init__(self) -> None:
        self._data = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped_at = -1
        """Position of a character that a backslash takes the meaning from."""

    def feed(self, data: bytes) -> bytes | None:
        """The whole object, once its last brace has come; what follows it is dropped."""
        start = len(self._data)
        self._data += data
        for found in _MARKS.finditer(self._data, start):
            if self._closes(self._data[found.start()], found.start()):
                return bytes(self._data[: found.end()])
        return None

    def _closes(self, mark: int, position: int) -> bool:
        """Take in one mark; whether it ends the object."""
        if position == self._escaped_at:
            return False
        if self._in_string:
            if mark == _QUOTE:
                self._in_string = False
            elif mark == _ESCAPE:
                self._escaped_at = position + 1
        elif mark == _QUOTE:
            self._in_string = True
        elif mark == _OPEN:
            self._depth += 1
        elif mark == _CLOSE:
            self._depth -= 1
            return self._depth == 0
        return False
