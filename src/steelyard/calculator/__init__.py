"""The calculator: what each way costs, from a few figures, without any data."""

from __future__ import annotations

from steelyard.calculator.amounts import Range
from steelyard.calculator.calculate import cost
from steelyard.calculator.records import CostAnswer, WayFigures
from steelyard.calculator.worked_examples import EXAMPLES

__all__ = ["EXAMPLES", "CostAnswer", "Range", "WayFigures", "cost"]
