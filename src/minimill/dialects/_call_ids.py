"""Ids for tool calls that came without one. May import nothing of minimill."""

from __future__ import annotations


def made_up_id(answer_id: str | None, choice: int, call: int) -> str:
    """An id for a call that came without one; the same for the same answer, plain or streamed."""
    tail = "".join(c for c in (answer_id or "") if c.isalnum())[-24:]
    return f"call_{tail}_{choice}_{call}" if tail else f"call_{choice}_{call}"
