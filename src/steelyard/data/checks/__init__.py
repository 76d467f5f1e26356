"""The checks of the audit, a file each; `steelyard.families` lists them."""

from __future__ import annotations

from steelyard.data.base import Check
from steelyard.families import CHECKS as _CHECKS
from steelyard.registry import Registry

CHECKS: Registry[Check] = _CHECKS

__all__ = ["CHECKS"]
