"""Real exchanges of `openai_chat`: what goes back in the next turn, what was billed, and what is carried unread."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest

from minimill._chat import Answer, ChatRequest, user
from minimill._errors import ProviderError
from minimill.dialects import get_dialect
from tests.contract.recordings import NEEDS_RECORDINGS, chunks_of, feed, is_stream, rows, target_of, wire
from tests.contract.test_recordings import CHATS, PLAIN

pytestmark = NEEDS_RECORDINGS
DIALECT = get_dialect("openai_chat")

READ = {
    "body": "id object created model choices usage error service_tier timings x_groq request_id",
    "choice": "index message delta finish_reason logprobs",
    "message": "role content reasoning reasoning_content reasoning_details tool_calls refusal annotations",
    "usage": "prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details "
    "prompt_cache_hit_tokens cached_tokens num_cached_tokens cost is_byok server_tool_use_details",
}
"""Keys that the dialect reads, or that repeat what it reads (`object`, `created`, `role`)."""
EXTRAS = {
    "body": {
        "cerebras": "system_fingerprint time_info",
        "deepseek": "system_fingerprint",
        "groq": "system_fingerprint usage_breakdown",
        "huggingface": "metadata",
        "llamacpp": "prompt_progress system_fingerprint",
        "openai": "moderation obfuscation prompt_filter_results system_fingerprint",
        "openrouter": "provider",
        "vllm": "metrics prompt_logprobs prompt_token_ids system_fingerprint",
    },
    "choice": {
        "huggingface": "seed",
        "openai": "content_filter_results",
        "openrouter": "native_finish_reason",
        "vllm": "stop_reason token_ids",
    },
    "message": {"groq": "channel"},
    "usage": {
        "deepseek": "prompt_cache_miss_tokens",
        "groq": "completion_time prompt_time queue_time total_time",
        "openrouter": "cost_details",
    },
}
"""Keys that vendors send beside those, by vendor: users find them in `reply.raw` only."""
EMPTY: tuple[Any, ...] = (None, [], {}, "")


def bodies(row: Any) -> list[Any]:
    body = row["response"]["body"]
    return chunks_of(body) if is_stream(row) else [json.loads(body)]


def keys(body: Any) -> Iterator[tuple[str, str]]:
    """Every key that holds something, with the table it sits in."""
    choices = body.get("choices") or ()
    tables = [("body", body), ("usage", body.get("usage") or {})]
    tables += [("choice", choice) for choice in choices]
    tables += [("message", choice.get("message") or choice.get("delta") or {}) for choice in choices]
    for place, table in tables:
        for key, value in table.items():
            if value not in EMPTY:
                yield place, key


def test_what_is_not_read_is_listed_by_vendor() -> None:
    """Nothing comes that nobody looked at, and the list holds no more than what came."""
    found: Counter[tuple[str, str, str]] = Counter()
    for parameter in CHATS:
        name, row = parameter.values
        for body in bodies(row):
            found.update((place, name, key) for place, key in keys(body) if key not in READ[place].split())
    listed = {
        (place, name, key)
        for place, vendors in EXTRAS.items()
        for name, words in vendors.items()
        for key in words.split()
    }
    assert {item: count for item, count in found.items() if item not in listed} == {}
    assert listed - set(found) == set()


@pytest.mark.parametrize(("name", "row"), PLAIN)
def test_an_answer_goes_back_as_it_came(name: str, row: Any) -> None:
    """Words, calls with their ids and arguments, and sealed thoughts, in the next request."""
    target = target_of(name)
    raw = json.loads(row["response"]["body"])["choices"][0]["message"]
    answer = DIALECT.decode(wire(row), target)
    asked = ChatRequest((user("q"), answer.choices[0].message, user("r")))
    sent = json.loads(DIALECT.encode(asked, target, stream=False).body)["messages"][1]
    content = raw.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    assert (sent["content"] or "") == (content or "")
    calls = [(call["id"], call["function"]) for call in raw.get("tool_calls") or ()]
    back = [(call["id"], call["function"]) for call in sent.get("tool_calls", ())]
    assert [(one, told["name"], told["arguments"]) for one, told in back] == [
        (one or back[place][0], told["name"], told["arguments"] or "") for place, (one, told) in enumerate(calls)
    ]
    if target.quirks.opaque_reasoning_field:
        assert sent.get("reasoning_details") == (raw.get("reasoning_details") or None)


BILLED = [p for p in CHATS if p.values[0] == "openrouter" and '"cost":' in p.values[1]["response"]["body"]]


@pytest.mark.parametrize(("name", "row"), BILLED)
def test_the_vendors_own_bill(name: str, row: Any) -> None:
    """In nanos, read from the text of the body by itself; also where the answer ended in an error."""
    texts = [json.dumps(body) for body in bodies(row)]
    usages = [json.loads(text, parse_float=Decimal).get("usage") for text in texts]
    told = next(usage for usage in reversed(usages) if usage)
    nanos = (Decimal(told["cost"]).quantize(Decimal("1e-15")) * 10**9).to_integral_value(ROUND_CEILING)
    if is_stream(row):
        _, answer = feed(DIALECT, row, target_of(name), 64)
    else:
        answer = DIALECT.decode(wire(row), target_of(name))
    assert isinstance(answer, (Answer, ProviderError))
    assert answer.usage is not None
    assert answer.usage.billed_nanos == (None if told.get("is_byok") else int(nanos))


def test_there_are_bills() -> None:
    """An empty list is a mistake, not a success."""
    assert len(BILLED) > 20
    assert rows("openai-chat")
