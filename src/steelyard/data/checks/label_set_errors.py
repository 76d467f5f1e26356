"""Labels that sets of them probably lack, or have in excess, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.suspicion.arrays import Floats32, Places
from steelyard.data.suspicion.confident import log_odds, suspects
from steelyard.data.suspicion.labelled import FEWEST_ROWS, MOST_CELLS
from steelyard.data.suspicion.out_of_fold import (
    Memberships,
    deal_folds,
    log_loss,
    members_out_of_fold,
)
from steelyard.data.suspicion.row_features import PENALTIES, Features, effort_for, features_of
from steelyard.words import counted, listed, percent


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
    doubts, estimated = _doubts(probabilities, judged.members)
    facts = {
        "judged": len(judged.rows),
        "labels": list(judged.labels),
        "method": f"confident learning for each label; logistic regression on {features.name}",
        "without_encoder": features.without,
        "estimated_errors": round(sum(estimated)),
        "rate": sum(estimated) / probabilities.size,
        "by_label": {
            label: round(errors) for label, errors in zip(judged.labels, estimated, strict=True)
        },
    }
    findings = (_finding(data, judged, doubts, probabilities, facts),) if doubts else ()
    return CheckResult(findings, facts)


def _judged(data: Dataset, folds: int, rng: np.random.Generator) -> _Judged:
    answered = [i for i, one in enumerate(data.examples) if one.output and data.texts[i]]
    rows = np.array(answered, dtype=np.intp)
    most = MOST_CELLS // max(1, len(data.labels))
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    sets = [set(data.label_sets[index]) for index in rows]
    keys = [data.normalised_keys[index] for index in rows]
    names = []
    for label in data.labels:
        inputs = {key for key, one in zip(keys, sets, strict=True) if label in one}
        others = {key for key, one in zip(keys, sets, strict=True) if label not in one}
        if min(len(inputs), len(others)) >= folds:
            names.append(label)
    members = np.array([[label in one for label in names] for one in sets], dtype=bool)
    return _Judged(rows, tuple(names), members)


def _probabilities(
    data: Dataset, judged: _Judged, features: Features, rng: np.random.Generator
) -> Floats32:
    """(n, k) how probable it is that a row has a label, by models that did not see it."""
    effort = effort_for(len(data.examples))
    inputs = _codes([data.normalised_keys[index] for index in judged.rows])
    sets = _codes([data.examples[index].output for index in judged.rows])

    def predict(penalty: float) -> Floats32:
        settings = replace(effort.settings, penalty=penalty)
        return members_out_of_fold(features.values, judged.members, fold_of, settings)

    fold_of = deal_folds(sets, inputs, effort.settings.folds, rng)
    best, total = PENALTIES[0], predict(PENALTIES[0])
    for penalty in PENALTIES[1:]:
        tried = predict(penalty)
        if _surprise(tried, judged.members) >= _surprise(total, judged.members):
            break
        best, total = penalty, tried
    for _ in range(effort.repeats - 1):
        fold_of = deal_folds(sets, inputs, effort.settings.folds, rng)
        total += predict(best)
    return total / np.float32(effort.repeats)


def _surprise(probabilities: Floats32, members: Memberships) -> float:
    stated = np.where(members, probabilities, 1 - probabilities)
    return -float(np.log(np.maximum(stated, 1e-30)).mean(dtype=np.float64))


def _codes(values: Sequence[str]) -> Places:
    places: dict[str, int] = {}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.intp)


def _doubts(probabilities: Floats32, members: Memberships) -> tuple[list[_Doubt], list[float]]:
    """The doubts of all labels, the most serious first, and how many errors each label has."""
    doubts, estimated = [], []
    for label in range(members.shape[1]):
        codes = members[:, label].astype(np.intp)
        both = np.column_stack([1 - probabilities[:, label], probabilities[:, label]])
        if _says_nothing(both, codes):
            estimated.append(0.0)
            continue
        suspected = suspects(both, codes)
        odds, _ = log_odds(both, codes)
        doubts += [_Doubt(float(odds[row]), int(row), label) for row in suspected.rows]
        estimated.append(suspected.estimated)
    return sorted(doubts, key=lambda one: (-one.odds, one.row, one.label)), estimated


def _says_nothing(probabilities: Any, codes: Places) -> bool:
    """Whether the label's own share predicts it as well as the model does, by log loss."""
    shares = np.bincount(codes, minlength=2) / len(codes)
    return log_loss(probabilities, codes) >= -float((shares * np.log(shares)).sum())


def _finding(
    data: Dataset,
    judged: _Judged,
    doubts: Sequence[_Doubt],
    probabilities: Floats32,
    facts: dict[str, Any],
) -> Finding:
    of_row = {doubt.row: doubt for doubt in reversed(doubts)}
    first = sorted(of_row.values(), key=lambda one: (-one.odds, one.row))
    notes = []
    for doubt in first[:SHOWN]:
        label, share = judged.labels[doubt.label], probabilities[doubt.row, doubt.label]
        has = judged.members[doubt.row, doubt.label]
        notes.append(
            f"{'probably not' if has else 'probably lacks'} {label} ({percent(float(share))} likely)"
        )
    worst = sorted(facts["by_label"].items(), key=lambda item: (-item[1], item[0]))
    named = listed([f"{label} {errors:,}" for label, errors in worst if errors])
    errors = facts["estimated_errors"]
    where = f" ({named})" if named else ""
    return Finding.of_rows(
        data,
        judged.rows[[doubt.row for doubt in first]].tolist(),
        "label_errors",
        "warning",
        f"an estimated {counted(errors, 'label is', 'labels are')} missing or in excess{where}, "
        f"according to models that learn each label from the other rows; "
        f"{counted(len(first), 'suspect row is', 'suspect rows are')} listed: a suspicion, to be "
        "reviewed in the file",
        problem=notes,
    )
