"""Private data in the rows: where it is, and how often requests would send it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, SHOWN_CHARACTERS, Dataset
from steelyard.data.private.traffic import PrivateRows, largest, monthly
from steelyard.private.find import PrivateFindings, find_within
from steelyard.private.phones import missing_library, regions_of
from steelyard.private.redact import PlaceholderBook, redact
from steelyard.private.rules import rule_book
from steelyard.words import counted, listed, one_line

CHECK = "private_data"
INPUT, OUTPUT, TURNS = "input", "output", "earlier turns"
ACCEPTED, REJECTED = "accepted answers", "rejected answers"
"""What no request carries."""
PLACES = (INPUT, OUTPUT, TURNS, ACCEPTED, REJECTED)
_REMEMBERED = 300
"""Longer texts are not remembered: labels and system messages repeat, long texts do not."""


@dataclass(frozen=True)
class _Row:
    """The private data of one row, by place."""

    index: int
    by_place: Mapping[str, Sequence[PrivateFindings]]

    def of(self, kind: str) -> list[PrivateFindings]:
        return [item for items in self.by_place.values() for item in items if item.kind == kind]

    def places(self, kind: str) -> list[str]:
        return [at for at, items in self.by_place.items() if any(x.kind == kind for x in items)]


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """One finding for each kind of private data; the surest rows first, values never in full.

    The facts say how many rows have what and where, what a month's requests would send to a hosted
    provider by strategy, and what such rules miss.
    """
    regions = regions_of(example.input for example in islice(data.examples, 10**4))
    search = _Search(regions)
    rows = [
        row for index in range(len(data.examples)) if (row := _row(data, index, search)).by_place
    ]
    instruction = search.within(data.task.instruction)
    book = PlaceholderBook(regions)
    kinds = [kind for kind in rule_book().kinds if any(row.of(kind) for row in rows)]
    traffic = monthly(data, _carried(data, rows, instruction))
    findings = [_finding(data, kind, rows, book) for kind in kinds]
    findings = [*_in_instruction(instruction), *findings]
    if findings and any(line["requests"] for line in traffic["strategies"].values()):
        findings[0] = replace(findings[0], message=f"{findings[0].message}; {largest(traffic)}")
    return CheckResult(tuple(findings), _facts(data, rows, instruction, traffic), _reason(data))


def _reason(data: Dataset) -> str | None:
    """Why not all was searched: a library that is missing, columns that nothing uses."""
    unused = listed([repr(key) for key in data.ignored_keys])
    reasons = [missing_library(), unused and f"unused columns are not searched: {unused}"]
    return "; ".join(filter(None, reasons)) or None


class _Search:
    """Searches texts, those that repeat only once."""

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = regions
        self._known: dict[str, list[PrivateFindings]] = {}

    def within(self, text: str) -> list[PrivateFindings]:
        if len(text) > _REMEMBERED:
            return find_within(text, self._regions)
        if text not in self._known:
            self._known[text] = find_within(text, self._regions)
        return self._known[text]


def _row(data: Dataset, index: int, search: _Search) -> _Row:
    example = data.examples[index]
    by_place = {
        INPUT: search.within(example.input),
        OUTPUT: search.within(data.written[index]),
        TURNS: [item for turn in example.context for item in search.within(turn.content)],
        ACCEPTED: [item for other in example.accepted for item in search.within(other)],
        REJECTED: search.within(example.rejected or ""),
    }
    return _Row(index, {place: items for place, items in by_place.items() if items})


def _finding(data: Dataset, kind: str, rows: Sequence[_Row], book: PlaceholderBook) -> Finding:
    holding = [row for row in rows if row.of(kind)]
    surest = sorted(holding, key=lambda row: (-_strength(row, kind), -len(row.of(kind)), row.index))
    indices = [row.index for row in surest]
    return Finding(
        check=CHECK,
        severity=cast(Severity, rule_book().kinds[kind].severity),
        message=_message(kind, holding),
        rows=data.rows_of(indices),
        evidence=_evidence(data, kind, surest[:SHOWN], book),
    )


def _strength(row: _Row, kind: str) -> int:
    return max(item.strength for item in row.of(kind))


def _message(kind: str, rows: Sequence[_Row]) -> str:
    words = rule_book().kinds[kind]
    places = Counter(place for row in rows for place in row.places(kind))
    where = ", ".join(f"{places[place]:,} in the {place}" for place in PLACES if places[place])
    weak = sum(_strength(row, kind) == 1 for row in rows)
    unsure = f"; {weak:,} of them less certain" if weak else ""
    contain = counted(len(rows), f"row contains {words.one}", f"rows contain {words.many}")
    return f"{contain} ({where}){unsure}"


def _evidence(
    data: Dataset, kind: str, rows: Sequence[_Row], book: PlaceholderBook
) -> tuple[dict[str, Any], ...]:
    """Evidence whose texts are redacted: it must not leak the private data itself."""
    plain = data.evidence(
        [row.index for row in rows],
        kind=[kind] * len(rows),
        where=[row.places(kind) for row in rows],
        found=[[f"{item.masked} ({item.rule})" for item in row.of(kind)] for row in rows],
    )
    return tuple(
        {
            **line,
            "input": one_line(redact(data.examples[row.index].input, book), SHOWN_CHARACTERS),
            "output": one_line(redact(data.written[row.index], book), SHOWN_CHARACTERS),
        }
        for line, row in zip(plain, rows, strict=True)
    )


def _in_instruction(items: Sequence[PrivateFindings]) -> list[Finding]:
    """The instruction is part of every request: one finding, however much it contains."""
    for kind, words in rule_book().kinds.items():
        for item in items:
            if item.kind == kind:
                message = (
                    f"the instruction itself contains {words.one} ({item.masked}), and every prompt "
                    "includes it"
                )
                return [Finding(CHECK, cast(Severity, words.severity), message, count=len(items))]
    return []


def _weighty(items: Sequence[PrivateFindings]) -> bool:
    """Whether any of it counts as private data that leaves; an IP address alone does not."""
    kinds = rule_book().kinds
    return any(kinds[item.kind].severity != "note" for item in items)


def _carried(
    data: Dataset, rows: Sequence[_Row], instruction: Sequence[PrivateFindings]
) -> PrivateRows:
    flags = {place: [False] * len(data.examples) for place in PLACES}
    for row in rows:
        for place, items in row.by_place.items():
            flags[place][row.index] = _weighty(items)
    return PrivateRows(flags[INPUT], flags[TURNS], flags[OUTPUT], _weighty(instruction))


def _facts(
    data: Dataset,
    rows: Sequence[_Row],
    instruction: Sequence[PrivateFindings],
    traffic: Mapping[str, Any],
) -> dict[str, Any]:
    kinds = {
        kind: {
            "rows": sum(bool(row.of(kind)) for row in rows),
            "values": sum(len(row.of(kind)) for row in rows),
            **{
                place.replace(" ", "_"): sum(place in row.places(kind) for row in rows)
                for place in PLACES
            },
        }
        for kind in rule_book().kinds
        if any(row.of(kind) for row in rows)
    }
    strategies = traffic["strategies"]
    return {
        "rows_searched": len(data.examples),
        "rows_with_any": len(rows),
        "kinds": kinds,
        "in_instruction": dict(Counter(item.kind for item in instruction)),
        "requests_per_month": {name: line["requests"] for name, line in strategies.items()},
        "traffic": dict(traffic),
        "kinds_counted": [
            name for name, kind in rule_book().kinds.items() if kind.severity != "note"
        ],
        "fields_not_searched": list(data.ignored_keys),
        "missed": rule_book().missed,
    }
