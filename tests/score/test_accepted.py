"""Other accepted answers: the best of them scores, where a metric scores answers one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core import Answer, Completion, Example
from steelyard.score import build_metric
from steelyard.score.judge import Judge
from steelyard.weigh.measure import to_records

EXAMPLE = Example("1", "Capital of France?", "Paris", accepted=("City of Paris", "Paname"))


def answered(*outputs: str | None) -> list[Answer]:
    return [Answer(output, Completion(output or "", "stop")) for output in outputs]


@pytest.mark.parametrize(
    ("metric", "output", "score"),
    [
        ("exact_match", "paname", 1.0),
        ("exact_match", "Paris", 1.0),
        ("exact_match", "Lyon", 0.0),
        ("normalised_match", "city of paris!", 1.0),
        ("token_f1", "city of Paris", 1.0),
        ("token_f1", "city of Lyon", 2 / 3),
        ("rouge_l", "Paname", 1.0),
    ],
)
def test_the_best_of_them_scores(metric: str, output: str, score: float) -> None:
    scorer = build_metric(metric)
    (grade,) = scorer.best_grades([EXAMPLE], [output])
    assert grade.score == pytest.approx(score)
    assert scorer.over([EXAMPLE], answered(output)) == pytest.approx(score)
    (record,) = to_records("arm", [EXAMPLE], answered(output), [scorer])
    assert record.score == pytest.approx(score)
    assert record.reference == "Paris"


def test_each_kind_of_output_has_them() -> None:
    label = Example("1", "a", "A", accepted=("B",))
    assert build_metric("accuracy").best_grades([label] * 3, ["A", "B", "C"])[1].score == 1
    sets = Example("1", "a", '["A", "B"]', accepted=('["C"]',))
    scores = [one.score for one in build_metric("set_f1").best_grades([sets] * 2, ['["C"]', "[]"])]
    assert scores == [1, 0]
    document = Example("1", "a", '{"city": "Paris", "n": 1}', accepted=('{"city": "Paname"}',))
    (grade,) = build_metric("field_f1").best_grades([document], ['{"city": "Paname"}'])
    assert (grade.score, grade.parts) == (1, {"city": 1})


def test_a_failed_answer_scores_nothing_and_others_keep_their_places() -> None:
    plain = replace(EXAMPLE, accepted=())
    grades = build_metric("exact_match").best_grades(
        [EXAMPLE, plain, EXAMPLE], [None, "Paname", "Paname"]
    )
    assert [grade.score for grade in grades] == [0, 0, 1]


def test_corpus_metrics_and_judges_use_the_reference_alone() -> None:
    example = Example("1", "a", "A", accepted=("B",))
    metric = build_metric("macro_f1")
    assert metric.best_grades([example], ["B"])[0].score == 0
    assert metric.over([example], answered("B")) == 0
    assert not Judge.reads_accepted
