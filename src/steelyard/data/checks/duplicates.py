"""Rows that repeat another row: exactly, nearly, or in other words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.likeness.alike import answers, closest_pairs, firsts, near_clusters
from steelyard.data.likeness.meaning import Vectors, closest, embeddings
from steelyard.data.likeness.near import THRESHOLD
from steelyard.data.likeness.rows import groups_of
from steelyard.words import counted

MANY_EXACT, MANY_NEAR = 0.01, 0.05
"""Repeats of at least this share of the rows are a warning."""

CLOSE = 0.925
"""On banking77, 98.5 % of the pairs above it have one intent (1.3 % of all pairs do), and the share
no longer rises much beyond: at 0.9 to 0.925 it is 96.4 %, above 0.975 98.9 %, which labels that are
wrong explain. ``benchmarks/paraphrases.py`` prints the table."""


class _Repeat(NamedTuple):
    """A row and one like it (indices); ``is_same`` where normalisation makes them equal.

    The similarity can be 1 without that: "a? b?" and "b? a?" may have the same shingles.
    """

    row: int
    also: int
    similarity: float
    is_same: bool = False


def exact(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find the rows whose input, with the turns before it, repeats an earlier row's exactly.

    The first row of a cluster is not counted. Rows of the largest clusters come first; evidence
    names the first row (``also``) and says whether the outputs are the same. One in 100 is a
    warning: repeats weigh double in training, and count for less than they seem in a test.
    """
    groups = groups_of(data.exact_keys)
    repeats = [
        _Repeat(index, group[0], 1.0, True)
        for group in sorted(groups, key=lambda group: -len(group))
        for index in group[1:]
    ]
    same = _same_outputs(data, repeats)
    facts = {
        **_group_facts(data, groups),
        "largest_cluster": max(map(len, groups), default=1),
        "rate": _rate(data, repeats),
        "different_outputs": same.count(False),
    }
    outputs = "always with the same output: keep one of each, as steelyard data fix does"
    if differ := same.count(False):
        outputs = f"{differ:,} of them with a different output from the first: {_cure(data)}"
    message = (
        f"{counted(len(repeats), 'row repeats', 'rows repeat')} an earlier row's input exactly "
        f"({counted(len(groups), 'input')}), {outputs}"
    )
    message += _other_pairs(data, repeats)
    severity = _severity(data, repeats, MANY_EXACT)
    return _result(data, "exact_duplicates", severity, message, repeats, facts, same_output=same)


def _other_pairs(data: Dataset, repeats: Sequence[_Repeat]) -> str:
    """Say how many repeats are pairs with a rejected answer that their first row does not have."""
    worse = [one.rejected or "" for one in data.examples]
    count = sum(worse[one.row] not in ("", worse[one.also]) for one in repeats)
    return f"; {count:,} with another rejected answer, which data fix keeps" if count else ""


def _cure(data: Dataset) -> str:
    """What ``data fix`` does with repeated inputs some of which have different outputs."""
    if data.kind == "text":
        return (
            "several texts may be right, so steelyard data fix drops only rows with the same output"
        )
    return (
        "decide which is right; steelyard data fix drops repeats and sets contradicting rows aside"
    )


def near(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find rows equal to another apart from case, punctuation and spaces, or nearly equal.

    Nearly: the Jaccard similarity of their runs of five characters is at least 0.8
    (`steelyard.data.likeness.near`). The first row of a cluster is not counted, nor is an exact
    duplicate. The most similar come first; evidence names a row like it (``also``) and their
    similarity. One in 20 is a warning: there are fewer independent examples than rows. Two more facts
    count otherwise: ``equal`` the rows that repeat an earlier one apart from case, punctuation and
    spaces, exact duplicates included; ``alike`` all rows that have a nearly equal one.
    """
    repeats = _near_repeats(data)
    clusters = Counter(near_clusters(data))
    normalised = sum(repeat.is_same for repeat in repeats)
    facts = {
        "rows": len(repeats),
        "normalised": normalised,
        "clusters": sum(size > 1 for size in clusters.values()),
        "largest_cluster": max(clusters.values(), default=0),
        "rate": _rate(data, repeats),
        "threshold": THRESHOLD,
        "method": "Jaccard of 5-character shingles, MinHash candidates",
        "equal": _group_facts(data, groups_of(data.normalised_keys)),
        "alike": _alike(data),
    }
    message = (
        f"{counted(len(repeats), 'row')} nearly {'repeats' if len(repeats) == 1 else 'repeat'} another "
        f"row's input ({normalised:,} identical apart from case, punctuation and spaces, "
        f"{len(repeats) - normalised:,} at a similarity of {THRESHOLD} or more): there are fewer "
        "independent examples than rows"
    )
    return _result(
        data,
        "near_duplicates",
        _severity(data, repeats, MANY_NEAR),
        message,
        repeats,
        facts,
        similarity=[round(repeat.similarity, 3) for repeat in repeats],
        same_output=_same_outputs(data, repeats),
    )


def _group_facts(data: Dataset, groups: Sequence[Sequence[int]]) -> dict[str, Any]:
    """How many rows repeat an earlier one of their group; the row numbers of the first groups."""
    return {
        "rows": sum(len(group) - 1 for group in groups),
        "clusters": len(groups),
        "groups": [list(data.rows_of(group[:SHOWN])) for group in groups[:SHOWN]],
    }


def _alike(data: Dataset) -> dict[str, Any]:
    texts = {data.texts[index] for pair in data.near for index in (pair.a, pair.b)}
    rows = sum(text in texts for text in data.texts)
    return {
        "rows": rows,
        "rate": rows / len(data.texts) if data.texts else None,
        "pairs": [
            [*data.rows_of((pair.a, pair.b)), round(pair.similarity, 3)]
            for pair in data.near[:SHOWN]
        ],
    }


def _near_repeats(data: Dataset) -> list[_Repeat]:
    """Every row of a cluster but its first and those that repeat another exactly."""
    roots, texts, first_equal = near_clusters(data), firsts(data.texts), firsts(data.exact_keys)
    pairs = closest_pairs(data.near)
    repeats = []
    for index, root in enumerate(roots):
        if index == root or first_equal[index] != index:
            continue
        if texts[index] != index:
            repeats.append(_Repeat(index, texts[index], 1.0, True))
        else:
            pair = pairs[index]
            repeats.append(_Repeat(index, pair.a + pair.b - index, pair.similarity))
    return sorted(repeats, key=lambda repeat: (not repeat.is_same, -repeat.similarity, repeat.row))


def paraphrases(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find rows close in meaning to an earlier one that near-duplicates do not count already.

    Close: the cosine of their sentence vectors (`steelyard.model.encoder`) is at least 0.925. The
    closest come first; evidence names the earlier row (``also``), the cosine, and whether the
    outputs are the same. Paraphrases are a note: they teach, but each is less than one new example.
    """
    vectors = embeddings(data, options)
    if isinstance(vectors, str):
        return CheckResult(reason=vectors)
    return paraphrases_in(data, vectors)


def paraphrases_in(data: Dataset, vectors: Vectors) -> CheckResult:
    """`paraphrases` by given unit vectors, shape (examples, dimensions)."""
    roots = near_clusters(data)
    repeats = [
        _Repeat(match.b, match.a, match.similarity)
        for match in closest(vectors, range(len(vectors)), roots, CLOSE)
        if roots[match.b] == match.b
    ]
    repeats.sort(key=lambda repeat: (-repeat.similarity, repeat.row))
    same = _same_outputs(data, repeats)
    different = same.count(False)
    facts = {
        "rows": len(repeats),
        "rate": _rate(data, repeats),
        "different_outputs": different,
        "threshold": CLOSE,
        "method": "cosine of all-MiniLM-L6-v2 sentence vectors, every pair compared",
    }
    outputs = f", {different:,} of them with a different output: check these" if different else ""
    message = (
        f"{counted(len(repeats), 'row says', 'rows say')} what an earlier row says in other words "
        f"(cosine of {CLOSE} or more){outputs}"
    )
    return _result(
        data,
        "paraphrases",
        "note",
        message,
        repeats,
        facts,
        similarity=[round(repeat.similarity, 3) for repeat in repeats],
        same_output=same,
    )


def _same_outputs(data: Dataset, repeats: Sequence[_Repeat]) -> list[bool]:
    outputs = answers(data) if repeats else []
    return [outputs[repeat.row] == outputs[repeat.also] for repeat in repeats]


def _rate(data: Dataset, repeats: Sequence[_Repeat]) -> float | None:
    return len(repeats) / len(data.examples) if data.examples else None


def _severity(data: Dataset, repeats: Sequence[_Repeat], many: float) -> Severity:
    return "warning" if len(repeats) >= many * len(data.examples) else "note"


def _result(
    data: Dataset,
    check: str,
    severity: Severity,
    message: str,
    repeats: Sequence[_Repeat],
    facts: Mapping[str, Any],
    **evidence: Sequence[Any],
) -> CheckResult:
    """The finding about ``repeats``, if there are any, with the row that each repeats (``also``)."""
    if not repeats:
        return CheckResult(facts=facts)
    rows, also = [item.row for item in repeats], [data.numbers[item.also] for item in repeats]
    finding = Finding.of_rows(data, rows, check, severity, message, also=also, **evidence)
    return CheckResult((finding,), facts)
