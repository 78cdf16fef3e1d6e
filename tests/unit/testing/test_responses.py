"""OpenAI's Responses wire as the simulator speaks it."""

import json
from typing import Any

import pytest

from minimill.testing import Answer, Counts, Fault, Length, ToolCall, estimate_input, one_token_per_byte
from minimill.testing._view_responses import chat_view

SAYS = Answer(text="one two three four five", reasoning="let me think")
TOOL = {
    "type": "function",
    "name": "weather",
    "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def post(call, given: Any = "hello", **fields: Any):
    body = {"model": "gpt-6-sol", "input": given, **fields}
    return call.http.post(call.sim.base_url("openai") + "/responses", json=body)


def events_of(response) -> list[dict[str, Any]]:
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n")]
    found = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert [name.removeprefix("event: ") for name, _ in blocks] == [event["type"] for event in found]
    return found


def test_plain(sim, call):
    """Thoughts sealed, then the message; usage in the wire's own words."""
    sim.configure("openai", answer=SAYS)
    response = post(call, max_output_tokens=100)
    reply = response.json()
    assert response.headers["x-request-id"].startswith("req_")
    assert (reply["object"], reply["status"], reply["service_tier"]) == ("response", "completed", "default")
    thought, message = reply["output"]
    assert (thought["type"], thought["summary"]) == ("reasoning", [])
    assert thought["encrypted_content"].startswith("gAAAA")
    assert message["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "one two three four five"}
    ]
    assert reply["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 13,
    }


def test_a_summary_is_told_where_it_is_asked_for(sim, call):
    """In the item, and in pieces of a stream."""
    sim.configure("openai", answer=SAYS)
    asked = {"reasoning": {"summary": "auto"}}
    thought, _ = post(call, **asked).json()["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "let me think"}]
    types = [event["type"] for event in events_of(post(call, stream=True, **asked))]
    assert types[2:8] == [
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
    ]


def test_stream(sim, call):
    """Numbered, named events; the last holds the whole response; no end mark."""
    sim.configure("openai", answer=Answer(text="one two three four five"))
    events = events_of(post(call, stream=True))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["delta"] for event in events if "delta" in event] == ["one two three four", " five"]
    plain = post(call).json()
    last = events[-1]["response"]
    assert last["output"][0]["content"] == plain["output"][0]["content"]
    assert last["usage"] == plain["usage"]


def test_tool_calls(sim, call):
    """A named one is forced; arguments come in pieces; the results must answer the calls."""
    forced = {"tools": [TOOL], "tool_choice": {"type": "function", "name": "weather"}}
    (item,) = post(call, **forced).json()["output"]
    assert (item["type"], item["name"], item["arguments"]) == ("function_call", "weather", '{"city":""}')
    events = events_of(post(call, stream=True, **forced))
    pieces = [event["delta"] for event in events if event["type"].endswith("arguments.delta")]
    assert (len(pieces), "".join(pieces)) == (2, '{"city":""}')
    asked = {key: item[key] for key in ("type", "call_id", "name", "arguments")}
    result = {"type": "function_call_output", "call_id": item["call_id"], "output": "21"}
    assert post(call, [{"role": "user", "content": "x"}, asked, result]).status_code == 200
    for items in ([asked], [result]):
        refused = post(call, [{"role": "user", "content": "x"}, *items])
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "input"


def test_a_schema_is_followed(sim, call):
    """The smallest value that fits."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wanted = {"format": {"type": "json_schema", "name": "n", "schema": schema}}
    assert post(call, text=wanted).json()["output"][0]["content"][0]["text"] == '{"a":0}'


def test_an_answer_at_its_limit(sim, call):
    """It is incomplete, and says why."""
    sim.configure("openai", length=Length.fill())
    reply = post(call, max_output_tokens=20).json()
    assert (reply["status"], reply["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert reply["usage"]["output_tokens"] == 20
    assert events_of(post(call, max_output_tokens=20, stream=True))[-1]["type"] == "response.incomplete"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"stop": ["x"]}, "stop", "unknown_parameter"),
        ({"seed": 1}, "seed", "unknown_parameter"),
        ({"n": 2}, "n", "unknown_parameter"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": "x"}, "max_output_tokens", "invalid_value"),
        ({"reasoning": {"effort": "low"}, "temperature": 0.5}, "temperature", None),
        ({"input": []}, "input", "invalid_value"),
        ({"input": [1]}, "input[0]", "invalid_value"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_value"),
        ({"model": ""}, "model", "invalid_value"),
    ],
)
def test_what_it_refuses(sim, call, fields, param, code):
    """In the vendor's envelope; nothing is billed."""
    body = {"model": "gpt-6-sol", "input": "hello", **fields}
    response = call.http.post(sim.base_url("openai") + "/responses", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert sim.paid_calls == ()


def test_keys_and_models(sim, call):
    """As on the other wire."""
    url = sim.base_url("openai") + "/responses"
    wrong = call.http.post(url, json={"model": "m", "input": "x"}, headers={"Authorization": "Bearer no"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    sim.configure("openai", models=["gpt-5-mini"])
    assert post(call).json()["error"]["code"] == "model_not_found"
    assert call.http.get(url).status_code == 405
    other = call.http.post(sim.base_url("doubao") + "/responses", json={"model": "m", "input": "x"})
    assert other.status_code == 404


def test_faults(sim, call):
    """The same programme as on the other wire."""
    sim.program("openai", [Fault.status(503, retry_after=2), Fault.no_usage(), Fault.garbage()])
    refused = post(call)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["error"]["code"] == "server_is_overloaded"
    assert post(call).json()["usage"] is None
    assert post(call).text.startswith("upstream")


def test_an_error_in_mid_stream(sim, call):
    """An error event, then the failed response; a plain one is a failed response with status 200."""
    sim.always("openai", Fault.error_in_stream(after=1, code="rate_limit_exceeded"))
    events = events_of(post(call, stream=True))
    assert [event["type"] for event in events[-3:]] == [
        "response.output_text.delta",
        "error",
        "response.failed",
    ]
    assert events[-2]["error"]["code"] == "rate_limit_exceeded"
    assert events[-1]["response"]["error"]["code"] == "rate_limit_exceeded"
    reply = post(call)
    assert (reply.status_code, reply.json()["status"]) == (200, "failed")


def test_a_cut_stream_bills_what_was_generated(sim, call):
    """Two chunks of four tokens, thoughts before them included."""
    sim.configure("openai", answer=Answer(text="a b c d e f g h i j k l", reasoning="x y"))
    sim.program("openai", Fault.cut_after(2))
    with pytest.raises(Exception, match="peer closed|incomplete"):
        post(call, stream=True)
    sim.wait_idle()
    (record,) = sim.calls
    assert (record.outcome, record.output_tokens, record.reasoning_tokens) == ("cut", 10, 2)


def test_prompts_count_the_same_on_both_wires():
    """The same conversation, the same tokens."""
    chat = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": "ok",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "21"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    items = {
        "input": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"role": "assistant", "content": "ok"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "21"},
        ],
        "tools": [{"type": "function", "name": "f"}],
    }
    view = chat_view(items)
    assert estimate_input(chat) == estimate_input(view) == 20
    count = one_token_per_byte(per_message=4, per_tool=7, per_request=3)
    assert count(chat) == count(view) == 44


def test_programmed_counts_and_the_prompt(sim, call):
    """A function sees the text on either wire; counts are reported as given."""
    seen = []

    def says(request):
        seen.append(request.text)
        return Answer(text="x", tool_calls=[ToolCall("f", id="c9")], usage=Counts(100, 7, 40, 50))

    sim.configure("openai", answer=says)
    reply = post(call, [{"role": "user", "content": "hello"}]).json()
    assert seen == ["hello"]
    assert sim.calls[0].text == "hello"
    assert reply["output"][1]["call_id"] == "c9"
    assert reply["usage"]["input_tokens_details"] == {"cached_tokens": 40, "cache_write_tokens": 50}
    assert reply["usage"]["total_tokens"] == 107
