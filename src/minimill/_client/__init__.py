"""The client and the engine of one call. Everything below is put together here."""

from minimill._client._client import Client
from minimill._client._context import context
from minimill._client._options import ChatOptions
from minimill._client._stream import ChatStream
from minimill._client._thresholds import ThresholdReached
from minimill._config import Timeouts

__all__ = ["ChatOptions", "ChatStream", "Client", "ThresholdReached", "Timeouts", "context"]
