"""The field's ten-row comparison, with this task's figures in place of adjectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from steelyard.core import COMMON_FAMILIES, FAMILIES
from steelyard.report import formats
from steelyard.report.view import ArmView, View, words
from steelyard.result.run import FEWEST_OF_GROUP
from steelyard.result.steadiness import Consistency, Repeats


@dataclass(frozen=True)
class ComparisonCell:
    """One cell: ``figure`` as measured, or ``None``; ``note`` goes with it, or says why not."""

    figure: str | None
    note: str = ""


@dataclass(frozen=True)
class Column:
    """One family, with the arm that stands for it; ``arm`` is ``None`` where none was weighed."""

    name: str
    arm: ArmView | None


def columns(view: View) -> list[Column]:
    """The columns of the table, in the order of `FAMILIES`."""
    names = words()["family_names"]
    by_family = {family: view.family(family) for family in FAMILIES}
    return [
        Column(names[family], arm)
        for family, arm in by_family.items()
        if arm is not None or family in COMMON_FAMILIES
    ]


class ComparisonRow(NamedTuple):
    """One question: its ``name``, what its figures mean, and a cell per column."""

    name: str
    note: str
    cells: list[ComparisonCell]


def rows(view: View) -> list[ComparisonRow]:
    """The ten rows."""
    arms = [column.arm for column in columns(view)]
    absent = ComparisonCell(None, "no such arm in this run")
    return [
        ComparisonRow(name, note, [absent if arm is None else cell(view, arm) for arm in arms])
        for name, (note, cell) in _ROWS.items()
    ]


def _cell(figure: str, reason: str | None, note: str = "") -> ComparisonCell:
    """A figure with its note, or the reason why there is none."""
    if figure == formats.NONE:
        return ComparisonCell(None, reason or "")
    return ComparisonCell(figure, note)


def _upfront(view: View, arm: ArmView) -> ComparisonCell:
    cost = arm.cost
    figure = formats.money(cost.upfront, cost.currency)
    return _cell(figure, cost.reason or "upfront cost unknown")


def _inference(view: View, arm: ArmView) -> ComparisonCell:
    cost = arm.cost
    if cost.per_request is None:
        return ComparisonCell(None, cost.reason or "price per request unknown")
    monthly = formats.money(cost.monthly, cost.currency)
    thousand = formats.per_thousand(cost.per_request, cost.currency)
    return ComparisonCell(f"{monthly} a month", f"{thousand} per 1,000 requests")


def _setup(view: View, arm: ArmView) -> ComparisonCell:
    return _cell(formats.seconds(arm.fit.seconds), "time not recorded")


def _flexibility(view: View, arm: ArmView) -> ComparisonCell:
    if arm.fit.seconds is None:
        return ComparisonCell(None, "time to change not recorded")
    return ComparisonCell(f"{formats.seconds(arm.fit.seconds)} to fit again")


def _consistency(view: View, arm: ArmView) -> ComparisonCell:
    consistency = arm.consistency or Consistency(repeats_reason=arm.consistency_reason)
    repeats = consistency.repeats or Repeats()
    agreement = repeats.agreement
    reason = agreement.reason or consistency.repeats_reason or "answers were not repeated"
    inputs = f", {formats.count(agreement.n)} inputs" if agreement.n else ""
    note = f"same answer when asked again{inputs}"
    return _cell(formats.percent(agreement.value), reason, note)


def _data(view: View, arm: ArmView) -> ComparisonCell:
    examples = arm.fit.examples
    if examples is None:
        return ComparisonCell(None, "examples not recorded")
    return ComparisonCell(f"{formats.count(examples)} examples")


def _knowledge(view: View, arm: ArmView) -> ComparisonCell:
    weakest = view.result.weakest_group(arm.name)
    if weakest is None:
        return ComparisonCell(None, f"no slice or label with {FEWEST_OF_GROUP} test items")
    figure = f"{formats.percent(weakest.score)} at its weakest"
    return ComparisonCell(figure, f"“{weakest.name}”, {formats.count(weakest.n)} test items")


def _maintenance(view: View, arm: ArmView) -> ComparisonCell:
    return ComparisonCell(None)


def _latency(view: View, arm: ArmView) -> ComparisonCell:
    latency = arm.latency_seconds
    if latency.p50 is None:
        return ComparisonCell(None, latency.reason or "no latency probe")
    first = latency.first_token
    begins = "" if first is None else f"; first token {formats.seconds(first.p50)}"
    return ComparisonCell(
        formats.seconds(latency.p50), f"p95 {formats.seconds(latency.p95)}{begins}"
    )


def _best_for(view: View, arm: ArmView) -> ComparisonCell:
    if arm.winner:
        return ComparisonCell("This task", "at this volume and these prices")
    if arm.breaks:
        return ComparisonCell("Not this task", "; ".join(arm.constraints_broken))
    if arm.reference:
        return ComparisonCell("The arm to beat", view.reference_kind)
    if arm.versus is None:
        return ComparisonCell(None, "not compared")
    figure = f"{formats.points(arm.versus.difference)} points"
    return ComparisonCell(figure, f"against {view.result.reference}")


_ROWS: Mapping[str, tuple[str, Callable[[View, ArmView], ComparisonCell]]] = {
    "Upfront cost": ("search on dev and training, once; labelling not counted", _upfront),
    "Inference cost": ("at the task's volume", _inference),
    "Set-up time": ("machine time; writing and labelling not counted", _setup),
    "Flexibility": ("time to refit after a change; other tasks not measured", _flexibility),
    "Consistency": ("the same answer when asked again", _consistency),
    "Data needed": ("examples used; whether fewer would do was not measured", _data),
    "Knowledge depth": ("the weakest slice or label; nothing beyond the examples", _knowledge),
    "Maintenance": ("needs later data: this run is a snapshot", _maintenance),
    "Latency": ("median, one request at a time", _latency),
    "Best for": ("on this task; others were not measured", _best_for),
}
