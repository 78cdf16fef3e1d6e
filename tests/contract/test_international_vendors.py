"""Azure, Groq, Mistral, OpenRouter, SambaNova, Together and xAI, through the whole client.

A call in: the address, the key and the body that leave. A body in, plain and streamed: the answer, its usage and its
bill in nanos. Written from the pages named in the provider files.
"""

import json
from typing import Any, NamedTuple

import pytest

import minimill
from minimill import Usage
from minimill.catalog import load_provider
from tests.contract import vendor_wire
from tests.contract.vendor_wire import chunk, stream_of, streams_of, whole

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
WEATHER = minimill.Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}}}, strict=True)
CITY = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
PLAIN_TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER.parameters}}
KEYS = {
    "azure": "AZURE_OPENAI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "sambanova": "SAMBANOVA_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
AZURE = {"base_url": "https://me.openai.azure.com", "endpoints": {"mine": "gpt-5-mini"}}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS.values():
        monkeypatch.setenv(name, "sim-key")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)


class Wire(vendor_wire.Wire):
    """Knows where our resource of Azure is."""

    def client(self, **config: Any) -> minimill.Client:
        return super().client(**{"providers": {"azure": AZURE}, **config})


def counts(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    total = more.pop("total", prompt + completion)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


OK = whole({"content": "hello"}, counts(10, 5))

REQUESTS = [
    pytest.param(
        "azure:mine", {"reasoning": "low", "max_output_tokens": 50},
        "https://me.openai.azure.com/openai/v1/chat/completions",
        {"model": "mine", "messages": HI, "max_completion_tokens": 50, "reasoning_effort": "low",
         "service_tier": "default"},
        id="azure-deployment",
    ),
    pytest.param(
        "azure:gpt-4.1", {"temperature": 0.5, "stop": ["x"], "seed": 7, "max_output_tokens": 50},
        "https://me.openai.azure.com/openai/v1/chat/completions",
        {"model": "gpt-4.1", "messages": HI, "max_completion_tokens": 50, "temperature": 0.5, "stop": ["x"], "seed": 7,
         "service_tier": "default"},
        id="azure-deployment-named-as-its-model",
    ),
    pytest.param(
        "groq:openai/gpt-oss-120b", {"reasoning": "high", "tools": [WEATHER], "max_output_tokens": 50},
        "https://api.groq.com/openai/v1/chat/completions",
        {"model": "openai/gpt-oss-120b", "messages": HI, "max_completion_tokens": 50, "reasoning_effort": "high",
         "reasoning_format": "parsed",
         "tools": [{"type": "function", "function": {"name": "weather", "strict": True, "parameters": {
             "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
             "additionalProperties": False}}}]},
        id="groq",
    ),
    pytest.param(
        "groq:qwen/qwen3.8-27b", {"reasoning": False, "user": "u", "max_output_tokens": 50},
        "https://api.groq.com/openai/v1/chat/completions",
        {"model": "qwen/qwen3.8-27b", "messages": HI, "max_completion_tokens": 50, "reasoning_effort": "none",
         "reasoning_format": "parsed", "user": "u"},
        id="groq-thinking-off",
    ),
    pytest.param(
        "mistral:mistral-small-2603", {"seed": 7, "n": 2, "max_output_tokens": 50, "reasoning": "high"},
        "https://api.mistral.ai/v1/chat/completions",
        {"model": "mistral-small-2603", "messages": HI, "max_tokens": 50, "random_seed": 7, "n": 2,
         "reasoning_effort": "high"},
        id="mistral-closed-body",
    ),
    pytest.param(
        "mistral:ministral-8b-latest", {"response_format": CITY, "max_output_tokens": 50},
        "https://api.mistral.ai/v1/chat/completions",
        {"model": "ministral-8b-2512", "messages": HI, "max_tokens": 50, "response_format": {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": CITY, "strict": True}}},
        id="mistral-json-schema",
    ),
    pytest.param(
        "openrouter:openai/gpt-5-mini",
        {"reasoning": "low", "max_output_tokens": 50, "extra": {"provider": {"order": ["azure"]}}},
        "https://openrouter.ai/api/v1/chat/completions",
        {"model": "openai/gpt-5-mini", "messages": HI, "max_completion_tokens": 50, "reasoning_effort": "low",
         "provider": {"max_price": {"prompt": "0.25", "completion": "2"}, "order": ["azure"]}},
        id="openrouter-keeps-to-the-price",
    ),
    pytest.param(
        "openrouter:somebody/new-model", {"max_output_tokens": 50},
        "https://openrouter.ai/api/v1/chat/completions",
        {"model": "somebody/new-model", "messages": HI, "max_completion_tokens": 50},
        id="openrouter-any-model",
    ),
    pytest.param(
        "sambanova:DeepSeek-V3.1", {"reasoning": True, "tools": [WEATHER], "max_output_tokens": 50},
        "https://api.sambanova.ai/v1/chat/completions",
        {"model": "DeepSeek-V3.1", "messages": HI, "max_completion_tokens": 50, "tools": [PLAIN_TOOL],
         "chat_template_kwargs": {"enable_thinking": True}},
        id="sambanova",
    ),
    pytest.param(
        "together:moonshotai/Kimi-K3", {"reasoning": False, "seed": 7, "max_output_tokens": 50},
        "https://api.together.ai/v1/chat/completions",
        {"model": "moonshotai/Kimi-K3", "messages": HI, "max_tokens": 50, "seed": 7, "reasoning": {"enabled": False},
         "context_length_exceeded_behavior": "error"},
        id="together",
    ),
    pytest.param(
        "xai:grok-4.5", {"reasoning": "low", "tools": [WEATHER], "max_output_tokens": 50},
        "https://api.x.ai/v1/chat/completions",
        {"model": "grok-4.5", "messages": HI, "max_completion_tokens": 50, "reasoning_effort": "low",
         "tools": [PLAIN_TOOL]},
        id="xai",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "asked", "url", "body"), REQUESTS)
async def test_request(model: str, asked: dict[str, Any], url: str, body: Any) -> None:
    """The address, the key and the body are these, to the field."""
    wire = Wire(OK)
    async with wire.client() as client:
        await client.chat("hi", model=model, **asked)
    (sent,) = wire.asked
    assert str(sent.url) == url
    vendor = model.partition(":")[0]
    if vendor == "azure":
        assert (sent.headers["api-key"], "authorization" in sent.headers) == ("sim-key", False)
    else:
        assert sent.headers["authorization"] == "Bearer sim-key"
    assert json.loads(sent.content) == body


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("azure:mine", {"stream_options": {"include_usage": True}}),
        ("groq:openai/gpt-oss-20b", {}),
        ("mistral:mistral-small-2603", {}),
        ("openrouter:openai/gpt-5-mini", {"stream_options": {"include_usage": True}}),
        ("sambanova:gpt-oss-120b", {"stream_options": {"include_usage": True}}),
        ("together:openai/gpt-oss-120b", {"stream_options": {"include_usage": True}}),
        ("xai:grok-4.7", {"stream_options": {"include_usage": True}}),
    ],
)
async def test_usage_of_a_stream_is_asked_for_where_it_must_be(model: str, field: Any) -> None:
    """Mistral refuses the field, and Groq tells its usage unasked."""
    wire = Wire(stream_of(chunk({"content": "a"}, "stop", usage=counts(9, 1))), kind="text/event-stream")
    async with wire.client() as client, client.stream("hi", model=model) as stream:
        _ = [event async for event in stream]
    sent = json.loads(wire.asked[0].content)
    assert sent["stream"] is True
    assert {key: value for key, value in sent.items() if key == "stream_options"} == field


async def test_azure_is_asked_by_responses_from_gpt_5_4_on() -> None:
    """At the same address; the name of the model's wire is in the data."""
    body = {
        "id": "r", "object": "response", "status": "completed", "model": "gpt-6-luna",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
    wire = Wire(body)
    async with wire.client() as client:
        reply = await client.chat("hi", model="azure:gpt-6-luna", max_output_tokens=50)
    assert str(wire.asked[0].url) == "https://me.openai.azure.com/openai/v1/responses"
    assert (reply.text, reply.usage) == ("hello", Usage(10, 5))


SEALED = [{"type": "reasoning.encrypted", "data": "gA==", "index": 0}]


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ("anthropic/claude-haiku-4.5", "anthropic/claude-haiku-4.5", True),
        ("google/gemini-x:free", "google/gemini-x", True),
        ("google/gemini-x", "google/gemini-x:nitro", True),
        ("anthropic/claude-haiku-4.5", "anthropic/claude-sonnet-5.5", False),
        ("anthropic/claude-haiku-4.5", "openai/gpt-5-mini", False),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_thoughts_on_openrouter_go_back_to_their_model(
    first: str, then: str, kept: bool, streamed: bool
) -> None:
    """Sealed and in words; a variant is the same model. The next one gets the text alone."""
    said = {"content": "a", "reasoning": "hm", "reasoning_details": SEALED}
    wire = Wire(whole(said, counts(9, 5)))
    if streamed:
        wire = Wire(stream_of(chunk(said), chunk({}, "stop", usage=counts(9, 5))), kind="text/event-stream")
    async with wire.client() as client:
        if streamed:
            async with client.stream("hi", model=f"openrouter:{first}") as stream:
                _ = [event async for event in stream]
            message = stream.reply.message
        else:
            message = (await client.chat("hi", model=f"openrouter:{first}")).message
        wire.content = Wire(OK).content
        wire.kind = "application/json"
        await client.chat([minimill.user("hi"), message, minimill.user("go on")], model=f"openrouter:{then}")
    thoughts = {"reasoning": "hm", "reasoning_details": SEALED} if kept else {}
    assert wire.body()["messages"][1] == {"role": "assistant", "content": "a", **thoughts}


@pytest.mark.parametrize(
    ("model", "asked", "words"),
    [
        ("groq:openai/gpt-oss-120b", {"top_logprobs": 2}, "does not take logprobs"),
        ("together:moonshotai/Kimi-K3", {"logprobs": True}, "does not take logprobs"),
        (
            "together:moonshotai/Kimi-K3",
            {"extra": {"context_length_exceeded_behavior": "truncate"}},
            "extra may not set 'context_length_exceeded_behavior'",
        ),
        ("openrouter:openai/gpt-5-mini", {"extra": {"models": ["a/b"]}}, "extra may not set 'models'"),
        (
            "openrouter:openai/gpt-5-mini",
            {"extra": {"provider": {"max_price": {"prompt": "99"}}}},
            "extra may not set 'provider.max_price'",
        ),
        ("xai:grok-4.7", {"stop": ["x"]}, "does not take stop"),
        ("xai:grok-4.5", {"reasoning": False}, "does not take reasoning off"),
        ("xai:grok-4.5", {"reasoning": "max"}, "does not take reasoning 'max'; it takes low, medium, high"),
        ("xai:grok-4.7", {"reasoning": "low"}, "does not take reasoning 'low'; it takes True: how much it thinks"),
        ("xai:grok-4.20", {"reasoning": 1_000}, "does not take reasoning 1000; it takes True"),
        ("azure:gpt-5-mini", {"temperature": 0.5}, "does not take temperature"),
        (
            "mistral:mistral-small-2603",
            {"messages": [minimill.Message("user", (minimill.Text("hi"),), name="ada")]},
            "does not take the name of a speaker",
        ),
    ],
)
async def test_what_a_vendor_refuses_is_not_sent(model: str, asked: dict[str, Any], words: str) -> None:
    """With the name of the setting."""
    wire = Wire(OK)
    async with wire.client() as client:
        with pytest.raises(minimill.InvalidRequestError, match=words):
            await client.chat(**{"messages": "hi", "model": model, **asked})
    assert wire.asked == []


class Told(NamedTuple):
    """What a vendor sends, and what it means."""

    model: str
    message: dict[str, Any]
    usage: dict[str, Any]
    expected: Usage
    nanos: int
    finish: str = "stop"
    reason: str = "stop"
    text: str = "hello"
    thought: str = ""


ANSWERS = [
    # gpt-5-mini, data zone or not: 0.25, cached 0.025, output 2
    Told("azure:mine", {"content": "hello"},
         counts(1000, 100, prompt_tokens_details={"cached_tokens": 400},
                completion_tokens_details={"reasoning_tokens": 60}),
         Usage(1000, 100, 400, reasoning_tokens=60), 600 * 250 + 400 * 25 + 100 * 2_000),
    Told("azure:mine", {"content": ""}, counts(1000, 100), Usage(1000, 100), 1000 * 250 + 100 * 2_000,
         finish="content_filter", reason="content_filter", text=""),
    # gpt-oss-120b: 0.15, cached 0.075, output 0.6
    Told("groq:openai/gpt-oss-120b", {"content": "hello", "reasoning": "hm"},
         counts(84, 58, queue_time=0.1, prompt_tokens_details={"cached_tokens": 64},
                completion_tokens_details={"reasoning_tokens": 48}),
         Usage(84, 58, 64, reasoning_tokens=48), 20 * 150 + 64 * 75 + 58 * 600, thought="hm"),
    # mistral-small-2603: 0.15, cached 0.015, output 0.6
    Told("mistral:mistral-small-2603",
         {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                      {"type": "text", "text": "hello"}]},
         counts(268, 5, prompt_tokens_details={"cached_tokens": 224}),
         Usage(268, 5, 224), 44 * 150 + 224 * 15 + 5 * 600, thought="hm"),
    Told("mistral:mistral-small-2603", {"content": "hello"}, counts(268, 5, num_cached_tokens=224),
         Usage(268, 5, 224), 44 * 150 + 224 * 15 + 5 * 600, finish="model_length", reason="length"),
    # the bill of the answer, whatever the row says
    Told("openrouter:openai/gpt-5-mini", {"content": "hello", "reasoning": "hm"},
         counts(43, 53, cost=0.000924, is_byok=False, cost_details={"upstream_inference_cost": 0.0009},
                prompt_tokens_details={"cached_tokens": 0, "cache_write_tokens": 0},
                completion_tokens_details={"reasoning_tokens": 48}),
         Usage(43, 53, 0, 0, reasoning_tokens=48, billed_nanos=924_000), 924_000, thought="hm"),
    Told("openrouter:somebody/new-model", {"content": "hello"}, counts(43, 53, cost=4.1e-05, is_byok=False),
         Usage(43, 53, billed_nanos=41_000), 41_000),
    # a key of one's own at the vendor behind: the bill is not all, 0.25 and 2
    Told("openrouter:openai/gpt-5-mini", {"content": "hello"}, counts(43, 53, cost=0.00001, is_byok=True),
         Usage(43, 53), 43 * 250 + 53 * 2_000),
    # gpt-oss-120b: 0.22, output 0.59
    Told("sambanova:gpt-oss-120b", {"content": "hello", "reasoning": "hm"},
         counts(100, 50, total_latency=0.4, completion_tokens_per_sec=200.5), Usage(100, 50),
         100 * 220 + 50 * 590, thought="hm"),
    # GLM-5.3: 1.4, cached 0.26, output 4.4
    Told("together:zai-org/GLM-5.3", {"content": "hello", "reasoning": "hm"},
         counts(100, 50, cached_tokens=40), Usage(100, 50, 40), 60 * 1_400 + 40 * 260 + 50 * 4_400,
         finish="eos", thought="hm"),
    # grok-4.7: thinking is beside the completion; the bill in units of 0.0000000001 dollars
    Told("xai:grok-4.7", {"content": "hello"},
         counts(90, 10, total=400, cost_in_usd_ticks=20_400_000, prompt_tokens_details={"cached_tokens": 0},
                completion_tokens_details={"reasoning_tokens": 300}),
         Usage(90, 310, 0, reasoning_tokens=300, billed_nanos=2_040_000), 2_040_000),
    # without a bill: 2 and 6
    Told("xai:grok-4.7", {"content": "hello"},
         counts(90, 10, total=400, prompt_tokens_details={"cached_tokens": 0},
                completion_tokens_details={"reasoning_tokens": 300}),
         Usage(90, 310, 0, reasoning_tokens=300), 90 * 2_000 + 310 * 6_000),
]  # fmt: skip


@pytest.mark.parametrize("told", ANSWERS, ids=lambda told: told.model)
async def test_plain_answer(told: Told) -> None:
    """Text, thinking, finish reason, usage and the bill."""
    wire = Wire(whole(told.message, told.usage, told.finish))
    async with wire.client() as client:
        reply = await client.chat("hi", model=told.model)
    check(reply, told)


@pytest.mark.parametrize("told", ANSWERS, ids=lambda told: told.model)
async def test_streamed_answer(told: Told) -> None:
    """The same in pieces."""
    for stream_body in streams_of(told.message, told.usage, told.finish):
        wire = Wire(stream_body, kind="text/event-stream")
        async with wire.client() as client, client.stream("hi", model=told.model) as stream:
            _ = [event async for event in stream]
        check(stream.reply, told)


def check(reply: minimill.Reply, told: Told) -> None:
    assert (reply.text, reply.reasoning) == (told.text, told.thought)
    assert (reply.finish_reason.value, reply.finish_reason_raw) == (told.reason, told.finish)
    assert reply.usage == told.expected
    assert reply.cost.total == minimill.Money(told.nanos, "USD")


async def test_xai_costs_twice_from_200_000_tokens_on() -> None:
    """The boundary belongs to the dearer side."""
    for prompt, nanos in ((199_999, 199_999 * 2_000 + 10 * 6_000), (200_000, 200_000 * 4_000 + 10 * 12_000)):
        usage = counts(prompt, 10, prompt_tokens_details={"cached_tokens": 0})
        async with Wire(whole({"content": "a"}, usage)).client() as client:
            reply = await client.chat("hi", model="xai:grok-4.7")
        assert reply.cost.total == minimill.Money(nanos, "USD")


@pytest.mark.parametrize(("region", "nanos"), [("global", 450_000), ("us", 495_000), ("eu", 495_000)])
async def test_azure_bills_by_the_kind_of_deployment(region: str, nanos: int) -> None:
    """gpt-5-mini in a data zone costs 1.1 times the global price: 1,000 in and 100 out."""
    wire = Wire(whole({"content": "a"}, counts(1000, 100, prompt_tokens_details={"cached_tokens": 0})))
    async with wire.client(providers={"azure": {**AZURE, "region": region}}) as client:
        reply = await client.chat("hi", model="azure:mine")
    assert reply.cost.total == minimill.Money(nanos, "USD")


@pytest.mark.parametrize(
    ("model", "extra", "error"),
    [
        ("azure:mine", {"data_sources": [{"type": "azure_search"}]}, "data_sources"),
        ("openrouter:openai/gpt-5-mini", {"plugins": [{"id": "web"}]}, "plugins"),
        ("openrouter:openai/gpt-5-mini", {"tools": [{"type": "openrouter:web_search"}]}, "openrouter:web_search"),
        ("xai:grok-4.7", {"search_parameters": {"mode": "on"}}, "search_parameters"),
        ("mistral:mistral-small-2603", {"tools": [{"type": "document_library"}]}, "document_library"),
        ("openrouter:somebody/new-model", {}, "no price"),
    ],
)
async def test_what_nothing_bounds_is_refused_under_a_hard_budget(model: str, extra: Any, error: str) -> None:
    """Tools and data of the vendor's own, and models without a price."""
    wire = Wire(OK)
    async with wire.client(budgets={"all": {"limit": "100 USD"}}) as client:
        with pytest.raises(minimill.MinimillError, match=error):
            await client.chat("hi", model=model, max_output_tokens=50, extra=extra)
    assert wire.asked == []


@pytest.mark.parametrize("name", ["azure", "groq", "mistral", "openrouter", "sambanova", "together", "xai"])
async def test_every_listed_model_serves_a_question_under_a_hard_budget(name: str) -> None:
    """Its ceiling is known; but for the one without a price."""
    provider = load_provider(name)
    async with Wire(OK).client(budgets={"all": {"limit": "100 USD"}}) as client:
        for model in provider.models.values():
            (candidate,) = client.plan("hi", model=f"{name}:{model.id}").candidates
            assert (candidate.ceiling is None) == (model.id == "MiniMax-M3"), candidate.unpriced
