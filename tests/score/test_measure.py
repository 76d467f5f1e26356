from __future__ import annotations

import numpy as np
import pytest

from steelyard.core import Answer, Completion, Record
from steelyard.errors import DataError
from steelyard.score import build_metric, compare_records, quality


def _records(arm: str, outputs: str, references: str) -> list[Record]:
    """One record per character; ``-`` is a failed answer."""
    records = []
    for index, (said, wanted) in enumerate(zip(outputs, references, strict=True)):
        failed = said == "-"
        answer = Answer(
            None if failed else said, Completion(said, "stop"), "not a label" if failed else None
        )
        outcome = "failed" if failed else "scored"
        records.append(Record(arm, str(index), outcome, float(said == wanted), wanted, answer))
    return records


RNG_SEED = 3
REFERENCES = "aabbaabbab" * 6
GOOD = _records("good", REFERENCES[:-4] + "--xx", REFERENCES)
POOR = _records("poor", "a" * 60, REFERENCES)


def _rng() -> np.random.Generator:
    return np.random.default_rng(RNG_SEED)


def test_failed_answers_count_as_wrong():
    found = quality(build_metric("accuracy"), GOOD, _rng())
    assert (found.value, found.n, found.method) == (56 / 60, 60, "Wilson")


def test_macro_f1_has_an_interval_and_the_aggregate_value():
    metric = build_metric("macro_f1")
    found = quality(metric, POOR, _rng())
    assert found.value == pytest.approx(1 / 3)
    assert found.low < 1 / 3 < found.high


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "token_f1"])
def test_comparisons_are_paired_and_oriented(name):
    metric = build_metric(name)
    found = compare_records(metric, GOOD, POOR, _rng())
    expected = quality(metric, GOOD, _rng()).value - quality(metric, POOR, _rng()).value
    assert (found.a, found.b, found.metric) == ("good", "poor", name)
    assert found.difference == pytest.approx(expected)
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.001


def test_records_of_other_examples_are_refused():
    with pytest.raises(ValueError, match="same examples"):
        compare_records(build_metric("accuracy"), GOOD, POOR[1:], _rng())
    with pytest.raises(DataError, match="empty"):
        compare_records(build_metric("accuracy"), [], [], _rng())
    assert quality(build_metric("macro_f1"), [], _rng()).reason == "no items"
