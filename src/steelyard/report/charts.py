"""Quality against cost, as inline SVG in two widths: a page and a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from steelyard.report import formats
from steelyard.report.labels import Anchor, Box, place, width
from steelyard.report.marks import Frame, drawing, grid, line, point, tag, text
from steelyard.report.scale import Scale, axis, log_axis, quality_axis
from steelyard.report.view import ArmView, View

_WIDE = Frame("scatter", 1000, 520, 64, 28, 34, 56)
_NARROW = Frame("scatter-narrow", 360, 448, 44, 12, 34, 54, 12.0)
_GUTTER = 120.0
_CHEAP = 0.01  # a month; below it a logarithmic axis has a gutter instead


def scatter(view: View) -> Markup:
    """Draw quality against monthly cost, wide and narrow; empty when no arm has both figures."""
    arms = [arm for arm in view.arms if _cost(arm) is not None and arm.quality.value is not None]
    if not arms:
        return Markup("")
    return _scatter(view, arms, _WIDE) + _scatter(view, arms, _NARROW)


def unplaced(view: View) -> list[tuple[ArmView, str]]:
    """The arms the chart leaves out, each with the reason."""
    out = []
    for arm in view.arms:
        if arm.quality.value is None:
            out.append((arm, arm.quality.reason or "no quality figure"))
        elif _cost(arm) is None:
            out.append((arm, arm.cost.reason or "no monthly cost"))
    return out


def _cost(arm: ArmView) -> float | None:
    monthly = arm.cost.monthly
    return None if monthly is None or monthly < 0 else monthly


def _scatter(view: View, arms: Sequence[ArmView], frame: Frame) -> Markup:
    most, least = view.task.constraints.max_monthly_cost, view.task.constraints.min_quality
    limit = None if most is None else float(most)
    costs = [_cost(arm) or 0.0 for arm in arms]
    x, gutter = _cost_axis([*costs, *([limit] if limit else [])], frame)
    heights = [h for q in (arm.quality for arm in arms) for h in (q.low, q.value, q.high)]
    y = quality_axis((h for h in (*heights, least) if h is not None), frame.y_end, frame.top)
    spots = _spots(arms, costs, (x, y), frame)
    marks = _obstacles(arms, spots, y)
    shading, notes = _limits(view, frame, ((x, limit), (y, least)), marks)
    body = shading + _grid(view, frame, x, y)
    if gutter:
        words = f"under {formats.money_tick(_CHEAP, view.currency)}"
        body += text(words, frame.left + 6, frame.y_end + 20, "tick", "start")
        body += line(
            frame.left + gutter, frame.y_end - 4, frame.left + gutter, frame.y_end + 5, "axis"
        )
    body += _points(arms, spots, y)
    body += _names(arms, spots, [*marks, *notes], frame)
    title = f"{view.metric_name} against monthly cost"
    return drawing(frame, title, "; ".join(map(_one_line, arms)) + ".", body)


def _cost_axis(costs: Sequence[float], frame: Frame) -> tuple[Scale, float]:
    """The axis, and the width of the gutter at its left for arms that cost next to nothing.

    On a logarithmic axis a cost below a cent would only push the others together.
    """
    whole = axis(costs, frame.left, frame.x_end)
    priced = [cost for cost in costs if cost >= _CHEAP]
    if not whole.log or len(priced) == len(costs) or not priced:
        return whole, 0.0
    gutter = _GUTTER * (0.75 if frame.narrow else 1.0)
    return log_axis(priced, frame.left + gutter, frame.x_end, _CHEAP), gutter


def _spots(
    arms: Sequence[ArmView], costs: Sequence[float], scales: tuple[Scale, Scale], frame: Frame
) -> list[tuple[float, float]]:
    x, y = scales
    spots, cheap = [], 0
    for arm, cost in zip(arms, costs, strict=True):
        at = x(cost)
        if x.start > frame.left and cost < _CHEAP:
            at = frame.left + 14 + cheap % 3 * 14
            cheap += 1
        spots.append((at, y(arm.quality.value or 0.0)))
    return spots


def _grid(view: View, frame: Frame, x: Scale, y: Scale) -> str:
    heights = y.ticks(6)
    digits = 0 if all(math.isclose(100 * tick, round(100 * tick)) for tick in heights) else 1
    rows = [(y(tick), formats.percent(tick, digits)) for tick in heights]
    costs = x.ticks(4 if frame.narrow else 8)
    columns = [(x(tick), formats.money_tick(tick, view.currency)) for tick in costs]
    body = grid(frame, rows, columns)
    spacing = ", logarithmic" if x.log else ""
    body += text(f"Cost a month{spacing}", frame.x_end, frame.y_end + 42, "label", "end")
    return body + text(view.metric_name, 0, 12, "label")


def _limits(
    view: View,
    frame: Frame,
    bounds: tuple[tuple[Scale, float | None], tuple[Scale, float | None]],
    marks: Sequence[Box],
) -> tuple[str, list[Box]]:
    """Shade what the constraints exclude; also return where their words stand."""
    (x, limit), (y, least) = bounds
    body = ""
    notes: list[Box] = []
    if limit is not None and limit > 0:
        at = x(limit)
        size = {"width": frame.x_end - at, "height": frame.y_end - frame.top}
        body += tag("rect", x=at, y=frame.top, class_="outside", **size)
        body += line(at, frame.top, at, frame.y_end, "limit")
        words = f"at most {formats.money(limit, view.currency)}"
        note, box = _note(words, (at, frame.y_end - 8), (at, frame.top + 14), frame, marks)
        body, notes = body + note, [*notes, box]
    if least is not None:
        at = y(least)
        size = {"width": frame.x_end - frame.left, "height": max(frame.y_end - at, 0.0)}
        body += tag("rect", x=frame.left, y=at, class_="outside", **size)
        body += line(frame.left, at, frame.x_end, at, "limit")
        words = f"at least {formats.percent(least)}"
        inside = frame.left + width(words, frame.size) + 12
        note, box = _note(words, (frame.x_end, at - 7), (inside, at + 16), frame, marks)
        body, notes = body + note, [*notes, box]
    return body, notes


def _note(
    words: str,
    first: tuple[float, float],
    second: tuple[float, float],
    frame: Frame,
    marks: Sequence[Box],
) -> tuple[str, Box]:
    """Write a constraint's words ending at the first of two places, or the freer one."""

    def box(end: tuple[float, float]) -> Box:
        wide = width(words, frame.size)
        return Box(end[0] - 6 - wide, end[1] - frame.size, end[0] - 6, end[1] + 3)

    end = min((first, second), key=lambda place: sum(box(place).overlap(mark) for mark in marks))
    return text(words, end[0] - 6, end[1], "note", "end"), box(end)


def _points(arms: Sequence[ArmView], spots: Sequence[tuple[float, float]], y: Scale) -> str:
    body = ""
    for arm, (x, height) in zip(arms, spots, strict=True):
        kind = _kind(arm)
        inside = tag("title", str(Markup.escape(_one_line(arm))))
        if arm.quality.low is not None and arm.quality.high is not None:
            inside += line(x, y(arm.quality.low), x, y(arm.quality.high), "whisker")
        mark = "mark free" if arm.is_free else "mark"
        body += tag("g", inside + point(arm.family, x, height, mark), class_=kind)
    return body


def _kind(arm: ArmView) -> str:
    if arm.winner:
        return "arm winner"
    return "arm broken" if arm.breaks or arm.is_ceiling else "arm"


def _obstacles(
    arms: Sequence[ArmView], spots: Sequence[tuple[float, float]], y: Scale
) -> list[Box]:
    """What names must not cover: points and intervals."""
    boxes = [Box(x - 6, height - 6, x + 6, height + 6) for x, height in spots]
    for arm, (x, _) in zip(arms, spots, strict=True):
        if arm.quality.low is not None and arm.quality.high is not None:
            boxes.append(Box(x - 1.5, y(arm.quality.high), x + 1.5, y(arm.quality.low)))
    return boxes


def _names(
    arms: Sequence[ArmView],
    spots: Sequence[tuple[float, float]],
    obstacles: Sequence[Box],
    frame: Frame,
) -> str:
    anchors = [
        Anchor(x, height, arm.title, 2 if arm.winner else int(not arm.breaks))
        for arm, (x, height) in zip(arms, spots, strict=True)
    ]
    bounds = Box(frame.left + 2, frame.top, frame.x_end, frame.y_end - 2)
    body = ""
    for arm, label in zip(arms, place(anchors, obstacles, bounds, frame.size), strict=True):
        leader = line(*label.leader, "leader") if label.leader else ""
        name = leader + text(label.text, label.x, label.y, "name", "middle")
        body += tag("g", name, class_=_kind(arm))
    return body


def _one_line(arm: ArmView) -> str:
    quality = formats.percent(arm.quality.value)
    between = formats.interval(arm.quality)
    money = formats.money(arm.cost.monthly, arm.cost.currency)
    return f"{arm.title}: {quality} ({between}), {money} a month"
