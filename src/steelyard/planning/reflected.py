"""What a model that reflects will be asked beside the one whose prompt is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from steelyard.planning.jobs import Job
from steelyard.planning.outlook import Line
from steelyard.planning.pace import Pace, pace_of
from steelyard.planning.plan import Plan
from steelyard.strategy.base import Forecast

_NOTE = (
    "one request for every few questions of its share of the search, each of the greatest length; "
    "tokens as the searched model counts them"
)


def reflection_lines(
    plan: Plan, job: Job, forecast: Forecast | None, folder: Path | None
) -> Iterator[tuple[Line, Pace]]:
    """Yield a line for every other model that a job's fit asks, not priced yet, and its pace."""
    for other in () if forecast is None else forecast.other_models:
        model = next(model for model in plan.asked if model.spec == other.spec)
        line = Line(
            f"reflection of {job.key}",
            model,
            requests={"reflect": int(other.usage.requests)},
            usage=other.usage,
            note=_NOTE,
        )
        yield line, pace_of(plan, model, folder)
