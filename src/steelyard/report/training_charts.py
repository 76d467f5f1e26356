"""The curves of a training: as inline SVG in two widths, and as plain characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

from markupsafe import Markup, escape

from steelyard.report import formats
from steelyard.report.labels import spread
from steelyard.report.marks import Frame, drawing, grid, line, tag, text
from steelyard.report.scale import Scale, quality_axis
from steelyard.report.text_chart import TextMark, TextSeries, text_chart
from steelyard.report.training import TrainingView, between, loss

_WIDE = Frame("loss", 1000, 400, 64, 92, 30, 58)
_NARROW = Frame("loss-narrow", 360, 340, 46, 14, 34, 54, 12.0)
_SMALL_WIDE = Frame("small", 520, 230, 58, 16, 30, 50, 12.0)
_SMALL_NARROW = Frame("small-narrow", 360, 220, 46, 14, 34, 50, 12.0)
_RATIO = 20.0  # losses further apart than this are drawn on a logarithmic axis
_AIR = 0.06
_LEAST_LOSS = 1e-6
_BOLD_POINTS = 50  # a curve of twice as many points has a running mean drawn over it
Spots = Sequence[tuple[float, float]]


def train_spots(view: TrainingView) -> Spots:
    """The loss on train of each point of the epochs, over all their steps."""
    return [(one.whole_step, one.loss) for one in view.epoch_points if one.loss is not None]


def dev_spots(view: TrainingView, key: str) -> Spots:
    """What each epoch came to on dev, at its last step."""
    return [(view.end_of(one), one[key]) for one in view.course.epochs if one.get(key) is not None]


def losses(view: TrainingView) -> Markup:
    """Draw the losses of the epochs, wide and narrow; empty before the first point."""
    if not train_spots(view):
        return Markup("")
    return _in_both(view, _losses, (_WIDE, _NARROW))


def _in_both(
    view: TrainingView, draw: Callable[[TrainingView, Frame], Markup], frames: Sequence[Frame]
) -> Markup:
    """Draw for a page and for a phone, each with ids of this training's own."""
    own = (replace(frame, name=f"{draw.__name__}-{frame.name}-{view.name}") for frame in frames)
    return Markup("").join(draw(view, frame) for frame in own)


def _losses(view: TrainingView, frame: Frame) -> Markup:
    train, dev = train_spots(view), dev_spots(view, "dev_loss")
    x = _steps_axis(view, frame)
    y = _loss_axis([value for _, value in (*train, *dev)], frame)
    rows = [(y(tick), f"{tick:g}") for tick in y.ticks(5)]
    body = grid(frame, rows, _columns(x, frame)) + _epoch_lines(view, x, frame)
    count = running_points(view)
    if count > 1:
        body += _curve(train, (x, y), "way t1 raw", "train, each point")
    bold = _running(train, count)
    body += _curve(bold, (x, y), "way t1", "train")
    body += _curve(dev, (x, y), "way t0", "dev")
    body += _dots(view, dev, (x, y), loss)
    ends = [("train", 1, bold[-1])] + ([("dev", 0, dev[-1])] if dev else [])
    body += _names(ends, (x, y), frame)
    spacing = ", logarithmic" if y.log else ""
    body += text(f"Loss, {view.config.loss_unit}{spacing}", 0, 12, "label")
    body += text("Steps", frame.x_end, frame.y_end + 42, "label", "end")
    described = "; ".join(f"epoch {n}: {loss(v)} on dev" for n, (_, v) in enumerate(dev, start=1))
    return drawing(frame, f"Losses of {view.name}", described or "no epoch is finished", body)


def _steps_axis(view: TrainingView, frame: Frame) -> Scale:
    """As far as the planned steps, or what was added to them."""
    planned = view.config.epochs * view.config.steps_per_epoch
    last = view.epoch_points[-1].whole_step if view.epoch_points else 0
    return Scale(0, max(planned, last, 1), frame.left, frame.x_end)


def _loss_axis(values: Sequence[float], frame: Frame) -> Scale:
    low, high = min(values), max(values)
    if _is_wide(values):
        return Scale(low / 1.3, high * 1.3, frame.y_end, frame.top, log=True)
    air = (high - low) * _AIR or abs(high) * _AIR or 1.0
    least = 0.0 if low < (high - low) else max(0.0, low - air)
    return Scale(least, high + air, frame.y_end, frame.top)


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > _LEAST_LOSS and max(values) / min(values) > _RATIO


def running_points(view: TrainingView) -> int:
    """Over how many points of a long curve the bold line is the mean; 1: it is the curve itself."""
    return max(1, len(train_spots(view)) // _BOLD_POINTS)


def _running(spots: Spots, count: int) -> Spots:
    """The mean over ``count`` points up to each."""
    sums = [0.0, *accumulate(value for _, value in spots)]
    return [
        (step, (sums[place + 1] - sums[max(0, place + 1 - count)]) / min(count, place + 1))
        for place, (step, _) in enumerate(spots)
    ]


def _columns(x: Scale, frame: Frame) -> list[tuple[float, str]]:
    ticks = x.ticks(4 if frame.width < 600 else 8)
    return [(x(tick), f"{tick:,.0f}") for tick in ticks if tick.is_integer()]


def _epoch_lines(view: TrainingView, x: Scale, frame: Frame) -> str:
    """Where an epoch ends; the one whose weights were taken is named."""
    body = ""
    for one in view.course.epochs:
        at = x(view.end_of(one))
        is_choice = view.course.is_choice(one)
        body += line(at, frame.top, at, frame.y_end, "limit" if is_choice else "span")
        if is_choice:
            words = f"epoch {one['number'] + 1} taken"
            body += text(words, at - 6, frame.top + 6, "callout", "end")
    return body


def _curve(spots: Spots, scales: tuple[Scale, Scale], kind: str, title: str) -> str:
    if not spots:
        return ""
    x, y = scales
    path = "M" + "L".join(f"{x(step):.1f},{y(value):.1f}" for step, value in spots)
    inside = tag("title", str(escape(title))) + tag("path", d=path, class_="course")
    return tag("g", inside, class_=kind)


def _dots(
    view: TrainingView,
    spots: Spots,
    scales: tuple[Scale, Scale],
    words: Callable[[float], str],
) -> str:
    """A dot at the end of each epoch, with its interval where it has one; the one taken is full."""
    x, y = scales
    body = ""
    by_step = dict(spots)
    for one in view.course.epochs:
        step = view.end_of(one)
        if step not in by_step:
            continue
        value = by_step[step]
        inside = tag("title", str(escape(f"epoch {one['number'] + 1}: {words(value)}")))
        low, high = one.get("dev_low"), one.get("dev_high")
        if words is not loss and low is not None and high is not None:
            inside += line(x(step), y(low), x(step), y(high), "whisker")
        mark = "mark" if view.course.is_choice(one) else "mark free"
        inside += tag("circle", cx=x(step), cy=y(value), r=5.0, class_=mark)
        body += tag("g", inside, class_="arm winner")
    return body


def _names(
    ends: Sequence[tuple[str, int, tuple[float, float]]],
    scales: tuple[Scale, Scale],
    frame: Frame,
) -> str:
    """Names at the lines' ends; on a phone, which has no room there, above the drawing."""
    x, y = scales
    ordered = sorted(ends, key=lambda end: y(end[2][1]))
    heights = spread(
        [y(value) for _, _, (_, value) in ordered],
        frame.size * 1.35,
        frame.top + 4,
        frame.y_end - 4,
    )
    body = ""
    for place, ((name, tone, (step, _)), height) in enumerate(zip(ordered, heights, strict=True)):
        word = text(name, x(step) + 12, height + 4, "name")
        if frame.narrow:
            word = text(name, frame.x_end - 40 * place, 12, "name", "end")
        body += tag("g", word, class_=f"way t{tone}")
    return body


def scores(view: TrainingView) -> Markup:
    """Draw the metric on dev after each epoch, with its interval; empty where dev was not scored."""
    if not dev_spots(view, "dev_score"):
        return Markup("")
    return _in_both(view, _scores, (_SMALL_WIDE, _SMALL_NARROW))


def _scores(view: TrainingView, frame: Frame) -> Markup:
    spots = dev_spots(view, "dev_score")
    heights = [
        value
        for one in view.course.epochs
        for value in (one.get("dev_low"), one.get("dev_score"), one.get("dev_high"))
        if value is not None
    ]
    x, y = _steps_axis(view, frame), quality_axis(heights, frame.y_end, frame.top)
    rows = [(y(tick), formats.percent_tick(tick)) for tick in y.ticks(4)]
    body = grid(frame, rows, _columns(x, frame)) + _curve(spots, (x, y), "way t0", view.metric)
    body += _dots(view, spots, (x, y), formats.percent)
    body += text(f"{view.metric.capitalize()} on dev", 0, 12, "label")
    body += text("Steps", frame.x_end, frame.y_end + 40, "label", "end")
    described = "; ".join(
        f"epoch {one['number'] + 1}: {formats.percent(one.get('dev_score'))} ({between(one)})"
        for one in view.course.epochs
    )
    return drawing(frame, f"{view.metric} of {view.name} on dev", described, body)


def rates(view: TrainingView) -> Markup:
    """Draw the learning rate by step; empty where no point has one."""
    if not _rate_spots(view):
        return Markup("")
    return _in_both(view, _rates, (_SMALL_WIDE, _SMALL_NARROW))


def _rate_spots(view: TrainingView) -> Spots:
    points = [(one.whole_step, one.step_rate) for one in view.epoch_points]
    return [(step, rate) for step, rate in points if rate is not None]


def _rates(view: TrainingView, frame: Frame) -> Markup:
    spots = _rate_spots(view)
    most = max(rate for _, rate in spots)
    x, y = _steps_axis(view, frame), Scale(0, most * 1.1 or 1.0, frame.y_end, frame.top)
    rows = [(y(tick), f"{tick:g}") for tick in y.ticks(4)]
    body = grid(frame, rows, _columns(x, frame)) + _curve(spots, (x, y), "way t1", "learning rate")
    body += text("Learning rate", 0, 12, "label")
    body += text("Steps", frame.x_end, frame.y_end + 40, "label", "end")
    return drawing(frame, f"Learning rate of {view.name}", f"at most {most:g}", body)


def text_curves(view: TrainingView, width: int) -> str:
    """The losses, and the metric on dev, as plain characters; empty before the first point."""
    marks = [
        TextMark(
            view.end_of(one),
            f"{'taken: ' if view.course.is_choice(one) else ''}epoch {one['number'] + 1}",
        )
        for one in sorted(view.course.epochs, key=lambda one: not view.course.is_choice(one))
    ]
    curves = [
        TextSeries(".", "loss on train", train_spots(view)),
        TextSeries("o", "loss on dev", dev_spots(view, "dev_loss")),
    ]
    values = [value for curve in curves for _, value in curve.points]
    is_log = bool(values) and _is_wide(values)
    if is_log:
        curves[0] = curves[0]._replace(name="loss on train (logarithmic)")
    parts = [text_chart(curves, marks, width, is_log=is_log)]
    if view.metric:
        score = [TextSeries("x", f"{view.metric} on dev", dev_spots(view, "dev_score"))]
        within = [*marks, TextMark(0, "")]
        parts.append(text_chart(score, within, width, 5, lambda share: f"{100 * share:.1f} %"))
    return "\n\n".join(filter(None, parts))
