"""The simulated Gemini: its wire, its rules and its errors."""

import json
from typing import Any

import httpx
import pytest

from minimill.testing import Answer, Counts, Fault, Simulator, ToolCall

HI = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
SEE = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
SAYS = Answer(text="one two three four five", reasoning="let me think")
SIGNED = "c2lnbmVkIGJ5IGdlbWluaS0zLjgtZmxhc2g="


class Caller:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = httpx.Client(headers={"x-goog-api-key": "sim-key"}, timeout=5, trust_env=False, verify=False)

    def post(self, body: Any = HI, model: str = "gemini-3.8-flash", method: str = "generateContent") -> httpx.Response:
        return self.http.post(f"{self.sim.base_url('gemini')}/v1beta/models/{model}:{method}", json=body)

    def chunks(self, body: Any = HI) -> list[Any]:
        response = self.post(body, method="streamGenerateContent?alt=sse")
        assert response.headers["content-type"] == "text/event-stream"
        return [json.loads(line[6:]) for line in response.text.split("\n") if line]


@pytest.fixture
def google(sim: Simulator) -> Any:
    caller = Caller(sim)
    with caller.http:
        yield caller


def test_plain(sim: Simulator, google: Caller) -> None:
    """Candidates, counts, model and id; thoughts are counted, and shown to those who ask."""
    sim.configure("gemini", answer=SAYS)
    response = google.post()
    reply = response.json()
    assert response.headers["x-gemini-service-tier"] == "standard"
    assert len(reply.pop("responseId")) == 22
    assert reply == {
        "candidates": [
            {
                "content": {"parts": [{"text": "one two three four five"}], "role": "model"},
                "index": 0,
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 5,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 13,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
            "serviceTier": "standard",
        },
        "modelVersion": "gemini-3.8-flash",
    }
    parts = google.post(HI | SEE).json()["candidates"][0]["content"]["parts"]
    assert parts[0] == {"text": "let me think", "thought": True}
    (record, _) = sim.calls
    assert (record.model, record.stream, record.body) == ("gemini-3.8-flash", False, HI)
    assert (record.input_tokens, record.output_tokens, record.reasoning_tokens) == (5, 8, 3)


def test_stream(sim: Simulator, google: Caller) -> None:
    """Counts in every chunk, the finish reason in the last, and no end mark."""
    sim.configure("gemini", answer=SAYS)
    chunks = google.chunks(HI | SEE)
    assert [chunk["candidates"][0]["content"]["parts"] for chunk in chunks] == [
        [{"text": "let me think", "thought": True}],
        [{"text": "one two three four"}],
        [{"text": " five"}],
        [{"text": ""}],
    ]
    assert [chunk["usageMetadata"]["totalTokenCount"] for chunk in chunks] == [8, 12, 13, 13]
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None, None, None, "STOP"]


def test_counts_that_are_zero_are_left_out(sim: Simulator, google: Caller) -> None:
    sim.configure("gemini", answer=Answer(text="x", usage=Counts(100, 7, 90, reasoning_tokens=7)))
    assert google.post().json()["usageMetadata"] == {
        "promptTokenCount": 100,
        "thoughtsTokenCount": 7,
        "cachedContentTokenCount": 90,
        "totalTokenCount": 107,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
        "serviceTier": "standard",
    }


def test_what_the_prompt_asks_for(sim: Simulator, google: Caller) -> None:
    """A schema, a forced tool, several answers, a limit."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    reply = google.post(HI | {"generationConfig": wanted}).json()
    assert reply["candidates"][0]["content"]["parts"] == [{"text": '{"n":0}'}]
    tools = {
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}, {"name": "g"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }
    (part,) = google.post(HI | tools).json()["candidates"][0]["content"]["parts"]
    assert (part["functionCall"]["name"], part["functionCall"]["args"]) == ("f", {"n": 0})
    assert part["thoughtSignature"] == SIGNED
    reply = google.post(HI | {"generation_config": {"candidate_count": 2, "max_output_tokens": 3}}).json()
    assert [one["finishReason"] for one in reply["candidates"]] == ["MAX_TOKENS", "MAX_TOKENS"]
    assert reply["usageMetadata"]["candidatesTokenCount"] == 6


def turn(signature: str | None) -> Any:
    call = {"functionCall": {"id": "c1", "name": "f", "args": {}}}
    result = {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "4"}}}
    signed = call if signature is None else call | {"thoughtSignature": signature}
    return {
        "contents": [*HI["contents"], {"role": "model", "parts": [signed]}, {"role": "user", "parts": [result]}]
    }


def test_signatures_are_checked(google: Caller) -> None:
    """Its own, or the mark that stands for one; from the third generation on."""
    assert google.post(turn(SIGNED)).status_code == 200
    assert google.post(turn("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")).status_code == 200
    assert "missing a thought_signature" in google.post(turn(None)).json()["error"]["message"]
    assert google.post(turn(SIGNED), "gemini-3.5-flash").status_code == 400
    assert google.post(turn(None), "gemini-2.5-flash").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"contents": []}, 400),
        ({"contents": "x"}, 400),
        ({"contents": [{"role": "user"}]}, 400),
        (HI | {"generationConfig": {"maxOutputTokens": 0}}, 400),
        (HI | {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}, 400),
        (HI | {"continuationToken": "eA=="}, 400),
    ],
)
def test_bad_bodies(google: Caller, body: Any, status: int) -> None:
    reply = google.post(body)
    assert (reply.status_code, reply.json()["error"]["status"]) == (status, "INVALID_ARGUMENT")


def test_keys_and_models(sim: Simulator, google: Caller) -> None:
    """A wrong key is a 400 with a reason; a model that is not there a 404."""
    google.http.headers["x-goog-api-key"] = "wrong"
    error = google.post().json()["error"]
    assert (error["code"], error["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    del google.http.headers["x-goog-api-key"]
    assert google.post().status_code == 403
    google.http.headers["x-goog-api-key"] = "sim-key"
    sim.configure("gemini", models=["gemini-3.8-flash"])
    assert google.post(model="gemini-9").json()["error"]["status"] == "NOT_FOUND"
    listed = google.http.get(f"{sim.base_url('gemini')}/v1beta/models").json()["models"]
    assert [one["name"] for one in listed] == ["models/gemini-3.8-flash"]
    assert google.http.get(f"{sim.base_url('gemini')}/v1beta/files").status_code == 404


def test_refusals(sim: Simulator, google: Caller) -> None:
    """Google's typed details."""
    sim.program("gemini", [Fault.status(429), Fault.status(429, code="PerDay"), Fault.status(503)])
    first, second, third = (google.post().json()["error"] for _ in range(3))
    assert first["details"][1]["retryDelay"] == "0.01s"
    assert "PerMinute" in first["details"][0]["violations"][0]["quotaId"]
    assert "PerDay" in second["details"][0]["violations"][0]["quotaId"]
    assert third == {
        "code": 503,
        "message": "The model is overloaded. Please try again later.",
        "status": "UNAVAILABLE",
    }


def test_an_error_in_the_stream_is_bare_json(sim: Simulator, google: Caller) -> None:
    """Over several lines, without `data:`."""
    sim.program("gemini", Fault.error_in_stream(after=1))
    text = google.post(method="streamGenerateContent?alt=sse").text
    event, error = text.split("\n\n", 1)
    assert event.startswith("data: ")
    assert json.loads(error)["error"]["status"] == "INTERNAL"
    assert "\n  " in error


def test_long_answers_in_parts(sim: Simulator, google: Caller) -> None:
    """The fourth generation breaks off and goes on; earlier words are input then."""
    sim.configure("gemini", answer=SAYS, hop_tokens=5)
    first = google.post(HI | SEE, "gemini-4-argon").json()
    (candidate,) = first["candidates"]
    assert (candidate["finishReason"], first["usageMetadata"]["totalTokenCount"]) == ("CONTINUATION", 10)
    rest = google.post(HI | SEE | {"continuationToken": candidate["continuationToken"]}, "gemini-4-argon").json()
    assert rest["candidates"][0]["content"]["parts"] == [{"text": " three four five"}]
    assert (rest["candidates"][0]["finishReason"], rest["usageMetadata"]["promptTokenCount"]) == ("STOP", 7)
    limit = {"generationConfig": {"maxOutputTokens": 32_769}}
    assert google.post(HI | limit, "gemini-4-argon").status_code == 400
    assert google.post(HI | limit).status_code == 200


def test_broken_arguments_stay_text(sim: Simulator, google: Caller) -> None:
    sim.configure("gemini", answer=Answer(tool_calls=[ToolCall("f", "{broken")]))
    (part,) = google.post(model="gemini-2.5-flash").json()["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"] == "{broken"
