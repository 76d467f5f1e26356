"""What each arm has cost after so many requests, and where one overtakes another, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from steelyard.core import COMPOSED_FAMILIES, FAMILIES
from steelyard.report import formats
from steelyard.report.labels import Anchor, Box, place, spread, width
from steelyard.report.marks import Frame, drawing, grid, line, tag, text
from steelyard.report.scale import Scale
from steelyard.report.view import ArmView, View
from steelyard.result.verdict import CrossoverArm

_WIDE = Frame("breakeven", 1000, 430, 74, 172, 40, 58)
_NARROW = Frame("breakeven-narrow", 360, 400, 56, 14, 34, 54, 12.0)
_EARLY = 0.04  # a crossing before this part of the horizon wants a logarithmic axis
_MOST_LINES = 5
_DRAWN = tuple(family for family in FAMILIES if family not in COMPOSED_FAMILIES)  # lines are few
_STEPS = 48
_SPANS = ((1, "1 day"), (30, "1 month"), (365, "1 year"), (1825, "5 years"))


class Curve(NamedTuple):
    """An arm's cumulative cost: a straight line."""

    arm: ArmView
    kind: str

    def at(self, requests: float) -> float:
        return self.arm.cost.after(requests) or 0.0


class Crossings(NamedTuple):
    """Break-evens: the recommended arm's and those that happen, and the others."""

    happening: list[CrossoverArm]
    others: list[CrossoverArm]


def crossings(view: View) -> Crossings:
    """Break-evens as the run found them: the recommended arm's first, then the latest first."""

    def order(crossing: CrossoverArm) -> tuple[bool, bool, float]:
        requests = crossing.even.requests
        return crossing.arm != view.verdict.arm, requests is None, -(requests or 0.0)

    split = Crossings([], [])
    for crossing in sorted(view.result.crossover.arms, key=order):
        happens = crossing.arm == view.verdict.arm or crossing.even.requests
        (split.happening if happens else split.others).append(crossing)
    return split


def chart(view: View) -> Markup:
    """Draw the curves, wide and narrow; empty when no two arms have both figures."""
    per_day, horizon = view.task.traffic.requests_per_day, view.task.traffic.horizon_days
    curves = list(_curves(view))
    if len(curves) < 2 or not per_day or not horizon or max(c.at(per_day) for c in curves) <= 0:
        return Markup("")
    return _draw(view, curves, (per_day, horizon), _WIDE) + _draw(
        view, curves, (per_day, horizon), _NARROW
    )


def _curves(view: View) -> Iterator[Curve]:
    names = [view.verdict.arm]
    for crossing in crossings(view).happening:
        names += [crossing.arm, crossing.even.against]
    names += [view.result.reference]
    names += [arm.name for family in _DRAWN if (arm := view.family(family)) is not None]
    arms = [arm for arm in map(view.arm, dict.fromkeys(names)) if arm is not None]
    priced = [arm for arm in arms if arm.cost.after(0) is not None]
    for number, arm in enumerate(priced[:_MOST_LINES], start=1):
        yield Curve(arm, "curve winner" if arm.winner else f"curve dash{number % 4}")


def _met(view: View, curves: Sequence[Curve]) -> list[tuple[float, float, str]]:
    """The crossings that happen between drawn curves: requests, money, words."""
    by_arm = {curve.arm.name: curve for curve in curves}
    met = []
    for crossing in crossings(view).happening:
        requests, days = crossing.even.requests, crossing.even.days
        curve = by_arm.get(crossing.arm or "")
        if curve is None or not requests or crossing.even.against not in by_arm:
            continue
        words = f"{formats.count(requests)} requests"
        words += f", {formats.days(days)}" if days is not None else ""
        met.append((float(requests), curve.at(requests), words))
    return met


def _axes(
    curves: Sequence[Curve], met: Sequence[tuple[float, float, str]], last: float, frame: Frame
) -> tuple[Scale, Scale]:
    first = min((requests for requests, _, _ in met), default=last)
    ends = [curve.at(last) for curve in curves if curve.at(last) > 0]
    if first < last * _EARLY or max(ends) / min(ends) > 50:
        least = min(first / 8, last / 1000)
        low = min(10.0 ** math.floor(math.log10(max(1.0, least))), last / 10)
        x = Scale(low, last, frame.left, frame.x_end, log=True)
        starts = [value for curve in curves if (value := curve.at(low)) > 0]
        return x, Scale(min(starts) / 1.5, max(ends) * 1.5, frame.y_end, frame.top, log=True)
    return (
        Scale(0, last, frame.left, frame.x_end),
        Scale(0, max(ends) * 1.05, frame.y_end, frame.top),
    )


def _draw(
    view: View, curves: Sequence[Curve], traffic: tuple[float, float], frame: Frame
) -> Markup:
    per_day, horizon = traffic
    met = _met(view, curves)
    x, y = _axes(curves, met, per_day * horizon, frame)
    body = _grid(view, frame, x, y) + _spans(frame, x, traffic)
    for curve in sorted(curves, key=lambda curve: curve.arm.winner):
        title = tag("title", str(Markup.escape(_words(view, curve))))
        body += tag("path", title, d=_path(curve, x, y), class_=curve.kind)
    body += _ends(curves, x.high, y, frame)
    body += _crossings(curves, met, (x, y), frame)
    described = [_words(view, curve) for curve in curves]
    described += [f"they cost the same after {words}" for _, _, words in met]
    return drawing(frame, "Cumulative cost by number of requests", "; ".join(described), body)


def _path(curve: Curve, x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{at:.1f},{height:.1f}" for at, height in _track(curve, x, y, _STEPS))


def _track(curve: Curve, x: Scale, y: Scale, steps: int) -> Iterator[tuple[float, float]]:
    """Points along a curve, evenly spaced on paper."""
    for step in range(steps + 1):
        share = step / steps
        at = x.low * (x.high / x.low) ** share if x.log else x.low + share * (x.high - x.low)
        yield x(at), y(curve.at(at))


def _grid(view: View, frame: Frame, x: Scale, y: Scale) -> str:
    rows = [(y(tick), formats.money_tick(tick, view.currency)) for tick in y.ticks(5)]
    columns = [(x(tick), _brief(tick)) for tick in x.ticks(4 if frame.narrow else 7)]
    body = grid(frame, rows, columns)
    body += text("Requests answered", frame.x_end, frame.y_end + 42, "label", "end")
    return body + text("Cost so far", 0, 12, "label")


def _brief(value: float) -> str:
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{formats.THIN}{unit}"
    return f"{value:g}"


def _spans(frame: Frame, x: Scale, traffic: tuple[float, float]) -> str:
    """Upright lines after a day, a month and a year at the task's volume."""
    per_day, horizon = traffic
    body, free_from = "", frame.left + 90
    for days, words in _SPANS:
        at = x(per_day * days)
        half = width(words, frame.size) / 2
        if days > horizon or not x.low < per_day * days or at - half < free_from:
            continue
        body += line(at, frame.top, at, frame.y_end, "span")
        middle = min(at, frame.width - half - 2)
        body += text(words, middle, frame.top - 9, "note", "middle")
        free_from = at + half + 6
    return body


def _ends(curves: Sequence[Curve], last: float, y: Scale, frame: Frame) -> str:
    """Names at the lines' ends; on a phone inside the drawing, above them."""
    ends = [y(curve.at(last)) - (9 if frame.narrow else 0) for curve in curves]
    heights = spread(ends, frame.size * 1.35, frame.top + 4, frame.y_end)
    body = ""
    for curve, at, height in zip(curves, ends, heights, strict=True):
        leader = line(frame.x_end + 2, at, frame.x_end + 12, height, "leader")
        name = text(curve.arm.name, frame.x_end + 16, height + 4, "name")
        if frame.narrow:
            leader, name = "", text(curve.arm.name, frame.x_end, height, "name", "end")
        body += tag("g", leader + name, class_="arm winner" if curve.arm.winner else "arm")
    return body


def _crossings(
    curves: Sequence[Curve],
    met: Sequence[tuple[float, float, str]],
    scales: tuple[Scale, Scale],
    frame: Frame,
) -> str:
    """Mark the crossings, and write next to each what it means, clear of the lines."""
    x, y = scales
    anchors = [Anchor(x(requests), y(money), words) for requests, money, words in met]
    obstacles = [
        Box(at - 5, height - 5, at + 5, height + 5)
        for curve in curves
        for at, height in _track(curve, x, y, 4 * _STEPS)
    ]
    bounds = Box(frame.left + 2, frame.top, frame.x_end, frame.y_end - 4)
    body = ""
    for anchor, label in zip(anchors, place(anchors, obstacles, bounds, frame.size), strict=True):
        leader = line(*label.leader, "leader") if label.leader else ""
        body += leader + tag("circle", cx=anchor.x, cy=anchor.y, r=5.5, class_="crossing")
        body += text(label.text, label.x, label.y, "callout", "middle")
    return body


def _words(view: View, curve: Curve) -> str:
    cost = curve.arm.cost
    upfront = formats.money(cost.upfront, view.currency)
    thousand = formats.per_thousand(cost.per_request, view.currency)
    return f"{curve.arm.name}: {upfront} upfront, {thousand} per 1,000 requests"
