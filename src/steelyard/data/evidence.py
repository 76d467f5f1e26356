"""What a row of a task with documents says of its answer: where it stands, and whether it does at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.core import EvidencePiece
from steelyard.data.formats.base import RowError, json_in
from steelyard.data.formats.roles import value_of

Roles = Mapping[str, str]
"""The fields of a row by role."""

EVIDENCE, ANSWERABLE, UNANSWERABLE = "evidence", "answerable", "unanswerable"
USUAL: Roles = {EVIDENCE: EVIDENCE, ANSWERABLE: ANSWERABLE, UNANSWERABLE: UNANSWERABLE}
_SPAN = ("document", "start", "end")
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def evidence_in(fields: Mapping[str, Any], roles: Roles = USUAL) -> tuple[EvidencePiece, ...]:
    """The evidence of a row: a text, ``{document, start, end}``, or a list of them. Raises `RowError`."""
    value = json_in(value_of(fields, roles.get(EVIDENCE)), ("[", "{"))
    if value is None or value == "":
        return ()
    pieces = value if isinstance(value, list) else [value]
    return tuple(_piece(piece) for piece in pieces)


def answerable_in(fields: Mapping[str, Any], roles: Roles = USUAL) -> bool:
    """Whether the documents hold the answer of a row; true where it does not say. Raises `RowError`."""
    answerable = _truth_in(fields, roles, ANSWERABLE)
    unanswerable = _truth_in(fields, roles, UNANSWERABLE)
    if answerable is not None and answerable == unanswerable:
        both = f"{roles[ANSWERABLE]!r} and {roles[UNANSWERABLE]!r}"
        raise RowError(f"{both} are both {str(answerable).lower()}: correct one of the two")
    if answerable is None:
        answerable = unanswerable is not True
    if not answerable and evidence_in(fields, roles):
        raise RowError("a row that is not answerable has evidence: correct one of the two")
    return answerable


def _truth_in(fields: Mapping[str, Any], roles: Roles, role: str) -> bool | None:
    """What a row has under a role; ``None`` where it says nothing. Raises `RowError`."""
    value = value_of(fields, roles.get(role))
    if value is None or value == "":
        return None
    truth = _TRUTHS.get(str(value).strip().casefold())
    if truth is None:
        raise RowError(f"{roles[role]} must be true or false, not {str(value)[:40]!r}")
    return truth


def _piece(value: Any) -> EvidencePiece:
    if isinstance(value, str) and value.strip():
        return EvidencePiece(value)
    if not isinstance(value, Mapping):
        raise RowError(
            f"evidence must be a text of the documents or {{document, start, end}}, not {str(value)[:40]!r}"
        )
    document, start, end = (value.get(key) for key in _SPAN)
    text = value.get("text")
    if unknown := sorted(set(map(str, value)) - {*_SPAN, "text"}):
        raise RowError(f"evidence has no {unknown[0]!r}: give text, or document, start and end")
    if not isinstance(document, str) or not document.strip():
        raise RowError("evidence must name its document, or be a text alone")
    if start is None and end is None and isinstance(text, str) and text.strip():
        return EvidencePiece(text, document)
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise RowError(
            f"evidence in {document[:40]!r} needs start and end, characters with 0 <= start < end"
        )
    return EvidencePiece(text if isinstance(text, str) else "", document, start, end)
