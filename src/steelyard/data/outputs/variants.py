"""Labels and JSON fields that are written in several ways: spelling, types, numbers, dates, keys."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from steelyard.data.base import Severity
from steelyard.data.outputs.base import OutputProblem, Outputs, patterns
from steelyard.output_kinds import KINDS
from steelyard.words import counted, listed

USUAL = 0.9
"""A key in at least this share of the objects is one that all should have."""

LEAST_ROWS = 20
LONGEST = 40  # characters: no number or date is longer
_SLASHED = "05/03/2024"

# Signs such as # + * & % @ / tell labels apart ("C", "C#", "C++") and stay.
_LOOSE = re.compile(r"""[\s_.,;:!?"'“”‘’«»()\[\]{}\u2010-\u2015-]+""")

Ways = dict[str, list[int]]
"""The ways in which a field is written, with the indices of the rows that write it so."""


def folded(label: str) -> str:
    """The label without case, spaces and the punctuation that people vary."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return _LOOSE.sub("" if not re.search(r"\d", plain) else " ", plain).strip() or plain


def spellings(outputs: Outputs) -> Iterator[OutputProblem]:
    """Labels that differ from a declared or more frequent one only by case, space or punctuation."""
    if not KINDS[outputs.kind].is_labelled:
        return
    rows = outputs.data.label_sets
    counts = Counter(label for labels in rows for label in labels)
    meant = intended(counts, outputs.data.task.output.labels)
    outputs.facts["spellings"] = meant
    if not meant:
        return
    odd = {index: labels for index in outputs.filled if (labels := meant.keys() & rows[index])}
    count = sum(map(len, odd.values()))
    indices = sorted(odd, key=lambda index: (min(counts[label] for label in odd[index]), index))
    rarest = sorted(meant, key=lambda label: (counts[label], label))
    examples = [f"{label!r} ({counts[label]:,}) for {meant[label]!r}" for label in rarest]
    yield OutputProblem(
        "spellings",
        "error" if outputs.data.task.output.labels else "warning",
        f"{counted(count, 'label is', 'labels are')} spelled differently from a declared or more "
        f"frequent one: {listed(examples)}; they count as separate labels until the spelling is the same",
        indices,
        ["meant: " + ", ".join(meant[label] for label in sorted(odd[index])) for index in indices],
    )


def intended(counts: Counter[str], declared: tuple[str, ...]) -> dict[str, str]:
    """Map each odd spelling to the label that is meant: the declared one, else the most frequent."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys([*declared, *counts]):
        groups.setdefault(folded(label), []).append(label)
    meant: dict[str, str] = {}
    for group in groups.values():
        named = [label for label in group if label in declared]
        if len(group) < 2 or len(named) > 1:
            continue  # two declared labels so alike: either may be meant
        best = named[0] if named else max(group, key=lambda label: (counts[label], label))
        meant |= {label: best for label in group if label != best}
    return meant


class Fields:
    """How each field is written over all JSON outputs; ``[]`` is any item of an array."""

    def __init__(self, values: Mapping[int, Any]) -> None:
        self.types: dict[str, Ways] = defaultdict(lambda: defaultdict(list))
        self.formats: dict[tuple[str, str], Ways] = defaultdict(lambda: defaultdict(list))
        self.slashed: dict[str, Ways] = defaultdict(lambda: defaultdict(list))
        for index, value in values.items():
            self._walk(index, value, "")

    def _walk(self, index: int, value: Any, path: str) -> None:
        if isinstance(value, dict):
            self._note(self.types[path], "object", index)
            for name, below in value.items():
                self._walk(index, below, f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            self._note(self.types[path], "array", index)
            for item in value:
                self._walk(index, item, f"{path}[]")
        elif isinstance(value, str):
            self._note(self.types[path], "text", index)
            self.read(index, value, path)
        elif value is not None:
            scalar = "true or false" if isinstance(value, bool) else "number"
            self._note(self.types[path], scalar, index)

    def read(self, index: int, text: str, path: str) -> None:
        """Note how a text writes a number, date or time, if it is one."""
        family, way = _way(text) if len(text) <= LONGEST and not text.isalpha() else (None, "")
        if family is None:
            return
        self._note(self.formats[path, family], way, index)
        if way == _SLASHED and (order := _order(text)):
            self._note(self.slashed[path], order, index)

    @staticmethod
    def _note(ways: Ways, way: str, index: int) -> None:
        rows = ways[way]
        if not rows or rows[-1] != index:
            rows.append(index)


@lru_cache(maxsize=1)
def _expressions() -> list[tuple[str, str, re.Pattern[str]]]:
    """Family, way and expression, the most telling first."""
    sign = patterns()["currency"]
    return [
        (
            family,
            way,
            re.compile(f"{sign} ?{expression} ?{sign}" if family == "number" else expression),
        )
        for family, ways in patterns()["formats"].items()
        for way, expression in ways.items()
    ]


@lru_cache(maxsize=65536)
def _way(text: str) -> tuple[str | None, str]:
    if not any(character.isdigit() for character in text):
        return None, ""
    plain = text.strip()
    for family, way, expression in _expressions():
        if expression.fullmatch(plain):
            return family, way
    return None, ""


def _order(text: str) -> str | None:
    """Whether a date with slashes must have the day, or the month, first."""
    first, second = (int(part) for part in text.split("/")[:2])
    if first > 12 >= second:
        return "day first"
    return "month first" if second > 12 >= first else None


def mixed(outputs: Outputs) -> Iterator[OutputProblem]:
    """Fields with several types, or with numbers, dates or times written in several ways."""
    if KINDS[outputs.kind].is_labelled:
        return
    fields = Fields(outputs.values if outputs.kind == "json" else {})
    if outputs.kind == "text":
        for index in outputs.filled:
            fields.read(index, outputs.texts[index], "the output")
    severity: Severity = "warning" if outputs.kind == "json" else "note"
    yield from _mixed("mixed_types", "types of value", fields.types, severity)
    for family in ("number", "date", "time"):
        ways = {path: forms for (path, of), forms in fields.formats.items() if of == family}
        yield from _mixed(f"mixed_{family}s", f"ways to write a {family}", ways, severity)
    yield from _mixed("mixed_date_orders", "orders of day and month", fields.slashed, severity)


def _mixed(
    name: str, what: str, fields: Mapping[str, Ways], severity: Severity
) -> Iterator[OutputProblem]:
    """One finding over all fields: the rows that do not write a field as most do."""
    notes: dict[int, str] = {}
    clauses = []
    for path, ways in fields.items():
        if len(ways) < 2:
            continue
        ordered = sorted(ways, key=lambda way: (-len(ways[way]), way))
        clauses.append(f"{path} has {', '.join(f'{way}: {len(ways[way]):,}' for way in ordered)}")
        for way in reversed(ordered[1:]):
            notes |= {i: f"{path}: {way}, mostly {ordered[0]}" for i in ways[way] if i not in notes}
    if not clauses:
        return
    yield OutputProblem(
        name,
        severity,
        f"{counted(len(clauses), 'field mixes', 'fields mix')} {what} ({listed(clauses, 3)}): choose "
        "one, or right answers will count as wrong",
        list(notes),
        list(notes.values()),
    )


def keys(outputs: Outputs) -> Iterator[OutputProblem]:
    """Keys in an unusual order, keys with an unusual spelling, and keys that few rows lack."""
    objects = {i: v for i, v in outputs.values.items() if isinstance(v, dict)}
    if outputs.kind != "json" or len(objects) < 2:
        return
    counts: Counter[str] = Counter(name for value in objects.values() for name in value)
    yield from _spellings(objects, counts)
    yield from _orders(objects)
    if outputs.data.task.output.json_schema is None:
        yield from _missing(objects, counts)


def _spellings(objects: Mapping[int, Any], counts: Counter[str]) -> Iterator[OutputProblem]:
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(re.sub(r"[\s_-]+", "", name).casefold(), []).append(name)
    odd = {
        name: max(group, key=lambda name: (counts[name], name))
        for group in groups.values()
        for name in group
        if len(group) > 1
    }
    odd = {name: best for name, best in odd.items() if name != best}
    indices = [index for index, value in objects.items() if not odd.keys().isdisjoint(value)]
    if indices:
        examples = listed([f"{name!r} for {best!r}" for name, best in odd.items()])
        spell = counted(len(indices), "output spells", "outputs spell")
        message = f"{spell} a key differently from most: {examples}"
        yield OutputProblem("key_spellings", "warning", message, indices)


def _orders(objects: Mapping[int, Any]) -> Iterator[OutputProblem]:
    orders = Counter(map(tuple, objects.values()))
    usual, _ = orders.most_common(1)[0]
    place = {name: number for number, name in enumerate(usual)}
    odd = {order for order in orders if not _follows(order, place)}
    indices = [index for index, value in objects.items() if tuple(value) in odd] if odd else []
    if indices:
        yield OutputProblem(
            "key_order",
            "note",
            f"{counted(len(indices), 'output has', 'outputs have')} the keys in a different order from "
            f"most ({listed(usual, 8)}): valid JSON, but a model learns a single order sooner",
            indices,
        )


def _follows(order: tuple[str, ...], place: Mapping[str, int]) -> bool:
    places = [place[name] for name in order if name in place]
    return places == sorted(places)


def _missing(objects: Mapping[int, Any], counts: Counter[str]) -> Iterator[OutputProblem]:
    if len(objects) < LEAST_ROWS:
        return
    usual = [name for name, count in counts.items() if USUAL * len(objects) <= count]
    lacking = [name for name in usual if counts[name] < len(objects)]
    notes = {
        index: f"lacks {', '.join(missing)}"
        for index, value in objects.items()
        if lacking and (missing := [name for name in lacking if name not in value])
    }
    if notes:
        yield OutputProblem(
            "missing_keys",
            "note",
            f"{counted(len(notes), 'output lacks', 'outputs lack')} a key that nearly all have "
            f"({listed(lacking)}): write it everywhere, with null where unknown; a schema would say "
            "which keys are required",
            list(notes),
            list(notes.values()),
        )
