"""Labels that are probably wrong: a model that did not see the row finds another more likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.checks.label_set_errors import find_in_sets
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.suspicion.arrays import Floats32
from steelyard.data.suspicion.averaged import averaged
from steelyard.data.suspicion.confident import SuspectLabels, suspects
from steelyard.data.suspicion.labelled import LabelledRows, labelled_rows, why_not
from steelyard.data.suspicion.out_of_fold import deal_folds, log_loss, out_of_fold
from steelyard.data.suspicion.row_features import (
    Features,
    SuspicionSettings,
    effort_for,
    features_of,
)
from steelyard.words import percent

CONFUSIONS = 10


class Predictions(NamedTuple):
    """(n, k) probabilities by models that did not see the row, and the penalty used."""

    probabilities: Floats32
    penalty: float


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """List suspected label errors by confident learning, the most suspect first.

    A linear model on TF-IDF, and on the sentence encoder's vectors where they are at hand, learns
    from some folds and predicts the others; `confident.suspects` estimates how many labels are wrong
    and lists as many. Inputs that differ in case, punctuation and spaces only share a fold, so that
    a copied mistake does not vouch for itself. The evidence has the labels ``given`` and
    ``suggested`` with the probability of each, the facts the rows by suggested label.

    What to expect, on banking77 without the encoder (``benchmarks/label_errors.py``): 98 % or more of
    the labels flipped at random are listed, 91 % of those flipped to a similar label. One listed row in
    three was flipped where 1 % were, two in three at 5 %, more at 20 %. Of the untouched data 2 % are
    listed, including labels that really are wrong. With few rows per label (20 or fewer) more rows are
    listed wrongly; with fewer than about 100 rows in total, fewer than should be.
    """
    if data.kind == "labels":
        return find_in_sets(data, options)
    if data.kind != "label":
        return CheckResult(reason=f"the outputs are {data.kind}, not labels")
    rng = np.random.default_rng(options.seed)
    effort = effort_for(len(data.examples))
    labelled = labelled_rows(data, effort.settings.folds, rng)
    reason = why_not(labelled, effort.settings.folds)
    if reason is not None:
        return CheckResult(
            facts={"judged": 0, "not_judged": dict(labelled.excluded)}, reason=reason
        )
    features, predictions = look(data, labelled, options, rng)
    probabilities = predictions.probabilities
    facts = _measured(labelled, features, effort, predictions)
    if _says_nothing(probabilities, labelled):
        return CheckResult(
            (), facts, "the inputs do not predict the labels, so none can be questioned"
        )
    doubted = suspects(probabilities, labelled.codes)
    facts |= _suspicion(data, labelled, doubted)
    findings = (
        (_finding(data, labelled, doubted, probabilities, facts),) if len(doubted.rows) else ()
    )
    return CheckResult(findings, facts)


def look(
    data: Dataset, labelled: LabelledRows, options: CheckOptions, rng: np.random.Generator
) -> tuple[Features, Predictions]:
    """Return what the judged rows look like and what models that did not see them predict."""
    effort = effort_for(len(data.examples))
    # One thread for each product of matrices: the figures are the same however busy the machine.
    with threadpool_limits(1, user_api="blas"):
        features = features_of(data, labelled.rows, options, effort.dimensions, rng)
        return features, _predictions(features.values, labelled, effort, rng)


def _predictions(
    features: Floats32, labelled: LabelledRows, effort: SuspicionSettings, rng: np.random.Generator
) -> Predictions:
    return Predictions(
        *averaged(
            lambda folds, settings: out_of_fold(features, labelled.codes, folds, settings),
            lambda: deal_folds(labelled.codes, labelled.inputs, effort.settings.folds, rng),
            lambda predictions: log_loss(predictions, labelled.codes),
            effort,
        )
    )


def _measured(
    labelled: LabelledRows, features: Features, effort: SuspicionSettings, predictions: Predictions
) -> dict[str, Any]:
    agrees = predictions.probabilities.argmax(axis=1) == labelled.codes
    return {
        "judged": len(labelled.rows),
        "not_judged": dict(labelled.excluded),
        "method": f"confident learning; multinomial logistic regression on {features.name}, "
        f"{features.values.shape[1]} dimensions",
        "without_encoder": features.without,
        "folds": effort.settings.folds,
        "repeats": effort.repeats,
        "penalty": predictions.penalty,
        "out_of_fold_accuracy": float(agrees.mean()),
        "estimated_errors": None,
        "rate": None,
    }


def _says_nothing(probabilities: Floats32, labelled: LabelledRows) -> bool:
    """Whether the labels' own shares predict them as well as the model does, by log loss."""
    shares = np.bincount(labelled.codes) / len(labelled.codes)
    return log_loss(probabilities, labelled.codes) >= -float((shares * np.log(shares)).sum())


def _suspicion(data: Dataset, labelled: LabelledRows, doubted: SuspectLabels) -> dict[str, Any]:
    labels = [labelled.labels[code] for code in labelled.codes[doubted.rows]]
    suggested = [labelled.labels[code] for code in doubted.suggested]
    rows: dict[str, list[int]] = {}
    for index, label in zip(labelled.rows[doubted.rows], suggested, strict=True):
        rows.setdefault(label, []).append(data.numbers[index])
    pairs = Counter(zip(labels, suggested, strict=True)).most_common(CONFUSIONS)
    return {
        "estimated_errors": round(doubted.estimated),
        "rate": doubted.estimated / len(labelled.rows),
        "confusions": [{"given": a, "suggested": b, "count": many} for (a, b), many in pairs],
        "suggested": rows,
    }


def _finding(
    data: Dataset,
    labelled: LabelledRows,
    doubted: SuspectLabels,
    probabilities: Floats32,
    facts: Mapping[str, Any],
) -> Finding:
    indices = labelled.rows[doubted.rows].tolist()
    rows = doubted.rows[:SHOWN]
    codes, suggested = labelled.codes[rows], doubted.suggested[:SHOWN]
    return Finding.of_rows(
        data,
        indices,
        "label_errors",
        "warning",
        _message(len(indices), facts, labelled),
        given=[labelled.labels[code] for code in codes],
        given_probability=probabilities[rows, codes].astype(float).round(4).tolist(),
        suggested=[labelled.labels[code] for code in suggested],
        suggested_probability=probabilities[rows, suggested].astype(float).round(4).tolist(),
    )


def _message(rows: int, facts: Mapping[str, Any], labelled: LabelledRows) -> str:
    estimated = facts["estimated_errors"]
    message = (
        f"an estimated {estimated:,} of {facts['judged']:,} labels ({percent(facts['rate'])}) "
        f"{'is' if estimated == 1 else 'are'} wrong, according to a model that learns from the other "
        f"rows (it agrees with {percent(facts['out_of_fold_accuracy'])} of the labels); "
        f"{'the most suspect is' if rows == 1 else f'the {rows:,} most suspect are'} listed: a "
        "suspicion, to be reviewed with `steelyard data label`"
    )
    return message + (f"; not judged: {labelled.left_out}" if labelled.excluded else "")
