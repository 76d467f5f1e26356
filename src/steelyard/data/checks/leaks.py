"""Rows of dev and test that also appear in an earlier part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.checks.duplicates import CLOSE
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.likeness.alike import firsts, near_clusters, widest
from steelyard.data.likeness.meaning import Vectors, closest, embeddings
from steelyard.data.likeness.near import NearPair
from steelyard.task.sections import PARTS
from steelyard.words import counted

MANY = {"exact": 0.01, "normalised": 0.01, "near": 0.05, "group": 0.01}
"""The share of test rows from which leaks of a kind are an error; fewer move the score less than
its own uncertainty."""
_SAYS = {
    "exact": "word for word",
    "normalised": "apart from case, punctuation and spaces",
    "near": "nearly unchanged",
    "paraphrase": "in other words",
    "group": "through another row of the same group",
}


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find what dev and test share with an earlier part: a finding for each kind of likeness.

    Kinds: ``exact`` (spaces around the input aside), ``normalised``, ``near`` (as in
    near_duplicates, every row compared directly with the earlier parts), ``paraphrase`` (with the
    sentence encoder) and ``group``. Except for groups, a row counts under the first kind that holds.
    Test rows come first; evidence names the row alike (``also``), its part and the similarity. It
    is an error where one test row in 100 leaks (one in 20 nearly), since the score is then in part
    memory; paraphrases are a note. A single file has no parts to leak between: the facts say what
    Steelyard's own split will do with it. ``kinds`` counts by kind, and ``likeness`` by the strictest
    likeness asked for (`leaks_by_likeness`), with the first rows and those that they repeat.
    """
    if len(set(data.ranks)) < 2:
        facts = {**_own_split(data), **_leak_facts(data, {})}
        return CheckResult(facts=facts, reason="all rows are in one part: nothing can leak")
    vectors = embeddings(data, options)
    reason = vectors if isinstance(vectors, str) else None
    kinds = leaks_by_kind(data, None if isinstance(vectors, str) else vectors)
    sizes = Counter(data.parts)
    facts = {
        "parts": {part: sizes[part] for part in PARTS if sizes[part]},
        **_leak_facts(data, kinds),
    }
    findings = [_finding(data, kind, leaks) for kind, leaks in kinds.items() if leaks]
    return CheckResult(tuple(findings), facts, reason)


def leaks_by_kind(data: Dataset, vectors: Vectors | None) -> dict[str, list[NearPair]]:
    """The leaks of each kind: a row (``b``) and one of an earlier part (``a``).

    Without ``vectors`` there is no kind paraphrase, without groups no kind group.
    """
    ranks = data.ranks
    leaking: set[int] = set()
    kinds: dict[str, list[NearPair]] = {}

    def add(kind: str, leaks: Iterable[NearPair]) -> None:
        kinds[kind] = [leak for leak in leaks if leak.b not in leaking]
        leaking.update(leak.b for leak in kinds[kind])

    add("exact", leaks_by_key(_stripped_keys(data), ranks))
    add("normalised", leaks_by_key(data.normalised_keys, ranks))
    add("near", data.near_leaks)
    if vectors is not None:
        add("paraphrase", closest(vectors, ranks, None, CLOSE))
    groups = [example.group for example in data.examples]
    if any(groups):
        kinds["group"] = leaks_by_key(groups, ranks)
    return kinds


def leaks_by_likeness(kinds: Mapping[str, list[NearPair]]) -> dict[str, list[NearPair]]:
    """`leaks_by_kind` where a likeness includes the stricter ones: near all but those of groups."""
    exact, folded, near = (kinds.get(kind, []) for kind in ("exact", "normalised", "near"))
    return {
        "exact": exact,
        "normalised": [*exact, *folded],
        "near": [*exact, *folded, *near],
        "group": kinds.get("group", []),
    }


def leaks_by_key(keys: Sequence[str | None], parts: Sequence[int]) -> list[NearPair]:
    """The indices whose key is in a lower part (``b``), with the first index there (``a``).

    ``None`` is not a key. Pairs come in the order of their parts, then of ``b``.
    """
    firsts: dict[str, int] = {}
    leaks = []
    for index in sorted(range(len(keys)), key=lambda index: (parts[index], index)):
        key = keys[index]
        if key is None:
            continue
        first = firsts.setdefault(key, index)
        if parts[first] < parts[index]:
            leaks.append(NearPair(first, index, 1.0))
    return leaks


def _leak_facts(data: Dataset, kinds: Mapping[str, list[NearPair]]) -> dict[str, Any]:
    return {
        "kinds": {kind: _counts(data, leaks) for kind, leaks in kinds.items()},
        "likeness": {
            likeness: {**_counts(data, leaks), "pairs": _pairs(data, leaks)}
            for likeness, leaks in leaks_by_likeness(kinds).items()
        },
    }


def _counts(data: Dataset, leaks: Sequence[NearPair]) -> dict[str, int]:
    test_rows = sum(data.parts[leak.b] == "test" for leak in leaks)
    return {"rows": len(leaks), "test_rows": test_rows}


def _pairs(data: Dataset, leaks: Sequence[NearPair]) -> list[list[float]]:
    """The first rows that leak, part by part: their number, that of the row alike, the similarity."""
    ordered = sorted(leaks, key=lambda leak: (data.ranks[leak.b], leak.b))
    return [
        [*data.rows_of((leak.b, leak.a)), round(leak.similarity, 3)] for leak in ordered[:SHOWN]
    ]


def _stripped_keys(data: Dataset) -> list[str]:
    """`Dataset.exact_keys` without the spaces around inputs: they make no test row a new one."""
    return [
        key.removesuffix(example.input) + example.input.strip()
        for key, example in zip(data.exact_keys, data.examples, strict=True)
    ]


def _finding(data: Dataset, kind: str, leaks: list[NearPair]) -> Finding:
    leaks = sorted(leaks, key=lambda x: (data.parts[x.b] != "test", -x.similarity, x.b))
    parts = [data.parts[leak.b] for leak in leaks]
    by_part = Counter(parts)
    return Finding.of_rows(
        data,
        [leak.b for leak in leaks],
        "leaks",
        _severity(kind, by_part["test"], data.parts.count("test")),
        _message(kind, by_part),
        kind=[kind] * len(leaks),
        part=parts,
        also=[data.numbers[leak.a] for leak in leaks],
        also_part=[data.parts[leak.a] for leak in leaks],
        similarity=[None if kind == "group" else round(leak.similarity, 3) for leak in leaks],
    )


def _severity(kind: str, leaking: int, test_rows: int) -> Severity:
    if kind not in MANY:
        return "note"
    return "error" if leaking and leaking >= MANY[kind] * test_rows else "warning"


def _message(kind: str, by_part: Mapping[str, int]) -> str:
    rows_by_part = [
        counted(by_part[part], f"{part} row") for part in ("test", "dev") if by_part[part]
    ]
    appear = "appears" if sum(by_part.values()) == 1 else "appear"
    advice = "the score is partly memory; remove them from the earlier part"
    if kind == "exact":
        advice += ", as steelyard data fix does"
    if kind == "paraphrase":
        advice = "expect new inputs to be harder"
    return f"{' and '.join(rows_by_part)} also {appear} in an earlier part, {_SAYS[kind]}: {advice}"


def _own_split(data: Dataset) -> dict[str, Any]:
    """What `steelyard.data.splits.allocation.split_rows` does with rows that have no parts."""
    most = widest(len(data.examples))
    sizes = Counter(near_clusters(data))
    equal = Counter(firsts(data.texts))
    cut = sum(size > most for size in sizes.values())
    message = "Steelyard's own split keeps duplicates, near-duplicates and groups in one part"
    if cut:
        message += (
            f", but it divides {counted(cut, 'cluster')} of more than {most:,} near-duplicates, "
            "which templates produce: the parts will share these"
        )
    return {
        "parts": None,
        "own_split": message,
        "cut_clusters": cut,
        "largest_cluster": max(sizes.values(), default=0),
        "largest_equal": max(equal.values(), default=0),
    }
