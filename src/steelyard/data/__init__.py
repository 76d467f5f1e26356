"""The data room: judge, convert, split, repair and review what a task is to be measured on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.data.audit import Audit, check
    from steelyard.data.base import CheckOptions, Finding
    from steelyard.data.conversion import convert
    from steelyard.data.repair import fix
    from steelyard.data.review import label
    from steelyard.data.splitting import split

_LAZY = {
    "Audit": "steelyard.data.audit",
    "CheckOptions": "steelyard.data.base",
    "Finding": "steelyard.data.base",
    "check": "steelyard.data.audit",
    "convert": "steelyard.data.conversion",
    "fix": "steelyard.data.repair",
    "label": "steelyard.data.review",
    "split": "steelyard.data.splitting",
}

__all__ = ["Audit", "CheckOptions", "Finding", "check", "convert", "fix", "label", "split"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'steelyard.data' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
