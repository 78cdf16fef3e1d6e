"""What goes wrong: one value that describes a fault, and the programme that hands faults to requests.

Knows no wire: the vendor's own codes and bodies are filled in where a fault is played.
"""

import itertools
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Literal

from minimill._values import dataclass

__all__ = ["Bill", "Chunking", "Fault", "FaultPlan", "FaultSource", "Garbage"]

Bill = Literal["nothing", "input", "so_far", "all"]
"""What a faulty call is billed: nothing, its input, what was generated until then, or all."""
Chunking = Literal["bytes", "odd", "crlf", "cr", "bom", "no_last_blank"]
"""How the bytes of an answer are cut up or framed."""
Garbage = Literal["text", "truncated", "empty", "binary", "array"]
"""What stands where the answer should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with one request. Made by the named constructors; combined with `|`.

    `Fault.delay(0.1) | Fault.cut_after(3)` waits, answers, and breaks off after three content chunks. Where
    two faults set the same thing the right one wins. Times are seconds.
    """

    name: str = ""
    """Words for the record of the call."""
    bill: Bill | None = None
    """What is billed; None takes what is usual for the fault."""
    http_status: int | None = None
    """HTTP status of a reply that is no answer."""
    error_code: str | None = None
    """The vendor's error code; None takes its usual one."""
    error_message: str | None = None
    """Text of the error; None takes the usual one."""
    extra_headers: tuple[tuple[str, str], ...] = ()
    """Further response headers."""
    raw_body: bytes | None = None
    """Body in place of the vendor's."""
    content_type: str | None = None
    """Content type of `raw_body`; None is JSON."""
    delay_s: float = 0.0
    """Seconds before the response headers."""
    first_token_delay_s: float = 0.0
    """Seconds between the response headers and the first byte of the body."""
    chunk_interval_s: float = 0.0
    """Seconds before each content chunk of a stream."""
    keep_chunks: int | None = None
    """Content chunks that are sent before it goes wrong; None is all."""
    ending: Literal["finish", "close", "reset", "hang"] = "finish"
    """How the reply ends."""
    answers: bool = True
    """Whether any part of an answer is sent."""
    sends_headers: bool = True
    """Whether response headers are sent."""
    garbage_kind: Garbage | None = None
    """What stands where the answer should be; None is the answer."""
    hides_usage: bool = False
    """Whether usage is left out."""
    drops_done: bool = False
    """Whether `[DONE]` is left out."""
    stream_error: bool = False
    """Whether an error object follows the chunks that are kept."""
    comments: int = 0
    """Comment lines before the first chunk."""
    comment_interval_s: float = 0.0
    """Seconds before each comment line."""
    model_name: str | None = None
    """Model that the answer names; None is the one asked for."""
    filler_bytes: int = 0
    """Bytes put in front of the first text."""
    goes_stale: bool = False
    """Whether the connection ends when the next request arrives on it."""
    chunk_mode: Chunking | None = None
    """How the bytes are cut up or framed; None is as usual."""

    def __or__(self, other: "Fault") -> "Fault":
        """Both faults at once."""
        changed = {one.name: getattr(other, one.name) for one in fields(self) if _is_set(other, one.name)}
        name = " + ".join(filter(None, (self.name, other.name)))
        return replace(self, **{**changed, "name": name})

    def bills(self, what: Bill) -> "Fault":
        """The same fault, billed as `what`: nothing, input, so_far (what was generated until then) or all."""
        return replace(self, bill=what)

    @classmethod
    def status(
        cls,
        status: int,
        *,
        code: str | None = None,
        message: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        content_type: str | None = None,
    ) -> "Fault":
        """An HTTP error. Not billed.

        Args:
            status: HTTP status.
            code: The vendor's error code; None takes the vendor's usual one for the status.
            message: Text of the error; None takes the usual one for the code.
            retry_after: Seconds for a `Retry-After` header; None sends none.
            headers: Further response headers.
            body: A body of your own in place of the vendor's.
            content_type: Its content type; None is JSON.
        """
        extra = dict(headers or {})
        if retry_after is not None:
            extra["Retry-After"] = f"{retry_after:g}"
        return cls(
            name=f"status {status}",
            http_status=status,
            error_code=code,
            error_message=message,
            extra_headers=tuple(extra.items()),
            raw_body=body.encode() if isinstance(body, str) else body,
            content_type=content_type,
        )

    @classmethod
    def delay(cls, seconds: float) -> "Fault":
        """Nothing for this long, then what would have come.

        A plain answer counts as generated from the start: a client that leaves meanwhile is billed for it.
        """
        return cls(name="delay", delay_s=seconds)

    @classmethod
    def slow_chunks(cls, seconds: float) -> "Fault":
        """This long before each content chunk of a stream, as if the model were slow."""
        return cls(name="slow chunks", chunk_interval_s=seconds)

    @classmethod
    def first_token_delay(cls, seconds: float) -> "Fault":
        """The response headers at once, then silence for this long before the first byte of the body."""
        return cls(name="first token delay", first_token_delay_s=seconds)

    @classmethod
    def cut_after(cls, chunks: int, *, reset: bool = False) -> "Fault":
        """The connection ends after this many content chunks; 0 is right after the response headers.

        Neither the finish reason nor the end marks arrive. A plain answer is cut after half of its body (0:
        after its headers). Billed: what was generated until then.

        Args:
            chunks: Content chunks that are still sent.
            reset: Whether the connection ends with a TCP reset instead of an orderly close.
        """
        return cls(name="cut", keep_chunks=chunks, ending="reset" if reset else "close")

    @classmethod
    def stall_after(cls, chunks: int) -> "Fault":
        """The stream stops after this many content chunks and stays open. Billed: what was generated."""
        return cls(name="stall", keep_chunks=chunks, ending="hang")

    @classmethod
    def garbage(cls, kind: Garbage = "text") -> "Fault":
        """Status 200 with a body that is no answer: text, JSON cut short, nothing, raw bytes, an array.

        In a stream the broken line comes after the first content chunk. Billed in full.
        """
        return cls(name="garbage", garbage_kind=kind)

    @classmethod
    def no_usage(cls) -> "Fault":
        """A good answer that reports no usage. Billed in full."""
        return cls(name="no usage", hides_usage=True)

    @classmethod
    def silent(cls, *, after_headers: bool = False) -> "Fault":
        """Takes the request and never answers, until the client leaves or the simulator closes. Not billed.

        Args:
            after_headers: Whether the response headers are sent first.
        """
        return cls(name="silent", answers=False, ending="hang", sends_headers=after_headers)

    @classmethod
    def close_before_reply(cls, *, reset: bool = False) -> "Fault":
        """Reads the request, then ends the connection without a byte. Not billed."""
        ending: Literal["reset", "close"] = "reset" if reset else "close"
        return cls(name="close before reply", answers=False, ending=ending, sends_headers=False)

    @classmethod
    def error_in_stream(cls, after: int = 0, code: str | None = None, message: str | None = None) -> "Fault":
        """Status 200, this many content chunks, then an error object in place of the rest.

        A plain request gets the error object as its body. Billed: what was generated until then.
        """
        return cls(
            name="error in stream",
            keep_chunks=after,
            stream_error=True,
            error_code=code,
            error_message=message,
        )

    @classmethod
    def keepalive_comments(cls, count: int, interval: float = 0.0) -> "Fault":
        """Comment lines, `interval` seconds apart, before the first chunk; blank lines in a plain answer."""
        return cls(name="keep-alive comments", comments=count, comment_interval_s=interval)

    @classmethod
    def wrong_model_name(cls, model: str = "another-model") -> "Fault":
        """A good answer that names another model than the one asked for."""
        return cls(name="wrong model name", model_name=model)

    @classmethod
    def oversized(cls, size: int) -> "Fault":
        """A good answer whose first text is at least `size` bytes long (one line of it in a stream)."""
        return cls(name="oversized", filler_bytes=size)

    @classmethod
    def stale_keepalive(cls) -> "Fault":
        """A good answer; the kept connection then dies when the next request arrives on it, unanswered."""
        return cls(name="stale keep-alive", goes_stale=True)

    @classmethod
    def redirect(cls, url: str, status: int = 307) -> "Fault":
        """A redirect to `url`. Not billed."""
        return replace(cls.status(status, headers={"Location": url}, body=b""), name="redirect")

    @classmethod
    def html_502(cls, status: int = 502) -> "Fault":
        """The error page of a gateway in front of the vendor, not the vendor's own error. Not billed.

        Whether the vendor behind it worked is not known to a client; use `.bills("all")` for one that did.
        """
        title = _GATEWAY_TITLES.get(status, f"{status} Error")
        head = f"<head><title>{title}</title></head>"
        page = f"<html>\r\n{head}\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
        return replace(cls.status(status, body=page, content_type="text/html"), name=f"gateway page {status}")

    @classmethod
    def drop_done(cls) -> "Fault":
        """A stream that ends in order and with its finish reason, but without `[DONE]`."""
        return cls(name="no [DONE]", drops_done=True)

    @classmethod
    def chunking(cls, mode: Chunking) -> "Fault":
        """A good answer in odd bytes.

        `bytes` and `odd` cut it anywhere, `crlf` and `cr` change its line ends, `bom` puts a byte order mark
        in front, `no_last_blank` leaves out the blank line at the end.
        """
        return cls(name=f"chunking {mode}", chunk_mode=mode)

    @classmethod
    def keeps_generating(cls) -> "Fault":
        """The whole answer is billed, whatever the client got of it and whenever it left."""
        return cls(name="keeps generating", bill="all")


_GATEWAY_TITLES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_DEFAULT = Fault()


def _is_set(fault: Fault, name: str) -> bool:
    return bool(getattr(fault, name) != getattr(_DEFAULT, name))


FaultSource = Callable[[int, Mapping[str, Any]], Fault | None]
"""Takes the request's index (among those that the vendor accepted) and body; gives its fault or None."""


class FaultPlan:
    """The faults of one vendor: a queue that is used up first, then a source for all requests after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Fault | None] = deque()
        self._source: FaultSource | None = None

    def add(self, faults: Iterable[Fault | None]) -> None:
        """Append to the queue; None lets one request pass."""
        with self._lock:
            self._queue.extend(faults)

    def always(self, source: FaultSource | None) -> None:
        """Set the source that is asked when the queue is empty."""
        with self._lock:
            self._source = source

    def clear(self) -> None:
        """Forget everything; later requests go well."""
        with self._lock:
            self._queue.clear()
            self._source = None

    @property
    def pending(self) -> int:
        """How many queued entries were not used yet."""
        return len(self._queue)

    def take(self, index: int, body: Mapping[str, Any]) -> Fault | None:
        """The fault of the next request."""
        if not self._queue and self._source is None:
            return None
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            source = self._source
        return source(index, body) if source is not None else None


def sometimes(odds: Mapping[Fault, float], seed: int) -> FaultSource:
    """A source that draws each fault with its probability; the sequence depends on the seed alone."""
    faults, bounds = list(odds), list(itertools.accumulate(odds.values()))
    if not bounds or bounds[-1] > 1 + 1e-9 or min(odds.values()) < 0:
        raise ValueError(
            f"probabilities of faults must be positive and add up to at most 1, not {bounds[-1:]}"
        )
    draws = random.Random(seed)

    def source(_index: int, _body: Mapping[str, Any]) -> Fault | None:
        drawn = draws.random()
        return next((fault for fault, bound in zip(faults, bounds, strict=True) if drawn < bound), None)

    return source
