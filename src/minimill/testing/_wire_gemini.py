"""How Gemini's wire departs from the others in framing: no end mark, and errors in mid-stream outside of events.

What a chunk holds is in `_vendor_gemini`. Sans-I/O.
"""

from pydantic_core import to_json

from ._vendor_base import Ids, Vendor
from ._vendor_errors import ErrorRow
from ._wire import CHAT_COMPLETIONS

__all__ = ["GENERATE_CONTENT"]


def _failure(vendor: Vendor, row: ErrorRow, ids: Ids, number: int) -> bytes:
    """Bare JSON over several lines, as the vendor breaks a stream off."""
    return to_json(vendor.error_body(row, ids), indent=2) + b"\n"


GENERATE_CONTENT = CHAT_COMPLETIONS._replace(failure=_failure, end_mark=b"")
"""Gemini's `generateContent` and `streamGenerateContent`."""
