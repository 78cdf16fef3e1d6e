"""The simulated vendors of the demo: which models, how they answer, what goes wrong at each.

It may import `minimill.testing` and the standard library.
"""

from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minimill._values import dataclass
from minimill.testing import Answer, Counts, Fault, SimulatedRequest, Simulator, estimate_input
from minimill.testing._tokens import pieces, stretch

MODELS = (
    "doubao:doubao-seed-2-0-lite-260428",
    "doubao:doubao-seed-1-8-251228",
    "qwen:qwen3.7-plus",
    "glm:glm-4.5-air",
    "openai:gpt-5.4-mini",
)
VENDORS = ("doubao", "qwen", "glm", "openai")
TROUBLES = {
    "doubao": "answers 429 above 16 requests a second to a model",
    "qwen": "answers 429 above 12 a second, and dies in the middle of every seventh stream",
    "glm": "answers 24 requests, then never again",
    "openai": "reports no usage with every fifth answer",
}
KEY_VARIABLE = "MINIMILL_DEMO_KEY"
LOCAL_KEY_VARIABLE = "MINIMILL_DEMO_LOCAL_KEY"
OUTPUT_LIMIT = 320
_PER_SECOND, _PER_SECOND_QWEN = 16, 12
_LAST_ANSWER = 24
_CUT_EVERY, _SILENT_USAGE_EVERY, _CACHED_EVERY = 7, 5, 4

_ENGLISH = (
    "It gives callers a small and well defined building block, hides the details that differ between platforms, "
    "and is meant for code that would otherwise repeat the same few lines again and again. "
)
_CHINESE = "简单地说，这取决于几个互相联系的因素，需要先看条件，再看过程，最后看结果。"


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that a simulated vendor takes."""

    shortest: float = 0.1
    longest: float = 0.5
    between_chunks: float = 0.008

    def pace(self, draws: random.Random, stream: bool) -> Fault:
        """How long one answer takes."""
        first = draws.uniform(self.shortest, self.longest)
        if stream:
            return Fault(delay_s=first / 2, chunk_interval_s=self.between_chunks)
        return Fault(delay_s=first)


def simulator(seed: int, speed: Speed) -> Simulator:
    """The four vendors, not started yet; the same seed gives the same answers and the same faults."""
    made = Simulator(VENDORS, key="demo-key", answer=_answering(seed), tokens_per_chunk=8)
    plans: dict[str, Callable[[], Trouble]] = {
        "doubao": _rate_limit,
        "qwen": _dying,
        "glm": _falling_silent,
        "openai": _forgetting_usage,
    }
    for vendor, plan in plans.items():
        made.program(vendor, _faults(seed, vendor, speed, plan()))
    return made


def _answering(seed: int) -> Callable[[SimulatedRequest], Answer]:
    def answer(request: SimulatedRequest) -> Answer:
        draws = random.Random(f"{seed} {request.vendor} {request.text}")
        words = _ENGLISH if "Explain" in request.text else _CHINESE
        length = min(int(draws.lognormvariate(4.9, 0.7)) + 8, 2 * OUTPUT_LIMIT)
        cached = estimate_input(request.body) // 2 if draws.randrange(_CACHED_EVERY) == 0 else 0
        text = "".join(stretch(pieces(words), length))
        return Answer(text=text, usage=Counts(cached_input_tokens=cached))

    return answer


# --- what goes wrong ---

Trouble = Callable[[int, Mapping[str, Any], random.Random], Fault | None]
"""Takes the request's index at its vendor, its body and a source of chance; gives what goes wrong."""


def _faults(
    seed: int, vendor: str, speed: Speed, trouble: Trouble
) -> Callable[[int, Mapping[str, Any]], Fault]:
    def fault(index: int, body: Mapping[str, Any]) -> Fault:
        draws = random.Random(f"{seed} {vendor} {index}")
        pace = speed.pace(draws, body.get("stream") is True)
        wrong = trouble(index, body, draws)
        return pace if wrong is None else wrong if wrong.http_status or not wrong.answers else pace | wrong

    return fault


def _rate_limit(most: int = _PER_SECOND, code: str = "ModelAccountRpmRateLimitExceeded") -> Trouble:
    recent: dict[str, deque[float]] = {}

    def trouble(_index: int, body: Mapping[str, Any], _draws: random.Random) -> Fault | None:
        now = time.monotonic()
        times = recent.setdefault(str(body.get("model")), deque())
        while times and now - times[0] > 1:
            times.popleft()
        if len(times) >= most:
            return Fault.status(429, code=code, retry_after=1)
        times.append(now)
        return None

    return trouble


def _dying() -> Trouble:
    streams = 0
    limit = _rate_limit(_PER_SECOND_QWEN, "limit_burst_rate")

    def trouble(index: int, body: Mapping[str, Any], draws: random.Random) -> Fault | None:
        nonlocal streams
        limited = limit(index, body, draws)
        if limited is not None or body.get("stream") is not True:
            return limited
        streams += 1
        if streams % _CUT_EVERY:
            return None
        cut = Fault.cut_after(draws.randint(1, 5), reset=draws.random() < 0.5)
        return cut.bills("all") if draws.random() < 0.5 else cut

    return trouble


def _falling_silent() -> Trouble:
    def trouble(index: int, _body: Mapping[str, Any], draws: random.Random) -> Fault | None:
        if index < _LAST_ANSWER:
            return None
        return Fault.silent().bills("all") if draws.random() < 0.5 else Fault.silent()

    return trouble


def _forgetting_usage() -> Trouble:
    def trouble(index: int, _body: Mapping[str, Any], _draws: random.Random) -> Fault | None:
        return Fault.no_usage() if index % _SILENT_USAGE_EVERY == 1 else None

    return trouble


# --- the way there ---


def providers(running: Simulator) -> dict[str, Any]:
    """The shipped providers at the simulator's addresses."""
    return {name: {"base_url": url, "key_env": KEY_VARIABLE} for name, url in running.base_urls().items()}


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of this process, and keep loopback out of any proxy's way; restores all of it."""
    bypass = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    changed = {**variables, "no_proxy": ",".join(filter(None, (bypass, "127.0.0.1", "localhost")))}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
