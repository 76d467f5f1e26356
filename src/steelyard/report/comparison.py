"""The field's ten-row comparison: its adjectives, and this task's figures beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from steelyard.advice.ways import way_facts
from steelyard.core import COMMON_FAMILIES, FAMILIES
from steelyard.report import formats
from steelyard.report.view import ArmView, View, words
from steelyard.result.run import FEWEST_OF_GROUP
from steelyard.result.steadiness import Consistency, Repeats
from steelyard.strategy import STRATEGIES, traits_of
from steelyard.words import counted


@dataclass(frozen=True)
class ComparisonCell:
    """One cell: a ``figure`` as measured with a ``note``, or ``None``.

    Without a figure it is not measured and ``note`` says how to, or, where it ``is_moot``, not applicable and
    ``note`` says why. ``repute`` is what the field says of the family.
    """

    figure: str | None
    note: str = ""
    is_moot: bool = False
    repute: str = ""


@dataclass(frozen=True)
class Column:
    """One family, with the arm that stands for it; ``arm`` is ``None`` where none was weighed."""

    family: str
    name: str
    arm: ArmView | None


CellOf = Callable[[View, ArmView], ComparisonCell]


def columns(view: View) -> list[Column]:
    """The columns of the table, in the order of `FAMILIES`."""
    names = words()["family_names"]
    by_family = {family: view.family(family) for family in FAMILIES}
    return [
        Column(family, names[family], arm)
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
    table = columns(view)
    return [
        ComparisonRow(name, note, [_beside_repute(view, column, place, cell) for column in table])
        for place, (name, (note, cell)) in enumerate(_ROWS.items())
    ]


def _beside_repute(view: View, column: Column, place: int, cell: CellOf) -> ComparisonCell:
    """A family's cell in the row at ``place``: the field's dimensions have the order of the rows."""
    repute = list(way_facts(column.family).dimensions.values())[place]
    measured = _absent(view, column.family) if column.arm is None else cell(view, column.arm)
    return replace(measured, repute=repute)


def _absent(view: View, family: str) -> ComparisonCell:
    """What stands for a family without an arm: why it was left out, or how to weigh it."""
    result = view.result
    of_family = {name for name in STRATEGIES if traits_of(name).family == family}
    reasons = [left.reason for left in result.left_out if left.strategy in of_family]
    reasons += [stop.end for stop in result.stopped if stop.strategy in of_family]
    reasons += [end.end for end in result.ended if end.strategy in of_family]
    if reasons:
        return ComparisonCell(None, reasons[0])
    return ComparisonCell(None, "no such arm in this run: name one under strategies in task.yaml")


def _cell(figure: str, how: str, note: str = "") -> ComparisonCell:
    """A figure with its note, or how to measure it."""
    if figure == formats.NONE:
        return ComparisonCell(None, how)
    return ComparisonCell(figure, note)


def _upfront(view: View, arm: ArmView) -> ComparisonCell:
    cost, fit = arm.cost, arm.fit
    figure = formats.money(cost.upfront, cost.currency)
    counts = []
    if fit.examples is not None:
        labels = fit.examples + (view.result.split.test or 0)
        counts.append(counted(labels, "label"))
    if fit.seconds is not None:
        counts.append(f"{formats.seconds(fit.seconds)} of machine time")
    note = " and ".join(counts)
    how = cost.reason or "set prices in task.yaml"
    return _cell(figure, f"{how}; {note}" if note else how, note)


def _inference(view: View, arm: ArmView) -> ComparisonCell:
    cost = arm.cost
    if cost.per_request is None:
        return ComparisonCell(None, cost.reason or "set prices in task.yaml")
    thousand = f"{formats.per_thousand(cost.per_request, cost.currency)} per 1,000 requests"
    if cost.monthly is None:
        return ComparisonCell(thousand, "no traffic in task.yaml")
    return ComparisonCell(f"{formats.money(cost.monthly, cost.currency)} a month", thousand)


def _setup(view: View, arm: ArmView) -> ComparisonCell:
    fit = formats.seconds(arm.fit.seconds)
    return _cell(fit, "its time was not recorded: run the task again", _then(arm))


def _then(arm: ArmView) -> str:
    """What follows a fit: the first answer."""
    first = formats.seconds(arm.latency_seconds.p50)
    return "" if first == formats.NONE else f"then {first} to an answer"


def _flexibility(view: View, arm: ArmView) -> ComparisonCell:
    fit, first = formats.seconds(arm.fit.seconds), formats.seconds(arm.latency_seconds.p50)
    if arm.model is None:
        note = "it reads no instruction: a change is new labels, fitted again"
        return ComparisonCell(None, f"{note} in {fit}" if fit != formats.NONE else note, True)
    if fit == formats.NONE:
        return ComparisonCell(None, "its time was not recorded: run the task again")
    if arm.is_prompt_only:
        unmeasured = "" if first == formats.NONE else f"; an unmeasured answer in {first}"
        return ComparisonCell(fit, f"searched and measured on dev again{unmeasured}")
    return ComparisonCell(fit, f"fitted and measured on dev again, {_then(arm)}".rstrip(", "))


def _consistency(view: View, arm: ArmView) -> ComparisonCell:
    consistency = arm.consistency or Consistency(repeats_reason=arm.consistency_reason)
    agreement = (consistency.repeats or Repeats()).agreement
    if agreement.value is None and arm.model is None:
        return ComparisonCell(None, "no language model: the same input has the same answer", True)
    reason = agreement.reason or consistency.repeats_reason
    between = formats.interval(agreement)
    note = "" if between == formats.NONE else f"{between}, "
    return _cell(
        formats.percent(agreement.value),
        reason or "not asked again: set consistency in task.yaml",
        f"{note}{counted(agreement.n, 'input')}" if agreement.n else "",
    )


def _data(view: View, arm: ArmView) -> ComparisonCell:
    shots, looked_up = arm.known_options.shots, arm.known_options.retrieved
    train, dev = view.split.train, view.split.dev
    chosen = "" if dev is None else f"chosen on {formats.count(dev)} more"
    if arm.is_prompt_only and looked_up and train is not None:
        note = ", ".join(filter(None, [f"{looked_up} shown at a time", chosen]))
        return ComparisonCell(counted(train, "example"), note)
    if arm.is_prompt_only and shots is not None:
        note = ", ".join(filter(None, ["all shown every time" if shots else "", chosen]))
        return ComparisonCell(counted(shots, "example"), note)
    if arm.fit.examples is None:
        return ComparisonCell(None, "examples were not recorded: run the task again")
    return ComparisonCell(counted(arm.fit.examples, "example"), "to fit and choose on")


def _knowledge(view: View, arm: ArmView) -> ComparisonCell:
    weakest = view.result.weakest_group(arm.name)
    if weakest is None:
        return ComparisonCell(
            None, f"give rows a slice with {FEWEST_OF_GROUP} test examples or more"
        )
    figure = f"{formats.percent(weakest.score)} at its weakest"
    return ComparisonCell(figure, f"“{weakest.name}”, {counted(weakest.n, 'test item')}")


def _maintenance(view: View, arm: ArmView) -> ComparisonCell:
    return ComparisonCell(None, "run again on later rows, then steelyard compare")


def _latency(view: View, arm: ArmView) -> ComparisonCell:
    latency = arm.latency_seconds
    if latency.p50 is None:
        return ComparisonCell(None, latency.reason or "let a run time it")
    first = latency.first_token
    begins = "" if first is None else f"; first token {formats.seconds(first.p50)}"
    return ComparisonCell(
        formats.seconds(latency.p50), f"p95 {formats.seconds(latency.p95)}{begins}"
    )


def _best_for(view: View, arm: ArmView) -> ComparisonCell:
    quality = formats.percent(arm.quality.value)
    if quality == formats.NONE:
        return ComparisonCell(None, arm.quality.reason or "its quality was not measured")
    return ComparisonCell(quality, "; ".join(_places(view, arm)))


def _places(view: View, arm: ArmView) -> Iterator[str]:
    """Where an arm stands in this task."""
    if arm.winner:
        yield "recommended, at this volume and these prices"
    if arm.breaks:
        yield f"ruled out: {', '.join(arm.constraints_broken)}"
    if arm.reference:
        yield view.reference_kind
    elif arm.versus is not None:
        yield f"{formats.points(arm.versus.difference)} points against {view.result.reference}"


_ROWS: Mapping[str, tuple[str, CellOf]] = {
    "Upfront cost": (
        "what is paid before the first request; hours of people only where task.yaml lists them",
        _upfront,
    ),
    "Inference cost": ("at the task's volume", _inference),
    "Set-up time": ("machine time; writing and labelling not counted", _setup),
    "Flexibility": ("from an edited instruction to a measured answer", _flexibility),
    "Consistency": ("the same answer when asked again", _consistency),
    "Data needed": ("examples used; whether fewer would do was not measured", _data),
    "Knowledge depth": ("the weakest slice or label; nothing beyond the examples", _knowledge),
    "Maintenance": ("a run is a snapshot", _maintenance),
    "Latency": ("median, one request at a time", _latency),
    "Best for": ("quality on this task; others were not measured", _best_for),
}
