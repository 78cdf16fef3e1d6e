"""Gemini's own wire: `generateContent` and `streamGenerateContent`.

https://ai.google.dev/api/generate-content. Models' departures come as data (`Target.quirks`). No I/O. It may
import `_chat`, `_usage`, `_errors` and the helpers beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from minimill._chat import Answer, ChatRequest
from minimill._errors import ProviderError
from minimill.dialects._base import Target, WireRequest, WireResponse
from minimill.dialects._event_stream import whole_object
from minimill.dialects._gemini_encode import encode_request
from minimill.dialects._gemini_gather import Gathering
from minimill.dialects._gemini_stream import GeminiStream
from minimill.dialects._sse import MAX_EVENT_BYTES, MAX_STREAM_BYTES
from minimill.dialects._vendor_error import error_of_response

__all__ = ["Gemini"]

_BLANK = b"\xef\xbb\xbf \t\r\n"


class Gemini:
    """The codec of `gemini`. It keeps no state; one instance serves every model and every call."""

    name = "gemini"

    def __init__(
        self, *, max_event_bytes: int = MAX_EVENT_BYTES, max_stream_bytes: int = MAX_STREAM_BYTES
    ) -> None:
        self._max_event = max_event_bytes
        self._max_stream = max_stream_bytes

    def encode(self, request: ChatRequest, target: Target, *, stream: bool) -> WireRequest:
        """The request in the vendor's words. Model and method are in the path.

        Raises:
            InvalidRequestError: the vendor cannot express the request; the text says what. Nothing was sent.
        """
        base = target.quirks.chat_path or "/v1beta/models"
        model = quote(target.model, safe="")
        most = target.quirks.plain_output_max
        long = most is not None and (request.max_output_tokens or 0) > most
        streaming = stream or target.quirks.stream_only or long
        method = "streamGenerateContent?alt=sse" if streaming else "generateContent"
        return encode_request(request, target, f"{base}/{model}:{method}")

    def decode(self, response: WireResponse, target: Target) -> Answer:
        """The answer in our words; a body that is a stream, or a list of chunks, is collected.

        Raises:
            ProviderError: the body is an error in a 2xx disguise, a blocked prompt, or an answer that failed.
            ProtocolError: the body cannot be read; `usage` says what it cost if that could be read.
        """
        if response.body.lstrip(_BLANK).startswith((b"data:", b":", b"event:", b"id:", b"[")):
            return self._collect(response, target)
        return Gathering(target, response.headers).whole(whole_object(response.body, target), [])

    def decode_error(self, response: WireResponse, target: Target) -> ProviderError:
        """The typed error of a response with a status other than 2xx."""
        return error_of_response(response.status, response.headers, response.body, target)

    def stream_decoder(self, target: Target, headers: Mapping[str, str]) -> GeminiStream:
        """A decoder for one streamed answer."""
        return GeminiStream(
            target, headers, max_event_bytes=self._max_event, max_stream_bytes=self._max_stream
        )

    def _collect(self, response: WireResponse, target: Target) -> Answer:
        decoder = self.stream_decoder(target, response.headers)
        decoder.feed(response.body)
        return decoder.close()
