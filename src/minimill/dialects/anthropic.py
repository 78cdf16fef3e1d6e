"""The Messages wire of Anthropic, and of servers that speak it too.

Departures of models and servers come as data (`Target.quirks`), never as code. No I/O. It may import `_chat`,
`_usage`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from minimill._chat import Answer, ChatRequest
from minimill._errors import ProviderError
from minimill.dialects._anthropic_answer import read_answer
from minimill.dialects._anthropic_encode import encode_request
from minimill.dialects._anthropic_stream import AnthropicStream
from minimill.dialects._base import Target, WireRequest, WireResponse
from minimill.dialects._event_stream import is_stream, whole_object
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES
from minimill.dialects._vendor_error import error_of_response

__all__ = ["Anthropic"]


class Anthropic:
    """The codec of `anthropic`. It keeps no state; one instance serves every vendor and every call."""

    name = "anthropic"

    def __init__(
        self, *, max_event_bytes: int = MAX_EVENT_BYTES, max_stream_bytes: int = MAX_STREAM_BYTES
    ) -> None:
        self._max_event = max_event_bytes
        self._max_stream = max_stream_bytes

    def encode(self, request: ChatRequest, target: Target, *, stream: bool) -> WireRequest:
        """The request in the vendor's words. Where a vendor only streams, it asks for a stream either way.

        Raises:
            InvalidRequestError: the vendor cannot express the request; the text says what. Nothing was sent.
        """
        return encode_request(request, target, stream or target.quirks.stream_only)

    def decode(self, response: WireResponse, target: Target) -> Answer:
        """The answer in our words; a body that is a stream is collected.

        Raises:
            ProviderError: the body is an error in a 2xx disguise. Billed where it tells usage, else unknown.
            ProtocolError: the body cannot be read; `usage` says what it cost if that could be read.
        """
        if is_stream(response.body):
            decoder = self.stream_decoder(target, response.headers)
            decoder.feed(response.body)
            return decoder.close()
        return read_answer(whole_object(response.body, target), target, response.headers)

    def decode_error(self, response: WireResponse, target: Target) -> ProviderError:
        """The typed error of a response with a status other than 2xx."""
        return error_of_response(response.status, response.headers, response.body, target)

    def stream_decoder(self, target: Target, headers: Mapping[str, str]) -> AnthropicStream:
        """A decoder for one streamed answer."""
        return AnthropicStream(
            target, headers, max_event_bytes=self._max_event, max_stream_bytes=self._max_stream
        )
