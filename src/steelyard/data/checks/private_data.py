"""Private data in the rows: where it stands, and how often it would leave the house."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, Dataset, clip
from steelyard.data.private.find import PrivateFindings, find_within
from steelyard.data.private.phones import missing_library
from steelyard.data.private.redact import PlaceholderBook, redact
from steelyard.data.private.regions import regions_of
from steelyard.data.private.rules import rule_book
from steelyard.data.private.traffic import Carried, largest, monthly
from steelyard.words import counted, listed

CHECK = "private_data"
INPUT, OUTPUT, TURNS = "input", "output", "earlier turns"
_REMEMBERED = 300
"""Longer texts are not remembered: labels and system messages repeat, long texts do not."""


@dataclass(frozen=True)
class _Row:
    """What one row holds, by place."""

    index: int
    held: Mapping[str, Sequence[PrivateFindings]]

    def of(self, kind: str) -> list[PrivateFindings]:
        return [each for held in self.held.values() for each in held if each.kind == kind]

    def places(self, kind: str) -> list[str]:
        return [place for place, held in self.held.items() if any(x.kind == kind for x in held)]


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """One finding for each kind that is found; the surest rows first, values never in full.

    The facts say how many rows hold what and where, what a month's requests would carry to a hosted
    provider by strategy, and what such rules miss.
    """
    del options
    regions = regions_of(example.input for example in islice(data.examples, 10**4))
    search = _Search(regions)
    rows = [row for index in range(len(data.examples)) if (row := _row(data, index, search)).held]
    instruction = search.held(data.task.instruction)
    book = PlaceholderBook(regions)
    found = [kind for kind in rule_book().kinds if any(row.of(kind) for row in rows)]
    traffic = monthly(data, _carried(data, rows, instruction))
    findings = [_finding(data, kind, rows, book) for kind in found]
    findings = [*_in_instruction(instruction), *findings]
    if findings and any(line["requests"] for line in traffic["strategies"].values()):
        findings[0] = _with(findings[0], largest(traffic))
    return CheckResult(tuple(findings), _facts(data, rows, instruction, traffic), _reason(data))


def _reason(data: Dataset) -> str | None:
    """Why not all was searched: a library that is missing, columns that nothing uses."""
    unused = listed([repr(key) for key in data.ignored_keys])
    said = [missing_library(), f"columns that nothing uses are not searched: {unused}"]
    return "; ".join(each for each in said[: 2 if data.ignored_keys else 1] if each) or None


class _Search:
    """Searches texts, those that repeat only once."""

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = regions
        self._known: dict[str, list[PrivateFindings]] = {}

    def held(self, text: str) -> list[PrivateFindings]:
        if len(text) > _REMEMBERED:
            return find_within(text, self._regions)
        if text not in self._known:
            self._known[text] = find_within(text, self._regions)
        return self._known[text]


def _row(data: Dataset, index: int, search: _Search) -> _Row:
    example = data.examples[index]
    held = {
        INPUT: search.held(example.input),
        OUTPUT: search.held(data.written[index]),
        TURNS: [each for turn in example.context for each in search.held(turn.content)],
    }
    return _Row(index, {place: each for place, each in held.items() if each})


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
    return max(each.strength for each in row.of(kind))


def _message(kind: str, rows: Sequence[_Row]) -> str:
    words = rule_book().kinds[kind]
    holds = f"holds {words.one}" if len(rows) == 1 else f"hold {words.many}"
    places = Counter(place for row in rows for place in row.places(kind))
    where = ", ".join(
        f"{places[place]:,} in the {place}" for place in (INPUT, OUTPUT, TURNS) if places[place]
    )
    weak = sum(_strength(row, kind) == 1 for row in rows)
    unsure = f"; {weak:,} of them less sure" if weak else ""
    return f"{counted(len(rows), 'row')} {holds} ({where}){unsure}"


def _evidence(
    data: Dataset, kind: str, rows: Sequence[_Row], book: PlaceholderBook
) -> tuple[dict[str, Any], ...]:
    """Evidence whose texts are redacted: nothing of it may leak what was found."""
    plain = data.evidence(
        [row.index for row in rows],
        kind=[kind] * len(rows),
        where=[row.places(kind) for row in rows],
        found=[[f"{each.shown} ({each.rule})" for each in row.of(kind)] for row in rows],
    )
    return tuple(
        {
            **line,
            "input": clip(redact(data.examples[row.index].input, book)),
            "output": clip(redact(data.written[row.index], book)),
        }
        for line, row in zip(plain, rows, strict=True)
    )


def _in_instruction(held: Sequence[PrivateFindings]) -> list[Finding]:
    """The instruction goes along with every request: one finding, however much it holds."""
    kinds = [kind for kind in rule_book().kinds if any(each.kind == kind for each in held)]
    if not kinds:
        return []
    first = rule_book().kinds[kinds[0]]
    shown = next(each.shown for each in held if each.kind == kinds[0])
    message = f"the instruction itself holds {first.one} ({shown}), and every prompt carries it"
    return [Finding(CHECK, cast(Severity, first.severity), message, count=len(held))]


def _with(finding: Finding, more: str) -> Finding:
    message = f"{finding.message}; {more}"
    return Finding(
        finding.check, finding.severity, message, finding.rows, finding.evidence, finding.count
    )


def _weighty(held: Sequence[PrivateFindings]) -> bool:
    """Whether any of it counts as leaving the house; an IP address alone does not."""
    kinds = rule_book().kinds
    return any(kinds[each.kind].severity != "note" for each in held)


def _carried(
    data: Dataset, rows: Sequence[_Row], instruction: Sequence[PrivateFindings]
) -> Carried:
    flags = {place: [False] * len(data.examples) for place in (INPUT, OUTPUT, TURNS)}
    for row in rows:
        for place, held in row.held.items():
            flags[place][row.index] = _weighty(held)
    return Carried(flags[INPUT], flags[TURNS], flags[OUTPUT], _weighty(instruction))


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
                for place in (INPUT, OUTPUT, TURNS)
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
        "in_instruction": dict(Counter(each.kind for each in instruction)),
        "requests_per_month": {name: line["requests"] for name, line in strategies.items()},
        "traffic": dict(traffic),
        "kinds_counted": [
            name for name, kind in rule_book().kinds.items() if kind.severity != "note"
        ],
        "fields_not_searched": list(data.ignored_keys),
        "missed": rule_book().missed,
    }
