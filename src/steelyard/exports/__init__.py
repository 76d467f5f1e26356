"""The weights of a measured arm in formats that other programs read, each proved against the arm."""

from __future__ import annotations

from steelyard.extras import require

for _module in ("torch", "transformers", "peft"):  # before the room, all of which needs them
    require(_module, "local")

from steelyard.exports.publish import ExportOptions, export  # noqa: E402
from steelyard.exports.records import Export, Rescored  # noqa: E402

__all__ = ["Export", "ExportOptions", "Rescored", "export"]
