"""Kimi, MiniMax, Hunyuan, Spark, Baichuan, StepFun and SiliconFlow, through the whole client.

A call in: the address, the key and the body that leave. A body in, plain and streamed: the answer, its usage and its
bill in nanos. Written from the pages named in the provider files.
"""

from typing import Any, NamedTuple

import pytest

import minimill
from minimill import InvalidRequestError, Usage
from minimill.catalog import load_provider
from tests.contract.openai_vendors import bare, counts
from tests.contract.vendor_wire import Wire, chunk, stream_of, streams_of, whole

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
WEATHER = minimill.Tool(
    "weather", "", {"type": "object", "properties": {"city": {"type": "string"}}}, strict=True
)
PLAIN_TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER.parameters}}
CITY = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
KEYS = {
    "baichuan": "BAICHUAN_API_KEY",
    "hunyuan": "TOKENHUB_API_KEY",
    "minimax": "MINIMAX_API_KEY",
    "moonshot": "MOONSHOT_API_KEY",
    "siliconflow": "SILICONFLOW_API_KEY",
    "spark": "SPARK_API_PASSWORD",
    "stepfun": "STEPFUN_API_KEY",
}
HOSTS = {
    ("moonshot", "mainland"): "https://api.moonshot.cn/v1",
    ("moonshot", "international"): "https://api.moonshot.ai/v1",
    ("minimax", "mainland"): "https://api.minimaxi.com/v1",
    ("minimax", "international"): "https://api.minimax.io/v1",
    ("hunyuan", "mainland"): "https://tokenhub.tencentmaas.com/v1",
    ("hunyuan", "international"): "https://tokenhub-intl.tencentcloudmaas.com/v1",
    ("stepfun", "mainland"): "https://api.stepfun.com/v1",
    ("stepfun", "international"): "https://api.stepfun.ai/v1",
    ("siliconflow", "mainland"): "https://api.siliconflow.cn/v1",
    ("siliconflow", "international"): "https://api.siliconflow.com/v1",
    ("baichuan", None): "https://api.baichuan-ai.com/v1",
}
OK = whole({"content": "hello"}, counts(10, 5))


def asks(**options: Any) -> dict[str, Any]:
    """Options of a call."""
    return options


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS.values():
        monkeypatch.setenv(name, f"key-of-{name}")


REQUESTS = [
    pytest.param(
        "moonshot:kimi-k3", asks(reasoning="low", tools=[WEATHER], tool_choice="required", max_output_tokens=50),
        {"messages": HI, "max_completion_tokens": 50, "reasoning_effort": "low", "tool_choice": "required",
         "tools": [{"type": "function", "function": {"name": "weather", "strict": True, "parameters": CITY}}]},
        id="kimi-effort",
    ),
    pytest.param(
        "moonshot:kimi-k2.6", asks(reasoning=False, user="u", stop=["x"], max_output_tokens=50),
        {"messages": HI, "max_completion_tokens": 50, "thinking": {"type": "disabled"}, "stop": ["x"],
         "safety_identifier": "u"},
        id="kimi-thinking-off",
    ),
    pytest.param(
        "moonshot:kimi-k2.7-code", asks(reasoning=True, max_output_tokens=50, response_format="json"),
        {"messages": HI, "max_completion_tokens": 50, "response_format": {"type": "json_object"}},
        id="kimi-thinks-always",
    ),
    pytest.param(
        "minimax:MiniMax-M3", asks(reasoning=True, tools=[WEATHER], tool_choice="auto", max_output_tokens=50),
        {"messages": HI, "max_completion_tokens": 50, "reasoning_split": True, "thinking": {"type": "adaptive"},
         "tools": [PLAIN_TOOL], "tool_choice": "auto"},
        id="minimax-adaptive",
    ),
    pytest.param(
        "minimax:MiniMax-M3", asks(reasoning=False, temperature=0.5, max_output_tokens=50),
        {"messages": HI, "max_completion_tokens": 50, "temperature": 0.5, "reasoning_split": True,
         "thinking": {"type": "disabled"}},
        id="minimax-thinking-off",
    ),
    pytest.param(
        "minimax:MiniMax-M2.7", asks(seed=7, presence_penalty=1, max_output_tokens=50),
        {"messages": HI, "max_completion_tokens": 50, "reasoning_split": True},
        id="minimax-takes-without-effect",
    ),
    pytest.param(
        "hunyuan:hy4", asks(reasoning="high", max_output_tokens=50, temperature=1.5),
        {"messages": HI, "max_tokens": 50, "temperature": 1.5, "thinking": {"type": "enabled"},
         "reasoning_effort": "high"},
        id="hunyuan-effort",
    ),
    pytest.param(
        "hunyuan:hy3", asks(reasoning=False, max_output_tokens=50),
        {"messages": HI, "max_tokens": 50, "thinking": {"type": "disabled"}},
        id="hunyuan-thinking-off",
    ),
    pytest.param(
        "baichuan:Baichuan4-Turbo", asks(temperature=0.3, top_p=0.85, max_output_tokens=50, seed=7),
        {"messages": HI, "max_tokens": 50, "temperature": 0.3, "top_p": 0.85},
        id="baichuan",
    ),
    pytest.param(
        "baichuan:Baichuan4-Air", asks(max_output_tokens=4_096),
        {"messages": HI, "max_tokens": 2_048},
        id="baichuan-most-output",
    ),
    pytest.param(
        "stepfun:step-3.7-flash", asks(reasoning="medium", max_output_tokens=50, response_format=CITY),
        {"messages": HI, "max_tokens": 50, "reasoning_effort": "medium", "response_format": {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": CITY, "strict": True}}},
        id="stepfun",
    ),
    pytest.param(
        "siliconflow:deepseek-ai/DeepSeek-V3.2", asks(reasoning=2_000, max_output_tokens=50),
        {"messages": HI, "max_tokens": 50, "enable_thinking": True, "thinking_budget": 2_000},
        id="siliconflow-budget",
    ),
    pytest.param(
        "siliconflow:zai-org/GLM-5.2", asks(reasoning="max", max_output_tokens=50),
        {"messages": HI, "max_tokens": 50, "enable_thinking": True, "reasoning_effort": "max"},
        id="siliconflow-effort",
    ),
    pytest.param(
        "siliconflow:somebody/New-Model", asks(max_output_tokens=50),
        {"messages": HI, "max_tokens": 50},
        id="siliconflow-any-model",
    ),
]  # fmt: skip


@pytest.mark.parametrize("region", ["mainland", "international"])
@pytest.mark.parametrize(("model", "options", "body"), REQUESTS)
async def test_request(model: str, options: dict[str, Any], body: dict[str, Any], region: str) -> None:
    """Address, key and body of a plain call, in each region."""
    vendor, _, wire_model = model.partition(":")
    place = None if vendor == "baichuan" else region
    wire = Wire(OK)
    async with wire.client(providers={vendor: {"region": place}} if place else {}) as client:
        await client.chat("hi", model=model, **options)
    [asked] = wire.asked
    assert str(asked.url) == f"{HOSTS[vendor, place]}/chat/completions"
    assert asked.headers["authorization"] == f"Bearer key-of-{KEYS[vendor]}"
    assert wire.body() == {"model": wire_model, **body}


@pytest.mark.parametrize(
    ("model", "path", "options", "body"),
    [
        ("4.0Ultra", "/v1", asks(tools=[WEATHER], temperature=0.5), {"tools": [PLAIN_TOOL], "temperature": 0.5}),
        ("lite", "/v1", asks(user="u", seed=7), {"user": "u"}),
        ("spark-x", "/x2", asks(reasoning=False), {"thinking": {"type": "disabled"}}),
        (
            "spark-x", "/x2", asks(reasoning=True, frequency_penalty=1),
            {"thinking": {"type": "enabled"}, "frequency_penalty": 1},
        ),
    ],
)
async def test_each_version_of_spark_has_a_path_of_its_own(
    model: str, path: str, options: dict[str, Any], body: dict[str, Any]
) -> None:
    """And its stream asks for no usage, which comes unasked."""
    answer = stream_of(bare({"role": "assistant", "content": "a"}, usage=counts(9, 5)), begin="data:")
    wire = Wire(answer, kind="text/event-stream")
    asked_for = {"model": f"spark:{model}", "max_output_tokens": 50, **options}
    async with wire.client() as client, client.stream("hi", **asked_for) as stream:
        _ = [event async for event in stream]
    [asked] = wire.asked
    assert str(asked.url) == f"https://spark-api-open.xf-yun.com{path}/chat/completions"
    assert asked.headers["authorization"] == "Bearer key-of-SPARK_API_PASSWORD"
    assert wire.body() == {"model": model, "messages": HI, "stream": True, "max_tokens": 50, **body}


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("moonshot:kimi-k3", {"reasoning": False}, "reasoning off"),
        ("moonshot:kimi-k3", {"temperature": 0.5}, "temperature"),
        ("moonshot:kimi-k3", {"extra": {"prompt_cache_options": {"ttl": "1h"}}}, "prompt_cache_options"),
        ("moonshot:kimi-k2.6", {"tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
        ("minimax:MiniMax-M2.7", {"reasoning": False}, "reasoning off"),
        ("minimax:MiniMax-M3", {"temperature": 0.0}, "temperature"),
        ("stepfun:step-3.7-flash", {"reasoning": "max"}, "reasoning 'max'"),
        ("spark:lite", {"temperature": 1.5}, "temperature"),
    ],
)
async def test_what_a_vendor_refuses_is_refused_before_it_is_sent(
    model: str, options: dict[str, Any], words: str
) -> None:
    """With the setting in the text."""
    wire = Wire(OK)
    async with wire.client() as client:
        with pytest.raises(InvalidRequestError, match=words):
            await client.chat("hi", model=model, **options)
    assert wire.asked == []


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
SPLIT = [{"type": "reasoning.text", "text": "hm"}]


@pytest.mark.parametrize("tools", [[WEATHER], []], ids=["with-tools", "without"])
@pytest.mark.parametrize(
    ("model", "thoughts"),
    [
        ("moonshot:kimi-k2.7-code", {"reasoning_content": "hm"}),
        ("moonshot:kimi-k2.6", {"reasoning_content": "hm"}),
        ("minimax:MiniMax-M2.7", {"reasoning_content": "hm", "reasoning_details": SPLIT}),
    ],
)
async def test_thoughts_go_back_with_the_calls_they_led_to(
    model: str, thoughts: dict[str, Any], tools: list[minimill.Tool]
) -> None:
    """Whether or not the next request has tools: without them Kimi refuses the turn, and MiniMax loses its thread."""
    first = whole({"content": "", **thoughts, "tool_calls": [CALL]}, counts(10, 5), "tool_calls")
    wire = Wire(first)
    async with wire.client() as client:
        reply = await client.chat("hi", model=model, tools=[WEATHER])
        messages = [minimill.user("hi"), reply.message, minimill.tool(minimill.ToolResult("c1", "sunny"))]
        await client.chat(messages, model=model, tools=tools)
    assert wire.body()["messages"] == [
        *HI,
        {"role": "assistant", "content": None, **thoughts, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]


@pytest.mark.parametrize("model", ["moonshot:kimi-k2.6", "minimax:MiniMax-M2.7"])
async def test_thoughts_stay_away_where_nothing_was_called(model: str) -> None:
    """They are input that is paid for and not needed."""
    wire = Wire(whole({"content": "a", "reasoning_content": "hm"}, counts(10, 5)))
    async with wire.client() as client:
        reply = await client.chat("hi", model=model)
        await client.chat([minimill.user("hi"), reply.message, minimill.user("go on")], model=model)
    assert wire.body()["messages"] == [
        *HI, {"role": "assistant", "content": "a"}, {"role": "user", "content": "go on"}
    ]  # fmt: skip


@pytest.mark.parametrize(("tools", "kept"), [([WEATHER], {"reasoning_content": "hm"}), ([], {})])
async def test_deepseek_reads_old_thoughts_with_tools_only(
    tools: list[minimill.Tool], kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then those of every turn; without tools it does not look at them."""
    monkeypatch.setenv("DEEPSEEK_API_KEY", "k")
    wire = Wire(whole({"content": "", "reasoning_content": "hm", "tool_calls": [CALL]}, counts(10, 5), "tool_calls"))
    async with wire.client() as client:
        reply = await client.chat("hi", model="deepseek:deepseek-flash", tools=[WEATHER])
        messages = [minimill.user("hi"), reply.message, minimill.tool(minimill.ToolResult("c1", "sunny"))]
        await client.chat(messages, model="deepseek:deepseek-flash", tools=tools)
    assert wire.body()["messages"][1] == {"role": "assistant", "content": None, **kept, "tool_calls": [CALL]}


class Told(NamedTuple):
    """An answer of a vendor, and what it comes to."""

    model: str
    message: dict[str, Any]
    usage: dict[str, Any]
    expected: Usage
    nanos: int
    region: str | None = "mainland"
    currency: str = "CNY"
    finish: str | None = "stop"
    reason: str = "stop"
    thought: str = ""


DETAILS = {"completion_tokens_details": {"reasoning_tokens": 30}}
ANSWERS = [
    # 20, cached 2, output 100
    Told("moonshot:kimi-k3", {"content": "hello", "reasoning_content": "hm"},
         counts(100, 50, prompt_tokens_details={"cached_tokens": 40, "cache_write_tokens": 60}, **DETAILS),
         Usage(100, 50, 40, 60, reasoning_tokens=30), 60 * 20_000 + 40 * 2_000 + 50 * 100_000, thought="hm"),
    # the older place; 0.95, cached 0.16, output 4 dollars
    Told("moonshot:kimi-k2.6", {"content": "hello"}, counts(100, 50, cached_tokens=40), Usage(100, 50, 40),
         60 * 950 + 40 * 160 + 50 * 4_000, "international", "USD"),
    # 2.1, cached 0.42, output 8.4
    Told("minimax:MiniMax-M3", {"content": "hello", "reasoning_content": "hm", "reasoning_details": [{"text": "hm"}]},
         counts(100, 50, prompt_tokens_details={"cached_tokens": 40}, **DETAILS),
         Usage(100, 50, 40, reasoning_tokens=30), 60 * 2_100 + 40 * 420 + 50 * 8_400, thought="hm"),
    # 0.3, cached 0.06, output 1.2 dollars
    Told("minimax:MiniMax-M2.7", {"content": "hello"}, counts(100, 50, prompt_tokens_details={"cached_tokens": 40}),
         Usage(100, 50, 40), 60 * 300 + 40 * 60 + 50 * 1_200, "international", "USD", "length", "length"),
    # 6, cached 0.3, output 18
    Told("hunyuan:hy4", {"content": "hello", "reasoning_content": "hm"},
         counts(100, 50, prompt_tokens_details={"cached_tokens": 40}, **DETAILS),
         Usage(100, 50, 40, reasoning_tokens=30), 60 * 6_000 + 40 * 300 + 50 * 18_000, thought="hm"),
    # moderation, which Tencent calls sensitive
    Told("hunyuan:hy3", {"content": "hello"}, counts(100, 50), Usage(100, 50), 100 * 1_000 + 50 * 4_000,
         finish="sensitive", reason="content_filter"),
    # 2 and 3; no word for the end
    Told("spark:spark-x", {"content": "hello", "reasoning_content": "hm"}, counts(100, 50), Usage(100, 50),
         100 * 2_000 + 50 * 3_000, None, finish=None, reason="unknown", thought="hm"),
    # 15 for both
    Told("baichuan:Baichuan4-Turbo", {"content": "hello"}, counts(100, 50), Usage(100, 50), 150 * 15_000, None),
    # 1.35, cached 0.27, output 8.1; thoughts under the older name, hits at the top of usage
    Told("stepfun:step-3.7-flash", {"content": "hello", "reasoning": "hm"}, counts(100, 50, cached_tokens=40),
         Usage(100, 50, 40), 60 * 1_350 + 40 * 270 + 50 * 8_100, thought="hm"),
    # 1, cached 0.1, output 2.7 dollars
    Told("stepfun:step-5-preview", {"content": "hello"}, counts(100, 50, cached_tokens=40), Usage(100, 50, 40),
         60 * 1_000 + 40 * 100 + 50 * 2_700, "international", "USD"),
    # 2 and 3
    Told("siliconflow:deepseek-ai/DeepSeek-V3.2", {"content": "hello", "reasoning_content": "hm"},
         counts(100, 50, prompt_tokens_details={"cached_tokens": 0}, **DETAILS),
         Usage(100, 50, 0, reasoning_tokens=30), 100 * 2_000 + 50 * 3_000, thought="hm"),
    # 3, cached 0.3, output 15 dollars
    Told("siliconflow:moonshotai/Kimi-K3", {"content": "hello"}, counts(100, 50, prompt_cache_hit_tokens=40),
         Usage(100, 50, 40), 60 * 3_000 + 40 * 300 + 50 * 15_000, "international", "USD"),
]  # fmt: skip


def config_of(told: Told) -> dict[str, Any]:
    vendor = told.model.partition(":")[0]
    return {"providers": {vendor: {"region": told.region}}} if told.region else {}


@pytest.mark.parametrize("told", ANSWERS, ids=lambda told: told.model)
async def test_plain_answer(told: Told) -> None:
    """Text, thinking, finish reason, usage and the bill."""
    async with Wire(whole(told.message, told.usage, told.finish)).client(**config_of(told)) as client:
        reply = await client.chat("hi", model=told.model)
    check(reply, told)


@pytest.mark.parametrize("told", ANSWERS, ids=lambda told: told.model)
async def test_streamed_answer(told: Told) -> None:
    """The same in pieces."""
    for stream_body in streams_of(told.message, told.usage, told.finish):
        wire = Wire(stream_body, kind="text/event-stream")
        async with wire.client(**config_of(told)) as client, client.stream("hi", model=told.model) as stream:
            _ = [event async for event in stream]
        check(stream.reply, told)


def check(reply: minimill.Reply, told: Told) -> None:
    assert (reply.text, reply.reasoning) == ("hello", told.thought)
    assert (reply.finish_reason.value, reply.finish_reason_raw) == (told.reason, told.finish)
    assert reply.usage == told.expected
    assert reply.cost.total == minimill.Money(told.nanos, told.currency)


async def test_kimi_usage_inside_the_finishing_choice() -> None:
    """Where nobody asked for it: 6.5, cached 1.1, output 27."""
    last = chunk({}, "stop")
    last["choices"][0]["usage"] = counts(100, 50, cached_tokens=40)
    wire = Wire(stream_of(chunk({"role": "assistant", "content": "hello"}), last), kind="text/event-stream")
    async with wire.client() as client, client.stream("hi", model="moonshot:kimi-k2.6") as stream:
        _ = [event async for event in stream]
    assert stream.reply.cost.total == minimill.Money(60 * 6_500 + 40 * 1_100 + 50 * 27_000, "CNY")


async def test_siliconflow_counts_on_every_chunk_and_the_last_one_is_billed() -> None:
    """2 and 3, once."""
    pieces = [chunk({"content": letter}, usage=counts(9, place)) for place, letter in enumerate("ab", 1)]
    wire = Wire(stream_of(*pieces, chunk({"content": ""}, "stop", usage=counts(9, 3))), kind="text/event-stream")
    async with wire.client() as client:
        async with client.stream("hi", model="siliconflow:deepseek-ai/DeepSeek-V3.2") as stream:
            _ = [event async for event in stream]
    assert (stream.reply.text, stream.reply.cost.total) == ("ab", minimill.Money(9 * 2_000 + 3 * 3_000, "CNY"))


@pytest.mark.parametrize(("prompt", "nanos"), [(512_000, 512_000 * 2_100 + 8_400), (512_001, 512_001 * 4_200 + 16_800)])
async def test_minimax_doubles_above_512_000_tokens(prompt: int, nanos: int) -> None:
    """The boundary belongs to the cheaper side."""
    usage = counts(prompt, 1, prompt_tokens_details={"cached_tokens": 0})
    async with Wire(whole({"content": "a"}, usage)).client() as client:
        reply = await client.chat("hi", model="minimax:MiniMax-M3")
    assert reply.cost.total == minimill.Money(nanos, "CNY")


async def test_a_model_without_a_price_answers_and_is_refused_under_a_hard_cap() -> None:
    """What it cost is not known; a price of one's own makes it known."""
    wire = Wire(whole({"content": "hello"}, counts(100, 50), None))
    async with wire.client() as client:
        reply = await client.chat("hi", model="spark:4.0Ultra")
    assert (reply.text, reply.cost.total) == ("hello", None)
    capped = {"budgets": {"all": {"limit": "1 CNY"}}}
    async with wire.client(**capped) as client:
        with pytest.raises(minimill.MinimillError, match="price"):
            await client.chat("hi", model="spark:4.0Ultra")
    own = {"models": [{"id": "4.0Ultra", "prices": [{"input_per_mtok": 5, "output_per_mtok": 5}]}]}
    async with wire.client(providers={"spark": own}, **capped) as client:
        reply = await client.chat("hi", model="spark:4.0Ultra")
    assert reply.cost.total == minimill.Money(150 * 5_000, "CNY")
    assert len(wire.asked) == 2


@pytest.mark.parametrize(
    ("vendor", "served", "nanos"),
    [
        # 0.8, cached 0.16, output 2.7
        ("doubao", "doubao-seed-2-1-lite-260915", 60 * 800 + 40 * 160 + 50 * 2_700),
        # 6, cached 0.3, output 18
        ("hunyuan", "hy4", 60 * 6_000 + 40 * 300 + 50 * 18_000),
    ],
)
async def test_a_deployment_of_ones_own_is_billed_as_the_model_that_runs_there(
    vendor: str, served: str, nanos: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is what is sent and named; limits and prices are the model's, also under a hard cap."""
    monkeypatch.setenv("ARK_API_KEY", "key")
    usage = counts(100, 50, prompt_tokens_details={"cached_tokens": 40})
    wire = Wire(whole({"content": "hello"}, usage))
    config = {
        "providers": {vendor: {"endpoints": {"ep-20260901-abcde": served}}},
        "budgets": {"all": {"limit": "50 CNY"}},
    }
    async with wire.client(**config) as client:
        reply = await client.chat("hi", model=f"{vendor}:ep-20260901-abcde")
        with pytest.raises(minimill.MinimillError) as unknown:
            await client.chat("hi", model=f"{vendor}:ep-20260901-other")
    assert wire.body()["model"] == "ep-20260901-abcde"
    assert reply.cost.total == minimill.Money(nanos, "CNY")
    assert reply.attempts[-1].model == "ep-20260901-abcde"
    line = f'under [providers.{vendor}], with the model that you deployed: endpoints = {{ "ep-20260901-other" = "'
    assert line in str(unknown.value)


@pytest.mark.parametrize(
    ("model", "region", "variable", "address", "bill"),
    [
        ("glm:glm-4.7", "mainland", "ZHIPUAI_API_KEY", "https://open.bigmodel.cn/api/paas/v4", "0.0006 CNY"),
        ("glm:glm-4.7", "international", "ZAI_API_KEY", "https://api.z.ai/api/paas/v4", "0.00017 USD"),
        # 6.5 and 27; 0.95 and 4
        ("moonshot:kimi-k2.6", "mainland", "MOONSHOT_API_KEY", "https://api.moonshot.cn/v1", "0.002 CNY"),
        ("moonshot:kimi-k2.6", "international", "MOONSHOT_API_KEY", "https://api.moonshot.ai/v1", "0.000295 USD"),
        # 2.1 and 8.4; 0.3 and 1.2
        ("minimax:MiniMax-M3", "mainland", "MINIMAX_API_KEY", "https://api.minimaxi.com/v1", "0.00063 CNY"),
        ("minimax:MiniMax-M3", "international", "MINIMAX_API_KEY", "https://api.minimax.io/v1", "0.00009 USD"),
        # 1.35 and 8.1; 0.2 and 1.15
        ("stepfun:step-3.7-flash", "mainland", "STEPFUN_API_KEY", "https://api.stepfun.com/v1", "0.00054 CNY"),
        ("stepfun:step-3.7-flash", "international", "STEPFUN_API_KEY", "https://api.stepfun.ai/v1", "0.0000775 USD"),
        # 2 and 3; 0.27 and 0.42
        (
            "siliconflow:deepseek-ai/DeepSeek-V3.2", "mainland", "SILICONFLOW_API_KEY",
            "https://api.siliconflow.cn/v1", "0.00035 CNY",
        ),
        (
            "siliconflow:deepseek-ai/DeepSeek-V3.2", "international", "SILICONFLOW_API_KEY",
            "https://api.siliconflow.com/v1", "0.000048 USD",
        ),
        # 6 and 18; abroad no price list was read
        ("hunyuan:hy4", "mainland", "TOKENHUB_API_KEY", "https://tokenhub.tencentmaas.com/v1", "0.0015 CNY"),
        ("hunyuan:hy4", "international", "TOKENHUB_API_KEY", "https://tokenhub-intl.tencentcloudmaas.com/v1", None),
        (
            "qwen:qwen-plus", "cn-beijing", "DASHSCOPE_API_KEY",
            "https://dashscope.aliyuncs.com/compatible-mode/v1", "0.00018 CNY",
        ),
        (
            "qwen:qwen-plus", "singapore", "DASHSCOPE_API_KEY",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "0.0001 USD",
        ),
        (
            "qwen:qwen-plus-us", "us", "DASHSCOPE_API_KEY",
            "https://dashscope-us.aliyuncs.com/compatible-mode/v1", "0.0001 USD",
        ),
    ],
)  # fmt: skip
async def test_a_region_has_its_address_its_key_and_its_currency(
    model: str, region: str, variable: str, address: str, bill: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 tokens in and 50 out, without thinking where that can be switched off."""
    vendor = model.partition(":")[0]
    provider = load_provider(vendor)
    for name in {*provider.auth.env, *(name for one in provider.regions.values() for name in one.key_env)}:
        monkeypatch.setenv(name, f"key-of-{name}")
    told = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}
    usage = counts(100, 50, **told)
    wire = Wire(whole({"content": "hello"}, usage))
    thinks = False if vendor in ("glm", "qwen") else None
    async with wire.client(providers={vendor: {"region": region}}) as client:
        reply = await client.chat("hi", model=model, reasoning=thinks)
    [asked] = wire.asked
    assert str(asked.url) == f"{address}/chat/completions"
    assert asked.headers["authorization"] == f"Bearer key-of-{variable}"
    assert reply.cost.total == (minimill.Money.of(bill) if bill else None)


@pytest.mark.parametrize(
    ("model", "region", "known"),
    [
        ("glm:glm-4-plus", "international", '"mainland"'),
        ("moonshot:kimi-k3.1-pro", "mainland", '"international"'),
        ("qwen:qwen4-max", "cn-beijing", '"singapore"'),
        ("qwen:qwen-plus-us", "singapore", '"us"'),
        ("qwen:qwen-plus", "us", '"cn-beijing" or "singapore"'),
        ("siliconflow:moonshotai/Kimi-K3", "mainland", '"international"'),
        ("hunyuan:hy4", "international", '"mainland"'),
    ],
)
async def test_a_model_without_a_price_in_a_region_is_refused_under_a_hard_cap(
    model: str, region: str, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the regions in which it has one, and what to write; no other region's price is taken."""
    monkeypatch.setenv("ZAI_API_KEY", "key")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "key")
    vendor, wire = model.partition(":")[0], Wire(OK)
    given = {"budgets": {"all": {"limit": "1000 CNY"}}, "defaults": {"accept_unsure_prices": True}}
    async with wire.client(providers={vendor: {"region": region}}, **given) as client:
        with pytest.raises(minimill.UnpricedModelError) as caught:
            await client.chat("hi", model=model, max_output_tokens=50)
    assert wire.asked == []
    assert str(caught.value) == (
        f'{model}: no price of it is known in the region "{region}", only in {known}: set region = {known} under '
        f"[providers.{vendor}], which has keys and prices of its own, or give a price of your own; the hard budget "
        "'all' refuses what it cannot bound"
    )


@pytest.mark.parametrize(
    ("model", "extra", "error"),
    [
        ("moonshot:kimi-k2.6", {"tools": [{"type": "builtin_function"}]}, "builtin_function"),
        ("hunyuan:hy4", {"enable_enhancement": True}, "enable_enhancement"),
        ("baichuan:Baichuan4-Turbo", {"with_search_enhance": True}, "with_search_enhance"),
        ("spark:spark-x", {"tools": [{"type": "web_search", "web_search": {"enable": True}}]}, "web_search"),
        ("siliconflow:somebody/New-Model", {}, "no price"),
        ("spark:4.0Ultra", {}, "no price"),
        ("minimax:MiniMax-M3.1-Flash", {}, "unsure"),
    ],
)
async def test_what_nothing_bounds_is_refused_under_a_hard_budget(model: str, extra: Any, error: str) -> None:
    """Searches of the vendor's own, models without a price, and prices of which nobody is sure."""
    wire = Wire(OK)
    async with wire.client(budgets={"all": {"limit": "1000 CNY"}}) as client:
        with pytest.raises(minimill.MinimillError, match=error):
            await client.chat("hi", model=model, max_output_tokens=50, extra=extra)
    assert wire.asked == []


PACKAGES = {"4.0Ultra", "max-32k", "pro-128k", "generalv3"}


@pytest.mark.parametrize("name", sorted(KEYS))
async def test_every_listed_model_serves_a_question_under_a_hard_budget(name: str) -> None:
    """In each region in which it has a price its ceiling is known; but for those sold in packages."""
    provider = load_provider(name)
    for region in [*provider.regions] or [None]:
        given = {"defaults": {"accept_unsure_prices": True}, "budgets": {"all": {"limit": "1000 CNY"}}}
        async with Wire(OK).client(providers={name: {"region": region}} if region else {}, **given) as client:
            for model in provider.models.values():
                sold = any(region in row.regions for row in model.rows) if region else model.id not in PACKAGES
                if model.status != "retired":
                    (candidate,) = client.plan("hi", model=f"{name}:{model.id}").candidates
                    assert (candidate.ceiling is not None) == sold, (model.id, region, candidate.unpriced)
