"""SVG pieces the charts share. Every text is escaped; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from steelyard.result.figures import Figure

_RADIUS = 5.2


@dataclass(frozen=True)
class Frame:
    """A drawing's size and margins in pixels; ``name`` keeps the ids of two drawings apart."""

    name: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    size: float = 12.5
    everywhere: bool = False

    @property
    def x_end(self) -> float:
        return self.width - self.right

    @property
    def y_end(self) -> float:
        return self.height - self.bottom

    @property
    def narrow(self) -> bool:
        return self.width < 500


def tag(name: str, inside: str | None = None, /, **attributes: object) -> str:
    """One SVG element: ``inside`` is markup already, attributes are escaped (``_`` is ``-``)."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}/>" if inside is None else f"<{name}{written}>{inside}</{name}>"


def _short(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def text(words: str, x: float, y: float, kind: str = "", anchor: str = "start") -> str:
    """A text whose class sets its colour and weight."""
    attributes: dict[str, object] = {"class_": kind or None, "text_anchor": anchor}
    return tag("text", str(escape(words)), x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def drawing(frame: Frame, title: str, description: str, body: str) -> Markup:
    """A whole ``<svg>`` with its title and description."""
    head = tag("title", str(escape(title)), id=f"{frame.name}-title")
    head += tag("desc", str(escape(description)), id=f"{frame.name}-desc")
    return Markup(
        tag(
            "svg",
            head + body,
            class_=_class(frame),
            viewBox=f"0 0 {frame.width:g} {frame.height:g}",
            role="img",
            aria_labelledby=f"{frame.name}-title {frame.name}-desc",
            font_size=frame.size,
        )
    )


def grid(
    frame: Frame, rows: Iterable[tuple[float, str]], columns: Iterable[tuple[float, str]] = ()
) -> str:
    """Level lines with their figures, the axis below them, and its ticks with theirs."""
    body = ""
    for at, figure in rows:
        body += line(frame.left, at, frame.x_end, at, "grid")
        body += text(figure, frame.left - 8, at + 4, "tick", "end")
    for at, figure in columns:
        body += line(at, frame.y_end, at, frame.y_end + 5, "axis")
        body += text(figure, at, frame.y_end + 20, "tick", "middle")
    return body + line(frame.left, frame.y_end, frame.x_end, frame.y_end, "axis")


def _class(frame: Frame) -> str:
    if frame.everywhere:
        return "chart"
    return "chart narrow" if frame.narrow else "chart wide"


_Corners = tuple[tuple[float, float], ...]
_SHAPES: Mapping[str, tuple[float, _Corners]] = {
    "few_shot": (1.15, ((0, -1.1), (1, 0.75), (-1, 0.75))),
    "retrieval": (1.05, ((0, -1.1), (1.05, -0.34), (0.65, 0.9), (-0.65, 0.9), (-1.05, -0.34))),
    "fine_tune": (1.3, ((0, -1), (1, 0), (0, 1), (-1, 0))),
    "hybrid": (1.15, ((0, 1.1), (1, -0.75), (-1, -0.75))),
    "classical": (0.9, ((-1, -1), (1, -1), (1, 1), (-1, 1))),
}
"""The size and the corners of a family's mark, in radii: triangle, pentagon, diamond and so on."""


def point(family: str, x: float, y: float, kind: str) -> str:
    """A family's mark; prompts, which have no corners, are circles."""
    if family not in _SHAPES:
        return tag("circle", cx=x, cy=y, r=_RADIUS, class_=kind)
    size, corners = _SHAPES[family]
    r = _RADIUS * size
    spots = " ".join(f"{x + r * across:.1f},{y + r * down:.1f}" for across, down in corners)
    return tag("polygon", points=spots, class_=kind)


def breakable(name: str) -> Markup:
    """A name that a narrow column may break after its underscores and before its model."""
    return escape(name).replace("_", Markup("_<wbr>")).replace("@", Markup("<wbr>@"))


def key(family: str, free: bool = False) -> Markup:
    """A family's mark by itself, for a legend."""
    mark = point(family, 8, 8, "mark free" if free else "mark")
    return Markup(tag("svg", mark, class_="key", viewBox="0 0 16 16", aria_hidden="true"))


def interval_bar(figure: Figure, axis: tuple[float, float], title: str, kind: str) -> Markup:
    """A small bar: a figure with its interval, on an axis from ``least`` to ``most``."""
    least, most = axis
    wide, middle, edge = 156.0, 7.0, 6.0

    def at(value: float) -> float:
        share = (value - least) / (most - least) if most > least else 0.5
        return edge + min(max(share, 0.0), 1.0) * (wide - 2 * edge)

    body = tag("title", str(escape(title))) + line(0, middle, wide, middle, "track")
    if figure.low is not None and figure.high is not None:
        body += line(at(figure.low), middle, at(figure.high), middle, "range")
    if figure.value is not None:
        body += tag("circle", cx=at(figure.value), cy=middle, r=4.2, class_="dot")
    box = f"0 0 {wide:g} 14"
    return Markup(tag("svg", body, class_=f"bar {kind}".strip(), viewBox=box, role="img"))
