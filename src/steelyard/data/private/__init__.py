"""Private data in texts and files: found by rules, masked, and replaced by stable placeholders."""

from __future__ import annotations

from steelyard.data.private.files import Redaction, redact_file
from steelyard.data.private.find import Match, find_private, mask
from steelyard.data.private.phones import regions_of
from steelyard.data.private.redact import PlaceholderBook, hide, redact, redact_fields

__all__ = [
    "Match",
    "PlaceholderBook",
    "Redaction",
    "find_private",
    "hide",
    "mask",
    "redact",
    "redact_fields",
    "redact_file",
    "regions_of",
]
