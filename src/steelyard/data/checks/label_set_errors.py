"""Labels that sets of them probably lack, or have in excess, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.suspicion.arrays import Floats32, Places
from steelyard.data.suspicion.averaged import averaged
from steelyard.data.suspicion.confident import log_odds, suspects
from steelyard.data.suspicion.labelled import FEWEST_ROWS, MOST_CELLS
from steelyard.data.suspicion.out_of_fold import (
    Memberships,
    deal_folds,
    log_loss,
    members_out_of_fold,
)
from steelyard.data.suspicion.row_features import Features, effort_for, features_of
from steelyard.words import counted, listed, percent

LEAST_EXPLAINED = 0.5
"""A label is questioned where its model explains so much of its entropy: rare labels are easily missed."""
LEAST_ODDS = 9.0
"""A row has as many questions as there are labels, so that only firm doubts are listed."""


class _Doubt(NamedTuple):
    """A row whose set probably lacks a label, or has it in excess; both are places."""

    odds: float
    row: int
    label: int


class _Judged(NamedTuple):
    """Indices of the rows, the labels that can be judged, and which row has which."""

    rows: Places
    labels: tuple[str, ...]
    members: Memberships


def find_in_sets(data: Dataset, options: CheckOptions) -> CheckResult:
    """List rows whose set of labels is probably wrong, the most suspect first.

    As `label_errors.find`, with one question a label (binary relevance): confident learning over rows
    with and without it, by models that did not see the row. A label is judged where it has, and lacks,
    enough different inputs. The evidence says which label a row lacks or has in excess.
    """
    rng = np.random.default_rng(options.seed)
    effort = effort_for(len(data.examples))
    judged = _judged(data, effort.settings.folds, rng)
    if not judged.labels or len(judged.rows) < FEWEST_ROWS:
        reason = (
            f"{counted(len(judged.rows), 'row')} and {counted(len(judged.labels), 'label')} to learn "
            f"from; at least {FEWEST_ROWS} rows are needed, and {effort.settings.folds} different "
            "inputs with and without a label"
        )
        return CheckResult(facts={"judged": 0}, reason=reason)
    with threadpool_limits(1, user_api="blas"):
        features = features_of(data, judged.rows, options, effort.dimensions, rng)
        probabilities = _probabilities(data, judged, features, rng)
    by_label = _doubts(probabilities, judged)
    doubts = [doubt for of_label in by_label.values() for doubt in of_label]
    facts = {
        "judged": len(judged.rows),
        "labels": list(judged.labels),
        "method": f"confident learning for each label; logistic regression on {features.name}",
        "without_encoder": features.without,
        "doubted": len(doubts),
        "by_label": {label: len(of_label) for label, of_label in by_label.items()},
        "not_questioned": [label for label in judged.labels if label not in by_label],
    }
    findings = (_finding(data, judged, doubts, probabilities, facts),) if doubts else ()
    unclear = "the inputs do not predict the labels, so none can be questioned"
    return CheckResult(findings, facts, None if by_label else unclear)


def _judged(data: Dataset, folds: int, rng: np.random.Generator) -> _Judged:
    answered = [i for i, one in enumerate(data.examples) if one.output and data.texts[i]]
    rows = np.array(answered, dtype=np.intp)
    most = MOST_CELLS // max(1, len(data.labels))
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    inputs: dict[str, set[str]] = {label: set() for label in data.labels}
    for index in rows:
        for label in data.label_sets[index]:
            inputs.setdefault(label, set()).add(data.normalised_keys[index])
    different = len({data.normalised_keys[index] for index in rows})
    names = [label for label, keys in inputs.items() if folds <= len(keys) <= different - folds]
    place = {label: at for at, label in enumerate(names)}
    members = np.zeros((len(rows), len(names)), dtype=bool)
    for at, index in enumerate(rows):
        members[at, [place[label] for label in data.label_sets[index] if label in place]] = True
    return _Judged(rows, tuple(names), members)


def _probabilities(
    data: Dataset, judged: _Judged, features: Features, rng: np.random.Generator
) -> Floats32:
    """(n, k) how probable it is that a row has a label, by models that did not see it."""
    effort = effort_for(len(data.examples))
    inputs = _codes([data.normalised_keys[index] for index in judged.rows])
    sets = _codes([data.examples[index].output for index in judged.rows])

    return averaged(
        lambda folds, settings: members_out_of_fold(
            features.values, judged.members, folds, settings
        ),
        lambda: deal_folds(sets, inputs, effort.settings.folds, rng),
        lambda probabilities: _surprise(probabilities, judged.members),
        effort,
    )[0]


def _surprise(probabilities: Floats32, members: Memberships) -> float:
    stated = np.where(members, probabilities, 1 - probabilities)
    return -float(np.log(np.maximum(stated, 1e-30)).mean(dtype=np.float64))


def _codes(values: Sequence[str]) -> Places:
    places: dict[str, int] = {}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.intp)


def _doubts(probabilities: Floats32, judged: _Judged) -> dict[str, list[_Doubt]]:
    """The doubts about each label; a label that the inputs hardly predict is not questioned."""
    doubts: dict[str, list[_Doubt]] = {}
    for at, label in enumerate(judged.labels):
        codes = judged.members[:, at].astype(np.intp)
        both = np.column_stack([1 - probabilities[:, at], probabilities[:, at]])
        if _explained(both, codes) >= LEAST_EXPLAINED:
            odds, _ = log_odds(both, codes)
            rows = suspects(both, codes, LEAST_ODDS).rows
            doubts[label] = [_Doubt(float(odds[row]), int(row), at) for row in rows]
    return doubts


def _explained(probabilities: Any, codes: Places) -> float:
    """The part of a label's entropy that its model explains: below 0 where its share says more."""
    shares = np.bincount(codes, minlength=2) / len(codes)
    return 1 + log_loss(probabilities, codes) / float((shares * np.log(shares)).sum())


def _finding(
    data: Dataset,
    judged: _Judged,
    doubts: Sequence[_Doubt],
    probabilities: Floats32,
    facts: dict[str, Any],
) -> Finding:
    ordered = sorted(doubts, key=lambda one: (-one.odds, one.row, one.label))
    of_row: dict[int, _Doubt] = {}
    for doubt in ordered:
        of_row.setdefault(doubt.row, doubt)
    first = list(of_row.values())
    notes = []
    for doubt in first[:SHOWN]:
        label, share = judged.labels[doubt.label], probabilities[doubt.row, doubt.label]
        has = judged.members[doubt.row, doubt.label]
        notes.append(
            f"{'probably not' if has else 'probably lacks'} {label} ({percent(float(share))} likely)"
        )
    worst = sorted(facts["by_label"].items(), key=lambda item: (-item[1], item[0]))
    named = listed([f"{label} {count:,}" for label, count in worst if count])
    return Finding.of_rows(
        data,
        judged.rows[[doubt.row for doubt in first]].tolist(),
        "label_errors",
        "warning",
        f"{counted(len(doubts), 'label seems', 'labels seem')} missing or in excess ({named}) in "
        f"{counted(len(first), 'row')}, according to models that learn each label from the other rows: a "
        "suspicion, to be reviewed in the file",
        problem=notes,
    )
