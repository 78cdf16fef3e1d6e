"""What the replays of recorded exchanges share: where the exchanges are, and how they are fed to a codec.

`MINIMILL_RECORDINGS` names a folder of `VENDOR.DIALECT.jsonl`, one exchange a line.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minimill._chat import Answer
from minimill._errors import (
    AuthenticationError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
)
from minimill.catalog import Catalog, Quirks
from minimill.dialects import Dialect, Target, WireResponse

FOLDER = os.environ.get("MINIMILL_RECORDINGS")
NEEDS_RECORDINGS = pytest.mark.skipif(
    not FOLDER, reason="MINIMILL_RECORDINGS names no folder of recordings"
)
CHUNKS = (1, 7, 64, 1021, 1 << 20)
PROVIDERS = {"llamacpp": "llamacpp", "qwen-dashscope": "qwen"}
_REFUSED = (InvalidRequestError, AuthenticationError, QuotaExhaustedError, PermissionDeniedError)
_FAILED = (ServerError, OverloadedError)
_STATUS_CLASSES: dict[int, tuple[type[ProviderError], ...]] = {
    400: _REFUSED,
    401: (AuthenticationError, ModelNotFoundError),
    402: (QuotaExhaustedError,),
    403: _REFUSED,
    404: (ModelNotFoundError,),
    429: (RateLimitedError, QuotaExhaustedError, OverloadedError, PermissionDeniedError),
    500: (ServerError, OverloadedError),
    503: (OverloadedError, ServerError),
}
"""Classes that fit a status; every other 4xx is a refusal, every other 5xx a failure of the server."""


def rows(dialect: str) -> list[Any]:
    """Parameters: the vendor's name and one exchange."""
    return list(_rows(f".{dialect}.jsonl"))


def _rows(ending: str) -> Iterator[Any]:
    for file in sorted(Path(FOLDER).glob(f"*{ending}") if FOLDER else ()):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            name = file.name.removesuffix(ending)
            yield pytest.param(name, row, id=f"{name}:{row['id']}")


def is_stream(row: Any) -> bool:
    return "data:" in row["response"]["body"][:2000] and not row["response"]["body"].lstrip().startswith("{")


def target_of(name: str) -> Target:
    catalog = Catalog()
    provider_id = PROVIDERS.get(name, name)
    if provider_id not in catalog.provider_ids():
        return Target(name, "recorded", Quirks())
    provider = catalog.provider(provider_id)
    return Target(name, "recorded", provider.quirks, provider.errors, provider.request_id_headers)


def wire(row: Any) -> WireResponse:
    response = row["response"]
    headers = {key.lower(): str(value) for key, value in (response.get("headers") or {}).items()}
    return WireResponse(response["status"], headers, response["body"].encode())


def chunks_of(body: str) -> list[Any]:
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def feed(codec: Dialect, row: Any, target: Target, size: int) -> tuple[list[Any], Answer | ProviderError]:
    body = wire(row).body
    decoder = codec.stream_decoder(target, wire(row).headers)
    events: list[Any] = []
    try:
        for start in range(0, len(body), size):
            events += decoder.feed(body[start : start + size])
        events += decoder.flush()
        return events, decoder.close()
    except ProviderError as error:
        return events, error


def check_failure(codec: Dialect, name: str, row: Any) -> ProviderError:
    """A refusal is a typed error with its status, in the class that the status asks for."""
    error = codec.decode_error(wire(row), target_of(name))
    assert error.status == row["response"]["status"]
    assert error.provider == name
    assert isinstance(error, _STATUS_CLASSES.get(error.status, _FAILED if error.status >= 500 else _REFUSED))
    assert len(error.message) < 500
    return error
