"""What a dialect is: a codec without I/O between our words and one wire language.

Dialects do not import one another; what they share is here and in `_sse`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from minimill._chat import Answer, ChatRequest, StreamEvent
from minimill._errors import ProviderError
from minimill._values import dataclass

if TYPE_CHECKING:
    from minimill.catalog import ErrorRule, Quirks


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked, as far as a codec needs to know."""

    provider: str
    """Provider id, for errors and for reasoning that goes back to its maker only."""
    model: str
    """The id the vendor knows the model by."""
    quirks: Quirks = field(repr=False, hash=False)
    """How this vendor departs from the dialect; the model's own over the provider's."""
    errors: tuple[ErrorRule, ...] = field(default=(), repr=False, hash=False)
    """The vendor's error table, first match wins; what no line matches goes by the general one."""
    request_id_headers: tuple[str, ...] = ()
    """Answer headers that name the request, first found wins; the usual ones are tried after them."""
    retry_after_headers: tuple[str, ...] = ("retry-after-ms", "retry-after")
    """Answer headers that say how long to wait, first found wins; names in `-ms` count milliseconds."""
    rate_reset_headers: tuple[str, ...] = ()
    """Answer headers that say when a rate limit refills; used after 429."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What to send, apart from the base address and the key."""

    path: str
    """Appended to the base address."""
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    dropped: tuple[str, ...] = ()
    """Settings of the request that are left out, by name: those without effect at this model, and those it
    refuses where the request lets them go (`drop_refused`)."""


@dataclass(frozen=True, slots=True)
class WireResponse:
    """What came back. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False, hash=False)
    body: bytes = field(repr=False)


class StreamDecoder(Protocol):
    """Turns the bytes of one streamed answer into events, at any chunking.

    An error that follows events in the same bytes is raised by the next `feed` or `close`, so that no
    event is lost.
    """

    @property
    def done(self) -> bool:
        """Whether nothing more can come: the vendor's end mark was seen, or an error waits. Call `close`."""
        ...

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Events that these bytes complete.

        Raises:
            ProviderError: the vendor reported an error in mid-stream.
            ProtocolError: the bytes cannot be read.
            TransportError: (`kind="too_large"`) the bytes pass the size cap.
        """
        ...

    def flush(self) -> Sequence[StreamEvent]:
        """Events that the end of the bytes completes, such as one whose closing blank line never came.

        Raises:
            ProviderError: as `feed`.
        """
        ...

    def close(self) -> Answer:
        """The whole answer, once the bytes have ended; flushes first if nobody did.

        Raises:
            TransportError: (`kind="cut"`) the stream ended before the answer did.
            ProviderError: as `feed`.
        """
        ...

    def partial(self) -> Answer:
        """What has arrived so far, and the usage if it was told."""
        ...


class Dialect(Protocol):
    """One wire language. All methods are pure: no I/O, no clock, no state kept between calls."""

    name: str

    def encode(self, request: ChatRequest, target: Target, *, stream: bool) -> WireRequest:
        """The request in the vendor's words.

        Raises:
            InvalidRequestError: the vendor cannot express the request; the text says what. Nothing was sent.
        """
        ...

    def decode(self, response: WireResponse, target: Target) -> Answer:
        """The answer in our words. Reads the usage first, so that an answer that cannot be understood
        still says what it cost (`error.usage`).

        Raises:
            ProviderError: the body is an error in a 2xx disguise.
            ProtocolError: the body cannot be read.
        """
        ...

    def decode_error(self, response: WireResponse, target: Target) -> ProviderError:
        """The typed error of a response with a status other than 2xx."""
        ...

    def stream_decoder(self, target: Target, headers: Mapping[str, str]) -> StreamDecoder:
        """A decoder for one streamed answer."""
        ...


def text_of(value: Any) -> str | None:
    """A string, or None for anything else: vendors send null, numbers and objects where text belongs."""
    return value if isinstance(value, str) else None
