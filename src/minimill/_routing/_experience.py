"""What settled calls taught about models: how they count text, how long they answer, how long they think.

Fed by the records of the books, those of earlier processes included; asked for the expected cost of a call.
It holds counts, no texts. It may import `_pricing`, `ledger`'s records and its siblings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from minimill._pricing import ANSWER_TOKENS, EFFORT_TOKENS, THINKING_TOKENS, Habits, Length, TextRatio

if TYPE_CHECKING:
    from minimill._chat import ChatRequest
    from minimill._pricing import RequestSize
    from minimill.ledger import AttemptRecord

K = TypeVar("K")
V = TypeVar("V")

ASKED = "asked"
"""Under this name the details of a record say what the request was like."""
_MOST_KEYS = 2_000


def asked(request: ChatRequest, size: RequestSize, thinking: bool | None) -> dict[str, Any]:
    """Say for the books what a request was like: counts alone, nothing of what it said."""
    told: dict[str, Any] = {"messages": size.messages, "thinking": thinking}
    if not (size.images or size.files or size.audio):
        latin = size.latin_bytes + size.tool_bytes + size.schema_bytes
        told["bytes"] = [latin, size.cjk_bytes, size.other_bytes]
    if request.reasoning is not None:
        told["reasoning"] = reasoning_word(request)
    if request.n > 1:
        told["n"] = request.n
    return told


def reasoning_word(request: ChatRequest) -> str:
    """What the request says about thinking, in one word; empty: nothing.

    Budgets of a like size are one word, by the next power of two: `budget 4096`.
    """
    reasoning = request.reasoning
    if reasoning is None or isinstance(reasoning, str):
        return reasoning or ""
    if isinstance(reasoning, bool) or reasoning <= 0:
        return "on" if reasoning else "off"
    return f"{_BUDGET}{1 << (reasoning - 1).bit_length()}"


_BUDGET = "budget "


def usual_thinking(word: str, thinking: bool | None, default_effort: str | None) -> int:
    """How many tokens a model is taken to think of whose thinking nobody has seen yet.

    By the effort that is asked for, or the model's own; of a budget the half.
    """
    if word.startswith(_BUDGET):
        return int(word.removeprefix(_BUDGET)) // 2
    if not thinking:
        return 0
    effort = word if word in EFFORT_TOKENS else default_effort or ""
    return EFFORT_TOKENS.get(effort, THINKING_TOKENS)


class Experience:
    """Habits of models, by `provider:model`.

    An answer's length depends on the question at least as much as on the model. So it is learned by route:
    a model of which nothing is known there is taken to answer at the length that is usual on that route.
    """

    def __init__(self) -> None:
        self._texts: dict[str, TextRatio] = {}
        self._routes: dict[str | None, Length] = {}
        self._answers: dict[tuple[str | None, str], Length] = {}
        self._thoughts: dict[tuple[str, str], Length] = {}

    def habits(
        self,
        model: str,
        route: str | None,
        reasoning: str,
        thinking: bool | None,
        default_effort: str | None = None,
    ) -> Habits:
        """What is known of a model on a route.

        Args:
            model: `provider:model`, with the id that is sent.
            route: The route's name; None: a call that names its model.
            reasoning: As `reasoning_word` says it.
            thinking: Whether it will think; None: unknown.
            default_effort: The effort with which it thinks where the request names none; None: unknown.
        """
        text, thought = self._texts.get(model), self._thoughts.get((model, reasoning))
        here, own = self._routes.get(route), self._answers.get((route, model))
        usual = ANSWER_TOKENS if here is None else here.mean(ANSWER_TOKENS)
        answer = usual if own is None else own.mean(usual)
        guess = usual_thinking(reasoning, thinking, default_effort)
        thinks = guess if thought is None else thought.mean(guess)
        if text is None:
            return Habits(answer_tokens=answer, thinking_tokens=thinks)
        return Habits(*text.ppm(), answer, thinks)

    def note(self, record: AttemptRecord) -> None:
        """Learn from an attempt that was answered and whose usage is known; others teach nothing."""
        told = record.details.get(ASKED)
        if record.status != "ok" or record.output_tokens is None or not isinstance(told, Mapping):
            return
        output = max(record.output_tokens, 0)
        meta = record.meta
        model = f"{meta.provider}:{meta.model}"
        calls = _count(told.get("n"), 1) or 1
        thought = None if record.reasoning_tokens is None else min(max(record.reasoning_tokens, 0), output)
        word = told.get("reasoning", "")
        thoughts = _at(self._thoughts, (model, word if isinstance(word, str) else ""), Length)
        answer = output - (thought or 0)
        if thought is not None or not told.get("thinking"):
            _at(self._routes, meta.route, Length).add(answer, calls)
        # A model that does not say how much of its output was thinking has all of it in its answers.
        _at(self._answers, (meta.route, model), Length).add(answer, calls)
        thoughts.add(thought or 0, calls)
        self._note_text(model, told, record.input_tokens)

    def _note_text(self, model: str, told: Mapping[str, Any], input_tokens: int | None) -> None:
        text = told.get("bytes")
        if input_tokens is not None and isinstance(text, (list, tuple)) and len(text) == 3:
            latin, cjk, other = (_count(size, 0) for size in text)
            ratio = _at(self._texts, model, TextRatio)
            ratio.add((latin, cjk, other), _count(told.get("messages"), 1), input_tokens)


def _count(value: object, otherwise: int) -> int:
    """A count as books say it; books of others may say anything."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _at(known: dict[K, V], key: K, make: type[V]) -> V:
    """The entry of `key`, made if need be; of very many the oldest goes."""
    found = known.get(key)
    if found is None:
        if len(known) >= _MOST_KEYS:
            del known[next(iter(known))]
        found = known[key] = make()
    return found
