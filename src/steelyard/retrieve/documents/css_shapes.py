"""Shapes of `clip-path` (CSS Shapes 1 and 2): whether anything is left of a box that one cuts."""

from __future__ import annotations

import re

from steelyard.retrieve.documents.css_values import arguments, pixels


def is_empty_shape(name: str, inside: str, full: float) -> bool:
    """Whether a shape of `clip-path` shows nothing of a box whose sides are ``full`` pixels."""
    if name == "path":
        return len(re.findall(r"[lhvcsqta]", inside, re.IGNORECASE)) == 0
    if name == "shape":
        ends = re.findall(r"(?:from|to|by)\s+([^,]+)", inside)
        return bool(ends) and all(pixels(w) == 0 for end in ends for w in arguments(end))
    if name == "polygon":
        points = [arguments(point) for point in arguments(inside, ",")]
        points = points[1:] if points and len(points[0]) == 1 else points
        corners = [
            (pixels(p[0], full=full), pixels(p[1], full=full)) for p in points if len(p) == 2
        ]
        if any(None in corner for corner in corners) or not corners:
            return False
        known = [(x or 0.0, y or 0.0) for x, y in corners]
        turned = (*known[1:], known[0])
        area = sum(a * d - c * b for (a, b), (c, d) in zip(known, turned, strict=True))
        return abs(area) <= 2 or any(
            max(axis) <= 0 or min(axis) >= full for axis in zip(*known, strict=True)
        )
    shape, _, place = inside.partition("round" if name in {"inset", "rect", "xywh"} else "at")
    sizes = [pixels(word, full=full) for word in arguments(shape)]
    if not sizes or None in sizes:
        return False
    parts = [size or 0.0 for size in sizes]
    if name in {"circle", "ellipse"}:
        centre = [pixels(word, full=full) for word in arguments(place)]
        beside = any(at is not None and at + max(parts) <= 0 for at in centre)
        return min(parts) <= 1 or beside
    if name == "xywh" and len(parts) == 4:
        return min(parts[2:]) <= 0.5
    if name == "rect" and len(parts) == 4:
        return parts[2] - parts[0] <= 0.5 or parts[1] - parts[3] <= 0.5
    if name == "inset":
        gaps = [parts[at if at < len(parts) else at - 2 if at >= 2 and at - 2 < len(parts) else 0]
                for at in range(4)]  # fmt: skip
        return gaps[0] + gaps[2] >= full - 1.5 or gaps[1] + gaps[3] >= full - 1.5
    return False
