"""Which rows' labels can be judged by a model that learnt from the other rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.data.dataset import Dataset
from steelyard.words import counted

FEWEST_ROWS = 50
"""Below this, a model knows too little of any label to doubt one."""
MOST_CELLS = 20_000_000
"""Rows times labels: with more, a random sample of the rows is judged."""

Ints = NDArray[np.intp]


class Judged(NamedTuple):
    """Indices of the rows, ascending, and codes from 0 of their labels and of their inputs.

    Inputs that differ in case, punctuation and spaces only have one code. ``labels`` are in the
    order of their codes; ``left`` counts the other rows by the reason.
    """

    rows: Ints
    codes: Ints
    inputs: Ints
    labels: tuple[str, ...]
    left: Mapping[str, int]

    @property
    def left_out(self) -> str:
        """The rows left out in words: ``3 rows without an output, 1 row …``."""
        return ", ".join(f"{counted(many, 'row')} {why}" for why, many in self.left.items())


def judged_rows(
    data: Dataset, folds: int, rng: np.random.Generator, most_cells: int = MOST_CELLS
) -> Judged:
    """Leave out rows without output or text, thin labels and, where there are too many, some rows.

    A label is thin with fewer different inputs than ``folds``: some model would learn it from
    hardly any.
    """
    outputs = [example.output for example in data.examples]
    answered = [index for index, output in enumerate(outputs) if output]
    asked = np.array([index for index in answered if data.texts[index]], dtype=np.intp)
    kept = _well_known(data, asked, folds)
    chosen, labels = kept, len({outputs[index] for index in kept})
    if len(kept) * labels > most_cells:
        sample = np.sort(rng.choice(kept, most_cells // labels, replace=False))
        chosen = _well_known(data, sample, folds)
    left = {
        "without an output": len(outputs) - len(answered),
        "without an input": len(answered) - len(asked),
        f"with a label of fewer than {folds} different inputs": len(asked) - len(kept),
        "outside a random sample": len(kept) - len(chosen),
    }
    names = tuple(sorted({outputs[index] for index in chosen}))
    return Judged(
        chosen,
        _codes([outputs[index] for index in chosen], names),
        _codes([data.normalised_keys[index] for index in chosen]),
        names,
        {why: count for why, count in left.items() if count},
    )


def why_not(judged: Judged, folds: int) -> str | None:
    """Why the rows cannot be judged at all, if so."""
    if len(judged.labels) >= 2 and len(judged.rows) >= FEWEST_ROWS:
        return None
    left_out = f"; left out: {judged.left_out}" if judged.left else ""
    if len(judged.labels) < 2:
        return f"a label is doubted only for another: two need {folds} inputs each{left_out}"
    return f"{counted(len(judged.rows), 'row')} of at least {FEWEST_ROWS} to learn from{left_out}"


def _well_known(data: Dataset, rows: Ints, folds: int) -> Ints:
    """Those of ``rows`` whose label has an input for each fold."""
    outputs = [data.examples[index].output for index in rows]
    keys = (data.normalised_keys[index] for index in rows)
    inputs = Counter(label for label, _ in set(zip(outputs, keys, strict=True)))
    known: Ints = rows[np.array([inputs[label] >= folds for label in outputs], dtype=bool)]
    return known


def _codes(values: list[str], names: tuple[str, ...] = ()) -> Ints:
    """Places in ``names``; other values are numbered as they turn up."""
    places = {name: code for code, name in enumerate(names)}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.intp)
