"""Labels and their balance; for JSON, the values of fields whose schema lists them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import exp, log
from typing import Any

from steelyard.core import OutputKind
from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import Dataset
from steelyard.errors import closest
from steelyard.stats import proportion
from steelyard.words import counted, first_words, listed, percent

CHECK = "imbalance"

MAJORITY = 0.8
"""From this share on, always answering the most frequent label looks like a good accuracy."""

RARE = 0.1
"""A label is rare below this part of an even share of the rows: with two labels below 5 %."""

MOST_VALUES = 1000


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Count labels, or the listed values of JSON fields; free text has nothing to balance."""
    if data.kind == "text":
        return CheckResult(reason="free text has no labels to balance")
    if data.kind == "json":
        return _find_in_fields(data)
    counts = Counter(label for labels in data.label_sets for label in labels)
    outputs = Counter(example.output for example in data.examples if example.output)
    facts = balance(counts, outputs) | {"declared": list(data.task.output.labels)}
    findings = [
        *_undeclared(data, counts),
        *_without_rows(data, counts),
        *_majority(outputs, data.kind),
        *_rare(data, counts),
    ]
    return CheckResult(tuple(findings), facts, None if counts else "no row has a label")


def balance(counts: Mapping[str, int], outputs: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return the balance of ``counts`` as facts; figures that need a label are ``None`` without.

    ``effective`` is exp of the Shannon entropy: the number of equally frequent labels that would be
    as varied (Hill 1973, Ecology 54, 427-432). ``evenness`` is the entropy over its greatest value.
    ``majority`` is the accuracy of always answering the most frequent label, the floor for any arm; of
    sets of labels, whose ``outputs`` are counted apart, that of the most frequent set.
    """
    outputs = outputs or counts
    total, occurring = sum(counts.values()), [count for count in counts.values() if count]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    facts: dict[str, Any] = {"counts": dict(ordered[:MOST_VALUES]), "labels": len(occurring)}
    if not total:
        keys = ("ratio", "entropy", "evenness", "effective", "majority")
        return facts | dict.fromkeys(keys) | {"reason": "no row has a label"}
    entropy = -sum(count / total * log(count / total) for count in occurring)
    most = min(outputs, key=lambda name: (-outputs[name], name))
    floor = proportion(outputs[most], sum(outputs.values()))
    return facts | {
        "ratio": max(occurring) / min(occurring),
        "entropy": entropy,
        "evenness": entropy / log(len(occurring)) if len(occurring) > 1 else None,
        "effective": exp(entropy),
        "majority": {
            "label": most,
            "share": floor.value,
            "low": floor.low,
            "high": floor.high,
        },
    }


def _undeclared(data: Dataset, counts: Mapping[str, int]) -> Iterator[Finding]:
    declared = data.task.output.labels
    unknown = [label for label in counts if label not in declared] if declared else []
    if not unknown:
        return
    unknown.sort(key=lambda label: (counts[label], label))
    examples = [f"{first_words([label])}{closest(label, declared)}" for label in unknown[:5]]
    more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
    indices = rows_with(data, unknown)
    yield Finding.of_rows(
        data,
        indices,
        CHECK,
        "error",
        f"{counted(len(indices), 'row has', 'rows have')} a label that the task does not declare: "
        f"{', '.join(examples)}{more}; a run refuses them: correct them, or add the label to "
        "output.labels",
    )


def _without_rows(data: Dataset, counts: Mapping[str, int]) -> Iterator[Finding]:
    """Declared labels that never occur, and labels that do but not in the train file."""
    absent = [label for label in data.task.output.labels if not counts.get(label)]
    if absent:
        have = counted(len(absent), "declared label has", "declared labels have")
        yield Finding(
            CHECK,
            "error",
            f"{have} no row ({listed(absent)}): nothing can learn {_them(absent)}, and a run refuses "
            f"the task; add rows, or remove {_them(absent)} from output.labels",
            count=len(absent),
        )
    if "train" not in data.parts_read:
        return
    parts = zip(data.label_sets, data.parts_read, strict=True)
    taught = {label for labels, part in parts if part == "train" for label in labels}
    untaught = sorted(label for label in counts if label not in taught)
    if untaught:
        occur = counted(len(untaught), "label occurs", "labels occur")
        yield Finding.of_rows(
            data,
            rows_with(data, untaught),
            CHECK,
            "error",
            f"{occur} in no train row ({listed(untaught)}): nothing can learn {_them(untaught)}; "
            "move rows to train",
        )


def _majority(counts: Mapping[str, int], kind: OutputKind) -> Iterator[Finding]:
    total = sum(counts.values())
    if len(counts) < 2:
        return  # constant outputs: output_hygiene says so
    label = max(counts, key=lambda name: (counts[name], name))
    share = counts[label] / total
    if share < MAJORITY:
        return
    advice = "read the F1 of each label"
    if kind == "label":
        advice = (
            "accuracy hides the misses, so set metric: [macro_f1, accuracy] and read the recall of "
            "each label"
        )
    yield Finding(
        CHECK,
        "warning",
        f"always answering {first_words([label])} is right in {percent(share)} of the rows: {advice}",
        count=counts[label],
    )


def _rare(data: Dataset, counts: Mapping[str, int]) -> Iterator[Finding]:
    if len(counts) < 2:
        return
    even = sum(counts.values()) / len(counts)
    rare = [label for label, count in counts.items() if count < RARE * even]
    if not rare:
        return
    rare.sort(key=lambda label: (counts[label], label))
    named = [f"{label} ({counted(counts[label], 'row')})" for label in rare]
    yield Finding.of_rows(
        data,
        rows_with(data, rare),
        CHECK,
        "warning",
        f"{counted(len(rare), 'label has', 'labels have')} less than a tenth of an even share "
        f"({even:,.0f} rows): {listed(named)}; the most frequent label has "
        f"{max(counts.values()) / counts[rare[0]]:,.0f} times the rows of the rarest",
    )


def _them(labels: Sequence[str]) -> str:
    return "it" if len(labels) == 1 else "them"


def rows_with(data: Dataset, labels: Sequence[str]) -> list[int]:
    """Indices of the rows with these labels, in the order of the labels."""
    order = {label: place for place, label in enumerate(labels)}
    firsts = {
        index: min(order[label] for label in labels if label in order)
        for index, labels in enumerate(data.label_sets)
        if not order.keys().isdisjoint(labels)
    }
    return sorted(firsts, key=lambda index: firsts[index])


def _find_in_fields(data: Dataset) -> CheckResult:
    listed_values = dict(_listed(data.task.output.json_schema, ()))
    if not listed_values:
        has = "the schema lists no field's values" if data.task.output.json_schema else "no schema"
        return CheckResult(reason=f"{has}: there is nothing to balance")
    counts: dict[tuple[str, ...], Counter[str]] = {path: Counter() for path in listed_values}
    for output in data.written:
        try:
            value = json.loads(output)
        except (ValueError, RecursionError):
            continue  # output_hygiene reports invalid JSON
        for path in counts:
            counts[path].update(map(_name, _values_at(value, path)))
    facts: dict[str, Any] = {"fields": {}}
    findings: list[Finding] = []
    for path, values in listed_values.items():
        field = ".".join(path)
        declared = {name: counts[path][name] for name in map(_name, values)}
        facts["fields"][field] = balance(declared)
        findings += _of_field(field, declared)
    return CheckResult(tuple(findings), facts)


def _of_field(field: str, counts: Mapping[str, int]) -> Iterator[Finding]:
    total = sum(counts.values())
    if not total:
        message = f"no row has a listed value in the field {field}"
        yield Finding(CHECK, "warning", message, count=0)
        return
    absent = [value for value, count in counts.items() if not count]
    if absent:
        message = (
            f"the field {field} never has {len(absent)} of its {len(counts)} listed values "
            f"({listed(absent)}): these can be neither learned nor measured"
        )
        yield Finding(CHECK, "warning", message, count=len(absent))
    top = max(counts, key=lambda value: (counts[value], value))
    if len(counts) > 1 and counts[top] >= MAJORITY * total:
        message = f"the field {field} is {top} in {percent(counts[top] / total)} of the rows"
        yield Finding(CHECK, "note", message, count=counts[top])


def _listed(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield each field with an ``enum``, through ``properties`` and ``items``; ``[]`` is any item."""
    if not isinstance(schema, Mapping):
        return
    values = schema.get("enum")
    if path and isinstance(values, list) and values:
        yield path, values
    properties = schema.get("properties")
    for name, below in properties.items() if isinstance(properties, Mapping) else ():
        yield from _listed(below, (*path, str(name)))
    yield from _listed(schema.get("items"), (*path, "[]"))


def _values_at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "[]" and isinstance(value, list):
        for item in value:
            yield from _values_at(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:])


def _name(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
