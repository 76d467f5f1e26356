"""Money: per request, upfront, over time, break-even, what would change the choice, and what may come."""

from __future__ import annotations

from steelyard.economics.break_even_ranges import BreakEvenRange, break_even_ranges
from steelyard.economics.choice_map import ChoiceMap, cheapest, choice_map
from steelyard.economics.course import CostCourse, MachineHours, cost_over_time
from steelyard.economics.crossings import (
    BreakEvens,
    Crossing,
    VolumeTurn,
    VolumeTurns,
    break_evens,
    volume_turns,
)
from steelyard.economics.money import (
    DAYS_PER_MONTH,
    SAME_COST,
    Money,
    break_even,
    cost_of,
    to_number,
)
from steelyard.economics.scenarios import ArmDoubt, PricePaths, Uncertain
from steelyard.economics.sheet import (
    RETRAINING,
    UPFRONT,
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Recurring,
    TokenUse,
    Traffic,
)
from steelyard.economics.simulate import Doubts, PayBack, Simulation, simulate

__all__ = [
    "DAYS_PER_MONTH",
    "RETRAINING",
    "SAME_COST",
    "UPFRONT",
    "ArmDoubt",
    "BreakEvenRange",
    "BreakEvens",
    "ChoiceMap",
    "CostCourse",
    "CostSheet",
    "Crossing",
    "Doubts",
    "EndOfLife",
    "HostedTune",
    "MachineHours",
    "MachineUse",
    "Money",
    "PayBack",
    "PricePaths",
    "Recurring",
    "Simulation",
    "TokenUse",
    "Traffic",
    "Uncertain",
    "VolumeTurn",
    "VolumeTurns",
    "break_even",
    "break_even_ranges",
    "break_evens",
    "cheapest",
    "choice_map",
    "cost_of",
    "cost_over_time",
    "simulate",
    "to_number",
    "volume_turns",
]
