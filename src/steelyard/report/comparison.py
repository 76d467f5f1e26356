"""The field's ten-row comparison, with this task's figures in place of adjectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.report import formats
from steelyard.report.view import FAMILIES, ArmView, View, entries, section, words

_LEAST_ITEMS = 10


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
    """The columns of the table: the four families, and the hybrids where there are some."""
    names = words()["family_names"]
    hybrids = ("hybrid",) if view.family("hybrid") is not None else ()
    return [Column(names[family], view.family(family)) for family in (*FAMILIES, *hybrids)]


class ComparisonRow(NamedTuple):
    """One question: its ``name``, what its figures mean, and a cell per column."""

    name: str
    note: str
    cells: list[ComparisonCell]


def rows(view: View) -> list[ComparisonRow]:
    """The ten rows."""
    made = []
    for name, (note, cell) in _ROWS.items():
        cells = [
            ComparisonCell(None, "no such arm in this run")
            if column.arm is None
            else cell(view, column.arm)
            for column in columns(view)
        ]
        made.append(ComparisonRow(name, note, cells))
    return made


def _upfront(view: View, arm: ArmView) -> ComparisonCell:
    cost = arm.section("cost")
    figure = formats.amount(cost.get("upfront"))
    if figure is None:
        return ComparisonCell(None, _reason(cost, "upfront cost not known"))
    return ComparisonCell(formats.money(figure, arm.currency))


def _inference(view: View, arm: ArmView) -> ComparisonCell:
    cost = arm.section("cost")
    if formats.amount(cost.get("per_request")) is None:
        return ComparisonCell(None, _reason(cost, "price per request not known"))
    monthly = formats.money(cost.get("monthly"), arm.currency)
    thousand = formats.per_thousand(cost.get("per_request"), arm.currency)
    return ComparisonCell(f"{monthly} a month", f"{thousand} per 1,000 requests")


def _setup(view: View, arm: ArmView) -> ComparisonCell:
    fit = arm.section("fit")
    if formats.number(fit.get("seconds")) is None:
        return ComparisonCell(None, _reason(fit, "time not recorded"))
    return ComparisonCell(formats.seconds(fit.get("seconds")))


def _flexibility(view: View, arm: ArmView) -> ComparisonCell:
    fit = arm.section("fit")
    if formats.number(fit.get("seconds")) is None:
        return ComparisonCell(None, _reason(fit, "time to change not recorded"))
    return ComparisonCell(f"{formats.seconds(fit.get('seconds'))} to fit again")


def _consistency(view: View, arm: ArmView) -> ComparisonCell:
    block = arm.section("consistency")
    found = section(section(block, "repeats"), "agreement")
    value = formats.number(found.get("value"))
    if value is None:
        reason = arm.data.get("consistency_reason") or block.get("repeats_reason")
        return ComparisonCell(None, str(reason or _reason(found, "answers were not repeated")))
    asked = formats.number(found.get("n"))
    note = f"same answer when asked again, {formats.count(asked)} inputs" if asked else ""
    return ComparisonCell(formats.percent(value), note or "same answer when asked again")


def _data(view: View, arm: ArmView) -> ComparisonCell:
    fit = arm.section("fit")
    if formats.number(fit.get("examples")) is None:
        return ComparisonCell(None, _reason(fit, "examples not recorded"))
    figure = f"{formats.count(fit.get('examples'))} examples"
    return ComparisonCell(figure)


def _knowledge(view: View, arm: ArmView) -> ComparisonCell:
    slices = [each for each in entries(view.result.get("per_slice"), arm.name) if _large(each)]
    labels = [each for each in entries(view.result.get("per_label"), arm.name) if _large(each)]
    if not slices and not labels:
        return ComparisonCell(None, f"no slice or label with {_LEAST_ITEMS} test items")
    weakest = min(slices or labels, key=lambda each: formats.number(each.get("score")) or 0.0)
    where = weakest.get("slice") or weakest.get("label")
    figure = f"{formats.score(weakest.get('score'), view.metric)} at its weakest"
    return ComparisonCell(figure, f"“{where}”, {formats.count(weakest.get('n'))} test items")


def _large(each: Mapping[str, Any]) -> bool:
    n, score = formats.number(each.get("n")), formats.number(each.get("score"))
    return score is not None and (n or 0) >= _LEAST_ITEMS


def _maintenance(view: View, arm: ArmView) -> ComparisonCell:
    return ComparisonCell(None)


def _latency(view: View, arm: ArmView) -> ComparisonCell:
    latency = arm.section("latency_seconds")
    if formats.number(latency.get("p50")) is None:
        return ComparisonCell(None, _reason(latency, "no latency probe"))
    first = section(latency, "first_token").get("p50")
    begins = "" if formats.number(first) is None else f"; first token {formats.seconds(first)}"
    note = f"p95 {formats.seconds(latency.get('p95'))}{begins}"
    return ComparisonCell(formats.seconds(latency.get("p50")), note)


def _best_for(view: View, arm: ArmView) -> ComparisonCell:
    if arm.winner:
        return ComparisonCell("This task", "at this volume and these prices")
    if arm.breaks:
        return ComparisonCell("Not this task", "; ".join(arm.breaks))
    difference = formats.number((arm.versus or {}).get("difference"))
    if arm.reference:
        return ComparisonCell("The prompt to beat", "the best that only prompts")
    if difference is None:
        return ComparisonCell(None, "not compared")
    unit = " points" if formats.is_share(view.metric) else ""
    return ComparisonCell(
        f"{formats.points(difference, view.metric)}{unit}",
        f"against {view.reference_name}",
    )


def _reason(found: Mapping[str, Any], otherwise: str) -> str:
    return str(found.get("reason") or otherwise)


_ROWS: Mapping[str, tuple[str, Callable[[View, ArmView], ComparisonCell]]] = {
    "Upfront cost": ("search on dev and training, once; labelling not counted", _upfront),
    "Inference cost": ("at the task's volume", _inference),
    "Set-up time": ("machine time; writing and labelling not counted", _setup),
    "Flexibility": ("time until a changed task is served; other tasks not measured", _flexibility),
    "Consistency": ("the same answer when asked again", _consistency),
    "Data needed": ("examples used; how few would do was not measured", _data),
    "Knowledge depth": ("the weakest slice or label; nothing beyond the examples", _knowledge),
    "Maintenance": ("would need later data: this run saw one moment", _maintenance),
    "Latency": ("median, one request at a time", _latency),
    "Best for": ("on this task; others were not measured", _best_for),
}
