"""Steelyard weighs the ways of adapting a language model to one task, on your own data.

The public names are imported when first used, so that ``import steelyard`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard._version import __version__
from steelyard.errors import (
    ArmError,
    ConfigError,
    CredentialError,
    DataError,
    MissingExtraError,
    ModelError,
    SteelyardError,
    StorageError,
)

if TYPE_CHECKING:
    from steelyard import data
    from steelyard.advice import Advice, advise
    from steelyard.calculator import CostAnswer, cost
    from steelyard.changes import RunComparison, compare
    from steelyard.data.starter import init_from_example, init_from_file
    from steelyard.exports import Export, export
    from steelyard.planning.forecast import plan
    from steelyard.strategy.saved import load
    from steelyard.task import Task, load_task
    from steelyard.weigh import RunResult, run

_LAZY = {
    "CostAnswer": "steelyard.calculator",
    "Advice": "steelyard.advice",
    "Export": "steelyard.exports",
    "RunComparison": "steelyard.changes",
    "RunResult": "steelyard.weigh",
    "Task": "steelyard.task",
    "advise": "steelyard.advice",
    "compare": "steelyard.changes",
    "cost": "steelyard.calculator",
    "export": "steelyard.exports",
    "init_from_example": "steelyard.data.starter",
    "init_from_file": "steelyard.data.starter",
    "load": "steelyard.strategy.saved",
    "load_task": "steelyard.task",
    "plan": "steelyard.planning.forecast",
    "run": "steelyard.weigh",
}

__all__ = [
    "Advice",
    "ArmError",
    "ConfigError",
    "CostAnswer",
    "CredentialError",
    "DataError",
    "Export",
    "MissingExtraError",
    "ModelError",
    "RunComparison",
    "RunResult",
    "SteelyardError",
    "StorageError",
    "Task",
    "__version__",
    "advise",
    "compare",
    "cost",
    "data",
    "export",
    "init_from_example",
    "init_from_file",
    "load",
    "load_task",
    "plan",
    "run",
]


def __getattr__(name: str) -> Any:
    if name == "data":
        return import_module("steelyard.data")
    if name not in _LAZY:
        raise AttributeError(f"module 'steelyard' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
