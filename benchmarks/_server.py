"""A vendor that costs next to nothing: canned HTTP/1.1 bytes on loopback, in a process of its own.

Run by `_bench`. It prints its port, and answers
`POST /v1/chat/completions` with the same JSON, or with the same stream where the body asks for one, and
`GET /set?delay_ms=200&chunks=2000&flush=1` by changing what it does; the answer counts connections and requests.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from _machine import pin

TEXT = "Air scatters short waves more than long ones, so blue reaches the eye from all over the sky. " * 6
COUNTS: dict[str, object] = {
    "prompt_tokens": 14,
    "completion_tokens": 120,
    "total_tokens": 134,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
STREAMED = (b'"stream":true', b'"stream": true')


def answer() -> bytes:
    """A whole answer of 1 KB."""
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return response({**head("chat.completion"), "choices": [choice], "usage": COUNTS})


def response(body: dict[str, object]) -> bytes:
    data = json.dumps(body).encode()
    headers = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return headers.encode() + data


def head(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-0123456789", "object": kind, "created": 1764000000, "model": "gpt-5.4-mini"}


def stream(chunks: int) -> list[bytes]:
    """The pieces of a stream: the head of the response, one event a piece, the end.

    No word comes twice: LiteLLM refuses that.
    """
    start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    first = event([choice({"role": "assistant", "content": ""})])
    words = [event([choice({"content": f"scatters{number} "})]) for number in range(chunks)]
    last = event([choice({}, "stop")])
    counted = event([], COUNTS)
    return [start + first, *words, last, counted, framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


def choice(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def event(choices: list[dict[str, object]], usage: dict[str, object] | None = None) -> bytes:
    data = {**head("chat.completion.chunk"), "choices": choices, "usage": usage}
    return framed(b"data: " + json.dumps(data).encode() + b"\n\n")


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class State:
    """What the server does, and what it has seen."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.flush = False
        self.connections = self.requests = 0
        self.answer = answer()
        self.cut(20)

    def cut(self, chunks: int) -> None:
        """Make the stream anew, with that many words."""
        self.pieces = stream(chunks)
        self.burst = b"".join(self.pieces)

    def set(self, query: str) -> bytes:
        """Change what is named; the answer is what was seen."""
        for name, value in parse_qsl(query):
            if name == "delay_ms":
                self.delay_s = float(value) / 1e3
            elif name == "chunks":
                self.cut(int(value))
            elif name == "flush":
                self.flush = value == "1"
        seen: dict[str, object] = {
            "connections": self.connections,
            "requests": self.requests,
            "cpu_s": time.process_time(),
            "body_bytes": len(self.burst),
        }
        return response(seen)


class Vendor(asyncio.Protocol):
    """One connection. Requests are not pipelined."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._head = b""
        self._missing = -1
        self._streams = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._state.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections -= 1

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = self._begin(data)
            if self._missing < 0:
                return
        self._missing -= len(data)
        self._streams = self._streams or any(mark in data for mark in STREAMED)
        if self._missing <= 0:
            self._missing = -1
            self._state.requests += 1
            self._later(self._stream if self._streams else self._answer)

    def _begin(self, data: bytes) -> bytes:
        """Take the head of a request; what is left of the data belongs to its body."""
        head, end, rest = (self._head + data).partition(b"\r\n\r\n")
        if not end:
            self._head = head
            return b""
        self._head, self._streams = b"", False
        if head.startswith(b"GET"):
            path = head.split(b" ", 2)[1].decode()
            self._transport.write(self._state.set(path.partition("?")[2]))
            return b""
        self._missing = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return rest

    def _later(self, write: Callable[[], None]) -> None:
        if self._state.delay_s:
            asyncio.get_running_loop().call_later(self._state.delay_s, write)
        else:
            write()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._state.answer)

    def _stream(self) -> None:
        if not self._state.flush:
            if not self._transport.is_closing():
                self._transport.write(self._state.burst)
            return
        self._one_by_one(0)

    def _one_by_one(self, number: int) -> None:
        """One event a turn of the loop, so that each is a segment of its own."""
        if self._transport.is_closing():
            return
        self._transport.write(self._state.pieces[number])
        if number + 1 < len(self._state.pieces):
            asyncio.get_running_loop().call_soon(self._one_by_one, number + 1)


async def main() -> None:
    state = State()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(state), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # it ends with whoever started it


if __name__ == "__main__":
    pin(last=True)
    asyncio.run(main())
