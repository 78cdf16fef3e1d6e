"""A vendor on the wire, for tests through the whole client: one answer for everybody, and what was asked."""

import json
from typing import Any

import httpx

import minimill


class Wire:
    """A vendor that gives one answer to everybody, and keeps what it was asked."""

    def __init__(self, content: Any, status: int = 200, kind: str = "application/json") -> None:
        self.content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.status, self.kind = status, kind
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, content=self.content, headers={"content-type": self.kind})

    def client(self, **config: Any) -> minimill.Client:
        """A client that reaches nobody else."""
        return minimill.Client({"ledger": "memory:", **config}, http_transport=httpx.MockTransport(self))

    def body(self) -> Any:
        """What the last request held."""
        return json.loads(self.asked[-1].content)


def whole(message: Any, usage: Any, finish: Any = "stop", **rest: Any) -> dict[str, Any]:
    """An answer that was not streamed."""
    choice = {"index": 0, "message": {"role": "assistant", **message}}
    if finish is not None:
        choice["finish_reason"] = finish
    return {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **rest}


def chunk(delta: Any, finish: Any = None, **rest: Any) -> dict[str, Any]:
    """A piece of one that was."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **rest}


def stream_of(*chunks: Any, begin: str = "data: ") -> bytes:
    """Server-sent events, with the usual end."""
    lines = [f"{begin}{json.dumps(one)}\n\n" for one in chunks]
    return "".join([*lines, f"{begin}[DONE]\n\n"]).encode()


def streams_of(message: Any, usage: Any, finish: Any = "stop") -> list[bytes]:
    """The same answer in pieces: usage comes with the end, or in a chunk of its own."""
    rest = {key: value for key, value in message.items() if key != "content"}
    pieces = [chunk({"role": "assistant", "content": "", **rest}), chunk({"content": message["content"]})]
    return [
        stream_of(*pieces, chunk({}, finish, usage=usage)),
        stream_of(*pieces, chunk({}, finish), {"id": "x", "model": "m", "choices": [], "usage": usage}),
    ]
