"""Puts the chunks of a Gemini answer together; a whole body is one chunk.

It may import `_chat`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minimill._chat import Answer, StreamEvent, UsageReported
from minimill._errors import Billed, ContentFilteredError, Then
from minimill._usage import Usage
from minimill.dialects._base import Target, text_of
from minimill.dialects._gemini_state import CandidateState
from minimill.dialects._gemini_usage import COUNTS, read_usage
from minimill.dialects._redact import redact
from minimill.dialects._unreadable import unreadable
from minimill.dialects._vendor_error import error_in_answer, error_of_kind

_FAILED: dict[str, tuple[str, Then]] = {
    "MALFORMED_FUNCTION_CALL": ("server", Then.RETRY),
    "MALFORMED_RESPONSE": ("server", Then.RETRY),
    "UNEXPECTED_TOOL_CALL": ("server", Then.NEXT),
    "TOO_MANY_TOOL_CALLS": ("server", Then.NEXT),
    "MISSING_THOUGHT_SIGNATURE": ("invalid_request", Then.NEXT),
}
"""Finish words of answers that failed: the kind of error, and what to do next."""
_TIER_HEADER = "x-gemini-service-tier"
_MOST_CANDIDATES = 1024


class Gathering:
    """What has come of one answer."""

    def __init__(self, target: Target, headers: Mapping[str, str]) -> None:
        self._target = target
        self._headers = headers
        self._candidates: dict[int, CandidateState] = {}
        self.usage: Usage | None = None
        self._raw_usage: dict[str, Any] | None = None
        self._told: Usage | None = None
        self.id: str | None = None
        self._model: str | None = None
        self._tier = _tier_word(headers.get(_TIER_HEADER))
        self._last: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        """Whether there are candidates and each of them has ended."""
        states = self._candidates.values()
        return bool(states) and all(state.finish_raw is not None for state in states)

    def take(self, chunk: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take in one chunk. The usage is read first, so that it goes with every error.

        Raises:
            ProviderError: the chunk reports an error, a refusal of the prompt, or an answer that failed.
        """
        self._remember(chunk)
        reported = self._read_usage(chunk.get("usageMetadata"))
        if chunk.get("error"):
            raise error_in_answer(
                chunk,
                self._target,
                headers=self._headers,
                usage=self.usage,
                content=self._has_content(),
                request_id=self.id,
            )
        candidates = chunk.get("candidates")
        said = False
        for position, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
            if isinstance(candidate, dict):
                said = self._candidate(candidate, position, chunk, events, reported) or said
        self._check_prompt(chunk)
        if self.usage is not None and not self.usage.output_tokens and self._has_content():
            self.forget_usage()  # an answer has tokens: a zero means that nobody counted
        if reported and self.usage is not None and (self._has_content() or self.finished):
            self._report(self._billed(self.usage), events)

    def _report(self, usage: Usage, events: list[StreamEvent]) -> None:
        """Every chunk tells the usage; it is handed on where it changed."""
        if usage != self._told:
            self._told = usage
            events.append(UsageReported(usage))

    def _remember(self, chunk: dict[str, Any]) -> None:
        self.id = self.id or text_of(chunk.get("responseId")) or None
        self._model = self._model or text_of(chunk.get("modelVersion")) or None

    def _read_usage(self, raw: Any) -> bool:
        """Whether the chunk tells a usage. It counts from the start, so that the last one stands."""
        if not isinstance(raw, dict) or not any(raw.get(name) for name in COUNTS):
            return False
        self.usage, self._raw_usage = read_usage(raw), raw
        self._tier = self._tier or _tier_word(raw.get("serviceTier"))
        return self.usage is not None

    def _candidate(
        self,
        candidate: dict[str, Any],
        position: int,
        chunk: dict[str, Any],
        events: list[StreamEvent],
        reported: bool,
    ) -> bool:
        index = candidate.get("index")
        if type(index) is not int or not 0 <= index < _MOST_CANDIDATES:
            index = position
        state = self._candidates.get(index)
        if state is None:
            state = self._candidates[index] = CandidateState(index, self._target)
        said = state.take(candidate, self.id, events)
        if said and not reported:
            self.forget_usage()  # it was told before this content: no final bill
        word = text_of(candidate.get("finishReason"))
        if word:
            self._last = chunk
            self._raise_failed(word, candidate)
            state.end(word, text_of(candidate.get("continuationToken")) or None, events)
        return said

    def _raise_failed(self, word: str, candidate: dict[str, Any]) -> None:
        own = self._target.quirks.finish_errors.get(word)
        kind, then = (own, None) if own else _FAILED.get(word, (None, None))
        if kind is None:
            return
        told = text_of(candidate.get("finishMessage"))
        more = {} if then is None else {"then": then}
        raise error_of_kind(
            kind,
            f"{self._target.provider} ended the answer with {word!r}" + (f": {redact(told, 200)}" if told else ""),
            self._target,
            status=200,
            code=word,
            usage=self.usage,
            billed=self._billing(),
            request_id=self.id,
            **more,
        )

    def _check_prompt(self, chunk: dict[str, Any]) -> None:
        """Raise where the prompt itself was blocked. It was read, and is billed where it was counted."""
        feedback = chunk.get("promptFeedback")
        reason = text_of(feedback.get("blockReason")) if isinstance(feedback, dict) else None
        if not reason or self._candidates:
            return
        raise ContentFilteredError(
            f"{self._target.provider} blocked the prompt ({reason})",
            provider=self._target.provider,
            model=self._target.model,
            status=200,
            code=reason,
            usage=self.usage,
            billed=self._billing(),
            request_id=self.id,
        )

    def _billing(self) -> Billed:
        return Billed.YES if self.usage is not None or self._has_content() else Billed.UNKNOWN

    def forget_usage(self) -> None:
        """What was told is no final bill."""
        self.usage = self._raw_usage = None

    def _has_content(self) -> bool:
        return any(state.has_content for state in self._candidates.values())

    def _billed(self, usage: Usage) -> Usage:
        """The usage with what is billed by count."""
        searches = sum(state.searches for state in self._candidates.values())
        return replace(usage, units={"web_search": searches}) if searches else usage

    def answer(self) -> Answer:
        """What has come, as an answer."""
        states = sorted(self._candidates.values(), key=lambda state: state.index)
        raw = self._last
        if self._raw_usage is not None:
            raw = {**raw, "usageMetadata": self._raw_usage}
        return Answer(
            choices=tuple(state.choice() for state in states),
            usage=None if self.usage is None else self._billed(self.usage),
            id=self.id,
            model=self._model,
            service_tier=self._target.quirks.service_tier_names.get(self._tier or "", self._tier),
            continuation=next((state.continuation for state in states if state.continuation), None),
            raw=raw or None,
        )

    def whole(self, body: dict[str, Any], events: list[StreamEvent]) -> Answer:
        """The answer of a body that came whole.

        Raises:
            ProviderError: as `take`.
            ProtocolError: there is no answer in it.
        """
        self.take(body, events)
        if not self._candidates:
            raise unreadable("there is no answer in the body", self._target, self.usage)
        return replace(self.answer(), raw=body)


def _tier_word(value: Any) -> str | None:
    word = (text_of(value) or "").lower()
    return word if word and "unspecified" not in word else None

