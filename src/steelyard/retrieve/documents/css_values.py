"""Numbers and lengths as style sheets write them, with the arithmetic of calc()."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

ROOT_PIXELS = 16.0
SCREEN_WIDTH, SCREEN_HEIGHT = 1280.0, 800.0
"""Of an ordinary desktop screen, in CSS pixels."""
_UNITS: Mapping[str, float] = {
    "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6,
    "rem": ROOT_PIXELS, "ex": 8.0, "ch": 8.0, "cap": 11.0, "ic": 16.0, "lh": 19.0, "rlh": 19.0,
    "vw": SCREEN_WIDTH / 100, "vi": SCREEN_WIDTH / 100, "vh": SCREEN_HEIGHT / 100, "vb": SCREEN_HEIGHT / 100,
    "vmin": SCREEN_HEIGHT / 100, "vmax": SCREEN_WIDTH / 100,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?P<unit>%|[a-z]+)?"
    r"|(?P<function>[a-z-]*)\(|(?P<word>[a-z]+)|(?P<sign>[-+*/),]))"
)
_PIECES = re.compile(
    r"""[()]|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[^()"'\s,/]+|[\s,/]""", re.DOTALL
)
_CONSTANTS = {"pi": math.pi, "e": math.e, "infinity": math.inf}
_DEGREES = {"deg": 1.0, "grad": 0.9, "rad": 180 / math.pi, "turn": 360.0}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "abs": abs, "sign": lambda x: (x > 0) - (x < 0), "sqrt": math.sqrt, "exp": math.exp, "pow": math.pow,
    "log": math.log, "hypot": math.hypot, "mod": lambda a, b: a % b, "rem": math.fmod,
    "sin": lambda x: math.sin(math.radians(x)), "cos": lambda x: math.cos(math.radians(x)),
    "tan": lambda x: math.tan(math.radians(x)),
    "round": lambda x, step=1.0: step * math.floor(x / step + 0.5),
    "min": min, "max": max, "clamp": lambda low, value, high: max(low, min(value, high)),
    "env": lambda amount: amount, "calc": lambda amount: amount, "-webkit-calc": lambda amount: amount,
    "": lambda amount: amount,
}  # fmt: skip
_ENVIRONMENT = re.compile(r"\s*(safe-area-(?:max-)?inset-[a-z]+)?[\w-]*\s*(?:,|(?=\)))")
"""On a desktop screen the safe area is all of it; other variables have what stands behind the comma."""
_MOST_VALUE = 500
_MOST_NESTED = 20


class _UnknownError(Exception):
    """The value is none, or holds a function that is not known."""


class _Amount(NamedTuple):
    value: float
    is_length: bool


def arguments(text: str, separator: str = " ") -> list[str]:
    """The parts of a value between separators outside of brackets and strings, stripped."""
    parts: list[str] = []
    piece: list[str] = []
    depth = 0
    for match in _PIECES.finditer(text):
        token = match[0]
        depth = max(0, depth + (token == "(") - (token == ")"))
        if depth == 0 and (token == separator or (separator == " " and token.isspace())):
            parts.append("".join(piece).strip())
            piece = []
        else:
            piece.append(token)
    parts.append("".join(piece).strip())
    return [part for part in parts if part] if separator == " " else parts


def number(text: str, full: float = 1.0) -> float | None:
    """A number without a unit, or a share of ``full`` in percent; ``None`` for what is none."""
    amount = _amount(text, ROOT_PIXELS, full)
    return None if amount is None or amount.is_length else amount.value


def pixels(text: str, parent: float = ROOT_PIXELS, full: float | None = None) -> float | None:
    """A length in pixels; ``None`` for what is none or cannot be known.

    ``em`` is of ``parent``, ``%`` of ``full`` (of ``parent`` where that is not stated).
    """
    amount = _amount(text, parent, parent if full is None else full)
    if amount is None or not (amount.is_length or "%" in text or amount.value == 0):
        return None
    return amount.value


def angle(text: str) -> float | None:
    """An angle in degrees; ``None`` for what is none or cannot be known."""
    amount = _amount(text, ROOT_PIXELS, 1.0)
    return None if amount is None or amount.is_length else amount.value


def _amount(text: str, parent: float, full: float) -> _Amount | None:
    if not text or len(text) > _MOST_VALUE:
        return None
    try:
        reader = _Reader(text, parent, full)
        amount = reader.sum(0)
        return amount if reader.is_at_end() else None
    except (_UnknownError, ZeroDivisionError, OverflowError, ValueError, TypeError):
        return None


class _Reader:
    """Reads one value from left to right."""

    def __init__(self, text: str, parent: float, full: float) -> None:
        self._text, self._place = text, 0
        self._parent, self._full = parent, full

    def is_at_end(self) -> bool:
        return not self._text[self._place :].strip()

    def sum(self, depth: int) -> _Amount:
        """A sum of products; outside of calc() there is but one term."""
        total = self._product(depth)
        while depth and (sign := self._sign("+-")):
            term = self._product(depth)
            value = total.value + (term.value if sign == "+" else -term.value)
            total = _Amount(value, total.is_length or term.is_length)
        return total

    def _product(self, depth: int) -> _Amount:
        total = self._term(depth)
        while depth and (sign := self._sign("*/")):
            term = self._term(depth)
            value = total.value * term.value if sign == "*" else total.value / term.value
            total = _Amount(value, total.is_length or term.is_length)
        return total

    def _sign(self, signs: str) -> str:
        match = _TOKEN.match(self._text, self._place)
        if match is None or (match["sign"] or "\0") not in signs:
            return ""
        self._place = match.end()
        return str(match["sign"])

    def _term(self, depth: int) -> _Amount:
        match = _TOKEN.match(self._text, self._place)
        if match is None or match["sign"] or depth > _MOST_NESTED:
            raise _UnknownError
        self._place = match.end()
        if match["number"] is not None:
            return self._with_unit(float(match["number"]), match["unit"])
        if match["word"] is not None:
            if depth == 0 or match["word"] not in _CONSTANTS:
                raise _UnknownError
            return _Amount(_CONSTANTS[match["word"]], False)
        if match["function"] == "env" and (name := _ENVIRONMENT.match(self._text, self._place)):
            self._place = name.end()
            if name[1]:
                if name[0].endswith(","):
                    list(self._inside(depth + 1))
                else:
                    self._sign(")")
                return _Amount(0.0, True)
        amounts = list(self._inside(depth + 1))
        return _combined(match["function"], amounts)

    def _with_unit(self, value: float, unit: str | None) -> _Amount:
        if unit is None:
            return _Amount(value, False)
        if unit == "%":
            return _Amount(value * self._full / 100, False)
        if unit == "em":
            return _Amount(value * self._parent, True)
        if unit in _DEGREES:
            return _Amount(value * _DEGREES[unit], False)
        unit = unit if unit in _UNITS else re.sub("^(?:[sld]v|cq)", "v", unit)
        if unit not in _UNITS:
            raise _UnknownError
        return _Amount(value * _UNITS[unit], True)

    def _inside(self, depth: int) -> Iterator[_Amount]:
        yield self.sum(depth)
        while self._sign(","):
            yield self.sum(depth)
        if not self._sign(")"):
            raise _UnknownError


def _combined(function: str, amounts: list[_Amount]) -> _Amount:
    if function not in _FUNCTIONS:
        raise _UnknownError
    value = float(_FUNCTIONS[function](*(amount.value for amount in amounts)))
    if math.isnan(value):
        raise _UnknownError
    return _Amount(value, function != "sign" and any(amount.is_length for amount in amounts))
