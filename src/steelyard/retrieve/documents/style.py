"""What declarations of a style sheet say of whether a text is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from steelyard.retrieve.documents.css_colors import is_color_word
from steelyard.retrieve.documents.css_sheet import Declarations, unescaped
from steelyard.retrieve.documents.css_values import ROOT_PIXELS, arguments, number, pixels

TINY_PIXELS = 1.35
"""One point is 1.33 pixels."""
FONT_SIZES = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
    "xxx-large": 48.0,
}
SIDES = ("top", "right", "bottom", "left")
_ANIMATION = tuple(
    f"animation-{part}"
    for part in "name duration delay fill-mode iteration-count direction play-state".split()
)
_SHORTHANDS: Mapping[str, tuple[str, ...]] = {
    "animation": _ANIMATION,
    "background": ("background-color", "background-image", "background-size"),
    "flex": ("flex-grow", "flex-basis"),
    "font": ("font-size", "line-height"),
    "grid": ("grid-template-rows", "grid-template-columns"),
    "grid-template": ("grid-template-rows", "grid-template-columns"),
    "inset": SIDES,
    "margin": tuple(f"margin-{side}" for side in SIDES),
    "mask": ("mask-image", "mask-size"),
    "overflow": ("overflow-x", "overflow-y"),
    "padding": tuple(f"padding-{side}" for side in SIDES),
}
"""Their longhands have the whole value, of which each takes its part."""
_ALIASES = {
    "-webkit-transform": "transform", "-webkit-filter": "filter", "-webkit-clip-path": "clip-path",
    "inset-inline-start": "left", "inset-inline-end": "right", "inset-block-start": "top",
    "inset-block-end": "bottom", "margin-inline-start": "margin-left", "margin-block-start": "margin-top",
    "inline-size": "width", "block-size": "height", "max-inline-size": "max-width",
    "max-block-size": "max-height", "overflow-inline": "overflow-x", "overflow-block": "overflow-y",
    "-webkit-opacity": "opacity", "-webkit-animation": "animation",
    "-webkit-mask": "mask", "-webkit-mask-image": "mask-image", "-webkit-mask-size": "mask-size",
    "-webkit-backface-visibility": "backface-visibility", "padding-inline-start": "padding-left",
    "padding-block-start": "padding-top", "min-inline-size": "min-width", "min-block-size": "min-height",
    "-webkit-background-clip": "background-clip", "-webkit-background-size": "background-size",
    **{f"-webkit-{name}": name for name in _ANIMATION},
}  # fmt: skip
GLOBAL = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_BOXES = (
    "none block inline flow flow-root table flex grid ruby contents list-item inline-block inline-table "
    "inline-flex inline-grid -webkit-box -webkit-inline-box -webkit-flex math run-in table-row table-cell "
    "table-row-group table-header-group table-footer-group table-column table-column-group table-caption "
    "ruby-base ruby-text ruby-base-container ruby-text-container"
)
_WORDS: Mapping[str, frozenset[str]] = {
    "display": frozenset(_BOXES.split()),
    "visibility": frozenset("visible hidden collapse".split()),
    "float": frozenset("none left right inline-start inline-end".split()),
    "content-visibility": frozenset("visible auto hidden".split()),
    "backface-visibility": frozenset("visible hidden".split()),
    "box-sizing": frozenset("content-box border-box".split()),
    "direction": frozenset("ltr rtl".split()),
    "isolation": frozenset("auto isolate".split()),
    "unicode-bidi": frozenset(
        "normal embed isolate bidi-override isolate-override plaintext".split()
    ),
    "-webkit-text-security": frozenset("none disc circle square".split()),
    "position": frozenset("static relative absolute fixed sticky -webkit-sticky".split()),
    **dict.fromkeys(
        ("overflow-x", "overflow-y"), frozenset("visible hidden clip scroll auto overlay".split())
    ),
}
_LENGTHS = frozenset(
    "left top right bottom text-indent width height max-width max-height margin-left margin-top "
    "margin-right margin-bottom translate padding-left padding-right padding-top padding-bottom min-width "
    "min-height letter-spacing".split()
)
_LENGTH_WORDS = frozenset(
    "auto none normal min-content max-content fit-content stretch hanging each-line -webkit-fill-available "
    "-moz-available".split()
)
_COLORS = frozenset({"color", "background-color", "-webkit-text-fill-color"})
_NUMBERS = frozenset({"opacity", "zoom", "scale", "z-index", "font-size-adjust"})
_NUMBER_WORDS = frozenset("none auto normal reset from-font".split())
_FREE = frozenset(
    "background-image background-size background-clip content contain grid-template-rows font-family "
    "grid-template-columns grid-auto-rows box-shadow text-shadow -webkit-text-stroke color-scheme mask-image "
    "mask-size mix-blend-mode rotate flex-grow flex-basis will-change "
    "aspect-ratio contain-intrinsic-size contain-intrinsic-height "
    "line-height".split()
)
_CALLS: Mapping[str, str] = {
    "transform": r"none|(?:matrix|translate|scale|rotate|skew|perspective)(?:3d|[xyz])?\(",
    "filter": r"none|url\(|[a-z-]+\(",
    "clip": r"auto|rect\(",
    "clip-path": r"none|[a-z-]+-box|(?:url|inset|circle|ellipse|polygon|path|rect|xywh|shape)\(",
}
_EVERY = sorted(
    {
        *_WORDS, *_LENGTHS, *_COLORS, *_NUMBERS, *_CALLS, *_FREE, "font-size",
        *(longhand for longhands in _SHORTHANDS.values() for longhand in longhands),
    }
)  # fmt: skip
"""What ``all`` sets."""
_EVERY.remove("direction")
_EVERY.remove("unicode-bidi")
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_COMPUTED = re.compile(r"(?:var|env|attr|if)\(", re.IGNORECASE)
CALL = re.compile(r"([a-z-]+3?d?)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_HASHLESS = re.compile("[0-9a-fA-F]{3}|[0-9a-fA-F]{6}")
_ATTRIBUTE = re.compile(
    r"attr\(\s*([\w-]+)(?:\s+(?:type\([^()]*\)|raw-string|number|(%|[a-z]+)))?\s*(?:,([^()]*))?\)"
)
_VAR = re.compile(r"var\(", re.IGNORECASE)
_MOST_VALUE, _MOST_STEPS = 2_000, 50


def declared(pairs: Iterable[tuple[str, str]], *, is_quirky: bool = False) -> Declarations:
    """The declarations that matter here, the last valid one of each property.

    As browsers do, it passes over values that a property cannot have; those computed from variables count.
    In a page that ``is_quirky`` colours need no ``#`` and lengths no unit.
    """
    values: Declarations = {}
    for name, raw in pairs:
        value = _IMPORTANT.sub("", raw)
        is_important = value != raw
        names: Iterable[str] = (name,)
        if not name.startswith("--"):
            name, value = name.lower(), unescaped(value).strip()
            name = _ALIASES.get(name, name)
            value = _quirk(name, value) if is_quirky else value
            names = _EVERY if name == "all" else _SHORTHANDS.get(name, (name,))
            names = [longhand for longhand in names if _is_valid(longhand, value.lower(), name)]
        for longhand in names:
            if is_important or not values.get(longhand, ("", False))[1]:
                values[longhand] = (value, is_important)
    return values


def _quirk(name: str, value: str) -> str:
    """A value as browsers read it in pages without a document type (Quirks Mode Standard)."""
    if name in {"color", "background-color"} and _HASHLESS.fullmatch(value):
        return f"#{value}"
    if (name in _LENGTHS and name != "translate") or name in {"font-size", "margin", "padding"}:
        return " ".join(
            f"{w}px" if number(w) is not None and "%" not in w else w for w in arguments(value)
        )
    return value


def with_attributes(value: str, attributes: Mapping[str, str | None]) -> str:
    """A value with its ``attr()`` filled in, from an attribute or by what stands behind the comma."""

    def filled(match: re.Match[str]) -> str:
        text = attributes.get(match[1].lower())
        fallback = match[0] if match[3] is None else match[3]
        return fallback if text is None else f"{text}{match[2] or ''}"

    return _ATTRIBUTE.sub(filled, value) if "attr(" in value else value


def stated(values: Mapping[str, str], name: str) -> str:
    """The value of a property that is not inherited; empty where none, or its initial one, is set."""
    value = values.get(name, "")
    return "" if value in GLOBAL else value


def _is_valid(name: str, value: str, source: str) -> bool:
    """Whether a property can have a value; ``source`` is the name that it is declared by."""
    if _COMPUTED.search(value) or value in GLOBAL:
        return True
    if source == "all":
        return False
    words = arguments(value)
    if name in _WORDS:
        return bool(words) and all(word in _WORDS[name] for word in words)
    if name in _LENGTHS:
        return bool(words) and all(_is_length(word) for word in words)
    if name in _NUMBERS:
        return value in _NUMBER_WORDS or all(number(word) is not None for word in words)
    if name == "background-color":
        return any(
            "(" in word or is_color_word(word) or word in {"none", "currentcolor"} for word in words
        )
    if name in _COLORS:
        return is_color_word(value) or value == "currentcolor" or value.endswith(")")
    if name in _CALLS:
        return re.match(_CALLS[name], value) is not None
    if name == "font-size":
        return (font_pixels(value, ROOT_PIXELS) or 0.0) >= 0
    return name in _ANIMATION or name in _FREE


def _is_length(word: str) -> bool:
    return word in _LENGTH_WORDS or word.endswith(")") or pixels(word) is not None


def substituted(value: str, variables: Mapping[str, str]) -> str:
    """A value with its variables filled in; those that nothing defines stay, and so what it is is unknown."""
    for _ in range(_MOST_STEPS):
        match = next((m for m in reversed(list(_VAR.finditer(value)))), None)
        if match is None or len(value) > _MOST_VALUE:
            break
        depth, end = 1, match.end()
        while end < len(value) and depth:
            depth += {"(": 1, ")": -1}.get(value[end], 0)
            end += 1
        name, comma, fallback = value[match.end() : end - (depth == 0)].partition(",")
        inside = variables.get(name.strip(), fallback if comma else None)
        if inside is None:
            break
        value = f"{value[: match.start()]} {inside.strip()} {value[end:]}".strip()
    return value


def font_pixels(value: str, parent: float) -> float | None:
    """The size that ``font-size`` or ``font`` sets; ``None`` where it sets none."""
    words = [arguments(word, "/")[0] for word in arguments(value)]
    if len(words) > 1:  # the shorthand: a family follows, and numbers before are weights
        sizes = [word for word in words[:-1] if _is_font_size(word)]
        words = sizes[-1:]
    if len(words) != 1:
        return None
    if words[0] in FONT_SIZES:
        return FONT_SIZES[words[0]]
    return {"smaller": parent / 1.2, "larger": parent * 1.2}.get(words[0]) or pixels(
        words[0], parent
    )


def _is_font_size(word: str) -> bool:
    return word in FONT_SIZES or pixels(word) is not None
