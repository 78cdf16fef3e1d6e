"""The simulated Anthropic: its wire, its checks, its errors, and faults on it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from minimill.testing import Answer, Counts, Fault, Length, Simulator, ToolCall, one_token_per_byte

SAYS = Answer(text="one two three four five", reasoning="let me think")
TOOL = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Asker:
    """Sends Messages requests to one simulator."""

    def __init__(self, sim: Simulator) -> None:
        headers = {"x-api-key": "sim-key", "anthropic-version": "2026-10-21"}
        self.http = httpx.Client(
            base_url=sim.base_url("anthropic"), headers=headers, timeout=5, trust_env=False, verify=False
        )

    def post(self, **fields: Any) -> httpx.Response:
        body = {"model": "m-1", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **fields}
        return self.http.post("/v1/messages", json={k: v for k, v in body.items() if v is not ...})

    def reply(self, **fields: Any) -> dict[str, Any]:
        response = self.post(**fields)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def events(self, **fields: Any) -> list[dict[str, Any]]:
        response = self.post(stream=True, **fields)
        assert response.headers["content-type"].startswith("text/event-stream")
        found = []
        for part in response.text.strip("\n").split("\n\n"):
            name, data = part.split("\n")
            found.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {found[-1]['type']}"
        return found


@pytest.fixture
def ask(sim: Simulator) -> Iterator[Asker]:
    asker = Asker(sim)
    with asker.http:
        yield asker


def test_plain(sim, ask):
    """Thinking with a signature, then text; the prompt is the sum of three counts."""
    counts = Counts(1000, 50, 600, 300, 100, 30)
    sim.configure("anthropic", answer=Answer(text="one", reasoning="hm", usage=counts))
    response = ask.post()
    reply = response.json()
    assert re.fullmatch(r"msg_01[0-9a-f]{22}", reply.pop("id"))
    assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", reply["content"][0].pop("signature"))
    assert reply == {
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "one"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 100,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 600,
            "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "inference_geo": "global",
        },
    }
    (record,) = sim.paid_calls
    assert response.headers["request-id"] == record.request_id
    assert re.fullmatch(r"req_011C[0-9a-f]{20}", record.request_id)
    assert (record.input_tokens, record.cache_write_tokens, record.cache_write_long_tokens) == (1000, 300, 100)


def test_stream(sim, ask):
    """Named events in the vendor's order; the bill comes with the stop reason."""
    sim.configure("anthropic", answer=SAYS)
    events = ask.events()
    assert [event["type"] for event in events] == [
        "message_start", "ping",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[0] == {"type": "thinking_delta", "thinking": "let me think"}
    assert deltas[1]["type"] == "signature_delta"
    assert deltas[2:] == [
        {"type": "text_delta", "text": "one two three four"},
        {"type": "text_delta", "text": " five"},
    ]
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-2]["usage"]["output_tokens"] == 8
    assert sim.paid_calls[0].output_tokens == 8


def test_tools(sim, ask):
    """Calls follow the text; their arguments are streamed in pieces, those of an empty call not at all."""
    calls = (ToolCall("weather", {"city": "A"}), ToolCall("now", {}))
    sim.configure("anthropic", answer=Answer(text="I look.", tool_calls=calls))
    reply = ask.reply(tools=[TOOL])
    assert [block["type"] for block in reply["content"]] == ["text", "tool_use", "tool_use"]
    assert re.fullmatch(r"toolu_01[0-9a-f]{22}", reply["content"][1].pop("id"))
    assert reply["content"][1] == {"type": "tool_use", "name": "weather", "input": {"city": "A"}}
    assert reply["stop_reason"] == "tool_use"
    events = ask.events(tools=[TOOL])
    pieces = [e["delta"]["partial_json"] for e in events if "partial_json" in e.get("delta", {})]
    assert pieces == ['{"city', '":"A"}']


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
def test_a_forced_tool_is_called(ask, choice):
    reply = ask.reply(tools=[TOOL], tool_choice=choice)
    assert reply["content"][0]["input"] == {"city": ""}
    assert reply["stop_reason"] == "tool_use"


def test_an_answer_in_a_format(ask):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    config = {"format": {"type": "json_schema", "schema": schema}}
    assert json.loads(ask.reply(output_config=config)["content"][0]["text"]) == {"a": 0}


def test_the_limit_is_kept(sim, ask):
    sim.configure("anthropic", length=Length.fill())
    reply = ask.reply(max_tokens=7)
    assert (reply["stop_reason"], reply["usage"]["output_tokens"]) == ("max_tokens", 7)


def test_words_of_the_answer_may_be_the_vendors_own(sim, ask):
    sim.configure("anthropic", answer=Answer(text="", finish_reason="refusal"))
    reply = ask.reply()
    assert (reply["content"], reply["stop_reason"]) == ([], "refusal")


def test_every_text_is_counted(sim, ask):
    """System prompt, texts, thinking, calls and results."""
    sim.configure("anthropic", input_tokens=one_token_per_byte())
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    thought = {"type": "thinking", "thinking": "abcd", "signature": "SIG"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sun"}]}
    messages = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [result]},
    ]
    reply = ask.reply(system=[{"type": "text", "text": "rules"}], messages=messages)
    assert reply["usage"]["input_tokens"] == 5 + 5 + 4 + 3 + 1 + 7 + 3
    assert reply["content"][0]["text"].startswith("You asked: hello ")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": ""}, "model: Field required"),
        ({"max_tokens": ...}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
        ({"tools": {}}, "tools: wrong type"),
        ({"tools": [{}]}, "needs a name"),
        ({"tool_choice": {"type": "any"}}, "while providing tools"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "budget_tokens"),
        ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5}]},
            "A maximum of 4 blocks",
        ),
        (
            {"messages": [{"role": "assistant", "content": [
                {"type": "tool_use", "id": "a:1", "name": "f", "input": {}}]}]},
            "should match pattern",
        ),
        (
            {"messages": [{"role": "assistant", "content": [
                {"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}, {"role": "user", "content": "a"}]},
            "without `tool_result` blocks right after: t1",
        ),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "a"}]}]},
            "unexpected `tool_use_id`",
        ),
    ],
)  # fmt: skip
def test_bad_bodies(sim, ask, fields, words):
    """A body that the vendor would refuse is refused in its words and its envelope."""
    response = ask.post(**fields)
    error = response.json()
    assert response.status_code == 400
    assert error["type"] == "error"
    assert error["error"]["type"] == "invalid_request_error"
    assert words.lower() in error["error"]["message"].lower()
    assert error["request_id"] == response.headers["request-id"]
    assert sim.paid_calls == ()


def test_keys_and_versions(ask):
    """Both headers for keys are read; the version is needed, and older ones take sampling settings."""
    bare = {"anthropic-version": "2026-10-21"}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    with httpx.Client(base_url=ask.http.base_url, trust_env=False, verify=False) as http:

        def status(**headers: str) -> int:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            return http.post("/v1/messages", json=body, headers=bare | named).status_code

        assert status(authorization="Bearer sim-key") == 200
        assert status(x_api_key="wrong") == 401
        assert status() == 401
        del bare["anthropic-version"]
        assert status(x_api_key="sim-key") == 400
        bare["anthropic-version"] = "2023-06-01"
        body["temperature"] = 0.5
        assert status(x_api_key="sim-key") == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault.status(429, retry_after=3), 429, "rate_limit_error"),
        (Fault.status(500), 500, "api_error"),
        (Fault.status(529), 529, "overloaded_error"),
        (Fault.status(402), 402, "billing_error"),
        (Fault.status(400, code="context_length_exceeded"), 400, "invalid_request_error"),
        (Fault.status(429, code="enforced_spend_limit_reached"), 429, "rate_limit_error"),
        (Fault.status(418, code="teapot_error"), 418, "teapot_error"),
    ],
)
def test_errors(sim, ask, fault, status, kind):
    sim.program("anthropic", fault)
    response = ask.post()
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    details = response.json()["error"].get("details")
    assert details == ({"error_code": fault.error_code} if "enforced" in (fault.error_code or "") else None)


def test_models_and_unknown_paths(ask):
    found = ask.http.get("/v1/models").json()
    assert [model["id"] for model in found["data"]] == ["claude-opus-5-5", "claude-sonnet-4-5"]
    assert ask.http.get("/v1/nothing").json()["error"]["type"] == "not_found_error"


def test_faults_of_streams(sim, ask):
    """Cut, without an end, without usage, or with an error event in place of the rest."""
    sim.configure("anthropic", answer=Answer(text="a b c d"), tokens_per_chunk=1)
    sim.program("anthropic", [Fault.error_in_stream(2, code="overloaded_error"), Fault.drop_done(), Fault.no_usage()])
    failed = ask.events()
    assert [event["type"] for event in failed[-2:]] == ["content_block_delta", "error"]
    assert failed[-1]["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert sim.calls[-1].output_tokens == 2
    assert ask.events()[-1]["type"] == "message_delta"
    silent = ask.events()
    assert "usage" not in silent[0]["message"] and "usage" not in silent[-2]
    sim.program("anthropic", Fault.cut_after(3))
    with pytest.raises(httpx.RemoteProtocolError):
        ask.events()
    assert (sim.calls[-1].outcome, sim.calls[-1].output_tokens) == ("cut", 3)
