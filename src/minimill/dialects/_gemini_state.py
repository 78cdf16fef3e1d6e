"""One candidate of a Gemini answer while it grows; a whole answer is one that grew in one step.

It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from minimill._chat import (
    Audio,
    Choice,
    Finished,
    FinishReason,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    StreamEvent,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from minimill.dialects._base import Target, text_of
from minimill.dialects._call_ids import made_up_id
from minimill.dialects._gemini_calls import GrowingCall
from minimill.dialects._json import dump_text
from minimill.dialects._logprobs import gemini_logprobs

_FINISH = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.LENGTH,
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        FinishReason.CONTENT_FILTER,
    ),
}  # fmt: skip
_THOUGHT, _SPOKEN = True, False


class _Run:
    """Words of one kind that arrive in pieces."""

    __slots__ = ("kind", "pieces")

    def __init__(self, kind: bool) -> None:
        self.kind = kind
        self.pieces: list[str] = []

    def part(self) -> Part:
        text = "".join(self.pieces)
        return Reasoning(text) if self.kind is _THOUGHT else Text(text)


class CandidateState:
    """One of the `n` answers: what has come of it, and how it ended."""

    __slots__ = (
        "_calls", "_growing", "_parts", "_target", "continuation", "finish", "finish_raw", "index", "logprobs",
        "searches",
    )  # fmt: skip

    def __init__(self, index: int, target: Target) -> None:
        self.index = index
        self._target = target
        self._parts: list[_Run | GrowingCall | Part] = []
        self._calls = 0
        self._growing: GrowingCall | None = None
        self.logprobs: dict[str, Any] = {}
        self.searches = 0
        """Web searches that the vendor made for the answer."""
        self.continuation: str | None = None
        self.finish: FinishReason | None = None
        self.finish_raw: str | None = None

    @property
    def has_content(self) -> bool:
        """Whether anything of the answer has come."""
        return bool(self._parts)

    def take(self, candidate: dict[str, Any], answer_id: str | None, events: list[StreamEvent]) -> bool:
        """Take in what one chunk says of this candidate; whether content came."""
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        said = False
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                said = self._part(part, answer_id, events) or said
        if isinstance(candidate.get("logprobsResult"), dict):
            self._add_logprobs(candidate["logprobsResult"])
        grounding = candidate.get("groundingMetadata")
        queries = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
        if isinstance(queries, list):
            self.searches = max(self.searches, sum(1 for query in queries if query))
        return said

    def _part(self, part: dict[str, Any], answer_id: str | None, events: list[StreamEvent]) -> bool:
        seal = text_of(part.get("thoughtSignature")) or None
        call, media = part.get("functionCall"), part.get("inlineData")
        if isinstance(call, dict):
            self._call(call, seal, answer_id, events)
        elif isinstance(part.get("text"), str):
            return self._text(part, seal, events)
        elif isinstance(media, dict) and part.get("thought") is not True and (made := _media(media)) is not None:
            self._seal(seal)
            self._parts.append(made)
        elif part:
            self._whole(part, "")
        return bool(part)

    def _text(self, part: dict[str, Any], seal: str | None, events: list[StreamEvent]) -> bool:
        text, thought = part["text"], part.get("thought") is True
        if text:
            events.append(ReasoningDelta(text, self.index) if thought else TextDelta(text, self.index))
        if seal is None:
            if text:
                self._run(_THOUGHT if thought else _SPOKEN).pieces.append(text)
        elif thought or not text:
            self._whole(part, text if thought else "")
        else:
            self._seal(seal)
            self._parts.append(Text(text))
        return bool(text or seal)

    def _run(self, kind: bool) -> _Run:
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, _Run) or last.kind is not kind:
            last = _Run(kind)
            self._parts.append(last)
        return last

    def _seal(self, seal: str | None) -> None:
        """Keep the signature of the part that comes next."""
        if seal is not None:
            self._parts.append(Reasoning("", seal, self._target.provider, self._target.model))

    def _whole(self, part: dict[str, Any], text: str) -> None:
        """Keep a part as it is, to be sent back so."""
        self._parts.append(Reasoning(text, dump_text(part), self._target.provider, self._target.model))

    def _call(
        self, call: dict[str, Any], seal: str | None, answer_id: str | None, events: list[StreamEvent]
    ) -> None:
        name = text_of(call.get("name")) or ""
        if self._growing is not None and not name:
            self._growing.add(call.get("partialArgs"))
            if call.get("willContinue") is not True:
                self._grown(events)
            return
        self._grown(events)
        call_id = text_of(call.get("id")) or made_up_id(answer_id, self.index, self._calls)
        self._seal(seal)
        if call.get("willContinue") is True or "partialArgs" in call:
            self._grow(call, call_id, name, events)
        else:
            arguments = call.get("args")
            text = dump_text({} if arguments is None else arguments)
            events.append(ToolCallDelta(self._calls, call_id, name, text, self.index))
            self._parts.append(ToolCall(call_id, name, text))
        self._calls += 1

    def _grow(self, call: dict[str, Any], call_id: str, name: str, events: list[StreamEvent]) -> None:
        """A call begins whose arguments come in pieces."""
        growing = self._growing = GrowingCall(self._calls, call_id, name)
        self._parts.append(growing)
        events.append(ToolCallDelta(growing.position, call_id, name, "", self.index))
        growing.add(call.get("partialArgs"))
        if call.get("willContinue") is not True:
            self._grown(events)

    def _grown(self, events: list[StreamEvent]) -> None:
        """A call that came in pieces is whole: its arguments as JSON text."""
        growing, self._growing = self._growing, None
        if growing is not None:
            events.append(ToolCallDelta(growing.position, None, None, growing.arguments, self.index))

    def _add_logprobs(self, result: dict[str, Any]) -> None:
        for key, value in result.items():
            if isinstance(value, list) and isinstance(self.logprobs.setdefault(key, []), list):
                self.logprobs[key].extend(value)
            else:
                self.logprobs[key] = value

    def end(self, word: str, token: str | None, events: list[StreamEvent]) -> None:
        """The vendor's finish word has come; a repeated one changes nothing.

        An answer that the vendor breaks off to go on with it has not finished.
        """
        if self.finish_raw is not None:
            return
        self._grown(events)
        self.finish_raw = word
        own = self._target.quirks.finish_reasons.get(word)
        reason = FinishReason(own) if own else _FINISH.get(word, FinishReason.UNKNOWN)
        self.finish = FinishReason.TOOL_CALLS if self._calls and reason is FinishReason.STOP else reason
        self.continuation = token if word == "CONTINUATION" else None
        if self.continuation is None:
            events.append(Finished(self.finish, word, self.index))

    def choice(self) -> Choice:
        """What has come, as a choice."""
        parts = tuple(
            part.part() if isinstance(part, (_Run, GrowingCall)) else part for part in self._parts
        )
        return Choice(
            index=self.index,
            message=Message("assistant", tuple(map(self._named, parts))),
            finish_reason=self.finish or FinishReason.UNKNOWN,
            finish_reason_raw=self.finish_raw,
            logprobs=gemini_logprobs(self.logprobs),
            logprobs_raw=self.logprobs or None,
        )

    def _named(self, part: Part) -> Part:
        if isinstance(part, Reasoning) and part.provider is None:
            return Reasoning(part.text, None, self._target.provider, self._target.model)
        return part


def _media(media: dict[str, Any]) -> Part | None:
    """A picture or sound that the model made; None for anything else."""
    kind, data = text_of(media.get("mimeType")) or "", text_of(media.get("data"))
    family, _, form = kind.partition("/")
    if data is None or family not in ("image", "audio"):
        return None
    try:
        content = b64decode(data)
    except ValueError:
        return None
    return Image(data=content, media_type=kind) if family == "image" else Audio(content, form)
