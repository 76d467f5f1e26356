"""Rows that say what an earlier row says in other words."""

from __future__ import annotations

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import answers, near_clusters
from steelyard.data.likeness.meaning import Vectors, closest, embeddings
from steelyard.words import counted

THRESHOLD = 0.925
"""On banking77, 98.5 % of the pairs above it have one intent (1.3 % of all pairs do), and the share
no longer rises much beyond: at 0.9 to 0.925 it is 96.4 %, above 0.975 98.9 %, which labels that are
wrong explain. ``benchmarks/paraphrases.py`` prints the table."""


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find rows close in meaning to an earlier one that near-duplicates do not count already.

    Close: the cosine of their sentence vectors (`steelyard.model.encoder`) is at least 0.925. The
    closest come first; evidence names the earlier row (``also``), the cosine, and whether the
    outputs are the same. Paraphrases are a note: they teach, but each is less than one new example.
    """
    vectors = embeddings(data, options)
    if isinstance(vectors, str):
        return CheckResult(reason=vectors)
    return find_in(data, vectors)


def find_in(data: Dataset, vectors: Vectors) -> CheckResult:
    """`find` by given unit vectors, shape (examples, dimensions)."""
    roots = near_clusters(data)
    matches = [
        match
        for match in closest(vectors, range(len(vectors)), roots, THRESHOLD)
        if roots[match.b] == match.b
    ]
    matches.sort(key=lambda match: (-match.similarity, match.b))
    outputs = answers(data)
    same = [outputs[match.b] == outputs[match.a] for match in matches]
    facts = {
        "rows": len(matches),
        "rate": len(matches) / len(vectors) if len(vectors) else None,
        "different_outputs": same.count(False),
        "threshold": THRESHOLD,
        "method": "cosine of all-MiniLM-L6-v2 sentence vectors, every pair compared",
    }
    if not matches:
        return CheckResult(facts=facts)
    finding = Finding.of_rows(
        data,
        [match.b for match in matches],
        "paraphrases",
        "note",
        _message(len(matches), same.count(False)),
        also=[data.numbers[match.a] for match in matches],
        similarity=[round(match.similarity, 3) for match in matches],
        same_output=same,
    )
    return CheckResult((finding,), facts)


def _message(rows: int, different: int) -> str:
    repeat = counted(rows, "row says", "rows say")
    outputs = f", {different:,} of them with a different output: check these" if different else ""
    return (
        f"{repeat} what an earlier row says in other words (cosine of {THRESHOLD} or more){outputs}"
    )
