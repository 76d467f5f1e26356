"""Rows that ask exactly what an earlier row asks."""

from __future__ import annotations

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import answers
from steelyard.data.likeness.normalise import groups_of
from steelyard.words import counted

MANY = 0.01


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find the rows whose input, with the turns before it, repeats an earlier row's exactly.

    The first row of a cluster is not counted. Rows of the largest clusters come first; evidence
    names the first row (``also``) and says whether the outputs are the same. One in 100 is a
    warning: repeats weigh double in training, and count for less than they seem in a test.
    """
    groups = sorted(groups_of(data.exact_keys), key=lambda group: -len(group))
    outputs = answers(data) if groups else []
    repeats = [(index, group[0]) for group in groups for index in group[1:]]
    same = [outputs[index] == outputs[first] for index, first in repeats]
    facts = {
        "rows": len(repeats),
        "clusters": len(groups),
        "largest_cluster": len(groups[0]) if groups else 1,
        "rate": len(repeats) / len(data.examples) if data.examples else None,
        "different_outputs": same.count(False),
    }
    if not repeats:
        return CheckResult(facts=facts)
    finding = Finding.of_rows(
        data,
        [index for index, _ in repeats],
        "exact_duplicates",
        "warning" if len(repeats) >= MANY * len(data.examples) else "note",
        _message(len(repeats), len(groups), same.count(False)),
        also=[data.numbers[first] for _, first in repeats],
        same_output=same,
    )
    return CheckResult((finding,), facts)


def _message(rows: int, inputs: int, different: int) -> str:
    repeats = counted(rows, "row repeats", "rows repeat")
    outputs = "always with the same output"
    if different:
        outputs = f"{different:,} of them with a different output from the first"
    return (
        f"{repeats} an earlier row's input exactly ({counted(inputs, 'input')}), {outputs}: "
        "keep one of each"
    )
