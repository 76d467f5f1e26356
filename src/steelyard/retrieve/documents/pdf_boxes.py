"""Boxes on a page of a PDF, in points (left, bottom, right, top), and the matrices that move them."""

from __future__ import annotations

PageBox = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float]
PLAIN: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def area(box: PageBox) -> float:
    """Square points; 0 for a box that holds nothing."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def thickness(box: PageBox) -> float:
    """The shorter side."""
    return min(abs(box[2] - box[0]), abs(box[3] - box[1]))


def overlap(one: PageBox, other: PageBox) -> bool:
    """Whether two boxes share an area."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def contains(outer: PageBox, inner: PageBox) -> bool:
    """Whether the middle of ``inner`` lies in ``outer``."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def times(one: Matrix, other: Matrix) -> Matrix:
    """The matrix that does ``one``, then ``other``."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def moved(box: PageBox, matrix: Matrix) -> PageBox:
    """The box around a box that a matrix moved."""
    if matrix == PLAIN:
        return box
    a, b, c, d, e, f = matrix
    corners = [(x * a + y * c + e, x * b + y * d + f) for x in box[::2] for y in box[1::2]]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs), min(ys), max(xs), max(ys))


def shared(one: PageBox, other: PageBox) -> PageBox:
    """What two boxes share; its sides are the wrong way round where that is nothing."""
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def around(points: list[tuple[float, float]]) -> PageBox:
    """The box around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs), min(ys), max(xs), max(ys))


def encloses(outer: PageBox, inner: PageBox) -> bool:
    """Whether no more than a point of ``inner`` is outside of ``outer``."""
    left, bottom, right, top = (a - b for a, b in zip(outer, inner, strict=True))
    return left <= 1 and bottom <= 1 and right >= -1 and top >= -1
