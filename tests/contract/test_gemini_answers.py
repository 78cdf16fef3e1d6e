"""Gemini's answers in our words, exact.

Shapes: https://ai.google.dev/api/generate-content and python-genai types.py 3.4.0.
"""

import datetime as dt
import json
from typing import Any

import pytest

from minimill._chat import (
    Answer,
    Audio,
    ChatRequest,
    Choice,
    FinishReason,
    Image,
    Message,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    UsageReported,
    user,
)
from minimill._errors import (
    Billed,
    ContentFilteredError,
    InvalidRequestError,
    ProtocolError,
    ProviderError,
    ServerError,
    Then,
    TransportError,
)
from minimill._money import Money
from minimill._pricing import Situation, cost
from minimill._usage import Usage
from minimill.catalog import find_model
from minimill.dialects import WireResponse

from .gemini_wire import CODEC, body_of, chunk, data, decode, read, said, target_of, thought, usage

# -- whole answers -------------------------------------------------------------------------------------------


def test_plain() -> None:
    """Text, ids, model, tier and counts."""
    body = chunk([{"text": "Hello"}], "STOP", usage(8, 3, serviceTier="standard"))
    assert decode(body) == Answer(
        choices=(Choice(0, Message("assistant", (Text("Hello"),)), FinishReason.STOP, "STOP"),),
        usage=Usage(8, 3, 0, 0, None, 0),
        id="r1",
        model="gemini-3.8-flash",
        service_tier="standard",
        raw=body,
    )


def test_thoughts_and_signatures() -> None:
    """A signature stands before its part; a sealed part of no text is kept whole."""
    parts = [
        {"text": "I wonder", "thought": True},
        {"text": "Yes", "thoughtSignature": "U0lH"},
        {"text": "!"},
        {"text": "", "thoughtSignature": "RU5E"},
    ]
    answer = decode(chunk(parts, "STOP", usage(8, 3, thoughtsTokenCount=5)))
    assert said(answer) == (
        thought("I wonder"),
        thought("", "U0lH"),
        Text("Yes"),
        Text("!"),
        thought("", '{"text":"","thoughtSignature":"RU5E"}'),
    )
    assert answer.choices[0].message.text == "Yes!"
    assert answer.choices[0].message.reasoning == "I wonder"


def test_what_came_goes_back_byte_for_byte() -> None:
    """A model's turn, sent back, is what the model sent, apart from thoughts that nobody signed."""
    parts = [
        {"text": "hm", "thought": True},
        {"text": "aha", "thought": True, "thoughtSignature": "VEg="},
        {"executableCode": {"language": "PYTHON", "code": "print(1)\n"}, "thoughtSignature": "Q08="},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1.5, "y": [None, "é"]}}, "thoughtSignature": "RkM="},
        {"functionCall": {"id": "c2", "name": "f", "args": {}}},
        {"text": "done", "thoughtSignature": "VFg="},
        {"text": "", "thoughtSignature": "RU4="},
    ]
    answer = decode(chunk(parts, "STOP", usage(8, 30)))
    request = ChatRequest((user("hi"), answer.choices[0].message))
    assert body_of(request)["contents"][1] == {"role": "model", "parts": parts[1:]}


def test_parallel_calls_without_ids() -> None:
    """Ids are made from the answer's own, so that results can name them."""
    first = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "U0k="}
    parts = [first, {"functionCall": {"name": "g"}}]
    answer = decode(chunk(parts, "STOP", usage(8, 3)))
    assert said(answer) == (
        thought("", "U0k="),
        ToolCall("call_r1_0_0", "f", '{"a":1}'),
        ToolCall("call_r1_0_1", "g", "{}"),
    )
    assert answer.choices[0].finish_reason is FinishReason.TOOL_CALLS
    assert answer.choices[0].finish_reason_raw == "STOP"


def test_pictures_and_sounds_of_the_model() -> None:
    """Media come as content."""
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}},
    ]
    assert said(decode(chunk(parts, "STOP", usage(8, 3)))) == (
        Image(data=b"\x89P", media_type="image/png"),
        Audio(b"ID3", "mp3"),
    )


def test_pictures_of_thoughts_are_no_answer() -> None:
    """What a model draws on the way: https://ai.google.dev/gemini-api/docs/image-generation."""
    drawn = {"inlineData": {"mimeType": "image/png", "data": "iVA="}}
    answer = decode(chunk([{"thought": True, **drawn}, drawn], "STOP", usage(8, 3)))
    assert said(answer) == (
        thought("", '{"thought":true,"inlineData":{"mimeType":"image/png","data":"iVA="}}'),
        Image(data=b"\x89P", media_type="image/png"),
    )


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.CONTENT_FILTER),
        ("LANGUAGE", FinishReason.CONTENT_FILTER),
        ("BLOCKLIST", FinishReason.CONTENT_FILTER),
        ("PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER),
        ("SPII", FinishReason.CONTENT_FILTER),
        ("IMAGE_SAFETY", FinishReason.CONTENT_FILTER),
        ("OTHER", FinishReason.UNKNOWN),
        ("FINISH_REASON_UNSPECIFIED", FinishReason.UNKNOWN),
        ("NEWLY_INVENTED", FinishReason.UNKNOWN),
    ],
)
def test_finish_words(word: str, reason: FinishReason) -> None:
    """Our word, the vendor's beside it; an answer may have no content at all."""
    for parts in ([{"text": "x"}], None):
        choice = decode(chunk(parts, word, usage(8, 3))).choices[0]
        assert (choice.finish_reason, choice.finish_reason_raw) == (reason, word)


@pytest.mark.parametrize(
    ("word", "kind", "then"),
    [
        ("MALFORMED_FUNCTION_CALL", ServerError, Then.RETRY),
        ("MALFORMED_RESPONSE", ServerError, Then.RETRY),
        ("UNEXPECTED_TOOL_CALL", ServerError, Then.NEXT),
        ("TOO_MANY_TOOL_CALLS", ServerError, Then.NEXT),
        ("MISSING_THOUGHT_SIGNATURE", InvalidRequestError, Then.NEXT),
    ],
)
def test_answers_that_failed(word: str, kind: type[ProviderError], then: Then) -> None:
    """An error with the counts, since it was billed; whole or streamed."""
    failed = chunk(None, word, usage(8, 3), finishMessage="Undeclared function: f")
    for run in (lambda: decode(failed), lambda: _raise(read(data(failed))[1])):
        with pytest.raises(kind) as caught:
            run()
        error = caught.value
        assert error.message == f"gemini ended the answer with '{word}': Undeclared function: f"
        assert (error.status, error.code, error.then, error.billed) == (200, word, then, Billed.YES)
        assert error.usage == Usage(8, 3, 0, 0, None, 0)


def _raise(outcome: Any) -> None:
    raise outcome


def test_a_blocked_prompt() -> None:
    """It has no candidates; what it was counted it is billed."""
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage(8), "responseId": "r2"}
    for run in (lambda: decode(body), lambda: _raise(read(data(body))[1])):
        with pytest.raises(ContentFilteredError, match=r"gemini blocked the prompt \(PROHIBITED_CONTENT\)") as caught:
            run()
        assert (caught.value.billed, caught.value.code) == (Billed.YES, "PROHIBITED_CONTENT")
        assert caught.value.usage == Usage(8, 0, 0, 0, None, 0)
    with pytest.raises(ContentFilteredError) as caught:
        decode({"promptFeedback": {"blockReason": "SAFETY"}})
    assert caught.value.billed is Billed.UNKNOWN


def test_several_answers_and_logprobs() -> None:
    """Candidates by index; log probabilities as sent."""
    body = {
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"},
            {
                "content": {"parts": [{"text": "a"}]},
                "finishReason": "MAX_TOKENS",
                "index": 0,
                "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]},
            },
        ],
        "usageMetadata": usage(8, 3),
    }
    first, second = decode(body, "gemini-2.5-flash").choices
    assert (first.message.text, first.finish_reason) == ("a", FinishReason.LENGTH)
    assert first.logprobs == (TokenLogprob("a", -0.5),)
    assert first.logprobs_raw == {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    assert (second.message.text, second.logprobs, second.logprobs_raw) == ("b", None, None)


def test_streamed_logprobs_are_joined() -> None:
    """Lists of all chunks; a number is the last one told."""

    def told(token: str, total: float) -> dict[str, Any]:
        return {"chosenCandidates": [{"token": token}], "logProbabilitySum": total}

    stream = data(
        chunk([{"text": "a"}], None, usage(8, 1), logprobsResult=told("a", -1.0)),
        chunk([{"text": "b", "partMetadata": {}}], "STOP", usage(8, 2), logprobsResult=told("b", -2.0)),
    )
    (choice,) = read(stream)[1].choices
    assert choice.message.text == "ab"
    assert choice.logprobs_raw == {"chosenCandidates": [{"token": "a"}, {"token": "b"}], "logProbabilitySum": -2.0}


def test_the_header_names_the_tier_that_served() -> None:
    """Priority is silently lowered under load: the header is right."""
    body = chunk([{"text": "x"}], "STOP", usage(8, 3, serviceTier="PRIORITY"))
    assert decode(body).service_tier == "priority"
    assert decode(body, headers={"x-gemini-service-tier": "standard"}).service_tier == "standard"


def test_a_long_answer_that_goes_on() -> None:
    """It has not finished; the mark asks for the rest."""
    body = chunk([{"text": "Once"}], "CONTINUATION", usage(8, 3), continuationToken="bWFyaw==")
    answer = decode(body, "gemini-4-argon")
    assert answer.continuation == "bWFyaw=="
    assert (answer.choices[0].finish_reason, answer.choices[0].finish_reason_raw) == (
        FinishReason.LENGTH,
        "CONTINUATION",
    )
    events, streamed = read(data(body), "gemini-4-argon")
    assert events == [TextDelta("Once"), UsageReported(Usage(8, 3, 0, 0, None, 0))]
    assert streamed.continuation == "bWFyaw=="
    assert "bWFyaw" not in repr(streamed)


def test_bodies_that_are_no_answer() -> None:
    """An error, and the counts where they could be read."""
    for body, words in (({}, "there is no answer in the body"), ("x", "the body is no JSON object")):
        with pytest.raises(ProtocolError, match=words):
            decode(body)
    with pytest.raises(TransportError, match="ended the stream before the answer was complete"):
        decode([])
    with pytest.raises(ProtocolError) as found:
        decode({"usageMetadata": usage(8, 3)})
    assert (found.value.usage, found.value.billed) == (Usage(8, 3, 0, 0, None, 0), Billed.YES)
    with pytest.raises(ProtocolError, match="the body is no JSON"):
        CODEC.decode(WireResponse(200, {}, b"upstream error"), target_of())


def test_a_body_that_is_a_list_of_chunks() -> None:
    """What comes where `alt=sse` got lost on the way."""
    chunks = [chunk([{"text": "a"}], None, usage(8, 1)), chunk([{"text": "b"}], "STOP", usage(8, 2))]
    assert decode(chunks).choices[0].message.text == "ab"
    events, answer = read(json.dumps(chunks).encode())
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("a"), TextDelta("b")]
    assert answer.usage == Usage(8, 2, 0, 0, None, 0)


# -- counts --------------------------------------------------------------------------------------------------

DETAILS = [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": 64}]
COUNTS = [
    # https://ai.google.dev/gemini-api/docs/thinking#pricing: thoughts stand beside the candidates
    (usage(100, 20, thoughtsTokenCount=30), Usage(100, 50, 0, 0, None, 30)),
    # what the vendor's own tools read stands beside the prompt
    (usage(100, 20, toolUsePromptTokenCount=700), Usage(800, 20, 0, 0, None, 0)),
    # cached tokens are inside the prompt
    (usage(100, 20, cachedContentTokenCount=90), Usage(100, 20, 90, 0, None, 0)),
    # zeros are left out: only thoughts, before the limit was met
    ({"promptTokenCount": 9, "thoughtsTokenCount": 7, "totalTokenCount": 16}, Usage(9, 7, 0, 0, None, 7)),
    # modalities
    (
        usage(74, 5, promptTokensDetails=DETAILS, candidatesTokensDetails=[{"modality": "TEXT", "tokenCount": 5}]),
        Usage(74, 5, 0, 0, None, 0, 64, 0, 0),
    ),
    # parts of the output that were not told
    ({"promptTokenCount": 9, "totalTokenCount": 16}, Usage(9, 7, 0, 0, None, None)),
    # a total above its parts is output; below them the parts stand
    (
        {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 20},
        Usage(9, 11, 0, 0, None, None, oddities=("totalTokenCount 20 is not 9 + 5",)),
    ),
    (
        {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 12},
        Usage(9, 5, 0, 0, None, 0, oddities=("totalTokenCount 12 is not 9 + 5",)),
    ),
    # parts that exceed their total
    (
        usage(9, 5, cachedContentTokenCount=11),
        Usage(9, 5, 9, 0, None, 0, oddities=("cached_input_tokens 11 outside 0..9",)),
    ),
    # nobody counted
    ({}, None),
    ({"promptTokenCount": 0, "candidatesTokenCount": 5}, None),
    ({"promptTokenCount": 9}, None),
    ({"promptTokenCount": 9, "totalTokenCount": 9}, None),
    ({"promptTokenCount": "many", "candidatesTokenCount": 5}, None),
    ({"promptTokenCount": 9, "candidatesTokenCount": -5, "totalTokenCount": 4}, None),
    (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "expected"), COUNTS)
def test_counts(counts: Any, expected: Usage | None) -> None:
    """Whole and streamed alike."""
    body = chunk([{"text": "x"}], "STOP", counts)
    assert decode(body).usage == expected
    assert read(data(body))[1].usage == expected


def test_web_searches_are_units() -> None:
    """Queries are billed by count."""
    grounding = {"webSearchQueries": ["largest city", "", "population"]}
    body = chunk([{"text": "x"}], "STOP", usage(8, 3), groundingMetadata=grounding)
    assert decode(body).usage == Usage(8, 3, 0, 0, None, 0, units={"web_search": 2})


@pytest.mark.parametrize(
    ("model", "at", "used", "tier", "expected"),
    [
        ("gemini-4-argon", "2026-11-30T23:59:59Z", Usage(100_000, 1_000, 0, 0, None, 0), None, "0.21 USD"),
        ("gemini-4-argon", "2026-12-01T00:00:00Z", Usage(100_000, 1_000, 0, 0, None, 0), None, "0.42 USD"),
        ("gemini-4-argon", "2026-11-24T00:00:00Z", Usage(100_000, 1_000, 50_000, 0, None, 0), "priority", "0.207 USD"),
        ("gemini-3.8-flash", "2026-12-31T23:59:59Z", Usage(10_000, 1_000, 4_000, 0, None, 600), None, "0.00855 USD"),
        ("gemini-3.8-flash", "2027-01-01T00:00:00Z", Usage(10_000, 1_000, 4_000, 0, None, 600), None, "0.0171 USD"),
        ("gemini-2.5-pro", "2026-11-24T00:00:00Z", Usage(200_000, 1_000, 0, 0, None, 0), None, "0.26 USD"),
        ("gemini-2.5-pro", "2026-11-24T00:00:00Z", Usage(200_001, 1_000, 0, 0, None, 0), None, "0.5150025 USD"),
        ("gemini-2.5-pro", "2026-11-24T00:00:00Z", Usage(300_000, 1_000, 100_000, 0, None, 0), "flex", "0.2825 USD"),
        ("gemini-2.5-flash", "2026-11-24T00:00:00Z", Usage(10_000, 1_000, 0, 0, None, 0, 4_000), None, "0.0083 USD"),
        (
            "gemini-3.1-flash-lite", "2026-11-24T00:00:00Z",
            Usage(10_000, 0, 0, 0, None, 0, 4_000), "batch", "0.00175 USD",
        ),
        (
            "gemini-3.5-flash", "2026-11-24T00:00:00Z",
            Usage(10_000, 1_000, 0, 0, None, 0, units={"web_search": 2}), None, "0.052 USD",
        ),
    ],
)  # fmt: skip
def test_bills_worked_out_by_hand(model: str, at: str, used: Usage, tier: str | None, expected: str) -> None:
    offer = find_model(f"gemini:{model}")
    instant = dt.datetime.fromisoformat(at)
    when = Situation(started=instant, finished=instant, service_tier=tier)
    assert cost(used, offer.rows, when).money == Money.of(expected)
