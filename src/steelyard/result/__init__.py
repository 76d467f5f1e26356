"""The records that ``result.json`` is made of, with their JSON Schema; reading a finished run."""

from __future__ import annotations

from steelyard.result.arm import ArmResult
from steelyard.result.audit import AuditResult, DataAudit
from steelyard.result.read import parse_result, read_result, strip_timings
from steelyard.result.run import SCHEMA_VERSION, Result
from steelyard.result.schema import schema_text

__all__ = [
    "SCHEMA_VERSION",
    "ArmResult",
    "AuditResult",
    "DataAudit",
    "Result",
    "parse_result",
    "read_result",
    "schema_text",
    "strip_timings",
]
