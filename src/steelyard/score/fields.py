"""Typed comparison of JSON documents, field by field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal
from unicodedata import normalize

import numpy as np

from steelyard.folding import plain

Kind = Literal["text", "verbatim", "date"]

_DATES = ("date", "date-time")
_ROUNDED = 1e-6
_DEEPEST = 12  # a schema that refers to itself is read so far down


@dataclass(frozen=True)
class Likeness:
    """How values are compared. ``kinds`` gives the kind of each text field by path.

    Paths are as in ``items[].product``. ``tolerance`` is the relative difference up to which numbers
    are the same; without one whole numbers are compared exactly, others to one part in a million.
    ``case`` says whether upper and lower case differ in plain text; lists at the paths in ``ordered``
    are compared place by place, others without regard to order. ``leaf_paths`` are the paths that the
    schema names, empty where there is no schema.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    tolerance: float | None = None
    case: bool = False
    ordered: frozenset[str] = frozenset()
    leaf_paths: frozenset[str] = frozenset()

    def kind(self, path: str) -> Kind:
        """What the text at ``path`` holds: plain text unless the schema says otherwise."""
        return self.kinds.get(path, "text")


def types_of(schema: Any) -> tuple[dict[str, Kind], frozenset[str]]:
    """Return the kinds of text fields by path, and every path of a field.

    Text of ``format: date`` or ``date-time`` is a date; of an ``enum``, ``const``, ``pattern`` or
    another format it is taken verbatim. Alternatives (``anyOf`` and its kin) are read together.
    """
    kinds: dict[str, Kind] = {}
    paths: dict[str, None] = {}
    for path, part in _walk(schema, "", schema, 0):
        if path:
            paths[path] = None
        if part.get("format") in _DATES:
            kinds[path] = "date"
        elif path not in kinds and _is_verbatim(part):
            kinds[path] = "verbatim"
    leaves = [path for path in paths if not any(_is_below(other, path) for other in paths)]
    return kinds, frozenset(leaves)


def _is_below(path: str, above: str) -> bool:
    return path.startswith((f"{above}.", f"{above}[]"))


def _is_verbatim(part: Mapping[str, Any]) -> bool:
    texts = [value for value in part.get("enum", [part.get("const")]) if isinstance(value, str)]
    return bool(texts) or "pattern" in part or "format" in part


def _walk(schema: Any, path: str, root: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    yield path, schema
    if isinstance(referred := schema.get("$ref"), str):
        yield from _walk(_resolve(root, referred), path, root, depth + 1)
    for word in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(word) or ():
            yield from _walk(inner, path, root, depth + 1)
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield from _walk(inner, join(path, name), root, depth + 1)
    for word in ("items", "prefixItems"):
        inner = schema.get(word)
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, Mapping):
                yield from _walk(item, f"{path}[]", root, depth + 1)


def _resolve(root: Any, reference: str) -> Any:
    """Follow ``#/$defs/Name``; a reference elsewhere is ignored."""
    if not reference.startswith("#"):
        return None
    place = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        place = place.get(key) if isinstance(place, Mapping) else None
    return place


def join(path: str, name: str) -> str:
    """The path of the property ``name`` of what lies at ``path``."""
    return f"{path}.{name}" if path else name


_MONTHS = "january february march april may june july august september october november december"
_MONTH_OF = {
    written: place
    for place, name in enumerate(_MONTHS.split(), 1)
    for written in {name, name[:3], "sept" if place == 9 else name}
}
"""Each month by its name and its usual abbreviations, such as ``september``, ``sep`` and ``sept``."""
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([A-Za-z]{3,9})\.?,? (\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_NUMERIC = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")


def same(answer: Any, reference: Any, path: str, likeness: Likeness) -> bool:
    """Whether ``answer`` is the value ``reference`` at ``path``.

    A number is not a text and true is not 1. Dates are the same day (or moment) however they are
    written; days and months in figures only are read year first, as other orders are ambiguous.
    """
    if isinstance(reference, bool) or isinstance(answer, bool):
        return answer is reference
    if isinstance(reference, int | float) and isinstance(answer, int | float):
        return _close(answer, reference, likeness.tolerance)
    if isinstance(reference, str) and isinstance(answer, str):
        return _same_text(answer, reference, path, likeness)
    return bool(answer == reference)


def _close(answer: float, reference: float, tolerance: float | None) -> bool:
    if answer == reference:
        return True
    if tolerance is None:
        if _is_whole(answer) and _is_whole(reference):
            return False
        tolerance = _ROUNDED
    try:
        return abs(answer - reference) <= tolerance * max(abs(answer), abs(reference))
    except OverflowError:  # an integer beyond what a float holds
        return False


def _is_whole(number: float) -> bool:
    return isinstance(number, int) or number.is_integer()


def _same_text(answer: str, reference: str, path: str, likeness: Likeness) -> bool:
    kind = likeness.kind(path)
    if kind == "verbatim":
        return normalize("NFC", answer) == normalize("NFC", reference)
    if kind == "date" and (moment := as_date(reference)) is not None:
        return as_date(answer) == moment
    return _folded(answer, likeness.case) == _folded(reference, likeness.case)


def _folded(text: str, case: bool) -> str:
    return plain(text) if case else plain(text).casefold()


def as_date(text: str) -> date | datetime | None:
    """The day, or the moment, that a text names; ``None`` for anything else.

    A moment with its offset is converted to UTC (``None`` where that leaves the calendar); midnight
    without an offset is the day.
    """
    written = " ".join(text.split())
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return _written_out(written)
    if moment.tzinfo is not None:
        return _in_utc(moment)
    return moment if any((moment.hour, moment.minute, moment.second)) else moment.date()


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999
        return None


def _written_out(text: str) -> date | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match[1], _MONTH_OF.get(match[2].casefold()), match[3]
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = _MONTH_OF.get(match[1].casefold()), match[2], match[3]
    elif match := _NUMERIC.fullmatch(text):
        year, month, day = match[1], int(match[2]), match[3]
    else:
        return None
    try:
        return None if month is None else date(int(year), month, int(day))
    except ValueError:
        return None


_ABSENT: tuple[Any, ...] = (None, [], {})
_MOST_ALIGNED = 200
"""Lists longer than this are aligned by place: the assignment takes cubic time."""


@dataclass(frozen=True)
class FieldCounts:
    """Counts of fields by path: in the answer, in the reference, and right in both.

    A field that is null, an empty list or left out is not there: saying nothing where nothing is
    expected neither helps nor harms, as in slot filling (Makhoul et al. 1999).
    """

    answer: Counter[str] = field(default_factory=Counter)
    reference: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: FieldCounts) -> FieldCounts:
        return FieldCounts(
            self.answer + other.answer, self.reference + other.reference, self.right + other.right
        )

    @property
    def f1(self) -> float:
        """Twice the right fields over the fields of both; 1 where neither document has any."""
        total = self.answer.total() + self.reference.total()
        return 2 * self.right.total() / total if total else 1.0

    def by_path(self) -> dict[str, float]:
        """F1 of each field that at least one of the documents has."""
        return {
            path: 2 * self.right[path] / (self.answer[path] + self.reference[path])
            for path in sorted({*self.answer, *self.reference})
        }


def count_fields(answer: Any, reference: Any, likeness: Likeness, path: str = "") -> FieldCounts:
    """Count the fields of an answer against those of the reference.

    Items of a list are paired so that as many fields as possible are right (an assignment problem;
    Kuhn 1955), so that order does not matter and yet a quantity belongs to its product.
    """
    if _is_absent(answer) and _is_absent(reference):
        return FieldCounts()
    if isinstance(answer, dict) and isinstance(reference, dict):
        total = FieldCounts()
        answer = _renamed(answer, reference)
        for name in dict.fromkeys([*reference, *answer]):
            total += count_fields(answer.get(name), reference.get(name), likeness, join(path, name))
        return total
    if isinstance(answer, list) and isinstance(reference, list):
        return _lists(answer, reference, likeness, path)
    if isinstance(answer, dict | list) or isinstance(reference, dict | list):
        return FieldCounts(leaves(answer, path), leaves(reference, path))
    one = Counter([path])
    right = one if same(answer, reference, path, likeness) else Counter[str]()
    return FieldCounts(
        Counter() if _is_absent(answer) else one, Counter() if _is_absent(reference) else one, right
    )


def _renamed(answer: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    """The answer with the reference's own spelling of each name that reads the same."""
    spelling = {plain(name): name for name in reference if name not in answer}
    return {
        name if name in reference else spelling.get(plain(name), name): value
        for name, value in answer.items()
    }


def leaves(value: Any, path: str) -> Counter[str]:
    """The fields of a document alone, by path."""
    if _is_absent(value):
        return Counter()
    if isinstance(value, dict):
        inner = [leaves(item, join(path, name)) for name, item in value.items()]
    elif isinstance(value, list):
        inner = [leaves(item, f"{path}[]") for item in value]
    else:
        return Counter([path])
    return sum(inner, Counter())


def _lists(answer: list[Any], reference: list[Any], likeness: Likeness, path: str) -> FieldCounts:
    inner = f"{path}[]"
    longest = max(len(answer), len(reference))
    if path in likeness.ordered or longest > _MOST_ALIGNED:
        pairs = [(place, place) for place in range(min(len(answer), len(reference)))]
    else:
        pairs = _aligned(answer, reference, likeness, inner)
    total = FieldCounts()
    for i, j in pairs:
        total += count_fields(answer[i], reference[j], likeness, inner)
    spare = set(range(len(answer))) - {i for i, _ in pairs}
    missed = set(range(len(reference))) - {j for _, j in pairs}
    for place in spare:
        total += FieldCounts(answer=leaves(answer[place], inner))
    for place in missed:
        total += FieldCounts(reference=leaves(reference[place], inner))
    return total


def _aligned(
    answer: list[Any], reference: list[Any], likeness: Likeness, inner: str
) -> list[tuple[int, int]]:
    """Pair items so that most fields are right; between equals, items at the same place."""
    from scipy.optimize import linear_sum_assignment

    right = np.array(
        [[count_fields(a, b, likeness, inner).right.total() for b in reference] for a in answer],
        dtype=np.float64,
    )
    if not right.size:
        return []
    places = np.abs(np.subtract.outer(np.arange(len(answer)), np.arange(len(reference))))
    rows, columns = linear_sum_assignment(right - places / (4.0 * places.size), maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _is_absent(value: Any) -> bool:
    return any(value is none or (none is not None and value == none) for none in _ABSENT)
