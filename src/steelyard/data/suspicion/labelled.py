"""Which rows' labels can be judged by a model that learnt from the other rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from steelyard.data.dataset import Dataset
from steelyard.data.suspicion.arrays import Places
from steelyard.words import counted

FEWEST_ROWS = 50
"""Below this, a model knows too little of any label to question one."""
MOST_CELLS = 20_000_000
"""Rows times labels: with more, a random sample of the rows is judged."""


class LabelledRows(NamedTuple):
    """Indices of the rows, ascending, and codes from 0 of their labels and of their inputs.

    Inputs that differ in case, punctuation and spaces only have one code. ``labels`` are in the
    order of their codes; ``excluded`` counts the other rows by the reason.
    """

    rows: Places
    codes: Places
    inputs: Places
    labels: tuple[str, ...]
    excluded: Mapping[str, int]

    @property
    def left_out(self) -> str:
        """The rows left out in words: ``3 rows without an output, 1 row …``."""
        return ", ".join(f"{counted(many, 'row')} {why}" for why, many in self.excluded.items())


def labelled_rows(
    data: Dataset, folds: int, rng: np.random.Generator, most_cells: int = MOST_CELLS
) -> LabelledRows:
    """Leave out rows without output or text, thin labels and, where there are too many, some rows.

    A label is thin with fewer different inputs than ``folds``: some model would learn it from
    hardly any.
    """
    outputs = [example.output for example in data.examples]
    answered = [index for index, output in enumerate(outputs) if output]
    with_input = np.array([index for index in answered if data.texts[index]], dtype=np.intp)
    well_known = _well_known(data, with_input, folds)
    sample, labels = well_known, len({outputs[index] for index in well_known})
    if len(well_known) * labels > most_cells:
        sample = np.sort(rng.choice(well_known, most_cells // labels, replace=False))
        sample = _well_known(data, sample, folds)
    excluded = {
        "without an output": len(outputs) - len(answered),
        "without an input": len(answered) - len(with_input),
        f"with a label of fewer than {folds} different inputs": len(with_input) - len(well_known),
        "outside a random sample": len(well_known) - len(sample),
    }
    names = tuple(sorted({outputs[index] for index in sample}))
    return LabelledRows(
        sample,
        _codes([outputs[index] for index in sample], names),
        _codes([data.normalised_keys[index] for index in sample]),
        names,
        {why: count for why, count in excluded.items() if count},
    )


def why_not(labelled: LabelledRows, folds: int) -> str | None:
    """Why the rows cannot be judged at all, if so."""
    if len(labelled.labels) >= 2 and len(labelled.rows) >= FEWEST_ROWS:
        return None
    left_out = f"; left out: {labelled.left_out}" if labelled.excluded else ""
    if len(labelled.labels) < 2:
        return f"fewer than two labels have {folds} different inputs to learn from{left_out}"
    return f"{counted(len(labelled.rows), 'row')} to learn from; at least {FEWEST_ROWS} are needed{left_out}"


def _well_known(data: Dataset, rows: Places, folds: int) -> Places:
    """Those of ``rows`` whose label has an input for each fold."""
    outputs = [data.examples[index].output for index in rows]
    keys = (data.normalised_keys[index] for index in rows)
    inputs = Counter(label for label, _ in set(zip(outputs, keys, strict=True)))
    enough: Places = rows[np.array([inputs[label] >= folds for label in outputs], dtype=bool)]
    return enough


def _codes(values: list[str], names: tuple[str, ...] = ()) -> Places:
    """Places in ``names``; other values are numbered as they turn up."""
    places = {name: code for code, name in enumerate(names)}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.intp)
