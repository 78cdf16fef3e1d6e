"""Async chat with large language models over many vendors, under hard budget caps.

Names are loaded when they are first used, so that importing minimill costs milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from minimill._chat import (
        Answer,
        Audio,
        ChatRequest,
        Choice,
        File,
        Finished,
        FinishReason,
        Image,
        JsonSchema,
        Message,
        NamedTool,
        Reasoning,
        ReasoningDelta,
        RefusalDelta,
        StreamEvent,
        Text,
        TextDelta,
        TokenLogprob,
        Tool,
        ToolCall,
        ToolCallDelta,
        ToolResult,
        UsageReported,
        assistant,
        system,
        tool,
        user,
    )
    from minimill._client import ChatStream, Client, ThresholdReached, Timeouts, context
    from minimill._errors import (
        AboveThresholdError,
        AllAttemptsFailedError,
        AuthenticationError,
        Billed,
        BudgetError,
        BudgetExceededError,
        CatalogError,
        ConfigError,
        ContentFilteredError,
        ContextLengthError,
        InvalidRequestError,
        LedgerError,
        MinimillError,
        MissingKeyError,
        ModelNotFoundError,
        OverloadedError,
        PermissionDeniedError,
        PluginError,
        ProtocolError,
        ProviderError,
        QuotaExhaustedError,
        RateLimitedError,
        SchemaMismatchError,
        ServerError,
        TransportError,
        UnknownModelError,
        UnpricedModelError,
    )
    from minimill._money import Money
    from minimill._report import Attempt, Cost, Reply
    from minimill._routing import Candidate, LeftOut, Plan
    from minimill._sync import SyncClient
    from minimill._usage import Usage
    from minimill.ledger import Balance, HoldInfo

_HOMES = {
    "minimill._chat": (
        "Answer Audio ChatRequest Choice File Finished FinishReason Image JsonSchema Message NamedTool Reasoning "
        "ReasoningDelta RefusalDelta StreamEvent Text TextDelta TokenLogprob Tool ToolCall ToolCallDelta "
        "ToolResult UsageReported assistant system tool user"
    ),
    "minimill._client": "ChatStream Client ThresholdReached Timeouts context",
    "minimill._errors": (
        "AboveThresholdError AllAttemptsFailedError AuthenticationError Billed BudgetError BudgetExceededError "
        "CatalogError ConfigError ContentFilteredError ContextLengthError InvalidRequestError LedgerError "
        "MinimillError MissingKeyError ModelNotFoundError OverloadedError PermissionDeniedError PluginError "
        "ProtocolError ProviderError QuotaExhaustedError RateLimitedError SchemaMismatchError ServerError "
        "TransportError UnknownModelError UnpricedModelError"
    ),
    "minimill._money": "Money",
    "minimill._report": "Attempt Cost Reply",
    "minimill._routing": "Candidate LeftOut Plan",
    "minimill._sync": "SyncClient",
    "minimill._usage": "Usage",
    "minimill.ledger": "Balance HoldInfo",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AboveThresholdError",
    "AllAttemptsFailedError",
    "Answer",
    "Attempt",
    "Audio",
    "AuthenticationError",
    "Balance",
    "Billed",
    "BudgetError",
    "BudgetExceededError",
    "Candidate",
    "CatalogError",
    "ChatRequest",
    "ChatStream",
    "Choice",
    "Client",
    "ConfigError",
    "ContentFilteredError",
    "ContextLengthError",
    "Cost",
    "File",
    "FinishReason",
    "Finished",
    "HoldInfo",
    "Image",
    "InvalidRequestError",
    "JsonSchema",
    "LedgerError",
    "LeftOut",
    "Message",
    "MinimillError",
    "MissingKeyError",
    "ModelNotFoundError",
    "Money",
    "NamedTool",
    "OverloadedError",
    "PermissionDeniedError",
    "Plan",
    "PluginError",
    "ProtocolError",
    "ProviderError",
    "QuotaExhaustedError",
    "RateLimitedError",
    "Reasoning",
    "ReasoningDelta",
    "RefusalDelta",
    "Reply",
    "SchemaMismatchError",
    "ServerError",
    "StreamEvent",
    "SyncClient",
    "Text",
    "TextDelta",
    "ThresholdReached",
    "Timeouts",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolResult",
    "TransportError",
    "UnknownModelError",
    "UnpricedModelError",
    "Usage",
    "UsageReported",
    "__version__",
    "assistant",
    "context",
    "system",
    "tool",
    "user",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'minimill' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
