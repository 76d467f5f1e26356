"""What each arm has cost after so many requests, and where one overtakes another, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from steelyard.core import COMPOSED_FAMILIES, FAMILIES
from steelyard.report import formats
from steelyard.report.labels import Anchor, Box, place, spread, width
from steelyard.report.marks import Frame, drawing, grid, line, tag, text
from steelyard.report.scale import Scale
from steelyard.report.view import ArmView, View
from steelyard.result.economics import CostLine
from steelyard.result.verdict import CrossoverArm

_WIDE = Frame("breakeven", 1000, 430, 74, 172, 40, 58)
_NARROW = Frame("breakeven-narrow", 360, 400, 56, 14, 34, 54, 12.0)
_EARLY = 0.04  # a crossing before this part of the horizon wants a logarithmic axis
_MOST_LINES = 5
_DRAWN = tuple(family for family in FAMILIES if family not in COMPOSED_FAMILIES)  # lines are few
_APART = 16.0
_MOST_TURNS = 6  # crossings of two arms that are all marked; of more only the last is
_SPANS = ((1, "1 day"), (30, "1 month"), (365, "1 year"), (1825, "5 years"))


class Curve(NamedTuple):
    """An arm's cost so far as the corners of a line: requests, cost, and its band where there is one.

    On a day with a step two corners have the same requests.
    """

    arm: ArmView
    kind: str
    requests: Sequence[float]
    cost: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    def at(self, requests: float) -> float:
        """What it has cost after so many requests, a step on the way among it."""
        return float(np.interp(requests, self.requests, self.cost))

    def has_step(self, requests: float) -> bool:
        """Whether so many requests, to one, are where it has a step."""
        steps = [one for one, other in pairwise(self.requests) if one == other]
        return any(abs(step - requests) <= 1 for step in steps)


class Crossings(NamedTuple):
    """Break-evens: the recommended arm's and those that happen, and the others."""

    happening: list[CrossoverArm]
    others: list[CrossoverArm]

    @property
    def drawn(self) -> list[CrossoverArm]:
        """Those that happen, and where an arm is the cheaper one only at first."""
        return [*self.happening, *(one for one in self.others if one.even.crossings)]


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
    """Draw the curves, wide and narrow; empty when fewer than two arms have a known cost over time."""
    traffic = view.task.traffic
    if not traffic.requests_per_day or not traffic.horizon_days:
        return Markup("")
    curves = list(_curves(view))
    if len(curves) < 2 or max(c.at(traffic.requests_per_day) for c in curves) <= 0:
        return Markup("")
    return _draw(view, curves, _WIDE) + _draw(view, curves, _NARROW)


def _curves(view: View) -> Iterator[Curve]:
    names = [view.verdict.arm]
    for crossing in crossings(view).drawn:
        names += [crossing.arm, crossing.even.against]
    names += [view.result.reference]
    names += [arm.name for family in _DRAWN if (arm := view.family(family)) is not None]
    arms = [arm for arm in map(view.arm, dict.fromkeys(names)) if arm is not None]
    priced = [(arm, line) for arm in arms if (line := _line(view, arm)) is not None]
    for number, (arm, line) in enumerate(priced[:_MOST_LINES], start=1):
        kind = "winner" if arm.winner else f"dash{number % 4}"
        requests = [view.task.traffic.requests_until(day) for day in line.days]
        yield Curve(arm, kind, requests, line.cost, line.low, line.high)


def _line(view: View, arm: ArmView) -> CostLine | None:
    """The result's; of an older one a straight line, which its figures are where the traffic stays."""
    line = next((s.line for s in view.result.economics.sums if s.arm == arm.name), None)
    if line is not None:
        return line if line.days else None
    traffic = view.task.traffic
    days = float(traffic.horizon_days or 0)
    ends = [arm.cost.after(requests) for requests in (0.0, days * (traffic.requests_per_day or 0))]
    if traffic.growth_per_month or None in ends:
        return None
    return CostLine(days=(0.0, days), cost=tuple(end for end in ends if end is not None))


def _met(view: View, curves: Sequence[Curve]) -> list[tuple[float, float, str]]:
    """The crossings between drawn curves, within the horizon: requests, money, words."""
    by_arm = {curve.arm.name: curve for curve in curves}
    met: dict[tuple[float, float], str] = {}
    for crossing in crossings(view).drawn:
        one, other = by_arm.get(crossing.arm or ""), by_arm.get(crossing.even.against or "")
        if one is None or other is None:
            continue
        turns = [(float(turn.requests), turn.day) for turn in crossing.even.crossings]
        last = [(float(crossing.even.requests or 0), crossing.even.days)]
        for requests, days in [*turns, *last] if len(turns) <= _MOST_TURNS else last:
            if 0 < requests <= one.requests[-1]:
                money = (other if one.has_step(requests) else one).at(requests)
                words = f"{formats.count(requests)} requests"
                words += f", {formats.days(days)}" if days is not None else ""
                met[requests, money] = words
    return [(requests, money, words) for (requests, money), words in met.items()]


def _axes(
    curves: Sequence[Curve], met: Sequence[tuple[float, float, str]], last: float, frame: Frame
) -> tuple[Scale, Scale]:
    first = min((requests for requests, _, _ in met), default=last)
    ends = [curve.at(last) for curve in curves if curve.at(last) > 0]
    most = max(*ends, *(high for curve in curves for high in curve.high[-1:]))
    if first < last * _EARLY or max(ends) / min(ends) > 50:
        least = min(first / 8, last / 1000)
        low = min(10.0 ** math.floor(math.log10(max(1.0, least))), last / 10)
        x = Scale(low, last, frame.left, frame.x_end, log=True)
        starts = [value for curve in curves if (value := curve.at(low)) > 0]
        return x, Scale(min(starts) / 1.5, most * 1.5, frame.y_end, frame.top, log=True)
    return (
        Scale(0, last, frame.left, frame.x_end),
        Scale(0, most * 1.05, frame.y_end, frame.top),
    )


def _draw(view: View, curves: Sequence[Curve], frame: Frame) -> Markup:
    met = _met(view, curves)
    x, y = _axes(curves, met, curves[0].requests[-1], frame)
    body = _grid(view, frame, x, y) + _spans(view, frame, x)
    ordered = sorted(curves, key=lambda curve: curve.arm.winner)
    body += "".join(
        tag("path", d=_band(c, x, y), class_=f"spread {c.kind}") for c in ordered if c.low
    )
    for curve in ordered:
        title = tag("title", str(Markup.escape(_words(view, curve))))
        drawn = _path(_track(curve.requests, curve.cost, x, y))
        body += tag("path", title, d=f"M{drawn}", class_=f"curve {curve.kind}")
    body += _ends(curves, x.high, y, frame)
    body += _crossings(curves, met, (x, y), frame)
    described = [_words(view, curve) for curve in curves]
    described += [f"they cost the same after {words}" for _, _, words in met]
    return drawing(frame, "Cumulative cost by number of requests", "; ".join(described), body)


def _band(curve: Curve, x: Scale, y: Scale) -> str:
    low = list(_track(curve.requests, curve.low, x, y))
    high = list(_track(curve.requests, curve.high, x, y))
    return f"M{_path(low)}L{_path(reversed(high))}Z"


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{at:.1f},{height:.1f}" for at, height in points)


def _track(
    requests: Sequence[float], cost: Sequence[float], x: Scale, y: Scale, apart: float = _APART
) -> Iterator[tuple[float, float]]:
    """Points along a line with corners, so close on paper that a curved axis bends it rightly."""
    corners = list(zip(requests, cost, strict=True))
    for (first, start), (last, end) in pairwise(corners):
        if last < x.low:
            continue
        low = max(first, x.low)
        steps = max(1, math.ceil((x(last) - x(low)) / apart))
        for step in range(steps + 1):
            share = step / steps
            at = low * (last / low) ** share if x.log else low + share * (last - low)
            part = (at - first) / (last - first) if last > first else share
            yield x(at), y(start + part * (end - start))


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


def _spans(view: View, frame: Frame, x: Scale) -> str:
    """Upright lines after a day, a month and a year at the task's volume."""
    traffic = view.task.traffic
    body, free_from = "", frame.left + 90
    for days, words in _SPANS:
        requests = traffic.requests_until(days)
        at, half = x(requests), width(words, frame.size) / 2
        if days > (traffic.horizon_days or 0) or not x.low < requests or at - half < free_from:
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
        for at, height in _track(curve.requests, curve.cost, x, y, _APART / 4)
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
    end = formats.money(curve.cost[-1], view.currency)
    return f"{curve.arm.name}: {upfront} upfront, {end} after {formats.count(curve.requests[-1])} requests"
