"""Whether an arm knows when it is unsure: the reliability plot and the coverage curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from markupsafe import Markup

from steelyard.report import formats
from steelyard.report.marks import Frame, drawing, line, tag, text
from steelyard.report.scale import Scale
from steelyard.report.view import ArmView, View, entries, section, words

_SIZE = (520.0, 420.0, 44.0, 14.0, 30.0, 52.0)
_FRAME = Frame("reliability", *_SIZE, everywhere=True)
_CURVES = 3
"""Arms drawn in the coverage curve: the shown one, and the next best."""


class CertaintyRow(NamedTuple):
    """One arm's line in the table of calibration."""

    arm: ArmView
    source: str
    ece: str
    between: str
    by_chance: str
    brier: str
    handed: str


class Certainty:
    """The section of a result; false where no arm gave probabilities."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return bool(self.arms)

    @cached_property
    def arms(self) -> list[ArmView]:
        """The arms with a calibration: the recommended one first, then the best quality first."""
        known = [arm for arm in self._view.arms if entries(arm.section("calibration"), "bins")]
        return sorted(known, key=lambda arm: not arm.winner)

    @property
    def without(self) -> list[tuple[str, str]]:
        """The other arms, each with the reason."""
        return [
            (arm.name, str(arm.data.get("calibration_reason") or "not measured"))
            for arm in self._view.arms
            if arm not in self.arms
        ]

    @property
    def rows(self) -> list[CertaintyRow]:
        """A row for each arm."""
        return [_row(arm) for arm in self.arms]

    @property
    def reliability(self) -> Markup:
        """How often the first arm was right, against what it said."""
        arm = self.arms[0]
        bins = entries(arm.section("calibration"), "bins")
        x, y = _axes()
        body = _grid(x, y, "How sure it was", f"{arm.name}: right")
        body += line(x(0), y(0), x(1), y(1), "limit")
        for each in bins:
            confidence, accuracy = (formats.number(each.get(k)) for k in ("confidence", "accuracy"))
            count = formats.number(each.get("n"))
            if confidence is None or accuracy is None or not count:
                continue
            said = f"said {formats.percent(confidence)}, right {formats.percent(accuracy)}"
            inside = tag("title", f"{said}, {count:.0f} items")
            at = {"cx": x(confidence), "cy": y(accuracy)}
            body += line(at["cx"], y(confidence), at["cx"], at["cy"], "whisker")
            radius = 3.0 + 6.0 * (count / max(formats.number(b.get("n")) or 1 for b in bins)) ** 0.5
            inside += tag("circle", r=radius, class_="mark", **at)
            body += tag("g", inside, class_="arm winner" if arm.winner else "arm")
        title = f"Reliability of {arm.name}"
        return drawing(_FRAME, title, _points(bins, "confidence", "accuracy"), body)

    @property
    def reliability_note(self) -> str:
        """What the plot shows, in words."""
        block = self.arms[0].section("calibration")
        count = formats.count(block.get("n"))
        return f"Each dot is a group of the {count} test answers; its size is their number."

    @property
    def coverage(self) -> Markup:
        """Accuracy of the answers kept, against the share of requests that are kept."""
        x, y = _axes()
        shown = self.arms[:_CURVES]
        curves = [(arm, _curve(arm)) for arm in shown]
        body = _grid(x, y, "Share answered without a person", "Right among them")
        ends: list[float] = []
        for place, (arm, spots) in enumerate(curves):
            body += _drawn(arm, spots, (x, y), place, ends)
        said = "; ".join(
            f"{arm.name}: {_points(entries(arm.section('calibration'), 'coverage'), 'coverage', 'accuracy')}"
            for arm in shown
        )
        frame = Frame("coverage", *_SIZE, everywhere=True)
        return drawing(frame, "Accuracy against coverage", said, body)

    @property
    def coverage_note(self) -> str:
        """What the curve shows, in words."""
        handed = _handed(self.arms[0])
        return (
            f"{self.arms[0].name}: {handed}."
            if handed
            else "At the right end every request is answered."
        )


def _axes() -> tuple[Scale, Scale]:
    return Scale(0, 1, _FRAME.left, _FRAME.x_end), Scale(0, 1, _FRAME.y_end, _FRAME.top)


def _grid(x: Scale, y: Scale, across: str, up: str) -> str:
    body = ""
    for tick in (0, 0.25, 0.5, 0.75, 1):
        body += line(_FRAME.left, y(tick), _FRAME.x_end, y(tick), "grid")
        body += text(formats.percent(tick, 0), _FRAME.left - 8, y(tick) + 4, "tick", "end")
        body += text(formats.percent(tick, 0), x(tick), _FRAME.y_end + 18, "tick", "middle")
    body += line(_FRAME.left, _FRAME.y_end, _FRAME.x_end, _FRAME.y_end, "axis")
    body += text(across, _FRAME.x_end, _FRAME.y_end + 42, "label", "end")
    return body + text(up, 0, 12, "label")


def _curve(arm: ArmView) -> list[tuple[float, float]]:
    spots = []
    for each in entries(arm.section("calibration"), "coverage"):
        coverage, accuracy = (formats.number(each.get(k)) for k in ("coverage", "accuracy"))
        if coverage is not None and accuracy is not None:
            spots.append((coverage, accuracy))
    return sorted(spots)


def _drawn(
    arm: ArmView,
    spots: Sequence[tuple[float, float]],
    scales: tuple[Scale, Scale],
    place: int,
    ends: list[float],
) -> str:
    """A curve, and its line with the arm's name above those in ``ends``."""
    if not spots:
        return ""
    x, y = scales
    path = " ".join(f"{x(share):.1f},{y(right):.1f}" for share, right in spots)
    kind = "curve winner" if arm.winner else f"curve dash{place + 1}"
    body = tag("polyline", points=path, class_=kind)
    at = _FRAME.y_end - 14 - 18 * len(ends)  # a legend, where curves of accuracy seldom come
    ends.append(at)
    name = line(_FRAME.left + 12, at - 4, _FRAME.left + 44, at - 4, kind)
    name += text(arm.name, _FRAME.left + 52, at, "name")
    return body + tag("g", name, class_="arm winner" if arm.winner else "arm")


def _points(rows: Sequence[Mapping[str, Any]], across: str, up: str) -> str:
    return ", ".join(
        f"{formats.percent(row.get(across), 0)} to {formats.percent(row.get(up), 0)}"
        for row in rows
    )


def _row(arm: ArmView) -> CertaintyRow:
    block = arm.section("calibration")
    ece = section(block, "ece")
    low, high = formats.number(ece.get("low")), formats.number(ece.get("high"))
    source = str(block.get("source") or "")
    brier = formats.number(block.get("brier"))
    return CertaintyRow(
        arm=arm,
        source=words()["certainty"].get(source, source),
        ece=formats.percent(ece.get("value")),
        between="" if low is None else formats.interval(low, high),
        by_chance=formats.percent(block.get("ece_expected")),
        brier=formats.NONE if brier is None else f"{brier:.3f}",
        handed=_handed(arm) or formats.NONE,
    )


def _handed(arm: ArmView) -> str:
    """How much a person would have to take over for the accuracy wanted, in words."""
    found = section(arm.section("calibration"), "handover")
    share, wanted = formats.number(found.get("share")), found.get("target")
    if not found:
        return ""
    if share is None:
        return str(found.get("reason") or "")
    return f"the least sure {formats.percent(share, 0)} for {formats.percent(wanted, 0)} right"
