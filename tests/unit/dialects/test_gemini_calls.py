"""Arguments that come in pieces."""

from typing import Any

import pytest

from minimill.dialects._gemini_calls import GrowingCall


def piece(path: str, value: Any, more: bool = False) -> dict[str, Any]:
    return {"jsonPath": path, "stringValue": value, "willContinue": more}


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([piece("$.a", "x", True), piece("$.a", "y", True), piece("$.a", "z")], '{"a":"xyz"}'),
        ([piece("$.a", "x", True), piece("nowhere", "?"), piece("$.a", "y")], '{"a":"xy"}'),
        ([piece("$.a", "x", True), piece("$[0]", "?"), piece("$.a", "y")], '{"a":"xy"}'),
        ([piece("$.a", "x", True), piece("$.b", "y"), piece("$.a", "z")], '{"a":"z","b":"y"}'),
        ([piece("$.a", "x"), piece("$.a", "y")], '{"a":"y"}'),
        ([piece("$.a", "x", True), piece("$.a.b", "y"), piece("$.a", "z", True)], '{"a":"z"}'),
        ([piece("$.a", "x", True), piece("$.a.b", "y")], '{"a":{"b":"y"}}'),
        ([piece("$.l[0]", "x", True), piece("$.l[0]", "y"), piece("$.l[1]", "z")], '{"l":["xy","z"]}'),
        ([piece("$.a", "x", True), {"jsonPath": "$.a", "numberValue": 1}], '{"a":1}'),
    ],
)
def test_pieces(pieces: list[dict[str, Any]], arguments: str) -> None:
    """All at once, or looked at after every piece."""
    whole, watched = GrowingCall(0, "c", "f"), GrowingCall(0, "c", "f")
    whole.add(pieces)
    for one in pieces:
        watched.add([one])
        assert watched.arguments.startswith("{")
    assert (whole.arguments, watched.arguments) == (arguments, arguments)


def test_a_long_string_is_put_together_once() -> None:
    """Not all of it once more for every piece that comes."""

    class Letters(str):
        added = 0

        def __add__(self, other: str) -> "Letters":
            Letters.added += 1
            return Letters(str(self) + other)

    call = GrowingCall(0, "c", "f")
    call.add([piece("$.a", Letters("x" * 100), True) for _ in range(100)])
    assert (Letters.added, len(call.arguments)) == (0, 10_008)
