"""Whether an arm knows when it is unsure: the reliability plot and the coverage curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from markupsafe import Markup

from steelyard.report import formats
from steelyard.report.marks import Frame, drawing, grid, line, tag, text
from steelyard.report.scale import Scale
from steelyard.report.view import ArmView, View
from steelyard.result.steadiness import Calibration, Handover, PeopleCost

_SIZE = (520.0, 420.0, 44.0, 14.0, 30.0, 52.0)
_FRAME = Frame("reliability", *_SIZE, everywhere=True)
_CURVES = 3
"""Arms drawn in the coverage curve: the shown one, and the next best."""


class SharedWork(NamedTuple):
    """An arm and people: what each of them answers, with the money as the report shows it."""

    arm: ArmView
    handover: Handover

    @property
    def coverage(self) -> str:
        return formats.percent(self.handover.coverage)

    @property
    def accuracy(self) -> str:
        low = self.handover.low
        at_least = "" if low is None else f", at least {formats.percent(low)}"
        return f"{formats.percent(self.handover.accuracy)}{at_least}"

    @property
    def money(self) -> tuple[str, str]:
        """A month, and in all over the horizon."""
        cost = self.handover.cost or PeopleCost()
        monthly = formats.money(cost.monthly, cost.currency)
        return monthly, formats.money(cost.total, cost.currency)

    @property
    def note(self) -> str:
        """Why a figure is missing, where it is not that people have no price."""
        cost = self.handover.cost or PeopleCost()
        why_no_money = cost.reason if cost.people_total is not None else None
        return "; ".join(filter(None, (self.handover.reason, why_no_money)))


class Certainty:
    """The section of a result; false where no arm gave probabilities and none was to be trusted alone."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return bool(self.arms or self.shared)

    @cached_property
    def arms(self) -> list[ArmView]:
        """The arms with a calibration: the recommended one first, then the best quality first."""
        calibrated = [arm for arm in self._view.arms if _calibration(arm).bins]
        return sorted(calibrated, key=lambda arm: not arm.winner)

    @property
    def without(self) -> list[tuple[str, str]]:
        return [
            (arm.name, arm.calibration_reason or "not measured")
            for arm in self._view.arms
            if arm not in self.arms
        ]

    @property
    def reliability(self) -> Markup:
        """How often the first arm was right, against what it said."""
        arm = self.arms[0]
        bins = _calibration(arm).bins
        largest = max(group.n for group in bins)
        x, y = _axes()
        body = _grid(x, y, "Stated confidence", f"{arm.name}: right")
        body += line(x(0), y(0), x(1), y(1), "limit")
        for group in bins:
            confidence, accuracy = group.confidence, group.accuracy
            if confidence is None or accuracy is None or not group.n:
                continue
            words = f"stated {formats.percent(confidence)}, right {formats.percent(accuracy)}"
            inside = tag("title", f"{words}, {group.n} items")
            at = {"cx": x(confidence), "cy": y(accuracy)}
            body += line(at["cx"], y(confidence), at["cx"], at["cy"], "whisker")
            radius = 3.0 + 6.0 * (group.n / largest) ** 0.5
            inside += tag("circle", r=radius, class_="mark", **at)
            body += tag("g", inside, class_="arm winner" if arm.winner else "arm")
        pairs = [(group.confidence, group.accuracy) for group in bins]
        return drawing(_FRAME, f"Reliability of {arm.name}", _points(pairs), body)

    @property
    def reliability_note(self) -> str:
        count = formats.count(_calibration(self.arms[0]).n)
        return f"Each dot is a group of the {count} test answers; a larger dot holds more of them."

    @property
    def coverage(self) -> Markup:
        """Accuracy of the answers kept, against the share of requests that are kept."""
        x, y = _axes()
        body = _grid(x, y, "Share answered without a person", "Accuracy of the answers kept")
        described = []
        for place, arm in enumerate(self.arms[:_CURVES]):
            body += _drawn(arm, (x, y), place)
            pairs = [(point.coverage, point.accuracy) for point in _calibration(arm).coverage]
            described.append(f"{arm.name}: {_points(pairs)}")
        frame = Frame("coverage", *_SIZE, everywhere=True)
        return drawing(frame, "Accuracy against coverage", "; ".join(described), body)

    @property
    def coverage_note(self) -> str:
        arm = self.arms[0]
        handover = self.handover(arm)
        return (
            f"{arm.name}: {handover}."
            if handover
            else "At the right end every request is answered."
        )

    def handover(self, arm: ArmView) -> str:
        """How much a person would have to take over for the accuracy wanted, in words."""
        handover = arm.handover or Handover()
        if handover.share is None or handover.reason:
            return handover.reason or ""
        return (
            f"the least certain {formats.percent(handover.share, 0)}, for {_target(handover)} right"
        )

    @cached_property
    def shared(self) -> list[SharedWork]:
        """What can be left to each arm, the most first, where the task asks for it or prices people."""
        arms = [arm for arm in self._view.arms if arm.handover is not None]
        costs = [arm.handover.cost or PeopleCost() for arm in arms if arm.handover]
        limits = self._view.task.constraints
        if limits.min_accuracy_at_coverage is None and not any(c.people_total for c in costs):
            return []
        rows = [SharedWork(arm, arm.handover) for arm in arms if arm.handover]
        return sorted(rows, key=lambda row: -(row.handover.coverage or 0.0))

    @property
    def unshared(self) -> list[tuple[str, str]]:
        """The arms of which that is not known, and why."""
        arms = [arm for arm in self._view.arms if arm.handover is None]
        return [(arm.name, arm.handover_reason or "not measured") for arm in arms]

    @property
    def target(self) -> str:
        """The accuracy wanted of what is left to an arm; the same for all."""
        return _target(self.shared[0].handover)

    @property
    def people(self) -> str:
        """What people cost who answer everything, in words; or why that is not known."""
        cost = self.shared[0].handover.cost or PeopleCost()
        if cost.people_total is None:
            return self._view.sentence(cost.reason or "the price of a person's answer is unknown")
        monthly, total = (
            formats.money(amount, cost.currency)
            for amount in (cost.people_monthly, cost.people_total)
        )
        days = formats.count(self._view.task.traffic.horizon_days)
        return f"People alone would cost {monthly} a month, {total} over {days} days."


def _calibration(arm: ArmView) -> Calibration:
    return arm.calibration or Calibration()


def _target(handover: Handover) -> str:
    return "" if handover.target is None else f"{100 * handover.target:.6g}{formats.THIN}%"


def _axes() -> tuple[Scale, Scale]:
    return Scale(0, 1, _FRAME.left, _FRAME.x_end), Scale(0, 1, _FRAME.y_end, _FRAME.top)


def _grid(x: Scale, y: Scale, across: str, up: str) -> str:
    ticks = [(tick, formats.percent(tick, 0)) for tick in (0, 0.25, 0.5, 0.75, 1)]
    rows = [(y(tick), figure) for tick, figure in ticks]
    body = grid(_FRAME, rows, [(x(tick), figure) for tick, figure in ticks])
    body += text(across, _FRAME.x_end, _FRAME.y_end + 42, "label", "end")
    return body + text(up, 0, 12, "label")


def _drawn(arm: ArmView, scales: tuple[Scale, Scale], place: int) -> str:
    """An arm's curve, and its line in the legend, in a corner that accuracy curves rarely reach."""
    x, y = scales
    spots = sorted(
        (point.coverage, point.accuracy)
        for point in _calibration(arm).coverage
        if point.coverage is not None and point.accuracy is not None
    )
    path = " ".join(f"{x(share):.1f},{y(right):.1f}" for share, right in spots)
    kind = "curve winner" if arm.winner else f"curve dash{place + 1}"
    at = _FRAME.y_end - 14 - 18 * place
    name = line(_FRAME.left + 12, at - 4, _FRAME.left + 44, at - 4, kind)
    name += text(arm.name, _FRAME.left + 52, at, "name")
    curve = tag("polyline", points=path, class_=kind) if spots else ""
    return curve + tag("g", name, class_="arm winner" if arm.winner else "arm")


def _points(pairs: Sequence[tuple[float | None, float | None]]) -> str:
    return ", ".join(
        f"{formats.percent(across, 0)} to {formats.percent(up, 0)}" for across, up in pairs
    )
