"""A schema for a model that has a JSON mode only: told by the prompt, and looked for in the answer."""

import json
from typing import Any

import pytest

import minimill
from minimill import SchemaMismatchError
from tests.contract.vendor_wire import Wire, chunk, stream_of, whole

pytestmark = pytest.mark.anyio

CITY = minimill.JsonSchema(
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}, description="A city."
)
TOLD = (
    "Answer with one JSON value that follows this JSON Schema, and with nothing else: no explanation, no Markdown.\n"
    "A city.\n"
    '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
)
USAGE = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
GOOD = whole({"content": '{"city": "Paris"}'}, USAGE)
BAD = whole({"content": '{"town": "Paris"}'}, USAGE)
FAULT = "acme:m was told the schema, and its answer does not follow it: /city is missing"


def provider(*abilities: str) -> dict[str, Any]:
    price = {"currency": "CNY", "input_per_mtok": 2, "output_per_mtok": 8}
    model = {"id": "m", "abilities": ["streaming", "tools", *abilities], "prices": [price]}
    return {"dialect": "openai_chat", "base_url": "http://127.0.0.1:1/v1", "models": [model]}


def client_of(wire: Wire, *abilities: str, **more: Any) -> minimill.Client:
    given = {"providers": {"acme": provider(*abilities)}, "budgets": {"all": {"limit": "1 CNY"}}, **more}
    return wire.client(**given)


async def ask(client: minimill.Client, **more: Any) -> minimill.Reply:
    messages = [minimill.system("Be brief."), minimill.user("Where is the Louvre?")]
    return await client.chat(messages, **{"model": "acme:m", "response_format": CITY, "max_output_tokens": 50, **more})


async def test_the_prompt_tells_the_schema() -> None:
    """At the end of the instructions, in the vendor's JSON mode; the answer is read as any other."""
    wire = Wire(GOOD)
    async with client_of(wire, "json_object") as client:
        reply = await ask(client)
    assert reply.json() == {"city": "Paris"}
    assert wire.body()["response_format"] == {"type": "json_object"}
    assert wire.body()["messages"] == [
        {"role": "system", "content": f"Be brief.\n\n{TOLD}"},
        {"role": "user", "content": "Where is the Louvre?"},
    ]


async def test_a_vendor_that_follows_schemas_is_left_to_it() -> None:
    """Nothing is told, and nothing is checked."""
    wire = Wire(BAD)
    async with client_of(wire, "json_object", "json_schema") as client:
        assert (await ask(client)).json() == {"town": "Paris"}
    assert wire.body()["response_format"]["type"] == "json_schema"
    assert wire.body()["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_without_instructions_the_schema_is_the_first_message() -> None:
    wire = Wire(GOOD)
    async with client_of(wire, "json_object") as client:
        await client.chat("hi", model="acme:m", response_format=CITY, max_output_tokens=50)
    assert wire.body()["messages"] == [{"role": "system", "content": TOLD}, {"role": "user", "content": "hi"}]


async def test_an_answer_that_departs_from_it_is_an_error_and_is_paid() -> None:
    """40 tokens at 2 and 10 at 8 per million; the answer is in the error, the vendor is not in disgrace."""
    async with client_of(Wire(BAD), "json_object") as client:
        for _ in range(2):
            with pytest.raises(SchemaMismatchError) as caught:
                await ask(client)
            assert caught.value.message == FAULT
            assert caught.value.partial.choices[0].message.text == '{"town": "Paris"}'
        rows = await client.spend()
        (balance,) = await client.balance("all")
    assert [(row.record.status, row.record.certainty, row.record.charged_nanos) for row in rows] == [
        ("SchemaMismatchError", "exact", 160_000)
    ] * 2
    assert (balance.settled_nanos, balance.held_nanos) == (320_000, 0)


async def test_the_next_candidate_is_asked() -> None:
    """And the bill names both."""
    wire = Wire(BAD)
    providers = {"acme": provider("json_object"), "other": provider("json_object", "json_schema")}
    route = {"default": {"models": ["acme:m", "other:m"], "order": "listed", "max_output_tokens": 50}}
    async with wire.client(providers=providers, routes=route) as client:
        reply = await client.chat("hi", response_format=CITY)
    assert [(attempt.provider, type(attempt.error).__name__) for attempt in reply.attempts] == [
        ("acme", "SchemaMismatchError"),
        ("other", "NoneType"),
    ]
    assert reply.cost.total == minimill.Money.of("0.00032 CNY")


FENCED = '```json\n{"city": "Paris"}\n```'


@pytest.mark.parametrize("abilities", [("json_object",), ("json_object", "json_schema")])
async def test_an_answer_in_a_fence_is_read(abilities: tuple[str, ...]) -> None:
    """Whoever held the model to it; the text is the model's own, and nobody else is asked."""
    async with client_of(Wire(whole({"content": FENCED}, USAGE)), *abilities) as client:
        reply = await ask(client)
    assert (reply.json(), reply.text) == ({"city": "Paris"}, FENCED)
    assert reply.parse(dict[str, str]) == {"city": "Paris"}
    assert [attempt.error for attempt in reply.attempts] == [None]


@pytest.mark.parametrize("text", [f"Here you are:\n{FENCED}", f"{FENCED}\n{FENCED}", "```python\n{}\n```", "```"])
async def test_a_fence_with_more_than_json_is_no_json(text: str) -> None:
    """A block beside words, two blocks, one of another language."""
    async with client_of(Wire(whole({"content": text}, USAGE)), "json_object") as client:
        with pytest.raises(SchemaMismatchError, match="it is no JSON"):
            await ask(client)


@pytest.mark.parametrize(("text", "finish"), [('{"ci', "length"), ("I can't", "content_filter")])
async def test_an_answer_that_broke_off_is_handed_over_as_it_is(text: str, finish: str) -> None:
    """`finish_reason` tells; a vendor that follows schemas gives the same."""
    async with client_of(Wire(whole({"content": text}, USAGE, finish)), "json_object") as client:
        reply = await ask(client)
    assert (reply.text, reply.finish_reason.value) == (text, finish)


@pytest.mark.parametrize(
    ("text", "fault"),
    [('{"city": "Paris"}', None), (FENCED, None), ("Paris", "it is no JSON"), ('{"city": NaN}', "it is no JSON")],
)
async def test_a_stream_is_checked_at_its_end(text: str, fault: str | None) -> None:
    pieces = [chunk({"role": "assistant", "content": text[:3]}), chunk({"content": text[3:]}, "stop")]
    wire = Wire(stream_of(*pieces, {"id": "x", "choices": [], "usage": USAGE}), kind="text/event-stream")
    async with client_of(wire, "json_object") as client:
        came = ""
        async with client.stream("hi", model="acme:m", response_format=CITY, max_output_tokens=50) as stream:
            try:
                async for event in stream:
                    came += event.text if isinstance(event, minimill.TextDelta) else ""
            except SchemaMismatchError as error:
                assert error.message.endswith(f"does not follow it: {fault}")
                assert error.partial.choices[0].message.text == text
            else:
                assert fault is None
        (row,) = await client.spend()
    assert came == text
    assert (row.record.charged_nanos, row.record.certainty) == (160_000, "exact")


async def test_who_has_neither_is_left_out_and_so_is_who_is_not_held_to_it() -> None:
    """By the model's abilities, and by what the route requires."""
    async with client_of(Wire(GOOD)) as client:
        with pytest.raises(minimill.MinimillError, match="cannot do json_schema"):
            await ask(client)
    route = {"default": {"models": ["acme:m"], "requires": ["json_schema"]}}
    async with client_of(Wire(GOOD), "json_object", routes=route) as client:
        with pytest.raises(minimill.MinimillError, match="cannot do json_schema"):
            await client.chat("hi", response_format=CITY)


async def test_the_ceiling_counts_what_is_told() -> None:
    """Every byte and every message of the prompt that is sent, where nothing else is counted with them."""
    wire = Wire(GOOD)
    told = {**CITY.schema, "description": "ü" * 50, "additionalProperties": False}
    schema = minimill.JsonSchema(told, description="ß" * 50)
    bare = {"per_request_tokens": 0, "per_message_tokens": 100, "schema_tokens": 0}
    given = {"providers": {"acme": {**provider("json_object"), "bounds": bare}}}
    async with client_of(wire, **given) as client:
        (candidate,) = client.plan("hi", model="acme:m", response_format=schema).candidates
        await client.chat("hi", model="acme:m", response_format=schema)
    messages = wire.body()["messages"]
    sent = sum(100 + len(message["content"].encode()) for message in messages)
    assert candidate.ceiling is not None
    assert candidate.ceiling.input_tokens is not None
    assert 0 <= candidate.ceiling.input_tokens - sent <= 4
    assert json.loads(messages[0]["content"].rpartition("\n")[2]) == told
