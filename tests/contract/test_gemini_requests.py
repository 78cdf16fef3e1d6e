"""Requests in Gemini's words, exact. https://ai.google.dev/api/generate-content, python-genai types.py 3.4.0."""

from typing import Any

import pytest

from minimill._chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    JsonSchema,
    Message,
    NamedTool,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    assistant,
    system,
    tool,
    user,
)
from minimill._errors import InvalidRequestError, Then
from minimill.catalog import Quirks
from minimill.dialects import Target

from .gemini_wire import CODEC, body_of, target_of

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("weather", "Tells the weather", CITY)
DECLARED = {"name": "weather", "description": "Tells the weather", "parametersJsonSchema": CITY}
MARK = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="


def contents_of(*messages: Message, model: str = "gemini-3.8-flash") -> Any:
    return body_of(ChatRequest(messages), model)["contents"]


def refusal(model: str = "gemini-3.8-flash", **fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        body_of(model=model, **fields)
    assert caught.value.message.endswith("Nothing was sent")
    return caught.value


# -- address and key -----------------------------------------------------------------------------------------


def test_path_names_model_and_method() -> None:
    """A stream is asked for as server-sent events; the key is in no path."""
    request = ChatRequest((user("hi"),))
    assert CODEC.encode(request, target_of(), stream=False).path == (
        "/v1beta/models/gemini-3.8-flash:generateContent"
    )
    assert CODEC.encode(request, target_of(), stream=True).path == (
        "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    )


def test_a_model_id_cannot_leave_its_place_in_the_path() -> None:
    """What a user calls a model is quoted; the version of the wire is a quirk."""
    target = Target("gemini", "a/b?key=c", Quirks(chat_path="/v1/models"))
    path = CODEC.encode(ChatRequest((user("hi"),)), target, stream=False).path
    assert path == "/v1/models/a%2Fb%3Fkey%3Dc:generateContent"


def test_a_long_plain_answer_is_asked_for_as_a_stream() -> None:
    """Gemini 4 answers 400 to a plain request for more than 32,768 tokens."""
    for limit, method in ((32_768, "generateContent"), (32_769, "streamGenerateContent?alt=sse")):
        request = ChatRequest((user("hi"),), max_output_tokens=limit)
        path = CODEC.encode(request, target_of("gemini-4-argon"), stream=False).path
        assert path.partition(":")[2] == method


# -- messages ------------------------------------------------------------------------------------------------


def test_instructions_are_apart_from_the_turns() -> None:
    """Every system message goes into the one instruction, also from the middle."""
    body = body_of(ChatRequest((system("Be brief."), user("hi"), assistant("ho"), system("In rhyme."), user("go"))))
    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "ho"}]},
            {"role": "user", "parts": [{"text": "go"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In rhyme."}]},
    }


def test_turns_of_one_role_are_joined() -> None:
    """Two messages of the user are one turn."""
    assert contents_of(user("one"), user("two")) == [
        {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]}
    ]


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (Image(data=b"\x89P", media_type="image/png"), {"inlineData": {"mimeType": "image/png", "data": "iVA="}}),
        (Image(url="data:image/gif;base64,R0lG"), {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}),
        (
            Image(url="https://example.com/a.JPG?x=1"),
            {"fileData": {"fileUri": "https://example.com/a.JPG?x=1", "mimeType": "image/jpeg"}},
        ),
        (Image(url="https://example.com/a"), {"fileData": {"fileUri": "https://example.com/a"}}),
        (File(data=b"%PDF"), {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}),
        (
            File(url="https://youtu.be/abc", media_type="video/mp4"),
            {"fileData": {"fileUri": "https://youtu.be/abc", "mimeType": "video/mp4"}},
        ),
        (
            File(file_id="files/abc"),
            {
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                    "mimeType": "application/pdf",
                }
            },
        ),
        (Audio(b"RIFF"), {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
        (Audio(b"ID3", "mp3"), {"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}}),
    ],
)
def test_media(part: Any, wire: Any) -> None:
    """By content inline, by address or id as file data."""
    assert contents_of(user(["Look", part])) == [{"role": "user", "parts": [{"text": "Look"}, wire]}]


def test_the_detail_of_images_is_one_setting() -> None:
    """The wire takes a resolution for the whole request; two are refused."""
    low, high = Image(url="https://a.example/b.png", detail="low"), Image(url="https://a.example/c.png", detail="high")
    body = body_of(ChatRequest((user([low]),)))
    assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
    assert "generationConfig" not in body_of(ChatRequest((user([Image(url="https://a.example/b", detail="auto")]),)))
    with pytest.raises(InvalidRequestError, match="does not take images of different detail"):
        body_of(ChatRequest((user([low, high]),)))
    with pytest.raises(InvalidRequestError, match="it takes one of low, medium, high"):
        body_of(ChatRequest((user([Image(url="https://a.example/b", detail="huge")]),)))


def test_results_follow_their_calls() -> None:
    """Results of one turn are one content in the order of the calls; names come from the calls."""
    turn = Message("assistant", (ToolCall("a", "weather", '{"city": "Rome"}'), ToolCall("b", "clock", "")))
    sent = contents_of(
        user("hi"), turn, tool(ToolResult("b", "noon")), tool(ToolResult("a", '{"sky": "blue"}')), user("so?"),
        model="gemini-2.5-flash",
    )  # fmt: skip
    assert sent[1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}},
                {"functionCall": {"id": "b", "name": "clock", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "weather", "response": {"sky": "blue"}}},
                {"functionResponse": {"id": "b", "name": "clock", "response": {"output": "noon"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "so?"}]},
    ]


def test_a_failed_tool_says_so() -> None:
    """The wire has a word for it; a result may name its function itself."""
    assert contents_of(tool(ToolResult("x", "no such city", "weather", is_error=True)))[0]["parts"] == [
        {"functionResponse": {"id": "x", "name": "weather", "response": {"error": "no such city"}}}
    ]
    with pytest.raises(InvalidRequestError, match=r"say ToolResult\(name=\.\.\.\)"):
        contents_of(tool(ToolResult("x", "4")))


def test_signatures_go_back_on_their_parts() -> None:
    """Byte for byte, to the part they came on; a part without words of ours goes back as a whole."""
    turn = Message(
        "assistant",
        (
            Reasoning("a summary", None, "gemini", "gemini-3.8-flash"),
            Reasoning("", '{"toolCall":{"id":"s1"},"thoughtSignature":"QQ=="}', "gemini", "gemini-3.8-flash"),
            Text("Let me see."),
            Reasoning("", "Rs+/==", "gemini", "gemini-3.8-flash"),
            ToolCall("a", "weather", "{}"),
            ToolCall("b", "weather", "{}"),
            Reasoning("", "last", "gemini", "gemini-3.8-flash"),
        ),
    )
    assert contents_of(user("hi"), turn)[1]["parts"] == [
        {"toolCall": {"id": "s1"}, "thoughtSignature": "QQ=="},
        {"text": "Let me see."},
        {"functionCall": {"id": "a", "name": "weather", "args": {}}, "thoughtSignature": "Rs+/=="},
        {"functionCall": {"id": "b", "name": "weather", "args": {}}},
        {"text": "", "thoughtSignature": "last"},
    ]


@pytest.mark.parametrize(
    "foreign",
    [Reasoning("", "sig", "anthropic"), Reasoning("", "sig", "gemini", "gemini-3.5-flash"), Reasoning("why", "sig")],
)
def test_strangers_signatures_stay_away(foreign: Reasoning) -> None:
    """What another vendor or model sealed is not sent; a call then carries the mark that stands for none."""
    turn = Message("assistant", (foreign, ToolCall("a", "weather", "{}")))
    assert contents_of(turn)[0]["parts"] == [
        {"functionCall": {"id": "a", "name": "weather", "args": {}}, "thoughtSignature": MARK}
    ]
    assert "thoughtSignature" not in contents_of(turn, model="gemini-2.5-flash")[0]["parts"][0]


def test_what_cannot_be_said_is_refused() -> None:
    """Broken arguments of another model, media in an instruction, a changed block."""
    with pytest.raises(InvalidRequestError, match="whose arguments are no JSON object"):
        contents_of(Message("assistant", (ToolCall("a", "weather", "[1"),)))
    with pytest.raises(InvalidRequestError, match="a part Image in a message of role 'system'"):
        contents_of(Message("system", (Image(url="https://a.example/b"),)), user("hi"))
    with pytest.raises(InvalidRequestError, match="a block of reasoning in the history was changed"):
        contents_of(Message("assistant", (Reasoning("", "{broken", "gemini"),)))


def test_gemini_4_wants_the_last_word_of_the_user() -> None:
    """A conversation that ends with the model's turn is refused before it is sent."""
    talk = ChatRequest((user("hi"), assistant("The answer is")))
    assert body_of(talk, "gemini-3.8-flash")["contents"][-1]["role"] == "model"
    with pytest.raises(InvalidRequestError, match="that end with the assistant's own"):
        body_of(talk, "gemini-4-argon")


# -- tools and structure -------------------------------------------------------------------------------------


def test_tools() -> None:
    """All functions are declared in one tool, with their JSON Schema."""
    assert body_of(tools=(WEATHER, Tool("now"))) == {
        "tools": [
            {
                "functionDeclarations": [
                    DECLARED,
                    {"name": "now", "parametersJsonSchema": {"type": "object", "properties": {}}},
                ]
            }
        ]
    }


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (NamedTool("weather"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_tool_choice(choice: Any, calling: Any) -> None:
    sent = body_of(tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=True)
    assert sent["toolConfig"] == {"functionCallingConfig": calling}


def test_strict_tools_are_validated() -> None:
    """The mode that holds the model to its schemas."""
    strict = Tool("weather", "", CITY, strict=True)
    assert body_of(tools=(strict,))["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_choices_that_make_no_sense() -> None:
    """A tool that is none, no tools at all, and calls one at a time."""
    assert "none of the tools" in refusal(tools=(WEATHER,), tool_choice=NamedTool("x")).message
    assert "the request has none" in refusal(tool_choice="required").message
    error = refusal(tools=(WEATHER,), parallel_tool_calls=False)
    assert "does not take parallel_tool_calls False" in error.message
    assert error.then is Then.NEXT


def test_structured_answers() -> None:
    """JSON of any kind, or by a schema."""
    assert body_of(response_format="json") == {"generationConfig": {"responseMimeType": "application/json"}}
    assert body_of(response_format=JsonSchema(CITY, description="A place")) == {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": {**CITY, "description": "A place"},
        }
    }


def test_older_models_take_either_tools_or_json() -> None:
    """https://github.com/googleapis/python-genai/issues/867"""
    error = refusal("gemini-2.5-flash", tools=(WEATHER,), response_format="json")
    assert "does not take response_format together with tools" in error.message
    assert "responseMimeType" in body_of(tools=(WEATHER,), response_format="json")["generationConfig"]


# -- settings ------------------------------------------------------------------------------------------------


def test_settings() -> None:
    """Every setting under its name on the wire."""
    sent = body_of(
        model="gemini-2.5-flash", max_output_tokens=99, temperature=0.5, top_p=0.9, presence_penalty=0.1,
        frequency_penalty=0.2, stop=("END",), seed=7, n=2, top_logprobs=3, service_tier="flex",
    )  # fmt: skip
    assert sent == {
        "generationConfig": {
            "maxOutputTokens": 99,
            "temperature": 0.5,
            "topP": 0.9,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "stopSequences": ["END"],
            "seed": 7,
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
        },
        "serviceTier": "flex",
    }
    assert body_of(service_tier="standard") == {}


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("gemini-3.8-flash", {"temperature": 0.5}, "does not take temperature at all"),
        ("gemini-3.8-flash", {"n": 2}, "does not take n 2; it takes at most 1"),
        ("gemini-4-argon", {"presence_penalty": 1.0}, "does not take presence_penalty at all"),
        ("gemini-3.5-flash-lite", {"service_tier": "flex"}, "does not take service_tier 'flex'"),
        ("gemini-3.5-flash", {"user": "u-1"}, "does not take user at all; it takes the request without it"),
        ("gemini-3.5-flash", {"service_tier": "turbo"}, "it takes one of flex, priority"),
        ("gemini-2.5-flash", {"temperature": float("nan")}, "temperature is not a finite number"),
    ],
)
def test_refused_settings(model: str, fields: Any, words: str) -> None:
    """What a model refuses is an error before anything is sent."""
    assert words in refusal(model, **fields).message


@pytest.mark.parametrize(
    ("model", "reasoning", "config"),
    [
        ("gemini-2.5-flash", False, {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", 0, {"thinkingBudget": 0}),
        ("gemini-2.5-flash", True, {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-flash", 2_000, {"thinkingBudget": 2_000, "includeThoughts": True}),
        ("gemini-2.5-pro", "max", {"thinkingBudget": 32_768, "includeThoughts": True}),
        ("gemini-3.8-flash", "high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.8-flash", True, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3.8-flash", 9_000, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3.8-flash", 10, {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3.5-flash", True, {"includeThoughts": True}),
        ("gemini-4-neon", "xhigh", {"thinkingLevel": "XHIGH", "includeThoughts": True}),
        ("gemini-4-argon", True, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
    ],
)
def test_reasoning(model: str, reasoning: Any, config: Any) -> None:
    """One setting: a budget for 2.5, a level from 3 on. Who asks for thinking sees it."""
    assert body_of(model=model, reasoning=reasoning) == {"generationConfig": {"thinkingConfig": config}}


@pytest.mark.parametrize(
    ("model", "reasoning", "words"),
    [
        ("gemini-3.8-flash", False, "does not take reasoning off; it takes low, medium, high"),
        ("gemini-3.8-flash", "minimal", "does not take reasoning 'minimal'"),
        ("gemini-4-argon", "xhigh", "it takes low, medium, high"),
        ("gemini-2.5-pro", False, "it takes True, an effort, a number of tokens from 128 to 32,768"),
        ("gemini-2.5-pro", 100, "does not take reasoning 100"),
        ("gemini-2.5-flash", 30_000, "from 0 to 24,576, or False"),
    ],
)
def test_refused_reasoning(model: str, reasoning: Any, words: str) -> None:
    assert words in refusal(model, reasoning=reasoning).message


def test_nothing_is_sent_where_nothing_is_said() -> None:
    """The model's own default holds."""
    assert body_of() == {}


# -- extras --------------------------------------------------------------------------------------------------


def test_extras_go_by_name() -> None:
    """Fields of the vendor's own, at the top or in its tables; its tools are added to the functions."""
    sent = body_of(
        tools=(WEATHER,),
        seed=1,
        reasoning="low",
        extra={
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
            "generationConfig": {"topK": 3, "thinking_config": {"includeThoughts": False}},
            "tool_config": {"includeServerSideToolInvocations": True},
            "tools": [{"googleSearch": {}}],
        },
    )
    assert sent == {
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        "generationConfig": {
            "seed": 1,
            "topK": 3,
            "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": False},
        },
        "toolConfig": {"includeServerSideToolInvocations": True},
        "tools": [{"functionDeclarations": [DECLARED]}, {"googleSearch": {}}],
    }


@pytest.mark.parametrize(
    "extra",
    [
        {"contents": []},
        {"model": "gemini-4-neon"},
        {"serviceTier": "priority"},
        {"service_tier": "priority"},
        {"continuationToken": "eA=="},
        {"generationConfig": {"maxOutputTokens": 99_999}},
        {"generation_config": {"max_output_tokens": 99_999}},
        {"generationConfig": {"candidateCount": 8}},
        {"generationConfig": {"responseModalities": ["AUDIO"]}},
        {"generation_config": {"thinking_config": {"thinking_budget": 32_768}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}},
    ],
)
def test_extras_that_decide_the_cost_are_refused(extra: Any) -> None:
    """In either spelling: a ceiling was worked out without them."""
    assert "it decides what a call can cost" in refusal(extra=extra).message
    assert body_of(extra={"generationConfig": {"responseModalities": ["TEXT"]}}) == {
        "generationConfig": {"responseModalities": ["TEXT"]}
    }


def test_a_cache_by_name() -> None:
    """The instruction and the tools are in it; beside it they are refused."""
    cache = {"cachedContent": "cachedContents/x1"}
    assert body_of(extra=cache) == cache
    assert "cachedContent brings its own tools" in refusal(extra=cache, tools=(WEATHER,)).message
    with pytest.raises(InvalidRequestError, match="brings its own system message"):
        body_of(ChatRequest((system("x"), user("hi")), extra=cache))


def test_the_mark_of_a_long_answer() -> None:
    """The same request again, with the mark that the vendor gave."""
    assert body_of(model="gemini-4-argon", max_output_tokens=40_000, continuation="bWFyaw==") == {
        "generationConfig": {"maxOutputTokens": 40_000},
        "continuationToken": "bWFyaw==",
    }
