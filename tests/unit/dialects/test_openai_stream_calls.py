"""Tool calls in streams: however a vendor cuts them, they are the same calls."""

from typing import Any

import pytest
from tests.unit.dialects.chunks import CALLS, Make, Run, Sse, call, calls, chunk

from minimill._chat import (
    Finished,
    FinishReason,
    ToolCall,
    ToolCallDelta,
)
from minimill.dialects import Dialect
from minimill.dialects._openai_state import CallState


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call('{"a"', index=0)),
                calls(call(":1}", index=0)),
            ],
            [
                ToolCallDelta(0, "c1", "f"),
                ToolCallDelta(0, arguments='{"a"'),
                ToolCallDelta(0, arguments=":1}"),
            ],
            id="openai",
        ),
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call("", index=0, id="c1", name="")),
                calls(call('{"a":1}', index=0, id="")),
            ],
            [ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="repeated-id-with-an-empty-name-then-an-empty-id",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f"))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="whole-call",
        ),
        pytest.param(
            [calls(call({"a": 1}, id="c1", name="f"))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="arguments-as-an-object-without-index",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f", type="function", x=None))],
            [ToolCallDelta(0, "c1", "f", '{"a":1}')],
            id="unknown-fields",
        ),
        pytest.param(
            [calls(call("", id="c1", name="f")), calls(call('{"a"')), calls(call(":1}", id="c1"))],
            [
                ToolCallDelta(0, "c1", "f"),
                ToolCallDelta(0, arguments='{"a"'),
                ToolCallDelta(0, arguments=":1}"),
            ],
            id="no-index",
        ),
        pytest.param(
            [
                calls(call(None, index=0, id="c1", name="f")),
                calls(call('{"a":1}', index=0, id="x9", name=None)),
            ],
            [ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="a-new-id-in-every-piece",
        ),
        pytest.param(
            [calls(call('{"a"', index=0, name="f")), calls(call(":1}", index=0, name="f", id="c1"))],
            [ToolCallDelta(0, None, "f", '{"a"'), ToolCallDelta(0, "c1", None, ":1}")],
            id="id-comes-late-and-the-name-twice",
        ),
        pytest.param(
            [calls(call("", id="c1", name="f")), calls(call('{"a"', name="f")), calls(call(":1}", name="f"))],
            [
                ToolCallDelta(0, "c1", "f"),
                ToolCallDelta(0, arguments='{"a"'),
                ToolCallDelta(0, arguments=":1}"),
            ],
            id="the-name-in-every-piece-and-no-index",
        ),
        pytest.param(
            [calls(call(None, id="c1")), calls(call(None, name="f")), calls(call('{"a":1}'))],
            [ToolCallDelta(0, "c1"), ToolCallDelta(0, None, "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="the-id-before-the-name-and-no-index",
        ),
        pytest.param(
            [
                calls(call(None, index=0, id="c1", name="f")),
                calls(call('{"a":1}', index=0)),
                calls(call("", index=0, id="x9")),
            ],
            [ToolCallDelta(0, "c1", "f"), ToolCallDelta(0, arguments='{"a":1}')],
            id="an-id-alone-at-the-end",
        ),
    ],
)
def test_one_tool_call(run: Run, sse: Sse, target: Make, chunks: Any, events: Any) -> None:
    """However a vendor cuts a call, it is one call."""
    got, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    assert got == [*events, CALLS]
    assert answer.choices[0].message.parts == (ToolCall("c1", "f", '{"a":1}'),)
    assert answer.choices[0].finish_reason is FinishReason.TOOL_CALLS


TWO = (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}"))


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f"), call("{}", index=1, id="c2", name="g"))],
            id="complete-in-one-delta",
        ),
        pytest.param(
            [
                calls(call("", index=0, id="c1", name="f")),
                calls(call("{", index=1, id="c2", name="g")),
                calls(call('{"a":1}', index=0), call("}", index=1)),
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                calls(call('{"a":1}', index=0, id="c1", name="f")),
                calls(call("{}", index=0, id="c2", name="g")),
            ],
            id="both-with-index-0",
        ),
        pytest.param(
            [calls(call('{"a":1}', id="c1", name="f"), call("{}", id="c2", name="g"))],
            id="no-index-in-one-delta",
        ),
        pytest.param(
            [
                calls(call("", id="c1", name="f")),
                calls(call('{"a":1}')),
                calls(call("{", id="c2", name="g")),
                calls(call("}")),
            ],
            id="no-index-one-after-the-other",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=3, id="c1", name="f"), call("{}", index=7, id="c2", name="g"))],
            id="indices-with-gaps",
        ),
        pytest.param(
            [
                calls(call("", index="0", id="c1", name="f")),
                calls(call('{"a":1}', index="0"), call("{}", index="1", id="c2", name="g")),
            ],
            id="indices-as-text",
        ),
        pytest.param(
            [calls(call('{"a":1}', index=0, id="c1", name="f")), calls(call("{}", index=0, name="g", id="c2"))],
            id="one-index-for-both",
        ),
        pytest.param(
            [
                calls(call('{"a"', id="c1", name="f")),
                calls(call(":1}", name="f")),
                calls(call("{", id="c2", name="g")),
                calls(call("}", name="g")),
            ],
            id="names-repeated-and-no-index",
        ),
        pytest.param(
            [
                calls(call('{"a":1}', id="c1", name="f")),
                calls(call(None, id="c2")),
                calls(call(None, name="g")),
                calls(call("{}")),
            ],
            id="the-id-before-the-name-and-no-index",
        ),
        pytest.param(
            [
                calls(call('{"a":1}', index=0, id="c1", name="f")),
                calls(call(None, index=0, id="c2")),
                calls(call("{}", index=0, name="g")),
            ],
            id="the-id-before-the-name-at-one-index",
        ),
        pytest.param(
            [
                calls(call(None, index=0, id="c1")),
                calls(call('{"a":1}', index=0, name="f")),
                calls(call(None, index=1, id="c2")),
                calls(call("{}", index=1, name="g")),
            ],
            id="the-id-before-the-name",
        ),
        pytest.param(
            [
                calls(call('{"a":1}', id="c1", name="f")),
                calls(call("{", id="c2")),
                calls(call("}", name="g")),
            ],
            id="the-name-after-the-arguments",
        ),
    ],
)
def test_two_tool_calls(run: Run, sse: Sse, target: Make, chunks: Any) -> None:
    """Two calls stay two, in the order in which they began."""
    _, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    assert answer.choices[0].message.parts == TWO


def test_another_name_begins_another_call(run: Run, sse: Sse, target: Make) -> None:
    """One number for both and no ids: the arguments of the first are whole when the second name comes."""
    chunks = [calls(call('{"x":1}', index=0, name="a")), calls(call('{"y":2}', index=0, name="b"))]
    _, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    found = [(one.name, one.arguments) for one in answer.choices[0].message.tool_calls]
    assert found == [("a", '{"x":1}'), ("b", '{"y":2}')]


@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no-index", "one-index"])
def test_the_same_function_twice(run: Run, sse: Sse, target: Make, index: Any) -> None:
    """Without ids: once the arguments are whole, more of them are another call's."""
    cut = ['{"x"', ":1}", '{"x"', ":2}"]
    chunks = [calls(call(piece, **index, name="f")) for piece in cut]
    _, answer = run(sse(*chunks, chunk({}, "tool_calls")), target())
    assert [one.arguments for one in answer.choices[0].message.tool_calls] == ['{"x":1}', '{"x":2}']


def test_a_name_in_every_piece_takes_no_longer(codec: Dialect, sse: Sse, target: Make) -> None:
    """The end of the arguments is looked for a limited number of times, however often they seem to end."""
    pieces = ['{"a":"'] + ["}"] * 300 + ['"}']
    chunks = [calls(call(text, index=0, name="f")) for text in pieces]
    decoder = codec.stream_decoder(target(), {})
    decoder.feed(sse(*chunks, chunk({}, "tool_calls")))
    decoder.flush()
    found = [one.arguments for one in decoder.close().choices[0].message.tool_calls]
    assert found == ['{"a":"' + "}" * 300 + '"}']
    state = CallState(0)
    state.name, state.arguments = "f", ["}"]
    assert [state.is_whole() for _ in range(100)] == [False] * 100
    assert state.looks == 64


def test_calls_without_ids(run: Run, sse: Sse, target: Make) -> None:
    """Ids are made up when the answer ends, from the answer's own id; the same as in a plain answer."""
    chunks = [calls(call("{}", name="f"), call("{}", name="f")), calls(call("{}", name="f"))]
    events, answer = run(sse(*chunks, chunk({}, "stop")), target())
    assert events[3:] == [
        ToolCallDelta(0, "call_r1_0_0"),
        ToolCallDelta(1, "call_r1_0_1"),
        ToolCallDelta(2, "call_r1_0_2"),
        Finished(FinishReason.TOOL_CALLS, "stop"),
    ]
    assert [c.id for c in answer.choices[0].message.tool_calls] == [
        "call_r1_0_0",
        "call_r1_0_1",
        "call_r1_0_2",
    ]


def test_legacy_function_call(run: Run, sse: Sse, target: Make) -> None:
    """The older single call is a tool call."""
    stream = sse(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk({}, "function_call"),
    )
    _, answer = run(stream, target())
    assert answer.choices[0].message.parts == (ToolCall("call_r1_0_0", "f", "{}"),)
    assert answer.choices[0].finish_reason is FinishReason.TOOL_CALLS
