"""Names of calls and attempts, in order of time, so that books grow at their end."""

from __future__ import annotations

import os
import time


def new_call_id() -> str:
    """12 hex digits of milliseconds, then 16 of chance (from the system, so that a fork cannot repeat them)."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(8).hex()}"
