"""The measurement of arms that answer from documents."""

from __future__ import annotations

from steelyard.weigh.documents.measure import (
    ArmDocuments,
    DocumentsMeasured,
    measure_documents,
)

__all__ = ["ArmDocuments", "DocumentsMeasured", "measure_documents"]
