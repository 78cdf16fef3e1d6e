"""Server-sent events at any chunking."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimill._errors import TransportError
from minimill.dialects import SseParser


def whole(data: bytes) -> list[tuple[str, bytes]]:
    parser = SseParser()
    return parser.feed(data) + parser.close()


@pytest.mark.parametrize(
    ("data", "events"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [("", b"a"), ("", b"b")], id="two"),
        pytest.param(b"data:a\n\n", [("", b"a")], id="no-space"),
        pytest.param(b"data:  a\n\n", [("", b" a")], id="one-space-only-is-dropped"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [("", b"a"), ("", b"b")], id="crlf"),
        pytest.param(b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")], id="cr"),
        pytest.param(b"data: a\n\r\ndata: b\r\n\n", [("", b"a"), ("", b"b")], id="mixed-line-ends"),
        pytest.param(b"data: a\ndata: b\n\n", [("", b"a\nb")], id="two-data-lines"),
        pytest.param(b"data\n\n", [("", b"")], id="data-without-colon"),
        pytest.param(b": keep-alive\n\ndata: a\n\n", [("", b"a")], id="comment"),
        pytest.param(b": x\ndata: a\n: y\n\n", [("", b"a")], id="comment-inside"),
        pytest.param(b"event: error\nid: 7\nretry: 3\ndata: a\n\n", [("error", b"a")], id="other-fields"),
        pytest.param(b"event: ping\n\ndata: a\n\n", [("", b"a")], id="event-without-data"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [("", b"a")], id="byte-order-mark"),
        pytest.param(b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [("", b"a"), ("", b"b")], id="blank-lines"),
        pytest.param(b"data: a\n\ndata: b", [("", b"a"), ("", b"b")], id="no-blank-line-at-the-end"),
        pytest.param(b"data: a\n", [("", b"a")], id="one-line-end-at-the-end"),
        pytest.param(b"data: a\r", [("", b"a")], id="cr-at-the-end"),
        pytest.param(b"dat", [], id="cut-in-a-field-name"),
        pytest.param(b"", [], id="empty"),
        pytest.param("data: 价格战\n\n".encode(), [("", "价格战".encode())], id="utf-8"),
        pytest.param(b"data: [DONE]\n\n", [("", b"[DONE]")], id="done"),
    ],
)
def test_events(data: bytes, events: list[tuple[str, bytes]]) -> None:
    """The events are these, whole, cut at every byte, and byte by byte."""
    assert whole(data) == events
    for cut in range(len(data)):
        parser = SseParser()
        assert parser.feed(data[:cut]) + parser.feed(data[cut:]) + parser.close() == events
    parser = SseParser()
    got = [event for i in range(len(data)) for event in parser.feed(data[i : i + 1])]
    assert got + parser.close() == events


FRAGMENTS = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b": c",
        b"event: e",
        b"x",
        b" ",
        b"\xef\xbb\xbf",
        b"\xe4",
    ]
)


@given(st.lists(FRAGMENTS, max_size=30), st.lists(st.integers(0, 90), max_size=8))
def test_chunking_changes_nothing(fragments: list[bytes], cuts: list[int]) -> None:
    """Any bytes at any chunking give the events of the whole."""
    data = b"".join(fragments)
    parser = SseParser()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    got = [e for a, b in pairwise(edges) for e in parser.feed(data[a:b])]
    assert got + parser.close() == whole(data)


def test_event_comes_with_its_blank_line() -> None:
    """An event is given as soon as it is whole, also where a CR may still be half of a CRLF."""
    parser = SseParser()
    assert parser.feed(b"data: a\r\n\r") == [("", b"a")]
    assert parser.feed(b"\ndata: b\n\n") == [("", b"b")]


def test_cap_of_one_event() -> None:
    """An event above its cap is refused, whole or while it grows."""
    for pieces in ([b"data: " + b"x" * 100 + b"\n\n"], [b"data: " + b"x" * 60, b"x" * 60]):
        parser = SseParser(max_event_bytes=100)
        with pytest.raises(TransportError) as caught:
            for piece in pieces:
                parser.feed(piece)
        assert caught.value.kind == "too_large"


def test_cap_of_the_stream() -> None:
    """Many small events pass until the whole is above its cap."""
    parser = SseParser(max_bytes=100)
    with pytest.raises(TransportError, match="the stream is larger") as caught:
        for _ in range(20):
            parser.feed(b"data: abcdefgh\n\n")
    assert caught.value.kind == "too_large"
