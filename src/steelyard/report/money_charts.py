"""The cost of the arms over time with its band, and what moves a saving, as inline SVG in two widths."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from steelyard.report import formats
from steelyard.report.labels import spread
from steelyard.report.marks import Frame, drawing, grid, line, tag, text
from steelyard.report.money_over_time import MoneyOverTime
from steelyard.report.scale import Scale
from steelyard.report.view import DAYS_A_MONTH, View
from steelyard.result.economics import ArmEconomics, CostSwing, MoneyBand
from steelyard.words import shortened

_WIDE = Frame("course", 1000, 400, 74, 186, 30, 58)
_NARROW = Frame("course-narrow", 360, 380, 56, 14, 34, 54, 12.0)
_RATIO = 50.0  # sums further apart than this are drawn on a logarithmic axis
_BELOW = 10.0  # how far a logarithmic axis reaches below the lowest line; a band may go on
_IN_DAYS = 60  # a horizon up to this many days is marked in days
_LONGEST_NAME, _LONGEST_INPUT = 26, 38
_ROW_WIDE, _ROW_NARROW = 34.0, 44.0
_BAR = 14.0


def course(view: View) -> Markup:
    """Draw what the arms have cost by the end of each month; empty where no arm has a band."""
    money = MoneyOverTime(view)
    days = view.result.economics.horizon_days
    if not days or not money.lines or not max(_highs(money.lines)) > 0:
        return Markup("")
    return _course(money, float(days), _WIDE) + _course(money, float(days), _NARROW)


def _highs(arms: Sequence[ArmEconomics]) -> list[float]:
    return [arm.band.high[-1] for arm in arms if arm.band is not None and arm.band.high]


def _course(money: MoneyOverTime, days: float, frame: Frame) -> Markup:
    arms = money.lines
    x = Scale(0, days, frame.left, frame.x_end)
    y = _money_axis(arms, frame)
    body = _grid(money, frame, x, y)
    for arm in reversed(arms):  # the first drawn lies on top
        body += _line(money, arm, (x, y))
    body += _ends(money, arms, y, frame)
    described = "; ".join(_words(money, arm) for arm in arms)
    return drawing(frame, "Cost so far, month by month", described, body)


def _money_axis(arms: Sequence[ArmEconomics], frame: Frame) -> Scale:
    """From 0; logarithmic from the first month on where the sums differ widely."""
    bands = [arm.band for arm in arms if arm.band is not None]
    ends = [band.median[-1] for band in bands]
    starts = [band.median[0] for band in bands]
    most = max(band.high[-1] for band in bands)
    months = max(len(band.median) for band in bands)
    if min(starts) > 0 and months > 1 and most / min(ends) > _RATIO:
        least = max(min(min(band.low) for band in bands), min(starts) / _BELOW)
        return Scale(least / 1.5, most * 1.5, frame.y_end, frame.top, log=True)
    return Scale(0, most * 1.05, frame.y_end, frame.top)


def _grid(money: MoneyOverTime, frame: Frame, x: Scale, y: Scale) -> str:
    in_days = x.high <= _IN_DAYS
    unit = 1 if in_days else DAYS_A_MONTH
    marks = Scale(0, x.high / unit, x.start, x.end)
    rows = [(y(tick), formats.money_tick(tick, money.currency)) for tick in y.ticks(5)]
    columns = [(marks(tick), f"{tick:g}") for tick in marks.ticks(4 if frame.narrow else 7)]
    body = grid(frame, rows, columns)
    title = "Days" if in_days else "Months"
    body += text(f"{title} at {money.traffic}", frame.x_end, frame.y_end + 42, "label", "end")
    return body + text(f"Cost so far{', logarithmic' if y.log else ''}", 0, 12, "label")


def _line(money: MoneyOverTime, arm: ArmEconomics, scales: tuple[Scale, Scale]) -> str:
    """A line at the median, on a band from the 5th to the 95th percentile."""
    x, y = scales
    band = arm.band or MoneyBand()
    start = None if y.log else money.upfront(arm)

    def points(values: Sequence[float]) -> list[str]:
        first = [] if start is None else [(0.0, start)]
        ends = [min(float(DAYS_A_MONTH * month), x.high) for month in range(1, len(values) + 1)]
        return [f"{x(day):.1f},{y(v):.1f}" for day, v in [*first, *zip(ends, values, strict=True)]]

    around = points(band.low) + points(band.high)[::-1]
    inside = tag("title", str(escape(_words(money, arm))))
    inside += tag("path", d="M" + "L".join(around) + "Z", class_="band")
    inside += tag("path", d="M" + "L".join(points(band.median)), class_="course")
    return tag("g", inside, class_=f"way t{money.tone(arm.arm)}")


def _ends(money: MoneyOverTime, arms: Sequence[ArmEconomics], y: Scale, frame: Frame) -> str:
    """Names at the lines' ends; on a phone inside the drawing, above them."""
    ends = [y((arm.band or MoneyBand()).median[-1]) - (9 if frame.narrow else 0) for arm in arms]
    heights = spread(ends, frame.size * 1.35, frame.top + 4, frame.y_end)
    body = ""
    for arm, at, height in zip(arms, ends, heights, strict=True):
        label = shortened(arm.arm, _LONGEST_NAME)
        leader = line(frame.x_end + 2, at, frame.x_end + 12, height, "leader")
        name = text(label, frame.x_end + 16, height + 4, "name")
        if frame.narrow:
            leader, name = "", text(label, frame.x_end, height, "name", "end")
        body += tag("g", leader + name, class_=f"way t{money.tone(arm.arm)}")
    return body


def _words(money: MoneyOverTime, arm: ArmEconomics) -> str:
    band = arm.band or MoneyBand()
    low, median, high = (money.money(v[-1]) for v in (band.low, band.median, band.high))
    return f"{arm.arm}: {median} after {money.horizon}, {low} to {high} in 90 % of the scenarios"


def tornado(view: View) -> Markup:
    """Draw what each input does to the saving of an arm; empty where no arm is to pay back."""
    money, swings = MoneyOverTime(view), view.result.economics.tornado
    if not money.tornado_title:
        return Markup("")
    rows = len(swings)
    wide = Frame("tornado", 1000, 52 + rows * _ROW_WIDE, 290, 90, 8, 44)
    narrow = Frame("tornado-narrow", 360, 52 + rows * _ROW_NARROW, 66, 66, 8, 44, 12.0)
    return _tornado(money, swings, wide) + _tornado(money, swings, narrow)


def _tornado(money: MoneyOverTime, swings: Sequence[CostSwing], frame: Frame) -> Markup:
    x = _saving_axis(swings, frame)
    body = "".join(_upright(money, x, tick, frame) for tick in x.ticks(3 if frame.narrow else 6))
    body += text("Saving over the horizon", frame.x_end, frame.y_end + 38, "label", "end")
    row = (frame.y_end - frame.top) / len(swings)
    for number, swing in enumerate(swings):
        body += _swing(money, swing, x, (frame.top + row * number, row), frame)
    described = "; ".join(_swing_words(money, swing) for swing in swings)
    return drawing(frame, money.tornado_title, described, body)


def _saving_axis(swings: Sequence[CostSwing], frame: Frame) -> Scale:
    """All swings, and nothing saved where that is not far off."""
    ends = [end for swing in swings for end in (swing.low, swing.high)]
    least, most = min(ends), max(ends)
    reach = (most - least) or abs(most) or 1.0
    least = 0.0 if 0 < least < 2 * reach else least
    most = 0.0 if -2 * reach < most < 0 else most
    return Scale(least, most, frame.left, frame.x_end)


def _upright(money: MoneyOverTime, x: Scale, tick: float, frame: Frame) -> str:
    kind = "axis" if tick == 0 else "grid"
    body = line(x(tick), frame.top, x(tick), frame.y_end, kind)
    figure = formats.money_tick(abs(tick), money.currency)
    sign = "\u2212" if tick < 0 else ""
    return body + text(f"{sign}{figure}", x(tick), frame.y_end + 18, "tick", "middle")


def _swing(
    money: MoneyOverTime,
    swing: CostSwing,
    x: Scale,
    row: tuple[float, float],
    frame: Frame,
) -> str:
    """A bar from the saving at an input's 10th percentile (hollow) to that at its 90th (filled)."""
    top, height = row
    middle = top + height - _BAR / 2 - 5 if frame.narrow else top + height / 2
    left, right = sorted((swing.low, swing.high))
    inside = tag("title", str(escape(_swing_words(money, swing))))
    size = {"width": max(x(right) - x(left), 1.0), "height": _BAR}
    inside += tag("rect", x=x(left), y=middle - _BAR / 2, class_="swing", **size)
    inside += tag("circle", cx=x(swing.low), cy=middle, r=4.5, class_="end low")
    inside += tag("circle", cx=x(swing.high), cy=middle, r=4.5, class_="end")
    inside += text(money.money(left), x(left) - 9, middle + 4, "tick", "end")
    inside += text(money.money(right), x(right) + 9, middle + 4, "tick")
    above = middle - _BAR / 2 - 7
    label = shortened(swing.input, _LONGEST_INPUT)
    inside += text(label, 0, above if frame.narrow else middle + 4, "input")
    return tag("g", inside)


def _swing_words(money: MoneyOverTime, swing: CostSwing) -> str:
    low, high = money.money(swing.low), money.money(swing.high)
    return f"{swing.input}: {low} at its 10th percentile, {high} at its 90th"
