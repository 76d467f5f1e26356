"""From answers to figures."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

import steelyard
from steelyard.core import Answer, Completion, Example, Record
from steelyard.label_sets import label_set
from steelyard.result.arm import Outcomes
from steelyard.score import build_metric
from steelyard.seeds import generator
from steelyard.stats import shaffer
from steelyard.weigh.details import details
from steelyard.weigh.measure import (
    Timing,
    compare_all,
    family_of,
    latency,
    machine_seconds,
    outcomes,
    quality,
    to_records,
    tokens,
)

LABELS = ("A", "B")
EXAMPLES = [Example(f"e{i}", f"text {i}", LABELS[i % 2], slice=f"s{i % 3}") for i in range(12)]


def answers(*outputs: str | None) -> list[Answer]:
    return [
        Answer(
            output,
            Completion(output or "?", "stop", 10, 4, 2, 0.1, 0.8, 4),
            None if output else "names no label",
        )
        for output in outputs
    ]


METRICS = [build_metric("accuracy"), build_metric("macro_f1")]
RIGHT = to_records("right", EXAMPLES, answers(*[e.output for e in EXAMPLES]), METRICS)
MIXED = to_records("mixed", EXAMPLES, answers(*(["A", None, "B"] * 4)), METRICS)


def test_a_failed_answer_scores_zero_and_keeps_its_reason() -> None:
    failed = [record for record in MIXED if record.outcome == "failed"]
    assert len(failed) == 4
    assert all(record.score == 0 and record.reason == "names no label" for record in failed)
    assert outcomes(MIXED) == Outcomes(scored=8, failed=4)


def test_an_answer_that_the_metric_cannot_read_failed_and_keeps_its_output() -> None:
    examples = [Example("a", "x", "4"), Example("b", "x", "4")]
    said = [Answer(text, Completion(text, "stop")) for text in ("about 3-5", "4")]
    unread, read = to_records("arm", examples, said, [build_metric("numeric")])
    assert (unread.outcome, unread.score, unread.answer.output) == ("failed", 0, "about 3-5")
    assert unread.reason == "no number can be read for certain in 'about 3-5'"
    assert (read.outcome, read.score, read.reason) == ("scored", 1, None)


def test_quality_counts_failures_as_wrong() -> None:
    right = sum(record.score for record in MIXED)
    found = quality(METRICS[0], MIXED, EXAMPLES, seed=0)
    assert found.value == right / 12
    assert found.metric == "accuracy" and found.n == 12
    assert found.low is not None and found.high is not None
    assert found.low < right / 12 < found.high
    assert quality(METRICS[1], MIXED, EXAMPLES, 5) == quality(METRICS[1], MIXED, EXAMPLES, 5)


def test_tokens_and_time_are_means() -> None:
    means = {"input_mean": 10.0, "cached_mean": 4.0, "output_mean": 2.0}
    assert tokens(MIXED).to_dict() == means
    assert machine_seconds(MIXED) == pytest.approx(0.2)


def test_what_a_request_cost_does_not_depend_on_how_its_answer_failed() -> None:
    refused = Completion("", "refusal", 30, 0, 6, failure="the model refused")
    torn = Completion("", "error", 20, 0, 64, failure="timed out")
    unserved = Completion("", "error", failure="HTTP 503: busy")
    ends = [Answer(None, each, each.failure) for each in (refused, torn, unserved)]
    records = to_records("mixed", EXAMPLES[:4], [*answers("A"), *ends], METRICS)
    assert tokens(records).input_mean == pytest.approx((10 + 30 + 20) / 3)
    assert tokens(records).output_mean == pytest.approx((2 + 6 + 64) / 3)


def test_nothing_answered_is_no_figure() -> None:
    gone = Answer(None, Completion("", "error", failure="too long"), "too long")
    records = to_records("gone", EXAMPLES, [gone] * 12, METRICS)
    assert tokens(records).input_mean is None and tokens(records).reason
    assert machine_seconds(records) is None
    assert latency([]).p50 is None and latency([]).reason


def test_latency_percentiles() -> None:
    found = latency([Timing(each, each / 2) for each in [0.1] * 19 + [1.0]]).to_dict()
    assert found["p50"] == pytest.approx(0.1)
    assert 0.1 < found["p95"] < 1.0
    assert (found["p95_low"], found["p95_high"]) == (0.1, None)
    assert found["reason"] == "20 requests do not bound the 95th percentile above: it takes 72"
    assert found["first_token"]["p50"] == pytest.approx(0.05)
    assert "first_token" not in latency([Timing(0.1)]).to_dict()


def test_enough_requests_bound_the_latency_on_both_sides() -> None:
    found = latency([Timing(each / 100) for each in range(100, 0, -1)])
    assert (found.p95_low, found.p95_high, found.reason) == (0.9, 1.0, None)


def test_comparisons_are_corrected_together() -> None:
    again = to_records("again", EXAMPLES, [record.answer for record in MIXED], METRICS)
    records = {"right": RIGHT, "mixed": MIXED, "again": again}
    family = family_of(METRICS[0], records, EXAMPLES, seed=0)
    found = compare_all(family, "right")
    assert [comparison.a for comparison in found] == ["mixed", "again"]
    p_values = shaffer([test.p_value for test in family.tests], 3)
    assert [c.p_adjusted for c in found] == p_values[:2], (
        "of three pairs, not of the two that are listed"
    )
    assert compare_all(family, None) == []
    assert compare_all(family_of(METRICS[0], {"right": RIGHT}, EXAMPLES, 0), "right") == []


def test_what_depends_on_each_other_is_decided_in_one_place() -> None:
    """No room that weighs reads a group or a cluster by itself."""
    source = Path(steelyard.__file__).parent
    rooms = [
        path for room in ("weigh", "verdict", "score") for path in (source / room).rglob("*.py")
    ]
    readers = [
        path.name for path in rooms if re.search(r"\.(group|cluster)\b(?!\()", path.read_text())
    ]
    assert readers == []
    asking = [path.name for path in rooms if "clusters=" in path.read_text()]
    assert {"measure.py", "conclude.py", "calibration.py"} <= {*asking}


def _accuracy(rng: np.random.Generator, arm: str, examples: list[Example]) -> list[Record]:
    """An arm that answers an input always alike, right on four of five."""
    right: dict[str, bool] = {}
    for example in examples:
        right.setdefault(example.input, bool(rng.random() < 0.8))
    said = ["A" if right[example.input] else "B" for example in examples]
    return to_records(arm, examples, answers(*said), METRICS[:1])


def test_inputs_that_stand_three_times_hold_the_level() -> None:
    examples = [Example(f"e{i}", f"text {i // 3}", "A", cluster=i // 3) for i in range(501)]
    alone = [replace(example, cluster=None) for example in examples]
    rng, runs, errors = np.random.default_rng(0), 200, {"clustered": 0, "alone": 0}
    for seed in range(runs):
        records = {arm: _accuracy(rng, arm, examples) for arm in ("one", "other")}
        for name, rows in (("clustered", examples), ("alone", alone)):
            [found] = compare_all(family_of(METRICS[0], records, rows, seed), "one")
            errors[name] += found.p_value <= 0.05
    assert errors["clustered"] / runs <= 0.07
    assert errors["alone"] / runs > 0.15


def test_steps_have_their_own_random_numbers() -> None:
    draws = [generator(*key).integers(2**40) for key in ((0, "a"), (0, "b"), (1, "a"), (0, "a"))]
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3
    assert isinstance(generator(-5, "negative seeds too"), np.random.Generator)


def test_details_put_the_disputed_examples_first() -> None:
    found = details(EXAMPLES, {"right": RIGHT, "mixed": MIXED}, LABELS)
    scores = [
        {name: answer.score for name, answer in sample.answers.items()} for sample in found.samples
    ]
    disputed = [pair["right"] != pair["mixed"] for pair in scores]
    assert disputed == sorted(disputed, reverse=True)
    assert found.confusion["right"].counts == ((6, 0), (0, 6))
    assert sum(found.confusion["mixed"].failed) == 4
    assert [row.n for row in found.per_slice["right"]] == [4, 4, 4]
    assert [row.score for row in found.per_label["right"]] == [1.0, 1.0]
    assert len(found.failures["mixed"]) == 4


def test_labels_of_sets_have_their_own_f1() -> None:
    sets = [label_set(labels) for labels in ("AB", "A", "", "B", "AB", "C")]
    said = [label_set(labels) if labels is not None else None for labels in ("A", "A", "B", "B")]
    examples = [Example(f"{n}", f"text {n}", output) for n, output in enumerate(sets)]
    records = to_records("arm", examples, answers(*said, None, "[]"), [build_metric("set_f1")])
    found = details(examples, {"arm": records}, ("A", "B", "C", "D"), kind="labels")
    assert found.confusion == {}
    scores = {row.label: row for row in found.per_label["arm"]}
    pairs = zip(sets, [*said, None, "[]"], strict=True)
    expected = f1_score(*np.array([("A" in one, "A" in (other or "")) for one, other in pairs]).T)
    assert (scores["A"].score, scores["A"].n, scores["A"].missed) == (expected, 3, 1)
    assert (scores["B"].score, scores["B"].n, scores["B"].missed) == (2 / (2 + 3), 3, 3)
    assert (scores["C"].score, scores["C"].n, scores["C"].missed) == (0, 1, 1)
    assert (scores["D"].score, scores["D"].reason) == (None, "no test example")


def test_long_texts_are_cut_in_the_details() -> None:
    long = [Example("e", "x" * 100_000, "A")]
    records = to_records("a", long, answers("A"), METRICS)
    assert len(details(long, {"a": records}, LABELS).samples[0].input) < 3000


def test_samples_begin_with_the_mistakes_of_the_arm_that_is_shown() -> None:
    def record(arm: str, place: int, score: float) -> Record:
        answer = Answer("said", Completion("said", "stop"))
        parts = {"rules": score, "rules/closing": score, "rules/each": score}
        return Record(arm, str(place), "scored", score, "wanted", answer, parts)

    examples = [Example(str(place), f"input {place}", "wanted") for place in range(80)]
    first = [record("first", place, float(place not in (50, 60))) for place in range(80)]
    other = [record("other", place, float(place % 2)) for place in range(80)]
    found = details(examples, {"first": first, "other": other}, (), "first").samples
    assert [sample.example_id for sample in found[:2]] == ["50", "60"]
    assert found[0].answers["first"].missed == ("closing",)
    assert "missed" not in found[5].answers["first"].to_dict()


@pytest.mark.parametrize("metric", ["exact_match", "tests.score.tasks:equal"])
def test_references_are_read_as_answers_are(metric: str) -> None:
    code = "    x = 1\n    return x"
    examples = [
        Example("a", "x", f"{code}\n"),
        Example("b", "y", "Yes.\n"),
        Example("c", "z", code),
    ]
    said = [Answer(text, Completion(text, "stop")) for text in (code, "Yes.", code.lstrip())]
    records = to_records("arm", examples, said, [build_metric(metric)])
    assert [record.score for record in records] == [1, 1, 0]
