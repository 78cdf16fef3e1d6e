"""Token counts, limits and bills."""

from decimal import Decimal

import pytest

from minimill.testing import Answer, Counts, Length, Simulator, ToolCall, estimate_input, one_token_per_byte


def usage(reply):
    return reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    ("vendor", "field"),
    [
        ("doubao", "max_completion_tokens"),
        ("doubao", "max_tokens"),
        ("qwen", "max_completion_tokens"),
        ("qwen", "max_tokens"),
        ("glm", "max_tokens"),
        ("openai", "max_completion_tokens"),
        ("openai", "max_tokens"),
        ("ernie", "max_tokens"),
        ("ernie", "max_completion_tokens"),
        ("deepseek", "max_tokens"),
        ("vllm", "max_tokens"),
        ("llamacpp", "max_completion_tokens"),
    ],
)
def test_fill_the_limit(vendor, field, sim, call):
    """The answer has exactly as many tokens as the field allows that the vendor reads."""
    sim.configure(vendor, length=Length.fill())
    reply = call.reply(vendor, **{field: 137})
    assert reply["usage"]["completion_tokens"] == 137
    assert reply["choices"][0]["finish_reason"] == "length"
    assert sim.calls[0].output_tokens == 137


@pytest.mark.parametrize(("vendor", "default"), [("glm", 16_384), ("deepseek", 32_768)])
def test_field_that_is_not_read(vendor, default, sim, call):
    """A limit in a field that the vendor ignores does not limit."""
    sim.configure(vendor, length=Length.fill())
    assert call.reply(vendor, max_completion_tokens=10)["usage"]["completion_tokens"] == default


def test_doubao_default_limit(sim, call):
    """Ark allows 4096 tokens of answer when nothing is said."""
    sim.configure("doubao", length=Length.fill())
    assert call.reply("doubao")["usage"]["completion_tokens"] == 4096


def test_reasoning_outside_the_limit(sim, call):
    """`max_tokens` bounds the answer only on Ark and Qwen; `max_completion_tokens` bounds both."""
    for vendor in ("doubao", "qwen"):
        sim.configure(vendor, answer=Answer(text="ok", reasoning="a b c d e"), length=Length.fill())
        assert call.reply(vendor, max_tokens=20)["usage"]["completion_tokens"] == 25
        assert call.reply(vendor, max_completion_tokens=20)["usage"]["completion_tokens"] == 20


def test_limit_smaller_than_the_reasoning(sim, call):
    """The reasoning is cut and no answer is left."""
    sim.configure("deepseek", answer=Answer(text="ok", reasoning="a b c d e"))
    reply = call.reply("deepseek", max_tokens=3)
    message = reply["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("", "a b c")
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens_details"] == {"reasoning_tokens": 3}


def test_share_of_the_limit(sim, call):
    """A fifth of the limit, rounded down, and at least one token."""
    sim.configure("openai", length=Length.share(0.2))
    assert [call.reply("openai", max_tokens=n)["usage"]["completion_tokens"] for n in (100, 99, 5, 1)] == [
        20,
        19,
        1,
        1,
    ]
    assert call.reply("openai", max_tokens=100)["choices"][0]["finish_reason"] == "stop"


def test_fixed_length(sim, call):
    """A number of tokens, as far as the limit allows."""
    sim.configure("qwen", length=50)
    assert call.reply("qwen", max_tokens=60)["usage"]["completion_tokens"] == 50
    cut = call.reply("qwen", max_tokens=40)
    assert (cut["usage"]["completion_tokens"], cut["choices"][0]["finish_reason"]) == (40, "length")
    sim.configure("qwen", length=None)
    assert call.reply("qwen")["usage"]["completion_tokens"] == 11


def test_vendor_that_overshoots(sim, call):
    """`beyond` breaks the limit by so many tokens."""
    sim.configure("qwen", length=Length.beyond(10))
    assert call.reply("qwen", max_completion_tokens=100)["usage"]["completion_tokens"] == 110


def test_text_is_cut_at_the_limit(sim, call):
    """A programmed text is not longer than the limit."""
    sim.configure("openai", answer=Answer(text="one two three four five"))
    choice = call.reply("openai", max_tokens=2)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two", "length")


def test_fill_keeps_json_valid(sim, call):
    """Padding of a JSON answer is white space."""
    sim.configure("openai", length=Length.fill())
    wanted = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    content = call.reply("openai", response_format=wanted, max_tokens=9)["choices"][0]["message"]["content"]
    assert content == "{}" + " " * 8


def test_fill_with_tool_calls(sim, call):
    """A tool call that fills the limit is counted so and stays whole."""
    sim.configure("openai", answer=Answer(tool_calls=(ToolCall("f", {"a": 1}),)), length=Length.fill())
    reply = call.reply("openai", max_tokens=300)
    assert reply["usage"]["completion_tokens"] == 300
    assert reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'


def test_default_input_count():
    """Bytes divided by four, plus four a message."""
    body = {"messages": [{"role": "system", "content": "12345678"}, {"role": "user", "content": "天空"}]}
    assert estimate_input(body) == 14 // 4 + 8


def test_one_token_per_byte(call):
    """All texts of all kinds of messages are counted, and the overheads as given."""
    body = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "天空"}, {"type": "image_url"}]},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hm",
                "tool_calls": [{"function": {"name": "ab", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "abc"},
        ],
        "tools": [{}, {}],
    }
    assert one_token_per_byte()(body) == 6 + 2 + 2 + 2 + 3
    assert one_token_per_byte(per_message=10, per_tool=100, per_request=1000)(body) == 15 + 30 + 200 + 1000


def test_one_token_per_byte_after_nfkc():
    """A text that grows under NFKC is counted at its longer form."""
    body = {"messages": [{"role": "user", "content": "\ufdfa"}]}
    assert one_token_per_byte()(body) == 3
    assert one_token_per_byte(nfkc=True)(body) == 33


def test_every_call_at_its_ceiling(sim, call):
    """Input by bytes and a filled limit bill exactly bytes plus overhead, and the limit."""
    sim.configure("qwen", input_tokens=one_token_per_byte(per_message=3), length=Length.fill())
    assert usage(call.reply("qwen", "0123456789", max_tokens=64)) == (13, 64)
    assert sim.bill({"m-1": (800, 2000)}) == 13 * 800 + 64 * 2000


def test_bill_by_function_mapping_and_vendor(sim, call):
    """The bill is the sum over billed calls; names with a vendor win."""
    counts = Counts(input_tokens=100, output_tokens=10, cached_input_tokens=60)
    for vendor in ("qwen", "glm"):
        sim.configure(vendor, answer=Answer(text="ok", usage=counts))
        call.reply(vendor)
    assert sim.bill({"qwen:m-1": (1, 2), "m-1": (10, 20)}) == 120 + 1200
    assert sim.bill({"m-1": (10, 20)}, vendor="glm") == 1200
    assert sim.bill(lambda record: record.cached_input_tokens) == 120
    assert sim.bill({"m-1": (Decimal("0.005"), 0)}) == 2
    with pytest.raises(KeyError, match="no price for 'qwen:m-1'"):
        sim.bill({"other": (1, 1)})


def test_answer_function_sees_the_request(sim, call):
    """A function gets the request and its index, in order."""
    sim.configure(
        "glm",
        answer=lambda request: Answer(
            text=f"{request.vendor} {request.model} {request.index} {request.text}"
        ),
    )
    texts = [call.reply("glm", text)["choices"][0]["message"]["content"] for text in ("a", "b")]
    assert texts == ["glm m-1 0 a", "glm m-1 1 b"]


def test_failing_function_is_told():
    """A function that raises gives status 500 and an error when the simulator ends."""
    import httpx

    def broken(request):
        raise ZeroDivisionError("oops")

    def use():
        with Simulator("qwen", answer=broken) as sim:
            url = sim.base_url("qwen") + "/chat/completions"
            body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
            found = httpx.post(url, json=body, headers={"Authorization": "Bearer sim-key"}, trust_env=False)
            assert found.status_code == 500
            assert sim.paid_calls == ()

    with pytest.raises(RuntimeError, match="a function given to the simulator failed") as caught:
        use()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_finish_reason_as_programmed(sim, call):
    """The vendor's own words can be sent."""
    sim.configure("glm", answer=Answer(text="", finish_reason="sensitive"))
    assert call.reply("glm")["choices"][0]["finish_reason"] == "sensitive"
    assert call.chunks("glm")[-1]["choices"][0]["finish_reason"] == "sensitive"


def test_unknown_names(sim):
    """Unknown vendors and settings are refused with those that there are."""
    with pytest.raises(ValueError, match="there are doubao, qwen"):
        Simulator("nobody")
    with pytest.raises(ValueError, match="served are doubao"):
        sim.base_url("nobody")
    with pytest.raises(TypeError):
        sim.configure("qwen", colour="red")
